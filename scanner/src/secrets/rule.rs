//! What a rule is: whose credential, how it looks, what proves it, what to do when it leaked.

use std::fmt;
use std::sync::OnceLock;

use advisories::Severity;
use globset::GlobSet;
use regex_automata::meta;
use regex_automata::util::syntax;

use crate::secrets::outline::Outline;
use crate::secrets::proof::Proof;
use crate::secrets::rule_file::{self, RuleError};
use crate::secrets::verify::Check;

/// Index of a rule in its `RuleSet`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleIndex(pub u16);

/// How a rule's secret is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// The secret's own form has a rare literal. The expression is tried where the literal stands, at most `lookback` bytes before it.
    Literal {
        /// Exact bytes, three or more each.
        literals: Vec<String>,
        /// How far before the literal a match may begin; 0 when it begins with the literal.
        lookback: usize,
    },
    /// The form alone says little: a word (any case) must stand shortly before it.
    Context {
        /// Lower-case words, four bytes or more each.
        keywords: Vec<String>,
    },
    /// Found by the generic classifier; no expression.
    Generic,
}

/// One kind of credential.
pub struct Rule {
    /// Stable, in kebab case; part of a finding's identity.
    pub id: String,
    /// Whose credential.
    pub provider: String,
    /// What it is called there.
    pub name: String,
    /// How bad a leak is.
    pub severity: Severity,
    /// How it is found.
    pub form: Form,
    /// A form that many providers share: a context that fits says more.
    pub general: bool,
    /// The expression; its first group, where it has one, is the secret.
    pub pattern: Pattern,
    /// Bits per byte that the secret must reach.
    pub entropy: Option<f64>,
    /// What the format itself can prove.
    pub proof: Option<Proof>,
    /// Only in files whose path matches, where given.
    pub paths: Option<GlobSet>,
    /// The bytes beside the match must not continue the word.
    pub boundary: bool,
    /// The credential's other part, such as an account's id, where it stands near the secret.
    pub companion: Option<Pattern>,
    /// How the provider is asked whether it is live.
    pub verify: Option<Check>,
    /// What to rotate, and where.
    pub remedy: String,
    /// The provider's documentation.
    pub references: Vec<String>,
    /// Templates (`example.rs`) in which the secret must be found.
    pub positive: Vec<String>,
    /// Templates in which this rule must find nothing.
    pub negative: Vec<String>,
    /// The file or family it comes from.
    pub family: String,
}

impl Rule {
    /// A context rule or the generic classifier: weaker than a literal form when both claim the same bytes.
    #[must_use]
    pub fn needs_context(&self) -> bool {
        !matches!(self.form, Form::Literal { .. })
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Rule").field("id", &self.id).field("form", &self.form).finish_non_exhaustive()
    }
}

/// An expression, compiled when it is first needed: most rules never meet their anchor.
pub struct Pattern {
    text: String,
    outline: OnceLock<Option<Outline>>,
    compiled: OnceLock<Option<meta::Regex>>,
}

impl Pattern {
    /// Takes the expression as it is written.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), outline: OnceLock::new(), compiled: OnceLock::new() }
    }

    /// The expression as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Compiles; linear time by construction of the crate.
    ///
    /// # Errors
    /// When the expression is malformed or its automaton too large.
    pub fn compile(&self) -> Result<meta::Regex, String> {
        meta::Builder::new()
            .configure(meta::Config::new().nfa_size_limit(Some(1 << 20)).utf8_empty(false))
            .syntax(syntax::Config::new().utf8(false).unicode(false))
            .build(&self.text)
            .map_err(|error| error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string))
    }

    /// The same expression, which must not begin or end inside a word; alternatives are then tried by it.
    #[must_use]
    pub fn standing_alone(text: &str) -> Self {
        if text.is_empty() { Self::new(text) } else { Self::new(format!(r"\b{{start-half}}(?:{text})\b{{end-half}}")) }
    }

    /// What it can match at all, where that can be told.
    pub(super) fn outline(&self) -> Option<&Outline> {
        self.outline.get_or_init(|| Outline::of(&self.text)).as_ref()
    }

    /// The compiled expression. Rules are compiled once when a set is loaded from a file of somebody else's; our own are proved to
    /// compile by a test, and so `None` never happens to a rule that a set holds.
    pub(crate) fn regex(&self) -> Option<&meta::Regex> {
        self.compiled.get_or_init(|| self.compile().ok()).as_ref()
    }
}

/// All rules of a scan, in a fixed order.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
}

impl RuleSet {
    /// The rules that come with the product.
    ///
    /// # Errors
    /// Never in a build that passed its tests: they load every family.
    pub fn builtin() -> Result<Self, RuleError> {
        let mut set = Self::default();
        for (family, text) in FAMILIES {
            set.extend(rule_file::parse(family, text)?)?;
        }
        Ok(set)
    }

    /// Adds an organisation's own rules and compiles them.
    ///
    /// # Errors
    /// Names the file, the rule and the reason: malformed TOML, an expression that does not compile, an id that is taken.
    pub fn extend_from_toml(&mut self, file: &str, text: &str) -> Result<(), RuleError> {
        let rules = rule_file::parse(file, text)?;
        for rule in &rules {
            rule.pattern.compile().map_err(|reason| RuleError::rule(file, &rule.id, format!("regex: {reason}")))?;
            if let Some(companion) = &rule.companion {
                companion
                    .compile()
                    .map_err(|reason| RuleError::rule(file, &rule.id, format!("companion: {reason}")))?;
            }
        }
        self.extend(rules)
    }

    fn extend(&mut self, rules: Vec<Rule>) -> Result<(), RuleError> {
        for rule in rules {
            if self.rules.iter().any(|other| other.id == rule.id) {
                return Err(RuleError::rule(&rule.family, &rule.id, "a rule of this id exists already"));
            }
            if self.rules.len() >= usize::from(u16::MAX) {
                return Err(RuleError::rule(&rule.family, &rule.id, "too many rules"));
            }
            self.rules.push(rule);
        }
        Ok(())
    }

    /// All of them, in order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of a hit.
    #[must_use]
    pub fn get(&self, index: RuleIndex) -> Option<&Rule> {
        self.rules.get(usize::from(index.0))
    }

    /// Finds a rule by its id.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<(RuleIndex, &Rule)> {
        let position = self.rules.iter().position(|rule| rule.id == id)?;
        Some((RuleIndex(u16::try_from(position).ok()?), &self.rules[position]))
    }

    /// Identifies everything that decides what is found: the rules and the classifier's version. Blobs seen under the same digest need
    /// not be looked at again.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = blake3::Hasher::new();
        hash.update(&crate::secrets::engine::VERSION.to_be_bytes());
        for rule in &self.rules {
            for part in [
                &rule.id,
                rule.pattern.as_str(),
                &format!(
                    "{:?} {:?} {:?} {} {:?} {}",
                    rule.form, rule.entropy, rule.proof, rule.boundary, rule.paths, rule.general
                ),
            ] {
                hash.update(&(part.len() as u64).to_be_bytes());
                hash.update(part.as_bytes());
            }
        }
        hash.finalize().to_hex()[..32].to_owned()
    }
}

macro_rules! families {
    ($($name:literal),+ $(,)?) => {
        const FAMILIES: &[(&str, &str)] = &[$(($name, include_str!(concat!("rules/", $name, ".toml")))),+];
    };
}

families!(
    "cloud",
    "forges",
    "registries",
    "private-keys",
    "payment",
    "messaging",
    "ai",
    "devops",
    "saas",
    "finance",
    "models",
    "platforms",
    "services",
    "prefixed",
    "generic"
);
