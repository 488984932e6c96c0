//! A data folder that was restored from a backup, or copied: what is not over is paused, once, and says why.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use journal::conformance::{header, wait};
use journal::{Event, Journal, Query, Record, RunId, RunStatus, Timestamp};
use portcullis_journal_sqlite::{Durability, Options, RESTORED, SqliteJournal};

fn open(folder: &Path) -> SqliteJournal {
    SqliteJournal::open(folder, Options::default()).unwrap()
}

fn ended(status: RunStatus) -> Event {
    Event::Ended { status, outputs: Default::default(), failure: None }
}

fn paused(by: &str) -> Event {
    Event::Paused { by: by.to_owned() }
}

fn continued() -> Event {
    Event::Continued { by: "ann".to_owned() }
}

/// How each run stands before and after, the oldest first.
const RUNS: [(&str, RunStatus, RunStatus); 6] = [
    ("goes-on", RunStatus::Running, RunStatus::Paused),
    ("over", RunStatus::Succeeded, RunStatus::Succeeded),
    ("asks", RunStatus::Waiting, RunStatus::Paused),
    ("halted", RunStatus::Paused, RunStatus::Paused),
    ("stalled", RunStatus::NeedsUpgrade, RunStatus::Paused),
    ("unknown", RunStatus::Unknown, RunStatus::Unknown),
];
const WERE_PAUSED: [&str; 3] = ["goes-on", "asks", "stalled"];

/// A folder with a run for each way to stand.
fn fill(folder: &Path, options: Options) {
    let journal = SqliteJournal::open(folder, options).unwrap();
    let asked = Event::Asked { op: 1, path: "gate".into(), digest: String::new() };
    let events = [
        Event::Woken { op: 1 },
        ended(RunStatus::Succeeded),
        asked,
        paused("ann"),
        Event::Stalled { reasons: vec!["mail.purge is gone".to_owned()] },
        ended(RunStatus::Unknown),
    ];
    for ((name, ..), event) in RUNS.iter().zip(events) {
        let first = vec![Record { seq: 1, at: Timestamp(5), event }];
        wait(journal.create(header(name).unwrap(), first)).unwrap();
    }
    assert_eq!(journal.paused_as_restored(), None);
    drop(journal);
    // The same folder, opened again, is nothing new.
    assert_eq!(open(folder).paused_as_restored(), None);
}

/// The files of a folder, in another one, as `cp -a` puts them there: over those that are there, with their times.
fn copy(from: &Path, to: &Path, without: &str) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        if file.file_name() != without {
            let target = to.join(file.file_name());
            fs::write(&target, fs::read(file.path()).unwrap()).unwrap();
            let modified = file.metadata().unwrap().modified().unwrap();
            fs::File::options().write(true).open(&target).unwrap().set_modified(modified).unwrap();
        }
    }
}

fn standing(journal: &SqliteJournal) -> Vec<RunStatus> {
    wait(journal.list(&Query::newest(99))).unwrap().into_iter().rev().map(|run| run.status).collect()
}

fn last(journal: &SqliteJournal, run: &str) -> Record {
    wait(journal.load(&RunId::new(run).unwrap())).unwrap().records.pop().unwrap()
}

fn add(journal: &SqliteJournal, run: &str, event: Event) {
    let seq = last(journal, run).seq + 1;
    wait(journal.append(&RunId::new(run).unwrap(), vec![Record { seq, at: Timestamp(9), event }])).unwrap();
}

/// Each is paused exactly once, may be continued, and is not paused again.
fn is_paused_once(folder: &Path, how: &str) {
    let journal = open(folder);
    let told: Vec<&str> = journal.paused_as_restored().expect(how).iter().map(RunId::as_str).collect();
    assert_eq!(told, WERE_PAUSED, "{how}");
    assert_eq!(standing(&journal), RUNS.map(|(_, _, after)| after), "{how}");
    for run in WERE_PAUSED {
        let record = last(&journal, run);
        assert_eq!((record.seq, &record.event), (2, &paused(RESTORED)), "{how}");
        assert!(record.at > Timestamp(5), "{how}: no time");
    }
    assert_eq!(last(&journal, "halted").seq, 1, "{how}: somebody had paused it already");
    assert_eq!(last(&journal, "over").seq, 1, "{how}: it is over");
    add(&journal, "goes-on", continued());
    drop(journal);
    let again = open(folder);
    assert_eq!(again.paused_as_restored(), None, "{how}");
    assert_eq!(standing(&again)[..3], [RunStatus::Running, RunStatus::Succeeded, RunStatus::Paused], "{how}");
    assert_eq!(last(&again, "goes-on").event, continued(), "{how}");
}

#[test]
fn a_backup_of_the_database_alone() {
    for durability in [Durability::Each, Durability::Interval(Duration::from_secs(5))] {
        let place = tempfile::tempdir().unwrap();
        let (data, copied) = (place.path().join("data"), place.path().join("copied"));
        fill(&data, Options::default().durability(durability));
        copy(&data, &copied, "journal.mark");
        is_paused_once(&copied, &format!("{durability:?}"));
    }
}

#[cfg(unix)]
#[test]
fn a_copy_of_the_whole_folder() {
    let place = tempfile::tempdir().unwrap();
    let (data, copied) = (place.path().join("data"), place.path().join("copied"));
    fill(&data, Options::default());
    copy(&data, &copied, "");
    is_paused_once(&copied, "the whole folder");
    // Where it was copied from, nothing happened.
    assert_eq!(standing(&open(&data)), RUNS.map(|(_, before, _)| before));
}

#[cfg(unix)]
#[test]
fn a_copy_that_was_taken_while_it_was_written() {
    let place = tempfile::tempdir().unwrap();
    let (data, copied) = (place.path().join("data"), place.path().join("copied"));
    fill(&data, Options::default());
    let journal = open(&data);
    add(&journal, "over", Event::Woken { op: 7 });
    copy(&data, &copied, "");
    let other = open(&copied);
    assert_eq!(other.paused_as_restored().map(<[RunId]>::len), Some(WERE_PAUSED.len()));
    assert_eq!(last(&other, "over").event, Event::Woken { op: 7 });
}

#[cfg(unix)]
#[test]
fn a_backup_that_is_put_over_the_newer_state() {
    let place = tempfile::tempdir().unwrap();
    let (data, backup) = (place.path().join("data"), place.path().join("backup"));
    fill(&data, Options::default());
    copy(&data, &backup, "");
    let journal = open(&data);
    add(&journal, "asks", Event::Woken { op: 1 });
    drop(journal);
    // Into the files that are there, so that they keep their numbers; with the time at which that was done.
    copy(&backup, &data, "");
    let mark = fs::File::options().write(true).open(data.join("journal.mark")).unwrap();
    mark.set_modified(std::time::SystemTime::now() + Duration::from_secs(3_600)).unwrap();
    is_paused_once(&data, "over the newer state");
}

#[test]
fn a_folder_that_was_moved_on_purpose_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let (data, moved) = (place.path().join("data"), place.path().join("moved"));
    fill(&data, Options::default());
    copy(&data, &moved, "");
    let journal = SqliteJournal::open(&moved, Options::default().moved(true)).unwrap();
    assert_eq!(journal.paused_as_restored(), None);
    assert_eq!(standing(&journal), RUNS.map(|(_, before, _)| before));
    drop(journal);
    // From now on it is at home there.
    assert_eq!(open(&moved).paused_as_restored(), None);
}

#[test]
fn whoever_dies_before_the_mark_is_made_leaves_the_rest_to_the_next() {
    let place = tempfile::tempdir().unwrap();
    let (data, copied) = (place.path().join("data"), place.path().join("copied"));
    fill(&data, Options::default());
    copy(&data, &copied, "journal.mark");
    drop(open(&copied));
    // The records are there, and the mark never came to be.
    fs::remove_file(copied.join("journal.mark")).unwrap();
    let journal = open(&copied);
    assert_eq!(journal.paused_as_restored(), Some(&[][..]));
    assert_eq!(last(&journal, "goes-on").seq, 2, "it is paused already");
}

#[test]
fn one_run_that_is_damaged_keeps_no_other_from_being_paused() {
    let place = tempfile::tempdir().unwrap();
    let (data, copied) = (place.path().join("data"), place.path().join("copied"));
    fill(&data, Options::default());
    copy(&data, &copied, "journal.mark");
    let database = rusqlite::Connection::open(copied.join("journal.db")).unwrap();
    database.execute_batch("UPDATE heads SET updated = 77 WHERE number = 1").unwrap();
    drop(database);
    let journal = open(&copied);
    let told: Vec<&str> = journal.paused_as_restored().unwrap().iter().map(RunId::as_str).collect();
    assert_eq!(told, ["asks", "stalled"]);
    let run = RunId::new("goes-on").unwrap();
    assert!(wait(journal.load(&run)).is_err(), "and the damaged one cannot go on either");
}
