//! The group commit under a scheduler that tries its interleavings: the file that the product is built from, over a
//! disk that can fail. What is looked for is an order that was answered with success and is not there, one that nobody
//! answers, and anything that is carried out after a failure.
//!
//! A failure prints its schedule; `shuttle::replay` plays that again. Left out: SQLite, which `faults.rs` and `kills.rs`
//! try as it is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

/// What the product takes from the standard library, under the scheduler.
mod sync {
    pub(crate) use shuttle::sync::mpsc;
    pub(crate) use shuttle::thread::JoinHandle;

    /// One look: there is no time here.
    pub(crate) fn linger<T>(orders: &mpsc::Receiver<T>) -> Option<T> {
        orders.try_recv().ok()
    }
}

#[path = "../src/group.rs"]
mod group;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use group::{Failed, Order, Queue, Store, work};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

/// Which caller, and which of its jobs.
type Job = (u32, u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Done,
    NoRoom,
    Broken,
    Refused,
}

/// What happened to the disk.
#[derive(Debug, Default)]
struct Log {
    durable: Vec<Job>,
    /// Of a commit that broke: perhaps there.
    in_doubt: BTreeSet<Job>,
    synced: usize,
    broken: bool,
}

/// How the disk misbehaves: at which commit or sync, from 1.
#[derive(Debug, Clone, Copy, Default)]
struct Mishaps {
    commit_breaks: Option<u32>,
    full: Option<u32>,
    sync_breaks: Option<u32>,
    /// Commits are synced later.
    interval: bool,
}

struct Disk {
    log: Arc<Mutex<Log>>,
    mishaps: Mishaps,
    commits: u32,
    syncs: u32,
}

impl Store for Disk {
    type Job = Job;
    type Answer = Answer;

    fn bytes(_: &Job) -> usize {
        // Three of them fill a group.
        3 << 20
    }

    fn commit(&mut self, jobs: &[Order<Job, Answer>]) -> Result<Vec<Answer>, Failed> {
        self.commits += 1;
        assert!(!self.log.lock().unwrap().broken, "a commit after a failure");
        thread::yield_now();
        if self.mishaps.full == Some(self.commits) {
            return Err(Failed::Full);
        }
        let mut log = self.log.lock().unwrap();
        if self.mishaps.commit_breaks == Some(self.commits) {
            log.broken = true;
            log.in_doubt.extend(jobs.iter().map(|order| order.job));
            return Err(Failed::Broken("EIO".to_owned()));
        }
        log.durable.extend(jobs.iter().map(|order| order.job));
        if !self.mishaps.interval {
            log.synced = log.durable.len();
        }
        drop(log);
        thread::yield_now();
        Ok(vec![Answer::Done; jobs.len()])
    }

    fn after_commit(&mut self, _: usize, _: usize) -> Result<(), String> {
        if self.mishaps.interval && thread_rng().gen_bool(0.3) { self.sync() } else { Ok(()) }
    }

    fn due(&self) -> Option<Instant> {
        self.mishaps.interval.then(Instant::now)
    }

    fn sync(&mut self) -> Result<(), String> {
        let mut log = self.log.lock().unwrap();
        assert!(!log.broken, "a sync after a failure");
        self.syncs += 1;
        if self.mishaps.sync_breaks == Some(self.syncs) {
            log.broken = true;
            return Err("EIO".to_owned());
        }
        log.synced = log.durable.len();
        Ok(())
    }

    fn no_room(&self, _: Job) -> Answer {
        Answer::NoRoom
    }

    fn broken(&self, _: &str) -> Answer {
        Answer::Broken
    }

    fn refused(&self, _: &str) -> Answer {
        Answer::Refused
    }
}

const CALLERS: u32 = 3;
const JOBS: u32 = 3;

/// What one caller was told, job by job; nothing for a job whose answer it did not wait for.
type Told = Vec<(Job, Option<Answer>)>;

/// One caller: orders, and looks at the disk when it is answered.
fn call(queue: &Queue<Job, Answer>, log: &Mutex<Log>, caller: u32) -> Told {
    let mut told = Vec::new();
    for number in 0..JOBS {
        let job = (caller, number);
        let answer = queue.order(job).expect("the thread is there as long as the queue is");
        // The last caller never waits; the others do, now and then not.
        if caller + 1 == CALLERS || thread_rng().gen_bool(0.2) {
            told.push((job, None));
            continue;
        }
        let answer = shuttle::future::block_on(answer).expect("every order is answered");
        let log = log.lock().unwrap();
        match answer {
            Answer::Done => assert!(log.durable.contains(&job), "{job:?} was acknowledged and is not there"),
            Answer::Broken => assert!(log.in_doubt.contains(&job), "{job:?}"),
            Answer::Refused => assert!(log.broken, "{job:?} was refused without a failure"),
            Answer::NoRoom => assert!(!log.durable.contains(&job), "{job:?} is there and was given back"),
        }
        told.push((job, Some(answer)));
    }
    told
}

/// One history of the queue under this disk.
fn live(mishaps: Mishaps) {
    let log = Arc::new(Mutex::new(Log::default()));
    let disk = Disk { log: Arc::clone(&log), mishaps, commits: 0, syncs: 0 };
    let queue = Queue::new(|orders| {
        let mut disk = disk;
        Ok::<_, ()>(thread::spawn(move || work(&mut disk, &orders)))
    });
    let queue = Arc::new(queue.unwrap());
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (queue, log) = (Arc::clone(&queue), Arc::clone(&log));
            // Whoever drops the queue last closes it, and waits.
            thread::spawn(move || call(&queue, &log, caller))
        })
        .collect();
    drop(queue);
    let told: Told = callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect();
    judge(&log.lock().unwrap(), &told, mishaps);
}

fn judge(log: &Log, told: &Told, mishaps: Mishaps) {
    assert_eq!(told.len() as u32, CALLERS * JOBS);
    let there: BTreeSet<Job> = log.durable.iter().copied().collect();
    assert_eq!(there.len(), log.durable.len(), "one was carried out twice: {log:?}");
    for caller in 0..CALLERS {
        let of: Vec<u32> = log.durable.iter().filter(|job| job.0 == caller).map(|job| job.1).collect();
        assert!(of.is_sorted(), "the jobs of one caller changed places: {log:?}");
    }
    for (job, answer) in told {
        match answer {
            Some(Answer::Done) => assert!(there.contains(job), "{job:?} was lost after all"),
            Some(Answer::NoRoom | Answer::Refused) => assert!(!there.contains(job), "{job:?}: {log:?}"),
            Some(Answer::Broken) => assert!(log.in_doubt.contains(job)),
            // Nobody waited. Only a failure, or a full disk, keeps it from being carried out.
            None => assert!(there.contains(job) || log.broken || mishaps.full.is_some(), "{job:?}: {log:?}"),
        }
    }
    if log.broken {
        return;
    }
    assert_eq!(log.synced, log.durable.len(), "closed, and not everything is on the disk");
    if mishaps.full.is_none() {
        assert_eq!(there.len() as u32, CALLERS * JOBS, "closing lost something: {log:?}");
    }
}

/// So many random schedules, and so many that change the order of priorities at few points.
fn under_many_schedules(model: impl Fn() + Send + Sync + Clone + 'static) {
    shuttle::check_random(model.clone(), 500);
    shuttle::check_pct(model, 250, 3);
}

#[test]
fn what_is_acknowledged_is_there_and_closing_loses_nothing() {
    under_many_schedules(|| live(Mishaps::default()));
    under_many_schedules(|| live(Mishaps { interval: true, ..Mishaps::default() }));
}

#[test]
fn a_commit_that_breaks_is_the_last_one() {
    for commit in [1, 2, 4] {
        under_many_schedules(move || live(Mishaps { commit_breaks: Some(commit), ..Mishaps::default() }));
    }
}

#[test]
fn a_sync_that_fails_is_the_last_one() {
    for sync in [1, 2] {
        let mishaps = Mishaps { sync_breaks: Some(sync), interval: true, ..Mishaps::default() };
        under_many_schedules(move || live(mishaps));
    }
}

#[test]
fn what_has_no_room_is_given_back_and_the_rest_goes_on() {
    for full in [1, 2] {
        under_many_schedules(move || live(Mishaps { full: Some(full), ..Mishaps::default() }));
    }
}
