//! The plan of upgrades.

use std::fmt::Write as _;

use super::layout::{Style, painted, plural, without_controls, wrapped};
use crate::fix::plan::{FixPlan, Jump, Place, Step, Verification};

const INDENT: &str = "         ";

/// Every step with its places; then the commands of each manifest for all steps at once.
pub fn render(out: &mut String, plan: &FixPlan) {
    if plan.steps.is_empty() && plan.unfixed.is_empty() {
        return;
    }
    let clears: usize = plan.steps.iter().map(|step| step.clears.len()).sum();
    let (steps, clears) = (plural(plan.steps.len() as u64, "upgrade"), plural(clears as u64, "advisory"));
    let said = said_of(plan.verification);
    let _ = writeln!(out, "\n{}", painted(&format!("FIX PLAN ({steps} for {clears}{said})"), Style::Heading));
    for (number, step) in plan.steps.iter().enumerate() {
        wrapped(out, &format!("{:>3}. ", number + 1), &headline(step), Style::Plain);
        for place in &step.places {
            wrapped(out, INDENT, &where_and_who(place, plan), Style::Plain);
        }
    }
    for manifest in &plan.manifests {
        let said = said_of(manifest.verification);
        wrapped(out, "     ", &format!("all of {}{said}:", manifest.manifest), Style::Plain);
        for command in &manifest.commands {
            // whole on one line, to be copied
            let _ = writeln!(out, "{INDENT}{}", painted(&without_controls(command), Style::Good));
        }
        for note in &manifest.notes {
            wrapped(out, INDENT, note, Style::Plain);
        }
    }
    for unfixed in &plan.unfixed {
        let what = format!("{} in {}", unfixed.what(), unfixed.manifest);
        wrapped(
            out,
            "     ",
            &format!("{what}: {} ({})", unfixed.reason, unfixed.advisories.join(", ")),
            Style::Medium,
        );
    }
}

fn headline(step: &Step) -> String {
    let jump = match step.jump {
        Jump::Patch => "patch",
        Jump::Minor => "minor",
        Jump::Major => "major",
    };
    let kev = if step.kev { ", exploited in the wild" } else { "" };
    let ids: Vec<&str> = step.clears.iter().map(String::as_str).collect();
    format!(
        "{} to {} ({jump}, {}{kev}) clears {}",
        step.package,
        step.version,
        step.severity.as_str(),
        super::some_of(&ids)
    )
}

fn said_of(verification: Verification) -> &'static str {
    match verification {
        Verification::NotTried => "",
        Verification::Resolves => ", resolves",
        Verification::DoesNotResolve => ", DOES NOT RESOLVE",
        Verification::CouldNotLook => ", whether it resolves could not be looked at",
    }
}

fn where_and_who(place: &Place, plan: &FixPlan) -> String {
    let mut text = format!("from {} in {}", place.from, place.manifest);
    if let Some(edit) = &place.edit {
        let line = edit.line.map_or_else(String::new, |line| format!(":{line}"));
        let _ = write!(text, ": write {} at {}{line}", edit.to, edit.path);
    }
    if !place.blocked_by.is_empty() {
        let _ = write!(text, "; blocked: {}", place.blocked_by.join("; "));
    }
    if let Some(note) = &place.note {
        let _ = write!(text, "; {note}");
    }
    text.push_str(said_of(place.verification));
    // what holds for the whole manifest is said there
    let said_there = |reason: &String| plan.manifests.iter().any(|manifest| manifest.notes.contains(reason));
    if let Some(reason) = place.verification_reason.as_ref().filter(|reason| !said_there(reason)) {
        let _ = write!(text, ": {reason}");
    }
    text
}
