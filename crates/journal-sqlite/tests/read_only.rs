//! Looking at a journal without the lock: beside a process that writes, after one that was killed, and alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use journal::conformance::{header, wait};
use journal::{Event, Journal, JournalError, Query, Record, RunStatus, Timestamp};
use portcullis_journal_sqlite::{Options, SqliteJournal};

const FOLDER: &str = "PORTCULLIS_TEST_LOOKING_FOLDER";

fn open(folder: &Path) -> SqliteJournal {
    SqliteJournal::open(folder, Options::default()).unwrap()
}

fn look(folder: &Path) -> Result<SqliteJournal, JournalError> {
    SqliteJournal::open_read_only(folder)
}

fn said(error: &JournalError) -> String {
    format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default())
}

fn woken(seq: u64) -> Vec<Record> {
    vec![Record { seq, at: Timestamp(0), event: Event::Woken { op: 1 } }]
}

fn ended(seq: u64) -> Vec<Record> {
    let event = Event::Ended { status: RunStatus::Succeeded, outputs: Default::default(), failure: None };
    vec![Record { seq, at: Timestamp(0), event }]
}

#[test]
fn a_look_sees_what_the_writer_commits() {
    let folder = tempfile::tempdir().unwrap();
    let writer = open(folder.path());
    let looking = look(folder.path()).unwrap();
    let header = header("first").unwrap();
    assert_eq!(wait(looking.list(&Query::newest(9))).unwrap(), []);
    wait(writer.create(header.clone(), woken(1))).unwrap();
    for seq in 2..50 {
        wait(writer.append(&header.run, woken(seq))).unwrap();
        assert_eq!(wait(looking.load(&header.run)).unwrap().records.len() as u64, seq);
        assert_eq!(wait(looking.list(&Query::newest(9))).unwrap()[0].records, seq);
    }
    wait(writer.append(&header.run, ended(50))).unwrap();
    wait(writer.delete(&header.run)).unwrap();
    assert!(matches!(wait(looking.load(&header.run)), Err(JournalError::NotFound(_))));
    // The writer may go and come back while somebody looks.
    drop(writer);
    let writer = open(folder.path());
    wait(writer.create(journal::conformance::header("second").unwrap(), woken(1))).unwrap();
    assert_eq!(wait(looking.list(&Query::newest(9))).unwrap().len(), 1);
    drop(looking);
    drop(writer);
    assert_eq!(wait(open(folder.path()).list(&Query::newest(9))).unwrap().len(), 1);
}

#[test]
fn a_look_changes_no_history() {
    let folder = tempfile::tempdir().unwrap();
    let header = header("first").unwrap();
    wait(open(folder.path()).create(header.clone(), woken(1))).unwrap();
    let kept = |name: &str| fs::read(folder.path().join(name)).ok();
    let before = (kept("journal.db"), kept("journal.mark"));
    fs::remove_file(folder.path().join("journal.lock")).unwrap();
    let looking = look(folder.path()).unwrap();
    assert_eq!(wait(looking.load(&header.run)).unwrap().records, woken(1));
    let refusals = [
        wait(looking.create(journal::conformance::header("second").unwrap(), woken(1))).unwrap_err(),
        wait(looking.append(&header.run, woken(2))).unwrap_err(),
        wait(looking.delete(&header.run)).unwrap_err(),
    ];
    for refusal in refusals {
        assert!(said(&refusal).ends_with("it was opened only to be looked at"), "{}", said(&refusal));
    }
    drop(looking);
    assert!((kept("journal.db"), kept("journal.mark")) == before);
    let mut names: BTreeMap<String, u64> = fs::read_dir(folder.path())
        .unwrap()
        .map(Result::unwrap)
        .map(|file| (file.file_name().into_string().unwrap(), file.metadata().unwrap().len()))
        .collect();
    // SQLite's own, which hold nothing.
    assert_eq!(names.remove("journal.db-wal").unwrap_or(0), 0);
    names.remove("journal.db-shm");
    names.remove("journal.mark");
    assert_eq!(names.into_keys().collect::<Vec<_>>(), ["journal.db"], "no lock was made");
}

#[test]
fn what_a_killed_process_left_in_the_log_is_seen() {
    if let Ok(folder) = std::env::var(FOLDER) {
        let journal = open(Path::new(&folder));
        wait(journal.create(header("first").unwrap(), woken(1))).unwrap();
        std::process::abort();
    }
    let folder = tempfile::tempdir().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a process that ends badly is what is tested")]
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "what_a_killed_process_left_in_the_log_is_seen", "--nocapture"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap()
        .status;
    assert!(!status.success());
    assert!(fs::metadata(folder.path().join("journal.db-wal")).unwrap().len() > 0);
    let run = header("first").unwrap().run;
    assert_eq!(wait(look(folder.path()).unwrap().load(&run)).unwrap().records, woken(1));
    assert_eq!(wait(open(folder.path()).load(&run)).unwrap().records, woken(1));
}

#[test]
fn where_there_is_no_journal_nothing_is_made() {
    let parent = tempfile::tempdir().unwrap();
    let (nowhere, empty, other) =
        (parent.path().join("nowhere"), parent.path().join("empty"), parent.path().join("other"));
    fs::create_dir(&empty).unwrap();
    fs::create_dir(&other).unwrap();
    fs::write(other.join("journal.db"), "not a database ".repeat(1_000)).unwrap();
    for (folder, reason) in [
        (&nowhere, "there is no journal here"),
        (&empty, "there is no journal here"),
        (&other, "not a database"),
    ] {
        let error = look(folder).unwrap_err();
        assert!(matches!(&error, JournalError::Io { doing: "opened", .. }), "{error:?}");
        assert!(said(&error).contains(reason), "{}", said(&error));
    }
    assert!(!nowhere.exists());
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0);
    fs::write(empty.join("journal.db"), "").unwrap();
    let error = look(&empty).unwrap_err();
    assert!(matches!(&error, JournalError::Empty(_)), "{error:?}");
}
