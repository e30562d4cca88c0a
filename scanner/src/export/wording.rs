//! How the line-by-line forms (Markdown, CSV, annotations) word a finding.

use crate::finding::{Detail, Finding, UseTier, VulnerabilityDetail};

/// The word that a value is written as in JSON.
pub(super) fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// What a finding is about, on one line.
pub(super) fn subject(finding: &Finding) -> String {
    match &finding.detail {
        Detail::Vulnerability(detail) => {
            let version = detail.version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
            format!("{}{version}: {} ({})", detail.package, finding.title, detail.advisory)
        }
        _ => finding.title.clone(),
    }
}

/// `path:line`
pub(super) fn place(finding: &Finding) -> String {
    let path = finding.location.path.clone().unwrap_or_default();
    finding.location.line.map_or_else(|| path.clone(), |line| format!("{path}:{line}"))
}

/// Where a finding's package is imported; `None` for other kinds, too.
pub(super) fn imports(finding: &Finding) -> Option<String> {
    match &finding.detail {
        Detail::Vulnerability(detail) => imported(detail),
        _ => None,
    }
}

/// Where a vulnerable package is imported; `None` when that was not looked at.
pub(super) fn imported(detail: &VulnerabilityDetail) -> Option<String> {
    Some(match detail.imported_at.as_deref()? {
        [] if detail.used == UseTier::NotImported => "not imported".to_owned(),
        [] => "no import seen".to_owned(),
        [first, rest @ ..] => {
            let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            format!("imported at {}:{}{more}", first.path, first.line)
        }
    })
}

/// What mends it, where one thing does.
pub(super) fn remedy(finding: &Finding) -> Option<String> {
    match &finding.detail {
        Detail::Vulnerability(detail) => {
            detail.fix.as_ref().map(|fix| format!("upgrade {} to {}", detail.package, fix.version))
        }
        Detail::Secret(detail) => detail.remedy.clone(),
        Detail::Usage(detail) => detail.remedy.clone(),
        Detail::Posture(_) => None,
    }
}
