//! The report of a sweep: what was seen, scanned, skipped and why, failed and why, and what is new.

use std::fmt::Write as _;

use scanner::export::markdown::cell;
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::record::{Did, JobRecord, JobState, SweepRecord, Swept};

/// What became of one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Became {
    /// Its refs could not be listed, or its scan was given up.
    Failed,
    /// Its scan is committed.
    Scanned,
    /// Its scan waits or runs.
    Waiting,
    /// It was not scanned.
    Skipped,
}

/// One repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Line {
    /// Its name, or its address.
    pub name: String,
    /// Its identity, where it is registered.
    pub repository: Option<String>,
    /// What became of it.
    pub became: Became,
    /// Why.
    pub reason: String,
    /// False when its scan could not look at everything; absent without a scan.
    pub whole: Option<bool>,
    /// Findings that its scan saw for the first time, or that came back.
    pub new_findings: u64,
    /// Findings that are gone.
    pub fixed_findings: u64,
    /// The scan.
    pub scan: Option<String>,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SweepReport {
    /// The sweep.
    pub id: String,
    /// `running`, `done` or `failed`.
    #[schema(value_type = String)]
    pub state: crate::store::record::SweepState,
    /// RFC 3339.
    pub started_at: String,
    /// When the last refs were listed, RFC 3339.
    pub finished_at: Option<String>,
    /// Whether every scan it asked for has ended too.
    pub complete: bool,
    /// Organisations whose lists were read.
    pub organisations: Vec<String>,
    /// Organisations whose lists could not be read, and why.
    pub unlisted: Vec<String>,
    /// Repositories that the forges showed.
    pub seen: u64,
    /// Of these, new here.
    pub new: u64,
    /// Of these, renamed.
    pub renamed: u64,
    /// No longer shown.
    pub gone: u64,
    /// Repositories scanned.
    pub scanned: u64,
    /// Scans that wait or run.
    pub waiting: u64,
    /// Repositories that were not scanned, by reason.
    pub skipped: std::collections::BTreeMap<String, u64>,
    /// Repositories that failed.
    pub failed: u64,
    /// New findings of all scans.
    pub new_findings: u64,
    /// Fixed findings of all scans.
    pub fixed_findings: u64,
    /// Every repository, the failed first.
    pub repositories: Vec<Line>,
}

/// Puts the report together.
#[must_use]
pub fn report(sweep: &SweepRecord, lines: Vec<(Swept, Option<JobRecord>)>) -> SweepReport {
    let mut repositories: Vec<Line> = lines.into_iter().map(|(swept, job)| line(swept, job.as_ref())).collect();
    repositories.sort_by(|left, right| left.became.cmp(&right.became).then_with(|| left.name.cmp(&right.name)));
    let count = |became| repositories.iter().filter(|line| line.became == became).count() as u64;
    let (scanned, waiting, failed) = (count(Became::Scanned), count(Became::Waiting), count(Became::Failed));
    SweepReport {
        id: sweep.id.to_string(),
        state: sweep.state,
        started_at: sweep.started_at.to_string(),
        finished_at: sweep.finished_at.map(|at| at.to_string()),
        complete: sweep.finished_at.is_some() && waiting == 0,
        organisations: sweep.organisations.clone(),
        unlisted: sweep.unlisted.iter().map(|(name, reason)| format!("{name}: {reason}")).collect(),
        seen: sweep.seen,
        new: sweep.new,
        renamed: sweep.renamed,
        gone: sweep.gone,
        scanned,
        waiting,
        skipped: sweep.skipped.clone(),
        failed,
        new_findings: repositories.iter().map(|line| line.new_findings).sum(),
        fixed_findings: repositories.iter().map(|line| line.fixed_findings).sum(),
        repositories,
    }
}

fn line(swept: Swept, job: Option<&JobRecord>) -> Line {
    let (became, reason) = match (swept.did, job) {
        (Did::Skipped { reason }, _) => (Became::Skipped, reason),
        (Did::Failed { reason }, _) => (Became::Failed, reason),
        (Did::Queued { reason, .. }, None) => (Became::Scanned, reason),
        (Did::Queued { reason, .. }, Some(job)) => {
            let error =
                || job.error.as_ref().map_or_else(|| "no reason was kept".to_owned(), |error| error.reason.clone());
            match job.state {
                JobState::Done => (Became::Scanned, reason),
                JobState::Ready | JobState::Running => (Became::Waiting, reason),
                JobState::Dead => (Became::Failed, error()),
                JobState::Cancelled => (Became::Failed, "the scan was cancelled".to_owned()),
            }
        }
    };
    let whole = job.and_then(|job| job.changes).map(|changes| changes.whole);
    let changes = job.and_then(|job| job.changes).unwrap_or_default();
    Line {
        name: swept.name,
        repository: swept.repository.map(|id| id.to_string()),
        became,
        reason,
        whole,
        new_findings: changes.opened + changes.reopened,
        fixed_findings: changes.fixed,
        scan: job.and_then(|job| job.scan).map(|scan| scan.to_string()),
    }
}

impl SweepReport {
    /// For people: what is wrong first, then what is new.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::from("# Sweep\n\n");
        // writing to a String does not fail
        let _ = writeln!(out, "Begun {}, {}.\n", self.started_at, self.stands());
        let _ = writeln!(
            out,
            "{} repositories seen on {} lists ({} new, {} renamed, {} gone); {} scanned, {} waiting, {} skipped, {} failed. \
             {} new findings, {} fixed.",
            self.seen,
            self.organisations.len(),
            self.new,
            self.renamed,
            self.gone,
            self.scanned,
            self.waiting,
            self.skipped.values().sum::<u64>(),
            self.failed,
            self.new_findings,
            self.fixed_findings,
        );
        self.section(&mut out, "Lists that could not be read", self.unlisted.iter().map(|text| cell(text)));
        let failed = self.repositories.iter().filter(|line| line.became == Became::Failed);
        self.section(&mut out, "Failed", failed.map(|line| format!("{}: {}", cell(&line.name), cell(&line.reason))));
        let partly = self.repositories.iter().filter(|line| line.whole == Some(false));
        self.section(&mut out, "Not looked at wholly", partly.map(|line| cell(&line.name)));
        let news = self.repositories.iter().filter(|line| line.new_findings > 0);
        self.section(&mut out, "New findings", news.map(|line| format!("{}: {}", cell(&line.name), line.new_findings)));
        self.section(
            &mut out,
            "Skipped",
            self.skipped.iter().map(|(reason, count)| format!("{}: {count}", cell(reason))),
        );
        out
    }

    fn stands(&self) -> String {
        match (&self.finished_at, self.complete) {
            (None, _) => "still listing".to_owned(),
            (Some(at), false) => format!("listed by {at}, {} scans still to come", self.waiting),
            (Some(at), true) => format!("listed by {at}, all scans ended"),
        }
    }

    fn section(&self, out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
        let mut lines = lines.peekable();
        if lines.peek().is_some() {
            let _ = writeln!(out, "\n## {title}\n");
        }
        for line in lines {
            let _ = writeln!(out, "- {line}");
        }
    }
}
