//! What evidence readers hand over: something named at a place, whoever provides it.

/// What is named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// A dotted module or an attribute in it.
    Module(String),
    /// A program on the PATH.
    Command(String),
    /// A distribution, normalised.
    Package(String),
}

/// One thing named outside an import statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mention {
    /// What.
    pub named: Named,
    /// From the repository's root.
    pub path: String,
    /// 1-based.
    pub line: u32,
    /// How it is named, to be read after the place: `command`, `database URL`.
    pub how: &'static str,
    /// Named by the set-up of a development tool, not of the product.
    pub tooling: bool,
}

/// True for texts that look like `package.module`, and not like a file or host name.
#[must_use]
pub fn is_module_path(text: &str) -> bool {
    const NOT_ATTRIBUTES: &[&str] = &[
        "py", "conf", "json", "yaml", "yml", "toml", "txt", "html", "md", "ini", "cfg", "log", "sock", "com", "org",
        "net", "io", "db", "sqlite", "sqlite3", "png", "jpg", "svg", "css", "js", "ts", "sh", "service", "xml", "csv",
        "env", "pid", "lock", "zip", "gz", "rst", "pem", "key", "crt", "dev", "app", "local", "xlsx", "xls", "pdf",
        "tar", "whl", "exe", "pyc", "po", "mo", "example", "test", "in", "ico", "tpl", "j2",
    ];
    let mut colon = false;
    // one colon stands before an attribute: `package.module:attribute`
    let mut parts = text.split(|char| char == '.' || char == ':' && !std::mem::replace(&mut colon, true));
    let (mut last, mut more) = (parts.next().unwrap_or_default(), false);
    if !super::imports::is_identifier(last) {
        return false;
    }
    for part in parts {
        if !super::imports::is_identifier(part) {
            return false;
        }
        (last, more) = (part, true);
    }
    more && !NOT_ATTRIBUTES.contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_paths_and_what_only_looks_like_one() {
        for (text, expected) in [
            ("a.b", true),
            ("a:b", true),
            ("a.b:c.d", true),
            ("a:b:c", false),
            ("a", false),
            ("", false),
            (".", false),
            ("a.", false),
            (".a", false),
            ("a..b", false),
            ("a.1b", false),
            ("a b.c", false),
            ("settings.py", false),
            ("example.com", false),
            ("é.ü", true),
        ] {
            assert_eq!(is_module_path(text), expected, "{text}");
        }
    }
}
