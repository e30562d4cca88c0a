//! What the engine looks at: bytes, and what is known about where they stand.

use std::fmt;

/// Bytes to look at. Its `Debug` prints sizes only.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    /// The bytes, decoded as far as the caller could.
    pub bytes: &'a [u8],
    /// From the repository's root; `None` where the bytes are no file, or the path is not known yet.
    ///
    /// A path only ever lowers a hit's confidence, lifts it, or silences a generic hit: without one the engine finds a superset.
    pub path: Option<&'a str>,
    /// How assignments and strings are written there.
    pub syntax: Syntax,
}

impl<'a> Text<'a> {
    /// The syntax is taken from the path.
    #[must_use]
    pub fn new(bytes: &'a [u8], path: Option<&'a str>) -> Self {
        Self { bytes, path, syntax: path.map_or(Syntax::Unknown, Syntax::of) }
    }

    /// For decoded bytes whose syntax is not that of the file that holds them, such as a notebook's cell.
    #[must_use]
    pub fn with_syntax(mut self, syntax: Syntax) -> Self {
        self.syntax = syntax;
        self
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, path, syntax } = self;
        out.debug_struct("Text").field("bytes", &bytes.len()).field("path", path).field("syntax", syntax).finish()
    }
}

/// The notation of a text, as far as it decides what an unquoted word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Syntax {
    /// Not known: everything is looked for.
    Unknown,
    /// A programming language: an unquoted word is an expression, not a value.
    Code,
    /// Shell scripts and command lines.
    Shell,
    /// `key = value` lines: ini, properties, `.env`, `.netrc` and relatives; a bare word is a value.
    Config,
    /// YAML.
    Yaml,
    /// JSON and its relatives.
    Json,
    /// XML and HTML.
    Markup,
    /// Markdown, reStructuredText and plain text.
    Prose,
    /// Dockerfiles.
    Dockerfile,
    /// Tables of hashes written by a program: lockfiles, checksums.
    Lockfile,
    /// Message catalogues: the values are words for people.
    Translation,
}

impl Syntax {
    /// Guesses from a path alone.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path).to_ascii_lowercase();
        if let Some(known) = by_name(&name, path) {
            return known;
        }
        match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
            "py" | "pyi" | "pyx" | "js" | "mjs" | "cjs" | "jsx" | "ts" | "tsx" | "vue" | "svelte" | "go" | "java"
            | "kt" | "kts" | "scala" | "groovy" | "gradle" | "c" | "h" | "cc" | "cpp" | "hpp" | "cxx" | "hh" | "m"
            | "mm" | "swift" | "rs" | "rb" | "erb" | "php" | "cs" | "fs" | "vb" | "dart" | "lua" | "pl" | "pm"
            | "r" | "jl" | "ex" | "exs" | "erl" | "clj" | "hs" | "sol" | "zig" | "sql" | "ipynb" | "jsonnet"
            | "libsonnet" | "bicep" | "coffee" | "as" | "pas" | "nim" | "cr" | "proto" | "cmake" | "graphql"
            | "gql" => Self::Code,
            "sh" | "bash" | "zsh" | "fish" | "ksh" | "bat" | "cmd" | "ps1" | "psm1" | "history" | "mk" => Self::Shell,
            "env" | "ini" | "cfg" | "conf" | "cnf" | "config" | "properties" | "props" | "envrc" | "toml" | "tf"
            | "tfvars" | "hcl" | "service" | "desktop" | "npmrc" | "netrc" | "pypirc" | "dotenv" => Self::Config,
            "yml" | "yaml" | "eyaml" => Self::Yaml,
            "json" | "json5" | "jsonc" | "jsonl" | "ndjson" | "tfstate" | "har" | "webmanifest" | "map" => Self::Json,
            "xml" | "html" | "htm" | "xhtml" | "svg" | "xsd" | "wsdl" | "plist" | "csproj" | "resx" | "xaml"
            | "pom" | "jsp" | "aspx" => Self::Markup,
            "md" | "markdown" | "mdx" | "rst" | "txt" | "adoc" | "asciidoc" | "org" | "tex" | "log" => Self::Prose,
            "po" | "pot" | "mo" | "xlf" | "xliff" | "arb" | "strings" => Self::Translation,
            "lock" | "sum" | "sha256" | "sha512" | "md5" => Self::Lockfile,
            _ => Self::Unknown,
        }
    }
}

fn by_name(name: &str, path: &str) -> Option<Syntax> {
    let folders = path.to_ascii_lowercase();
    if ["/locale/", "/locales/", "/i18n/", "/l10n/", "/translations/", "/lang/", "/langs/"]
        .iter()
        .any(|folder| folders.contains(folder) || folders.starts_with(&folder[1..]))
        && !name.ends_with(".py")
    {
        return Some(Syntax::Translation);
    }
    let is = |found| Some(found);
    match name {
        "package-lock.json"
        | "npm-shrinkwrap.json"
        | "yarn.lock"
        | "pnpm-lock.yaml"
        | "poetry.lock"
        | "uv.lock"
        | "cargo.lock"
        | "composer.lock"
        | "gemfile.lock"
        | "pipfile.lock"
        | "go.sum"
        | "flake.lock"
        | "packages.lock.json"
        | "deno.lock"
        | "bun.lock"
        | "pdm.lock"
        | "conda-lock.yml"
        | "podfile.lock"
        | "mix.lock"
        | "pubspec.lock" => is(Syntax::Lockfile),
        "makefile" | "gnumakefile" | "justfile" | "procfile" | ".bashrc" | ".zshrc" | ".profile" | ".bash_profile"
        | ".bash_history" | ".zsh_history" => is(Syntax::Shell),
        ".netrc" | "_netrc" | ".pgpass" | ".pypirc" | "pip.conf" | ".npmrc" | ".yarnrc" | ".gitconfig" | ".my.cnf"
        | "credentials" | "config" | ".htpasswd" | ".s3cfg" | ".boto" => is(Syntax::Config),
        ".dockercfg" | "dockerconfigjson" | ".dockerconfigjson" => is(Syntax::Json),
        _ if name.starts_with("dockerfile") || name.ends_with(".dockerfile") || name.starts_with("containerfile") => {
            is(Syntax::Dockerfile)
        }
        _ if name.starts_with(".env") || name.starts_with("env.") => is(Syntax::Config),
        _ if name.starts_with("readme") || name.starts_with("changelog") => is(Syntax::Prose),
        _ => None,
    }
}
