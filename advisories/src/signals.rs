//! What is said about a CVE beside its advisory: exploited by CISA's catalogue (KEV), likely to be by EPSS.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The signals of the feeds that were there; `None` when a feed was not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Signals {
    /// CVE → the day CISA listed it.
    pub kev: Option<BTreeMap<String, String>>,
    /// CVE → probability of exploitation in the next 30 days, 0 to 1.
    pub epss: Option<BTreeMap<String, f64>>,
}

#[derive(Deserialize)]
struct Catalogue {
    vulnerabilities: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    #[serde(rename = "cveID")]
    cve: String,
    #[serde(default)]
    date_added: String,
}

/// Reads CISA's catalogue of known exploited vulnerabilities (JSON).
///
/// # Errors
/// In a sentence.
pub fn read_kev(bytes: &[u8]) -> Result<BTreeMap<String, String>, String> {
    let catalogue: Catalogue =
        serde_json::from_slice(bytes).map_err(|error| format!("not a KEV catalogue: {error}"))?;
    if catalogue.vulnerabilities.is_empty() {
        return Err("a KEV catalogue without a single vulnerability".to_owned());
    }
    Ok(catalogue.vulnerabilities.into_iter().map(|listed| (listed.cve, listed.date_added)).collect())
}

/// Reads EPSS scores: CSV `cve,epss,percentile` after `#` lines.
///
/// # Errors
/// In a sentence, with the line.
pub fn read_epss(text: &str) -> Result<BTreeMap<String, f64>, String> {
    let mut scores = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') || line.starts_with("cve,") {
            continue;
        }
        let mut fields = line.split(',');
        let (cve, score) =
            (fields.next().unwrap_or_default(), fields.next().and_then(|field| field.trim().parse().ok()));
        match score {
            Some(score) if cve.starts_with("CVE-") && (0.0..=1.0).contains(&score) => {
                scores.insert(cve.to_owned(), score)
            }
            _ => return Err(format!("line {}: not `CVE,score from 0 to 1`", number + 1)),
        };
    }
    if scores.is_empty() { Err("no EPSS score in the file".to_owned()) } else { Ok(scores) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn catalogue_and_scores() {
        let kev = read_kev(br#"{"title":"t","vulnerabilities":[{"cveID":"CVE-2021-44228","dateAdded":"2021-12-10"}]}"#)
            .unwrap();
        assert_eq!(kev["CVE-2021-44228"], "2021-12-10");
        assert!(read_kev(br#"{"vulnerabilities":[]}"#).is_err());
        let epss = read_epss("#model_version:v2025\ncve,epss,percentile\nCVE-2021-44228,0.94,0.99\n").unwrap();
        assert_eq!(epss["CVE-2021-44228"], 0.94);
        for bad in ["", "CVE-1,2.0,1", "CVE-1,x", "<html>"] {
            assert!(read_epss(bad).is_err(), "{bad}");
        }
    }
}
