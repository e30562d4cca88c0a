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
    let text = text.replacen(':', ".", 1);
    let last = text.rsplit('.').next().unwrap_or_default();
    text.contains('.') && super::imports::is_dotted(&text) && !NOT_ATTRIBUTES.contains(&last)
}
