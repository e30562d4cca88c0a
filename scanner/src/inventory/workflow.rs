//! `pip install` lines of CI workflows.
//!
//! Specifications: the step keys of GitHub, Gitea, GitLab, CircleCI, Azure, Bitbucket, Travis, AppVeyor, Drone and Read the Docs.

use std::rc::Rc;

use super::follow::Named;
use super::package::Format;
use super::pip_command::{Installed, installed};
use super::text::SourceText;
use super::yaml_file::{self, Content, Node};
use crate::diagnostic::Diagnostic;

/// Keys whose text (or list of texts) a shell runs.
const SHELL_KEYS: [&str; 22] = [
    "run",
    "script",
    "before_script",
    "after_script",
    "command",
    "bash",
    "sh",
    "install",
    "before_install",
    "inline",
    "commands",
    "pre_build",
    "build",
    "post_build",
    "test_script",
    "build_script",
    "post_install",
    "pre_install",
    "post_create_environment",
    "pre_create_environment",
    "before_deploy",
    "args",
];
/// Values of one file, aliases unfolded: a file made for the purpose has more paths than nodes.
const MAX_VALUES: usize = 1_000_000;

/// Reads a CI workflow; `None` when it installs nothing.
pub fn read(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Option<Named> {
    let text = file.text.as_bytes();
    ["install", " add ", "uvx", "pipx", "--with"]
        .iter()
        .find(|word| memchr::memmem::find(text, word.as_bytes()).is_some())?;
    let documents = yaml_file::parse(file, diagnostics);
    let mut found = Installed::default();
    // (node, a shell runs it)
    let mut queue: Vec<(&Rc<Node>, bool)> = documents.iter().map(|node| (node, false)).collect();
    let mut budget = MAX_VALUES;
    while let Some((node, is_shell)) = queue.pop() {
        let Some(left) = budget.checked_sub(1) else {
            diagnostics.push(file.gap(0, "expected a workflow whose aliases unfold to less than a million values"));
            break;
        };
        budget = left;
        match &node.content {
            Content::Scalar(text, _) if is_shell => found.append(installed(text, first_line(file, node))),
            Content::Scalar(..) => {}
            Content::Sequence(items) => queue.extend(items.iter().map(|item| (item, is_shell))),
            Content::Mapping(entries) => {
                queue.extend(
                    entries.iter().map(|(key, value)| (value, key.text().is_some_and(|key| SHELL_KEYS.contains(&key)))),
                );
            }
        }
    }
    found.packages.sort_by_key(|package| package.line);
    Named::of(file, Format::Dockerfile, found)
}

/// The line a scalar's text begins on: a block's text begins below its `|`.
fn first_line(file: &SourceText, node: &Node) -> u32 {
    let line = file.line_text(node.line);
    let is_block = line.trim_end().ends_with(['|', '>', '-', '+'])
        && (line.contains(": |") || line.contains(": >") || line.contains("- |") || line.contains("- >"));
    node.line + u32::from(is_block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_workflows_install() {
        let cases = [
            // GitHub
            (
                "jobs:\n  t:\n    steps:\n      - run: pip install a==1\n      - name: pip install no\n        run: |\n          set -e\n          pip install b\n",
                "a@4 b@8",
            ),
            // GitLab, with an anchor
            (
                ".setup: &setup\n  - pip install a\ntest:\n  before_script:\n    - *setup\n    - pip install b\n",
                "a@2 b@6",
            ),
            // CircleCI
            (
                "jobs:\n  build:\n    steps:\n      - run:\n          name: x\n          command: |\n            pip install a\n",
                "a@7",
            ),
            // Azure
            ("steps:\n- script: pip install a\n- bash: |\n    uv add b\n", "a@2 b@4"),
            // Read the Docs, Drone
            ("build:\n  jobs:\n    post_install:\n      - pip install a\n", "a@4"),
            ("steps:\n- commands:\n  - poetry add b\n", "b@3"),
        ];
        for (text, expected) in cases {
            let mut diagnostics = Vec::new();
            let named = read(&SourceText::new("w.yml", text.to_owned()), &mut diagnostics).expect(text);
            let row = |p: &super::super::Package| format!("{}@{}", p.name, p.line.unwrap_or(0));
            let rows: Vec<String> = named.manifest.packages.iter().map(row).collect();
            assert_eq!((rows.join(" ").as_str(), diagnostics.len()), (expected, 0), "{text}");
        }
        assert!(read(&SourceText::new("w.yml", "run: make install\n".to_owned()), &mut Vec::new()).is_none());
    }
}
