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
    let (mut contents, mut requires) = (Contents::default(), String::new());
    let mut archive = tar::Archive::new(inflated);
    for entry in archive.entries()?.take(MOST_ENTRIES) {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let Some((_, path)) = path.split_once('/') else { continue };
        let (directory, file) = path.rsplit_once('/').unwrap_or(("", path));
        let info = directory.ends_with(".egg-info");
        let text = match file {
            "PKG-INFO" if directory.is_empty() || info => &mut contents.metadata,
            "requires.txt" if info => &mut requires,
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
    if !contents.metadata.contains("\nRequires-Dist:") {
        contents.metadata.truncate(contents.metadata.trim_end().len());
        add_requirements(&requires, &mut contents.metadata);
    }
    keep_installed(&mut contents);
    Ok(contents)
}

/// Builders of old said what is needed beside the metadata and not in it: lines under `[extra]`, `[:marker]` or `[extra:marker]`.
fn add_requirements(requires: &str, metadata: &mut String) {
    let mut condition = String::new();
    for line in requires.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let (extra, marker) = section.split_once(':').unwrap_or((section, ""));
            condition = match (extra, marker) {
                ("", "") => String::new(),
                ("", marker) => format!("; {marker}"),
                (extra, "") => format!("; extra == '{extra}'"),
                (extra, marker) => format!("; ({marker}) and extra == '{extra}'"),
            };
            if !extra.is_empty() {
                metadata.push_str(&format!("\nProvides-Extra: {extra}"));
            }
        } else {
            metadata.push_str(&format!("\nRequires-Dist: {line}{condition}"));
        }
    }
}

/// Keeps the paths that an installation would have.
fn keep_installed(contents: &mut Contents) {
    let tops: Vec<&str> = contents.top_level.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let is_package = |path: &String| {
        let directory = path.strip_suffix("/__init__.py").unwrap_or("/");
        !directory.contains('/') && !matches!(directory, "tests" | "test" | "docs" | "doc" | "examples" | "example")
    };
    let has_package = contents.paths.iter().any(is_package);
    let installed = |path: &String| {
        let first = path.split(['/', '.']).next().unwrap_or(path);
        if !tops.is_empty() {
            tops.contains(&first)
        } else {
            // packages, or single modules; not setup.py and what lies about beside it
            path.contains('/') || !has_package && path.ends_with(".py") && !is_of_set_up(path)
        }
    };
    contents.paths.retain(installed);
}

/// Files of Python beside a set-up that it does not install.
fn is_of_set_up(file: &str) -> bool {
    const OTHERS: &[&str] = &[
        "setup.py",
        "ez_setup.py",
        "distribute_setup.py",
        "versioneer.py",
        "conftest.py",
        "noxfile.py",
        "fabfile.py",
        "tasks.py",
        "bootstrap.py",
        "runtests.py",
    ];
    OTHERS.contains(&file) || file.starts_with("test_") || file.ends_with("_test.py") || file == "tests.py"
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
        // one module, and nobody wrote down which
        let members = [("x-1/setup.py", ""), ("x-1/tests/__init__.py", ""), ("x-1/test_x.py", ""), ("x-1/x.py", "")];
        assert_eq!(contents(&archive(&members)).unwrap().paths, ["tests/__init__.py", "x.py"]);
        let beside =
            contents(&archive(&[("x-1/setup.py", ""), ("x-1/run.py", ""), ("x-1/x/__init__.py", "")])).unwrap();
        assert_eq!(beside.paths, ["x/__init__.py"]);
    }

    #[test]
    fn what_is_needed_stands_beside_the_metadata_of_old_archives() {
        let text = "six>=1\n\n[xlsx]\nopenpyxl\n\n[:python_version < '3']\nfutures\n";
        let read = |requires: &str| {
            let info = format!("Metadata-Version: 2.1\nName: x{requires}\n\ntext");
            let members = [("x-1/x.egg-info/PKG-INFO", info.as_str()), ("x-1/x.egg-info/requires.txt", text)];
            let metadata = core_metadata::CoreMetadata::read(&contents(&archive(&members)).unwrap().metadata);
            metadata.requires.iter().map(|need| format!("{}:{}", need.name, need.extras.join(","))).collect::<Vec<_>>()
        };
        assert_eq!(read(""), ["six:", "openpyxl:xlsx", "futures:"]);
        assert_eq!(read("\nRequires-Dist: other"), ["other:"]);
    }

    #[test]
    fn damage_is_an_error_and_no_panic() {
        let whole = archive(&[("x-1/x/__init__.py", "print()")]);
        for cut in 0..whole.len() - 8 {
            assert!(contents(&whole[..cut]).is_err(), "{cut}");
        }
    }
}
