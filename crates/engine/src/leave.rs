//! Leaving: an engine that is shut down begins nothing new, lets changes in flight finish, and writes their results
//! down. Nothing says that a run has failed: whoever opens the journal next goes on with it.
//!
//! Reads that may be repeated are dropped at once. A change that has not ended within the grace is dropped too; it
//! is in doubt for whoever resumes the run, as after a crash.

use std::time::Duration;

use tokio::sync::watch;

use crate::driver::Driver;
use crate::{Engine, EngineError};

/// How far the engine has gone with leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Leaving {
    /// Not at all.
    No,
    /// Changes in flight may finish.
    Finish,
    /// Nothing is waited for any more.
    Now,
}

/// The engine's own part: what drivers watch, and how many of them there are.
pub(crate) struct Exit {
    leaving: watch::Sender<Leaving>,
    driven: watch::Sender<usize>,
}

impl Default for Exit {
    fn default() -> Self {
        Exit { leaving: watch::Sender::new(Leaving::No), driven: watch::Sender::new(0) }
    }
}

impl Exit {
    pub(crate) fn watch(&self) -> watch::Receiver<Leaving> {
        self.leaving.subscribe()
    }

    /// Whether anything may begin.
    pub(crate) fn is_open(&self) -> bool {
        *self.leaving.borrow() == Leaving::No
    }

    /// Counts a run that is driven, until the value is dropped.
    pub(crate) fn enter(&self) -> Inside {
        self.driven.send_modify(|count| *count += 1);
        Inside(self.driven.clone())
    }
}

/// A run that is driven.
pub(crate) struct Inside(watch::Sender<usize>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl Engine {
    /// Stops driving every run, in at most `grace`: nothing new begins, changes in flight may finish, their results
    /// are durable, and each [`crate::Run::wait`] gives [`EngineError::ShutDown`]. The engine starts and resumes
    /// nothing after it.
    ///
    /// Gives how many runs had a change in flight that did not end in time; whoever resumes them finds it in doubt.
    pub async fn shutdown(&self, grace: Duration) -> usize {
        // What is left is for runs that give up their change, to be gone before the time is over.
        const LAST: u32 = 20;
        let exit = &self.inner.exit;
        let mut driven = exit.driven.subscribe();
        let last = grace / LAST;
        exit.leaving.send_replace(Leaving::Finish);
        if tokio::time::timeout(grace.saturating_sub(last), driven.wait_for(|count| *count == 0))
            .await
            .is_ok()
        {
            return 0;
        }
        let late = *driven.borrow();
        exit.leaving.send_replace(Leaving::Now);
        // A run that waits for its journal even now is left behind: its process is about to end.
        let _ = tokio::time::timeout(last, driven.wait_for(|count| *count == 0)).await;
        late
    }
}

impl Driver {
    /// Whether the run is left here, with everything that happened written down.
    pub(crate) fn leaves(&mut self) -> Result<(), EngineError> {
        let leaving = *self.leaving.borrow_and_update();
        if leaving == Leaving::No {
            return Ok(());
        }
        self.close_gate();
        if leaving == Leaving::Now || !self.calls.values().any(|call| call.finishes) {
            return Err(EngineError::ShutDown(self.run.clone()));
        }
        Ok(())
    }
}
