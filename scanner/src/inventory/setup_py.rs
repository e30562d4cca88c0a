//! `setup.py`, read and never run: literals, names bound to them (`setup_py_values.rs`), sums of lists, and requirements files that are opened.
//!
//! Specification: <https://setuptools.pypa.io/en/stable/references/keywords.html>. What cannot be known without running is a diagnostic.

use advisories::{PackageName, Version};
use ruff_python_ast::{Expr, ExprCall, Keyword, Operator, PySourceType};
use ruff_python_parser::parse_unchecked_source;
use ruff_text_size::Ranged;

use super::follow::{Declared, Follow};
use super::package::{Format, Manifest, Package, Project, Role};
use super::pyproject::{BUILD_GROUP, Serves};
use super::requirement::Requirement;
use super::setup_py_values::{Bindings, MAX_PARTS, MAX_STEPS};
use super::text::SourceText;
use crate::diagnostic::{Diagnostic, Stage};

/// The parser recurses with the depth of an expression, which the size of the file bounds; this much stack holds the deepest.
const MAX_BYTES: usize = 96 << 10;
const STACK_BYTES: usize = 512 << 20;
/// Values that are no literal, in which names of files are looked for.
const MAX_UNKNOWN: usize = 64;

/// Reads a manifest.
pub fn read(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Declared {
    let empty = || Declared::from(Manifest::new(&file.path, Format::Setup, Role::Declared));
    let mut gap = |reason: &str| diagnostics.push(Diagnostic::gap(Stage::Inventory, file.path.clone(), reason));
    if file.text.len() > MAX_BYTES {
        gap("a setup.py larger than 96 KiB is not read");
        return empty();
    }
    let outcome = std::thread::scope(|scope| {
        let reading = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, || parse(file));
        reading.ok().and_then(|reading| reading.join().ok())
    });
    match outcome {
        Some((declared, found)) => {
            diagnostics.extend(found);
            declared
        }
        None => {
            gap("the parser could not be run on it");
            empty()
        }
    }
}

fn parse(file: &SourceText) -> (Declared, Vec<Diagnostic>) {
    // declared first, for what is found borrows from it; behind a fault it goes on as far as it can
    let parsed = parse_unchecked_source(&file.text, PySourceType::Python);
    let mut setup = Setup {
        file,
        bindings: Bindings::of(&parsed.syntax().body),
        declared: Declared::from(Manifest::new(&file.path, Format::Setup, Role::Declared)),
        unknown: 0,
        project: Project::default(),
        diagnostics: Vec::new(),
    };
    if let Some(error) = parsed.errors().iter().min_by_key(|error| error.location.start()) {
        let found = file.gap(error.location.start().to_usize(), format!("not Python: {}", error.error));
        setup.diagnostics.push(found);
    }
    let calls = std::mem::take(&mut setup.bindings.calls);
    for call in calls.into_iter().filter(|call| is_setup(&call.func)) {
        setup.read_call(call);
    }
    setup.declared.manifest.project = Some(setup.project);
    (setup.declared, setup.diagnostics)
}

struct Setup<'f, 'a> {
    file: &'f SourceText,
    bindings: Bindings<'a>,
    declared: Declared,
    project: Project,
    unknown: usize,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Setup<'_, 'a> {
    fn read_call(&mut self, call: &'a ExprCall) {
        for Keyword { arg, value, .. } in &call.arguments.keywords {
            match arg {
                Some(name) => self.keyword(name.as_str(), value),
                None => self.keywords(value),
            }
        }
    }

    fn keyword(&mut self, name: &str, value: &'a Expr) {
        match name {
            "name" => self.project.name = self.bindings.text(value).and_then(|text| PackageName::new(&text).ok()),
            "version" => self.project.version = self.bindings.text(value).as_deref().map(Version::new),
            "python_requires" => self.project.requires_python = self.bindings.text(value),
            "install_requires" => self.list(value, &Serves::main()),
            "tests_require" => self.list(value, &Serves::group("test")),
            "setup_requires" => self.list(value, &Serves::group(BUILD_GROUP)),
            "extras_require" => self.extras(value),
            _ => {}
        }
    }

    /// `setup(**config)`
    fn keywords(&mut self, value: &'a Expr) {
        let items = self.bindings.items(value);
        if items.is_empty() {
            return self.unknown(value, "keywords from elsewhere (`**`)", &Serves::main());
        }
        for (key, value) in items {
            match key {
                Some(name) => self.keyword(&name, value),
                None => self.unknown(value, "a keyword whose name is no literal", &Serves::main()),
            }
        }
    }

    fn extras(&mut self, value: &'a Expr) {
        let items = self.bindings.items(value);
        if items.is_empty() {
            return match self.bindings.alternatives(value).as_slice() {
                [Expr::Dict(dict)] if dict.items.is_empty() => {}
                _ => self.unknown(value, "extras that are no literal", &Serves::default()),
            };
        }
        for (key, value) in items {
            match key {
                // `":python_version<'3'"` is no extra but a condition
                Some(name) => {
                    let (extra, marker) = name.split_once(':').unwrap_or((&name, ""));
                    let serves = if extra.is_empty() { Serves::main() } else { Serves::extra(extra) };
                    let from = self.declared.manifest.packages.len();
                    self.list(value, &serves);
                    let added = self.declared.manifest.packages[from..].iter_mut();
                    for package in added.filter(|_| !marker.is_empty()) {
                        package.marker.get_or_insert_with(|| marker.to_owned());
                    }
                }
                None => self.unknown(value, "an extra whose name is no literal", &Serves::default()),
            }
        }
    }

    /// The requirements of a list, a sum of lists, or a text of lines. Of a name that is bound several times, those of all: which of them
    /// counts only running would tell.
    fn list(&mut self, value: &'a Expr, serves: &Serves) {
        let mut queue = vec![value];
        let mut steps = 0;
        while let Some(next) = queue.pop() {
            steps += 1;
            if steps > MAX_STEPS {
                return self.unknown(value, "more sums than are followed", serves);
            }
            let items = match next {
                Expr::Name(_) => match self.bindings.alternatives(next) {
                    found if found.is_empty() => {
                        self.unknown(next, "requirements that only running it would tell", serves);
                        continue;
                    }
                    found => {
                        queue.extend(found.into_iter().rev());
                        continue;
                    }
                },
                Expr::List(list) => &list.elts,
                Expr::Tuple(tuple) => &tuple.elts,
                Expr::Set(set) => &set.elts,
                Expr::BinOp(sum) if sum.op == Operator::Add => {
                    queue.extend([sum.right.as_ref(), sum.left.as_ref()]);
                    continue;
                }
                Expr::If(choice) => {
                    queue.extend([choice.orelse.as_ref(), choice.body.as_ref()]);
                    continue;
                }
                Expr::StringLiteral(text) => {
                    for line in text.value.to_str().lines().filter(|line| !line.trim().is_empty()) {
                        self.declare(line, text.range().start().to_usize(), serves);
                    }
                    continue;
                }
                other => match self.bindings.wrapped(other) {
                    Some(inner) => {
                        queue.push(inner);
                        continue;
                    }
                    None => {
                        self.unknown(other, "requirements that only running it would tell", serves);
                        continue;
                    }
                },
            };
            for item in items {
                match (self.bindings.text(item), item) {
                    (Some(text), _) => self.declare(&text, item.range().start().to_usize(), serves),
                    (None, Expr::Starred(starred)) => queue.push(&starred.value),
                    (None, _) => self.unfinished(item, serves),
                }
            }
        }
    }

    fn declare(&mut self, text: &str, at: usize, serves: &Serves) {
        match Requirement::parse(text) {
            Ok(found) => self.add(found, at, serves),
            Err(expected) => self.diagnostics.push(self.file.gap(at, expected)),
        }
    }

    fn add(&mut self, found: Requirement, at: usize, serves: &Serves) {
        let mut package = Package { line: Some(self.file.line(at)), ..found.into_package() };
        serves.mark(&mut package);
        self.declared.manifest.packages.push(package);
    }

    /// A requirement whose end only running would tell: where that is the version, the package is known all the same.
    fn unfinished(&mut self, item: &'a Expr, serves: &Serves) {
        let begun = self.bindings.beginning(item, MAX_PARTS).map(|(text, _)| format!("{text}{{"));
        match begun.and_then(|text| Requirement::without_version(&text)) {
            Some(found) => {
                let at = item.range().start().to_usize();
                let reason = format!("the version of {}, which only running it would tell", found.name);
                self.diagnostics.push(self.file.gap(at, reason));
                self.add(found, at, serves);
            }
            None => self.unknown(item, "a requirement that only running it would tell", serves),
        }
    }

    /// What is no literal may still name the requirements file that it opens; without one it is a gap.
    fn unknown(&mut self, value: &'a Expr, what: &str, serves: &Serves) {
        let at = value.range().start().to_usize();
        self.unknown += 1;
        let files = if self.unknown <= MAX_UNKNOWN { self.bindings.files(value) } else { Vec::new() };
        if files.is_empty() {
            let reason = format!("{what}: not read, for nothing of a repository is run");
            self.diagnostics.push(self.file.gap(at, reason));
        }
        for path in files {
            let reason = format!("requirements of `{path}`, which it opens: taken as they stand there");
            self.diagnostics.push(self.file.remark(at, reason));
            self.declared.follows.push(Follow { path, place: self.file.position(at), serves: serves.clone() });
        }
    }
}

fn is_setup(function: &Expr) -> bool {
    match function {
        Expr::Name(name) => name.id.as_str() == "setup",
        Expr::Attribute(attribute) => attribute.attr.as_str() == "setup",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (String, Vec<Diagnostic>) {
        let mut diagnostics = Vec::new();
        let Declared { manifest, follows, .. } = read(&SourceText::new("setup.py", text.to_owned()), &mut diagnostics);
        let row = |p: &Package| {
            format!("{}@{}:{}", p.name, p.line.unwrap_or(0), [p.extras.clone(), p.groups.clone()].concat().join(","))
        };
        let files = follows.iter().map(|follow| format!("file {}:{}", follow.path, follow.serves.extras.join(",")));
        (manifest.packages.iter().map(row).chain(files).collect::<Vec<_>>().join(" "), diagnostics)
    }

    #[test]
    fn what_is_literal_is_read_and_the_rest_is_said() {
        let cases = [
            ("from setuptools import setup\nsetup(name='x', install_requires=['a>=1', \"b\"])", "a@2: b@2:", 0),
            ("import setuptools\nR = ['a']\nR2 = R\nsetuptools.setup(install_requires=R2 + ['b'])", "a@2: b@4:", 0),
            (
                "if __name__ == '__main__':\n    setup(extras_require={'t': ['a'], \":python_version<'3'\": ['b']})",
                "a@2:t b@2:",
                0,
            ),
            ("setup(install_requires='''a\nb==1\n''')", "a@1: b@1:", 0),
            ("setup(install_requires=get())", "", 1),
            ("setup(install_requires=['a', f'b=={v}'])", "a@1: b@1:", 1),
            ("setup(install_requires=['a~=' + V, 'b==%s' % V, 'c>={}'.format(V)])", "a@1: b@1: c@1:", 3),
            ("V = '1'\nsetup(install_requires=['a==' + V])", "a@2:", 0),
            ("setup(install_requires=[V + '==1', f'{v}==1', 'b' + V])", "", 3),
            ("setup(setup_requires=['wheel'], tests_require=('t',))", "wheel@1:build-system t@1:test", 0),
            ("a = b\nb = a\nsetup(install_requires=a)", "", 1),
            ("setup(", "", 1),
        ];
        for (text, expected, gaps) in cases {
            let (found, diagnostics) = read_text(text);
            assert_eq!(
                (found.as_str(), diagnostics.iter().filter(|d| d.gap).count()),
                (expected, gaps),
                "{text}\n{diagnostics:?}"
            );
        }
    }

    #[test]
    fn names_that_are_built_up_and_files_that_are_opened() {
        let cases = [
            (
                "R = ['a']\nif x:\n    R.append('b')\nR += ['c']\nR.extend(['d'])\nsetup(install_requires=R)",
                "a@1: b@3: c@4: d@5:",
                0,
            ),
            (
                "E = {'x': ['a']}\nE['y'] = ['b']\nE.update({'z': ['c']})\nsetup(extras_require=E)",
                "a@1:x c@3:z b@2:y",
                0,
            ),
            ("setup(install_requires=list(set(['a'])) + sorted(('b',)))", "a@1: b@1:", 0),
            ("K = dict(install_requires=['a'], name='x')\nsetup(**K)", "a@1:", 0),
            ("if old:\n    R = ['a']\nelse:\n    R = ['b']\nsetup(install_requires=R)", "a@2: b@4:", 0),
            ("setup(install_requires=open('requirements.txt').read().splitlines())", "file requirements.txt:", 0),
            (
                "with open(os.path.join(HERE, 'deps', 'base.txt')) as f:\n    R = f.read().split()\nsetup(install_requires=R)",
                "file deps/base.txt:",
                0,
            ),
            (
                "R = [l for l in (ROOT / 'deps' / 'base.in').read_text()]\nsetup(install_requires=R)",
                "file deps/base.in:",
                0,
            ),
            (
                "def reqs():\n    return open('r.txt').read().split()\nsetup(install_requires=reqs(), extras_require={'t': load('t.txt')})",
                "file r.txt: file t.txt:t",
                0,
            ),
            ("setup(install_requires=open('%s.txt' % x).read())", "", 1),
        ];
        for (text, expected, gaps) in cases {
            let (found, diagnostics) = read_text(text);
            assert_eq!(
                (found.as_str(), diagnostics.iter().filter(|d| d.gap).count()),
                (expected, gaps),
                "{text}\n{diagnostics:?}"
            );
        }
    }

    #[test]
    fn depth_costs_no_crash() {
        for text in [
            "(".repeat(90_000),
            format!("x = {}1", "-".repeat(90_000)),
            format!("x = {}1", "not ".repeat(20_000)),
            format!("x = {}1", "lambda:".repeat(12_000)),
        ] {
            let (found, _) = read_text(&text);
            assert_eq!(found, "");
        }
    }
}
