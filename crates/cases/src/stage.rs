//! The stage: what a run meets where actions would be. It answers from stubs and cassettes, passes the rest on,
//! and keeps a list of every call.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::{ActionSource, Failure, FailureKind, Invocation, Outcome, PluginFacts, Probe, Spec, Work};
use plan::Blame;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::cassette::Replay;
use crate::mask::Masker;
use crate::seen::error_value;
use crate::sites::still;
use crate::stub::{Stub, What};

/// One call of an action.
#[derive(Debug, Clone)]
pub struct Called {
    pub(crate) action: String,
    /// Without secrets.
    pub(crate) input: Value,
    pub(crate) path: String,
    pub(crate) attempt: u32,
    pub(crate) output: Option<Value>,
    pub(crate) failure: Option<Failure>,
    /// Whether a stub answered.
    stubbed: bool,
}

impl Called {
    pub(crate) fn value(&self) -> Value {
        json!({
            "action": self.action, "input": self.input, "path": self.path, "attempt": self.attempt,
            "output": self.output, "error": self.failure.as_ref().map(error_value),
        })
    }
}

/// Carry out the call of one step several times, and keep the last answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepeatStep {
    /// The step, by id or path.
    pub step: String,
    /// How often in all.
    pub times: u32,
}

/// Shared by the run, which calls, and by whoever watches it. Clones are the same stage.
#[derive(Clone)]
pub(crate) struct Stage {
    inner: Arc<Inner>,
}

struct Inner {
    real: Arc<dyn ActionSource>,
    /// The name under which the real actions know the surroundings of this case.
    connection: Option<String>,
    replay: Option<Replay>,
    stubs: BTreeMap<String, Stub>,
    repeat: Option<RepeatStep>,
    state: Mutex<State>,
    masker: Masker,
    busy: AtomicUsize,
    rest: Notify,
}

#[derive(Default)]
struct State {
    calls: Vec<Called>,
    /// How often each stub was asked.
    asked: BTreeMap<String, u64>,
    complaints: Vec<String>,
    repeated: u32,
}

/// What a stage is set up with.
pub(crate) struct Props {
    pub(crate) real: Arc<dyn ActionSource>,
    pub(crate) connection: Option<String>,
    pub(crate) replay: Option<Replay>,
    pub(crate) stubs: BTreeMap<String, Stub>,
    pub(crate) repeat: Option<RepeatStep>,
    pub(crate) masker: Masker,
}

impl Stage {
    pub(crate) fn new(props: Props) -> Self {
        let Props { real, connection, replay, stubs, repeat, masker } = props;
        let state = Mutex::default();
        let (busy, rest) = (AtomicUsize::new(0), Notify::new());
        Stage {
            inner: Arc::new(Inner { real, connection, replay, stubs, repeat, state, masker, busy, rest }),
        }
    }

    /// Whether a call is on its way.
    pub(crate) fn is_busy(&self) -> bool {
        self.inner.busy.load(Ordering::Acquire) > 0
    }

    /// Ready when a call has come back since the last time.
    pub(crate) async fn rest(&self) {
        self.inner.rest.notified().await;
    }

    /// Every call so far.
    pub(crate) fn calls(&self) -> Vec<Called> {
        self.lock().calls.clone()
    }

    /// What the case did not provide for.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut complaints = self.lock().complaints.clone();
        complaints.extend(self.inner.replay.iter().flat_map(Replay::missing));
        complaints
    }

    /// How often the step was carried out more than once.
    pub(crate) fn repeated(&self) -> u32 {
        self.lock().repeated
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, call: &Invocation) -> usize {
        let mut state = self.lock();
        state.calls.push(Called {
            action: call.action.clone(),
            input: self.inner.masker.value(None, &call.input),
            path: call.context.path.as_str().to_owned(),
            attempt: call.context.attempt,
            output: None,
            failure: None,
            stubbed: false,
        });
        state.calls.len() - 1
    }

    fn end(&self, number: usize, stubbed: bool, answer: &Result<Outcome, Failure>) {
        if let Some(call) = self.lock().calls.get_mut(number) {
            call.stubbed = stubbed;
            match answer {
                Ok(outcome) => call.output = Some(outcome.output.clone()),
                Err(failure) => call.failure = Some(failure.clone()),
            }
        }
    }

    /// What the stub of an action says to this call; `None` if the action itself is to be carried out.
    fn stubbed(&self, call: &Invocation) -> Option<Result<Outcome, Failure>> {
        let stub = self.inner.stubs.get(&call.action)?;
        let mut state = self.lock();
        let asked = state.asked.entry(call.action.clone()).or_default();
        *asked += 1;
        let number = *asked;
        match stub.answer(number - 1) {
            Some(What::Ok(output)) => Some(Ok(Outcome::from(output.clone()))),
            Some(What::Error(failure)) => Some(Err(failure.clone())),
            Some(What::Real) => None,
            None => {
                let has = stub.calls().unwrap_or_default();
                let message = format!(
                    "{} was called for the {} time, at {}; its stub has {has} answer{}",
                    call.action,
                    ordinal(number),
                    call.context.path,
                    if has == 1 { "" } else { "s" },
                );
                state.complaints.push(message.clone());
                Some(Err(Failure::new(FailureKind::Invalid, Blame::Playbook, message)))
            }
        }
    }

    async fn carry_out(&self, mut call: Invocation) -> Result<Outcome, Failure> {
        if let Some(replay) = &self.inner.replay {
            return replay.invoke(call).await;
        }
        self.connect(&mut call);
        let path = call.context.path.as_str();
        let extra = match &self.inner.repeat {
            Some(repeat) if names(&repeat.step, path) => repeat.times.saturating_sub(1),
            _ => 0,
        };
        for _ in 0..extra {
            // The answer is what a crash would have lost.
            drop(self.inner.real.invoke(call.clone()).await);
        }
        if extra > 0 {
            self.lock().repeated += 1;
        }
        self.inner.real.invoke(call).await
    }

    /// Leads a call that needs a connection into the surroundings of this case.
    fn connect(&self, call: &mut Invocation) {
        if let (Some(name), Some(connection)) = (&mut call.connection, &self.inner.connection) {
            name.clone_from(connection);
        }
    }

    fn busy(&self) -> Busy<'_> {
        self.inner.busy.fetch_add(1, Ordering::AcqRel);
        Busy(self)
    }
}

/// Whether `step`, an id or a path with or without numbers, is the step at `path`.
fn names(step: &str, path: &str) -> bool {
    step == path || step == still(path) || path.rsplit('/').next() == Some(step)
}

fn ordinal(number: u64) -> String {
    let end = match (number % 10, number % 100) {
        (1, tens) if tens != 11 => "st",
        (2, tens) if tens != 12 => "nd",
        (3, tens) if tens != 13 => "rd",
        _ => "th",
    };
    format!("{number}{end}")
}

/// A call that is on its way; also when it is dropped.
struct Busy<'s>(&'s Stage);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.inner.busy.fetch_sub(1, Ordering::AcqRel);
        self.0.inner.rest.notify_one();
    }
}

impl ActionSource for Stage {
    fn specs(&self) -> Vec<Arc<Spec>> {
        self.inner.real.specs()
    }

    fn names(&self) -> Vec<String> {
        self.inner.real.names()
    }

    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        self.inner.real.spec(name)
    }

    fn plugins(&self) -> Vec<PluginFacts> {
        self.inner.real.plugins()
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        Box::pin(async move {
            let busy = self.busy();
            let number = self.begin(&call);
            let (stubbed, answer) = match self.stubbed(&call) {
                Some(answer) => (true, answer),
                None => (false, self.carry_out(call).await),
            };
            self.end(number, stubbed, &answer);
            drop(busy);
            answer
        })
    }

    fn probe<'a>(&'a self, mut call: Invocation) -> Work<'a, Result<Probe, Failure>> {
        Box::pin(async move {
            let _busy = self.busy();
            let path = call.context.path.as_str();
            if self
                .lock()
                .calls
                .iter()
                .rev()
                .find(|called| called.path == path)
                .is_some_and(|call| call.stubbed)
            {
                // A made-up answer has left no trace that a probe could find.
                return Ok(Probe::Unknown);
            }
            if let Some(replay) = &self.inner.replay {
                return replay.probe(call).await;
            }
            self.connect(&mut call);
            self.inner.real.probe(call).await
        })
    }
}
