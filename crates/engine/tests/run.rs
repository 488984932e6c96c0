//! What an embedder relies on: retries, approvals, cancellation, dry runs, and going on after a crash by the
//! repeat class of what was in flight.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use journal::{Event as Happened, Header, JournalError, Record, StoredRun, Summary};
use plan::Blame;
use portcullis_engine::{
    ActionSource, Approvals, Decision, End, Engine, EngineError, Event, EventKind, Failure, FailureKind,
    Invocation, Journal, MemoryJournal, Mode, Outcome, Probe, Run, RunId, RunStatus, Source, Spec, Start,
    StepPath, Work,
};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What one call is to answer.
#[derive(Clone)]
enum Reply {
    Ok(Value),
    Fail(FailureKind),
    Hang,
}

/// Actions that answer as they are told and write down that they were called.
#[derive(Clone, Default)]
struct Script {
    replies: Arc<Mutex<BTreeMap<String, VecDeque<Reply>>>>,
    probes: Arc<Mutex<VecDeque<Probe>>>,
    calls: Arc<Mutex<Vec<(String, u32, String)>>>,
}

impl Script {
    fn reply(self, action: &str, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.replies.lock().unwrap().entry(action.to_owned()).or_default().extend(replies);
        self
    }

    fn probe(self, probe: Probe) -> Self {
        self.probes.lock().unwrap().push_back(probe);
        self
    }

    fn calls(&self, action: &str) -> Vec<u32> {
        self.calls
            .lock()
            .unwrap()
            .iter()
            .filter(|(name, ..)| name == action)
            .map(|(_, attempt, _)| *attempt)
            .collect()
    }
}

fn spec(name: &str, effect: &str, repeat: &str) -> Arc<Spec> {
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
        let key = call.context.key.clone();
        self.calls.lock().unwrap().push((call.action.clone(), call.context.attempt, key));
        let reply = self.replies.lock().unwrap().get_mut(&call.action).and_then(VecDeque::pop_front);
        Box::pin(async move {
            match reply {
                None => Ok(json!({"n": call.input["n"].as_i64().unwrap_or(0)}).into()),
                Some(Reply::Ok(output)) => Ok(output.into()),
                Some(Reply::Fail(kind)) => Err(Failure::new(kind, Blame::Server, "as told")),
                Some(Reply::Hang) => std::future::pending().await,
            }
        })
    }

    fn probe<'a>(&'a self, _: Invocation) -> Work<'a, Result<Probe, Failure>> {
        let probe = self.probes.lock().unwrap().pop_front().unwrap_or(Probe::Unknown);
        Box::pin(async { Ok(probe) })
    }
}

fn playbook(steps: &str) -> String {
    format!("playbook: 1\nid: test\nsteps:\n{steps}")
}

fn engine(script: &Script) -> Engine {
    Engine::builder().source(script.clone()).build().unwrap()
}

async fn start(engine: &Engine, text: &str, start: Start) -> (Run, UnboundedReceiver<Event>) {
    let (sender, events) = unbounded_channel();
    let start = Start { events: Some(sender), ..start };
    match engine.start(Source::new("test.yaml", text), start).await {
        Ok(run) => (run, events),
        Err(EngineError::Playbook(problems)) => panic!("{problems:#?}"),
        Err(error) => panic!("{error}"),
    }
}

async fn run(engine: &Engine, text: &str) -> End {
    let (mut run, _events) = start(engine, text, Start::default()).await;
    tokio::time::timeout(Duration::from_secs(20), run.wait()).await.expect("the run ends").unwrap()
}

#[tokio::test]
async fn retries_what_may_be_retried_and_nothing_else() {
    let text = playbook(
        "  - { id: a, uses: test.read, retry: { attempts: 3, initial: 1s, max: 1s, on: [throttled] } }\n",
    );
    for (first, attempts, status) in [
        (FailureKind::Throttled, vec![1, 2], RunStatus::Succeeded),
        (FailureKind::Invalid, vec![1], RunStatus::Failed),
        (FailureKind::Unknown, vec![1], RunStatus::Unknown),
    ] {
        let script = Script::default().reply("test.read", [Reply::Fail(first)]);
        assert_eq!(run(&engine(&script), &text).await.status, status, "{first}");
        assert_eq!(script.calls("test.read"), attempts, "{first}");
    }
}

#[tokio::test]
async fn a_lost_answer_of_a_send_is_probed_and_never_just_repeated() {
    let text = playbook("  - { id: a, uses: test.send }\n");
    let done = Probe::Done(json!({"n": 7}).into());
    for (probe, calls, status) in [
        (done, vec![1], RunStatus::Succeeded),
        (Probe::Unknown, vec![1], RunStatus::Unknown),
        // Known not to have happened: an ordinary transient failure, tried again as a later attempt.
        (Probe::NotDone, vec![1, 2], RunStatus::Succeeded),
    ] {
        let script =
            Script::default().reply("test.send", [Reply::Fail(FailureKind::Unknown)]).probe(probe.clone());
        assert_eq!(run(&engine(&script), &text).await.status, status, "{probe:?}");
        assert_eq!(script.calls("test.send"), calls, "{probe:?}");
    }
}

fn not_yet(millis: u64) -> Probe {
    Probe::NotYet { settle: Duration::from_millis(millis) }
}

#[tokio::test]
async fn a_harmless_change_that_nobody_answers_is_tried_again_and_otherwise_unknown() {
    let play = async |action: &str, retry: &str, hangs: usize| {
        let script = Script::default().reply(action, vec![Reply::Hang; hangs]);
        let text = playbook(&format!("  - {{ id: a, uses: {action}, timeout: 1s, retry: {retry} }}\n"));
        let end = run(&engine(&script), &text).await;
        (end.status, end.failure.map(|failure| failure.kind), script.calls(action).len())
    };
    let (lost, late) = (Some(FailureKind::Unknown), Some(FailureKind::Timeout));
    let twice = |on: &str| format!("{{ attempts: 2, initial: 1s, max: 1s, on: [{on}] }}");
    let (transient, timeout) = (twice("transient"), twice("timeout"));
    let ends = tokio::join!(
        play("test.change", &transient, 1),
        play("test.change", &timeout, 1),
        play("test.change", &transient, 2),
        play("test.change", "none", 1),
        play("test.read", "none", 1),
    );
    assert_eq!(ends.0, (RunStatus::Succeeded, None, 2));
    assert_eq!(ends.1, (RunStatus::Succeeded, None, 2), "who names the time limit means this");
    assert_eq!(ends.2, (RunStatus::Unknown, lost, 2));
    assert_eq!(ends.3, (RunStatus::Unknown, lost, 1));
    assert_eq!(ends.4, (RunStatus::Failed, late, 1), "what only reads took too long, and that is all");
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_shows_late_is_waited_for_and_not_repeated() {
    let text = playbook("  - { id: a, uses: test.send }\n");
    let lost = || Script::default().reply("test.send", [Reply::Fail(FailureKind::Unknown)]);
    let late =
        lost().probe(not_yet(30_000)).probe(not_yet(30_000)).probe(Probe::Done(json!({"n": 7}).into()));
    assert_eq!(run(&engine(&late), &text).await.status, RunStatus::Succeeded);
    assert_eq!(late.calls("test.send"), [1]);

    // A request for it left and it never shows: nobody may say that nothing happened.
    let never = (0..20).fold(lost(), |script, _| script.probe(not_yet(9_000)));
    let begun = tokio::time::Instant::now();
    let end = run(&engine(&never), &text).await;
    assert_eq!(end.status, RunStatus::Unknown);
    assert_eq!(never.calls("test.send"), [1]);
    assert_eq!(begun.elapsed().as_secs(), 9, "as long as the other side may take, and no longer");

    // It took too long: whether anything left is as open as after a crash, and once it does not show it did not.
    let hung = Script::default()
        .reply("test.send", [Reply::Hang])
        .probe(not_yet(500))
        .probe(not_yet(500))
        .probe(not_yet(500));
    let text = playbook("  - { id: a, uses: test.send, timeout: 2s }\n");
    // Tried again at once: the wait before it would be of the system's clock, which does not stand still here.
    let at_once = Engine::builder().source(hung.clone()).entropy(|| 0).build().unwrap();
    assert_eq!(run(&at_once, &text).await.status, RunStatus::Succeeded);
    assert_eq!(hung.calls("test.send"), [1, 2]);
}

#[tokio::test]
async fn a_time_limit_ends_an_attempt() {
    let script = Script::default().reply("test.read", [Reply::Hang]);
    let end =
        run(&engine(&script), &playbook("  - { id: a, uses: test.read, timeout: 1s, retry: none }\n")).await;
    assert_eq!(end.failure.unwrap().kind, FailureKind::Timeout);
}

#[tokio::test]
async fn an_output_that_is_too_large_fails_the_step_and_stays_out_of_the_journal() {
    let huge = json!({"n": 1, "text": "x".repeat(portcullis_engine::MAX_OUTPUT)});
    let script = Script::default().reply("test.read", [Reply::Ok(huge)]);
    let end = run(&engine(&script), &playbook("  - { id: a, uses: test.read }\n")).await;
    assert_eq!(end.failure.unwrap().kind, FailureKind::Limit);
}

const GATED: &str = "  - { id: gate, approve: { message: Do it?, shows: [act] } }\n  - { id: act, uses: test.change, with: { n: 5 } }\n";

#[tokio::test]
async fn an_approval_shows_what_will_happen_and_takes_one_answer() {
    for (decision, calls) in [(Decision::Approved, vec![1]), (Decision::Rejected, vec![])] {
        let script = Script::default();
        let engine = engine(&script);
        let (mut run, mut events) = start(&engine, &playbook(GATED), Start::default()).await;
        let ask = loop {
            if let EventKind::Asked(ask) = events.recv().await.unwrap().kind {
                break ask;
            }
        };
        assert_eq!(ask.shown.len(), 1);
        assert_eq!((ask.shown[0].action.as_str(), &ask.shown[0].input), ("test.change", &json!({"n": 5})));
        let path = StepPath::from("gate");
        assert!(run.decide(&StepPath::from("act"), decision, "ana", None).await.is_err());
        assert!(run.decide(&path, decision, "ana", Some("something else")).await.is_err());
        run.decide(&path, decision, "ana", Some(&ask.digest)).await.unwrap();
        assert!(run.decide(&path, decision, "ana", None).await.is_err(), "the first answer counts");
        assert_eq!(run.wait().await.unwrap().status, RunStatus::Succeeded);
        assert_eq!(script.calls("test.change"), calls);
    }
}

#[tokio::test]
async fn silence_is_a_rejection() {
    let script = Script::default();
    let text = playbook(
        "  - { id: gate, approve: { message: Do it?, shows: [act], timeout: 1s } }\n  - { id: act, uses: test.change }\n",
    );
    assert_eq!(run(&engine(&script), &text).await.status, RunStatus::Succeeded);
    assert_eq!(script.calls("test.change"), Vec::<u32>::new());
}

#[tokio::test]
async fn a_dry_run_reads_and_changes_nothing() {
    let script = Script::default();
    let text = playbook(
        "  - { id: look, uses: test.read, with: { n: 3 } }\n  - { id: act, uses: test.change, with: { n: \"${{ steps.look.output.n }}\" } }\n  - { id: tell, uses: test.send, with: { n: \"${{ steps.act.output.n }}\" } }\n",
    );
    let engine = engine(&script);
    let (mut run, mut events) = start(&engine, &text, Start { mode: Mode::DryRun, ..Start::default() }).await;
    assert_eq!(run.wait().await.unwrap().status, RunStatus::Succeeded);
    let mut planned = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let EventKind::Planned { action, input, .. } = event.kind {
            planned.push((action, input["n"].clone()));
        }
    }
    assert_eq!(planned, [("test.change".to_owned(), json!(3)), ("test.send".to_owned(), json!(0))]);
    assert_eq!(script.calls("test.read"), [1]);
    assert_eq!((script.calls("test.change"), script.calls("test.send")), (vec![], vec![]));
}

#[tokio::test]
async fn cancelling_drops_reads_and_finishes_changes() {
    let script = Script::default().reply("test.read", [Reply::Hang]);
    let text = playbook(
        "  - id: both\n    parallel:\n      a: [{ id: look, uses: test.read }]\n      b: [{ id: act, uses: test.change }, { id: more, uses: test.change }]\n",
    );
    let engine = engine(&script);
    let (mut run, mut events) = start(&engine, &text, Start::default()).await;
    while !matches!(events.recv().await.unwrap().kind, EventKind::Calling { .. }) {}
    run.cancel("ana");
    let end = tokio::time::timeout(Duration::from_secs(5), run.wait()).await.expect("it stops").unwrap();
    assert_eq!(end.status, RunStatus::Cancelled);
}

/// A journal that is "killed": it keeps what it was given so far and then fails.
struct Dying {
    inner: MemoryJournal,
    writes_left: Mutex<u32>,
}

impl Dying {
    fn dies(&self, run: &RunId) -> Result<(), JournalError> {
        let mut left = self.writes_left.lock().unwrap();
        if *left == 0 {
            let source = std::io::Error::other("the disk is gone").into();
            let _ = run;
            return Err(JournalError::Io { place: "memory".to_owned(), doing: "written", source });
        }
        *left -= 1;
        Ok(())
    }
}

impl Journal for Dying {
    fn create<'a>(&'a self, header: Header, first: Vec<Record>) -> journal::Work<'a, ()> {
        Box::pin(async move {
            self.dies(&header.run)?;
            self.inner.create(header, first).await
        })
    }

    fn append<'a>(&'a self, run: &'a RunId, records: Vec<Record>) -> journal::Work<'a, ()> {
        Box::pin(async move {
            self.dies(run)?;
            self.inner.append(run, records).await
        })
    }

    fn load<'a>(&'a self, run: &'a RunId) -> journal::Work<'a, StoredRun> {
        self.inner.load(run)
    }

    fn list<'a>(&'a self, query: &'a journal::Query) -> journal::Work<'a, Vec<Summary>> {
        self.inner.list(query)
    }

    fn delete<'a>(&'a self, run: &'a RunId) -> journal::Work<'a, Vec<plan::Digest>> {
        self.inner.delete(run)
    }
}

/// Lets the journal fail when the call's answer is to be written, then goes on with another engine.
async fn crash_and_resume(action: &str, probe: Option<Probe>) -> (End, Vec<u32>) {
    let before = Script::default();
    let dying = Dying { inner: MemoryJournal::default(), writes_left: Mutex::new(1) };
    let first = Engine::builder().source(before.clone()).journal(dying).build().unwrap();
    let text = playbook(&format!("  - {{ id: a, uses: {action} }}\n"));
    let (mut failing, _events) = start(&first, &text, Start::default()).await;
    assert!(
        matches!(failing.wait().await, Err(EngineError::Journal(_))),
        "nothing is acknowledged after a failure"
    );
    let stored = first.journal().load(failing.id()).await.unwrap();
    assert!(matches!(stored.records.last().unwrap().event, Happened::Performing { .. }));
    let after = probe.into_iter().fold(Script::default(), Script::probe);
    let journal = MemoryJournal::default();
    let id = failing.id().clone();
    journal.create(stored.header, stored.records).await.unwrap();
    let second = Engine::builder().source(after.clone()).journal(journal).build().unwrap();
    let end = second.resume(&id, Start::default()).await.unwrap().wait().await.unwrap();
    (end, after.calls(action))
}

#[tokio::test]
async fn after_a_crash_the_repeat_class_decides() {
    let (end, calls) = crash_and_resume("test.change", None).await;
    assert_eq!((end.status, calls), (RunStatus::Succeeded, vec![2]), "natural: repeated, as a later attempt");
    let (end, calls) = crash_and_resume("test.send", Some(Probe::Done(json!({"n": 1}).into()))).await;
    assert_eq!((end.status, calls), (RunStatus::Succeeded, vec![]), "verify: it happened");
    let (end, calls) = crash_and_resume("test.send", Some(Probe::NotDone)).await;
    assert_eq!((end.status, calls), (RunStatus::Succeeded, vec![2]), "verify: it did not happen");
    let (end, calls) = crash_and_resume("test.send", None).await;
    assert_eq!((end.status, calls), (RunStatus::Unknown, vec![]), "verify: nobody knows");
    let (end, calls) = crash_and_resume("test.once", None).await;
    assert_eq!((end.status, calls), (RunStatus::Unknown, vec![]), "never: not repeated");
}

#[tokio::test]
async fn wrong_inputs_are_told_all_at_once_and_nothing_runs() {
    let script = Script::default();
    let text = "playbook: 1\nid: test\ninputs: { a: { type: integer }, b: { type: string } }\nsteps:\n  - { id: s, uses: test.read, with: { n: \"${{ inputs.a }}\" } }\n  - { id: t, set: { b: \"${{ inputs.b }}\" } }\n";
    let inputs =
        BTreeMap::from([("a".to_owned(), json!("secret-looking-value")), ("c".to_owned(), json!(1))]);
    let start = Start { inputs, approvals: Approvals::Ask, ..Start::default() };
    let Err(EngineError::Inputs(problems)) = engine(&script).start(Source::new("t", text), start).await
    else {
        panic!("three problems expected")
    };
    let text = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(problems.len(), 3, "{text}");
    assert!(!text.contains("secret-looking-value"), "{text}");
    assert_eq!(script.calls("test.read"), Vec::<u32>::new());
}
