//! Figures for whoever runs the engine. Names and numbers only, never an input.
//!
//! The methods are called where the thing happens, on the threads that drive runs, so they must be quick: count, and
//! let somebody else send. Left out: any format and any way to send.

use std::time::Duration;

use journal::{OpId, RunStatus};
use plan::{Effect, FailureKind};

use crate::driver::Driver;

/// Takes figures. Every method does nothing unless it is written.
pub trait Metrics: Send + Sync {
    /// A run began, or goes on in this process.
    fn run_started(&self, playbook: &str, resumed: bool) {
        let _ = (playbook, resumed);
    }

    /// A run is over; how long ago it began, waits and all.
    fn run_ended(&self, playbook: &str, status: RunStatus, took: Duration) {
        let _ = (playbook, status, took);
    }

    /// An action is called.
    fn attempt_started(&self, action: &str, effect: Effect) {
        let _ = (action, effect);
    }

    /// A call ended, in real time; with a kind if it failed or was dropped.
    fn attempt_ended(&self, action: &str, failed: Option<FailureKind>, took: Duration) {
        let _ = (action, failed, took);
    }

    /// A failed call will be made again.
    fn retried(&self, action: &str, failed: FailureKind) {
        let _ = (action, failed);
    }

    /// A failed call is not made again, because the retry budget of its connection (or, without one, of its action) is
    /// used up.
    fn retry_refused(&self, account: &str) {
        let _ = account;
    }

    /// A call waits for its rate limit, so long.
    fn delayed(&self, action: &str, by: Duration) {
        let _ = (action, by);
    }

    /// So many calls wait for one of [`crate::Builder::max_calls`]. Told whenever one more does, or one less.
    fn queued(&self, calls: usize) {
        let _ = calls;
    }

    /// A run waits outside of memory, until somebody speaks to it or its time comes.
    fn parked(&self, playbook: &str) {
        let _ = playbook;
    }
}

impl Driver {
    /// The run is over.
    pub(crate) fn count_end(&self, status: RunStatus) {
        let Some(metrics) = &self.inner.metrics else { return };
        let took = self.inner.clock.now().0.saturating_sub(self.began.0);
        let took = Duration::from_millis(u64::try_from(took).unwrap_or(0));
        metrics.run_ended(&self.machine.plan().id, status, took);
    }

    /// A call joined those that wait for a slot, or left them.
    pub(crate) fn count_queue(&self) {
        if let Some(metrics) = &self.inner.metrics {
            metrics.queued(self.inner.slots.queued());
        }
    }

    /// The span of an operation, kept until it has its answer.
    pub(crate) fn step_span(&mut self, op: OpId, path: &plan::StepPath, action: &str) -> tracing::Span {
        if let Some(span) = self.steps.get(&op) {
            return span.clone();
        }
        let span = tracing::info_span!("step", run = %self.run, %path, action, op);
        if !span.is_disabled() {
            self.steps.insert(op, span.clone());
        }
        span
    }

    /// Ends the spans of operations that have their answer.
    pub(crate) fn end_steps(&mut self) {
        if !self.steps.is_empty() {
            let machine = &self.machine;
            self.steps.retain(|op, _| machine.is_open(*op));
        }
    }
}
