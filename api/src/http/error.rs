//! Errors as callers see them: problem documents (RFC 9457) with a request id.
//!
//! A handler's error is put into the response as a value; `observe.rs` renders it and logs it once, where the request id is known.

use std::borrow::Cow;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::forges::Refusal;
use crate::store::StoreError;

/// Everything that a request can be answered with instead of what it asked for. What callers are told is in the variants; what the
/// log alone may know is in [`ApiError::Internal`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum ApiError {
    /// No identity, or one that is not (or no longer) known.
    #[error("{0}")]
    Unauthenticated(Cow<'static, str>),
    /// A known identity that may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// There is no such thing, or none that the identity may see.
    #[error("no {kind} {name:?}")]
    NotFound {
        /// What was looked for.
        kind: &'static str,
        /// By which id.
        name: String,
    },
    /// No route answers there.
    #[error("nothing is here")]
    NoRoute,
    /// The route answers other methods.
    #[error("this address does not answer this method")]
    Method,
    /// A parameter, header or body that cannot be understood.
    #[error("{0}")]
    Invalid(String),
    /// Understood, and not possible in the present state.
    #[error("{0}")]
    Conflict(String),
    /// The representation asked for does not exist.
    #[error("{0}")]
    NotAcceptable(String),
    /// The body's content type is not the one expected.
    #[error("{0}")]
    MediaType(String),
    /// A body over the limit.
    #[error("the body is larger than the server's limit")]
    TooLarge,
    /// Readable, and meaning nothing that can be done.
    #[error("{0}")]
    Unprocessable(String),
    /// Too many of something in too short a time.
    #[error("{reason}; try again in {seconds} seconds")]
    TooMany {
        /// Of what.
        reason: &'static str,
        /// How long to wait.
        seconds: u64,
    },
    /// The service cannot answer now, and may later.
    #[error("{0}")]
    Unavailable(String),
    /// It took too long.
    #[error("the request took longer than the server allows")]
    Timeout,
    /// A webhook delivery that is not taken.
    #[error(transparent)]
    Delivery(#[from] Refusal),
    /// A fault of ours. The text goes to the log only.
    #[error("an internal error; the server's log has the cause under the request id")]
    Internal(String),
}

impl ApiError {
    fn parts(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Unauthenticated(_) => (StatusCode::UNAUTHORIZED, "unauthenticated", "Not authenticated"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden", "Not allowed"),
            Self::NotFound { .. } | Self::NoRoute => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed"),
            Self::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid-request", "Invalid request"),
            Self::Conflict(_) => (StatusCode::CONFLICT, "conflict", "Conflict"),
            Self::NotAcceptable(_) => (StatusCode::NOT_ACCEPTABLE, "not-acceptable", "Not acceptable"),
            Self::MediaType(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Wrong content type"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Body too large"),
            Self::Unprocessable(_) => (StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", "Not possible"),
            Self::TooMany { .. } => (StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Unavailable"),
            Self::Timeout => (StatusCode::GATEWAY_TIMEOUT, "timeout", "Took too long"),
            Self::Delivery(Refusal::Unsigned(_) | Refusal::WrongSignature | Refusal::Stale(_)) => {
                (StatusCode::UNAUTHORIZED, "webhook-signature", "Signature refused")
            }
            Self::Delivery(Refusal::NoHeader(_)) => (StatusCode::BAD_REQUEST, "webhook-header", "Header missing"),
            Self::Delivery(Refusal::Unreadable { .. }) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "webhook-body", "Delivery not readable")
            }
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
        }
    }

    /// The status it is answered with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.parts().0
    }

    /// The error for a bare status that some layer below answered with.
    #[must_use]
    pub fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NoRoute,
            StatusCode::METHOD_NOT_ALLOWED => Self::Method,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => Self::Timeout,
            StatusCode::SERVICE_UNAVAILABLE => Self::Unavailable("the server is busy".to_owned()),
            status if status.is_client_error() => Self::Invalid(status.to_string()),
            status => Self::Internal(format!("a layer answered {status}")),
        }
    }

    /// The problem document.
    #[must_use]
    pub fn problem(&self, instance: &str, request_id: &str) -> Problem {
        let (status, code, title) = self.parts();
        Problem {
            kind: format!("urn:secretarybird:problem:{code}"),
            title,
            status: status.as_u16(),
            detail: self.to_string(),
            instance: instance.to_owned(),
            request_id: request_id.to_owned(),
        }
    }
}

/// A problem document, RFC 9457.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// A URN that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: &'static str,
    /// The status once more.
    pub status: u16,
    /// This occurrence in words.
    pub detail: String,
    /// The path that was asked for.
    pub instance: String,
    /// Under which the log has it.
    pub request_id: String,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        let headers = response.headers_mut();
        match &self {
            Self::TooMany { seconds, .. } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Self::Unavailable(_) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            Self::Unauthenticated(_) => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"secretarybird\""));
            }
            _ => {}
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// The header that carries the request id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Cursor => Self::Unprocessable("after: not a cursor of this list".to_owned()),
            // the log has the cause; callers need not know rows
            error => Self::Internal(error.to_string()),
        }
    }
}
