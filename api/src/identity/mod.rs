//! Who asks, and what they may do: scopes, API tokens, tokens of CI systems, failed attempts.

mod attempts;
mod issue;
pub mod oidc;
mod token;

pub use attempts::Attempts;
pub use issue::issue;
pub use token::{InvalidToken, NewToken, Scope, Token, TokenHash, TokenKey, TokenRecord, UnknownScope, random};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// For the audit trail: `token:<id>`, `oidc:<issuer> <subject>` or `loopback`.
    pub actor: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The repositories it is restricted to, by id; `None` for all.
    pub repositories: Option<Vec<String>>,
}

impl Identity {
    /// This machine itself, where the configuration opens loopback.
    #[must_use]
    pub fn loopback() -> Self {
        Self { actor: "loopback".to_owned(), scopes: vec![Scope::Admin], repositories: None }
    }

    /// Whether it may do what `scope` allows: `admin` may do everything, and everyone who may change may also read.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|own| *own == scope || *own == Scope::Admin || scope == Scope::Read)
    }

    /// Whether it may see this repository.
    #[must_use]
    pub fn sees(&self, repository: &str) -> bool {
        self.repositories.as_ref().is_none_or(|allowed| allowed.iter().any(|id| id == repository))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_allow_what_they_say() {
        use Scope::{Admin, Read, Scan, Triage};
        for (own, asked, expected) in [
            (vec![Read], Read, true),
            (vec![Read], Scan, false),
            (vec![Read], Triage, false),
            (vec![Read], Admin, false),
            (vec![Scan], Read, true),
            (vec![Scan], Triage, false),
            (vec![Scan, Triage], Triage, true),
            (vec![Triage], Admin, false),
            (vec![Admin], Scan, true),
            (vec![Admin], Admin, true),
            (vec![], Read, false),
        ] {
            let identity = Identity { actor: "token:x".into(), scopes: own.clone(), repositories: None };
            assert_eq!(identity.may(asked), expected, "{own:?} {asked:?}");
        }
        let restricted = Identity { repositories: Some(vec!["a".into()]), ..Identity::loopback() };
        assert!(restricted.sees("a") && !restricted.sees("b"));
        assert!(Identity::loopback().sees("b"));
    }
}
