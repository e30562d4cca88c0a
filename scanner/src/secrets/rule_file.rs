//! Rule files: TOML, one file a family. The same form serves the product's own rules and an organisation's.
//!
//! ```toml
//! [[provider]]
//! name = "Example Cloud"
//! remedy = "Revoke it under Settings, API keys"
//! references = ["https://docs.example.com/keys"]
//!
//! [[provider.rule]]
//! id = "example-cloud-key"
//! name = "API key"
//! severity = "high"
//! literals = ["exc_"]              # or: keywords = ["examplecloud"], with an expression for the secret alone
//! regex = 'exc_[0-9a-f]{32}'
//! positive = ["exc_{hex:32}"]
//! negative = ["exc_{hex:12}"]
//! ```

use advisories::Severity;
use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::Deserialize;

use crate::secrets::proof::Proof;
use crate::secrets::rule::{Form, Pattern, Rule};
use crate::secrets::verify::{Check, CheckTable};

/// What is wrong with a rule file.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RuleError {
    /// Not TOML, or not of this shape.
    #[error("{file}: {reason}")]
    File {
        /// The rule file.
        file: String,
        /// The parser's words, with line and column.
        reason: String,
    },
    /// One rule does not hold together.
    #[error("{file}: rule {rule}: {reason}")]
    Rule {
        /// The rule file.
        file: String,
        /// The rule's id.
        rule: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl RuleError {
    pub(crate) fn rule(file: &str, rule: &str, reason: impl Into<String>) -> Self {
        Self::Rule { file: file.to_owned(), rule: rule.to_owned(), reason: reason.into() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    provider: Vec<ProviderTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderTable {
    name: String,
    remedy: String,
    #[serde(default)]
    references: Vec<String>,
    #[serde(default)]
    rule: Vec<RuleTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    id: String,
    name: String,
    severity: Severity,
    #[serde(default)]
    literals: Vec<String>,
    #[serde(default)]
    general: bool,
    #[serde(default)]
    lookback: usize,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(default)]
    regex: String,
    entropy: Option<f64>,
    proof: Option<Proof>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default = "yes")]
    boundary: bool,
    companion: Option<String>,
    verify: Option<CheckTable>,
    remedy: Option<String>,
    references: Option<Vec<String>>,
    #[serde(default)]
    positive: Vec<String>,
    #[serde(default)]
    negative: Vec<String>,
}

fn yes() -> bool {
    true
}

/// How far before its literal a match may begin.
pub const MOST_LOOKBACK: usize = 256;

/// Reads a rule file. Expressions are not compiled here.
///
/// # Errors
/// Malformed TOML, unknown keys, a rule without examples or anchor.
pub fn parse(file: &str, text: &str) -> Result<Vec<Rule>, RuleError> {
    let tables: File =
        toml::from_str(text).map_err(|error| RuleError::File { file: file.to_owned(), reason: error.to_string() })?;
    let mut rules = Vec::new();
    for provider in tables.provider {
        for table in &provider.rule {
            rules.push(rule(file, &provider, table).map_err(|reason| RuleError::rule(file, &table.id, reason))?);
        }
    }
    Ok(rules)
}

fn rule(file: &str, provider: &ProviderTable, table: &RuleTable) -> Result<Rule, String> {
    let slug = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if table.id.is_empty() || !table.id.bytes().all(slug) {
        return Err("an id is made of a-z, 0-9 and hyphens".to_owned());
    }
    if table.positive.is_empty() {
        return Err("a rule needs at least one positive example".to_owned());
    }
    Ok(Rule {
        id: table.id.clone(),
        provider: provider.name.clone(),
        name: table.name.clone(),
        severity: table.severity,
        form: form(table)?,
        general: table.general,
        pattern: if table.boundary && !table.keywords.is_empty() {
            Pattern::standing_alone(&table.regex)
        } else {
            Pattern::new(table.regex.clone())
        },
        entropy: table.entropy,
        proof: table.proof,
        paths: paths(&table.paths)?,
        boundary: table.boundary,
        companion: table.companion.as_deref().map(Pattern::standing_alone),
        verify: table.verify.as_ref().map(|verify| Check::new(verify, table.companion.is_some())).transpose()?,
        remedy: table.remedy.clone().unwrap_or_else(|| provider.remedy.clone()),
        references: table.references.clone().unwrap_or_else(|| provider.references.clone()),
        positive: table.positive.clone(),
        negative: table.negative.clone(),
        family: file.to_owned(),
    })
}

fn form(table: &RuleTable) -> Result<Form, String> {
    let lower = |word: &String| word.bytes().all(|byte| !byte.is_ascii_uppercase());
    match (table.literals.is_empty(), table.keywords.is_empty(), table.regex.is_empty()) {
        (true, true, true) => Ok(Form::Generic),
        (_, _, true) => Err("a rule with literals or keywords needs a regex".to_owned()),
        (true, true, false) => {
            Err("a rule needs literals or keywords: no expression is run over a whole file".to_owned())
        }
        (false, false, _) => Err("literals or keywords, not both".to_owned()),
        (false, true, _) if table.literals.iter().any(|literal| literal.len() < 3) => {
            Err("a literal has three bytes or more".to_owned())
        }
        (false, true, _) if table.lookback > MOST_LOOKBACK => Err(format!("lookback is at most {MOST_LOOKBACK}")),
        (false, true, _) => Ok(Form::Literal { literals: table.literals.clone(), lookback: table.lookback }),
        (true, false, _) if table.keywords.iter().any(|word| word.len() < 3) || !table.keywords.iter().all(lower) => {
            Err("a keyword has three bytes or more, in lower case".to_owned())
        }
        (true, false, _) => Ok(Form::Context { keywords: table.keywords.clone() }),
    }
}

fn paths(globs: &[String]) -> Result<Option<GlobSet>, String> {
    if globs.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(Glob::new(glob).map_err(|error| error.to_string())?);
    }
    set.build().map(Some).map_err(|error| error.to_string())
}
