//! What a VEX document says, brought to the findings that it speaks of.

use std::collections::{BTreeMap, BTreeSet};

use advisories::PackageName;
use jiff::Timestamp;
use scanner::policy::vex::{self, Statement};
use serde_json::Value;

use super::Service;
use crate::http::error::ApiError;
use crate::http::vex::VexTaken;
use crate::identity::Identity;
use crate::store::FindingsQuery;
use crate::store::record::{FindingRecord, FindingState, RepositoryId};

/// Findings that are looked at, and decided about, at a time.
const AT_A_TIME: usize = 500;
/// A statement may be long; a reason is as long as one that is given by hand.
const REASON_CHARACTERS: usize = 1000;
/// Those that are decided about come first: what is accepted here must not be met again as decided before.
const IN_TURN: [FindingState; 4] =
    [FindingState::Accepted, FindingState::Revoked, FindingState::Open, FindingState::Reopened];

impl Service {
    /// Accepts what the statements of a document close. Taking it in again changes nothing.
    pub(in crate::http) async fn take_vex(
        &self,
        identity: &Identity,
        repository: Option<&str>,
        document: &Value,
    ) -> Result<VexTaken, ApiError> {
        if let Some(repository) = repository {
            self.repository(identity, repository).await?;
        }
        let statements =
            vex::read(&document.to_string()).map_err(|error| ApiError::Unprocessable(error.to_string()))?;
        let mut taken = VexTaken {
            statements: statements.len(),
            accepted: Vec::new(),
            decided_before: 0,
            without_finding: Vec::new(),
        };
        let mut met = vec![false; statements.len()];
        let packages: BTreeSet<&PackageName> = statements.iter().flat_map(Statement::packages).collect();
        for (package, state) in packages.into_iter().flat_map(|package| IN_TURN.map(|state| (package, state))) {
            let mut query = FindingsQuery {
                repository: repository.map(RepositoryId::from_text),
                package: Some(package.to_string()),
                state: Some(state),
                limit: AT_A_TIME,
                ..FindingsQuery::all(self.tenant.clone())
            };
            loop {
                let page = self.store.findings(query.clone()).await?;
                let seen = page.findings.iter().filter(|record| identity.sees(record.repository.as_str()));
                self.accept_closed(identity, &statements, seen, &mut met, &mut taken).await?;
                query.after = page.next;
                if query.after.is_none() {
                    break;
                }
            }
        }
        let unmet =
            statements.iter().zip(met).filter(|(_, met)| !met).flat_map(|(statement, _)| statement.vulnerabilities());
        taken.without_finding = unmet.cloned().collect();
        Ok(taken)
    }

    /// Accepts those of some findings that a statement closes.
    async fn accept_closed(
        &self,
        identity: &Identity,
        statements: &[Statement],
        records: impl Iterator<Item = &FindingRecord> + Send,
        met: &mut [bool],
        taken: &mut VexTaken,
    ) -> Result<(), ApiError> {
        let mut reasons = BTreeMap::new();
        for record in records {
            let Some(place) = statements.iter().position(|statement| statement.closes(&record.finding)) else {
                continue;
            };
            met[place] = true;
            if record.state.is_open() {
                let reason = format!("VEX: {}", statements[place].reason());
                reasons.insert(record.id().clone(), reason.chars().take(REASON_CHARACTERS).collect());
            } else {
                taken.decided_before += 1;
            }
        }
        if !reasons.is_empty() {
            let accepted = self.store.accept(&self.tenant, reasons, &identity.actor, Timestamp::now()).await?;
            taken.accepted.extend(accepted.into_iter().map(|id| id.to_string()));
        }
        Ok(())
    }
}
