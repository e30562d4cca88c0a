//! Dependencies that scripts declare themselves: PEP 723 blocks, and `%pip install` in notebooks.
//!
//! Specifications: <https://packaging.python.org/en/latest/specifications/inline-script-metadata/>, and nbformat 4 (3 has its cells in `worksheets`).

use serde_json::Value;

use super::package::{Format, Manifest, Package, Project, Role};
use super::pip_command::installed;
use super::requirement::Requirement;
use super::text::SourceText;
use super::toml_file;
use crate::diagnostic::{Diagnostic, Stage};

/// Lines of a notebook that were not found as they stand in its file, before the search is given up.
const MAX_MISSES: usize = 16;

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

/// Reads a notebook's `%pip install` and `!pip install` lines; `None` when it has none.
pub fn read_notebook(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Option<Manifest> {
    memchr::memmem::find(file.text.as_bytes(), b"pip")?;
    // serde_json refuses what is nested deeper than 128
    let root: Value = match serde_json::from_str(&file.text) {
        Ok(root) => root,
        Err(error) => {
            let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
            let found = Diagnostic::gap(Stage::Inventory, file.path.clone(), format!("not a notebook: {error}"));
            diagnostics.push(found.at(number(error.line()), number(error.column())));
            return None;
        }
    };
    let mut packages = Vec::new();
    let (mut from, mut misses) = (0, 0);
    let sheets = root["worksheets"].as_array().into_iter().flatten().filter_map(|sheet| sheet["cells"].as_array());
    for cell in root["cells"].as_array().into_iter().chain(sheets).flatten().filter(|cell| cell["cell_type"] == "code")
    {
        let source = if cell["source"].is_null() { &cell["input"] } else { &cell["source"] };
        for line in lines_of(source) {
            let Some(command) = line.trim_start().strip_prefix(['%', '!']) else { continue };
            let found = installed(command, 1);
            if found.is_empty() {
                continue;
            }
            // the cell's line as it stands in the file
            let encoded = Value::from(line.as_str()).to_string();
            let needle = encoded.trim_matches('"').as_bytes();
            // each failed search reads the rest of the file, so that there may be few of them
            let at =
                (misses < MAX_MISSES).then(|| memchr::memmem::find(&file.text.as_bytes()[from..], needle)).flatten();
            let at = at.map(|at| at + from);
            misses += usize::from(at.is_none());
            from = at.map_or(from, |at| at + needle.len());
            packages.extend(found.into_iter().map(|package| Package { line: at.map(|at| file.line(at)), ..package }));
        }
    }
    (!packages.is_empty()).then(|| Manifest { packages, ..Manifest::new(&file.path, Format::Script, Role::Declared) })
}

fn lines_of(source: &Value) -> Vec<String> {
    let text = match source {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    };
    text.lines().map(str::to_owned).collect()
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

    #[test]
    fn notebooks() {
        let text = "{\"cells\": [\n {\"cell_type\": \"code\", \"source\": [\n  \"%pip install a==1\\n\",\n  \"import x\\n\",\n  \"!pip install -q 'b<2'\"]},\n \
                    {\"cell_type\": \"markdown\", \"source\": [\"%pip install no\"]}]}";
        let mut diagnostics = Vec::new();
        let found = read_notebook(&SourceText::new("n.ipynb", text.to_owned()), &mut diagnostics).unwrap();
        assert_eq!((row(&found).as_str(), diagnostics.len()), ("a@3 b@5", 0));
        assert!(read_notebook(&SourceText::new("n.ipynb", "{\"pip\": ".to_owned()), &mut diagnostics).is_none());
        assert_eq!(diagnostics.len(), 1);
    }
}
