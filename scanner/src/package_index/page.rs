//! A project's page on an index: PEP 691 JSON with what later PEPs added (592 yanked, 658/714 metadata, 700 sizes and times, 792 status).

use std::collections::BTreeMap;

use advisories::{PackageName, Version};
use serde::{Deserialize, Serialize};
use url::Url;

/// Everything an index says about one project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Whose page it is.
    pub name: PackageName,
    /// What was published, in the page's order.
    pub files: Vec<File>,
    /// How the project stands (PEP 792); an index that does not say so means active.
    pub status: ProjectStatus,
    /// Entries of the page that could not be read, each with the reason. The rest counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
    /// When the index last said so, RFC 3339.
    #[serde(default)]
    pub asked: String,
}

/// A published file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name, which tells project and version.
    pub filename: String,
    /// Where it is.
    pub url: Url,
    /// Lower-case hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// In bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_time: Option<String>,
    /// Which Python versions it wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires_python: Option<String>,
    /// Taken back by its publisher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<Yanked>,
    /// Whether its metadata is offered beside it; `None` when the index does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<MetadataFile>,
}

/// Why a file was taken back, where the publisher said so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yanked {
    /// In the publisher's words.
    pub reason: Option<String>,
}

/// A file's metadata beside it (PEP 658).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataFile {
    /// Its own hash, where the index tells it.
    pub sha256: Option<String>,
}

/// How a project stands, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectStatus {
    /// The marker.
    pub status: Status,
    /// In the index's words.
    pub reason: Option<String>,
}

/// The markers of PEP 792.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nothing special.
    #[default]
    Active,
    /// No more releases are to be expected.
    Archived,
    /// Believed unsafe; its files are not offered.
    Quarantined,
    /// Obsolete, perhaps replaced by another.
    Deprecated,
    /// A marker that did not exist when this was written.
    Other(String),
}

/// The page as it comes.
#[derive(Deserialize)]
struct Page {
    files: Vec<serde_json::Value>,
    #[serde(rename = "project-status")]
    status: Option<PageStatus>,
}

#[derive(Deserialize)]
struct PageStatus {
    status: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct PageFile {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
    size: Option<u64>,
    #[serde(rename = "upload-time")]
    upload_time: Option<String>,
    #[serde(rename = "requires-python")]
    requires_python: Option<String>,
    yanked: Option<FlagOr<String>>,
    #[serde(rename = "core-metadata")]
    core_metadata: Option<FlagOr<BTreeMap<String, String>>>,
    #[serde(rename = "dist-info-metadata")]
    dist_info_metadata: Option<FlagOr<BTreeMap<String, String>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum FlagOr<T> {
    Flag(bool),
    Said(T),
}

impl Project {
    /// Reads a page that stood at `base`. An entry that breaks the format is named in `unreadable`, and the rest counts.
    ///
    /// # Errors
    /// When it is no page at all.
    pub fn read(name: &PackageName, base: &Url, page: &[u8]) -> Result<Self, serde_json::Error> {
        let page: Page = serde_json::from_slice(page)?;
        let (mut files, mut unreadable) = (Vec::new(), Vec::new());
        for (at, entry) in page.files.into_iter().enumerate() {
            match File::read(base, entry) {
                Ok(file) => files.push(file),
                Err(reason) => unreadable.push(format!("file {at}: {reason}")),
            }
        }
        let status = page.status.map(ProjectStatus::from).unwrap_or_default();
        Ok(Self { name: name.clone(), files, status, unreadable, asked: String::new() })
    }

    /// The files of one release.
    pub fn release<'p>(&'p self, version: &'p Version) -> impl Iterator<Item = &'p File> {
        self.files.iter().filter(move |file| file.version().as_ref() == Some(version))
    }

    /// A release counts as yanked when all of its files are (PEP 592). `None` as well for a release that is not listed.
    #[must_use]
    pub fn yanked(&self, version: &Version) -> Option<Yanked> {
        let mut reason = None;
        let mut any = false;
        for file in self.release(version) {
            any = true;
            let yanked = file.yanked.as_ref()?;
            reason = reason.or_else(|| yanked.reason.clone());
        }
        any.then_some(Yanked { reason })
    }

    /// The wheel that tells most about `version`: its own, or else the newest stable one that was not yanked; the pure one before those
    /// of a platform.
    #[must_use]
    pub fn wheel(&self, version: Option<&Version>) -> Option<&File> {
        let wheels = self.files.iter().filter(|file| file.is_wheel());
        let worth = |file: &&File| {
            let own = file.version();
            let stable = own.as_ref().and_then(Version::pep440).is_some_and(|own| !own.any_prerelease());
            let wanted = version.is_some() && own.as_ref() == version;
            let pure = file.filename.ends_with("-none-any.whl");
            let usual = file.filename.contains("x86_64") && file.filename.contains("linux");
            (wanted, file.yanked.is_none(), stable, own, pure, usual, file.filename.clone())
        };
        wheels.max_by_key(worth)
    }
}

impl Project {
    /// The source archive of `version`, or else of the newest stable release that was not yanked.
    #[must_use]
    pub fn sdist(&self, version: Option<&Version>) -> Option<&File> {
        let archives = self.files.iter().filter(|file| file.filename.ends_with(".tar.gz"));
        archives.max_by_key(|file| {
            let own = file.version();
            let stable = own.as_ref().and_then(Version::pep440).is_some_and(|own| !own.any_prerelease());
            (version.is_some() && own.as_ref() == version, file.yanked.is_none(), stable, own)
        })
    }
}

impl File {
    fn read(base: &Url, entry: serde_json::Value) -> Result<Self, String> {
        let file: PageFile = serde_json::from_value(entry).map_err(|error| error.to_string())?;
        let url = base.join(&file.url).map_err(|error| format!("{}: url: {error}", file.filename))?;
        // an index over https does not make us read over http, and no index makes us read a file of this machine
        if url.scheme() != "https" && url.scheme() != base.scheme() || !matches!(url.scheme(), "http" | "https") {
            return Err(format!("{}: its address has the scheme {}", file.filename, url.scheme()));
        }
        let yanked = match file.yanked {
            None | Some(FlagOr::Flag(false)) => None,
            Some(FlagOr::Flag(true)) => Some(Yanked::default()),
            Some(FlagOr::Said(reason)) => {
                Some(Yanked { reason: Some(reason).filter(|reason| !reason.trim().is_empty()) })
            }
        };
        let metadata = match file.core_metadata.or(file.dist_info_metadata) {
            None | Some(FlagOr::Flag(false)) => None,
            Some(FlagOr::Flag(true)) => Some(MetadataFile::default()),
            Some(FlagOr::Said(hashes)) => {
                Some(MetadataFile { sha256: hashes.get("sha256").and_then(|hash| sha256(hash)) })
            }
        };
        Ok(Self {
            filename: file.filename,
            url,
            sha256: file.hashes.get("sha256").and_then(|hash| sha256(hash)),
            size: file.size,
            upload_time: file.upload_time,
            requires_python: file.requires_python.filter(|text| !text.trim().is_empty()),
            yanked,
            metadata,
        })
    }

    /// True for a wheel.
    #[must_use]
    pub fn is_wheel(&self) -> bool {
        self.filename.ends_with(".whl")
    }

    /// The version its name tells.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        if let Some(stem) = self.filename.strip_suffix(".whl") {
            return stem.split('-').nth(1).map(Version::new);
        }
        let endings = [".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz"];
        let stem = endings.iter().find_map(|ending| self.filename.strip_suffix(ending))?;
        stem.rsplit_once('-').map(|(_, version)| Version::new(version))
    }
}

impl From<PageStatus> for ProjectStatus {
    fn from(said: PageStatus) -> Self {
        let status = match said.status.as_deref().unwrap_or("active") {
            "active" => Status::Active,
            "archived" => Status::Archived,
            "quarantined" => Status::Quarantined,
            "deprecated" => Status::Deprecated,
            other => Status::Other(other.to_owned()),
        };
        Self { status, reason: said.reason.filter(|reason| !reason.trim().is_empty()) }
    }
}

/// A hash that can be trusted as the name of a file in the cache.
fn sha256(text: &str) -> Option<String> {
    (text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(page: &str) -> Project {
        let base = Url::parse("https://index.example/simple/thing/").expect("url");
        Project::read(&"thing".parse().expect("name"), &base, page.as_bytes()).expect(page)
    }

    fn hash(digit: char) -> String {
        digit.to_string().repeat(64)
    }

    #[test]
    fn a_page_with_everything() {
        let (a, b) = (hash('A'), hash('b'));
        let page = format!(
            r#"{{"meta":{{"api-version":"1.4"}},"name":"thing","versions":["1.0","1.1"],
                "project-status":{{"status":"archived","reason":"see other-thing"}},"files":[
                {{"filename":"thing-1.0.tar.gz","url":"../../files/thing-1.0.tar.gz","hashes":{{"sha256":"{a}"}},"yanked":"broken"}},
                {{"filename":"thing-1.1-py3-none-any.whl","url":"https://files.example/t.whl","hashes":{{"sha256":"{b}","md5":"x"}},
                  "size":12,"upload-time":"2026-01-02T03:04:05Z","requires-python":">=3.9","yanked":false,
                  "core-metadata":{{"sha256":"{b}"}}}}]}}"#
        );
        let project = read(&page);
        assert_eq!(project.status, ProjectStatus { status: Status::Archived, reason: Some("see other-thing".into()) });
        let [sdist, wheel] = project.files.as_slice() else { panic!("{project:?}") };
        assert_eq!(sdist.url.as_str(), "https://index.example/files/thing-1.0.tar.gz");
        assert_eq!((sdist.sha256.clone(), sdist.version()), (Some(hash('a')), Some(Version::new("1.0"))));
        assert_eq!(sdist.yanked, Some(Yanked { reason: Some("broken".into()) }));
        assert_eq!((wheel.size, wheel.version(), &wheel.yanked), (Some(12), Some(Version::new("1.1")), &None));
        assert_eq!(wheel.upload_time.as_deref(), Some("2026-01-02T03:04:05Z"));
        assert_eq!(wheel.metadata, Some(MetadataFile { sha256: Some(b) }));
        assert_eq!(project.yanked(&Version::new("1.0")), Some(Yanked { reason: Some("broken".into()) }));
        assert_eq!(project.yanked(&Version::new("1.1")), None);
        assert_eq!(project.yanked(&Version::new("7")), None, "not listed is not yanked");
    }

    #[test]
    fn statuses_and_what_is_not_one() {
        for (said, expected) in [
            (r#", "project-status": {"status": "quarantined"}"#, Status::Quarantined),
            (r#", "project-status": {"status": "deprecated"}"#, Status::Deprecated),
            (r#", "project-status": {"status": "active"}"#, Status::Active),
            (r#", "project-status": {}"#, Status::Active),
            (r#", "project-status": {"status": "sleeping"}"#, Status::Other("sleeping".into())),
            ("", Status::Active),
        ] {
            assert_eq!(read(&format!(r#"{{"files": []{said}}}"#)).status.status, expected, "{said}");
        }
    }

    #[test]
    fn one_bad_entry_does_not_take_the_page_with_it() {
        let project = read(
            r#"{"files": [{"filename": "thing-1.tar.gz"}, {"filename": "thing-2.tar.gz", "url": "file:///etc/passwd"},
                {"filename": "thing-3.tar.gz", "url": "http://elsewhere/thing-3.tar.gz"}, 7,
                {"filename": "thing-4.tar.gz", "url": "thing-4.tar.gz", "hashes": {"sha256": "../../x"}, "yanked": true}]}"#,
        );
        assert_eq!(project.unreadable.len(), 4, "{:?}", project.unreadable);
        assert_eq!(project.files.len(), 1);
        assert_eq!((&project.files[0].sha256, &project.files[0].yanked), (&None, &Some(Yanked::default())));
        let base = Url::parse("https://index.example/simple/thing/").expect("url");
        for page in ["", "{}", "<html></html>", r#"{"files": {}}"#, "[]"] {
            assert!(Project::read(&"thing".parse().expect("name"), &base, page.as_bytes()).is_err(), "{page}");
        }
    }

    #[test]
    fn the_wheel_that_tells_most() {
        let wheel = |name: &str, yanked: &str| {
            format!(r#"{{"filename":"{name}","url":"{name}","hashes":{{}},"yanked":{yanked}}}"#)
        };
        let page = format!(
            r#"{{"files":[{},{},{},{},{}]}}"#,
            wheel("thing-1.0-cp39-cp39-manylinux1_x86_64.whl", "false"),
            wheel("thing-1.0-py3-none-any.whl", "false"),
            wheel("thing-2.0rc1-py3-none-any.whl", "false"),
            wheel("thing-1.5-py3-none-any.whl", "\"bad\""),
            wheel("thing-3.0.tar.gz", "false"),
        );
        let project = read(&page);
        for (version, expected) in [
            (None, "thing-1.0-py3-none-any.whl"),
            (Some("1.5"), "thing-1.5-py3-none-any.whl"),
            (Some("2.0rc1"), "thing-2.0rc1-py3-none-any.whl"),
            (Some("1.0.0"), "thing-1.0-py3-none-any.whl"),
            (Some("3.0"), "thing-1.0-py3-none-any.whl"),
        ] {
            let chosen = project.wheel(version.map(Version::new).as_ref());
            assert_eq!(chosen.map(|file| file.filename.as_str()), Some(expected), "{version:?}");
        }
        assert_eq!(read(r#"{"files": []}"#).wheel(None), None);
    }
}
