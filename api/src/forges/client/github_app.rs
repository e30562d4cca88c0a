//! Who we are to GitHub: a token, or an App whose installations give tokens that live one hour.
//! <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app>

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api::Api;
use super::call::{Call, Login};
use super::{ForgeError, ForgeKind};
use crate::config::ForgeAccess;
use crate::credential::Credential;

/// A token that ends sooner than this is not used any more.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// Who we are.
pub enum Identity {
    /// A token of a person or a machine account.
    Token(Login),
    /// An App.
    App(App),
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Token(_) => "Token",
            Self::App(_) => "App",
        })
    }
}

/// An App with the tokens of its installations.
pub struct App {
    id: u64,
    key: EncodingKey,
    minted: Mutex<HashMap<u64, Minted>>,
    installations: Mutex<HashMap<String, u64>>,
}

#[derive(Clone)]
struct Minted {
    token: Credential,
    until: Timestamp,
}

#[derive(Serialize)]
struct Claims {
    iat: i64,
    exp: i64,
    iss: String,
}

#[derive(Deserialize)]
struct Installation {
    id: u64,
}

#[derive(Deserialize)]
struct AccessToken {
    token: Credential,
    expires_at: Timestamp,
}

impl Identity {
    /// Reads what the configuration gives.
    pub fn open(access: &ForgeAccess) -> Result<Self, ForgeError> {
        let failed = |reason: String| ForgeError::Configuration { kind: ForgeKind::Github, reason };
        match (access.app_id, &access.private_key_file) {
            (Some(id), Some(path)) => {
                let pem = std::fs::read(path).map_err(|error| failed(format!("{}: {error}", path.display())))?;
                let pem = zeroize::Zeroizing::new(pem);
                let key = EncodingKey::from_rsa_pem(&pem)
                    .map_err(|_| failed(format!("{}: not an RSA private key in PEM", path.display())))?;
                Ok(Self::App(App { id, key, minted: Mutex::default(), installations: Mutex::default() }))
            }
            _ => Ok(Self::Token(match &access.token {
                Some(token) => Login::Bearer(token.clone(), String::new()),
                None => Login::Nobody,
            })),
        }
    }

    /// The login for calls about an owner's repositories.
    pub async fn login(&self, api: &Api, owner: &str) -> Result<Login, ForgeError> {
        match self {
            Self::Token(login) => Ok(login.clone()),
            Self::App(app) => app.login(api, app.installation(api, owner).await?).await,
        }
    }

    /// The login of the App itself.
    pub fn app_login(&self) -> Option<Result<Login, ForgeError>> {
        match self {
            Self::Token(_) => None,
            Self::App(app) => Some(app.own_login()),
        }
    }

    /// Forgets a token that GitHub no longer takes. True when another can be had.
    pub fn forget(&self, owner: &str) -> bool {
        let Self::App(app) = self else { return false };
        let installation = app.installations.lock().unwrap_or_else(PoisonError::into_inner).remove(&key_of(owner));
        let mut minted = app.minted.lock().unwrap_or_else(PoisonError::into_inner);
        installation.is_some_and(|installation| minted.remove(&installation).is_some())
    }
}

fn key_of(owner: &str) -> String {
    owner.to_ascii_lowercase()
}

impl App {
    /// A JWT for nine minutes (GitHub allows ten), dated a minute back against clocks that differ.
    fn own_login(&self) -> Result<Login, ForgeError> {
        let now = Timestamp::now().as_second();
        let claims = Claims { iat: now - 60, exp: now + 540, iss: self.id.to_string() };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.key).map_err(|_| {
            ForgeError::Configuration { kind: ForgeKind::Github, reason: "the App's key cannot sign".to_owned() }
        })?;
        Ok(Login::Bearer(Credential::new(token), "app".to_owned()))
    }

    /// The installation on an organisation or a person.
    async fn installation(&self, api: &Api, owner: &str) -> Result<u64, ForgeError> {
        let known = self.installations.lock().unwrap_or_else(PoisonError::into_inner).get(&key_of(owner)).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let login = self.own_login()?;
        let found = match api.send(&Call::get(format!("orgs/{owner}/installation"), &login)).await {
            Err(error) if error.status() == Some(404) => {
                api.send(&Call::get(format!("users/{owner}/installation"), &login)).await?
            }
            found => found?,
        };
        let id = found.json::<Installation>()?.id;
        self.installations.lock().unwrap_or_else(PoisonError::into_inner).insert(key_of(owner), id);
        Ok(id)
    }

    async fn login(&self, api: &Api, installation: u64) -> Result<Login, ForgeError> {
        let known = self.minted.lock().unwrap_or_else(PoisonError::into_inner).get(&installation).cloned();
        let minted = match known.filter(|minted| minted.until > Timestamp::now() + MARGIN) {
            Some(minted) => minted,
            None => {
                let minted = self.mint(api, installation, json!({})).await?;
                let mut all = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
                all.insert(installation, minted.clone());
                minted
            }
        };
        Ok(Login::Bearer(minted.token, installation.to_string()))
    }

    async fn mint(&self, api: &Api, installation: u64, limits: serde_json::Value) -> Result<Minted, ForgeError> {
        let path = format!("app/installations/{installation}/access_tokens");
        // an unused token does no harm: it ends by itself
        let call = Call::new(Method::POST, path, &self.own_login()?).body(limits).repeatable();
        let minted: AccessToken = api.send(&call).await?.json()?;
        Ok(Minted { token: minted.token, until: minted.expires_at })
    }

    /// A token that reads one repository's contents and nothing else.
    pub async fn clone_token(
        &self,
        api: &Api,
        owner: &str,
        name: &str,
        forge_id: Option<u64>,
    ) -> Result<Credential, ForgeError> {
        let installation = self.installation(api, owner).await?;
        let mut limits = json!({"permissions": {"contents": "read"}});
        match forge_id {
            Some(id) => limits["repository_ids"] = json!([id]),
            None => limits["repositories"] = json!([name]),
        }
        Ok(self.mint(api, installation, limits).await?.token)
    }
}
