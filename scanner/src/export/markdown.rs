//! Markdown for a pull-request comment or a job summary.

use std::fmt::Write as _;

use super::wording::{imports, place, remedy, subject, word};
use crate::fix::plan::{FixPlan, Verification};
use crate::report::{Report, Target};

/// A summary table of what counts; what was ignored is counted, what could not be looked at is listed.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = String::from("# Secretarybird\n\n");
    let (Target::Git { url: what, .. } | Target::Directory { path: what, .. }) = &report.target;
    let counted: Vec<_> = report.findings.iter().filter(|finding| finding.ignored.is_none()).collect();
    let ignored = report.findings.len() - counted.len();
    let _ = writeln!(out, "{}: {} findings, {ignored} ignored.\n", cell(what), counted.len());
    if !counted.is_empty() {
        out.push_str("| severity | kind | what | where | mend |\n|---|---|---|---|---|\n");
    }
    for finding in counted {
        let columns = [
            word(&finding.severity),
            finding.kind.to_string(),
            subject(finding) + &imports(finding).map_or_else(String::new, |imports| format!(", {imports}")),
            place(finding),
            remedy(finding).unwrap_or_default(),
        ];
        let _ = writeln!(out, "| {} |", columns.map(|column| cell(&column)).join(" | "));
    }
    plan(&mut out, &report.fix_plan);
    let gaps: Vec<_> = report.diagnostics.iter().filter(|diagnostic| diagnostic.gap).collect();
    if !gaps.is_empty() {
        out.push_str("\n## Not looked at\n\n");
    }
    for gap in gaps {
        let path = gap.path.as_deref().map_or_else(String::new, |path| format!("`{}`: ", path.replace('`', "'")));
        let _ = writeln!(out, "- {path}{}", cell(&gap.reason));
    }
    out
}

/// The upgrades in their order, and the commands of each manifest.
fn plan(out: &mut String, plan: &FixPlan) {
    if plan.steps.is_empty() && plan.unfixed.is_empty() {
        return;
    }
    out.push_str("\n## Fix plan\n\n");
    for (number, step) in plan.steps.iter().enumerate() {
        let places: Vec<String> =
            step.places.iter().map(|place| format!("{} (from {})", place.manifest, place.from)).collect();
        let what =
            format!("{} to {}, {}: {}", step.package, step.version, word(&step.severity), step.clears.join(", "));
        let _ = writeln!(out, "{}. {} in {}", number + 1, cell(&what), cell(&places.join(", ")));
        for blocked in step.places.iter().flat_map(|place| &place.blocked_by) {
            let _ = writeln!(out, "   - blocked: {}", cell(blocked));
        }
        for place in step.places.iter().filter(|place| place.verification == Verification::DoesNotResolve) {
            let reason = place.verification_reason.as_deref().unwrap_or_default();
            let _ = writeln!(out, "   - does not resolve in {}: {}", cell(&place.manifest), cell(reason));
        }
    }
    for manifest in &plan.manifests {
        let checked = match manifest.verification {
            Verification::NotTried => String::new(),
            verification => format!(" ({})", word(&verification).replace('_', " ")),
        };
        let _ = writeln!(out, "\n{}{checked}:", cell(&manifest.manifest));
        for note in &manifest.notes {
            let _ = writeln!(out, "- {}", cell(note));
        }
        if !manifest.commands.is_empty() {
            // indented code cannot be closed by what stands in it
            let commands =
                manifest.commands.iter().map(|command| format!("    {}\n", command.replace(char::is_control, " ")));
            let _ = write!(out, "\n{}", commands.collect::<String>());
        }
    }
    for unfixed in &plan.unfixed {
        let what = format!("{} in {}: {}", unfixed.what(), unfixed.manifest, unfixed.reason);
        let _ = writeln!(out, "\n- {} ({})", cell(&what), cell(&unfixed.advisories.join(", ")));
    }
}

/// Text from a repository must not become markup: a cell is one line without pipes, tags, links or mentions.
#[must_use]
pub fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' | '<' | '>' | '[' | ']' | '`' | '*' | '_' | '\\' | '!' | '#' => {
                out.push('\\');
                out.push(letter);
            }
            '@' => out.push_str("@\u{200b}"),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_repository_does_not_become_markup() {
        assert_eq!(cell("a|b <img> @team\n"), "a\\|b \\<img\\> @\u{200b}team ");
    }
}
