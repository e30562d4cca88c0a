//! Tokens of CI systems (OpenID Connect): a pipeline proves who it is by a JWT that its own system signed, and needs no stored secret.
//!
//! What is verified stands here and does no IO; where the issuer's keys come from stands in `keys.rs`.

mod keys;
#[cfg(test)]
mod tests;

use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::Identity;
use crate::config::{Issuer, Rule};
use crate::store::record::{RepositoryId, Tenant, normalise_url};
pub use keys::{Keys, KeysError};

/// Clocks may differ by this many seconds.
const SKEW: i64 = 60;
/// Longest life of a token that is taken, in seconds: CI tokens live minutes, a day is no CI token.
const LONGEST: i64 = 24 * 3600;
/// GitHub's issuer of tokens for workflows.
const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// Why a token opens nothing. Never quotes the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no JWT, or one without what we need.
    #[error("the token is no JWT with the claims that are needed")]
    Malformed,
    /// Signed by a method that is not taken: none at all, or with a shared secret.
    #[error("the token is signed by a method that is not accepted")]
    Algorithm,
    /// It names no issuer that is configured.
    #[error("the token's issuer is not configured")]
    Issuer,
    /// No key of the issuer has this id.
    #[error("the issuer has no key of the token's key id")]
    Key,
    /// The signature is not the issuer's.
    #[error("the token's signature is wrong")]
    Signature,
    /// Meant for somebody else.
    #[error("the token is meant for another audience")]
    Audience,
    /// Past its end, before its beginning, or of a strange age.
    #[error("the token is not valid at this time")]
    Time,
    /// Real, and no rule is about it.
    #[error("no rule of the configuration is about the token's subject")]
    NoRule,
}

impl Refusal {
    /// A word for metrics.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Malformed => "jwt_malformed",
            Self::Algorithm => "jwt_algorithm",
            Self::Issuer => "jwt_issuer",
            Self::Key => "jwt_key",
            Self::Signature => "jwt_signature",
            Self::Audience => "jwt_audience",
            Self::Time => "jwt_time",
            Self::NoRule => "jwt_no_rule",
        }
    }
}

/// What a token says of itself before anything of it is believed: enough to find the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The key's id.
    pub key: String,
    /// The issuer.
    pub issuer: String,
    algorithm: Algorithm,
}

/// Reads what is needed to find the key.
///
/// # Errors
/// [`Refusal`] for what is no JWT, or is signed by a method that is not accepted whoever signed it.
pub fn claimed(token: &str) -> Result<Claimed, Refusal> {
    let header = decode_header(token).map_err(|_| Refusal::Algorithm)?;
    let accepted = [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::ES256, Algorithm::ES384];
    if !accepted.contains(&header.alg) {
        return Err(Refusal::Algorithm);
    }
    if header.crit.is_some() {
        // "must be understood", and nothing of the kind is
        return Err(Refusal::Malformed);
    }
    // believed only once the signature of this issuer's key is verified
    let claims: Map<String, Value> = insecure_decode_claims(token).map_err(|_| Refusal::Malformed)?;
    let issuer = claims.get("iss").and_then(Value::as_str).ok_or(Refusal::Malformed)?;
    Ok(Claimed { key: header.kid.ok_or(Refusal::Key)?, issuer: issuer.to_owned(), algorithm: header.alg })
}

/// Verifies a token with the key that it claims, and gives its claims.
///
/// # Errors
/// [`Refusal`].
pub fn verify(
    token: &str,
    claimed: &Claimed,
    key: &Jwk,
    issuer: &Issuer,
    audience: &str,
    now: i64,
) -> Result<Map<String, Value>, Refusal> {
    if !fits(key, claimed.algorithm) {
        return Err(Refusal::Algorithm);
    }
    let decoding = DecodingKey::from_jwk(key).map_err(|_| Refusal::Key)?;
    let mut validation = Validation::new(claimed.algorithm);
    // times are checked below, by the clock that is handed in
    validation.validate_exp = false;
    validation.set_audience(&[audience]);
    validation.set_issuer(&[own(&issuer.issuer)]);
    validation.set_required_spec_claims(&["iss", "aud", "sub"]);
    let claims = decode::<Map<String, Value>>(token, &decoding, &validation).map_err(|error| {
        use jsonwebtoken::errors::ErrorKind;
        match error.kind() {
            ErrorKind::InvalidAudience => Refusal::Audience,
            ErrorKind::InvalidIssuer => Refusal::Issuer,
            ErrorKind::InvalidSignature => Refusal::Signature,
            ErrorKind::InvalidAlgorithm => Refusal::Algorithm,
            _ => Refusal::Malformed,
        }
    })?;
    let claims = claims.claims;
    in_time(&claims, now)?;
    Ok(claims)
}

/// The issuer as its tokens write it: without the slash that a URL of a bare host gets.
fn own(issuer: &url::Url) -> &str {
    issuer.as_str().trim_end_matches('/')
}

/// Whether the key is one for this algorithm. A public key must never serve as a shared secret, nor one curve for another.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let use_fits = key.common.public_key_use.as_ref().is_none_or(|kind| *kind == PublicKeyUse::Signature);
    let named = key.common.key_algorithm.is_none_or(|named| named.to_string() == format!("{algorithm:?}"));
    let kind = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512) => true,
        (AlgorithmParameters::EllipticCurve(curve), Algorithm::ES256) => curve.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(curve), Algorithm::ES384) => curve.curve == EllipticCurve::P384,
        _ => false,
    };
    use_fits && named && kind
}

fn in_time(claims: &Map<String, Value>, now: i64) -> Result<(), Refusal> {
    let second =
        |name: &str| claims.get(name).map(|value| value.as_f64().map(|time| time as i64).ok_or(Refusal::Malformed));
    let end = second("exp").ok_or(Refusal::Malformed)??;
    let issued = second("iat").ok_or(Refusal::Malformed)??;
    let begin = second("nbf").transpose()?.unwrap_or(issued);
    let holds = now < end.saturating_add(SKEW)
        && now.saturating_add(SKEW) >= begin
        && now.saturating_add(SKEW) >= issued
        && end.saturating_sub(issued) <= LONGEST;
    if holds { Ok(()) } else { Err(Refusal::Time) }
}

/// What verified claims may do here.
///
/// # Errors
/// [`Refusal::NoRule`]; [`Refusal::Malformed`] when a rule is about the token's own repository and the token names none.
pub fn identity(claims: &Map<String, Value>, issuer: &Issuer, tenant: &Tenant) -> Result<Identity, Refusal> {
    let subject = claims.get("sub").and_then(Value::as_str).ok_or(Refusal::Malformed)?;
    let rule = issuer.rules.iter().find(|rule| is_about(rule, subject, claims)).ok_or(Refusal::NoRule)?;
    let repositories = if rule.repositories.iter().any(|one| one == "*") {
        None
    } else if rule.repositories.is_empty() {
        Some(identities(&repository(claims, issuer).ok_or(Refusal::Malformed)?, tenant))
    } else {
        Some(rule.repositories.iter().flat_map(|url| identities(url, tenant)).collect())
    };
    let host = issuer.issuer.host_str().unwrap_or_default();
    Ok(Identity { actor: format!("oidc:{host} {subject}"), scopes: rule.scopes.clone(), repositories })
}

fn is_about(rule: &Rule, subject: &str, claims: &Map<String, Value>) -> bool {
    let claim = |name: &String, wanted: &String| match claims.get(name) {
        Some(Value::String(text)) => like(wanted, text),
        // GitLab writes booleans as text, others as booleans
        Some(value @ (Value::Bool(_) | Value::Number(_))) => like(wanted, &value.to_string()),
        _ => false,
    };
    like(&rule.subject, subject) && rule.claims.iter().all(|(name, wanted)| claim(name, wanted))
}

/// Whether `text` is like `pattern`, in which `*` stands for any text.
fn like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        // the earliest place leaves the most for what follows
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The clone URL of the repository that a token is about.
fn repository(claims: &Map<String, Value>, issuer: &Issuer) -> Option<String> {
    let template = match &issuer.repository {
        Some(template) => template.as_str(),
        None if own(&issuer.issuer) == GITHUB => "https://github.com/{repository}",
        None => "{iss}/{project_path}",
    };
    let mut url = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, after) = behind.split_once('}')?;
        url.push_str(before);
        url.push_str(claims.get(name)?.as_str()?);
        rest = after;
    }
    url.push_str(rest);
    Some(url)
}

/// A repository may be registered by its address for https or for ssh; both are the same repository to its forge.
fn identities(url: &str, tenant: &Tenant) -> Vec<String> {
    let normal = normalise_url(url);
    let ssh = normal.strip_prefix("https://").map(|rest| format!("ssh://git@{rest}"));
    [Some(normal), ssh].into_iter().flatten().map(|url| RepositoryId::of(tenant, &url).to_string()).collect()
}
