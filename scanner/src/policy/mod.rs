//! What counts: ignores with reasons, VEX statements, and the policy that says which findings fail a gate.

mod ignore;
mod judge;
mod layer;
mod threshold;
pub mod vex;

use crate::finding::Finding;

pub use ignore::{Ignore, apply_ignores};
pub use judge::{Circumstances, Decision, Policy};
pub use layer::{EpssRaise, PolicyLayer};
pub use threshold::{Aspect, Threshold, UnknownWord};

/// The findings that violate a policy.
pub fn violations<'f>(
    findings: &'f [Finding],
    policy: &'f Policy,
    known: Circumstances,
) -> impl Iterator<Item = &'f Finding> {
    findings.iter().filter(move |finding| policy.judge(finding, known).fails)
}
