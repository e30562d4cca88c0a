//! `pip install` lines of Dockerfiles.
//!
//! Specification: <https://docs.docker.com/reference/dockerfile/>: `RUN` in its shell form, exec form and with here-documents, comments between
//! continued lines, the escape directive, and `ARG` and `ENV`, whose values are put in where they are written down.

use super::follow::Named;
use super::package::{Format, Manifest, Role};
use super::pip_command::{Installed, Variables, installed, installed_with};
use super::text::SourceText;

/// Reads a Dockerfile; `None` when it installs nothing.
#[must_use]
pub fn read(file: &SourceText) -> Option<Named> {
    let mut found = Installed::default();
    let mut variables = Variables::new();
    for instruction in instructions(&file.text) {
        let (word, rest) = split_word(&instruction.text);
        match word.to_ascii_uppercase().as_str() {
            "RUN" => found.append(run(rest, instruction.line, &mut variables)),
            "ONBUILD" => {
                let (word, rest) = split_word(rest);
                if word.eq_ignore_ascii_case("run") {
                    found.append(run(rest, instruction.line, &mut variables));
                }
            }
            "ARG" | "ENV" => note(rest, &mut variables),
            _ => {}
        }
    }
    Named::of(file, Format::Dockerfile, found)
}

impl Named {
    /// What was found as a manifest of its own; `None` when nothing was.
    pub(super) fn of(file: &SourceText, format: Format, found: Installed) -> Option<Self> {
        if found == Installed::default() {
            return None;
        }
        let manifest = Manifest { packages: found.packages, ..Manifest::new(&file.path, format, Role::Declared) };
        Some(Self { manifest, files: found.files })
    }
}

/// One instruction with its continued lines and here-documents, as a shell would have it: comments and empty lines between continued ones,
/// which a shell does not know, continue too.
struct Instruction {
    text: String,
    line: u32,
}

fn instructions(text: &str) -> Vec<Instruction> {
    // the parser directive that makes another character continue a line, as on Windows
    let escape = text.lines().take_while(|line| line.starts_with('#')).find_map(|line| {
        let (key, value) = line[1..].split_once('=')?;
        key.trim().eq_ignore_ascii_case("escape").then(|| value.trim().chars().next()).flatten()
    });
    let mut found = Vec::new();
    let mut open: Option<Instruction> = None;
    let mut documents: Vec<String> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let content = line.trim();
        if open.is_none() && (content.is_empty() || content.starts_with('#')) {
            continue;
        }
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let instruction = open.get_or_insert_with(|| Instruction { text: String::new(), line: number });
        let continued = content.strip_suffix(escape.unwrap_or('\\'));
        if let Some(end) = documents.first() {
            if content == end {
                documents.remove(0);
            }
            instruction.text.push_str(line);
        } else if content.is_empty() || content.starts_with('#') {
            instruction.text.push_str("\\\n");
            continue;
        } else if let Some(continued) = continued {
            instruction.text.push_str(continued);
            instruction.text.push_str("\\\n");
            continue;
        } else {
            instruction.text.push_str(line);
            documents = here_documents(content);
        }
        instruction.text.push('\n');
        if documents.is_empty() {
            found.extend(open.take());
        }
    }
    found.extend(open);
    found
}

/// The ends of the here-documents that a line begins (`<<EOF`, `<<-"EOF"`).
fn here_documents(line: &str) -> Vec<String> {
    let parts = line.split("<<").skip(1).filter_map(|rest| {
        let word = rest.trim_start_matches('-').split_whitespace().next()?;
        let name = word.trim_matches(['"', '\'']);
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        (is_name && !rest.starts_with(['<', ' '])).then(|| name.to_owned())
    });
    parts.collect()
}

fn split_word(text: &str) -> (&str, &str) {
    let start = text.len() - text.trim_start().len();
    let end = text[start..].find(char::is_whitespace).map_or(text.len(), |at| start + at);
    (&text[start..end], &text[end..])
}

/// `line` is that of the instruction; what stands before `rest` on it is one word.
fn run(rest: &str, line: u32, variables: &mut Variables) -> Installed {
    let mut arguments = rest;
    loop {
        let (word, after) = split_word(arguments);
        match word.starts_with("--") {
            true => arguments = after,
            false => break,
        }
    }
    if arguments.trim_start().starts_with('[')
        && let Ok(words) = serde_json::from_str::<Vec<String>>(arguments.trim())
    {
        let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', ""))).collect();
        // `["sh", "-c", "pip install x"]` has a shell's text in its last word
        let mut found = installed(&quoted.join(" "), line);
        if words.len() > 2 && words[1].starts_with('-') && words[1].ends_with('c') {
            found.append(installed_with(&words[2], line, variables));
        }
        return found;
    }
    // lines between the flags and the command count too
    let skipped = rest[..rest.len() - arguments.len()].matches('\n').count();
    installed_with(arguments, line + u32::try_from(skipped).unwrap_or(0), variables)
}

/// `ARG A=1 B=2`, `ENV A=1 B=2`, `ENV A 1`.
fn note(rest: &str, variables: &mut Variables) {
    let rest = rest.trim();
    if !rest.contains('=') {
        if let Some((name, value)) = rest.split_once(char::is_whitespace) {
            variables.insert(name.to_owned(), value.trim().to_owned());
        }
        return;
    }
    for word in super::shell::commands(rest, 1).iter().flatten() {
        if let Some((name, value)) = word.text.split_once('=') {
            variables.insert(name.to_owned(), value.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dockerfile_installs() {
        let cases = [
            ("FROM x\nRUN pip install a==1 && \\\n  pip install b\n", "a==1@2 b@3"),
            ("FROM x\nRUN [\"pip\", \"install\", \"a==1\"]\n", "a==1@2"),
            ("RUN [\"sh\", \"-c\", \"pip install a==1\"]\n", "a==1@1"),
            ("FROM x\nRUN <<EOF\npip install a\nEOF\nRUN pip install b", "a@3 b@5"),
            (
                "RUN --mount=type=cache,target=/root/.cache \\\n  pip install \\\n\n  # why: don't ask\n  a \\\n  b\nCMD x",
                "a@5 b@6",
            ),
            (
                "ARG V=1.2\nENV W=3 X=\"4\"\nENV Y 5\nRUN pip install a==$V b==${W} c==$X d==$Y e==$Z",
                "a==1.2@4 b==3@4 c==4@4 d==5@4 e==$Z@4",
            ),
            ("ONBUILD RUN pip install a\nLABEL how=\"pip install no\"\nRUN make install\n", "a@1"),
            ("# escape=`\nRUN pip install `\n  a", "a@3"),
            // a quote that is never closed ends with its instruction
            ("MAINTAINER it's me\nRUN pip install a\n", "a@2"),
            ("run pip install -r deps/prod.txt", "file deps/prod.txt@1"),
        ];
        for (text, expected) in cases {
            let named = read(&SourceText::new("Dockerfile", text.to_owned())).expect(text);
            let row = |p: &super::super::Package| {
                format!("{}{}@{}", p.name, p.specifier.as_deref().unwrap_or(""), p.line.unwrap_or(0))
            };
            let files = named.files.iter().map(|(path, line)| format!("file {path}@{line}"));
            let rows: Vec<String> = named.manifest.packages.iter().map(row).chain(files).collect();
            assert_eq!(rows.join(" "), expected, "{text}");
        }
        assert!(read(&SourceText::new("Dockerfile", "FROM x\nRUN make\n".to_owned())).is_none());
    }
}
