//! Small cases a minute, end to end as a user runs them, beside a process that runs one of them.
//!
//! The mark is ten thousand small cases a minute on two cores, which is 12 ms of processor time a case. Compared
//! with `engine`'s own bench of a run in memory, the ratio says what stage, simulator and judging cost.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods, reason = "bench code")]

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const CASES: u32 = 2_000;

const PLAYBOOK: &str = "playbook: 1\nid: small\nconnections:\n  mail: { kind: exchange }\ninputs:\n  limit: \
    { type: integer, minimum: 1, maximum: 100, default: 5 }\noutputs:\n  found: { type: integer, value: \
    \"${{ size(steps.look.output.messages) }}\" }\nsteps:\n  - id: look\n    uses: mail.search\n    with: { mailbox: \
    alice@corp.example, folder: inbox, limit: \"${{ inputs.limit }}\" }\n  - id: note\n    if: \
    ${{ size(steps.look.output.messages) > 1 }}\n    set: { many: true }\n";

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let one = suite(&folder.path().join("one"), 1);
    let many = suite(&folder.path().join("many"), CASES);
    // The first run compiles plugins into the cache.
    time(&one);
    let alone = time(&one);
    let all = time(&many);
    let each = all.saturating_sub(alone) / CASES;
    let minute = Duration::from_secs(60).as_nanos() / each.as_nanos().max(1);
    println!("one case, whole process       {alone:>10.2?}");
    println!("{CASES} cases, whole process     {all:>10.2?}");
    println!("one of them                   {each:>10.2?}");
    println!("cases a minute                {minute:>10}");
}

/// A folder with a playbook, one mail and so many cases.
fn suite(folder: &Path, cases: u32) -> std::path::PathBuf {
    std::fs::create_dir_all(folder.join("cases")).unwrap();
    std::fs::create_dir_all(folder.join("mail/alice@corp.example/Inbox")).unwrap();
    std::fs::write(folder.join("playbook.yaml"), PLAYBOOK).unwrap();
    let mail = "From: a@b.test\nTo: alice@corp.example\nSubject: hello\n\nbody\n";
    std::fs::write(folder.join("mail/alice@corp.example/Inbox/1.eml"), mail).unwrap();
    let mut text = String::from("test: 1\ncases:\n");
    for number in 0..cases {
        writeln!(
            text,
            "  - name: case {number}\n    inputs: {{ limit: {} }}\n    expect:\n      - run.status == \"succeeded\"\n      \
             - outputs.found == 1 && size(calls(\"mail.search\")) == 1",
            number % 100 + 1
        )
        .unwrap();
    }
    std::fs::write(folder.join("cases/cases.yaml"), text).unwrap();
    folder.to_owned()
}

fn time(folder: &Path) -> Duration {
    let begun = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let status = command.arg("test").arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
    assert!(status.success());
    begun.elapsed()
}
