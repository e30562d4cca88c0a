//! The life of a finding: open, fixed, reopened, accepted, revoked. Values in, values out.

use jiff::Timestamp;
use scanner::finding::{Detail, Verified};
use scanner::{Diagnostic, Finding, Kind, Stage};

use super::record::{EventKind, FindingRecord, FindingState, RepositoryId, ScanId, Tenant, Triage};

/// Where and when something was seen.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'s> {
    /// Whose.
    pub tenant: &'s Tenant,
    /// In which repository.
    pub repository: &'s RepositoryId,
    /// By which scan; `None` for a re-match.
    pub scan: Option<ScanId>,
    /// When.
    pub now: Timestamp,
}

/// Why a decision is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TriageRefused {
    /// Only people's words can be set.
    #[error("a finding becomes {} by a scan, not by a decision", .0.as_str())]
    NotADecision(FindingState),
    /// Only secrets are revoked.
    #[error("only a secret can be revoked")]
    NotASecret,
    /// It would end before it begins.
    #[error("`until` lies in the past")]
    Past,
    /// Nobody would know why.
    #[error("a reason is needed")]
    NoReason,
}

/// A finding is there.
#[must_use]
pub fn seen(
    previous: Option<FindingRecord>,
    finding: &Finding,
    at: &Sighting<'_>,
) -> (FindingRecord, Option<EventKind>) {
    let Some(mut record) = previous else {
        let record = FindingRecord {
            tenant: at.tenant.clone(),
            repository: at.repository.clone(),
            state: if verified_revoked(finding) { FindingState::Revoked } else { FindingState::Open },
            first_seen: at.now,
            last_seen: at.now,
            first_scan: at.scan,
            last_scan: at.scan,
            fixed_at: None,
            reopened: 0,
            moved_from: None,
            triage: None,
            note: left_tree(finding),
            finding: finding.clone(),
        };
        return (record, Some(EventKind::Opened));
    };
    if record.finding.location.path != finding.location.path {
        record.moved_from = record.finding.location.path.take();
    }
    record.finding = finding.clone();
    record.last_seen = at.now;
    record.last_scan = at.scan.or(record.last_scan);
    record.note = left_tree(finding);
    let event = (record.state == FindingState::Fixed).then(|| {
        // a standing acceptance outlives a fix that did not hold
        let standing = record.triage.as_ref().filter(|triage| triage.until.is_none_or(|until| until > at.now));
        record.state = standing.map_or(FindingState::Reopened, |triage| triage.state);
        record.reopened += 1;
        EventKind::Reopened
    });
    let event = event.filter(|_| record.state == FindingState::Reopened);
    if verified_revoked(finding) {
        record.state = FindingState::Revoked;
    }
    (record, event)
}

/// A finding is not there any more, and the scan did look. `None` when nothing changes.
#[must_use]
pub fn gone(mut record: FindingRecord, at: &Sighting<'_>) -> Option<(FindingRecord, Option<EventKind>)> {
    if record.state == FindingState::Fixed {
        return None;
    }
    if record.finding.kind == Kind::Secret && record.state != FindingState::Revoked {
        // rewriting history un-publishes nothing: whoever cloned it has it
        let note = "no longer found in the repository, and open until it is marked revoked: clones may have it";
        if record.note.as_deref() == Some(note) {
            return None;
        }
        record.note = Some(note.to_owned());
        return Some((record, None));
    }
    let told = record.state.is_open();
    record.state = FindingState::Fixed;
    record.fixed_at = Some(at.now);
    record.note = None;
    Some((record, told.then_some(EventKind::Fixed)))
}

/// Somebody decides.
///
/// # Errors
/// [`TriageRefused`].
pub fn decide(mut record: FindingRecord, triage: Triage) -> Result<FindingRecord, TriageRefused> {
    match triage.state {
        FindingState::Fixed | FindingState::Reopened => return Err(TriageRefused::NotADecision(triage.state)),
        FindingState::Revoked if record.finding.kind != Kind::Secret => return Err(TriageRefused::NotASecret),
        FindingState::Accepted | FindingState::Revoked if triage.reason.trim().is_empty() => {
            return Err(TriageRefused::NoReason);
        }
        _ if triage.until.is_some_and(|until| until <= triage.at) => return Err(TriageRefused::Past),
        _ => {}
    }
    // what is fixed stays fixed; the decision is kept for the day it comes back
    if record.state != FindingState::Fixed || triage.state == FindingState::Revoked {
        record.state = match triage.state {
            FindingState::Open if record.reopened > 0 => FindingState::Reopened,
            state => state,
        };
    }
    record.triage = (triage.state != FindingState::Open).then_some(triage);
    Ok(record)
}

/// An acceptance has run out. `None` when it has not.
#[must_use]
pub fn expire(mut record: FindingRecord, now: Timestamp) -> Option<(FindingRecord, Option<EventKind>)> {
    record.triage.as_ref().and_then(|triage| triage.until).filter(|until| *until <= now)?;
    record.triage = None;
    if record.state != FindingState::Accepted {
        return Some((record, None));
    }
    record.state = FindingState::Reopened;
    record.reopened += 1;
    Some((record, Some(EventKind::Reopened)))
}

/// Whether a finding of another identity is this one under a new name: the same package in the same manifest, with a common advisory id.
#[must_use]
pub fn renamed(old: &Finding, new: &Finding) -> bool {
    match (&old.detail, &new.detail) {
        (Detail::Vulnerability(left), Detail::Vulnerability(right)) => {
            old.location.path == new.location.path
                && left.package == right.package
                && left.aliases.iter().any(|id| right.aliases.contains(id))
        }
        _ => false,
    }
}

/// Whether a finding of another identity is this one in a manifest that was renamed: the same thing about the same package. Whether the old
/// manifest is gone is for the caller to know.
#[must_use]
pub fn moved(old: &Finding, new: &Finding) -> bool {
    old.kind == new.kind
        && old.location.path != new.location.path
        && match (&old.detail, &new.detail) {
            (Detail::Vulnerability(left), Detail::Vulnerability(right)) => {
                left.package == right.package && left.aliases.iter().any(|id| right.aliases.contains(id))
            }
            (Detail::Usage(left), Detail::Usage(right)) => left.package == right.package,
            _ => false,
        }
}

/// Whether a scan with these diagnostics looked where `finding` stood, so that its absence means something.
#[must_use]
pub fn looked_at(finding: &Finding, diagnostics: &[Diagnostic]) -> bool {
    let by_index = scanner::standing::is_by_index(finding);
    let needs: &[Stage] = match finding.kind {
        _ if by_index => &[Stage::Inventory, Stage::PackageIndex],
        Kind::Malicious | Kind::Vulnerability | Kind::Yanked => &[Stage::Inventory, Stage::Advisories],
        Kind::Secret => &[Stage::Secrets],
        Kind::Unused | Kind::Missing | Kind::Transitive | Kind::Misplaced => &[Stage::Inventory, Stage::Usage],
        Kind::Posture => &[Stage::Posture],
    };
    let hides = |diagnostic: &Diagnostic| {
        let stage = diagnostic.stage == Stage::Repository || needs.contains(&diagnostic.stage);
        // a file that was not read hides what stood in it, and for usage every import
        let place =
            diagnostic.path.is_none() || diagnostic.stage == Stage::Usage || diagnostic.path == finding.location.path;
        // that the index was not asked is a remark for a report, and no word for what only the index tells
        (diagnostic.gap || by_index && diagnostic.stage == Stage::PackageIndex) && stage && place
    };
    !diagnostics.iter().any(hides)
}

fn verified_revoked(finding: &Finding) -> bool {
    matches!(&finding.detail, Detail::Secret(secret) if secret.verified == Verified::Revoked)
}

fn left_tree(finding: &Finding) -> Option<String> {
    match &finding.detail {
        Detail::Secret(secret) if !secret.in_head => {
            Some("not in the tree, but still in the history: open until it is marked revoked".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "life_tests.rs"]
mod tests;
