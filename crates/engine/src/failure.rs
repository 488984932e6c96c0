//! Why the engine could not start or go on. (How a *run* failed is [`crate::End`].)

use interpreter::Divergence;
use journal::{JournalError, RunId};
use playbook::Diagnostic;

use crate::InputProblem;

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
    /// The stored playbook does not check any more, e.g. because an action is gone.
    #[error("run {run} needs actions this installation does not have; nothing was changed")]
    NeedsUpgrade {
        /// The run.
        run: RunId,
        /// What the checker says about the stored playbook now.
        diagnostics: Vec<Diagnostic>,
    },
    /// Two sources bring an action of the same name.
    #[error("two sources bring an action called {0}")]
    DuplicateAction(String),
    /// The engine's task is gone, because its runtime was shut down.
    #[error("the run was stopped with its runtime; resume it")]
    Stopped,
}

fn list(problems: &[InputProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
