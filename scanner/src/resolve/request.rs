//! What a manifest asks a resolver for, as lines it reads, and the lines of its answer.

use advisories::Version;

use super::{Request, Resolution, ResolveError};
use crate::diagnostic::{Diagnostic, Stage};
use crate::inventory::poetry_constraint::Constraint;
use crate::inventory::requirement::Requirement;
use crate::inventory::{Manifest, Package, Source, pyproject, requirements, tox};
use crate::repository::MemorySnapshot;

/// The minor versions of Python 3 that a lower bound is looked for in.
const MINORS: std::ops::RangeInclusive<u32> = 6..=40;
/// What uv calls the standard input.
const ANSWER: &str = "resolved-requirements.txt";

/// What a manifest asks for, and what of it cannot be asked.
#[derive(Debug, Default)]
pub struct Asked {
    /// What can be asked.
    pub request: Request,
    /// What is left out, and why.
    pub left_out: Vec<Diagnostic>,
}

/// The request of one manifest. `index` is the configured one: what the manifest takes from another is not asked for there, for a
/// name of a private index may be anybody's on another.
#[must_use]
pub fn asked_by(manifest: &Manifest, index: Option<&str>) -> Asked {
    let mut asked = Asked::default();
    asked.request.python = manifest.project.as_ref().and_then(|project| project.requires_python.clone());
    for package in &manifest.packages {
        let list = match package.groups.first().map(String::as_str) {
            // what builds the project is not what it runs with
            Some(pyproject::BUILD_GROUP) => continue,
            // each is installed by itself, and one may contradict the other
            Some(group) if tox::is_environment(group) => continue,
            Some(pyproject::CONSTRAINTS) => &mut asked.request.constraints,
            Some(pyproject::OVERRIDES) => &mut asked.request.overrides,
            _ => &mut asked.request.requirements,
        };
        match requirement(package, index) {
            Ok(requirement) => list.extend(requirement),
            Err(reason) => {
                let reason = format!("{} is left out of what would be resolved: {reason}", package.name);
                let path = package.declared_in.clone().unwrap_or_else(|| manifest.path.clone());
                let found = Diagnostic::remark(Stage::Inventory, path, reason);
                asked.left_out.push(package.line.map_or(found.clone(), |line| found.at(line, None)));
            }
        }
    }
    asked
}

/// `None` for a source tree of the repository, which is asked for by its own manifest.
fn requirement(package: &Package, index: Option<&str>) -> Result<Option<Requirement>, String> {
    match &package.source {
        source if source.is_own_tree() => return Ok(None),
        Source::Index { url: None } => {}
        Source::Index { url: Some(url) } if url.starts_with("conda:") => return Ok(None),
        Source::Index { url: Some(url) } if is_same_index(url, index) => {}
        Source::Index { .. } => return Err("it is taken from another index than the configured one".to_owned()),
        _ => return Err("it is not taken from an index".to_owned()),
    }
    Ok(Some(Requirement {
        name: package.name.clone(),
        extras: package.requested_extras.clone(),
        specifier: specifier(package)?,
        version: package.version.clone(),
        source: Source::DEFAULT_INDEX,
        marker: package.marker.clone(),
    }))
}

fn is_same_index(written: &str, configured: Option<&str>) -> bool {
    let plain = |address: &str| {
        let address = crate::inventory::origin::without_credentials(address);
        address.trim_end_matches('/').trim_end_matches("/simple").to_owned()
    };
    plain(written) == plain(configured.unwrap_or("https://pypi.org/simple"))
}

/// The range as PEP 440 writes it: Poetry's own forms are translated, and what cannot be is not widened silently.
fn specifier(package: &Package) -> Result<Option<String>, String> {
    let Some(written) = package.specifier.as_deref().map(str::trim).filter(|text| !matches!(*text, "" | "*")) else {
        return Ok(package.version.as_ref().map(|version| format!("=={version}")));
    };
    let plain = written.parse::<pep440_rs::VersionSpecifiers>().ok().map(|specifiers| specifiers.to_string());
    (plain.or_else(|| Constraint::parse(written)?.pep440()))
        .map(Some)
        .ok_or_else(|| format!("its range `{written}` is none of PEP 440"))
}

/// A requirement as uv reads it. Only parts that were parsed are written, so that no line of a manifest becomes an option.
pub(super) fn line_of(requirement: &Requirement) -> String {
    let specifier = requirement.specifier.as_deref().and_then(|text| text.parse::<pep440_rs::VersionSpecifiers>().ok());
    let pin = requirement.version.as_ref().and_then(Version::pep440).map(|version| format!("=={version}"));
    let range = specifier.map(|range| range.to_string()).or(pin).unwrap_or_default();
    let marker = (requirement.marker.as_deref())
        .filter(|marker| !marker.contains(['\n', '\r', '#', '\\']))
        .map(|marker| format!(" ; {marker}"));
    let extras = match requirement.extras.as_slice() {
        [] => String::new(),
        extras => format!("[{}]", extras.join(",")),
    };
    format!("{}{extras}{range}{}\n", requirement.name, marker.unwrap_or_default())
}

/// The lowest minor version of Python 3 that `requires-python` (or Poetry's, or a Pipfile's) allows; `None` when it says nothing.
pub(crate) fn lowest_python(requires: &str) -> Option<String> {
    let requires = requires.trim();
    // `3.11` and `3.11.4` of a Pipfile or an environment
    let bare = requires.starts_with(|first: char| first.is_ascii_digit()) && !requires.contains(['*', ',', '|', ' ']);
    let allowed = match bare {
        true => Constraint::parse(&format!("~{requires}"))?,
        false => Constraint::parse(requires)?,
    };
    let allows =
        |minor: &u32| ["0", "5", "99"].iter().any(|patch| allowed.allows(&Version::new(&format!("3.{minor}.{patch}"))));
    MINORS.into_iter().find(allows).map(|minor| format!("3.{minor}"))
}

/// uv's answer is a compiled requirements file.
pub(super) fn read_answer(answer: String) -> Result<Resolution, ResolveError> {
    let snapshot = MemorySnapshot::new([(ANSWER, answer)]);
    let mut reader = requirements::Reader::new(&snapshot);
    let packages = reader.read(ANSWER, true).map(|resolved| resolved.packages).unwrap_or_default();
    if let Some(fault) = reader.diagnostics.into_iter().find(|found| found.gap) {
        return Err(ResolveError::Answer(fault.reason));
    }
    match packages.iter().find(|package| package.version.is_none()) {
        Some(open) => Err(ResolveError::Answer(format!("it has no version for {}", open.name))),
        None => Ok(Resolution { packages }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory;

    #[test]
    fn the_lowest_python() {
        let cases = [
            (">=3.9", Some("3.9")),
            (">=3.9.2,<4", Some("3.9")),
            ("<4,>=3.8", Some("3.8")),
            ("^3.10", Some("3.10")),
            ("~=3.11", Some("3.11")),
            ("==3.12.*", Some("3.12")),
            ("3.11", Some("3.11")), // Pipfile
            ("3.11.4", Some("3.11")),
            (">=2.7", Some("3.6")),
            (">=2.7,!=3.0.*,!=3.1.*,<3.0", None),
            ("*", Some("3.6")),
            ("what", None),
        ];
        for (requires, expected) in cases {
            assert_eq!(lowest_python(requires).as_deref(), expected, "{requires}");
        }
    }

    #[test]
    fn what_is_asked_and_what_is_left_out() {
        let text = "[project]\nname = \"x\"\nrequires-python = \">=3.10\"\ndependencies = [\"a[b]>=1 ; sys_platform == 'linux'\", \"g @ git+https://h.example.org/g\"]\n\
                    [build-system]\nrequires = [\"hatchling\"]\n[tool.uv]\nconstraint-dependencies = [\"c<2\"]\noverride-dependencies = [\"o==3\"]\n\
                    [tool.uv.sources]\nown = { workspace = true }\n[dependency-groups]\ndev = [\"own\", \"p==1\"]\n";
        let manifest = inventory::read(&MemorySnapshot::new([("pyproject.toml", text)])).manifests.remove(0);
        let Asked { request, left_out } = asked_by(&manifest, None);
        let lines = |list: &[Requirement]| list.iter().map(line_of).collect::<String>();
        assert_eq!(lines(&request.requirements), "a[b]>=1 ; sys_platform == 'linux'\np==1\n");
        assert_eq!(lines(&request.constraints), "c<2\n");
        assert_eq!(lines(&request.overrides), "o==3\n");
        assert_eq!(request.python.as_deref(), Some(">=3.10"));
        let said: Vec<_> = left_out.iter().map(|found| (found.reason.as_str(), found.line)).collect();
        assert_eq!(said, [("g is left out of what would be resolved: it is not taken from an index", Some(4))]);
    }

    #[test]
    fn poetrys_ranges_are_translated_and_other_indexes_are_not_asked() {
        let package = |specifier: &str, url: Option<&str>| Package {
            specifier: Some(specifier.to_owned()),
            ..Package::new("a".parse().unwrap(), Source::Index { url: url.map(str::to_owned) })
        };
        let asked =
            |specifier, url, index| requirement(&package(specifier, url), index).map(|r| r.unwrap().specifier.unwrap());
        assert_eq!(asked("^1.2", None, None).as_deref(), Ok(">=1.2, <2"));
        assert!(asked("<1 || >=3", None, None).is_err());
        let private = "https://packages.example.org/simple";
        assert!(asked(">=1", Some(private), None).is_err());
        let with_account = ["https://user:", "word@packages.example.org/simple/"].concat();
        assert!(asked(">=1", Some(private), Some(&with_account)).is_ok());
        assert!(asked(">=1", Some("https://pypi.org/simple/"), None).is_ok());
    }

    #[test]
    fn an_answer_that_is_not_understood_is_an_error() {
        assert!(read_answer("a==1\nb==2\n    # via a\n".to_owned()).is_ok_and(|found| found.packages.len() == 2));
        assert!(matches!(read_answer("a==1\n=== what\n".to_owned()), Err(ResolveError::Answer(_))));
        assert!(matches!(read_answer("a>=1\n".to_owned()), Err(ResolveError::Answer(_))));
    }
}
