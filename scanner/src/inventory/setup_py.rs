//! `setup.py`, read and never run: literals, names bound to them at the top, sums of lists, and requirements files that are opened.
//!
//! Specification: <https://setuptools.pypa.io/en/stable/references/keywords.html>. What cannot be known without running is a diagnostic.

use std::collections::HashMap;

use advisories::{PackageName, Version};
use ruff_python_ast::{Expr, ExprCall, Keyword, Operator, Stmt};
use ruff_python_parser::parse_module;
use ruff_text_size::Ranged;

use super::package::{Format, Manifest, Package, Project, Role};
use super::pyproject::{BUILD_GROUP, Serves};
use super::requirement::Requirement;
use super::text::SourceText;
use crate::diagnostic::{Diagnostic, Stage};

/// The parser recurses with the depth of an expression, which the size of the file bounds; this much stack holds the deepest.
const MAX_BYTES: usize = 96 << 10;
const STACK_BYTES: usize = 512 << 20;
/// Names and sums followed from one value.
const MAX_STEPS: usize = 64;

/// Reads a manifest.
pub fn read(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Manifest {
    let empty = || Manifest::new(&file.path, Format::Setup, Role::Declared);
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
        Some((manifest, found)) => {
            diagnostics.extend(found);
            manifest
        }
        None => {
            gap("the parser could not be run on it");
            empty()
        }
    }
}

fn parse(file: &SourceText) -> (Manifest, Vec<Diagnostic>) {
    // declared first, for what is found borrows from it
    let parsed = parse_module(&file.text);
    let mut setup = Setup {
        file,
        names: HashMap::new(),
        manifest: Manifest::new(&file.path, Format::Setup, Role::Declared),
        project: Project::default(),
        diagnostics: Vec::new(),
    };
    match &parsed {
        Ok(parsed) => {
            let mut calls = Vec::new();
            setup.walk(&parsed.syntax().body, &mut calls);
            for call in calls {
                setup.read_call(call);
            }
        }
        Err(error) => {
            let found = file.gap(error.location.start().to_usize(), format!("not Python: {}", error.error));
            setup.diagnostics.push(found);
        }
    }
    setup.manifest.project = Some(setup.project);
    (setup.manifest, setup.diagnostics)
}

struct Setup<'f, 'a> {
    file: &'f SourceText,
    names: HashMap<&'a str, &'a Expr>,
    manifest: Manifest,
    project: Project,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Setup<'_, 'a> {
    /// Bindings and calls of `setup` at the top level, and in its blocks.
    fn walk(&mut self, body: &'a [Stmt], calls: &mut Vec<&'a ExprCall>) {
        let mut queue: Vec<&Stmt> = body.iter().rev().collect();
        while let Some(statement) = queue.pop() {
            match statement {
                Stmt::Assign(assign) => {
                    for target in &assign.targets {
                        if let Expr::Name(name) = target {
                            self.names.insert(name.id.as_str(), &assign.value);
                        }
                    }
                }
                Stmt::AnnAssign(assign) => {
                    if let (Expr::Name(name), Some(value)) = (assign.target.as_ref(), &assign.value) {
                        self.names.insert(name.id.as_str(), value);
                    }
                }
                Stmt::Expr(expression) => {
                    if let Expr::Call(call) = expression.value.as_ref()
                        && is_setup(&call.func)
                    {
                        calls.push(call);
                    }
                }
                Stmt::If(block) => {
                    queue.extend(block.elif_else_clauses.iter().rev().flat_map(|clause| clause.body.iter().rev()));
                    queue.extend(block.body.iter().rev());
                }
                Stmt::With(block) => queue.extend(block.body.iter().rev()),
                Stmt::Try(block) => queue.extend(block.body.iter().rev()),
                Stmt::FunctionDef(function) => queue.extend(function.body.iter().rev()),
                _ => {}
            }
        }
    }

    fn read_call(&mut self, call: &'a ExprCall) {
        for Keyword { arg, value, .. } in &call.arguments.keywords {
            let Some(name) = arg else {
                self.unknown(value, "keywords from elsewhere (`**`)");
                continue;
            };
            match name.as_str() {
                "name" => self.project.name = self.text(value).and_then(|text| PackageName::new(&text).ok()),
                "version" => self.project.version = self.text(value).as_deref().map(Version::new),
                "python_requires" => self.project.requires_python = self.text(value),
                "install_requires" => self.list(value, &Serves::main()),
                "tests_require" => self.list(value, &Serves::group("test")),
                "setup_requires" => self.list(value, &Serves::group(BUILD_GROUP)),
                "extras_require" => self.extras(value),
                _ => {}
            }
        }
    }

    fn extras(&mut self, value: &'a Expr) {
        let Expr::Dict(dict) = self.resolved(value) else {
            self.unknown(value, "extras that are no literal");
            return;
        };
        for item in &dict.items {
            let name = item.key.as_ref().and_then(|key| self.text(key));
            match name {
                // `":python_version<'3'"` is no extra but a condition
                Some(name) => {
                    let (extra, marker) = name.split_once(':').unwrap_or((&name, ""));
                    let serves = if extra.is_empty() { Serves::main() } else { Serves::extra(extra) };
                    let from = self.manifest.packages.len();
                    self.list(&item.value, &serves);
                    for package in self.manifest.packages[from..].iter_mut().filter(|_| !marker.is_empty()) {
                        package.marker.get_or_insert_with(|| marker.to_owned());
                    }
                }
                None => self.unknown(&item.value, "an extra whose name is no literal"),
            }
        }
    }

    /// The requirements of a list, a sum of lists, or a text of lines.
    fn list(&mut self, value: &'a Expr, serves: &Serves) {
        let mut queue = vec![value];
        let mut steps = 0;
        while let Some(next) = queue.pop() {
            steps += 1;
            let items = match self.resolved(next) {
                _ if steps > MAX_STEPS => return self.unknown(value, "more sums than are followed"),
                Expr::List(list) => &list.elts,
                Expr::Tuple(tuple) => &tuple.elts,
                Expr::Set(set) => &set.elts,
                Expr::BinOp(sum) if sum.op == Operator::Add => {
                    queue.extend([sum.right.as_ref(), sum.left.as_ref()]);
                    continue;
                }
                Expr::StringLiteral(text) => {
                    for line in text.value.to_str().lines().filter(|line| !line.trim().is_empty()) {
                        self.declare(line, text.range().start().to_usize(), serves);
                    }
                    continue;
                }
                other => {
                    self.unknown(other, "requirements that only running it would tell");
                    continue;
                }
            };
            for item in items {
                match (self.text(item), item) {
                    (Some(text), _) => self.declare(&text, item.range().start().to_usize(), serves),
                    (None, Expr::Starred(starred)) => queue.push(&starred.value),
                    (None, _) => self.unknown(item, "a requirement that only running it would tell"),
                }
            }
        }
    }

    fn declare(&mut self, text: &str, at: usize, serves: &Serves) {
        match Requirement::parse(text) {
            Ok(found) => {
                let mut package = Package { line: Some(self.file.line(at)), ..found.into_package() };
                serves.mark(&mut package);
                self.manifest.packages.push(package);
            }
            Err(expected) => self.diagnostics.push(self.file.gap(at, expected)),
        }
    }

    /// A text; of a formatted one or a sum, what is before the part that is not literal is not enough.
    fn text(&self, value: &'a Expr) -> Option<String> {
        match self.resolved(value) {
            Expr::StringLiteral(text) => Some(text.value.to_str().to_owned()),
            _ => None,
        }
    }

    /// What a name stands for.
    fn resolved(&self, value: &'a Expr) -> &'a Expr {
        let mut value = value;
        for _ in 0..MAX_STEPS {
            match value {
                Expr::Name(name) => match self.names.get(name.id.as_str()) {
                    Some(bound) => value = bound,
                    None => break,
                },
                _ => break,
            }
        }
        value
    }

    /// A file that is opened is read by itself if it is a requirements file, so only the rest is a gap.
    fn unknown(&mut self, value: &Expr, what: &str) {
        let range = value.range();
        let source = self.file.text.get(range.start().to_usize()..range.end().to_usize()).unwrap_or_default();
        let names_file = source.contains(".txt") || source.contains(".in\"") || source.contains(".in'");
        let reason = format!("{what}: not read, for nothing of a repository is run");
        let at = range.start().to_usize();
        self.diagnostics.push(if names_file { self.file.remark(at, reason) } else { self.file.gap(at, reason) });
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
        let manifest = read(&SourceText::new("setup.py", text.to_owned()), &mut diagnostics);
        let row = |p: &Package| {
            format!("{}@{}:{}", p.name, p.line.unwrap_or(0), [p.extras.clone(), p.groups.clone()].concat().join(","))
        };
        (manifest.packages.iter().map(row).collect::<Vec<_>>().join(" "), diagnostics)
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
            ("setup(install_requires=['a', f'b=={v}'])", "a@1:", 1),
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
        let (_, diagnostics) = read_text("setup(install_requires=open('requirements.txt').read().splitlines())");
        assert_eq!(diagnostics.iter().map(|d| d.gap).collect::<Vec<_>>(), [false]);
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
