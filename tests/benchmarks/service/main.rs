//! Gate answers and pages of findings on a large store, driven by wrk (Debian), beside an axum "hello" in the same process and run.
//!
//! By hand: `SECRETARYBIRD_BENCH_FINDINGS=1000000 cargo bench -p api --bench service`. What counts are the ratios; the machine's noise
//! hits all three alike. The store is built once in `SECRETARYBIRD_BENCH_DIRECTORY` (a temporary one when not given) and found again there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark ends by panicking")]

#[path = "../large_store/mod.rs"]
mod large_store;

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use api::app;
use api::config::ServerConfig;
use api::store::Store;
use axum::Router;
use axum::routing::get;
use large_store::Size;

/// As the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 3;
const SECONDS: &str = "4s";
/// Findings of one page.
const PAGE: usize = 20;

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

fn say(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}

fn main() {
    let findings = number("SECRETARYBIRD_BENCH_FINDINGS", 10_000);
    let temporary = tempfile::tempdir().unwrap();
    let directory = std::env::var("SECRETARYBIRD_BENCH_DIRECTORY");
    let directory = directory.map_or_else(|_| temporary.path().to_owned(), Into::into);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(&directory, Size { repositories: findings.div_ceil(500), findings: 500 }));
}

async fn run(directory: &Path, size: Size) {
    let data = directory.join("data");
    std::fs::create_dir_all(&data).unwrap();
    let mut config = ServerConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: data.clone(),
        advisories: Some(large_store::advisories(directory).display().to_string()),
        ..ServerConfig::default()
    };
    config.sweep.cron = String::new();
    config.limits.requests_a_minute = 0;
    let digests = large_store::digests(&config);
    let repositories = {
        let store = Store::open(&data.join("store")).unwrap();
        store.bring_forward().await.unwrap();
        let began = std::time::Instant::now();
        let repositories = large_store::build(&store, size, &digests).await;
        say(&format!(
            "{} findings in {} repositories, built in {:.0?}",
            size.repositories * size.findings,
            repositories.len(),
            began.elapsed()
        ));
        repositories
    };
    let server = app::start(config).await.expect("the service starts");
    let token = token(&data, server.first_token.as_ref().map(api::identity::Token::expose));
    let hello = hello().await;
    let base = format!("http://{}", server.address);
    let gates: Vec<String> =
        repositories.iter().map(|one| format!("/api/v1/repositories/{}/gate?commit={}", one.id, one.commit)).collect();
    let pages: Vec<String> =
        repositories.iter().map(|one| format!("/api/v1/findings?repository={}&limit={PAGE}", one.id)).collect();
    let first = first_answers(&base, &token, &gates).await;
    let mut rates = [vec![], vec![], vec![]];
    for _ in 0..ROUNDS {
        rates[0].push(wrk(directory, &hello, &token, &["/".to_owned()]));
        rates[1].push(wrk(directory, &base, &token, &gates));
        rates[2].push(wrk(directory, &base, &token, &pages));
    }
    let [hello, gate, page] = rates.map(middle);
    say(&format!("hello               {hello:>9.0} a second"));
    say(&format!("gate, first answers {first:>9.0} a second: nothing about the commit is remembered yet"));
    say(&format!("gate                {gate:>9.0} a second, {:.2} of hello (bound 0.40)", gate / hello));
    say(&format!("page of {PAGE} findings {page:>9.0} a second, {:.2} of hello (bound 0.15)", page / hello));
    server.shutdown().await;
}

/// The admin token of the first start, kept for the next run on the same store.
fn token(data: &Path, fresh: Option<&str>) -> String {
    let path = data.join("benchmark.token");
    if let Some(token) = fresh {
        std::fs::write(&path, token).unwrap();
    }
    std::fs::read_to_string(&path).expect("a store that this benchmark has made")
}

async fn hello() -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().route("/", get(|| async { "hello" }));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    base
}

/// Answers a second about commits that were not asked about before, two questions at a time.
async fn first_answers(base: &str, token: &str, paths: &[String]) -> f64 {
    let client = reqwest::Client::new();
    let began = std::time::Instant::now();
    let ask = async |path: &String| {
        let answer = client.get(format!("{base}{path}")).bearer_auth(token).send().await.unwrap();
        answer.error_for_status().unwrap().bytes().await.unwrap();
    };
    for pair in paths.chunks(2) {
        match pair {
            [one, other] => drop(tokio::join!(ask(one), ask(other))),
            one => ask(&one[0]).await,
        }
    }
    paths.len() as f64 / began.elapsed().as_secs_f64()
}

/// Requests a second over the paths, one after the other.
fn wrk(directory: &Path, base: &str, token: &str, paths: &[String]) -> f64 {
    let script = directory.join("wrk.lua");
    let list: Vec<String> = paths.iter().map(|path| format!("{path:?}")).collect();
    let text = format!(
        "local paths = {{{}}}\nlocal n = 0\nwrk.headers[\"Authorization\"] = \"Bearer {token}\"\n\
         request = function() n = n % #paths + 1; return wrk.format(nil, paths[n]) end\n\
         done = function(summary) io.write(\"errors \" .. summary.errors.status .. \"\\n\") end\n",
        list.join(",")
    );
    std::fs::write(&script, text).unwrap();
    let output =
        Command::new("wrk").args(["-t1", "-c32", "-d", SECONDS, "-s"]).arg(&script).arg(base).output().expect("wrk");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("errors 0"), "every answer is 200: {said}");
    let line = said.lines().find_map(|line| line.strip_prefix("Requests/sec:")).expect("a rate");
    line.trim().parse().unwrap()
}

fn middle(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
