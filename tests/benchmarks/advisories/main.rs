//! The index: built from the archive, opened as a snapshot, asked, and matched again after a delta. One core; prints the figures
//! and their ratios.
//!
//! `cargo bench -p advisories --bench advisories`

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark that cannot go on stops, and prints")]

use std::path::Path;
use std::time::{Duration, Instant};

use advisories::range::Event;
use advisories::{AdvisoryIndex, Delta, PackageName, Version, load, load::read_records, snapshot};

fn main() {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/advisories/pypi-all.zip");
    if !archive.exists() {
        println!("the archive is not there: nothing measured");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(&archive).unwrap();
    let texts = members(&bytes);
    let parsing = best(3, || texts.iter().filter(|text| advisories::osv::read(text).is_ok()).count());
    let building = best(3, || load(&archive, "2026-01-01T00:00:00Z").unwrap().records());
    let index = load(&archive, "2026-01-01T00:00:00Z").unwrap();
    let file = folder.path().join("x.snapshot");
    snapshot::write(&index, &file).unwrap();
    let opening = best(9, || snapshot::open(&file).unwrap().records());
    println!("records                      {}", index.records());
    println!("parsing the JSON             {parsing:?} (inflated before, one thread)");
    println!("index from the archive       {building:?} (inflating, parsing, compressing)");
    println!(
        "opening the snapshot         {opening:?}, {:.2}% of parsing ({} bytes, target under 5%)",
        percent(opening, parsing),
        std::fs::metadata(&file).unwrap().len()
    );
    let first = best(5, || {
        let index = snapshot::open(&file).unwrap();
        index.matches(&"django".parse().unwrap(), &Version::new("3.2.1")).unwrap().len()
    });
    println!("opening, and one whole answer {first:?}, {:.2}% of parsing", percent(first, parsing));
    let index = snapshot::open(&file).unwrap();
    matching(&index);
    rematching(&bytes, &index);
}

fn members(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    (0..archive.len())
        .map(|at| {
            let mut text = Vec::new();
            std::io::Read::read_to_end(&mut archive.by_index(at).unwrap(), &mut text).unwrap();
            text
        })
        .collect()
}

/// An inventory's mix: one package in ten has advisories, at versions spread over its releases.
fn matching(index: &AdvisoryIndex) {
    let mut known: Vec<(PackageName, Version)> = Vec::new();
    for number in 0..index.records() {
        let record = index.record(u32::try_from(number).unwrap()).unwrap();
        for affected in record.affected.iter().filter(|_| !record.is_malicious()) {
            let Some(name) = &affected.package else { continue };
            let fixed = affected.ranges.iter().flat_map(|range| &range.events);
            let fixed =
                fixed.filter_map(|event| if let Event::Fixed(text) = event { Some(text.as_str()) } else { None });
            known.extend(fixed.take(1).map(|text| (name.clone(), Version::new(text))));
        }
    }
    let unknown = (0..known.len() * 9).map(|at| (format!("package-{at}").parse().unwrap(), Version::new("1.2.3")));
    let mixed: Vec<(PackageName, Version)> = known.iter().cloned().chain(unknown).collect();
    for (what, pairs) in [("mixed, 1 in 10 has advisories", &mixed), ("every one has advisories", &known)] {
        let took = best(5, || pairs.iter().map(|(name, version)| index.affecting(name, version).len()).sum());
        println!(
            "look-ups a second            {:.2} million ({what}, target 1 million)",
            pairs.len() as f64 / took.as_secs_f64() / 1e6
        );
    }
    let texts: Vec<(String, String)> =
        mixed.iter().map(|(name, version)| (name.to_string(), version.to_string())).collect();
    let took = best(5, || {
        let asked = texts.iter().map(|(name, version)| (PackageName::new(name).unwrap(), Version::new(version)));
        asked.map(|(name, version)| index.affecting(&name, &version).len()).sum()
    });
    println!("from text, parsing included  {:.2} million", texts.len() as f64 / took.as_secs_f64() / 1e6);
}

fn rematching(bytes: &[u8], new: &AdvisoryIndex) {
    let mut records = read_records(bytes, "x", &|_| true).unwrap().advisories;
    records.sort_by(|a, b| a.published.cmp(&b.published));
    let pysec: Vec<String> =
        records.iter().rev().filter(|it| !it.is_malicious()).take(100).map(|it| it.id.clone()).collect();
    records.retain(|record| !pysec.contains(&record.id));
    let old = AdvisoryIndex::build(records, new.signals(), Vec::new(), "x", "x");
    let delta = Delta::between(&old, new);
    let names: Vec<PackageName> = new.packages().collect();
    let pick = |at: usize| -> (PackageName, Version) {
        let name = if at.is_multiple_of(10) {
            names[at * 7919 % names.len()].clone()
        } else {
            format!("own-{}", at % 40_000).parse().unwrap()
        };
        (name, Version::new(["1.0", "2.31.0", "4.2.1"][at % 3]))
    };
    let stored: Vec<Vec<(PackageName, Version)>> =
        (0..10_000).map(|one| (0..250).map(|at| pick(one * 251 + at)).collect()).collect();
    let mut hits = 0;
    let took = best(3, || {
        hits = stored
            .iter()
            .flatten()
            .filter(|(name, _)| delta.touches(name))
            .map(|(name, version)| new.affecting(name, version).len())
            .sum();
        hits
    });
    println!(
        "re-matching                  {took:?} (10,000 inventories of 250, delta of {} records, {hits} hits)",
        pysec.len()
    );
}

fn best(times: usize, mut work: impl FnMut() -> usize) -> Duration {
    let once = |work: &mut dyn FnMut() -> usize| {
        let start = Instant::now();
        std::hint::black_box(work());
        start.elapsed()
    };
    (0..times).map(|_| once(&mut work)).min().unwrap()
}

fn percent(part: Duration, whole: Duration) -> f64 {
    100.0 * part.as_secs_f64() / whole.as_secs_f64()
}
