//! Prints the usage verdicts on a directory, one JSON object a line: `usage_verdicts DIRECTORY [--index]`. With `--index` the wheels of
//! the declared packages are asked for their import names at `PIP_INDEX_URL` or the public index; else the offline table answers.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::Path;

use scanner::inventory;
use scanner::repository::DirectorySnapshot;
use scanner::usage::index_names::{Index, IndexNames};
use scanner::usage::judge;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("usage: usage_verdicts DIRECTORY [--index]")?;
    let snapshot = DirectorySnapshot::open(Path::new(&directory))?;
    let inventory = inventory::read(&snapshot);
    let mut names = IndexNames::default();
    if arguments.next().as_deref() == Some("--index") {
        let base = std::env::var("PIP_INDEX_URL").unwrap_or_else(|_| "https://pypi.org/simple/".to_owned());
        let packages =
            inventory.manifests.iter().flat_map(|manifest| &manifest.packages).filter(|package| package.direct);
        let mut wanted: Vec<_> = packages.map(|package| (package.name.clone(), package.version.clone())).collect();
        wanted.sort();
        wanted.dedup_by(|left, right| left.0 == right.0);
        let cache = std::env::temp_dir().join("secretarybird-usage-verdicts");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        names = runtime.block_on(Index::new(url::Url::parse(&base)?, Some(cache))?.read(&wanted));
    }
    let started = std::time::Instant::now();
    let usage = judge(&snapshot, &inventory, &names);
    eprintln!("{} ms, {} remarks", started.elapsed().as_millis(), usage.diagnostics.len());
    for verdict in &usage.verdicts {
        println!("{}", serde_json::to_string(verdict)?);
    }
    Ok(())
}
