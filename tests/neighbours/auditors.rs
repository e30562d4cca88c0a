//! Real `uv audit` and real pip-audit, pointed at the service as at the public OSV service, beside our own scan of the same lockfile.

use std::collections::BTreeSet;
use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::running::Running;
use crate::work::Work;
use crate::{program, said};

/// (package, version, advisory)
type Found = BTreeSet<(String, String, String)>;

fn record(id: &str, alias: &str, package: &str, introduced: &str, fixed: &str) -> Value {
    json!({"schema_version": "1.7.0", "id": id, "aliases": [alias], "modified": "2026-01-02T00:00:00Z",
        "published": "2026-01-01T00:00:00Z", "summary": format!("{id} is an example"), "details": "An example of the tests.",
        "affected": [{"package": {"name": package, "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": introduced}, {"fixed": fixed}]}]}],
        "references": [{"type": "WEB", "url": "https://example.org/advisory"}]})
}

const LOCK: &[(&str, &str)] =
    &[("acme-core", "1.4.0"), ("acme-http", "2.0.0"), ("acme-text", "3.1"), ("acme-widgets", "1.0")];

/// A project with a uv.lock, a requirements.txt of the same versions, and advisories about some of them.
fn project(work: &Work, root: &Path) -> std::path::PathBuf {
    let osv = root.join("osv");
    std::fs::create_dir_all(&osv).expect("directory");
    for record in [
        record("PYSEC-2099-1", "CVE-2099-0001", "acme-widgets", "0", "2.0"),
        record("PYSEC-2099-2", "CVE-2099-0002", "acme-widgets", "0.5", "1.0.1"),
        record("PYSEC-2099-3", "CVE-2099-0003", "acme-http", "1.0", "2.0.0"),
        record("PYSEC-2099-4", "CVE-2099-0004", "acme-core", "1.4", "1.4.1"),
    ] {
        let name = record["id"].as_str().expect("id");
        std::fs::write(osv.join(format!("{name}.json")), record.to_string()).expect("record");
    }
    let names: Vec<String> = LOCK.iter().map(|(name, version)| format!("\"{name}=={version}\"")).collect();
    let toml = format!(
        "[project]\nname = \"site\"\nversion = \"0\"\nrequires-python = \">=3.11\"\ndependencies = [{}]\n",
        names.join(", ")
    );
    let mut lock = "version = 1\nrevision = 3\nrequires-python = \">=3.11\"\n".to_owned();
    let mut asked = Vec::new();
    for (name, version) in LOCK {
        lock.push_str(&format!("\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = {{ registry = \"https://pypi.org/simple\" }}\n"));
        asked.push(format!("{{ name = \"{name}\" }}"));
    }
    let specifiers: Vec<String> =
        LOCK.iter().map(|(name, version)| format!("{{ name = \"{name}\", specifier = \"=={version}\" }}")).collect();
    lock.push_str(&format!(
        "\n[[package]]\nname = \"site\"\nversion = \"0\"\nsource = {{ virtual = \".\" }}\ndependencies = [{}]\n\n[package.metadata]\nrequires-dist = [{}]\n",
        asked.join(", "),
        specifiers.join(", ")
    ));
    std::fs::write(work.0.join("pyproject.toml"), toml).expect("written");
    work.commit("uv.lock", &lock);
    let lines: Vec<String> = LOCK.iter().map(|(name, version)| format!("{name}=={version}\n")).collect();
    std::fs::write(root.join("requirements.txt"), lines.concat()).expect("written");
    osv
}

#[tokio::test(flavor = "multi_thread")]
async fn auditors_find_here_what_our_own_scan_finds() {
    let root = tempfile::tempdir().expect("directory");
    let work = Work::new(root.path());
    let osv = project(&work, root.path());
    let running = Running::start_with(|config| {
        config.advisories = Some(osv.display().to_string());
        config.reach.allow_directories = vec![root.path().to_owned()];
    })
    .await;
    // programs that know no token take one in the URL
    let (token, _) = running.token(&["read"], None).await;
    let base = format!("http://token:{token}@{}/", running.server.address);
    let own = scanned(&running, &work).await;
    assert_eq!(own.len(), 3, "{own:?}");
    assert_eq!(audited_by_uv(&work, &base, root.path()), own, "uv audit");
    assert_eq!(audited_by_pip_audit(&base, root.path()), own, "pip-audit");
    let anonymous = format!("http://{}/v1/query", running.server.address);
    let refused = pip_audit(&anonymous, root.path());
    assert!(
        !refused.status.success() && !String::from_utf8_lossy(&refused.stdout).contains("\"dependencies\""),
        "without a token there is no answer: {}",
        said(&refused)
    );
}

async fn scanned(running: &Running, work: &Work) -> Found {
    let repository = running.repository(&work.url()).await;
    let commit = work.git(&["rev-parse", "HEAD"]);
    let path = format!("/api/v1/repositories/{repository}/gate?commit={commit}&wait=120&fail_on=none");
    let (status, verdict) = running.admin(Method::GET, &path, None).await;
    assert_eq!(status, StatusCode::OK, "{verdict}");
    let new = verdict["new"].as_array().expect("findings");
    let vulnerable = new.iter().filter(|finding| finding["kind"] == "vulnerability");
    vulnerable.map(|finding| triple(&finding["package"], &finding["version"], &finding["aliases"])).collect()
}

/// By the id that the auditors use: our canonical one may be an alias.
fn triple(package: &Value, version: &Value, ids: &Value) -> (String, String, String) {
    let id = ids.as_array().expect("ids").iter().filter_map(Value::as_str).find(|id| id.starts_with("PYSEC-"));
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    (text(package), text(version), id.expect("an id of PYSEC").to_owned())
}

fn audited_by_uv(work: &Work, base: &str, root: &Path) -> Found {
    let output = program("uv")
        .args([
            "audit",
            "--frozen",
            "--service-url",
            base,
            "--output-format",
            "json",
            "--preview-features",
            "audit,json-output",
        ])
        .arg("--cache-dir")
        .arg(root.join("uv-cache"))
        .current_dir(&work.0)
        .output()
        .expect("uv runs");
    assert_eq!(output.status.code(), Some(1), "it found something: {}", said(&output));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let found = report["vulnerabilities"].as_array().expect("vulnerabilities").iter();
    found.map(|one| triple(&one["dependency"]["name"], &one["dependency"]["version"], &json!([one["id"]]))).collect()
}

fn pip_audit(url: &str, root: &Path) -> std::process::Output {
    program("pip-audit")
        .args(["--vulnerability-service", "osv", "--osv-url", url, "--no-deps", "--disable-pip", "--format", "json"])
        .args(["--progress-spinner", "off", "--requirement"])
        .arg(root.join("requirements.txt"))
        .arg("--cache-dir")
        .arg(root.join("pip-cache"))
        .output()
        .expect("pip-audit runs")
}

fn audited_by_pip_audit(base: &str, root: &Path) -> Found {
    let output = pip_audit(&format!("{base}v1/query"), root);
    assert_eq!(output.status.code(), Some(1), "it found something: {}", said(&output));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut found = Found::new();
    for dependency in report["dependencies"].as_array().expect("dependencies") {
        for one in dependency["vulns"].as_array().expect("vulns") {
            found.insert(triple(&dependency["name"], &dependency["version"], &json!([one["id"]])));
        }
    }
    found
}
