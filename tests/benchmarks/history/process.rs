//! What a process costs: CPU time, wall time, and the memory that is its own.

use std::fmt;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub struct Cost {
    pub wall: Duration,
    pub cpu: Duration,
    /// Peak of anonymous memory in KB, sampled.
    memory: u64,
}

impl fmt::Display for Cost {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (wall, cpu) = (self.wall.as_secs_f64(), self.cpu.as_secs_f64());
        write!(out, "{wall:8.2} s wall {cpu:8.2} s CPU {:6} MB", self.memory >> 10)
    }
}

pub struct Run {
    pub cost: Cost,
    pub said: String,
}

impl Run {
    /// Runs a program to its end.
    pub fn of(program: &Path, arguments: &[&str]) -> Self {
        let (start, before) = (Instant::now(), children());
        let mut child = Command::new(program)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let mut out = child.stdout.take().expect("it is piped");
        let reading = std::thread::spawn(move || {
            let mut said = String::new();
            let _ = out.read_to_string(&mut said);
            said
        });
        let mut memory = 0;
        while child.try_wait().expect("it is a child of ours").is_none() {
            memory = memory.max(anonymous(child.id()));
            std::thread::sleep(Duration::from_millis(20));
        }
        let cost = Cost { wall: start.elapsed(), cpu: children().saturating_sub(before), memory };
        Self { cost, said: reading.join().expect("reading does not panic").trim().to_owned() }
    }
}

/// CPU time of finished children: fields 16 and 17 of proc_pid_stat(5), in ticks of 10 ms.
fn children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(13).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Resident memory of a process that is no file, in KB: mapped packs do not count.
fn anonymous(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
