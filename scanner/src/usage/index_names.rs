//! Import names as the package index has them: a wheel's own file list, else the metadata beside it, over the offline table.

use std::collections::{BTreeMap, BTreeSet};

use advisories::{PackageName, Version};
use tokio::task::JoinSet;

use super::modules::{Distribution, Knowledge, ModuleNames, WellKnown};
use super::wheel;
use crate::diagnostic::{Diagnostic, Stage};
use crate::package_index::{CoreMetadata, File, IndexError, PackageIndex};

/// Packages named in a remark; the others are counted.
const NAMED: usize = 5;

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
                Ok(distribution) => {
                    names.known.insert(package, distribution);
                }
                Err(error) => {
                    failed.entry(why(&error)).or_default().insert(package);
                }
            }
        }
        names.diagnostics = failed.into_iter().map(|(reason, packages)| remark(&reason, &packages)).collect();
        names
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
    let file = project.wheel(version).ok_or_else(|| IndexError::Absent { what: format!("wheel of {package}") })?;
    match index.contents(file).await {
        Ok(contents) => Ok(wheel::distribution(&contents)),
        Err(IndexError::Malformed { .. }) => by_metadata(index, package, file).await,
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

/// The reason alone, so that packages that fail alike are told together.
fn why(error: &IndexError) -> String {
    match error {
        IndexError::Absent { .. } => "the index has no wheel of them".to_owned(),
        IndexError::Offline { .. } => "they are not in the cache, and the network is switched off".to_owned(),
        IndexError::Refused { status, .. } => format!("the index refused with status {status}; check its credentials"),
        IndexError::Unreachable { reason, .. } => format!("the index did not answer: {reason}"),
        IndexError::Malformed { reason, .. } => format!("the index's answer cannot be read: {reason}"),
    }
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
