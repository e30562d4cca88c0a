//! Lists of findings: which index serves them, and the cursor between their pages.

use advisories::Severity;
use scanner::Kind;

use super::record::{FindingRecord, FindingState, RepositoryId, Tenant};
use super::rows::Key;
use super::{StoreError, keys};

/// Which findings, in the one order there is: state, then severity (the worst first), then identity.
#[derive(Debug, Clone)]
pub struct FindingsQuery {
    /// Whose.
    pub tenant: Tenant,
    /// Only of this kind.
    pub kind: Option<Kind>,
    /// Only this severity.
    pub severity: Option<Severity>,
    /// Only in this state.
    pub state: Option<FindingState>,
    /// Only of this repository.
    pub repository: Option<RepositoryId>,
    /// Only about this package (normalised).
    pub package: Option<String>,
    /// Only of this rule or advisory.
    pub rule: Option<String>,
    /// Only of this secret, by its keyed hash.
    pub fingerprint: Option<String>,
    /// Behind the page whose `next` this is.
    pub after: Option<String>,
    /// How many at most.
    pub limit: usize,
}

/// One page. It may hold fewer than asked for, even none, while `next` says that there is more.
#[derive(Debug, Clone, Default)]
pub struct FindingsPage {
    /// The findings.
    pub findings: Vec<FindingRecord>,
    /// The cursor of the next page; `None` at the end.
    pub next: Option<String>,
}

impl FindingsQuery {
    /// All findings of a tenant, a hundred a page.
    #[must_use]
    pub fn all(tenant: Tenant) -> Self {
        Self {
            tenant,
            kind: None,
            severity: None,
            state: None,
            repository: None,
            package: None,
            rule: None,
            fingerprint: None,
            after: None,
            limit: 100,
        }
    }

    /// The narrowest index for the filters.
    pub(super) fn index(&self) -> (u8, String) {
        if let Some(fingerprint) = &self.fingerprint {
            (b's', fingerprint.clone())
        } else if let Some(repository) = &self.repository {
            (b'r', repository.as_str().to_owned())
        } else if let Some(package) = &self.package {
            (b'p', package.clone())
        } else if let Some(rule) = &self.rule {
            (b'u', rule.clone())
        } else if let Some(kind) = self.kind {
            (b'k', kind.as_str().to_owned())
        } else {
            (b'a', String::new())
        }
    }

    /// The stretches of that index, in its order.
    pub(super) fn prefixes(&self, list: &Key) -> Vec<Key> {
        match (self.state, self.severity) {
            (None, None) => vec![list.clone()],
            (Some(state), None) => vec![list.clone().fixed(&[state as u8])],
            (state, Some(severity)) => {
                let states = FindingState::ALL.into_iter().filter(|one| state.is_none_or(|state| state == *one));
                states.map(|state| keys::state_and_severity(list.clone(), state, severity)).collect()
            }
        }
    }

    /// The filters that the index does not serve.
    pub(super) fn admits(&self, record: &FindingRecord) -> bool {
        self.kind.is_none_or(|kind| kind == record.finding.kind)
            && self.repository.as_ref().is_none_or(|repository| *repository == record.repository)
            && self.package.as_deref().is_none_or(|package| record.package() == Some(package))
            && self.rule.as_deref().is_none_or(|rule| record.finding.rule == rule)
    }

    /// A digest of everything but position and page size: a cursor belongs to one list.
    fn digest(&self) -> [u8; 8] {
        let filters = format!(
            "{}\0{:?}\0{:?}\0{:?}\0{:?}\0{:?}\0{:?}\0{:?}",
            self.tenant,
            self.kind,
            self.severity,
            self.state,
            self.repository,
            self.package,
            self.rule,
            self.fingerprint
        );
        let mut digest = [0; 8];
        digest.copy_from_slice(&blake3::hash(filters.as_bytes()).as_bytes()[..8]);
        digest
    }

    pub(super) fn next(&self, key: &[u8]) -> String {
        hex::encode([&self.digest(), key].concat())
    }

    /// The key that the page begins behind.
    pub(super) fn cursor(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(text) = &self.after else { return Ok(None) };
        let bytes = hex::decode(text).map_err(|_| StoreError::Cursor)?;
        match bytes.split_first_chunk::<8>() {
            Some((digest, key)) if *digest == self.digest() => Ok(Some(key.to_vec())),
            _ => Err(StoreError::Cursor),
        }
    }
}
