//! What is written in a format is read back: generated locks, a writer for each format by its specification, and the product's reader.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;
use scanner::inventory::{self, Source};
use scanner::repository::MemorySnapshot;

/// Where a generated package comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Index,
    Git,
    Archive,
}

/// A generated package.
#[derive(Debug, Clone)]
struct Model {
    /// As the file writes it; normalised it is unique.
    written: String,
    version: String,
    hashed: bool,
    place: Place,
    /// Indexes of what it depends on.
    needs: Vec<usize>,
}

impl Model {
    fn name(&self) -> String {
        self.written.to_lowercase().replace(['_', '.'], "-")
    }
}

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const HASH: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn archive(of: &Model) -> String {
    let version = of.version.replace('+', "%2B");
    format!("https://files.example.org/a/{}-{version}-py3-none-any.whl", of.written.replace(['-', '.'], "_"))
}

fn model() -> impl Strategy<Value = Vec<Model>> {
    let version = "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}((a|b|rc)[0-9]{1,2})?(\\.post[0-9])?(\\.dev[0-9])?(\\+[a-z0-9]{1,4})?";
    let place = prop_oneof![4 => Just(Place::Index), 1 => Just(Place::Git), 1 => Just(Place::Archive)];
    let needs = prop::collection::btree_set(0..12_usize, 0..4);
    let one = ("[A-Za-z][A-Za-z0-9]{0,5}([-_.][A-Za-z0-9]{1,4})?", version, any::<bool>(), place, needs);
    prop::collection::vec(one, 1..12).prop_map(|drawn| {
        let count = drawn.len();
        let numbered = drawn.into_iter().enumerate().map(|(at, (name, version, hashed, place, needs))| Model {
            // a number keeps them apart
            written: format!("{name}{at}x"),
            version,
            hashed,
            place,
            needs: needs.into_iter().filter(|&other| other < count && other != at).collect(),
        });
        numbered.collect()
    })
}

/// A format: where the file stands, how it is written, and what of the model it can hold.
struct Format {
    path: &'static str,
    write: fn(&[Model]) -> String,
    edges: bool,
    places: bool,
}

const FORMATS: [Format; 9] = [
    Format { path: "uv.lock", write: uv, edges: true, places: true },
    Format { path: "poetry.lock", write: poetry, edges: true, places: true },
    Format { path: "old/poetry.lock", write: old_poetry, edges: true, places: false },
    Format { path: "pdm.lock", write: pdm, edges: true, places: true },
    Format { path: "pylock.toml", write: pylock, edges: true, places: true },
    Format { path: "Pipfile.lock", write: pipfile_lock, edges: false, places: true },
    Format { path: "requirements.txt", write: requirements, edges: true, places: false },
    Format { path: "conda-lock.yml", write: conda_lock, edges: true, places: false },
    Format { path: "pixi.lock", write: pixi, edges: true, places: false },
];

fn uv(models: &[Model]) -> String {
    let mut out = "version = 1\nrevision = 3\nrequires-python = \">=3.10\"\n".to_owned();
    for model in models {
        let source = match model.place {
            Place::Index => "registry = \"https://pypi.org/simple\"".to_owned(),
            Place::Git => format!("git = \"https://h.example.org/r?rev=v1#{COMMIT}\""),
            Place::Archive => format!("url = \"{}\"", archive(model)),
        };
        let _ = write!(
            out,
            "\n[[package]]\nname = \"{}\"\nversion = \"{}\"\nsource = {{ {source} }}\ndependencies = [\n",
            model.name(),
            model.version
        );
        for &need in &model.needs {
            let _ = writeln!(out, "    {{ name = \"{}\" }},", models[need].name());
        }
        out.push_str("]\n");
        if model.hashed {
            let _ = writeln!(out, "wheels = [\n    {{ url = \"{}\", hash = \"{HASH}\" }},\n]", archive(model));
        }
    }
    out
}

fn poetry(models: &[Model]) -> String {
    let mut out = String::new();
    for model in models {
        let _ = write!(
            out,
            "[[package]]\nname = \"{}\"\nversion = \"{}\"\noptional = false\npython-versions = \">=3.8\"\ngroups = [\"main\"]\n",
            model.written, model.version
        );
        out.push_str(if model.hashed { "files = [{file = \"f.whl\", hash = \"sha256:0\"}]\n" } else { "files = []\n" });
        if !model.needs.is_empty() {
            out.push_str("[package.dependencies]\n");
        }
        for &need in &model.needs {
            let _ = writeln!(out, "\"{}\" = \"*\"", models[need].written);
        }
        match model.place {
            Place::Index => {}
            Place::Git => {
                let _ = write!(
                    out,
                    "[package.source]\ntype = \"git\"\nurl = \"https://h.example.org/r\"\nreference = \"v1\"\nresolved_reference = \"{COMMIT}\"\n"
                );
            }
            Place::Archive => {
                let _ = write!(out, "[package.source]\ntype = \"url\"\nurl = \"{}\"\n", archive(model));
            }
        }
    }
    out.push_str("[metadata]\nlock-version = \"2.1\"\npython-versions = \">=3.10\"\n");
    out
}

/// Lock version 1.0: categories, and the hashes apart.
fn old_poetry(models: &[Model]) -> String {
    let (mut out, mut hashes) = (String::new(), "[metadata.hashes]\n".to_owned());
    for model in models {
        let (name, version) = (&model.written, &model.version);
        let _ = write!(
            out,
            "[[package]]\ncategory = \"main\"\nname = \"{name}\"\noptional = false\nversion = \"{version}\"\n"
        );
        if !model.needs.is_empty() {
            out.push_str("[package.dependencies]\n");
        }
        for &need in &model.needs {
            let _ = writeln!(out, "\"{}\" = \">=0\"", models[need].written);
        }
        let _ = writeln!(hashes, "\"{name}\" = [{}]", if model.hashed { "\"00\"" } else { "" });
    }
    format!("{out}[metadata]\ncontent-hash = \"0\"\n{hashes}")
}

fn pdm(models: &[Model]) -> String {
    let mut out = "[metadata]\ngroups = [\"default\"]\nlock_version = \"4.5.0\"\n".to_owned();
    for model in models {
        let _ = write!(out, "[[package]]\nname = \"{}\"\nversion = \"{}\"\n", model.name(), model.version);
        match model.place {
            Place::Index => {}
            Place::Git => {
                let _ = write!(out, "git = \"https://h.example.org/r\"\nref = \"v1\"\nrevision = \"{COMMIT}\"\n");
            }
            Place::Archive => {
                let _ = writeln!(out, "url = \"{}\"", archive(model));
            }
        }
        let needs: Vec<String> = model.needs.iter().map(|&need| format!("\"{}>=0\"", models[need].written)).collect();
        let _ = writeln!(out, "groups = [\"default\"]\ndependencies = [{}]", needs.join(", "));
        if model.hashed {
            out.push_str("files = [{file = \"f.whl\", hash = \"sha256:0\"}]\n");
        }
    }
    out
}

fn pylock(models: &[Model]) -> String {
    let mut out = "lock-version = \"1.0\"\ncreated-by = \"a test\"\n".to_owned();
    for model in models {
        let _ = write!(out, "[[packages]]\nname = \"{}\"\nversion = \"{}\"\n", model.name(), model.version);
        let needs: Vec<String> =
            model.needs.iter().map(|&need| format!("{{name = \"{}\"}}", models[need].name())).collect();
        let _ = writeln!(out, "dependencies = [{}]", needs.join(", "));
        let hashes = if model.hashed { ", hashes = {sha256 = \"00\"}" } else { "" };
        let _ = match model.place {
            Place::Index => writeln!(out, "wheels = [{{url = \"{}\"{hashes}}}]", archive(model)),
            Place::Git => {
                writeln!(out, "vcs = {{type = \"git\", url = \"https://h.example.org/r\", commit-id = \"{COMMIT}\"}}")
            }
            Place::Archive => writeln!(out, "archive = {{url = \"{}\"{hashes}}}", archive(model)),
        };
    }
    out
}

fn pipfile_lock(models: &[Model]) -> String {
    let mut packages = serde_json::Map::new();
    for model in models {
        let mut entry = match model.place {
            Place::Index => serde_json::json!({"version": format!("=={}", model.version), "index": "pypi"}),
            Place::Git => serde_json::json!({"git": "https://h.example.org/r", "ref": COMMIT}),
            Place::Archive => serde_json::json!({"file": archive(model)}),
        };
        if model.hashed {
            entry["hashes"] = serde_json::json!([HASH]);
        }
        packages.insert(model.name(), entry);
    }
    let sources = serde_json::json!([{"name": "pypi", "url": "https://pypi.org/simple", "verify_ssl": true}]);
    serde_json::to_string_pretty(
        &serde_json::json!({"_meta": {"sources": sources}, "default": packages, "develop": {}}),
    )
    .unwrap()
}

fn requirements(models: &[Model]) -> String {
    let mut out = "# This file was autogenerated by uv via the following command:\n".to_owned();
    for (at, model) in models.iter().enumerate() {
        let _ = write!(out, "{}=={}", model.written, model.version);
        out.push_str(&if model.hashed { format!(" \\\n    --hash={HASH}\n") } else { "\n".to_owned() });
        out.push_str("    # via\n    #   -r requirements.in\n");
        for parent in models.iter().filter(|parent| parent.needs.contains(&at)) {
            let _ = writeln!(out, "    #   {}", parent.name());
        }
    }
    out
}

fn conda_lock(models: &[Model]) -> String {
    let mut out = "version: 1\nmetadata:\n  platforms: [linux-64]\npackage:\n".to_owned();
    for model in models {
        let (name, version) = (model.name(), &model.version);
        let _ = write!(
            out,
            "- name: {name}\n  version: '{version}'\n  manager: pip\n  platform: linux-64\n  dependencies:"
        );
        out.push_str(if model.needs.is_empty() { " {}\n" } else { "\n" });
        for &need in &model.needs {
            let _ = writeln!(out, "    {}: '>=0'", models[need].name());
        }
        let _ = writeln!(out, "  url: {}\n  category: main", archive(model));
        if model.hashed {
            out.push_str("  hash:\n    sha256: '00'\n");
        }
    }
    out
}

fn pixi(models: &[Model]) -> String {
    let mut out = "version: 6\nenvironments: {}\npackages:\n".to_owned();
    for model in models {
        let _ = write!(out, "- pypi: {}\n  name: {}\n  version: '{}'\n", archive(model), model.name(), model.version);
        if model.hashed {
            out.push_str("  sha256: '00'\n");
        }
        if !model.needs.is_empty() {
            out.push_str("  requires_dist:\n");
        }
        for &need in &model.needs {
            let _ = writeln!(out, "  - {}>=0 ; python_full_version >= '3.9'", models[need].name());
        }
    }
    out
}

/// What a format holds of the model, one row a package.
fn expected(format: &Format, models: &[Model]) -> BTreeSet<String> {
    let row = |model: &Model| {
        let place = if format.places { model.place } else { Place::Index };
        // a Pipfile.lock names no version beside a commit, and PEP 751 no hash
        let version = if format.path == "Pipfile.lock" && place == Place::Git { "-" } else { &model.version };
        let hashed = model.hashed && !(format.path == "pylock.toml" && place == Place::Git);
        let needs: BTreeSet<String> =
            model.needs.iter().filter(|_| format.edges).map(|&need| models[need].name()).collect();
        format!("{} {version} {place:?} {hashed} {needs:?}", model.name())
    };
    models.iter().map(row).collect()
}

fn found(format: &Format, text: &str) -> BTreeSet<String> {
    let inventory = inventory::read(&MemorySnapshot::new([(format.path, text)]));
    let gaps: Vec<_> = inventory.diagnostics.iter().filter(|said| said.gap).collect();
    assert!(gaps.is_empty(), "{}: {gaps:?}\n{text}", format.path);
    let packages = inventory.manifests.iter().flat_map(|manifest| &manifest.packages);
    let row = |package: &inventory::Package| {
        let place = match &package.source {
            Source::Git { commit: Some(commit), .. } if commit == COMMIT => Place::Git,
            Source::Url { .. } if format.places => Place::Archive,
            _ => Place::Index,
        };
        let version = package.version.as_ref().map_or("-", |version| version.as_str());
        let needs: BTreeSet<String> = package.dependencies.iter().map(|edge| edge.name.to_string()).collect();
        format!("{} {version} {place:?} {} {needs:?}", package.name, package.hashed)
    };
    packages.map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(models in model()) {
        for format in &FORMATS {
            let text = (format.write)(&models);
            prop_assert_eq!(found(format, &text), expected(format, &models), "{}\n{}", format.path, text);
        }
    }
}
