//! Which CI systems' own tokens are taken, and for what.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use crate::identity::Scope;

/// An issuer of tokens (`[[auth.oidc]]`), such as `https://token.actions.githubusercontent.com` or a GitLab.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// The `iss` of its tokens; its keys are found from here.
    pub issuer: Url,
    /// The `aud` that its tokens must name; `public_url` when not given.
    pub audience: Option<String>,
    /// The clone URL of the repository that a token is about, made of claims in braces. Known for GitHub Actions
    /// (`https://github.com/{repository}`) and GitLab (`{iss}/{project_path}`); for others, GitHub Enterprise Server among them, say it.
    pub repository: Option<String>,
    /// Who may do what; the first rule that fits counts, and where none does the token opens nothing.
    pub rules: Vec<Rule>,
}

/// What tokens of one kind may do.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The `sub` that the rule is about; `*` stands for any text.
    pub subject: String,
    /// Other claims that must be there; `*` stands for any text.
    #[serde(default)]
    pub claims: BTreeMap<String, String>,
    /// What is allowed.
    pub scopes: Vec<Scope>,
    /// For which repositories: the one that the token is about when not given, `*` for all, else clone URLs.
    #[serde(default)]
    pub repositories: Vec<String>,
}

impl Issuer {
    /// Checks what types alone cannot.
    ///
    /// # Errors
    /// In a sentence, what is wrong.
    pub fn check(&self) -> Result<(), String> {
        let name = self.issuer.as_str();
        if self.rules.is_empty() {
            return Err(format!("{name} has no rules, so that none of its tokens would open anything"));
        }
        for rule in &self.rules {
            if rule.scopes.is_empty() {
                return Err(format!("{name}: the rule about {:?} allows no scope", rule.subject));
            }
            if rule.subject.chars().all(|letter| letter == '*') && rule.claims.is_empty() {
                return Err(format!(
                    "{name}: a rule about every subject would let everybody in who has an account there"
                ));
            }
        }
        Ok(())
    }
}
