//! Poetry's version constraints: `^1.2`, `~1.2`, `1.*`, `>=1,<2 || >3`, bare versions, and PEP 440 specifiers.
//!
//! Specification: <https://python-poetry.org/docs/dependency-specification/>.

use advisories::Version;
use pep440_rs::VersionSpecifiers;

/// Alternatives, each of them a conjunction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint(Vec<Vec<VersionSpecifiers>>);

impl Constraint {
    /// Reads a constraint; `None` when it is none that Poetry knows.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // one bar or two part the alternatives
        let alternatives = text.split('|').filter(|part| !part.is_empty()).map(|part| {
            let clauses = part.split(',').flat_map(split_at_blanks).collect::<Vec<_>>();
            clauses.iter().map(|clause| read_clause(clause)).collect::<Option<Vec<_>>>()
        });
        alternatives.collect::<Option<Vec<_>>>().map(Self)
    }

    /// True when the version is in the range. A version PEP 440 rejects is in none.
    #[must_use]
    pub fn allows(&self, version: &Version) -> bool {
        let Some(version) = version.pep440() else { return false };
        self.0.iter().any(|clauses| clauses.iter().all(|clause| clause.contains(version)))
    }
}

impl Constraint {
    /// The same range in PEP 440's words; `None` for alternatives, which it has none for.
    #[must_use]
    pub fn pep440(&self) -> Option<String> {
        match self.0.as_slice() {
            [clauses] => {
                let texts = clauses.iter().map(ToString::to_string).filter(|text| !text.is_empty());
                Some(texts.collect::<Vec<_>>().join(", "))
            }
            _ => None,
        }
    }
}

/// `>=1 <2` is `>=1,<2`, and `>= 1` one clause.
fn split_at_blanks(part: &str) -> Vec<String> {
    let mut clauses: Vec<String> = Vec::new();
    for word in part.split_whitespace() {
        match clauses.last_mut() {
            Some(last) if last.chars().all(|c| "<>=!~^".contains(c)) => last.push_str(word),
            _ => clauses.push(word.to_owned()),
        }
    }
    clauses
}

fn read_clause(clause: &str) -> Option<VersionSpecifiers> {
    let specifiers = |text: &str| text.parse::<VersionSpecifiers>().ok();
    if clause == "*" {
        return specifiers("");
    }
    if let Some(version) = clause.strip_prefix('^') {
        return specifiers(&format!(">={version},<{}", caret_end(version)?));
    }
    if let Some(version) = clause.strip_prefix('~').filter(|rest| !rest.starts_with('=')) {
        return specifiers(&format!(">={version},<{}", tilde_end(version)?));
    }
    if clause.starts_with(|first: char| first.is_ascii_digit() || first == 'v') {
        return specifiers(&format!("=={clause}"));
    }
    match clause.strip_prefix('=').filter(|rest| !rest.starts_with('=')) {
        Some(version) => specifiers(&format!("=={version}")),
        None => specifiers(clause),
    }
}

/// `^` allows what does not change the leftmost part that is not zero.
fn caret_end(version: &str) -> Option<String> {
    let version: pep440_rs::Version = version.parse().ok()?;
    let release = version.release();
    let at = release.iter().position(|&part| part > 0).unwrap_or(release.len().saturating_sub(1));
    Some(bumped(&release[..=at]))
}

/// `~1.2.3` and `~1.2` allow patches, `~1` allows minors.
fn tilde_end(version: &str) -> Option<String> {
    let version: pep440_rs::Version = version.parse().ok()?;
    let release = version.release();
    Some(bumped(&release[..release.len().min(2)]))
}

fn bumped(release: &[u64]) -> String {
    let last = release.len().saturating_sub(1);
    let part = |(at, &part): (usize, &u64)| if at == last { part.saturating_add(1) } else { part }.to_string();
    release.iter().enumerate().map(part).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_poetrys_documentation() {
        let cases = [
            ("^1.2.3", "1.9", "2.0"),
            ("^0.2.3", "0.2.9", "0.3"),
            ("^0.0.3", "0.0.3", "0.0.4"),
            ("^0.0", "0.0.9", "0.1"),
            ("^0", "0.9", "1.0"),
            ("~1.2.3", "1.2.9", "1.3"),
            ("~1.2", "1.2.9", "1.3"),
            ("~1", "1.9", "2"),
            ("1.2.*", "1.2.7", "1.3"),
            (">=1.2 <1.5", "1.4", "1.5"),
            (">= 1.2, < 1.5", "1.4", "1.5"),
            ("<1 || >=3", "3.1", "2"),
            ("1.5", "1.5.0", "1.5.1"),
            ("=1.5", "1.5", "1.6"),
            ("~=1.4", "1.9", "2.0"),
        ];
        for (text, inside, outside) in cases {
            let constraint = Constraint::parse(text).unwrap();
            assert!(constraint.allows(&Version::new(inside)), "{text} allows {inside}");
            assert!(!constraint.allows(&Version::new(outside)), "{text} refuses {outside}");
        }
        assert_eq!(
            Constraint::parse("^1.2, !=1.5").and_then(|range| range.pep440()).as_deref(),
            Some(">=1.2, <2, !=1.5")
        );
        assert_eq!(Constraint::parse("<1 || >=3").and_then(|range| range.pep440()), None);
        assert!(Constraint::parse("*").unwrap().allows(&Version::new("7")));
        assert_eq!(Constraint::parse("^x"), None);
    }
}
