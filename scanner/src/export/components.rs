//! The inventory as a bill of materials sees it: one component a package release, over all manifests that have it.

use std::collections::{BTreeMap, BTreeSet};

use advisories::{PackageName, Version};
use packageurl::PackageUrl;

use crate::inventory::{Manifest, Package, Role, Source};
use crate::report::{Report, Target};

/// One package release (or one range, where nothing fixes the version) of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component<'r> {
    /// Unique in the document: the package URL, or `path:…` for a source tree of the repository's own.
    pub reference: String,
    /// The package URL; `None` for a source tree, which no index has.
    pub purl: Option<String>,
    /// Normalised by PEP 503.
    pub name: &'r PackageName,
    /// The exact version, where one is fixed.
    pub version: Option<&'r Version>,
    /// Ranges asked for where no version is fixed.
    pub specifiers: BTreeSet<&'r str>,
    /// Where it is taken from.
    pub source: &'r Source,
    /// `algorithm:digest`
    pub hashes: BTreeSet<&'r str>,
    /// The dependency groups that bring it.
    pub groups: BTreeSet<&'r str>,
    /// The project's extras that bring it.
    pub extras: BTreeSet<&'r str>,
    /// Needed at run time somewhere, not only by groups and extras.
    pub main: bool,
    /// Asked for by a project itself.
    pub direct: bool,
    /// Only what a resolver would choose, nowhere locked.
    pub resolved_only: bool,
    /// Where it stands: path and line.
    pub places: BTreeSet<(&'r str, Option<u32>)>,
    /// References of what it needs.
    pub dependencies: BTreeSet<String>,
}

/// All components, by reference.
#[must_use]
pub fn of(report: &Report) -> Vec<Component<'_>> {
    let mut components: BTreeMap<String, Component<'_>> = BTreeMap::new();
    for manifest in report.inventory.iter().filter(|manifest| manifest.role != Role::Constraints) {
        let locked = locked_names(report, manifest);
        let counted = |package: &&Package| package.version.is_some() || !locked.contains(&package.name);
        let packages: Vec<&Package> = manifest.packages.iter().filter(counted).collect();
        let mut by_name: BTreeMap<&PackageName, Vec<&Package>> = BTreeMap::new();
        for package in &packages {
            by_name.entry(&package.name).or_default().push(package);
        }
        for package in packages {
            let reference = reference(package);
            let component = components.entry(reference.clone()).or_insert_with(|| component(reference, package));
            component.add(manifest, package);
            for edge in &package.dependencies {
                let fits = |target: &&&Package| edge.version.is_none() || target.version == edge.version;
                let targets = by_name.get(&edge.name).into_iter().flatten().filter(fits);
                component.dependencies.extend(targets.map(|target| self::reference(target)));
            }
        }
    }
    components.into_values().collect()
}

/// What the lockfile of a manifest answers for: there a range says nothing more.
fn locked_names<'r>(report: &'r Report, manifest: &Manifest) -> BTreeSet<&'r PackageName> {
    let lock = manifest.locked_by.as_ref().and_then(|path| report.inventory.iter().find(|lock| lock.path == *path));
    lock.into_iter().flat_map(|lock| &lock.packages).map(|package| &package.name).collect()
}

fn component(reference: String, package: &Package) -> Component<'_> {
    Component {
        purl: Some(reference.clone()).filter(|_| !package.source.is_own_tree()),
        reference,
        name: &package.name,
        version: package.version.as_ref(),
        specifiers: BTreeSet::new(),
        source: &package.source,
        hashes: BTreeSet::new(),
        groups: BTreeSet::new(),
        extras: BTreeSet::new(),
        main: false,
        direct: false,
        resolved_only: true,
        places: BTreeSet::new(),
        dependencies: BTreeSet::new(),
    }
}

impl<'r> Component<'r> {
    fn add(&mut self, manifest: &'r Manifest, package: &'r Package) {
        if package.version.is_none() {
            self.specifiers.extend(package.specifier.as_deref());
        }
        self.hashes.extend(package.hashes.iter().map(String::as_str));
        self.groups.extend(package.groups.iter().map(String::as_str));
        self.extras.extend(package.extras.iter().map(String::as_str));
        self.main |= package.main;
        self.direct |= package.direct;
        self.resolved_only &= manifest.role == Role::Resolved;
        self.places.insert((package.declared_in.as_ref().unwrap_or(&manifest.path), package.line));
    }
}

/// The component that a finding's package is, by name and version; several where it comes from several places.
#[must_use]
pub fn named<'c>(
    components: &'c [Component<'_>],
    name: &PackageName,
    version: Option<&Version>,
) -> Vec<&'c Component<'c>> {
    let is_it = |component: &&Component<'_>| component.name == name && component.version == version;
    components.iter().filter(is_it).collect()
}

/// The reference of a package: its package URL, or the path of a source tree.
fn reference(package: &Package) -> String {
    match &package.source {
        Source::Editable { path } | Source::Path { path, directory: true } => format!("path:{path}#{}", package.name),
        _ => purl(package),
    }
}

/// <https://github.com/package-url/purl-spec>, types `pypi` and `conda`; what is not from the public index says so by the
/// qualifiers that the specification knows: `repository_url`, `vcs_url`, `download_url`.
fn purl(package: &Package) -> String {
    let (kind, qualifier) = match &package.source {
        Source::Index { url: None } | Source::Editable { .. } => ("pypi", None),
        Source::Index { url: Some(url) } => match url.strip_prefix("conda:") {
            Some(channel) => ("conda", Some(("channel", channel.to_owned()))),
            None => ("pypi", Some(("repository_url", url.clone()))),
        },
        Source::Git { url, commit, reference, .. } => {
            let revision = commit.as_ref().or(reference.as_ref());
            let revision = revision.map_or_else(String::new, |revision| format!("@{revision}"));
            ("pypi", Some(("vcs_url", format!("git+{}{revision}", url.trim_start_matches("git+")))))
        }
        Source::Url { url } => ("pypi", Some(("download_url", url.clone()))),
        Source::Path { path, .. } => ("pypi", Some(("file_name", path.clone()))),
    };
    let written = || {
        let mut purl = PackageUrl::new(kind, package.name.as_str())?;
        if let Some(version) = &package.version {
            purl.with_version(version.as_str().to_owned())?;
        }
        if let Some((key, value)) = qualifier {
            purl.add_qualifier(key, value)?;
        }
        Ok::<_, packageurl::Error>(purl.to_string())
    };
    // the library refuses odd types and keys only, and ours are fixed
    written().unwrap_or_else(|_| format!("pkg:{kind}/{}", package.name))
}

/// What the document is about: a name, the commit, and a stable text that stands for both.
#[must_use]
pub fn subject(report: &Report) -> (String, Option<&str>) {
    match &report.target {
        Target::Git { url, commit, .. } => (url.clone(), commit.as_deref()),
        Target::Directory { path, .. } => (path.clone(), None),
    }
}

/// When the scanned commit was made, RFC 3339 in UTC: documents of one commit are equal byte for byte, so the clock has no say.
/// A plain directory has no such time and gets the epoch, as reproducible builds do.
#[must_use]
pub fn time(report: &Report) -> &str {
    match &report.target {
        Target::Git { committed_at: Some(time), .. } => time,
        _ => "1970-01-01T00:00:00Z",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(source: Source) -> Package {
        let mut package = Package::new("A_b".parse().unwrap(), source);
        package.version = Some(Version::new("1.0+cu121"));
        package
    }

    #[test]
    fn package_urls_say_where_from() {
        let text = |text: &str| Some(text.to_owned());
        let git = Source::Git {
            url: "https://host.example/r.git".to_owned(),
            reference: text("main"),
            commit: text("00ff"),
            subdirectory: None,
        };
        let cases = [
            (Source::DEFAULT_INDEX, "pkg:pypi/a-b@1.0%2Bcu121"),
            (
                Source::Index { url: text("https://index.example/simple") },
                "pkg:pypi/a-b@1.0%2Bcu121?repository_url=https:%2F%2Findex.example%2Fsimple",
            ),
            (Source::Index { url: text("conda:conda-forge") }, "pkg:conda/a-b@1.0%2Bcu121?channel=conda-forge"),
            (git, "pkg:pypi/a-b@1.0%2Bcu121?vcs_url=git%2Bhttps:%2F%2Fhost.example%2Fr.git%4000ff"),
            (Source::Editable { path: "libs/a".to_owned() }, "path:libs/a#a-b"),
        ];
        for (source, expected) in cases {
            assert_eq!(reference(&package(source)), expected);
        }
    }
}
