//! Pausing, stepping, going on, cancelling, and leaving with everything written down.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod doubles;

use std::time::Duration;

use doubles::{Reply, Script, end, playbook, resume, start, until};
use journal::{Event as Happened, Record};
use portcullis_engine::{
    Engine, EngineError, EventKind, FailureKind, HaltError, Journal, MemoryJournal, Probe, RunStatus, Source,
    Start, Timestamp, VirtualClock,
};
use serde_json::json;

fn engine(script: &Script) -> Engine {
    Engine::builder().source(script.clone()).build().unwrap()
}

const THREE: &str =
    "  - { id: a, uses: test.read }\n  - { id: b, uses: test.change }\n  - { id: c, uses: test.change }\n";

async fn history(engine: &Engine, run: &portcullis_engine::RunId) -> Vec<Record> {
    engine.journal().load(run).await.unwrap().records
}

#[tokio::test]
async fn a_paused_run_begins_nothing_until_it_is_stepped_or_goes_on() {
    let script = Script::default().reply("test.read", [Reply::Door]);
    let engine = engine(&script);
    let (mut run, mut events) = start(&engine, &playbook(THREE)).await;
    until(&mut events, |kind| matches!(kind, EventKind::Calling { .. })).await;
    assert_eq!(run.proceed("ana").await, Err(HaltError::NotPaused));
    assert_eq!(run.step("ana").await, Err(HaltError::NotPaused));
    run.pause("ana").await.unwrap();
    assert_eq!(run.pause("bo").await, Err(HaltError::Paused));
    assert_eq!(run.step("ana").await, Err(HaltError::NothingHeld), "the first call is still in flight");
    script.door.add_permits(1);
    until(&mut events, |kind| *kind == EventKind::Paused).await;
    assert_eq!(script.paths(), ["a"], "what was in flight ended; nothing else began");
    run.step("ana").await.unwrap();
    until(&mut events, |kind| *kind == EventKind::Paused).await;
    assert_eq!(script.paths(), ["a", "b"], "one call and no more");
    run.proceed("bo").await.unwrap();
    assert_eq!(end(&mut run).await.unwrap().status, RunStatus::Succeeded);
    assert_eq!(script.paths(), ["a", "b", "c"]);
    assert_eq!(run.pause("ana").await, Err(HaltError::Over));
    let told: Vec<_> = history(&engine, run.id())
        .await
        .into_iter()
        .filter_map(|record| match record.event {
            Happened::Paused { by } => Some(format!("paused by {by}")),
            Happened::Stepped { by } => Some(format!("stepped by {by}")),
            Happened::Continued { by } => Some(format!("continued by {by}")),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["paused by ana", "stepped by ana", "continued by bo"]);
}

#[tokio::test]
async fn a_step_takes_the_calls_of_a_loop_in_program_order() {
    let script = Script::default().reply("test.read", [Reply::Door]);
    let engine = engine(&script);
    let text = playbook(
        "  - { id: first, uses: test.read }\n  - id: all\n    foreach: '${{ [1, 2, 3] }}'\n    as: n\n    max_parallel: 3\n    limit: 10\n    do: [{ id: act, uses: test.read }]\n",
    );
    let (mut run, mut events) = start(&engine, &text).await;
    until(&mut events, |kind| matches!(kind, EventKind::Calling { .. })).await;
    run.pause("ana").await.unwrap();
    script.door.add_permits(1);
    for done in 1..=3 {
        until(&mut events, |kind| *kind == EventKind::Paused).await;
        assert_eq!(script.paths().len(), done);
        run.step("ana").await.unwrap();
    }
    assert_eq!(end(&mut run).await.unwrap().status, RunStatus::Succeeded, "nothing is left to hold back");
    assert_eq!(script.paths(), ["first", "all[0]/act", "all[1]/act", "all[2]/act"]);
}

#[tokio::test]
async fn a_next_attempt_and_a_call_delayed_by_its_rate_limit_are_held_back_too() {
    let clock = VirtualClock::new(Timestamp(0));
    let script = Script::default().reply("test.change", [Reply::Fail(FailureKind::Throttled)]);
    let engine = Engine::builder().source(script.clone()).clock(clock.clone()).build().unwrap();
    let text = playbook(concat!(
        "  - id: both\n    parallel:\n",
        "      a: [{ id: again, uses: test.change, retry: { attempts: 3, initial: 1s, max: 1s, on: [throttled] } }]\n",
        "      b:\n",
        "        - { id: one, uses: test.read, rate_limit: { key: k, per: 1m, permits: 1 } }\n",
        "        - { id: two, uses: test.read, rate_limit: { key: k, per: 1m, permits: 1 } }\n",
        "      c: [{ id: gate, wait: { event: go, schema: { type: object }, timeout: 1h } }]\n",
    ));
    let (mut run, mut events) = start(&engine, &text).await;
    until(&mut events, |kind| matches!(kind, EventKind::Delayed { .. })).await;
    run.pause("ana").await.unwrap();
    clock.advance(Duration::from_secs(120));
    until(&mut events, |kind| *kind == EventKind::Paused).await;
    tokio::task::yield_now().await;
    assert_eq!(script.paths().len(), 2, "{:?}", script.paths());
    run.step("ana").await.unwrap();
    until(&mut events, |kind| *kind == EventKind::Paused).await;
    run.proceed("ana").await.unwrap();
    run.signal("go", json!({})).await.unwrap();
    assert_eq!(end(&mut run).await.unwrap().status, RunStatus::Succeeded);
    assert_eq!((script.calls("test.change"), script.calls("test.read").len()), (vec![1, 2], 2));
}

#[tokio::test]
async fn a_paused_run_is_still_paused_for_who_resumes_it() {
    let script = Script::default().reply("test.send", [Reply::Hang]);
    let engine = engine(&script);
    let text = playbook("  - { id: a, uses: test.send }\n  - { id: b, uses: test.change }\n");
    let (run, mut events) = start(&engine, &text).await;
    until(&mut events, |kind| matches!(kind, EventKind::Calling { .. })).await;
    run.pause("ana").await.unwrap();
    let id = run.id().clone();
    drop(run);
    for proceeds in [false, true] {
        // The send was begun and nobody knows how it ended: it is asked about only once the run goes on.
        let after = Script::default().probe(Probe::Done(json!({"n": 1}).into()));
        let stored = engine.journal().load(&id).await.unwrap();
        let journal = MemoryJournal::default();
        journal.create(stored.header, stored.records).await.unwrap();
        let second = Engine::builder().source(after.clone()).journal(journal).build().unwrap();
        let (mut again, mut events) = resume(&second, &id).await;
        until(&mut events, |kind| *kind == EventKind::Paused).await;
        assert_eq!(again.pause("bo").await, Err(HaltError::Paused));
        if proceeds {
            again.proceed("bo").await.unwrap();
        } else {
            again.step("bo").await.unwrap();
            until(&mut events, |kind| *kind == EventKind::Paused).await;
            assert!(after.paths().is_empty(), "the probe knew; the next step is held");
            again.step("bo").await.unwrap();
        }
        assert_eq!(end(&mut again).await.unwrap().status, RunStatus::Succeeded);
        assert_eq!(after.paths(), ["b"]);
    }
}

#[tokio::test]
async fn cancelling_ends_a_pause_and_finally_runs() {
    let script = Script::default().reply("test.send", [Reply::Hang]);
    let engine = engine(&script);
    let text = format!(
        "{}finally: [{{ id: tidy, uses: test.change }}]\n",
        playbook("  - { id: a, uses: test.send }\n")
    );
    let (run, mut events) = start(&engine, &text).await;
    until(&mut events, |kind| matches!(kind, EventKind::Calling { .. })).await;
    run.pause("ana").await.unwrap();
    let id = run.id().clone();
    drop(run);
    let (mut again, mut events) = resume(&engine, &id).await;
    until(&mut events, |kind| *kind == EventKind::Paused).await;
    again.cancel("bo");
    // What is in doubt is still answered: nobody knows, and that outranks the cancellation.
    assert_eq!(end(&mut again).await.unwrap().status, RunStatus::Unknown);
    assert_eq!(script.paths(), ["a", "tidy"]);
    let summary = engine.runs(&journal::Query::newest(1)).await.unwrap();
    assert_eq!(summary[0].status, RunStatus::Unknown);
}

#[tokio::test]
async fn time_limits_and_questions_go_on_while_a_run_is_paused() {
    let script = Script::default();
    let engine = engine(&script);
    let text = playbook(
        "  - { id: gate, approve: { message: Do it?, shows: [act] } }\n  - { id: act, uses: test.change }\n",
    );
    let (mut run, mut events) = start(&engine, &format!("{text}deadline: 2s\n")).await;
    until(&mut events, |kind| matches!(kind, EventKind::Asked(_))).await;
    run.pause("ana").await.unwrap();
    run.decide(&"gate".into(), portcullis_engine::Decision::Approved, "bo", None).await.unwrap();
    let ended = end(&mut run).await.unwrap();
    assert_eq!(ended.failure.unwrap().kind, FailureKind::Timeout);
    assert!(script.paths().is_empty());
}

#[tokio::test]
async fn a_change_that_never_returns_does_not_hold_a_cancelled_run_for_ever() {
    let script = Script::default().reply("test.send", [Reply::Hang]).reply("test.read", [Reply::Hang]);
    let engine = engine(&script);
    let text = playbook(
        "  - id: both\n    parallel:\n      a: [{ id: a, uses: test.read }]\n      b: [{ id: b, uses: test.send, timeout: 1s }]\n",
    );
    let (mut run, mut events) = start(&engine, &text).await;
    until(&mut events, |kind| matches!(kind, EventKind::Calling { .. })).await;
    run.cancel("ana");
    let ended = end(&mut run).await.unwrap();
    assert_eq!(ended.status, RunStatus::Unknown, "its time limit ends it, and the probe does not know");
    assert_eq!(*script.dropped.lock().unwrap(), ["test.read", "test.send"]);
}

#[tokio::test]
async fn a_shutdown_lets_changes_finish_drops_reads_and_says_nothing_about_failing() {
    let script = Script::default().reply("test.read", [Reply::Hang]).reply("test.change", [Reply::Door]);
    let engine = engine(&script);
    let text = playbook(
        "  - id: both\n    parallel:\n      a: [{ id: a, uses: test.read }]\n      b: [{ id: b, uses: test.change }, { id: c, uses: test.change }]\n",
    );
    let (mut run, mut events) = start(&engine, &text).await;
    until(&mut events, |kind| matches!(kind, EventKind::Calling { action, .. } if action == "test.change"))
        .await;
    let door = script.door.clone();
    let opens = async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        door.add_permits(1);
    };
    let (late, ()) = tokio::join!(engine.shutdown(Duration::from_secs(10)), opens);
    assert_eq!(late, 0);
    assert!(matches!(end(&mut run).await, Err(EngineError::ShutDown(id)) if id == *run.id()));
    assert_eq!(*script.dropped.lock().unwrap(), ["test.read"]);
    assert_eq!(script.calls("test.change").len(), 1, "the next change did not begin");
    let records = history(&engine, run.id()).await;
    assert!(records.iter().any(|record| matches!(record.event, Happened::Performed { .. })));
    assert!(!records.iter().any(|record| matches!(
        record.event,
        Happened::AttemptFailed { .. } | Happened::CancelRequested { .. } | Happened::Ended { .. }
    )));
    let refused = engine.start(Source::new("t", &text), Start::default()).await.err().unwrap();
    assert!(matches!(refused, EngineError::Closed));

    let stored = engine.journal().load(run.id()).await.unwrap();
    let journal = MemoryJournal::default();
    journal.create(stored.header, stored.records).await.unwrap();
    let after = Script::default();
    let second = Engine::builder().source(after.clone()).journal(journal).build().unwrap();
    let (mut again, _events) = resume(&second, run.id()).await;
    assert_eq!(end(&mut again).await.unwrap().status, RunStatus::Succeeded);
    assert_eq!(after.paths(), ["both/a/a", "both/b/c"], "the change that finished is not made again");
}

#[tokio::test]
async fn a_shutdown_is_ready_within_its_grace_even_if_a_change_hangs() {
    let script = Script::default().reply("test.change", [Reply::Hang]);
    let engine = engine(&script);
    let (mut run, mut events) = start(&engine, &playbook("  - { id: a, uses: test.change }\n")).await;
    until(&mut events, |kind| matches!(kind, EventKind::Calling { .. })).await;
    let begun = std::time::Instant::now();
    assert_eq!(engine.shutdown(Duration::from_millis(300)).await, 1);
    assert!(begun.elapsed() < Duration::from_secs(10), "not the time limit of the call");
    assert!(matches!(end(&mut run).await, Err(EngineError::ShutDown(_))));
    let last = history(&engine, run.id()).await.pop().unwrap();
    assert!(matches!(last.event, Happened::Performing { .. }), "in doubt, as after a crash");
}

#[tokio::test]
async fn a_run_that_waits_leaves_at_once() {
    let engine = engine(&Script::default());
    let text = playbook(
        "  - { id: gate, approve: { message: Do it?, shows: [act] } }\n  - { id: act, uses: test.change }\n",
    );
    let (mut run, mut events) = start(&engine, &text).await;
    until(&mut events, |kind| *kind == EventKind::Waiting).await;
    assert_eq!(engine.shutdown(Duration::from_secs(3600)).await, 0);
    assert!(matches!(end(&mut run).await, Err(EngineError::ShutDown(_))));
}
