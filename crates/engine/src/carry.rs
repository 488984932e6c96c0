//! What each command takes, and what its answer is for the run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use action_api::Outcome;
use futures_util::FutureExt;
use futures_util::future::{AbortHandle, Abortable, Aborted};
use interpreter::{Command, Pause, Perform};
use journal::{Decision, Event as Happened, OpId, Timestamp};
use plan::{Blame, Failure, FailureKind, Repeat};
use serde_json::Value;
use tracing::Instrument;

use crate::attempt::{attempt, inverse_value};
use crate::cache::Slot;
use crate::driver::{Answer, Driver, Flying};
use crate::standin::stand_in;
use crate::{Approvals, EngineError, EventKind, Mode};

/// In whose name a rehearsal decides and answers.
const REHEARSAL: &str = "dry run";

impl Driver {
    pub(crate) fn carry_out(&mut self, command: Command) {
        // What was taken in after it may have ended it already.
        if let Some(op) = command.op().filter(|op| !self.machine.is_open(*op)) {
            self.gate.permit(op);
            return;
        }
        match command {
            Command::Perform(call) => self.call(call),
            Command::Sleep { op, until } => self.sleep(op, until),
            Command::Ask(ask) => {
                let op = ask.op;
                if self.asks.get(&op).is_none_or(|open| open.round != ask.round) {
                    return;
                }
                if let Some(due) = ask.due {
                    self.sleep(op, due);
                }
                self.step_span(op, &ask.path, "approve");
                self.tell(ask.path.clone(), EventKind::Asked(ask));
                if self.approver().is_some() {
                    self.flight.push(async move { Answer::Itself(op) }.boxed());
                }
            }
            Command::Form(form) => {
                let op = form.op;
                if !self.forms.contains_key(&op) {
                    return;
                }
                if let Some(due) = form.due {
                    self.sleep(op, due);
                }
                self.step_span(op, &form.path, "ask");
                self.tell(form.path.clone(), EventKind::Form(form));
                if self.mode == Mode::DryRun {
                    self.flight.push(async move { Answer::Itself(op) }.boxed());
                }
            }
            Command::Pause(pause) => self.pause(pause),
            Command::Withdraw { op } => self.forget(op),
            Command::Finish(_) => {}
        }
    }

    /// Nothing is wanted of an operation any more but, if it is a call in flight, its end.
    pub(crate) fn forget(&mut self, op: OpId) {
        self.asks.remove(&op);
        self.forms.remove(&op);
        self.waits.remove(&op);
        self.delayed.remove(&op);
        self.not_wanted(op);
        self.wake(op);
        if let Some(read) = self.calls.get(&op).and_then(|call| call.abort.as_ref()) {
            read.abort();
        }
    }

    fn pause(&mut self, pause: Box<Pause>) {
        let op = pause.op;
        if self.mode == Mode::DryRun {
            self.tell(pause.path.clone(), EventKind::Passed(pause.clone()));
            self.waits.insert(op, pause);
            self.flight.push(async move { Answer::Itself(op) }.boxed());
            return;
        }
        if let Some(due) = pause.due {
            self.sleep(op, due);
        }
        self.step_span(op, &pause.path, "wait");
        self.tell(pause.path.clone(), EventKind::Waits(pause.clone()));
        if pause.event.is_some() {
            self.waits.insert(op, pause);
        }
    }

    /// Waits for a point in time, in place of an earlier one of the same operation.
    fn sleep(&mut self, op: OpId, until: Timestamp) {
        self.wake(op);
        self.sleeps += 1;
        let number = self.sleeps;
        let (handle, registration) = AbortHandle::new_pair();
        self.sleeping.insert(op, (number, handle));
        let sleep = Abortable::new(self.inner.clock.sleep_until(until), registration);
        let woken = move |end| match end {
            Ok(()) => Answer::Time(op, number),
            Err(Aborted) => Answer::Forgotten,
        };
        self.flight.push(sleep.map(woken).boxed());
    }

    /// Forgets the sleep of an operation.
    pub(crate) fn wake(&mut self, op: OpId) {
        if let Some((_, sleep)) = self.sleeping.remove(&op) {
            sleep.abort();
        }
    }

    /// In whose name questions are answered without asking.
    pub(crate) fn approver(&self) -> Option<String> {
        match (&self.mode, &self.approvals) {
            (Mode::DryRun, _) => Some(REHEARSAL.to_owned()),
            (Mode::Real, Approvals::ApproveAll { by }) => Some(by.clone()),
            (Mode::Real, Approvals::Ask) => None,
        }
    }

    /// The call, if it may begin now. Otherwise it begins when its rate limit lets it.
    pub(crate) fn within_limit(&mut self, call: Box<Perform>) -> Option<Box<Perform>> {
        let Some(limit) = call.rate_limit.as_ref().filter(|_| !self.rehearsed(&call)) else {
            return Some(call);
        };
        let now = self.inner.clock.now();
        if Slot::of(&call, self.machine.mask()).is_some_and(|slot| self.inner.cache.get(&slot, now).is_some())
        {
            return Some(call);
        }
        let at = self.inner.limits.take(limit, now);
        if at <= now {
            return Some(call);
        }
        if let Some(metrics) = &self.inner.metrics {
            metrics.delayed(&call.action, Duration::from_millis(at.0.abs_diff(now.0)));
        }
        self.tell(call.path.clone(), EventKind::Delayed { action: call.action.clone(), until: at });
        self.sleep(call.op, at);
        self.delayed.insert(call.op, call);
        None
    }

    /// Whether a stand-in takes the place of the call.
    pub(crate) fn rehearsed(&self, call: &Perform) -> bool {
        self.mode == Mode::DryRun && call.effect.changes()
    }

    fn call(&mut self, mut call: Box<Perform>) {
        let (op, number) = (call.op, call.attempt);
        let permit = self.gate.permit(op);
        if self.rehearsed(&call) {
            let planned = EventKind::Planned {
                action: call.action.clone(),
                effect: call.effect,
                input: self.machine.mask().show(&call.input),
                connection: call.connection.clone(),
                accept_untrusted: call.accept_untrusted.clone(),
            };
            self.tell(call.path.clone(), planned);
            let output = self.inner.action(&call.action).map(|(spec, _)| stand_in(&spec.output));
            return self.given(op, number, output.unwrap_or_default());
        }
        self.as_before(&mut call);
        let slot = Slot::of(&call, self.machine.mask());
        let kept = slot.as_ref().and_then(|slot| self.inner.cache.get(slot, self.inner.clock.now()));
        if let Some(output) = kept {
            self.tell(call.path.clone(), EventKind::Cached { action: call.action.clone() });
            return self.given(op, number, output);
        }
        if self.events.is_some() {
            let calling = EventKind::Calling {
                action: call.action.clone(),
                effect: call.effect,
                input: self.machine.mask().show(&call.input),
                attempt: call.attempt,
            };
            self.tell(call.path.clone(), calling);
        }
        if call.attempt == 1 && !call.in_doubt {
            let account = call.connection.as_deref().unwrap_or(&call.action);
            self.inner.budgets.called(account, self.inner.clock.now());
        }
        let (handle, registration) = AbortHandle::new_pair();
        let abort = (!call.effect.changes()).then_some(handle);
        let finishes = call.effect.changes() || !matches!(call.repeat, Repeat::Natural | Repeat::Keyed);
        self.calls.insert(op, Flying { abort, slot, finishes });
        let step = self.step_span(op, &call.path, &call.action);
        let span = tracing::info_span!(parent: &step, "attempt", attempt = number, op, action = call.action);
        let timed = self.inner.metrics.clone().map(|metrics| {
            metrics.attempt_started(&call.action, call.effect);
            (metrics, call.action.clone(), Instant::now())
        });
        let work = attempt(Arc::clone(&self.inner), self.run.clone(), Arc::clone(&self.secrets), call);
        let work = Abortable::new(work.instrument(span), registration).map(move |end| {
            drop(permit);
            if let Some((metrics, action, begun)) = timed {
                let failed = match &end {
                    Ok(Ok(_)) => None,
                    Ok(Err(failure)) => Some(failure.kind),
                    Err(Aborted) => Some(FailureKind::Cancelled),
                };
                metrics.attempt_ended(&action, failed, begun.elapsed());
            }
            Answer::Called(op, number, end)
        });
        self.flight.push(work.boxed());
    }

    /// A call is answered without being made.
    fn given(&mut self, op: OpId, number: u32, output: Value) {
        self.calls.insert(op, Flying { abort: None, slot: None, finishes: true });
        let outcome = Outcome::from(output);
        self.flight.push(async move { Answer::Called(op, number, Ok(Ok(outcome))) }.boxed());
    }

    pub(crate) fn answer(&mut self, answer: Answer) -> Result<(), EngineError> {
        match answer {
            Answer::Called(op, attempt, end) => {
                let call = self.calls.remove(&op);
                if self.gate.is_closed() && matches!(end, Err(Aborted)) {
                    // Dropped because the engine is shut down: whoever resumes the run makes it again.
                    return Ok(());
                }
                let slot = call.and_then(|call| call.slot);
                let end = end.unwrap_or_else(|Aborted| {
                    Err(Failure::new(FailureKind::Cancelled, Blame::Playbook, "stopped with its run"))
                });
                match end {
                    Ok(Outcome { output, inverse }) => {
                        if let Some(slot) = slot {
                            self.inner.cache.put(slot, &output, self.inner.clock.now());
                        }
                        self.happened(Happened::Performed {
                            op,
                            output,
                            kept: None,
                            reused: None,
                            inverse: inverse_value(inverse),
                        })
                    }
                    Err(failure) => self.failed(op, attempt, failure),
                }
            }
            Answer::Time(op, number) => match self.sleeping.get(&op) {
                Some((wanted, _)) if *wanted == number => {
                    self.sleeping.remove(&op);
                    self.time_has_come(op)
                }
                _ => Ok(()),
            },
            Answer::Forgotten => Ok(()),
            Answer::Earlier(op, event) => self.answered_before(op, *event),
            Answer::Itself(op) => self.by_itself(op),
            Answer::Turn(op, permit) => self.turn(op, permit),
            Answer::Refused(op, attempt, failure) => self.refused(op, attempt, failure),
        }
    }

    /// An attempt failed. Another one has to be within the retry budget.
    fn failed(&mut self, op: OpId, attempt: u32, mut failure: Failure) -> Result<(), EngineError> {
        let budgets = &self.inner.budgets;
        let another = self.machine.another_try(op, attempt, &failure);
        let account = another.map(|(action, connection)| connection.unwrap_or(action));
        let over = account.filter(|account| !budgets.retry(account, self.inner.clock.now()));
        match (&self.inner.metrics, another, over) {
            (Some(metrics), _, Some(account)) => metrics.retry_refused(account),
            (Some(metrics), Some((action, _)), None) => metrics.retried(action, failure.kind),
            _ => {}
        }
        let refused = over.map(|account| budgets.refusal(account));
        if let Some(reason) = &refused {
            failure.message = format!("{}; {reason}", failure.message);
        }
        let (entropy, last) = ((self.inner.entropy)(), refused.is_some());
        self.happened(Happened::AttemptFailed { op, attempt, failure, entropy, last })
    }

    fn time_has_come(&mut self, op: OpId) -> Result<(), EngineError> {
        if let Some(call) = self.delayed.remove(&op) {
            return self.may_begin(call);
        }
        if self.asks.contains_key(&op) {
            return self.settle(op, Decision::TimedOut, "nobody".to_owned(), false);
        }
        self.asked.remove(&op);
        self.forms.remove(&op);
        self.waits.remove(&op);
        self.happened(Happened::Woken { op })
    }

    /// What a rehearsal, or a run that approves everything, answers.
    fn by_itself(&mut self, op: OpId) -> Result<(), EngineError> {
        let by = self.approver().unwrap_or_default();
        if let Some(ask) = self.asks.get(&op) {
            // A quorum wants different people.
            let by = if ask.approved.is_empty() { by } else { format!("{by} {}", ask.approved.len() + 1) };
            // In a rehearsal the decision stands for that of a person who will have looked.
            return self.settle(op, Decision::Approved, by, self.mode == Mode::Real);
        }
        if let Some(form) = self.forms.get(&op) {
            let answer = stand_in(&form.schema);
            return self.fill_in(op, answer, by);
        }
        let Some(wait) = self.waits.remove(&op) else { return Ok(()) };
        match wait.event {
            Some(event) => self.happened(Happened::Answered { op, answer: stand_in(&event.schema), by }),
            None => self.happened(Happened::Woken { op }),
        }
    }
}
