//! The index itself: a project's page, a file's metadata, a wheel's contents; each asked for once and kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use advisories::{PackageName, Version};
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, RANGE};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;
use url::Url;

use super::cache::{Cache, KeptPage};
use super::core_metadata::{self, CoreMetadata};
use super::error::IndexError;
use super::http::{Answer, Http, Patience};
use super::page::{File, Project};
use super::sdist;
use super::settings::Settings;
use super::zip::{self, Member, ZipError};

/// No project's page is larger by far.
const LARGEST_PAGE: u64 = 64 << 20;
const LARGEST_METADATA: u64 = 8 << 20;
/// Of a wheel's central directory, or of a whole wheel from a server without ranges.
const LARGEST_DIRECTORY: u64 = 16 << 20;
/// Of a source archive, compressed.
const LARGEST_SDIST: u64 = 8 << 20;
const JSON: HeaderValue = HeaderValue::from_static("application/vnd.pypi.simple.v1+json");

/// A package index, its cache and its limits. Clones share them.
#[derive(Clone)]
pub struct PackageIndex(Arc<Inner>, Patience);

struct Inner {
    settings: Settings,
    /// Without one nothing is asked.
    http: Option<Http>,
    cache: Option<Cache>,
}

/// What a wheel holds, as far as names tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The paths of its members, which is what its RECORD lists too.
    pub paths: Vec<String>,
    /// The header of its METADATA.
    pub metadata: String,
    /// `entry_points.txt`, empty where there is none.
    pub entry_points: String,
    /// `top_level.txt`
    pub top_level: String,
    /// `namespace_packages.txt`
    pub namespaces: String,
}

impl std::fmt::Debug for PackageIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PackageIndex").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

impl PackageIndex {
    /// The index of these settings. Nothing is asked yet.
    ///
    /// # Errors
    /// In a sentence, when the certificates are none or no client can be built.
    pub fn new(settings: Settings) -> Result<Self, String> {
        let http = if settings.offline { None } else { Some(Http::new(&settings)?) };
        let cache = settings.cache.as_ref().map(|root| Cache::new(root, &settings.url));
        Ok(Self(Arc::new(Inner { settings, http, cache }), Patience::Endless))
    }

    /// The same index for one piece of work, which waits no longer than [`Settings::patience`] for all of its questions together. What the
    /// index has not answered by then is not reached; what is kept still answers.
    #[must_use]
    pub fn for_one_work(&self) -> Self {
        Self(Arc::clone(&self.0), Patience::until(self.0.settings.patience))
    }

    /// The index's address, without credentials.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0.settings.url
    }

    /// True when only the cache answers.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        self.0.settings.offline
    }

    /// A project's page. One that was asked for within [`Settings::fresh_for`] is not asked for again, an older one conditionally;
    /// offline every kept one counts, and [`Project::asked`] tells its age.
    ///
    /// # Errors
    /// [`IndexError`]
    pub async fn project(&self, package: &PackageName) -> Result<Project, IndexError> {
        let kept = self.kept_page(package);
        let Some(http) = &self.0.http else {
            let page = kept.ok_or_else(|| IndexError::Offline { what: package.to_string() })?;
            return answered(package, page);
        };
        let fresh_for = SignedDuration::try_from(self.0.settings.fresh_for).unwrap_or(SignedDuration::MAX);
        let now = Timestamp::now();
        match kept {
            // an answer from the future is one of another clock
            Some(page) if page.asked <= now && now.duration_since(page.asked) < fresh_for => answered(package, page),
            kept => self.ask_for_page(http, package, kept, now).await,
        }
    }

    /// As [`PackageIndex::project`], but a kept page of any age will do when it lists `version`: what was published does not change,
    /// though its being yanked does.
    ///
    /// # Errors
    /// [`IndexError`]
    pub async fn listing(&self, package: &PackageName, version: Option<&Version>) -> Result<Project, IndexError> {
        let kept = self.kept_page(package);
        match (kept, version) {
            (Some(KeptPage { project: Some(project), .. }), Some(version))
                if project.release(version).next().is_some() =>
            {
                Ok(project)
            }
            _ => self.project(package).await,
        }
    }

    /// A project's page as it is kept, of whatever age; nothing is asked.
    #[must_use]
    pub fn kept_project(&self, package: &PackageName) -> Option<Project> {
        self.kept_page(package)?.project
    }

    /// The pages of many projects, some at a time.
    pub async fn projects(
        &self,
        packages: impl IntoIterator<Item = PackageName>,
    ) -> BTreeMap<PackageName, Result<Project, IndexError>> {
        let mut asked = JoinSet::new();
        for package in packages {
            let index = self.clone();
            asked.spawn(async move {
                let answer = index.project(&package).await;
                (package, answer)
            });
        }
        asked.join_all().await.into_iter().collect()
    }

    /// A file's metadata: the file beside it (PEP 658, which many indexes answer without advertising it), else out of the wheel.
    ///
    /// # Errors
    /// [`IndexError`]; absent for an sdist without metadata beside it.
    pub async fn metadata(&self, file: &File) -> Result<CoreMetadata, IndexError> {
        if let Some(text) = self.kept::<String>(file, "metadata") {
            return Ok(CoreMetadata::read(&text));
        }
        match self.metadata_beside(file).await {
            Ok(text) => {
                self.keep(file, "metadata", &text);
                Ok(CoreMetadata::read(&text))
            }
            Err(error) if error.is_absent() && file.is_wheel() => {
                Ok(CoreMetadata::read(&self.contents(file).await?.metadata))
            }
            Err(error) => Err(error),
        }
    }

    /// What a wheel holds, by ranges of its end: a few kilobytes. A source archive has to be read whole, up to a limit.
    ///
    /// # Errors
    /// [`IndexError`]; malformed as well when the server knows no ranges and the wheel is large.
    pub async fn contents(&self, file: &File) -> Result<Contents, IndexError> {
        // the name says how it was read: what an older reading kept is asked for again
        let kept_as = if file.is_wheel() { "contents" } else { "sources" };
        if let Some(contents) = self.kept(file, kept_as) {
            return Ok(contents);
        }
        let contents = if file.is_wheel() {
            self.read_wheel(file).await?
        } else if file.filename.ends_with(".tar.gz") {
            let http = self.http(&file.filename)?;
            let archive = http.get(&file.filename, &file.url, &HeaderMap::new(), LARGEST_SDIST, self.1).await?.body;
            sdist::contents(&archive).map_err(|error| IndexError::malformed(&file.filename, error))?
        } else {
            return Err(IndexError::absent(&format!("readable archive {}", file.filename)));
        };
        self.keep(file, kept_as, &contents);
        Ok(contents)
    }

    fn kept_page(&self, package: &PackageName) -> Option<KeptPage> {
        self.0.cache.as_ref()?.page(package)
    }

    fn kept<T: serde::de::DeserializeOwned>(&self, file: &File, what: &str) -> Option<T> {
        self.0.cache.as_ref()?.of_file(file.sha256.as_ref()?, what)
    }

    fn keep<T: Serialize>(&self, file: &File, what: &str, value: &T) {
        if let (Some(cache), Some(sha256)) = (&self.0.cache, &file.sha256) {
            cache.keep_of_file(sha256, what, value);
        }
    }

    async fn ask_for_page(
        &self,
        http: &Http,
        package: &PackageName,
        kept: Option<KeptPage>,
        now: Timestamp,
    ) -> Result<Project, IndexError> {
        let what = package.as_str();
        let mut url = self.0.settings.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(what).push("");
        }
        let mut headers = HeaderMap::from_iter([(ACCEPT, JSON)]);
        let validator = |text: &Option<String>| HeaderValue::from_str(text.as_ref()?).ok();
        if let Some(kept) = &kept {
            headers.extend(validator(&kept.etag).map(|etag| (IF_NONE_MATCH, etag)));
            headers.extend(validator(&kept.last_modified).map(|time| (IF_MODIFIED_SINCE, time)));
        }
        let page = match http.get(what, &url, &headers, LARGEST_PAGE, self.1).await {
            Ok(Answer { status: StatusCode::NOT_MODIFIED, .. }) => match kept {
                Some(kept) => KeptPage { asked: now, ..kept },
                None => return Err(IndexError::malformed(what, "it answered 304 to a question without validators")),
            },
            Ok(answer) => {
                let project = Project::read(package, &url, &answer.body)
                    .map_err(|error| IndexError::malformed(what, format!("no PEP 691 JSON: {error}")))?;
                KeptPage { asked: now, etag: answer.etag, last_modified: answer.last_modified, project: Some(project) }
            }
            Err(error) if error.is_absent() => KeptPage { asked: now, etag: None, last_modified: None, project: None },
            Err(error) => return Err(error),
        };
        if let Some(cache) = &self.0.cache {
            cache.keep_page(package, &page);
        }
        answered(package, page)
    }

    async fn metadata_beside(&self, file: &File) -> Result<String, IndexError> {
        let what = format!("{}.metadata", file.filename);
        let http = self.http(&what)?;
        let mut url = file.url.clone();
        url.set_path(&format!("{}.metadata", file.url.path()));
        url.set_fragment(None);
        let body = http.get(&what, &url, &HeaderMap::new(), LARGEST_METADATA, self.1).await?.body;
        let promised = file.metadata.as_ref().and_then(|metadata| metadata.sha256.as_deref());
        if promised.is_some_and(|promised| hex::encode(Sha256::digest(&body)) != promised) {
            return Err(IndexError::malformed(&what, "its hash is not the one that the index promised"));
        }
        let text = String::from_utf8_lossy(&body);
        let header = core_metadata::header(&text);
        if !header.lines().any(|line| line.starts_with("Metadata-Version:")) {
            // a proxy's page, or the wheel itself under another name
            return Err(IndexError::malformed(&what, "it is no core metadata"));
        }
        Ok(header.to_owned())
    }

    async fn read_wheel(&self, file: &File) -> Result<Contents, IndexError> {
        let what = file.filename.as_str();
        let malformed = |error: ZipError| IndexError::malformed(what, error);
        let (mut tail, length) = self.range(file, &format!("bytes=-{}", zip::SUFFIX)).await?;
        let members = match zip::central_directory(&tail, length) {
            Err(ZipError::NeedsFrom(start)) if length - start <= LARGEST_DIRECTORY => {
                tail = self.range(file, &format!("bytes={start}-{}", length - 1)).await?.0;
                zip::central_directory(&tail, length).map_err(malformed)?
            }
            answered => answered.map_err(malformed)?,
        };
        let begins = length.saturating_sub(tail.len() as u64);
        let mut contents = Contents::default();
        for (text, name) in [
            (&mut contents.metadata, "METADATA"),
            (&mut contents.entry_points, "entry_points.txt"),
            (&mut contents.top_level, "top_level.txt"),
            (&mut contents.namespaces, "namespace_packages.txt"),
        ] {
            if let Some(member) = members.iter().find(|member| is_info(&member.name, name)) {
                *text = self.member(file, member, &tail, begins, length).await?;
            }
        }
        contents.metadata.truncate(core_metadata::header(&contents.metadata).len());
        contents.paths = members.into_iter().map(|member| member.name).collect();
        Ok(contents)
    }

    async fn member(
        &self,
        file: &File,
        member: &Member,
        tail: &[u8],
        begins: u64,
        length: u64,
    ) -> Result<String, IndexError> {
        let malformed = |error: ZipError| IndexError::malformed(&file.filename, error);
        if member.offset >= begins {
            return zip::member_text(member, tail, begins).map_err(malformed);
        }
        let span = member.span();
        if span.end - span.start > LARGEST_DIRECTORY {
            return Err(malformed(ZipError::Malformed("member too large")));
        }
        let (bytes, _) = self.range(file, &format!("bytes={}-{}", span.start, span.end.min(length) - 1)).await?;
        zip::member_text(member, &bytes, span.start).map_err(malformed)
    }

    /// A part of a file, and the whole file's length. A server without ranges answers the whole, which does for a small file.
    async fn range(&self, file: &File, range: &str) -> Result<(Vec<u8>, u64), IndexError> {
        let http = self.http(&file.filename)?;
        let range = HeaderValue::from_str(range).map_err(|error| IndexError::malformed(&file.filename, error))?;
        // offsets are those of the file, not of a compressed answer
        let headers = HeaderMap::from_iter([(RANGE, range), (ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
        let mut url = file.url.clone();
        url.set_fragment(None);
        let answer = http.get(&file.filename, &url, &headers, LARGEST_DIRECTORY, self.1).await?;
        let whole = answer.body.len() as u64;
        match (answer.status, answer.length) {
            (StatusCode::PARTIAL_CONTENT, Some(length)) if length >= whole => Ok((answer.body, length)),
            (StatusCode::OK, _) => Ok((answer.body, whole)),
            (status, _) => {
                Err(IndexError::malformed(&file.filename, format!("it answered {status} to a question for a range")))
            }
        }
    }

    fn http(&self, what: &str) -> Result<&Http, IndexError> {
        self.0.http.as_ref().ok_or_else(|| IndexError::Offline { what: what.to_owned() })
    }
}

fn is_info(path: &str, name: &str) -> bool {
    path.split_once('/').is_some_and(|(directory, file)| directory.ends_with(".dist-info") && file == name)
}

fn answered(package: &PackageName, page: KeptPage) -> Result<Project, IndexError> {
    let asked = page.asked.to_string();
    page.project.map(|project| Project { asked, ..project }).ok_or_else(|| IndexError::absent(package.as_str()))
}

/// Runs questions to an index from code that is not asynchronous, such as a scan: on a thread with a runtime of its own, so that it
/// works whatever the caller runs on.
///
/// # Errors
/// When the system gives no thread or runtime.
pub fn wait<T: Send>(questions: impl Future<Output = T> + Send) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("package-index".to_owned())
            .spawn_scoped(scope, move || runtime.block_on(questions))?;
        thread.join().map_err(|panic| std::panic::resume_unwind(panic))
    })
}
