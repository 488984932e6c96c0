//! What a journal costs beside the disk: `cargo bench -p portcullis-journal-sqlite`.
//!
//! Disks differ by a hundred times and from minute to minute, so every figure stands beside a bare limit that
//! is measured in turns with it, and the ratio of the medians is what counts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program for developers"
)]

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use journal::conformance::{header, wait};
use journal::{Event, Journal, MemoryJournal, Query, Record, Timestamp};
use portcullis_journal_sqlite::{Durability, Options, SqliteJournal};

const ROUNDS: usize = 7;
const RECORD: usize = 300;

fn main() {
    // Without `cargo bench` (`cargo test --benches`) once and briefly, to see that it works.
    let brief = !std::env::args().any(|argument| argument == "--bench");
    let (rounds, slice) =
        if brief { (1, Duration::from_millis(30)) } else { (ROUNDS, Duration::from_millis(700)) };
    one_writer(rounds, slice);
    many_writers(rounds, slice);
    intervals(rounds, slice);
    lists(if brief { 200 } else { 20_000 });
}

fn one_writer(rounds: usize, slice: Duration) {
    compare(
        "1 run, each record synced",
        rounds,
        &[
            ("append and fdatasync", &|| bare_append(slice)),
            ("bare SQLite, FULL", &|| bare_sqlite("FULL", slice)),
            ("journal", &|| journal(Durability::Each, 1, slice)),
        ],
    );
}

fn many_writers(rounds: usize, slice: Duration) {
    compare(
        "64 runs, each record synced",
        rounds,
        &[
            ("append and fdatasync, 1 run", &|| bare_append(slice)),
            ("journal, 1 run", &|| journal(Durability::Each, 1, slice)),
            ("journal, 64 runs", &|| journal(Durability::Each, 64, slice)),
        ],
    );
}

fn intervals(rounds: usize, slice: Duration) {
    let durability = Durability::Interval(Duration::from_millis(100));
    compare(
        "1 run, synced every 100 ms",
        rounds,
        &[
            ("bare SQLite, NORMAL", &|| bare_sqlite("NORMAL", slice)),
            ("journal", &|| journal(durability, 1, slice)),
            ("journal in memory", &|| memory(slice)),
        ],
    );
}

/// Runs the loops in turns and prints microseconds a record, and how often the first fits into each.
fn compare(title: &str, rounds: usize, loops: &[(&str, &dyn Fn() -> f64)]) {
    let mut figures = vec![Vec::new(); loops.len()];
    for _ in 0..rounds {
        for ((_, run), figures) in loops.iter().zip(&mut figures) {
            figures.push(run());
        }
    }
    println!("{title}");
    let median = |figures: &mut Vec<f64>| {
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    let limit = median(&mut figures[0]);
    for ((name, _), figures) in loops.iter().zip(&mut figures) {
        let middle = median(figures);
        let (least, most) = (figures[0], figures[figures.len() - 1]);
        println!(
            "  {name:<32} {middle:>9.1} us a record ({least:.1} to {most:.1}), {:>8.0}/s, ratio {:.2}",
            1e6 / middle,
            middle / limit
        );
    }
}

/// Microseconds for one call, over many in `slice`.
fn time(slice: Duration, mut call: impl FnMut(u64)) -> f64 {
    let begun = Instant::now();
    let mut calls = 0;
    while begun.elapsed() < slice {
        calls += 1;
        call(calls);
    }
    begun.elapsed().as_secs_f64() * 1e6 / calls as f64
}

fn bare_append(slice: Duration) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let mut file = File::create(folder.path().join("log")).unwrap();
    let record = [b'x'; RECORD];
    time(slice, |_| {
        file.write_all(&record).unwrap();
        file.sync_data().unwrap();
    })
}

fn bare_sqlite(synchronous: &str, slice: Duration) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let connection = rusqlite::Connection::open(folder.path().join("bare.db")).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};
             CREATE TABLE records (run INTEGER, seq INTEGER, event TEXT, PRIMARY KEY (run, seq)) WITHOUT ROWID"
        ))
        .unwrap();
    let mut insert = connection.prepare("INSERT INTO records VALUES (1, ?1, ?2)").unwrap();
    let record = "x".repeat(RECORD);
    time(slice, |seq| {
        insert.execute((seq as i64, &record)).unwrap();
    })
}

fn record(seq: u64) -> Record {
    let output = "x".repeat(RECORD - 40);
    let event = Event::Performed {
        op: 1,
        output: output.into(),
        kept: None,
        reused: None,
        inverse: serde_json::Value::Null,
    };
    Record { seq, at: Timestamp(seq as i64), event }
}

fn open(folder: &Path, durability: Durability) -> SqliteJournal {
    SqliteJournal::open(folder, Options::default().durability(durability)).unwrap()
}

fn journal(durability: Durability, writers: usize, slice: Duration) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let journal = Arc::new(open(folder.path(), durability));
    let written = AtomicUsize::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let (journal, written) = (&journal, &written);
            scope.spawn(move || {
                let header = header(&format!("run-{writer}")).unwrap();
                let run = header.run.clone();
                wait(journal.create(header, Vec::new())).unwrap();
                let mut seq = 0;
                while begun.elapsed() < slice {
                    seq += 1;
                    wait(journal.append(&run, vec![record(seq)])).unwrap();
                    written.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    begun.elapsed().as_secs_f64() * 1e6 / written.into_inner() as f64
}

fn memory(slice: Duration) -> f64 {
    let journal = MemoryJournal::new();
    let header = header("run").unwrap();
    let run = header.run.clone();
    wait(journal.create(header, Vec::new())).unwrap();
    time(slice, |seq| wait(journal.append(&run, vec![record(seq)])).unwrap())
}

fn lists(runs: usize) {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), Durability::Interval(Duration::from_secs(1)));
    for number in 0..runs {
        let header = header(&format!("run-{number}")).unwrap();
        wait(journal.create(header, vec![record(1), record(2)])).unwrap();
    }
    println!("{runs} runs");
    for limit in [20, 1_000] {
        let begun = Instant::now();
        let listed = wait(journal.list(&Query::newest(limit))).unwrap();
        let taken = begun.elapsed().as_secs_f64() * 1e3;
        println!("  list of {:<5} {taken:>8.2} ms", listed.len());
    }
    let run = header(&format!("run-{}", runs / 2)).unwrap().run;
    let begun = Instant::now();
    wait(journal.load(&run)).unwrap();
    println!("  load of one   {:>8.2} ms", begun.elapsed().as_secs_f64() * 1e3);
    let all: Vec<Record> = (3..10_003).map(record).collect();
    wait(journal.append(&run, all)).unwrap();
    let begun = Instant::now();
    wait(journal.load(&run)).unwrap();
    println!("  load of 10,000 records {:>8.2} ms", begun.elapsed().as_secs_f64() * 1e3);
    drop(journal);
    let begun = Instant::now();
    let journal = open(folder.path(), Durability::Each);
    println!("  opening       {:>8.2} ms", begun.elapsed().as_secs_f64() * 1e3);
    drop(journal);
}
