//! The report for a terminal: grouped, coloured, within 80 columns, its last line says what to do first.
//!
//! Colours are ANSI sequences; whoever writes to something that is no terminal strips them (`anstream` does).

mod advice;
mod layout;
mod plan;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use advisories::Severity;

use super::wording::imported;
use crate::finding::{Confidence, Detail, Finding, Kind, SecretDetail, UsageDetail, VulnerabilityDetail};
use crate::freshness;
use crate::report::{FeedUsed, Report, Target};
use layout::{Style, painted, plural, wrapped};

/// How many places or ids of one finding are named before the rest is counted.
const NAMED: usize = 3;

/// Writes the whole report.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    header(&mut out, report);
    vulnerable_packages(&mut out, report);
    secrets(&mut out, report);
    usage(&mut out, report);
    posture(&mut out, report);
    plan::render(&mut out, &report.fix_plan);
    ignored(&mut out, report);
    diagnostics(&mut out, report);
    out.push('\n');
    let _ = writeln!(out, "{}", painted(&advice::first_step(report), Style::Strong));
    out
}

fn header(out: &mut String, report: &Report) {
    let (what, commit) = match &report.target {
        Target::Git { url, commit, .. } => (url, commit.as_deref()),
        Target::Directory { path, .. } => (path, None),
    };
    let commit = commit.map_or_else(String::new, |commit| format!(" at {}", short(commit)));
    wrapped(out, "", &format!("{what}{commit}"), Style::Strong);
    let stats = &report.stats;
    let mut line = format!(
        "{}, {}, {}",
        plural(stats.files, "file"),
        plural(report.inventory.len() as u64, "manifest"),
        plural(stats.packages, "package")
    );
    if stats.blobs > 0 {
        let _ =
            write!(line, ", {} read for secrets ({})", plural(stats.blobs, "blob"), layout::bytes(stats.blob_bytes));
    }
    wrapped(out, "", &line, Style::Plain);
    let advisories = &report.advisories;
    if let Some(source) = &advisories.source {
        let newest = advisories.modified.as_deref().map_or("no date", |time| time.get(..10).unwrap_or(time));
        let line = format!("{}, newest of {newest}, from {source}", plural(advisories.records, "advisory record"));
        wrapped(out, "", &line, Style::Plain);
    }
    let ages: Vec<String> = advisories.feeds.iter().filter_map(age).collect();
    if !ages.is_empty() {
        wrapped(out, "", &format!("feeds: {}", ages.join(", ")), Style::Plain);
    }
}

/// A feed and its age; what a command line named has none but its newest record, which stands above.
fn age(used: &FeedUsed) -> Option<String> {
    let failed = if used.feed.error.is_some() { ", renewing it failed" } else { "" };
    let age = match used.age_seconds {
        Some(age) => format!("{} old", freshness::span(age)),
        None => "of unknown age".to_owned(),
    };
    (used.feed.kind != "given").then(|| format!("{} {age}{failed}", used.feed.kind))
}

fn counted<'a>(report: &'a Report, kinds: &'a [Kind]) -> impl Iterator<Item = &'a Finding> {
    report.findings.iter().filter(|finding| finding.ignored.is_none() && kinds.contains(&finding.kind))
}

fn heading(out: &mut String, title: &str, count: usize) {
    if count > 0 {
        let _ = writeln!(out, "\n{}", painted(&format!("{title} ({count})"), Style::Heading));
    }
}

/// Severity, title and place; the place goes to a line of its own where it does not fit beside the title.
fn headline(out: &mut String, finding: &Finding, title: &str) {
    let place = layout::without_controls(&place(finding));
    let title = layout::without_controls(title);
    let fits = 9 + title.chars().count() + 2 + place.chars().count() <= layout::WIDTH;
    let title = painted(&title, Style::Strong);
    let between = if fits { "  " } else { "\n         " };
    let _ = writeln!(out, "{} {title}{between}{place}", label(finding));
}

fn label(finding: &Finding) -> String {
    let (word, style) = match finding.severity {
        Severity::Critical => ("critical", Style::Critical),
        Severity::High => ("high", Style::High),
        Severity::Medium => ("medium", Style::Medium),
        Severity::Low => ("low", Style::Low),
        Severity::None => ("none", Style::Low),
        Severity::Unknown => ("unrated", Style::Low),
    };
    painted(&format!("{word:<8}"), style)
}

/// One block a package in a manifest: the worst first, since the report's findings are sorted so.
fn vulnerable_packages(out: &mut String, report: &Report) {
    for (title, kinds) in [
        ("MALICIOUS PACKAGES", &[Kind::Malicious][..]),
        ("VULNERABLE PACKAGES", &[Kind::Vulnerability]),
        ("YANKED RELEASES", &[Kind::Yanked]),
    ] {
        let mut order = Vec::new();
        let mut packages: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for finding in counted(report, kinds) {
            let Detail::Vulnerability(detail) = &finding.detail else { continue };
            let key = (finding.location.path.as_deref(), &detail.package, &detail.version);
            let block = packages.entry(key).or_default();
            if block.is_empty() {
                order.push(key);
            }
            block.push((finding, &**detail));
        }
        heading(out, title, order.len());
        for block in order.iter().filter_map(|key| packages.get(key)) {
            package(out, block);
        }
    }
}

fn package(out: &mut String, block: &[(&Finding, &VulnerabilityDetail)]) {
    let Some((worst, detail)) = block.first() else { return };
    let version = detail.version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
    headline(out, worst, &format!("{}{version}", detail.package));
    let mut why = vec![if detail.direct { "direct".to_owned() } else { via(detail) }];
    why.extend(imported(detail));
    wrapped(out, "         ", &why.join(", "), Style::Plain);
    for (finding, detail) in block {
        advisory(out, finding, detail);
    }
    let fix = detail.fix.as_ref().map_or_else(
        || "no fixed version is known".to_owned(),
        |fix| match (fix.allowed_by_constraints, fix.blocked_by.as_slice()) {
            (_, [_, ..]) => format!("fix: {} (blocked by {})", fix.version, fix.blocked_by.join("; ")),
            (Some(false), []) => format!("fix: {} (outside the project's own constraint)", fix.version),
            (_, []) => format!("fix: {} {}", detail.package, fix.version),
        },
    );
    wrapped(out, "         ", &fix, Style::Good);
}

fn advisory(out: &mut String, finding: &Finding, detail: &VulnerabilityDetail) {
    let others: Vec<_> = detail.aliases.iter().filter(|id| **id != detail.advisory).map(String::as_str).collect();
    let mut line = detail.advisory.clone();
    if !others.is_empty() {
        let _ = write!(line, " ({})", some_of(&others));
    }
    if let Some(cvss) = &detail.cvss {
        let _ = write!(line, " CVSS {:.1}", cvss.score);
    }
    if detail.kev == Some(true) {
        line.push_str(", exploited in the wild (KEV)");
    }
    if let Some(epss) = detail.epss {
        let _ = write!(line, ", EPSS {:.1}%", epss * 100.0);
    }
    let _ = write!(line, ": {}", finding.title);
    wrapped(out, "         - ", &line, Style::Plain);
    for used in &detail.symbols_at {
        if let Some(first) = used.sites.first() {
            let text = format!("affected {} is referred to at {}:{}", used.symbol, first.path, first.line);
            wrapped(out, "           ", &text, Style::Plain);
        }
    }
}

fn via(detail: &VulnerabilityDetail) -> String {
    detail.via.first().map_or_else(
        || "transitive".to_owned(),
        |path| format!("via {}", path.iter().map(ToString::to_string).collect::<Vec<_>>().join(" > ")),
    )
}

fn some_of(items: &[&str]) -> String {
    let mut text = items[..items.len().min(NAMED)].join(", ");
    if items.len() > NAMED {
        let _ = write!(text, " and {} more", items.len() - NAMED);
    }
    text
}

fn secrets(out: &mut String, report: &Report) {
    heading(out, "SECRETS", counted(report, &[Kind::Secret]).count());
    for finding in counted(report, &[Kind::Secret]) {
        let Detail::Secret(detail) = &finding.detail else { continue };
        headline(out, finding, &finding.title);
        let sure = if finding.confidence == Confidence::Low { ", low confidence" } else { "" };
        wrapped(out, "         ", &format!("{}{sure}", detail.redacted), Style::Plain);
        wrapped(out, "         ", &exposure(detail), Style::Plain);
        if let Some(remedy) = &detail.remedy {
            wrapped(out, "         ", remedy, Style::Good);
        }
    }
}

fn exposure(detail: &SecretDetail) -> String {
    let mut text = String::new();
    if let Some(first) = detail.occurrences.first()
        && let (Some(commit), Some(author)) = (&first.commit, &first.author)
    {
        let day = first.time.as_deref().map_or("", |time| time.get(..10).unwrap_or(time));
        let _ = write!(text, "since {day} in {} by {author}, ", short(commit));
    }
    text.push_str(if detail.in_head { "still in the tree" } else { "gone from the tree, still in the history" });
    if detail.occurrences.len() > 1 {
        let _ = write!(text, ", {}", plural(detail.occurrences.len() as u64, "occurrence"));
    }
    text
}

fn usage(out: &mut String, report: &Report) {
    for (title, kind) in [
        ("UNUSED DEPENDENCIES", Kind::Unused),
        ("MISSING DEPENDENCIES", Kind::Missing),
        ("TRANSITIVE DEPENDENCIES", Kind::Transitive),
        ("MISPLACED DEPENDENCIES", Kind::Misplaced),
    ] {
        let kinds = [kind];
        heading(out, title, counted(report, &kinds).count());
        for finding in counted(report, &kinds) {
            let Detail::Usage(detail) = &finding.detail else { continue };
            usage_finding(out, finding, detail);
        }
    }
}

fn usage_finding(out: &mut String, finding: &Finding, detail: &UsageDetail) {
    let class = detail.usage_class.and_then(|class| serde_json::to_value(class).ok());
    let class =
        class.as_ref().and_then(serde_json::Value::as_str).map_or_else(String::new, |word| format!(" ({word})"));
    headline(out, finding, &format!("{}{class}", detail.package));
    wrapped(out, "         ", &detail.evidence.join("; "), Style::Plain);
    if let Some(remedy) = &detail.remedy {
        wrapped(out, "         ", remedy, Style::Good);
    }
}

fn posture(out: &mut String, report: &Report) {
    heading(out, "POSTURE", counted(report, &[Kind::Posture]).count());
    for finding in counted(report, &[Kind::Posture]) {
        headline(out, finding, &finding.title);
        if let Detail::Posture(detail) = &finding.detail {
            wrapped(out, "         ", &detail.evidence.join("; "), Style::Plain);
        }
    }
}

fn ignored(out: &mut String, report: &Report) {
    let mut by: BTreeMap<&str, u64> = BTreeMap::new();
    for mark in report.findings.iter().filter_map(|finding| finding.ignored.as_ref()) {
        *by.entry(mark.by.as_str()).or_default() += 1;
    }
    if !by.is_empty() {
        let parts: Vec<_> = by.iter().map(|(who, count)| format!("{count} by {who}")).collect();
        let _ = writeln!(out);
        wrapped(out, "", &format!("ignored: {}", parts.join(", ")), Style::Low);
    }
}

fn diagnostics(out: &mut String, report: &Report) {
    for (title, gap) in [("NOT LOOKED AT", true), ("REMARKS", false)] {
        let said: Vec<_> = report.diagnostics.iter().filter(|diagnostic| diagnostic.gap == gap).collect();
        heading(out, title, said.len());
        for diagnostic in said {
            let mut line = String::new();
            if let Some(path) = &diagnostic.path {
                line.push_str(path);
                for number in [diagnostic.line, diagnostic.column].into_iter().flatten() {
                    let _ = write!(line, ":{number}");
                }
                line.push_str(": ");
            }
            line.push_str(&diagnostic.reason);
            wrapped(out, "- ", &line, if gap { Style::Medium } else { Style::Plain });
        }
    }
}

fn place(finding: &Finding) -> String {
    let location = &finding.location;
    let mut text = location.path.clone().unwrap_or_default();
    if let Some(cell) = location.cell {
        let _ = write!(text, " cell {cell}");
    }
    if let Some(line) = location.line {
        let _ = write!(text, ":{line}");
    }
    text
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

#[cfg(test)]
mod tests;
