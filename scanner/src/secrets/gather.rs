//! One secret, one finding: sightings are joined by rule and fingerprint, and each keeps its places.

use std::collections::{BTreeMap, HashMap};

use crate::diagnostic::{Diagnostic, Stage};
use crate::finding::{
    Confidence, Detail, Finding, FindingId, Ignored, Kind, Location, Occurrence, SecretDetail, Verified,
};
use crate::secrets::attribution::CommitFacts;
use crate::secrets::look::{Bounds, Looked, Sighting, look};
use crate::secrets::{Looking, RuleIndex};

/// Where a text stands in the repository.
#[derive(Debug, Clone, Default)]
pub(super) struct Place<'a> {
    pub commit: Option<&'a CommitFacts>,
    pub path: Option<&'a str>,
    pub in_head: bool,
    /// `commit message`, `ref name`, …; `None` for a file's content.
    pub what: Option<&'a str>,
}

/// The same with what must not be told left out.
struct Told<'a> {
    commit: Option<&'a CommitFacts>,
    path: Option<String>,
    author: Option<String>,
    in_head: bool,
    what: Option<&'a str>,
}

/// The same secret at the same place in another version of a file is one occurrence.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct OccurrenceKey {
    path: Option<String>,
    /// Told apart by commit only where there is no path.
    commit: Option<String>,
    place: Option<String>,
    nth: usize,
}

struct Gathered {
    redacted: String,
    confidence: Confidence,
    evidence: Vec<String>,
    occurrences: BTreeMap<OccurrenceKey, (usize, Occurrence, Option<String>)>,
}

/// Collects sightings, oldest first, and makes findings of them.
pub(super) struct Gathering<'a> {
    looking: &'a Looking<'a>,
    secrets: BTreeMap<(RuleIndex, String), Gathered>,
    /// Diagnostics by reason: the paths they were said of.
    said: BTreeMap<(bool, String), Vec<Option<String>>>,
    other: Vec<Diagnostic>,
    /// Parts of paths that were judged: whether a secret stands in them.
    judged: HashMap<String, bool>,
}

/// Shorter parts of a path hold no secret.
const SHORTEST_PART: usize = 16;
/// What stands in a report in place of a name that is or holds a secret.
const HIDDEN: &str = "(a name that holds a secret)";

/// More paths with one and the same remark are counted and not listed.
const MOST_REPEATED: usize = 20;
/// Further apart, two credentials of one provider are not taken for parts of one.
const PAIR_REACH: u32 = 6;

impl<'a> Gathering<'a> {
    pub(super) fn new(looking: &'a Looking<'a>) -> Self {
        Self { looking, secrets: BTreeMap::new(), said: BTreeMap::new(), other: Vec::new(), judged: HashMap::new() }
    }

    pub(super) fn say(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        self.other.extend(diagnostics);
    }

    /// A path, a list of archive members or a person's name as it may be told: parts that hold a secret are left out.
    pub(super) fn shown(&mut self, text: &str) -> String {
        let engine = self.looking.engine;
        let mut parts = Vec::new();
        for part in text.split('/') {
            let hides = part.len() >= SHORTEST_PART
                && *self
                    .judged
                    .entry(part.to_owned())
                    .or_insert_with(|| !look(engine, part.as_bytes(), None, &Bounds::default()).sightings.is_empty());
            parts.push(if hides { HIDDEN } else { part });
        }
        parts.join("/")
    }

    /// Everything one look saw at `place`.
    pub(super) fn add(&mut self, looked: Looked, place: &Place<'_>) {
        if looked.sightings.is_empty() && looked.diagnostics.is_empty() {
            return;
        }
        let path = place.path.map(|path| self.shown(path));
        let author = place.commit.map(|commit| self.shown(&commit.author));
        let place = &Told { commit: place.commit, path, author, in_head: place.in_head, what: place.what };
        for said in looked.diagnostics {
            let paths = self.said.entry((said.gap, said.reason)).or_default();
            let path = place.path.clone().or(said.path);
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        let mut nth: HashMap<(RuleIndex, String), usize> = HashMap::new();
        for mut sighting in looked.sightings {
            sighting.place = sighting.place.map(|inside| self.shown(&inside));
            let key = (sighting.rule, sighting.secret.fingerprint(self.looking.key));
            let count = nth.entry(key.clone()).or_default();
            *count += 1;
            self.add_one(key, sighting, place, *count);
        }
    }

    fn add_one(&mut self, key: (RuleIndex, String), sighting: Sighting, place: &Told<'_>, nth: usize) {
        let gathered = self.secrets.entry(key).or_insert_with(|| Gathered {
            redacted: sighting.secret.redacted(),
            confidence: sighting.confidence,
            evidence: sighting.evidence.clone(),
            occurrences: BTreeMap::new(),
        });
        if sighting.confidence > gathered.confidence {
            gathered.confidence = sighting.confidence;
            gathered.evidence.clone_from(&sighting.evidence);
        }
        let what = match (place.what, sighting.place) {
            (Some(what), Some(inside)) => Some(format!("{what}, {inside}")),
            (what, inside) => what.map(str::to_owned).or(inside),
        };
        let commit = place.commit.map(|commit| commit.id.to_string());
        let key = OccurrenceKey {
            path: place.path.clone(),
            commit: commit.clone().filter(|_| place.path.is_none()),
            place: what.clone(),
            nth,
        };
        let order = gathered.occurrences.len();
        let occurrence = Occurrence {
            commit,
            path: place.path.clone(),
            line: Some(sighting.point.line),
            column: Some(sighting.point.column),
            cell: sighting.point.cell,
            in_head: place.in_head,
            author: place.author.clone(),
            time: place.commit.map(|commit| commit.time.clone()),
            place: what,
        };
        let (_, known, ignored) =
            gathered.occurrences.entry(key).or_insert_with(|| (order, occurrence.clone(), sighting.ignored.clone()));
        if place.in_head && !known.in_head {
            // who brought it stays; where it stands now is what a reader wants to open
            let (line, column, cell) = (occurrence.line, occurrence.column, occurrence.cell);
            *known = Occurrence { line, column, cell, in_head: true, ..known.clone() };
            *ignored = sighting.ignored;
        }
    }

    /// The findings, in the order of rule and fingerprint, and everything that was said.
    pub(super) fn finish(self) -> (Vec<Finding>, Vec<Diagnostic>) {
        let Self { looking, secrets, said, mut other, .. } = self;
        for ((gap, reason), paths) in said {
            let more = paths.len().saturating_sub(MOST_REPEATED);
            for path in paths.into_iter().take(MOST_REPEATED) {
                let make = if gap { Diagnostic::gap } else { Diagnostic::remark };
                other.push(make(Stage::Secrets, path, reason.clone()));
            }
            if more > 0 {
                let make = if gap { Diagnostic::gap } else { Diagnostic::remark };
                other.push(make(Stage::Secrets, None, format!("{more} more files: {reason}")));
            }
        }
        let mut findings: Vec<Finding> = secrets
            .into_iter()
            .filter_map(|((rule, fingerprint), gathered)| finding(looking, rule, fingerprint, gathered))
            .collect();
        join_pairs(&mut findings);
        (findings, other)
    }
}

fn finding(looking: &Looking<'_>, rule: RuleIndex, fingerprint: String, gathered: Gathered) -> Option<Finding> {
    let rule = looking.engine.rules().get(rule)?;
    let mut places: Vec<_> = gathered.occurrences.into_values().collect();
    places.sort_by_key(|(order, ..)| *order);
    // an ignore holds for the place it stands at: one place without it, and the secret counts
    let ignored = places
        .iter()
        .map(|(_, _, reason)| reason.clone())
        .collect::<Option<Vec<_>>>()
        .and_then(|mut reasons| reasons.pop());
    let occurrences: Vec<Occurrence> = places.into_iter().map(|(_, occurrence, _)| occurrence).collect();
    let best = occurrences.iter().find(|place| place.in_head).or_else(|| occurrences.first())?;
    let location = Location {
        path: best.path.clone(),
        line: best.line,
        column: best.column,
        cell: best.cell,
        commit: best.commit.clone(),
        author_time: best.time.clone(),
    };
    Some(Finding {
        id: FindingId::of(Kind::Secret, &[looking.repository, &rule.id, &fingerprint]),
        kind: Kind::Secret,
        severity: rule.severity,
        confidence: gathered.confidence,
        title: titled(&rule.provider, &rule.name),
        rule: rule.id.clone(),
        location,
        detail: Detail::Secret(Box::new(SecretDetail {
            provider: rule.provider.clone(),
            redacted: gathered.redacted,
            fingerprint,
            in_head: occurrences.iter().any(|place| place.in_head),
            occurrences,
            verified: Verified::NotTried,
            evidence: gathered.evidence,
            remedy: Some(rule.remedy.clone()),
        })),
        ignored: ignored.map(|reason| Ignored { by: "inline".to_owned(), reason }),
    })
}

/// Two parts of one credential name one another in their evidence.
fn join_pairs(findings: &mut [Finding]) {
    const PAIRS: [(&str, &str); 1] = [("aws-access-key-id", "aws-secret-access-key")];
    for (one, other) in PAIRS {
        let places = |rule: &str, findings: &[Finding]| -> Vec<(usize, String, u32)> {
            let of_rule = findings.iter().enumerate().filter(|(_, finding)| finding.rule == rule);
            of_rule
                .flat_map(|(at, finding)| match &finding.detail {
                    Detail::Secret(detail) => detail.occurrences.iter().map(move |place| (at, place)).collect(),
                    _ => Vec::new(),
                })
                .filter_map(|(at, place)| Some((at, place.path.clone()?, place.line?)))
                .collect()
        };
        let others = places(other, findings);
        for (first, path, line) in places(one, findings) {
            for (second, _, _) in others.iter().filter(|place| place.1 == path && place.2.abs_diff(line) <= PAIR_REACH)
            {
                name_partner(findings, first, *second);
                name_partner(findings, *second, first);
            }
        }
    }
}

fn name_partner(findings: &mut [Finding], at: usize, partner: usize) {
    let reason = format!("stands beside its other part, {} {}", findings[partner].rule, findings[partner].id);
    if let Detail::Secret(detail) = &mut findings[at].detail
        && !detail.evidence.contains(&reason)
    {
        detail.evidence.push(reason);
    }
}

/// The rule's name with its provider, where the name does not say it itself.
fn titled(provider: &str, name: &str) -> String {
    let says = name.to_lowercase().contains(&provider.to_lowercase());
    if says || provider.eq_ignore_ascii_case("generic") { name.to_owned() } else { format!("{provider} {name}") }
}
