//! What many runs share, under a scheduler that tries its interleavings: the slots, the retry budget, and the bytes that
//! one run deletes while another keeps them. These are the files that the product is built from, with other locks.
//!
//! A failure prints its schedule; `shuttle::replay` plays that again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    unreachable_pub,
    reason = "test code, of which not all of the product's is used"
)]

/// What the product takes from the standard library, under the scheduler.
mod sync {
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};
}

#[path = "../src/budget.rs"]
mod budget;
#[path = "../src/recent.rs"]
mod recent;
#[path = "../src/slots.rs"]
mod slots;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use budget::{Budgets, RetryBudget};
use journal::conformance::{header, wait};
use journal::{
    Event, Header, Journal, JournalError, MemoryJournal, Origin, OriginKind, Query, Record, RunStatus,
    Timestamp, artifacts_of,
};
use plan::{Artifact, Digest};
use recent::Recent;
use serde_json::Value;
use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;
use slots::Slots;

fn under_many_schedules(model: impl Fn() + Send + Sync + Clone + 'static) {
    shuttle::check_random(model.clone(), 1_000);
    shuttle::check_pct(model, 500, 3);
}

/// Ends the threads of a model one after the other.
fn all(threads: Vec<thread::JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn no_slot_is_lost_or_given_twice() {
    const FREE: usize = 2;
    under_many_schedules(|| {
        let slots = Arc::new(Slots::new(FREE));
        let taken = Arc::new(AtomicUsize::new(0));
        let lines = [slots.line(), slots.line()];
        let callers = (0..5)
            .map(|caller| {
                let (slots, taken) = (Arc::clone(&slots), Arc::clone(&taken));
                thread::spawn(move || {
                    let permit = match slots.take(lines[caller % 2]) {
                        Ok(permit) => permit,
                        // Not wanted any more, in the very moment in which it may be given.
                        Err(turn) if caller == 3 || thread_rng().gen_bool(0.3) => return drop(turn),
                        Err(turn) => block_on(turn).expect("whoever waits gets one"),
                    };
                    assert!(taken.fetch_add(1, Ordering::SeqCst) < FREE, "more are out than there are");
                    thread::yield_now();
                    taken.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                })
            })
            .collect();
        all(callers);
        assert_eq!(slots.queued(), 0);
        let left: Vec<_> = (0..FREE).map(|_| slots.take(lines[0]).expect("all of them are back")).collect();
        assert!(slots.take(lines[0]).is_err(), "and no more than there were");
        drop(left);
    });
}

#[test]
fn a_large_run_delays_a_small_one_by_a_call() {
    under_many_schedules(|| {
        let slots = Arc::new(Slots::new(1));
        let (large, small) = (slots.line(), slots.line());
        let first = slots.take(large).unwrap();
        // Who had a slot, in order, and how many had one when the small run came.
        let had: Arc<Mutex<(Vec<u64>, usize)>> = Arc::default();
        let callers = [large, large, large, large, small]
            .map(|line| {
                let (slots, had) = (Arc::clone(&slots), Arc::clone(&had));
                thread::spawn(move || {
                    let turn = slots.take(line);
                    if line == small {
                        let mut had = had.lock().unwrap();
                        had.1 = had.0.len();
                    }
                    let permit = turn.unwrap_or_else(|turn| block_on(turn).unwrap());
                    had.lock().unwrap().0.push(line);
                    thread::yield_now();
                    drop(permit);
                })
            })
            .into();
        drop(first);
        all(callers);
        let had = had.lock().unwrap();
        let before = had.0[had.1..].iter().position(|line| *line == small).unwrap();
        // One that has the slot and was not counted yet, and one whose turn it was.
        assert!(before <= 2, "the small run came after {} and waited for {before}: {:?}", had.1, had.0);
    });
}

#[test]
fn a_free_slot_goes_round_the_runs_that_wait() {
    let round = || {
        let slots = Arc::new(Slots::new(1));
        let (large, small) = (slots.line(), slots.line());
        let mut first = Some(slots.take(large).unwrap());
        let mut queue: Vec<_> =
            [large, large, large, small].map(|line| (line, slots.take(line).unwrap_err())).into();
        // One of the large run is not wanted any more.
        queue.remove(1);
        assert_eq!(slots.queued(), 4);
        let mut order = Vec::new();
        for _ in 0..3 {
            first.take();
            let at = queue.iter_mut().position(|(_, slot)| match slot.try_recv() {
                Ok(permit) => {
                    first = Some(permit);
                    true
                }
                Err(_) => false,
            });
            order.push(queue.remove(at.unwrap()).0);
        }
        assert_eq!(order, [large, small, large]);
        drop(first);
        assert_eq!(slots.queued(), 0);
        assert!(slots.take(small).is_ok());
    };
    shuttle::check_random(round, 1);
}

#[test]
fn no_more_retries_are_granted_than_there_are() {
    const CALLS: usize = 8;
    under_many_schedules(|| {
        let budget = RetryBudget { percent: 25, per_minute: 1 };
        let budgets = Arc::new(Budgets::new(budget));
        let granted = Arc::new(AtomicUsize::new(0));
        let callers = (0..4)
            .map(|_| {
                let (budgets, granted) = (Arc::clone(&budgets), Arc::clone(&granted));
                thread::spawn(move || {
                    for _ in 0..CALLS / 4 {
                        budgets.called("ews", Timestamp(0));
                        if budgets.retry("ews", Timestamp(0)) {
                            granted.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                })
            })
            .collect();
        all(callers);
        let granted = granted.load(Ordering::SeqCst);
        assert!((1..=CALLS / 4 + 1).contains(&granted), "{granted} retries for {CALLS} calls");
        // What is left of the share is there for whoever asks, and no more.
        let rest = (0..CALLS).filter(|_| budgets.retry("ews", Timestamp(0))).count();
        assert_eq!(granted + rest, CALLS / 4 + 1);
    });
}

/// Files by name, as a folder has them.
#[derive(Default)]
struct Files(Mutex<BTreeSet<Digest>>);

impl Files {
    fn has(&self, digest: &Digest) -> bool {
        self.0.lock().unwrap().contains(digest)
    }

    /// Takes its time, as a system call does.
    fn change(&self, change: impl FnOnce(&mut BTreeSet<Digest>) -> bool) -> bool {
        thread::yield_now();
        let changed = change(&mut self.0.lock().unwrap());
        thread::yield_now();
        changed
    }
}

/// A data folder: what runs say, and the bytes they speak of.
struct Data {
    journal: MemoryJournal,
    files: Files,
    recent: Recent,
}

fn mail() -> Digest {
    Digest::new([7; 32])
}

fn speaks(seq: u64) -> Record {
    let kept = Artifact { artifact: mail(), size: 9, media_type: "message/rfc822".to_owned() };
    let (output, inverse) = (Value::Null, Value::Null);
    let event = Event::Performed { op: 1, output, kept: Some(kept), reused: None, inverse };
    Record { seq, at: Timestamp(0), event }
}

fn over(seq: u64) -> Record {
    let event = Event::Ended { status: RunStatus::Succeeded, outputs: Default::default(), failure: None };
    Record { seq, at: Timestamp(0), event }
}

impl Data {
    /// An earlier process has put the mail here, for a run that is over.
    fn new() -> Arc<Self> {
        let data = Data {
            journal: MemoryJournal::new(),
            files: Files::default(),
            recent: Recent::new(Duration::from_secs(1_000_000)),
        };
        data.files.0.lock().unwrap().insert(mail());
        wait(data.journal.create(header("old").unwrap(), vec![speaks(1), over(2)])).unwrap();
        Arc::new(data)
    }

    /// As `FolderArtifacts::remove`.
    fn remove(&self, digest: &Digest) {
        self.recent.unless_put(digest, || self.files.change(|files| files.remove(digest)));
    }

    /// Puts the same mail there again, then speaks of it.
    fn keep(&self) {
        self.recent.put(mail(), || self.files.change(|files| files.insert(mail())));
        thread::yield_now();
        wait(self.journal.create(header("new").unwrap(), vec![speaks(1)])).unwrap();
    }

    /// Forgets the old run, and what it alone spoke of.
    fn prune(&self) {
        match wait(self.journal.delete(&header("old").unwrap().run)) {
            Ok(freed) => {
                for digest in freed {
                    thread::yield_now();
                    self.remove(&digest);
                }
            }
            Err(JournalError::Needed { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// As `FolderArtifacts::collect`.
    fn collect(&self) {
        let found: Vec<Digest> = self.files.0.lock().unwrap().iter().copied().collect();
        thread::yield_now();
        let unneeded = wait(self.journal.unneeded(&found)).unwrap();
        for digest in unneeded {
            thread::yield_now();
            self.remove(&digest);
        }
    }

    /// Does the old run again, and speaks of its mail without putting it there.
    fn rerun(&self) {
        let origin = Origin { kind: OriginKind::Rerun, run: header("old").unwrap().run, from: None };
        if wait(self.journal.load(&origin.run)).is_err() {
            return;
        }
        thread::yield_now();
        let header = Header { origin: Some(origin), ..header("again").unwrap() };
        let run = header.run.clone();
        match wait(self.journal.create(header, Vec::new())) {
            Ok(()) => {}
            Err(JournalError::OriginGone { .. }) => return,
            Err(error) => panic!("{error}"),
        }
        thread::yield_now();
        assert!(self.files.has(&mail()), "what the rerun takes over is gone");
        wait(self.journal.append(&run, vec![speaks(1)])).unwrap();
        thread::yield_now();
        wait(self.journal.append(&run, vec![over(2)])).unwrap();
    }

    fn judge(&self) {
        for run in wait(self.journal.list(&Query::newest(9))).unwrap() {
            let stored = wait(self.journal.load(&run.run)).unwrap();
            for digest in artifacts_of(&stored.records) {
                assert!(self.files.has(&digest), "{} speaks of bytes that are gone", run.run);
            }
        }
    }
}

#[test]
fn no_run_loses_the_bytes_it_speaks_of() {
    under_many_schedules(|| {
        let data = Data::new();
        let deeds = [Data::keep, Data::prune, Data::collect, Data::rerun];
        let threads = deeds.map(|deed| {
            let data = Arc::clone(&data);
            thread::spawn(move || deed(&data))
        });
        all(threads.into());
        data.judge();
    });
}

#[test]
fn what_nobody_speaks_of_any_more_is_gone_in_the_end() {
    under_many_schedules(|| {
        let data = Data::new();
        let threads = [Data::prune, Data::collect].map(|deed| {
            let data = Arc::clone(&data);
            thread::spawn(move || deed(&data))
        });
        all(threads.into());
        assert!(!data.files.has(&mail()));
    });
}
