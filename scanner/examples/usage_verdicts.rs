//! Prints the usage verdicts on a directory, one JSON object a line: `usage_verdicts DIRECTORY [--index]`. With `--index` the wheels of
//! the declared packages are asked for their import names at `PIP_INDEX_URL` or the public index; else the offline table answers.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::Path;

use scanner::inventory;
use scanner::package_index::{PackageIndex, Settings, wait};
use scanner::repository::DirectorySnapshot;
use scanner::usage::index_names::IndexNames;
use scanner::usage::judge;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("usage: usage_verdicts DIRECTORY [--index]")?;
    let snapshot = DirectorySnapshot::open(Path::new(&directory))?;
    let inventory = inventory::read(&snapshot);
    let mut names = IndexNames::default();
    if arguments.next().as_deref() == Some("--index") {
        let address = std::env::var("PIP_INDEX_URL").unwrap_or_else(|_| Settings::PUBLIC.to_owned());
        let mut settings = Settings::new(address.parse()?);
        settings.cache = Some(std::env::temp_dir().join("secretarybird-usage-verdicts"));
        let index = PackageIndex::new(settings)?;
        let packages =
            inventory.manifests.iter().flat_map(|manifest| &manifest.packages).filter(|package| package.direct);
        let mut wanted: Vec<_> = packages.map(|package| (package.name.clone(), package.version.clone())).collect();
        // of a package that several ask for, the one with a version
        wanted.sort_by(|left, right| right.cmp(left));
        wanted.dedup_by(|left, right| left.0 == right.0);
        names = wait(IndexNames::read(&index, wanted))?;
    }
    let started = std::time::Instant::now();
    let usage = judge(&snapshot, &inventory, &names);
    eprintln!("{} ms, {} remarks", started.elapsed().as_millis(), usage.diagnostics.len());
    for verdict in &usage.verdicts {
        println!("{}", serde_json::to_string(verdict)?);
    }
    Ok(())
}
