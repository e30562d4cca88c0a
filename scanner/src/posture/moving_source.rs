//! A package taken from a git branch or tag, or from nowhere fixed: what is installed can change without a change in the repository.

use advisories::Severity;

use super::Problem;
use crate::inventory::{Manifest, Package, Source};

pub(super) fn check(manifests: &[Manifest]) -> Vec<Problem> {
    let unlocked = manifests.iter().filter(|manifest| manifest.locked_by.is_none());
    unlocked.flat_map(|manifest| manifest.packages.iter().filter_map(|package| problem(manifest, package))).collect()
}

fn problem(manifest: &Manifest, package: &Package) -> Option<Problem> {
    let Source::Git { reference, commit: None, url, .. } = &package.source else { return None };
    if reference.as_deref().is_some_and(is_commit) {
        return None;
    }
    let what = reference.as_ref().map_or_else(|| "the default branch".to_owned(), |name| format!("`{name}`"));
    Some(Problem {
        check: "moving-source",
        severity: Severity::Medium,
        title: format!("{} is taken from {what} of a git repository, not from a commit", package.name),
        path: package.declared_in.clone().unwrap_or_else(|| manifest.path.clone()),
        line: package.line,
        subject: package.name.to_string(),
        evidence: vec![format!("whoever can push to {url} decides what is installed; pin a commit")],
    })
}

fn is_commit(reference: &str) -> bool {
    reference.len() >= 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Format, Role};

    #[test]
    fn a_commit_is_fixed_and_a_branch_is_not() {
        let git = |reference: Option<&str>, commit: Option<&str>| Source::Git {
            url: "https://forge.example.org/lib".to_owned(),
            reference: reference.map(str::to_owned),
            commit: commit.map(str::to_owned),
            subdirectory: None,
        };
        let sha = "0123456789abcdef0123456789abcdef01234567";
        let cases = [
            (git(None, None), 1),
            (git(Some("main"), None), 1),
            (git(Some("abcdef"), None), 1),
            (git(Some(sha), None), 0),
            (git(Some("main"), Some(sha)), 0),
            (Source::DEFAULT_INDEX, 0),
        ];
        for (source, expected) in cases {
            let mut manifest = Manifest::new("requirements.txt", Format::Requirements, Role::Declared);
            manifest.packages.push(Package::new("lib".parse().unwrap(), source.clone()));
            assert_eq!(check(&[manifest]).len(), expected, "{source:?}");
        }
    }
}
