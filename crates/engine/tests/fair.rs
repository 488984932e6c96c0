//! Slots for calls are handed out run by run, so that one long run does not starve another.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod doubles;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use doubles::{end, playbook, start};
use portcullis_engine::{
    Clock, Engine, Functions, Invocation, MemoryJournal, RunStatus, Timestamp, VirtualClock,
};
use serde_json::json;

/// Calls that take a second of the virtual clock each, and how many there are at a time.
#[derive(Clone, Default)]
struct Busy {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    all: Arc<AtomicUsize>,
}

/// A loop over so many items.
fn wide(items: usize, width: usize) -> String {
    let list = vec!["1"; items].join(",");
    format!(
        "{}inputs: {{ list: {{ type: array, items: {{ type: integer }}, default: [{list}] }} }}\n",
        playbook(&format!(
            "  - id: all\n    foreach: '${{{{ inputs.list }}}}'\n    as: n\n    max_parallel: {width}\n    limit: 1000\n    do: [{{ id: act, uses: test.read }}]\n"
        ))
    )
}

fn engine(slots: usize, clock: &VirtualClock, busy: &Busy) -> Engine {
    let spec = doubles::spec("test.read", "enrichment", "natural");
    let (sleeps, counts) = (clock.clone(), busy.clone());
    let actions = Functions::new()
        .with((*spec).clone(), move |_: Invocation| {
            let (clock, busy) = (sleeps.clone(), counts.clone());
            async move {
                busy.all.fetch_add(1, Ordering::SeqCst);
                let now = busy.now.fetch_add(1, Ordering::SeqCst) + 1;
                busy.most.fetch_max(now, Ordering::SeqCst);
                clock.sleep_until(Timestamp(clock.now().0 + 1_000)).await;
                busy.now.fetch_sub(1, Ordering::SeqCst);
                Ok(json!({"n": 0}))
            }
        })
        .unwrap();
    Engine::builder()
        .journal(MemoryJournal::default())
        .source(actions)
        .clock(clock.clone())
        .max_calls(slots)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_small_run_does_not_wait_for_a_big_one_that_began_before() {
    let (clock, busy) = (VirtualClock::new(Timestamp(0)), Busy::default());
    let engine = engine(4, &clock, &busy);
    let (mut big, _events) = start(&engine, &wide(1_000, 64)).await;
    let ticking = tokio::spawn({
        let clock = clock.clone();
        async move {
            loop {
                // Everybody who can do something does so before time passes.
                for _ in 0..200 {
                    tokio::task::yield_now().await;
                }
                clock.advance(Duration::from_secs(1));
            }
        }
    });
    while busy.all.load(Ordering::SeqCst) < 8 {
        tokio::task::yield_now().await;
    }
    let before = (clock.now().0, busy.all.load(Ordering::SeqCst));
    let (mut small, _events) = start(&engine, &playbook("  - { id: one, uses: test.read }\n")).await;
    assert_eq!(end(&mut small).await.unwrap().status, RunStatus::Succeeded);
    let took = clock.now().0 - before.0;
    assert!(took <= 3_000, "its turn came after one call of the other run: {took} ms");
    assert!(busy.all.load(Ordering::SeqCst) < before.1 + 16);
    assert_eq!(end(&mut big).await.unwrap().status, RunStatus::Succeeded);
    assert_eq!((busy.most.load(Ordering::SeqCst), busy.all.load(Ordering::SeqCst)), (4, 1_001));
    ticking.abort();
}

#[tokio::test]
async fn what_is_cancelled_while_it_waits_takes_no_slot() {
    let (clock, busy) = (VirtualClock::new(Timestamp(0)), Busy::default());
    let engine = engine(1, &clock, &busy);
    let (mut first, _events) = start(&engine, &wide(50, 50)).await;
    let (mut second, _events) = start(&engine, &wide(50, 50)).await;
    while busy.all.load(Ordering::SeqCst) < 1 {
        tokio::task::yield_now().await;
    }
    first.cancel("ana");
    assert_eq!(end(&mut first).await.unwrap().status, RunStatus::Cancelled);
    let done = tokio::spawn(async move { end(&mut second).await });
    while !done.is_finished() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(done.await.unwrap().unwrap().status, RunStatus::Succeeded);
    assert_eq!(busy.all.load(Ordering::SeqCst), 51, "one of the first run, which was dropped, and fifty");
}
