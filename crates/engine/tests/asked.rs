//! What a person is asked when nobody knows whether a call took place, and what a decision is worth that was about
//! something else: across restarts, counted at the other side.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use journal::{Event as Happened, Record};
use plan::Blame;
use portcullis_engine::{
    ActionSource, AnswerError, DecideError, Decision, End, Engine, Event, EventKind, Failure, FailureKind,
    Form, Invocation, Journal, MemoryJournal, Outcome, Run, RunId, RunStatus, Source, Spec, Start, StepPath,
    Work,
};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Sends once, and the answer of the first call is lost.
#[derive(Clone, Default)]
struct Post(Arc<Mutex<Vec<(u32, String)>>>);

impl Post {
    fn calls(&self) -> Vec<(u32, String)> {
        self.0.lock().unwrap().clone()
    }
}

impl ActionSource for Post {
    fn specs(&self) -> Vec<Arc<Spec>> {
        let spec = json!({
            "name": "post.send", "summary": "Sends", "effect": "notification", "repeat": "never", "errors": [],
            "input": {"type": "object", "additionalProperties": false, "properties": {"text": {"type": "string"}}},
            "output": {"type": "object", "additionalProperties": false, "required": ["stamp"],
                       "properties": {"stamp": {"$ref": "#/$defs/stamp"}},
                       "$defs": {"stamp": {"type": "integer", "minimum": 1}}},
        });
        vec![Arc::new(serde_json::from_value(spec).unwrap())]
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        let count = {
            let mut calls = self.0.lock().unwrap();
            calls.push((call.context.attempt, call.context.key.clone()));
            calls.len()
        };
        Box::pin(async move {
            match (count, call.input["text"].as_str()) {
                (_, Some("hang")) => std::future::pending().await,
                (1, _) => Err(Failure::new(FailureKind::Unknown, Blame::Server, "the line went dead.")),
                _ => Ok(json!({"stamp": count}).into()),
            }
        })
    }
}

const SENDS: &str = "outputs: { stamp: { type: integer, value: '${{ steps.send.output.stamp }}' } }\nsteps:\n  - { id: send, uses: post.send, with: { text: hello }, idempotency: { on_unknown: ask } }\n";

type Begun = (Run, UnboundedReceiver<Event>);

async fn begin(post: &Post, text: &str) -> (Engine, Begun) {
    let engine = Engine::builder().source(post.clone()).build().unwrap();
    let text = format!("playbook: 1\nid: test\n{text}");
    let (sender, events) = unbounded_channel();
    let start = Start { starter: "ana".to_owned(), events: Some(sender), ..Start::default() };
    let run = engine.start(Source::new("test.yaml", &text), start).await.unwrap();
    (engine, (run, events))
}

async fn records(engine: &Engine, run: &RunId) -> Vec<Record> {
    engine.journal().load(run).await.unwrap().records
}

/// The process is gone; another one goes on with what was written down.
async fn crash(post: &Post, engine: Engine, run: Run) -> (Engine, Begun) {
    let stored = engine.journal().load(run.id()).await.unwrap();
    let id = run.id().clone();
    drop((run, engine));
    let journal = MemoryJournal::default();
    Journal::create(&journal, stored.header, stored.records).await.unwrap();
    let engine = Engine::builder().source(post.clone()).journal(journal).build().unwrap();
    let (sender, events) = unbounded_channel();
    let run = engine.resume(&id, Start { events: Some(sender), ..Start::default() }).await.unwrap();
    (engine, (run, events))
}

async fn until<T>(events: &mut UnboundedReceiver<Event>, wanted: impl Fn(EventKind) -> Option<T>) -> T {
    loop {
        let event = tokio::time::timeout(Duration::from_secs(20), events.recv()).await;
        if let Some(found) = wanted(event.expect("it happens").expect("the run goes on").kind) {
            return found;
        }
    }
}

async fn form(events: &mut UnboundedReceiver<Event>) -> Box<Form> {
    until(events, |kind| match kind {
        EventKind::Form(form) => Some(form),
        _ => None,
    })
    .await
}

async fn ends(mut run: Run) -> End {
    tokio::time::timeout(Duration::from_secs(20), run.wait()).await.expect("the run ends").unwrap()
}

#[tokio::test]
async fn a_person_says_that_it_took_place_and_what_it_gave() {
    let post = Post::default();
    let (engine, (run, mut events)) = begin(&post, SENDS).await;
    let asked = form(&mut events).await;
    for part in [
        "the line went dead",
        "called with {\"text\":\"hello\"}",
        "`yes` with what it gave",
        "`no`",
        "`give_up`",
    ] {
        assert!(asked.message.contains(part), "{part}: {}", asked.message);
    }
    until(&mut events, |kind| matches!(kind, EventKind::Waiting).then_some(())).await;
    // Nothing is lost or asked twice by a crash, and nothing is called.
    let (engine, (run, mut events)) = crash(&post, engine, run).await;
    assert_eq!(form(&mut events).await.digest, asked.digest);
    let path = StepPath::from("send");
    for wrong in [
        json!({"took_place": "yes"}),
        json!({"took_place": "yes", "output": {"stamp": 0}}),
        json!({"took_place": "yes", "output": {}}),
        json!({"took_place": "perhaps"}),
        json!({"took_place": "no", "more": 1}),
        json!({}),
    ] {
        let refused = run.answer(&path, wrong.clone(), "ben").await;
        assert!(matches!(refused, Err(AnswerError::Invalid { .. })), "{wrong}: {refused:?}");
    }
    run.answer(&path, json!({"took_place": "yes", "output": {"stamp": 41}}), "ben").await.unwrap();
    let id = run.id().clone();
    assert_eq!(ends(run).await.outputs["stamp"], json!(41));
    assert_eq!(post.calls().len(), 1);
    let asked = |record: &&Record| matches!(record.event, Happened::Asked { .. });
    let records = records(&engine, &id).await;
    assert_eq!(records.iter().filter(asked).count(), 1);
    assert!(
        records.iter().any(|record| matches!(&record.event, Happened::Answered { by, .. } if by == "ben"))
    );
}

#[tokio::test]
async fn a_person_says_that_it_did_not_and_it_is_called_once_more() {
    let post = Post::default();
    let (engine, (run, mut events)) = begin(&post, SENDS).await;
    form(&mut events).await;
    run.answer(&StepPath::from("send"), json!({"took_place": "no"}), "ben").await.unwrap();
    let id = run.id().clone();
    assert_eq!(ends(run).await.outputs["stamp"], json!(2));
    let calls = post.calls();
    assert_eq!((calls.len(), calls[1].0), (2, 2));
    assert_eq!(calls[0].1, calls[1].1, "it is the same effect");
    let begun = |record: &&Record| matches!(record.event, Happened::Performing { .. });
    assert_eq!(records(&engine, &id).await.iter().filter(begun).count(), 2);
}

#[tokio::test]
async fn a_person_gives_up_or_the_run_is_cancelled_and_the_end_is_unknown() {
    let mut digests = std::collections::BTreeSet::new();
    for gives_up in [true, false] {
        let post = Post::default();
        let (_engine, (run, mut events)) = begin(&post, SENDS).await;
        let asked = form(&mut events).await;
        assert!(digests.insert(asked.digest), "what was found out in one run is not known of another");
        match gives_up {
            true => {
                run.answer(&StepPath::from("send"), json!({"took_place": "give_up"}), "ben").await.unwrap();
            }
            false => run.cancel("ben"),
        }
        let end = ends(run).await;
        assert_eq!((end.status, post.calls().len()), (RunStatus::Unknown, 1));
        assert!(end.failure.unwrap().message.contains("the line went dead"));
    }
}

#[tokio::test]
async fn a_call_that_a_crash_interrupted_is_asked_about_too() {
    let post = Post::default();
    let (engine, (run, _events)) = begin(&post, &SENDS.replace("hello", "hang")).await;
    while post.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    let (_engine, (run, mut events)) = crash(&post, engine, run).await;
    let asked = form(&mut events).await;
    assert!(asked.message.contains("before a crash"), "{}", asked.message);
    run.answer(&asked.path, json!({"took_place": "yes", "output": {"stamp": 7}}), "ben").await.unwrap();
    assert_eq!(ends(run).await.outputs["stamp"], json!(7));
    assert_eq!(post.calls().len(), 1, "it may not be repeated, and was not");
}

#[tokio::test]
async fn a_decision_about_something_else_is_refused_and_leaves_no_trace() {
    let post = Post::default();
    let text = "steps:\n  - { id: g, approve: { message: Go?, shows: [send], to: { not: [run.starter] } } }\n  - { id: send, uses: post.send, with: { text: hello } }\n";
    let (engine, (run, mut events)) = begin(&post, text).await;
    let ask = until(&mut events, |kind| match kind {
        EventKind::Asked(ask) => Some(ask),
        _ => None,
    })
    .await;
    assert_eq!(ask.shown[0].input, json!({"text": "hello"}));
    let before = records(&engine, run.id()).await.len();
    let path = StepPath::from("g");
    let other = "0".repeat(64);
    let stale = run.decide(&path, Decision::Approved, "ben", Some(&other)).await;
    assert!(matches!(stale, Err(DecideError::Stale(_))));
    assert_eq!(records(&engine, run.id()).await.len(), before);
    assert!(post.calls().is_empty());
    run.decide(&path, Decision::Approved, "ben", Some(&ask.digest)).await.unwrap();
    let said = records(&engine, run.id()).await;
    let decided = said.iter().find_map(|record| match &record.event {
        Happened::Decided { by, digest, decision, .. } => Some((by.as_str(), digest, *decision)),
        _ => None,
    });
    assert_eq!(decided, Some(("ben", &ask.digest, Decision::Approved)), "who, what, and in the record when");
    assert_eq!(ends(run).await.status, RunStatus::Unknown);
}
