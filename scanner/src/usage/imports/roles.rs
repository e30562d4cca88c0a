//! What a string or a list may name, by the call, the assignment or the test that it stands in.

use ruff_python_ast::{self as ast, Expr};

use super::Role;
use crate::usage::evidence::features;

/// True for functions whose first argument is an argument vector or a program.
fn runs_a_program(last: &str) -> bool {
    matches!(
        last,
        "run"
            | "call"
            | "Popen"
            | "check_call"
            | "check_output"
            | "getoutput"
            | "getstatusoutput"
            | "spawn"
            | "execvp"
            | "execv"
            | "execlp"
            | "execl"
            | "execvpe"
            | "which"
            | "create_subprocess_exec"
            | "run_always"
            | "spawnp"
    )
}

/// True for functions whose first argument is a whole command line.
fn runs_a_line(last: &str) -> bool {
    matches!(last, "system" | "popen" | "create_subprocess_shell")
}

/// True for functions whose first argument is a package that they read data of: `importlib.resources.files("x")`.
fn reads_data_of(callee: &str, last: &str) -> bool {
    match last {
        "files" => callee.ends_with("resources.files"),
        "get_data" => callee.ends_with("pkgutil.get_data"),
        // a model of spaCy is a package
        "load" => callee.ends_with("spacy.load"),
        _ => matches!(last, "resource_filename" | "resource_string" | "resource_stream"),
    }
}

/// True for the last part of the name of a function whose arguments may name something, see [`argument_role`] and the import functions.
pub(super) fn takes_names(last: &str) -> bool {
    runs_a_program(last)
        || runs_a_line(last)
        || matches!(
            last,
            "append"
                | "insert"
                | "extend"
                | "include"
                | "setup_extension"
                | "autodiscover_tasks"
                | "load_extension"
                | "load_plugin"
                | "require"
                | "register_module"
                | "collect_data_files"
                | "collect_all"
                | "collect_submodules"
                | "collect_dynamic_libs"
                | "copy_metadata"
                | "files"
                | "get_data"
                | "load"
                | "resource_filename"
                | "resource_string"
                | "resource_stream"
                | "import_module"
                | "__import__"
                | "find_spec"
                | "importorskip"
        )
}

/// True for what a program has of its own to import what may not be there: `lazy_import("x")`, `optional_imports("x")`, `try_import()`.
pub(super) fn imports_by_name(callee: &str) -> bool {
    let lower = callee.to_ascii_lowercase();
    lower.contains("import")
        && lower.split('_').any(|word| matches!(word, "try" | "optional" | "soft" | "safe" | "lazy" | "lazyimport"))
}

/// True for texts that can name something: a plain word does only where its place says so, or where it chooses a known backend.
pub(super) fn may_name(text: &str, role: Role) -> bool {
    let has_mark = || text.bytes().any(|byte| matches!(byte, b'.' | b':' | b'+' | b'='));
    let is_named = role != Role::Plain || has_mark() || is_program_path(text);
    (is_named || !features::of_literal(text.trim()).is_empty()) && !text.contains('\0')
}

/// True for several lines of which one begins like an import. Whether they are a program, the parser says.
pub fn may_be_program(text: &str) -> bool {
    const LONGEST: usize = 64 << 10;
    text.len() <= LONGEST
        && text.contains('\n')
        && text.lines().any(|line| {
            let line = line.trim_start();
            line.starts_with("import ") || line.starts_with("from ") && line.contains(" import ")
        })
}

/// True for a command line that begins with the path of a program: `/opt/venv/bin/x --flag`.
pub fn is_program_path(text: &str) -> bool {
    text.starts_with('/') && text.split_whitespace().next().is_some_and(|program| program.contains("/bin/"))
}

/// What the argument at `at` of a call may name.
pub(super) fn argument_role(callee: &str, at: usize, argument: &Expr) -> Option<Role> {
    let last = callee.rsplit('.').next()?;
    let is_list = matches!(argument, Expr::List(_) | Expr::Tuple(_));
    match last {
        _ if at == 0 && runs_a_program(last) => Some(if is_list { Role::Program } else { Role::Shell }),
        _ if at == 0 && runs_a_line(last) => Some(Role::Shell),
        _ if at == 0 && reads_data_of(callee, last) => Some(Role::ModuleList),
        // INSTALLED_APPS.append("x"), app.setup_extension("x"), celery.autodiscover_tasks(["x"])
        "append" | "insert" | "extend" if callee.rsplit('.').nth(1).is_some_and(is_module_list_name) => {
            Some(Role::ModuleList)
        }
        // Pyramid's config.include("x")
        "include" if callee.contains('.') => Some(Role::ModuleList),
        "setup_extension" | "autodiscover_tasks" | "load_extension" | "load_plugin" | "register_module" => {
            Some(Role::ModuleList)
        }
        // NoneBot's, which loads the plugin that it names
        "require" if at == 0 && callee == "nonebot.require" => Some(Role::ModuleList),
        // PyInstaller's hooks and specifications
        "collect_data_files" | "collect_all" | "collect_submodules" | "collect_dynamic_libs" if at == 0 => {
            Some(Role::ModuleList)
        }
        "copy_metadata" if at == 0 => Some(Role::Distribution),
        _ => None,
    }
}

/// What a value may name by the name that it is given: `INSTALLED_APPS = […]`, `cmd = "x --flag"`, `command = ["x", …]`.
pub(super) fn assigned_role(target: &Expr, value: &Expr) -> Option<Role> {
    let name = match target {
        Expr::Name(name) => name.id.as_str(),
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        Expr::Subscript(subscript) => match &*subscript.slice {
            Expr::StringLiteral(key) => key.value.to_str(),
            _ => return None,
        },
        _ => return None,
    };
    if is_module_list_name(name) {
        return Some(Role::ModuleList);
    }
    let is_command = name.rsplit('_').next().is_some_and(|last| {
        last.eq_ignore_ascii_case("cmd") || last.eq_ignore_ascii_case("command") || last.eq_ignore_ascii_case("cmdline")
    });
    match value {
        Expr::List(_) | Expr::Tuple(_) if is_command || name == "argv" => Some(Role::Program),
        Expr::StringLiteral(_) | Expr::FString(_) if is_command => Some(Role::Shell),
        _ => None,
    }
}

/// Names of settings that list modules: Django's INSTALLED_APPS and what settings files split it into, Sphinx's `extensions`, pytest's
/// `pytest_plugins`, Celery's `imports`.
pub(super) fn is_module_list_name(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    upper.ends_with("APPS")
        || upper.ends_with("_APP")
        || matches!(
            upper.as_str(),
            "EXTENSIONS"
                | "PYTEST_PLUGINS"
                | "IMPORTS"
                | "CELERY_IMPORTS"
                | "PLUGINS"
                | "HTML_THEME"
                | "MIDDLEWARE"
                | "HIDDENIMPORTS"
        )
        || upper.ends_with("_EXTENSIONS")
        || upper.ends_with("_MODULES")
        || upper.ends_with("_PLUGINS")
}

/// `__name__ == "__main__"`
pub(super) fn is_main_guard(test: &Expr) -> bool {
    matches!(test, Expr::Compare(compare) if matches!(&*compare.left, Expr::Name(name) if name.id.as_str() == "__name__"))
}

/// `sys.version_info >= …`, `sys.platform == …`, `os.name == …`: what holds once for an installation.
pub(super) fn asks_for_environment(test: &Expr) -> bool {
    let of_module = |expr: &Expr| {
        matches!(expr, Expr::Attribute(attribute)
            if matches!(attribute.attr.as_str(), "version_info" | "platform" | "name" | "PY2" | "PY3"))
    };
    match test {
        Expr::Compare(compare) => of_module(&compare.left),
        Expr::Attribute(_) => of_module(test),
        Expr::UnaryOp(not) => asks_for_environment(&not.operand),
        _ => false,
    }
}

/// `HAS_X`, `is_x_available()`, `importlib.util.find_spec("x")`, `"x" in settings.INSTALLED_APPS`: whether a package is there was asked before.
pub(super) fn asks_whether_installed(test: &Expr) -> bool {
    match test {
        Expr::BoolOp(both) => both.values.iter().any(asks_whether_installed),
        Expr::Compare(compare) => {
            let among = matches!(&*compare.ops, [ast::CmpOp::In]).then(|| compare.comparators.first()).flatten();
            among.and_then(last_name) == Some("INSTALLED_APPS") || asks_whether_installed(&compare.left)
        }
        Expr::Call(call) => last_name(&call.func).is_some_and(|name| name == "find_spec" || says_installed(name)),
        // `HAS_X` is a constant; `has_x()` may ask anything
        _ => last_name(test).is_some_and(|name| {
            let is_constant = ["HAS_", "_HAS_", "HAVE_", "_HAVE_"].iter().any(|start| name.starts_with(start));
            is_constant || says_installed(name)
        }),
    }
}

/// `is_x_available`; the word alone is a method of something else: `queue.available()`.
fn says_installed(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.rsplit_once('_').is_some_and(|(_, last)| matches!(last, "available" | "installed"))
}

fn last_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => Some(attribute.attr.as_str()),
        _ => None,
    }
}

/// `contextlib.suppress(ImportError)`, and what a program has of its own for that.
pub(super) fn lets_import_fail(context: &Expr) -> bool {
    let Expr::Call(call) = context else { return false };
    let callee = last_name(&call.func).unwrap_or_default();
    callee == "suppress" && call.arguments.args.iter().any(is_import_error) || imports_by_name(callee)
}

fn is_import_error(expr: &Expr) -> bool {
    matches!(expr, Expr::Name(name)
        if matches!(name.id.as_str(), "ImportError" | "ModuleNotFoundError" | "Exception" | "BaseException"))
}

pub(super) fn catches_import_error(handler: &ast::ExceptHandler) -> bool {
    let ast::ExceptHandler::ExceptHandler(handler) = handler;
    let names_it = is_import_error;
    match handler.type_.as_deref() {
        None => true,
        Some(Expr::Tuple(tuple)) => tuple.elts.iter().any(names_it),
        Some(expr) => names_it(expr),
    }
}
