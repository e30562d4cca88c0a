//! The names in a source archive, for distributions that have no wheel.

use std::io::Read;

use super::client::Contents;
use super::core_metadata;

/// Inflated bytes that are looked at.
const LARGEST: u64 = 128 << 20;
/// No member that is read here is larger.
const LARGEST_MEMBER: u64 = 4 << 20;
/// Entries after which an archive is no source archive of a package.
const MOST_ENTRIES: usize = 100_000;

/// Reads the archive's names and its own metadata. The paths are those that an installation would have: without the archive's own
/// directory, and without `src/`; where the build wrote down the top-level modules, only what is in those.
pub(super) fn contents(archive: &[u8]) -> std::io::Result<Contents> {
    let inflated = flate2::read::MultiGzDecoder::new(archive).take(LARGEST);
    let mut contents = Contents::default();
    let mut archive = tar::Archive::new(inflated);
    for entry in archive.entries()?.take(MOST_ENTRIES) {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let Some((_, path)) = path.split_once('/') else { continue };
        let (directory, file) = path.rsplit_once('/').unwrap_or(("", path));
        let info = directory.ends_with(".egg-info");
        let text = match file {
            "PKG-INFO" if directory.is_empty() || info => &mut contents.metadata,
            "entry_points.txt" if info => &mut contents.entry_points,
            "top_level.txt" if info => &mut contents.top_level,
            "namespace_packages.txt" if info => &mut contents.namespaces,
            _ => {
                let path = path.strip_prefix("src/").unwrap_or(path);
                contents.paths.push(path.to_owned());
                continue;
            }
        };
        // the outer PKG-INFO and the one in egg-info say the same, the latter with the requirements
        if text.is_empty() || info {
            let mut bytes = Vec::new();
            entry.by_ref().take(LARGEST_MEMBER).read_to_end(&mut bytes)?;
            *text = String::from_utf8_lossy(&bytes).into_owned();
        }
    }
    // the checksum stands at the end
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink())?;
    contents.metadata.truncate(core_metadata::header(&contents.metadata).len());
    let tops: Vec<String> =
        contents.top_level.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    let installed = |path: &str| {
        let first = path.split(['/', '.']).next().unwrap_or(path);
        if tops.is_empty() {
            // packages, not setup.py and what lies about beside it
            path.contains('/')
        } else {
            tops.iter().any(|top| top == first)
        }
    };
    contents.paths.retain(|path| installed(path));
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(members: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (path, text) in members {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn names_as_they_would_be_installed() {
        let read = contents(&archive(&[
            ("thing-1.0/setup.py", ""),
            ("thing-1.0/PKG-INFO", "Metadata-Version: 1.0\nName: thing\n\ntext"),
            ("thing-1.0/src/rest_thing/__init__.py", ""),
            ("thing-1.0/tests/__init__.py", ""),
            ("thing-1.0/src/thing.egg-info/PKG-INFO", "Metadata-Version: 2.1\nName: thing\nRequires-Dist: six\n"),
            ("thing-1.0/src/thing.egg-info/top_level.txt", "rest_thing\n"),
        ]))
        .unwrap();
        assert_eq!(read.paths, ["rest_thing/__init__.py"]);
        assert!(read.metadata.contains("Requires-Dist: six"));
        let without = contents(&archive(&[("x-1/setup.py", ""), ("x-1/x/__init__.py", "")])).unwrap();
        assert_eq!(without.paths, ["x/__init__.py"]);
    }

    #[test]
    fn damage_is_an_error_and_no_panic() {
        let whole = archive(&[("x-1/x/__init__.py", "print()")]);
        for cut in 0..whole.len() - 8 {
            assert!(contents(&whole[..cut]).is_err(), "{cut}");
        }
    }
}
