//! Writes the offline table `scanner/src/usage/well_known.tsv` from a package index: `well_known_table DATE < names`, one name a line.
//! The index is `PIP_INDEX_URL`, or the public one. Two or three small requests a package, one package after the other.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io::BufRead;

use advisories::PackageName;
use scanner::package_index::{PackageIndex, Settings, wait};
use scanner::usage::index_names::distribution;
use scanner::usage::modules::format_row;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let date = std::env::args().nth(1).ok_or("usage: well_known_table DATE < names")?;
    let address = std::env::var("PIP_INDEX_URL").unwrap_or_else(|_| Settings::PUBLIC.to_owned());
    let mut names = std::io::stdin().lock().lines().collect::<Result<Vec<_>, _>>()?;
    names.sort();
    names.dedup();
    let mut settings = Settings::new(address.parse()?);
    settings.cache = Some(std::env::temp_dir().join("secretarybird-usage-verdicts"));
    let index = PackageIndex::new(settings)?;
    println!(
        "# What well-known distributions provide, read from their newest wheels on {date} by scanner/examples/well_known_table.rs."
    );
    println!("# name\tmodules\tcommands\tentry point groups\trequires\textras");
    for name in names {
        let package = PackageName::new(name.trim())?;
        match wait(distribution(&index, &package, None))? {
            Ok(distribution) => println!("{}", format_row(&package, &distribution)),
            Err(error) => eprintln!("{package}: {error}"),
        }
    }
    Ok(())
}
