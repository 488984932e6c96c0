//! After a write that failed nothing is acknowledged any more, and what was acknowledged before is there.
//!
//! The test starts itself as a child whose files may not grow beyond a limit, which is what a full disk
//! looks like to a process. It goes through many limits, so that every kind of write is the one that fails.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

use std::path::Path;
use std::time::Duration;

use journal::conformance::{header, wait};
use journal::{Event, Journal, JournalError, Record, RunId, Timestamp};
use portcullis_journal_sqlite::{Durability, Options, SqliteJournal};

const FOLDER: &str = "PORTCULLIS_TEST_FULL_FOLDER";
const INTERVAL: &str = "PORTCULLIS_TEST_FULL_INTERVAL";

fn record(seq: u64) -> Record {
    // Every fifth is large, so that the limit is also met inside a batch of pages.
    let output = "x".repeat(if seq.is_multiple_of(5) { 40_000 } else { 200 });
    let event = Event::Performed {
        op: 1,
        output: output.into(),
        kept: None,
        reused: None,
        inverse: serde_json::Value::Null,
    };
    Record { seq, at: Timestamp(seq as i64), event }
}

/// Appends until a write fails; then looks whether the store stays refusing.
fn append_until_full(folder: &Path) {
    let durability = match std::env::var(INTERVAL) {
        Ok(_) => Durability::Interval(Duration::from_millis(1)),
        Err(_) => Durability::Each,
    };
    let Ok(journal) = SqliteJournal::open(folder, Options::default().durability(durability)) else {
        println!("\nrefused to open");
        return;
    };
    let header = header("full").unwrap();
    let run = header.run.clone();
    let mut seq = 1;
    let mut written = wait(journal.create(header, vec![record(1)]));
    while written.is_ok() {
        println!("\nack {seq}");
        seq += 1;
        written = wait(journal.append(&run, vec![record(seq)]));
    }
    let named = journal.database().display().to_string();
    for _ in 0..20 {
        // Records as small as can be: there is room for them, but nobody knows what is on the disk.
        let next = Record { seq, at: Timestamp(0), event: Event::Woken { op: 1 } };
        match wait(journal.append(&run, vec![next])) {
            Err(JournalError::Io { place, doing: "written", .. }) if place == named => {}
            other => panic!("after a failed write: {other:?}"),
        }
    }
    println!("\nstayed refusing");
}

#[test]
fn nothing_is_acknowledged_after_a_failed_write() {
    if let Ok(folder) = std::env::var(FOLDER) {
        return append_until_full(Path::new(&folder));
    }
    let mut acknowledged = 0;
    // In blocks of 512 bytes: from too small for an empty database to some rounds of the log.
    for (index, blocks) in
        [1, 8, 9, 20, 40, 65, 66, 67, 68, 70, 90, 150, 300, 1_000, 9_000, 20_000].into_iter().enumerate()
    {
        let folder = tempfile::tempdir().unwrap();
        #[expect(clippy::disallowed_methods, reason = "the limit holds for a whole process")]
        let mut child = std::process::Command::new("sh");
        child.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"")).arg("sh");
        child.arg(std::env::current_exe().unwrap());
        child.args(["--exact", "nothing_is_acknowledged_after_a_failed_write", "--nocapture"]);
        child.env(FOLDER, folder.path());
        if index % 2 == 1 {
            child.env(INTERVAL, "1");
        }
        let output = child.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{blocks}: {said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("stayed refusing") || said.contains("refused to open"), "{blocks}: {said}");
        let acks = said.lines().filter(|line| line.starts_with("ack ")).count();
        acknowledged += acks;
        // There is room again.
        let journal = SqliteJournal::open(folder.path(), Options::default()).unwrap();
        let run = RunId::new("full").unwrap();
        match wait(journal.load(&run)) {
            Ok(stored) => {
                let count = stored.records.len();
                assert!(count >= acks, "{blocks}: {acks} acknowledged, {count} there");
                assert_eq!(stored.records, (1..=count as u64).map(record).collect::<Vec<_>>());
            }
            Err(JournalError::NotFound(_)) if acks == 0 => {
                wait(journal.create(header("full").unwrap(), vec![record(1)])).unwrap();
            }
            Err(error) => panic!("{blocks}: {error}"),
        }
    }
    assert!(acknowledged > 200, "only {acknowledged} records were written before the limits");
}
