//! A guest that goes as deep as it can, with the host in between, ends itself and nothing else: two turns of
//! WebAssembly stack and the host functions between and below them fit the stack that a call runs on.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis_plugin_host::{LogLine, Manifest, Package, Plugin, PluginError, Stop};
use support::wat::{ANSWER, Wat};
use support::{exhaust, host, hostile, invoke};

/// Each level asks the host for a byte before it goes deeper; the lowest asks once more, having armed the trap if
/// that was asked for.
const DOWN: &str = "(func $down (param $more i32) (param $arm i32)
    (if (i32.eqz (local.get $more)) (then (if (local.get $arm) (then (call $arm)))))
    (call $random (i64.const 1) (i32.const 0))
    (if (local.get $more) (then (call $down (i32.sub (local.get $more) (i32.const 1)) (local.get $arm))))
    (call $random (i64.const 1) (i32.const 0)))";

/// Loads a component with time enough for any depth.
async fn load(wat: Wat<'_>) -> Plugin {
    let manifest = Manifest::parse(&format!("{}[limits]\ncpu = \"60s\"\n", support::MANIFEST)).unwrap();
    host().load(Package::new(manifest, wat.bytes())).await.unwrap()
}

/// Goes down as many levels as the input has bytes.
async fn down(plugin: &Plugin, levels: usize, context: &str) -> Result<String, Stop> {
    match plugin.invoke("act", &" ".repeat(levels), context, None).await {
        Ok(output) => Ok(output),
        Err(PluginError::Stopped { stop, .. }) => Err(stop),
        Err(other) => panic!("not stopped, but: {other}"),
    }
}

#[tokio::test]
async fn recursion_without_end_through_the_host() {
    let plugin = load(Wat::with_random(DOWN, "(call $down (i32.const -1) (i32.const 0)) unreachable")).await;
    for _ in 0..3 {
        assert_eq!(down(&plugin, 2, "{}").await, Err(Stop::Stack));
    }
}

#[tokio::test]
async fn two_full_turns_of_the_guest_with_the_host_between() {
    // The stack of WebAssembly begins anew when the host calls back into the guest. So the worst a guest can do is to
    // use up nearly all of one turn, make the host ask it for memory, and use up a second turn there.
    let body = format!("(call $down (local.get 3) (i32.gt_u (local.get 5) (i32.const 2))) {ANSWER}");
    let plugin = load(Wat::with_random(DOWN, &body)).await;
    let (mut good, mut bad) = (1000, 50_000);
    assert_eq!(down(&plugin, good, "{}").await.as_deref(), Ok("{}"));
    assert_eq!(down(&plugin, bad, "{}").await, Err(Stop::Stack));
    while bad - good > 1 {
        let middle = good.midpoint(bad);
        match down(&plugin, middle, "{}").await {
            Ok(_) => good = middle,
            Err(stop) => {
                assert_eq!(stop, Stop::Stack);
                bad = middle;
            }
        }
    }
    // The deepest that just works, and from there a second time without end.
    for levels in [good, good - 1, good / 2, 0] {
        assert_eq!(down(&plugin, levels, "{ }").await, Err(Stop::Stack), "{levels}");
        assert_eq!(down(&plugin, levels, "{}").await.as_deref(), Ok("{}"), "{levels}");
    }
}

#[tokio::test]
async fn there_is_no_third_turn() {
    // Asked for memory, a guest may not call the host, so it cannot make the host call back once more.
    let body = format!("(call $arm) (call $random (i64.const 1) (i32.const 0)) {ANSWER}");
    let wat = Wat::with_random("", &body);
    let mut extra = wat.extra.to_owned();
    for (old, new) in [
        (
            "(export \"get-random-bytes\"",
            "(export \"get-random-u64\" (func (result u64))) (export \"get-random-bytes\"",
        ),
        (
            "(core module $lender",
            "(core func $more (canon lower (func $source \"get-random-u64\")))
            (core module $lender (import \"host\" \"more\" (func $more (result i64)))",
        ),
        ("(call $sink (i32.const 0))", "(call $more)"),
        (
            "(instantiate $lender)",
            "(instantiate $lender (with \"host\" (instance (export \"more\" (func $more)))))",
        ),
    ] {
        assert_eq!(extra.matches(old).count(), 1, "{old}");
        extra = extra.replace(old, new);
    }
    let plugin = load(Wat { extra: &extra, ..wat }).await;
    let stop = down(&plugin, 2, "{}").await.unwrap_err();
    assert!(matches!(&stop, Stop::Trap(trap) if trap.contains("leave component instance")), "{stop}");
}

#[tokio::test]
async fn recursion_through_every_kind_of_host_call() {
    static LINES: AtomicUsize = AtomicUsize::new(0);
    // A sink that needs much stack itself, called from the depth of the guest's.
    let sink = Arc::new(|_: &LogLine<'_>| {
        black_box(&mut [0u8; 256 << 10]);
        LINES.fetch_add(1, Ordering::Relaxed);
    });
    let host = support::builder().log(sink).build().unwrap();
    let plugin = host.load(hostile("")).await.unwrap();
    let stop = exhaust(&plugin, "recursion_with_host_calls", 0).await.unwrap_err();
    assert!(matches!(stop, Stop::Stack | Stop::OutOfBounds), "{stop}");
    assert!(LINES.load(Ordering::Relaxed) > 10, "it did not get far: {LINES:?}");
    let echo = serde_json::json!({ "text": "still here" });
    assert_eq!(invoke(&plugin, "echo", echo.clone()).await.unwrap(), echo);
}
