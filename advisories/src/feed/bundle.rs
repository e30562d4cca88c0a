//! A whole feed state in one file (tar, zstd), to be carried over an air gap.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::FeedKind;
use super::content;
use super::state::{FeedState, StateDir};
use super::sync::{SyncError, rebuild};

const KINDS: [FeedKind; 6] =
    [FeedKind::Osv, FeedKind::Pypa, FeedKind::Malicious, FeedKind::Kev, FeedKind::Epss, FeedKind::Own];
/// More than this is not taken from a bundle's member.
const MEMBER_LIMIT: u64 = 4 << 30;

/// Writes every feed's content and state to `file`; answers how many feeds.
///
/// # Errors
/// When there is nothing to export, or a file cannot be read or written.
pub fn export(state: &StateDir, file: &Path) -> io::Result<usize> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = tempfile::NamedTempFile::new_in(folder)?;
    let mut packed = zstd::Encoder::new(temporary, 3)?;
    // the contents have digests in their states, and the states have this
    packed.include_checksum(true)?;
    let mut archive = tar::Builder::new(packed);
    let mut count = 0;
    for feed in state.states()?.iter().filter(|feed| feed.fetched.is_some()) {
        let from = state.feed(feed.kind);
        for name in ["state.json", "content"] {
            archive.append_path_with_name(from.join(name), format!("{}/{name}", feed.kind.as_str()))?;
        }
        count += 1;
    }
    if count == 0 {
        return Err(io::Error::other("there is no synced feed to export"));
    }
    let mut temporary = archive.into_inner()?.finish()?;
    temporary.flush()?;
    temporary.as_file().sync_all()?;
    temporary.persist(file).map_err(|error| error.error)?;
    Ok(count)
}

/// Takes the feeds of a bundle, each checked (digest and content) before any of them replaces what is there, and makes a new index.
///
/// # Errors
/// [`SyncError`]; the state is as it was when the bundle is not good.
pub fn import(state: &StateDir, file: &Path, now: Timestamp) -> Result<Vec<FeedKind>, SyncError> {
    let io = |source| SyncError::Io { place: file.display().to_string(), source };
    let _lock = state.lock().map_err(io)?;
    let unpacked = tempfile::tempdir_in(state.root()).map_err(io)?;
    unpack(file, unpacked.path()).map_err(io)?;
    let mut taken = Vec::new();
    for kind in KINDS {
        let from = unpacked.path().join(kind.as_str());
        if from.exists() {
            check(&from, kind).map_err(io)?;
            taken.push(kind);
        }
    }
    if taken.is_empty() {
        return Err(io(io::Error::other("the bundle has no feed")));
    }
    for kind in &taken {
        let (from, to) = (unpacked.path().join(kind.as_str()), state.feed(*kind));
        fs::create_dir_all(&to).map_err(io)?;
        for name in ["content", "state.json"] {
            fs::rename(from.join(name), to.join(name)).map_err(io)?;
        }
    }
    rebuild(state, now)?;
    Ok(taken)
}

/// Takes exactly the members that a bundle has; anything else (`../x`, links) is refused.
fn unpack(file: &Path, to: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(zstd::Decoder::new(File::open(file)?)?);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        let known = path.split_once('/').and_then(|(kind, name)| {
            let kind = KINDS.into_iter().find(|known| known.as_str() == kind)?;
            ["content", "state.json"].contains(&name).then(|| to.join(kind.as_str()).join(name))
        });
        let Some(target) = known.filter(|_| entry.header().entry_type().is_file()) else {
            return Err(io::Error::other(format!("not a bundle of feeds: it has {path:?}")));
        };
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        let size = io::copy(&mut entry.by_ref().take(MEMBER_LIMIT + 1), &mut File::create(target)?)?;
        if size > MEMBER_LIMIT {
            return Err(io::Error::other(format!("{path} is larger than {MEMBER_LIMIT} bytes")));
        }
    }
    // the checksum stands behind the archive's end
    io::copy(&mut archive.into_inner().take(MEMBER_LIMIT), &mut io::sink()).map(drop)
}

fn check(folder: &Path, kind: FeedKind) -> io::Result<()> {
    let bad = |reason: String| io::Error::other(format!("{}: {reason}", kind.as_str()));
    let state: FeedState =
        serde_json::from_slice(&fs::read(folder.join("state.json"))?).map_err(|error| bad(error.to_string()))?;
    if state.kind != kind {
        return Err(bad("its state belongs to another feed".to_owned()));
    }
    let bytes = fs::read(folder.join("content"))?;
    if hex::encode(Sha256::digest(&bytes)) != state.sha256 {
        return Err(bad("the content's SHA-256 is not the one of its state".to_owned()));
    }
    content::read(kind, &bytes).map(drop).map_err(bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::download::Validators;

    #[test]
    fn a_flipped_bit_is_refused_or_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (from, file) = (StateDir::new(&folder.path().join("from")), folder.path().join("bundle"));
        let content =
            br#"[{"id":"PYSEC-1","affected":[{"package":{"ecosystem":"PyPI","name":"a"},"versions":["1"]}]}]"#;
        let time = Some("2026-01-01T00:00:00Z".to_owned());
        let known = FeedState {
            kind: FeedKind::Own,
            url: "https://advisories.example.org/own.json".to_owned(),
            validators: Validators::default(),
            sha256: hex::encode(Sha256::digest(content)),
            bytes: content.len() as u64,
            records: 1,
            fetched: time.clone(),
            checked: time,
            error: None,
            failures: 0,
        };
        from.save(&known).unwrap();
        fs::write(from.feed(FeedKind::Own).join("content"), content).unwrap();
        assert_eq!(export(&from, &file).unwrap(), 1);
        let good = fs::read(&file).unwrap();
        let mut refused = 0;
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            let unpacked = folder.path().join(format!("unpacked-{at}"));
            fs::write(&file, &bad).unwrap();
            match unpack(&file, &unpacked) {
                Err(_) => refused += 1,
                // a bit of the frame's head that says nothing about the content
                Ok(()) => {
                    let read = |name: &str| fs::read(unpacked.join("own").join(name)).unwrap();
                    assert_eq!(read("content"), content, "byte {at}");
                    assert_eq!(serde_json::from_slice::<FeedState>(&read("state.json")).unwrap(), known, "byte {at}");
                }
            }
        }
        assert!(refused > good.len() / 2, "{refused} of {}", good.len());
        fs::write(&file, &good).unwrap();
        let to = StateDir::new(&folder.path().join("to"));
        assert_eq!(import(&to, &file, Timestamp::now()).unwrap(), [FeedKind::Own]);
        assert_eq!(to.state(FeedKind::Own).unwrap(), Some(known));
    }
}
