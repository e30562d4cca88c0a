//! git servers as people run them: nginx with `git http-backend` behind fcgiwrap and basic authentication; sshd with a deploy key.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub const USER: &str = "watcher";

/// The password of the HTTP server, put together at run time.
pub fn password() -> String {
    ["a-password", "-of-", "the-tests"].concat()
}

/// Ends its process when dropped.
pub struct Running {
    children: Vec<Child>,
    pub port: u16,
}

impl Drop for Running {
    fn drop(&mut self) {
        for child in &mut self.children {
            // nginx ends its workers when it is asked to, and leaves them when it is killed
            let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
            let deadline = Instant::now() + Duration::from_secs(5);
            while Instant::now() < deadline && child.try_wait().is_ok_and(|ended| ended.is_none()) {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("address").port()
}

pub fn wait_for(port: u16) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "nothing listens on {port}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Serves the bare repositories below `root` over HTTP, for fetch and push, to who knows the password.
pub fn http(directory: &Path, root: &Path) -> Running {
    let socket = directory.join("fcgi.sock");
    let fcgi = Command::new("fcgiwrap")
        .args(["-c", "4", "-s", &format!("unix:{}", socket.display())])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("fcgiwrap runs");
    let hash = Command::new("openssl").args(["passwd", "-apr1", &password()]).output().expect("openssl runs");
    let line = format!("{USER}:{}", String::from_utf8(hash.stdout).expect("text"));
    std::fs::write(directory.join("htpasswd"), line).expect("written");
    let port = free_port();
    let (here, root) = (directory.display(), root.display());
    let configuration = format!(
        "daemon off; worker_processes 2; pid {here}/nginx.pid; error_log {here}/nginx.log;
        events {{ worker_connections 128; }}
        http {{
          access_log off; client_max_body_size 0; client_body_temp_path {here}/body; proxy_temp_path {here}/proxy;
          fastcgi_temp_path {here}/fastcgi; uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
          server {{
            listen 127.0.0.1:{port};
            auth_basic git; auth_basic_user_file {here}/htpasswd;
            location / {{
              fastcgi_pass unix:{socket};
              fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;
              fastcgi_param GIT_HTTP_EXPORT_ALL 1; fastcgi_param GIT_PROJECT_ROOT {root};
              fastcgi_param PATH_INFO $uri; fastcgi_param QUERY_STRING $query_string;
              fastcgi_param REQUEST_METHOD $request_method; fastcgi_param CONTENT_TYPE $content_type;
              fastcgi_param CONTENT_LENGTH $content_length; fastcgi_param REMOTE_USER $remote_user;
              fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding; fastcgi_param HTTP_GIT_PROTOCOL $http_git_protocol;
            }}
          }}
        }}",
        socket = socket.display()
    );
    // a worker that root's nginx starts runs as another user, and must reach all of this
    let user = if rustix::process::geteuid().is_root() { "user root;\n" } else { "" };
    let file = directory.join("nginx.conf");
    std::fs::write(&file, format!("{user}{configuration}")).expect("written");
    let nginx = Command::new("nginx")
        .args(["-e", &format!("{here}/nginx.log"), "-p", &here.to_string(), "-c"])
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nginx runs");
    let running = Running { children: vec![nginx, fcgi], port };
    wait_for(port);
    running
}

/// An SSH server that lets in who has the deploy key.
pub struct Ssh {
    pub running: Running,
    pub user: String,
    pub key: PathBuf,
    pub known_hosts: PathBuf,
}

pub fn ssh(directory: &Path) -> Ssh {
    let keygen = |name: &str| {
        let file = directory.join(name);
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file).status();
        assert!(made.expect("ssh-keygen runs").success());
        file
    };
    let (host, key) = (keygen("host_key"), keygen("deploy_key"));
    let public = |file: &Path| std::fs::read_to_string(file.with_extension("pub")).expect("a public key");
    let authorized = directory.join("authorized_keys");
    std::fs::write(&authorized, format!("restrict {}", public(&key))).expect("written");
    std::fs::set_permissions(&authorized, std::fs::Permissions::from_mode(0o600)).expect("permissions");
    if rustix::process::geteuid().is_root() {
        std::fs::create_dir_all("/run/sshd").expect("where sshd drops its privileges");
    }
    let port = free_port();
    let configuration = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPasswordAuthentication no\nUsePAM no\n\
         KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nStrictModes no\nPidFile none\n",
        host.display(),
        authorized.display()
    );
    let file = directory.join("sshd_config");
    std::fs::write(&file, configuration).expect("written");
    let sshd = Command::new("/usr/sbin/sshd")
        .args(["-D", "-e", "-f"])
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(directory.join("sshd.log")).expect("log"))
        .spawn()
        .expect("sshd runs");
    let known_hosts = directory.join("known_hosts");
    std::fs::write(&known_hosts, format!("[127.0.0.1]:{port} {}", public(&host))).expect("written");
    let user = Command::new("id").arg("-un").output().expect("id runs");
    let user = String::from_utf8(user.stdout).expect("text").trim().to_owned();
    let running = Running { children: vec![sshd], port };
    wait_for(port);
    Ssh { running, user, key, known_hosts }
}

/// An RSA key made for this run alone.
pub fn app_key() -> Vec<u8> {
    let made = Command::new("openssl").args(["genrsa", "2048"]).output().expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    made.stdout
}
