//! One secret, one finding: sightings are joined by rule and fingerprint, and each keeps its places.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::Stop;
use crate::diagnostic::{Diagnostic, Stage};
use crate::finding::{
    Confidence, Detail, Finding, FindingId, Ignored, Kind, Location, Occurrence, SecretDetail, Verified,
};
use crate::secrets::attribution::CommitFacts;
use crate::secrets::layer::Point;
use crate::secrets::look::look;
use crate::secrets::looked::{Bounds, Looked, Sighting};
use crate::secrets::place::{is_documentation, is_test, lesser_path};
use crate::secrets::{Looking, RuleIndex, Syntax, joining};

/// Where a text stands in the repository.
#[derive(Debug, Clone, Default)]
pub(super) struct Place<'a> {
    pub commit: Option<&'a CommitFacts>,
    pub path: Option<&'a str>,
    pub in_head: bool,
    /// `commit message`, `ref name`, …; `None` for a file's content.
    pub what: Option<&'a str>,
}

/// A secret with everything that is told of it but where it stands. No plaintext.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Shown {
    rule: u16,
    fingerprint: String,
    redacted: String,
    confidence: Confidence,
    evidence: Vec<String>,
    place: Option<String>,
    ignored: Option<String>,
}

/// Different secrets, each once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Shown>", into = "Vec<Shown>")]
pub(super) struct Secrets {
    all: Vec<Shown>,
    numbers: HashMap<Shown, usize>,
}

impl Secrets {
    fn number(&mut self, shown: Shown) -> usize {
        *self.numbers.entry(shown).or_insert_with_key(|shown| {
            self.all.push(shown.clone());
            self.all.len() - 1
        })
    }
}

impl From<Vec<Shown>> for Secrets {
    fn from(all: Vec<Shown>) -> Self {
        let numbers = all.iter().cloned().zip(0..).collect();
        Self { all, numbers }
    }
}

impl From<Secrets> for Vec<Shown> {
    fn from(secrets: Secrets) -> Self {
        secrets.all
    }
}

/// What one look saw, as it may be told and kept: a secret's number, line, column and cell; and what could not be looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    seen: Vec<(usize, u32, u32, Option<u32>)>,
    /// Whether it is a gap, the path if the look knew one, the reason.
    said: Vec<(bool, Option<String>, String)>,
}

impl Told {
    /// Nothing was seen, and everything was looked at.
    pub(super) fn is_empty(&self) -> bool {
        self.seen.is_empty() && self.said.is_empty()
    }

    /// Whether all its secrets are among these.
    pub(super) fn is_within(&self, secrets: &Secrets) -> bool {
        self.seen.iter().all(|(number, ..)| *number < secrets.all.len())
    }
}

/// A place with what must not be told left out.
struct ToldPlace<'a> {
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

/// One occurrence, and what is decided by it.
struct Occurred {
    /// As they were met.
    order: usize,
    occurrence: Occurrence,
    ignored: Option<String>,
    confidence: Confidence,
}

pub(super) struct Gathered {
    redacted: String,
    pub(super) confidence: Confidence,
    pub(super) evidence: Vec<String>,
    /// It stands in documentation, too.
    documented: bool,
    /// It stands in a test, too.
    tested: bool,
    /// How sure it is where something is set up by it.
    set: Option<Confidence>,
    /// How sure it is where it stands now, and why.
    now: Option<(Confidence, Vec<String>)>,
    occurrences: BTreeMap<OccurrenceKey, Occurred>,
}

impl Gathered {
    /// What a manual prints is a sample wherever else it stands, and a key that a test has is that test's, unless something is set up by it.
    pub(super) fn weigh_samples(&mut self, is_key: bool) {
        if self.confidence < Confidence::High || self.set == Some(Confidence::High) {
            return;
        }
        let reason = match (self.documented, self.tested && is_key) {
            (true, _) => "stands in documentation, too",
            (_, true) => "stands in a test, too",
            _ => return,
        };
        self.confidence = Confidence::Medium;
        self.evidence.push(reason.to_owned());
    }

    /// What stands in the tree only as a test's or a manual's is no more than that for what an old place of it looks like, unless something
    /// was set up by it.
    pub(super) fn weigh_tree(&mut self) {
        if let Some((confidence, evidence)) = self.now.take()
            && confidence < self.confidence
            && self.set != Some(Confidence::High)
        {
            self.confidence = confidence;
            self.evidence = evidence;
            self.evidence.push("looks surer where it stood before".to_owned());
        }
    }

    /// Takes the places where another rule saw the same secret.
    pub(super) fn take_places(&mut self, other: Self) {
        self.documented |= other.documented;
        self.tested |= other.tested;
        self.set = self.set.max(other.set);
        self.now = surer(self.now.take(), other.now);
        let order = self.occurrences.len();
        for (key, met) in other.occurrences {
            self.occurrences.entry(key).or_insert(Occurred { order: order + met.order, ..met });
        }
    }
}

/// The surer of two; the first where they are equally sure.
fn surer(
    one: Option<(Confidence, Vec<String>)>,
    other: Option<(Confidence, Vec<String>)>,
) -> Option<(Confidence, Vec<String>)> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other.0 > one.0 { other } else { one }),
        (one, other) => one.or(other),
    }
}

/// Files whose values are what something runs with.
fn is_settings(path: &str) -> bool {
    let syntax = Syntax::of(path);
    matches!(syntax, Syntax::Config | Syntax::Yaml | Syntax::Dockerfile | Syntax::Shell) && lesser_path(path).is_none()
}

/// Collects sightings, oldest first, and makes findings of them.
pub(super) struct Gathering<'a> {
    looking: &'a Looking<'a>,
    secrets: BTreeMap<(RuleIndex, String), Gathered>,
    /// Diagnostics by reason: the paths they were said of.
    said: BTreeMap<(bool, String), BTreeSet<Option<String>>>,
    other: Vec<Diagnostic>,
    /// Parts of paths that were judged: whether a secret stands in them.
    judged: HashMap<String, bool>,
    /// Each secret with its other part; kept only while a provider is going to be asked.
    asked: joining::Asked,
}

/// Shorter parts of a path hold no secret.
const SHORTEST_PART: usize = 16;
/// What stands in a report in place of a name that is or holds a secret.
const HIDDEN: &str = "(a name that holds a secret)";

/// More paths with one and the same remark are counted and not listed.
const MOST_REPEATED: usize = 20;

impl<'a> Gathering<'a> {
    pub(super) fn new(looking: &'a Looking<'a>) -> Self {
        Self {
            looking,
            secrets: BTreeMap::new(),
            said: BTreeMap::new(),
            other: Vec::new(),
            judged: HashMap::new(),
            asked: BTreeMap::new(),
        }
    }

    /// Whether a text may be told, and so kept, as it is.
    pub(super) fn may_be_kept(&mut self, text: &str) -> bool {
        self.shown(text) == text
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
        let mut secrets = Secrets::default();
        let told = self.tell(looked, &mut secrets);
        self.add_told(&told, &secrets, place);
    }

    /// What a look saw without the plaintext of it.
    pub(super) fn tell(&mut self, looked: Looked, secrets: &mut Secrets) -> Told {
        let said = looked.diagnostics.into_iter().map(|said| (said.gap, said.path, said.reason)).collect();
        let mut seen = Vec::with_capacity(looked.sightings.len());
        for sighting in looked.sightings {
            let Sighting { rule, secret, companion, confidence, evidence, point, place, ignored } = sighting;
            let fingerprint = secret.fingerprint(self.looking.key);
            let number = secrets.number(Shown {
                rule: rule.0,
                fingerprint: fingerprint.clone(),
                redacted: secret.redacted(),
                confidence,
                evidence,
                place: place.map(|inside| self.shown(&inside)),
                ignored,
            });
            seen.push((number, point.line, point.column, point.cell));
            if self.looking.provider.is_some() {
                let asked = self.asked.entry((rule, fingerprint)).or_insert((secret, None));
                asked.1 = asked.1.take().or(companion);
            }
        }
        Told { seen, said }
    }

    /// What a look saw at `place`, now or earlier.
    pub(super) fn add_told(&mut self, told: &Told, secrets: &Secrets, place: &Place<'_>) {
        if told.is_empty() {
            return;
        }
        let path = place.path.map(|path| self.shown(path));
        let author = place.commit.map(|commit| self.shown(&commit.author));
        let place = &ToldPlace { commit: place.commit, path, author, in_head: place.in_head, what: place.what };
        for (gap, path, reason) in &told.said {
            let paths = self.said.entry((*gap, reason.clone())).or_default();
            paths.insert(place.path.clone().or_else(|| path.clone()));
        }
        let mut nth: HashMap<(u16, &str), usize> = HashMap::new();
        for (number, line, column, cell) in &told.seen {
            let Some(shown) = secrets.all.get(*number) else { continue };
            let count = nth.entry((shown.rule, &shown.fingerprint)).or_default();
            *count += 1;
            self.add_one(shown, Point { line: *line, column: *column, cell: *cell }, place, *count);
        }
    }

    fn add_one(&mut self, shown: &Shown, point: Point, place: &ToldPlace<'_>, nth: usize) {
        let key = (RuleIndex(shown.rule), shown.fingerprint.clone());
        let gathered = self.secrets.entry(key).or_insert_with(|| Gathered {
            redacted: shown.redacted.clone(),
            confidence: shown.confidence,
            evidence: shown.evidence.clone(),
            documented: false,
            tested: false,
            set: None,
            now: None,
            occurrences: BTreeMap::new(),
        });
        if let Some(path) = &place.path {
            gathered.documented |= is_documentation(path);
            gathered.tested |= is_test(path);
            if is_settings(path) {
                gathered.set = gathered.set.max(Some(shown.confidence));
            }
        }
        if shown.confidence > gathered.confidence {
            gathered.confidence = shown.confidence;
            gathered.evidence.clone_from(&shown.evidence);
        }
        if place.in_head {
            gathered.now = surer(gathered.now.take(), Some((shown.confidence, shown.evidence.clone())));
        }
        let what = match (place.what, shown.place.clone()) {
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
            line: Some(point.line),
            line_in_commit: None,
            column: Some(point.column),
            cell: point.cell,
            in_head: place.in_head,
            author: place.author.clone(),
            time: place.commit.map(|commit| commit.time.clone()),
            place: what,
        };
        let met = gathered.occurrences.entry(key).or_insert_with(|| Occurred {
            order,
            occurrence: occurrence.clone(),
            ignored: shown.ignored.clone(),
            confidence: shown.confidence,
        });
        let known = &mut met.occurrence;
        if place.in_head && !known.in_head {
            // who brought it stays; where it stands now is what a reader wants to open
            let (line, column, cell) = (occurrence.line, occurrence.column, occurrence.cell);
            let line_in_commit = known.line.filter(|before| Some(*before) != line);
            *known = Occurrence { line, line_in_commit, column, cell, in_head: true, ..known.clone() };
            met.ignored.clone_from(&shown.ignored);
            met.confidence = shown.confidence;
        }
    }

    /// The findings, in the order of rule and fingerprint, and everything that was said.
    pub(super) fn finish(self, stop: Stop<'_>) -> (Vec<Finding>, Vec<Diagnostic>) {
        let Self { looking, secrets, said, mut other, asked, .. } = self;
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
        let secrets = joining::one_each(looking, secrets);
        let answers = joining::ask(looking, &secrets, asked, stop);
        let mut findings: Vec<Finding> = secrets
            .into_iter()
            .filter_map(|((rule, fingerprint), gathered)| finding(looking, rule, fingerprint, gathered))
            .collect();
        joining::join_pairs(&mut findings);
        joining::tell(&mut findings, &answers);
        (findings, other)
    }
}

fn finding(looking: &Looking<'_>, rule: RuleIndex, fingerprint: String, gathered: Gathered) -> Option<Finding> {
    let rule = looking.engine.rules().get(rule)?;
    let mut places: Vec<_> = gathered.occurrences.into_values().collect();
    places.sort_by_key(|met| met.order);
    // an ignore holds for the place it stands at: one place without it, and the secret counts
    let ignored =
        places.iter().map(|met| met.ignored.clone()).collect::<Option<Vec<_>>>().and_then(|mut reasons| reasons.pop());
    // where it stands now, and there where the evidence is told of: the surest place, the oldest of several
    let rank = |met: &&Occurred| (met.occurrence.in_head, met.confidence, std::cmp::Reverse(met.order));
    let best = &places.iter().max_by_key(rank)?.occurrence;
    let location = Location {
        path: best.path.clone(),
        line: best.line,
        column: best.column,
        cell: best.cell,
        commit: best.commit.clone(),
        author_time: best.time.clone(),
    };
    let occurrences: Vec<Occurrence> = places.into_iter().map(|met| met.occurrence).collect();
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

/// The rule's name with its provider, where the name does not say it itself.
fn titled(provider: &str, name: &str) -> String {
    let says = name.to_lowercase().contains(&provider.to_lowercase());
    if says || provider.eq_ignore_ascii_case("generic") { name.to_owned() } else { format!("{provider} {name}") }
}
