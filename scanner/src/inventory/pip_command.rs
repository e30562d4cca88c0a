//! `pip install` and its like in shell text: Dockerfiles, CI workflows, notebooks.
//!
//! Specifications: the shell's words (POSIX 2.2), <https://pip.pypa.io/en/stable/cli/pip_install/>, `uv pip install`, `uv tool install` and `pipx install`.

use super::package::{Package, Source};
use super::requirement::Requirement;

/// A word of a command and the 1-based line it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    text: String,
    line: u32,
}

/// Options of `pip install` and `uv pip install` that take the next word.
const WITH_VALUE: [&str; 26] = [
    "-r",
    "--requirement",
    "--requirements",
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
];

/// The packages a shell text installs, with the line of each. `first_line` is the line the text begins on.
#[must_use]
pub fn installed(shell: &str, first_line: u32) -> Vec<Package> {
    commands(shell, first_line).iter().flat_map(|words| arguments(words)).collect()
}

/// Splits a shell text into commands: at line ends that are not continued, and at `;`, `&`, `|` and parentheses.
fn commands(shell: &str, first_line: u32) -> Vec<Vec<Word>> {
    let (mut commands, mut words): (Vec<Vec<Word>>, Vec<Word>) = (Vec::new(), Vec::new());
    let (mut word, mut line, mut began, mut quote, mut is_word) = (String::new(), first_line, first_line, None, false);
    let mut characters = shell.chars().peekable();
    while let Some(character) = characters.next() {
        let at = line;
        line += u32::from(character == '\n');
        if quote.is_none() && (character.is_whitespace() || ";&|()".contains(character)) {
            if is_word {
                words.push(Word { text: std::mem::take(&mut word), line: began });
                is_word = false;
            }
            if !character.is_whitespace() || character == '\n' {
                commands.push(std::mem::take(&mut words));
            }
            continue;
        }
        if character == '#' && quote.is_none() && !is_word {
            while characters.next_if(|&next| next != '\n').is_some() {}
            // a comment between continued lines, as Dockerfiles allow it, does not end the command
            if !words.is_empty() && words.first().is_some_and(|first| first.line < at) {
                line += u32::from(characters.next_if_eq(&'\n').is_some());
            }
            continue;
        }
        if character == '\\' && quote != Some('\'') {
            characters.next_if_eq(&'\r');
            match characters.next() {
                Some('\n') => line += 1,
                Some(next) => {
                    (began, is_word) = (if is_word { began } else { at }, true);
                    word.push(next);
                }
                None => {}
            }
            continue;
        }
        (began, is_word) = (if is_word { began } else { at }, true);
        match quote {
            Some(open) if open == character => quote = None,
            None if matches!(character, '\'' | '"') => quote = Some(character),
            _ => word.push(character),
        }
    }
    if is_word {
        words.push(Word { text: word, line: began });
    }
    commands.push(words);
    commands
}

/// Where the arguments of an install begin.
fn install_at(words: &[Word]) -> Option<usize> {
    let text = |at: usize| words.get(at).map(|word| word.text.as_str());
    (0..words.len()).find_map(|at| {
        let program = text(at)?.rsplit('/').next()?;
        let is_pip =
            program.strip_prefix("pip").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'));
        if is_pip {
            // options may stand before the command
            let command = (at + 1..words.len()).find(|&next| !words[next].text.starts_with('-'))?;
            return (text(command)? == "install").then_some(command + 1);
        }
        let is_tool = program == "pipx" || (program == "tool" && at > 0 && text(at - 1)? == "uv");
        (is_tool && text(at + 1)? == "install").then_some(at + 2)
    })
}

fn arguments(words: &[Word]) -> Vec<Package> {
    let Some(start) = install_at(words) else { return Vec::new() };
    let mut packages = Vec::new();
    let mut rest = words[start..].iter();
    while let Some(word) = rest.next() {
        let text = word.text.as_str();
        if text == "-e" || text == "--editable" {
            packages.extend(rest.next().and_then(|next| package(&next.text, next.line, true)));
        } else if WITH_VALUE.contains(&text) {
            rest.next();
        } else if text.starts_with(['>', '<']) || text.starts_with("2>") {
            break;
        } else if !text.starts_with('-') {
            packages.extend(package(text, word.line, false));
        }
    }
    packages
}

/// One argument; a variable in place of the version leaves the version open, one in place of the name says nothing.
fn package(text: &str, line: u32, editable: bool) -> Option<Package> {
    let variable = text.find(['$', '{', '`']);
    let requirement = match (Requirement::parse(text), variable) {
        (Ok(requirement), None) => requirement,
        (_, Some(at)) => {
            let name = text[..at].split(['=', '<', '>', '!', '~']).next().filter(|name| name.len() < at)?;
            let mut open = Requirement::parse(name).ok()?;
            open.specifier = Some(text[name.len()..].to_owned());
            open
        }
        (Err(_), None) => return None,
    };
    let mut package = Package { line: Some(line), main: true, ..requirement.into_package() };
    if let (true, Source::Path { path, .. }) = (editable, &package.source) {
        package.source = Source::Editable { path: path.clone() };
    }
    Some(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_install() {
        let cases = [
            ("pip install requests==2.0 'django<4'", "requests==2.0@1 django<4@1"),
            (
                "RUN apt-get update && pip3 install --no-cache-dir \\\n    # why\n    flask==1.0 \\\n    gunicorn",
                "flask==1.0@3 gunicorn@4",
            ),
            ("python -m pip install -r requirements.txt -U pip", "pip@1"),
            ("python3.11 -m pip --quiet install a==1; uv pip install b==2", "a==1@1 b==2@1"),
            ("uv tool install ruff==0.1.0\npipx install black==23.1.0", "ruff==0.1.0@1 black==23.1.0@2"),
            ("pip install foo==$VERSION ${BAR} \"$X\"==1", "foo==$VERSION@1"),
            ("pip install .[dev] -e . --target /x --index-url https://h.example.org y", "y@1"),
            ("echo pip; pip download a; npm install b; pip uninstall c", ""),
            ("pip install a > log.txt", "a@1"),
        ];
        for (shell, expected) in cases {
            let found = installed(shell, 1);
            let row =
                |p: &Package| format!("{}{}@{}", p.name, p.specifier.as_deref().unwrap_or(""), p.line.unwrap_or(0));
            assert_eq!(found.iter().map(row).collect::<Vec<_>>().join(" "), expected, "{shell}");
        }
    }
}
