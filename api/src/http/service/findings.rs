//! Findings, and who has a package.

use advisories::{PackageName, Severity, Version};
use jiff::Timestamp;
use scanner::Kind;

use super::{Service, not_found, page, page_size, word};
use crate::http::error::ApiError;
use crate::http::findings::Wanted;
use crate::http::operations::PackageUses;
use crate::http::wire::{Finding, Page, Triage};
use crate::identity::Identity;
use crate::store::FindingsQuery;
use crate::store::record;
use crate::store::record::{FindingRecord, FindingState, RepositoryId};

impl Service {
    /// One page of findings.
    pub(in crate::http) async fn findings(
        &self,
        identity: &Identity,
        wanted: &Wanted,
    ) -> Result<Page<Finding>, ApiError> {
        let limit = page_size(wanted.limit)?;
        if let Some(repository) = &wanted.repository {
            self.repository(identity, repository).await?;
        }
        let package = wanted.package.as_deref().map(package_name).transpose()?;
        let query = FindingsQuery {
            tenant: self.tenant.clone(),
            kind: word("kind", wanted.kind.as_deref(), kind)?,
            severity: word("severity", wanted.severity.as_deref(), severity)?,
            state: word("state", wanted.state.as_deref(), FindingState::parse)?,
            repository: wanted.repository.as_deref().map(RepositoryId::from_text),
            package: package.map(|package| package.to_string()),
            rule: wanted.rule.clone(),
            after: wanted.after.clone(),
            limit,
        };
        let mut found = self.store.findings(query).await?;
        found.findings.retain(|record| identity.sees(record.repository.as_str()));
        Ok(page(found.findings, found.next))
    }

    /// A finding that the identity sees.
    pub(in crate::http) async fn finding(&self, identity: &Identity, id: &str) -> Result<FindingRecord, ApiError> {
        let found = self.store.finding(&self.tenant, id).await?;
        found.filter(|record| identity.sees(record.repository.as_str())).ok_or_else(|| not_found("finding", id))
    }

    /// Decides about a finding.
    pub(in crate::http) async fn decide(
        &self,
        identity: &Identity,
        id: &str,
        asked: Triage,
    ) -> Result<Finding, ApiError> {
        self.finding(identity, id).await?;
        let state = match asked.state.as_str() {
            "accepted" => FindingState::Accepted,
            "revoked" => FindingState::Revoked,
            "open" => FindingState::Open,
            _ => return Err(ApiError::Invalid("state: expected accepted, revoked or open".to_owned())),
        };
        let reason = asked.reason.trim().to_owned();
        if reason.is_empty() || reason.chars().count() > 1000 {
            return Err(ApiError::Invalid("reason: expected 1 to 1000 characters".to_owned()));
        }
        let now = Timestamp::now();
        let until = asked.until.as_deref().map(str::parse::<Timestamp>).transpose();
        let until = until.map_err(|_| ApiError::Invalid("until: expected a time as of RFC 3339".to_owned()))?;
        if until.is_some_and(|until| until <= now) {
            return Err(ApiError::Invalid("until: already past".to_owned()));
        }
        let triage = record::Triage { state, reason, until, actor: identity.actor.clone(), at: now };
        let decided = self.store.triage(&self.tenant, id, triage).await?.ok_or_else(|| not_found("finding", id))?;
        let record = decided.map_err(|refused| ApiError::Conflict(refused.to_string()))?;
        self.audit(identity, "finding.triage", id);
        Ok(record.into())
    }

    /// Who has a package.
    pub(in crate::http) async fn package(
        &self,
        identity: &Identity,
        name: &str,
        version: Option<&str>,
    ) -> Result<PackageUses, ApiError> {
        let package = package_name(name)?;
        let wanted = version.map(Version::new);
        let (mut uses, mut after) = (Vec::new(), None);
        loop {
            let some = self.store.affected_by(&self.tenant, package.as_str(), after.as_ref(), 500).await?;
            let Some(last) = some.last() else { break };
            after = Some(last.repository.clone());
            uses.extend(some);
        }
        uses.retain(|found| {
            identity.sees(found.repository.as_str())
                && wanted.as_ref().is_none_or(|wanted| found.version.as_ref() == Some(wanted))
        });
        Ok(PackageUses { package: package.to_string(), uses })
    }
}

fn package_name(text: &str) -> Result<PackageName, ApiError> {
    PackageName::new(text).map_err(|_| ApiError::Invalid("not the name of a Python package".to_owned()))
}

fn kind(text: &str) -> Option<Kind> {
    serde_json::from_value(text.into()).ok()
}

fn severity(text: &str) -> Option<Severity> {
    serde_json::from_value(text.into()).ok()
}
