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
