//! Runs that only wait leave memory, can still be spoken to, and go on at their time; a keeper goes on with all that
//! are not over.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code, with a figure to read"
)]

mod doubles;

use std::sync::Arc;
use std::time::Duration;

use doubles::{Reply, Script, end, playbook, resume, start, until};
use journal::Query;
use portcullis_engine::{
    Clock, DecideError, Decision, Engine, EngineError, EventKind, Journal, MemoryJournal, Run, RunId,
    RunStatus, Source, Start, Timestamp, VirtualClock,
};
use serde_json::json;

/// An engine that parks whatever waits, almost at once.
fn engine(script: &Script, journal: MemoryJournal) -> Engine {
    let soon = Some(Duration::from_millis(1));
    Engine::builder().source(script.clone()).journal(journal).park_after(soon).build().unwrap()
}

const GATED: &str = "  - { id: gate, approve: { message: Do it?, shows: [act] } }\n  - { id: act, uses: test.change, with: { n: 5 } }\n";

async fn settle() {
    tokio::time::sleep(Duration::from_millis(60)).await;
}

#[tokio::test]
async fn a_parked_run_takes_a_decision_as_any_other_and_tells_nothing_twice() {
    let script = Script::default();
    let engine = engine(&script, MemoryJournal::default());
    let (mut run, mut events) = start(&engine, &playbook(GATED)).await;
    until(&mut events, |kind| *kind == EventKind::Waiting).await;
    settle().await;
    let path = "gate".into();
    assert_eq!(
        run.decide(&"act".into(), Decision::Approved, "ana", None).await,
        Err(DecideError::NotAsked("act".into()))
    );
    settle().await;
    run.decide(&path, Decision::Approved, "ana", None).await.unwrap();
    assert_eq!(end(&mut run).await.unwrap().status, RunStatus::Succeeded);
    assert_eq!(script.paths(), ["act"]);
    let mut asked = 0;
    while let Ok(event) = events.try_recv() {
        asked += u32::from(matches!(event.kind, EventKind::Asked(_)));
    }
    assert_eq!(asked, 0, "it was asked before it was parked");
}

#[tokio::test]
async fn a_parked_run_goes_on_at_its_time_under_a_virtual_clock() {
    let clock = VirtualClock::new(Timestamp(0));
    let script = Script::default();
    let engine = Engine::builder()
        .source(script.clone())
        .clock(clock.clone())
        .park_after(Some(Duration::from_millis(1)))
        .build()
        .unwrap();
    // A question holds the clock still; a wait for the time does not.
    let (mut asks, mut events) =
        start(&engine, &playbook(&GATED.replace("shows: [act]", "shows: [act], timeout: 2h"))).await;
    until(&mut events, |kind| *kind == EventKind::Waiting).await;
    settle().await;
    assert_eq!(clock.now(), Timestamp(0));
    let waits = playbook("  - { id: nap, wait: 1h }\n  - { id: act, uses: test.change }\n");
    let (mut naps, _events) = start(&engine, &waits).await;
    settle().await;
    assert_eq!(clock.now(), Timestamp(0));
    clock.advance(Duration::from_secs(3_600));
    assert_eq!(end(&mut naps).await.unwrap().status, RunStatus::Succeeded);
    clock.advance(Duration::from_secs(3_600));
    assert_eq!(end(&mut asks).await.unwrap().status, RunStatus::Succeeded);
    assert_eq!(script.paths(), ["act"], "silence is a rejection");
}

#[tokio::test]
async fn a_parked_run_leaves_with_its_engine_and_keeps_its_key() {
    let script = Script::default();
    let engine = engine(&script, MemoryJournal::default());
    let keyed = format!("{}concurrency: {{ key: same, on_conflict: skip }}\n", playbook(GATED));
    let (mut run, mut events) = start(&engine, &keyed).await;
    until(&mut events, |kind| *kind == EventKind::Waiting).await;
    settle().await;
    let second = engine.start(Source::new("t", &keyed), Start::default()).await.err().unwrap();
    assert!(matches!(second, EngineError::Busy { .. }), "{second}");
    assert_eq!(engine.shutdown(Duration::from_secs(600)).await, 0);
    assert!(matches!(end(&mut run).await, Err(EngineError::ShutDown(_))));
}

#[tokio::test]
async fn nobody_drives_a_run_beside_another() {
    let engine = engine(&Script::default(), MemoryJournal::default());
    let (run, mut events) = start(&engine, &playbook(GATED)).await;
    until(&mut events, |kind| *kind == EventKind::Waiting).await;
    let second = engine.resume(run.id(), Start::default()).await.err().unwrap();
    assert!(matches!(second, EngineError::Driven(_)), "{second}");
    let id = run.id().clone();
    drop(run);
    assert!(engine.resume(&id, Start::default()).await.is_ok(), "let go of a moment ago");
}

#[tokio::test]
async fn a_keeper_goes_on_with_all_that_is_not_over() {
    let script = Script::default().reply("test.send", [Reply::Hang]);
    let before = engine(&script, MemoryJournal::default());
    let (asks, mut events) = start(&before, &playbook(GATED)).await;
    until(&mut events, |kind| *kind == EventKind::Waiting).await;
    let (sends, mut events) = start(&before, &playbook("  - { id: a, uses: test.send }\n")).await;
    until(&mut events, |kind| matches!(kind, EventKind::Calling { .. })).await;
    let (mut over, _events) = start(&before, &playbook("  - { id: a, uses: test.read }\n")).await;
    end(&mut over).await.unwrap();
    let (paused, mut events) = start(&before, &playbook(GATED)).await;
    until(&mut events, |kind| *kind == EventKind::Waiting).await;
    paused.pause("ana").await.unwrap();
    let ids = [asks.id().clone(), sends.id().clone(), over.id().clone(), paused.id().clone()];
    drop((asks, sends, over, paused));
    let journal = MemoryJournal::default();
    for id in &ids {
        let stored = before.journal().load(id).await.unwrap();
        journal.create(stored.header, stored.records).await.unwrap();
    }
    let after = Script::default();
    let second = engine(&after, journal);
    let (keeper, troubles) = second.keep_running(|_| Start::default()).await.unwrap();
    assert!(troubles.is_empty(), "{troubles:?}");
    settle().await;
    assert_eq!(keeper.len(), 2, "the send ended as unknown; two wait");
    let status = async |id: &RunId| {
        let runs = second.runs(&Query::newest(9)).await.unwrap();
        runs.into_iter().find(|summary| summary.run == *id).unwrap().status
    };
    assert_eq!(status(&ids[1]).await, RunStatus::Unknown);
    let gate = "gate".into();
    keeper.run(&ids[0]).await.unwrap().decide(&gate, Decision::Approved, "ana", None).await.unwrap();
    let paused = keeper.run(&ids[3]).await.unwrap();
    paused.decide(&gate, Decision::Approved, "ana", None).await.unwrap();
    settle().await;
    assert_eq!(status(&ids[0]).await, RunStatus::Succeeded);
    assert_eq!(status(&ids[3]).await, RunStatus::Paused);
    paused.proceed("ana").await.unwrap();
    settle().await;
    assert_eq!(status(&ids[3]).await, RunStatus::Succeeded);
    assert!(keeper.is_empty());
    let over = keeper.run(&ids[2]).await.unwrap();
    assert_eq!(over.decide(&gate, Decision::Approved, "ana", None).await, Err(DecideError::Over));
    assert!(keeper.run(&RunId::new("nobody").unwrap()).await.is_err());
}

#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// `PORTCULLIS_WAITING` says how many; ten thousand take a while in a debug build.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn many_waiting_runs_cost_little_and_each_can_be_decided() {
    let many = std::env::var("PORTCULLIS_WAITING").map_or(400, |many| many.parse().unwrap());
    let script = Script::default();
    let engine = engine(&script, MemoryJournal::default());
    let text = playbook(GATED);
    let source = Source::new("t", &text);
    let plan = Arc::new(engine.check(source).plan.unwrap());
    let mut runs: Vec<Run> = Vec::new();
    let before = resident();
    for _ in 0..many {
        runs.push(engine.start_checked(source, Arc::clone(&plan), Start::default()).await.unwrap());
        tokio::task::yield_now().await;
    }
    settle().await;
    settle().await;
    let each = resident().saturating_sub(before) / many;
    println!("{each} bytes a waiting run, its history in memory included; {many} runs");
    for run in &mut runs {
        run.decide(&"gate".into(), Decision::Approved, "ana", None).await.unwrap();
        assert_eq!(end(run).await.unwrap().status, RunStatus::Succeeded);
    }
    assert_eq!(script.paths().len() as u64, many);
    assert!(each < 40_000, "{each} bytes a run");
}

#[tokio::test]
async fn what_was_resumed_can_be_parked_and_signalled() {
    let script = Script::default();
    let engine = engine(&script, MemoryJournal::default());
    let text = playbook(
        "  - { id: gate, wait: { event: go, schema: { type: object }, timeout: 1h } }\n  - { id: act, uses: test.change }\n",
    );
    let (run, mut events) = start(&engine, &text).await;
    until(&mut events, |kind| *kind == EventKind::Waiting).await;
    let id = run.id().clone();
    drop(run);
    let (mut again, _events) = resume(&engine, &id).await;
    settle().await;
    again.signal("go", json!({})).await.unwrap();
    assert_eq!(end(&mut again).await.unwrap().status, RunStatus::Succeeded);
}
