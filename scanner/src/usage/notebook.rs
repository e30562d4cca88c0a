//! The code cells of a Jupyter notebook, with IPython's own syntax taken out.

use serde_json::Value;

use super::imports::{Problem, PythonText, read_python};

/// Reads every code cell (nbformat 3 and 4).
///
/// # Errors
/// When the text is no notebook; a cell that is broken becomes a problem of the result instead.
pub fn read_notebook(bytes: &[u8]) -> Result<(PythonText, Vec<(String, u32)>), String> {
    let notebook: Value = serde_json::from_slice(bytes).map_err(|error| format!("not a notebook: {error}"))?;
    let cells = match (notebook.get("cells"), notebook.get("worksheets")) {
        (Some(Value::Array(cells)), _) => cells.iter().collect::<Vec<_>>(),
        (None, Some(Value::Array(sheets))) => {
            sheets.iter().filter_map(|sheet| sheet.get("cells")?.as_array()).flatten().collect()
        }
        _ => return Err("not a notebook: it has no cells".to_owned()),
    };
    let mut whole = PythonText::default();
    let mut commands = Vec::new();
    for (at, cell) in cells.into_iter().enumerate() {
        let number = u32::try_from(at).unwrap_or(u32::MAX);
        if cell.get("cell_type").and_then(Value::as_str) != Some("code") {
            continue;
        }
        let Some(source) = cell.get("source").or_else(|| cell.get("input")).and_then(joined) else {
            let reason = "a code cell without source".to_owned();
            whole.problems.push(Problem { line: 1, cell: Some(number), reason });
            continue;
        };
        let Some(code) = without_magics(&source, number, &mut commands) else { continue };
        let read = read_python(&code, false, Some(number));
        whole.imports.extend(read.imports);
        whole.literals.extend(read.literals);
        whole.problems.extend(read.problems);
        for (name, line) in read.references {
            whole.references.entry(name).or_insert(line);
        }
    }
    Ok((whole, commands))
}

fn joined(source: &Value) -> Option<String> {
    match source {
        Value::String(text) => Some(text.clone()),
        Value::Array(lines) => Some(lines.iter().filter_map(Value::as_str).collect()),
        _ => None,
    }
}

/// Python with magics and shell lines blanked, so that lines keep their numbers; `None` for a cell in another language.
fn without_magics(source: &str, cell: u32, commands: &mut Vec<(String, u32)>) -> Option<String> {
    let mut code = String::with_capacity(source.len());
    for (at, line) in source.lines().enumerate() {
        let trimmed = line.trim_start();
        if at == 0
            && let Some(magic) = trimmed.strip_prefix("%%")
        {
            let python = ["time", "timeit", "capture", "prun", "python", "python3", "memit"];
            if !python.contains(&magic.split_whitespace().next().unwrap_or_default()) {
                return None;
            }
            code.push('\n');
            continue;
        }
        let indent = &line[..line.len() - trimmed.len()];
        if let Some(command) = trimmed.strip_prefix('!') {
            commands.push((command.to_owned(), cell));
            code.push_str(indent);
            code.push_str("pass");
        } else if let Some(magic) = trimmed.strip_prefix('%') {
            // `%time x()` and `%timeit x()` run Python; the others are IPython's own
            let (name, rest) = magic.split_once(' ').unwrap_or((magic, ""));
            code.push_str(indent);
            code.push_str(if matches!(name, "time" | "timeit") && !rest.starts_with('-') { rest } else { "pass" });
        } else if trimmed.ends_with('?') && !trimmed.contains('#') {
            code.push_str(indent);
            code.push_str("pass");
        } else {
            code.push_str(line);
        }
        code.push('\n');
    }
    Some(code)
}
