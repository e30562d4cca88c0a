//! The exact edit or command that mends a declaration.

use super::first_party::parent;
use super::projects::Declared;
use crate::inventory::{Format, Inventory};

/// The tool whose lockfile stands beside the manifest, or above it in a workspace.
fn tool(declared: &Declared, inventory: &Inventory) -> Option<&'static str> {
    if declared.format == Format::Pipenv {
        return Some("pipenv");
    }
    let lock = |format: Format, directory: &str| {
        inventory.manifests.iter().any(|manifest| manifest.format == format && parent(&manifest.path) == directory)
    };
    let mut directory = parent(&declared.manifest);
    loop {
        let found = [(Format::Uv, "uv"), (Format::Poetry, "poetry"), (Format::Pdm, "pdm")]
            .into_iter()
            .find(|(format, _)| lock(*format, directory));
        if found.is_some() || directory.is_empty() {
            return found.map(|(_, tool)| tool);
        }
        directory = parent(directory);
    }
}

fn place(declared: &Declared) -> String {
    let directory = parent(&declared.manifest);
    if directory.is_empty() { String::new() } else { format!("cd {directory} && ") }
}

/// How to take a package out.
#[must_use]
pub fn remove(declared: &Declared, inventory: &Inventory) -> String {
    let (name, at) = (&declared.name, place(declared));
    match tool(declared, inventory).filter(|_| has_tool(declared.format)) {
        Some("uv") => format!("{at}uv remove {name}"),
        Some("poetry") => format!("{at}poetry remove {name}"),
        Some("pdm") => format!("{at}pdm remove {name}"),
        Some(_) => format!("{at}pipenv uninstall {name}"),
        None => match declared.line {
            Some(line) => format!("delete the entry {name} at {}:{line}", declared.manifest),
            None => format!("delete the entry {name} from {}", declared.manifest),
        },
    }
}

/// How to declare a package.
#[must_use]
pub fn add(declared: &Declared, inventory: &Inventory) -> String {
    let (name, at) = (&declared.name, place(declared));
    match tool(declared, inventory).filter(|_| has_tool(declared.format)) {
        Some("pipenv") => format!("{at}pipenv install {name}"),
        Some(tool) => format!("{at}{tool} add {name}"),
        None => format!("add {name} to {}", declared.manifest),
    }
}

/// Formats whose manifests have a command of their tool to change them.
fn has_tool(format: Format) -> bool {
    matches!(format, Format::Pyproject | Format::Pipenv)
}
