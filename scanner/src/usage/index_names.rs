//! Import names as the package index has them: a wheel's own file list, else the metadata beside it, over the offline table.

use std::collections::{BTreeMap, BTreeSet};

use advisories::{PackageName, Version};
use tokio::task::JoinSet;
use url::Url;

use super::modules::{Distribution, Knowledge, ModuleNames, WellKnown, unlisted};
use super::wheel;
use crate::diagnostic::{Diagnostic, Stage};
use crate::inventory::{Inventory, Source};
use crate::package_index::{CoreMetadata, File, IndexError, PackageIndex, wait};

/// Packages named in a remark; the others are counted.
const NAMED: usize = 5;
const NO_FILE: &str = "the index has no file of them that tells";

/// Distributions read from an index, over the offline table for the rest.
#[derive(Debug, Clone, Default)]
pub struct IndexNames {
    known: BTreeMap<PackageName, Distribution>,
    /// What could not be read; the offline table or the name stands in, and the confidence says so.
    pub diagnostics: Vec<Diagnostic>,
}

impl ModuleNames for IndexNames {
    fn distribution(&self, package: &PackageName, version: Option<&Version>) -> Distribution {
        self.known.get(package).cloned().unwrap_or_else(|| WellKnown.distribution(package, version))
    }

    fn providers(&self, module: &str) -> Vec<PackageName> {
        let known = self.known.iter().filter(|(_, distribution)| distribution.provides(module));
        let mut names: Vec<_> = known.map(|(name, _)| name.clone()).collect();
        names.extend(WellKnown.providers(module));
        names
    }
}

impl IndexNames {
    /// Reads what the packages that somebody declared provide, and those of the others that `affected` names and the table lacks.
    /// Blocks; meant for a scan.
    pub fn of_inventory(
        index: &PackageIndex,
        inventory: &Inventory,
        affected: impl Fn(&PackageName, &Version) -> bool,
    ) -> Self {
        match wait(Self::read(index, wanted(inventory, index.url(), affected))) {
            Ok(names) => names,
            Err(error) => {
                let reason = format!("import names not read from the package index: {error}");
                Self { diagnostics: vec![Diagnostic::remark(Stage::Usage, None, reason)], ..Self::default() }
            }
        }
    }

    /// Reads what the wanted packages provide, some at a time.
    pub async fn read(index: &PackageIndex, wanted: impl IntoIterator<Item = (PackageName, Option<Version>)>) -> Self {
        let mut asked = JoinSet::new();
        for (package, version) in wanted {
            let index = index.clone();
            asked.spawn(async move {
                let answer = distribution(&index, &package, version.as_ref()).await;
                (package, answer)
            });
        }
        let mut names = Self::default();
        let mut failed: BTreeMap<String, BTreeSet<PackageName>> = BTreeMap::new();
        for (package, answer) in asked.join_all().await {
            match answer {
                Ok(mut distribution) => {
                    let unlisted = unlisted(&package).iter().map(|module| (*module).to_owned());
                    distribution.modules.extend(unlisted);
                    names.known.insert(package, distribution);
                }
                // the offline table answers, as the network was switched off: every verdict says so
                Err(IndexError::Offline { .. }) => {}
                Err(error) if error.is_absent() && WellKnown.knows(&package) => {}
                Err(error) => {
                    let reason = if error.is_absent() { NO_FILE.to_owned() } else { error.reason() };
                    failed.entry(reason).or_default().insert(package);
                }
            }
        }
        names.diagnostics = failed.into_iter().map(|(reason, packages)| remark(&reason, &packages)).collect();
        names
    }
}

/// Which packages are asked for: those that a manifest names directly, at the version that a manifest fixes; and others that an
/// advisory concerns and the table lacks. One that comes from elsewhere (git, a path, another index) has its name from there, so that
/// this index would answer about another package, and would learn of it.
fn wanted(
    inventory: &Inventory,
    index: &Url,
    affected: impl Fn(&PackageName, &Version) -> bool,
) -> BTreeMap<PackageName, Option<Version>> {
    let (mut wanted, mut elsewhere) = (BTreeMap::new(), BTreeSet::new());
    for package in inventory.manifests.iter().flat_map(|manifest| &manifest.packages) {
        if !is_of(&package.source, index) {
            elsewhere.insert(&package.name);
            continue;
        }
        let concerns = || package.version.as_ref().is_some_and(|version| affected(&package.name, version));
        if package.direct || !WellKnown.knows(&package.name) && concerns() {
            wanted.entry(package.name.clone()).or_insert(None);
        }
    }
    for package in inventory.manifests.iter().flat_map(|manifest| &manifest.packages) {
        if let (Some(version), Some(known)) = (&package.version, wanted.get_mut(&package.name)) {
            known.get_or_insert_with(|| version.clone());
        }
    }
    wanted.retain(|name, _| !elsewhere.contains(name));
    wanted
}

/// True for what this index, or the public one that it stands for, has published.
fn is_of(source: &Source, index: &Url) -> bool {
    let Source::Index { url } = source else { return false };
    let host = url.as_deref().and_then(|url| Some(Url::parse(url).ok()?.host_str()?.to_owned()));
    match (url, host) {
        (None, _) => true,
        (Some(_), Some(host)) => {
            index.host_str() == Some(host.as_str()) || host == "pypi.org" || host == "pypi.python.org"
        }
        (Some(_), None) => false,
    }
}

/// What one package provides: by the wheel of the wanted version or of the newest one; where that cannot be read, by the metadata
/// beside it, over the offline table.
///
/// # Errors
/// [`IndexError`]; absent when the index has no wheel of it.
pub async fn distribution(
    index: &PackageIndex,
    package: &PackageName,
    version: Option<&Version>,
) -> Result<Distribution, IndexError> {
    let project = index.listing(package, version).await?;
    let Some(file) = project.wheel(version) else {
        let sdist =
            project.sdist(version).ok_or_else(|| IndexError::Absent { what: format!("readable file of {package}") })?;
        let read = wheel::distribution(&index.contents(sdist).await?);
        return Ok(Distribution { knowledge: Knowledge::Sdist, ..read });
    };
    match index.contents(file).await {
        Ok(contents) => Ok(wheel::distribution(&contents)),
        // offline the metadata may have been kept where the file itself was not to be read
        Err(IndexError::Malformed { .. } | IndexError::Offline { .. }) => by_metadata(index, package, file).await,
        Err(error) => Err(error),
    }
}

async fn by_metadata(index: &PackageIndex, package: &PackageName, file: &File) -> Result<Distribution, IndexError> {
    let metadata: CoreMetadata = index.metadata(file).await?;
    let (requires, extras) = wheel::requirements(&metadata);
    let stands_in = WellKnown.distribution(package, None);
    Ok(match metadata.import_names.as_slice() {
        [] => Distribution { requires, extras, ..stands_in },
        names => {
            Distribution { modules: names.to_vec(), requires, extras, knowledge: Knowledge::Metadata, ..stands_in }
        }
    })
}

fn remark(reason: &str, packages: &BTreeSet<PackageName>) -> Diagnostic {
    let named: Vec<&str> = packages.iter().take(NAMED).map(PackageName::as_str).collect();
    let more = packages.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let reason = format!(
        "import names not read from the package index ({reason}); the offline table or the names stand in for: {}{more}",
        named.join(", ")
    );
    Diagnostic::remark(Stage::Usage, None, reason)
}
