//! The edge that asks a package index what its wheels provide: a few kilobytes a package, cached for ever by the wheel's hash.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use advisories::{PackageName, Version};
use reqwest::header::{ACCEPT, CONTENT_RANGE, RANGE};
use serde::Deserialize;

use super::modules::{Distribution, ModuleNames, WellKnown};
use super::wheel::{self, Member, SUFFIX, WheelError};
use crate::diagnostic::{Diagnostic, Stage};

/// An index page larger than this is not read.
const LARGEST_PAGE: u64 = 64 << 20;
const LARGEST_DIRECTORY: u64 = 16 << 20;

/// What could not be read from the index, and why.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The request failed.
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    /// The index answered something else.
    #[error("the index answered {0}")]
    Status(reqwest::StatusCode),
    /// Nothing there has a file list that can be read from its end.
    #[error("the index has no wheel of it")]
    NoWheel,
    /// The answer is larger than the limit.
    #[error("{0} bytes are more than the limit")]
    TooLarge(u64),
    /// The page is not PEP 691 JSON.
    #[error("the index page is not PEP 691 JSON: {0}")]
    Page(#[from] serde_json::Error),
    /// The wheel is broken.
    #[error(transparent)]
    Wheel(#[from] WheelError),
}

#[derive(Deserialize)]
struct Page {
    files: Vec<File>,
}

#[derive(Deserialize, Clone)]
struct File {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

/// A package index in PEP 503/691 form, and the cache of what was read from it.
#[derive(Debug, Clone)]
pub struct Index {
    client: reqwest::Client,
    base: url::Url,
    cache: Option<PathBuf>,
}

/// Distributions read from an index, over the offline table for the rest.
#[derive(Debug, Clone, Default)]
pub struct IndexNames {
    known: BTreeMap<PackageName, Distribution>,
    /// What could not be read; the offline table or a guess stands in, and the confidence says so.
    pub diagnostics: Vec<Diagnostic>,
}

impl ModuleNames for IndexNames {
    fn distribution(&self, package: &PackageName, version: Option<&Version>) -> Distribution {
        self.known.get(package).cloned().unwrap_or_else(|| WellKnown.distribution(package, version))
    }

    fn providers(&self, module: &str) -> Vec<PackageName> {
        let known = self.known.iter().filter(|(_, distribution)| distribution.provides(module));
        let mut names: Vec<_> = known.map(|(name, _)| name.clone()).collect();
        names.extend(WellKnown.providers(module));
        names
    }
}

impl Index {
    /// An index at `base` (`https://host/simple/`), caching under `cache` where given.
    ///
    /// # Errors
    /// When no TLS client can be built.
    pub fn new(base: url::Url, cache: Option<PathBuf>) -> Result<Self, IndexError> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("secretarybird/", env!("CARGO_PKG_VERSION")))
            .timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self { client, base, cache })
    }

    /// Reads what the wanted packages provide, one after the other; what fails is said in `diagnostics`.
    pub async fn read(&self, wanted: &[(PackageName, Option<Version>)]) -> IndexNames {
        let mut names = IndexNames::default();
        for (package, version) in wanted {
            match self.distribution(package, version.as_ref()).await {
                Ok(distribution) => {
                    names.known.insert(package.clone(), distribution);
                }
                Err(error) => {
                    let reason = format!("import names of {package} not read from the index: {error}");
                    names.diagnostics.push(Diagnostic::remark(Stage::Usage, None, reason));
                }
            }
        }
        names
    }

    /// What one package's wheel provides: the wanted version's, or the newest one's.
    ///
    /// # Errors
    /// When the index has no readable wheel of it.
    pub async fn distribution(
        &self,
        package: &PackageName,
        version: Option<&Version>,
    ) -> Result<Distribution, IndexError> {
        let mut page = self.base.clone();
        if let Ok(mut path) = page.path_segments_mut() {
            path.pop_if_empty().push(package.as_str()).push("");
        }
        let answer = self.client.get(page.clone()).header(ACCEPT, "application/vnd.pypi.simple.v1+json").send().await?;
        if !answer.status().is_success() {
            return Err(IndexError::Status(answer.status()));
        }
        let listing: Page = serde_json::from_slice(&bounded(answer, LARGEST_PAGE).await?)?;
        let file = choose(&listing.files, version).ok_or(IndexError::NoWheel)?;
        let kept = self.kept_at(file);
        if let Some(distribution) =
            kept.as_ref().and_then(|path| serde_json::from_slice(&std::fs::read(path).ok()?).ok())
        {
            return Ok(distribution);
        }
        let url = page.join(&file.url).map_err(|_| IndexError::NoWheel)?;
        let distribution = self.read_wheel(url).await?;
        if let Some(path) = kept
            && let Ok(text) = serde_json::to_vec(&distribution)
            && let Some(directory) = path.parent()
        {
            // a cache that cannot be written costs the next scan a request and nothing else
            let partial = path.with_extension(format!("{}.partial", std::process::id()));
            let written = std::fs::create_dir_all(directory).and_then(|()| std::fs::write(&partial, text));
            if let Err(error) = written.and_then(|()| std::fs::rename(&partial, &path)) {
                tracing::debug!(%error, path = %path.display(), "not cached");
            }
        }
        Ok(distribution)
    }

    fn kept_at(&self, file: &File) -> Option<PathBuf> {
        let hash = file
            .hashes
            .get("sha256")
            .filter(|hash| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        Some(self.cache.as_ref()?.join("wheels").join(format!("{hash}.json")))
    }

    /// Reads a wheel at a known URL (as uv.lock names it), by ranges of its end.
    ///
    /// # Errors
    /// When it does not answer ranges, or is no zip.
    pub async fn read_wheel(&self, url: url::Url) -> Result<Distribution, IndexError> {
        let (mut tail, length) = self.range(&url, &format!("bytes=-{SUFFIX}")).await?;
        let members = match wheel::central_directory(&tail, length) {
            Err(WheelError::NeedsFrom(start)) if length - start <= LARGEST_DIRECTORY => {
                tail = self.range(&url, &format!("bytes={start}-{}", length - 1)).await?.0;
                wheel::central_directory(&tail, length)?
            }
            answered => answered?,
        };
        let begins = length.saturating_sub(tail.len() as u64);
        let mut texts = [String::new(), String::new()];
        for (text, end) in texts.iter_mut().zip([".dist-info/entry_points.txt", ".dist-info/METADATA"]) {
            if let Some(member) =
                members.iter().find(|member| member.name.ends_with(end) && member.name.matches('/').count() == 1)
            {
                *text = self.member(&url, member, &tail, begins, length).await?;
            }
        }
        Ok(wheel::distribution(&members, &texts[0], &texts[1]))
    }

    async fn member(
        &self,
        url: &url::Url,
        member: &Member,
        tail: &[u8],
        begins: u64,
        length: u64,
    ) -> Result<String, IndexError> {
        if member.offset >= begins {
            return Ok(wheel::member_text(member, tail, begins)?);
        }
        let span = member.span();
        let (bytes, _) = self.range(url, &format!("bytes={}-{}", span.start, span.end.min(length) - 1)).await?;
        Ok(wheel::member_text(member, &bytes, span.start)?)
    }

    async fn range(&self, url: &url::Url, range: &str) -> Result<(Vec<u8>, u64), IndexError> {
        let answer = self.client.get(url.clone()).header(RANGE, range).send().await?;
        if answer.status() != reqwest::StatusCode::PARTIAL_CONTENT && !answer.status().is_success() {
            return Err(IndexError::Status(answer.status()));
        }
        let total =
            answer.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok()?.rsplit('/').next()?.parse().ok());
        let bytes = bounded(answer, LARGEST_DIRECTORY).await?;
        let length = total.unwrap_or(bytes.len() as u64);
        Ok((bytes, length))
    }
}

async fn bounded(mut answer: reqwest::Response, limit: u64) -> Result<Vec<u8>, IndexError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > limit {
            return Err(IndexError::TooLarge(bytes.len() as u64));
        }
    }
    Ok(bytes)
}

/// The wheel to read: of the wanted version if there is one, else of the newest release; the pure one before those of a platform.
fn choose<'f>(files: &'f [File], version: Option<&Version>) -> Option<&'f File> {
    let parts = |file: &'f File| {
        let stem = file.filename.strip_suffix(".whl")?;
        Some((file, Version::new(stem.split('-').nth(1)?), stem.ends_with("-none-any")))
    };
    let wheels = files.iter().filter_map(parts);
    wheels
        .max_by_key(|(file, own, pure)| {
            let stable = own.pep440().is_some_and(|own| !own.any_prerelease());
            (
                version.is_some_and(|wanted| wanted == own),
                stable,
                own.clone(),
                *pure,
                file.filename.contains("x86_64"),
                file.filename.clone(),
            )
        })
        .map(|(file, ..)| file)
}
