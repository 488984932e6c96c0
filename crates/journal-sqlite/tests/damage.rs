//! A damaged file is noticed: every answer is the one from before, or a refusal; never another history. What single
//! bits do is in `bits`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::fs;
use std::path::{Path, PathBuf};

use journal::conformance::{every_event, header, wait};
use journal::{Event, Journal, JournalError, Query, Record, RunId, RunStatus, StoredRun, Summary, Timestamp};
use plan::{Artifact, Digest};
use portcullis_journal_sqlite::{Options, SqliteJournal};

const RUNS: [&str; 3] = ["first", "second", "third"];

/// Where copies are made: in memory where there is such a folder, because thousands of files are synced.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn open(folder: &Path) -> Result<SqliteJournal, JournalError> {
    // What lies in the folder was put there by the test, which stands for the disk.
    SqliteJournal::open(folder, Options::default().moved(true))
}

fn records(from: u64, count: u64) -> Vec<Record> {
    let events = every_event();
    let kind = |seq: u64| events[(seq as usize) % events.len()].clone();
    (from..from + count)
        .map(|seq| Record { seq, at: Timestamp(1_000 + seq as i64), event: kind(seq) })
        .collect()
}

/// What can be asked of a journal: each answer, or none where it refused.
#[derive(Debug, PartialEq)]
struct Answers {
    list: Option<Vec<Summary>>,
    runs: Vec<Option<StoredRun>>,
    unknown: bool,
}

fn ask(journal: &SqliteJournal) -> Answers {
    let load = |name: &str| wait(journal.load(&RunId::new(name).unwrap()));
    Answers {
        list: wait(journal.list(&Query::newest(usize::MAX))).ok(),
        runs: RUNS
            .iter()
            .map(|name| match load(name) {
                Ok(stored) => Some(stored),
                Err(JournalError::NotFound(run)) => panic!("{run} is said never to have been"),
                Err(_) => None,
            })
            .collect(),
        unknown: load("nobody").is_err(),
    }
}

/// Every answer that was given is the right one.
fn agrees(seen: &Answers, right: &Answers) -> bool {
    (seen.list.is_none() || seen.list == right.list)
        && seen.runs.iter().zip(&right.runs).all(|(seen, right)| seen.is_none() || seen == right)
        && seen.unknown
}

/// A small database, closed, with everything in the main file.
fn sample(folder: &Path) -> (PathBuf, Answers) {
    let journal = open(folder).unwrap();
    for (index, name) in RUNS.iter().enumerate() {
        let header = header(name).unwrap();
        wait(journal.create(header.clone(), records(1, 3))).unwrap();
        if index != 1 {
            wait(journal.append(&header.run, records(4, 8))).unwrap();
        }
    }
    let answers = ask(&journal);
    assert!(answers.list.is_some() && answers.runs.iter().all(Option::is_some));
    let database = journal.database().to_owned();
    drop(journal);
    assert!(!database.with_file_name("journal.db-wal").exists(), "closing copies the log");
    (database, answers)
}

/// One run in small batches, and how long the log was when each was acknowledged.
fn logged(folder: &Path) -> (Vec<u8>, Vec<u8>, Vec<(usize, u64)>) {
    let journal = open(folder).unwrap();
    let log = journal.database().with_file_name("journal.db-wal");
    // Where the last frame ends: behind it there may be room, which is zeros.
    let length = || {
        let used = fs::read(&log).unwrap().iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
        32 + (used - 32).div_ceil(4_120) * 4_120
    };
    let header = header("first").unwrap();
    wait(journal.create(header.clone(), records(1, 1))).unwrap();
    let mut ends = vec![(length(), 1)];
    for batch in 1..8 {
        let from = ends[ends.len() - 1].1 + 1;
        wait(journal.append(&header.run, records(from, batch % 3 + 1))).unwrap();
        ends.push((length(), from + batch % 3));
    }
    assert!(length() < fs::read(&log).unwrap().len(), "room was made behind the end");
    // Copies while it is open: what a killed process leaves behind.
    (fs::read(journal.database()).unwrap(), fs::read(&log).unwrap(), ends)
}

/// Without a mark: how far the history goes that SQLite finds.
fn history(folder: &Path, database: &[u8], log: &[u8]) -> Result<u64, JournalError> {
    for name in ["journal.db-wal", "journal.db-shm", "journal.mark"] {
        let _ = fs::remove_file(folder.join(name));
    }
    fs::write(folder.join("journal.db"), database).unwrap();
    fs::write(folder.join("journal.db-wal"), log).unwrap();
    let journal = open(folder)?;
    match wait(journal.load(&RunId::new("first").unwrap())) {
        Ok(stored) => {
            let count = stored.records.len() as u64;
            assert_eq!(stored.records, records(1, count));
            assert_eq!(wait(journal.list(&Query::newest(9))).unwrap()[0].records, count);
            Ok(count)
        }
        Err(JournalError::NotFound(_)) => Ok(0),
        Err(error) => Err(error),
    }
}

#[test]
fn a_log_cut_anywhere_is_a_prefix_of_whole_batches() {
    let folder = scratch();
    let (database, log, ends) = logged(&folder.path().join("sound"));
    let copy = folder.path().join("copy");
    fs::create_dir(&copy).unwrap();
    // A frame is 24 bytes and a page; all its borders, and places between.
    let border = |cut: usize| (cut.max(32) - 32) % 4_120;
    let cuts =
        (0..=log.len()).filter(|&cut| cut < 40 || border(cut) < 3 || border(cut) > 4_117 || cut % 509 == 0);
    for cut in cuts {
        let wanted = ends.iter().rev().find(|(end, _)| *end <= cut).map_or(0, |(_, count)| *count);
        assert_eq!(history(&copy, &database, &log[..cut]).unwrap(), wanted, "cut at {cut} of {}", log.len());
    }
    for tail in [vec![0; 9_000], vec![0xa5; 9_000], log[32..4_152].to_vec()] {
        let all = ends[ends.len() - 1].1;
        assert_eq!(history(&copy, &database, &[log.clone(), tail].concat()).unwrap(), all);
    }
}

#[test]
fn a_flipped_bit_in_the_log_leaves_a_prefix_of_whole_batches() {
    let folder = scratch();
    let (database, log, ends) = logged(&folder.path().join("sound"));
    let copy = folder.path().join("copy");
    fs::create_dir(&copy).unwrap();
    for at in (0..log.len()).step_by(311) {
        let mut bytes = log.clone();
        bytes[at] ^= 1 << (at % 8);
        if let Ok(count) = history(&copy, &database, &bytes) {
            assert!(count == 0 || ends.iter().any(|(_, end)| *end == count), "byte {at}: {count} records");
            let before = ends.iter().rev().find(|(end, _)| *end <= at).map_or(0, |(_, count)| *count);
            assert!(count >= before, "byte {at}: {count} records, but {before} were written before it");
        }
    }
}

#[test]
fn rows_changed_by_hand_are_noticed() {
    let changes = [
        "UPDATE records SET event = replace(event, 'mail.delete', 'mail.reveal') WHERE number = 1 AND seq = 1",
        "UPDATE records SET at = at + 1 WHERE number = 1 AND seq = 2",
        "UPDATE records SET event = 'null' WHERE number = 1 AND seq = 11",
        "DELETE FROM records WHERE number = 1 AND seq = 11",
        "DELETE FROM records WHERE number = 1 AND seq = 1",
        "DELETE FROM records WHERE number = 1",
        "DELETE FROM records WHERE number = 1; UPDATE records SET number = 1 WHERE number = 2",
        "UPDATE records SET seq = -seq WHERE number = 1; UPDATE records SET seq = 12 + seq WHERE number = 1",
        "INSERT INTO records SELECT number, seq + 8, at, event, link FROM records WHERE number = 1 AND seq > 3",
        "UPDATE records SET event = (SELECT event FROM records WHERE number = 3 AND seq = 4), \
         link = (SELECT link FROM records WHERE number = 3 AND seq = 4) WHERE number = 1 AND seq = 4",
        "UPDATE records SET event = CAST(event AS BLOB) WHERE number = 1 AND seq = 2",
        "UPDATE heads SET status = 'failed' WHERE number = 1",
        "UPDATE heads SET asked = '[9]' WHERE number = 1",
        "UPDATE heads SET updated = updated + 1 WHERE number = 1",
        "UPDATE heads SET records = 10, last = (SELECT link FROM records WHERE number = 1 AND seq = 10) \
         WHERE number = 1; DELETE FROM records WHERE number = 1 AND seq = 11",
        "DELETE FROM heads WHERE number = 1",
        "UPDATE runs SET run = 'fourth' WHERE number = 1",
        "UPDATE runs SET header = replace(header, 'clean-mailbox', 'clean-mailbix') WHERE number = 1",
        "DELETE FROM runs WHERE number = 3",
        "DELETE FROM runs WHERE number = 1",
        "DELETE FROM total",
        "UPDATE total SET runs = 2",
        "INSERT INTO total SELECT * FROM total",
        "DELETE FROM blocks",
        "UPDATE blocks SET block = 1",
        "UPDATE blocks SET lines = x''",
        "DELETE FROM runs WHERE number = 2; UPDATE blocks SET lines = \
         CAST(substr(lines, 1, 9) || zeroblob(9) || substr(lines, 19) AS BLOB)",
        "UPDATE texts SET text = text || ' '",
        "DELETE FROM texts",
    ];
    let folder = scratch();
    let (database, right) = sample(&folder.path().join("sound"));
    let sound = fs::read(&database).unwrap();
    for change in changes {
        fs::write(&database, &sound).unwrap();
        rusqlite::Connection::open(&database).unwrap().execute_batch(change).unwrap();
        // Without the mark, which would refuse some of them at once.
        let _ = fs::remove_file(database.with_file_name("journal.mark"));
        let Ok(journal) = open(database.parent().unwrap()) else { continue };
        let answers = ask(&journal);
        assert!(agrees(&answers, &right), "{change}: {answers:#?}");
        assert_ne!(answers, right, "{change} made no difference");
    }
}

#[test]
fn the_refusal_names_the_record() {
    let folder = scratch();
    let (database, _) = sample(&folder.path().join("sound"));
    let change = "UPDATE records SET at = 0 WHERE number = 1 AND seq = 7";
    rusqlite::Connection::open(&database).unwrap().execute_batch(change).unwrap();
    let journal = open(database.parent().unwrap()).unwrap();
    let error = wait(journal.load(&RunId::new("first").unwrap())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the history of run first is damaged at record 7: its checksum does not fit"
    );
}

#[test]
fn files_of_others_and_of_newer_versions_are_refused() {
    let said = |change: &str| {
        let folder = scratch();
        let (database, _) = sample(&folder.path().join("sound"));
        rusqlite::Connection::open(&database).unwrap().execute_batch(change).unwrap();
        let before = fs::read(&database).unwrap();
        let error = open(database.parent().unwrap()).unwrap_err();
        assert_eq!(fs::read(&database).unwrap(), before, "a file that is refused is left alone");
        format!("{error}: {}", std::error::Error::source(&error).unwrap())
    };
    assert!(said("PRAGMA user_version = 3").ends_with("use the newer program"));
    assert!(said("PRAGMA application_id = 7").contains("another program"));
    assert!(said("DROP TABLE heads").contains("damaged"));
    assert!(said("ALTER TABLE runs RENAME COLUMN header TO heading").contains("damaged"));
    let folder = scratch();
    fs::write(folder.path().join("journal.db"), "not a database ".repeat(1_000)).unwrap();
    assert!(matches!(open(folder.path()), Err(JournalError::Io { doing: "opened", .. })));
}

#[test]
fn what_another_run_needs_is_never_freed() {
    let changes = [
        "UPDATE uses SET runs = 1",
        "UPDATE uses SET runs = runs - 1",
        "UPDATE uses SET kind = 1 - kind",
        "UPDATE uses SET digest = zeroblob(32) WHERE kind = 1",
        "DELETE FROM uses",
        "DELETE FROM uses_of",
        "DELETE FROM uses_of WHERE number = 2",
        "UPDATE uses_of SET number = 9 WHERE number = 2",
        "UPDATE uses_of SET digest = zeroblob(32) WHERE number = 2 AND kind = 1",
    ];
    let folder = scratch();
    let kept = Artifact { artifact: Digest::new([5; 32]), size: 9, media_type: "text/plain".to_owned() };
    let speaks = vec![
        Record {
            seq: 1,
            at: Timestamp(0),
            event: Event::Performed {
                op: 1,
                output: serde_json::Value::Null,
                kept: Some(kept.clone()),
                reused: None,
                inverse: serde_json::Value::Null,
            },
        },
        Record {
            seq: 2,
            at: Timestamp(0),
            event: Event::Ended { status: RunStatus::Succeeded, outputs: Default::default(), failure: None },
        },
    ];
    for (number, change) in changes.iter().enumerate() {
        let place = folder.path().join(number.to_string());
        let journal = open(&place).unwrap();
        for name in ["first", "second"] {
            wait(journal.create(header(name).unwrap(), speaks.clone())).unwrap();
        }
        let database = journal.database().to_owned();
        drop(journal);
        rusqlite::Connection::open(&database).unwrap().execute_batch(change).unwrap();
        let journal = open(&place).unwrap();
        let freed = wait(journal.delete(&header("first").unwrap().run)).unwrap();
        assert!(freed.is_empty(), "{change}: the second run needs it");
        // The playbook's text is there too.
        assert_eq!(wait(journal.load(&header("second").unwrap().run)).unwrap().records, speaks, "{change}");
        // A third run that needs it must not make the second's need forgotten.
        wait(journal.create(header("third").unwrap(), speaks.clone())).unwrap();
        let freed = wait(journal.delete(&header("third").unwrap().run)).unwrap();
        assert!(freed.is_empty(), "{change}: the second run still needs it");
        assert_eq!(wait(journal.load(&header("second").unwrap().run)).unwrap().records, speaks, "{change}");
    }
}
