//! Damaged and hostile files: nothing panics, a fault is told, and what stands before it is kept.

use scanner::inventory;
use scanner::repository::MemorySnapshot;

/// (path, text, packages kept, places of the faults)
type Case<'c> = (&'c str, &'c str, &'c str, &'c [(u32, u32)]);

fn check(cases: &[Case<'_>]) {
    let mut differing = Vec::new();
    for (path, text, kept, faults) in cases {
        let inventory = inventory::read(&MemorySnapshot::new([(*path, *text)]));
        let names: Vec<&str> =
            inventory.manifests.iter().flat_map(|m| &m.packages).map(|package| package.name.as_str()).collect();
        let gaps = inventory.diagnostics.iter().filter(|said| said.gap && said.path.as_deref() == Some(path));
        let mut places: Vec<_> = gaps.map(|said| (said.line.unwrap_or(0), said.column.unwrap_or(0))).collect();
        places.sort_unstable();
        if (names.join(" ").as_str(), places.as_slice()) != (*kept, *faults) {
            differing.push(format!("{path}: {text:?}: kept {names:?}, {:#?}", inventory.diagnostics));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

const UV: &str = "version = 1\n[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { registry = \"r\" }\n";

#[test]
fn a_circle_of_groups_is_said() {
    for (second, expected) in [("A", vec![(2, 5), (3, 5)]), ("c", vec![])] {
        let text = format!(
            "[dependency-groups]\na = [\"x\", {{include-group = \"b\"}}]\nb = [{{include-group = \"{second}\"}}]\nc = []\n"
        );
        let inventory = inventory::read(&MemorySnapshot::new([("pyproject.toml", text.as_str())]));
        let said = inventory.diagnostics.iter().filter(|said| said.reason.contains("includes itself"));
        let places: Vec<_> = said.map(|said| (said.line.unwrap(), said.column.unwrap())).collect();
        assert_eq!(places, expected, "{:?}", inventory.diagnostics);
    }
}

#[test]
fn a_fault_is_placed_and_what_stands_before_it_is_kept() {
    let uv = |rest: &str| format!("{UV}{rest}");
    check(&[
        // broken off, or not the language
        ("uv.lock", &uv("[[package]]\nname = \"b\n"), "a", &[(7, 8), (7, 10)]),
        ("uv.lock", &uv("[[package]]\nname = \"b\"\nversion = \"2"), "a", &[(7, 8), (8, 13)]),
        (
            "uv.lock",
            &uv("[[package]]\nname = \"b\"\nname = \"c\"\nsource = { registry = \"r\" }\n"),
            "a b",
            &[(7, 8), (8, 1)],
        ),
        ("poetry.lock", "[[package]]\nname = \"a\"\nversion = \"1\"\n\n[[package]]\nname = \n", "a", &[(5, 1), (6, 8)]),
        (
            "poetry.lock",
            "[[package]]\nname = \"a\"\nversion = \"1\"\n<<<<<<< HEAD\n[[package]]\nname = \"b\"\nversion = \"1\"\n>>>>>>> x\n",
            "a b",
            &[(4, 9), (8, 9)],
        ),
        ("uv.lock", &UV.replace("version = 1\n", "version = 2\n"), "a", &[(1, 1)]),
        (
            "pyproject.toml",
            "[dependency-groups]\na = [\"x\", {include-group = \"b\"}]\nb = [{include-group = \"c\"}]\nc = []\n",
            "x",
            &[],
        ),
        ("pdm.lock", "[[package]]\nname = \"a\"\nversion = \"1\"\n[[package]\n", "a", &[(4, 1), (4, 11)]),
        (
            "Pipfile.lock",
            "{\"default\": {\n\"a\": {\"version\": \"==1\"},\n\"b\": {\"version\": ]\n",
            "a b",
            &[(3, 6), (3, 18)],
        ),
        ("Pipfile.lock", "{\"default\": {\"a\": {\"version\": \"==1\"}, \"b\": {\"vers", "a b", &[(1, 44), (1, 45)]),
        ("conda-lock.yml", "package:\n- name: a\n  version: '1'\n  manager: pip\n- name: [b\n", "a", &[(5, 3), (6, 1)]),
        ("environment.yml", "dependencies:\n- a\n- pip:\n  - b==1\n  - \"c==2\n", "a b", &[(5, 5), (5, 5)]),
        ("environment.yml", "dependencies:\n\t- a\n", "", &[(2, 2)]),
        ("n.ipynb", "{\"cells\": [{\"cell_type\": \"code\", \"source\": [\"%pip install a==1\"]}", "a", &[(1, 65)]),
        ("setup.py", "setup(install_requires=['a'])\n(", "a", &[(2, 2)]),
        ("setup.py", "setup(install_requires=['a==1',\n 'b'\n", "a b", &[(3, 1)]),
        ("setup.cfg", "[options]\ninstall_requires =\n  a\n  === b\nstray\n", "a", &[(4, 3), (5, 1)]),
        (
            ".pre-commit-config.yaml",
            "repos:\n- repo: r\n  hooks:\n  - id: a\n    additional_dependencies: [x==1, y\n",
            "x y",
            &[(6, 1)],
        ),
        // a key that comes twice
        (
            "Pipfile.lock",
            "{\"default\": {\"a\": {\"version\": \"==1\"},\n\"a\": {\"version\": \"==2\"}}}",
            "a a",
            &[(2, 1)],
        ),
        ("environment.yml", "dependencies: [a]\ndependencies: [b]\n", "a", &[(2, 1)]),
        // lines that are no requirements
        ("requirements.txt", "a==1\n  === what\nb==2\n", "a b", &[(2, 3)]),
        (
            "requirements.txt",
            "a\n  what is this\nb=>2\n[x\n-z 3\nc==\n",
            "a",
            &[(2, 3), (3, 1), (4, 1), (5, 1), (6, 1)],
        ),
        ("requirements.txt", "a\n  -r nothere.txt\n -c ../x.txt\n", "a", &[(2, 3), (3, 2)]),
        ("requirements.txt", "a\nb\0\n", "a", &[(2, 1), (2, 2)]),
        (
            "conda-linux-64.lock",
            "@EXPLICIT\nhttps://h.example.org/x/linux-64/xz-5.2.6-h0_0.conda\nnonsense\n",
            "xz",
            &[(3, 1)],
        ),
    ]);
}

#[test]
fn a_value_of_another_type_is_told_and_the_rest_is_read() {
    let uv = |rest: &str| format!("{UV}{rest}");
    check(&[
        ("uv.lock", "version = 1\npackage = \"x\"\n", "", &[(2, 11)]),
        ("uv.lock", "", "", &[(1, 1)]),
        ("uv.lock", "# nothing\n", "", &[(1, 1)]),
        (
            "uv.lock",
            &uv(
                "[[package]]\nname = 3\n[[package]]\nname = \"d\"\nversion = \"5\"\nsource = \"x\"\ndependencies = 7\n",
            ),
            "a d",
            &[(6, 1), (9, 8), (12, 16)],
        ),
        ("poetry.lock", "", "", &[(1, 1)]),
        (
            "poetry.lock",
            "[[package]]\nname = \"b\"\nversion = 3\ndependencies = \"x\"\n[[package]]\nversion = \"1\"\n",
            "b",
            &[(2, 8), (4, 16), (5, 1)],
        ),
        ("pdm.lock", "package = { name = \"a\" }\n", "", &[(1, 11)]),
        (
            "pylock.toml",
            "lock-version = \"1.0\"\n[[packages]]\nname = \"a\"\nversion = \"1\"\n[[packages]]\nname = 3\n",
            "a",
            &[(5, 1)],
        ),
        ("pylock.toml", "packages = 3\n", "", &[(1, 12)]),
        ("Pipfile.lock", "", "", &[(1, 1)]),
        ("Pipfile.lock", "[1, 2]", "", &[(1, 1)]),
        (
            "Pipfile.lock",
            "{\"default\": {\"a\": {\"version\": \"==1\"}, \"b\": 3, \"c\": {\"version\": 4}}, \"develop\": [1]}",
            "a b c",
            &[(1, 44), (1, 52), (1, 80)],
        ),
        (
            "Pipfile",
            "packages = \"x\"\n[dev-packages]\na = 3\n\"d d\" = \"*\"\nb = \"*\"\n",
            "a b",
            &[(1, 12), (3, 5), (4, 1)],
        ),
        ("conda-lock.yml", "package: x\n", "", &[(1, 10)]),
        (
            "conda-lock.yml",
            "package:\n- name: a\n  version: '1'\n  manager: pip\n- 3\n- name: b\n",
            "a",
            &[(5, 3), (6, 3)],
        ),
        ("pixi.lock", "packages: {a: b}\n", "", &[(1, 11)]),
        ("environment.yml", "dependencies: {a: b}\n", "", &[(1, 15)]),
        ("env.yml", "dependencies: {a: b}\n", "", &[]), // another tool's
        (
            "environment.yml",
            "dependencies:\n- a\n- [x]\n- {pip: x}\n- {pip: [b, [c]]}\n",
            "a b",
            &[(3, 3), (4, 9), (5, 13)],
        ),
        ("pixi.toml", "feature = 4\ntarget = \"x\"\n[dependencies]\na = \"1\"\n", "a", &[(1, 11), (2, 10)]),
        (
            "pyproject.toml",
            "project = 3\ntool.poetry = \"x\"\ntool.uv = 4\ntool.pixi = 5\ntool.tox = 6\nbuild-system = 7\n",
            "",
            &[(1, 11), (2, 15), (3, 11), (4, 13), (5, 12), (6, 16)],
        ),
        (
            "pyproject.toml",
            "[project]\nname = 3\ndependencies = \"a\"\noptional-dependencies = [\"x\"]\n",
            "",
            &[(2, 8), (3, 16), (4, 25)],
        ),
        (
            "pyproject.toml",
            "[dependency-groups]\ndev = [3, \"b==1\", {include-group = \"no\"}, {what = 1}]\n[tool.poetry.group]\nx = 3\n[tool.uv]\nindex = \"x\"\nworkspace = 3\n",
            "b",
            &[(2, 8), (2, 19), (2, 43), (4, 5), (6, 9), (7, 13)],
        ),
        ("n.ipynb", "{\"cells\": 3, \"x\": \"%pip install a\"}", "", &[(1, 1)]),
        (".pre-commit-config.yaml", "repos:\n- 4\n- repo: y\n  hooks: 3\n", "", &[(2, 3), (4, 10)]),
    ]);
}

#[test]
fn what_steers_a_terminal_is_in_no_reason_and_a_file_of_another_kind_tells_few_faults() {
    let binary: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let wide: Vec<u8> = "a==1\nb==2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [binary, wide, b"\x1b[2Ja b\n[\x1b]\n-r \x1b\n-r ../\x07\n".to_vec()] {
        let inventory = inventory::read(&MemorySnapshot::new([("requirements.txt", bytes)]));
        assert!((1..=102).contains(&inventory.diagnostics.len()), "{}", inventory.diagnostics.len());
        for said in &inventory.diagnostics {
            assert!(!said.reason.contains(char::is_control) && said.reason.len() < 500, "{said:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed_inside_the_repository_alone() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("repository");
    std::fs::create_dir_all(root.join("deps")).unwrap();
    std::fs::write(directory.path().join("outside.lock"), UV).unwrap();
    std::fs::write(root.join("deps/production"), "a==1\n").unwrap();
    std::fs::write(root.join("deps/base.txt"), "b==2\n").unwrap();
    std::fs::write(root.join("dev-requirements.txt"), "-r linked/base.txt\n-r loop.txt\n").unwrap();
    let link = |to: &str, from: &str| std::os::unix::fs::symlink(to, root.join(from)).unwrap();
    link("deps/production", "requirements.txt");
    link("deps", "linked");
    link("loop.txt", "loop.txt");
    link("../outside.lock", "uv.lock");
    link("/etc/passwd", "poetry.lock");
    link("nothing", "pdm.lock");
    link("dev-requirements.txt", "test-requirements.txt");
    let inventory = inventory::read(&scanner::repository::DirectorySnapshot::open(&root).unwrap());
    let read: Vec<_> = inventory
        .manifests
        .iter()
        .map(|m| (m.path.as_str(), m.packages.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(" ")))
        .collect();
    assert_eq!(read, [("dev-requirements.txt", "b".to_owned()), ("requirements.txt", "a".to_owned())]);
    let said: Vec<_> = inventory
        .diagnostics
        .iter()
        .map(|said| (said.path.as_deref().unwrap(), said.reason.as_str(), said.gap))
        .collect();
    assert_eq!(
        said,
        [
            (
                "dev-requirements.txt",
                "includes `loop.txt`, which cannot be read: a symbolic link that leads in a circle",
                true
            ),
            ("pdm.lock", "a symbolic link to `nothing`, which is not in the repository", true),
            ("poetry.lock", "cannot be read: a symbolic link that leaves the repository", true),
            ("uv.lock", "cannot be read: a symbolic link that leaves the repository", true),
        ]
    );
}

#[test]
fn depth_and_circles_are_bounded() {
    let deep = "[".repeat(50_000);
    let files = [
        ("uv.lock".to_owned(), format!("x = {deep}")),
        ("Pipfile.lock".to_owned(), deep.clone()),
        ("environment.yml".to_owned(), format!("dependencies: {deep}")),
        ("n.ipynb".to_owned(), format!("{{\"pip\": {deep}")),
        (
            "requirements.txt".to_owned(),
            "-r b-requirements.txt\n-r ../../etc/passwd\n-r https://h.example.org/r.txt\n".to_owned(),
        ),
        ("b-requirements.txt".to_owned(), "-r requirements.txt\na==1\n".to_owned()),
    ];
    let inventory = inventory::read(&MemorySnapshot::new(files));
    let said = |path: &str, word: &str| {
        inventory.diagnostics.iter().any(|found| found.path.as_deref() == Some(path) && found.reason.contains(word))
    };
    assert!(said("uv.lock", "recurs"), "{:?}", inventory.diagnostics);
    assert!(said("Pipfile.lock", ""));
    assert!(said("n.ipynb", "recursion"));
    assert!(said("b-requirements.txt", "circle"));
    assert!(said("requirements.txt", "leaves the repository"));
    assert!(said("requirements.txt", "not in the repository"));
}
