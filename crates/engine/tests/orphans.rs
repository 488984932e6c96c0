//! Bytes that nobody needs are found again, whoever died before they were removed; and nothing else is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use journal::conformance::header;
use journal::{Event, Journal, MemoryJournal, Record, RunStatus, Timestamp};
use journal_sqlite::{Options, SqliteJournal};
use plan::{Artifact, Digest};
use portcullis_engine::{Artifacts, FolderArtifacts, Orphans};
use serde_json::Value;

const FOLDER: &str = "PORTCULLIS_TEST_ORPHANS_FOLDER";

fn speaks_of(artifacts: &[&Artifact], ended: bool) -> Vec<Record> {
    let performed = |artifact: &&Artifact| Event::Performed {
        op: 1,
        output: Value::Null,
        kept: Some((*artifact).clone()),
        reused: None,
        inverse: Value::Null,
    };
    let end = Event::Ended { status: RunStatus::Succeeded, outputs: Default::default(), failure: None };
    let events = artifacts.iter().map(performed).chain(ended.then_some(end));
    (1..).zip(events).map(|(seq, event)| Record { seq, at: Timestamp(0), event }).collect()
}

fn put(artifacts: &FolderArtifacts, text: &str) -> Artifact {
    artifacts.put("text/plain", &mut text.as_bytes()).unwrap()
}

fn place(folder: &Path, digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    folder.join("artifacts").join(&hex[..2]).join(hex)
}

/// As if so much time had passed since everything was put there.
fn age(folder: &Path, by: Duration) {
    for shelf in fs::read_dir(folder.join("artifacts")).unwrap().map(Result::unwrap) {
        for file in fs::read_dir(shelf.path()).unwrap().map(Result::unwrap) {
            let file = fs::File::options().write(true).open(file.path()).unwrap();
            file.set_modified(SystemTime::now() - by).unwrap();
        }
    }
}

const DAYS: Duration = Duration::from_secs(50 * 60 * 60);

fn open(folder: &Path) -> (SqliteJournal, FolderArtifacts) {
    let journal = SqliteJournal::open(folder.join("data"), Options::default()).unwrap();
    (journal, FolderArtifacts::new(folder.join("artifacts")))
}

/// Dies when the run is deleted and its bytes are not.
async fn die_between(folder: &Path) -> ! {
    let (journal, artifacts) = open(folder);
    let [own, shared, waited_for, unspoken] =
        ["own", "shared", "waited for", "unspoken"].map(|text| put(&artifacts, text));
    let runs = [
        ("gone", speaks_of(&[&own, &shared], true)),
        ("stays", speaks_of(&[&shared], true)),
        ("goes-on", speaks_of(&[&waited_for], false)),
    ];
    for (name, records) in runs {
        journal.create(header(name).unwrap(), records).await.unwrap();
    }
    let freed = journal.delete(&header("gone").unwrap().run).await.unwrap();
    assert_eq!(freed, [own.artifact]);
    // Put, and the process is gone before any record speaks of it.
    assert!(place(folder, &unspoken.artifact).exists());
    std::process::abort();
}

#[tokio::test]
async fn what_a_process_leaves_that_dies_between_a_run_and_its_bytes() {
    if let Ok(folder) = std::env::var(FOLDER) {
        die_between(Path::new(&folder)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a process that dies is what is tested")]
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "what_a_process_leaves_that_dies_between_a_run_and_its_bytes", "--nocapture"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    assert!(!child.status.success());
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(!said.contains("panicked"), "{said}");

    let (journal, artifacts) = open(folder.path());
    let memory = FolderArtifacts::new(folder.path().join("elsewhere"));
    let [own, shared, waited_for, unspoken] =
        ["own", "shared", "waited for", "unspoken"].map(|text| put(&memory, text).artifact);
    let there = |digest: &Digest| place(folder.path(), digest).exists();
    assert!(there(&own), "the kill came in between");
    // Of today: perhaps somebody is about to speak of it.
    assert_eq!(artifacts.collect(&journal).await.unwrap(), Orphans::default());
    age(folder.path(), DAYS);
    // Put once more by this process, which is about to speak of it.
    assert_eq!(put(&artifacts, "unspoken").artifact, unspoken);
    age(folder.path(), DAYS);
    let found = artifacts.collect(&journal).await.unwrap();
    assert_eq!((found.artifacts, found.bytes), (1, "own".len() as u64));
    assert!(!there(&own) && there(&shared) && there(&waited_for) && there(&unspoken));
    assert_eq!(artifacts.collect(&journal).await.unwrap(), Orphans::default(), "there is nothing more");
    drop((journal, artifacts));
    // That process is gone as well, and never spoke of it.
    let (journal, artifacts) = open(folder.path());
    let found = artifacts.collect(&journal).await.unwrap();
    assert_eq!(found.artifacts, 1);
    assert!(there(&shared) && there(&waited_for) && !there(&unspoken));
}

/// A store that counts nothing.
struct Unsure(MemoryJournal);

impl Journal for Unsure {
    fn create<'a>(&'a self, header: journal::Header, first: Vec<Record>) -> journal::Work<'a, ()> {
        self.0.create(header, first)
    }
    fn append<'a>(&'a self, run: &'a journal::RunId, records: Vec<Record>) -> journal::Work<'a, ()> {
        self.0.append(run, records)
    }
    fn load<'a>(&'a self, run: &'a journal::RunId) -> journal::Work<'a, journal::StoredRun> {
        self.0.load(run)
    }
    fn list<'a>(&'a self, query: &'a journal::Query) -> journal::Work<'a, Vec<journal::Summary>> {
        self.0.list(query)
    }
    fn delete<'a>(&'a self, run: &'a journal::RunId) -> journal::Work<'a, Vec<Digest>> {
        self.0.delete(run)
    }
}

#[tokio::test]
async fn a_store_that_is_not_sure_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let kept = put(&FolderArtifacts::new(folder.path().join("artifacts")), "kept");
    age(folder.path(), DAYS);
    let artifacts = FolderArtifacts::new(folder.path().join("artifacts"));
    assert_eq!(artifacts.collect(&Unsure(MemoryJournal::new())).await.unwrap(), Orphans::default());
    assert!(place(folder.path(), &kept.artifact).exists());
    assert_eq!(artifacts.collect(&MemoryJournal::new()).await.unwrap().artifacts, 1);
}

#[tokio::test]
async fn what_is_no_artifact_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let artifacts = FolderArtifacts::new(folder.path().join("artifacts"));
    assert_eq!(artifacts.collect(&MemoryJournal::new()).await.unwrap(), Orphans::default(), "no folder yet");
    let shelf = folder.path().join("artifacts/ab");
    fs::create_dir_all(&shelf).unwrap();
    for name in ["README", "ab", &"g".repeat(64)] {
        fs::write(shelf.join(name), "mine").unwrap();
    }
    age(folder.path(), DAYS);
    assert_eq!(artifacts.collect(&MemoryJournal::new()).await.unwrap(), Orphans::default());
    assert_eq!(fs::read_dir(&shelf).unwrap().count(), 3);
}
