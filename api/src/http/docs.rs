//! A page to read the API's description in: made from the description itself, without scripts or anything from elsewhere.

use std::fmt::Write as _;

use serde_json::Value;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2228;background:#fff}\
code{font:14px/1.4 ui-monospace,monospace}details{border:1px solid #ccd;border-radius:6px;margin:.4rem 0;padding:.3rem .7rem}\
summary{cursor:pointer}b{display:inline-block;min-width:4.2rem}table{border-collapse:collapse;margin:.4rem 0}\
td,th{text-align:left;vertical-align:top;padding:.15rem .8rem .15rem 0}nav a{margin-right:1rem}\
@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#14181c}details{border-color:#445}a{color:#8cf}}";

/// What the page may load: nothing.
pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The page.
pub fn page(description: &Value) -> String {
    let mut html = String::new();
    // writing to a String does not fail
    let _ = write!(
        html,
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Secretarybird API</title><style>{STYLE}</style><h1>Secretarybird {} API</h1><p>{}</p>\
         <p><a href=openapi.json>openapi.json</a></p>",
        escape(text(&description["info"]["version"])),
        escape(text(&description["info"]["description"])),
    );
    let operations = operations(description);
    let mut tags: Vec<&str> = operations.iter().map(|operation| operation.tag).collect();
    tags.dedup();
    html.push_str("<nav>");
    for tag in &tags {
        let _ = write!(html, "<a href=\"#{0}\">{0}</a>", escape(tag));
    }
    html.push_str("<a href=\"#schemas\">schemas</a></nav>");
    for tag in tags {
        let _ = write!(html, "<h2 id=\"{0}\">{0}</h2>", escape(tag));
        for operation in operations.iter().filter(|operation| operation.tag == tag) {
            operation.write(&mut html);
        }
    }
    html.push_str("<h2 id=schemas>schemas</h2>");
    for (name, schema) in description["components"]["schemas"].as_object().into_iter().flatten() {
        let _ = write!(
            html,
            "<details id=\"schema-{0}\"><summary><code>{0}</code> {1}</summary>",
            escape(name),
            escape(text(&schema["description"]))
        );
        fields(&mut html, schema);
        html.push_str("</details>");
    }
    html.push_str("</html>\n");
    html
}

struct Operation<'d> {
    tag: &'d str,
    method: &'d str,
    path: &'d str,
    content: &'d Value,
}

/// By tag, in the order of paths within one.
fn operations(description: &Value) -> Vec<Operation<'_>> {
    let mut operations = Vec::new();
    for (path, methods) in description["paths"].as_object().into_iter().flatten() {
        for (method, content) in methods.as_object().into_iter().flatten() {
            operations.push(Operation { tag: text(&content["tags"][0]), method, path, content });
        }
    }
    operations.sort_by_key(|operation| operation.tag);
    operations
}

impl Operation<'_> {
    fn write(&self, html: &mut String) {
        let scope = text(&self.content["security"][0]["token"][0]);
        let _ = write!(
            html,
            "<details><summary><b>{}</b><code>{}</code> {}</summary>",
            escape(&self.method.to_uppercase()),
            escape(self.path),
            escape(text(&self.content["summary"])),
        );
        let needs =
            if scope.is_empty() { "no token".to_owned() } else { format!("scope <code>{}</code>", escape(scope)) };
        let _ = write!(html, "<p>Needs {needs}.</p>");
        if let Some(parameters) = self.content["parameters"].as_array() {
            html.push_str("<table><tr><th>parameter<th>in<th>what</tr>");
            for parameter in parameters {
                let must = if parameter["required"] == true { ", required" } else { "" };
                let _ = write!(
                    html,
                    "<tr><td><code>{}</code><td>{}{must}<td>{} {}</tr>",
                    escape(text(&parameter["name"])),
                    escape(text(&parameter["in"])),
                    escape(text(&parameter["description"])),
                    kind(&parameter["schema"]),
                );
            }
            html.push_str("</table>");
        }
        for (media, content) in self.content["requestBody"]["content"].as_object().into_iter().flatten() {
            let _ = write!(html, "<p>Body, <code>{}</code>: {}</p>", escape(media), kind(&content["schema"]));
        }
        html.push_str("<table><tr><th>status<th>what</tr>");
        for (status, response) in self.content["responses"].as_object().into_iter().flatten() {
            let said = match response["$ref"].as_str() {
                Some(_) => "a problem document".to_owned(),
                None => escape(text(&response["description"])),
            };
            let bodies = response["content"].as_object().into_iter().flatten();
            let bodies: Vec<String> = bodies.map(|(_, content)| kind(&content["schema"])).collect();
            let _ = write!(html, "<tr><td>{}<td>{said} {}</tr>", escape(status), bodies.join(" "));
        }
        html.push_str("</table></details>");
    }
}

fn fields(html: &mut String, schema: &Value) {
    let parts = schema["allOf"].as_array().map_or_else(|| vec![schema], |parts| parts.iter().collect());
    html.push_str("<table>");
    for part in parts {
        for (name, field) in part["properties"].as_object().into_iter().flatten() {
            let _ = write!(
                html,
                "<tr><td><code>{}</code><td>{}<td>{}</tr>",
                escape(name),
                kind(field),
                escape(text(&field["description"]))
            );
        }
        if part.get("properties").is_none() {
            let _ = write!(html, "<tr><td>{}</tr>", kind(part));
        }
    }
    html.push_str("</table>");
}

/// A schema in a few words, with a link where it has a name.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return format!("<a href=\"#schema-{0}\">{0}</a>", escape(name));
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(|word| format!("<code>{}</code>", escape(text(word)))).collect();
        return words.join(" | ");
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        if let Some(choices) = schema[key].as_array() {
            return choices.iter().map(kind).filter(|words| words != "null").collect::<Vec<_>>().join(" or ");
        }
    }
    match &schema["type"] {
        Value::String(word) if word == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(word) => escape(word),
        Value::Array(words) => {
            words.iter().map(|word| escape(text(word))).filter(|word| word != "null").collect::<Vec<_>>().join(" or ")
        }
        _ => String::new(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_operation_is_on_the_page_and_nothing_of_it_is_markup() {
        let description = json!({
            "info": {"version": "1<2", "description": "<script>"},
            "paths": {"/a/{id}": {"get": {"tags": ["t"], "summary": "Shows <b>", "security": [{"token": ["read"]}],
                "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "Fine", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}}}}},
            "components": {"schemas": {"A": {"description": "An A", "properties": {"x": {"enum": ["p", "q"]}}}}},
        });
        let html = page(&description);
        for expected in [
            "1&lt;2",
            "&lt;script&gt;",
            "/a/{id}",
            "Shows &lt;b&gt;",
            "href=\"#schema-A\"",
            "<code>p</code> | <code>q</code>",
            "scope <code>read</code>",
        ] {
            assert!(html.contains(expected), "{expected}: {html}");
        }
        assert!(!html.contains("<script"));
    }
}
