//! A core file would hold what is being looked at: none can be made of a process of ours.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::World;

/// Somebody without rights.
const NOBODY: u32 = 65534;

/// What the kernel would make no core file of belongs to root in `/proc`, whoever runs it (proc(5)).
fn is_guarded(child: &Child) -> bool {
    std::fs::metadata(format!("/proc/{}/environ", child.id())).unwrap().uid() == 0
}

fn as_nobody(command: &mut Command) {
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY);
    }
}

fn open_to_all(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
}

#[test]
fn none_can_be_made() {
    let world = World::new();
    open_to_all(world.root.path());
    let program = world.root.path().join("program");
    std::fs::copy(env!("CARGO_BIN_EXE_secretarybird"), &program).unwrap();
    open_to_all(&program);
    let mut command = world.command_of(&program, "127.0.0.1:0");
    as_nobody(&mut command);
    let mut ours = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(ours.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut other = Command::new("sleep");
    other.arg("60").stdout(Stdio::null());
    as_nobody(&mut other);
    let mut other = other.spawn().unwrap();
    let (guarded, control) = (is_guarded(&ours), is_guarded(&other));
    for child in [&mut ours, &mut other] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(line.starts_with("listening on"), "{line}");
    assert!(guarded);
    // of any other program it would be
    assert!(!control);
}
