//! Upgrades as commands of the tool that made the lockfile, or as the line to edit.
//!
//! Everything that comes from the repository (paths, names) is quoted for a POSIX shell; nothing of a file's text is repeated.
//! References: `uv lock --help`, `uv add --help`, <https://python-poetry.org/docs/cli/>, <https://pip-tools.readthedocs.io/>,
//! <https://pdm-project.org/latest/reference/cli/>, <https://pipenv.pypa.io/en/latest/commands.html>.

use advisories::{PackageName, Version};
use serde::{Deserialize, Serialize};

use super::{Bounds, declaring};
use crate::inventory::{Format, Inventory, Manifest, Package, Role, Source};
use crate::repository::Snapshot;

/// A line to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// The file.
    pub path: String,
    /// 1-based.
    pub line: Option<u32>,
    /// What stands there.
    pub from: String,
    /// What should.
    pub to: String,
}

/// What commands are made from, beside the manifest itself.
pub struct Context<'a> {
    /// The whole inventory: who declares what a lock has.
    pub inventory: &'a Inventory,
    /// The files, for how a requirements file was compiled.
    pub snapshot: &'a dyn Snapshot,
}

/// One package to one version.
#[derive(Clone, Copy)]
pub(crate) struct Change<'a> {
    pub package: &'a Package,
    pub to: &'a Version,
    pub bounds: &'a Bounds,
}

/// How to take some changes in one manifest.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct How {
    pub commands: Vec<String>,
    pub edits: Vec<Edit>,
    pub note: Option<String>,
}

/// The commands for these changes of one manifest.
pub(crate) fn how(context: &Context<'_>, manifest: &Manifest, changes: &[Change<'_>]) -> How {
    let (of_index, elsewhere): (Vec<Change<'_>>, Vec<Change<'_>>) =
        changes.iter().partition(|change| matches!(change.package.source, Source::Index { .. }));
    let mut how = if of_index.is_empty() { How::default() } else { of_tool(context, manifest, &of_index) };
    if !elsewhere.is_empty() {
        let moved = elsewhere.iter().map(|change| format!("{} to what is {} or later", change.package.name, change.to));
        let moved = format!("not taken from an index, so move by hand: {}", moved.collect::<Vec<_>>().join(", "));
        how.note = Some(how.note.map_or(moved.clone(), |note| format!("{note}; {moved}")));
    }
    how
}

fn of_tool(context: &Context<'_>, manifest: &Manifest, changes: &[Change<'_>]) -> How {
    match (manifest.format, manifest.role) {
        (Format::Uv, _) => commands(&Uv { context, manifest }, changes),
        (Format::Poetry, _) => commands(&Poetry { context, manifest }, changes),
        (Format::Pdm, _) => commands(&Pdm { context, manifest }, changes),
        (Format::Pipenv, Role::Locked) => commands(&Pipenv { manifest }, changes),
        (Format::Requirements, Role::Locked) => compiled(context, manifest, changes),
        (Format::Pylock, _) => How {
            note: Some(format!(
                "make {} again with the tool that made it, with these versions as lower bounds",
                manifest.path
            )),
            ..How::default()
        },
        _ => edited(manifest, changes),
    }
}

/// A tool with a lockfile and a manifest that it can change, too.
trait Tool {
    /// Moves locked packages within the constraints that there are.
    fn lock(&self, changes: &[Change<'_>], unblock: &[&PackageName]) -> String;
    /// Changes the project's own constraint and locks.
    fn require(&self, change: &Change<'_>) -> String;
}

fn commands(tool: &dyn Tool, changes: &[Change<'_>]) -> How {
    let (own, locked): (Vec<Change<'_>>, Vec<Change<'_>>) =
        changes.iter().partition(|change| change.bounds.own_forbids);
    let mut commands: Vec<String> = own.iter().map(|change| tool.require(change)).collect();
    let mut unblock: Vec<&PackageName> = locked.iter().flat_map(|change| &change.bounds.blockers).collect();
    unblock.sort();
    unblock.dedup();
    unblock.retain(|name| !changes.iter().any(|change| &change.package.name == *name));
    if !locked.is_empty() {
        commands.push(tool.lock(&locked, &unblock));
    }
    let note = changes.iter().any(|change| !change.bounds.blockers.is_empty()).then(|| {
        "whoever blocks it has to be upgraded to a release that allows it; the command tries that, and fails where there is none".to_owned()
    });
    How { commands, edits: Vec::new(), note }
}

/// `name[extra]>=version`, quoted; `==version` where the project pins it.
fn at_least(change: &Change<'_>, declared: Option<&Package>) -> String {
    let extras = declared.map_or(&[][..], |package| &package.requested_extras);
    let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
    let operator = if declared.is_some_and(super::is_pin) { "==" } else { ">=" };
    quoted(&format!("{}{extras}{operator}{}", change.package.name, change.to))
}

struct Uv<'a> {
    context: &'a Context<'a>,
    manifest: &'a Manifest,
}

impl Tool for Uv<'_> {
    fn lock(&self, changes: &[Change<'_>], unblock: &[&PackageName]) -> String {
        let mut command = format!("uv lock{}", option("--project", &self.manifest.path));
        for change in changes {
            command.push_str(" --upgrade-package ");
            command.push_str(&quoted(&format!("{}=={}", change.package.name, change.to)));
        }
        for name in unblock {
            command.push_str(&format!(" --upgrade-package {name}"));
        }
        command
    }

    fn require(&self, change: &Change<'_>) -> String {
        let found = declaring(&self.context.inventory.manifests, self.manifest, &change.package.name);
        let place = found.map_or(self.manifest.path.as_str(), |(manifest, _)| &manifest.path);
        let group = found.map_or_else(String::new, |(_, package)| match (&package.groups[..], &package.extras[..]) {
            _ if package.main => String::new(),
            ([group, ..], _) => format!(" --group {}", quoted(group)),
            (_, [extra, ..]) => format!(" --optional {}", quoted(extra)),
            _ => String::new(),
        });
        format!("uv add --no-sync{}{group} {}", option("--project", place), at_least(change, found.map(|it| it.1)))
    }
}

struct Poetry<'a> {
    context: &'a Context<'a>,
    manifest: &'a Manifest,
}

impl Tool for Poetry<'_> {
    fn lock(&self, changes: &[Change<'_>], unblock: &[&PackageName]) -> String {
        let names = changes.iter().map(|change| &change.package.name).chain(unblock.iter().copied());
        let names: Vec<&str> = names.map(PackageName::as_str).collect();
        format!("poetry{} update --lock {}", option("--directory", &self.manifest.path), names.join(" "))
    }

    fn require(&self, change: &Change<'_>) -> String {
        let found = declaring(&self.context.inventory.manifests, self.manifest, &change.package.name);
        let group = found.map_or_else(String::new, |(_, package)| match &package.groups[..] {
            [group, ..] if !package.main => format!(" --group {}", quoted(group)),
            _ => String::new(),
        });
        let place = option("--directory", &self.manifest.path);
        format!("poetry{place} add --lock{group} {}", at_least(change, found.map(|it| it.1)))
    }
}

struct Pdm<'a> {
    context: &'a Context<'a>,
    manifest: &'a Manifest,
}

impl Tool for Pdm<'_> {
    fn lock(&self, changes: &[Change<'_>], unblock: &[&PackageName]) -> String {
        let names = changes.iter().map(|change| &change.package.name).chain(unblock.iter().copied());
        let names: Vec<&str> = names.map(PackageName::as_str).collect();
        format!("pdm update{} --no-sync --update-reuse {}", option("--project", &self.manifest.path), names.join(" "))
    }

    fn require(&self, change: &Change<'_>) -> String {
        let found = declaring(&self.context.inventory.manifests, self.manifest, &change.package.name);
        let group = found.map_or_else(String::new, |(_, package)| match (&package.groups[..], &package.extras[..]) {
            _ if package.main => String::new(),
            ([group, ..], _) => format!(" --dev --group {}", quoted(group)),
            (_, [extra, ..]) => format!(" --group {}", quoted(extra)),
            _ => String::new(),
        });
        let place = option("--project", &self.manifest.path);
        format!("pdm add{place} --no-sync{group} {}", at_least(change, found.map(|it| it.1)))
    }
}

struct Pipenv<'a> {
    manifest: &'a Manifest,
}

impl Pipenv<'_> {
    fn upgrade(&self, options: &str, requirements: &[String], dev: bool) -> String {
        let folder = folder(&self.manifest.path);
        let place = if folder.is_empty() {
            String::new()
        } else {
            format!("PIPENV_PIPFILE={} ", quoted(&format!("{folder}/Pipfile")))
        };
        format!("{place}pipenv upgrade{options}{} {}", if dev { " --dev" } else { "" }, requirements.join(" "))
    }
}

impl Tool for Pipenv<'_> {
    fn lock(&self, changes: &[Change<'_>], _unblock: &[&PackageName]) -> String {
        let requirements: Vec<String> =
            changes.iter().map(|change| quoted(&format!("{}=={}", change.package.name, change.to))).collect();
        let dev = changes.iter().all(|change| !change.package.main && !change.package.groups.is_empty());
        // without the option it would write what others bring into the Pipfile, too
        self.upgrade(" --lock-only", &requirements, dev)
    }

    fn require(&self, change: &Change<'_>) -> String {
        let dev = !change.package.main && !change.package.groups.is_empty();
        self.upgrade("", &[at_least(change, Some(change.package))], dev)
    }
}

/// A requirements file that pip-tools or uv compiled: its head says which, the source stands beside it.
fn compiled(context: &Context<'_>, manifest: &Manifest, changes: &[Change<'_>]) -> How {
    let path = &manifest.path;
    let is_there = |candidate: &str| context.snapshot.entries().iter().any(|entry| entry.path == candidate);
    let stem = path.strip_suffix(".txt").unwrap_or(path);
    let beside =
        if folder(path).is_empty() { "pyproject.toml".to_owned() } else { format!("{}/pyproject.toml", folder(path)) };
    let Some(source) = [format!("{stem}.in"), beside].into_iter().find(|candidate| is_there(candidate)) else {
        let mut how = edited(manifest, changes);
        how.note = Some(format!("{path} was compiled, and what it was compiled from is not beside it"));
        return how;
    };
    let head = context.snapshot.read(path).unwrap_or_default();
    let head = String::from_utf8_lossy(&head[..head.len().min(2048)]).into_owned();
    let tool =
        if head.contains("uv pip compile") || head.contains("by uv ") { "uv pip compile" } else { "pip-compile" };
    let hashes = if changes.iter().any(|change| change.package.hashed) { " --generate-hashes" } else { "" };
    let mut command = format!("{tool}{hashes}");
    for change in changes {
        command.push_str(" --upgrade-package ");
        command.push_str(&quoted(&format!("{}=={}", change.package.name, change.to)));
    }
    command.push_str(&format!(" --output-file {} {}", quoted(path), quoted(&source)));
    let own = changes.iter().filter(|change| change.bounds.own_forbids).map(|change| change.package.name.as_str());
    let own: Vec<&str> = own.collect();
    let note = (!own.is_empty()).then(|| format!("widen the range of {} in {source} first", own.join(", ")));
    How { commands: vec![command], edits: Vec::new(), note }
}

/// A pin that a person wrote.
fn edited(manifest: &Manifest, changes: &[Change<'_>]) -> How {
    let edit = |change: &Change<'_>| {
        let from = change.package.version.as_ref().map(|version| format!("{}=={version}", change.package.name));
        Edit {
            path: change.package.declared_in.clone().unwrap_or_else(|| manifest.path.clone()),
            line: change.package.line,
            from: from.unwrap_or_else(|| change.package.name.to_string()),
            to: format!("{}=={}", change.package.name, change.to),
        }
    };
    let hashed = changes.iter().any(|change| change.package.hashed);
    let note = hashed
        .then(|| "its hashes have to be renewed with it (`pip hash`, or `pip-compile --generate-hashes`)".to_owned());
    let edits: Vec<Edit> = changes.iter().map(edit).collect();
    let commands = if manifest.format == Format::Requirements && !hashed { substitutions(&edits) } else { Vec::new() };
    How { commands, edits, note }
}

/// The edits of a requirements file as `sed` on their lines, which touches nothing but the version.
fn substitutions(edits: &[Edit]) -> Vec<String> {
    let version = |text: &str| text.split_once("==").map(|(_, version)| version.to_owned());
    let each = edits.iter().filter_map(|edit| {
        let (line, from, to) = (edit.line?, version(&edit.from)?, version(&edit.to)?);
        let literal = from.replace('.', "\\.");
        // versions have no character that means something to sed but the dot
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || ".+-!_".contains(c));
        let script = quoted(&format!("{line}s/{literal}/{to}/"));
        (plain(&from) && plain(&to)).then(|| format!("sed -i {script} {}", quoted(&edit.path)))
    });
    each.collect()
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// ` --project folder` for a manifest that is not at the root.
fn option(name: &str, path: &str) -> String {
    let folder = folder(path);
    if folder.is_empty() { String::new() } else { format!(" {name} {}", quoted(folder)) }
}

/// One word of a POSIX shell. A word that looks like an option is none.
pub(crate) fn quoted(word: &str) -> String {
    let word = if word.starts_with('-') { format!("./{word}") } else { word.to_owned() };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_./=+:@%,-".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word;
    }
    let printable: String = word.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect();
    format!("'{}'", printable.replace('\'', r"'\''"))
}
