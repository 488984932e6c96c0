//! What the engine adds to the language: rate limits, answers kept, keys, secrets, people, events, files, and a
//! clock that need not be waited for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use journal::{Event as Happened, StoredRun};
use plan::Blame;
use portcullis_engine::{
    ActionSource, AnswerError, Approvals, Clock, DecideError, Decision, End, Engine, EngineError, Event,
    EventKind, Failure, FailureKind, Invocation, MemoryJournal, Mode, Outcome, Person, Run, RunStatus,
    Secret, Secrets, SignalError, Source, Spec, Start, StepPath, Timestamp, VirtualClock, Work,
};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const CANARY: &str = "canary-5f2d90";

/// Actions that write down when and with what they were called.
#[derive(Clone)]
struct Acts {
    clock: VirtualClock,
    calls: Arc<Mutex<Vec<(i64, Invocation)>>>,
}

impl Acts {
    fn times(&self) -> Vec<i64> {
        self.calls.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }

    fn count(&self, action: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|(_, call)| call.action == action).count()
    }
}

impl ActionSource for Acts {
    fn specs(&self) -> Vec<Arc<Spec>> {
        let spec = |name: &str, effect: &str, repeat: &str| {
            let spec = json!({
                "name": name, "summary": "Does as it is told", "effect": effect, "repeat": repeat, "errors": [],
                "input": {"type": "object", "additionalProperties": false, "properties": {
                    "n": {"type": "integer"}, "text": {"type": "string"},
                    "headers": {"type": "object", "additionalProperties": {"type": "string", "x-secret": true}}}},
                "output": {"type": "object", "additionalProperties": false, "required": ["n", "echo"],
                           "properties": {"n": {"type": "integer"}, "echo": {"type": "string"}}},
            });
            Arc::new(serde_json::from_value(spec).unwrap())
        };
        vec![
            spec("test.read", "enrichment", "natural"),
            spec("test.change", "containment", "natural"),
            spec("test.lost", "notification", "never"),
        ]
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        let number = {
            let mut calls = self.calls.lock().unwrap();
            calls.push((self.clock.now().0, call.clone()));
            calls.len()
        };
        Box::pin(async move {
            let seen = call.input["headers"]["key"].as_str().unwrap_or("none");
            match (call.action.as_str(), call.input["text"].as_str()) {
                ("test.lost", _) => Err(Failure::new(FailureKind::Unknown, Blame::Server, "who knows")),
                (_, Some("fail")) => {
                    Err(Failure::new(FailureKind::Invalid, Blame::Server, format!("no {seen}")))
                }
                (_, Some("hang")) => std::future::pending().await,
                _ => Ok(json!({"n": number, "echo": format!("saw {seen}")}).into()),
            }
        })
    }
}

struct Vault(bool);

impl Secrets for Vault {
    fn get(&self, name: &str) -> Option<Secret> {
        (self.0 && name == "key").then(|| Secret::new(CANARY))
    }
}

struct World {
    engine: Engine,
    acts: Acts,
    clock: VirtualClock,
}

fn world() -> World {
    world_with(true)
}

fn world_with(vault: bool) -> World {
    let clock = VirtualClock::new(Timestamp(1_000_000));
    let acts = Acts { clock: clock.clone(), calls: Arc::default() };
    let engine = Engine::builder()
        .source(acts.clone())
        .clock(clock.clone())
        .secrets(Vault(vault))
        .entropy({
            let next = std::sync::atomic::AtomicU64::new(1);
            move || next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
        })
        .build()
        .unwrap();
    World { engine, acts, clock }
}

type Begun = (Run, UnboundedReceiver<Event>);

impl World {
    async fn try_start(&self, text: &str, start: Start) -> Result<Begun, EngineError> {
        let text = format!("playbook: 1\nid: test\n{text}");
        let (sender, events) = unbounded_channel();
        let start = Start { events: Some(sender), ..start };
        let started = self.engine.start(Source::new("test.yaml", &text), start).await;
        if let Err(EngineError::Playbook(problems)) = &started {
            panic!("{problems:#?}");
        }
        Ok((started?, events))
    }

    async fn start(&self, text: &str) -> Begun {
        self.try_start(text, Start { starter: "ana".to_owned(), ..Start::default() }).await.unwrap()
    }

    async fn run(&self, text: &str) -> End {
        let (mut run, _events) = self.start(text).await;
        ends(&mut run).await
    }

    async fn stored(&self, run: &Run) -> StoredRun {
        self.engine.journal().load(run.id()).await.unwrap()
    }
}

async fn ends(run: &mut Run) -> End {
    tokio::time::timeout(Duration::from_secs(20), run.wait()).await.expect("the run ends").unwrap()
}

/// Reads events up to one that fits.
async fn until(events: &mut UnboundedReceiver<Event>, fits: impl Fn(&EventKind) -> bool) -> Event {
    loop {
        let event = tokio::time::timeout(Duration::from_secs(20), events.recv()).await;
        let event = event.expect("it happens").expect("the run goes on");
        if fits(&event.kind) {
            return event;
        }
    }
}

async fn waiting(events: &mut UnboundedReceiver<Event>) {
    until(events, |kind| matches!(kind, EventKind::Waiting)).await;
}

#[tokio::test]
async fn a_rate_limit_holds_over_runs_and_costs_no_real_time() {
    let world = world();
    let text = "steps:\n  - id: l\n    foreach: '${{ [1, 2, 3, 4] }}'\n    as: n\n    limit: 4\n    max_parallel: 4\n    do: [{ id: a, uses: test.read, rate_limit: { key: k, per: 1m, permits: 3 } }]\n";
    let begun = Instant::now();
    world.run(text).await;
    world.run(text).await;
    let times: Vec<i64> = world.acts.times().iter().map(|at| at - 1_000_000).collect();
    assert_eq!(times, [0, 0, 0, 60_000, 60_000, 60_000, 120_000, 120_000]);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_answer_is_used_again_while_it_is_young() {
    let world = world();
    let text = "outputs: { n: { type: integer, value: '${{ steps.a.output.n }}' } }\nsteps:\n  - { id: a, uses: test.read, cache: { ttl: 1h }, with: { n: 5 } }\n";
    for (passes, calls) in [(0, 1), (1_800, 1), (1_799, 1), (1, 2)] {
        world.clock.advance(Duration::from_secs(passes));
        let end = world.run(text).await;
        assert_eq!((world.acts.count("test.read"), &end.outputs["n"]), (calls, &json!(calls)), "{passes}");
    }
    world.run(&text.replace("n: 5", "n: 6")).await;
    assert_eq!(world.acts.count("test.read"), 3, "another input is another question");
    let keyed = text.replace("ttl: 1h", "ttl: 1h, key: same");
    world.run(&keyed).await;
    world.run(&keyed.replace("n: 5", "n: 6")).await;
    assert_eq!(world.acts.count("test.read"), 4, "the key alone tells them apart");
}

#[tokio::test]
async fn runs_about_the_same_thing_skip_queue_or_replace() {
    let text = |rule: &str| {
        format!(
            "inputs: {{ who: {{ type: string, default: eve }} }}\nconcurrency: {{ key: '${{{{ inputs.who }}}}', on_conflict: {rule} }}\nsteps: [{{ id: g, ask: {{ message: Go?, form: {{ ok: {{ type: boolean }} }} }} }}]\n"
        )
    };
    let path = StepPath::from("g");
    for rule in ["skip", "queue", "replace"] {
        let world = world();
        let (mut first, mut events) = world.start(&text(rule)).await;
        waiting(&mut events).await;
        let other =
            Start { inputs: BTreeMap::from([("who".to_owned(), json!("mallory"))]), ..Start::default() };
        drop(world.try_start(&text(rule), other).await.expect("another key is in nobody's way"));
        let same = text(rule);
        let second = world.try_start(&same, Start::default());
        match rule {
            "skip" => {
                let Err(EngineError::Busy { run, .. }) = second.await else { panic!("two at once") };
                assert_eq!(run, *first.id());
            }
            "queue" => {
                let answer = async {
                    tokio::task::yield_now().await;
                    first.answer(&path, json!({"ok": true}), "ana").await.unwrap();
                };
                let (second, ()) = tokio::join!(second, answer);
                assert_eq!(ends(&mut first).await.status, RunStatus::Succeeded);
                drop(second.unwrap());
            }
            _ => {
                drop(second.await.unwrap());
                let end = ends(&mut first).await;
                assert_eq!(end.status, RunStatus::Cancelled);
                assert!(end.failure.unwrap().message.contains("replaces it"));
            }
        }
        // Whoever is over has given the key back.
        drop(first);
    }
}

#[tokio::test]
async fn a_secret_reaches_the_action_and_nothing_else() {
    let world = world();
    let text = "secrets: [key]\nsteps:\n  - { id: a, uses: test.read, with: { headers: { key: 'Bearer ${{ secrets.key }}' } } }\n  - { id: b, uses: test.read, with: { text: fail, headers: { key: '${{ secrets.key }}' } }, on_error: continue }\n  - { id: g, approve: { message: Go?, shows: [c] } }\n  - { id: c, uses: test.change, with: { headers: { key: '${{ secrets.key }}' } } }\n";
    let (mut run, mut events) = world.start(text).await;
    let mut told = format!("{:?}", until(&mut events, |kind| matches!(kind, EventKind::Asked(_))).await);
    run.decide(&StepPath::from("g"), Decision::Approved, "ben", None).await.unwrap();
    let end = ends(&mut run).await;
    assert_eq!(end.status, RunStatus::Succeeded, "{:?}", end.failure);
    let seen: Vec<Value> = world
        .acts
        .calls
        .lock()
        .unwrap()
        .iter()
        .map(|(_, call)| call.input["headers"]["key"].clone())
        .collect();
    assert_eq!(seen, [json!(format!("Bearer {CANARY}")), json!(CANARY), json!(CANARY)]);
    while let Ok(event) = events.try_recv() {
        told.push_str(&format!("{event:?}"));
    }
    let stored = world.stored(&run).await;
    let written: String = stored.records.iter().map(|record| record.to_json().unwrap()).collect();
    assert!(written.contains("saw Bearer secret:key") && written.contains("no secret:key"), "{written}");
    assert!(told.contains("secret:key"));
    for (place, text) in [("records", &written), ("events", &told), ("end", &format!("{end:?}"))] {
        assert!(!text.contains(CANARY), "the secret is in the {place}");
    }
    assert!(!format!("{:?}", Secret::new(CANARY)).contains(CANARY));

    let without = world_with(false);
    let refused = without.try_start(text, Start::default()).await.err();
    assert!(matches!(&refused, Some(EngineError::Secrets(names)) if names == &["key"]), "{refused:?}");
    assert_eq!(without.acts.times(), Vec::<i64>::new());
}

#[tokio::test]
async fn only_those_may_decide_whom_the_playbook_names() {
    let world = world();
    let text = "steps: [{ id: g, approve: { message: Go?, to: { roles: [lead], not: [run.starter] }, quorum: 2 } }]\n";
    let (mut run, mut events) = world.start(text).await;
    waiting(&mut events).await;
    let path = StepPath::from("g");
    let lead = |name: &str| Person::new(name, ["lead"]);
    let decide = |person: Person| run.decide(&path, Decision::Approved, person, None);
    assert!(matches!(decide(lead("ana")).await, Err(DecideError::NotAllowed { .. })), "she started it");
    let refused = decide(Person::new("ben", ["analyst"])).await.unwrap_err().to_string();
    assert!(refused.contains("lead"), "{refused}");
    decide(lead("ben")).await.unwrap();
    assert!(matches!(decide(lead("ben")).await, Err(DecideError::Twice { .. })));
    decide(lead("cid")).await.unwrap();
    assert_eq!(ends(&mut run).await.status, RunStatus::Succeeded);
    let asked = world.stored(&run).await.records;
    assert_eq!(asked.iter().filter(|record| matches!(record.event, Happened::Asked { .. })).count(), 2);
}

#[tokio::test]
async fn approving_everything_fills_no_form_in_and_says_that_it_waits() {
    let world = world();
    let text = "steps:\n  - { id: g, approve: { message: Go?, timeout: 1h } }\n  - { id: f, ask: { message: What?, form: { ok: { type: boolean } } } }\n";
    let approvals = Approvals::ApproveAll { by: "ana".to_owned() };
    let (_run, mut events) = world.try_start(text, Start { approvals, ..Start::default() }).await.unwrap();
    let first = until(&mut events, |kind| matches!(kind, EventKind::Form(_) | EventKind::Waiting)).await;
    assert!(matches!(first.kind, EventKind::Form(_)), "it does not wait for the approval: {first:?}");
    waiting(&mut events).await;
}

#[tokio::test]
async fn a_form_is_checked_before_it_is_written_down() {
    let world = world();
    let text = "outputs: { text: { type: string, value: '${{ steps.f.output.answer.note + \" by \" + steps.f.output.by }}' } }\nsteps: [{ id: f, ask: { message: What?, form: { verdict: { type: string, enum: [good, bad] }, note: { type: string, default: none } }, to: { roles: [soc] } } }]\n";
    let (mut run, mut events) = world.start(text).await;
    waiting(&mut events).await;
    let path = StepPath::from("f");
    let soc = Person::new("ben", ["soc"]);
    let before = world.stored(&run).await.records.len();
    let wrong = run.answer(&path, json!({"verdict": "secretly"}), &soc).await.unwrap_err();
    assert!(
        matches!(&wrong, AnswerError::Invalid { .. }) && !wrong.to_string().contains("secretly"),
        "{wrong}"
    );
    let stranger = run.answer(&path, json!({"verdict": "good"}), "eve").await;
    assert!(matches!(stranger, Err(AnswerError::NotAllowed { .. })));
    assert_eq!(world.stored(&run).await.records.len(), before);
    run.answer(&path, json!({"verdict": "good"}), &soc).await.unwrap();
    assert_eq!(ends(&mut run).await.outputs["text"], json!("none by ben"));
    assert!(matches!(run.answer(&path, json!({}), &soc).await, Err(AnswerError::Over)));
}

const EVENT: &str = "outputs: { n: { type: integer, value: '${{ steps.w.output.payload == null ? 0 : steps.w.output.payload.n }}' } }\nsteps:\n  - { id: g, ask: { message: Go?, form: { ok: { type: boolean } } } }\n  - { id: w, wait: { event: done, schema: { type: object, properties: { n: { type: integer } }, required: [n], additionalProperties: false } } }\n";

#[tokio::test]
async fn an_event_may_come_before_or_after_its_wait() {
    for early in [true, false] {
        let world = world();
        let (mut run, mut events) = world.start(EVENT).await;
        waiting(&mut events).await;
        assert_eq!(run.signal("other", json!({})).await, Err(SignalError::Unknown("other".to_owned())));
        assert!(matches!(run.signal("done", json!({"n": "x"})).await, Err(SignalError::Invalid { .. })));
        if early {
            run.signal("done", json!({"n": 7})).await.unwrap();
        }
        run.answer(&StepPath::from("g"), json!({"ok": true}), "ben").await.unwrap();
        if !early {
            until(&mut events, |kind| matches!(kind, EventKind::Waits(_))).await;
            run.signal("done", json!({"n": 7})).await.unwrap();
        }
        assert_eq!(ends(&mut run).await.outputs["n"], json!(7), "early: {early}");
    }
    let world = world();
    let open = "steps: [{ id: w, wait: { event: done, schema: { type: object } } }]\n";
    let (run, mut events) = world.start(open).await;
    waiting(&mut events).await;
    let deep = (0..120).fold(json!({}), |inner, _| json!({"in": inner}));
    let refused = run.signal("done", deep).await;
    assert!(matches!(refused, Err(SignalError::Invalid { .. })), "the journal could not be read again");
    let (run, mut events) = world.start(EVENT).await;
    waiting(&mut events).await;
    for n in 0..100 {
        run.signal("done", json!({"n": n})).await.unwrap();
    }
    assert_eq!(run.signal("done", json!({"n": 0})).await, Err(SignalError::TooMany));
}

/// The same history in the journal of another engine, as after a crash.
async fn crash(world: &World, run: Run) -> (World, portcullis_engine::RunId) {
    let stored = world.stored(&run).await;
    let id = run.id().clone();
    drop(run);
    let journal = MemoryJournal::default();
    portcullis_engine::Journal::create(&journal, stored.header, stored.records).await.unwrap();
    let (clock, acts) = (world.clock.clone(), world.acts.clone());
    let engine = Engine::builder()
        .source(acts.clone())
        .clock(clock.clone())
        .secrets(Vault(true))
        .journal(journal)
        .build()
        .unwrap();
    (World { engine, acts, clock }, id)
}

#[tokio::test]
async fn a_run_goes_on_in_the_middle_of_every_kind_of_wait() {
    let text = "outputs: { n: { type: integer, value: '${{ steps.w.output.payload == null ? 0 : steps.w.output.payload.n }}' } }\nsteps:\n  - { id: a, approve: { message: Go?, on_reject: continue, to: { not: [run.starter] } } }\n  - { id: f, ask: { message: Go?, form: { ok: { type: boolean } } } }\n  - { id: w, wait: { event: done, schema: { type: object, properties: { n: { type: integer } }, required: [n], additionalProperties: false }, timeout: 1h, on_timeout: continue } }\n  - { id: t, wait: 2h }\n";
    let world = world();
    let (run, mut events) = world.start(text).await;
    waiting(&mut events).await;
    let (world, id) = crash(&world, run).await;
    let resumed = async |world: &World, id: &portcullis_engine::RunId| {
        let (sender, mut events) = unbounded_channel();
        let start = Start { starter: "cid".to_owned(), events: Some(sender), ..Start::default() };
        let run = world.engine.resume(id, start).await.unwrap();
        waiting(&mut events).await;
        run
    };
    let run = resumed(&world, &id).await;
    let path = StepPath::from("a");
    let starter = run.decide(&path, Decision::Approved, "ana", None).await;
    assert!(matches!(starter, Err(DecideError::NotAllowed { .. })), "whoever resumes is not the starter");
    run.decide(&path, Decision::Approved, "cid", None).await.unwrap();
    let (world, id) = crash(&world, run).await;
    let run = resumed(&world, &id).await;
    run.answer(&StepPath::from("f"), json!({"ok": true}), "cid").await.unwrap();
    let (world, id) = crash(&world, run).await;
    let run = resumed(&world, &id).await;
    let now = world.clock.now().0;
    run.signal("done", json!({"n": 3})).await.unwrap();
    let (world, id) = crash(&world, run).await;
    let mut run = world.engine.resume(&id, Start::default()).await.unwrap();
    assert_eq!(ends(&mut run).await.outputs["n"], json!(3));
    assert_eq!(world.clock.now().0, now + 7_200_000);
}

#[tokio::test]
async fn time_passes_when_nothing_else_can_happen_and_not_before() {
    let world = world();
    let begun = Instant::now();
    let end = world.run("steps:\n  - { id: a, wait: 30d }\n  - { id: b, uses: test.read }\n").await;
    assert_eq!(end.status, RunStatus::Succeeded);
    assert_eq!(world.acts.times(), [1_000_000 + 30 * 86_400_000]);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let text = "deadline: 8h\noutputs: { d: { type: string, value: '${{ steps.g.output.decision }}' } }\nsteps: [{ id: g, approve: { message: Go?, timeout: 1h, on_reject: continue } }]\n";
    let before = world.clock.now();
    let (mut run, mut events) = world.start(text).await;
    waiting(&mut events).await;
    assert_eq!(world.clock.now(), before, "somebody may still answer");
    assert!(world.clock.jump());
    assert_eq!(ends(&mut run).await.outputs["d"], json!("timed_out"));
    assert_eq!(world.clock.now().0, before.0 + 3_600_000);
    assert!(!world.clock.jump(), "nobody waits any more");
}

#[tokio::test]
async fn finally_runs_after_a_cancellation_and_after_the_deadline() {
    let text = "deadline: 1h\nsteps: [{ id: g, ask: { message: Go?, form: { ok: { type: boolean } } } }]\nfinally: [{ id: z, uses: test.change }]\n";
    for (cancel, status) in [(true, RunStatus::Cancelled), (false, RunStatus::Failed)] {
        let world = world();
        let (mut run, mut events) = world.start(text).await;
        waiting(&mut events).await;
        if cancel {
            run.cancel("ben")
        } else {
            assert!(world.clock.jump())
        }
        let end = ends(&mut run).await;
        assert_eq!((end.status, world.acts.count("test.change")), (status, 1), "{:?}", end.failure);
        let records = world.stored(&run).await.records;
        assert!(records.iter().any(|record| matches!(record.event, Happened::Withdrawn { .. })));
    }
}

#[tokio::test]
async fn nobody_knowing_ends_as_the_playbook_says() {
    for (rule, status) in [("verify", RunStatus::Unknown), ("fail", RunStatus::Failed)] {
        let text = format!(
            "steps: [{{ id: a, uses: test.lost, idempotency: {{ key: mine, on_unknown: {rule} }} }}]\n"
        );
        let world = world();
        assert_eq!(world.run(&text).await.status, status, "{rule}");
        let calls = world.acts.calls.lock().unwrap();
        assert_eq!((calls.len(), calls[0].1.context.key.as_str()), (1, "mine"));
    }
}

#[tokio::test]
async fn a_rehearsal_passes_everything_and_says_so() {
    let world = world();
    let text = "steps:\n  - { id: g, approve: { message: Go?, quorum: 2, shows: [c] } }\n  - { id: c, uses: test.change, with: { n: 1 } }\n  - { id: f, ask: { message: What?, form: { ok: { type: boolean } } } }\n  - { id: t, wait: 30d }\n  - { id: w, wait: { event: done, schema: { type: object, properties: { n: { type: integer } }, required: [n], additionalProperties: false } } }\n";
    let start = Start { mode: Mode::DryRun, ..Start::default() };
    let (mut run, mut events) = world.try_start(text, start).await.unwrap();
    assert_eq!(ends(&mut run).await.status, RunStatus::Succeeded);
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        match event.kind {
            EventKind::Planned { .. } => told.push(format!("planned {}", event.path)),
            EventKind::Decided { .. } => told.push(format!("decided {}", event.path)),
            EventKind::Answered { .. } => told.push(format!("answered {}", event.path)),
            EventKind::Passed(_) => told.push(format!("passed {}", event.path)),
            _ => {}
        }
    }
    let expected =
        ["decided g", "decided g", "planned c", "answered f", "passed t", "passed w"].map(str::to_owned);
    assert_eq!(told, expected);
    assert_eq!(world.acts.times(), Vec::<i64>::new());
    assert_eq!(world.clock.now().0, 1_000_000);
}

#[tokio::test]
async fn what_a_trigger_brings_is_checked_before_the_first_step() {
    let world = world();
    let text = "triggers: [{ id: hook, webhook: { schema: { type: object, properties: { n: { type: integer } }, required: [n] } } }]\noutputs: { n: { type: integer, value: '${{ trigger.n }}' } }\nsteps: [{ id: a, uses: test.read }]\n";
    for (trigger, fits) in [
        (json!({"n": 4}), true),
        (json!({"n": "x"}), false),
        (Value::Null, false),
        (json!({"id": "no", "n": 4}), false),
    ] {
        let start = Start { trigger: trigger.clone(), ..Start::default() };
        match world.try_start(text, start).await {
            Ok((mut run, _events)) => {
                assert!(fits, "{trigger}");
                assert_eq!(ends(&mut run).await.outputs["n"], json!(4));
            }
            Err(error) => assert!(!fits && matches!(error, EngineError::Trigger(_)), "{trigger} {error:?}"),
        }
    }
    assert_eq!(world.acts.count("test.read"), 1);
}

#[tokio::test]
async fn a_run_goes_on_with_the_files_it_began_with() {
    let world = world();
    let text = "playbook: 1\nid: test\noutputs: { text: { type: string, value: '${{ steps.c.output.text }}' } }\nsteps:\n  - { id: f, ask: { message: Go?, form: { ok: { type: boolean } } } }\n  - { id: c, call: other.yaml }\n";
    let other = "playbook: 1\nid: other\noutputs: { text: { type: string, value: first } }\nsteps: [{ id: a, uses: test.read }]\n";
    let files: BTreeMap<String, Arc<str>> = BTreeMap::from([("other.yaml".to_owned(), Arc::from(other))]);
    let run = match world.engine.start(Source::new("test.yaml", text).among(&files), Start::default()).await {
        Ok(run) => run,
        Err(EngineError::Playbook(problems)) => panic!("{problems:#?}"),
        Err(error) => panic!("{error}"),
    };
    let stored = loop {
        match world.engine.journal().load(run.id()).await {
            Ok(stored) => break stored,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(stored.header.files["other.yaml"], other);
    let (world, id) = crash(&world, run).await;
    let (sender, mut events) = unbounded_channel();
    let start = Start { events: Some(sender), ..Start::default() };
    let mut run = world.engine.resume(&id, start).await.unwrap();
    waiting(&mut events).await;
    run.answer(&StepPath::from("f"), json!({"ok": true}), "ben").await.unwrap();
    assert_eq!(ends(&mut run).await.outputs["text"], json!("first"));
}

#[tokio::test]
async fn a_small_case_is_cheap() {
    let world = world();
    let text = "playbook: 1\nid: test\nsteps:\n  - { id: a, uses: test.read }\n  - { id: t, wait: 1h }\n  - { id: b, uses: test.change }\n";
    let plan = Arc::new(world.engine.check(Source::new("test.yaml", text)).plan.unwrap());
    let begun = Instant::now();
    for _ in 0..100 {
        let source = Source::new("test.yaml", text);
        let mut run = world.engine.start_checked(source, Arc::clone(&plan), Start::default()).await.unwrap();
        assert_eq!(ends(&mut run).await.status, RunStatus::Succeeded);
    }
    // Unoptimised, on a busy machine; a release build is many times faster.
    assert!(begun.elapsed() < Duration::from_millis(100 * 20), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_comes_in_the_same_moment_as_a_stop_is_not_wanted_any_more() {
    let world = world();
    let text = "steps:\n  - id: p\n    parallel:\n      a: [{ id: one, wait: 1h }, { id: out, fail: enough }]\n      b: [{ id: two, wait: 1h }, { id: three, wait: 1h }]\n      c: [{ id: gate, approve: { message: Go?, timeout: 1h } }]\n      d: [{ id: form, ask: { message: Go?, form: { ok: { type: boolean } }, timeout: 1h, default: { ok: true } } }]\n    on_branch_error: cancel\n";
    let (mut run, mut events) = world.start(text).await;
    until(&mut events, |kind| matches!(kind, EventKind::Form(_))).await;
    assert!(world.clock.jump());
    let end = ends(&mut run).await;
    assert_eq!(end.failure.unwrap().message, "enough");
}

#[tokio::test]
async fn two_people_may_approve_in_the_same_moment() {
    let world = world();
    let text = "steps: [{ id: g, approve: { message: Go?, quorum: 3 } }]\n";
    let (mut run, mut events) = world.start(text).await;
    waiting(&mut events).await;
    let path = StepPath::from("g");
    let decide = |name: &'static str| run.decide(&path, Decision::Approved, name, None);
    let (ana, ben, cid, twice) = tokio::join!(decide("ana"), decide("ben"), decide("cid"), decide("dan"));
    assert_eq!((ana, ben, cid), (Ok(()), Ok(()), Ok(())));
    assert!(twice.is_err(), "three are enough");
    assert_eq!(ends(&mut run).await.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_cancellation_a_moment_after_the_end_changes_nothing() {
    let world = world();
    let text = "steps: [{ id: f, ask: { message: Go?, form: { ok: { type: boolean } } } }]\n";
    let (mut run, mut events) = world.start(text).await;
    waiting(&mut events).await;
    let path = StepPath::from("f");
    let late = async {
        run.cancel("ben");
        run.answer(&path, json!({"ok": true}), "ben").await
    };
    let (first, late) = tokio::join!(run.answer(&path, json!({"ok": true}), "ana"), late);
    assert_eq!((first, late), (Ok(()), Err(AnswerError::Over)));
    assert_eq!(ends(&mut run).await.status, RunStatus::Succeeded);
    let records = world.stored(&run).await.records;
    assert!(matches!(records.last().unwrap().event, Happened::Ended { .. }));
}
