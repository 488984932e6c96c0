//! What the machine wants done. Data only, never a closure, so that every driver can carry it out.

use std::collections::BTreeMap;
use std::time::Duration;

use journal::{OpId, RunStatus, Timestamp};
use plan::{Audience, Effect, Failure, FailureKind, OnUnknown, RateLimit, Repeat, StepPath};
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
    /// Wait until a point in time, before another attempt or as a time limit; answered by `woken`.
    Sleep {
        /// The operation that waits.
        op: OpId,
        /// Never earlier, perhaps later.
        until: Timestamp,
    },
    /// Ask a person; answered by `decided`. May come again for the same `op`: others are asked, or one more.
    Ask(Box<Ask>),
    /// Let a person fill a form in; answered by `answered`, or by `woken` when it is due.
    Form(Box<Form>),
    /// A `wait`; answered by `woken` when it is due, or by a `signalled` that fits. (`answered` does for an event
    /// in a rehearsal.)
    Pause(Box<Pause>),
    /// The operation's answer is no longer wanted. A call in flight is to be stopped and still answered; a
    /// wait or a question is to be forgotten.
    Withdraw {
        /// The operation.
        op: OpId,
    },
    /// The run is over; answered by `ended`.
    Finish(End),
}

impl Command {
    /// The operation it is about.
    pub fn op(&self) -> Option<OpId> {
        match self {
            Command::Perform(call) => Some(call.op),
            Command::Ask(ask) => Some(ask.op),
            Command::Form(form) => Some(form.op),
            Command::Pause(pause) => Some(pause.op),
            Command::Sleep { op, .. } | Command::Withdraw { op } => Some(*op),
            Command::Finish(_) => None,
        }
    }
}

/// A call of an action.
#[derive(Debug, Clone, PartialEq)]
pub struct Perform {
    /// The operation.
    pub op: OpId,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// The kinds of failure after which another attempt would follow.
    pub retried: Vec<FailureKind>,
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
    /// What to do when nobody knows whether it took place.
    pub on_unknown: OnUnknown,
    /// The key of the effect, if the playbook gives one.
    pub key: Option<String>,
    /// How often it may be called.
    pub rate_limit: Option<RateLimit>,
    /// Whether an earlier answer may do.
    pub cache: Option<CacheUse>,
    /// Why untrusted text may decide here, in the author's words.
    pub accept_untrusted: Option<String>,
    /// Who approved exactly this call, in the order of their names. Nobody for a call that no approval covers, or
    /// that silence approved, or somebody in advance.
    pub approved_by: Vec<String>,
    /// Time limit of the attempt.
    pub timeout: Duration,
    /// After a restart: this attempt was begun and nobody knows how it ended.
    pub in_doubt: bool,
}

/// Whether an earlier answer may do.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheUse {
    /// How old it may be.
    pub ttl: Duration,
    /// What tells answers of the same action apart; the whole rendered input if there is none.
    pub key: Option<String>,
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
    /// Who may decide.
    pub to: Audience,
    /// How many different people have to approve.
    pub quorum: u32,
    /// Who has approved already, if more than one has to.
    pub approved: Vec<String>,
    /// How many times it was asked before: of fewer people, or of others.
    pub round: u32,
    /// What would be done, fully rendered, with secrets masked.
    pub shown: Vec<Shown>,
    /// SHA-256 over `shown`, hex. The decision is bound to it.
    pub digest: String,
    /// When the time to answer is over.
    pub due: Option<Timestamp>,
    /// After a restart: the question was journaled already.
    pub asked: bool,
}

/// A form for a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// The operation.
    pub op: OpId,
    /// The `ask` step.
    pub path: StepPath,
    /// What the person reads.
    pub message: String,
    /// JSON Schema of the answer.
    pub schema: Value,
    /// Its fields in the order in which they are asked.
    pub order: Vec<String>,
    /// Who may answer.
    pub to: Audience,
    /// SHA-256 over the message and the form, hex.
    pub digest: String,
    /// The answer when the time is over; without it the step fails.
    pub default: Option<Value>,
    /// When the time to answer is over.
    pub due: Option<Timestamp>,
    /// After a restart: the question was journaled already.
    pub asked: bool,
}

/// A `wait`.
#[derive(Debug, Clone, PartialEq)]
pub struct Pause {
    /// The operation.
    pub op: OpId,
    /// The `wait` step.
    pub path: StepPath,
    /// The event it waits for; `None` waits for the time alone.
    pub event: Option<Awaited>,
    /// When it is over.
    pub due: Option<Timestamp>,
}

/// An event that is waited for.
#[derive(Debug, Clone, PartialEq)]
pub struct Awaited {
    /// Its name.
    pub name: String,
    /// JSON Schema of what it brings.
    pub schema: Value,
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
    /// An event was taken by a `wait`.
    Signalled {
        /// Its name.
        name: String,
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
    /// What it gives, directly before it has succeeded; only where the machine is watched.
    Gave {
        /// Its output.
        output: Option<Value>,
        /// Of a loop that collects: the items that failed.
        failed: Option<Value>,
    },
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
