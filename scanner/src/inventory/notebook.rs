//! `%pip install` and `!pip install` in notebooks.
//!
//! Specifications: nbformat 4 (3 has its cells in `worksheets`), and IPython's magics and shell escapes.

use serde_json::Value;

use super::follow::Named;
use super::package::{Format, Package};
use super::pip_command::{Installed, installed};
use super::text::SourceText;
use super::yaml_file::{self, Node};
use crate::diagnostic::{Diagnostic, Stage};

/// Lines that were not found as they stand in the file, before the search is given up.
const MAX_MISSES: usize = 16;
/// Magics that hand their whole cell to a shell.
const SHELL_CELLS: [&str; 5] = ["%%bash", "%%sh", "%%script bash", "%%script sh", "%%!"];

/// Reads a notebook; `None` when it installs nothing.
pub fn read(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Option<Named> {
    ["pip", "uv "].iter().find(|word| memchr::memmem::find(file.text.as_bytes(), word.as_bytes()).is_some())?;
    // serde_json refuses what is nested deeper than 128
    let cells = match serde_json::from_str(&file.text) {
        Ok(root) => {
            let root: Value = root;
            if !root["cells"].is_array() && !root["worksheets"].is_array() {
                diagnostics.push(file.gap(0, "expected a notebook, an object with the list `cells`"));
            }
            code_cells(&root)
        }
        Err(error) => {
            let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
            let found = Diagnostic::gap(Stage::Inventory, file.path.clone(), format!("not a notebook: {error}"));
            let (line, column) = (number(error.line()), number(error.column()));
            diagnostics.push(found.at(line, column));
            cells_before(file)
        }
    };
    let mut places = Places { file, from: 0, misses: 0 };
    let mut found = Installed::default();
    for cell in &cells {
        for (first, command) in commands(cell) {
            let mut of_command = installed(&command, 1);
            if of_command == Installed::default() {
                continue;
            }
            let line = places.find(first);
            of_command.packages = of_command.packages.into_iter().map(|package| Package { line, ..package }).collect();
            of_command.files.iter_mut().for_each(|(_, at)| *at = line.unwrap_or(1));
            found.append(of_command);
        }
    }
    Named::of(file, Format::Script, found)
}

/// The text of each code cell.
fn code_cells(root: &Value) -> Vec<String> {
    let sheets = root["worksheets"].as_array().into_iter().flatten().filter_map(|sheet| sheet["cells"].as_array());
    let cells = root["cells"].as_array().into_iter().chain(sheets).flatten();
    let code = cells.filter(|cell| cell["cell_type"] == "code");
    code.map(|cell| match if cell["source"].is_null() { &cell["input"] } else { &cell["source"] } {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    })
    .collect()
}

/// The code cells of a notebook that breaks off, as far as it goes: JSON is YAML, which is read up to the fault.
fn cells_before(file: &SourceText) -> Vec<String> {
    let documents = yaml_file::parse(file, &mut Vec::new());
    let Some(root) = documents.first() else { return Vec::new() };
    let sheets = root.get("worksheets").map_or(&[][..], Node::items).iter().filter_map(|sheet| sheet.get("cells"));
    let cells = root.get("cells").into_iter().chain(sheets).flat_map(Node::items);
    let code = cells.filter(|cell| cell.field("cell_type") == Some("code"));
    let source = code.filter_map(|cell| cell.get("source").or_else(|| cell.get("input")));
    source
        .map(|source| match source.text() {
            Some(text) => text.to_owned(),
            None => source.items().iter().filter_map(|line| line.text()).collect(),
        })
        .collect()
}

/// The shell's part of a cell: each command with the line it begins on, as written.
fn commands(cell: &str) -> Vec<(&str, String)> {
    let first = cell.lines().next().unwrap_or_default();
    if SHELL_CELLS.iter().any(|magic| first.trim_start().starts_with(magic)) {
        return cell.lines().skip(1).map(|line| (line, line.to_owned())).collect();
    }
    let mut found = Vec::new();
    let mut lines = cell.lines();
    while let Some(line) = lines.next() {
        let Some(command) = line.trim_start().strip_prefix(['%', '!']) else { continue };
        let mut command = command.to_owned();
        while command.ends_with('\\') {
            let Some(next) = lines.next() else { break };
            command.push('\n');
            command.push_str(next);
        }
        found.push((line, command));
    }
    found
}

/// Where a cell's line stands in the file.
struct Places<'f> {
    file: &'f SourceText,
    from: usize,
    misses: usize,
}

impl Places<'_> {
    /// Each failed search reads the rest of the file, so that there may be few of them.
    fn find(&mut self, line: &str) -> Option<u32> {
        if self.misses >= MAX_MISSES {
            return None;
        }
        let encoded = Value::from(line).to_string();
        let needle = &encoded.as_bytes()[1..encoded.len() - 1];
        match memchr::memmem::find(&self.file.text.as_bytes()[self.from..], needle) {
            Some(at) => {
                let start = self.from + at;
                self.from = start + needle.len();
                Some(self.file.line(start))
            }
            None => {
                self.misses += 1;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(named: Option<&Named>) -> String {
        let row = |p: &Package| format!("{}@{}", p.name, p.line.unwrap_or(0));
        let packages = named.into_iter().flat_map(|named| named.manifest.packages.iter().map(row));
        let files =
            named.into_iter().flat_map(|named| named.files.iter().map(|(path, line)| format!("file {path}@{line}")));
        packages.chain(files).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn cells_that_install() {
        let code = |lines: &str| format!("{{\"cells\": [\n {{\"cell_type\": \"code\", \"source\": [\n{lines}]}}]}}");
        let cases = [
            ("\"%pip install a==1\\n\",\n\"import x\\n\",\n\"!pip install -q 'b<2'\"", "a@3 b@5"),
            ("\"%pip install a \\\\\\n\",\n\"   b\\n\",\n\"c = 1\"", "a@3 b@3"),
            ("\"%%bash\\n\",\n\"pip install a\\n\",\n\"uv pip install b\"", "a@4 b@5"),
            ("\"!{sys.executable} -m pip install a -r extra.txt\"", "a@3 file extra.txt@3"),
            ("\"pip = 'pip install a'\"", ""),
        ];
        for (lines, expected) in cases {
            let mut diagnostics = Vec::new();
            let found = read(&SourceText::new("n.ipynb", code(lines)), &mut diagnostics);
            assert_eq!((row(found.as_ref()).as_str(), diagnostics.len()), (expected, 0), "{lines}");
        }
        let markdown = "{\"cells\": [{\"cell_type\": \"markdown\", \"source\": [\"%pip install no\"]}]}";
        assert!(read(&SourceText::new("n.ipynb", markdown.to_owned()), &mut Vec::new()).is_none());
    }

    #[test]
    fn what_stands_before_a_fault_is_kept() {
        let text = "{\"cells\": [\n {\"cell_type\": \"code\", \"source\": [\n  \"%pip install a==1\\n\",\n  \"!pip install b\"]},\n {\"cell";
        let mut diagnostics = Vec::new();
        let found = read(&SourceText::new("n.ipynb", text.to_owned()), &mut diagnostics);
        assert_eq!(row(found.as_ref()), "a@3 b@4");
        assert_eq!(diagnostics.iter().map(|said| (said.gap, said.line)).collect::<Vec<_>>(), [(true, Some(5))]);
    }
}
