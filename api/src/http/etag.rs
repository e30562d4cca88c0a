//! Entity tags: a caller that has the answer already is told so instead of being sent it again.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::error::ApiError;

/// An answer in JSON with its tag, both made once, however often it is given.
#[derive(Debug, Clone)]
pub struct Tagged {
    body: Bytes,
    tag: HeaderValue,
}

impl Tagged {
    /// Writes it.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn json(answer: &impl Serialize) -> Result<Self, ApiError> {
        let body = serde_json::to_vec(answer).map_err(|error| ApiError::Internal(error.to_string()))?;
        Ok(Self { tag: tag(&body)?, body: body.into() })
    }

    /// What it takes.
    pub fn bytes(&self) -> usize {
        self.body.len() + self.tag.len()
    }
}

impl IntoResponse for Tagged {
    fn into_response(self) -> Response {
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json")), (header::ETAG, self.tag)];
        (headers, self.body).into_response()
    }
}

/// A tag by the content.
fn tag(body: &[u8]) -> Result<HeaderValue, ApiError> {
    let digest = blake3::hash(body).to_hex();
    let tag = HeaderValue::from_str(&format!("\"{}\"", &digest[..32]));
    tag.map_err(|error| ApiError::Internal(format!("a tag that is no header: {error}")))
}

/// Tags each 200 answer to a GET by its content, and answers 304 where `If-None-Match` names that tag.
pub async fn tagged(request: Request, next: Next) -> Response {
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    if response.status() != StatusCode::OK {
        return response;
    }
    let mut response = match response.headers().contains_key(header::ETAG) {
        true => response,
        false => match by_content(response).await {
            Ok(response) => response,
            Err(error) => return error.into_response(),
        },
    };
    let tag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok());
    if known.zip(tag).is_some_and(|(known, tag)| names(&known, tag)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().remove(header::CONTENT_TYPE);
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::empty();
    }
    response
}

async fn by_content(response: Response) -> Result<Response, ApiError> {
    let (mut parts, body) = response.into_parts();
    // every answer is made in memory, so that this neither waits nor grows
    let body = to_bytes(body, usize::MAX).await;
    let body = body.map_err(|error| ApiError::Internal(format!("an answer without its body: {error}")))?;
    parts.headers.insert(header::ETAG, tag(&body)?);
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Whether the request's `If-None-Match` names `tag`.
pub fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    headers.get(header::IF_NONE_MATCH).is_some_and(|known| names(known, tag))
}

/// By weak comparison, RFC 9110, section 13.1.2.
fn names(known: &HeaderValue, tag: &str) -> bool {
    let Ok(known) = known.to_str() else { return false };
    known.trim() == "*" || known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_every_form_of_the_header() {
        for (known, expected) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
            ("", false),
        ] {
            assert_eq!(names(&HeaderValue::from_static(known), "\"a\""), expected, "{known}");
        }
    }
}
