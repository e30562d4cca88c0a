//! Advisories from a path: an OSV archive (zip), a directory of OSV files, one file, or a snapshot.

use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use crate::Advisory;
use crate::index::{AdvisoryIndex, FeedFact, Ingredients, RecordProblem, moment};
use crate::osv::{self, Malformed};
use crate::snapshot::{self, SnapshotError};

/// The largest record that is read, in bytes.
const RECORD_LIMIT: u64 = 64 << 20;

/// Records as a feed has them, before they are an index.
#[derive(Debug, Default)]
pub struct Records {
    /// Those that could be read.
    pub advisories: Vec<Advisory>,
    /// What could not.
    pub problems: Vec<RecordProblem>,
}

/// Which members of an archive are read.
pub type Wanted<'a> = dyn Fn(&str) -> bool + Sync + 'a;

/// Why there are no advisories.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The disk says no.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no archive, record or snapshot.
    #[error("{place}: {reason}")]
    NotAdvisories {
        /// Which file or address.
        place: String,
        /// In a sentence.
        reason: String,
    },
    /// A snapshot that cannot be opened.
    #[error("{}: {source}", path.display())]
    Snapshot {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: SnapshotError,
    },
}

/// Loads whatever stands at `path`; `now` (RFC 3339) is noted in an index that is made from records. What could not be read of single
/// records stands in [`AdvisoryIndex::problems`].
///
/// # Errors
/// [`LoadError`]; also when there is not a single record.
pub fn load(path: &Path, now: &str) -> Result<AdvisoryIndex, LoadError> {
    let io = |source| LoadError::Io { path: path.to_owned(), source };
    if fs::metadata(path).map_err(io)?.is_dir() {
        let records = read_directory(path)?;
        return index_of(records, &path.display().to_string(), now);
    }
    let bytes = fs::read(path).map_err(io)?;
    load_bytes(&bytes, path, now)
}

/// The same, with the index of an archive kept in `cache` under the archive's digest, so that the next time nothing is parsed.
///
/// # Errors
/// As [`load`]; a cache that cannot be written or read only costs time.
pub fn load_cached(path: &Path, cache: &Path, now: &str) -> Result<AdvisoryIndex, LoadError> {
    let io = |source| LoadError::Io { path: path.to_owned(), source };
    if fs::metadata(path).map_err(io)?.is_dir() {
        return load(path, now);
    }
    let bytes = fs::read(path).map_err(io)?;
    if !bytes.starts_with(b"PK") {
        return load_bytes(&bytes, path, now);
    }
    let kept = cache.join(format!("{}.v{}.snapshot", blake3::hash(&bytes).to_hex(), snapshot::FORMAT));
    match snapshot::open(&kept) {
        Ok(index) => return Ok(index.named(&path.display().to_string())),
        Err(SnapshotError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(path = %kept.display(), %error, "the cached advisories are read anew"),
    }
    let index = load_bytes(&bytes, path, now)?;
    if let Err(error) =
        fs::create_dir_all(cache).map_err(SnapshotError::Io).and_then(|()| snapshot::write(&index, &kept))
    {
        tracing::warn!(path = %kept.display(), %error, "the advisories could not be cached");
    }
    Ok(index)
}

/// Loads the content of a file; the path only names it.
///
/// # Errors
/// As [`load`].
pub fn load_bytes(bytes: &[u8], path: &Path, now: &str) -> Result<AdvisoryIndex, LoadError> {
    if bytes.starts_with(snapshot::MAGIC) {
        return snapshot::decode(bytes).map_err(|source| LoadError::Snapshot { path: path.to_owned(), source });
    }
    let place = path.display().to_string();
    index_of(read_records(bytes, &place, &|_| true)?, &place, now)
}

fn index_of(records: Records, place: &str, now: &str) -> Result<AdvisoryIndex, LoadError> {
    if records.advisories.is_empty() {
        let first = records.problems.first().map(|problem| format!(" (the first problem: {problem})"));
        let reason = format!("not a single advisory record in it{}", first.unwrap_or_default());
        return Err(LoadError::NotAdvisories { place: place.to_owned(), reason });
    }
    let count = records.advisories.len() as u64;
    // no clock tells when somebody took it; it is at least as new as its newest record, unless that is of the future
    let newest = records.advisories.iter().filter_map(|record| moment(record.modified.as_deref()));
    let newest = newest.filter(|time| moment(Some(now)).is_none_or(|now| *time <= now)).max();
    let feed = FeedFact {
        kind: "given".to_owned(),
        source: place.to_owned(),
        records: count,
        fetched: newest.map(|time| time.to_string()),
        ..FeedFact::default()
    };
    let Records { advisories, problems } = records;
    let ingredients = Ingredients {
        records: advisories,
        problems,
        source: place,
        built: now,
        feeds: vec![feed],
        ..Ingredients::default()
    };
    Ok(ingredients.build())
}

/// Reads the records of an archive, of a single JSON record, or of a JSON array of them. Of an archive, the members that `wanted` names.
///
/// # Errors
/// [`LoadError::NotAdvisories`]
pub fn read_records(bytes: &[u8], place: &str, wanted: &Wanted<'_>) -> Result<Records, LoadError> {
    if bytes.starts_with(b"PK") {
        return read_zip(bytes, place, wanted);
    }
    let not = |reason: String| LoadError::NotAdvisories { place: place.to_owned(), reason };
    let mut records = Records::default();
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => records.add(place, osv::read(bytes)),
        Some(b'[') => {
            let members: Vec<serde_json::Value> =
                serde_json::from_slice(bytes).map_err(|error| not(format!("not JSON: {error}")))?;
            for (at, member) in members.into_iter().enumerate() {
                records.add(&format!("{place}[{at}]"), osv::read_value(member));
            }
        }
        _ => return Err(not("neither a zip archive, an OSV record in JSON, nor a snapshot".to_owned())),
    }
    Ok(records)
}

impl Records {
    fn add(&mut self, place: &str, read: Result<osv::Read, Malformed>) {
        match read {
            Ok(read) => {
                let id = &read.advisory.id;
                let problem = |reason| RecordProblem { place: place.to_owned(), id: Some(id.clone()), reason };
                self.problems.extend(read.problems.into_iter().map(problem));
                self.advisories.push(read.advisory);
            }
            Err(malformed) => self.fail(place, malformed),
        }
    }

    fn fail(&mut self, place: &str, Malformed { id, reason }: Malformed) {
        self.problems.push(RecordProblem { place: place.to_owned(), id, reason });
    }

    /// One file of an archive or directory, by its ending: JSON, or YAML as the PyPA database has it.
    fn add_file(&mut self, place: &str, bytes: &[u8]) {
        if place.ends_with(".json") {
            return self.add(place, osv::read(bytes));
        }
        let value: Result<serde_json::Value, _> = serde_yaml_ng::from_slice(bytes);
        match value {
            Ok(value) => self.add(place, osv::read_value(value)),
            Err(error) => self.fail(place, Malformed { id: None, reason: format!("not YAML: {error}") }),
        }
    }
}

fn is_record_file(name: &str) -> bool {
    name.ends_with(".json") || name.ends_with(".yaml") || name.ends_with(".yml")
}

fn read_zip(bytes: &[u8], place: &str, wanted: &Wanted<'_>) -> Result<Records, LoadError> {
    let not = |reason: String| LoadError::NotAdvisories { place: place.to_owned(), reason };
    let archive =
        zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| not(format!("not a zip archive: {error}")))?;
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    // each worker reads every n-th member; what they find is put together in the order of the archive's names
    let parts: Vec<Result<Records, LoadError>> = std::thread::scope(|scope| {
        let run = |first: usize| {
            let archive = archive.clone();
            scope.spawn(move || read_members(archive, first, workers, wanted))
        };
        let running: Vec<_> = (0..workers).map(run).collect();
        running.into_iter().map(|it| it.join().map_err(|_| not("reading the archive failed".to_owned()))).collect()
    });
    let mut records = Records::default();
    for part in parts {
        let part = part?;
        records.advisories.extend(part.advisories);
        records.problems.extend(part.problems);
    }
    Ok(records)
}

fn read_members(
    mut archive: zip::ZipArchive<Cursor<&[u8]>>,
    first: usize,
    step: usize,
    wanted: &Wanted<'_>,
) -> Records {
    let mut records = Records::default();
    let mut bytes = Vec::new();
    for at in (first..archive.len()).step_by(step) {
        let mut member = match archive.by_index(at) {
            Ok(member) => member,
            Err(error) => {
                records.fail(&format!("member {at}"), Malformed { id: None, reason: error.to_string() });
                continue;
            }
        };
        let name = member.name().map_or_else(|_| format!("member {at}"), |name| name.into_owned());
        if !is_record_file(&name) || !wanted(&name) {
            continue;
        }
        bytes.clear();
        let read = (&mut member).take(RECORD_LIMIT + 1).read_to_end(&mut bytes);
        match read {
            Ok(size) if size as u64 > RECORD_LIMIT => {
                records.fail(&name, Malformed { id: None, reason: format!("larger than {RECORD_LIMIT} bytes") });
            }
            Ok(_) => records.add_file(&name, &bytes),
            Err(error) => records.fail(&name, Malformed { id: None, reason: format!("cannot be read: {error}") }),
        }
    }
    records
}

/// Reads every `.json`, `.yaml` and `.yml` below a directory; symbolic links are not followed.
///
/// # Errors
/// [`LoadError::Io`] when the directory itself cannot be listed; single files become problems.
pub fn read_directory(root: &Path) -> Result<Records, LoadError> {
    let mut records = Records::default();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        let io = |source| LoadError::Io { path: directory.clone(), source };
        let mut entries = fs::read_dir(&directory).map_err(io)?.collect::<Result<Vec<_>, _>>().map_err(io)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let kind = entry.file_type().map_err(io)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if kind.is_dir() && !name.starts_with('.') {
                waiting.push(path);
            } else if kind.is_file() && is_record_file(&name) {
                let place = path.strip_prefix(root).unwrap_or(&path).display().to_string();
                match fs::metadata(&path)
                    .and_then(|about| if about.len() > RECORD_LIMIT { Ok(None) } else { fs::read(&path).map(Some) })
                {
                    Ok(Some(bytes)) => records.add_file(&place, &bytes),
                    Ok(None) => records
                        .fail(&place, Malformed { id: None, reason: format!("larger than {RECORD_LIMIT} bytes") }),
                    Err(error) => {
                        records.fail(&place, Malformed { id: None, reason: format!("cannot be read: {error}") })
                    }
                }
            }
        }
    }
    Ok(records)
}
