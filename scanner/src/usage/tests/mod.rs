//! Tables of cases: what a repository declares and holds, and what is said of it.

mod applications;
mod on_behalf;
mod robustness;
mod verdicts;
mod vulnerable_packages;
mod ways_of_use;

use advisories::PackageName;

use super::*;
use crate::finding::{Detail, Kind, UsageClass};
use crate::inventory::{Format, Manifest, Package, Role, Source};
use crate::repository::MemorySnapshot;

/// A requirements.txt at the root with these packages, one a line; `dev:x` stands in requirements-dev.txt.
fn inventory(declared: &[&str]) -> Inventory {
    let mut main = Manifest::new("requirements.txt", Format::Requirements, Role::Declared);
    let mut dev = Manifest::new("requirements-dev.txt", Format::Requirements, Role::Declared);
    for (at, name) in declared.iter().enumerate() {
        let (manifest, name) = match name.strip_prefix("dev:") {
            Some(name) => (&mut dev, name),
            None => (&mut main, *name),
        };
        let mut package = Package::new(PackageName::new(name).unwrap(), Source::DEFAULT_INDEX);
        package.direct = true;
        package.line = u32::try_from(at + 1).ok();
        manifest.packages.push(package);
    }
    Inventory { manifests: vec![dev, main], ..Inventory::default() }
}

type Verdict<N> = (Kind, N, Option<UsageClass>);
type Case = (&'static [&'static str], &'static [(&'static str, &'static str)], &'static [Verdict<&'static str>]);

fn verdicts(declared: &[&str], files: &[(&str, &str)]) -> Vec<Verdict<String>> {
    let snapshot = MemorySnapshot::new(files.iter().map(|(path, text)| (*path, *text)));
    let usage = judge(&snapshot, &inventory(declared), &WellKnown);
    let detail = |finding: &Finding| match &finding.detail {
        Detail::Usage(detail) => (finding.kind, detail.package.to_string(), detail.usage_class),
        other => panic!("{other:?}"),
    };
    usage.verdicts.iter().map(detail).collect()
}

fn is_unused(package: &str, files: &[(&str, &str)]) -> bool {
    // where there is no code at all nothing is judged
    let files = [files, &[("code.py", "print()")]].concat();
    verdicts(&[package], &files).iter().any(|(kind, name, _)| *kind == Kind::Unused && name == package)
}
