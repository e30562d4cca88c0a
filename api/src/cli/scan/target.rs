//! From what a person typed to something that can be scanned.

use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use scanner::repository::{Access, Credentials, DirectorySnapshot, Mirror, Origin, Progress, RepositoryError};
use scanner::scan::Source;
use scanner::{Diagnostic, Stage};

use crate::cli::exit::Failure;

/// Something that can be scanned.
pub enum Opened {
    /// A repository.
    Repository(Mirror),
    /// A plain directory.
    Directory(DirectorySnapshot),
}

/// Opens a path in place, or clones or updates the mirror of a URL under `cache`.
pub fn open(target: &str, cache: &Path, offline: bool) -> Result<Opened, Failure> {
    let (origin, credentials) = Origin::parse(target).map_err(Failure::usage)?;
    match origin {
        Origin::Local(path) => local(&path),
        Origin::Remote(url) if offline && url.url().scheme() != "file" => {
            let mirror = Mirror::open_cached(&url, &cache.join("mirrors"));
            let reason =
                |error| Failure::incomplete(format!("--offline, and no mirror of {url} in the cache: {error}"));
            Ok(Opened::Repository(mirror.map_err(reason)?))
        }
        Origin::Remote(url) => {
            let bar = Bar::start(url.as_str());
            let access = Access::from(with_environment(credentials));
            let mirror = Mirror::fetch(&url, &cache.join("mirrors"), &access, &mut |progress| bar.show(progress));
            Ok(Opened::Repository(mirror.map_err(|error| not_fetched(&error))?))
        }
    }
}

fn local(path: &Path) -> Result<Opened, Failure> {
    if !path.exists() {
        return Err(Failure::usage(format!("{}: no such file or directory", path.display())));
    }
    match Mirror::open_local(path) {
        Ok(mirror) if is_root(&mirror, path) => Ok(Opened::Repository(mirror)),
        Ok(_) | Err(RepositoryError::NotARepository { .. }) => {
            DirectorySnapshot::open(path).map(Opened::Directory).map_err(Failure::usage)
        }
        Err(error) => Err(Failure::incomplete(error)),
    }
}

/// A directory inside a work tree is asked for as it is, like any plain directory; the repository is scanned when its root is named.
fn is_root(mirror: &Mirror, path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else { return false };
    let Ok(repository) = mirror.repository() else { return true };
    let same = |other: &Path| other.canonicalize().is_ok_and(|other| other == path);
    same(repository.path()) || repository.workdir().is_some_and(same)
}

/// The commit that `rev` names in what was opened, or the directory as it is.
pub fn source<'a>(opened: &'a Opened, rev: Option<&str>) -> Result<Source<'a>, Failure> {
    match (opened, rev) {
        (Opened::Repository(mirror), rev) => match mirror.resolve(rev) {
            Ok(commit) => Ok(Source::Commit(mirror, Some(commit))),
            Err(RepositoryError::Empty) if rev.is_none() => Ok(Source::Commit(mirror, None)),
            Err(error) => Err(Failure::usage(error)),
        },
        (Opened::Directory(_), Some(rev)) => Err(Failure::usage(format!("a plain directory has no revision {rev}"))),
        (Opened::Directory(directory), None) => Ok(Source::Directory(directory)),
    }
}

/// Says that a work tree without a commit holds files: they are not looked at, which a clean answer would hide.
pub fn uncommitted(opened: &Opened) -> Option<Diagnostic> {
    let Opened::Repository(mirror) = opened else { return None };
    // one that cannot be opened has ended the scan with its own error
    let repository = mirror.repository().ok()?;
    let work = repository.workdir()?;
    if !matches!(mirror.resolve(None), Err(RepositoryError::Empty)) {
        return None;
    }
    let is_file = |entry: std::io::Result<std::fs::DirEntry>| entry.map_or(true, |entry| entry.file_name() != ".git");
    let holds_files = std::fs::read_dir(work).map_or(true, |mut entries| entries.any(is_file));
    let reason = "nothing is committed yet: the files of the work tree were not looked at; commit them, or scan a copy without `.git`";
    holds_files.then(|| Diagnostic::gap(Stage::Repository, None, reason))
}

/// `SECRETARYBIRD_GIT_USERNAME` and `SECRETARYBIRD_GIT_PASSWORD` (a token, say) where the URL carries none; a running SSH agent.
fn with_environment(mut credentials: Credentials) -> Credentials {
    if credentials.password.is_none() {
        if let Ok(password) = std::env::var("SECRETARYBIRD_GIT_PASSWORD") {
            credentials.password = Some(password.into());
        }
        if let Ok(username) = std::env::var("SECRETARYBIRD_GIT_USERNAME") {
            credentials.username = Some(username);
        }
    }
    credentials.ssh_agent = true;
    credentials
}

fn not_fetched(error: &RepositoryError) -> Failure {
    match error {
        RepositoryError::BadUrl { .. } => Failure::usage(error),
        _ => Failure::incomplete(error),
    }
}

/// Objects and bytes on stderr, on a terminal only.
struct Bar(Option<ProgressBar>);

impl Bar {
    fn start(url: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}  {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(url.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(Some(bar))
    }

    fn show(&self, progress: Progress) -> bool {
        if let Some(bar) = &self.0 {
            bar.set_message(format!(
                "{}/{} objects, {}",
                progress.received_objects,
                progress.total_objects,
                HumanBytes(progress.received_bytes)
            ));
        }
        true
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
