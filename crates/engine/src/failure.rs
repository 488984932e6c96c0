//! Why the engine could not start or go on. (How a *run* failed is [`crate::End`].)

use action_api::ArtifactError;
use interpreter::Divergence;
use journal::{JournalError, RunId};
use plan::Digest;
use playbook::Diagnostic;

use crate::audit::AuditError;
use crate::{InputProblem, Refusal, RunLimits};

/// Why a run could not be started or carried on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The playbook has errors; warnings may be among them.
    #[error("the playbook has errors")]
    Playbook(Vec<Diagnostic>),
    /// The inputs do not fit the playbook.
    #[error("the inputs do not fit the playbook: {}", list(.0))]
    Inputs(Vec<InputProblem>),
    /// What the trigger brought does not fit the playbook, or nothing was brought and the playbook needs it.
    #[error("the trigger does not fit the playbook: {0}")]
    Trigger(String),
    /// Secrets the playbook names and nobody has.
    #[error("the playbook needs secrets that are not configured: {}", .0.join(", "))]
    Secrets(Vec<String>),
    /// Another run has the same `concurrency` key.
    #[error("run {run} is about the same thing and goes on (concurrency key `{key}`); nothing was started")]
    Busy {
        /// The key.
        key: String,
        /// The other run.
        run: RunId,
    },
    /// The `concurrency` key could not be computed.
    #[error("the playbook's concurrency key cannot be used: {0}")]
    Key(String),
    /// The journal failed; the run stopped where it was and can be resumed once the journal works again.
    #[error("the journal failed, so the run stopped where it was")]
    Journal(#[from] JournalError),
    /// The stored history does not fit the stored playbook under this version.
    #[error("run {run} cannot go on with this version of Portcullis; nothing was changed")]
    Diverged {
        /// The run.
        run: RunId,
        /// Where and why.
        #[source]
        source: Divergence,
    },
    /// An action the run uses is gone or means something else now, or its stored playbook does not check any more.
    #[error(
        "run {run} cannot go on with this version of Portcullis: {}; nothing was changed. Resume it with the version \
         it was begun with, or go on with the actions of today: `portcullis runs resume {run} --adopt`",
        .reasons.join("; ")
    )]
    NeedsUpgrade {
        /// The run.
        run: RunId,
        /// What is missing or different, in words.
        reasons: Vec<String>,
        /// What the checker says about the stored playbook now.
        diagnostics: Vec<Diagnostic>,
    },
    /// The operator's policy does not allow what the playbook says it does.
    #[error("the policy does not allow this playbook: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Policy(Vec<Refusal>),
    /// The audit log failed, so nothing was begun that has to stand there; the run stopped where it was and can be
    /// resumed once the log works again.
    #[error("the audit log failed, so run {run} stopped where it was and began nothing more")]
    Audit {
        /// The run.
        run: RunId,
        /// Why.
        #[source]
        source: AuditError,
    },
    /// What the last hour held could not be read from the audit log, and the policy has caps per hour.
    #[error("the audit log could not be read, and the policy has caps per hour; nothing was started")]
    Memory(#[source] AuditError),
    /// What the run knows so far does not fit the actions of today.
    #[error(
        "run {run} cannot go on with the actions of today: {}; nothing was changed. Resume it with the version it was \
         begun with, or cancel it there", .problems.join("; ")
    )]
    CannotAdopt {
        /// The run.
        run: RunId,
        /// Every problem.
        problems: Vec<String>,
    },
    /// A run that goes on, or waits, cannot be done again or taken back.
    #[error(
        "run {run} is not over; let it end with `portcullis runs resume {run}`, or stop it with `portcullis runs \
         cancel {run}`"
    )]
    NotOver {
        /// The run.
        run: RunId,
    },
    /// The run has no such place.
    #[error("run {run}: {reason}")]
    NoSuchPlace {
        /// The run.
        run: RunId,
        /// What there is instead.
        reason: String,
    },
    /// There is nothing to do again or to take back.
    #[error("there is nothing to do for run {run}: {reason}")]
    NothingToDo {
        /// The run.
        run: RunId,
        /// Why.
        reason: String,
    },
    /// Two sources bring an action of the same name.
    #[error("two sources bring an action called {0}")]
    DuplicateAction(String),
    /// A large result could not be kept; the run stopped where it was and can be resumed once the store works again.
    #[error("a result of run {run} could not be kept as an artifact, so the run stopped where it was")]
    Keep {
        /// The run.
        run: RunId,
        /// What the store said.
        #[source]
        source: ArtifactError,
    },
    /// The artifacts could not be looked through or removed.
    #[error("the artifacts could not be tidied up")]
    Artifacts(#[source] ArtifactError),
    /// A large result that was kept outside of the journal is gone or damaged.
    #[error(
        "record {seq} of run {run} keeps its result in artifact {artifact}, which {reason}; bring the artifact back, e.g. from a backup; nothing was changed"
    )]
    Kept {
        /// The run.
        run: RunId,
        /// The record.
        seq: u64,
        /// Where its result should be.
        artifact: Digest,
        /// What is wrong with it.
        reason: String,
    },
    /// Inputs and trigger together are too large. Nothing was started.
    #[error(
        "the inputs and what the trigger brings are {bytes} bytes of JSON and may be {limit}; put large things into artifacts"
    )]
    TooLarge {
        /// How large they are.
        bytes: u64,
        /// How large they may be.
        limit: u64,
    },
    /// The run did not end in what its limits leave for that. Nothing beyond them was written.
    #[error("the history of run {run} would grow beyond {} records or {} bytes, so it stopped where it was; split the work over several runs", limits.records, limits.bytes)]
    TooLong {
        /// The run.
        run: RunId,
        /// What it may have.
        limits: RunLimits,
    },
    /// Somebody cancelled a run that waited for room on the disk of its journal. Without room that cannot be written
    /// down either.
    #[error(
        "run {run} stopped where it was, because there is no room for the journal at {place}; that it was cancelled is \
         not written down either. Make room, then type `portcullis runs cancel {run}`"
    )]
    NoRoom {
        /// The run.
        run: RunId,
        /// The journal's file.
        place: String,
    },
    /// The engine was shut down in the middle of the run. Everything that happened is written down.
    #[error(
        "run {0} stopped where it was, because the program was shut down; `portcullis runs resume {0}` goes on"
    )]
    ShutDown(RunId),
    /// This engine drives the run already.
    #[error("run {0} goes on in this process already; speak to it through the handle that drives it")]
    Driven(RunId),
    /// The engine was shut down before.
    #[error("the engine was shut down; nothing was started")]
    Closed,
    /// The engine's task is gone, because its runtime was shut down.
    #[error("the run was stopped with its runtime; resume it")]
    Stopped,
}

fn list(problems: &[InputProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
