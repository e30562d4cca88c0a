//! An advisory for a terminal of 80 columns.

use advisories::range::{Event, Range, RangeKind};
use advisories::signals::Signals;
use advisories::{Advisory, Affected, Version};

const WIDTH: usize = 80;
const INDENT: &str = "             ";

/// The records that have the id, or have it as an alias, one after the other.
pub fn text(records: &[Advisory], signals: &Signals) -> String {
    records.iter().map(|record| one(record, signals)).collect::<Vec<_>>().join("\n")
}

fn one(record: &Advisory, signals: &Signals) -> String {
    let mut out = String::new();
    let title = if record.summary.is_empty() { String::new() } else { format!(" {}", record.summary) };
    out.push_str(&wrapped("", &format!("{}{title}", record.id), ""));
    if let Some(time) = &record.withdrawn {
        field(&mut out, "Withdrawn", &format!("{time}: its source took it back; it matches nothing"));
    }
    if !record.aliases.is_empty() {
        field(&mut out, "Also", &record.aliases.join(", "));
    }
    field(&mut out, "Severity", &severity(record));
    for line in exploited(record, signals) {
        field(&mut out, "Exploited", &line);
    }
    for affected in &record.affected {
        package(&mut out, affected);
    }
    if !record.cwes.is_empty() {
        field(&mut out, "Weakness", &record.cwes.join(", "));
    }
    let time = |time: &Option<String>| time.as_deref().and_then(|time| time.get(..10)).unwrap_or("unknown").to_owned();
    field(&mut out, "Published", &format!("{}, last modified {}", time(&record.published), time(&record.modified)));
    if !record.details.trim().is_empty() {
        out.push('\n');
        for paragraph in record.details.trim().lines() {
            out.push_str(&wrapped("  ", paragraph, "  "));
        }
    }
    if !record.references.is_empty() {
        out.push_str("\nLinks\n");
        for link in &record.references {
            out.push_str(&format!("  {}\n", printable(link)));
        }
    }
    out
}

fn severity(record: &Advisory) -> String {
    let level = record.severity().as_str();
    if record.is_malicious() {
        return format!("{level}: the package was made to do harm");
    }
    let vectors = record
        .ratings
        .iter()
        .map(|rating| format!("{:.1} by CVSS {} ({})", rating.score, rating.version, rating.vector));
    let mut said: Vec<String> = vectors.collect();
    said.extend(record.word.map(|word| format!("its source says {}", word.as_str())));
    if said.is_empty() { format!("{level}: no source rates it") } else { format!("{level}: {}", said.join("; ")) }
}

fn exploited(record: &Advisory, signals: &Signals) -> Vec<String> {
    let ids = || record.aliases.iter().chain([&record.id]);
    let listed = signals
        .kev
        .iter()
        .flat_map(|kev| ids().filter_map(|id| Some(format!("{id}: listed by CISA since {}", kev.get(id)?))));
    let likely = signals.epss.iter().flat_map(|scores| {
        ids().filter_map(|id| Some(format!("{id}: {:.1}% likely within 30 days (EPSS)", scores.get(id)? * 100.0)))
    });
    listed.chain(likely).collect()
}

fn package(out: &mut String, affected: &Affected) {
    let name = affected.package.as_ref().map_or("(commits only)", |name| name.as_str());
    let ranges: Vec<String> =
        affected.ranges.iter().filter(|range| range.kind != RangeKind::Git).map(spelled).collect();
    let mut said = if ranges.is_empty() { name.to_owned() } else { format!("{name} {}", ranges.join(" or ")) };
    if !affected.versions.is_empty() {
        let mut versions: Vec<Version> = affected.versions.iter().map(|text| Version::new(text)).collect();
        versions.sort();
        let count = versions.len();
        let list: Vec<&str> = versions.iter().map(Version::as_str).collect();
        match (list.first(), list.last()) {
            (Some(first), Some(last)) if count > 8 => {
                said.push_str(&format!(" ({count} versions listed, {first} to {last})"))
            }
            _ => said.push_str(&format!(" (versions listed: {})", list.join(", "))),
        }
    }
    field(out, "Affects", &said);
    let mut fixed: Vec<Version> = Vec::new();
    for event in affected.ranges.iter().filter(|range| range.kind != RangeKind::Git).flat_map(|range| &range.events) {
        if let Event::Fixed(text) = event {
            fixed.push(Version::new(text));
        }
    }
    fixed.sort();
    fixed.dedup();
    let list: Vec<&str> = fixed.iter().map(Version::as_str).collect();
    field(out, "Fixed in", &if list.is_empty() { "no fixed version is named".to_owned() } else { list.join(", ") });
    if !affected.symbols.is_empty() {
        field(out, "Functions", &affected.symbols.join(", "));
    }
}

/// `>=1.0,<1.5` for each pair of events.
fn spelled(range: &Range) -> String {
    let intervals = advisories::range::intervals(range);
    let spelled = intervals.iter().map(|interval| {
        let start = if interval.start.key.is_empty() { String::new() } else { format!(">={}", interval.start.text) };
        let end = match &interval.end {
            advisories::range::End::Open => String::new(),
            advisories::range::End::Fixed(end) | advisories::range::End::Limit(end) => format!("<{}", end.text),
            advisories::range::End::LastAffected(end) => format!("<={}", end.text),
        };
        match (start.is_empty(), end.is_empty()) {
            (true, true) => "every version".to_owned(),
            (false, false) => format!("{start},{end}"),
            _ => format!("{start}{end}"),
        }
    });
    spelled.collect::<Vec<_>>().join(" or ")
}

fn field(out: &mut String, name: &str, text: &str) {
    out.push_str(&wrapped(&format!("  {name:<11}"), text, INDENT));
}

/// Breaks a text at spaces. A word longer than a line stays whole, so that links can be followed.
fn wrapped(first: &str, text: &str, indent: &str) -> String {
    let mut out = first.to_owned();
    let mut column = first.chars().count();
    let mut begun = false;
    for word in printable(text).split_whitespace() {
        let length = word.chars().count();
        if begun && column + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(indent);
            column = indent.chars().count();
        } else if begun {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
        begun = true;
    }
    out.push('\n');
    out
}

/// Without control characters: a feed's text does not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_well_in_eighty_columns_and_steers_no_terminal() {
        let json = r###"{"id":"PYSEC-2024-1","aliases":["CVE-2024-1"],"summary":"A path may leave \u001b[31m the directory","details":"## Words\n\nwords words words words words words words words words words words words words words words words",
            "published":"2024-01-02T00:00:00Z","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"}],
            "affected":[{"package":{"ecosystem":"PyPI","name":"a"},"versions":["9.1"],"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.5"},{"introduced":"2.0"},{"last_affected":"2.3"}]}]}],
            "references":[{"url":"https://example.org/a"}]}"###;
        let record = advisories::osv::read(json.as_bytes()).unwrap().advisory;
        let signals = Signals { kev: Some([("CVE-2024-1".to_owned(), "2024-03-01".to_owned())].into()), epss: None };
        let shown = text(&[record], &signals);
        assert!(shown.lines().all(|line| line.chars().count() <= WIDTH), "{shown}");
        assert!(!shown.contains('\u{1b}'));
        for part in [
            "PYSEC-2024-1 A path",
            "medium: 6.1 by CVSS 3.1",
            "a <1.5 or >=2.0,<=2.3",
            "(versions listed: 9.1)",
            "Fixed in   1.5",
            "listed by CISA since 2024-03-01",
            "https://example.org/a",
        ] {
            assert!(shown.contains(part), "{part:?} in\n{shown}");
        }
    }
}
