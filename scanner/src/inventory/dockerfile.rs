//! `pip install` lines of Dockerfiles and CI workflows.
//!
//! Specifications: <https://docs.docker.com/reference/dockerfile/#run>; the step keys of GitHub, GitLab, CircleCI, Azure, Bitbucket and Travis.

use std::rc::Rc;

use super::package::{Format, Manifest, Package, Role};
use super::pip_command::installed;
use super::text::SourceText;
use super::yaml_file::{self, Content, Node};
use crate::diagnostic::Diagnostic;

/// Keys whose text (or list of texts) a shell runs.
const SHELL_KEYS: [&str; 12] = [
    "run",
    "script",
    "before_script",
    "after_script",
    "command",
    "bash",
    "install",
    "before_install",
    "inline",
    "commands",
    "pre_build",
    "build",
];

/// Reads a Dockerfile; `None` when it installs nothing with pip.
#[must_use]
pub fn read(file: &SourceText) -> Option<Manifest> {
    let mut packages = Vec::new();
    // exec form: `RUN ["pip", "install", "x"]`
    for (index, line) in file.text.lines().enumerate() {
        let arguments = line
            .trim_start()
            .get(..3)
            .filter(|word| word.eq_ignore_ascii_case("run"))
            .map(|_| line.trim_start()[3..].trim());
        if let Some(Ok(words)) = arguments.filter(|text| text.starts_with('[')).map(serde_json::from_str::<Vec<String>>)
        {
            let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', ""))).collect();
            packages.extend(installed(&quoted.join(" "), u32::try_from(index + 1).unwrap_or(u32::MAX)));
        }
    }
    packages.extend(installed(&file.text, 1));
    manifest(file, packages)
}

/// Reads a CI workflow; `None` when it installs nothing with pip.
pub fn read_workflow(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Option<Manifest> {
    memchr::memmem::find(file.text.as_bytes(), b"install")?;
    let documents = yaml_file::parse(file, diagnostics);
    let mut packages = Vec::new();
    // (node, a shell runs it)
    let mut queue: Vec<(&Rc<Node>, bool)> = documents.iter().map(|node| (node, false)).collect();
    // aliases share nodes, so that a file made for the purpose has more paths than nodes
    let mut budget = 1_000_000_usize;
    while let Some((node, is_shell)) = queue.pop() {
        let Some(left) = budget.checked_sub(1) else {
            diagnostics.push(file.gap(0, "expected a workflow whose aliases unfold to less than a million values"));
            break;
        };
        budget = left;
        match &node.content {
            Content::Scalar(text, _) if is_shell => packages.extend(installed(text, first_line(file, node))),
            Content::Scalar(..) => {}
            Content::Sequence(items) => queue.extend(items.iter().map(|item| (item, is_shell))),
            Content::Mapping(entries) => {
                queue.extend(
                    entries.iter().map(|(key, value)| (value, key.text().is_some_and(|key| SHELL_KEYS.contains(&key)))),
                );
            }
        }
    }
    packages.sort_by_key(|package| package.line);
    manifest(file, packages)
}

/// The line a scalar's text begins on: a block's text begins below its `|`.
fn first_line(file: &SourceText, node: &Node) -> u32 {
    let line = file.line_text(node.line);
    let is_block = line.trim_end().ends_with(['|', '>', '-', '+'])
        && (line.contains(": |") || line.contains(": >") || line.contains("- |"));
    node.line + u32::from(is_block)
}

fn manifest(file: &SourceText, packages: Vec<Package>) -> Option<Manifest> {
    (!packages.is_empty())
        .then(|| Manifest { packages, ..Manifest::new(&file.path, Format::Dockerfile, Role::Declared) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockerfiles_and_workflows() {
        let row = |manifest: Option<Manifest>| {
            let row = |p: &Package| format!("{}@{}", p.name, p.line.unwrap_or(0));
            manifest.map(|manifest| manifest.packages.iter().map(row).collect::<Vec<_>>().join(" "))
        };
        let docker = |text: &str| row(read(&SourceText::new("Dockerfile", text.to_owned())));
        assert_eq!(docker("FROM x\nRUN pip install a==1 && \\\n  pip install b\n").as_deref(), Some("a@2 b@3"));
        assert_eq!(docker("FROM x\nRUN [\"pip\", \"install\", \"a==1\"]\n").as_deref(), Some("a@2"));
        assert_eq!(docker("FROM x\nRUN <<EOF\npip install a\nEOF\n").as_deref(), Some("a@3"));
        assert_eq!(docker("FROM x\nRUN make install\n"), None);
        let workflow = "jobs:\n  t:\n    steps:\n      - run: pip install a==1\n      - name: pip install no\n        run: |\n          set -e\n          pip install b\n";
        let mut diagnostics = Vec::new();
        let found = read_workflow(&SourceText::new("w.yml", workflow.to_owned()), &mut diagnostics);
        assert_eq!((row(found).as_deref(), diagnostics.len()), (Some("a@4 b@8"), 0));
    }
}
