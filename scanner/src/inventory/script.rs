//! Dependencies that scripts declare themselves: PEP 723 blocks.
//!
//! Specification: <https://packaging.python.org/en/latest/specifications/inline-script-metadata/>.

use super::package::{Format, Manifest, Package, Project, Role};
use super::requirement::Requirement;
use super::text::SourceText;
use super::toml_file;
use crate::diagnostic::{Diagnostic, Stage};

/// Reads a script's block; `None` when it has none.
pub fn read(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Option<Manifest> {
    let mut lines = file.text.lines().enumerate();
    let first = lines.find(|(_, line)| line.trim_end() == "# /// script")?.0;
    // blank lines in place of what stands before keep the numbers right
    let mut block = "\n".repeat(first + 1);
    let mut is_closed = false;
    for (_, line) in lines {
        if line.trim_end() == "# ///" {
            is_closed = true;
            break;
        }
        let content = line.strip_prefix("# ").or_else(|| Some("").filter(|_| line.trim_end() == "#"));
        let Some(content) = content else { break };
        block.push_str(content);
        block.push('\n');
    }
    let number = u32::try_from(first + 1).unwrap_or(u32::MAX);
    if !is_closed {
        let reason = "expected `# ///` at the end of the script's metadata";
        diagnostics.push(Diagnostic::gap(Stage::Inventory, file.path.clone(), reason).at(number, 1));
    }
    let block = SourceText::new(&file.path, block);
    let root = toml_file::parse(&block, diagnostics);
    let mut manifest = Manifest::new(&file.path, Format::Script, Role::Declared);
    let python = toml_file::text(&root, "requires-python").map(str::to_owned);
    manifest.project = Some(Project { requires_python: python, ..Project::default() });
    for (text, at) in toml_file::texts(&root, "dependencies") {
        match Requirement::parse(text) {
            Ok(found) => {
                manifest.packages.push(Package { line: Some(block.line(at)), main: true, ..found.into_package() })
            }
            Err(expected) => diagnostics.push(block.gap(at, expected)),
        }
    }
    Some(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(manifest: &Manifest) -> String {
        let row = |p: &Package| format!("{}@{}", p.name, p.line.unwrap_or(0));
        manifest.packages.iter().map(row).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn blocks() {
        let mut diagnostics = Vec::new();
        let mut read = |text: &str| read(&SourceText::new("x.py", text.to_owned()), &mut diagnostics).map(|m| row(&m));
        let block = "#!/usr/bin/env python\n# /// script\n# dependencies = [\n#   \"requests<3\",\n#\n#   \"rich==1\",\n# ]\n# ///\nimport x\n";
        assert_eq!(read(block).as_deref(), Some("requests@4 rich@6"));
        assert_eq!(read("import x\n"), None);
        assert_eq!(read("# /// pyproject\n# ///\n"), None);
        assert!(diagnostics.is_empty());
        assert!(
            super::read(&SourceText::new("x.py", "# /// script\n# dependencies = []\n".into()), &mut diagnostics)
                .is_some()
        );
        assert_eq!(diagnostics.len(), 1);
    }
}
