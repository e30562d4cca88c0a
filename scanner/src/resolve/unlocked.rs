//! Every manifest of an inventory that asks for ranges and has no lockfile, resolved.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::{ResolveError, Resolver, asked_by};
use crate::diagnostic::{Diagnostic, Stage};
use crate::inventory::{Format, Inventory, Manifest, Package, Role};
use crate::stop::Stop;

/// Manifests resolved in one scan, and how long all of them may take.
const MAX_MANIFESTS: usize = 64;
const MAX_TIME: Duration = Duration::from_secs(600);

/// What unlocked manifests would resolve to.
#[derive(Debug, Default)]
pub struct Unlocked {
    /// One for each manifest, of [`Role::Resolved`], under the manifest's own path.
    pub manifests: Vec<Manifest>,
    /// What was not resolved, and what was left out.
    pub diagnostics: Vec<Diagnostic>,
}

/// Resolves them. A manifest that could not be resolved is a gap, or a remark where nobody asked for it.
#[must_use]
pub fn unlocked(inventory: &Inventory, resolver: &Resolver, stop: Stop<'_>) -> Unlocked {
    let mut found = Unlocked::default();
    let start = Instant::now();
    let gap = |manifest: &Manifest, reason: String| Diagnostic {
        gap: resolver.asked_for,
        ..Diagnostic::gap(Stage::Inventory, manifest.path.clone(), format!("not resolved: {reason}"))
    };
    for (number, manifest) in inventory.manifests.iter().filter(|manifest| is_open(manifest)).enumerate() {
        if number >= MAX_MANIFESTS || start.elapsed() > MAX_TIME {
            let reason = format!("a scan resolves {MAX_MANIFESTS} manifests, in {} minutes", MAX_TIME.as_secs() / 60);
            found.diagnostics.push(gap(manifest, reason));
            continue;
        }
        let asked = asked_by(manifest, resolver.index.as_deref());
        found.diagnostics.extend(asked.left_out);
        if asked.request.requirements.is_empty() {
            continue;
        }
        match resolver.resolve(&asked.request, stop) {
            Ok(resolution) => found.manifests.push(answer(manifest, resolution.packages)),
            Err(error @ (ResolveError::NoUv(_) | ResolveError::Stopped)) => {
                // the same for every other manifest
                found.diagnostics.push(gap(manifest, error.to_string()));
                break;
            }
            Err(error) => found.diagnostics.push(gap(manifest, error.to_string())),
        }
    }
    found
}

/// The resolved packages that no manifest has already as a fact, to be matched by themselves.
#[must_use]
pub fn beyond(inventory: &Inventory, resolved: &[Manifest]) -> Inventory {
    let mut manifests = resolved.to_vec();
    for manifest in &mut manifests {
        let declared = inventory.manifests.iter().find(|declared| declared.path == manifest.path);
        let pinned: HashSet<_> =
            declared.into_iter().flat_map(|declared| &declared.packages).map(|p| (&p.name, &p.version)).collect();
        manifest.packages.retain(|package| !pinned.contains(&(&package.name, &package.version)));
    }
    Inventory { manifests, diagnostics: Vec::new() }
}

/// A project's or an installation's list of ranges, which no lockfile answers for. `pip install` lines of Dockerfiles and notebooks are no
/// such list: each is resolved beside what was installed before it.
fn is_open(manifest: &Manifest) -> bool {
    let is_list = match manifest.format {
        Format::Dockerfile => false,
        Format::Script => manifest.project.is_some(),
        _ => true,
    };
    is_list
        && manifest.role == Role::Declared
        && manifest.locked_by.is_none()
        && manifest.packages.iter().any(|package| package.version.is_none() && !package.source.is_own_tree())
}

/// The chosen packages under the manifest's path; those it asks for itself stand on its lines.
fn answer(manifest: &Manifest, mut packages: Vec<Package>) -> Manifest {
    for package in &mut packages {
        let asked = manifest.packages.iter().find(|asked| asked.name == package.name && asked.direct);
        package.line = asked.and_then(|asked| asked.line);
        package.declared_in = asked.and_then(|asked| asked.declared_in.clone());
        if let Some(asked) = asked {
            package.specifier =
                package.specifier.take().filter(|_| asked.specifier.is_none()).or_else(|| asked.specifier.clone());
            (package.main, package.groups, package.extras) = (asked.main, asked.groups.clone(), asked.extras.clone());
        }
    }
    for at in 0..packages.len() {
        // what only groups or extras ask for brings no more than that
        let first: Vec<_> = packages[at].via.iter().filter_map(|path| path.first()).cloned().collect();
        if !first.is_empty() {
            packages[at].main =
                packages.iter().any(|package| package.main && package.direct && first.contains(&package.name));
        }
    }
    Manifest { packages, ..Manifest::new(&manifest.path, manifest.format, Role::Resolved) }
}
