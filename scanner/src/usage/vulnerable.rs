//! How far the code goes towards a vulnerable package: imported, the affected function referred to, or not known.
//!
//! Three tiers and unknown, never "unreachable": what is loaded by another package, by a plugin or by a computed name is not seen.

use super::Usage;
use crate::finding::{Detail, Finding, Kind, SymbolUse, UseTier, VulnerabilityDetail};

/// Writes into every vulnerability what the code says of its package.
pub fn place(findings: &mut [Finding], usage: &Usage) {
    for finding in findings.iter_mut().filter(|finding| matches!(finding.kind, Kind::Vulnerability | Kind::Malicious)) {
        if let Detail::Vulnerability(detail) = &mut finding.detail {
            detail.symbols_at = symbols(detail, usage);
            detail.used = tier(detail, usage);
        }
    }
}

fn tier(detail: &VulnerabilityDetail, usage: &Usage) -> UseTier {
    if !detail.symbols_at.is_empty() {
        UseTier::Referenced
    } else if usage.imported_at.get(&detail.package).is_some_and(|sites| !sites.is_empty()) {
        UseTier::Imported
    } else if usage.is_sure_of(&detail.package) {
        UseTier::NotImported
    } else {
        UseTier::Unknown
    }
}

fn symbols(detail: &VulnerabilityDetail, usage: &Usage) -> Vec<SymbolUse> {
    let each = detail
        .affected_symbols
        .iter()
        .filter(|symbol| symbol.contains('.'))
        .map(|symbol| SymbolUse { symbol: symbol.clone(), sites: usage.referenced_at(symbol) });
    each.filter(|used| !used.sites.is_empty()).collect()
}
