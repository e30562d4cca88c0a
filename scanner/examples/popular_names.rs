//! Writes `scanner/src/standing/popular.tsv`: `popular_names DATE FOLDER…`, each folder with one checkout (or `NAME@DATE`) of a public
//! repository in each of its directories. A name counts once for each repository that has it in a lockfile or as a pin from the default index.
#![allow(clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};

use scanner::inventory::{self, Source};
use scanner::repository::DirectorySnapshot;

/// In fewer repositories a name may be a slip itself.
const LEAST: usize = 2;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let date = arguments.next().ok_or("usage: popular_names DATE FOLDER…")?;
    let mut repositories = BTreeSet::new();
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for folder in arguments {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let directory = entry.file_name().to_string_lossy().into_owned();
            let repository = directory.split('@').next().unwrap_or_default().to_owned();
            repositories.insert(repository.clone());
            let inventory = inventory::read(&DirectorySnapshot::open(&entry.path())?);
            for (_, package) in inventory.matchable() {
                if package.source == Source::DEFAULT_INDEX {
                    names.entry(package.name.to_string()).or_default().insert(repository.clone());
                }
            }
        }
    }
    println!(
        "# How many of {} public repositories lock a package, made on {date} by scanner/examples/popular_names.rs.",
        repositories.len()
    );
    println!("# name\trepositories");
    for (name, repositories) in names.iter().filter(|(_, repositories)| repositories.len() >= LEAST) {
        println!("{name}\t{}", repositories.len());
    }
    Ok(())
}
