//! What people who watch a run are told.

use interpreter::{Ask, End, Form, Pause, ProgressKind};
use journal::{Decision, RunId, Timestamp};
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
        /// Its rendered input, with secrets as `secret:NAME`.
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
        /// Its rendered input, with secrets as `secret:NAME`.
        input: Value,
        /// The connection it would use.
        connection: Option<String>,
        /// Why untrusted text may decide here, in the author's words.
        accept_untrusted: Option<String>,
    },
    /// The operator's policy refuses a call, which is not made. A rehearsal goes on all the same.
    Refused {
        /// The action.
        action: String,
        /// The rule, as it stands in the policy.
        rule: String,
        /// Why, in words.
        reason: String,
    },
    /// An earlier answer of the action is used again.
    Cached {
        /// The action.
        action: String,
    },
    /// A rerun takes the answer over from an earlier run; the action is not called.
    Reused {
        /// The action.
        action: String,
        /// The run that called it.
        run: RunId,
    },
    /// The action's rate limit lets it be called later only.
    Delayed {
        /// The action.
        action: String,
        /// When.
        until: Timestamp,
    },
    /// A person is asked. Answer with [`crate::Run::decide`]. Comes again when others are asked, or one more.
    Asked(Box<Ask>),
    /// A form is shown. Answer with [`crate::Run::answer`].
    Form(Box<Form>),
    /// A form was filled in.
    Answered {
        /// With what.
        answer: Value,
        /// By whom.
        by: String,
    },
    /// A `wait` began. An event comes with [`crate::Run::signal`].
    Waits(Box<Pause>),
    /// A `wait` that a real run would have begun now, and that is over at once; only in
    /// [`crate::Mode::DryRun`].
    Passed(Box<Pause>),
    /// A question was answered, or its time was over.
    Decided {
        /// How.
        decision: Decision,
        /// By whom.
        by: String,
    },
    /// Nothing goes on but questions and waits for events.
    Waiting,
    /// There is no room on the disk of the journal, and nothing goes on until there is. Cancelling the run, or
    /// shutting the engine down, ends the wait.
    WaitsForRoom {
        /// The journal's file.
        place: String,
    },
    /// There is room again, and everything that happened meanwhile is written down.
    RoomAgain,
    /// Somebody wants nothing new to begin. What is in flight ends first.
    Pausing {
        /// Who.
        by: String,
    },
    /// The run is paused and nothing is in flight any more. Goes on with [`crate::Run::step`] or
    /// [`crate::Run::proceed`]. Told again whenever it comes to rest, and after it was resumed.
    Paused,
    /// Somebody let one call of a paused run begin.
    Stepped {
        /// Who.
        by: String,
    },
    /// Somebody let a paused run go on.
    Continued {
        /// Who.
        by: String,
    },
    /// The run is over.
    Ended(End),
}
