//! Start to end of a one-step run as a process of its own, beside the bare limit in the same run: starting a
//! program that does nothing.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods, reason = "bench code")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 21;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    std::fs::write(
        place("one.yaml"),
        "playbook: 1\nid: one\nsteps:\n  - { id: a, set: { n: 1 } }\noutputs:\n  n: { type: integer, value: \"${{ steps.a.output.n }}\" }\n",
    )
    .unwrap();
    let binary = env!("CARGO_BIN_EXE_portcullis");
    let bare = median(|_| time(Command::new("true")));
    let version = median(|_| time(arguments(binary, &["--version"])));
    let memory =
        median(|_| time(arguments(binary, &["run", path(&place("one.yaml")), "--dry-run", "--json"])));
    let durable = median(|round| {
        let data = place(&format!("data-{round}"));
        time(arguments(binary, &["run", path(&place("one.yaml")), "--json", "--data", path(&data)]))
    });
    println!("a process that does nothing           {bare:>10.2?}");
    println!("portcullis --version                  {version:>10.2?}");
    println!("one-step run, journal in memory       {memory:>10.2?}");
    println!("one-step run, journal on disk         {durable:>10.2?}");
}

fn arguments(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn time(mut command: Command) -> Duration {
    let begun = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success());
    begun.elapsed()
}

fn median(round: impl Fn(usize) -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS).map(round).collect();
    times.sort();
    times.get(ROUNDS / 2).copied().unwrap_or_default()
}
