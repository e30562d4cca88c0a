//! `secretarybird token create|list|revoke`: on a store that nobody serves, or at a running server.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use toml::Value as Setting;
use url::Url;
use uuid::Uuid;

use super::exit::{Exit, Failure, answer};
use super::server::{Proof, Server};
use crate::config::ServerConfig;
use crate::credential::Credential;
use crate::http::wire::{Page, TokenView};
use crate::identity::{self, NewToken, Scope, TokenKey};
use crate::store::record::{AuditRecord, Tenant};
use crate::store::{self, Store};

/// Makes, lists and revokes API tokens: at a running server with --server and an admin token, else in the store of the data directory,
/// which no server may be using then.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes a token and shows it, this once.
    Create(Create),
    /// Lists tokens, without their text.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Ends a token at once.
    Revoke {
        /// The token's id, as `token list` shows it.
        id: String,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Args)]
pub struct Create {
    /// What it is for.
    #[arg(long)]
    name: String,
    /// What it allows: read, scan, triage, admin.
    #[arg(long = "scope", value_name = "SCOPES", value_delimiter = ',', required = true)]
    scopes: Vec<Scope>,
    /// The repositories that it is restricted to, by id; all when not given.
    #[arg(long = "repository", value_name = "ID", value_delimiter = ',')]
    repositories: Vec<String>,
    /// When it ends: days such as 90d, or a time such as 2027-01-31T00:00:00Z; never when not given.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    expires: Option<Timestamp>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Where the tokens are.
#[derive(Debug, Args)]
pub struct Place {
    /// A running server's address.
    #[arg(long, env = "SECRETARYBIRD_SERVER")]
    server: Option<Url>,
    /// An admin token of that server.
    #[arg(long, env = "SECRETARYBIRD_TOKEN", hide_env_values = true, value_parser = |text: &str| Ok::<_, String>(Credential::new(text)))]
    token: Option<Credential>,
    /// The data directory, when no server uses it.
    #[arg(long, value_name = "DIR", env = "SECRETARYBIRD_DATA_DIR", conflicts_with = "server")]
    data_dir: Option<PathBuf>,
    /// The server's configuration file.
    #[arg(long, value_name = "FILE", env = "SECRETARYBIRD_CONFIG", conflicts_with = "server")]
    config: Option<PathBuf>,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let wrong = || "expected days such as 90d, or a time as of RFC 3339".to_owned();
    match text.strip_suffix('d') {
        Some(days) => {
            let hours = days.parse::<u32>().map_err(|_| wrong())?.checked_mul(24).ok_or_else(wrong)?;
            Timestamp::now().checked_add(SignedDuration::from_hours(hours.into())).map_err(|_| wrong())
        }
        None => text.parse().map_err(|_| wrong()),
    }
}

/// Where the tokens are, opened.
enum Tokens {
    Here { store: Store, key: TokenKey },
    There(Box<Server>),
}

/// Does it.
///
/// # Errors
/// Exit 2 when the store is in use or the request makes no sense, 4 when the server does not answer or refuses the token.
pub async fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Create(create) => make(create).await,
        Command::List { json, place } => list(json, place).await,
        Command::Revoke { id, place } => revoke(&id, place).await,
    }
}

async fn open(place: Place) -> Result<Tokens, Failure> {
    if let Some(address) = &place.server {
        let proof = place.token.map_or(Proof::Nothing, Proof::Token);
        return Ok(Tokens::There(Box::new(Server::new(address, proof)?)));
    }
    let settings =
        place.data_dir.iter().map(|path| ("data_dir", Setting::String(path.display().to_string()))).collect();
    let environment = std::env::vars().collect();
    let config = ServerConfig::load(place.config.as_deref(), &environment, settings).map_err(Failure::usage)?;
    let directory = &config.data_dir;
    if !directory.is_dir() {
        let how = "name the server's --data-dir, or the address of a running one with --server";
        return Err(Failure::usage(format!("there is no data directory {}: {how}", directory.display())));
    }
    let store = store::open(&config).await.map_err(|error| match error {
        store::StoreError::InUse(_) => Failure::usage(format!("{error}: a server runs on it, name it with --server")),
        error => Failure::usage(error),
    })?;
    let key = TokenKey::open(directory).map_err(|error| Failure::usage(format!("{}: {error}", directory.display())))?;
    Ok(Tokens::Here { store, key })
}

async fn make(create: Create) -> Result<Exit, Failure> {
    #[derive(Deserialize)]
    struct Made {
        id: String,
        token: String,
    }
    let Create { name, scopes, repositories, expires, json, place } = create;
    let repositories = (!repositories.is_empty()).then_some(repositories);
    let made = match open(place).await? {
        Tokens::There(mut server) => {
            let expires = expires.map(|end| end.to_string());
            let body = json!({"name": name, "scopes": scopes, "repositories": repositories, "expires_at": expires});
            server.change::<Made>(Method::POST, "tokens", Some(body)).await?
        }
        Tokens::Here { store, key } => {
            let now = Timestamp::now();
            let asked = NewToken { name, scopes, repositories, expires: expires.map(Timestamp::as_second) };
            let asked = asked.checked(now.as_second()).map_err(Failure::usage)?;
            let (token, record) = identity::issue(&store, &key, asked, now).await.map_err(Failure::incomplete)?;
            record_here(&store, "token create", &record.id).await?;
            Made { id: record.id, token: token.expose().to_owned() }
        }
    };
    if json {
        answer(&format!("{}\n", json!({"id": made.id, "token": made.token})))?;
    } else {
        // the token alone on stdout, so that a script can take it
        super::gate::say(&format!("token {} is made, and shown this once:", made.id));
        answer(&format!("{}\n", made.token))?;
    }
    Ok(Exit::Clean)
}

async fn list(json: bool, place: Place) -> Result<Exit, Failure> {
    let tokens = match open(place).await? {
        Tokens::There(mut server) => all(&mut server).await?,
        Tokens::Here { store, .. } => {
            let records = store.tokens().await.map_err(Failure::incomplete)?;
            records.into_iter().map(TokenView::from).collect()
        }
    };
    if json {
        let text = serde_json::to_string_pretty(&tokens).map_err(Failure::incomplete)?;
        answer(&format!("{text}\n"))?;
    } else {
        answer(&table(&tokens))?;
    }
    Ok(Exit::Clean)
}

async fn all(server: &mut Server) -> Result<Vec<TokenView>, Failure> {
    let (mut found, mut after) = (Vec::new(), None::<String>);
    loop {
        let query: Vec<_> = after.as_deref().map(|after| ("after", after)).into_iter().collect();
        let page: Page<TokenView> = server.get("tokens", &query, std::time::Duration::from_secs(30)).await?;
        found.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

fn table(tokens: &[TokenView]) -> String {
    let mut text = String::new();
    for token in tokens {
        let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
        let seen = match &token.repositories {
            None => "all repositories".to_owned(),
            Some(some) => format!("{} repositories", some.len()),
        };
        let state = match (&token.revoked_at, &token.expires_at) {
            (Some(at), _) => format!("revoked {at}"),
            (None, Some(at)) => format!("until {at}"),
            (None, None) => "without end".to_owned(),
        };
        let used = token.last_used_at.as_deref().unwrap_or("never");
        // writing to a String does not fail
        let name = token.name.replace(char::is_control, " ");
        let _ = writeln!(text, "{}  {name}  {}  {seen}  {state}  last used {used}", token.id, scopes.join(","));
    }
    text
}

async fn revoke(id: &str, place: Place) -> Result<Exit, Failure> {
    match open(place).await? {
        Tokens::There(mut server) => {
            Uuid::parse_str(id).map_err(|_| Failure::usage("a token's id looks like 019ac3…-…: see `token list`"))?;
            server.change::<Value>(Method::DELETE, &format!("tokens/{id}"), None).await?;
        }
        Tokens::Here { store, .. } => {
            let found = store.revoke_token(id, Timestamp::now().as_second()).await.map_err(Failure::incomplete)?;
            if !found {
                return Err(Failure::usage(format!("no token has the id {id}")));
            }
            record_here(&store, "token revoke", id).await?;
        }
    }
    answer(&format!("revoked {id}\n"))?;
    Ok(Exit::Clean)
}

/// What the command line changes is in the audit trail too.
async fn record_here(store: &Store, action: &str, object: &str) -> Result<(), Failure> {
    let record = AuditRecord {
        id: Uuid::now_v7(),
        tenant: Tenant::default(),
        at: Timestamp::now(),
        actor: "command line".to_owned(),
        action: action.to_owned(),
        object: object.to_owned(),
        request_id: String::new(),
    };
    store.append_audit(record).await.map_err(Failure::incomplete)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_days_or_moments() {
        assert!(moment("90d").is_ok_and(|end| end > Timestamp::now()));
        assert_eq!(moment("2027-01-31T00:00:00Z").map(|end| end.to_string()).as_deref(), Ok("2027-01-31T00:00:00Z"));
        for wrong in ["", "d", "90", "soon", "99999999999d", "4294967295d"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }
}
