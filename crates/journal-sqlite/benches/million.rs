//! What lists cost when there are many runs: `cargo bench -p portcullis-journal-sqlite --bench million`.
//!
//! Makes a journal of a million finished runs (another number with `RUNS=...`), about two gigabytes below the folder
//! for temporary files, and asks it what `runs list` asks. The first call after opening reads from the file, the
//! later ones find its pages in memory, so both are printed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program for developers"
)]

use std::path::Path;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use journal::conformance::{header, wait};
use journal::{Event, Header, Journal, Origin, OriginKind, Query, Record, RunId, RunStatus, Timestamp};
use portcullis_journal_sqlite::{Durability, Options, SqliteJournal};

/// Runs that are ordered before the first of them is waited for.
const TOGETHER: u64 = 1_000;

fn name(number: u64) -> String {
    format!("20260101-{number:06}-{:08x}", number.wrapping_mul(2_654_435_761) as u32)
}

/// One in a hundred thousand fails; a hundred playbooks, and one that hardly ever runs; some are run again.
fn run(number: u64) -> (Header, Vec<Record>) {
    let origin = (number > 0 && number.is_multiple_of(50_000)).then(|| Origin {
        kind: OriginKind::Rerun,
        run: RunId::new(name(number / 100_000 * 10)).unwrap(),
        from: None,
    });
    let playbook = match number {
        _ if number.is_multiple_of(100_000) => "hardly-ever".to_owned(),
        _ => format!("playbook-{}", number % 100),
    };
    let header = Header { playbook, origin, ..header(&name(number)).unwrap() };
    let status = if number % 100_000 == 7 { RunStatus::Failed } else { RunStatus::Succeeded };
    let events = [
        Event::Started {
            input: [("mailbox".to_owned(), "ann@example.org".into())].into(),
            trigger: serde_json::Value::Null,
            starter: "cli:ann".to_owned(),
        },
        Event::Performed {
            op: 1,
            output: "x".repeat(200).into(),
            kept: None,
            reused: None,
            inverse: serde_json::Value::Null,
        },
        Event::Ended { status, outputs: Default::default(), failure: None },
    ];
    let records = (1..).zip(events).map(|(seq, event)| Record { seq, at: Timestamp(seq as i64), event });
    (header, records.collect())
}

fn open(folder: &Path, durability: Durability) -> SqliteJournal {
    SqliteJournal::open(folder, Options::default().durability(durability)).unwrap()
}

fn make(folder: &Path, runs: u64) {
    let journal = open(folder, Durability::Interval(Duration::from_secs(5)));
    let begun = Instant::now();
    let mut context = Context::from_waker(Waker::noop());
    for first in (0..runs).step_by(TOGETHER as usize) {
        let mut orders: Vec<_> = (first..runs.min(first + TOGETHER))
            .filter_map(|number| {
                let (header, records) = run(number);
                let mut order = journal.create(header, records);
                // Ordered by the first look at it, and perhaps done already.
                match order.as_mut().poll(&mut context) {
                    Poll::Ready(done) => done.map(|()| None).unwrap(),
                    Poll::Pending => Some(order),
                }
            })
            .collect();
        orders.drain(..).for_each(|order| wait(order).unwrap());
    }
    println!("{runs} runs in {:.0} s", begun.elapsed().as_secs_f64());
}

/// The first call, and the median of ten more.
fn time(what: &str, mut call: impl FnMut() -> usize) {
    let mut times = Vec::new();
    let mut answer = 0;
    for _ in 0..11 {
        let begun = Instant::now();
        answer = call();
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let first = times.remove(0);
    times.sort_by(f64::total_cmp);
    println!("  {what:<44} {answer:>4} found, first {first:>8.2} ms, then {:>8.2} ms", times[5]);
}

fn main() {
    let brief = !std::env::args().any(|argument| argument == "--bench");
    let asked = std::env::var("RUNS").ok().and_then(|runs| runs.parse().ok());
    let runs: u64 = asked.unwrap_or(if brief { 2_000 } else { 1_000_000 });
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), runs);
    let bytes = std::fs::metadata(folder.path().join("journal.db")).unwrap().len();
    println!("  {:.0} bytes a run", bytes as f64 / runs as f64);
    let opening = Instant::now();
    let journal = open(folder.path(), Durability::Each);
    println!("  opening {:>8.2} ms", opening.elapsed().as_secs_f64() * 1e3);
    let opening = Instant::now();
    let looking = SqliteJournal::open_read_only(folder.path()).unwrap();
    println!("  opening to look {:>8.2} ms", opening.elapsed().as_secs_f64() * 1e3);
    let page = || Query::newest(50);
    let id = |number: u64| RunId::new(name(number)).unwrap();
    let queries = [
        ("newest 50", page()),
        ("status failed", Query { status: Some(RunStatus::Failed), ..page() }),
        ("status running, of which there are none", Query { status: Some(RunStatus::Running), ..page() }),
        ("a playbook of a hundred", Query { playbook: Some("playbook-42".to_owned()), ..page() }),
        ("a playbook that hardly ever ran", Query { playbook: Some("hardly-ever".to_owned()), ..page() }),
        ("made from a run", Query { origin: Some(id(10)), ..page() }),
        ("before the one in the middle", Query { before: Some(id(runs / 2)), ..page() }),
        ("before the hundredth", Query { before: Some(id(100)), ..page() }),
    ];
    for (what, query) in queries {
        time(what, || wait(looking.list(&query)).unwrap().len());
    }
    time("a run that never was, by name", || wait(looking.load(&id(runs + 1))).is_err().into());
    time("all of a run", || wait(looking.load(&id(runs / 3))).unwrap().records.len());
    let mut next = runs / 2;
    time("deleting, each on the disk", || {
        next += 1;
        wait(journal.delete(&id(next))).unwrap().len()
    });
    time("beginning, each on the disk", || {
        next += 1;
        let (header, records) = run(runs + next);
        wait(journal.create(header, records)).map(|()| 1).unwrap()
    });
}
