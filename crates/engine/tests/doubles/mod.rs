//! Actions that answer as they are told and count what is called, for the tests of this crate.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plan::Blame;
use portcullis_engine::{
    ActionSource, End, Engine, EngineError, Event, EventKind, Failure, FailureKind, Invocation, Outcome,
    Probe, Run, Source, Spec, Start, Work,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What one call is to answer.
#[derive(Clone)]
pub(crate) enum Reply {
    Ok(Value),
    Fail(FailureKind),
    Hang,
    /// Ready once the script's door is opened for one more.
    Door,
}

/// `test.read`, `test.change`, `test.send` (verify) and `test.once` (never); without a reply they give their `n`.
#[derive(Clone)]
pub(crate) struct Script {
    replies: Arc<Mutex<BTreeMap<String, VecDeque<Reply>>>>,
    probes: Arc<Mutex<VecDeque<Probe>>>,
    pub(crate) calls: Arc<Mutex<Vec<Invocation>>>,
    pub(crate) door: Arc<Semaphore>,
    /// Calls whose future was dropped before it was ready.
    pub(crate) dropped: Arc<Mutex<Vec<String>>>,
}

impl Default for Script {
    fn default() -> Self {
        Script {
            replies: Arc::default(),
            probes: Arc::default(),
            calls: Arc::default(),
            door: Arc::new(Semaphore::new(0)),
            dropped: Arc::default(),
        }
    }
}

impl Script {
    pub(crate) fn reply(self, action: &str, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.replies.lock().unwrap().entry(action.to_owned()).or_default().extend(replies);
        self
    }

    pub(crate) fn probe(self, probe: Probe) -> Self {
        self.probes.lock().unwrap().push_back(probe);
        self
    }

    /// The attempts of an action, in the order of their beginning.
    pub(crate) fn calls(&self, action: &str) -> Vec<u32> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|call| call.action == action).map(|call| call.context.attempt).collect()
    }

    /// Where calls were made, in the order of their beginning.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.calls.lock().unwrap().iter().map(|call| call.context.path.to_string()).collect()
    }
}

pub(crate) fn spec(name: &str, effect: &str, repeat: &str) -> Arc<Spec> {
    Arc::new(
        serde_json::from_value(json!({
            "name": name, "summary": "Does as it is told", "effect": effect, "repeat": repeat, "errors": [],
            "input": {"type": "object", "additionalProperties": false, "properties": {"n": {"type": "integer"}}},
            "output": {"type": "object", "additionalProperties": false, "required": ["n"],
                       "properties": {"n": {"type": "integer"}, "text": {"type": "string"}}},
        }))
        .unwrap(),
    )
}

/// Tells that it was dropped early.
struct Drops(Arc<Mutex<Vec<String>>>, Option<String>);

impl Drops {
    fn ready(&mut self) {
        self.1 = None;
    }
}

impl Drop for Drops {
    fn drop(&mut self) {
        if let Some(action) = self.1.take() {
            self.0.lock().unwrap().push(action);
        }
    }
}

impl ActionSource for Script {
    fn specs(&self) -> Vec<Arc<Spec>> {
        vec![
            spec("test.read", "enrichment", "natural"),
            spec("test.change", "containment", "natural"),
            spec("test.send", "notification", "verify"),
            spec("test.once", "notification", "never"),
        ]
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        self.calls.lock().unwrap().push(call.clone());
        let reply = self.replies.lock().unwrap().get_mut(&call.action).and_then(VecDeque::pop_front);
        let mut drops = Drops(Arc::clone(&self.dropped), Some(call.action.clone()));
        Box::pin(async move {
            let answer = match reply {
                None => Ok(json!({"n": call.input["n"].as_i64().unwrap_or(0)}).into()),
                Some(Reply::Ok(output)) => Ok(output.into()),
                Some(Reply::Fail(kind)) => Err(Failure::new(kind, Blame::Server, "as told")),
                Some(Reply::Hang) => std::future::pending().await,
                Some(Reply::Door) => {
                    self.door.acquire().await.unwrap().forget();
                    Ok(json!({"n": 0}).into())
                }
            };
            drops.ready();
            answer
        })
    }

    fn probe<'a>(&'a self, _: Invocation) -> Work<'a, Result<Probe, Failure>> {
        let probe = self.probes.lock().unwrap().pop_front().unwrap_or(Probe::Unknown);
        Box::pin(async { Ok(probe) })
    }
}

pub(crate) fn playbook(steps: &str) -> String {
    format!("playbook: 1\nid: test\nsteps:\n{steps}")
}

pub(crate) async fn start(engine: &Engine, text: &str) -> (Run, UnboundedReceiver<Event>) {
    let (sender, events) = unbounded_channel();
    let start = Start { events: Some(sender), ..Start::default() };
    match engine.start(Source::new("test.yaml", text), start).await {
        Ok(run) => (run, events),
        Err(EngineError::Playbook(problems)) => panic!("{problems:#?}"),
        Err(error) => panic!("{error}"),
    }
}

pub(crate) async fn resume(
    engine: &Engine,
    run: &portcullis_engine::RunId,
) -> (Run, UnboundedReceiver<Event>) {
    let (sender, events) = unbounded_channel();
    let start = Start { events: Some(sender), ..Start::default() };
    (engine.resume(run, start).await.unwrap(), events)
}

/// The end, in good time.
pub(crate) async fn end(run: &mut Run) -> Result<End, EngineError> {
    tokio::time::timeout(Duration::from_secs(20), run.wait()).await.expect("the run ends")
}

/// Waits until something is told.
pub(crate) async fn until(
    events: &mut UnboundedReceiver<Event>,
    wanted: impl Fn(&EventKind) -> bool,
) -> Event {
    let told = async {
        loop {
            let event = events.recv().await.expect("the run goes on");
            if wanted(&event.kind) {
                return event;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.expect("it is told")
}
