//! `setup.cfg`.
//!
//! Specification: <https://setuptools.pypa.io/en/stable/userguide/declarative_config.html>, in the grammar of `ini_file.rs`; what tox asks for
//! in it is read by `tox.rs`.

use advisories::{PackageName, Version};

use super::follow::{Declared, Follow};
use super::ini_file::{self, Line};
use super::package::{Format, Manifest, Package, Project, Role};
use super::pyproject::{BUILD_GROUP, Serves};
use super::requirement::Requirement;
use super::text::SourceText;
use super::tox;
use crate::diagnostic::{Diagnostic, Stage};

/// Reads a manifest; `None` for a file that only configures tools.
pub fn read(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Option<Declared> {
    let (settings, stray) = ini_file::settings(&file.text, 1);
    let lists = tox::of_setup_cfg(&file.path, &settings, diagnostics);
    let is_ours = |section: &str| section == "metadata" || section.starts_with("options");
    let is_project = settings.iter().any(|(section, ..)| is_ours(section));
    if lists.is_empty() && !is_project {
        return None;
    }
    diagnostics.extend(ini_file::expected(&file.path, &stray));
    let mut declared = Declared { lists, ..Declared::from(Manifest::new(&file.path, Format::Setup, Role::Declared)) };
    let mut project = Project::default();
    for (section, key, lines) in settings {
        let first = lines.iter().map(|line| line.text.as_str()).find(|text| !text.is_empty());
        let serves = match (section.as_str(), key.as_str()) {
            ("metadata", "name") => {
                project.name = first.and_then(|name| PackageName::new(name).ok());
                continue;
            }
            ("metadata", "version") => {
                project.version = first.filter(|text| !text.contains(':')).map(Version::new);
                continue;
            }
            ("options", "python_requires") => {
                project.requires_python = first.map(str::to_owned);
                continue;
            }
            ("options", "install_requires") => Serves::main(),
            ("options", "tests_require") => Serves::group("test"),
            ("options", "setup_requires") => Serves::group(BUILD_GROUP),
            ("options.extras_require", extra) => Serves::extra(extra),
            _ => continue,
        };
        if first.is_some_and(|text| text.starts_with("file:")) {
            declared.follows.extend(files(&lines, &serves));
            continue;
        }
        for line in &lines {
            declare(file, &mut declared.manifest, line, &serves, diagnostics);
        }
    }
    declared.manifest.project = is_project.then_some(project);
    Some(declared)
}

/// `file: a.txt, b.txt`, on one line or several.
fn files(lines: &[Line], serves: &Serves) -> Vec<Follow> {
    let parts = lines.iter().flat_map(|line| {
        let text = line.text.strip_prefix("file:").unwrap_or(&line.text);
        text.split(',').map(|path| (path.trim(), (line.number, line.column)))
    });
    let named = parts.filter(|(path, _)| !path.is_empty());
    named.map(|(path, place)| Follow { path: path.to_owned(), place, serves: serves.clone() }).collect()
}

fn declare(
    file: &SourceText,
    manifest: &mut Manifest,
    line: &Line,
    serves: &Serves,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let text = line.text.as_str();
    // `%(test)s` takes in another option, which is read by itself
    if text.is_empty() || text.starts_with("%(") {
        return;
    }
    // setuptools also takes a list on one line, parted by `;` where no marker stands
    let parts: Vec<&str> =
        if text.contains(';') && !text.contains(['\'', '"']) { text.split(';').collect() } else { vec![text] };
    for part in parts.into_iter().map(str::trim).filter(|part| !part.is_empty()) {
        match Requirement::parse(part) {
            Ok(found) => {
                let mut package = Package { line: Some(line.number), ..found.into_package() };
                serves.mark(&mut package);
                manifest.packages.push(package);
            }
            Err(expected) => {
                diagnostics
                    .push(Diagnostic::gap(Stage::Inventory, file.path.clone(), expected).at(line.number, line.column));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations() {
        let text = "[metadata]\nname = My.App\nversion = attr: my.__version__\n[options]\npython_requires = >=3.9\ninstall_requires =\n    # why\n    \
                    requests>=2  # http\n    a; python_version<'3'\n[options.extras_require]\ntest = pytest; mock\nall =\n  %(test)s\ndocs = file: docs/requirements.txt, b.txt\n[flake8]\nignore =\n  E1\n";
        let mut diagnostics = Vec::new();
        let Declared { manifest, follows, .. } =
            read(&SourceText::new("setup.cfg", text.to_owned()), &mut diagnostics).unwrap();
        let row = |p: &Package| format!("{}@{}:{}", p.name, p.line.unwrap_or(0), p.extras.join(","));
        let rows: Vec<String> = manifest.packages.iter().map(row).collect();
        assert_eq!(rows, ["requests@8:", "a@9:", "pytest@11:test", "mock@11:test"]);
        let followed: Vec<_> =
            follows.iter().map(|f| (f.path.as_str(), f.place.0, f.serves.extras.join(","))).collect();
        assert_eq!(followed, [("docs/requirements.txt", 14, "docs".to_owned()), ("b.txt", 14, "docs".to_owned())]);
        let project = manifest.project.unwrap();
        assert_eq!((project.name.unwrap().as_str(), project.version, diagnostics.len()), ("my-app", None, 0));
        assert!(read(&SourceText::new("setup.cfg", "[flake8]\nx=1\n".to_owned()), &mut diagnostics).is_none());
    }
}
