//! From a request to an identity, and from an identity to what it may do.
//!
//! [`authenticate`] stands before every route but health and webhooks. A handler says what it needs by the type it takes ([`Reader`],
//! [`Scanner`], [`Triager`], [`Admin`]).

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::error::ApiError;
use super::routes::DOCS;
use super::service::Service;
use crate::identity::{Identity, Scope, Token};
use crate::telemetry::metric;

macro_rules! needs {
    ($(#[$doc:meta])* $name:ident, $scope:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(pub Identity);

        impl<S: Send + Sync> FromRequestParts<S> for $name {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
                // a route outside of `authenticate` has no identity, and is closed
                let identity = parts.extensions.get::<Identity>().ok_or(ApiError::Unauthenticated(SEND.into()))?;
                if identity.may($scope) {
                    return Ok(Self(identity.clone()));
                }
                Err(ApiError::Forbidden(format!("this needs the scope `{}`", $scope.as_str())))
            }
        }
    };
}

const SEND: &str = "send `Authorization: Bearer <token>`";

needs!(
    /// An identity that may read.
    Reader,
    Scope::Read
);
needs!(
    /// An identity that may register repositories and start scans.
    Scanner,
    Scope::Scan
);
needs!(
    /// An identity that may change the state of findings.
    Triager,
    Scope::Triage
);
needs!(
    /// An identity that may do everything to the repositories it sees.
    Admin,
    Scope::Admin
);

/// An identity that may do everything, restricted to no repository: for what concerns all of them.
#[derive(Debug, Clone)]
pub struct Owner;

impl<S: Send + Sync> FromRequestParts<S> for Owner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Admin(identity) = Admin::from_request_parts(parts, state).await?;
        if identity.repositories.is_none() {
            return Ok(Self);
        }
        Err(ApiError::Forbidden("this concerns all repositories, and the token is restricted to some".to_owned()))
    }
}

/// Lets nobody through without an identity, and hands the identity on.
pub async fn authenticate(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match identify(&parts, &service).await {
        Ok(identity) => {
            parts.extensions.insert(identity);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(error) => {
            let mut response = error.into_response();
            if parts.uri.path() == DOCS {
                // a browser then asks for the token, as the password of whatever name
                let basic = HeaderValue::from_static("Basic realm=\"secretarybird\", charset=\"UTF-8\"");
                response.headers_mut().append(header::WWW_AUTHENTICATE, basic);
            }
            response
        }
    }
}

/// Why a request has no identity: a word for the metrics, a sentence for the caller.
type Refused = (&'static str, Cow<'static, str>);

/// What a request brings to prove who it is.
#[derive(Debug)]
enum Proof {
    /// One of our tokens.
    Token(Token),
    /// A token of a CI system.
    Ci(Zeroizing<String>),
}

async fn identify(parts: &Parts, service: &Service) -> Result<Identity, ApiError> {
    let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let now = Timestamp::now();
    if let (Some(address), false) = (address, parts.headers.contains_key(header::AUTHORIZATION))
        && service.config.auth.open_on_loopback
        && is_local(address, &parts.headers)
    {
        return Ok(Identity::loopback());
    }
    if let Some(seconds) = address.and_then(|address| service.attempts.must_wait(address, now.as_second())) {
        metrics::counter!(metric::AUTHENTICATION_FAILURES, "reason" => "throttled").increment(1);
        return Err(ApiError::TooMany { reason: "too many failed attempts from this address", seconds });
    }
    let refused = match proof(&parts.headers, is_reading(parts)) {
        Ok(Proof::Token(token)) => match service.identity_of(&token, now).await? {
            Some(identity) => return Ok(identity),
            None => ("unknown", "the token is not known, has expired or was revoked".into()),
        },
        Ok(Proof::Ci(token)) => match service.identity_of_ci(&token, now).await? {
            Ok(identity) => return Ok(identity),
            Err(refusal) => (refusal.label(), refusal.to_string().into()),
        },
        Err(refused) => refused,
    };
    metrics::counter!(metric::AUTHENTICATION_FAILURES, "reason" => refused.0).increment(1);
    // a request without any token guesses nothing
    if let (Some(address), true) = (address, refused.0 != "missing") {
        service.attempts.failed(address, now.as_second());
    }
    Err(ApiError::Unauthenticated(refused.1))
}

/// A request that changes nothing: safe by its method, or a question to the OSV addresses.
fn is_reading(parts: &Parts) -> bool {
    parts.method.is_safe() || parts.uri.path().starts_with("/v1/")
}

/// Whether the request comes from this machine and from no web page on it: the peer is loopback, the name asked for is too (else a
/// public name that resolves to 127.0.0.1 would do), and no other site's page sends it.
fn is_local(address: IpAddr, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = host
        .rsplit_once(':')
        .map_or(host, |(name, port)| if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host });
    let name = name.trim_matches(['[', ']']);
    let local = name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    let forwarded = ["forwarded", "x-forwarded-for"].iter().any(|name| headers.contains_key(*name));
    address.is_loopback() && local && !forwarded && site.is_none_or(|site| matches!(site, "same-origin" | "none"))
}

/// What a request proves itself with. `Basic` carries a token as password (or as user name) for programs that take credentials in a
/// URL only, and for browsers; because a browser sends it by itself, even when another site's page asks, it serves for reading alone.
fn proof(headers: &HeaderMap, reading: bool) -> Result<Proof, Refused> {
    let malformed = |said: &'static str| ("malformed", Cow::Borrowed(said));
    let expected = || malformed("expected `Authorization: Bearer <token>`");
    let value = headers.get(header::AUTHORIZATION).ok_or(("missing", Cow::Borrowed(SEND)))?;
    let text = value.to_str().map_err(|_| malformed("the Authorization header is no text"))?;
    let (scheme, given) = text.split_once(' ').ok_or_else(expected)?;
    let given = if scheme.eq_ignore_ascii_case("bearer") {
        Zeroizing::new(given.trim().to_owned())
    } else if scheme.eq_ignore_ascii_case("basic") {
        if !reading {
            return Err(malformed("`Basic` serves for reading only; send `Authorization: Bearer <token>`"));
        }
        basic(given.trim()).ok_or_else(expected)?
    } else {
        return Err(expected());
    };
    // header, claims, signature
    if given.split('.').count() == 3 {
        return Ok(Proof::Ci(given));
    }
    let token = Token::read(&given).ok_or_else(|| malformed("this is no token of this service, or it is mistyped"));
    token.map(Proof::Token)
}

fn basic(encoded: &str) -> Option<Zeroizing<String>> {
    let decoded = Zeroizing::new(String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?);
    let (user, password) = decoded.split_once(':')?;
    Some(Zeroizing::new(if password.is_empty() { user } else { password }.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.insert(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn only_this_machine_itself_is_local() {
        let local = IpAddr::from([127, 0, 0, 1]);
        type Case<'c> = (IpAddr, &'c [(&'c str, &'c str)], bool);
        let cases: &[Case<'_>] = &[
            (local, &[("host", "127.0.0.1:8080")], true),
            (local, &[("host", "localhost")], true),
            (local, &[("host", "[::1]:8080")], true),
            (local, &[("host", "localhost:1"), ("sec-fetch-site", "same-origin")], true),
            (local, &[("host", "localhost:1"), ("sec-fetch-site", "cross-site")], false),
            // DNS rebinding: a public name that resolves to loopback
            (local, &[("host", "evil.example:8080")], false),
            (local, &[("host", "127.0.0.1.evil.example")], false),
            (local, &[], false),
            // a proxy on this machine speaks for others
            (local, &[("host", "localhost"), ("x-forwarded-for", "192.0.2.1")], false),
            (IpAddr::from([192, 0, 2, 1]), &[("host", "localhost")], false),
        ];
        for (address, pairs, expected) in cases {
            let mut map = HeaderMap::new();
            for (name, value) in *pairs {
                let name = axum::http::HeaderName::from_bytes(name.as_bytes()).expect("name");
                map.insert(name, HeaderValue::from_str(value).expect("value"));
            }
            assert_eq!(is_local(*address, &map), *expected, "{address} {pairs:?}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let reason = |pairs| proof(&headers(pairs), true).err().map(|(reason, _)| reason);
        assert_eq!(reason(&[]), Some("missing"));
        assert_eq!(reason(&[("authorization", "Basic dXNlcjpwYXNz")]), Some("malformed"));
        assert_eq!(reason(&[("authorization", "Bearer")]), Some("malformed"));
        assert_eq!(reason(&[("authorization", "Bearer sbird_00")]), Some("malformed"));
        assert_eq!(reason(&[("authorization", "Digest x")]), Some("malformed"));
    }

    #[test]
    fn basic_carries_a_token_for_reading_only() {
        let token = Token::from_random(&[7; 32]);
        for (pair, reading, expected) in [
            (format!("user:{}", token.expose()), true, true),
            (format!("{}:", token.expose()), true, true),
            (format!("user:{}", token.expose()), false, false),
            ("user:word".to_owned(), true, false),
        ] {
            let mut map = HeaderMap::new();
            let value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(&pair))).expect("value");
            map.insert(header::AUTHORIZATION, value);
            assert_eq!(proof(&map, reading).is_ok(), expected, "{reading}");
        }
    }
}
