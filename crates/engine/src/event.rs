//! What people who watch a run are told.

use interpreter::{Ask, End, ProgressKind};
use journal::{Decision, Timestamp};
use plan::{Effect, StepPath};
use serde_json::Value;

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Where; the root for what concerns the whole run.
    pub path: StepPath,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// A step began, ended, was skipped, will be tried again.
    Step(ProgressKind),
    /// An action is called now.
    Calling {
        /// The action.
        action: String,
        /// What it does to the world.
        effect: Effect,
        /// Its rendered input.
        input: Value,
        /// 1 for the first attempt.
        attempt: u32,
    },
    /// An effect that a real run would have had now; only in [`crate::Mode::DryRun`].
    Planned {
        /// The action.
        action: String,
        /// What it would do to the world.
        effect: Effect,
        /// Its rendered input.
        input: Value,
        /// The connection it would use.
        connection: Option<String>,
    },
    /// A person is asked. Answer with [`crate::Run::decide`].
    Asked(Box<Ask>),
    /// A question was answered, or its time was over.
    Decided {
        /// How.
        decision: Decision,
        /// By whom.
        by: String,
    },
    /// Nothing goes on but questions.
    Waiting,
    /// The run is over.
    Ended(End),
}
