//! What the operator allows, seen from outside: what is called, what is not, and what the audit log says of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod calls;
mod lists;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use journal::{Header, Journal, Query, Record, RunId, StoredRun, Summary};
use portcullis_engine as engine;
use portcullis_engine::audit::{Audit, AuditError, Entry, Outcome, What};
use portcullis_engine::{
    Approvals, Decision, Effect, End, Engine, EngineError, Event, EventKind, Failure, FailureKind, Functions,
    MemoryJournal, Mode, Policy, Repeat, Run, RunStatus, Source, Spec, Start, StepPath, VirtualClock, Work,
};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

/// A log in memory that can be told to fail, and to be slow.
#[derive(Clone, Default)]
struct Log(Arc<Inner>);

#[derive(Default)]
struct Inner {
    entries: Mutex<Vec<Entry>>,
    broken: AtomicBool,
    appends: AtomicU64,
    /// Appends that are taken before it breaks; counts down while it is not zero.
    until_broken: AtomicU64,
    slow: AtomicBool,
}

impl Log {
    fn entries(&self) -> Vec<Entry> {
        self.0.entries.lock().unwrap().clone()
    }

    fn whats(&self) -> Vec<Value> {
        self.entries().iter().map(|entry| serde_json::to_value(entry).unwrap()["what"].clone()).collect()
    }
}

impl Audit for Log {
    fn append<'a>(&'a self, entries: Vec<Entry>) -> Work<'a, Result<(), AuditError>> {
        Box::pin(async move {
            self.0.appends.fetch_add(1, Ordering::SeqCst);
            if self.0.slow.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            if self.0.until_broken.load(Ordering::SeqCst) > 0
                && self.0.until_broken.fetch_sub(1, Ordering::SeqCst) == 1
            {
                self.0.broken.store(true, Ordering::SeqCst);
            }
            if self.0.broken.load(Ordering::SeqCst) {
                return Err(AuditError::new("the disk is full"));
            }
            self.0.entries.lock().unwrap().extend(entries);
            Ok(())
        })
    }

    fn recent<'a>(&'a self, since: engine::Timestamp) -> Work<'a, Result<Vec<Entry>, AuditError>> {
        Box::pin(async move {
            if self.0.broken.load(Ordering::SeqCst) {
                return Err(AuditError::new("the disk is gone"));
            }
            Ok(self.entries().into_iter().filter(|entry| entry.at > since).collect())
        })
    }
}

/// A journal that outlives its engine.
#[derive(Clone, Default)]
struct SharedJournal(Arc<MemoryJournal>);

impl Journal for SharedJournal {
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

    fn delete<'a>(&'a self, run: &'a RunId) -> journal::Work<'a, Vec<plan::Digest>> {
        self.0.delete(run)
    }
}

/// What was really called: action and input.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<(String, Value)>>>);

impl Calls {
    fn count(&self, action: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|(name, _)| name == action).count()
    }

    fn items(&self, action: &str) -> usize {
        let calls = self.0.lock().unwrap();
        let items = |input: &Value| input["ids"].as_array().map_or(1, Vec::len);
        calls.iter().filter(|(name, _)| name == action).map(|(_, input)| items(input)).sum()
    }
}

fn spec(name: &str, effect: Effect, deletes: bool) -> Spec {
    let text = json!({"type": "string", "description": "Text."});
    Spec {
        name: name.to_owned(),
        summary: "For this test.".to_owned(),
        description: String::new(),
        input: json!({
            "type": "object", "additionalProperties": false, "required": ["mailbox", "ids"], "x-deletes": deletes,
            "properties": {
                "mailbox": {"type": "string", "description": "Whose.", "x-guard": "mailbox"},
                "ids": {"type": "array", "description": "Which.", "items": text, "x-effect-items": true},
            }
        }),
        output: json!({"type": "object", "additionalProperties": false, "properties": {}}),
        effect,
        repeat: Repeat::Natural,
        errors: vec![FailureKind::Transient],
        connection: None,
        component: None,
        ports: Vec::new(),
        inverse: None,
        undo: Vec::new(),
        examples: Vec::new(),
    }
}

/// Over all engines of a test, so that no two runs get the same name.
static ENTROPY: AtomicU64 = AtomicU64::new(1);

/// `box.sweep`: deletes what a list names, each entry with its own mailbox.
fn sweep() -> Spec {
    let mut spec = spec("box.sweep", Effect::Containment, true);
    let entry = json!({
        "type": "object", "additionalProperties": false, "required": ["mailbox", "id"],
        "properties": {
            "mailbox": {"type": "string", "description": "Whose.", "x-guard": "mailbox"},
            "id": {"type": "string", "description": "Which."},
        }
    });
    spec.input = json!({
        "type": "object", "additionalProperties": false, "required": ["items"], "x-deletes": true,
        "properties": {
            "items": {"type": "array", "description": "What.", "items": entry, "x-effect-items": true},
        }
    });
    spec
}

/// An engine with `box.list` (reads), `box.delete` and `box.sweep` (delete) and `box.move` (changes).
fn engine(policy: Value, log: &Log, calls: &Calls, clock: VirtualClock, journal: SharedJournal) -> Engine {
    let mut source = Functions::new();
    for spec in [
        spec("box.list", Effect::Enrichment, false),
        spec("box.delete", Effect::Containment, true),
        spec("box.move", Effect::Containment, false),
        sweep(),
    ] {
        let calls = calls.clone();
        let run = move |call: engine::Invocation| {
            let calls = calls.clone();
            async move {
                calls.0.lock().unwrap().push((call.action.clone(), call.input.clone()));
                let flaky = call.input["ids"][0] == "flaky" && call.context.attempt == 1;
                let failure = || Failure::new(FailureKind::Transient, plan::Blame::Server, "once more");
                if flaky { Err(failure()) } else { Ok(json!({})) }
            }
        };
        source = source.with(spec, run).unwrap();
    }
    Engine::builder()
        .journal(journal)
        .clock(clock)
        .entropy(|| ENTROPY.fetch_add(0x9e37_79b9, Ordering::SeqCst))
        .source(source)
        .audit(log.clone())
        .policy(serde_json::from_value::<Policy>(policy).unwrap())
        .build()
        .unwrap()
}

/// A run that was followed to its end: what it told, and how it ended.
type Played = (Run, Vec<EventKind>, Result<End, EngineError>);

/// A bench to try one playbook on.
struct Bench {
    log: Log,
    calls: Calls,
    clock: VirtualClock,
    journal: SharedJournal,
}

impl Bench {
    fn new() -> Self {
        Bench {
            log: Log::default(),
            calls: Calls::default(),
            clock: VirtualClock::new(engine::Timestamp(1_767_225_600_000)),
            journal: SharedJournal::default(),
        }
    }

    fn engine(&self, policy: Value) -> Engine {
        engine(policy, &self.log, &self.calls, self.clock.clone(), self.journal.clone())
    }

    async fn start(&self, policy: Value, text: &str, mode: Mode) -> Result<Played, EngineError> {
        let (sender, mut events) = unbounded_channel::<Event>();
        let start = Start { starter: "ann".into(), events: Some(sender), mode, ..Start::default() };
        let mut run = self.engine(policy).start(Source::new("test", text), start).await?;
        let end = run.wait().await;
        let mut told = Vec::new();
        while let Ok(event) = events.try_recv() {
            told.push(event.kind);
        }
        Ok((run, told, end))
    }

    async fn end(&self, policy: Value, text: &str) -> End {
        self.start(policy, text, Mode::Real).await.unwrap().2.unwrap()
    }
}

/// A playbook of these steps.
fn playbook(steps: &str) -> String {
    format!(
        "playbook: 1\nid: test\npolicy: {{ max_effects: {{ box.delete: 100000, box.move: 100000, box.sweep: 100000 }} }}\nsteps:\n{steps}"
    )
}

fn ids(count: usize) -> String {
    let ids: Vec<String> = (0..count).map(|number| format!("i{number}")).collect();
    serde_json::to_string(&ids).unwrap()
}

/// One call.
fn call(id: &str, action: &str, mailbox: &str, count: usize) -> String {
    format!("  - id: {id}\n    uses: {action}\n    with: {{ mailbox: {mailbox}, ids: {} }}\n", ids(count))
}
