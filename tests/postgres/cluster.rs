//! A real PostgreSQL in a temporary directory on loopback. It ends, and its directory goes, with whoever started it, however that ends.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Starts the server, waits until standard input ends (with the tests), stops it and cleans up.
const GUARD: &str = r#"
set -e
cd "$2"
"$1/initdb" -D data -U postgres -A trust -E UTF8 --locale=C --no-sync >log 2>&1 || { cat log >&2; exit 1; }
printf "listen_addresses = '127.0.0.1'\nport = %s\nunix_socket_directories = ''\nmax_connections = 200\nshared_buffers = 64MB\n" "$3" >>data/postgresql.conf
"$1/pg_ctl" -D data -l log -w start >/dev/null || { cat log >&2; exit 1; }
echo ready
cat >/dev/null || true
"$1/pg_ctl" -D data -m immediate stop >/dev/null 2>&1 || true
cd / && rm -rf "$2"
"#;

/// The running server.
pub struct Cluster {
    guard: Child,
    directory: PathBuf,
    programs: PathBuf,
    port: u16,
    databases: AtomicUsize,
}

impl Cluster {
    /// Makes one and starts it.
    pub fn start() -> Self {
        let programs = programs();
        let directory = tempfile::Builder::new().prefix("secretarybird-postgres-").tempdir().expect("a directory");
        let directory = directory.keep();
        give_away(&directory);
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let mut guard = as_its_user("sh")
            .args(["-c", GUARD, "guard"])
            .args([&programs, &directory])
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh");
        let mut line = String::new();
        BufReader::new(guard.stdout.take().expect("a pipe")).read_line(&mut line).expect("its answer");
        assert_eq!(line.trim(), "ready", "PostgreSQL did not start; see above");
        Self { guard, directory, programs, port, databases: AtomicUsize::new(0) }
    }

    /// The address of a fresh, empty database.
    pub fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::SeqCst));
        let made = Command::new(self.programs.join("createdb"))
            .args(["-h", "127.0.0.1", "-U", "postgres", "-p", &self.port.to_string(), &name])
            .status()
            .expect("createdb");
        assert!(made.success(), "createdb");
        format!("postgres://postgres@127.0.0.1:{}/{name}?sslmode=disable", self.port)
    }

    /// Stops the server as a crash would, and starts it again.
    #[allow(dead_code, reason = "not every test restarts it")]
    pub fn restart(&self) {
        let done = as_its_user(self.programs.join("pg_ctl").to_str().expect("a path"))
            .args(["-D"])
            .arg(self.directory.join("data"))
            .args(["-m", "immediate", "-w", "-l"])
            .arg(self.directory.join("log"))
            .arg("restart")
            .stdout(Stdio::null())
            .current_dir(&self.directory)
            .status()
            .expect("pg_ctl");
        assert!(done.success(), "pg_ctl restart");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// Debian keeps them out of the path.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    found.sort();
    found.retain(|directory| directory.join("initdb").exists());
    found.pop().expect("PostgreSQL's programs under /usr/lib/postgresql: apt-get install postgresql")
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// PostgreSQL refuses to be run by root.
fn as_its_user(program: &str) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", program]);
    command
}

fn give_away(directory: &Path) {
    if is_root() {
        let given = Command::new("chown").arg("postgres").arg(directory).status().expect("chown");
        assert!(given.success(), "chown");
    }
}
