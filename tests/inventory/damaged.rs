//! Damaged and hostile files: nothing panics, a fault is told, and what stands before it is kept.

use scanner::inventory;
use scanner::repository::MemorySnapshot;

use crate::repositories::{collections, files_below};

/// xorshift64*: the same damage in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % limit.max(1)
    }

    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(5) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, b"\"[]{}=\n\\#'\x00\xff"[self.below(12)]),
                2 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                3 => {
                    let end = (at + self.below(200)).min(bytes.len());
                    let copy = bytes[at..end].to_vec();
                    bytes.splice(at..at, copy);
                }
                _ => {
                    let end = (at + self.below(200)).min(bytes.len());
                    bytes.drain(at..end);
                }
            }
        }
    }
}

#[test]
fn no_damage_makes_a_parser_panic() {
    let mut random = Random(0x5EC2_E7A2);
    let mut tried = 0;
    for collection in collections() {
        let mut files = files_below(&collection);
        files.sort();
        for path in files {
            let original = std::fs::read(&path).unwrap();
            if original.is_empty() || original.len() > 60_000 {
                continue;
            }
            let name = path.file_name().unwrap().to_str().unwrap();
            for _ in 0..4 {
                let mut bytes = original.clone();
                random.damage(&mut bytes);
                let directory = if name.ends_with(".yml") { ".github/workflows/" } else { "requirements/" };
                inventory::read(&MemorySnapshot::new([(format!("{directory}{name}"), bytes)]));
                tried += 1;
            }
        }
    }
    assert!(tried >= 40, "only {tried} damaged files");
}

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
