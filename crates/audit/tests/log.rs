//! The log from outside: what is kept, what is found out, and what a failing disk does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use engine::audit::{Audit, Entry, What};
use engine::{RunId, Timestamp};
use portcullis_audit::{AuditLog, FILE, Key, LogError, Macs, Medium, Options, read, verify, write_head};
use tempfile::TempDir;

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn key() -> Key {
    Key::new(KEY).unwrap()
}

fn entry(number: i64) -> Entry {
    let what = What::Paused { by: format!("person {number}") };
    Entry { at: Timestamp(1_767_225_600_000 + number * 1000), run: RunId::new("run-1").unwrap(), what }
}

/// A folder for the log and one for its head.
struct Places {
    data: TempDir,
    elsewhere: TempDir,
}

impl Places {
    fn new() -> Self {
        Places { data: TempDir::new().unwrap(), elsewhere: TempDir::new().unwrap() }
    }

    fn log(&self) -> PathBuf {
        self.data.path().join(FILE)
    }

    fn head(&self) -> PathBuf {
        self.elsewhere.path().join("audit.head")
    }

    fn options(&self) -> Options {
        Options::default().head(self.head())
    }

    fn open(&self, options: Options) -> Result<AuditLog, LogError> {
        AuditLog::open(self.data.path(), options)
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.log()).unwrap()
    }

    fn set(&self, bytes: &[u8]) {
        fs::write(self.log(), bytes).unwrap();
    }
}

async fn append(log: &AuditLog, numbers: std::ops::Range<i64>) {
    for number in numbers {
        log.append(vec![entry(number)]).await.unwrap();
    }
}

fn is_whole(place: &Path, options: &Options) -> bool {
    verify(place, options).unwrap().is_whole()
}

/// The lines with their ends.
fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

#[tokio::test]
async fn what_was_said_is_there_after_it_was_closed_and_opened_again() {
    let places = Places::new();
    append(&places.open(places.options()).unwrap(), 0..3).await;
    append(&places.open(places.options()).unwrap(), 3..5).await;
    let mut seen = Vec::new();
    read(&places.log(), &mut |number, text| {
        seen.push((number, serde_json::from_str::<Entry>(text).unwrap()))
    })
    .unwrap();
    let expected: Vec<(u64, Entry)> = (0..5).map(|number| (number as u64 + 1, entry(number))).collect();
    assert_eq!(seen, expected);
    let report = verify(&places.log(), &places.options()).unwrap();
    assert_eq!((report.lines, report.is_whole(), report.macs), (5, true, Macs::None));
    assert_eq!(report.head.unwrap().lines, Some(5));
    let log = places.open(places.options()).unwrap();
    let recent = log.recent(entry(3).at).await.unwrap();
    assert_eq!(recent, [entry(4)], "after that time only");
    assert!(matches!(places.open(places.options()), Err(LogError::Locked(_))), "one process writes it");
    assert!(is_whole(&places.log(), &places.options()), "looking at it needs no lock");
}

#[tokio::test]
async fn many_at_once_share_the_disk_and_keep_their_order() {
    let places = Places::new();
    let syncs = Arc::new(AtomicU64::new(0));
    let log = Arc::new(
        places
            .open(Options::default().medium({
                let syncs = Arc::clone(&syncs);
                |file| Box::new(Counting { file, syncs })
            }))
            .unwrap(),
    );
    let tasks: Vec<_> = (0..50)
        .map(|task| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { append(&log, task * 10..task * 10 + 10).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut last = vec![-1; 50];
    read(&places.log(), &mut |_, text| {
        let at = (serde_json::from_str::<Entry>(text).unwrap().at.0 - 1_767_225_600_000) / 1000;
        let task = at as usize / 10;
        assert!(last[task] < at, "the order of a task was kept");
        last[task] = at;
    })
    .unwrap();
    assert_eq!(verify(&places.log(), &Options::default()).unwrap().lines, 500);
    let syncs = syncs.load(Ordering::SeqCst);
    assert!((1..=500).contains(&syncs), "{syncs} syncs");
}

struct Counting {
    file: File,
    syncs: Arc<AtomicU64>,
}

impl Medium for Counting {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        self.file.sync_data()
    }
}

#[tokio::test]
async fn every_line_deleted_changed_moved_or_doubled_is_found() {
    let places = Places::new();
    append(&places.open(places.options()).unwrap(), 0..12).await;
    let sound = places.bytes();
    let all = lines(&sound);
    let found = |changed: Vec<Vec<u8>>, what: &str| {
        places.set(&changed.concat());
        assert!(!is_whole(&places.log(), &places.options()), "{what} was not found");
        assert!(places.open(places.options()).is_err(), "{what}: it was opened all the same");
    };
    for place in 0..all.len() {
        let mut changed = all.clone();
        changed.remove(place);
        found(changed, &format!("line {} deleted", place + 1));
        let mut changed = all.clone();
        let text = String::from_utf8(changed[place].clone()).unwrap();
        changed[place] = text.replace("person", "nobody").into_bytes();
        found(changed, &format!("line {} changed", place + 1));
        let mut changed = all.clone();
        changed.insert(place, all[place].clone());
        found(changed, &format!("line {} doubled", place + 1));
        for other in place + 1..all.len() {
            let mut changed = all.clone();
            changed.swap(place, other);
            found(changed, &format!("lines {} and {} swapped", place + 1, other + 1));
        }
        found(all[..place].to_vec(), &format!("cut after line {place}"));
    }
    places.set(&sound);
    assert!(is_whole(&places.log(), &places.options()));
}

#[tokio::test]
async fn a_log_made_anew_is_found_by_its_head_and_by_its_key() {
    let forged = |count| async move {
        let forger = Places::new();
        append(&forger.open(Options::default()).unwrap(), 0..count).await;
        forger.bytes()
    };
    let places = Places::new();
    append(&places.open(places.options()).unwrap(), 100..106).await;
    for count in [3, 6, 9] {
        places.set(&forged(count).await);
        let report = verify(&places.log(), &places.options()).unwrap();
        assert!(!report.is_whole(), "{count} lines made anew");
        assert!(
            matches!(places.open(places.options()), Err(LogError::Head { .. })),
            "{count} lines made anew"
        );
        assert!(is_whole(&places.log(), &Options::default()), "without the head nobody could tell");
    }
    fs::remove_file(places.log()).unwrap();
    assert!(!is_whole(&places.log(), &places.options()), "gone altogether");

    let places = Places::new();
    append(&places.open(Options::default().key(key())).unwrap(), 0..6).await;
    let sound = places.bytes();
    let report = verify(&places.log(), &Options::default().key(key())).unwrap();
    assert_eq!((report.is_whole(), report.macs), (true, Macs::Checked));
    assert_eq!(verify(&places.log(), &Options::default()).unwrap().macs, Macs::Unchecked);
    let other = Options::default().key(Key::new("another key of more than 32 bytes").unwrap());
    assert!(!is_whole(&places.log(), &other), "not the key");
    places.set(&forged(6).await);
    assert!(!is_whole(&places.log(), &Options::default().key(key())), "made anew without the key");
    assert!(matches!(places.open(Options::default().key(key())), Err(LogError::Key { .. })));
    places.set(&sound);
    assert!(matches!(places.open(Options::default()), Err(LogError::Key { .. })));
    assert!(Key::new("short").is_none());
}

#[tokio::test]
async fn every_bit_of_a_log_and_of_its_head_counts() {
    let places = Places::new();
    let options = || places.options().key(key());
    append(&places.open(options()).unwrap(), 0..2).await;
    let sound = places.bytes();
    for bit in 0..sound.len() * 8 {
        let mut changed = sound.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        places.set(&changed);
        assert!(!is_whole(&places.log(), &options()), "bit {bit} was flipped");
    }
    // Without a head and a key too: the end of the last line cannot be taken for one that was cut off.
    let plain = Places::new();
    append(&plain.open(Options::default()).unwrap(), 0..2).await;
    let without = plain.bytes();
    for bit in 0..without.len() * 8 {
        let mut changed = without.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        plain.set(&changed);
        assert!(!is_whole(&plain.log(), &Options::default()), "bit {bit} was flipped");
        assert!(plain.open(Options::default()).is_err(), "bit {bit} was flipped and it was opened");
    }
    places.set(&sound);
    let head = fs::read(places.head()).unwrap();
    for bit in 0..head.len() * 8 {
        let mut changed = head.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        // The line's end is no part of what it says.
        if bit / 8 == head.len() - 1 {
            continue;
        }
        fs::write(places.head(), &changed).unwrap();
        let differs = serde_json::from_slice::<serde_json::Value>(&changed).ok()
            != serde_json::from_slice::<serde_json::Value>(&head).ok();
        assert_eq!(is_whole(&places.log(), &options()), !differs, "bit {bit} of the head was flipped");
    }
}

#[tokio::test]
async fn a_line_cut_off_by_a_crash_is_taken_away_and_one_that_counted_is_not() {
    let places = Places::new();
    append(&places.open(Options::default()).unwrap(), 0..3).await;
    let sound = places.bytes();
    let all = lines(&sound);
    let kept: usize = all[..2].iter().map(Vec::len).sum();
    for cut in kept..sound.len() {
        for zeros in [0, 40] {
            let mut torn = sound[..cut].to_vec();
            torn.extend(vec![0; zeros]);
            places.set(&torn);
            let log = places.open(Options::default()).unwrap();
            assert_eq!(places.bytes().len(), kept, "cut at {cut}");
            append(&log, 7..8).await;
            drop(log);
            assert_eq!(verify(&places.log(), &Options::default()).unwrap().lines, 3);
        }
    }
    // The head knows of the line: it counted.
    let places = Places::new();
    append(&places.open(places.options()).unwrap(), 0..3).await;
    let sound = places.bytes();
    places.set(&sound[..sound.len() - 1]);
    assert!(matches!(places.open(places.options()), Err(LogError::Head { .. })));
}

#[tokio::test]
async fn a_second_place_that_is_new_is_begun_on_purpose_only() {
    let places = Places::new();
    append(&places.open(Options::default()).unwrap(), 0..3).await;
    assert!(!is_whole(&places.log(), &places.options()));
    assert!(matches!(places.open(places.options()), Err(LogError::Head { .. })));
    assert!(write_head(&places.log(), &places.options()).unwrap().is_whole());
    append(&places.open(places.options()).unwrap(), 3..4).await;
    // One that is there and does not fit is not written over.
    let all = lines(&places.bytes());
    places.set(&all[..2].concat());
    assert!(!write_head(&places.log(), &places.options()).unwrap().is_whole());
}

#[tokio::test]
async fn a_clock_that_was_set_back_is_told() {
    let places = Places::new();
    let log = places.open(Options::default()).unwrap();
    append(&log, 500..502).await;
    append(&log, 0..2).await;
    drop(log);
    assert_eq!(verify(&places.log(), &Options::default()).unwrap().clock_went_back, [3]);
}

/// A disk that fails from some point on: takes half of what is written, or loses the sync.
struct Failing {
    file: File,
    broken: Arc<AtomicBool>,
    at_sync: bool,
}

impl Medium for Failing {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.broken.load(Ordering::SeqCst) && !self.at_sync {
            self.file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.broken.load(Ordering::SeqCst) && self.at_sync {
            return Err(io::Error::other("the disk is gone"));
        }
        self.file.sync_data()
    }
}

#[tokio::test]
async fn after_a_failed_write_or_sync_nothing_is_acknowledged_until_it_is_opened_again() {
    for at_sync in [false, true] {
        let places = Places::new();
        let broken = Arc::new(AtomicBool::new(false));
        let failing = Arc::clone(&broken);
        let wrap = move |file| Box::new(Failing { file, broken: failing, at_sync }) as Box<dyn Medium>;
        let log = places.open(places.options().medium(wrap)).unwrap();
        append(&log, 0..2).await;
        broken.store(true, Ordering::SeqCst);
        assert!(log.append(vec![entry(2)]).await.is_err());
        broken.store(false, Ordering::SeqCst);
        let error = log.append(vec![entry(3)]).await.unwrap_err().to_string();
        assert!(error.contains("until it is opened again"), "{error}");
        drop(log);
        let log = places.open(places.options()).unwrap();
        append(&log, 4..5).await;
        drop(log);
        let report = verify(&places.log(), &places.options()).unwrap();
        assert!(report.is_whole(), "{report:?}");
        assert!(
            (3..=4).contains(&report.lines),
            "what was acknowledged, and perhaps what was not: {report:?}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_written_to_is_refused_when_it_is_opened() {
    let places = Places::new();
    fs::create_dir(places.log()).unwrap();
    assert!(matches!(places.open(Options::default()), Err(LogError::Io { .. })));
    let places = Places::new();
    let nowhere = places.elsewhere.path().join("missing/head");
    assert!(matches!(places.open(Options::default().head(nowhere)), Err(LogError::Io { .. })));
    let file = places.elsewhere.path().join("file");
    File::create(&file).unwrap();
    assert!(AuditLog::open(&file, Options::default()).is_err());
}

/// Not a test: the process that the next one kills. Says each number once it is acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn child_that_is_killed() {
    let Ok(folder) = std::env::var("AUDIT_FOLDER") else { return };
    let head = PathBuf::from(std::env::var("AUDIT_HEAD").unwrap());
    let log = Arc::new(AuditLog::open(Path::new(&folder), Options::default().head(head)).unwrap());
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                for number in 0.. {
                    log.append(vec![entry(task * 1_000_000 + number)]).await.unwrap();
                    writeln!(io::stderr(), "kept {}", task * 1_000_000 + number).unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let places = Places::new();
    let mut kept = Vec::new();
    for round in 0..12_u64 {
        #[expect(clippy::disallowed_methods, reason = "the process that is killed is this test itself")]
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_is_killed", "--nocapture"])
            .env("AUDIT_FOLDER", places.data.path())
            .env("AUDIT_HEAD", places.head())
            .stderr(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stderr.take().unwrap()).lines();
        for _ in 0..20 + round * 7 {
            if let Some(number) = output.next().unwrap().unwrap().strip_prefix("kept ") {
                kept.push(number.parse::<i64>().unwrap());
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in output.map_while(Result::ok) {
            kept.extend(line.strip_prefix("kept ").and_then(|number| number.parse::<i64>().ok()));
        }
    }
    drop(places.open(places.options()).unwrap());
    let mut there = std::collections::HashMap::<i64, usize>::new();
    read(&places.log(), &mut |_, text| {
        let at = serde_json::from_str::<Entry>(text).unwrap().at;
        *there.entry((at.0 - 1_767_225_600_000) / 1000).or_default() += 1;
    })
    .unwrap();
    let mut wanted = std::collections::HashMap::<i64, usize>::new();
    kept.iter().for_each(|number| *wanted.entry(*number).or_default() += 1);
    assert!(kept.len() > 200, "{}", kept.len());
    for (number, times) in wanted {
        assert!(there.get(&number).copied().unwrap_or_default() >= times, "{number} was acknowledged");
    }
    assert!(is_whole(&places.log(), &places.options()));
}
