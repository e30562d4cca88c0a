//! All files of a snapshot that usage reads, in parallel.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use advisories::PackageName;
use rayon::prelude::*;

use super::evidence::{python_texts, requirement_lines, shell, templates, text_files};
use super::imports::{PythonText, is_dotted, read_cython, read_python};
use super::mention::{Mention, Named};
use super::notebook::read_notebook;
use crate::diagnostic::{Diagnostic, Stage};
use crate::isolation::isolated;
use crate::repository::{Entry, EntryKind, Snapshot};

/// Larger files are not read, and said so.
const LARGEST_SOURCE: u64 = 32 << 20;
/// Larger configuration is generated data.
const LARGEST_CONFIGURATION: u64 = 2 << 20;
/// Directories of other people's code and of build results.
const NOT_OURS: &[&str] = &[
    "node_modules",
    ".venv",
    "venv",
    "site-packages",
    "__pycache__",
    ".tox",
    ".nox",
    ".git",
    ".mypy_cache",
    ".eggs",
    "dist-packages",
];

/// One Python text of the snapshot.
#[derive(Debug)]
pub struct SourceFile {
    /// From the repository's root.
    pub path: String,
    /// What it imports and names.
    pub text: PythonText,
}

/// What all files say.
#[derive(Debug, Default)]
pub struct SourceFiles {
    /// Python files, notebooks and scripts, sorted by path.
    pub python: Vec<SourceFile>,
    /// Uses that are not imports.
    pub mentions: Vec<Mention>,
    /// Configuration files that were read.
    pub configuration: usize,
    /// Submodules whose files are not in the snapshot.
    pub absent: Vec<String>,
    /// Names of files, without `.py`, and of directories that git is told to ignore or that only an image has.
    pub elsewhere: BTreeSet<String>,
    /// Directories, each with its slash, and what a list of requirements there may call a package that it asks for by its address.
    pub unnamed: Vec<(String, PackageName)>,
    /// Lines of lists of requirements whose comment says that the package is for a submodule that is not here.
    pub for_absent: BTreeSet<(String, u32)>,
    /// Lines of manifests whose comment says that somebody needs the package, with the words of it.
    pub needed: BTreeMap<(String, u32), Vec<String>>,
    /// Directories, each with its slash, into which somebody installed packages: they hold their metadata, too.
    pub vendored: BTreeSet<String>,
    /// What could not be read.
    pub diagnostics: Vec<Diagnostic>,
}

enum Language {
    Python,
    Cython,
    Notebook,
    Configuration(text_files::Kind),
    /// Without extension: the first line decides.
    Script,
    /// `.spec`: PyInstaller's are Python, others are not.
    Specification,
    /// Python code with places to fill in (`x.py.j2`).
    CodeTemplate,
}

/// Endings of the templates of Python code.
const CODE_TEMPLATES: &[&str] =
    &[".py.j2", ".py.jinja", ".py.jinja2", ".py.tmpl", ".py.tpl", ".py.template", ".py-tpl", ".py.mako"];

fn language(entry: &Entry) -> Option<Language> {
    if entry.kind != EntryKind::File || entry.path.split('/').any(|part| NOT_OURS.contains(&part)) {
        return None;
    }
    let name = entry.path.rsplit('/').next().unwrap_or(&entry.path);
    if CODE_TEMPLATES.iter().any(|end| name.ends_with(end)) {
        return (entry.size <= LARGEST_CONFIGURATION).then_some(Language::CodeTemplate);
    }
    if let Some(kind) = text_files::kind_of(&entry.path) {
        return (entry.size <= LARGEST_CONFIGURATION).then_some(Language::Configuration(kind));
    }
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("py" | "pyi" | "pyw") => Some(Language::Python),
        Some("pyx" | "pxd" | "pxi") => Some(Language::Cython),
        Some("ipynb") => Some(Language::Notebook),
        Some("spec") if entry.size <= LARGEST_CONFIGURATION => Some(Language::Specification),
        None if entry.size <= LARGEST_CONFIGURATION => Some(Language::Script),
        _ => None,
    }
}

/// Reads every file that may use a package.
#[must_use]
pub fn read_all(snapshot: &dyn Snapshot) -> SourceFiles {
    let wanted: Vec<(&Entry, Language)> =
        snapshot.entries().iter().filter_map(|entry| Some((entry, language(entry)?))).collect();
    let each: Vec<SourceFiles> =
        wanted.par_iter().map(|(entry, language)| read_or_say(snapshot, entry, language)).collect();
    let mut all = absent_submodules(snapshot);
    lists(snapshot, &mut all);
    note_what_is_elsewhere(snapshot, &mut all);
    all.vendored = snapshot.entries().iter().filter_map(|entry| Some(vendored(&entry.path)?.to_owned())).collect();
    for file in each {
        all.python.extend(file.python);
        all.mentions.extend(file.mentions);
        all.configuration += file.configuration;
        all.diagnostics.extend(file.diagnostics);
    }
    all
}

/// What manifests tell beside their packages. One that cannot be read is a gap of the inventory.
fn lists(snapshot: &dyn Snapshot, files: &mut SourceFiles) {
    let absent: Vec<String> = files.absent.iter().map(|path| last(path).to_ascii_lowercase()).collect();
    let absent: Vec<&str> = absent.iter().map(String::as_str).collect();
    let is_list = |entry: &&Entry| {
        let is_other = matches!(last(&entry.path), "Pipfile" | "pyproject.toml" | "setup.py" | "setup.cfg");
        entry.kind == EntryKind::File
            && entry.size <= LARGEST_CONFIGURATION
            && (is_other || requirement_lines::is_list(&entry.path))
    };
    for entry in snapshot.entries().iter().filter(is_list) {
        let Ok(text) = text_of(snapshot, &entry.path) else { continue };
        let needed = requirement_lines::needed_by_someone(&text).into_iter();
        files.needed.extend(needed.map(|(line, words)| ((entry.path.clone(), line), words)));
        if !requirement_lines::is_list(&entry.path) {
            continue;
        }
        let directory = entry.path.rfind('/').map_or("", |slash| &entry.path[..=slash]);
        // `requirements/base.txt` is for what stands beside its folder
        let directory = directory.strip_suffix("requirements/").unwrap_or(directory);
        files.unnamed.extend(requirement_lines::unnamed(&text).into_iter().map(|name| (directory.to_owned(), name)));
        let lines = requirement_lines::for_someone(&text, &absent).into_iter();
        files.for_absent.extend(lines.map(|line| (entry.path.clone(), line)));
    }
}

/// Notes what `.gitignore` files name in full, and what container files copy in from other images.
fn note_what_is_elsewhere(snapshot: &dyn Snapshot, files: &mut SourceFiles) {
    let is_ours = |entry: &&Entry| {
        let is_small = entry.kind == EntryKind::File && entry.size <= LARGEST_CONFIGURATION;
        is_small && !entry.path.split('/').any(|part| NOT_OURS.contains(&part))
    };
    for entry in snapshot.entries().iter().filter(is_ours) {
        let is_ignoring = last(&entry.path) == ".gitignore";
        if !is_ignoring && text_files::kind_of(&entry.path) != Some(text_files::Kind::Container) {
            continue;
        }
        let text = match text_of(snapshot, &entry.path) {
            Ok(text) => text,
            Err(reason) => {
                // of a container file the reader of its commands says so
                let gap = is_ignoring.then(|| Diagnostic::gap(Stage::Usage, entry.path.clone(), reason));
                files.diagnostics.extend(gap);
                continue;
            }
        };
        let copied = |line: &'_ &str| is_ignoring || line.starts_with("COPY --from");
        let paths = text.lines().map(str::trim).filter(copied).filter_map(|line| line.split_whitespace().last());
        let named = paths.map(|path| last(path.trim_end_matches('/')));
        let named = named.map(|name| name.strip_suffix(".py").unwrap_or(name)).filter(|name| is_dotted(name));
        files.elsewhere.extend(named.map(str::to_ascii_lowercase));
    }
}

fn text_of(snapshot: &dyn Snapshot, path: &str) -> Result<String, String> {
    let read = isolated(|| snapshot.read(path)).map_err(|error| error.to_string())?;
    read.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(|error| error.to_string())
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Names of directories that hold copies of other people's code.
const COPIES: &[&str] =
    &["_vendor", "vendor", "_vendored", "vendored", "third_party", "thirdparty", "3rdparty", "extern", "submodules"];

/// The directory of other people's code that a path stands in: one that is called so, or that a file of an installed package's
/// metadata tells of, `lib/` for `lib/six-1.0.dist-info/METADATA`.
fn vendored(path: &str) -> Option<&str> {
    if let Some((metadata, _)) = path.split_once(".dist-info/") {
        return metadata.rfind('/').map(|slash| &metadata[..=slash]);
    }
    let mut start = 0;
    while let Some(slash) = path.get(start..).and_then(|rest| rest.find('/')) {
        let end = start + slash;
        if COPIES.contains(&&path[start..end]) {
            return Some(&path[..=end]);
        }
        start = end + 1;
    }
    None
}

/// Submodules that `.gitmodules` names and the snapshot has no file of: what they import is not known.
fn absent_submodules(snapshot: &dyn Snapshot) -> SourceFiles {
    let mut files = SourceFiles::default();
    if !snapshot.entries().iter().any(|entry| entry.path == ".gitmodules") {
        return files;
    }
    let bytes = match snapshot.read(".gitmodules") {
        Ok(bytes) => bytes,
        Err(error) => {
            files.diagnostics.push(Diagnostic::gap(Stage::Usage, ".gitmodules".to_owned(), error.to_string()));
            return files;
        }
    };
    let text = String::from_utf8_lossy(&bytes);
    let paths = text.lines().filter_map(|line| line.trim().strip_prefix("path")?.trim_start().strip_prefix('='));
    for path in paths.map(|path| path.trim().trim_end_matches('/')).filter(|path| !path.is_empty()) {
        let inside = |entry: &Entry| entry.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        if !snapshot.entries().iter().any(inside) {
            files.absent.push(path.to_owned());
        }
    }
    if !files.absent.is_empty() {
        let reason = format!("the submodules {} are not here: what they import is not known", files.absent.join(", "));
        files.diagnostics.push(Diagnostic::remark(Stage::Usage, ".gitmodules".to_owned(), reason));
    }
    files
}

fn read_or_say(snapshot: &dyn Snapshot, entry: &Entry, language: &Language) -> SourceFiles {
    isolated(|| read_one(snapshot, entry, language)).unwrap_or_else(|error| {
        let gap = Diagnostic::gap(Stage::Usage, entry.path.clone(), error.to_string());
        SourceFiles { diagnostics: vec![gap], ..SourceFiles::default() }
    })
}

fn read_one(snapshot: &dyn Snapshot, entry: &Entry, language: &Language) -> SourceFiles {
    let path = entry.path.as_str();
    let mut files = SourceFiles::default();
    let gap = |reason: String| Diagnostic::gap(Stage::Usage, path.to_owned(), reason);
    if entry.size > LARGEST_SOURCE {
        files.diagnostics.push(gap(format!("{} bytes: not read for imports", entry.size)));
        return files;
    }
    let bytes = match snapshot.read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            files.diagnostics.push(gap(error.to_string()));
            return files;
        }
    };
    match language {
        Language::Python => python(path, &bytes, &mut files),
        Language::Cython => keep(path, read_cython(&String::from_utf8_lossy(&bytes)), &mut files),
        Language::Notebook => match read_notebook(&bytes) {
            Ok((text, commands)) => {
                let run = commands.iter().flat_map(|(command, _)| shell::named_in(command));
                files.mentions.extend(run.map(|named| Mention {
                    named,
                    path: path.to_owned(),
                    line: 1,
                    how: "notebook command",
                    tooling: false,
                }));
                keep(path, text, &mut files);
            }
            Err(reason) => files.diagnostics.push(gap(reason)),
        },
        Language::Configuration(kind) => configuration(path, *kind, &bytes, &mut files),
        Language::Specification => {
            if memchr::memmem::find(&bytes, b"Analysis(").is_some() {
                python(path, &bytes, &mut files);
            }
        }
        Language::CodeTemplate => {
            let text = templates::of_code(&String::from_utf8_lossy(&bytes));
            let read = read_python(&text, false, None);
            files.mentions.extend(read.imports.iter().filter(|import| import.level == 0).map(|import| Mention {
                named: Named::Module(import.module.clone()),
                path: path.to_owned(),
                line: import.line,
                how: "imported by a template of code",
                tooling: false,
            }));
            files.mentions.extend(python_texts::read(path, &read));
        }
        Language::Script => {
            let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let first = String::from_utf8_lossy(&first[..first.len().min(200)]);
            if first.starts_with("#!") && first.contains("python") {
                python(path, &bytes, &mut files);
            } else if first.starts_with("#!") {
                let runner = first.trim_start_matches("#!").trim();
                files.mentions.extend(
                    shell::named_in(runner).into_iter().filter(|named| matches!(named, Named::Command(_))).map(
                        |named| Mention { named, path: path.to_owned(), line: 1, how: "interpreter", tooling: false },
                    ),
                );
                configuration(path, text_files::Kind::Shell, &bytes, &mut files);
            }
        }
    }
    files
}

fn configuration(path: &str, kind: text_files::Kind, bytes: &[u8], files: &mut SourceFiles) {
    files.configuration += usize::from(!matches!(kind, text_files::Kind::Template | text_files::Kind::Manual));
    files.mentions.extend(text_files::read(path, kind, &String::from_utf8_lossy(bytes)));
}

fn python(path: &str, bytes: &[u8], files: &mut SourceFiles) {
    // what is UTF-8 throughout, which is nearly everything, is told faster than it is repaired
    let text = std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    files.mentions.extend(python_texts::generator(path, text));
    keep(path, read_python(text, path.ends_with(".pyi"), None), files);
}

fn keep(path: &str, text: PythonText, files: &mut SourceFiles) {
    for problem in &text.problems {
        let cell = problem.cell.map_or_else(String::new, |cell| format!(" (cell {cell})"));
        // what the parser recovered is used, so nothing is known to be missing
        let remark = Diagnostic::remark(Stage::Usage, path.to_owned(), format!("{}{cell}", problem.reason));
        files.diagnostics.push(remark.at(problem.line, None));
    }
    files.mentions.extend(python_texts::read(path, &text));
    files.python.push(SourceFile { path: path.to_owned(), text });
}
