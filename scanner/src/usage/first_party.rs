//! Which imports are the repository's own: those that resolve from a source root, not those that a directory happens to be called like.

use std::collections::{HashMap, HashSet};

/// How an import resolves inside the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Not at all.
    Outside,
    /// Somewhere, from a root that is not above the importing file; an installed distribution goes first.
    Elsewhere,
    /// To a directory without `__init__.py` above the importing file; an installed regular package goes first.
    Namespace,
    /// To a module or regular package from a root above the importing file.
    Regular,
}

/// The repository's own modules.
#[derive(Debug, Default)]
pub struct FirstParty {
    modules: HashSet<String>,
    packages: HashSet<String>,
    directories: HashSet<String>,
    anywhere: HashSet<String>,
    inside: HashSet<String>,
    /// Modules and packages by their last names.
    by_last: HashMap<String, Vec<String>>,
    /// The last names of all modules, packages and directories.
    named: HashSet<String>,
}

impl FirstParty {
    /// From the paths of all Python files.
    pub fn new<'p>(paths: impl IntoIterator<Item = &'p str>) -> Self {
        let mut own = Self::default();
        for path in paths {
            let (directory, file) = path.rsplit_once('/').unwrap_or(("", path));
            let stem = file.split('.').next().unwrap_or_default();
            if stem == "__init__" {
                own.packages.insert(directory.to_owned());
            } else {
                own.modules.insert(path.rsplit_once('.').map_or(path, |(stem, _)| stem).to_owned());
            }
            let mut above = directory;
            while !above.is_empty() && own.directories.insert(above.to_owned()) {
                above = parent(above);
            }
        }
        let top = |path: &String| !own.packages.contains(parent(path));
        let roots = own.modules.iter().chain(&own.packages).filter(|path| top(path));
        own.anywhere = roots.map(|path| last(path).to_owned()).collect();
        for path in own.modules.iter().chain(&own.packages) {
            own.by_last.entry(last(path).to_owned()).or_default().push(path.clone());
        }
        let all = own.modules.iter().chain(&own.packages).chain(&own.directories);
        own.named = all.map(|path| last(path).to_owned()).collect();
        own.inside = own.modules.iter().map(|path| last(path).to_owned()).collect();
        own
    }

    /// True when a module somewhere has this name: a setting may name it by its path inside a package of plugins.
    #[must_use]
    pub fn has_module(&self, name: &str) -> bool {
        self.inside.contains(name)
    }

    /// True when the import can only be of a module here that some `PYTHONPATH` or a change of `sys.path` finds: its dotted path, less the
    /// name taken from it, ends the path of a file or package (`forms.fields.Field` in `web/lib/forms/fields.py`).
    #[must_use]
    pub fn ends_a_path(&self, module: &str) -> bool {
        let taken = module.rsplit_once('.').map_or("", |(module, _)| module);
        [module, taken].iter().filter_map(|text| Some((text, text.rsplit_once('.')?.1))).any(|(text, name)| {
            let ending = text.replace('.', "/");
            let before = |path: &String| Some(path.strip_suffix(&ending)?.to_owned());
            let mut paths = self.by_last.get(name).into_iter().flatten().filter_map(before);
            paths.any(|before| before.is_empty() || before.ends_with('/'))
        })
    }

    /// True when a module or a regular package somewhere has this name.
    #[must_use]
    pub fn has_module_or_package(&self, name: &str) -> bool {
        self.by_last.contains_key(name)
    }

    /// True when a directory, or one above it, is a regular package.
    #[must_use]
    pub fn is_in_package(&self, directory: &str) -> bool {
        let mut above = directory;
        while !above.is_empty() {
            if self.packages.contains(above) {
                return true;
            }
            above = parent(above);
        }
        false
    }

    /// How `module`, imported absolutely in the file at `path`, resolves.
    #[must_use]
    pub fn origin(&self, path: &str, module: &str) -> Origin {
        self.resolve(path, module).0
    }

    /// The same, with the path (without its ending) of the top-level module or package where there is one.
    #[must_use]
    pub fn resolve(&self, path: &str, module: &str) -> (Origin, Option<String>) {
        let first = module.split('.').next().unwrap_or(module);
        // most imports are none of ours
        if !self.named.contains(first) {
            return (Origin::Outside, None);
        }
        let mut best = if self.anywhere.contains(first) { Origin::Elsewhere } else { Origin::Outside };
        let mut root = parent(path);
        let mut own_directory = true;
        loop {
            let at = if root.is_empty() { first.to_owned() } else { format!("{root}/{first}") };
            // a package's own directory is on the path only when the file is run as a script (or by Python 2)
            // nor is a directory inside a package, with or without an `__init__.py`: `app/providers/azure` is no `azure`
            let is_root = !self.packages.contains(root) && (own_directory || !self.is_in_package(root));
            // a module that imports its own name means another one: `chromadb.py` that wraps chromadb
            let itself = own_directory && path.rsplit_once('.').is_some_and(|(own, _)| own == at);
            if !itself && (self.modules.contains(&at) || self.packages.contains(&at)) {
                if is_root {
                    return (Origin::Regular, Some(at));
                } else if own_directory {
                    best = best.max(Origin::Elsewhere);
                }
            } else if is_root && self.directories.contains(&at) {
                best = best.max(Origin::Namespace);
            }
            if root.is_empty() {
                return (best, None);
            }
            own_directory = false;
            root = parent(root);
        }
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The directory above a path; the root is empty.
#[must_use]
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_not_first_party_by_its_name_alone() {
        let own = FirstParty::new([
            "app/__init__.py",
            "app/redis.py",
            "app/main.py",
            "alembic/env.py",
            "src/lib_a/__init__.py",
            "tests/test_a.py",
            "manage.py",
            "tools/chroma.py",
            "tools/run.py",
            "cloud/__init__.py",
            "cloud/providers/azure/__init__.py",
            "cloud/providers/azure/vm/__init__.py",
            "cloud/providers/azure/vm/a.py",
            "cloud/providers/run.py",
        ]);
        let cases = [
            ("app/main.py", "app.redis", Origin::Regular),
            ("tests/test_a.py", "manage", Origin::Regular),
            ("app/main.py", "redis", Origin::Elsewhere),
            ("app/main.py", "alembic", Origin::Namespace),
            ("tests/test_a.py", "lib_a.x", Origin::Elsewhere),
            ("app/main.py", "yaml", Origin::Outside),
            // a module that wraps what it is called after
            ("app/redis.py", "redis.asyncio", Origin::Outside),
            ("tools/chroma.py", "chroma", Origin::Elsewhere),
            ("tools/run.py", "chroma", Origin::Regular),
            // a directory without `__init__.py` inside a package is on the path of its own scripts alone
            ("cloud/providers/azure/vm/a.py", "azure.core", Origin::Elsewhere),
            ("cloud/providers/run.py", "azure.vm", Origin::Regular),
        ];
        for (path, module, expected) in cases {
            assert_eq!(own.origin(path, module), expected, "{module} in {path}");
        }
    }

    #[test]
    fn a_module_is_here_if_its_dotted_path_ends_a_path() {
        let own = FirstParty::new(["web/lib/__init__.py", "web/lib/forms/__init__.py", "web/lib/forms/fields.py"]);
        let cases = [
            ("forms.fields.Field", true),
            ("forms.fields", true),
            ("lib.forms.fields", true),
            ("forms.models.Model", false),
            // nothing but a word
            ("forms.Form", false),
            ("fields", false),
            ("orms.fields", false),
            ("other.forms.fields", false),
        ];
        for (module, expected) in cases {
            assert_eq!(own.ends_a_path(module), expected, "{module}");
        }
    }
}
