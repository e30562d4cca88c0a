//! The inventory against the advisories: findings of kind `vulnerability` and `malicious`.

use std::collections::{BTreeMap, BTreeSet};

use advisories::git_pin::{Ancestry, NoHistory, Pin};
use advisories::{AdvisoryIndex, Damaged, Match, PackageName, Version};

use crate::diagnostic::{Diagnostic, Stage};
use crate::finding::{
    Confidence, Cvss, Detail, Finding, FindingId, Kind, Location, Site, UseTier, VulnerabilityDetail,
};
use crate::fix::{self, NoReleases, Releases};
use crate::inventory::{Inventory, Manifest, Package, Role, Source};

/// Where each package is imported; `None` when nobody looked.
pub type Imports = BTreeMap<PackageName, Vec<Site>>;

/// Reasons named in a remark; the others are counted.
const NAMED: usize = 3;

/// What else is known about the packages.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// Where each is imported; `None` when nobody looked.
    pub imports: Option<&'a Imports>,
    /// The histories that are at hand, for packages pinned to a commit.
    pub ancestry: &'a dyn Ancestry,
    /// Which releases there are.
    pub releases: &'a dyn Releases,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The problems.
    pub findings: Vec<Finding>,
    /// Remarks: what the commit that a package is pinned to clears it of.
    pub diagnostics: Vec<Diagnostic>,
    /// By package, the ids of advisories that a commit might decide, were the repository's history at hand.
    pub undecided: BTreeMap<PackageName, BTreeSet<String>>,
}

/// The findings of [`find_with`] where nothing but the imports is known.
///
/// # Errors
/// When the index is damaged.
pub fn find(inventory: &Inventory, index: &AdvisoryIndex, imports: Option<&Imports>) -> Result<Vec<Finding>, Damaged> {
    let around = Around { imports, ancestry: &NoHistory, releases: &NoReleases };
    find_with(inventory, index, &around).map(|found| found.findings)
}

/// Matches every package that has an exact version, or a commit, and is no source tree of the repository itself; what a manifest and its
/// lockfile both say comes once, see [`Inventory::matchable`].
///
/// # Errors
/// When the index is damaged.
pub fn find_with(inventory: &Inventory, index: &AdvisoryIndex, around: &Around<'_>) -> Result<Found, Damaged> {
    let mut found = Found::default();
    for (manifest, packages) in by_manifest(inventory) {
        let mut matching = Matching { inventory, manifest, index, around, seen: BTreeSet::new(), ids: BTreeSet::new() };
        for package in packages {
            matching.package(package, &mut found)?;
        }
    }
    Ok(found)
}

/// The matchable packages of each manifest, lowest version first, so that of several forks it is always the lowest that keeps the
/// plain identity.
fn by_manifest(inventory: &Inventory) -> Vec<(&Manifest, Vec<&Package>)> {
    let mut manifests: Vec<(&Manifest, Vec<&Package>)> = Vec::new();
    let unversioned = inventory.manifests.iter().flat_map(|manifest| {
        let pinned = manifest.packages.iter().filter(|package| package.version.is_none() && pin(package).is_some());
        pinned.map(move |package| (manifest, package))
    });
    let mut asked: Vec<(&Manifest, &Package)> = inventory.matchable().into_iter().chain(unversioned).collect();
    asked.sort_by_key(|(manifest, _)| &manifest.path);
    for (manifest, package) in asked {
        match manifests.last_mut() {
            Some((last, packages)) if last.path == manifest.path => packages.push(package),
            _ => manifests.push((manifest, vec![package])),
        }
    }
    for (_, packages) in &mut manifests {
        packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    }
    manifests
}

/// The commit that a package is taken from.
fn pin(package: &Package) -> Option<Pin<'_>> {
    match &package.source {
        Source::Git { url, commit: Some(commit), .. } => Some(Pin { url, commit }),
        _ => None,
    }
}

struct Matching<'a> {
    inventory: &'a Inventory,
    manifest: &'a Manifest,
    index: &'a AdvisoryIndex,
    around: &'a Around<'a>,
    /// (package, version, source) already answered: a lock may have one release several times, by platform.
    seen: BTreeSet<(PackageName, Option<Version>, Option<String>)>,
    ids: BTreeSet<FindingId>,
}

impl Matching<'_> {
    fn package(&mut self, package: &Package, all: &mut Found) -> Result<(), Damaged> {
        let pin = pin(package);
        let commit = pin.map(|pin| pin.commit.to_owned());
        if !self.seen.insert((package.name.clone(), package.version.clone(), commit)) {
            return Ok(());
        }
        let matches = match (pin, &package.version) {
            (Some(pin), version) => {
                let said = self.index.matches_pinned(&package.name, version.as_ref(), &pin, self.around.ancestry)?;
                all.diagnostics.extend(self.cleared(package, &said.cleared));
                all.undecided.entry(package.name.clone()).or_default().extend(said.open);
                said.matches
            }
            (None, Some(version)) => self.index.matches(&package.name, version)?,
            (None, None) => Vec::new(),
        };
        if matches.is_empty() {
            return Ok(());
        }
        let fix =
            fix::of(&self.inventory.manifests, self.manifest, package, &matches, self.index, self.around.releases)?;
        for found in matches {
            let mut finding = self.finding(package, found);
            if let Detail::Vulnerability(detail) = &mut finding.detail
                && finding.kind == Kind::Vulnerability
            {
                detail.fix.clone_from(&fix);
            }
            all.findings.push(finding);
        }
        Ok(())
    }

    /// That a version has advisories which the commit does not have is not left unsaid.
    fn cleared(&self, package: &Package, why: &[String]) -> Option<Diagnostic> {
        let (named, more) =
            (why.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>(), why.len().saturating_sub(NAMED));
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let reason = format!("{}: not reported by its version: {}{more}", package.name, named.join("; "));
        let path = package.declared_in.clone().unwrap_or_else(|| self.manifest.path.clone());
        let said = Diagnostic::remark(Stage::Advisories, path, reason);
        (!why.is_empty()).then(|| package.line.map_or(said.clone(), |line| said.at(line, None)))
    }

    fn finding(&mut self, package: &Package, found: Match) -> Finding {
        let kind = if found.malicious { Kind::Malicious } else { Kind::Vulnerability };
        let (confidence, doubt) = confidence(self.manifest, package);
        let mut evidence = found.evidence;
        evidence.extend(doubt);
        evidence.extend(found.severity_source.map(|source| format!("severity by {source}")));
        Finding {
            id: self.identity(kind, package, &found.canonical),
            kind,
            severity: found.severity,
            confidence,
            title: match &package.version {
                Some(version) if self.would_resolve() => {
                    format!("would resolve to {} {version}: {}", package.name, found.title)
                }
                _ => found.title,
            },
            rule: found.canonical.clone(),
            location: Location {
                path: Some(package.declared_in.clone().unwrap_or_else(|| self.manifest.path.clone())),
                line: package.line,
                ..Location::default()
            },
            detail: Detail::Vulnerability(Box::new(VulnerabilityDetail {
                package: package.name.clone(),
                version: package.version.clone(),
                advisory: found.canonical,
                aliases: found.ids,
                fixed_versions: found.fixed_versions,
                fix: None,
                cvss: found.cvss.map(|rating| Cvss {
                    score: rating.score,
                    vector: rating.vector,
                    version: rating.version,
                }),
                epss: found.epss,
                kev: found.kev,
                used: UseTier::Unknown,
                symbols_at: Vec::new(),
                imported_at: self.around.imports.map(|imports| imports.get(&package.name).cloned().unwrap_or_default()),
                would_resolve: self.would_resolve(),
                direct: package.direct,
                main: package.main || (package.groups.is_empty() && package.extras.is_empty()),
                via: package.via.clone(),
                evidence,
                affected_symbols: found.symbols,
                references: found.references,
            })),
            ignored: None,
        }
    }

    /// Manifest, package, canonical advisory; of several affected versions in one manifest all but the lowest add their
    /// version.
    fn identity(&mut self, kind: Kind, package: &Package, canonical: &str) -> FindingId {
        let mut parts = vec![self.manifest.path.as_str(), package.name.as_str(), canonical];
        if self.would_resolve() {
            parts.push("would resolve to");
        }
        let id = FindingId::of(kind, &parts);
        if self.ids.insert(id.clone()) {
            return id;
        }
        let version =
            package.version.as_ref().map_or_else(|| pin(package).map_or("", |pin| pin.commit), Version::as_str);
        parts.push(version);
        FindingId::of(kind, &parts)
    }

    fn would_resolve(&self) -> bool {
        self.manifest.role == Role::Resolved
    }
}

/// A package that is not from the default index shares a name with the advisory's package, and perhaps no more.
fn confidence(manifest: &Manifest, package: &Package) -> (Confidence, Option<String>) {
    let by_name = |place: &str| format!("taken from {place}: matched by name and version alone");
    if package.unsatisfiable {
        return (Confidence::Low, Some("no environment satisfies the marker it stands under".to_owned()));
    }
    if manifest.role == Role::Resolved {
        let doubt = "what the range would resolve to today; no lockfile fixes it".to_owned();
        return (Confidence::Medium, Some(doubt));
    }
    match &package.source {
        Source::Index { url: None } if manifest.role == Role::Constraints => {
            (Confidence::Medium, Some("a constraint, which installs nothing by itself".to_owned()))
        }
        Source::Index { url: None } => (Confidence::High, None),
        Source::Index { url: Some(url) } | Source::Url { url } => (Confidence::Medium, Some(by_name(url))),
        Source::Git { url, .. } => (Confidence::Medium, Some(format!("taken from {url}, not from the index"))),
        Source::Path { path, .. } | Source::Editable { path } => (Confidence::Medium, Some(by_name(path))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Format;

    const ADVISORIES: &[u8] = br#"[
      {"id": "PYSEC-1", "modified": "2026-01-01T00:00:00Z", "published": "2026-01-01T00:00:00Z", "aliases": ["CVE-1"],
       "affected": [{"package": {"ecosystem": "PyPI", "name": "Lib"},
                     "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.5"}]}]}]},
      {"id": "GHSA-1", "modified": "2026-01-01T00:00:00Z", "published": "2026-01-02T00:00:00Z", "aliases": ["CVE-1"],
       "affected": [{"package": {"ecosystem": "PyPI", "name": "lib"},
                     "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.6"}]}]}]},
      {"id": "PYSEC-2", "modified": "2026-01-01T00:00:00Z",
       "affected": [{"package": {"ecosystem": "PyPI", "name": "lib"},
                     "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1.6"}, {"fixed": "1.8"}]}]}]},
      {"id": "MAL-1", "modified": "2026-01-01T00:00:00Z",
       "affected": [{"package": {"ecosystem": "PyPI", "name": "evil"}, "versions": ["1.0"]}]}
    ]"#;

    fn index() -> AdvisoryIndex {
        advisories::load::load_bytes(ADVISORIES, std::path::Path::new("test.json"), "2026-11-24T00:00:00Z").unwrap()
    }

    fn package(name: &str, version: Option<&str>, source: Source) -> Package {
        let mut package = Package::new(name.parse().unwrap(), source);
        package.version = version.map(Version::new);
        package
    }

    fn found(manifest: &Manifest) -> Vec<Finding> {
        let inventory = Inventory { manifests: vec![manifest.clone()], diagnostics: Vec::new() };
        find(&inventory, &index(), None).unwrap()
    }

    fn manifest(packages: Vec<Package>) -> Manifest {
        let mut manifest = Manifest::new("uv.lock", Format::Uv, Role::Locked);
        manifest.packages = packages;
        manifest
    }

    #[test]
    fn what_a_commit_clears_is_a_remark_and_what_it_leaves_open_is_known() {
        let json = br#"[
          {"id": "PYSEC-9", "aliases": ["CVE-9"], "modified": "2026-01-01T00:00:00Z",
           "affected": [{"package": {"ecosystem": "PyPI", "name": "pinned"}, "ranges": [
             {"type": "GIT", "repo": "https://h.example.org/pinned", "events": [{"introduced": "0"}, {"fixed": "cccccccccccccccccccccccccccccccccccccccc"}]},
             {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}]}]}]"#;
        let index =
            advisories::load::load_bytes(json, std::path::Path::new("test.json"), "2026-11-24T00:00:00Z").unwrap();
        let found = |commit: &str, version: &str| {
            let source = Source::Git {
                url: "https://h.example.org/pinned.git".to_owned(),
                reference: None,
                commit: Some(commit.repeat(40)),
                subdirectory: None,
            };
            let mut pinned = package("pinned", Some(version), source);
            pinned.line = Some(7);
            let inventory = Inventory { manifests: vec![manifest(vec![pinned])], diagnostics: Vec::new() };
            let around = Around { imports: None, ancestry: &NoHistory, releases: &NoReleases };
            find_with(&inventory, &index, &around).unwrap()
        };
        // (commit, version, findings, the remark)
        let cases = [
            (
                "c",
                "1.0",
                0,
                Some("pinned: not reported by its version: the commit cccccccccc is the one that fixes PYSEC-9"),
            ),
            // the version is none that the advisory names: there is nothing to say
            ("c", "2.0", 0, None),
            ("d", "1.0", 1, None),
        ];
        for (commit, version, findings, remark) in cases {
            let found = found(commit, version);
            let said = found.diagnostics.first();
            assert_eq!(
                (found.findings.len(), said.map(|said| said.reason.as_str())),
                (findings, remark),
                "{commit} {version}"
            );
            assert!(said.is_none_or(|said| !said.gap && said.line == Some(7)));
            let open = found.undecided.values().flatten().any(|id| id == "CVE-9");
            assert_eq!(open, commit == "d", "{commit}");
        }
    }

    #[test]
    fn aliases_are_one_finding_and_the_fix_clears_what_it_leads_into() {
        let findings = found(&manifest(vec![package("lib", Some("1.2"), Source::DEFAULT_INDEX)]));
        assert_eq!(findings.len(), 1);
        let Detail::Vulnerability(detail) = &findings[0].detail else { panic!() };
        assert_eq!(detail.aliases, ["CVE-1", "GHSA-1", "PYSEC-1"]);
        // 1.6 ends the interval, and is itself affected by PYSEC-2
        assert_eq!(detail.fix.as_ref().map(|fix| fix.version.as_str()), Some("1.8"));
    }

    #[test]
    fn what_is_matched_and_how_sure() {
        let url = || "https://packages.example.org/simple".to_owned();
        let cases = [
            ("default index", package("lib", Some("1.2"), Source::DEFAULT_INDEX), Some(Confidence::High)),
            ("own index", package("lib", Some("1.2"), Source::Index { url: Some(url()) }), Some(Confidence::Medium)),
            ("archive", package("lib", Some("1.2"), Source::Url { url: url() }), Some(Confidence::Medium)),
            ("own tree", package("lib", Some("1.2"), Source::Editable { path: ".".to_owned() }), None),
            ("no version", package("lib", None, Source::DEFAULT_INDEX), None),
            ("fixed", package("lib", Some("1.8"), Source::DEFAULT_INDEX), None),
        ];
        for (name, package, expected) in cases {
            let findings = found(&manifest(vec![package]));
            assert_eq!(findings.first().map(|finding| finding.confidence), expected, "{name}");
        }
    }

    #[test]
    fn forks_are_told_apart_and_platform_copies_are_not() {
        let copy = |version| package("lib", Some(version), Source::DEFAULT_INDEX);
        let both = found(&manifest(vec![copy("1.3"), copy("1.2"), copy("1.2")]));
        assert_eq!(both.len(), 2);
        assert_ne!(both[0].id, both[1].id);
        assert_eq!(both[0].id, found(&manifest(vec![copy("1.4")]))[0].id, "a new version is the same problem");
    }

    #[test]
    fn what_would_be_resolved_is_told_apart_from_facts() {
        let facts = manifest(vec![package("lib", Some("1.2"), Source::DEFAULT_INDEX)]);
        let would = Manifest { role: Role::Resolved, ..facts.clone() };
        let (fact, would) = (&found(&facts)[0], &found(&would)[0]);
        assert_ne!(fact.id, would.id);
        assert!(would.title.starts_with("would resolve to lib 1.2: ") && !fact.title.contains("would resolve"));
        let Detail::Vulnerability(detail) = &would.detail else { panic!() };
        assert!(detail.would_resolve && detail.evidence.iter().any(|line| line.contains("no lockfile")));
        assert_eq!(would.confidence, Confidence::Medium);
    }

    #[test]
    fn a_package_that_is_never_installed_is_shown_with_low_confidence() {
        let mut never = package("lib", Some("1.2"), Source::DEFAULT_INDEX);
        never.unsatisfiable = true;
        assert_eq!(found(&manifest(vec![never]))[0].confidence, Confidence::Low);
    }

    #[test]
    fn malicious_is_its_own_kind_and_has_no_fix() {
        let findings = found(&manifest(vec![package("evil", Some("1.0"), Source::DEFAULT_INDEX)]));
        assert_eq!((findings[0].kind, findings[0].severity), (Kind::Malicious, advisories::Severity::Critical));
        let Detail::Vulnerability(detail) = &findings[0].detail else { panic!() };
        assert_eq!(detail.fix, None);
    }
}
