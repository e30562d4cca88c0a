//! Jupyter notebooks: cells as the texts they are, sources and outputs, with arrays of lines joined. Format: nbformat 4.

use std::collections::HashSet;

use serde_json::Value;

use super::layer::{Point, point_in};

/// One text of a notebook.
pub(super) struct CellText {
    pub text: String,
    /// The point in the file for each line of `text`: offset, point.
    pub marks: Vec<(usize, Point)>,
    /// `source`, `output`.
    pub part: &'static str,
}

/// Whether the bytes may be a notebook: cheap, before anything is parsed.
pub(super) fn is_likely(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
        && memchr::memmem::find(bytes, b"\"cells\"").is_some()
        && memchr::memmem::find(bytes, b"\"cell_type\"").is_some()
}

/// The numbers of the lines in a notebook's file that are lines of cells.
pub(super) fn lines_of_cells(bytes: &[u8]) -> HashSet<u32> {
    let lines = (1..).zip(bytes.split(|byte| *byte == b'\n'));
    lines.filter(|(_, line)| is_line_of_cell(line.trim_ascii_start())).map(|(number, _)| number).collect()
}

/// `"password = 1\\n",`: an element of a list, as the lines of a cell are, and no entry with a name.
fn is_line_of_cell(line: &[u8]) -> bool {
    let Some(inner) = line.strip_prefix(b"\"") else { return false };
    let mut escaped = false;
    let close = inner.iter().position(|byte| {
        let closes = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    });
    close.is_some_and(|close| !inner[close + 1..].trim_ascii_start().starts_with(b":"))
}

/// The texts of all cells, or the parser's reason.
pub(super) fn texts(bytes: &[u8]) -> Result<Vec<CellText>, String> {
    let notebook: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    // Strings stand in the file in the order of the document: each is looked for behind the one before.
    let mut cursor = 0;
    for (number, cell) in notebook["cells"].as_array().into_iter().flatten().enumerate() {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        // Outputs may stand before or behind the source: both search from the cell's beginning.
        let start = cursor;
        let mut furthest = start;
        let mut add = |value: &Value, part: &'static str| {
            let mut at = start;
            if let Some(text) = joined(bytes, value, number, part, &mut at) {
                furthest = furthest.max(at);
                out.push(text);
            }
        };
        add(&cell["source"], "source");
        for output in cell["outputs"].as_array().into_iter().flatten() {
            for part in ["text", "traceback"] {
                add(&output[part], "output");
            }
            for (kind, value) in output["data"].as_object().into_iter().flatten() {
                if kind.starts_with("text/") || kind.ends_with("json") || kind.ends_with("+xml") {
                    add(value, "output");
                }
            }
        }
        cursor = furthest;
    }
    Ok(out)
}

fn joined(bytes: &[u8], value: &Value, cell: u32, part: &'static str, at: &mut usize) -> Option<CellText> {
    let pieces: Vec<&str> = match value {
        Value::String(text) => vec![text],
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let mut found = CellText { text: String::new(), marks: Vec::new(), part };
    let mut last = point_in(bytes, *at);
    let mut counted = *at;
    for piece in pieces {
        // Only the beginning, and only as far as it is written without escapes: long lines would cost quadratic time.
        let plain: String =
            piece.chars().take(60).take_while(|letter| !matches!(letter, '"' | '\\') && !letter.is_control()).collect();
        let needle = format!("\"{plain}");
        if let Some(hit) = memchr::memmem::find(&bytes[*at..], needle.as_bytes()) {
            let place = *at + hit + 1;
            let newlines = memchr::memchr_iter(b'\n', &bytes[counted..place]).count() as u32;
            let line_start = memchr::memrchr(b'\n', &bytes[..place]).map_or(0, |newline| newline + 1);
            last = Point { line: last.line + newlines, column: (place - line_start + 1) as u32, cell: Some(cell) };
            counted = place;
            *at = place;
        }
        found.marks.push((found.text.len(), Point { cell: Some(cell), ..last }));
        found.text.push_str(piece);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_cells() {
        for (line, expected) in [
            (r#""A, PW = \"a\", \"b\"\n","#, true),
            (r#""last""#, true),
            (r#""name": "value","#, false),
            (r#""name" : 1"#, false),
            (r#"{"source": ["#, false),
            (r#""open"#, false),
            (r#""a \\": 1"#, false),
        ] {
            assert_eq!(is_line_of_cell(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn cells_lines_and_outputs() {
        let file = r##"{
 "cells": [
  {"cell_type": "markdown", "source": "# Title"},
  {"cell_type": "code",
   "source": [
    "import os\n",
    "key = \"a\"\n"
   ],
   "outputs": [
    {"output_type": "stream", "text": ["first\n", "second\n"]},
    {"output_type": "display_data", "data": {"image/png": "iVBORw0", "text/plain": "third"}}
   ]}
 ], "nbformat": 4}"##;
        assert!(is_likely(file.as_bytes()));
        let texts = texts(file.as_bytes()).unwrap();
        let seen: Vec<_> = texts.iter().map(|cell| (cell.text.as_str(), cell.part)).collect();
        assert_eq!(
            seen,
            [
                ("# Title", "source"),
                ("import os\nkey = \"a\"\n", "source"),
                ("first\nsecond\n", "output"),
                ("third", "output")
            ]
        );
        let places: Vec<_> = texts[1].marks.iter().map(|(at, point)| (*at, point.line, point.cell)).collect();
        assert_eq!(places, [(0, 6, Some(1)), (10, 7, Some(1))]);
        assert_eq!(texts[2].marks[1].1.line, 10);
        assert!(super::texts(b"{\"cells\": [").is_err());
    }
}
