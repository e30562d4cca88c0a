//! What one logical line of a requirements file means.
//!
//! Specification: <https://pip.pypa.io/en/stable/reference/requirements-file-format/> and pip's `req/req_file.py`: what stands before
//! the first word that begins with `-` is a requirement, the rest are options, split as a shell would and read as Python's
//! optparse does (`-rfile`, `--requirement=file`, unambiguous abbreviations).

/// A line's meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// A requirement, and the hashes behind it.
    Requirement {
        /// The specifier, URL or path.
        text: String,
        /// `--hash`, as `algorithm:digest`.
        hashes: Vec<String>,
    },
    /// `-e`
    Editable(String),
    /// `-r`
    Include(String),
    /// `-c`
    Constraints(String),
    /// `-i`: the index of this file's requirements.
    Index(String),
    /// An option of no consequence here.
    Option,
    /// Neither.
    Unknown(String),
}

/// Long options, and whether they take a value: pip's of today and before, and what uv writes into the files it compiles.
const LONG: [(&str, bool); 35] = [
    ("--requirement", true),
    ("--constraint", true),
    ("--editable", true),
    ("--index-url", true),
    ("--pypi-url", true),
    ("--extra-index-url", true),
    ("--no-index", false),
    ("--find-links", true),
    ("--no-binary", true),
    ("--only-binary", true),
    ("--prefer-binary", false),
    ("--require-hashes", false),
    ("--pre", false),
    ("--trusted-host", true),
    ("--use-feature", true),
    ("--always-unzip", false),
    ("--hash", true),
    ("--global-option", true),
    ("--install-option", true),
    ("--config-settings", true),
    ("--config-setting", true),
    ("--use-pep517", false),
    ("--no-use-pep517", false),
    ("--no-build-isolation", false),
    ("--no-deps", false),
    ("--upgrade", false),
    ("--process-dependency-links", false),
    ("--all-releases", true),
    ("--only-final", true),
    ("--use-wheel", false),
    ("--no-use-wheel", false),
    ("--allow-external", true),
    ("--allow-all-external", false),
    ("--allow-unverified", true),
    ("--skip-requirements-regex", true),
];
const SHORT: [(char, &str); 7] = [
    ('r', "--requirement"),
    ('c', "--constraint"),
    ('e', "--editable"),
    ('i', "--index-url"),
    ('f', "--find-links"),
    ('C', "--config-settings"),
    ('Z', "--always-unzip"),
];

/// Reads a line.
#[must_use]
pub fn read(line: &str) -> Meaning {
    let words: Vec<&str> = line.split(' ').collect();
    let options_at = words.iter().position(|word| word.starts_with('-')).unwrap_or(words.len());
    let requirement = words[..options_at].join(" ");
    let options = match options(&words[options_at..].join(" ")) {
        Ok(options) => options,
        Err(expected) => return Meaning::Unknown(expected),
    };
    let requirement = requirement.trim();
    if !requirement.is_empty() {
        let hashes = options.into_iter().filter(|(name, _)| *name == "--hash").map(|(_, value)| value).collect();
        return Meaning::Requirement { text: requirement.to_owned(), hashes };
    }
    let value = |wanted: &str| options.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.clone());
    (value("--editable").map(Meaning::Editable))
        .or_else(|| value("--requirement").map(Meaning::Include))
        .or_else(|| value("--constraint").map(Meaning::Constraints))
        .or_else(|| value("--index-url").or_else(|| value("--pypi-url")).map(Meaning::Index))
        .unwrap_or(Meaning::Option)
}

fn options(text: &str) -> Result<Vec<(&'static str, String)>, String> {
    let mut words = split(text).into_iter();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        let (name, takes_value, attached) = if word.starts_with("--") {
            let (name, attached) = word.split_once('=').map_or((word.as_str(), None), |(n, v)| (n, Some(v.to_owned())));
            let (name, takes_value) =
                long(name).ok_or_else(|| format!("expected an option pip knows, found `{}`", short_of(name)))?;
            (name, takes_value, attached)
        } else if let Some(rest) = word.strip_prefix('-') {
            let letter = rest.chars().next();
            let known = letter.and_then(|letter| SHORT.iter().find(|(short, _)| *short == letter));
            let (letter, name) =
                known.ok_or_else(|| format!("expected an option pip knows, found `{}`", short_of(&word)))?;
            let attached = rest[letter.len_utf8()..].to_owned();
            (*name, *letter != 'Z', Some(attached).filter(|text| !text.is_empty()))
        } else {
            return Err(format!("expected an option, found `{}`", short_of(&word)));
        };
        let value = match attached {
            Some(value) => value,
            None if takes_value => words.next().ok_or_else(|| format!("expected a value after {name}"))?,
            None => String::new(),
        };
        found.push((name, value));
    }
    Ok(found)
}

fn long(name: &str) -> Option<(&'static str, bool)> {
    if let Some(exact) = LONG.iter().find(|(long, _)| *long == name) {
        return Some(*exact);
    }
    let mut candidates = LONG.iter().filter(|(long, _)| name.len() > 3 && long.starts_with(name));
    let first = candidates.next()?;
    candidates.next().is_none().then_some(*first)
}

/// An option's name for a message, without what could be a credential in its value.
fn short_of(word: &str) -> String {
    word.split('=').next().unwrap_or_default().chars().take(40).collect()
}

/// A shell's words: quotes and backslashes.
fn split(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut is_word) = (Vec::new(), String::new(), None, false);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (Some('\''), _) | (Some(_), _) if character != '\\' => word.push(character),
            (None, '\'' | '"') => (quote, is_word) = (Some(character), true),
            (_, '\\') => word.extend(characters.next()),
            (None, _) if character.is_whitespace() => {
                if is_word || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                is_word = false;
            }
            _ => word.push(character),
        }
    }
    if is_word || !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meanings() {
        let pinned = |text: &str, hashes: &[&str]| Meaning::Requirement {
            text: text.to_owned(),
            hashes: hashes.iter().map(|hash| (*hash).to_owned()).collect(),
        };
        let requirement = |text: &str| pinned(text, &[]);
        let cases = [
            ("SomeProject", requirement("SomeProject")), // pip, requirements file format
            ("SomeProject == 1.3 ; python_version < '3'", requirement("SomeProject == 1.3 ; python_version < '3'")),
            ("a==1 --hash=sha256:00 --hash=sha256:11", pinned("a==1", &["sha256:00", "sha256:11"])),
            ("a==1 --hash sha256:00", pinned("a==1", &["sha256:00"])),
            ("FooProject >= 1.2 --global-option=\"--no-user-cfg\"", requirement("FooProject >= 1.2")), // pip docs
            ("a --config-settings=\"x=y z\"", requirement("a")),
            ("a -C x=y", requirement("a")),
            ("-r base.txt", Meaning::Include("base.txt".to_owned())),
            ("-rbase.txt", Meaning::Include("base.txt".to_owned())),
            ("--requirement=base.txt", Meaning::Include("base.txt".to_owned())),
            ("--req base.txt", Meaning::Unknown("expected an option pip knows, found `--req`".to_owned())), // `--require-hashes` too
            ("--requirem base.txt", Meaning::Include("base.txt".to_owned())), // optparse abbreviates
            ("-r 'with blank.txt'", Meaning::Include("with blank.txt".to_owned())),
            ("-c constraints.txt", Meaning::Constraints("constraints.txt".to_owned())),
            ("--constraint constraints.txt", Meaning::Constraints("constraints.txt".to_owned())),
            ("-e git+https://h.example.org/a#egg=a", Meaning::Editable("git+https://h.example.org/a#egg=a".to_owned())),
            ("-e .[dev]", Meaning::Editable(".[dev]".to_owned())),
            ("-i https://h.example.org/simple", Meaning::Index("https://h.example.org/simple".to_owned())),
            ("--pre", Meaning::Option),
            ("--extra-index-url https://h.example.org", Meaning::Option),
            ("--trusted-host h.example.org", Meaning::Option),
            ("-f ./wheels", Meaning::Option),
            ("--unknown", Meaning::Unknown("expected an option pip knows, found `--unknown`".to_owned())),
            ("-r", Meaning::Unknown("expected a value after --requirement".to_owned())),
        ];
        for (line, expected) in cases {
            assert_eq!(read(line), expected, "{line}");
        }
    }
}
