//! `pip install` and its like in shell text: Dockerfiles, CI workflows, notebooks.
//!
//! Specifications: the shell's words (POSIX 2.2), <https://pip.pypa.io/en/stable/cli/pip_install/>, <https://docs.astral.sh/uv/reference/cli/>,
//! <https://pipx.pypa.io/stable/docs/>, <https://python-poetry.org/docs/cli/#add>, <https://pdm-project.org/latest/reference/cli/#add>,
//! <https://pipenv.pypa.io/en/latest/commands.html>.

use std::collections::HashMap;

use advisories::{PackageName, Version};

use super::package::{Package, Source};
use super::poetry_constraint::Constraint;
use super::requirement::Requirement;
use super::shell::{Word, commands};

/// What a shell text installs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Installed {
    /// The packages, each with its line.
    pub packages: Vec<Package>,
    /// Requirements files it hands to an installer, as written, with the line.
    pub files: Vec<(String, u32)>,
}

impl Installed {
    /// Takes in what another text installs.
    pub fn append(&mut self, mut other: Self) {
        self.packages.append(&mut other.packages);
        self.files.append(&mut other.files);
    }
}

/// Variables whose value is written down.
pub type Variables = HashMap<String, String>;

/// What a shell text installs. `first_line` is the line the text begins on.
#[must_use]
pub fn installed(shell: &str, first_line: u32) -> Installed {
    installed_with(shell, first_line, &mut Variables::new())
}

/// The same with variables known before; those that the text sets itself are added.
#[must_use]
pub fn installed_with(shell: &str, first_line: u32, variables: &mut Variables) -> Installed {
    let mut found = Installed::default();
    for words in commands(shell, first_line) {
        note_assignments(&words, variables);
        if let Some(command) = Command::of(&words) {
            command.read(variables, &mut found);
        }
    }
    found
}

/// `NAME=value` before a command, alone, or after `export`.
fn note_assignments(words: &[Word], variables: &mut Variables) {
    for word in words.iter().skip_while(|word| matches!(word.text.as_str(), "export" | "RUN" | "env")) {
        let Some((name, value)) = word.text.split_once('=') else { break };
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            break;
        }
        variables.insert(name.to_owned(), value.to_owned());
    }
}

/// How a command's arguments are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grammar {
    /// Every argument that is no option is a requirement.
    Pip,
    /// The same, and `name@^1.2`.
    Poetry,
    /// Only the first argument is (`pipx run`, `uvx`); what follows is the program's.
    Runner,
    /// None is, only what `--with` names (`uv run`).
    OnlyWith,
    /// The first one is an environment (`pipx inject`).
    Inject,
}

/// Options of any of the programs that take the next word, and name no package.
const WITH_VALUE: [&str; 60] = [
    "-c",
    "--constraint",
    "--constraints",
    "-i",
    "--index-url",
    "--extra-index-url",
    "-f",
    "--find-links",
    "-t",
    "--target",
    "--prefix",
    "--root",
    "--src",
    "--platform",
    "--python-version",
    "--only-binary",
    "--no-binary",
    "--trusted-host",
    "--progress-bar",
    "--python",
    "-p",
    "--index",
    "--default-index",
    "--implementation",
    "--abi",
    "--proxy",
    "--cache-dir",
    "--timeout",
    "--retries",
    "--log",
    "--report",
    "--config-settings",
    "-C",
    "--global-option",
    "--use-feature",
    "--exists-action",
    "--cert",
    "--client-cert",
    "--override",
    "--overrides",
    "--build-constraint",
    "--index-strategy",
    "--keyring-provider",
    "--resolution",
    "--prerelease",
    "--link-mode",
    "--python-platform",
    "--group",
    "-G",
    "--optional",
    "--extra",
    "--package",
    "--script",
    "--branch",
    "--tag",
    "--rev",
    "--source",
    "--categories",
    "--pip-args",
    "--exclude-newer",
];

struct Command<'w> {
    grammar: Grammar,
    arguments: &'w [Word],
}

impl<'w> Command<'w> {
    /// The installing command among these words, if there is one.
    fn of(words: &'w [Word]) -> Option<Self> {
        let text = |at: usize| words.get(at).map(|word| word.text.as_str());
        if matches!(text(0)?, "echo" | "printf" | "cat" | "grep" | "git" | "sed") {
            return None;
        }
        // a subcommand may stand behind options of the program itself
        let subcommand = |at: usize| (at + 1..words.len()).find(|&next| !words[next].text.starts_with('-'));
        for at in 0..words.len() {
            let program = words[at].text.rsplit('/').next().unwrap_or_default();
            let Some(next) = subcommand(at) else { break };
            let (sub, after) = (words[next].text.as_str(), subcommand(next));
            let command =
                |grammar, from: usize| Some(Self { grammar, arguments: words.get(from..).unwrap_or_default() });
            let is_pip =
                program.strip_prefix("pip").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'));
            match (program, sub) {
                (_, "install") if is_pip => return command(Grammar::Pip, next + 1),
                ("pipx", "install") | ("pipenv", "install") | ("pdm" | "rye" | "uv", "add") => {
                    return command(Grammar::Pip, next + 1);
                }
                ("pipx", "run") => return command(Grammar::Runner, next + 1),
                ("pipx", "inject") => return command(Grammar::Inject, next + 1),
                ("poetry", "add") => return command(Grammar::Poetry, next + 1),
                ("poetry", "self") if after.and_then(text) == Some("add") => {
                    return command(Grammar::Poetry, after? + 1);
                }
                ("uv", "run") => return command(Grammar::OnlyWith, next + 1),
                ("uv", "tool") => match after.and_then(text) {
                    Some("install") => return command(Grammar::Pip, after? + 1),
                    Some("run") => return command(Grammar::Runner, after? + 1),
                    _ => {}
                },
                ("uvx", _) => return command(Grammar::Runner, at + 1),
                _ => {}
            }
        }
        None
    }

    fn read(&self, variables: &Variables, found: &mut Installed) {
        let mut rest = self.arguments.iter();
        let mut named = false;
        let mut skip_first = self.grammar == Grammar::Inject;
        while let Some(word) = rest.next() {
            let (option, attached) = match word.text.split_once('=') {
                Some((option, value)) if option.starts_with("--") => (option, Some(value.to_owned())),
                _ => (word.text.as_str(), None),
            };
            let mut value = || attached.clone().or_else(|| rest.next().map(|next| next.text.clone()));
            match option {
                "-r" | "--requirement" | "--requirements" | "--with-requirements" => {
                    found.files.extend(value().and_then(|path| Some((expanded(&path, variables)?, word.line))));
                }
                "-e" | "--editable" | "--with-editable" => {
                    found.packages.extend(value().and_then(|text| package(&text, word.line, true, variables)));
                }
                "--with" | "--from" | "--spec" | "--preinstall" => {
                    // the package that a runner's program is in
                    named |= matches!(option, "--from" | "--spec");
                    let list = value().unwrap_or_default();
                    found
                        .packages
                        .extend(list.split(',').filter_map(|text| package(text, word.line, false, variables)));
                }
                _ if attached.is_none() && WITH_VALUE.contains(&option) => {
                    rest.next();
                }
                _ if option.starts_with(['>', '<']) || option.starts_with("2>") => break,
                _ if option.starts_with('-') => {}
                _ if skip_first => skip_first = false,
                _ => {
                    if matches!(self.grammar, Grammar::OnlyWith) || (self.grammar == Grammar::Runner && named) {
                        break;
                    }
                    found.packages.extend(self.argument(word, variables));
                    if self.grammar == Grammar::Runner {
                        break;
                    }
                }
            }
        }
    }

    fn argument(&self, word: &Word, variables: &Variables) -> Option<Package> {
        // `ruff@0.7.3` and `black@latest` of a runner, `requests@^2.31` of Poetry
        let at_version = (self.grammar != Grammar::Pip)
            .then(|| word.text.split_once('@'))
            .flatten()
            .filter(|(name, _)| PackageName::new(name.split('[').next().unwrap_or_default()).is_ok());
        let Some((name, wanted)) = at_version.filter(|(_, wanted)| !wanted.contains(['/', ':'])) else {
            return package(&word.text, word.line, false, variables);
        };
        let mut found = package(name, word.line, false, variables)?;
        let wanted = expanded(wanted, variables).unwrap_or_else(|| wanted.to_owned());
        if wanted != "latest" {
            found.version = wanted.starts_with(|first: char| first.is_ascii_digit()).then(|| Version::new(&wanted));
            let range = Constraint::parse(&wanted).and_then(|range| range.pep440());
            found.specifier = Some(range.unwrap_or(wanted));
        }
        Some(found)
    }
}

/// One argument; a variable in place of the version leaves the version open, one in place of the name says nothing.
fn package(text: &str, line: u32, editable: bool, variables: &Variables) -> Option<Package> {
    let known = expanded(text, variables);
    let text = known.as_deref().unwrap_or(text);
    let requirement = match (text.find(['$', '{', '`']), Requirement::parse(text)) {
        (None, requirement) => requirement.ok()?,
        (Some(_), Ok(requirement)) => requirement,
        (Some(_), Err(_)) => {
            let at = text.find(['=', '<', '>', '!', '~'])?;
            Requirement { specifier: Some(text[at..].to_owned()), ..Requirement::without_version(text)? }
        }
    };
    let mut package = Package { line: Some(line), main: true, ..requirement.into_package() };
    if let (true, Source::Path { path, .. }) = (editable, &package.source) {
        package.source = Source::Editable { path: path.clone() };
    }
    Some(package)
}

/// `$NAME`, `${NAME}` and `${NAME:-default}` put in; `None` where one is not known.
fn expanded(text: &str, variables: &Variables) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (inner, after) = match rest.strip_prefix('{') {
            Some(braced) => braced.split_once('}')?,
            None => {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                rest.split_at(end)
            }
        };
        let (name, default) = inner.split_once(":-").map_or((inner, None), |(name, default)| (name, Some(default)));
        let value = variables.get(name).map(String::as_str).or(default)?;
        // a value that is made of others in turn is not followed
        if value.contains(['$', '`']) {
            return None;
        }
        out.push_str(value);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_install() {
        let cases = [
            ("pip install requests==2.0 'django<4'", "requests==2.0@1 django<4@1"),
            (
                "RUN apt-get update && pip3 install --no-cache-dir \\\n    flask==1.0 \\\n    gunicorn",
                "flask==1.0@2 gunicorn@3",
            ),
            ("python -m pip install -r requirements.txt -U pip", "pip@1 file requirements.txt"),
            ("python3.11 -m pip --quiet install a==1; uv pip install b==2", "a==1@1 b==2@1"),
            ("uv tool install ruff==0.1.0\npipx install black==23.1.0", "ruff==0.1.0@1 black==23.1.0@2"),
            ("pip install foo==$VERSION ${BAR} \"$X\"==1", "foo==$VERSION@1"),
            (
                "VERSION=1.5\nexport OTHER=2; pip install foo==$VERSION bar==\"${OTHER}\" baz==${THIRD:-3}",
                "foo==1.5@2 bar==2@2 baz==3@2",
            ),
            ("pip install .[dev] -e . --target /x --index-url https://h.example.org y", "y@1"),
            ("echo pip; pip download a; npm install b; pip uninstall c; echo pip install d", ""),
            ("pip install a > log.txt", "a@1"),
            ("uv add --dev 'pytest>=8' --group lint ruff", "pytest>=8@1 ruff@1"), // uv's manual: --group takes a name
            ("uv run --with rich==13 --with 'a,b' python x.py pip", "rich==13@1 a@1 b@1"),
            ("uvx ruff@0.7.3 check . && uvx --from 'httpie==3' http GET x", "ruff==0.7.3@1 httpie==3@1"),
            ("pipx run --spec cowsay==6 cowsay moo; pipx run black==24 --check .", "cowsay==6@1 black==24@1"),
            ("pipx inject tox tox-uv==1.16", "tox-uv==1.16@1"), // the first is an environment
            (
                "poetry add requests@^2.31 flask@latest -G dev httpx==0.27 git+https://h.example.org/a.git#egg=a",
                "requests>=2.31, <3@1 flask@1 httpx==0.27@1 a@1",
            ),
            ("poetry self add poetry-plugin-export==1.8", "poetry-plugin-export==1.8@1"),
            (
                "pipenv install --dev pytest -r dev.txt; pdm add -G test mock; poetry install",
                "pytest@1 mock@1 file dev.txt",
            ),
            ("sudo -H env X=1 /usr/bin/pip3 install --user a -c bounds.txt", "a@1"),
        ];
        for (shell, expected) in cases {
            let found = installed(shell, 1);
            let row =
                |p: &Package| format!("{}{}@{}", p.name, p.specifier.as_deref().unwrap_or(""), p.line.unwrap_or(0));
            let files = found.files.iter().map(|(path, _)| format!("file {path}"));
            let rows: Vec<String> = found.packages.iter().map(row).chain(files).collect();
            assert_eq!(rows.join(" "), expected, "{shell}");
        }
    }
}
