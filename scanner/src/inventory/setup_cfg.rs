//! `setup.cfg`.
//!
//! Specification: <https://setuptools.pypa.io/en/stable/userguide/declarative_config.html>, in the grammar of Python's configparser.

use advisories::{PackageName, Version};

use super::package::{Format, Manifest, Package, Project, Role};
use super::pyproject::{BUILD_GROUP, Serves};
use super::requirement::Requirement;
use super::text::SourceText;
use crate::diagnostic::{Diagnostic, Stage};

/// One option: section, key, and its value's lines with their numbers.
type Setting = (String, String, Vec<(String, u32)>);

/// Reads a manifest; `None` for a file that only configures tools.
pub fn read(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Option<Manifest> {
    let settings = settings(&file.text);
    if !settings.iter().any(|(section, ..)| section == "metadata" || section.starts_with("options")) {
        return None;
    }
    let mut manifest = Manifest::new(&file.path, Format::Setup, Role::Declared);
    let mut project = Project::default();
    for (section, key, lines) in settings {
        let first = lines.iter().map(|(text, _)| text.as_str()).find(|text| !text.is_empty());
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
        for (text, number) in lines {
            declare(file, &mut manifest, &text, number, &serves, diagnostics);
        }
    }
    manifest.project = Some(project);
    Some(manifest)
}

fn declare(
    file: &SourceText,
    manifest: &mut Manifest,
    text: &str,
    line: u32,
    serves: &Serves,
    diagnostics: &mut Vec<Diagnostic>,
) {
    // `%(test)s` takes in another option, `file:` a requirements file, which is read by itself
    if text.is_empty() || text.starts_with("%(") || text.starts_with("file:") {
        return;
    }
    // setuptools also takes a list on one line, parted by `;` where no marker stands
    let parts: Vec<&str> =
        if text.contains(';') && !text.contains(['\'', '"']) { text.split(';').collect() } else { vec![text] };
    for part in parts.into_iter().map(str::trim).filter(|part| !part.is_empty()) {
        match Requirement::parse(part) {
            Ok(found) => {
                let mut package = Package { line: Some(line), ..found.into_package() };
                serves.mark(&mut package);
                manifest.packages.push(package);
            }
            Err(expected) => {
                diagnostics.push(Diagnostic::gap(Stage::Inventory, file.path.clone(), expected).at(line, None));
            }
        }
    }
}

/// configparser's grammar: `[section]`, `key = value` or `key: value`, indented lines go on with the value, `#` and `;` begin comments.
fn settings(text: &str) -> Vec<Setting> {
    let mut settings: Vec<Setting> = Vec::new();
    let mut section = String::new();
    for (index, line) in text.lines().enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let trimmed = line.trim();
        if trimmed.starts_with(['#', ';']) || trimmed.is_empty() {
            continue;
        }
        let is_indented = line.starts_with([' ', '\t']);
        if let (true, Some((_, _, lines))) = (is_indented, settings.last_mut()) {
            lines.push((without_comment(trimmed).to_owned(), number));
        } else if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            section = name.trim().to_owned();
            // what is indented below a section's head belongs to nothing
            settings.push((section.clone(), String::new(), Vec::new()));
        } else if let Some(at) = trimmed.find(['=', ':']) {
            let (key, value) = (trimmed[..at].trim().to_ascii_lowercase().replace('-', "_"), trimmed[at + 1..].trim());
            settings.push((section.clone(), key, vec![(without_comment(value).to_owned(), number)]));
        }
    }
    settings
}

/// A comment behind a requirement, which setuptools drops.
fn without_comment(text: &str) -> &str {
    text.split(" #").next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations() {
        let text = "[metadata]\nname = My.App\nversion = attr: my.__version__\n[options]\npython_requires = >=3.9\ninstall_requires =\n    # why\n    \
                    requests>=2  # http\n    a; python_version<'3'\n[options.extras_require]\ntest = pytest; mock\nall =\n  %(test)s\n[flake8]\nignore =\n  E1\n";
        let mut diagnostics = Vec::new();
        let manifest = read(&SourceText::new("setup.cfg", text.to_owned()), &mut diagnostics).unwrap();
        let row = |p: &Package| format!("{}@{}:{}", p.name, p.line.unwrap_or(0), p.extras.join(","));
        let rows: Vec<String> = manifest.packages.iter().map(row).collect();
        assert_eq!(rows, ["requests@8:", "a@9:", "pytest@11:test", "mock@11:test"]);
        let project = manifest.project.unwrap();
        assert_eq!((project.name.unwrap().as_str(), project.version, diagnostics.len()), ("my-app", None, 0));
        assert!(read(&SourceText::new("setup.cfg", "[flake8]\nx=1\n".to_owned()), &mut diagnostics).is_none());
    }
}
