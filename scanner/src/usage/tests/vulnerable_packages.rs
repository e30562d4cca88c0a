//! Whether a vulnerable package is imported and referred to.

use super::*;

#[test]
fn vulnerable_packages_are_imported_referred_to_or_not_known() {
    use crate::finding::{Confidence, FindingId, Location, UseTier, VulnerabilityDetail};
    let vulnerability = |package: &str, symbols: &[&str]| Finding {
        id: FindingId::of(Kind::Vulnerability, &[package]),
        kind: Kind::Vulnerability,
        severity: advisories::Severity::High,
        confidence: Confidence::High,
        title: String::new(),
        rule: String::new(),
        location: Location::default(),
        detail: Detail::Vulnerability(Box::new(VulnerabilityDetail {
            package: package.parse().unwrap(),
            version: None,
            advisory: String::new(),
            aliases: Vec::new(),
            fixed_versions: Vec::new(),
            fix: None,
            cvss: None,
            epss: None,
            kev: None,
            used: UseTier::Unknown,
            symbols_at: Vec::new(),
            imported_at: None,
            direct: true,
            main: true,
            via: Vec::new(),
            evidence: Vec::new(),
            affected_symbols: symbols.iter().map(|symbol| (*symbol).to_owned()).collect(),
            references: Vec::new(),
            would_resolve: false,
        })),
        ignored: None,
    };
    let cases: &[(&str, &[&str], &str, UseTier)] = &[
        ("pyyaml", &[], "import yaml", UseTier::Imported),
        ("pyyaml", &[], "import requests", UseTier::NotImported),
        ("pyyaml", &["yaml.load"], "import yaml\nyaml.load(x)", UseTier::Referenced),
        ("pyyaml", &["yaml.load"], "import yaml\nyaml.dump(x)", UseTier::Imported),
        ("pyyaml", &["yaml.load"], "from yaml import load as l\nl(x)", UseTier::Referenced),
        ("jinja2", &["jinja2.environment.Environment"], "import jinja2\njinja2.Environment()", UseTier::Referenced),
        ("jinja2", &["jinja2.environment.Environment"], "from other import Environment", UseTier::NotImported),
        // a guess of the import name, and a file that was read in part, make nothing sure
        ("nobody-knows-it", &[], "import requests", UseTier::Unknown),
        ("pyyaml", &[], "import requests\ndef broken(:\n", UseTier::Unknown),
    ];
    for (package, symbols, code, expected) in cases {
        let snapshot = MemorySnapshot::new([("a.py", *code)]);
        let usage = judge(&snapshot, &inventory(&["requests", package]), &WellKnown);
        let mut findings = vec![vulnerability(package, symbols)];
        vulnerable::place(&mut findings, &usage);
        let Detail::Vulnerability(detail) = &findings[0].detail else { panic!() };
        assert_eq!(detail.used, *expected, "{package} {symbols:?} {code}");
        assert_eq!(detail.symbols_at.is_empty(), *expected != UseTier::Referenced);
    }
}
