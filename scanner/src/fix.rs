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
