//! What an unlocked manifest would resolve to today: an installed `uv` under `--no-build`, on the manifest's declarations alone.
//!
//! uv and not a resolver of ours on `pubgrub`: what a project would get depends on markers, extras, pre-releases, yanked files and
//! forks exactly as its installer judges them, and uv is that installer. It gets requirement lines on its standard input, in an empty
//! directory, without any configuration or environment of ours; nothing of the repository is on its disk, nothing is built, and
//! packages that are not taken from an index are left out and said.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::diagnostic::{Diagnostic, Stage};
use crate::inventory::{Manifest, Package, Role, Source, requirements};
use crate::repository::MemorySnapshot;

/// With what, and against which index.
#[derive(Clone)]
pub struct Resolver {
    /// The `uv` program.
    pub uv: PathBuf,
    /// The index (PEP 503 or 691), perhaps with credentials; they are handed over in the environment and never printed. `None` is uv's default.
    pub index: Option<String>,
    /// `3.12`, for projects that do not say.
    pub python: String,
    /// How long one manifest may take.
    pub timeout: Duration,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Resolver").field("uv", &self.uv).field("python", &self.python).finish_non_exhaustive()
    }
}

/// Why a manifest was not resolved.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The program did not start, or a pipe to it broke.
    #[error("cannot run uv: {0}")]
    Start(#[from] std::io::Error),
    /// It took too long and was stopped.
    #[error("uv was stopped after {0:?}")]
    Timeout(Duration),
    /// It found no solution, or could not reach the index.
    #[error("uv found no resolution: {0}")]
    Unresolvable(String),
}

impl Resolver {
    /// Resolves what a manifest declares, in an empty directory of the caller's. The answer has [`Role::Resolved`].
    ///
    /// # Errors
    /// [`ResolveError`]; never an empty answer for a manifest that could not be resolved.
    pub fn resolve(&self, manifest: &Manifest, empty: &Path) -> Result<(Manifest, Vec<Diagnostic>), ResolveError> {
        let (asked, left_out): (Vec<&Package>, Vec<&Package>) =
            manifest.packages.iter().partition(|package| matches!(package.source, Source::Index { .. }));
        let mut diagnostics: Vec<Diagnostic> = left_out
            .iter()
            .filter(|package| !package.source.is_own_tree())
            .map(|package| {
                let reason =
                    format!("{} is not taken from an index, and is left out of what would be resolved", package.name);
                let found = Diagnostic::remark(Stage::Inventory, manifest.path.clone(), reason);
                package.line.map_or(found.clone(), |line| found.at(line, None))
            })
            .collect();
        let input: String = asked.iter().map(|package| line_of(package)).collect();
        let output = self.run(&input, manifest, empty)?;
        let snapshot = MemorySnapshot::new([("resolved-requirements.txt", output)]);
        let mut reader = requirements::Reader::new(&snapshot);
        let resolved = reader.read("resolved-requirements.txt", true);
        diagnostics.append(&mut reader.diagnostics);
        let mut packages = resolved.map(|resolved| resolved.packages).unwrap_or_default();
        for package in &mut packages {
            // lines of uv's answer stand in no file of the repository
            package.line = asked.iter().find(|asked| asked.name == package.name).and_then(|asked| asked.line);
        }
        Ok((Manifest { packages, ..Manifest::new(&manifest.path, manifest.format, Role::Resolved) }, diagnostics))
    }

    fn run(&self, input: &str, manifest: &Manifest, empty: &Path) -> Result<String, ResolveError> {
        let python =
            manifest.project.as_ref().and_then(|project| project.requires_python.as_deref()).and_then(lowest_python);
        let mut command = Command::new(&self.uv);
        command
            .args([
                "pip",
                "compile",
                "-",
                "--no-build",
                "--no-config",
                "--universal",
                "--no-header",
                "--no-python-downloads",
            ])
            .args(["--quiet", "--no-cache", "--python-version", python.as_deref().unwrap_or(&self.python)])
            .current_dir(empty)
            .env_clear()
            .env("HOME", empty)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for name in ["PATH", "SSL_CERT_FILE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if let Some(index) = &self.index {
            command.env("UV_DEFAULT_INDEX", index);
        }
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        let outcome = std::thread::scope(|scope| {
            // written and read beside the wait, so that no full pipe stops it
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
            let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
            let output = scope.spawn(move || text_of(stdout));
            let errors = scope.spawn(move || text_of(stderr));
            let success = wait(&mut child, self.timeout);
            (success, output.join().unwrap_or_default(), errors.join().unwrap_or_default())
        });
        match outcome {
            (Ok(true), output, _) => Ok(output),
            (Ok(false), _, errors) => Err(ResolveError::Unresolvable(self.without_index(&errors))),
            (Err(error), ..) => Err(error),
        }
    }

    /// uv's words, in which the index's address may stand with its credentials.
    fn without_index(&self, errors: &str) -> String {
        let errors = match &self.index {
            Some(index) => errors.replace(index.as_str(), "the index"),
            None => errors.to_owned(),
        };
        let words =
            errors.split_whitespace().map(crate::inventory::origin::without_credentials).collect::<Vec<_>>().join(" ");
        words.chars().take(1000).collect()
    }
}

/// A requirement as uv reads it. Only parts that were parsed are written, so that no line of a manifest becomes an option.
fn line_of(package: &Package) -> String {
    let specifier = package.specifier.as_deref().and_then(|text| text.parse::<pep440_rs::VersionSpecifiers>().ok());
    let pin = package.version.as_ref().map(|version| format!("=={version}"));
    let range = specifier.map(|range| range.to_string()).or(pin).unwrap_or_default();
    let marker = package
        .marker
        .as_deref()
        .filter(|marker| !marker.contains(['\n', '\r', '#']))
        .map(|marker| format!(" ; {marker}"));
    let extras = match package.requested_extras.as_slice() {
        [] => String::new(),
        extras => format!("[{}]", extras.join(",")),
    };
    format!("{}{extras}{range}{}\n", package.name, marker.unwrap_or_default())
}

/// The lowest minor version that `requires-python` allows at its lower bound.
fn lowest_python(requires: &str) -> Option<String> {
    let bound = requires.split(',').find_map(|clause| {
        clause
            .trim()
            .trim_start_matches('^')
            .trim_start_matches(">=")
            .trim()
            .split('.')
            .map(|part| part.parse::<u32>().ok())
            .collect::<Option<Vec<_>>>()
    })?;
    (bound.len() >= 2).then(|| format!("{}.{}", bound[0], bound[1]))
}

fn text_of(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    // an answer of more than 64 MiB is none; what a broken pipe leaves out, the exit status tells
    let _ = pipe.map(|pipe| pipe.take(64 << 20).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn wait(child: &mut Child, timeout: Duration) -> Result<bool, ResolveError> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if start.elapsed() > timeout {
            child.kill()?;
            child.wait()?;
            return Err(ResolveError::Timeout(timeout));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
