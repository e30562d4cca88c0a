//! Schemas of fields that take or give one of a few words, or text of one form.

use scanner::Kind;
use utoipa::openapi::Type;
use utoipa::openapi::schema::{Object, ObjectBuilder};

use crate::store::record::{FindingState, JobState};

fn words<'w>(words: impl IntoIterator<Item = &'w str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build()
}

fn form(pattern: &str) -> Object {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build()
}

/// Kinds of findings, the gravest first.
pub const KINDS: [Kind; 9] = [
    Kind::Malicious,
    Kind::Vulnerability,
    Kind::Yanked,
    Kind::Secret,
    Kind::Unused,
    Kind::Missing,
    Kind::Transitive,
    Kind::Misplaced,
    Kind::Posture,
];

/// The kind of a finding.
pub fn kind() -> Object {
    words(KINDS.map(Kind::as_str))
}

/// How bad a finding is.
pub fn severity() -> Object {
    words(["critical", "high", "medium", "low", "none", "unknown"])
}

/// From where on a finding fails.
pub fn threshold() -> Object {
    words(["low", "medium", "high", "critical", "none"])
}

/// Where a finding stands.
pub fn finding_state() -> Object {
    words(FindingState::ALL.map(FindingState::as_str))
}

/// What somebody can decide.
pub fn decision() -> Object {
    words(["accepted", "revoked", "open"])
}

/// Where a job stands.
pub fn job_state() -> Object {
    words(JobState::ALL.map(JobState::as_str))
}

/// A full commit id.
pub fn commit() -> Object {
    form("^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$")
}

/// A page's cursor.
pub fn cursor() -> Object {
    form("^[0-9a-f]{16,2000}$")
}

/// The name of a package.
pub fn package() -> Object {
    form("^[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$")
}

/// A moment, RFC 3339.
pub fn moment() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::DateTime)))
        .build()
}

/// The form of a report.
pub fn report_format() -> Object {
    words(scanner::export::Format::ALL.map(scanner::export::Format::as_str))
}
