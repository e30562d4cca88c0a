//! Damaged and hostile files: nothing panics, a fault is told, and what stands before it is kept.

use scanner::inventory;
use scanner::repository::MemorySnapshot;

#[test]
fn a_fault_is_placed_and_what_stands_before_it_is_kept() {
    // (path, text, packages kept, line of the fault)
    let cases = [
        (
            "uv.lock",
            "version = 1\n[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { registry = \"r\" }\n[[package]]\nname = \"b\n",
            "a",
            7,
        ),
        ("poetry.lock", "[[package]]\nname = \"a\"\nversion = \"1\"\n\n[[package]]\nname = \n", "a", 6),
        ("pdm.lock", "[[package]]\nname = \"a\"\nversion = \"1\"\n[[package]\n", "a", 4),
        (
            "pylock.toml",
            "lock-version = \"1.0\"\n[[packages]]\nname = \"a\"\nversion = \"1\"\n[[packages]]\nname = 3\n",
            "a",
            5,
        ),
        ("Pipfile.lock", "{\"default\": {\n\"a\": {\"version\": \"==1\"},\n\"b\": {\"version\": ]\n", "a b", 3),
        ("requirements.txt", "a==1\n=== what\nb==2\n", "a b", 2),
        ("conda-lock.yml", "package:\n- name: a\n  version: '1'\n  manager: pip\n- name: [b\n", "a", 5),
        ("setup.py", "setup(install_requires=['a'])\n(", "", 2),
    ];
    for (path, text, kept, line) in cases {
        let inventory = inventory::read(&MemorySnapshot::new([(path, text)]));
        let names: Vec<&str> =
            inventory.manifests.iter().flat_map(|m| &m.packages).map(|package| package.name.as_str()).collect();
        assert_eq!(names.join(" "), kept, "{path}: {:?}", inventory.diagnostics);
        let gap = inventory.diagnostics.iter().find(|found| found.gap).unwrap_or_else(|| panic!("{path}: no gap"));
        assert_eq!(gap.path.as_deref(), Some(path));
        assert!(gap.line.is_some_and(|found| found.abs_diff(line) <= 1), "{path}: {gap:?}");
    }
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
