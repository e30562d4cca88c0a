//! What a list of requirements tells beside its packages: addresses without a name, and comments that say whom a package is for.

use advisories::PackageName;

/// True for the lists that this reads.
#[must_use]
pub fn is_list(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let (directory, file) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let speaks = |text: &str| text.contains("requirement") || text.contains("reqs");
    (file.ends_with(".txt") || file.ends_with(".in")) && (speaks(file) || speaks(directory))
}

/// What the repositories and archives may be called that a list asks for by their addresses alone.
#[must_use]
pub fn unnamed(text: &str) -> Vec<PackageName> {
    text.lines().filter_map(|line| of_address(line.trim())).collect()
}

/// `git+https://example.org/o/some-thing.git@v1` and `https://example.org/o/some-thing/archive/v1.zip` ask for some-thing.
fn of_address(line: &str) -> Option<PackageName> {
    let address = line.split(" #").next().unwrap_or(line).trim();
    let address = ["-e", "--editable"].iter().find_map(|option| address.strip_prefix(option)).unwrap_or(address).trim();
    let (scheme, rest) = address.split_once("://")?;
    let is_scheme = scheme.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'+') && !scheme.is_empty();
    if !is_scheme || address.contains("egg=") || rest.contains(char::is_whitespace) {
        return None;
    }
    let path = rest.split(['#', '?']).next()?.split_once('/')?.1;
    let segments: Vec<&str> = path.split('/').collect();
    let archive =
        segments.iter().position(|segment| matches!(*segment, "archive" | "zipball" | "tarball" | "releases"));
    let last = match archive.and_then(|at| at.checked_sub(1)) {
        Some(at) => segments[at],
        None => segments.last()?.split('@').next()?,
    };
    PackageName::new(last.trim_end_matches(".git")).ok()
}

/// Lines, 1-based, whose comment names one of `names`: the package is for that.
#[must_use]
pub fn for_someone(text: &str, names: &[&str]) -> Vec<u32> {
    let numbered = text.lines().zip(1u32..);
    let said = numbered.filter_map(|(line, number)| Some((line.split_once(" #")?.1, number)));
    let is_named = |comment: &str| {
        let words = comment.split(|char: char| !(char.is_alphanumeric() || matches!(char, '-' | '_')));
        let mut words = words.map(str::to_ascii_lowercase);
        words.any(|word| names.contains(&word.as_str()))
    };
    said.filter(|(comment, _)| is_named(comment)).map(|(_, number)| number).collect()
}

/// Lines, 1-based, whose comment, or the comment above, says that somebody needs the package; with the words of it.
#[must_use]
pub fn needed_by_someone(text: &str) -> Vec<(u32, Vec<String>)> {
    let mut above = None;
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1u32..) {
        let line = line.trim();
        if let Some(comment) = line.strip_prefix('#') {
            above = Some(comment);
            continue;
        } else if line.is_empty() {
            above = None;
            continue;
        }
        let beside = line.split_once(" #").map(|(_, comment)| comment);
        let comments = [beside, above.take()].into_iter().flatten();
        let words = comments.map(words).find(|words| says_needed(words));
        found.extend(words.map(|words| (number, words)));
    }
    found
}

fn words(comment: &str) -> Vec<String> {
    let words = comment.split(|char: char| !(char.is_alphanumeric() || matches!(char, '-' | '_' | '.')));
    let words = words.map(|word| word.trim_matches('.').to_ascii_lowercase().replace(['_', '.'], "-"));
    words.filter(|word| !word.is_empty()).collect()
}

/// Says that somebody needs the package, and not that somebody's version of it is pinned.
fn says_needed(words: &[String]) -> bool {
    let begins = |word: &str, starts: &[&str]| starts.iter().any(|start| word.starts_with(start));
    let needs =
        |word: &String| begins(word, &["need", "requir", "depend"]) || matches!(word.as_str(), "without" | "for");
    words.iter().any(needs) && !words.iter().any(|word| begins(word, &["pin", "unpin", "constrain"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_alone_tells_a_name() {
        for (line, expected) in [
            ("git+https://example.org/o/Some-Thing.git@v1", Some("some-thing")),
            ("-e git+ssh://git@example.org/o/some_thing", Some("some-thing")),
            ("https://example.org/o/some-thing/archive/refs/tags/v1.zip  # a fork", Some("some-thing")),
            ("git+https://example.org/o/other.git#egg=some-thing", None),
            ("some-thing @ git+https://example.org/o/other.git", None),
            ("--index-url https://example.org/simple", None),
            ("some-thing==1.0", None),
            ("# https://example.org/o/x", None),
        ] {
            let found = of_address(line);
            assert_eq!(found.as_ref().map(PackageName::as_str), expected, "{line}");
        }
    }

    #[test]
    fn a_comment_says_whom_a_package_is_for() {
        let text = "lxml==6.1.0  # debrief\nrich  # for Training!\nflask  # contraining\n# debrief\nx==1";
        assert_eq!(for_someone(text, &["debrief", "training"]), [1, 2]);
    }

    #[test]
    fn a_comment_says_that_somebody_needs_a_package() {
        let text =
            "setuptools = \"*\"  # Needed for lottie\nx  # fast\n# some.thing fails without it\ny\nz\n# needed\n\nv";
        let lines: Vec<u32> = needed_by_someone(text).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [1, 4]);
        assert_eq!(needed_by_someone(text)[1].1, ["some-thing", "fails", "without", "it"]);
    }
}
