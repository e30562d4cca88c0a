//! What one Python text imports, names and quotes, read with a real parser and without running anything.
//!
//! Broken files and Python 2 are read as far as the parser recovers; what it could not read becomes a [`Problem`].

use std::collections::{BTreeMap, HashMap};

use memchr::memchr_iter;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, PySourceType, Stmt};
use ruff_python_parser::{ParseErrorType, parse_unchecked_source};
use ruff_text_size::{Ranged, TextSize};

/// Texts longer than this are read line by line: they are generated data, and a tree of them costs gigabytes.
const LARGEST_PARSED: usize = 4 << 20;
/// Brackets or prefix operators nested deeper than this are no program that somebody wrote.
const DEEPEST_NESTING: usize = 2_000;
/// Stack that must be left before the walk goes one level down, and what it grows by.
const STACK_RESERVE: usize = 128 << 10;
const STACK_GROWTH: usize = 2 << 20;
/// Longer literals are prose or data and name no module, command or address.
const LONGEST_LITERAL: usize = 400;

/// One import statement's module, or a literal handed to `importlib.import_module` or `__import__`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The dotted module as written, without the leading dots of a relative import.
    pub module: String,
    /// Names taken `from` it; empty for `import x`, `["*"]` for a star import.
    pub names: Vec<String>,
    /// Leading dots: 0 for an absolute import.
    pub level: u32,
    /// 1-based.
    pub line: u32,
    /// 0-based notebook cell.
    pub cell: Option<u32>,
    /// Inside `if TYPE_CHECKING:`.
    pub type_checking: bool,
    /// Inside a `try` that handles ImportError, or in such a handler; or under `if __name__ == "__main__":`.
    pub optional: bool,
    /// Inside a function.
    pub lazy: bool,
    /// A literal given to an import function.
    pub dynamic: bool,
}

/// Where a string literal stands, as far as that decides what it may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Anywhere.
    Plain,
    /// A member of a list that names applications, extensions or plugins by module.
    ModuleList,
    /// The program of an argument vector (`subprocess.run(["x", …])`, `execvp("x", …)`).
    Program,
    /// The word after `-m` in an argument vector.
    Argument,
    /// A whole command line (`os.system("x …")`).
    Shell,
}

/// A short string literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// The text with its escapes resolved; of an f-string, its literal parts.
    pub text: String,
    /// 1-based.
    pub line: u32,
    /// 0-based notebook cell.
    pub cell: Option<u32>,
    /// What it may name.
    pub role: Role,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// 1-based.
    pub line: u32,
    /// 0-based notebook cell.
    pub cell: Option<u32>,
    /// In words.
    pub reason: String,
}

/// Everything usage wants to know of one Python text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PythonText {
    /// Imports in the order of the text.
    pub imports: Vec<Import>,
    /// Short string literals.
    pub literals: Vec<Literal>,
    /// Dotted names that go back to an import (`pandas.read_excel` for `pd.read_excel`), with the first line of each. An attribute of
    /// something unknown stands as `.name`, a keyword argument as `callee(name=)`.
    pub references: BTreeMap<String, u32>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// Reads one Python text. `stub` is true for `.pyi`; `cell` is the notebook cell it comes from.
#[must_use]
pub fn read_python(text: &str, stub: bool, cell: Option<u32>) -> PythonText {
    let lines = LineStarts::new(text);
    if text.len() > LARGEST_PARSED {
        return read_lines(text, 0, cell, format!("{} bytes: read line by line", text.len()));
    }
    if let Some(line) = nested_too_deep(text) {
        let mut read =
            read_lines(text, 0, cell, format!("nested deeper than {DEEPEST_NESTING} levels: read line by line"));
        read.problems[0].line = line;
        return read;
    }
    let source_type = if stub { PySourceType::Stub } else { PySourceType::Python };
    let parsed = parse_unchecked_source(text, source_type);
    let mut reader = Reader::new(&lines, cell);
    reader.visit_body(&parsed.syntax().body);
    let mut read = reader.read;
    if let Some(first) = parsed.errors().iter().min_by_key(|error| error.location.start()) {
        let line = lines.line(first.location.start());
        let kind = if looks_like_python_2(text) { "Python 2 syntax" } else { "not valid Python" };
        read.problems.push(Problem {
            line,
            cell,
            reason: format!("{kind}: {}; read as far as possible", short(&first.error.to_string())),
        });
        // a string that never ends swallows the rest of the file, so that rest is read by its lines
        let swallowed = parsed.errors().iter().find(|error| matches!(error.error, ParseErrorType::Lexical(_)));
        if let Some(swallowed) = swallowed {
            let from = lines.line(swallowed.location.start()) as usize;
            let known: Vec<u32> = read.imports.iter().map(|import| import.line).collect();
            let rest = read_lines(text, from, cell, String::new());
            read.imports.extend(rest.imports.into_iter().filter(|import| !known.contains(&import.line)));
        }
    }
    let depth = parsed_depth(text);
    if depth > 64 {
        // dropping the tree recurses as deep as it is nested
        stacker::grow(STACK_GROWTH.max(depth.saturating_mul(512)), || drop(parsed));
    }
    read
}

fn short(text: &str) -> String {
    text.chars().take(120).collect()
}

/// An upper bound of how deep the syntax tree can be: no level is shorter than two bytes of one logical line.
fn parsed_depth(text: &str) -> usize {
    let mut open = 0usize;
    let mut longest = 0usize;
    let mut current = 0usize;
    for &byte in text.as_bytes() {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            b'\n' if open == 0 => {
                longest = longest.max(current);
                current = 0;
            }
            _ => {}
        }
        current += 1;
    }
    longest.max(current) / 2
}

/// The line at which brackets, prefix operators or blocks are nested too deep for any tree.
fn nested_too_deep(text: &str) -> Option<u32> {
    let (mut line, mut open, mut run, mut words, mut indent, mut at_start) =
        (1u32, 0usize, 0usize, 0usize, 0usize, true);
    let bytes = text.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        match byte {
            b'-' | b'+' | b'~' | b'*' => run += 1,
            b' ' | b'\t' | b'\n' | b'\\' => {}
            _ => run = 0,
        }
        if byte == b'\n' {
            line += 1;
            indent = 0;
            at_start = true;
            if open == 0 {
                words = 0;
            }
        } else if at_start && (byte == b' ' || byte == b'\t') {
            indent += 1;
        } else {
            at_start = false;
            if matches!(byte, b'n' | b'l' | b'e' | b'a' | b'y' | b'*')
                && [&b"not "[..], b"lambda", b"else ", b"await ", b"yield ", b"**"]
                    .iter()
                    .any(|word| bytes[at..].starts_with(word))
            {
                words += 1;
            }
        }
        if open > DEEPEST_NESTING || run > DEEPEST_NESTING || words > DEEPEST_NESTING || indent > DEEPEST_NESTING {
            return Some(line);
        }
    }
    None
}

fn looks_like_python_2(text: &str) -> bool {
    text.lines().take(5_000).any(|line| {
        let line = line.trim_start();
        line.strip_prefix("print ").is_some_and(|rest| !rest.starts_with(['=', '(', ':', '.']))
            || (line.starts_with("except ") && line.contains(", ") && !line.contains('(') && line.ends_with(':'))
            || line.starts_with("exec \"")
            || line.starts_with("raise ") && line.contains(", \"")
    })
}

/// The fallback that reads plain import statements line by line, from the 0-based line `from` on.
fn read_lines(text: &str, from: usize, cell: Option<u32>, reason: String) -> PythonText {
    let mut read = PythonText::default();
    for (at, line) in text.lines().enumerate().skip(from) {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let lazy = line.starts_with([' ', '\t']);
        let line = line.split('#').next().unwrap_or_default().trim();
        let import = |module: &str, names: Vec<String>| {
            let level = module.bytes().take_while(|byte| *byte == b'.').count();
            let module = module[level..].to_owned();
            (is_dotted(&module) || (level > 0 && module.is_empty())).then(|| Import {
                module,
                names,
                level: u32::try_from(level).unwrap_or(u32::MAX),
                line: number,
                cell,
                type_checking: false,
                optional: false,
                lazy,
                dynamic: false,
            })
        };
        if let Some(rest) = line.strip_prefix("import ") {
            let modules = rest.split([',', ';']).filter_map(|part| part.split_whitespace().next());
            read.imports.extend(modules.filter_map(|module| import(module, Vec::new())));
        } else if let Some((module, names)) = line.strip_prefix("from ").and_then(|rest| rest.split_once(" import ")) {
            let names = names.split([',', ';', '(', ')']).filter_map(|part| part.split_whitespace().next());
            read.imports.extend(import(module.trim(), names.map(str::to_owned).collect()));
        }
    }
    if !reason.is_empty() {
        read.problems.push(Problem { line: 1, cell, reason });
    }
    read
}

/// True for `a`, `a.b` and the like: identifiers joined by single dots.
#[must_use]
pub fn is_dotted(text: &str) -> bool {
    text.split('.').all(|part| {
        let mut chars = part.chars();
        chars.next().is_some_and(|first| first.is_alphabetic() || first == '_')
            && chars.all(|char| char.is_alphanumeric() || char == '_')
    })
}

/// Offsets at which lines begin.
struct LineStarts(Vec<u32>);

impl LineStarts {
    fn new(text: &str) -> Self {
        let after = memchr_iter(b'\n', text.as_bytes()).map(|at| u32::try_from(at + 1).unwrap_or(u32::MAX));
        Self(std::iter::once(0).chain(after).collect())
    }

    /// 1-based.
    fn line(&self, offset: TextSize) -> u32 {
        let before = self.0.partition_point(|start| *start <= offset.to_u32());
        u32::try_from(before).unwrap_or(u32::MAX)
    }
}

/// What surrounds the statement being read.
#[derive(Debug, Clone, Copy, Default)]
struct Surroundings {
    type_checking: bool,
    optional: bool,
    lazy: bool,
}

struct Reader<'t> {
    lines: &'t LineStarts,
    cell: Option<u32>,
    around: Surroundings,
    role: Role,
    /// Local name → what it was imported as.
    bound: HashMap<String, String>,
    read: PythonText,
}

impl<'t> Reader<'t> {
    fn new(lines: &'t LineStarts, cell: Option<u32>) -> Self {
        Self {
            lines,
            cell,
            around: Surroundings::default(),
            role: Role::Plain,
            bound: HashMap::new(),
            read: PythonText::default(),
        }
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
        });
    }

    fn refer(&mut self, dotted: String, at: TextSize) {
        let line = self.lines.line(at);
        self.read.references.entry(dotted).or_insert(line);
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
            self.bound.insert(local.to_owned(), meant.to_owned());
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
            self.refer(meant.clone(), alias.range().start());
            let local = alias.asname.as_ref().unwrap_or(&alias.name);
            self.bound.insert(local.to_string(), meant);
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
                    let bound = self.bound.get(name.id.as_str());
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
        let callee = match (&*call.func, self.dotted(&call.func)) {
            (_, Some((dotted, _))) => dotted,
            (Expr::Attribute(attribute), None) => format!(".{}", attribute.attr),
            _ => String::new(),
        };
        for keyword in &call.arguments.keywords {
            if let Some(name) = &keyword.arg
                && !callee.is_empty()
            {
                let last = callee.rsplit('.').next().unwrap_or(&callee);
                self.refer(format!("{last}({name}=)"), keyword.range().start());
            }
        }
        let first = call.arguments.args.first();
        if matches!(
            callee.as_str(),
            "importlib.import_module" | "__import__" | "importlib.util.find_spec" | "pytest.importorskip"
        ) && let Some(Expr::StringLiteral(literal)) = first
        {
            let module = literal.value.to_str();
            let level = module.bytes().take_while(|byte| *byte == b'.').count();
            if is_dotted(&module[level..]) {
                let optional = std::mem::replace(
                    &mut self.around.optional,
                    callee.ends_with("find_spec") || callee.ends_with("importorskip"),
                );
                self.import(
                    &module[level..],
                    Vec::new(),
                    u32::try_from(level).unwrap_or(0),
                    literal.range().start(),
                    true,
                );
                self.around.optional = optional;
            }
        }
        self.visit_expr(&call.func);
        let role = self.role;
        for (at, argument) in call.arguments.args.iter().enumerate() {
            self.role = argument_role(&callee, at, argument).unwrap_or(Role::Plain);
            self.visit_expr(argument);
        }
        self.role = role;
        for keyword in &call.arguments.keywords {
            let before = self.role;
            self.role = match keyword.arg.as_ref().map(|name| name.as_str()) {
                Some("include" | "imports" | "extensions" | "plugins" | "apps") => Role::ModuleList,
                _ => Role::Plain,
            };
            self.visit_expr(&keyword.value);
            self.role = before;
        }
    }

    fn literal(&mut self, text: &str, at: TextSize) {
        if text.is_empty() || text.len() > LONGEST_LITERAL || text.contains('\0') {
            return;
        }
        let line = self.lines.line(at);
        self.read.literals.push(Literal { text: text.to_owned(), line, cell: self.cell, role: self.role });
    }

    /// The members of a list or tuple that is an argument vector: the first is the program.
    fn vector(&mut self, elements: &[Expr]) {
        for (at, element) in elements.iter().enumerate() {
            let after_m = at.checked_sub(1).is_some_and(
                |before| matches!(&elements[before], Expr::StringLiteral(flag) if flag.value.to_str() == "-m"),
            );
            self.role = match (at, after_m) {
                (0, _) => Role::Program,
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
            // run as a script only: what it needs is not what the product needs
            Stmt::If(statement) if is_main_guard(&statement.test) => {
                self.within(|around| around.optional = true, |reader| visitor::walk_stmt(reader, stmt));
            }
            Stmt::Try(statement) if statement.handlers.iter().any(catches_import_error) => {
                self.within(|around| around.optional = true, |reader| visitor::walk_stmt(reader, stmt));
            }
            Stmt::Assign(statement) => {
                let listed = statement.targets.iter().any(names_modules);
                self.assigned(listed, &statement.value);
            }
            Stmt::AugAssign(statement) => self.assigned(names_modules(&statement.target), &statement.value),
            Stmt::AnnAssign(statement) => {
                self.visit_annotation(&statement.annotation);
                if let Some(value) = &statement.value {
                    self.assigned(names_modules(&statement.target), value);
                }
            }
            // a docstring, or a string left standing
            Stmt::Expr(statement) if matches!(&*statement.value, Expr::StringLiteral(_)) => {}
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn assigned(&mut self, listed: bool, value: &Expr) {
        let before = self.role;
        self.role = if listed { Role::ModuleList } else { Role::Plain };
        self.visit_expr(value);
        self.role = before;
    }

    fn is_type_checking(&self, test: &Expr) -> bool {
        self.dotted(test).is_some_and(|(dotted, _)| dotted == "TYPE_CHECKING" || dotted.ends_with(".TYPE_CHECKING"))
    }

    fn expression(&mut self, expr: &Expr) {
        match expr {
            Expr::Call(call) => self.call(call),
            Expr::StringLiteral(literal) => self.literal(literal.value.to_str(), literal.range().start()),
            Expr::FString(literal) => {
                let role = std::mem::replace(&mut self.role, Role::Plain);
                for element in literal.value.elements() {
                    match element {
                        ast::InterpolatedStringElement::Literal(part) => {
                            self.literal(&part.value, part.range().start())
                        }
                        ast::InterpolatedStringElement::Interpolation(part) => self.visit_expr(&part.expression),
                    }
                }
                self.role = role;
            }
            Expr::List(ast::ExprList { elts, .. }) | Expr::Tuple(ast::ExprTuple { elts, .. })
                if self.role == Role::Program =>
            {
                self.vector(elts);
            }
            Expr::Dict(_) => {
                let role = std::mem::replace(&mut self.role, Role::Plain);
                visitor::walk_expr(self, expr);
                self.role = role;
            }
            Expr::Name(_) => {
                if let Some((dotted, true)) = self.dotted(expr) {
                    self.refer(dotted, expr.range().start());
                }
            }
            Expr::Attribute(_) => match self.dotted(expr) {
                Some((dotted, true)) => self.refer(dotted, expr.range().start()),
                _ => {
                    // the whole chain at once: one level at a time would cost its length squared
                    let mut current = expr;
                    while let Expr::Attribute(attribute) = current {
                        self.refer(format!(".{}", attribute.attr), expr.range().start());
                        current = &attribute.value;
                    }
                    if !matches!(current, Expr::Name(_)) {
                        self.visit_expr(current);
                    }
                }
            },
            _ => visitor::walk_expr(self, expr),
        }
    }
}

impl<'a> Visitor<'a> for Reader<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        stacker::maybe_grow(STACK_RESERVE, STACK_GROWTH, || self.statement(stmt));
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        stacker::maybe_grow(STACK_RESERVE, STACK_GROWTH, || self.expression(expr));
    }
}

/// What the argument at `at` of a call may name.
fn argument_role(callee: &str, at: usize, argument: &Expr) -> Option<Role> {
    let last = callee.rsplit('.').next()?;
    let is_list = matches!(argument, Expr::List(_) | Expr::Tuple(_));
    match last {
        "run" | "call" | "Popen" | "check_call" | "check_output" | "getoutput" | "getstatusoutput" | "spawn"
            if at == 0 =>
        {
            Some(if is_list { Role::Program } else { Role::Shell })
        }
        "system" | "popen" | "create_subprocess_shell" if at == 0 => Some(Role::Shell),
        "execvp"
        | "execv"
        | "execlp"
        | "execl"
        | "execvpe"
        | "which"
        | "create_subprocess_exec"
        | "run_always"
        | "spawnp"
            if at == 0 =>
        {
            Some(if is_list { Role::Program } else { Role::Shell })
        }
        // INSTALLED_APPS.append("x"), app.setup_extension("x"), celery.autodiscover_tasks(["x"])
        "append" | "insert" | "extend" if callee.rsplit('.').nth(1).is_some_and(is_module_list_name) => {
            Some(Role::ModuleList)
        }
        // Pyramid's config.include("x")
        "include" if callee.contains('.') => Some(Role::ModuleList),
        "setup_extension" | "autodiscover_tasks" | "load_extension" | "register_module" => Some(Role::ModuleList),
        _ => None,
    }
}

fn names_modules(target: &Expr) -> bool {
    match target {
        Expr::Name(name) => is_module_list_name(name.id.as_str()),
        Expr::Attribute(attribute) => is_module_list_name(attribute.attr.as_str()),
        Expr::Subscript(subscript) => {
            matches!(&*subscript.slice, Expr::StringLiteral(key) if is_module_list_name(key.value.to_str()))
        }
        _ => false,
    }
}

/// Names of settings that list modules: Django's INSTALLED_APPS and what settings files split it into, Sphinx's `extensions`, pytest's
/// `pytest_plugins`, Celery's `imports`.
fn is_module_list_name(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    upper.ends_with("APPS")
        || upper.ends_with("_APP")
        || matches!(
            upper.as_str(),
            "EXTENSIONS" | "PYTEST_PLUGINS" | "IMPORTS" | "CELERY_IMPORTS" | "PLUGINS" | "HTML_THEME" | "MIDDLEWARE"
        )
        || upper.ends_with("_EXTENSIONS")
        || upper.ends_with("_MODULES")
        || upper.ends_with("_PLUGINS")
}

/// `__name__ == "__main__"`
fn is_main_guard(test: &Expr) -> bool {
    matches!(test, Expr::Compare(compare) if matches!(&*compare.left, Expr::Name(name) if name.id.as_str() == "__name__"))
}

fn catches_import_error(handler: &ast::ExceptHandler) -> bool {
    let ast::ExceptHandler::ExceptHandler(handler) = handler;
    let names_it = |expr: &Expr| matches!(expr, Expr::Name(name) if matches!(name.id.as_str(), "ImportError" | "ModuleNotFoundError" | "Exception" | "BaseException"));
    match handler.type_.as_deref() {
        None => true,
        Some(Expr::Tuple(tuple)) => tuple.elts.iter().any(names_it),
        Some(expr) => names_it(expr),
    }
}
