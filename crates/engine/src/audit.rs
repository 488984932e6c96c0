//! What is written down for whoever asks later who did what: the entries, and where they go.
//!
//! The journal is for going on with a run; the audit log is for people who do not trust the one who ran it. It says
//! who started, approved and stopped what, and every effect before it begins; digests stand for values, so it holds
//! no mail and no secret. An effect whose entry is not durable is not begun. Entries of reads do not exist, so reads
//! cost nothing. Kept apart from the journal on purpose: it outlives runs that are pruned, and may lie elsewhere.
//!
//! After a crash between the log and the journal an effect may stand in the log twice, or stand there and never have
//! begun: the log says what was about to happen, never less.

mod desk;

use action_api::Work;
use journal::{Decision, OpId, Origin, Portion, RunId, RunStatus, Timestamp, Touch};
use plan::{Digest, FailureKind, StepPath};
use serde::{Deserialize, Serialize};

pub(crate) use desk::{Desk, not_started};

/// Where entries go.
///
/// Obligations: when the future of `append` is ready with `Ok`, its entries survive a crash of the machine, in this
/// order and before any that are appended later; after a failed write nothing is acknowledged any more.
pub trait Audit: Send + Sync {
    /// Adds entries. Ready once they are durable.
    fn append<'a>(&'a self, entries: Vec<Entry>) -> Work<'a, Result<(), AuditError>>;

    /// The effects that began after this time, in the order of the log; other entries may be among them. Asked once,
    /// before the first run, and only if the policy has caps per hour. Without an answer they begin with the process.
    fn recent<'a>(&'a self, since: Timestamp) -> Work<'a, Result<Vec<Entry>, AuditError>> {
        let _ = since;
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// Why entries could not be kept or read.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct AuditError {
    message: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl AuditError {
    /// What happened, where, and what to do next.
    pub fn new(message: impl Into<String>) -> Self {
        AuditError { message: message.into(), source: None }
    }

    /// With what the system said.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

/// Keeps no entry. What an engine has if it is given no log.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAudit;

impl Audit for NoAudit {
    fn append<'a>(&'a self, _: Vec<Entry>) -> Work<'a, Result<(), AuditError>> {
        Box::pin(async { Ok(()) })
    }
}

/// One thing that was said or done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When, by the engine's clock.
    pub at: Timestamp,
    /// In which run.
    pub run: RunId,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What was said or done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum What {
    /// A run began.
    RunStarted {
        /// Who started it.
        by: String,
        /// The playbook's id.
        playbook: String,
        /// SHA-256 of the playbook's text.
        digest: Digest,
        /// The run it was made from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Origin>,
    },
    /// The policy does not allow what a playbook says it does; there is no such run.
    StartRefused {
        /// Who wanted to start it.
        by: String,
        /// The playbook's id.
        playbook: String,
        /// SHA-256 of the playbook's text.
        digest: Digest,
        /// The rules of the policy that refuse it.
        rules: Vec<String>,
    },
    /// An effect is about to begin.
    EffectBegun(Begun),
    /// An effect ended.
    EffectEnded {
        /// The operation.
        op: OpId,
        /// Which attempt.
        attempt: u32,
        /// How.
        outcome: Outcome,
        /// The kind of failure, if it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<FailureKind>,
    },
    /// The policy refused a call; it did not begin.
    Refused {
        /// The operation.
        op: OpId,
        /// Where the step stands.
        path: StepPath,
        /// The action.
        action: String,
        /// The connection.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connection: Option<String>,
        /// The mailbox, or the connection where the input names none; of several mailboxes the first.
        mailbox: String,
        /// How many items.
        items: u64,
        /// Of several mailboxes each; empty if there is one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        mailboxes: Vec<Portion>,
        /// Which rule of the policy.
        rule: String,
    },
    /// Somebody answered an approval, or nobody did in time.
    Decided {
        /// The operation.
        op: OpId,
        /// How.
        decision: Decision,
        /// Who.
        by: String,
        /// SHA-256 over what was shown, in hex.
        digest: String,
        /// Said before there was anything to see.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        in_advance: bool,
    },
    /// Somebody filled a form in.
    Answered {
        /// The operation.
        op: OpId,
        /// Who.
        by: String,
        /// SHA-256 over the answer.
        digest: Digest,
    },
    /// The run was sent an event.
    Signalled {
        /// Its name.
        name: String,
        /// SHA-256 over what it brought.
        digest: Digest,
    },
    /// Somebody wants the run to stop.
    CancelRequested {
        /// Who.
        by: String,
    },
    /// Somebody paused the run.
    Paused {
        /// Who.
        by: String,
    },
    /// Somebody let it go on.
    Continued {
        /// Who.
        by: String,
    },
    /// Somebody let one call of a paused run begin.
    Stepped {
        /// Who.
        by: String,
    },
    /// Somebody let the run go on with other actions than it began with.
    Adopted {
        /// Who.
        by: String,
    },
    /// The run is over.
    RunEnded {
        /// How.
        status: RunStatus,
    },
}

/// An effect that is about to begin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    /// The operation.
    pub op: OpId,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// It was begun before a crash already; now it is asked about, or made again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// Where the step stands.
    pub path: StepPath,
    /// The action.
    pub action: String,
    /// The connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// The mailbox, or the connection where the input names none; of several mailboxes the first.
    pub mailbox: String,
    /// How many items, in all mailboxes; at least 1.
    pub items: u64,
    /// Of several mailboxes each; empty if there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mailboxes: Vec<Portion>,
    /// SHA-256 over the rendered input, with secrets as their names.
    pub input: Digest,
    /// Who approved exactly this call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<String>,
    /// Why untrusted text may decide here, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept_untrusted: Option<String>,
}

impl Begun {
    /// What it touches, as limits count it.
    pub fn touch(&self) -> Touch {
        Touch { mailbox: self.mailbox.clone(), items: self.items, each: self.mailboxes.clone() }
    }
}

/// How an effect ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It took place.
    Ok,
    /// It failed.
    Failed,
    /// Nobody knows.
    Unknown,
}
