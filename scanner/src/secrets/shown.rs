//! Whether a place shows something to a reader: a docstring, a comment that documents, an entry named `example`, a page's block of code.
//!
//! It is asked of what was found, not of what is read, and may look further back than a verdict: a finding is only less sure for it.

use std::ops::Range;

/// No further back than the surroundings that a spot of a history keeps.
const REACH: usize = 2000;

/// Keys, sections and directives below which a sample stands.
const HEADS: &[&str] = &[
    "example",
    "examples",
    "sample",
    "return",
    "returns",
    "description",
    "documentation",
    "usage",
    "help",
    "summary",
    "json_schema_extra",
    "schema_extra",
    "openapi_examples",
    "openapi_extra",
    "epilog",
    "tests",
    "_tests",
    "_test",
    ".. code-block",
    ".. code",
    ".. sourcecode",
];

/// In a line of a page that no person wrote: what a server hands to every reader.
pub(super) fn in_packed_page(path: &str, bytes: &[u8], at: usize) -> bool {
    let page = [".html", ".htm"].iter().any(|kind| path.ends_with(kind));
    page && at >= LONG && memchr::memchr(b'\n', &bytes[at - LONG..at]).is_none()
}

/// A line that goes on for so long is packed.
const LONG: usize = 1000;

/// In a playbook or a list of settings that a string of a Python program holds: modules of Ansible show their use so, at any length.
pub(super) fn in_yaml_of_program(path: &str, bytes: &[u8], at: usize) -> bool {
    if !path.ends_with(".py") {
        return false;
    }
    let head = &bytes[at.saturating_sub(REACH)..at];
    let Some((above, own)) = memchr::memrchr(b'\n', head).map(|newline| (&head[..newline], &head[newline + 1..]))
    else {
        return false;
    };
    let begins = |line: &[u8]| line.trim_ascii_start().strip_prefix(b"- ").is_some_and(is_entry);
    let lines = std::iter::once(own).chain(above.rsplit(|byte| *byte == b'\n').take(24));
    let mut of_yaml = lines.take_while(|line| is_entry(line) || matches!(line.trim_ascii(), [] | [b'#', ..]));
    is_entry(own) && of_yaml.any(begins)
}

/// A line of YAML that has a name, and a value or something below it.
fn is_entry(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    let text = text.strip_prefix(b"- ").unwrap_or(text);
    let name = text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_-. ".contains(byte)).count();
    name > 0 && matches!(text[name..], [b':'] | [b':', b' ', ..]) && !text.ends_with(b",")
}

/// What the lines before a place say about it, and the comment behind it on its line.
pub(super) fn reason(bytes: &[u8], place: Range<usize>) -> Option<&'static str> {
    said_before(bytes, place.start).or_else(|| said_behind(&bytes[place.end..]))
}

/// `# noqa: mock`, `// not a real one`.
fn said_behind(bytes: &[u8]) -> Option<&'static str> {
    let line = &bytes[..bytes.len().min(160)];
    let line = line[..memchr::memchr(b'\n', line).unwrap_or(line.len())].to_ascii_lowercase();
    let comment = [&b"#"[..], b"//", b"/*", b"--"].iter().filter_map(|mark| memchr::memmem::find(&line, mark)).min()?;
    let words = [
        &b"dummy"[..],
        b"mock",
        b"fake",
        b"sandbox",
        b"not a real",
        b"not real",
        b"for testing",
        b"for tests",
        b"public token",
        b"example",
    ];
    let said = words.iter().any(|word| memchr::memmem::find(&line[comment..], word).is_some());
    said.then_some("a comment behind it calls it an invented one")
}

fn said_before(bytes: &[u8], at: usize) -> Option<&'static str> {
    let from = at.saturating_sub(REACH);
    let head = &bytes[from..at];
    if in_block_of_page(head) {
        return Some("stands in a page's block of code");
    }
    let mut lines = head.split(|byte| *byte == b'\n').collect::<Vec<_>>();
    let own = lines.pop()?;
    // the first line is cut off
    if from > 0 && !lines.is_empty() {
        lines.remove(0);
    }
    let said = own[own.len().saturating_sub(120)..].to_ascii_lowercase();
    if [&b"placeholder="[..], b"placeholder: "]
        .iter()
        .any(|word| said.trim_ascii_end().strip_suffix(b"\"").is_some_and(|head| head.ends_with(word)))
    {
        return Some("stands as the placeholder of a field");
    }
    if [&b"sample "[..], b"sample:", b"example:", b"example ", b"example=", b"examples=", b"e.g."]
        .iter()
        .any(|word| memchr::memmem::find(&said, word).is_some())
    {
        return Some("stands in an example");
    }
    if [&b"dummy"[..], b"mock", b"fake"].iter().any(|word| memchr::memmem::find(&said, word).is_some()) {
        return Some("is called an invented one");
    }
    if is_described(&said, &lines) {
        return Some("stands in a comment that describes its form");
    }
    if is_entry_in_comment(own) && lines.last().is_some_and(|line| is_entry_in_comment(line)) {
        return Some("stands in a comment that shows data");
    }
    if [&b"///"[..], b"//!"].iter().any(|mark| own.trim_ascii_start().starts_with(mark)) {
        return Some("stands in a comment that documents");
    }
    above(own, &lines, from == 0)
}

/// `#  "token": "…"`, `#  }`: what an answer looks like, line by line in a comment.
fn is_entry_in_comment(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    let text = line.strip_prefix(b"#").or_else(|| line.strip_prefix(b"//")).map(<[u8]>::trim_ascii);
    text.is_some_and(|text| match text {
        [b'"', rest @ ..] => memchr::memmem::find(rest, b"\":").is_some(),
        [b'{' | b'}' | b'[' | b']', ..] => text.len() <= 3,
        _ => false,
    })
}

/// `# looks like …`, `// e.g. …`, a call of curl in a comment. The comment may begin some lines before.
fn is_described(own: &[u8], lines: &[&[u8]]) -> bool {
    let is_comment = |line: &[u8]| {
        let line = line.trim_ascii_start();
        [&b"#"[..], b"//", b"* ", b"--", b";", b"<!--"].iter().any(|mark| line.starts_with(mark))
    };
    let describes = |line: &[u8]| {
        let lower = line.to_ascii_lowercase();
        FORMS.iter().any(|words| memchr::memmem::find(&lower, words.as_bytes()).is_some())
    };
    is_comment(own)
        && (memchr::memmem::find(own, b"curl ").is_some()
            || describes(own)
            || lines.iter().rev().take_while(|line| is_comment(line)).take(4).any(|line| describes(line)))
}

/// How a comment begins to tell of a form.
const FORMS: &[&str] = &[
    "look like",
    "looks like",
    "like this",
    "something like",
    "similar to",
    "such as",
    "i.e.",
    "for instance",
    "in the form",
    "formatted as",
];

/// Goes up from line to line: out of the indentation, to the begin of a docstring or a comment.
fn above(own: &[u8], lines: &[&[u8]], from_begin: bool) -> Option<&'static str> {
    let mut indent = indentation(own);
    let mut starred = own.trim_ascii_start().starts_with(b"*");
    let mut docstring = true;
    for (position, line) in lines.iter().enumerate().rev() {
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        if text.starts_with(b"```") {
            return Some("stands in a block of code of a text");
        }
        if starred && text.starts_with(b"/*") {
            return Some("stands in a comment that documents");
        }
        starred &= text.starts_with(b"*");
        if docstring && let Some(begins) = quotes(text) {
            let before = lines[..position].iter().rev().map(|line| line.trim_ascii()).find(|line| !line.is_empty());
            if begins
                || text.len() <= 4 && before.map_or(from_begin, |line| line.ends_with(b":") || line.starts_with(b"#"))
            {
                return Some("stands in a docstring");
            }
            docstring = false;
        }
        let width = indentation(line);
        if width < indent {
            indent = width;
            if is_head(text) {
                return Some("stands in an example");
            }
        }
    }
    None
}

fn indentation(line: &[u8]) -> usize {
    line.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// Whether a line opens a string of three quotes that documents, and leaves it open. `None`: it has none, or closes what it opens.
fn quotes(text: &[u8]) -> Option<bool> {
    let mark = [&b"\"\"\""[..], b"'''"].into_iter().find(|mark| memchr::memmem::find(text, mark).is_some())?;
    if memchr::memmem::find_iter(text, mark).count() % 2 == 0 {
        return None;
    }
    let bare = text.strip_prefix(b"r").or_else(|| text.strip_prefix(b"u")).unwrap_or(text);
    let begins = bare.strip_prefix(mark).is_some_and(|rest| {
        // `""" % values`, `""", flags)` close
        rest.first().is_some_and(|byte| byte.is_ascii_alphabetic() || b"\\`:".contains(byte))
    });
    Some(begins || text.ends_with(mark) && is_head(text))
}

/// `example:`, `"description": "…`, `EXAMPLES = r"""`, `help="…`, `.. code-block:: python`, `Usage::`, `def test_…`.
fn is_head(text: &[u8]) -> bool {
    let marks = text.iter().take_while(|byte| b"-\"'@*# ".contains(byte)).count();
    let text = &text[marks..];
    let lower = text[..text.len().min(32)].to_ascii_lowercase();
    let named = |head: &str| {
        lower.strip_prefix(head.as_bytes()).is_some_and(|rest| {
            let rest = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest).trim_ascii_start();
            rest.first().is_some_and(|byte| b":=".contains(byte)) && !rest.starts_with(b"==")
        })
    };
    HEADS.iter().any(|head| named(head))
        || lower.starts_with(b"def test_")
        || lower.starts_with(b"async def test_")
        || lower.starts_with(b"class test")
        || text.ends_with(b"::") && text.contains(&b' ')
}

/// Behind `<pre>` or `<code>`, and before its end.
fn in_block_of_page(head: &[u8]) -> bool {
    [(&b"<pre"[..], &b"</pre"[..]), (b"<code", b"</code")].iter().any(|(open, close)| {
        memchr::memmem::rfind(head, open).is_some_and(|at| {
            head.get(at + open.len()).is_some_and(|byte| b"> \n".contains(byte))
                && memchr::memmem::find(&head[at..], close).is_none()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_in_a_program() {
        let play = "EXAMPLES = '''\n# a long text\n- name: make it\n  cloud_vm:\n    name: a\n    password: \"";
        for (path, text, expected) in [
            ("library/vm.py", play, true),
            ("playbook.yml", play, false),
            ("vm.py", "KEYS = [\n  {\n    'name': 'a',\n    'password': '", false),
            ("vm.py", "class A:\n    name: str = 'a'\n    password: str = '", false),
            ("vm.py", "x = '''\n- name: a\n'''\ny = 1\npassword: str = '", false),
        ] {
            assert_eq!(in_yaml_of_program(path, text.as_bytes(), text.len()), expected, "{path} {text}");
        }
    }

    #[test]
    fn what_is_said_behind() {
        for (text, expected) in [
            ("\",  # noqa: mock\n", true),
            ("\"; // dummy 64-byte key\n", true),
            ("\"\n# mock\n", false),
            ("\", mock\n", false),
            ("\"  # the real one\n", false),
            ("", false),
        ] {
            assert_eq!(said_behind(text.as_bytes()).is_some(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_shown_to_a_reader() {
        let shown = [
            "def f():\n    \"\"\"Calls it.\n\n    {\n        ",
            "def f():\n    r'''\n    Calls it.\n    ",
            "\"\"\"\nHow to begin.\n\n    ",
            "EXAMPLES = r\"\"\"\n- name: x\n  ",
            "x:\n  description: |\n    Call it so:\n\n    ",
            "{\n  \"example\": {\n    \"a\": 1,\n    ",
            "x = Field(\n    json_schema_extra={\n        ",
            "/**\n * Sets it up.\n *   ",
            "/// let x = ",
            "Text.\n\n.. code-block:: python\n\n    ",
            "```json\n{ ",
            "<p>So:</p><pre class=\"x\"><span>",
            "<textarea placeholder=\"",
            "-- Sample viewer user (password: '",
            "DUMMY_KEY = '",
            "x = String(description=\"y\", example=\"",
            "# The address looks like:\n#\n#   https://x/",
            "    // like this: ",
            "# curl -H 'Authorization: Bearer ",
            "RETURN = '''\nresult:\n    ",
            "    sample: \"",
            "class TestLogin:\n    def setUp(self):\n        ",
        ];
        for text in shown {
            assert!(reason(text.as_bytes(), text.len()..text.len()).is_some(), "{text}");
        }
        let plain = [
            "",
            "KEY = \"\"\"",
            "def f():\n    \"\"\"Calls it.\"\"\"\n    ",
            "def f():\n    \"\"\"\n    Calls it.\n    \"\"\"\n    ",
            "QUERY = \"\"\"\nSELECT 1\n\"\"\" % (\n    ",
            "description: the database\nhost: x\n",
            "services:\n  db:\n    environment:\n      ",
            "- a list\n* of two\n* ",
            "<pre>x</pre>\n",
            "# The address of the hook:\n# https://x/",
            "# looks like a test\nx = 1\n# KEY = ",
            "value = curl ",
        ];
        for text in plain {
            assert_eq!(reason(text.as_bytes(), text.len()..text.len()), None, "{text}");
        }
    }
}
