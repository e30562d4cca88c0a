//! What is asked of a forge, by whom, and its good answer.

use reqwest::Method;
use reqwest::header::{self, HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;

use super::ForgeError;
use crate::credential::Credential;
use crate::forges::ForgeKind;

/// How a call says who we are.
#[derive(Debug, Clone)]
pub enum Login {
    /// Not at all.
    Nobody,
    /// A token. The scope tells apart what is remembered under different ones.
    Bearer(Credential, String),
    /// An account.
    Basic(String, Credential),
}

impl Login {
    /// Tells apart what is remembered.
    pub(super) fn scope(&self) -> &str {
        match self {
            Self::Nobody => "",
            Self::Bearer(_, scope) => scope,
            Self::Basic(user, _) => user,
        }
    }

    /// The header that says it.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        use base64::Engine as _;
        let text = match self {
            Self::Nobody => return None,
            Self::Bearer(token, _) => Credential::new(format!("Bearer {}", token.expose())),
            Self::Basic(user, password) => {
                let pair = Credential::new(format!("{user}:{}", password.expose()));
                Credential::new(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair.expose())))
            }
        };
        let mut value = HeaderValue::from_str(text.expose()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// One request.
#[derive(Debug, Clone)]
pub struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) login: Login,
    pub(super) body: Option<serde_json::Value>,
    /// Asking twice does no harm.
    pub(super) repeatable: bool,
}

impl Call {
    /// A request of `path`, relative to the REST address, or an absolute address below it.
    pub fn new(method: Method, path: impl Into<String>, login: &Login) -> Self {
        let repeatable = method != Method::POST;
        Self { method, path: path.into(), login: login.clone(), body: None, repeatable }
    }

    /// Reads.
    pub fn get(path: impl Into<String>, login: &Login) -> Self {
        Self::new(Method::GET, path, login)
    }

    /// With a JSON body.
    pub fn body(self, body: serde_json::Value) -> Self {
        Self { body: Some(body), ..self }
    }

    /// Asking twice does no harm, although it is a POST.
    pub fn repeatable(self) -> Self {
        Self { repeatable: true, ..self }
    }

    /// For messages: method and path without the query.
    pub(super) fn what(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        format!("{} {path}", self.method)
    }
}

/// A good answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(super) kind: ForgeKind,
    pub(super) what: String,
    /// Its headers.
    pub headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// Reads the JSON body.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ForgeError> {
        serde_json::from_slice(&self.body).map_err(|error| ForgeError::Unreadable {
            kind: self.kind,
            what: self.what.clone(),
            reason: crate::forges::json_position(&error),
        })
    }

    /// The address of the next page, as of RFC 8288.
    pub fn next(&self) -> Option<String> {
        let links = self.headers.get(header::LINK)?.to_str().ok()?;
        links.split(',').find_map(|link| {
            let (address, parameters) = link.trim().split_once(';')?;
            let next = parameters.split(';').any(|one| matches!(one.trim(), "rel=\"next\"" | "rel=next"));
            next.then(|| address.trim().trim_start_matches('<').trim_end_matches('>').to_owned())
        })
    }

    /// The forge's own words about a refusal, short and printable.
    pub(super) fn words(&self) -> String {
        let said = serde_json::from_slice::<serde_json::Value>(&self.body).ok();
        let text = said.as_ref().and_then(|said| {
            let message = &said["message"];
            message.as_str().or(said["error"]["message"].as_str()).or(said["error"].as_str())
        });
        let text = text.unwrap_or("no reason given").chars().filter(|letter| !letter.is_control());
        text.take(200).collect()
    }
}
