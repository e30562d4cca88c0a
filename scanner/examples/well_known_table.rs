//! Widens the offline table from a package index: `well_known_table TABLE DATE < names`, one name a line. Names that the table has
//! already are left alone, unless `--again` asks for all of them once more; the new table goes to stdout.
//!
//! The index is `PIP_INDEX_URL`, or the public one. Two or three small requests a package, one package after the other.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

use advisories::PackageName;
use scanner::package_index::{PackageIndex, Settings, wait};
use scanner::usage::index_names::distribution;
use scanner::usage::modules::format_row;

/// The rows of a table by name, and the dates its header names.
fn read(table: &str) -> (BTreeMap<PackageName, String>, BTreeSet<String>) {
    let row = |line: &str| Some((PackageName::new(line.split('\t').next()?).ok()?, line.to_owned()));
    let rows = table.lines().filter(|line| !line.starts_with('#')).filter_map(row).collect();
    let header = table.lines().next().unwrap_or_default();
    let is_date = |word: &&str| word.len() == 10 && word.starts_with("20") && word.matches('-').count() == 2;
    (rows, header.split([' ', ',']).filter(is_date).map(str::to_owned).collect())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: well_known_table TABLE DATE [--again] < names";
    let (path, date) = arguments.next().zip(arguments.next()).ok_or(usage)?;
    let again = arguments.next().as_deref() == Some("--again");
    let (mut rows, mut dates) = read(&std::fs::read_to_string(path)?);
    let mut names = BTreeSet::new();
    for line in std::io::stdin().lock().lines() {
        names.insert(PackageName::new(line?.trim())?);
    }
    if again {
        names.extend(rows.keys().cloned());
    }
    let address = std::env::var("PIP_INDEX_URL").unwrap_or_else(|_| Settings::PUBLIC.to_owned());
    let mut settings = Settings::new(address.parse()?);
    settings.cache = Some(std::env::temp_dir().join("secretarybird-usage-verdicts"));
    let index = PackageIndex::new(settings)?;
    for package in names.into_iter().filter(|package| again || !rows.contains_key(package)).collect::<Vec<_>>() {
        match wait(distribution(&index, &package, None))? {
            Ok(distribution) => {
                rows.insert(package.clone(), format_row(&package, &distribution));
                dates.insert(date.clone());
            }
            Err(error) => eprintln!("{package}: {error}"),
        }
    }
    let dates = dates.into_iter().collect::<Vec<_>>().join(", ");
    println!(
        "# What well-known distributions provide, read from their newest files on {dates} by scanner/examples/well_known_table.rs."
    );
    println!("# name\tmodules\tcommands\tentry point groups\trequires\textras");
    rows.values().for_each(|row| println!("{row}"));
    Ok(())
}
