//! `portcullis runs`: look at runs, steer them, and forget old ones.
//!
//! Commands that only look need no lock: they work beside the process that drives a run. Those that steer speak to
//! that process over its control socket, and drive the run themselves where there is none.

mod export;
mod list;
mod logs;
mod prune;
mod replay;
mod show;
mod steer;
mod words;

use anyhow::Result;
use clap::Subcommand;
use journal::Timestamp;

use crate::exit::Exit;
use crate::wire::Shared;

/// Look at runs, steer them, and forget old ones
#[derive(Debug, Subcommand)]
pub(crate) enum Runs {
    /// List runs, the newest first
    List(list::List),
    /// Show what happened in a run, record by record
    Show(show::Show),
    /// Show what a person would have seen, line by line; --follow goes on until the run is over
    Logs(logs::Logs),
    /// Write a run's history to a file: one line for the run, one for each record
    Export(export::Export),
    /// Forget runs that are over, and the files nobody needs any more
    Prune(prune::Prune),
    /// Go on with a run whose process is gone, or that waits
    Resume(steer::Resume),
    /// Do again what failed in a run; the same as `rerun RUN --failed-items`
    Retry(crate::command::rerun::Retry),
    /// Let nothing new begin in a run until it is told to continue
    Pause(steer::Pause),
    /// Let one call of a paused run begin
    Step(steer::Step),
    /// Let a paused run go on
    Continue(steer::Continue),
    /// Stop a run for good: changes in flight are finished, `finally` gets its time
    Cancel(steer::Cancel),
}

impl Runs {
    pub(crate) async fn run(self, shared: &Shared) -> Result<Exit> {
        match self {
            Runs::List(command) => command.run(shared).await,
            Runs::Show(command) => command.run(shared).await,
            Runs::Logs(command) => command.run(shared).await,
            Runs::Export(command) => command.run(shared).await,
            Runs::Prune(command) => command.run(shared).await,
            Runs::Resume(command) => command.run(shared).await,
            Runs::Retry(command) => command.run(shared).await,
            Runs::Pause(command) => command.run(shared).await,
            Runs::Step(command) => command.run(shared).await,
            Runs::Continue(command) => command.run(shared).await,
            Runs::Cancel(command) => command.run(shared).await,
        }
    }
}

fn time(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| at.0.to_string(), |time| format!("{time:.3}"))
}
