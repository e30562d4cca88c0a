//! What one Python text imports, names and quotes, read with a real parser and without running anything.
//!
//! Broken files and Python 2 are read as far as the parser recovers; what it could not read becomes a [`Problem`].

//!
//! `reader.rs` walks the syntax tree, `roles.rs` says what a literal may name by where it stands, `nesting.rs` keeps texts away from the
//! parser that would overflow a stack, and `lines.rs` reads what no parser can.

mod lines;
mod nesting;
mod reader;
mod roles;

use std::collections::HashMap;

use memchr::memchr_iter;
use ruff_python_ast::PySourceType;
use ruff_python_ast::visitor::Visitor;
use ruff_python_parser::{ParseErrorType, parse_unchecked_source};
use ruff_text_size::TextSize;

use lines::{looks_like_python_2, read_lines};
use nesting::{DEEPEST_NESTING, is_too_deep, most_levels};
use reader::{Reader, STACK_RESERVE};
pub use roles::{is_program_path, may_be_program};

/// Texts longer than this are read line by line: they are generated data, and a tree of them costs gigabytes.
const LARGEST_PARSED: usize = 2 << 20;
/// What dropping one level of a tree takes at most.
const STACK_OF_LEVEL: usize = 512;

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
    /// Under an `if` that asks for a setting or an option, and not for the platform or the version of Python.
    pub conditional: bool,
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
    /// A distribution's name (PyInstaller's `copy_metadata("x")`).
    Distribution,
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
    /// One of a list that is not handed to a call: data of the program rather than a choice.
    pub listed: bool,
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
    /// Short string literals that may name something.
    pub literals: Vec<Literal>,
    /// Dotted names that go back to an import (`pandas.read_excel` for `pd.read_excel`), with the first line of each. Of what needs a
    /// package by a feature, an attribute of something unknown stands as `.name`, and a keyword argument as `callee(name=)`.
    pub references: HashMap<String, u32>,
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
    if is_too_deep(text) {
        return read_lines(text, 0, cell, format!("nested deeper than {DEEPEST_NESTING} levels: read line by line"));
    }
    let source_type = if stub { PySourceType::Stub } else { PySourceType::Python };
    let parsed = parse_unchecked_source(text, source_type);
    let mut reader = Reader::new(&lines, cell);
    reader.visit_body(&parsed.syntax().body);
    let mut read = reader.finish();
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
    // dropping the tree recurses as deep as it is; stack that is not used is never there
    let needed = STACK_RESERVE + most_levels(text).saturating_mul(STACK_OF_LEVEL);
    stacker::maybe_grow(needed, needed, || drop(parsed));
    read
}

/// Reads the imports of a Cython text (`.pyx`, `.pxd`), whose language no parser here knows; `cimport` needs the package as well.
#[must_use]
pub fn read_cython(text: &str) -> PythonText {
    read_lines(text, 0, None, String::new())
}

fn short(text: &str) -> String {
    text.chars().take(120).collect()
}

/// True for `a`, `a.b` and the like: identifiers joined by single dots.
#[must_use]
pub fn is_dotted(text: &str) -> bool {
    text.split('.').all(is_identifier)
}

/// True for one identifier, keyword or not.
#[must_use]
pub fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && chars.all(|char| char.is_alphanumeric() || char == '_')
}

/// Offsets at which lines begin.
struct LineStarts(Vec<u32>);

impl LineStarts {
    fn new(text: &str) -> Self {
        let after = memchr_iter(b'\n', text.as_bytes()).map(|at| u32::try_from(at + 1).unwrap_or(u32::MAX));
        let mut starts = Vec::with_capacity(text.len() / 32 + 1);
        starts.push(0);
        starts.extend(after);
        Self(starts)
    }

    /// 1-based.
    fn line(&self, offset: TextSize) -> u32 {
        let before = self.0.partition_point(|start| *start <= offset.to_u32());
        u32::try_from(before).unwrap_or(u32::MAX)
    }
}
