//! Whether a marker can ever hold: "can this ever be installed", and no more. Nothing is dropped for the answer; it is written beside.
//!
//! Specification: <https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers>. The algebra is `pep508_rs`'s,
//! which builds decision diagrams, keeps them for the life of the process, and parses by recursion: so what it is given is bounded first, and
//! what is beyond the bounds, or not understood by it, is taken to hold.

use std::collections::HashMap;

use pep508_rs::{MarkerTree, MarkerWarningKind};

use super::package::Manifest;
use super::poetry_constraint::Constraint;

/// Bounds of one marker: its bytes, its comparisons (a diagram may double with every two of them), and its parentheses.
const MAX_BYTES: usize = 4096;
const MAX_COMPARISONS: usize = 24;
const MAX_DEPTH: usize = 16;
/// Comparisons of all markers whose rest is worked out: the rest of an `and` is an `or`, and is written out.
const MAX_TOGETHER: usize = 16;
/// Different markers judged in one manifest.
const MAX_MARKERS: usize = 2000;

/// Marks the packages of every manifest that no environment could install.
pub fn judge(manifests: &mut [Manifest]) {
    for manifest in manifests {
        let python =
            manifest.project.as_ref().and_then(|project| project.requires_python.as_deref()).and_then(of_python);
        let mut known: HashMap<String, bool> = HashMap::new();
        for package in &mut manifest.packages {
            let Some(marker) = &package.marker else { continue };
            package.unsatisfiable = match known.get(marker) {
                Some(never) => *never,
                None if known.len() >= MAX_MARKERS => false,
                None => {
                    let never = never_holds(marker, python.as_ref());
                    known.insert(marker.clone(), never);
                    never
                }
            };
        }
    }
}

/// True when no environment that the project allows satisfies the marker.
fn never_holds(marker: &str, python: Option<&MarkerTree>) -> bool {
    let Some(mut tree) = parsed(marker) else { return false };
    if let Some(python) = python {
        tree.and(python.clone());
    }
    tree.is_false()
}

/// `None` for a marker that is too large, none at all, or has a part that was not understood.
fn parsed(marker: &str) -> Option<MarkerTree> {
    if marker.len() > MAX_BYTES || depth(marker) > MAX_DEPTH || comparisons(marker) > MAX_COMPARISONS {
        return None;
    }
    let mut understood = true;
    let mut reporter = |_: MarkerWarningKind, _: String| understood = false;
    let tree = MarkerTree::parse_reporter(marker, &mut reporter).ok()?;
    understood.then_some(tree)
}

/// What is left of all environments beside some markers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing: they cover all of them.
    Nothing,
    /// The environments of this marker.
    When(String),
    /// It is not known: one of them is too large or not understood.
    Unknown,
}

/// What is left beside the markers; one that is `None` covers everything.
pub(super) fn beside(markers: &[Option<&str>]) -> Rest {
    if markers.iter().any(Option::is_none) {
        return Rest::Nothing;
    }
    let written = || markers.iter().copied().flatten();
    if written().map(comparisons).sum::<usize>() > MAX_TOGETHER {
        return Rest::Unknown;
    }
    let mut covered = MarkerTree::FALSE;
    for marker in written() {
        let Some(tree) = parsed(marker) else { return Rest::Unknown };
        covered.or(tree);
    }
    let rest = covered.negate();
    match rest.try_to_string() {
        _ if rest.is_false() => Rest::Nothing,
        Some(text) => Rest::When(text),
        None => Rest::Unknown,
    }
}

/// Both markers as one.
pub(super) fn both(left: Option<&str>, right: Option<&str>) -> Option<String> {
    let part = |marker: &str| if marker.contains(" or ") { format!("({marker})") } else { marker.to_owned() };
    match (left, right) {
        (Some(left), Some(right)) => Some(format!("{} and {}", part(left), part(right))),
        (one, other) => one.or(other).map(str::to_owned),
    }
}

fn depth(marker: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for byte in marker.bytes() {
        match byte {
            b'(' => open += 1,
            b')' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

fn comparisons(marker: &str) -> usize {
    1 + marker
        .split(|c: char| c.is_whitespace() || "()".contains(c))
        .filter(|word| matches!(*word, "and" | "or"))
        .count()
}

/// `requires-python`, or Poetry's `python`, as a marker.
fn of_python(requires: &str) -> Option<MarkerTree> {
    let range = Constraint::parse(requires)?.pep440()?;
    let clauses = range.split(", ").filter(|clause| !clause.is_empty()).map(|clause| {
        let at = clause.find(|first: char| first.is_ascii_digit()).unwrap_or(clause.len());
        let (operator, version) = clause.split_at(at);
        format!("python_full_version {} '{version}'", operator.trim())
    });
    let clauses: Vec<String> = clauses.collect();
    if clauses.is_empty() { None } else { parsed(&clauses.join(" and ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Format, Package, Role, Source};

    #[test]
    fn what_is_left_beside_markers() {
        let when = |marker: &str| Rest::When(marker.to_owned());
        let cases = [
            (vec![Some("sys_platform == 'darwin'"), Some("sys_platform != 'darwin'")], Rest::Nothing),
            (vec![Some("sys_platform == 'darwin'"), None], Rest::Nothing),
            (vec![Some("sys_platform == 'darwin'")], when("sys_platform != 'darwin'")),
            (
                vec![Some("sys_platform == 'darwin'"), Some("sys_platform == 'win32'")],
                when("sys_platform != 'darwin' and sys_platform != 'win32'"),
            ),
            (vec![Some("what is this")], Rest::Unknown),
        ];
        for (markers, expected) in cases {
            assert_eq!(beside(&markers), expected, "{markers:?}");
        }
        let many = vec!["sys_platform == 'a' and os_name == 'b'"; 20];
        assert_eq!(beside(&many.iter().map(|marker| Some(*marker)).collect::<Vec<_>>()), Rest::Unknown);
        assert_eq!(both(Some("a or b"), Some("c")).as_deref(), Some("(a or b) and c"));
        assert_eq!(both(None, Some("c or d")).as_deref(), Some("c or d"));
    }

    #[test]
    fn markers_that_can_never_hold() {
        // (marker, requires-python, can never hold)
        let cases = [
            ("python_version < '3.8'", None, false),
            ("python_version < '3.8'", Some(">=3.9"), true),
            ("python_version < '3.8'", Some("^3.7"), false), // Poetry's own range
            ("python_full_version < '3.9' and python_version >= '3.9'", None, true),
            ("python_version == '3.9.*' and python_version == '3.10.*'", None, true),
            ("python_version < '3' and python_version > '3'", None, true),
            ("sys_platform == 'win32' and sys_platform == 'linux'", None, true),
            ("sys_platform == 'win32' or sys_platform == 'linux'", None, false),
            ("sys_platform == 'win32' and sys_platform != 'win32'", None, true),
            ("sys_platform in 'linux darwin'", None, false),
            ("extra == 'a' and extra == 'b'", None, false), // uv: several extras at once
            ("python_version < '3.8' and extra == 'test'", Some(">=3.10"), true),
            // uv's conflicts write such names
            ("extra == 'extra-3-app-cpu' or extra != 'extra-3-app-cuda'", None, false),
            // not understood is not "never"
            ("python_version < '3.8' or nonsense == 'x'", Some(">=3.9"), false),
            ("what is this", None, false),
            ("", None, false),
            ("python_version < '3.8'", Some("what"), false),
            ("python_version < '3.8'", Some(">=2.7,<3.0 || >=3.6"), false),
        ];
        for (marker, python, expected) in cases {
            let tree = python.and_then(of_python);
            assert_eq!(never_holds(marker, tree.as_ref()), expected, "{marker} in {python:?}");
        }
    }

    #[test]
    fn large_markers_are_taken_to_hold() {
        let deep = format!("{}python_version < '3'{}", "(".repeat(5000), ")".repeat(5000));
        let long = vec!["python_version < '2' and python_version > '3'"; 2000].join(" and ");
        for marker in [deep, long] {
            assert!(!never_holds(&marker, None));
        }
        // decision diagrams double with such pairs; bounded, they stay small
        let pairs: Vec<String> = (0..12).map(|n| format!("(extra == 'a{n}' and extra == 'z{n}')")).collect();
        assert!(!never_holds(&pairs.join(" or "), None));
    }

    #[test]
    fn a_package_keeps_its_place_and_is_marked() {
        let mut manifest = Manifest::new("requirements.txt", Format::Requirements, Role::Declared);
        for marker in [None, Some("python_version < '3' and python_version > '3'"), Some("os_name == 'nt'")] {
            let mut package = Package::new("a".parse().unwrap(), Source::DEFAULT_INDEX);
            package.marker = marker.map(str::to_owned);
            manifest.packages.push(package);
        }
        let mut manifests = [manifest];
        judge(&mut manifests);
        let marked: Vec<bool> = manifests[0].packages.iter().map(|package| package.unsatisfiable).collect();
        assert_eq!(marked, [false, true, false]);
    }
}
