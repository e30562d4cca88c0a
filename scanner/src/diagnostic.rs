//! What a scan could not look at, or wants to say about how it looked.

use serde::{Deserialize, Serialize};

/// The part of a scan that speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Cloning, refs, trees and blobs.
    Repository,
    /// Manifests and lockfiles.
    Inventory,
    /// The advisory feeds and matching.
    Advisories,
    /// What the package index says about packages.
    #[serde(rename = "package-index")]
    PackageIndex,
    /// Imports against declarations.
    Usage,
    /// Secrets in the tree and in history.
    Secrets,
    /// How the repository is set up.
    Posture,
    /// Policy, ignores and baselines.
    Policy,
}

/// One thing a stage did not understand: where, and why. Never contains a secret's plaintext.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The file, from the repository's root; `None` when it is about the whole.
    pub path: Option<String>,
    /// Who says so.
    pub stage: Stage,
    /// What was expected and what was there, in a sentence.
    pub reason: String,
    /// 1-based line in `path`, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// 1-based column, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// True when something could not be looked at, so that the report is incomplete; false for a remark.
    pub gap: bool,
}

impl Diagnostic {
    /// Something could not be looked at: the report is incomplete.
    pub fn gap(stage: Stage, path: impl Into<Option<String>>, reason: impl Into<String>) -> Self {
        // what is quoted of a repository must not steer a terminal
        let plain = |character: char| match character {
            '\n' | '\r' | '\t' => ' ',
            other if other.is_control() => char::REPLACEMENT_CHARACTER,
            other => other,
        };
        let reason = reason.into().chars().map(plain).collect();
        Self { path: path.into(), stage, reason, line: None, column: None, gap: true }
    }

    /// A remark that takes nothing from completeness.
    pub fn remark(stage: Stage, path: impl Into<Option<String>>, reason: impl Into<String>) -> Self {
        Self { gap: false, ..Self::gap(stage, path, reason) }
    }

    /// The same with its place in the file (1-based).
    #[must_use]
    pub fn at(mut self, line: u32, column: impl Into<Option<u32>>) -> Self {
        self.line = Some(line);
        self.column = column.into();
        self
    }
}
