//! An advisory for a terminal of 80 columns.

use std::collections::BTreeSet;

use advisories::range::{Event, Range, RangeKind};
use advisories::signals::Signals;
use advisories::{Advisory, Affected, Severity, Version};
use anstyle::{AnsiColor, Style};

const INDENT: &str = "             ";

/// The records that have the id, or have it as an alias, one after the other, in lines of at most `width` columns. Colours are ANSI
/// sequences, which whoever writes to no terminal strips.
pub fn text(records: &[Advisory], signals: &Signals, width: usize) -> String {
    records.iter().map(|record| one(record, signals, width)).collect::<Vec<_>>().join("\n")
}

/// The terminal's width within what reads well; 80 where the output is no terminal.
pub fn width() -> usize {
    let columns = terminal_size::terminal_size().map_or(80, |(columns, _)| usize::from(columns.0));
    columns.clamp(40, 100)
}

fn one(record: &Advisory, signals: &Signals, width: usize) -> String {
    let mut out = String::new();
    let title = if record.summary.is_empty() { String::new() } else { format!(" {}", record.summary) };
    let head = wrapped("", &format!("{}{title}", record.id), "", width);
    out.push_str(&painted(&head, &record.id, Style::new().bold()));
    if let Some(time) = &record.withdrawn {
        let said = format!("{}: its source took it back; it matches nothing", time.trim_matches('"'));
        let mut line = String::new();
        field(&mut line, "Withdrawn", &said, width);
        out.push_str(&painted(&line, "Withdrawn", AnsiColor::Yellow.on_default()));
    }
    if !record.aliases.is_empty() {
        field(&mut out, "Also", &record.aliases.join(", "), width);
    }
    let mut line = String::new();
    field(&mut line, "Severity", &severity(record), width);
    out.push_str(&painted(&line, record.severity().as_str(), colour(record.severity())));
    for line in exploited(record, signals) {
        field(&mut out, "Exploited", &line, width);
    }
    for affected in &record.affected {
        package(&mut out, affected, record.is_malicious(), width);
    }
    if !record.cwes.is_empty() {
        field(&mut out, "Weakness", &record.cwes.join(", "), width);
    }
    let time = |time: &Option<String>| time.as_deref().and_then(|time| time.get(..10)).unwrap_or("unknown").to_owned();
    let times = format!("{}, last modified {}", time(&record.published), time(&record.modified));
    field(&mut out, "Published", &times, width);
    details(&mut out, &record.details, width);
    if !record.references.is_empty() {
        out.push_str("\nLinks\n");
        let mut seen = BTreeSet::new();
        for link in record.references.iter().filter(|link| seen.insert(link.as_str())) {
            out.push_str(&format!("  {}\n", printable(link)));
        }
    }
    out
}

/// Markdown as its source wrote it, wrapped; code keeps its lines.
fn details(out: &mut String, text: &str, width: usize) {
    let mut code = false;
    let mut gap = true;
    for line in text.trim().lines() {
        if line.trim().is_empty() {
            gap = true;
            continue;
        }
        if std::mem::take(&mut gap) {
            out.push('\n');
        }
        let fence = line.trim_start().starts_with("```");
        if code || fence {
            out.push_str(&format!("  {}\n", printable(line.trim_end())));
        } else {
            let item = line.trim_start().starts_with(['-', '*']) && line.trim_start()[1..].starts_with(' ');
            out.push_str(&wrapped("  ", line, if item { "    " } else { "  " }, width));
        }
        code ^= fence;
    }
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

fn colour(severity: Severity) -> Style {
    match severity {
        Severity::Critical => AnsiColor::Red.on_default().bold(),
        Severity::High => AnsiColor::Red.on_default(),
        Severity::Medium => AnsiColor::Yellow.on_default(),
        Severity::Low | Severity::None | Severity::Unknown => Style::new(),
    }
}

/// The lines with the first occurrence of a word in its style. What is wrapped is painted afterwards: colours have no width.
fn painted(lines: &str, word: &str, style: Style) -> String {
    lines.replacen(word, &format!("{style}{word}{style:#}"), 1)
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

fn package(out: &mut String, affected: &Affected, malicious: bool, width: usize) {
    let commits: Vec<&Range> = affected.ranges.iter().filter(|range| range.kind == RangeKind::Git).collect();
    if let Some(name) = &affected.package {
        let versions = affected.ranges.len() > commits.len() || !affected.versions.is_empty();
        let mut said = format!("{name} {}", if versions { affected.spelled() } else { "by commits only".to_owned() });
        if let Some(listed) = affected.listed().filter(|listed| !said.ends_with(listed.as_str())) {
            said.push_str(&format!(" ({listed})"));
        }
        field(out, "Affects", &said, width);
        let events =
            affected.ranges.iter().filter(|range| range.kind != RangeKind::Git).flat_map(|range| &range.events);
        let fixed =
            events.filter_map(|event| if let Event::Fixed(text) = event { Some(Version::new(text)) } else { None });
        let fixed: BTreeSet<Version> = fixed.collect();
        let list: Vec<&str> = fixed.iter().map(Version::as_str).collect();
        let said = match list.as_slice() {
            [] if malicious => "no version of it is to be trusted: remove it".to_owned(),
            [] => "no fixed version is named".to_owned(),
            list => list.join(", "),
        };
        field(out, "Fixed in", &said, width);
    }
    for range in commits {
        let events: Vec<String> = range.events.iter().map(commit).collect();
        field(out, "Commits", &format!("{}: {}", range.repo.as_deref().unwrap_or("unknown"), events.join(", ")), width);
    }
    if !affected.symbols.is_empty() {
        field(out, "Functions", &affected.symbols.join(", "), width);
    }
}

fn commit(event: &Event) -> String {
    let (what, id) = match event {
        Event::Introduced(id) if id == "0" => return "from the beginning".to_owned(),
        Event::Introduced(id) => ("introduced in", id),
        Event::Fixed(id) => ("fixed in", id),
        Event::LastAffected(id) => ("last affected", id),
        Event::Limit(id) => ("not beyond", id),
    };
    format!("{what} {}", id.get(..12).unwrap_or(id))
}

fn field(out: &mut String, name: &str, text: &str, width: usize) {
    out.push_str(&wrapped(&format!("  {name:<11}"), text, INDENT, width));
}

/// Breaks a text at spaces. A word longer than a line stays whole, so that links can be followed.
fn wrapped(first: &str, text: &str, indent: &str, width: usize) -> String {
    let mut out = first.to_owned();
    let mut column = first.chars().count();
    let mut begun = false;
    for word in printable(text).split_whitespace() {
        let length = word.chars().count();
        if begun && column + 1 + length > width {
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
    fn reads_well_in_any_width_and_steers_no_terminal() {
        let json = r###"{"id":"PYSEC-2024-1","aliases":["CVE-2024-1"],"summary":"A path may leave \u001b[31m the directory","details":"## Words\n\nwords words words words words words words words words words words words words words words words\n\n- one\n- two\n\n```\ncode  stays\n```",
            "published":"2024-01-02T00:00:00Z","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"}],
            "affected":[{"package":{"ecosystem":"PyPI","name":"a"},"versions":["9.1"],"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.5"},{"introduced":"2.0"},{"last_affected":"2.3"}]},
            {"type":"GIT","repo":"https://h.example.org/a","events":[{"introduced":"0123456789abcdef"},{"fixed":"fedcba9876543210"}]}]}],
            "references":[{"url":"https://example.org/a"},{"type":"WEB","url":"https://example.org/a"}]}"###;
        let record = advisories::osv::read(json.as_bytes()).unwrap().advisory;
        let signals = Signals { kev: Some([("CVE-2024-1".to_owned(), "2024-03-01".to_owned())].into()), epss: None };
        for width in [40, 80, 100] {
            let coloured = text(std::slice::from_ref(&record), &signals, width);
            assert!(coloured.starts_with("\u{1b}[1mPYSEC-2024-1\u{1b}[0m"), "{coloured}");
            assert!(!coloured.contains("\u{1b}[31m"), "the record's own sequence: {coloured}");
            let shown = anstream::adapter::strip_str(&coloured).to_string();
            assert!(shown.lines().all(|line| line.chars().count() <= width || line.contains("CVSS:3.1/")), "{shown}");
            let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
            for part in [
                "PYSEC-2024-1 A path",
                "medium: 6.1 by CVSS 3.1",
                "a <1.5 or >=2.0,<=2.3",
                "(versions listed: 9.1)",
                "Fixed in 1.5",
                "listed by CISA since 2024-03-01",
                "https://h.example.org/a: introduced in 0123456789ab, fixed in fedcba987654",
                "https://example.org/a",
            ] {
                assert!(flat.contains(part), "{part:?} in\n{shown}");
            }
            assert_eq!(shown.matches("https://example.org/a\n").count(), 1, "a link comes once:\n{shown}");
            assert!(shown.contains("\n  - one\n  - two\n"), "list items keep their lines:\n{shown}");
            assert!(shown.contains("\n  code  stays\n"), "{shown}");
        }
    }
}
