//! Packs as git makes them: looking at what each version adds finds what looking at each version as a whole finds.

use std::sync::LazyLock;

use scanner::repository::Mirror;
use scanner::secrets::{
    Engine, FingerprintKey, History, Looking, Reading, RuleSet, SecretsFound, Versions, scan_history_by,
};

use crate::git::Work;
use crate::token;

/// Their expressions are compiled once.
static RULES: LazyLock<RuleSet> = LazyLock::new(|| RuleSet::builtin().unwrap());

fn scan(work: &Work, versions: Versions) -> SecretsFound {
    let (engine, key) = (Engine::new(&RULES), FingerprintKey::new([7; 32]));
    let mirror = Mirror::open_local(work.path()).unwrap();
    let looking = Looking { engine: &engine, key: &key, repository: "test", provider: None };
    let reading = Reading { versions, ..Reading::default() };
    scan_history_by(&mirror, mirror.resolve(None).ok(), &History::Everything, reading, &looking)
}

/// A settings file of many lines in version `number`: some of its lines come, go, move and change.
fn settings(number: u32) -> String {
    let mut text = String::new();
    for line in 0..400 {
        match (line * 7 + number) % 97 {
            0 => text.push_str(&format!("API_{line} = '{}'\n", token(line + number % 3))),
            1 => text.push_str(&format!("password_{line} = \"Zx{number}!kq{line}w\"\n")),
            2 => text.push_str(&format!("text = \"{{\\\"token\\\": \\\"{}\\\"}}\"\n", token(line))),
            3 => text.push_str(&format!("k = 'ghp' \\\n  '{}'\n", &token(number)[3..])),
            _ => text.push_str(&format!("option_{line} = {}  # what it is for, in so many words\n", line % 13)),
        }
    }
    text
}

#[test]
fn many_versions_in_a_pack() {
    let work = Work::new();
    for number in 0..40 {
        let moved = format!("# version {number}\n{}", settings(number / 2));
        work.commit(&[("settings.py", &settings(number)), ("deploy/values.yml", &moved)], "next");
    }
    let loose = scan(&work, Versions::ByChanges);
    work.git(&["repack", "-q", "-a", "-d", "-f", "--depth=50", "--window=50"]);
    let (changes, full) = (scan(&work, Versions::ByChanges), scan(&work, Versions::InFull));
    assert!(full.findings.len() > 100, "{}", full.findings.len());
    let said = |found: &SecretsFound| format!("{:#?}\n{:#?}", found.findings, found.diagnostics);
    assert_eq!(said(&changes), said(&full));
    assert_eq!(said(&changes), said(&loose));
}
