//! What names stand for in a `setup.py`, as far as reading tells: all values a name is bound to anywhere in the file, and what is appended.

use std::collections::{HashMap, HashSet};

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{self as ast, Expr, ExprCall, Operator, Stmt};

/// Names, sums and wrappers followed from one value.
pub(super) const MAX_STEPS: usize = 256;
/// Parts of one text that are followed.
pub(super) const MAX_PARTS: usize = 32;
/// Values kept of one name.
const MAX_VALUES: usize = 256;
/// What a requirements file's name ends with.
const ENDINGS: [&str; 4] = [".txt", ".in", ".pip", ".lock"];
/// Functions whose result has the members of their argument.
const WRAPPERS: [&str; 5] = ["list", "set", "sorted", "tuple", "frozenset"];

/// The bindings of a file.
#[derive(Default)]
pub(super) struct Bindings<'a> {
    /// Calls that are statements of their own.
    pub calls: Vec<&'a ExprCall>,
    names: HashMap<&'a str, Vec<&'a Expr>>,
    /// `name[key] = value`
    entries: HashMap<&'a str, Vec<(&'a Expr, &'a Expr)>>,
    functions: HashMap<&'a str, &'a [Stmt]>,
}

impl<'a> Bindings<'a> {
    /// Reads the statements of a file, its blocks and its functions.
    pub fn of(body: &'a [Stmt]) -> Self {
        let mut bindings = Self::default();
        for statement in body {
            bindings.visit_stmt(statement);
        }
        bindings
    }

    fn bind(&mut self, target: &'a Expr, value: &'a Expr) {
        match target {
            Expr::Name(name) => {
                let values = self.names.entry(name.id.as_str()).or_default();
                if values.len() < MAX_VALUES {
                    values.push(value);
                }
            }
            Expr::Subscript(subscript) => {
                if let Expr::Name(name) = subscript.value.as_ref() {
                    self.entries.entry(name.id.as_str()).or_default().push((&subscript.slice, value));
                }
            }
            _ => {}
        }
    }

    /// `name.append(x)`, `.extend(x)`, `.update(x)`
    fn grow(&mut self, call: &'a ExprCall) {
        let Expr::Attribute(method) = call.func.as_ref() else { return };
        if let ("append" | "extend" | "update" | "insert", [.., argument]) =
            (method.attr.as_str(), call.arguments.args.as_ref())
        {
            self.bind(&method.value, argument);
        }
    }

    /// The values that an expression may have: those of a name, and of the names that it is bound to; itself, where it is no name.
    pub fn alternatives(&self, value: &'a Expr) -> Vec<&'a Expr> {
        let (mut found, mut seen, mut queue) = (Vec::new(), HashSet::new(), vec![value]);
        while let Some(next) = queue.pop() {
            match next {
                Expr::Name(name) => {
                    if seen.len() < MAX_STEPS && seen.insert(name.id.as_str()) {
                        queue.extend(self.names.get(name.id.as_str()).into_iter().flatten().rev());
                    }
                }
                other => found.push(other),
            }
        }
        found
    }

    /// A text, where there is only one it can be. Of a formatted one or a sum, what is before the part that is not literal is not enough.
    pub fn text(&self, value: &'a Expr) -> Option<String> {
        match self.beginning(value, MAX_PARTS)? {
            (text, true) => Some(text),
            _ => None,
        }
    }

    /// What a text begins with, and whether that is all of it: `x~=` of `"x~=" + VERSION`, of `f"x~={VERSION}"` and of `"x~=%s" % VERSION`.
    pub fn beginning(&self, value: &'a Expr, parts: usize) -> Option<(String, bool)> {
        let parts = parts.checked_sub(1)?;
        match self.alternatives(value).as_slice() {
            [Expr::StringLiteral(text)] => Some((text.value.to_str().to_owned(), true)),
            [Expr::FString(text)] => match text.value.iter().next()? {
                ast::FStringPart::Literal(first) => Some((first.value.to_string(), false)),
                ast::FStringPart::FString(first) => match first.elements.iter().next()? {
                    ast::InterpolatedStringElement::Literal(first) => Some((first.value.to_string(), false)),
                    ast::InterpolatedStringElement::Interpolation(_) => None,
                },
            },
            [Expr::BinOp(sum)] if sum.op == Operator::Add => match self.beginning(&sum.left, parts)? {
                // sums of sums on the right would double with each name
                (left, true) => Some(match self.alternatives(&sum.right).as_slice() {
                    [Expr::StringLiteral(right)] => (left + right.value.to_str(), true),
                    _ => (left, false),
                }),
                begun => Some(begun),
            },
            [Expr::BinOp(filled)] if filled.op == Operator::Mod => {
                let (text, _) = self.beginning(&filled.left, parts)?;
                Some((text.split('%').next().unwrap_or_default().to_owned(), false))
            }
            [Expr::Call(call)] => match call.func.as_ref() {
                Expr::Attribute(method) if method.attr.as_str() == "format" => {
                    let (text, _) = self.beginning(&method.value, parts)?;
                    Some((text.split('{').next().unwrap_or_default().to_owned(), false))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The entries of a dictionary, however it is written or grown; a key that is no literal is `None`.
    pub fn items(&self, value: &'a Expr) -> Vec<(Option<String>, &'a Expr)> {
        let mut found = Vec::new();
        for alternative in self.alternatives(value) {
            match alternative {
                Expr::Dict(dict) => {
                    let items = dict.items.iter().filter_map(|item| Some((item.key.as_ref()?, &item.value)));
                    found.extend(items.map(|(key, value)| (self.text(key), value)));
                }
                Expr::Call(call) if matches!(call.func.as_ref(), Expr::Name(name) if name.id.as_str() == "dict") => {
                    let named = call.arguments.keywords.iter().filter(|keyword| keyword.arg.is_some());
                    found.extend(named.map(|keyword| (keyword.arg.as_ref().map(ToString::to_string), &keyword.value)));
                }
                _ => {}
            }
        }
        if let Expr::Name(name) = value {
            let grown = self.entries.get(name.id.as_str()).into_iter().flatten();
            found.extend(grown.map(|(key, value)| (self.text(key), *value)));
        }
        found
    }

    /// The argument of `list(…)` and its like.
    pub fn wrapped(&self, value: &'a Expr) -> Option<&'a Expr> {
        let Expr::Call(call) = value else { return None };
        let Expr::Name(name) = call.func.as_ref() else { return None };
        match call.arguments.args.as_ref() {
            [only] if WRAPPERS.contains(&name.id.as_str()) => Some(only),
            _ => None,
        }
    }

    /// Files of requirements that an expression names, itself, through its names, or in the functions it calls.
    pub fn files(&self, value: &'a Expr) -> Vec<String> {
        let mut search = FileSearch { bindings: self, seen: HashSet::new(), found: Vec::new() };
        search.visit_expr(value);
        search.found
    }
}

impl<'a> Visitor<'a> for Bindings<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Assign(assign) => assign.targets.iter().for_each(|target| self.bind(target, &assign.value)),
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    self.bind(&assign.target, value);
                }
            }
            Stmt::AugAssign(assign) if assign.op == Operator::Add => self.bind(&assign.target, &assign.value),
            Stmt::Expr(expression) => {
                if let Expr::Call(call) = expression.value.as_ref() {
                    self.grow(call);
                    self.calls.push(call);
                }
            }
            Stmt::With(block) => {
                for item in &block.items {
                    if let Some(target) = &item.optional_vars {
                        self.bind(target, &item.context_expr);
                    }
                }
            }
            Stmt::For(block) => self.bind(&block.target, &block.iter),
            Stmt::FunctionDef(function) => {
                self.functions.insert(function.name.as_str(), &function.body);
            }
            _ => {}
        }
        walk_stmt(self, statement);
    }

    // statements are what is looked for
    fn visit_expr(&mut self, _: &'a Expr) {}
}

struct FileSearch<'b, 'a> {
    bindings: &'b Bindings<'a>,
    seen: HashSet<&'a str>,
    found: Vec<String>,
}

impl FileSearch<'_, '_> {
    fn take(&mut self, path: &str) {
        let is_file = ENDINGS.iter().any(|ending| path.len() > ending.len() && path.ends_with(ending));
        if is_file && !path.contains(['%', '{', '*', '\n', ' ']) && !self.found.iter().any(|known| known == path) {
            self.found.push(path.to_owned());
        }
    }
}

impl<'a> Visitor<'a> for FileSearch<'_, 'a> {
    fn visit_expr(&mut self, value: &'a Expr) {
        match value {
            Expr::StringLiteral(text) => self.take(text.value.to_str()),
            Expr::Name(name) => {
                let name = name.id.as_str();
                if self.seen.insert(name) {
                    let bindings = self.bindings;
                    bindings.names.get(name).into_iter().flatten().for_each(|value| self.visit_expr(value));
                    bindings
                        .functions
                        .get(name)
                        .into_iter()
                        .flat_map(|body| *body)
                        .for_each(|statement| self.visit_stmt(statement));
                }
            }
            // `os.path.join(HERE, "a", "b.txt")` and `HERE / "a" / "b.txt"`: the literal parts at the end
            Expr::Call(call)
                if call.arguments.args.len() > 1 && call.arguments.args.iter().any(|part| literal(part).is_some()) =>
            {
                let parts: Vec<&str> = call.arguments.args.iter().filter_map(literal).collect();
                self.take(&parts.join("/"));
                self.visit_expr(&call.func);
            }
            Expr::BinOp(path) if path.op == Operator::Div => {
                let (mut parts, mut rest) = (Vec::new(), value);
                while let Expr::BinOp(path) = rest {
                    parts.extend(literal(&path.right));
                    rest = &path.left;
                }
                parts.reverse();
                self.take(&parts.join("/"));
            }
            // a text that is put together while it runs
            Expr::BinOp(sum) if sum.op == Operator::Mod => {}
            _ => walk_expr(self, value),
        }
    }
}

fn literal(value: &Expr) -> Option<&str> {
    match value {
        Expr::StringLiteral(text) => Some(text.value.to_str()),
        _ => None,
    }
}
