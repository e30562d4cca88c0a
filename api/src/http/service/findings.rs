//! Findings, and who has a package.

use advisories::{PackageName, Severity, Version};
use jiff::Timestamp;
use scanner::Kind;

use super::{Service, not_found, page, page_size, word};
use crate::http::cursor;
use crate::http::error::ApiError;
use crate::http::etag::Tagged;
use crate::http::findings::Wanted;
use crate::http::operations::{PackageUses, WantedUses};
use crate::http::wire::{Finding, Page, Resolution, Triage};
use crate::identity::Identity;
use crate::store::FindingsQuery;
use crate::store::record;
use crate::store::record::{FindingRecord, FindingState, RepositoryId};
use crate::store::rows::Scope as Lock;

impl Service {
    /// One page of findings.
    pub(in crate::http) async fn findings(&self, identity: &Identity, wanted: Wanted) -> Result<Tagged, ApiError> {
        let named = wanted.repository.as_deref();
        if let Some(repository) = named.filter(|repository| !identity.sees(repository)) {
            return Err(not_found("repository", repository));
        }
        let edition = match named.map(RepositoryId::from_text) {
            Some(repository) => self.store.edition(Lock::Repository(&self.tenant, &repository)),
            None => self.store.edition_of_repositories(),
        };
        // a page of some repositories only is not one for everybody
        let edition = edition.filter(|_| named.is_some() || identity.repositories.is_none());
        if let Some(page) = self.pages.get(edition, &wanted) {
            return Ok(page);
        }
        let page = Tagged::json(&self.page_of_findings(identity, &wanted).await?)?;
        let bytes = page.bytes() + wanted.bytes();
        self.pages.put(edition, wanted, page.clone(), bytes);
        Ok(page)
    }

    async fn page_of_findings(&self, identity: &Identity, wanted: &Wanted) -> Result<Page<Finding>, ApiError> {
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
            fingerprint: wanted.fingerprint.as_deref().map(fingerprint).transpose()?,
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
        let finding = self.finding(identity, id).await?.finding;
        let now = Timestamp::now();
        let until = asked.until.as_deref().map(str::parse::<Timestamp>).transpose();
        let until = until.map_err(|_| ApiError::Unprocessable("until: expected a time as of RFC 3339".to_owned()))?;
        if until.is_some_and(|until| until <= now) {
            return Err(ApiError::Unprocessable("until: already past".to_owned()));
        }
        let (state, reason) = decision(&asked, finding.kind)?;
        let triage = record::Triage { state, reason, until, actor: identity.actor.clone(), at: now };
        let decided = self.store.triage(&self.tenant, id, triage).await?.ok_or_else(|| not_found("finding", id))?;
        Ok(decided.map_err(|refused| ApiError::Conflict(refused.to_string()))?.into())
    }

    /// Who has a package.
    pub(in crate::http) async fn package(
        &self,
        identity: &Identity,
        name: &str,
        wanted: &WantedUses,
    ) -> Result<PackageUses, ApiError> {
        let package = package_name(name)?;
        let limit = page_size(wanted.limit)?;
        let list = format!("package {package} {}", wanted.version.as_deref().unwrap_or_default());
        let after = wanted.after.as_deref().map(|after| cursor::open_text(&list, after)).transpose()?;
        let after = after.as_deref().map(RepositoryId::from_text);
        let version = wanted.version.as_deref().map(Version::new);
        let mut uses = self.store.affected_by(&self.tenant, package.as_str(), after.as_ref(), limit).await?;
        let mut repositories: Vec<&RepositoryId> = uses.iter().map(|found| &found.repository).collect();
        repositories.dedup();
        let last = repositories.last().filter(|_| repositories.len() >= limit);
        let next = last.map(|id| cursor::seal(&list, id.as_str().as_bytes()));
        uses.retain(|found| {
            identity.sees(found.repository.as_str())
                && version.as_ref().is_none_or(|wanted| found.version.as_ref() == Some(wanted))
        });
        Ok(PackageUses { package: package.to_string(), uses, next })
    }
}

/// The state and the reason that a decision asks for. The reason begins with the forges' word where one was given.
fn decision(asked: &Triage, kind: Kind) -> Result<(FindingState, String), ApiError> {
    let wrong = |reason: &str| Err(ApiError::Unprocessable(reason.to_owned()));
    let state = match asked.state.as_str() {
        "accepted" => FindingState::Accepted,
        "revoked" => FindingState::Revoked,
        "open" => FindingState::Open,
        _ => return wrong("state: expected accepted, revoked or open"),
    };
    let words = asked.reason.as_deref().map(str::trim).filter(|words| !words.is_empty());
    let resolution = asked.resolution.or_else(|| words.and_then(Resolution::of_reason));
    if let Some(resolution) = resolution {
        if resolution.is_for_secrets() != (kind == Kind::Secret) {
            return wrong(
                "resolution: false_positive, wont_fix, revoked and used_in_tests are for secrets, the others for the rest",
            );
        }
        if (resolution == Resolution::Revoked) != (state == FindingState::Revoked) {
            return wrong("resolution: `revoked` and the state `revoked` go together");
        }
    }
    let reason = match (asked.resolution, words) {
        (None, None) => return wrong("reason: expected 1 to 1000 characters, or a resolution"),
        (Some(resolution), None) => resolution.as_str().to_owned(),
        (Some(resolution), Some(words)) if Resolution::of_reason(words) != Some(resolution) => {
            format!("{}: {words}", resolution.as_str())
        }
        (_, Some(words)) => words.to_owned(),
    };
    if reason.chars().count() > 1100 {
        return wrong("reason: expected 1 to 1000 characters, or a resolution");
    }
    Ok((state, reason))
}

fn package_name(text: &str) -> Result<PackageName, ApiError> {
    PackageName::new(text).map_err(|_| ApiError::Invalid("not the name of a Python package".to_owned()))
}

fn kind(text: &str) -> Option<Kind> {
    serde_json::from_value(text.into()).ok()
}

/// What was given is not repeated: it might be the secret itself.
fn fingerprint(text: &str) -> Result<String, ApiError> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() == 64 && text.bytes().all(is_digit) {
        return Ok(text.to_owned());
    }
    Err(ApiError::Invalid("fingerprint: expected 64 hexadecimal digits, as a secret's finding has them".to_owned()))
}

fn severity(text: &str) -> Option<Severity> {
    serde_json::from_value(text.into()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_speak_the_forges_words() {
        use FindingState::{Accepted, Open, Revoked};
        /// state, reason, resolution, kind → state and reason kept
        type Case<'c> = (&'c str, Option<&'c str>, Option<Resolution>, Kind, Option<(FindingState, &'c str)>);
        let cases: &[Case<'_>] = &[
            ("accepted", Some("known"), None, Kind::Secret, Some((Accepted, "known"))),
            ("accepted", None, Some(Resolution::WontFix), Kind::Secret, Some((Accepted, "wont_fix"))),
            (
                "accepted",
                Some("a fixture"),
                Some(Resolution::UsedInTests),
                Kind::Secret,
                Some((Accepted, "used_in_tests: a fixture")),
            ),
            ("accepted", Some("wont_fix"), None, Kind::Secret, Some((Accepted, "wont_fix"))),
            ("revoked", None, Some(Resolution::Revoked), Kind::Secret, Some((Revoked, "revoked"))),
            (
                "accepted",
                None,
                Some(Resolution::TolerableRisk),
                Kind::Vulnerability,
                Some((Accepted, "tolerable_risk")),
            ),
            ("open", Some("again"), None, Kind::Vulnerability, Some((Open, "again"))),
            ("accepted", None, Some(Resolution::Revoked), Kind::Secret, None),
            ("revoked", None, Some(Resolution::WontFix), Kind::Secret, None),
            ("accepted", None, Some(Resolution::WontFix), Kind::Vulnerability, None),
            ("accepted", None, Some(Resolution::NotUsed), Kind::Secret, None),
            ("accepted", Some(" "), None, Kind::Secret, None),
            ("accepted", None, None, Kind::Secret, None),
            ("fixed", Some("x"), None, Kind::Secret, None),
        ];
        for (state, reason, resolution, kind, expected) in cases {
            let asked = Triage {
                state: (*state).to_owned(),
                reason: reason.map(str::to_owned),
                resolution: *resolution,
                until: None,
            };
            let decided = decision(&asked, *kind).ok();
            let expected = expected.map(|(state, reason)| (state, reason.to_owned()));
            assert_eq!(decided, expected, "{state} {reason:?} {resolution:?}");
        }
    }
}
