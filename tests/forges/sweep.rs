//! A sweep over three hundred repositories, some of which fail in every way that repositories fail.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use api::credential::Credential;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::running::Running;
use crate::stub::{Asked, Stub};
use crate::work::{Work, git};

const LOCAL: usize = 288;
/// Names of repositories behind the failing server, and a word of what the report says.
const FAULTS: [(&str, &str); 8] = [
    ("silent-1", "not listed within"),
    ("silent-2", "not listed within"),
    ("forbidden-1", "403"),
    ("forbidden-2", "403"),
    ("missing-1", "404"),
    ("limited-1", "429"),
    ("limited-2", "429"),
    ("broken-1", "500"),
];

fn faulty(asked: &Asked) -> crate::stub::Answer {
    let name = asked.path.trim_start_matches('/').split(['-', '.']).next().unwrap_or_default();
    match name {
        "silent" => None,
        "forbidden" => Some((403, vec![], json!({}))),
        "limited" => Some((429, vec![("retry-after", "60".into())], json!({}))),
        "broken" => Some((500, vec![], json!({}))),
        _ => Some((404, vec![], json!({}))),
    }
}

/// A bare repository, copied from one that git made; its own file makes it unlike the others.
fn repositories(directory: &Path) -> Vec<String> {
    let first = Work::new(directory.join("first"));
    first.commit("requirements.txt", "idna==3.7\n");
    let bare = directory.join("all/r0.git");
    std::fs::create_dir_all(bare.parent().expect("parent")).expect("directory");
    git(directory, &["clone", "-q", "--bare", "--no-hardlinks", "first", "all/r0.git"]);
    for number in 1..LOCAL {
        copy(&bare, &directory.join(format!("all/r{number}.git")));
    }
    // an empty one, and one whose pack is rubbish
    git(&directory.join("all"), &["init", "-q", "--bare", "-b", "main", "empty.git"]);
    let corrupt = directory.join("all/corrupt.git");
    copy(&bare, &corrupt);
    git(&corrupt, &["repack", "-q", "-a", "-d"]);
    for entry in std::fs::read_dir(corrupt.join("objects/pack")).expect("packs").flatten() {
        let mut bytes = std::fs::read(entry.path()).expect("pack");
        if entry.path().extension().is_some_and(|extension| extension == "pack") {
            bytes[12..].fill(0xee);
        }
        std::fs::remove_file(entry.path()).expect("removed");
        std::fs::write(entry.path(), bytes).expect("written");
    }
    let mut names: Vec<String> = (0..LOCAL).map(|number| format!("r{number}")).collect();
    names.extend(["empty".to_owned(), "corrupt".to_owned()]);
    names
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("directory");
    for entry in std::fs::read_dir(from).expect("directory").flatten() {
        let target = to.join(entry.file_name());
        match entry.file_type().expect("type").is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).expect("copied")),
        }
    }
}

fn listed(id: usize, name: &str, clone_url: String) -> Value {
    json!({"id": id, "full_name": format!("acme/{name}"), "clone_url": clone_url, "ssh_url": null, "default_branch": "main",
        "archived": name == "r1", "fork": name == "r2"})
}

async fn swept(running: &Running, full: bool) -> Value {
    let (status, started) = running.admin(Method::POST, &format!("/api/v1/sweeps?full={full}"), None).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{started}");
    let path = format!("/api/v1/sweeps/{}/report", started["id"].as_str().expect("id"));
    for _ in 0..3000 {
        let (_, report) = running.admin(Method::GET, &path, None).await;
        if report["complete"] == true {
            return report;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the sweep did not end: {}", running.admin(Method::GET, &path, None).await.1);
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

fn files_below(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return vec![] };
    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_repositories_with_faults_end_and_each_is_reported() {
    let directory = tempfile::tempdir().expect("directory");
    let names = repositories(directory.path());
    let broken = Stub::start(faulty).await;
    let mut all = BTreeMap::new();
    for (id, name) in names.iter().enumerate() {
        all.insert(id, listed(id, name, format!("file://{}/all/{name}.git", directory.path().display())));
    }
    for (offset, (name, _)) in FAULTS.iter().enumerate() {
        let id = names.len() + offset;
        all.insert(id, listed(id, name, format!("{}/{name}.git", broken.base)));
    }
    // two that must not be reached, whoever lists them
    for (offset, url) in ["http://169.254.169.254/x.git", "file:///etc"].into_iter().enumerate() {
        let id = 1000 + offset;
        all.insert(id, listed(id, &format!("elsewhere-{offset}"), url.to_owned()));
    }
    let total = all.len();
    assert_eq!(total, 300);
    let pages: Vec<Vec<Value>> = all.values().cloned().collect::<Vec<_>>().chunks(50).map(<[Value]>::to_vec).collect();
    let forge = Stub::start(move |asked| {
        let page = asked.path.split("page=").nth(1).and_then(|page| page.parse::<usize>().ok()).unwrap_or(1);
        let Some(items) = pages.get(page - 1).filter(|_| asked.path.starts_with("/orgs/acme/repos")) else {
            return Some((404, vec![], json!({})));
        };
        let next = vec![("link", format!("</orgs/acme/repos?limit=50&page={}>; rel=\"next\"", page + 1))];
        Some((200, if page < pages.len() { next } else { vec![] }, json!(items)))
    })
    .await;
    let osv = directory.path().join("osv");
    std::fs::create_dir_all(&osv).expect("directory");
    let base = forge.base.clone();
    let root = directory.path().join("all");
    let advisories = osv.display().to_string();
    let running = Running::start_with(move |config| {
        config.workers = 4;
        config.advisories = Some(advisories);
        config.reach.allow_hosts = vec!["127.0.0.1".into()];
        config.reach.allow_directories = vec![root];
        config.sweep.list_seconds = 3;
        config.forges.gitea.api_url = Some(base.parse().expect("address"));
        config.forges.gitea.token = Some(Credential::new("a token of the tests"));
        config.forges.gitea.organisations = vec!["acme".into()];
    })
    .await;

    let report = swept(&running, false).await;
    assert_eq!(report["seen"], total, "{report}");
    assert_eq!(report["organisations"], json!(["gitea acme"]));
    let skipped = &report["skipped"];
    let lines = report["repositories"].as_array().expect("lines");
    assert_eq!(lines.len(), total, "every repository has its line");
    let line = |name: &str| {
        let name = format!("acme/{name}");
        lines.iter().find(|line| line["name"] == name.as_str()).unwrap_or_else(|| panic!("no line of {name}"))
    };
    assert_eq!(
        (&skipped["archived"], &skipped["fork"], &skipped["empty"]),
        (&json!(1), &json!(1), &json!(1)),
        "{skipped} {}",
        line("empty")
    );
    for (name, words) in FAULTS {
        assert_eq!(line(name)["became"], "failed", "{name}");
        let reason = line(name)["reason"].as_str().expect("reason");
        assert!(reason.contains(words), "{name}: {reason}");
    }
    for name in ["elsewhere-0", "elsewhere-1"] {
        assert_eq!(line(name)["became"], "skipped");
        assert!(line(name)["reason"].as_str().is_some_and(|reason| reason.contains("out of reach")), "{}", line(name));
    }
    let corrupt = line("corrupt");
    let told = corrupt["became"] == "failed" || corrupt["whole"] == false;
    assert!(told, "a corrupt pack is not taken for a clean repository: {corrupt}");
    assert_eq!(line("r7")["became"], "scanned");
    let scanned = report["scanned"].as_u64().expect("number");
    assert!(scanned >= (LOCAL - 2) as u64, "{scanned}");

    // the second night: nothing moved, and what failed is tried again
    let before = descriptors();
    let again = swept(&running, false).await;
    assert_eq!(again["skipped"]["unchanged"].as_u64(), Some((LOCAL - 2) as u64), "{}", again["skipped"]);
    assert_eq!(again["failed"], FAULTS.len() + usize::from(corrupt["became"] == "failed"));
    assert_eq!((&again["new"], &again["renamed"], &again["gone"]), (&json!(0), &json!(0), &json!(0)));
    tokio::time::sleep(Duration::from_secs(4)).await;
    let after = descriptors();
    assert!(after <= before + 8, "{before} descriptors before the second sweep, {after} after it");
    let mirrors = files_below(&running.directory.path().join("data/mirrors"));
    assert!(mirrors.iter().all(|name| !name.ends_with(".new")), "{mirrors:?}");
    assert!(mirrors.len() <= 2 * FAULTS.len(), "repositories of this machine are not copied: {mirrors:?}");

    let path = format!("/api/v1/sweeps/{}/report?format=markdown", report["id"].as_str().expect("id"));
    let answer = running.request(Method::GET, &path).bearer_auth(&running.admin).send().await.expect("an answer");
    let text = answer.text().await.expect("text");
    assert!(text.contains("## Failed") && text.contains("acme/silent-1") && text.contains("archived: 1"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_renamed_and_deleted_repositories_are_noticed_and_only_what_moved_is_scanned() {
    let directory = tempfile::tempdir().expect("directory");
    let works: Vec<Work> = ["a", "b", "c"].into_iter().map(|name| Work::new(directory.path().join(name))).collect();
    for work in &works {
        work.commit("requirements.txt", "idna==3.7\n");
    }
    let shown = std::sync::Arc::new(std::sync::Mutex::new(Vec::<Value>::new()));
    let one = |id: usize, name: &str, work: &Work| {
        let mut one = listed(id, name, work.url());
        one["archived"] = json!(false);
        one
    };
    *shown.lock().expect("lock") = vec![one(1, "a", &works[0]), one(2, "b", &works[1])];
    let now = std::sync::Arc::clone(&shown);
    let forge = Stub::start(move |_| {
        let shown = now.lock().expect("lock").clone();
        Some((200, vec![], json!(shown)))
    })
    .await;
    let (base, root) = (forge.base.clone(), directory.path().to_owned());
    let osv = directory.path().join("osv");
    std::fs::create_dir_all(&osv).expect("directory");
    let running = Running::start_with(move |config| {
        config.advisories = Some(osv.display().to_string());
        config.reach.allow_hosts = vec!["127.0.0.1".into()];
        config.reach.allow_directories = vec![root];
        config.forges.gitea.api_url = Some(base.parse().expect("address"));
        config.forges.gitea.token = Some(Credential::new("a token of the tests"));
        config.forges.gitea.organisations = vec!["acme".into()];
    })
    .await;
    let counts = |report: &Value| {
        ["seen", "new", "renamed", "gone", "scanned"].map(|name| report[name].as_u64().expect("number"))
    };
    assert_eq!(counts(&swept(&running, false).await), [2, 2, 0, 0, 2]);
    let (_, before) = running.admin(Method::GET, "/api/v1/repositories", None).await;
    assert_eq!(counts(&swept(&running, false).await), [2, 0, 0, 0, 0]);

    // b moves to another address and name, c is new, a gets a commit
    let moved = directory.path().join("moved");
    std::fs::rename(&works[1].0, &moved).expect("moved");
    let renamed = Work(moved);
    *shown.lock().expect("lock") = vec![one(1, "a", &works[0]), one(2, "bee", &renamed), one(3, "c", &works[2])];
    works[0].commit("more.txt", "more");
    let report = swept(&running, false).await;
    assert_eq!(counts(&report), [3, 1, 1, 0, 2], "{report}");
    let (_, after) = running.admin(Method::GET, "/api/v1/repositories", None).await;
    let named = |list: &Value, name: &str| {
        let all = list["items"].as_array().expect("items").clone();
        all.into_iter().find(|item| item["name"] == format!("acme/{name}").as_str()).unwrap_or_default()
    };
    assert_eq!(named(&before, "b")["id"], named(&after, "bee")["id"], "a renamed repository keeps its identity");

    // a is gone
    *shown.lock().expect("lock") = vec![one(2, "bee", &renamed), one(3, "c", &works[2])];
    let report = swept(&running, false).await;
    assert_eq!(counts(&report), [2, 0, 0, 1, 0], "{report}");
    let (_, after) = running.admin(Method::GET, "/api/v1/repositories", None).await;
    assert_eq!(named(&after, "a")["standing"], "deleted");
    assert_eq!(report["skipped"]["deleted"], 1, "{report}");

    // an empty list is rather a lost permission
    shown.lock().expect("lock").clear();
    let report = swept(&running, false).await;
    assert_eq!(counts(&report), [0, 0, 0, 0, 0], "{report}");
    assert!(report["unlisted"].to_string().contains("nothing was marked"), "{report}");
    let full = swept(&running, true).await;
    assert_eq!(full["scanned"], 2, "a full sweep scans what did not move: {full}");
}
