//! A shelf that actions put things on and take them from, and a post office that counts what was sent under which
//! key: for tests of runs that look back at others.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use action_api::Inverse;
use journal::{Event as Happened, Header, Query, Record, StoredRun, Summary};
use plan::{Blame, Digest};
use portcullis_engine::{
    ActionSource, Approvals, End, Engine, EngineError, Failure, FailureKind, Invocation, Journal,
    MemoryJournal, Outcome, Probe, Rerun, Run, RunId, Source, Spec, Start, StepPath, Work,
};
use serde_json::{Value, json};

#[derive(Default)]
pub(crate) struct World {
    /// What stands on the shelf.
    pub(crate) shelf: BTreeMap<String, String>,
    /// Every call: path, action, key.
    pub(crate) calls: Vec<(String, String, String)>,
    /// Keys under which something was sent.
    pub(crate) sent: Vec<String>,
    /// Every probe's key.
    pub(crate) probes: Vec<String>,
    /// How calls about a name fail.
    pub(crate) failing: BTreeMap<String, FailureKind>,
    /// Failing calls about these names have their effect all the same.
    pub(crate) done_all_the_same: BTreeSet<String>,
}

/// `shelf.put` and `shelf.take` (inverse of one another), `shelf.look`, `post.send` (verify), `post.once` (never),
/// `post.keyed` (keyed).
#[derive(Clone, Default)]
pub(crate) struct Shelf {
    pub(crate) world: Arc<Mutex<World>>,
    /// Changes what the actions declare.
    pub(crate) other: Option<fn(&mut Vec<Value>)>,
}

impl Shelf {
    pub(crate) fn fail(&self, name: &str, kind: FailureKind) {
        self.world.lock().unwrap().failing.insert(name.to_owned(), kind);
    }

    pub(crate) fn mend(&self) {
        let mut world = self.world.lock().unwrap();
        world.failing.clear();
        world.done_all_the_same.clear();
    }

    /// Where calls were made since it was asked last.
    pub(crate) fn paths(&self) -> Vec<String> {
        std::mem::take(&mut self.world.lock().unwrap().calls).into_iter().map(|(path, ..)| path).collect()
    }

    pub(crate) fn shelf(&self) -> BTreeMap<String, String> {
        self.world.lock().unwrap().shelf.clone()
    }

    pub(crate) fn sent(&self) -> Vec<String> {
        self.world.lock().unwrap().sent.clone()
    }
}

impl ActionSource for Shelf {
    fn specs(&self) -> Vec<Arc<Spec>> {
        let action = |name: &str, effect: &str, repeat: &str, inverse: Option<&str>| {
            json!({
                "name": name, "summary": "Does it", "effect": effect, "repeat": repeat, "errors": [],
                "inverse": inverse,
                "undo": if inverse.is_some() { json!([{"only": null, "how": "the other way round"}]) } else { json!([]) },
                "input": {"type": "object", "additionalProperties": false, "required": ["name"],
                          "properties": {"name": {"type": "string"}, "text": {"type": "string"}}},
                "output": {"type": "object", "additionalProperties": false, "required": ["name"],
                           "properties": {"name": {"type": "string"}, "text": {"type": "string"}}},
            })
        };
        let mut specs = vec![
            action("shelf.put", "containment", "natural", Some("shelf.take")),
            action("shelf.take", "containment", "natural", Some("shelf.put")),
            action("shelf.look", "enrichment", "natural", None),
            action("post.send", "notification", "verify", None),
            action("post.once", "notification", "never", None),
            action("post.keyed", "notification", "keyed", None),
        ];
        if let Some(other) = self.other {
            other(&mut specs);
        }
        specs.into_iter().map(|spec| Arc::new(serde_json::from_value(spec).unwrap())).collect()
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        let mut world = self.world.lock().unwrap();
        let name = call.input["name"].as_str().unwrap_or_default().to_owned();
        let text = call.input["text"].as_str().unwrap_or_default().to_owned();
        let key = call.context.key.clone();
        world.calls.push((call.context.path.to_string(), call.action.clone(), key.clone()));
        let failing = world.failing.get(&name).copied();
        let mut inverse = None;
        if failing.is_none() || world.done_all_the_same.contains(&name) {
            match call.action.as_str() {
                "shelf.put" if world.shelf.insert(name.clone(), text.clone()).is_none() => {
                    inverse = Some(Inverse::new("shelf.take", json!({"name": name})));
                }
                "shelf.take" => {
                    if let Some(text) = world.shelf.remove(&name) {
                        inverse = Some(Inverse::new("shelf.put", json!({"name": name, "text": text})));
                    }
                }
                "post.keyed" if world.sent.contains(&key) => {}
                "post.send" | "post.once" | "post.keyed" => world.sent.push(key),
                _ => {}
            }
        }
        let answer = match failing {
            Some(kind) => {
                let failure = Failure::new(kind, Blame::Server, "as told");
                Err(match inverse {
                    Some(inverse) => failure.with_details(json!({"partly": true, "inverse": inverse})),
                    None => failure,
                })
            }
            None => Ok(Outcome { output: json!({"name": name, "text": text}), inverse }),
        };
        Box::pin(async move { answer })
    }

    fn probe<'a>(&'a self, call: Invocation) -> Work<'a, Result<Probe, Failure>> {
        let mut world = self.world.lock().unwrap();
        let key = call.context.key;
        world.probes.push(key.clone());
        // While a name fails, nobody can look either.
        let name = call.input["name"].as_str().unwrap_or_default();
        let found = match (world.failing.contains_key(name), world.sent.contains(&key)) {
            (true, _) => Probe::Unknown,
            (false, true) => Probe::Done(Outcome::from(json!({"name": name}))),
            (false, false) => Probe::NotDone,
        };
        Box::pin(async move { Ok(found) })
    }
}

/// One journal for several engines.
#[derive(Clone, Default)]
pub(crate) struct Common(pub(crate) Arc<MemoryJournal>);

impl Journal for Common {
    fn create<'a>(&'a self, header: Header, first: Vec<Record>) -> journal::Work<'a, ()> {
        self.0.create(header, first)
    }
    fn append<'a>(&'a self, run: &'a RunId, records: Vec<Record>) -> journal::Work<'a, ()> {
        self.0.append(run, records)
    }
    fn load<'a>(&'a self, run: &'a RunId) -> journal::Work<'a, StoredRun> {
        self.0.load(run)
    }
    fn list<'a>(&'a self, query: &'a Query) -> journal::Work<'a, Vec<Summary>> {
        self.0.list(query)
    }
    fn delete<'a>(&'a self, run: &'a RunId) -> journal::Work<'a, Vec<Digest>> {
        self.0.delete(run)
    }
}

pub(crate) fn engine(shelf: &Shelf, journal: &Common) -> Engine {
    Engine::builder().source(shelf.clone()).journal(journal.clone()).build().unwrap()
}

pub(crate) fn playbook(rest: &str) -> String {
    format!("playbook: 1\nid: test\n{rest}")
}

pub(crate) fn approving() -> Start {
    Start {
        starter: "ana".to_owned(),
        approvals: Approvals::ApproveAll { by: "bo".to_owned() },
        ..Start::default()
    }
}

pub(crate) async fn begin(engine: &Engine, text: &str, start: Start) -> Run {
    match engine.start(Source::new("test.yaml", text), start).await {
        Ok(run) => run,
        Err(EngineError::Playbook(problems)) => panic!("{problems:#?}"),
        Err(error) => panic!("{error}"),
    }
}

pub(crate) async fn end(run: &mut Run) -> End {
    tokio::time::timeout(Duration::from_secs(20), run.wait()).await.expect("the run ends").unwrap()
}

/// Runs it to its end.
pub(crate) async fn run(engine: &Engine, text: &str, inputs: &[(&str, Value)]) -> (RunId, End) {
    let inputs = inputs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let mut run = begin(engine, text, Start { inputs, ..approving() }).await;
    let end = end(&mut run).await;
    (run.id().clone(), end)
}

/// Does it again, to its end.
pub(crate) async fn again(engine: &Engine, run: &RunId, rerun: Rerun) -> (RunId, End) {
    let mut run = engine.rerun(run, rerun, approving()).await.unwrap();
    let end = end(&mut run).await;
    (run.id().clone(), end)
}

pub(crate) fn from(path: &str) -> Rerun {
    Rerun { from: Some(StepPath::from(path)), ..Rerun::default() }
}

pub(crate) async fn events(engine: &Engine, run: &RunId) -> Vec<Happened> {
    let stored = engine.journal().load(run).await.unwrap();
    stored.records.into_iter().map(|record| record.event).collect()
}
