//! Everything outside of the process: the disk, the wall clock, chance, and what the judge has seen. It outlives every
//! process of a seed. All chance comes from one generator, in the order in which things happen, and they happen in one
//! thread: the seed is the whole history.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use engine::{RunId, StepPath, Timestamp};
use exchange_sim::Organisation;
use journal::{Record, StoredRun};
use plan::Digest;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::dice::Dice;
use crate::disk::Disk;

/// When every seed begins.
pub(crate) const BEGIN: i64 = 1_795_251_600_000;

/// A promise of ARCHITECTURE.md that can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// What was acknowledged is there after a restart.
    Acknowledged,
    /// The stored history, folded, is the run.
    Replay,
    /// An effect happens at most once.
    Once,
    /// An effect that nobody is sure of is told as unknown; one that is told as done happened.
    Told,
    /// Nothing is changed that no call selected.
    Selected,
    /// Every run ends.
    Ends,
    /// A record is durable before its effect can be visible.
    Durable,
    /// An approved call is made as it was shown, or not at all.
    Approved,
    /// A paused run begins nothing.
    Paused,
    /// What a record speaks of is kept.
    Kept,
    /// Records of a run have one writer and no gap.
    Order,
}

/// A product that is broken on purpose, to see whether the judge notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// The store acknowledges before it syncs, so that the call goes out before its record is durable.
    EarlyAcknowledgement,
    /// After a restart, a call that was begun and not answered counts as not begun.
    ForgetsBegun,
    /// Probes say that nothing took place.
    DeafProbe,
    /// Every attempt has a key of its own.
    FreshKeys,
    /// A delete takes one more mail along.
    GreedyDelete,
    /// A call is made with something else than what was shown.
    OtherInput,
    /// A failed sync is taken for a good one.
    IgnoresSyncErrors,
    /// Waits are spread with bits that the seed does not decide.
    OwnEntropy,
}

/// One call of an action as the outside saw it.
#[derive(Debug, Clone)]
pub(crate) struct Called {
    pub(crate) run: String,
    pub(crate) path: StepPath,
    pub(crate) action: String,
    pub(crate) input: Value,
    pub(crate) key: String,
    /// How many records of the run were durable by then.
    pub(crate) records: usize,
}

/// One question as people saw it.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) run: String,
    pub(crate) digest: String,
    pub(crate) quorum: usize,
    pub(crate) calls: Vec<(StepPath, String, Value)>,
}

/// One effect of an invented action.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    pub(crate) run: String,
    pub(crate) path: StepPath,
    pub(crate) repeatable: bool,
}

pub(crate) struct State {
    pub(crate) dice: Dice,
    pub(crate) trace: Vec<String>,
    pub(crate) violations: BTreeSet<(Rule, String)>,
    /// Whether anything goes wrong now.
    pub(crate) storm: bool,
    /// After how many more moments the process dies.
    pub(crate) moments_left: Option<u64>,
    pub(crate) dead: bool,
    pub(crate) disk: Disk,
    pub(crate) artifacts: BTreeMap<Digest, Vec<u8>>,
    /// What the disk would give after a loss of power now.
    pub(crate) durable: BTreeMap<RunId, StoredRun>,
    /// The records of each run that somebody was told are safe, by their numbers.
    pub(crate) promised: BTreeMap<RunId, BTreeMap<u64, Record>>,
    pub(crate) called: Vec<Called>,
    pub(crate) shown: Vec<Shown>,
    pub(crate) done: Vec<Done>,
    /// What invented actions answered, by key.
    pub(crate) answered: BTreeMap<String, Value>,
    /// What time it was when the process began, and when that was for tokio.
    wall: i64,
    begun: Option<Instant>,
}

/// A handle of the world. Clones are the same world.
#[derive(Clone)]
pub(crate) struct World {
    state: Arc<Mutex<State>>,
    pub(crate) death: Arc<Notify>,
    pub(crate) jumped: Arc<Notify>,
    pub(crate) organisation: Organisation,
    pub(crate) sabotage: Option<Sabotage>,
}

impl World {
    pub(crate) fn new(seed: u64, organisation: Organisation, sabotage: Option<Sabotage>) -> Self {
        let state = State {
            dice: Dice::new(seed ^ 0x0051_7a17),
            trace: Vec::new(),
            violations: BTreeSet::new(),
            storm: true,
            moments_left: None,
            dead: false,
            disk: Disk::default(),
            artifacts: BTreeMap::new(),
            durable: BTreeMap::new(),
            promised: BTreeMap::new(),
            called: Vec::new(),
            shown: Vec::new(),
            done: Vec::new(),
            answered: BTreeMap::new(),
            wall: BEGIN,
            begun: None,
        };
        World {
            state: Arc::new(Mutex::new(state)),
            death: Arc::default(),
            jumped: Arc::default(),
            organisation,
            sabotage,
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn is(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }

    /// Adds a line to the trace.
    pub(crate) fn note(&self, line: String) {
        let now = self.now().0 - BEGIN;
        self.state().trace.push(format!("{now} {line}"));
    }

    pub(crate) fn violated(&self, rule: Rule, what: String) {
        self.note(format!("VIOLATED {rule:?}: {what}"));
        self.state().violations.insert((rule, what));
    }

    /// A process begins, so many milliseconds after the last one ended. The clock may have been set meanwhile.
    pub(crate) fn boot(&self, later: i64) {
        let mut state = self.state();
        state.wall += later;
        state.begun = Some(Instant::now());
        state.dead = false;
    }

    /// The process is gone; what the disk had not synced is lost, in part or in whole.
    pub(crate) fn power_off(&self) {
        let mut guard = self.state();
        let state = &mut *guard;
        if let Some(begun) = state.begun.take() {
            state.wall += millis(begun.elapsed());
        }
        state.dead = true;
        state.disk.lose_power(&mut state.dice);
    }

    /// What the wall clock says.
    pub(crate) fn now(&self) -> Timestamp {
        let state = self.state();
        Timestamp(state.wall + state.begun.map_or(0, |begun| millis(begun.elapsed())))
    }

    /// Somebody sets the wall clock.
    pub(crate) fn set_clock(&self, by: i64) {
        self.state().wall += by;
        self.note(format!("the clock is set by {by} ms"));
        self.jumped.notify_waiters();
    }

    /// Whether the process is gone, perhaps since now.
    pub(crate) fn dies(&self) -> bool {
        let mut state = self.state();
        if state.dead {
            return true;
        }
        match &mut state.moments_left {
            Some(0) => {
                state.moments_left = None;
                state.dead = true;
                drop(state);
                self.note("the process dies".to_owned());
                self.death.notify_one();
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    /// A moment in which the process may die; nothing that it did not do before reaches the outside then.
    pub(crate) async fn moment(&self) {
        if self.dies() {
            pending::<()>().await;
        }
        let wait = {
            let mut state = self.state();
            match state.dice.below(10) {
                0..=5 => 0,
                6..=8 => state.dice.below(300),
                _ => state.dice.below(20_000),
            }
        };
        if wait > 0 {
            tokio::time::sleep(Duration::from_millis(wait as u64)).await;
            if self.state().dead {
                pending::<()>().await;
            }
        }
    }

    /// True so often in a thousand, and never once the storm is over.
    pub(crate) fn mishap(&self, permille: usize) -> bool {
        let mut state = self.state();
        let hits = state.dice.below(1000) < permille;
        hits && state.storm
    }

    pub(crate) fn below(&self, end: usize) -> usize {
        self.state().dice.below(end)
    }

    /// How many records of a run are durable.
    pub(crate) fn durable_records(&self, run: &str) -> usize {
        let run = RunId::new(run).unwrap();
        self.state().durable.get(&run).map_or(0, |stored| stored.records.len())
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap()
}
