//! Findings as code scanning takes them: SARIF, compressed, within the service's limits.
//! <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>

use std::io::Write as _;

use base64::Engine as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use scanner::Report;
use scanner::export::sarif;

/// Results of a run that are kept; of more, the service drops some by its own choice.
const RESULTS: usize = 5_000;
/// Bytes of a compressed upload.
const BYTES: usize = 10 << 20;

/// A SARIF upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// gzip, then base64.
    pub sarif: String,
    /// Findings in it.
    pub results: usize,
    /// Findings left out for the limits, the least severe.
    pub left_out: usize,
}

/// Packs a report's findings, the most severe first when not all of them fit.
///
/// # Errors
/// When the report cannot be compressed, which memory alone can cause.
pub fn pack(report: &Report) -> std::io::Result<Upload> {
    pack_within(report, RESULTS, BYTES)
}

fn pack_within(report: &Report, results: usize, bytes: usize) -> std::io::Result<Upload> {
    let mut report = report.clone();
    let all = report.findings.len();
    // stable: equal ones stay in the report's order
    report.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    report.findings.truncate(results);
    loop {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(sarif::render(&report).to_string().as_bytes())?;
        let packed = packed.finish()?;
        let kept = report.findings.len();
        if packed.len() <= bytes || kept == 0 {
            let sarif = base64::engine::general_purpose::STANDARD.encode(packed);
            return Ok(Upload { sarif, results: kept, left_out: all - kept });
        }
        report.findings.truncate(kept / 2);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use advisories::Severity;
    use scanner::Kind;
    use scanner::finding::{Confidence, Detail, Finding, FindingId, Location, PostureDetail};
    use scanner::report::{AdvisoriesUsed, Stats, Target, Tool};

    use super::*;

    fn report(severities: &[Severity]) -> Report {
        let finding = |(number, severity): (usize, &Severity)| Finding {
            id: FindingId::of(Kind::Posture, &[&number.to_string()]),
            kind: Kind::Posture,
            severity: *severity,
            confidence: Confidence::High,
            title: format!("problem {number}"),
            rule: "a-check".into(),
            location: Location { path: Some("uv.lock".into()), line: Some(1), ..Location::default() },
            detail: Detail::Posture(Box::new(PostureDetail { check: "a-check".into(), evidence: vec![] })),
            ignored: None,
        };
        Report {
            schema_version: 1,
            tool: Tool { name: "secretarybird".into(), version: "0".into(), rules_digest: "r".into() },
            target: Target::Git { url: "https://h/a/b".into(), commit: None, committed_at: None },
            advisories: AdvisoriesUsed::default(),
            complete: true,
            policy: scanner::policy::PolicyLayer::default(),
            inventory: vec![],
            resolved: Vec::new(),
            findings: severities.iter().enumerate().map(finding).collect(),
            diagnostics: vec![],
            fix_plan: Default::default(),
            stats: Stats::default(),
        }
    }

    fn unpack(upload: &Upload) -> serde_json::Value {
        let packed = base64::engine::general_purpose::STANDARD.decode(&upload.sarif).unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_least_severe_are_left_out_and_counted() {
        let report = report(&[Severity::Low, Severity::Critical, Severity::Medium]);
        for (results, bytes, kept) in [(10, BYTES, 3), (2, BYTES, 2), (10, 1, 0)] {
            let upload = pack_within(&report, results, bytes).unwrap();
            assert_eq!((upload.results, upload.left_out), (kept, 3 - kept), "{results} {bytes}");
            let sarif = unpack(&upload);
            assert_eq!(sarif["version"], "2.1.0");
            let found = sarif["runs"][0]["results"].as_array().unwrap();
            assert_eq!(found.len(), kept);
            if let Some(first) = found.first() {
                assert_eq!(first["message"]["text"].as_str().map(|text| text.contains("problem 1")), Some(true));
            }
        }
    }
}
