//! Without a parser, plain import statements line by line: what is too large or too broken to parse, and Cython.

use super::{Import, Problem, PythonText, is_dotted};

pub(super) fn looks_like_python_2(text: &str) -> bool {
    text.lines().take(5_000).any(|line| {
        let line = line.trim_start();
        line.strip_prefix("print ").is_some_and(|rest| !rest.starts_with(['=', '(', ':', '.']))
            || (line.starts_with("except ") && line.contains(", ") && !line.contains('(') && line.ends_with(':'))
            || line.starts_with("exec \"")
            || line.starts_with("raise ") && line.contains(", \"")
    })
}

/// The fallback that reads plain import statements line by line, from the 0-based line `from` on.
pub(super) fn read_lines(text: &str, from: usize, cell: Option<u32>, reason: String) -> PythonText {
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
                conditional: false,
            })
        };
        let statement = |word: &str| line.strip_prefix(word).or_else(|| line.strip_prefix('c')?.strip_prefix(word));
        let taken = |word: &str| line.strip_prefix("from ").and_then(|rest| rest.split_once(word));
        if let Some(rest) = statement("import ") {
            let modules = rest.split([',', ';']).filter_map(|part| part.split_whitespace().next());
            read.imports.extend(modules.filter_map(|module| import(module, Vec::new())));
        } else if let Some((module, names)) = taken(" import ").or_else(|| taken(" cimport ")) {
            let names = names.split([',', ';', '(', ')']).filter_map(|part| part.split_whitespace().next());
            read.imports.extend(import(module.trim(), names.map(str::to_owned).collect()));
        }
    }
    if !reason.is_empty() {
        read.problems.push(Problem { line: 1, cell, reason });
    }
    read
}
