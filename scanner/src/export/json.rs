//! The report as JSON, as design/contract.md fixes it, and as JSON lines.

use serde_json::{Value, json};

use crate::report::Report;

/// One object, indented, with a newline at its end.
///
/// # Errors
/// When a value cannot be written as JSON, such as a number that is none.
pub fn object(report: &Report) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}

/// One line a manifest, finding and diagnostic, each with its `type`; the last line is the report without these lists.
///
/// # Errors
/// As [`object`].
pub fn lines(report: &Report) -> Result<String, serde_json::Error> {
    let mut out = String::new();
    let Value::Object(mut rest) = serde_json::to_value(report)? else { return Ok(out) };
    for (list, kind) in [("inventory", "manifest"), ("findings", "finding"), ("diagnostics", "diagnostic")] {
        let Some(Value::Array(items)) = rest.shift_remove(list) else { continue };
        for item in items {
            out.push_str(&typed(kind, item).to_string());
            out.push('\n');
        }
    }
    out.push_str(&typed("report", Value::Object(rest)).to_string());
    out.push('\n');
    Ok(out)
}

fn typed(kind: &str, value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let head = [("type".to_owned(), Value::String(kind.to_owned()))];
            Value::Object(head.into_iter().chain(fields).collect())
        }
        other => json!({ "type": kind, "value": other }),
    }
}
