//! What the operator allows, seen from outside: what is called, what is not, and what the audit log says of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

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

#[tokio::test]
async fn without_any_configuration_deletes_stay_small() {
    let bench = Bench::new();
    let end = bench.end(json!({}), &playbook(&call("a", "box.delete", "a@x.example", 11))).await;
    let failure = end.failure.unwrap();
    assert_eq!((failure.kind, bench.calls.count("box.delete")), (FailureKind::Limit, 0));
    for part in ["step a", "11 items", "a@x.example", "allows 10", "caps.deletes.per_mailbox"] {
        assert!(failure.message.contains(part), "{}", failure.message);
    }
    // Ten mailboxes of ten are a hundred; the eleventh is one too many.
    let steps: String =
        (0..11).map(|n| call(&format!("s{n}"), "box.delete", &format!("m{n}@x.example"), 10)).collect();
    let end = bench.end(json!({}), &playbook(&steps)).await;
    assert!(end.failure.unwrap().message.contains("caps.deletes.per_run"));
    assert_eq!(bench.calls.items("box.delete"), 100);
    // What does not delete is not capped, and an address counts whatever its case.
    let end = bench.end(json!({}), &playbook(&call("a", "box.move", "a@x.example", 500))).await;
    assert_eq!(end.status, RunStatus::Succeeded);
    let bench = Bench::new();
    let steps = call("a", "box.delete", "a@x.example", 6) + &call("b", "box.delete", "A@X.EXAMPLE", 6);
    assert_eq!(bench.end(json!({}), &playbook(&steps)).await.failure.unwrap().kind, FailureKind::Limit);
    assert_eq!(bench.calls.items("box.delete"), 6);
}

#[tokio::test]
async fn a_raised_cap_lets_more_through_and_the_playbook_only_narrows() {
    let bench = Bench::new();
    let policy = json!({"caps": {"deletes": {"per_mailbox": 20}}});
    assert_eq!(
        bench.end(policy.clone(), &playbook(&call("a", "box.delete", "a@x.example", 20))).await.status,
        RunStatus::Succeeded
    );
    let narrow =
        playbook(&call("a", "box.delete", "a@x.example", 20)).replace("box.delete: 100000", "box.delete: 5");
    assert_eq!(bench.end(policy.clone(), &narrow).await.failure.unwrap().kind, FailureKind::Limit);
    assert_eq!(
        bench.end(policy, &playbook(&call("a", "box.delete", "a@x.example", 21))).await.failure.unwrap().kind,
        FailureKind::Limit
    );
    assert_eq!(bench.calls.items("box.delete"), 20);
}

#[tokio::test]
async fn a_step_is_capped_over_all_rounds_of_its_loop() {
    let bench = Bench::new();
    let text = playbook(
        "  - id: each\n    foreach: '${{ [\"a\", \"b\", \"c\", \"d\"] }}'\n    as: who\n    limit: 10\n    do:\n      - id: move\n        uses: box.move\n        with: { mailbox: '${{ who }}@x.example', ids: [i, j] }\n",
    );
    let end = bench.end(json!({"caps": {"box.move": {"per_step": 5}}}), &text).await;
    assert!(end.failure.unwrap().message.contains("caps.box.move.per_step"));
    assert_eq!(bench.calls.items("box.move"), 4);
}

#[tokio::test]
async fn forbidden_names_are_all_told_before_anything_runs() {
    let bench = Bench::new();
    let text = playbook(
        &(call("look", "box.list", "a@x.example", 1)
            + &call("first", "box.delete", "a@x.example", 1)
            + &call("second", "box.move", "a@x.example", 1)),
    );
    let policy = json!({"actions": {"allow": ["box.list", "box.move"], "forbid": ["box.move"]}});
    let Err(EngineError::Policy(refusals)) = bench.start(policy, &text, Mode::Real).await.map(|_| ()) else {
        panic!("it started")
    };
    let found: Vec<_> =
        refusals.iter().map(|one| (one.step.as_deref().unwrap(), one.rule.as_str())).collect();
    assert_eq!(found, [("first", "actions.allow"), ("second", "actions.forbid")]);
    assert!(bench.calls.0.lock().unwrap().is_empty());
    assert_eq!(bench.log.whats(), ["start_refused"]);
    assert!(bench.engine(json!({})).runs(&Query::newest(5)).await.unwrap().is_empty());
}

#[tokio::test]
async fn mailboxes_are_held_at_the_call_for_reads_too_and_the_refusal_is_audited() {
    let bench = Bench::new();
    let policy = json!({"mailboxes": {"allow": ["@x.example"], "forbid": ["ceo@x.example"]}});
    for (mailbox, rule) in [("a@other.example", "mailboxes.allow"), ("CEO@x.example", "mailboxes.forbid")] {
        let end = bench.end(policy.clone(), &playbook(&call("look", "box.list", mailbox, 1))).await;
        let failure = end.failure.unwrap();
        assert_eq!(failure.kind, FailureKind::PermissionDenied);
        assert!(failure.message.contains(rule), "{}", failure.message);
        let refused = bench.log.entries().into_iter().rev().find_map(|entry| match entry.what {
            What::Refused { rule, mailbox, .. } => Some((rule, mailbox)),
            _ => None,
        });
        assert_eq!(refused, Some((rule.to_owned(), mailbox.to_lowercase())));
    }
    assert_eq!(bench.calls.count("box.list"), 0);
    let end = bench.end(policy, &playbook(&call("look", "box.list", "a@x.example", 1))).await;
    assert_eq!((end.status, bench.calls.count("box.list")), (RunStatus::Succeeded, 1));
}

#[tokio::test]
async fn ten_thousand_refusals_in_a_loop_are_no_deep_stack() {
    let bench = Bench::new();
    let numbers = serde_json::to_string(&(0..100).collect::<Vec<u8>>()).unwrap();
    let text = format!(
        "playbook: 1\nid: test\nvars: {{ all: {numbers} }}\npolicy: {{ max_effects: {{ box.move: 100000 }} }}\nsteps:\n  \
         - id: outer\n    foreach: ${{{{ vars.all }}}}\n    as: m\n    limit: 100\n    do:\n      \
         - id: each\n        foreach: ${{{{ vars.all }}}}\n        as: n\n        limit: 100\n        \
         on_item_error: collect\n        do:\n          \
         - id: move\n            uses: box.move\n            with: {{ mailbox: a@other.example, ids: [i] }}\n"
    );
    let started = bench.start(json!({"mailboxes": {"allow": ["@x.example"]}}), &text, Mode::Real).await;
    let end = started.unwrap().2.unwrap();
    assert_eq!((end.status, bench.calls.count("box.move")), (RunStatus::Succeeded, 0), "{:?}", end.failure);
    let refused =
        bench.log.entries().iter().filter(|entry| matches!(entry.what, What::Refused { .. })).count();
    assert_eq!(refused, 10_000);
}

#[tokio::test]
async fn a_retry_touches_the_same_items_and_is_audited_as_an_attempt() {
    let bench = Bench::new();
    let text = playbook(
        "  - id: a\n    uses: box.delete\n    retry: { attempts: 3 }\n    with: { mailbox: a@x.example, ids: [flaky, b, c, d, e, f] }\n",
    );
    let end = bench.end(json!({}), &text).await;
    assert_eq!((end.status, bench.calls.count("box.delete")), (RunStatus::Succeeded, 2), "{:?}", end.failure);
    let told: Vec<_> = bench
        .log
        .entries()
        .into_iter()
        .filter_map(|entry| match entry.what {
            What::EffectBegun(begun) => Some((begun.attempt, None)),
            What::EffectEnded { attempt, outcome, .. } => Some((attempt, Some(outcome))),
            _ => None,
        })
        .collect();
    let expected = [(1, None), (1, Some(Outcome::Failed)), (2, None), (2, Some(Outcome::Ok))];
    assert_eq!(told, expected);
    assert_eq!(bench.log.whats().first().unwrap(), "run_started");
    assert_eq!(bench.log.whats().last().unwrap(), "run_ended");
}

#[tokio::test]
async fn reads_leave_no_entry_of_their_own_and_values_none_at_all() {
    let bench = Bench::new();
    let text =
        playbook(&(call("look", "box.list", "a@x.example", 3) + &call("a", "box.delete", "a@x.example", 2)));
    bench.end(json!({}), &text).await;
    assert_eq!(bench.log.whats(), ["run_started", "effect_begun", "effect_ended", "run_ended"]);
    let all = serde_json::to_string(&bench.log.entries()).unwrap();
    assert!(!all.contains("i0"), "an id of the input stands in the log");
    let end = bench.start(json!({}), &text, Mode::DryRun).await.unwrap().2.unwrap();
    assert_eq!(
        (end.status, bench.log.entries().len()),
        (RunStatus::Succeeded, 4),
        "a rehearsal says nothing"
    );
}

#[tokio::test]
async fn the_hour_is_shared_by_all_runs_and_by_what_came_before_this_process() {
    let bench = Bench::new();
    let policy = json!({"caps": {"box.*": {"per_mailbox_and_hour": 5, "per_hour": 8}}});
    let move_of = |mailbox: &str, count| playbook(&call("a", "box.move", mailbox, count));
    assert_eq!(bench.end(policy.clone(), &move_of("a@x.example", 4)).await.status, RunStatus::Succeeded);
    // Another engine over the same log: what it forgot is in the log.
    let refused = bench.end(policy.clone(), &move_of("a@x.example", 2)).await.failure.unwrap();
    assert!(refused.message.contains("per_mailbox_and_hour"), "{}", refused.message);
    assert_eq!(bench.end(policy.clone(), &move_of("b@x.example", 4)).await.status, RunStatus::Succeeded);
    let refused = bench.end(policy.clone(), &move_of("c@x.example", 1)).await.failure.unwrap();
    assert!(refused.message.contains("caps.box.*.per_hour"), "{}", refused.message);
    bench.clock.advance(Duration::from_secs(3601));
    assert_eq!(bench.end(policy.clone(), &move_of("a@x.example", 5)).await.status, RunStatus::Succeeded);
    assert_eq!(bench.calls.items("box.move"), 13);
    bench.log.0.broken.store(true, Ordering::SeqCst);
    let error = bench.start(policy, &move_of("a@x.example", 1), Mode::Real).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, EngineError::Memory(_)), "{error}");
}

/// A gate, then a step it shows.
fn gated(count: usize) -> String {
    playbook(&format!(
        "  - id: gate\n    approve: {{ message: Sure?, shows: [clean] }}\n{}",
        call("clean", "box.move", "a@x.example", count)
    ))
}

#[tokio::test]
async fn four_eyes_want_another_person_who_saw_exactly_this_call() {
    let policy = json!({"four_eyes": {"above": 3}});
    let decided = |by: &'static str, count: usize| {
        let policy = policy.clone();
        async move {
            let bench = Bench::new();
            let engine = bench.engine(policy);
            let (sender, mut events) = unbounded_channel::<Event>();
            let start = Start { starter: "ann".into(), events: Some(sender), ..Start::default() };
            let mut run = engine.start(Source::new("test", &gated(count)), start).await.unwrap();
            while !matches!(events.recv().await.unwrap().kind, EventKind::Asked(_)) {}
            run.decide(&StepPath::from("gate"), Decision::Approved, by, None).await.unwrap();
            let end = run.wait().await.unwrap();
            (end, bench)
        }
    };
    let (end, bench) = decided("ann", 4).await;
    assert_eq!(
        (end.failure.unwrap().kind, bench.calls.count("box.move")),
        (FailureKind::PermissionDenied, 0)
    );
    let (end, _) = decided("ann", 3).await;
    assert_eq!(end.status, RunStatus::Succeeded, "not above the number");
    let (end, bench) = decided("ben", 4).await;
    assert_eq!((end.status, bench.calls.items("box.move")), (RunStatus::Succeeded, 4), "{:?}", end.failure);
    let begun = bench.log.entries().into_iter().find_map(|entry| match entry.what {
        What::EffectBegun(begun) => Some(begun.approved_by),
        _ => None,
    });
    assert_eq!(begun.unwrap(), ["ben"]);
}

#[tokio::test]
async fn what_was_approved_in_advance_is_no_second_person() {
    let bench = Bench::new();
    let engine = bench.engine(json!({"four_eyes": {"above": 3}}));
    for by in ["ann (--approve=all)", "somebody else"] {
        let approvals = Approvals::ApproveAll { by: by.to_owned() };
        let start = Start { starter: "ann".into(), approvals, ..Start::default() };
        let mut run = engine.start(Source::new("test", &gated(4)), start).await.unwrap();
        let failure = run.wait().await.unwrap().failure.unwrap();
        assert_eq!(failure.kind, FailureKind::PermissionDenied);
        assert!(failure.message.contains("four_eyes.above"), "{}", failure.message);
    }
    assert_eq!(bench.calls.count("box.move"), 0);
    let said = bench
        .log
        .entries()
        .into_iter()
        .any(|entry| matches!(entry.what, What::Decided { in_advance: true, .. }));
    assert!(said);
}

#[tokio::test]
async fn counters_go_on_after_a_restart() {
    let bench = Bench::new();
    let text = playbook(
        &(call("a", "box.delete", "a@x.example", 6)
            + "  - id: gate\n    approve: { message: Sure? }\n"
            + &call("b", "box.delete", "a@x.example", 6)),
    );
    let (sender, mut events) = unbounded_channel::<Event>();
    let start = Start { starter: "ann".into(), events: Some(sender), ..Start::default() };
    let run = bench.engine(json!({})).start(Source::new("test", &text), start).await.unwrap();
    while !matches!(events.recv().await.unwrap().kind, EventKind::Waiting) {}
    let id = run.id().clone();
    drop(run);
    let mut run = bench.engine(json!({})).resume(&id, Start::default()).await.unwrap();
    run.decide(&StepPath::from("gate"), Decision::Approved, "ben", None).await.unwrap();
    let failure = run.wait().await.unwrap().failure.unwrap();
    assert!(failure.message.contains("12 items"), "{}", failure.message);
    assert_eq!(bench.calls.items("box.delete"), 6);
}

#[tokio::test]
async fn a_rehearsal_shows_what_would_be_refused_and_goes_on() {
    let bench = Bench::new();
    let steps = call("a", "box.delete", "a@x.example", 11) + &call("b", "box.move", "a@x.example", 2);
    let (_, told, end) = bench
        .start(json!({"caps": {"box.move": {"per_run": 1}}}), &playbook(&steps), Mode::DryRun)
        .await
        .unwrap();
    let rules: Vec<&str> = told
        .iter()
        .filter_map(|kind| match kind {
            EventKind::Refused { rule, .. } => Some(rule.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(rules, ["caps.deletes.per_mailbox", "caps.box.move.per_run"]);
    assert_eq!((end.unwrap().status, bench.calls.0.lock().unwrap().len()), (RunStatus::Succeeded, 0));
}

#[tokio::test]
async fn a_thousand_effects_over_a_failing_log_are_a_thousand_that_did_not_happen() {
    let bench = Bench::new();
    let engine = bench.engine(json!({}));
    let attempt = async |text: &str, plan: &Arc<plan::Plan>| {
        let start = Start { starter: "ann".into(), ..Start::default() };
        let mut run = engine.start_checked(Source::new("test", text), Arc::clone(plan), start).await.unwrap();
        let end = run.wait().await;
        assert!(matches!(end, Err(EngineError::Audit { .. })), "{end:?}");
    };
    let checked = |text: &str| Arc::new(engine.check(Source::new("test", text)).plan.unwrap());
    let text = playbook(&call("a", "box.delete", "a@x.example", 1));
    let plan = checked(&text);
    bench.log.0.broken.store(true, Ordering::SeqCst);
    for _ in 0..500 {
        attempt(&text, &plan).await;
    }
    // It breaks between the beginning of the run and its effect, too.
    let look = call("look", "box.list", "a@x.example", 1);
    let text = playbook(&(look + &call("a", "box.delete", "a@x.example", 1)));
    let plan = checked(&text);
    for number in 0..500 {
        bench.log.0.slow.store(number % 10 == 0, Ordering::SeqCst);
        bench.log.0.broken.store(false, Ordering::SeqCst);
        bench.log.0.until_broken.store(2, Ordering::SeqCst);
        attempt(&text, &plan).await;
    }
    assert_eq!((bench.calls.count("box.delete"), bench.calls.count("box.list")), (0, 500));
}

#[tokio::test]
async fn what_happened_before_the_log_failed_is_journaled_and_not_done_again() {
    let bench = Bench::new();
    let steps = call("a", "box.delete", "a@x.example", 1) + &call("b", "box.delete", "b@x.example", 1);
    // The beginning of the run with that of `a`; then the end of `a` with the beginning of `b`.
    bench.log.0.until_broken.store(2, Ordering::SeqCst);
    let (run, _, end) = bench.start(json!({}), &playbook(&steps), Mode::Real).await.unwrap();
    assert!(matches!(end, Err(EngineError::Audit { .. })));
    assert_eq!(bench.calls.count("box.delete"), 1);
    let id = run.id().clone();
    drop(run);
    bench.log.0.broken.store(false, Ordering::SeqCst);
    let mut run = bench.engine(json!({})).resume(&id, Start::default()).await.unwrap();
    assert_eq!(run.wait().await.unwrap().status, RunStatus::Succeeded);
    assert_eq!(bench.calls.count("box.delete"), 2, "`a` was not called again");
    let inputs: BTreeMap<String, usize> =
        bench.calls.0.lock().unwrap().iter().map(|(_, input)| (input["mailbox"].to_string(), 1)).collect();
    assert_eq!(inputs.len(), 2);
}

/// A call of `box.sweep` about so many items of each mailbox, the mailboxes taking turns.
fn list(id: &str, mailboxes: &[(&str, usize)]) -> String {
    let most = mailboxes.iter().map(|(_, count)| *count).max().unwrap();
    let items: Vec<Value> = (0..most)
        .flat_map(|number| {
            mailboxes.iter().filter(move |(_, count)| number < *count).map(move |one| (number, one.0))
        })
        .map(|(number, mailbox)| json!({"mailbox": mailbox, "id": format!("i{number}")}))
        .collect();
    format!("  - id: {id}\n    uses: box.sweep\n    with: {{ items: {} }}\n", json!(items))
}

#[tokio::test]
async fn a_list_counts_every_entry_in_its_own_mailbox() {
    let bench = Bench::new();
    let over = list("a", &[("b@x.example", 3), ("a@x.example", 10), ("A@X.example", 1)]);
    let failure = bench.end(json!({}), &playbook(&over)).await.failure.unwrap();
    assert_eq!((failure.kind, bench.calls.count("box.sweep")), (FailureKind::Limit, 0));
    for part in ["11 items of a@x.example", "allows 10", "caps.deletes.per_mailbox"] {
        assert!(failure.message.contains(part), "{}", failure.message);
    }
    // Ten of each are allowed, and what a list changed counts against the calls that follow: in every mailbox of it.
    let full = list("a", &[("a@x.example", 10), ("b@x.example", 9)]);
    for (next, passes) in [
        (call("b", "box.delete", "a@x.example", 1), false),
        (call("b", "box.delete", "b@x.example", 2), false),
        (list("b", &[("c@x.example", 1), ("b@x.example", 2)]), false),
        (list("b", &[("c@x.example", 10), ("b@x.example", 1)]), true),
    ] {
        let end = bench.end(json!({}), &playbook(&(full.clone() + &next))).await;
        assert_eq!(end.failure.is_none(), passes, "{next}: {:?}", end.failure);
    }
    // All of a list counts in the run and in the step.
    let eleven: Vec<String> = (0..11).map(|number| format!("m{number}@x.example")).collect();
    let all: Vec<(&str, usize)> = eleven.iter().map(|mailbox| (mailbox.as_str(), 10)).collect();
    let failure = bench.end(json!({}), &playbook(&list("a", &all))).await.failure.unwrap();
    assert!(failure.message.contains("caps.deletes.per_run"), "{}", failure.message);
    let policy = json!({"caps": {"box.sweep": {"per_step": 3}}});
    let four = list("a", &[("a@x.example", 2), ("b@x.example", 2)]);
    let failure = bench.end(policy, &playbook(&four)).await.failure.unwrap();
    assert!(failure.message.contains("caps.box.sweep.per_step"), "{}", failure.message);
}

#[tokio::test]
async fn one_mailbox_that_is_not_allowed_refuses_the_whole_list_before_anything_is_touched() {
    let bench = Bench::new();
    let policy = json!({"mailboxes": {"allow": ["@x.example"], "forbid": ["ceo@x.example"]}});
    for (mailbox, rule) in [("a@other.example", "mailboxes.allow"), ("CEO@x.example", "mailboxes.forbid")] {
        let mixed = list("a", &[("a@x.example", 2), (mailbox, 1), ("b@x.example", 2)]);
        let failure = bench.end(policy.clone(), &playbook(&mixed)).await.failure.unwrap();
        assert_eq!(failure.kind, FailureKind::PermissionDenied);
        assert!(failure.message.contains(rule), "{}", failure.message);
        let refused = bench.log.entries().into_iter().rev().find_map(|entry| match entry.what {
            What::Refused { mailboxes, items, .. } => Some((mailboxes, items)),
            _ => None,
        });
        let (mailboxes, items) = refused.unwrap();
        assert_eq!((mailboxes.len(), items), (3, 5));
        assert_eq!((mailboxes[1].mailbox.as_str(), mailboxes[1].items), (&*mailbox.to_lowercase(), 1));
    }
    assert_eq!(bench.calls.count("box.sweep"), 0);
    let fine = list("a", &[("a@x.example", 2), ("b@x.example", 2)]);
    assert_eq!(bench.end(policy, &playbook(&fine)).await.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn the_hour_and_a_restart_remember_every_mailbox_of_a_list() {
    let bench = Bench::new();
    let policy = json!({"caps": {"box.*": {"per_mailbox_and_hour": 5}}});
    let first = list("a", &[("a@x.example", 4), ("b@x.example", 4)]);
    assert_eq!(bench.end(policy.clone(), &playbook(&first)).await.status, RunStatus::Succeeded);
    let begun = bench.log.entries().into_iter().find_map(|entry| match entry.what {
        What::EffectBegun(begun) => Some(begun),
        _ => None,
    });
    let begun = begun.unwrap();
    let told: Vec<(&str, u64)> =
        begun.mailboxes.iter().map(|one| (one.mailbox.as_str(), one.items)).collect();
    assert_eq!((begun.items, told), (8, vec![("a@x.example", 4), ("b@x.example", 4)]));
    // Another engine over the same log.
    let failure =
        bench.end(policy, &playbook(&call("a", "box.move", "b@x.example", 2))).await.failure.unwrap();
    assert!(failure.message.contains("per_mailbox_and_hour"), "{}", failure.message);
    // The list of the first step stands in the journal; a second engine goes on after the gate.
    let bench = Bench::new();
    let steps = list("a", &[("a@x.example", 4), ("b@x.example", 9)])
        + "  - id: gate\n    approve: { message: Sure?, shows: [b] }\n"
        + &call("b", "box.delete", "b@x.example", 2);
    let (sender, mut events) = unbounded_channel::<Event>();
    let start = Start { starter: "ann".into(), events: Some(sender), ..Start::default() };
    let engine = bench.engine(json!({}));
    let run = engine.start(Source::new("test", &playbook(&steps)), start).await.unwrap();
    while !matches!(events.recv().await.unwrap().kind, EventKind::Asked(_)) {}
    let id = run.id().clone();
    drop(run);
    let mut run = bench.engine(json!({})).resume(&id, Start::default()).await.unwrap();
    run.decide(&StepPath::from("gate"), Decision::Approved, "ben", None).await.unwrap();
    let failure = run.wait().await.unwrap().failure.unwrap();
    assert!(failure.message.contains("11 items of b@x.example"), "{}", failure.message);
    assert_eq!(bench.calls.count("box.delete"), 0);
}

#[tokio::test]
async fn an_approval_shows_the_list_and_is_bound_to_every_entry() {
    let asked = |mailboxes: &'static [(&'static str, usize)]| async move {
        let bench = Bench::new();
        let gate = "  - id: gate\n    approve: { message: Sure?, shows: [clean] }\n";
        let text = playbook(&(gate.to_owned() + &list("clean", mailboxes)));
        let (sender, mut events) = unbounded_channel::<Event>();
        let start = Start { starter: "ann".into(), events: Some(sender), ..Start::default() };
        let run = bench.engine(json!({})).start(Source::new("test", &text), start).await.unwrap();
        let ask = loop {
            if let EventKind::Asked(ask) = events.recv().await.unwrap().kind {
                break ask;
            }
        };
        drop(run);
        ask
    };
    let ask = asked(&[("a@x.example", 1), ("b@x.example", 1)]).await;
    let items = &ask.shown[0].input["items"];
    assert_eq!(
        *items,
        json!([{"mailbox": "a@x.example", "id": "i0"}, {"mailbox": "b@x.example", "id": "i0"}])
    );
    let other = asked(&[("a@x.example", 1), ("c@x.example", 1)]).await;
    assert_ne!(ask.digest, other.digest);
    assert_eq!(ask.digest, asked(&[("a@x.example", 1), ("b@x.example", 1)]).await.digest);
}
