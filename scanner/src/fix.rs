//! The upgrade that clears a package of its advisories, and who stands in its way.

use advisories::{AdvisoryIndex, Damaged, Match, Version};

use crate::finding::Fix;
use crate::inventory::poetry_constraint::Constraint;
use crate::inventory::{Manifest, Package};

/// How often a fix may lead into the range of another advisory before the search is given up.
const STEPS: usize = 64;

/// The lowest known fixed version that no advisory affects; `None` when some advisory of the package has no fix.
///
/// # Errors
/// When the index is damaged.
pub fn of(
    manifest: &Manifest,
    package: &Package,
    matches: &[Match],
    index: &AdvisoryIndex,
) -> Result<Option<Fix>, Damaged> {
    let Some(mut candidate) = highest_fix(matches) else { return Ok(None) };
    for _ in 0..STEPS {
        let still = index.matches(&package.name, &candidate)?;
        if still.is_empty() && unwanted(&candidate, package) {
            // a pre-release is no upgrade for who uses releases: the next release that an advisory names as fixed
            let named = matches.iter().flat_map(|found| &found.fixed_versions);
            match named.filter(|fixed| **fixed > candidate && !unwanted(fixed, package)).min() {
                Some(next) => candidate = next.clone(),
                None => return Ok(None),
            }
            continue;
        }
        if still.is_empty() {
            let (allowed_by_constraints, blocked_by) = constraints(manifest, package, &candidate);
            return Ok(Some(Fix { version: candidate, allowed_by_constraints, blocked_by }));
        }
        match highest_fix(&still) {
            Some(next) if next > candidate => candidate = next,
            _ => return Ok(None),
        }
    }
    Ok(None)
}

/// Whether the version is a pre-release and the package's own is none.
fn unwanted(version: &Version, package: &Package) -> bool {
    let early = |version: &Version| version.pep440().is_some_and(pep440_rs::Version::any_prerelease);
    early(version) && !package.version.as_ref().is_some_and(early)
}

/// The highest of the fixes that close each match; `None` when one has none.
fn highest_fix(matches: &[Match]) -> Option<Version> {
    let fixes: Option<Vec<_>> = matches.iter().map(|found| found.closing_fix.clone()).collect();
    fixes?.into_iter().max()
}

/// Whether every range that the lock knows for the package allows the version, and which do not. `None` when the lock knows none.
fn constraints(manifest: &Manifest, package: &Package, version: &Version) -> (Option<bool>, Vec<String>) {
    // an exact pin is what the fix replaces, not what forbids it
    let own = package.specifier.as_deref().filter(|specifier| !specifier.starts_with("=="));
    let own = own.map(|specifier| (manifest.path.clone(), specifier));
    let dependents = manifest.packages.iter().flat_map(|dependent| {
        let edges = dependent.dependencies.iter().filter(|edge| edge.name == package.name);
        edges.filter_map(|edge| edge.specifier.as_deref()).map(|specifier| (described(dependent), specifier))
    });
    let mut known = false;
    let mut blocked_by = Vec::new();
    for (who, specifier) in own.into_iter().chain(dependents) {
        // PEP 440's notation and Poetry's are understood; any other says nothing here
        let Some(range) = Constraint::parse(specifier) else { continue };
        known = true;
        if !range.allows(version) {
            blocked_by.push(format!("{who} requires {}{specifier}", package.name));
        }
    }
    blocked_by.sort();
    blocked_by.dedup();
    (known.then_some(blocked_by.is_empty()), blocked_by)
}

fn described(package: &Package) -> String {
    package.version.as_ref().map_or_else(|| package.name.to_string(), |version| format!("{} {version}", package.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory;
    use crate::repository::MemorySnapshot;

    /// The fix for `a` at `version` where one advisory has the events and another is fixed in 3.0 from 2.5 on.
    fn fix(version: &str, events: &str) -> Option<String> {
        let record = |id: &str, events: &str| {
            let json = format!(
                r#"{{"id":"{id}","affected":[{{"package":{{"ecosystem":"PyPI","name":"a"}},"ranges":[{{"type":"ECOSYSTEM","events":[{events}]}}]}}]}}"#
            );
            advisories::osv::read(json.as_bytes()).unwrap().advisory
        };
        let other = record("X-2", r#"{"introduced":"2.5"},{"fixed":"3.0"}"#);
        let index = AdvisoryIndex::build(vec![record("X-1", events), other], Default::default(), Vec::new(), "", "");
        let pin = format!("a=={version}\n");
        let inventory = inventory::read(&MemorySnapshot::new([("requirements.txt", pin.as_bytes())]));
        let (manifest, package) = inventory.matchable()[0];
        let matches = index.matches(&package.name, package.version.as_ref().unwrap()).unwrap();
        of(manifest, package, &matches, &index).unwrap().map(|fix| fix.version.to_string())
    }

    #[test]
    fn the_lowest_version_that_clears_all() {
        // (version in use, events, the fix)
        let cases = [
            ("1.0", r#"{"introduced":"0"},{"fixed":"2.0"}"#, Some("2.0")),
            ("1.0", r#"{"introduced":"0"},{"fixed":"2.5"}"#, Some("3.0")),
            ("1.0", r#"{"introduced":"0"},{"last_affected":"1.0"}"#, None),
            ("1.0", r#"{"introduced":"0"},{"fixed":"2.0rc1"}"#, None),
            ("1.0", r#"{"introduced":"0"},{"fixed":"2.0rc1"},{"fixed":"2.0"}"#, Some("2.0")),
            ("2.0b1", r#"{"introduced":"0"},{"fixed":"2.0rc1"}"#, Some("2.0rc1")),
        ];
        for (version, events, expected) in cases {
            assert_eq!(fix(version, events).as_deref(), expected, "{version} {events}");
        }
    }
}
