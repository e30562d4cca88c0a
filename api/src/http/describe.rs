//! The OpenAPI description, completed with what holds for every route: problem documents, tags, keys of writes.

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

/// What each status means, whichever route answers it.
const PROBLEMS: &[(&str, &str)] = &[
    ("400", "A parameter, header or body that cannot be read"),
    ("401", "No identity, or one that is not (or no longer) known"),
    ("403", "An identity that may not do this"),
    ("404", "No such thing, or none that the identity may see"),
    ("406", "No such representation"),
    ("409", "Not possible in the present state"),
    ("413", "The body is larger than the server's limit"),
    ("415", "The body's content type is not the one expected"),
    ("422", "Readable, and meaning nothing that can be done"),
    ("429", "Too many requests or failed attempts; `Retry-After` says how long to wait"),
    ("500", "A fault of the server's; its log has the cause under the request id"),
    ("503", "Not now; `Retry-After` says when to try again"),
    ("504", "It took longer than the server allows"),
];

/// The description as it is served.
pub fn complete(paths: OpenApi) -> Result<Value, serde_json::Error> {
    let mut described = serde_json::to_value(paths)?;
    described["openapi"] = json!("3.1.0");
    described["info"] = json!({
        "title": "Secretarybird",
        "version": env!("CARGO_PKG_VERSION"),
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        "description": "Errors are problem documents (RFC 9457) with a request id, which the header `x-request-id` carries too. \
            Lists page by an opaque cursor: send `next` as `after`. Answers to GET carry an `ETag`; `If-None-Match` saves sending \
            them again. Writes accept an `Idempotency-Key`: the same request under the same key is carried out once.",
    });
    described["components"]["securitySchemes"] =
        json!({"token": {"type": "http", "scheme": "bearer", "bearerFormat": "sbird_…, or the JWT of a CI system"}});
    described["components"]["schemas"]["Problem"] = problem();
    let responses: Map<String, Value> =
        PROBLEMS.iter().map(|(status, means)| (name(status), response(means))).collect();
    described["components"]["responses"] = Value::Object(responses);
    for path in described["paths"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        for (method, operation) in path.as_object_mut().into_iter().flatten() {
            complete_operation(method, operation);
        }
    }
    Ok(described)
}

fn complete_operation(method: &str, operation: &mut Value) {
    let secured = operation.get("security").is_some();
    let parameters = operation["parameters"].as_array().map_or(0, Vec::len);
    let body = operation.get("requestBody").is_some();
    let mut statuses = vec!["500", "503", "504"];
    if secured {
        statuses.extend(["401", "403", "429"]);
    }
    if parameters > 0 || body {
        statuses.extend(["400", "422"]);
    }
    if body {
        statuses.extend(["413", "415"]);
    }
    if secured && method != "get" {
        statuses.extend(["400", "409", "413", "422"]);
        let key = json!({"name": "Idempotency-Key", "in": "header", "required": false,
            "description": "The same request under the same key is carried out once, and answered alike.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]{1,255}$"}});
        match operation["parameters"].as_array_mut() {
            Some(parameters) => parameters.push(key),
            None => operation["parameters"] = json!([key]),
        }
    }
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (status, response) in responses.iter_mut() {
        if status.starts_with(['4', '5']) && response.get("content").is_none() {
            response["content"] = content();
        }
    }
    for status in statuses {
        let reference = format!("#/components/responses/{}", name(status));
        responses.entry(status).or_insert_with(|| json!({"$ref": reference}));
    }
}

fn name(status: &str) -> String {
    format!("Problem{status}")
}

fn response(means: &str) -> Value {
    json!({"description": means, "content": content()})
}

fn content() -> Value {
    json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}})
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "A problem document, RFC 9457.",
        "required": ["type", "title", "status", "detail", "instance", "request_id"],
        "properties": {
            "type": {"type": "string", "description": "A URN that names the kind of problem."},
            "title": {"type": "string", "description": "The kind in words."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599, "description": "The status once more."},
            "detail": {"type": "string", "description": "This occurrence in words."},
            "instance": {"type": "string", "description": "The path that was asked for."},
            "request_id": {"type": "string", "description": "Under which the server's log has it."},
        },
    })
}
