//! The walk over one syntax tree.

use std::borrow::Cow;
use std::collections::HashMap;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextSize};

use super::roles::{
    argument_role, asks_for_environment, asks_whether_installed, assigned_role, catches_import_error, imports_by_name,
    is_main_guard, lets_import_fail, may_be_program, may_name, takes_names,
};
use super::{Import, LineStarts, Literal, PythonText, Role, is_dotted};
use crate::usage::evidence::features;
use crate::usage::name_filter::NameFilter;

/// Stack that must be left before the walk goes one level down, and what it grows by.
pub(super) const STACK_RESERVE: usize = 128 << 10;
pub(super) const STACK_GROWTH: usize = 2 << 20;
/// Longer literals are prose or data and name no module, command or address.
const LONGEST_LITERAL: usize = 400;

/// What surrounds the statement being read.
#[derive(Debug, Clone, Copy, Default)]
struct Surroundings {
    type_checking: bool,
    optional: bool,
    lazy: bool,
    conditional: bool,
}

pub(super) struct Reader<'t> {
    lines: &'t LineStarts,
    cell: Option<u32>,
    around: Surroundings,
    role: Role,
    /// Calls whose arguments are being read.
    calls: u32,
    listed: bool,
    /// Local name → what it was imported as.
    bound: HashMap<String, String>,
    /// The names in `bound`: most names of a text are none of them.
    bound_names: NameFilter,
    /// Where a name is put together before it is looked up.
    scratch: String,
    read: PythonText,
}

impl<'t> Reader<'t> {
    pub(super) fn new(lines: &'t LineStarts, cell: Option<u32>) -> Self {
        Self {
            lines,
            cell,
            around: Surroundings::default(),
            role: Role::Plain,
            calls: 0,
            listed: false,
            bound: HashMap::new(),
            bound_names: NameFilter::default(),
            scratch: String::new(),
            read: PythonText::default(),
        }
    }

    pub(super) fn finish(self) -> PythonText {
        self.read
    }

    fn bind(&mut self, local: &str, meant: String) {
        self.bound_names.add(local);
        self.bound.insert(local.to_owned(), meant);
    }

    /// What a local name was imported as.
    fn meant(&self, local: &str) -> Option<&String> {
        if self.bound_names.may_hold(local) { self.bound.get(local) } else { None }
    }

    fn import(&mut self, module: &str, names: Vec<String>, level: u32, at: TextSize, dynamic: bool) {
        self.read.imports.push(Import {
            module: module.to_owned(),
            names,
            level,
            line: self.lines.line(at),
            cell: self.cell,
            type_checking: self.around.type_checking,
            optional: self.around.optional,
            lazy: self.around.lazy,
            dynamic,
            conditional: self.around.conditional,
        });
    }

    /// Notes a name that is put together of `parts`.
    fn refer(&mut self, parts: &[&str], at: TextSize) {
        self.scratch.clear();
        parts.iter().for_each(|part| self.scratch.push_str(part));
        self.refer_to_scratch(at);
    }

    /// Notes the name in `scratch`; the first line of each stays.
    fn refer_to_scratch(&mut self, at: TextSize) {
        if !self.read.references.contains_key(&self.scratch) {
            let line = self.lines.line(at);
            self.read.references.insert(self.scratch.clone(), line);
        }
    }

    fn import_statement(&mut self, statement: &ast::StmtImport) {
        for alias in &statement.names {
            let module = alias.name.as_str();
            self.import(module, Vec::new(), 0, alias.range().start(), false);
            let (local, meant) = match &alias.asname {
                Some(local) => (local.as_str(), module),
                None => {
                    let first = module.split('.').next().unwrap_or(module);
                    (first, first)
                }
            };
            self.bind(local, meant.to_owned());
        }
    }

    fn import_from_statement(&mut self, statement: &ast::StmtImportFrom) {
        let module = statement.module.as_ref().map_or("", |module| module.as_str());
        let names = statement.names.iter().map(|alias| alias.name.to_string()).collect();
        self.import(module, names, statement.level, statement.range().start(), false);
        if statement.level > 0 {
            return;
        }
        for alias in &statement.names {
            let meant = format!("{module}.{}", alias.name.as_str());
            self.refer(&[&meant], alias.range().start());
            let local = alias.asname.as_ref().unwrap_or(&alias.name);
            self.bind(local.as_str(), meant);
        }
    }

    /// The dotted name of `a.b.c`, through what `a` was imported as; `None` when it does not begin with a name.
    fn dotted(&self, expr: &Expr) -> Option<(String, bool)> {
        let mut parts = Vec::new();
        let mut current = expr;
        loop {
            match current {
                Expr::Attribute(attribute) => {
                    parts.push(attribute.attr.as_str());
                    current = &attribute.value;
                }
                Expr::Name(name) => {
                    let bound = self.meant(name.id.as_str());
                    let mut dotted = bound.map_or(name.id.as_str(), String::as_str).to_owned();
                    for part in parts.iter().rev() {
                        dotted.push('.');
                        dotted.push_str(part);
                    }
                    return Some((dotted, bound.is_some()));
                }
                _ => return None,
            }
        }
    }

    fn call(&mut self, call: &ast::ExprCall) {
        let last = match &*call.func {
            Expr::Attribute(attribute) => Cow::Borrowed(attribute.attr.as_str()),
            Expr::Name(name) => match self.meant(name.id.as_str()) {
                Some(meant) => Cow::Owned(meant.rsplit('.').next().unwrap_or(meant).to_owned()),
                None => Cow::Borrowed(name.id.as_str()),
            },
            _ => Cow::default(),
        };
        for keyword in &call.arguments.keywords {
            if let Some(name) = &keyword.arg
                && features::of_argument(&last, name.as_str())
            {
                self.refer(&[&last, "(", name.as_str(), "=)"], keyword.range().start());
            }
        }
        // few calls need to be known by their whole name
        let callee = match &*call.func {
            _ if !takes_names(&last) => String::new(),
            func => match (func, self.dotted(func)) {
                (_, Some((dotted, _))) => dotted,
                (Expr::Attribute(attribute), None) => format!(".{}", attribute.attr),
                _ => String::new(),
            },
        };
        let is_importer = matches!(
            callee.as_str(),
            "importlib.import_module" | "__import__" | "importlib.util.find_spec" | "pytest.importorskip"
        );
        let may_fail = imports_by_name(&last) || callee.ends_with("find_spec") || callee.ends_with("importorskip");
        if (is_importer || imports_by_name(&last))
            && let Some(Expr::StringLiteral(literal)) = call.arguments.args.first()
        {
            self.import_literal(literal, may_fail);
        }
        self.visit_expr(&call.func);
        self.calls += 1;
        let role = self.role;
        for (at, argument) in call.arguments.args.iter().enumerate() {
            let role = if callee.is_empty() { None } else { argument_role(&callee, at, argument) };
            self.role = role.unwrap_or(Role::Plain);
            self.visit_expr(argument);
        }
        self.role = role;
        for keyword in &call.arguments.keywords {
            let before = self.role;
            self.role = match keyword.arg.as_ref().map(|name| name.as_str()) {
                Some("include" | "imports" | "extensions" | "plugins" | "apps" | "hiddenimports") => Role::ModuleList,
                _ => Role::Plain,
            };
            self.visit_expr(&keyword.value);
            self.role = before;
        }
        self.calls -= 1;
    }

    /// The module that an import function is given.
    fn import_literal(&mut self, literal: &ast::ExprStringLiteral, may_fail: bool) {
        let module = literal.value.to_str();
        let level = module.bytes().take_while(|byte| *byte == b'.').count();
        if !is_dotted(&module[level..]) {
            return;
        }
        let optional = std::mem::replace(&mut self.around.optional, may_fail);
        let depth = u32::try_from(level).unwrap_or(0);
        self.import(&module[level..], Vec::new(), depth, literal.range().start(), true);
        self.around.optional = optional;
    }

    fn literal(&mut self, text: &str, at: TextSize) {
        let is_short = text.len() <= LONGEST_LITERAL;
        if text.is_empty() || !(may_be_program(text) || is_short && may_name(text, self.role)) {
            return;
        }
        let line = self.lines.line(at);
        self.read.literals.push(Literal {
            text: text.to_owned(),
            line,
            cell: self.cell,
            role: self.role,
            listed: self.listed,
        });
    }

    /// An f-string's parts. What a command line begins with names the program, whatever is filled in behind it.
    fn formatted(&mut self, string: &ast::ExprFString) {
        let role = std::mem::replace(&mut self.role, Role::Plain);
        // of a whole line every command counts, and what is filled in is a word like another
        let line = if role == Role::Shell { filled_in(string) } else { String::new() };
        if line.contains(['&', ';', '|', '\n']) {
            self.role = role;
            self.literal(&line, string.range().start());
            self.role = Role::Plain;
        }
        let mut begins = matches!(role, Role::Shell | Role::Program);
        let part_of = |reader: &mut Self, begins: bool, text: &str, at: TextSize| {
            reader.role = if begins { role } else { Role::Plain };
            reader.literal(text, at);
        };
        for part in &string.value {
            match part {
                ast::FStringPart::Literal(part) => {
                    part_of(self, std::mem::take(&mut begins), &part.value, part.range().start())
                }
                ast::FStringPart::FString(part) => {
                    for element in &part.elements {
                        match element {
                            ast::InterpolatedStringElement::Literal(part) => {
                                part_of(self, std::mem::take(&mut begins), &part.value, part.range().start());
                            }
                            ast::InterpolatedStringElement::Interpolation(part) => {
                                begins = false;
                                self.role = Role::Plain;
                                self.visit_expr(&part.expression);
                            }
                        }
                    }
                }
            }
        }
        self.role = role;
    }

    /// The members of a list or tuple that is an argument vector: the first is the program.
    fn vector(&mut self, elements: &[Expr]) {
        let text = |element: &'_ Expr| match element {
            Expr::StringLiteral(word) => word.value.to_str().to_owned(),
            _ => String::new(),
        };
        let is = |element: &Expr, word: &str| text(element) == word;
        // celery's, or what is handed to its `worker_main`
        let of_celery = elements.first().map(text).is_some_and(|first| first == "celery" || first.starts_with('-'));
        for (at, element) in elements.iter().enumerate() {
            let after_m = at.checked_sub(1).is_some_and(|before| is(&elements[before], "-m"));
            self.role = match (at, after_m) {
                (0, _) => Role::Program,
                // a command of celery that another package brings
                _ if of_celery && is(element, "flower") => Role::Program,
                (_, true) => Role::Argument,
                _ => Role::Plain,
            };
            self.visit_expr(element);
        }
        self.role = Role::Program;
    }

    fn within(&mut self, change: impl FnOnce(&mut Surroundings), body: impl FnOnce(&mut Self)) {
        let before = self.around;
        change(&mut self.around);
        body(self);
        self.around = before;
    }

    fn statement(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Import(statement) => self.import_statement(statement),
            Stmt::ImportFrom(statement) => self.import_from_statement(statement),
            Stmt::FunctionDef(_) => self.within(|around| around.lazy = true, |reader| visitor::walk_stmt(reader, stmt)),
            Stmt::If(statement) if self.is_type_checking(&statement.test) => {
                self.within(|around| around.type_checking = true, |reader| reader.visit_body(&statement.body));
                for clause in &statement.elif_else_clauses {
                    self.visit_elif_else_clause(clause);
                }
            }
            // run as a script only, or where it was looked for before: what it needs is not what the product needs
            Stmt::If(statement) if is_main_guard(&statement.test) || asks_whether_installed(&statement.test) => {
                self.within(|around| around.optional = true, |reader| visitor::walk_stmt(reader, stmt));
            }
            Stmt::If(statement) if !asks_for_environment(&statement.test) => {
                self.within(|around| around.conditional = true, |reader| visitor::walk_stmt(reader, stmt));
            }
            Stmt::Try(statement) if statement.handlers.iter().any(catches_import_error) => {
                self.within(|around| around.optional = true, |reader| visitor::walk_stmt(reader, stmt));
            }
            Stmt::With(statement) if statement.items.iter().any(|item| lets_import_fail(&item.context_expr)) => {
                self.within(|around| around.optional = true, |reader| visitor::walk_stmt(reader, stmt));
            }
            Stmt::Assign(statement) => {
                let role = statement.targets.iter().find_map(|target| assigned_role(target, &statement.value));
                self.assigned(role, &statement.value);
            }
            Stmt::AugAssign(statement) => {
                let role = assigned_role(&statement.target, &statement.value);
                // what is added to a command line does not begin one
                self.assigned(role.filter(|role| *role == Role::ModuleList), &statement.value);
            }
            Stmt::AnnAssign(statement) => {
                self.visit_annotation(&statement.annotation);
                if let Some(value) = &statement.value {
                    self.assigned(assigned_role(&statement.target, value), value);
                }
            }
            // a docstring, or a string left standing
            Stmt::Expr(statement) if matches!(&*statement.value, Expr::StringLiteral(_)) => {}
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn assigned(&mut self, role: Option<Role>, value: &Expr) {
        let before = self.role;
        self.role = role.unwrap_or(Role::Plain);
        self.visit_expr(value);
        self.role = before;
    }

    fn is_type_checking(&self, test: &Expr) -> bool {
        match test {
            Expr::Attribute(attribute) => attribute.attr.as_str() == "TYPE_CHECKING" && self.dotted(test).is_some(),
            Expr::Name(name) => {
                let meant = self.meant(name.id.as_str()).map_or(name.id.as_str(), String::as_str);
                meant == "TYPE_CHECKING" || meant.ends_with(".TYPE_CHECKING")
            }
            _ => false,
        }
    }

    /// `"x" in sys.modules`; for a tool of tests it asks only whether they run.
    fn asks_for_module(&self, compare: &ast::ExprCompare) -> bool {
        matches!(&*compare.left, Expr::StringLiteral(name) if !matches!(name.value.to_str(), "pytest" | "unittest" | "coverage"))
            && matches!(&*compare.ops, [ast::CmpOp::In])
            && matches!(&*compare.comparators, [modules] if self.dotted(modules).is_some_and(|(name, _)| name == "sys.modules"))
    }

    fn expression(&mut self, expr: &Expr) {
        match expr {
            Expr::Call(call) => self.call(call),
            Expr::StringLiteral(literal) => self.literal(literal.value.to_str(), literal.range().start()),
            Expr::FString(literal) => self.formatted(literal),
            Expr::List(ast::ExprList { elts, .. }) | Expr::Tuple(ast::ExprTuple { elts, .. })
                if self.role == Role::Program =>
            {
                self.vector(elts);
            }
            Expr::List(_) | Expr::Tuple(_) | Expr::Set(_) => {
                let before = std::mem::replace(&mut self.listed, self.calls == 0);
                visitor::walk_expr(self, expr);
                self.listed = before;
            }
            Expr::Dict(_) => {
                let role = std::mem::replace(&mut self.role, Role::Plain);
                visitor::walk_expr(self, expr);
                self.role = role;
            }
            // whether the product runs under a server: `"x" in sys.modules`
            Expr::Compare(compare) if self.asks_for_module(compare) => {
                let role = std::mem::replace(&mut self.role, Role::ModuleList);
                self.visit_expr(&compare.left);
                self.role = role;
            }
            Expr::Name(name) => {
                let mut scratch = std::mem::take(&mut self.scratch);
                scratch.clear();
                let is_bound = self.meant(name.id.as_str()).map(|meant| scratch.push_str(meant)).is_some();
                self.scratch = scratch;
                if is_bound {
                    self.refer_to_scratch(expr.range().start());
                }
            }
            Expr::Attribute(_) => {
                // the whole chain at once: one level at a time would cost its length squared
                let mut root = expr;
                while let Expr::Attribute(attribute) = root {
                    root = &attribute.value;
                }
                let is_bound = matches!(root, Expr::Name(name) if self.meant(name.id.as_str()).is_some());
                if let Some((dotted, _)) = is_bound.then(|| self.dotted(expr)).flatten() {
                    self.refer(&[&dotted], expr.range().start());
                    return;
                }
                let mut current = expr;
                while let Expr::Attribute(attribute) = current {
                    if !features::of_attribute(attribute.attr.as_str()).is_empty() {
                        self.refer(&[".", attribute.attr.as_str()], expr.range().start());
                    }
                    current = &attribute.value;
                }
                if !matches!(root, Expr::Name(_)) {
                    self.visit_expr(root);
                }
            }
            _ => visitor::walk_expr(self, expr),
        }
    }
}

/// An f-string with a word in each of its places.
fn filled_in(string: &ast::ExprFString) -> String {
    let mut text = String::new();
    for part in &string.value {
        match part {
            ast::FStringPart::Literal(part) => text.push_str(&part.value),
            ast::FStringPart::FString(part) => part.elements.iter().for_each(|element| match element {
                ast::InterpolatedStringElement::Literal(part) => text.push_str(&part.value),
                ast::InterpolatedStringElement::Interpolation(_) => text.push('_'),
            }),
        }
    }
    text
}

impl<'a> Visitor<'a> for Reader<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        stacker::maybe_grow(STACK_RESERVE, STACK_GROWTH, || self.statement(stmt));
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        stacker::maybe_grow(STACK_RESERVE, STACK_GROWTH, || self.expression(expr));
    }

    fn visit_pattern(&mut self, pattern: &'a ast::Pattern) {
        stacker::maybe_grow(STACK_RESERVE, STACK_GROWTH, || visitor::walk_pattern(self, pattern));
    }
}
