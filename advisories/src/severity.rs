//! How bad an advisory is.

use serde::{Deserialize, Serialize};

/// A severity level, lowest first; `Unknown` is what no source rated, and sorts below `None` only so that the rated come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Not rated by any source.
    #[default]
    Unknown,
    /// Rated, and harmless.
    None,
    /// CVSS 0.1–3.9.
    Low,
    /// CVSS 4.0–6.9.
    Medium,
    /// CVSS 7.0–8.9.
    High,
    /// CVSS 9.0–10.0.
    Critical,
}

impl Severity {
    /// The word used in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// A source's own word (`MODERATE`, `Important`); `None` for a word that rates nothing.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "none" => Self::None,
            "low" | "negligible" => Self::Low,
            "medium" | "moderate" => Self::Medium,
            "high" | "important" => Self::High,
            "critical" => Self::Critical,
            _ => return None,
        })
    }
}

/// A CVSS vector and its base score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rating {
    /// 0.0 to 10.0, computed from the vector.
    pub score: f64,
    /// As published.
    pub vector: String,
    /// `2.0`, `3.0`, `3.1` or `4.0`.
    pub version: String,
}

impl Rating {
    /// Scores a vector of any CVSS version; version 2 may stand in parentheses or without prefix.
    ///
    /// # Errors
    /// What is wrong with the vector, in words.
    pub fn of(vector: &str) -> Result<Self, String> {
        let text = vector.trim().trim_start_matches('(').trim_end_matches(')');
        let parsed: cvss::Cvss =
            text.parse().map_err(|error| format!("CVSS vector `{}`: {error}", shortened(vector)))?;
        let (score, version) = match &parsed {
            cvss::Cvss::CvssV20(vector) => (vector.score().value(), "2.0"),
            cvss::Cvss::CvssV30(vector) => (vector.base_score().value(), "3.0"),
            cvss::Cvss::CvssV31(vector) => (vector.base_score().value(), "3.1"),
            other => (other.score(), "4.0"),
        };
        // the parser takes a vector without some of its base metrics, and scores it as harmless
        let base: &[&str] = match version {
            "2.0" => &["AV", "AC", "Au", "C", "I", "A"],
            "4.0" => &["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"],
            _ => &["AV", "AC", "PR", "UI", "S", "C", "I", "A"],
        };
        let has = |metric: &str| text.split('/').any(|part| part.split(':').next() == Some(metric));
        if let Some(missing) = base.iter().find(|metric| !has(metric)) {
            return Err(format!("CVSS vector `{}`: {missing} is missing", shortened(vector)));
        }
        Ok(Self { score, vector: vector.trim().to_owned(), version: version.to_owned() })
    }

    /// The level by the specification's table; version 2 knows no `critical`.
    #[must_use]
    pub fn level(&self) -> Severity {
        match self.score {
            score if score >= 9.0 && self.version != "2.0" => Severity::Critical,
            score if score >= 7.0 => Severity::High,
            score if score >= 4.0 => Severity::Medium,
            score if score > 0.0 => Severity::Low,
            _ if self.version == "2.0" => Severity::Low,
            _ => Severity::None,
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_scored_by_their_specification() {
        let cases = [
            // FIRST, CVSS v2 guide, section 3.3.1 (CVE-2002-0392) and 3.3.2 (CVE-2003-0818)
            ("AV:N/AC:L/Au:N/C:N/I:N/A:C", 7.8, "2.0", Severity::High),
            ("(AV:N/AC:L/Au:N/C:C/I:C/A:C)", 10.0, "2.0", Severity::High),
            // FIRST, CVSS v3.1 examples: CVE-2013-1937, CVE-2015-8252, and Log4Shell by NVD
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1, "3.1", Severity::Medium),
            ("CVSS:3.0/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L", 4.2, "3.0", Severity::Medium),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0, "3.1", Severity::Critical),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0, "3.1", Severity::None),
            // FIRST, CVSS v4 examples: CVE-2022-41741, CVE-2021-44228
            ("CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.3, "4.0", Severity::High),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 10.0, "4.0", Severity::Critical),
        ];
        for (vector, score, version, level) in cases {
            let rating = Rating::of(vector).unwrap();
            assert_eq!((rating.score, rating.version.as_str(), rating.level()), (score, version, level), "{vector}");
        }
        for vector in
            ["", "CVSS:3.1/AV:N", "CVSS:9.9/AV:N/AC:L", "high", "CVSS:3.1/AV:X/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"]
        {
            assert!(Rating::of(vector).is_err(), "{vector}");
        }
    }

    #[test]
    fn words() {
        assert_eq!(Severity::from_word("MODERATE"), Some(Severity::Medium));
        assert_eq!(Severity::from_word("urgent?"), None);
        assert!(Severity::Critical > Severity::High && Severity::None > Severity::Unknown);
    }
}
