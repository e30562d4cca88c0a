//! The upgrade that clears a package of its advisories, and who stands in its way; [`plan`] makes one plan of them for a repository.

pub mod commands;
pub mod plan;
pub mod verify;

use advisories::{AdvisoryIndex, Damaged, Match, PackageName, Version};

use crate::finding::Fix;
use crate::inventory::poetry_constraint::Constraint;
use crate::inventory::{Format, Manifest, Package, Role};

/// Who knows which releases there are.
pub trait Releases {
    /// Whether the version is published and not taken back; `None` when nobody asked the index.
    fn is_usable(&self, name: &PackageName, version: &Version) -> Option<bool>;

    /// The lowest later version that is.
    fn next(&self, name: &PackageName, version: &Version, pre_releases: bool) -> Option<Version>;
}

/// No index was asked: the versions that advisories name are taken as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoReleases;

impl Releases for NoReleases {
    fn is_usable(&self, _name: &PackageName, _version: &Version) -> Option<bool> {
        None
    }

    fn next(&self, _name: &PackageName, _version: &Version, _pre_releases: bool) -> Option<Version> {
        None
    }
}

/// How often a fix may lead into the range of another advisory before the search is given up.
const STEPS: usize = 64;

/// The lowest known fixed version that no advisory affects and that can be had, where that is known; `None` when some advisory of the package
/// has no fix.
///
/// # Errors
/// When the index is damaged.
pub fn of(
    inventory: &[Manifest],
    manifest: &Manifest,
    package: &Package,
    matches: &[Match],
    index: &AdvisoryIndex,
    releases: &dyn Releases,
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
        if still.is_empty() && releases.is_usable(&package.name, &candidate) == Some(false) {
            // never published, or taken back: the next release that can be had, checked like any other
            match releases.next(&package.name, &candidate, package.version.as_ref().is_some_and(is_early)) {
                Some(next) => candidate = next,
                None => return Ok(None),
            }
            continue;
        }
        if still.is_empty() {
            return Ok(Some(Bounds::of(inventory, manifest, package, &candidate).fix(candidate)));
        }
        match highest_fix(&still) {
            Some(next) if next > candidate => candidate = next,
            _ => return Ok(None),
        }
    }
    Ok(None)
}

/// Whether the version is a pre-release and the package's own is none.
pub(crate) fn unwanted(version: &Version, package: &Package) -> bool {
    is_early(version) && !package.version.as_ref().is_some_and(is_early)
}

fn is_early(version: &Version) -> bool {
    version.pep440().is_some_and(pep440_rs::Version::any_prerelease)
}

/// The highest of the fixes that close each match; `None` when one has none.
fn highest_fix(matches: &[Match]) -> Option<Version> {
    let fixes: Option<Vec<_>> = matches.iter().map(|found| found.closing_fix.clone()).collect();
    fixes?.into_iter().max()
}

/// The lowest known fixed version that leaves the fewest of the advisories and brings none, for a package of which some advisory has no
/// fix; with the canonical ids of what stays.
///
/// # Errors
/// When the index is damaged.
pub fn partial(
    package: &Package,
    matches: &[Match],
    index: &AdvisoryIndex,
    releases: &dyn Releases,
) -> Result<Option<(Version, Vec<String>)>, Damaged> {
    let now: Vec<&str> = matches.iter().map(|found| found.canonical.as_str()).collect();
    let mut candidates: Vec<&Version> = matches.iter().flat_map(|found| &found.fixed_versions).collect();
    candidates.retain(|version| Some(*version) > package.version.as_ref() && !unwanted(version, package));
    candidates.retain(|version| releases.is_usable(&package.name, version) != Some(false));
    candidates.sort();
    candidates.dedup();
    let mut best: Option<(Version, Vec<String>)> = None;
    for candidate in candidates.into_iter().take(STEPS) {
        let still: Vec<String> =
            index.matches(&package.name, candidate)?.into_iter().map(|found| found.canonical).collect();
        let fewer = still.len() < best.as_ref().map_or(now.len(), |(_, remains)| remains.len());
        if fewer && still.iter().all(|id| now.contains(&id.as_str())) {
            best = Some((candidate.clone(), still));
        }
    }
    Ok(best)
}

/// What the ranges that a manifest knows say about one version of a package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// At least one range is known.
    pub known: bool,
    /// The project's own range forbids it.
    pub own_forbids: bool,
    /// Locked packages whose range forbids it.
    pub blockers: Vec<PackageName>,
    /// Both in words.
    pub blocked_by: Vec<String>,
}

impl Bounds {
    /// `inventory` has the manifests that a lockfile answers for.
    pub(crate) fn of(inventory: &[Manifest], manifest: &Manifest, package: &Package, version: &Version) -> Self {
        let mut bounds = Self::default();
        let own = own_range(inventory, manifest, package);
        if let Some((place, (specifier, range))) = own.and_then(|(place, text)| Some((place, understood(text)?))) {
            bounds.known = true;
            bounds.own_forbids = !range.allows(version);
            if bounds.own_forbids {
                bounds.blocked_by.push(format!("{place} requires {}", asked(&package.name, specifier)));
            }
        }
        for dependent in &manifest.packages {
            let edges = dependent.dependencies.iter().filter(|edge| edge.name == package.name);
            for (specifier, range) in edges.filter_map(|edge| understood(edge.specifier.as_deref()?)) {
                bounds.known = true;
                if !range.allows(version) {
                    let what = asked(&package.name, specifier);
                    bounds.blocked_by.push(format!("{} requires {what}", described(dependent)));
                    bounds.blockers.push(dependent.name.clone());
                }
            }
        }
        bounds.blocked_by.sort();
        bounds.blocked_by.dedup();
        bounds.blockers.sort();
        bounds.blockers.dedup();
        bounds
    }

    pub(crate) fn allow(&self) -> bool {
        self.blocked_by.is_empty()
    }

    pub(crate) fn fix(self, version: Version) -> Fix {
        let allowed_by_constraints = self.known.then_some(self.allow());
        Fix { version, allowed_by_constraints, blocked_by: self.blocked_by }
    }
}

/// What the project itself asks for, and where. Of a list of pins the pin is what the fix replaces, and no range; a compiled list has the
/// ranges in the file that it was compiled from; any other lockfile has them beside its versions.
fn own_range<'a>(
    inventory: &'a [Manifest],
    manifest: &'a Manifest,
    package: &'a Package,
) -> Option<(&'a str, &'a str)> {
    let (place, package) = match (manifest.role, manifest.format) {
        (Role::Locked, Format::Requirements) => {
            let (source, package) = declaring(inventory, manifest, &package.name)?;
            (&source.path, package)
        }
        (Role::Locked, _) => (&manifest.path, package),
        _ if is_pin(package) => return None,
        _ => (&manifest.path, package),
    };
    Some((place, package.specifier.as_deref()?))
}

/// `==1.2`, and Poetry's bare `1.2`.
pub(crate) fn is_pin(package: &Package) -> bool {
    let written = package.specifier.as_deref().unwrap_or_default();
    written.starts_with("==") || package.version.as_ref().is_some_and(|version| version.as_str() == written)
}

/// Where a direct dependency is declared: the manifest that the lock answers for.
pub(crate) fn declaring<'a>(
    inventory: &'a [Manifest],
    lock: &Manifest,
    name: &PackageName,
) -> Option<(&'a Manifest, &'a Package)> {
    let answered = inventory.iter().filter(|manifest| manifest.locked_by.as_deref() == Some(&lock.path));
    answered
        .filter_map(|manifest| Some((manifest, manifest.packages.iter().find(|package| &package.name == name)?)))
        .next()
}

/// `name<2`, and `name ^1.2` for what is no notation of PEP 440.
fn asked(name: &PackageName, specifier: &str) -> String {
    let space = if specifier.starts_with(['<', '>', '=', '!']) { "" } else { " " };
    format!("{name}{space}{specifier}")
}

/// PEP 440's notation and Poetry's are understood; any other says nothing here.
fn understood(specifier: &str) -> Option<(&str, Constraint)> {
    Some((specifier, Constraint::parse(specifier)?))
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
        fix_among(version, events, &NoReleases)
    }

    fn fix_among(version: &str, events: &str, releases: &dyn Releases) -> Option<String> {
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
        of(&inventory.manifests, manifest, package, &matches, &index, releases)
            .unwrap()
            .map(|fix| fix.version.to_string())
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

    /// An index with these releases, of which those with a `!` were taken back.
    struct Published(&'static [&'static str]);

    impl Releases for Published {
        fn is_usable(&self, _: &PackageName, version: &Version) -> Option<bool> {
            Some(self.0.iter().any(|release| Version::new(release) == *version))
        }

        fn next(&self, _: &PackageName, version: &Version, pre_releases: bool) -> Option<Version> {
            let usable = self.0.iter().filter(|release| !release.starts_with('!')).map(|release| Version::new(release));
            usable.filter(|release| release > version && (pre_releases || !is_early(release))).min()
        }
    }

    #[test]
    fn only_what_can_be_had_is_advised() {
        let below_2 = r#"{"introduced":"0"},{"fixed":"2.0"}"#;
        // (the index's releases, the fix)
        let cases: [(&[&str], Option<&str>); 5] = [
            (&["1.0", "2.0", "2.1"], Some("2.0")),
            (&["1.0", "!2.0", "2.1"], Some("2.1")),
            (&["1.0", "!2.0", "2.1rc1", "2.2"], Some("2.2")),
            // 2.5 to 3.0 has another advisory
            (&["1.0", "!2.0", "2.5", "3.0"], Some("3.0")),
            (&["1.0", "!2.0"], None),
        ];
        for (releases, expected) in cases {
            assert_eq!(fix_among("1.0", below_2, &Published(releases)).as_deref(), expected, "{releases:?}");
        }
    }
}
