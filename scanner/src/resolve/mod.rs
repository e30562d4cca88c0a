//! What an unlocked manifest would resolve to today: an installed `uv` under `--no-build`, on the manifest's declarations alone.
//!
//! uv and not a resolver of ours on `pubgrub`: what a project would get depends on markers, extras, pre-releases, yanked files and
//! forks exactly as its installer judges them, and uv is that installer. A resolver that differs from it in one of these says "would
//! resolve to" of what nobody would get.
//!
//! uv is handed requirement lines made of parsed parts, in an empty directory, under `--no-config` and with an environment of a few
//! names; nothing of the repository is on its disk, nothing is built, and it is stopped with all it started when its time is over. The index
//! and its credentials come from the caller's configuration only: what a manifest takes from elsewhere is left out and said.
//!
//! `request.rs` says what a manifest asks for, `uv.rs` is the edge, `unlocked.rs` goes through an inventory.

mod request;
mod unlocked;
mod uv;

use std::path::PathBuf;
use std::time::Duration;

use advisories::{PackageName, Version};

use crate::inventory::Package;
use crate::inventory::requirement::Requirement;
use crate::stop::Stop;

pub(crate) use request::lowest_python;
pub use request::{Asked, asked_by};
pub use unlocked::{Unlocked, beyond, unlocked};

/// With what, and against which index.
#[derive(Clone)]
pub struct Resolver {
    /// The `uv` program; a bare name is looked up in `PATH`.
    pub uv: PathBuf,
    /// The index (PEP 503 or 691), perhaps with credentials; they are handed over in the environment and never printed. `None` is
    /// uv's default.
    pub index: Option<String>,
    /// `3.12`, for projects that do not say.
    pub python: String,
    /// How long one resolution may take.
    pub timeout: Duration,
    /// Where what was fetched is kept for further questions; `None` keeps nothing.
    pub cache: Option<PathBuf>,
    /// Somebody asked for it: what cannot be resolved leaves the report incomplete. Where it only happens to be on, it is a remark.
    pub asked_for: bool,
}

impl Default for Resolver {
    fn default() -> Self {
        let timeout = Duration::from_secs(60);
        Self { uv: PathBuf::from("uv"), index: None, python: "3.12".to_owned(), timeout, cache: None, asked_for: true }
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Resolver").field("uv", &self.uv).field("python", &self.python).finish_non_exhaustive()
    }
}

/// What is to be resolved together. Only what is taken from an index counts: a name, its extras, its range and its marker.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// What is asked for.
    pub requirements: Vec<Requirement>,
    /// Bounds on what may be chosen, which ask for nothing by themselves.
    pub constraints: Vec<Requirement>,
    /// What replaces every other requirement of its name.
    pub overrides: Vec<Requirement>,
    /// Which Python versions the project allows, as it says it (`>=3.9`, `^3.9`, `3.11`).
    pub python: Option<String>,
}

/// What was chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolution {
    /// Exact versions with who asks for them; several of one name where markers part them.
    pub packages: Vec<Package>,
}

impl Resolution {
    /// The versions chosen for a name.
    pub fn versions_of<'r>(&'r self, name: &PackageName) -> impl Iterator<Item = &'r Version> {
        let name = name.clone();
        self.packages.iter().filter(move |package| package.name == name).filter_map(|package| package.version.as_ref())
    }
}

/// Why nothing was resolved.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// There is no such program.
    #[error(
        "`{0}` is not installed; resolving needs uv (https://docs.astral.sh/uv/), in PATH or named in the configuration"
    )]
    NoUv(String),
    /// The program did not start, or a pipe to it broke.
    #[error("cannot run uv: {0}")]
    Start(#[from] std::io::Error),
    /// It took too long and was stopped.
    #[error("uv was stopped after {0:?}")]
    Timeout(Duration),
    /// Nobody wants its answer any more.
    #[error("uv was stopped: the scan was")]
    Stopped,
    /// It found no solution.
    #[error("uv found no resolution: {0}")]
    Unresolvable(String),
    /// It could not ask the index: nobody answered, or the credentials were refused.
    #[error("uv could not ask the index: {0}")]
    Index(String),
    /// Its answer was not understood whole.
    #[error("uv's answer was not understood: {0}")]
    Answer(String),
}

impl Resolver {
    /// Resolves: one consistent choice for every Python version from the lowest that is allowed on, and every platform.
    ///
    /// # Errors
    /// [`ResolveError`]; never an empty answer for what could not be resolved.
    pub fn resolve(&self, request: &Request, stop: Stop<'_>) -> Result<Resolution, ResolveError> {
        if request.requirements.is_empty() {
            return Ok(Resolution::default());
        }
        let answer = uv::compile(self, request, stop)?;
        request::read_answer(answer)
    }
}
