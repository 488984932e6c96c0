//! Every bit and every length: a damaged journal gives the same answers, or refuses and says where.
//!
//! Two small journals are tried, one that was closed and one whose process was killed, so that its log is still
//! there; of each the database, the log and the mark. All cases take a quarter of an hour in a debug build, so by
//! default a sample is taken, another one each day; `PORTCULLIS_TEST_BITS=all` takes all of them, and
//! `PORTCULLIS_TEST_BITS=7` the sample that a failure named.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use journal::conformance::{every_event, header, wait};
use journal::{
    Header, Journal, JournalError, Query, Record, RunId, RunStatus, StoredRun, Summary, Timestamp,
};
use portcullis_journal_sqlite::{Options, SqliteJournal};

const FILES: [&str; 3] = ["journal.db", "journal.db-wal", "journal.mark"];
const RUNS: [&str; 3] = ["first", "second", "third"];
/// One case in so many is tried by default.
const STRIDE: u64 = 509;

/// Where copies are made: in memory where there is such a folder, because thousands of files are synced.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn records(from: u64, count: u64) -> Vec<Record> {
    let events = every_event();
    let kind = |seq: u64| events[(seq as usize) % events.len()].clone();
    (from..from + count)
        .map(|seq| Record { seq, at: Timestamp(1_000 + seq as i64), event: kind(seq) })
        .collect()
}

type Answer<T> = Result<T, String>;

/// Everything that can be asked, each answer or why there is none.
#[derive(Debug, Clone, PartialEq)]
struct Answers {
    lists: Vec<Answer<Vec<Summary>>>,
    runs: Vec<Answer<StoredRun>>,
}

fn said(error: JournalError) -> String {
    match &error {
        // Nothing that damage may ever look like.
        JournalError::NotFound(run) => panic!("{run} is said never to have been"),
        error => format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default()),
    }
}

fn ask(journal: &SqliteJournal) -> Answers {
    let all = || Query::newest(usize::MAX);
    let queries = [
        all(),
        Query { playbook: Some("clean-mailbox".to_owned()), ..all() },
        Query { status: Some(RunStatus::Succeeded), ..all() },
        Query { status: Some(RunStatus::Waiting), ..all() },
    ];
    let load = |name: &&str| wait(journal.load(&RunId::new(*name).unwrap())).map_err(said);
    Answers {
        lists: queries.iter().map(|query| wait(journal.list(query)).map_err(said)).collect(),
        runs: RUNS.iter().map(load).collect(),
    }
}

/// What is in a folder, file by file.
type Content = [Option<Vec<u8>>; 3];

fn content(folder: &Path) -> Content {
    FILES.map(|name| fs::read(folder.join(name)).ok())
}

fn small(name: &str) -> Header {
    Header { actions: Default::default(), files: Default::default(), ..header(name).unwrap() }
}

/// A journal that was closed, then went on for some commits and was killed: both contents, and what it answers.
fn journals(folder: &Path) -> [(Content, Answers); 2] {
    let open = || SqliteJournal::open(folder, Options::default()).unwrap();
    let journal = open();
    for (name, count) in RUNS.iter().zip([13, 6, 4]) {
        wait(journal.create(small(name), records(1, count))).unwrap();
    }
    let answers = ask(&journal);
    drop(journal);
    let closed = (content(folder), answers);
    assert!(closed.0[1].is_none(), "closing copies the log");
    let journal = open();
    wait(journal.append(&small("second").run, records(7, 3))).unwrap();
    wait(journal.append(&small("third").run, records(5, 2))).unwrap();
    wait(journal.append(&small("second").run, records(10, 1))).unwrap();
    // Copied while it is open: what a killed process leaves behind.
    let killed = (content(folder), ask(&journal));
    assert!(killed.0[1].as_ref().unwrap().len() > 5 * 4_096);
    [closed, killed]
}

/// Asks a folder with this content, for writing or to look at it.
fn ask_content(folder: &Path, content: &Content, reading: bool) -> Answer<Answers> {
    for stale in ["journal.db-shm", "journal.mark.part"] {
        let _ = fs::remove_file(folder.join(stale));
    }
    for (name, bytes) in FILES.iter().zip(content) {
        match bytes {
            Some(bytes) => fs::write(folder.join(name), bytes).unwrap(),
            None => drop(fs::remove_file(folder.join(name))),
        }
    }
    let journal = match reading {
        true => SqliteJournal::open_read_only(folder),
        // The bytes were put here by the test, which stands for the disk.
        false => SqliteJournal::open(folder, Options::default().moved(true)),
    };
    journal.map(|journal| ask(&journal)).map_err(said)
}

/// Whether every answer is the right one or a refusal that names a place; how many were refusals.
fn judge(what: &str, seen: &Answer<Answers>, right: &Answers) -> usize {
    let names_a_place = |refusal: &String| refusal.contains("journal.") || refusal.contains("run ");
    let refusals: Vec<&String> = match seen {
        Err(refusal) => vec![refusal],
        Ok(seen) => {
            let lists = seen.lists.iter().zip(&right.lists);
            for (seen, right) in lists {
                assert!(seen.is_err() || seen == right, "{what}: {seen:#?} instead of {right:#?}");
            }
            for (seen, right) in seen.runs.iter().zip(&right.runs) {
                assert!(seen.is_err() || seen == right, "{what}: {seen:#?} instead of {right:#?}");
            }
            let lists = seen.lists.iter().filter_map(|answer| answer.as_ref().err());
            lists.chain(seen.runs.iter().filter_map(|answer| answer.as_ref().err())).collect()
        }
    };
    for refusal in &refusals {
        assert!(names_a_place(refusal), "{what}: {refusal}");
    }
    refusals.len()
}

/// Calls `each` with the cases to try, on two threads with a folder each.
fn try_cases(cases: u64, each: impl Fn(&Path, u64) + Sync) -> u64 {
    let today = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400;
    let (stride, first) = match std::env::var("PORTCULLIS_TEST_BITS").as_deref() {
        Ok("all") => (1, 0),
        Ok(sample) => (STRIDE, sample.parse::<u64>().unwrap() % STRIDE),
        Err(_) => (STRIDE, today % STRIDE),
    };
    println!("sample {first} of {stride}");
    let folders: Vec<(tempfile::TempDir, PathBuf)> = (0..2)
        .map(|_| {
            let folder = scratch();
            let path = folder.path().to_owned();
            (folder, path)
        })
        .collect();
    std::thread::scope(|scope| {
        for (thread, (_, folder)) in (0..).zip(&folders) {
            let each = &each;
            let mine =
                (first..cases).step_by(stride as usize).filter(move |case| case / stride % 2 == thread);
            scope.spawn(move || mine.for_each(|case| each(folder, case)));
        }
    });
    (first..cases).step_by(stride as usize).count() as u64
}

/// Flips the bits of one of the two journals.
fn flip(how: &str, (sound, right): &(Content, Answers)) {
    for (index, name) in FILES.iter().enumerate() {
        let Some(bytes) = &sound[index] else { continue };
        let refused = std::sync::atomic::AtomicU64::new(0);
        let tried = try_cases(bytes.len() as u64 * 8, |folder, bit| {
            let mut content = sound.clone();
            content[index].as_mut().unwrap()[(bit / 8) as usize] ^= 1 << (bit % 8);
            let seen = ask_content(folder, &content, bit % 3 == 0);
            let what = format!("{name} of the one that was {how}, bit {} of byte {}", bit % 8, bit / 8);
            if judge(&what, &seen, right) > 0 {
                refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        });
        let refused = refused.into_inner();
        println!("{how}, {name}: {tried} bits flipped, {refused} noticed, the others changed nothing");
        assert!(refused > 0 || *name == "journal.mark", "{how}, {name}");
    }
}

#[test]
fn every_flipped_bit_of_a_closed_journal() {
    let folder = scratch();
    let [closed, _] = journals(folder.path());
    flip("closed", &closed);
}

#[test]
fn every_flipped_bit_of_a_killed_journal() {
    let folder = scratch();
    let [_, killed] = journals(folder.path());
    flip("killed", &killed);
}

#[test]
fn every_length() {
    let folder = scratch();
    for (how, (sound, right)) in ["closed", "killed"].iter().zip(journals(folder.path())) {
        for (index, name) in FILES.iter().enumerate() {
            let Some(bytes) = &sound[index] else { continue };
            let tried = try_cases(bytes.len() as u64 * 4, |folder, case| {
                let length = (case / 4) as usize;
                let mut content = sound.clone();
                let cut = content[index].as_mut().unwrap();
                // Cut off, zeros instead, rubbish instead, or rubbish behind the whole.
                match case % 4 {
                    0 => cut.truncate(length),
                    1 => cut[length..].fill(0),
                    2 => cut[length..].fill(0xa5),
                    _ => cut.extend_from_within(length..),
                }
                let seen = ask_content(folder, &content, case % 3 == 0);
                let what = format!("{name} of the one that was {how}, length {length}, kind {}", case % 4);
                judge(&what, &seen, &right);
            });
            println!("{how}, {name}: {tried} lengths");
        }
    }
}

#[test]
fn an_older_database_in_its_place() {
    let folder = scratch();
    let [(old, _), (new, right)] = journals(folder.path());
    let copy = scratch();
    // The database of the day before, beside what was left of today.
    for log in [None, old[1].clone()] {
        for reading in [false, true] {
            let mixed = [old[0].clone(), log.clone(), new[2].clone()];
            let refusal = ask_content(copy.path(), &mixed, reading).unwrap_err();
            assert!(refusal.contains("the last of them record 10 of run number 2"), "{refusal}");
            assert!(refusal.contains("remove journal.mark"), "{refusal}");
            let left = content(copy.path());
            assert!(left[0] == mixed[0] && left[2] == mixed[2], "what is refused is left alone");
        }
    }
    // On purpose: without the mark it is taken.
    let backup = [old[0].clone(), None, None];
    assert!(ask_content(copy.path(), &backup, true).is_ok());
    assert!(ask_content(copy.path(), &backup, false).is_ok());
    // A mark that is older than the journal is what a power cut leaves.
    let late = [new[0].clone(), new[1].clone(), old[2].clone()];
    assert_eq!(ask_content(copy.path(), &late, false), Ok(right));
}
