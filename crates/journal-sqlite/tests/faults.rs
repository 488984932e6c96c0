//! Every call to the system fails once, and for good; and power is cut after every change.
//!
//! A small process opens a journal, writes a few things, closes it and opens it again. By default one fault in four is
//! tried, others each day; `PORTCULLIS_TEST_DISK=all` tries all of them and forty ways to lose a part.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

mod disk;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use disk::{Acks, Change, FOLDER, Loss, scratch};
use journal::conformance::{header, wait};
use journal::{
    Event, Journal, JournalError, MemoryJournal, Query, Record, RunStatus, StoredRun, Summary, Timestamp,
};
use portcullis_journal_sqlite::{Durability, Options, SqliteJournal};

const INTERVAL: &str = "PORTCULLIS_TEST_DISK_INTERVAL";
const RUNS: [&str; 2] = ["first", "second"];
/// What is done before the journal is closed and opened again, and in all.
const BEFORE: usize = 6;
const STEPS: usize = 8;

fn record(seq: u64, size: usize) -> Record {
    let event = Event::Performed {
        op: 1,
        output: format!("{seq} {}", "x".repeat(size)).into(),
        kept: None,
        reused: None,
        inverse: serde_json::Value::Null,
    };
    Record { seq, at: Timestamp(seq as i64), event }
}

fn ended(seq: u64) -> Record {
    let event = Event::Ended { status: RunStatus::Succeeded, outputs: Default::default(), failure: None };
    Record { seq, at: Timestamp(seq as i64), event }
}

/// What is done, one after the other.
fn step(journal: &dyn Journal, step: usize) -> Result<(), JournalError> {
    let (first, second) = (header("first").unwrap(), header("second").unwrap());
    wait(async {
        match step {
            0 => journal.create(first, vec![record(1, 100)]).await,
            1 => journal.append(&first.run, vec![record(2, 300), record(3, 10)]).await,
            2 => journal.create(second, vec![record(1, 9_000)]).await,
            3 => journal.append(&first.run, vec![ended(4)]).await,
            4 => journal.append(&second.run, vec![record(2, 20_000)]).await,
            5 => journal.delete(&first.run).await.map(|_| ()),
            6 => journal.append(&second.run, vec![record(3, 5_000)]).await,
            _ => journal.append(&second.run, vec![ended(4)]).await,
        }
    })
}

/// All there is in a journal.
type State = (Vec<Summary>, Vec<Option<StoredRun>>);

fn state(journal: &dyn Journal) -> State {
    let load = |name: &&str| match wait(journal.load(&header(name).unwrap().run)) {
        Ok(stored) => Some(stored),
        Err(JournalError::NotFound(_)) => None,
        Err(error) => panic!("{error}"),
    };
    (wait(journal.list(&Query::newest(9))).unwrap(), RUNS.iter().map(load).collect())
}

/// The states after no step, after the first, and so on.
fn states() -> Vec<State> {
    let journal = MemoryJournal::new();
    let mut states = vec![state(&journal)];
    for number in 0..STEPS {
        step(&journal, number).unwrap();
        states.push(state(&journal));
    }
    states
}

fn options() -> Options {
    let interval = std::env::var(INTERVAL).is_ok();
    let durability = if interval { Durability::Interval(Duration::from_millis(3)) } else { Durability::Each };
    Options::default().durability(durability)
}

/// The process under the shim: what is acknowledged, and what fails, is said.
fn write_some(folder: &Path) {
    let mut acks = Acks::of(folder);
    let said = |error: &JournalError| {
        let source = error.source().map(ToString::to_string).unwrap_or_default();
        format!("{error}: {source}").replace('\n', " ")
    };
    for steps in [0..BEFORE, BEFORE..STEPS] {
        let journal = match SqliteJournal::open(folder, options()) {
            Ok(journal) => journal,
            Err(error) => return acks.say(&format!("error at opening: {}", said(&error))),
        };
        for number in steps {
            let mut tries = 0;
            loop {
                tries += 1;
                match step(&journal, number) {
                    Ok(()) => break acks.say(&format!("ack {number}")),
                    // Nothing was written, so it can be tried again.
                    Err(error @ JournalError::NoRoom { .. }) => {
                        acks.say(&format!("error for want of room: {}", said(&error)));
                        if tries == 3 {
                            return;
                        }
                    }
                    Err(error) => {
                        acks.say(&format!("error: {}", said(&error)));
                        for _ in 0..2 {
                            let again = step(&journal, number);
                            acks.say(if again.is_ok() { "ack after an error" } else { "stays refusing" });
                        }
                        return;
                    }
                }
            }
            if std::env::var(INTERVAL).is_ok() {
                // Now and then a sync falls between two steps.
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }
}

fn acknowledged(said: &[String]) -> usize {
    assert!(!said.iter().any(|line| line == "ack after an error"), "{said:#?}");
    said.iter().filter(|line| line.starts_with("ack ")).count()
}

/// Opens what is left and compares it with what was acknowledged; at most the step in flight may be there too.
fn check(what: &str, folder: &Path, states: &[State], acknowledged: usize) {
    look(what, folder, states, acknowledged);
    // A folder that was made anew stands for the disk after a power cut.
    let journal = SqliteJournal::open(folder, Options::default().moved(true))
        .unwrap_or_else(|error| panic!("{what}: {error}: {:?}", error.source().map(ToString::to_string)));
    let seen = state(&journal);
    let next = (acknowledged + 1).min(states.len() - 1);
    assert!(
        seen == states[acknowledged] || seen == states[next],
        "{what}: {acknowledged} steps were acknowledged, and there is {:#?}",
        seen.0
    );
}

/// Looks at what is left before anybody has put it right: it is what was acknowledged, or nothing was.
fn look(what: &str, folder: &Path, states: &[State], acknowledged: usize) {
    match SqliteJournal::open_read_only(folder) {
        Ok(journal) => {
            let seen = state(&journal);
            let next = (acknowledged + 1).min(states.len() - 1);
            assert!(
                seen == states[acknowledged] || seen == states[next],
                "{what}: {acknowledged} steps were acknowledged, and a look shows {:#?}",
                seen.0
            );
        }
        Err(JournalError::Empty(_)) if acknowledged == 0 => {}
        Err(error) => {
            let reason = error.source().map(ToString::to_string).unwrap_or_default();
            assert!(acknowledged == 0 && reason == "there is no journal here", "{what}: {error}: {reason}");
        }
    }
}

fn all() -> bool {
    std::env::var("PORTCULLIS_TEST_DISK").is_ok_and(|value| value == "all")
}

fn today() -> u64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400
}

/// One process whose n-th call fails; whether there was such a call.
fn try_fault(library: &Path, test: &str, folder: &Path, states: &[State], fault: &str, only: &str) -> bool {
    let settings = [("SHIM_FAIL", fault), ("SHIM_ONLY", only)];
    let done = disk::start(library, test, folder, &settings);
    for line in done.said.iter().filter(|line| line.starts_with("error")) {
        assert!(line.contains(folder.to_str().unwrap()), "{fault}: {line}");
    }
    let acks = acknowledged(&done.said);
    check(&format!("{fault}: {:#?}", done.said), folder, states, acks);
    if fault.ends_with("ENOSPC 1") && done.said.iter().any(|line| line.starts_with("error for want of room"))
    {
        assert_eq!(acks, STEPS, "{fault}: there was room again, and yet: {:#?}", done.said);
    }
    let nth: u64 = fault.split(' ').next().unwrap().parse().unwrap();
    if done.calls < nth {
        assert_eq!(acks, STEPS, "{fault}: nothing failed, and yet: {:#?}", done.said);
    }
    done.calls >= nth
}

/// All calls, one process each, until none is left that could fail.
fn try_faults(test: &str, errors: &[(&str, u64)], only: &str, stride: u64) {
    if let Ok(folder) = std::env::var(FOLDER) {
        return write_some(Path::new(&folder));
    }
    let place = scratch();
    let library = disk::build(place.path());
    let states = states();
    for (error, times) in errors {
        let tried = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for thread in 0..2 {
                let (library, states, tried, place) = (&library, &states, &tried, &place);
                scope.spawn(move || {
                    let mut nth = 1 + (today() + thread) % stride + if stride == 1 { thread } else { 0 };
                    loop {
                        let folder: PathBuf = place.path().join(format!("{error}-{times}-{nth}-{thread}"));
                        let fault = format!("{nth} {error} {times}");
                        let more = try_fault(library, test, &folder, states, &fault, only);
                        tried.fetch_add(1, Ordering::Relaxed);
                        fs::remove_dir_all(&folder).unwrap();
                        if !more {
                            break;
                        }
                        nth += if stride == 1 { 2 } else { stride };
                    }
                });
            }
        });
        println!("{error}, {times} times: {} processes", tried.into_inner());
    }
}

#[test]
fn every_call_fails() {
    let errors = [
        ("EIO", 1),
        ("EIO", 1_000_000),
        ("ENOSPC", 1),
        ("ENOSPC", 1_000_000),
        ("EINTR", 1),
        ("EMFILE", 1),
        ("EMFILE", 1_000_000),
        ("SHORT", 1),
        ("SHORT", 1_000_000),
    ];
    try_faults("every_call_fails", &errors, "", if all() { 1 } else { 8 });
}

#[test]
fn every_sync_fails() {
    // Nothing may be acknowledged after it by the same opening, even where the next sync says success.
    try_faults("every_sync_fails", &[("EIO", 1), ("EIO", 1_000_000)], "sync", 1);
}

#[test]
fn power_is_cut_after_every_change() {
    if let Ok(folder) = std::env::var(FOLDER) {
        return write_some(Path::new(&folder));
    }
    let place = scratch();
    let library = disk::build(place.path());
    let states = states();
    let boot = place.path().join("another boot");
    fs::write(&boot, "another start of the machine\n").unwrap();
    for interval in [false, true] {
        let folder = place.path().join(format!("data-{interval}"));
        let trace = place.path().join(format!("trace-{interval}"));
        let mut settings =
            vec![("SHIM_TRACE", trace.to_str().unwrap()), ("SHIM_BOOT", boot.to_str().unwrap())];
        if interval {
            settings.push((INTERVAL, "1"));
        }
        let done = disk::start(&library, "power_is_cut_after_every_change", &folder, &settings);
        assert_eq!(acknowledged(&done.said), STEPS, "{:#?}", done.said);
        let changes = disk::trace(&trace, &folder);
        let copy = place.path().join("copy");
        let seeds = if all() { 40 } else { 3 };
        let cases = disk::every_power_cut(&changes, &copy, seeds, |what, loss, before| {
            let acks = before.iter().filter(|change| matches!(change, Change::Said(_))).count();
            let killed = matches!(loss, Loss::Nothing | Loss::Torn(_));
            if !interval || killed {
                check(what, &copy, &states, acks);
                return;
            }
            // What was not synced may be gone; what is there is one of the states, and none is refused.
            let journal =
                SqliteJournal::open(&copy, Options::default().moved(true)).unwrap_or_else(|error| {
                    panic!("{what}: {error}: {:?}", error.source().map(ToString::to_string))
                });
            let seen = state(&journal);
            assert!(states[..=(acks + 1).min(STEPS)].contains(&seen), "{what}: {:#?}", seen.0);
        });
        println!("interval {interval}: {} changes, {cases} power cuts", changes.len());
        assert!(changes.len() > 60 && cases > 300);
    }
}
