//! The edge: one run of `uv pip compile`.

use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::request::{line_of, lowest_python};
use super::{Request, ResolveError, Resolver};
use crate::inventory::origin;
use crate::stop::Stop;

/// An answer of more than this is none.
const MAX_ANSWER: u64 = 64 << 20;
/// uv's own words in an error, as far as they are kept.
const MAX_WORDS: usize = 1000;
/// uv's words where an index did not answer, or did not let us in.
const UNASKED: [&str; 4] = ["error sending request", "Failed to fetch", "Request failed", "could not be queried"];
/// What of our environment uv may see: where programs are, whom to trust, and how to reach the network.
const PASSED_ON: [&str; 9] = [
    "PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
];

/// Runs uv and returns what it printed.
pub(super) fn compile(resolver: &Resolver, request: &Request, asked: Stop<'_>) -> Result<String, ResolveError> {
    let empty = tempfile::tempdir()?;
    let mut command = command(resolver, request, empty.path())?;
    let input: String = request.requirements.iter().map(line_of).collect();
    let mut child = command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => ResolveError::NoUv(resolver.uv.display().to_string()),
        _ => error.into(),
    })?;
    let stdin = child.stdin.take();
    let (success, output, errors) = std::thread::scope(|scope| {
        // written and read beside the wait, so that no full pipe stops it; a uv that ends before it has read all says why itself
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let output = scope.spawn(move || text_of(stdout));
        let errors = scope.spawn(move || text_of(stderr));
        let success = wait(&mut child, resolver.timeout, asked);
        (success, output.join(), errors.join())
    });
    let broken = |_| std::io::Error::other("reading its answer failed");
    match success? {
        true => Ok(output.map_err(broken)??),
        false => Err(failure(without_index(resolver, &errors.map_err(broken)??))),
    }
}

/// What uv's words mean: a package that it could not ask for is none that is not there.
fn failure(words: String) -> ResolveError {
    let is_about_the_index = UNASKED.iter().any(|phrase| words.contains(phrase));
    if is_about_the_index { ResolveError::Index(words) } else { ResolveError::Unresolvable(words) }
}

fn command(resolver: &Resolver, request: &Request, empty: &Path) -> Result<Command, ResolveError> {
    let python = request.python.as_deref().and_then(lowest_python);
    let mut command = Command::new(&resolver.uv);
    command
        .args(["pip", "compile", "-", "--no-build", "--no-config", "--universal", "--no-header", "--quiet"])
        .args(["--no-python-downloads", "--color", "never"])
        .args(["--python-version", python.as_deref().unwrap_or(&resolver.python)])
        .current_dir(empty)
        .env_clear()
        .env("HOME", empty)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    match &resolver.cache {
        Some(directory) => command.arg("--cache-dir").arg(directory),
        None => command.arg("--no-cache"),
    };
    for (option, name, lines) in
        [("--constraint", "constraints.txt", &request.constraints), ("--override", "overrides.txt", &request.overrides)]
    {
        if !lines.is_empty() {
            let path = empty.join(name);
            std::fs::write(&path, lines.iter().map(line_of).collect::<String>())?;
            command.arg(option).arg(path);
        }
    }
    command.envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    if let Some(index) = &resolver.index {
        command.env("UV_DEFAULT_INDEX", index);
    }
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    Ok(command)
}

fn text_of(pipe: Option<impl Read>) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(MAX_ANSWER).read_to_end(&mut bytes)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn wait(child: &mut Child, timeout: Duration, asked: Stop<'_>) -> Result<bool, ResolveError> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        let over = start.elapsed() > timeout;
        if over || asked.is_asked() {
            stop(child)?;
            return Err(if over { ResolveError::Timeout(timeout) } else { ResolveError::Stopped });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Ends uv and what it started, which would hold its pipes open.
fn stop(child: &mut Child) -> std::io::Result<()> {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // a group that is gone already is what is wanted
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    child.kill()?;
    child.wait().map(drop)
}

/// uv's words, in which the index's address may stand with its credentials.
fn without_index(resolver: &Resolver, errors: &str) -> String {
    let errors = match &resolver.index {
        Some(index) => errors.replace(index.trim_end_matches('/'), "the index"),
        None => errors.to_owned(),
    };
    let words: Vec<String> = errors.split_whitespace().map(without_credentials).collect();
    words.join(" ").chars().take(MAX_WORDS).collect()
}

/// A word of a message; an address may stand in parentheses or quotes.
fn without_credentials(word: &str) -> String {
    let start = word.find("http").unwrap_or(0);
    format!("{}{}", &word[..start], origin::without_credentials(&word[start..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_was_not_asked_is_no_missing_solution() {
        // the words of uv 0.13
        let cases = [
            (
                "error: Request failed after 3 retries cause: Failed to fetch: the index/a/ cause: Connection refused",
                true,
            ),
            (
                "error: No solution found when resolving dependencies hint: An index URL (x) could not be queried due to a lack of valid authentication credentials (401 Unauthorized)",
                true,
            ),
            (
                "error: No solution found when resolving dependencies cause: Because a was not found in the package registry",
                false,
            ),
        ];
        for (words, expected) in cases {
            assert_eq!(matches!(failure(words.to_owned()), ResolveError::Index(_)), expected, "{words}");
        }
    }
}
