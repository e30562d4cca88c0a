//! The layers of a policy as one, and its verdict on a finding, with the rule that decided.

use std::collections::BTreeMap;

use advisories::Severity;
use jiff::{SignedDuration, Timestamp};

use super::layer::{EpssRaise, PolicyLayer};
use super::threshold::Threshold;
use crate::finding::{Confidence, Detail, Finding, Kind, UseTier};
use crate::freshness::MaxAge;

/// A setting, and which layer said so.
#[derive(Debug, Clone, PartialEq)]
struct Setting<T> {
    value: T,
    by: String,
}

/// What is in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    fail_on: Setting<Threshold>,
    kinds: BTreeMap<Kind, Setting<Threshold>>,
    new_only: Setting<bool>,
    grace_days: Setting<u16>,
    kev: Setting<Option<Severity>>,
    epss: Setting<Option<EpssRaise>>,
    dev: Setting<Option<Severity>>,
    not_imported: Setting<Option<Severity>>,
    max_feed_age: Setting<Option<MaxAge>>,
}

/// What is known about a finding beside itself.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// When it was first seen; `None` where nobody keeps count, so that no grace is given.
    pub first_seen: Option<Timestamp>,
    /// The time of the judgement.
    pub now: Timestamp,
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// It violates the policy.
    pub fails: bool,
    /// The severity it was judged by.
    pub severity: Severity,
    /// What was looked at, step by step; the last one decided.
    pub reasons: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self::of(&[])
    }
}

impl Policy {
    /// Puts layers over each other, the widest first (server, organisation, repository, command line), each with its name. The later
    /// one wins, unless an earlier one says `stricter-wins`.
    #[must_use]
    pub fn of(layers: &[(&str, &PolicyLayer)]) -> Self {
        let kinds = layers.iter().flat_map(|(_, layer)| layer.kinds.keys().copied());
        Self {
            fail_on: settle(layers, |layer| layer.fail_on, Threshold::default(), |new, old| new < old),
            kinds: kinds
                .map(|kind| {
                    let default = Threshold::default();
                    (kind, settle(layers, |layer| layer.kinds.get(&kind).copied(), default, |new, old| new < old))
                })
                .collect(),
            new_only: settle(layers, |layer| layer.new_only, true, |new, old| *old && !*new),
            grace_days: settle(layers, |layer| layer.grace_days, 0, |new, old| new < old),
            kev: settle(layers, |layer| layer.kev.map(Some), None, |new, old| new > old),
            epss: settle(layers, |layer| layer.epss.map(Some), None, raises_more),
            dev: settle(layers, |layer| layer.dev.map(Some), None, lowers_less),
            not_imported: settle(layers, |layer| layer.not_imported.map(Some), None, lowers_less),
            max_feed_age: settle(
                layers,
                |layer| layer.max_feed_age.map(Some),
                None,
                |new, old| old.is_none() || new < old,
            ),
        }
    }

    /// Whether the gate judges only what the merge base has not.
    #[must_use]
    pub fn new_only(&self) -> bool {
        self.new_only.value
    }

    /// How old the advisories may be.
    #[must_use]
    pub fn max_feed_age(&self) -> Option<MaxAge> {
        self.max_feed_age.value
    }

    /// Judges one finding.
    #[must_use]
    pub fn judge(&self, finding: &Finding, known: Circumstances) -> Decision {
        let mut reasons = Vec::new();
        let severity = self.severity(finding, &mut reasons);
        let fails = self.fails(finding, severity, known, &mut reasons);
        Decision { fails, severity, reasons }
    }

    /// The severity that counts: lowered by where the package is used, then raised by what is exploited, which goes before.
    fn severity(&self, finding: &Finding, reasons: &mut Vec<String>) -> Severity {
        let mut severity = finding.severity;
        reasons.push(format!("rated {}", word(severity)));
        let Detail::Vulnerability(detail) = &finding.detail else { return severity };
        if finding.kind == Kind::Vulnerability && severity == Severity::Unknown {
            severity = Severity::Medium;
            reasons.push("judged as medium: nobody rated it, and unrated is not harmless".to_owned());
        }
        if finding.kind == Kind::Malicious {
            return severity;
        }
        let lower = |setting: &Setting<Option<Severity>>, applies: bool, why: &str, severity: Severity| {
            setting.value.filter(|most| applies && *most < severity).map(|most| (most, rule(why, most, &setting.by)))
        };
        let is_idle = detail.used == UseTier::NotImported;
        let only_dev = !detail.main;
        for (setting, applies, why) in [
            (&self.dev, only_dev, "lowered: only groups and extras bring the package (dev"),
            (&self.not_imported, is_idle, "lowered: nothing imports the package (not-imported"),
        ] {
            if let Some((lowered, reason)) = lower(setting, applies, why, severity) {
                severity = lowered;
                reasons.push(reason);
            }
        }
        if let Some(least) = self.kev.value.filter(|least| detail.kev == Some(true) && *least > severity) {
            severity = least;
            reasons.push(rule("raised: CISA lists it as exploited (kev", least, &self.kev.by));
        }
        let likely = self.epss.value.filter(|raise| detail.epss.is_some_and(|epss| epss >= raise.from));
        if let Some(raise) = likely.filter(|raise| raise.severity > severity) {
            severity = raise.severity;
            let epss = detail.epss.unwrap_or_default();
            let why = format!("raised: EPSS {epss:.2} is {} or more (epss.severity", raise.from);
            reasons.push(rule(&why, severity, &self.epss.by));
        }
        severity
    }

    fn fails(&self, finding: &Finding, severity: Severity, known: Circumstances, reasons: &mut Vec<String>) -> bool {
        if let Some(ignored) = &finding.ignored {
            reasons.push(format!("passes: ignored by {}: {}", ignored.by, ignored.reason));
            return false;
        }
        if finding.confidence == Confidence::Low {
            reasons.push("passes: what is of low confidence is shown and never fails".to_owned());
            return false;
        }
        let (threshold, key) = match self.kinds.get(&finding.kind) {
            Some(setting) => (setting, format!("kinds.{}", finding.kind)),
            None => (&self.fail_on, "fail-on".to_owned()),
        };
        if !threshold.value.is_reached_by(severity) {
            reasons.push(format!("passes: {key} = \"{}\" is not reached ({})", threshold.value, threshold.by));
            return false;
        }
        let has_grace = !matches!(finding.kind, Kind::Secret | Kind::Malicious) && self.grace_days.value > 0;
        let grace = SignedDuration::from_hours(24 * i64::from(self.grace_days.value));
        if let Some(end) = known.first_seen.filter(|_| has_grace).and_then(|seen| seen.checked_add(grace).ok())
            && known.now < end
        {
            let (days, by) = (self.grace_days.value, &self.grace_days.by);
            reasons.push(format!("passes until {end}: grace-days = {days} ({by})"));
            return false;
        }
        reasons.push(format!("fails: {key} = \"{}\" is reached ({})", threshold.value, threshold.by));
        true
    }
}

fn rule(why: &str, severity: Severity, by: &str) -> String {
    format!("{why} = \"{}\", {by})", word(severity))
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Unknown => "unknown",
        Severity::None => "none",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

fn settle<T>(
    layers: &[(&str, &PolicyLayer)],
    said: impl Fn(&PolicyLayer) -> Option<T>,
    default: T,
    is_stricter: impl Fn(&T, &T) -> bool,
) -> Setting<T> {
    let mut setting = Setting { value: default, by: "the default".to_owned() };
    let mut only_tighter = false;
    for (name, layer) in layers {
        if let Some(value) = said(layer)
            && (!only_tighter || is_stricter(&value, &setting.value))
        {
            setting = Setting { value, by: (*name).to_owned() };
        }
        only_tighter |= layer.stricter_wins;
    }
    setting
}

fn raises_more(new: &Option<EpssRaise>, old: &Option<EpssRaise>) -> bool {
    match (new, old) {
        (Some(new), Some(old)) => new.severity >= old.severity && new.from <= old.from,
        (new, old) => new.is_some() && old.is_none(),
    }
}

/// No limit lowers nothing.
fn lowers_less(new: &Option<Severity>, old: &Option<Severity>) -> bool {
    match (new, old) {
        (Some(new), Some(old)) => new > old,
        (new, old) => new.is_none() && old.is_some(),
    }
}

#[cfg(test)]
mod tests;
