//! pip's requirements and constraints files, with everything they include.
//!
//! Specification: <https://pip.pypa.io/en/stable/reference/requirements-file-format/>; `lines.rs` and `line.rs` are its grammar,
//! this file follows `-r` and `-c` inside the repository. Includes that leave it, and circles, are diagnostics.

pub mod line;
pub mod lines;
pub mod via;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use advisories::{PackageName, Version};

use super::follow::Listed;
use super::graph::{Graph, Label};
use super::links;
use super::origin;
use super::package::{Dependency, Format, Manifest, Package, Role, Source};
use super::requirement::{Requirement, shortened};
use super::text::SourceText;
use crate::diagnostic::{Diagnostic, Stage};
use crate::repository::{ReadError, Snapshot};
use line::Meaning;
use via::Via;

/// Files on one chain of includes.
const MAX_DEPTH: usize = 32;
/// Packages one manifest takes from the files it includes.
const MAX_INCLUDED: usize = 50_000;
/// Lines of one file of which it is told what was expected.
const MAX_FAULTS: usize = 100;

/// One file, read by itself.
#[derive(Debug, Default)]
struct Parsed {
    packages: Vec<(Package, Via)>,
    includes: Vec<Include>,
    compiled: bool,
    /// The last `-i`.
    index: Option<String>,
    /// Lines that are none of pip's.
    faults: usize,
}

/// An included file.
#[derive(Debug)]
struct Include {
    written: String,
    /// 1-based line and column.
    place: (u32, u32),
    /// It was named by `-c`.
    constraints: bool,
}

/// Reads requirements files; each file once, however many include it.
pub struct Reader<'s> {
    snapshot: &'s dyn Snapshot,
    parsed: HashMap<String, Option<Rc<Parsed>>>,
    /// What could not be understood.
    pub diagnostics: Vec<Diagnostic>,
}

impl<'s> Reader<'s> {
    /// A reader of this snapshot's files.
    #[must_use]
    pub fn new(snapshot: &'s dyn Snapshot) -> Self {
        Self { snapshot, parsed: HashMap::new(), diagnostics: Vec::new() }
    }

    /// Reads the manifest at a path, with all it includes. `None` when it could not be read (a diagnostic says so) or, for a
    /// file whose name does not promise requirements, when it holds none.
    pub fn read(&mut self, path: &str, named: bool) -> Option<Manifest> {
        let remarks = self.diagnostics.len();
        let parsed = self.parse(path, None)?;
        if !named && parsed.packages.is_empty() && parsed.includes.is_empty() {
            // a text file that merely stands in a directory called requirements
            self.diagnostics.truncate(remarks);
            return None;
        }
        let mut closure = Closure::default();
        self.collect(path, &parsed, &mut closure, false);
        let (manifest, remark) = assemble(path, &parsed, closure);
        self.diagnostics.extend(remark.map(|text| Diagnostic::remark(Stage::Inventory, path.to_owned(), text)));
        Some(manifest)
    }

    /// The requirements of a file that another kind of manifest names, with all that it includes.
    pub fn included(&mut self, from: &str, written: &str, place: (u32, u32)) -> Vec<Package> {
        let parsed = self.target(from, written, place).and_then(|target| {
            let parsed = self.parse(&target, Some((from, place)))?;
            Some((target, parsed))
        });
        let Some((target, parsed)) = parsed else { return Vec::new() };
        let mut closure = Closure::default();
        closure.take(&target, &parsed);
        self.collect(&target, &parsed, &mut closure, false);
        closure.into_packages()
    }

    /// The requirements of lines that stand in another kind of manifest, with all that they include.
    pub fn listed(&mut self, path: &str, lines: &[Listed]) -> Vec<Package> {
        let mut parsed = Parsed::default();
        for line in lines {
            parsed.line(path, &line.text, (line.line, line.column), &mut self.diagnostics);
        }
        parsed.apply_index();
        let mut closure = Closure { included: parsed.packages.clone(), ..Closure::default() };
        self.collect(path, &parsed, &mut closure, false);
        closure.into_packages()
    }

    fn parse(&mut self, path: &str, from: Option<(&str, (u32, u32))>) -> Option<Rc<Parsed>> {
        if let Some(known) = self.parsed.get(path) {
            return known.clone();
        }
        let parsed = match links::read(self.snapshot, path) {
            Ok(bytes) => {
                let file = match latin1(&bytes) {
                    Some(text) => SourceText::new(path, text),
                    None => SourceText::decode(path, &bytes, &mut self.diagnostics),
                };
                Some(Rc::new(parse(&file, &mut self.diagnostics)))
            }
            Err(error) => {
                let diagnostic = match from {
                    Some((from, (line, column))) => {
                        let reason = match error {
                            ReadError::NotFound => format!("includes `{path}`, which is not in the repository"),
                            error => format!("includes `{path}`, which {error}"),
                        };
                        Diagnostic::gap(Stage::Inventory, from.to_owned(), reason).at(line, column)
                    }
                    None => Diagnostic::gap(Stage::Inventory, path.to_owned(), error.to_string()),
                };
                self.diagnostics.push(diagnostic);
                None
            }
        };
        self.parsed.insert(path.to_owned(), parsed.clone());
        parsed
    }

    fn collect(&mut self, path: &str, parsed: &Parsed, closure: &mut Closure, constraints: bool) {
        closure.chain.push(path.to_owned());
        closure.seen.insert((path.to_owned(), constraints));
        // pip: only the option that names a file says what it is, so that `-r` inside a constraints file brings requirements
        for Include { written, place, constraints } in &parsed.includes {
            let (Some(target), constraints) = (self.target(path, written, *place), *constraints) else { continue };
            let said = |reason: String| Diagnostic::gap(Stage::Inventory, path.to_owned(), reason).at(place.0, place.1);
            if closure.chain.contains(&target) {
                let reason = format!("includes `{target}`, which includes this file: the circle is cut here");
                self.diagnostics.push(Diagnostic { gap: false, ..said(reason) });
                continue;
            }
            if closure.seen.contains(&(target.clone(), constraints)) {
                continue;
            }
            if closure.chain.len() >= MAX_DEPTH || closure.included.len() >= MAX_INCLUDED {
                self.diagnostics.push(said(format!(
                    "includes `{target}`, which is not followed: more than {MAX_DEPTH} files deep or {MAX_INCLUDED} packages"
                )));
                continue;
            }
            let Some(included) = self.parse(&target, Some((path, *place))) else { continue };
            if constraints {
                closure.pins.extend(included.packages.iter().map(|(package, _)| package.clone()));
            } else {
                closure.take(&target, &included);
            }
            self.collect(&target, &included, closure, constraints);
        }
        closure.chain.pop();
    }

    /// The path an include means, from the repository's root.
    fn target(&mut self, from: &str, written: &str, (line, column): (u32, u32)) -> Option<String> {
        let mut gap = |reason: String| {
            self.diagnostics.push(Diagnostic::gap(Stage::Inventory, from.to_owned(), reason).at(line, column));
            None
        };
        if written.contains("${") {
            return gap(format!("includes `{}`, whose name depends on the environment", shortened(written)));
        }
        let place = written.strip_prefix("file:").unwrap_or(written);
        if place.contains("://") || place.starts_with('/') || place.contains(":\\") {
            return gap(format!(
                "includes `{}`, which is not in the repository",
                shortened(&origin::without_credentials(written))
            ));
        }
        match joined(from, place) {
            Some(target) => Some(target),
            None => gap(format!("includes `{}`, which leaves the repository", shortened(written))),
        }
    }
}

/// The text of a file that says in one of its first two lines that it is Latin-1, as pip reads it (PEP 263). Every byte is a character there.
fn latin1(bytes: &[u8]) -> Option<String> {
    let head = bytes.split(|&byte| byte == b'\n').take(2).filter(|line| line.starts_with(b"#"));
    let named = head.filter_map(|line| std::str::from_utf8(line).ok()).find_map(|line| {
        let (_, rest) = line.split_once("coding")?;
        let name = rest.strip_prefix([':', '='])?.trim_start();
        Some(name.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).next()?.to_ascii_lowercase())
    })?;
    let is_latin1 = matches!(named.replace('_', "-").as_str(), "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1");
    is_latin1.then(|| bytes.iter().map(|&byte| char::from(byte)).collect())
}

/// A path beside another file, without `.` and `..`; `None` when it leaves the root.
#[must_use]
pub fn joined(from: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in relative.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// What a manifest takes from other files.
#[derive(Default)]
struct Closure {
    chain: Vec<String>,
    seen: HashSet<(String, bool)>,
    included: Vec<(Package, Via)>,
    pins: Vec<Package>,
}

impl Closure {
    fn take(&mut self, path: &str, parsed: &Parsed) {
        let declared_in = Some(path.to_owned());
        let taken = parsed
            .packages
            .iter()
            .map(|(package, via)| (Package { declared_in: declared_in.clone(), ..package.clone() }, via.clone()));
        self.included.extend(taken);
    }

    fn into_packages(self) -> Vec<Package> {
        let mut packages: Vec<Package> = self.included.into_iter().map(|(package, _)| package).collect();
        apply_pins(&mut packages, &self.pins);
        packages
    }
}

fn parse(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut templated = false;
    for line in lines::logical(&file.text) {
        if let Some(comment) = &line.comment {
            parsed.compiled |= comment.contains("autogenerated by");
            if line.text.is_empty() {
                if let Some((_, via)) = parsed.packages.last_mut() {
                    via.add(comment);
                }
                continue;
            }
        }
        if line.text.is_empty() {
            continue;
        }
        if line.text.starts_with("{%") || line.text.starts_with("{#") {
            if !templated {
                let reason = "a template: the requirements of all its branches are taken";
                diagnostics
                    .push(Diagnostic::remark(Stage::Inventory, file.path.clone(), reason).at(line.number, line.column));
            }
            templated = true;
            continue;
        }
        let before = parsed.packages.len();
        parsed.line(&file.path, &line.text, (line.number, line.column), diagnostics);
        for (_, via) in &mut parsed.packages[before..] {
            line.comment.iter().for_each(|comment| via.add(comment));
        }
    }
    parsed.apply_index();
    parsed
}

impl Parsed {
    /// Reads one logical line. What is none of pip's is a gap.
    fn line(&mut self, path: &str, text: &str, (line, column): (u32, u32), diagnostics: &mut Vec<Diagnostic>) {
        let mut open = None;
        let outcome = match line::read(text) {
            Meaning::Requirement { text, hashes } => {
                open = Requirement::without_version(&text);
                let pinned = |found: Requirement| {
                    let mut package = found.into_package();
                    package.pin_by(hashes.iter().map(String::as_str));
                    package
                };
                requirement(&text).map(|found| found.map(pinned))
            }
            Meaning::Editable(text) => requirement(&text).map(|found| found.map(editable)),
            Meaning::Include(written) => {
                self.includes.push(Include { written, place: (line, column), constraints: false });
                Ok(None)
            }
            Meaning::Constraints(written) => {
                self.includes.push(Include { written, place: (line, column), constraints: true });
                Ok(None)
            }
            Meaning::Index(url) => {
                self.index = Some(url).filter(|url| !url.contains("${"));
                Ok(None)
            }
            Meaning::Option => Ok(None),
            Meaning::Unknown(expected) => Err(expected),
        };
        let package = outcome.unwrap_or_else(|expected| {
            self.faults += 1;
            let said = |reason| Diagnostic::gap(Stage::Inventory, path.to_owned(), reason).at(line, column);
            match self.faults {
                1..=MAX_FAULTS => diagnostics.push(said(expected)),
                // a file of another kind has a fault on every line
                faults if faults == MAX_FAULTS + 1 => {
                    diagnostics.push(said("from here on more lines are no requirements".to_owned()));
                }
                _ => {}
            }
            open.map(Requirement::into_package)
        });
        let placed = package.map(|package| (Package { line: Some(line), ..package }, Via::default()));
        self.packages.extend(placed);
    }

    /// pip: the last `-i` holds for the whole file.
    fn apply_index(&mut self) {
        let Some(index) = &self.index else { return };
        for (package, _) in self.packages.iter_mut().filter(|(package, _)| package.source == Source::DEFAULT_INDEX) {
            package.source = Source::index(index);
        }
    }
}

/// A requirement; `None` for a source tree whose name is not told (`.`, `./libs/a`): its own manifest stands in the tree.
fn requirement(text: &str) -> Result<Option<Requirement>, String> {
    match Requirement::parse(text) {
        Ok(found) => Ok(Some(found)),
        Err(_) if is_own_tree(text) => Ok(None),
        Err(expected) => Err(expected),
    }
}

fn is_own_tree(text: &str) -> bool {
    let place = text.split(';').next().unwrap_or_default().trim();
    origin::looks_like_location(place) && origin::read(place).source.is_own_tree()
}

fn editable(requirement: Requirement) -> Package {
    let mut package = requirement.into_package();
    if let Source::Path { path, directory: true } = package.source {
        package.source = Source::Editable { path };
    }
    package
}

fn assemble(path: &str, parsed: &Parsed, closure: Closure) -> (Manifest, Option<String>) {
    let own = parsed.packages.iter().cloned();
    let (mut packages, via): (Vec<Package>, Vec<Via>) = own.chain(closure.included).unzip();
    apply_pins(&mut packages, &closure.pins);
    let is_compiled = parsed.compiled || via.iter().any(|via| via.known);
    let is_bounds = file_name(path).contains("constraint");
    let role = match (is_bounds, is_compiled) {
        (true, _) => Role::Constraints,
        (false, true) => Role::Locked,
        (false, false) => Role::Declared,
    };
    let remark = settle(&mut packages, &via);
    (Manifest { packages, ..Manifest::new(path, Format::Requirements, role) }, remark)
}

/// A requirement without a pin of its own takes the one a constraints file in scope gives it, if its range allows it.
fn apply_pins(packages: &mut [Package], pins: &[Package]) {
    let mut by_name: BTreeMap<&PackageName, &Package> = BTreeMap::new();
    for pin in pins.iter().filter(|pin| pin.version.is_some()) {
        by_name.entry(&pin.name).or_insert(pin);
    }
    for package in packages.iter_mut().filter(|package| package.version.is_none() && !package.source.is_own_tree()) {
        let Some(pin) = by_name.get(&package.name) else { continue };
        if allows(package.specifier.as_deref(), pin.version.as_ref()) && matches!(package.source, Source::Index { .. })
        {
            package.version.clone_from(&pin.version);
            package.pin_by(pin.hashes.iter().map(String::as_str));
            if !matches!(pin.source, Source::Index { .. }) {
                package.source = pin.source.clone();
            }
        }
    }
}

fn allows(specifier: Option<&str>, version: Option<&Version>) -> bool {
    let (Some(specifier), Some(version)) = (specifier, version.and_then(Version::pep440)) else { return true };
    specifier.parse::<pep440_rs::VersionSpecifiers>().is_ok_and(|range| range.contains(version))
}

/// Direct or not, and through whom, by the `# via` comments; a file without them lists what is asked for.
fn settle(packages: &mut [Package], via: &[Via]) -> Option<String> {
    let mut graph = Graph::of(packages);
    let mut edges: Vec<Vec<Dependency>> = vec![Vec::new(); packages.len()];
    for (index, via) in via.iter().enumerate() {
        // a parent that is not pinned here (the project's own name) asks for it as the project does
        let strangers = via.parents.iter().any(|parent| graph.named(parent).is_empty());
        if via.direct || !via.known || strangers {
            graph.root(&Label::Main, index, &[]);
        }
        for parent in &via.parents {
            for from in graph.named(parent).iter().copied().take(8).collect::<Vec<_>>() {
                graph.edge(from, index, &[]);
                let (name, version) = (packages[index].name.clone(), packages[index].version.clone());
                edges[from].push(Dependency { name, version, specifier: None, marker: None });
            }
        }
    }
    let remark = graph.settle(packages);
    for (package, mut edges) in packages.iter_mut().zip(edges) {
        edges.sort();
        package.dependencies = edges;
    }
    remark
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
