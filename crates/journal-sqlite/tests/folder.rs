//! Who may use a data folder: one process, and only its owner may read it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use journal::Query;
use journal::conformance::{header, wait};
use journal::{Event, Journal, JournalError, Record, Timestamp};
use portcullis_journal_sqlite::{Durability, Options, SqliteJournal};

fn open(folder: &Path) -> Result<SqliteJournal, JournalError> {
    SqliteJournal::open(folder, Options::default())
}

fn woken() -> Vec<Record> {
    vec![Record { seq: 1, at: Timestamp(0), event: Event::Woken { op: 1 } }]
}

#[test]
fn a_second_opening_is_refused_while_the_first_lasts() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).unwrap();
    assert!(matches!(open(folder.path()), Err(JournalError::Locked { .. })));
    wait(first.create(header("first").unwrap(), woken())).unwrap();
    drop(first);
    let second = open(folder.path()).unwrap();
    assert_eq!(wait(second.list(&Query::newest(9))).unwrap().len(), 1);
}

#[test]
fn a_journal_is_closed_and_opened_many_times() {
    let folder = tempfile::tempdir().unwrap();
    let run = header("first").unwrap().run;
    for seq in 1..20 {
        let durability = match seq % 3 {
            0 => Durability::Each,
            1 => Durability::Interval(Duration::from_secs(60)),
            _ => Durability::Interval(Duration::ZERO),
        };
        let journal = SqliteJournal::open(folder.path(), Options::default().durability(durability)).unwrap();
        let next = vec![Record { seq, ..woken().remove(0) }];
        match seq {
            1 => wait(journal.create(header("first").unwrap(), next)).unwrap(),
            _ => wait(journal.append(&run, next)).unwrap(),
        }
        assert_eq!(wait(journal.load(&run)).unwrap().records.len() as u64, seq);
    }
}

#[test]
fn a_future_that_is_dropped_leaves_the_journal_whole() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path()).unwrap();
    let header = header("first").unwrap();
    wait(journal.create(header.clone(), woken())).unwrap();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for seq in 2..100 {
        let mut append = journal.append(&header.run, vec![Record { seq, ..woken().remove(0) }]);
        // Once, so that it is ordered; the answer goes nowhere.
        let _ = append.as_mut().poll(&mut context);
    }
    drop(journal);
    let journal = open(folder.path()).unwrap();
    assert_eq!(wait(journal.load(&header.run)).unwrap().records.len(), 99);
}

#[test]
fn a_second_process_is_refused() {
    const FOLDER: &str = "PORTCULLIS_TEST_LOCKED_FOLDER";
    if let Ok(folder) = std::env::var(FOLDER) {
        println!("\nsecond process: {}", open(Path::new(&folder)).unwrap_err());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let _first = open(folder.path()).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a second process is what is tested")]
    let second = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_second_process_is_refused", "--nocapture"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(second.stdout).unwrap();
    assert!(said.contains("second process: ") && said.contains("is in use by another process"), "{said}");
}

#[test]
fn a_lock_file_left_behind_means_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("journal.lock"), "4711").unwrap();
    assert!(open(folder.path()).is_ok());
}

#[cfg(unix)]
#[test]
fn a_lock_file_that_is_deleted_lets_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    let _first = open(folder.path()).unwrap();
    fs::remove_file(folder.path().join("journal.lock")).unwrap();
    assert!(matches!(open(folder.path()), Err(JournalError::Locked { .. })));
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("new/data");
    let journal = open(&folder).unwrap();
    wait(journal.create(header("first").unwrap(), woken())).unwrap();
    assert_eq!(wait(journal.list(&Query::newest(1))).unwrap().len(), 1);
    assert_eq!(mode(&folder), 0o700);
    let mut files = 0;
    for file in fs::read_dir(&folder).unwrap() {
        files += 1;
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert!(files >= 3, "database, log and lock");
    drop(journal);
    fs::set_permissions(folder.join("journal.db"), fs::Permissions::from_mode(0o644)).unwrap();
    drop(open(&folder).unwrap());
    assert_eq!(mode(&folder.join("journal.db")), 0o600);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    let below = parent.path().join("below");
    fs::create_dir_all(below.join("journal.db")).unwrap();
    // The kernel lets nobody write there, not even the superuser, who may write into any read-only folder.
    let kernels = Path::new("/sys/kernel");
    let mut places = vec![file.join("data"), below];
    if cfg!(target_os = "linux") {
        places.push(kernels.to_owned());
        places.push(kernels.join("portcullis"));
    }
    for place in places {
        match open(&place) {
            Err(JournalError::Io { place: named, doing: "opened", .. }) => {
                assert!(named.starts_with(&place.display().to_string()), "{named}");
            }
            other => panic!("{}: {other:?}", place.display()),
        }
    }
}

#[test]
fn a_read_only_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path()).unwrap();
    wait(journal.create(header("first").unwrap(), woken())).unwrap();
    let database = journal.database().to_owned();
    drop(journal);
    let mut permissions = fs::metadata(&database).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&database, permissions).unwrap();
    match open(folder.path()) {
        Err(JournalError::Io { doing: "opened", .. }) => {}
        // The superuser may write it nevertheless, and then everything has to work.
        Ok(journal) => assert_eq!(wait(journal.list(&Query::newest(9))).unwrap().len(), 1),
        Err(error) => panic!("{error}"),
    }
}
