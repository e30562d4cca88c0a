//! From a request to an identity, and from an identity to what it may do.
//!
//! A handler says what it needs by the type it takes ([`Reader`], [`Scanner`], [`Triager`], [`Admin`]); one that takes none is open.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use jiff::Timestamp;

use super::error::ApiError;
use super::service::Service;
use crate::identity::{Identity, Scope, Token};
use crate::telemetry::metric;

macro_rules! needs {
    ($(#[$doc:meta])* $name:ident, $scope:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(pub Identity);

        impl FromRequestParts<Arc<Service>> for $name {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, ApiError> {
                let identity = identify(parts, service).await?;
                if identity.may($scope) {
                    return Ok(Self(identity));
                }
                Err(ApiError::Forbidden(format!("this needs the scope `{}`", $scope.as_str())))
            }
        }
    };
}

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
    /// An identity that may do everything.
    Admin,
    Scope::Admin
);

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
        return Err(ApiError::TooMany(seconds));
    }
    let refused = match bearer(&parts.headers) {
        Ok(token) => match service.identity_of(&token, now).await? {
            Some(identity) => return Ok(identity),
            None => ("unknown", "the token is not known, has expired or was revoked"),
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

fn bearer(headers: &HeaderMap) -> Result<Token, (&'static str, &'static str)> {
    let value = headers.get(header::AUTHORIZATION).ok_or(("missing", "send `Authorization: Bearer <token>`"))?;
    let text = value.to_str().map_err(|_| ("malformed", "the Authorization header is no text"))?;
    let (scheme, token) = text.split_once(' ').ok_or(("malformed", "expected `Authorization: Bearer <token>`"))?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(("malformed", "expected `Authorization: Bearer <token>`"));
    }
    Token::read(token.trim()).ok_or(("malformed", "this is no token of this service, or it is mistyped"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

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
    fn what_is_no_bearer_token_is_refused() {
        let reason = |pairs| bearer(&headers(pairs)).err().map(|(reason, _)| reason);
        assert_eq!(reason(&[]), Some("missing"));
        assert_eq!(reason(&[("authorization", "Basic dXNlcjpwYXNz")]), Some("malformed"));
        assert_eq!(reason(&[("authorization", "Bearer")]), Some("malformed"));
        assert_eq!(reason(&[("authorization", "Bearer sbird_00")]), Some("malformed"));
    }
}
