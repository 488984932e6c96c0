//! Leaving: an engine that is shut down begins nothing new, lets changes in flight finish, and writes their results
//! down. Nothing says that a run has failed: whoever opens the journal next goes on with it.
//!
//! Reads that may be repeated are dropped at once. A change that has not ended within the grace is dropped too; it
//! is in doubt for whoever resumes the run, as after a crash.

use std::collections::HashSet;
use std::time::Duration;

use journal::RunId;
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
    driven: watch::Sender<HashSet<RunId>>,
}

impl Default for Exit {
    fn default() -> Self {
        Exit { leaving: watch::Sender::new(Leaving::No), driven: watch::Sender::default() }
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

    /// Notes a run as driven, until the value is dropped. Two that drive one run would make its calls twice.
    ///
    /// # Errors
    /// [`EngineError::Driven`] if somebody drives it, and does not let go of it in a moment.
    pub(crate) async fn enter(&self, run: &RunId) -> Result<Inside, EngineError> {
        let mut driven = self.driven.subscribe();
        let enters = async {
            while !self.driven.send_if_modified(|runs| runs.insert(run.clone())) {
                // Its handle may have been dropped just now, and its task not yet.
                let _ = driven.changed().await;
            }
        };
        match tokio::time::timeout(LETTING_GO, enters).await {
            Ok(()) => Ok(Inside { run: run.clone(), driven: self.driven.clone() }),
            Err(_) => Err(EngineError::Driven(run.clone())),
        }
    }
}

/// How long a run is waited for that somebody drives.
const LETTING_GO: Duration = Duration::from_secs(1);

/// A run that is driven.
pub(crate) struct Inside {
    run: RunId,
    driven: watch::Sender<HashSet<RunId>>,
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.driven.send_if_modified(|runs| runs.remove(&self.run));
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
        if tokio::time::timeout(grace.saturating_sub(last), driven.wait_for(HashSet::is_empty)).await.is_ok()
        {
            return 0;
        }
        let late = driven.borrow().len();
        exit.leaving.send_replace(Leaving::Now);
        // A run that waits for its journal even now is left behind: its process is about to end.
        let _ = tokio::time::timeout(last, driven.wait_for(HashSet::is_empty)).await;
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
