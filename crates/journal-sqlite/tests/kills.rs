//! A process that is killed at any moment has lost nothing that it was told is written.
//!
//! The test starts itself as a child that appends in several runs at once and names each record when it is
//! acknowledged; the parent kills it at a random moment, opens the journal and compares.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use journal::conformance::{header, wait};
use journal::{Event, Journal, Query, Record, RunId, Timestamp};
use portcullis_journal_sqlite::{Durability, Options, SqliteJournal};

const FOLDER: &str = "PORTCULLIS_TEST_KILL_FOLDER";
const WRITERS: usize = 4;

/// Every record of a run follows from its number, so that the parent knows what must be there.
fn record(run: &RunId, seq: u64) -> Record {
    let output = format!("{run} {seq} {}", "x".repeat((seq % 7) as usize * 300));
    let event = Event::Performed {
        op: 1,
        output: output.into(),
        kept: None,
        reused: None,
        inverse: serde_json::Value::Null,
    };
    Record { seq, at: Timestamp(seq as i64), event }
}

/// Appends one record, then two, then three, ... until it is killed.
fn append_for_ever(folder: &Path, durability: Durability) -> ! {
    let journal = SqliteJournal::open(folder, Options::default().durability(durability)).unwrap();
    let round = wait(journal.list(&Query::newest(usize::MAX))).unwrap().len();
    let acknowledged = |run: &RunId, seq: u64| {
        // One write, so that lines are whole; the kernel has it when the process dies.
        std::io::stdout().lock().write_all(format!("\nack {run} {seq}\n").as_bytes()).unwrap();
        std::io::stdout().flush().unwrap();
    };
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (journal, acknowledged) = (&journal, &acknowledged);
            scope.spawn(move || {
                let header = header(&format!("run-{round}-{writer}")).unwrap();
                let run = header.run.clone();
                wait(journal.create(header, vec![record(&run, 1)])).unwrap();
                acknowledged(&run, 1);
                let mut next = 2;
                for length in (1..4).cycle() {
                    wait(journal.append(&run, (next..next + length).map(|seq| record(&run, seq)).collect()))
                        .unwrap();
                    next += length;
                    acknowledged(&run, next - 1);
                }
            });
        }
    });
    unreachable!("the loops above have no end")
}

/// Bits that differ from process to process; printed, so that a failure can be looked into.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

fn kill_many_times(name: &str, durability: Durability, times: usize) {
    if let Ok(folder) = std::env::var(FOLDER) {
        append_for_ever(Path::new(&folder), durability);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut seed = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    println!("seed {seed}");
    let mut acknowledged: BTreeMap<RunId, u64> = BTreeMap::new();
    for _ in 0..times {
        #[expect(clippy::disallowed_methods, reason = "a process that can be killed is what is tested")]
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let reading = std::thread::spawn(move || {
            let mut acks = Vec::new();
            for line in lines.by_ref() {
                let mut words = line.split(' ');
                if words.next() == Some("ack") {
                    let run = RunId::new(words.next().unwrap()).unwrap();
                    acks.push((run, words.next().unwrap().parse().unwrap()));
                }
            }
            acks
        });
        let wait_ms = random(&mut seed) % 60;
        std::thread::sleep(Duration::from_millis(wait_ms));
        child.kill().unwrap();
        child.wait().unwrap();
        for (run, seq) in reading.join().unwrap() {
            acknowledged.insert(run, seq);
        }
        nothing_is_lost(folder.path(), &acknowledged);
    }
    assert!(acknowledged.len() > WRITERS, "the kills came too early to show anything: {acknowledged:?}");
}

fn nothing_is_lost(folder: &Path, acknowledged: &BTreeMap<RunId, u64>) {
    // The lock of the killed process is gone, whatever file it left behind.
    let begun = Instant::now();
    let journal = SqliteJournal::open(folder, Options::default()).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
    let listed: Vec<RunId> = wait(journal.list(&Query::newest(usize::MAX)))
        .unwrap()
        .into_iter()
        .map(|summary| summary.run)
        .collect();
    for (run, seq) in acknowledged {
        let stored = wait(journal.load(run)).unwrap();
        let last = stored.records.len() as u64;
        assert!(last >= *seq, "{run}: {seq} acknowledged, {last} there");
        let wanted: Vec<Record> = (1..=last).map(|seq| record(run, seq)).collect();
        assert_eq!(stored.records, wanted);
        // After 1 record batches of 1, 2, 3, 1, 2, 3, ... follow: one that is half there would show.
        assert!(matches!((last - 1) % 6, 0 | 1 | 3), "{run}: {last} records are no whole number of batches");
        assert!(listed.contains(run));
    }
}

#[test]
fn each_record_survives_fifty_kills() {
    kill_many_times("each_record_survives_fifty_kills", Durability::Each, 50);
}

#[test]
fn records_synced_at_intervals_survive_ten_kills() {
    let durability = Durability::Interval(Duration::from_millis(10));
    kill_many_times("records_synced_at_intervals_survive_ten_kills", durability, 10);
}
