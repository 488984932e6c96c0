//! Exit codes, and errors as a person reads them.

use std::process::ExitCode;

use journal::{JournalError, RunStatus};

use crate::output;

/// How the command ended. The numbers are a promise to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything asked for was done.
    Done = 0,
    /// The run, or what was asked for, failed.
    Failed = 1,
    /// The playbook, the configuration or the arguments are wrong; nothing was done.
    Wrong = 2,
    /// The run waits for an approval, a form or an event, or is paused.
    Waiting = 3,
    /// Nobody knows whether an effect took place; or the process was told to end and a change had not answered.
    Unknown = 4,
    /// There is nothing to do, or a person said no before anything began.
    Nothing = 5,
    /// Stopped by Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

impl From<RunStatus> for Exit {
    fn from(status: RunStatus) -> Self {
        match status {
            RunStatus::Succeeded => Exit::Done,
            RunStatus::Failed | RunStatus::Cancelled | RunStatus::NeedsUpgrade => Exit::Failed,
            RunStatus::Running | RunStatus::Waiting | RunStatus::Paused => Exit::Waiting,
            RunStatus::Unknown => Exit::Unknown,
        }
    }
}

/// Something in what the user gave is wrong: arguments, configuration, playbook. Exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Wrong(pub(crate) String);

/// What `clap` has to say, with our exit code.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    let asked_for = !error.use_stderr();
    // Nothing is left to be done if the terminal is gone.
    let _ = error.print();
    if asked_for { Exit::Done.into() } else { Exit::Wrong.into() }
}

/// Prints an error with its causes.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let mut text = format!("error: {error}");
    for cause in error.chain().skip(1) {
        text.push_str(&format!("\n  because: {cause}"));
    }
    output::complain(&output::visible(&crate::next::carry(&crate::hush::tokens().text(&text))));
    let wrong = error
        .chain()
        .any(|cause| cause.is::<Wrong>() || matches!(cause.downcast_ref(), Some(JournalError::NotFound(_))));
    if wrong { Exit::Wrong.into() } else { Exit::Failed.into() }
}
