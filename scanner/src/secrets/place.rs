//! What the surroundings say: whether a word is tied to a value, whether a value stands alone, what a path means.

use std::ops::Range;

use crate::finding::Confidence;

/// How a context word and a secret belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tie {
    /// The word is part of the name that the secret is assigned to.
    Assigned,
    /// A word such as `key` or `token` stands between them.
    Named,
}

impl Tie {
    pub(crate) fn reason(self) -> String {
        match self {
            Self::Assigned => "assigned to a name that names the provider".to_owned(),
            Self::Named => "the provider and a word for a credential stand just before it".to_owned(),
        }
    }
}

const CREDENTIAL_WORDS: &[&str] = &[
    "key",
    "token",
    "secret",
    "pass",
    "pwd",
    "auth",
    "cred",
    "bearer",
    "pat",
    "sid",
    "dsn",
    "signature",
    "client",
    "webhook",
];
const HASH_WORDS: &[&str] = &[
    "sha",
    "md5",
    "hash",
    "checksum",
    "digest",
    "commit",
    "revision",
    "integrity",
    "etag",
    "uuid",
    "guid",
    "public",
    "fingerprint",
    "image",
    "xsrf",
    "csrf",
    "projectkey",
    "project_key",
];

/// Looks at what stands between word and secret.
pub(crate) fn tie(bytes: &[u8], word: Range<usize>, secret: &Range<usize>) -> Option<Tie> {
    // `sqlalchemy` does not name Alchemy
    if word.start > 0 {
        let (before, first) = (bytes[word.start - 1], bytes[word.start]);
        if before.is_ascii_lowercase() && first.is_ascii_lowercase()
            || before.is_ascii_uppercase() && first.is_ascii_uppercase()
        {
            return None;
        }
    }
    let between = &bytes[word.end..secret.start];
    if between.iter().filter(|byte| **byte == b'\n').count() > 2 {
        return None;
    }
    let lower = between.to_ascii_lowercase();
    let has = |word: &&str| memchr::memmem::find(&lower, word.as_bytes()).is_some();
    if HASH_WORDS.iter().any(has) {
        return None;
    }
    let name =
        between.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')).count();
    let rest = &between[name..];
    let joint = rest.len() <= 12
        && rest.iter().all(|byte| b" \t\"'`=:>(,[]{}@|?".contains(byte))
        && rest.iter().any(|byte| b"=:,(>".contains(byte));
    let before = bytes[word.start.saturating_sub(24)..word.start].to_ascii_lowercase();
    let named = CREDENTIAL_WORDS.iter().any(has)
        || CREDENTIAL_WORDS.iter().any(|word| {
            memchr::memmem::rfind(&before, word.as_bytes())
                .is_some_and(|at| before[at..].iter().all(|byte| !b"\n =:".contains(byte)))
        });
    // `heroku_app_id = …` names what the value is, and it is no credential
    let harmless = [&b"id"[..], b"url", b"uri", b"host", b"name", b"region", b"version"];
    if !named && harmless.iter().any(|end| lower[..name].ends_with(end)) {
        return None;
    }
    match (joint, named) {
        (true, true) => Some(Tie::Assigned),
        (true, false) | (false, true) => Some(Tie::Named),
        (false, false) => None,
    }
}

/// The bytes beside a match do not continue it. A letter behind a backslash is an escape (`\n`), not a part of the word.
pub(crate) fn stands_alone(bytes: &[u8], range: &Range<usize>) -> bool {
    let word = |byte: &u8| byte.is_ascii_alphanumeric();
    let escape = range.start >= 2 && bytes[range.start - 2] == b'\\' && b"nrtbf".contains(&bytes[range.start - 1]);
    let before = range.start == 0 || escape || !word(&bytes[range.start - 1]) || !word(&bytes[range.start]);
    let after = bytes.get(range.end).is_none_or(|byte| !word(byte)) || !word(&bytes[range.end - 1]);
    before && after
}

/// In the middle of a long run of base64: a certificate, an image, a bundle. What looks like a token there does so by chance.
pub(crate) fn in_long_run(bytes: &[u8], range: &Range<usize>) -> bool {
    let blob = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'+' | b'/');
    let before = bytes[range.start.saturating_sub(80)..range.start].iter().rev().take_while(blob).count();
    let after = bytes[range.end..bytes.len().min(range.end + 80)].iter().take_while(blob).count();
    // on a line of its own there is nothing beside it: what stands alone between such lines may be one of a list
    if before + after == 0 || before + after > 60 {
        return before + after > 60;
    }
    // the run may be wrapped: lines go on above and below; a style sheet ends each with a backslash
    let wrapped = |byte: &&u8| blob(byte) || b"\\\r\n".contains(*byte);
    let before = bytes[range.start.saturating_sub(80)..range.start].iter().rev().take_while(wrapped).filter(blob);
    let after = bytes[range.end..bytes.len().min(range.end + 80)].iter().take_while(wrapped).filter(blob);
    before.count() + after.count() > 60
}

/// `F+YC…`: what begins behind a plus sign and a letter begins in the middle of base64.
pub(crate) fn in_base64(bytes: &[u8], start: usize) -> bool {
    matches!(bytes[..start], [.., before, b'+'] if before.is_ascii_alphanumeric())
}

/// `sk_live_Ab…`, `ghp_abc...`: a text that shows only the beginning.
pub(crate) fn is_cut(bytes: &[u8], end: usize) -> bool {
    bytes[end..].starts_with(b"...") || bytes[end..].starts_with("…".as_bytes())
}

/// `${{ steps.…`: a part of what is filled in elsewhere.
pub(crate) fn in_hole(bytes: &[u8], start: usize) -> bool {
    let before = &bytes[start.saturating_sub(64)..start];
    let name = before.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte)).count();
    let before = before[..before.len() - name].trim_ascii_end();
    [&b"{{"[..], b"${", b"$("].iter().any(|open| before.ends_with(open))
}

/// `sha512-…`: subresource integrity, a hash.
pub(crate) fn is_integrity(bytes: &[u8], start: usize) -> bool {
    let before = &bytes[start.saturating_sub(7)..start];
    [&b"sha1-"[..], b"sha256-", b"sha384-", b"sha512-"].iter().any(|hash| before.ends_with(hash))
}

const LESSER_FOLDERS: &[&str] = &[
    "test",
    "tests",
    "testing",
    "testdata",
    "fixtures",
    "fixture",
    "__tests__",
    "__fixtures__",
    "__mocks__",
    "__snapshots__",
    "spec",
    "specs",
    "mocks",
    "mock",
    "cassettes",
    "fakes",
    "stubs",
    "e2e",
    "molecule",
    "benchmark",
    "benchmarks",
];
const SAMPLE_FOLDERS: &[&str] = &[
    "doc",
    "docs",
    "documentation",
    "example",
    "examples",
    "sample",
    "samples",
    "demo",
    "demos",
    "node_modules",
    ".pnpm-store",
    ".yarn",
    ".npm",
    "vendor",
    "vendored",
    "_vendor",
    "third_party",
    "thirdparty",
    "bower_components",
    "site-packages",
    "tutorial",
    "tutorials",
    ".doctrees",
];

/// A compiled program: between its strings stands what looks like anything.
pub(crate) fn is_compiled(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    [".so", ".dll", ".dylib", ".pyd", ".exe", ".o", ".a"].iter().any(|kind| name.ends_with(kind))
        || name.contains(".so.")
}

/// Tests and documentation hold invented credentials more often than others do: such a path lowers, and never hides.
pub(crate) fn lesser_path(path: &str) -> Option<&'static str> {
    let lower = path.to_ascii_lowercase();
    let (folders, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let in_folder = |names: &[&str]| {
        folders
            .split('/')
            .any(|folder| names.contains(&folder) || names.contains(&folder.trim_start_matches(['.', '_'])))
    };
    let folder_ends = |ends: &[&str]| folders.split('/').any(|folder| ends.iter().any(|end| folder.ends_with(end)));
    let test_folder = |folder: &str| {
        ["_test", "-test", "_tests", "-tests"].iter().any(|end| folder.ends_with(end)) || begins_a_test(folder)
            // `functionaltests`, `st2tests`
            || folder.len() > 6 && folder.ends_with("tests") && !NO_TESTS.contains(&folder)
    };
    if in_folder(LESSER_FOLDERS)
        // where Perl keeps them, and who came from there
        || folders.split('/').next() == Some("t")
        || folders.split('/').any(test_folder)
        || begins_a_test(name)
        || ["_test.", ".test.", ".spec.", "_tests.", "_test_"].iter().any(|mark| name.contains(mark))
        || is_test_class(path.rsplit('/').next().unwrap_or(path))
        || name == "conftest.py"
    {
        return Some("stands in a test");
    }
    if ["dummy", "insecure", "snakeoil", "snake-oil", "fake", "mock"].iter().any(|word| name.contains(word)) {
        return Some("stands in a file that calls it an invented one");
    }
    if [".yar", ".yara", ".rules"].iter().any(|kind| name.ends_with(kind)) {
        return Some("stands in rules about what others wrote");
    }
    let of_name = |words: &[&str]| name.split(|sign: char| !sign.is_alphanumeric()).any(|word| words.contains(&word));
    let sample = of_name(&["example", "examples", "sample", "samples"])
        || name.contains(".dist")
        || name.contains(".template")
        || name.starts_with("example")
        || [".md", ".rst", ".adoc", ".mdx", ".markdown", ".mkd", ".textile", ".pod"]
            .iter()
            .any(|kind| name.ends_with(kind));
    // what describes an interface, an index of documentation, a manual page
    let sample = sample
        || [".html", ".js", ".json", ".yaml", ".yml"].iter().any(|kind| name.ends_with(kind))
            && ["openapi", "swagger", "searchindex", "search_index"].iter().any(|head| name.starts_with(head))
        || is_manual(name)
        || name.ends_with(".html") && folders.split('/').any(is_edition);
    // what a package says of itself, installed
    let sample = sample || name == "pkg-info" || name == "metadata" && folder_ends(&[".dist-info"]);
    (in_folder(SAMPLE_FOLDERS) || folder_ends(&["_docs", "-docs"]) || sample)
        .then_some("stands in documentation, an example or a vendored copy")
}

/// Folders that end like those of tests.
const NO_TESTS: &[&str] = &["contests", "protests", "attests"];

/// `test_data`, `tests-unit`, `test.py`, `testfiles`.
fn begins_a_test(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("test") else { return false };
    let rest = rest.strip_prefix('s').unwrap_or(rest);
    ["_", "-", ".", "data", "files", "cases", "suite", "resources", "server", "project", "app"]
        .iter()
        .any(|next| rest.starts_with(next))
}

/// `LoginTest.java`, `LoginTests.cs`, `TestLogin.kt`: how languages with classes call the file of a test.
fn is_test_class(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name);
    let ends = ["Test", "Tests", "TestCase", "IT"]
        .iter()
        .any(|end| stem.strip_suffix(end).is_some_and(|rest| rest.ends_with(|last: char| last.is_ascii_lowercase())));
    let begins = stem.strip_prefix("Test").is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_uppercase()));
    name.contains('.') && (ends || begins)
}

/// `2021.3`, `v2.0`, `latest`: whose documentation a page is.
fn is_edition(folder: &str) -> bool {
    let version = folder.strip_prefix('v').unwrap_or(folder);
    matches!(folder, "latest" | "stable")
        || version.contains('.') && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// `git-log.1`: a manual page. `app.log.1` is none.
fn is_manual(name: &str) -> bool {
    let Some((stem, section)) = name.rsplit_once('.') else { return false };
    matches!(section.as_bytes(), [b'1'..=b'8'])
        && !stem.contains('.')
        && stem.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Whether a reason of `lesser_path` is that of documentation.
pub(crate) fn is_documentation(path: &str) -> bool {
    lesser_path(path).is_some_and(|reason| reason.starts_with("stands in documentation"))
}

/// Whether it is that of a test.
pub(crate) fn is_test(path: &str) -> bool {
    lesser_path(path) == Some("stands in a test")
}

/// How far before a name an example is looked for.
const EXAMPLE_REACH: usize = 280;

/// Lines that show a session or begin an example stand shortly before: `>>> `, `For example, …`, `.. code-block::`, `Example::`.
pub(crate) fn is_shown(bytes: &[u8], at: usize) -> bool {
    let from = at.saturating_sub(EXAMPLE_REACH);
    let mut lines = bytes[from..at].split(|byte| *byte == b'\n');
    // the first line is cut off
    if from > 0 {
        lines.next();
    }
    lines.any(|line| {
        let line = line.trim_ascii();
        let line = line.strip_prefix(b"#").or_else(|| line.strip_prefix(b"*")).unwrap_or(line).trim_ascii_start();
        let head = line[..line.len().min(16)].to_ascii_lowercase();
        let begins = |words: &[u8]| {
            head.strip_prefix(words).is_some_and(|rest| matches!(rest.first(), None | Some(b':' | b' ' | b',')))
        };
        let example = [&b"example"[..], b"examples", b"example usage", b"for example", b"e.g.", b"usage", b"sample"]
            .iter()
            .any(|words| begins(words));
        line.starts_with(b">>> ")
            || line.ends_with(b"::") && line.contains(&b' ')
            || head.starts_with(b".. code")
            || example && !line.contains(&b'=')
    })
}

/// One step down.
pub(crate) fn lower(confidence: Confidence) -> Confidence {
    match confidence {
        Confidence::High => Confidence::Medium,
        Confidence::Medium | Confidence::Low => Confidence::Low,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiled_programs() {
        for (path, expected) in [
            ("lib/objectify.so", true),
            ("bin/libiconv.so.2", true),
            ("Tool.EXE", true),
            ("lib.so/settings.py", false),
            ("app.py", false),
            ("notes.also", false),
        ] {
            assert_eq!(is_compiled(path), expected, "{path}");
        }
    }

    #[test]
    fn examples() {
        for (text, expected) in [
            (">>> x\n{\n  ", true),
            ("For example, for alice:\n  ", true),
            ("# Example:\n", true),
            ("Sign it::\n\n  ", true),
            ("example_dir = 1\n", false),
            ("for x in y:\n", false),
            ("std::\n", false),
        ] {
            assert_eq!(is_shown(format!("{text}token").as_bytes(), text.len()), expected, "{text}");
        }
    }

    #[test]
    fn ties() {
        let cases = [
            ("datadog_api_key = \"", Some(Tie::Assigned)),
            ("DATADOG: '", Some(Tie::Named)),
            ("datadog docs, the key goes ", Some(Tie::Named)),
            ("datadog agent, commit ", None),
            ("datadog image sha256: ", None),
            ("datadog is a provider of ", None),
            ("datadog.xsrf.token=", None),
            ("datadog.projectKey=\"", None),
        ];
        for (text, expected) in cases {
            let bytes = format!("{text}V");
            assert_eq!(tie(bytes.as_bytes(), 0..7, &(text.len()..bytes.len())), expected, "{text}");
        }
    }

    #[test]
    fn a_name_within_another_word_ties_nothing() {
        for (text, expected) in [
            ("sqldatadog_key = \"", None),
            ("SQLDATADOG_KEY = \"", None),
            ("my_datadog_key = \"", Some(Tie::Assigned)),
            ("prodDatadogKey = \"", Some(Tie::Assigned)),
        ] {
            let bytes = format!("{text}V");
            let at = text.to_lowercase().find("datadog").unwrap();
            assert_eq!(tie(bytes.as_bytes(), at..at + 7, &(text.len()..bytes.len())), expected, "{text}");
        }
    }

    #[test]
    fn neighbours_and_paths() {
        for (text, expected) in [("xTOKEN", false), ("\\nTOKEN", true), ("=TOKEN", true), ("_TOKEN", true)] {
            let start = text.len() - 5;
            assert_eq!(stands_alone(text.as_bytes(), &(start..text.len())), expected, "{text}");
        }
        for (path, expected) in [
            ("tests/a.py", true),
            ("src/test_a.py", true),
            ("docs/x.md", true),
            (".env.example", true),
            (".env_example", true),
            ("config/sample.env", true),
            ("certs/web-example.p8", true),
            ("app/resample.py", false),
            (".tests/settings.yml", true),
            ("roles/web/molecule/default/converge.yml", true),
            ("lib/molecules/a.py", false),
            ("src/contest.py", false),
            ("t/unit/security/keys.py", true),
            ("src/t/keys.py", false),
            ("app/tests.py", true),
            ("app/tests-cookbook.py", true),
            ("app/testing.py", false),
            ("core/functionaltests/a.pem", true),
            ("core/contests/a.pem", false),
            ("st2tests/conf/a.pem", true),
            ("ssh/dummy_rsa", true),
            ("conf/vagrant.privkey.insecure", true),
            (".pnpm-store/v3/files/0a/1b2c", true),
            ("core/test_data/a.pem", true),
            ("core/testdata2/a.pem", true),
            ("core/testimony/a.pem", false),
            ("src/key_test_base.cc", true),
            ("src/KeyTest.java", true),
            ("src/TestKey.kt", true),
            ("src/Testimony.kt", false),
            ("src/Latest.java", false),
            ("Benchmark/key.pem", true),
            ("site/how.html.markdown", true),
            ("en/2021.3/rest-api/index.html", true),
            ("en/latest/index.html", true),
            ("en/2021/index.html", false),
            ("app/unit_tests/a.py", true),
            ("latest/a.py", false),
            ("tmp_docs/a.html", true),
            ("lib/x-1.0.dist-info/METADATA", true),
            ("app/metadata", false),
        ] {
            assert_eq!(lesser_path(path).is_some(), expected, "{path}");
        }
    }
}
