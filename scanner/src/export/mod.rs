//! A report in the forms that people and programs read.

pub mod annotations;
pub mod badge;
pub mod components;
pub mod csv;
pub mod cyclonedx;
pub mod gitlab;
pub mod json;
pub mod markdown;
pub mod openvex;
pub mod sarif;
pub mod spdx;
pub mod text;
mod wording;

use std::str::FromStr;

use crate::policy::UnknownWord;
use crate::report::Report;

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One object, the form that a baseline is read from.
    Json,
    /// One line a finding, diagnostic and manifest; the last line is the summary.
    JsonLines,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// CycloneDX 1.6: bill of materials with vulnerabilities.
    CycloneDx,
    /// The same as CycloneDX 1.7.
    CycloneDx17,
    /// SPDX 2.3: bill of materials.
    Spdx,
    /// OpenVEX 0.2.
    OpenVex,
    /// A table for a pull request.
    Markdown,
    /// Annotations of GitHub Actions.
    Github,
    /// One row a finding.
    Csv,
    /// An SVG for a README.
    Badge,
    /// GitLab's code-quality report.
    GitlabCodeQuality,
    /// GitLab's dependency-scanning report.
    GitlabDependencyScanning,
}

impl Format {
    /// All forms, in the order that help texts list them.
    pub const ALL: [Self; 14] = [
        Self::Text,
        Self::Json,
        Self::JsonLines,
        Self::Sarif,
        Self::CycloneDx,
        Self::CycloneDx17,
        Self::Spdx,
        Self::OpenVex,
        Self::Markdown,
        Self::Github,
        Self::Csv,
        Self::Badge,
        Self::GitlabCodeQuality,
        Self::GitlabDependencyScanning,
    ];

    /// The word it is asked for by.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::JsonLines => "jsonl",
            Self::Sarif => "sarif",
            Self::CycloneDx => "cyclonedx",
            Self::CycloneDx17 => "cyclonedx-1.7",
            Self::Spdx => "spdx",
            Self::OpenVex => "openvex",
            Self::Markdown => "markdown",
            Self::Github => "github",
            Self::Csv => "csv",
            Self::Badge => "badge",
            Self::GitlabCodeQuality => "gitlab-code-quality",
            Self::GitlabDependencyScanning => "gitlab-dependency-scanning",
        }
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Text | Self::Github => "text/plain; charset=utf-8",
            Self::Json => "application/json",
            Self::JsonLines => "application/x-ndjson",
            Self::Sarif => "application/sarif+json",
            Self::CycloneDx => "application/vnd.cyclonedx+json; version=1.6",
            Self::CycloneDx17 => "application/vnd.cyclonedx+json; version=1.7",
            Self::Spdx => "application/spdx+json",
            Self::OpenVex => "application/vex+json",
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Badge => "image/svg+xml",
            Self::GitlabCodeQuality => "application/vnd.gitlab.code-quality+json",
            Self::GitlabDependencyScanning => "application/vnd.gitlab.dependency-scanning+json",
        }
    }
}

impl FromStr for Format {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|format| format.as_str() == word).ok_or_else(|| {
            UnknownWord::new(
                word,
                "text, json, jsonl, sarif, cyclonedx, cyclonedx-1.7, spdx, openvex, markdown, github, csv, badge, gitlab-code-quality, gitlab-dependency-scanning",
            )
        })
    }
}

/// Writes the report in a form. Text for people has ANSI colours; whoever writes to no terminal strips them.
///
/// # Errors
/// When a value cannot be written as JSON, such as a number that is none.
pub fn render(report: &Report, format: Format) -> Result<String, serde_json::Error> {
    let document = |value: serde_json::Value| serde_json::to_string_pretty(&value).map(|text| text + "\n");
    match format {
        Format::Text => Ok(text::render(report)),
        Format::Json => json::object(report),
        Format::JsonLines => json::lines(report),
        Format::Sarif => document(sarif::render(report)),
        Format::CycloneDx => document(cyclonedx::render(report, cyclonedx::SpecVersion::V1_6)),
        Format::CycloneDx17 => document(cyclonedx::render(report, cyclonedx::SpecVersion::V1_7)),
        Format::Spdx => document(spdx::render(report)),
        Format::OpenVex => document(openvex::render(report)),
        Format::Markdown => Ok(markdown::render(report)),
        Format::Github => Ok(annotations::render(report)),
        Format::Csv => Ok(csv::render(report)),
        Format::Badge => Ok(badge::render(report)),
        Format::GitlabCodeQuality => document(gitlab::code_quality(report)),
        Format::GitlabDependencyScanning => document(gitlab::dependency_scanning(report)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_known_by_its_word() {
        for format in Format::ALL {
            assert_eq!(format.as_str().parse(), Ok(format));
        }
        let error = "pdf".parse::<Format>().unwrap_err().to_string();
        assert!(Format::ALL.iter().all(|format| error.contains(format.as_str())), "{error}");
    }
}
