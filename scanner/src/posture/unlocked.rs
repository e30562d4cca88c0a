//! A manifest that asks for ranges and has no lockfile: what it would install is not known, so advisories cannot answer for it.

use advisories::Severity;

use super::Problem;
use crate::inventory::{Format, Manifest, Package, Role};

/// Names of packages quoted in the evidence before the rest is counted.
const NAMED: usize = 5;

pub(super) fn check(manifests: &[Manifest]) -> Vec<Problem> {
    manifests.iter().filter(|manifest| asks(manifest)).filter_map(problem).collect()
}

/// Scripts and Dockerfiles install by the way; only a project's own manifest is expected to have a lock.
fn asks(manifest: &Manifest) -> bool {
    let project = matches!(
        manifest.format,
        Format::Pyproject | Format::Setup | Format::Requirements | Format::Pipenv | Format::Conda
    );
    project && manifest.role == Role::Declared && manifest.locked_by.is_none()
}

fn problem(manifest: &Manifest) -> Option<Problem> {
    let open: Vec<&Package> =
        manifest.packages.iter().filter(|package| package.version.is_none() && !package.source.is_own_tree()).collect();
    let first = open.first()?;
    let mut names: Vec<&str> = open.iter().take(NAMED).map(|package| package.name.as_str()).collect();
    let more = format!("{} more", open.len().saturating_sub(NAMED));
    if open.len() > NAMED {
        names.push(&more);
    }
    Some(Problem {
        check: "unlocked",
        severity: Severity::Low,
        title: format!("{} without an exact version and without a lockfile", count(open.len())),
        path: manifest.path.clone(),
        line: first.line,
        subject: String::new(),
        evidence: vec![format!("not checked against advisories: {}", names.join(", "))],
    })
}

fn count(packages: usize) -> String {
    if packages == 1 { "1 package".to_owned() } else { format!("{packages} packages") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Source;
    use advisories::Version;

    fn manifest(version: Option<&str>, role: Role, locked_by: Option<&str>) -> Manifest {
        let mut package = Package::new("django".parse().unwrap(), Source::DEFAULT_INDEX);
        package.version = version.map(Version::new);
        let mut manifest = Manifest::new("requirements.txt", Format::Requirements, role);
        manifest.locked_by = locked_by.map(str::to_owned);
        manifest.packages.push(package);
        manifest
    }

    #[test]
    fn only_open_ranges_that_no_lock_answers() {
        let cases = [
            ("a range", manifest(None, Role::Declared, None), 1),
            ("a pin", manifest(Some("4.2"), Role::Declared, None), 0),
            ("a range with a lock", manifest(None, Role::Declared, Some("uv.lock")), 0),
            ("a lock", manifest(None, Role::Locked, None), 0),
            ("constraints", manifest(None, Role::Constraints, None), 0),
        ];
        for (name, manifest, expected) in cases {
            assert_eq!(check(&[manifest]).len(), expected, "{name}");
        }
    }
}
