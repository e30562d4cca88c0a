//! What the gate is asked about, and how the command proves who it is: flags first, then the pipeline, then the repository here.

use std::collections::BTreeMap;

use url::Url;

use super::{Command, Failure, Proof};
use crate::credential::Credential;
use crate::gate::pipeline::{Pipeline, detect, without_credentials};

/// What is asked about.
#[derive(Debug, PartialEq, Eq)]
pub struct Subject {
    /// The clone URL.
    pub repository: String,
    /// The full commit id.
    pub commit: String,
    /// The commit it is to be judged against, where the pipeline says.
    pub base: Option<String>,
    /// The ref that the commit was reached by.
    pub reference: Option<String>,
}

impl Subject {
    /// Finds it.
    ///
    /// # Errors
    /// Exit 2, naming the flag, when the repository or the commit cannot be told.
    pub fn find(command: &Command, environment: &BTreeMap<String, String>) -> Result<Self, Failure> {
        let event = event(environment)?;
        let Pipeline { repository, commit, base, reference, .. } = detect(environment, event.as_ref());
        let missing =
            |what: &str, flag: &str| Failure::usage(format!("cannot tell which {what} this is about: give {flag}"));
        let repository = command
            .repository
            .clone()
            .or(repository)
            .or_else(|| here(|local| Some(local.find_remote("origin").ok()?.url().ok()?.to_owned())));
        let given = command.commit.clone();
        // what the pipeline says of ref and base is about its own commit
        let (base, reference) = if given.is_some() && given != commit { (None, None) } else { (base, reference) };
        let commit =
            given.or(commit).or_else(|| here(|local| Some(local.head().ok()?.peel_to_commit().ok()?.id().to_string())));
        Ok(Self {
            repository: without_credentials(&repository.ok_or_else(|| missing("repository", "--repository"))?),
            commit: commit.ok_or_else(|| missing("commit", "--commit"))?,
            base: command.base.clone().or(base),
            reference,
        })
    }
}

/// GitHub Actions writes the event that started the workflow to a file.
fn event(environment: &BTreeMap<String, String>) -> Result<Option<serde_json::Value>, Failure> {
    let Some(path) = environment.get("GITHUB_EVENT_PATH").filter(|_| environment.contains_key("GITHUB_ACTIONS")) else {
        return Ok(None);
    };
    let wrong = |error: String| Failure::usage(format!("the workflow's event {path}: {error}"));
    let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_slice(&text).map(Some).map_err(|error| wrong(error.to_string()))
}

fn here(read: impl FnOnce(&git2::Repository) -> Option<String>) -> Option<String> {
    git2::Repository::discover(".").ok().and_then(|local| read(&local))
}

/// The proof: a token that was given, else one that the CI system makes.
///
/// # Errors
/// Exit 2 when the environment holds half of what GitHub Actions gives.
pub fn proof(given: Option<&Credential>, environment: &BTreeMap<String, String>) -> Result<Proof, Failure> {
    let get = |name: &str| environment.get(name).filter(|text| !text.trim().is_empty());
    if let Some(token) = given.filter(|token| !token.is_empty()) {
        return Ok(Proof::Token(token.clone()));
    }
    if let Some(token) = get("SECRETARYBIRD_ID_TOKEN") {
        return Ok(Proof::Token(Credential::new(token.trim())));
    }
    match (get("ACTIONS_ID_TOKEN_REQUEST_URL"), get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")) {
        (Some(url), Some(request)) => {
            let url: Url = url
                .parse()
                .map_err(|error| Failure::usage(format!("ACTIONS_ID_TOKEN_REQUEST_URL is no URL: {error}")))?;
            Ok(Proof::Actions { url, request: Credential::new(request.trim()), current: None })
        }
        _ => Ok(Proof::Nothing),
    }
}
