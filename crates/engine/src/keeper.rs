//! All runs of an engine that go on, by name: for processes that stay, such as a server.
//!
//! Runs that are not over are resumed once, when the keeper begins; those that only wait are parked at once, so that
//! ten thousand of them cost little. Left out: who may speak to a run, and how they reach this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt;
use futures_util::stream;
use journal::{Query, RunId, RunStatus};
use playbook::Source;

use crate::{Engine, EngineError, Run, Start};

/// So many runs are loaded at a time when a keeper begins.
const AT_A_TIME: usize = 8;

/// How many runs are listed at a time.
const PAGE: usize = 1_000;

/// Keeps every run of an engine going. Dropping it stops driving them where they are.
pub struct Keeper {
    engine: Engine,
    runs: Mutex<HashMap<RunId, Arc<Run>>>,
    resuming: tokio::sync::Mutex<()>,
    start: Box<dyn Fn(&RunId) -> Start + Send + Sync>,
}

impl Engine {
    /// Goes on with every run that is not over, and keeps those that begin later. `start` says how to resume a run.
    ///
    /// Gives, beside the keeper, the runs that cannot go on, each with the reason. They are as they were.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn keep_running(
        &self,
        start: impl Fn(&RunId) -> Start + Send + Sync + 'static,
    ) -> Result<(Keeper, Vec<(RunId, EngineError)>), EngineError> {
        let (engine, start) = (self.clone(), Box::new(start));
        let keeper =
            Keeper { engine, runs: Mutex::default(), resuming: tokio::sync::Mutex::default(), start };
        let mut troubles = Vec::new();
        for status in [RunStatus::Running, RunStatus::Waiting, RunStatus::Paused, RunStatus::NeedsUpgrade] {
            let runs = self.all(status).await?;
            let resumed: Vec<_> = stream::iter(runs)
                .map(|run| {
                    let resumed = keeper.resume(run.clone());
                    async move { (run, resumed.await) }
                })
                .buffer_unordered(AT_A_TIME)
                .filter_map(async |(run, resumed)| resumed.err().map(|error| (run, error)))
                .collect()
                .await;
            troubles.extend(resumed);
        }
        Ok((keeper, troubles))
    }

    /// The runs that stand like this, the oldest first.
    async fn all(&self, status: RunStatus) -> Result<Vec<RunId>, EngineError> {
        let mut found: Vec<RunId> = Vec::new();
        loop {
            let before = found.last().cloned();
            let query = Query { status: Some(status), before, ..Query::newest(PAGE) };
            let page = self.runs(&query).await?;
            let last = page.len() < PAGE;
            found.extend(page.into_iter().map(|summary| summary.run));
            if last {
                found.reverse();
                return Ok(found);
            }
        }
    }
}

impl Keeper {
    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Starts a run, as [`Engine::start`] does, and keeps it.
    ///
    /// # Errors
    /// As of [`Engine::start`].
    pub async fn start(&self, source: Source<'_>, start: Start) -> Result<Arc<Run>, EngineError> {
        Ok(self.keep(self.engine.start(source, start).await?))
    }

    /// Keeps a run that was started elsewhere.
    pub fn keep(&self, run: Run) -> Arc<Run> {
        let run = Arc::new(run);
        let mut runs = self.runs();
        if runs.len() == runs.capacity() {
            // Those that are over make room, each time there is none.
            runs.retain(|_, run| !run.is_done());
        }
        runs.insert(run.id().clone(), Arc::clone(&run));
        run
    }

    /// A run by its name, to speak to. One that could not go on before is tried again.
    ///
    /// # Errors
    /// There is no such run, or it cannot go on. A run that is over is no error: it answers that it is over.
    pub async fn run(&self, id: &RunId) -> Result<Arc<Run>, EngineError> {
        // One at a time: two who ask for the same run get the same handle.
        let _resuming = self.resuming.lock().await;
        let kept = self.runs().get(id).map(Arc::clone);
        match kept.filter(|run| !run.is_done()) {
            Some(run) => Ok(run),
            None => self.resume(id.clone()).await,
        }
    }

    /// How many runs go on or wait.
    pub fn len(&self) -> usize {
        self.runs().values().filter(|run| !run.is_done()).count()
    }

    /// Whether no run goes on or waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    async fn resume(&self, id: RunId) -> Result<Arc<Run>, EngineError> {
        let start = (self.start)(&id);
        Ok(self.keep(self.engine.resume_to_wait(&id, start).await?))
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<RunId, Arc<Run>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
