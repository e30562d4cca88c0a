//! Answers where developers look: how a commit stands, told to its forge as status, check run, comment and code-scanning upload, each
//! as configured. New findings only, unless the configuration wants all.

mod words;

use scanner::FindingId;

use crate::config::Answer;
use crate::forges::client::{Check, ForgeError, Status, Subject, pack};
use crate::forges::{Connected, Forges};
use crate::gate::{Known, State};
use crate::store::record::{RepositoryRecord, ScanRecord};
pub use words::{Told, annotations, comment, pending, status};

/// Why an answer was not given.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The forge did not take it.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// The upload cannot be packed.
    #[error("the findings cannot be packed for code scanning: {0}")]
    Pack(#[from] std::io::Error),
}

/// Where links lead: the address under which people reach the service, if there is one.
#[derive(Debug, Clone, Default)]
pub struct Links(Option<String>);

impl Links {
    /// Links below an address; none without one.
    #[must_use]
    pub fn new(base_url: Option<&str>) -> Self {
        Self(base_url.map(|url| url.trim_end_matches('/').to_owned()))
    }

    /// A finding that the service keeps.
    #[must_use]
    pub fn finding(&self, id: &FindingId) -> Option<String> {
        self.0.as_ref().map(|base| format!("{base}/api/v1/findings/{id}"))
    }

    /// The report of a scan.
    #[must_use]
    pub fn scan(&self, scan: &ScanRecord) -> Option<String> {
        self.0.as_ref().map(|base| format!("{base}/api/v1/scans/{}/report?format=text", scan.id))
    }
}

/// Whether the forge of a repository wants to be told anything.
#[must_use]
pub fn wanted<'f>(forges: &'f Forges, repository: &RepositoryRecord) -> Option<&'f Connected> {
    forges.of_repository(repository).filter(|connected| !connected.answers.is_empty())
}

/// Tells the forge that a commit is being looked at.
///
/// # Errors
/// [`ForgeError`].
pub async fn begin(connected: &Connected, subject: &Subject) -> Result<(), ForgeError> {
    if connected.answers.contains(&Answer::Status) {
        connected.forge.set_status(subject, &pending()).await?;
    }
    Ok(())
}

/// Tells the forge that a commit could not be scanned.
///
/// # Errors
/// [`ForgeError`].
pub async fn give_up(connected: &Connected, subject: &Subject, reason: &str) -> Result<(), ForgeError> {
    if connected.answers.contains(&Answer::Status) {
        connected.forge.set_status(subject, &words::given_up(reason)).await?;
    }
    Ok(())
}

/// Tells the forge how a scanned commit stands. Telling it again changes nothing that people see twice.
///
/// # Errors
/// [`AnswerError`]: the first that failed; the others were told.
pub async fn give(
    connected: &Connected,
    links: &Links,
    subject: &Subject,
    scan: &ScanRecord,
    known: &Known,
) -> Result<State, AnswerError> {
    let verdict = known.judge();
    let findings: Vec<_> = if connected.answer_all {
        known.report.findings.iter().filter(|finding| finding.ignored.is_none()).collect()
    } else {
        verdict.new.clone()
    };
    let link = |id: &FindingId| if known.kept.contains(id) { links.finding(id) } else { links.scan(scan) };
    let told = Told {
        verdict: &verdict,
        findings: &findings,
        gaps: &known.gaps,
        fails: &|finding| known.fails(finding),
        all: connected.answer_all,
        link: &link,
        more: links.scan(scan),
    };
    let mut first_error = None;
    let mut note = |told: Result<(), ForgeError>| {
        if let Err(error) = told {
            tracing::warn!(%error, "an answer was not taken");
            first_error.get_or_insert(error);
        }
    };
    let status: Status = status(&told);
    for answer in &connected.answers {
        match answer {
            Answer::Status => note(connected.forge.set_status(subject, &status).await),
            Answer::Comment if subject.pull_request.is_some() => {
                let text = comment(&told, &known.report);
                note(connected.forge.keep_comment(subject, text.as_deref()).await);
            }
            Answer::Comment => {}
            Answer::Check => {
                let check = Check {
                    status: status.clone(),
                    summary: words::summary(&told, &known.report),
                    annotations: annotations(&told),
                    external_id: scan.id.to_string(),
                };
                note(connected.forge.make_check(subject, &check).await);
            }
            Answer::CodeScanning => {
                // all of the commit's findings: code scanning itself compares with the base
                let upload = pack(&known.report)?;
                if upload.left_out > 0 {
                    tracing::warn!(left_out = upload.left_out, "code scanning takes no more findings of one commit");
                }
                note(connected.forge.upload_code_scanning(subject, &upload).await);
            }
        }
    }
    match first_error {
        Some(error) => Err(error.into()),
        None => Ok(verdict.state),
    }
}
