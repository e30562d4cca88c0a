//! A policy as it is written down: one layer, of the server, an organisation, a repository or a command line.
//!
//! ```toml
//! [policy]
//! fail-on = "medium"             # low, medium, high, critical, none
//! new-only = true                # the gate judges what the merge base has not
//! grace-days = 7                 # so long a vulnerability may stand open before it fails
//! kev = "critical"               # listed by CISA as exploited: at least this
//! epss = { from = 0.5, severity = "high" }
//! dev = "low"                    # only groups and extras bring the package: at most this
//! not-imported = "medium"        # nothing imports the package: at most this
//! max-feed-age = "3d"            # with older advisories the answer is incomplete
//! stricter-wins = true           # the layers below may tighten this one and not loosen it
//!
//! [policy.kinds]
//! secret = "low"
//! unused = "none"
//! ```

use std::collections::BTreeMap;

use advisories::Severity;
use serde::{Deserialize, Serialize};

use super::threshold::Threshold;
use crate::finding::Kind;
use crate::freshness::MaxAge;

/// One layer; what it does not say is left to the others.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct PolicyLayer {
    /// From which severity on a finding fails.
    pub fail_on: Option<Threshold>,
    /// The same for one kind of finding, which goes before `fail-on`.
    pub kinds: BTreeMap<Kind, Threshold>,
    /// Only what the merge base has not is judged.
    pub new_only: Option<bool>,
    /// How many days a vulnerability may stand open before it fails. Secrets and malicious packages have no such days.
    pub grace_days: Option<u16>,
    /// A vulnerability that CISA lists as exploited counts as at least this.
    pub kev: Option<Severity>,
    /// A vulnerability that is likely to be exploited counts as at least this.
    pub epss: Option<EpssRaise>,
    /// A vulnerability of a package that only groups and extras bring counts as at most this.
    pub dev: Option<Severity>,
    /// A vulnerability of a package that nothing imports counts as at most this.
    pub not_imported: Option<Severity>,
    /// Advisories older than this make an answer incomplete.
    pub max_feed_age: Option<MaxAge>,
    /// The layers that follow may only tighten what this one and those before it say.
    pub stricter_wins: bool,
}

/// From which EPSS probability on a vulnerability is raised, and to what.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpssRaise {
    /// 0 to 1.
    pub from: f64,
    /// At least this.
    pub severity: Severity,
}
