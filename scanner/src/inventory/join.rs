//! A manifest beside its lockfile: what the manifest asks for becomes the lock's roots, and the lock answers for the manifest.

use std::collections::HashMap;

use super::graph::{Graph, Label};
use super::package::{Format, Manifest, Package, Role, Source};
use super::poetry;
use super::requirements::joined;
use crate::diagnostic::{Diagnostic, Stage};

/// A lockfile whose roots stand in another file.
#[derive(Debug)]
pub struct Locked {
    /// Its packages.
    pub manifest: Manifest,
    /// Their edges.
    pub graph: Graph,
}

/// Joins all manifests of a repository.
pub fn join(manifests: &mut Vec<Manifest>, locks: Vec<Locked>, diagnostics: &mut Vec<Diagnostic>) {
    let by_path: HashMap<String, usize> =
        manifests.iter().enumerate().map(|(index, manifest)| (manifest.path.clone(), index)).collect();
    for lock in locks {
        let beside = declaring_file(&lock.manifest, &by_path);
        let declared = beside.and_then(|path| by_path.get(&path)).map(|&index| &manifests[index]);
        let settled = settle(lock, declared, diagnostics);
        manifests.push(settled);
    }
    for (declared, lock) in answers(manifests, &by_path) {
        if let Some(&index) = by_path.get(&declared) {
            manifests[index].locked_by.get_or_insert(lock);
        }
    }
}

/// The file that a lockfile's own tool reads beside it.
fn declaring_file(lock: &Manifest, by_path: &HashMap<String, usize>) -> Option<String> {
    let beside = |name: &str| joined(&lock.path, name);
    match lock.format {
        Format::Uv | Format::Poetry | Format::Pdm | Format::Pylock => beside("pyproject.toml"),
        Format::Pipenv => beside("Pipfile"),
        Format::Conda if lock.path.ends_with("pixi.lock") => {
            beside("pixi.toml").filter(|path| by_path.contains_key(path)).or_else(|| beside("pyproject.toml"))
        }
        _ => None,
    }
}

fn settle(lock: Locked, declared: Option<&Manifest>, diagnostics: &mut Vec<Diagnostic>) -> Manifest {
    let Locked { mut manifest, mut graph } = lock;
    let said: Vec<_> = manifest.packages.iter().map(|p| (p.main, p.groups.clone(), p.extras.clone())).collect();
    match declared {
        Some(declared) => add_roots(&mut graph, &mut manifest.packages, declared),
        None if !graph.has_roots() => {
            for top in graph.tops(manifest.packages.len()) {
                graph.root(&Label::Main, top, &[]);
            }
            let reason =
                "no manifest beside this lockfile: what no other package needs is taken as asked for by the project";
            diagnostics.push(Diagnostic::remark(Stage::Inventory, manifest.path.clone(), reason));
        }
        None => {}
    }
    let remark = graph.settle(&mut manifest.packages);
    diagnostics.extend(remark.map(|text| Diagnostic::remark(Stage::Inventory, manifest.path.clone(), text)));
    let alone = declared.is_none() && said.iter().any(|(main, groups, _)| *main || !groups.is_empty());
    for (package, (main, groups, extras)) in manifest.packages.iter_mut().zip(said) {
        // what the lock itself says of groups is what its resolver computed, and wins
        if main || !groups.is_empty() || alone {
            (package.main, package.groups) = (main, groups);
        }
        if !extras.is_empty() {
            package.extras = extras;
        }
    }
    manifest
}

fn add_roots(graph: &mut Graph, packages: &mut [Package], declared: &Manifest) {
    for wanted in &declared.packages {
        if !wanted.direct || wanted.groups.iter().any(|group| group == super::pyproject::BUILD_GROUP) {
            continue;
        }
        let mut labels: Vec<Label> = wanted.groups.iter().cloned().map(Label::Group).collect();
        labels.extend(wanted.extras.iter().cloned().map(Label::Extra));
        labels.extend(wanted.main.then_some(Label::Main));
        for target in poetry::chosen(graph, packages, &wanted.name, wanted.specifier.as_deref()) {
            for label in &labels {
                graph.root(label, target, &wanted.requested_extras);
            }
            let package = &mut packages[target];
            package.specifier = package.specifier.take().or_else(|| wanted.specifier.clone());
        }
    }
}

/// Which lockfile answers for which manifest, as paths.
fn answers(manifests: &[Manifest], by_path: &HashMap<String, usize>) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    for lock in manifests.iter().filter(|manifest| manifest.role == Role::Locked) {
        answers.extend(declaring_file(lock, by_path).map(|path| (path, lock.path.clone())));
        let mut beside = |name: &str| answers.extend(joined(&lock.path, name).map(|path| (path, lock.path.clone())));
        if lock.format == Format::Uv {
            for package in &lock.packages {
                if let Source::Editable { path } | Source::Path { path, directory: true } = &package.source {
                    beside(&format!("{path}/pyproject.toml"));
                }
            }
        }
        if matches!(lock.format, Format::Uv | Format::Pdm) {
            // projects whose dependencies are dynamic keep them there
            ["setup.cfg", "setup.py"].into_iter().for_each(&mut beside);
        }
        // `uv lock --script x.py`
        if let Some(script) = lock.path.strip_suffix(".lock").filter(|path| path.ends_with(".py")) {
            answers.push((script.to_owned(), lock.path.clone()));
        }
        if lock.format == Format::Requirements
            && let Some(stem) = lock.path.strip_suffix(".txt")
        {
            answers.push((format!("{stem}.in"), lock.path.clone()));
        }
    }
    answers
}
