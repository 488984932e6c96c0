//! What the machine wants done. Data only, never a closure, so that every driver can carry it out.

use std::collections::BTreeMap;
use std::time::Duration;

use journal::{OpId, RunStatus, Timestamp};
use plan::{Effect, Failure, Repeat, StepPath};
use serde_json::Value;

/// Everything one record led to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Turn {
    /// What to carry out, in program order.
    pub commands: Vec<Command>,
    /// What to tell people who watch.
    pub progress: Vec<Progress>,
}

/// One thing to carry out. Each is answered by records that name its `op`.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Call an action; answered by `performed` or `attempt_failed`.
    Perform(Box<Perform>),
    /// Wait until a point in time; answered by `woken`.
    Sleep {
        /// The operation that waits.
        op: OpId,
        /// Never earlier, perhaps later.
        until: Timestamp,
    },
    /// Ask a person; answered by `decided`.
    Ask(Box<Ask>),
    /// The operation's answer is no longer wanted. A call in flight is to be stopped and still answered; a
    /// wait or a question is to be forgotten.
    Withdraw {
        /// The operation.
        op: OpId,
    },
    /// The run is over; answered by `ended`.
    Finish(End),
}

/// A call of an action.
#[derive(Debug, Clone, PartialEq)]
pub struct Perform {
    /// The operation.
    pub op: OpId,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Where the step stands.
    pub path: StepPath,
    /// The action's name.
    pub action: String,
    /// The rendered input.
    pub input: Value,
    /// The connection to use.
    pub connection: Option<String>,
    /// What it does to the world.
    pub effect: Effect,
    /// Whether it may be carried out twice.
    pub repeat: Repeat,
    /// Time limit of the attempt.
    pub timeout: Duration,
    /// After a restart: this attempt was begun and nobody knows how it ended.
    pub in_doubt: bool,
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// The operation.
    pub op: OpId,
    /// The `approve` step.
    pub path: StepPath,
    /// What the person reads.
    pub message: String,
    /// What would be done, fully rendered.
    pub shown: Vec<Shown>,
    /// SHA-256 over `shown`, hex. The decision is bound to it.
    pub digest: String,
    /// When the time to answer is over.
    pub due: Option<Timestamp>,
    /// After a restart: the question was journaled already.
    pub asked: bool,
}

/// One call that an approval covers.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Where it will stand.
    pub path: StepPath,
    /// The action.
    pub action: String,
    /// What it does to the world.
    pub effect: Effect,
    /// Its rendered input.
    pub input: Value,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// Never `running` or `waiting`.
    pub status: RunStatus,
    /// The declared outputs, if it succeeded.
    pub outputs: BTreeMap<String, Value>,
    /// Why it did not succeed.
    pub failure: Option<Failure>,
}

/// Something worth showing to a person who watches.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Where.
    pub path: StepPath,
    /// What.
    pub kind: ProgressKind,
}

/// What happened to a step.
#[derive(Debug, Clone, PartialEq)]
pub enum ProgressKind {
    /// It began; for a call, with the action's name.
    Started {
        /// The action, if the step is a call.
        action: Option<String>,
    },
    /// A loop knows how many items it has.
    Items {
        /// How many.
        total: usize,
    },
    /// An attempt failed and another will follow.
    Retrying {
        /// The attempt that failed.
        attempt: u32,
        /// How.
        failure: Failure,
        /// When the next one begins.
        until: Timestamp,
    },
    /// Its condition did not hold, or an earlier step ended the block.
    Skipped,
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed {
        /// How.
        failure: Failure,
        /// Whether the block goes on all the same.
        tolerated: bool,
    },
}
