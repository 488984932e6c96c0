//! Version 2 of the record format. Frozen once released: never change a field, add a version.
//!
//! Against version 1 it knows what a call touches, results that are kept outside or come from an earlier run,
//! retries that were not granted, pausing, and runs that go on with newer actions.

use std::collections::BTreeMap;

use plan::{Artifact, Digest, Failure, StepPath};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::RunId;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// Numbers the operations of a run in program order; the same on every replay.
pub type OpId = u32;

/// One entry of a run's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// 1 for the first record of a run, without gaps.
    pub seq: u64,
    /// When the driver saw it. The only clock the interpreter knows.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// What happened. Everything the interpreter cannot compute itself comes in through one of these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The run began.
    Started {
        /// Every declared input, defaults filled in.
        input: BTreeMap<String, Value>,
        /// What the trigger brought, or null.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        trigger: Value,
        /// Who began it.
        starter: String,
    },
    /// An action is about to be called: durable before its effect can be visible.
    Performing {
        /// The operation.
        op: OpId,
        /// 1 for the first attempt.
        attempt: u32,
        /// Where the step stands; for people and for `runs show`.
        path: StepPath,
        /// The action's name; likewise.
        action: String,
        /// What an effect touches, so that limits go on counting after a restart. Nothing for reads.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        touches: Option<Touch>,
    },
    /// An action succeeded.
    Performed {
        /// The operation.
        op: OpId,
        /// What it answered; null where `kept` says where it is.
        output: Value,
        /// The output's JSON text, where it was too large for a record.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<Artifact>,
        /// It was not called: an earlier run called it with the same input.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reused: Option<Reused>,
        /// The call that takes it back: `{action, input}`, or null.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        inverse: Value,
    },
    /// An attempt failed. Whether there is another is the interpreter's decision.
    AttemptFailed {
        /// The operation.
        op: OpId,
        /// Which attempt.
        attempt: u32,
        /// How it failed.
        failure: Failure,
        /// Random bits for the length of the wait.
        entropy: u64,
        /// Another attempt is not granted, whatever the playbook says: too many calls fail.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        last: bool,
    },
    /// A wait is over: before the next attempt, of a `wait`, for the answer to a form, or of a time limit.
    Woken {
        /// The operation.
        op: OpId,
    },
    /// A person was asked, or others were asked the same, or one more is needed.
    Asked {
        /// The operation.
        op: OpId,
        /// The `approve` or `ask` step.
        path: StepPath,
        /// SHA-256 over what was shown.
        digest: String,
    },
    /// A question is not asked any more, because the steps around it were stopped. For lists: the interpreter
    /// knows it already.
    Withdrawn {
        /// The operation.
        op: OpId,
    },
    /// A person filled a form in; or, in a rehearsal, a stand-in for a person or an event did.
    Answered {
        /// The operation.
        op: OpId,
        /// What was filled in; obeys the form's schema.
        answer: Value,
        /// Who.
        by: String,
    },
    /// An event was sent to the run. Obeys every schema the playbook has for events of this name.
    Signalled {
        /// Its name.
        name: String,
        /// What it brings.
        payload: Value,
    },
    /// A person, or the end of the time to answer, decided.
    Decided {
        /// The operation.
        op: OpId,
        /// What was decided.
        decision: Decision,
        /// Who decided.
        by: String,
        /// The digest the person saw.
        digest: String,
        /// Said when the run was started, before there was anything to see.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        in_advance: bool,
    },
    /// Somebody wants the run to stop.
    CancelRequested {
        /// Who.
        by: String,
    },
    /// Somebody wants nothing new to begin for now. Time limits go on.
    Paused {
        /// Who.
        by: String,
    },
    /// Somebody lets a paused run go on.
    Continued {
        /// Who.
        by: String,
    },
    /// Somebody lets one call of a paused run begin.
    Stepped {
        /// Who.
        by: String,
    },
    /// The run cannot go on with this version of the program: an action it uses is gone, or is another one now.
    Stalled {
        /// What is missing, in words.
        reasons: Vec<String>,
    },
    /// Somebody lets the run go on with the actions there are now; its earlier outputs fit their schemas.
    Adopted {
        /// Who.
        by: String,
        /// The digests of the actions the run goes on with, by name.
        actions: BTreeMap<String, Digest>,
    },
    /// The run is over. Written so that lists need no replay; the interpreter comes to the same by itself.
    Ended {
        /// How.
        status: RunStatus,
        /// The declared outputs of a run that succeeded.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        outputs: BTreeMap<String, Value>,
        /// Why it did not succeed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
}

/// What an effect touches, as limits count it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Touch {
    /// The mailbox, or the connection where the input names none; of several mailboxes the first.
    pub mailbox: String,
    /// How many items, in all mailboxes; at least 1.
    pub items: u64,
    /// Of several mailboxes each; empty if there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub each: Vec<Portion>,
}

/// What an effect touches in one of several mailboxes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Portion {
    /// The mailbox.
    pub mailbox: String,
    /// How many items; at least 1.
    pub items: u64,
}

impl Touch {
    /// Every mailbox with its items.
    pub fn portions(&self) -> impl Iterator<Item = (&str, u64)> {
        let only = self.each.is_empty().then_some((self.mailbox.as_str(), self.items));
        only.into_iter().chain(self.each.iter().map(|one| (one.mailbox.as_str(), one.items)))
    }
}

/// Where a result comes from that was not obtained by this run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reused {
    /// The earlier run.
    pub run: RunId,
    /// The operation there.
    pub op: OpId,
}

/// The answer to an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Go on.
    Approved,
    /// Do not.
    Rejected,
    /// Nobody answered in time; counts as rejected.
    TimedOut,
}

impl Decision {
    /// The word used in playbooks: `approved`, `rejected`, `timed_out`.
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Approved => "approved",
            Decision::Rejected => "rejected",
            Decision::TimedOut => "timed_out",
        }
    }
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Not over; perhaps its process is gone.
    Running,
    /// Waits for a person.
    Waiting,
    /// Somebody paused it.
    Paused,
    /// Needs actions that this version of the program does not have.
    NeedsUpgrade,
    /// Reached its end or a `return`.
    Succeeded,
    /// A step failed, or a `fail` step was reached.
    Failed,
    /// Stopped by somebody.
    Cancelled,
    /// Nobody knows whether an effect took place.
    Unknown,
}

impl RunStatus {
    /// Whether nothing will happen any more.
    pub fn is_final(self) -> bool {
        !matches!(self, RunStatus::Running | RunStatus::Waiting | RunStatus::Paused | RunStatus::NeedsUpgrade)
    }

    /// The word shown to people.
    pub fn as_str(self) -> &'static str {
        match self {
            RunStatus::Running => "running",
            RunStatus::Waiting => "waiting",
            RunStatus::Paused => "paused",
            RunStatus::NeedsUpgrade => "needs_upgrade",
            RunStatus::Succeeded => "succeeded",
            RunStatus::Failed => "failed",
            RunStatus::Cancelled => "cancelled",
            RunStatus::Unknown => "unknown",
        }
    }
}
