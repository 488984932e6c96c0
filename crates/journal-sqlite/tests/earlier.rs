//! A journal whose tables are of an earlier version is brought up to date when it is opened for writing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::error::Error;
use std::path::Path;

use journal::conformance::{header, wait};
use journal::{Event, Journal, Query, Record, RunStatus, Timestamp};
use plan::{Artifact, Digest};
use portcullis_journal_sqlite::{Options, SqliteJournal};

/// What version 2 added to version 1.
const BACK: &str = "DROP TABLE blocks; DROP TABLE uses; DROP TABLE uses_of; PRAGMA user_version = 1";

fn open(folder: &Path) -> SqliteJournal {
    SqliteJournal::open(folder, Options::default()).unwrap()
}

fn records(ended: bool) -> Vec<Record> {
    let kept = Artifact { artifact: Digest::new([1; 32]), size: 9, media_type: "text/plain".to_owned() };
    let mut events = vec![Event::Performed {
        op: 1,
        output: serde_json::Value::Null,
        kept: Some(kept),
        reused: None,
        inverse: serde_json::Value::Null,
    }];
    if ended {
        let outputs = Default::default();
        events.push(Event::Ended { status: RunStatus::Succeeded, outputs, failure: None });
    }
    (1..).zip(events).map(|(seq, event)| Record { seq, at: Timestamp(0), event }).collect()
}

#[test]
fn version_1_goes_on_as_version_2() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    // More than one row of the list of runs has lines for.
    for number in 0..500 {
        wait(journal.create(header(&format!("run-{number}")).unwrap(), records(number % 3 != 0))).unwrap();
    }
    let all = Query::newest(usize::MAX);
    let before = wait(journal.list(&all)).unwrap();
    let database = journal.database().to_owned();
    drop(journal);
    rusqlite::Connection::open(&database).unwrap().execute_batch(BACK).unwrap();
    std::fs::remove_file(database.with_file_name("journal.mark")).unwrap();
    let error = SqliteJournal::open_read_only(folder.path()).unwrap_err();
    assert!(error.source().unwrap().to_string().contains("of an earlier version"), "{error:?}");
    let journal = open(folder.path());
    assert_eq!(journal.paused_as_restored(), None);
    assert_eq!(wait(journal.list(&all)).unwrap(), before);
    wait(journal.create(header("next").unwrap(), records(true))).unwrap();
    for summary in &before {
        if summary.status.is_final() {
            assert_eq!(wait(journal.delete(&summary.run)).unwrap(), []);
        }
    }
    let running = Query { status: Some(RunStatus::Running), ..all };
    assert_eq!(wait(journal.list(&running)).unwrap().len(), 167);
    drop(journal);
    SqliteJournal::open_read_only(folder.path()).unwrap();
}
