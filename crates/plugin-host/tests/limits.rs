//! Every limit bites: at its default, and (where the default takes long to reach) at a smaller one from a manifest.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use portcullis_plugin_host::{LogLine, PluginError, Stop};
use serde_json::json;
use support::{exhaust, host, hostile, invoke, load};

/// Generous, because tests run beside each other; what counts is that the end comes at all and soon.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn cpu() {
    let plugin = load("").await;
    let start = Instant::now();
    assert_eq!(exhaust(&plugin, "loop", 0).await, Err(Stop::Cpu(Duration::from_secs(2))));
    assert!(
        start.elapsed() >= Duration::from_millis(1500) && start.elapsed() < SOON,
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn cpu_of_cheap_host_calls() {
    let plugin = load("cpu = \"200ms\"").await;
    assert_eq!(exhaust(&plugin, "host_calls", 0).await, Err(Stop::Cpu(Duration::from_millis(200))));
}

#[tokio::test]
async fn waiting_is_not_cpu() {
    let plugin = load("cpu = \"100ms\"").await;
    assert!(exhaust(&plugin, "sleep", 400).await.is_ok());
}

#[tokio::test]
async fn a_loop_lets_others_work() {
    // One thread: if the guest did not yield, nothing else would run before it ends.
    let plugin = load("cpu = \"1s\"").await;
    let looping = exhaust(&plugin, "loop", 0);
    let others = async {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            invoke(&plugin, "echo", json!({ "text": "still here" })).await.unwrap();
        }
        Instant::now()
    };
    let ((stopped, end), others) = tokio::join!(async { (looping.await, Instant::now()) }, others);
    assert_eq!(stopped, Err(Stop::Cpu(Duration::from_secs(1))));
    assert!(others < end);
}

#[tokio::test(start_paused = true)]
async fn wall() {
    let plugin = load("").await;
    assert_eq!(exhaust(&plugin, "sleep", 60_000).await, Err(Stop::Wall(Duration::from_secs(30))));
}

#[tokio::test]
async fn wall_in_real_time() {
    let plugin = load("wall = \"200ms\"").await;
    let start = Instant::now();
    assert_eq!(exhaust(&plugin, "sleep", 60_000).await, Err(Stop::Wall(Duration::from_millis(200))));
    assert!(start.elapsed() < SOON);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_one_plugin_is_not_the_end_of_another() {
    // Both run on one engine, so on one epoch; the short one ends in the middle of the long one.
    let short = load("cpu = \"100ms\"").await;
    let long = load("cpu = \"10s\"").await;
    let long = tokio::spawn(async move { exhaust(&long, "spin", 600).await });
    for _ in 0..3 {
        assert_eq!(exhaust(&short, "loop", 0).await, Err(Stop::Cpu(Duration::from_millis(100))));
    }
    assert!(long.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_call_that_is_dropped_ends_its_guest() {
    // A cancelled run drops the calls it does not want any more; nothing else ends these guests here.
    let plugin = load("cpu = \"10s\"").await;
    for what in ["loop", "sleep"] {
        let start = Instant::now();
        let call = exhaust(&plugin, what, 60_000);
        assert!(tokio::time::timeout(Duration::from_millis(100), call).await.is_err());
        assert!(start.elapsed() < SOON, "{what}");
    }
    assert!(exhaust(&plugin, "spin", 1).await.is_ok(), "the plugin is of use as before");
}

#[tokio::test]
async fn memory() {
    let plugin = load("").await;
    assert!(exhaust(&plugin, "memory", 50).await.is_ok());
    assert_eq!(exhaust(&plugin, "memory", 70).await, Err(Stop::Memory(64 << 20)));
    let plugin = load("memory = \"8MiB\"").await;
    assert_eq!(exhaust(&plugin, "memory", 10).await, Err(Stop::Memory(8 << 20)));
}

#[tokio::test]
async fn stack() {
    let plugin = load("").await;
    let stop = exhaust(&plugin, "recursion", 0).await.unwrap_err();
    assert!(matches!(stop, Stop::Stack | Stop::OutOfBounds), "{stop}");
}

#[tokio::test]
async fn input() {
    let plugin = load("").await;
    let text = |size: usize| json!({ "text": "x".repeat(size) });
    assert!(invoke(&plugin, "echo", text((8 << 20) - 100)).await.is_ok());
    let error = invoke(&plugin, "echo", text(8 << 20)).await.unwrap_err();
    assert!(
        matches!(error, PluginError::Stopped { stop: Stop::Input(limit), .. } if limit == 8 << 20),
        "{error}"
    );
}

#[tokio::test]
async fn output() {
    let plugin = load("").await;
    assert!(exhaust(&plugin, "output", (8 << 20) - 100).await.is_ok());
    assert_eq!(exhaust(&plugin, "output", 8 << 20).await, Err(Stop::Output(8 << 20)));
    // So much more that it is not even copied out.
    let plugin = load("memory = \"256MiB\"").await;
    assert_eq!(exhaust(&plugin, "output", 20 << 20).await, Err(Stop::Transfer(16 << 20)));
}

#[tokio::test]
async fn output_at_the_ceiling_passes() {
    let plugin = load("output = \"32MiB\"\nmemory = \"256MiB\"").await;
    assert!(exhaust(&plugin, "output", (32 << 20) - 100).await.is_ok());
}

#[tokio::test]
async fn log() {
    let plugin = load("").await;
    let start = Instant::now();
    assert_eq!(exhaust(&plugin, "log", 1000).await, Err(Stop::Log(256 << 10)));
    assert_eq!(exhaust(&plugin, "log", 0).await, Err(Stop::Log(256 << 10)));
    assert!(start.elapsed() < SOON);
}

#[tokio::test]
async fn log_line() {
    let plugin = load("").await;
    assert!(exhaust(&plugin, "log_line", 8 << 10).await.is_ok());
    assert_eq!(exhaust(&plugin, "log_line", (8 << 10) + 1).await, Err(Stop::LogLine(8 << 10)));
}

#[tokio::test]
async fn standard_output_and_error() {
    let kept = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&kept);
    let sink = Arc::new(move |line: &LogLine<'_>| {
        count.fetch_add(line.message.len(), Ordering::Relaxed);
    });
    let host = support::builder().log(sink).build().unwrap();
    let plugin = host.load(hostile("")).await.unwrap();
    for what in ["print", "complain"] {
        kept.store(0, Ordering::Relaxed);
        assert!(exhaust(&plugin, what, 1000).await.is_ok());
        assert_eq!(kept.swap(0, Ordering::Relaxed), 1001, "{what}");
        assert!(exhaust(&plugin, what, 10 << 20).await.is_ok());
        assert_eq!(kept.load(Ordering::Relaxed), 64 << 10, "{what}");
    }
}

#[tokio::test]
async fn handles() {
    let plugin = load("").await;
    assert!(invoke(&plugin, "hoard", json!({ "handles": 1000 })).await.is_ok());
    let error = invoke(&plugin, "hoard", json!({ "handles": 1100 })).await.unwrap_err();
    assert!(matches!(error, PluginError::Stopped { stop: Stop::Handles(1024), .. }), "{error}");
}

#[tokio::test]
async fn artifacts() {
    // Time is not what is tried here, and a busy machine takes it to copy that much.
    let plugin = load("cpu = \"30s\"").await;
    assert!(invoke(&plugin, "hoard", json!({ "mib": 64 })).await.is_ok());
    let error = invoke(&plugin, "hoard", json!({ "mib": 65 })).await.unwrap_err();
    assert!(matches!(&error, PluginError::Failed { code, .. } if code == "limit"), "{error}");
    assert!(error.to_string().contains("64 MiB"), "{error}");
}

#[tokio::test]
async fn instances_alive() {
    // Counts calls between their two log lines.
    static ALIVE: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let sink = |line: &LogLine<'_>| match line.message {
        "asleep" => {
            MOST.fetch_max(ALIVE.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        }
        "awake" => {
            ALIVE.fetch_sub(1, Ordering::SeqCst);
        }
        _ => {}
    };
    let host = support::builder().log(Arc::new(sink)).build().unwrap();
    let mut plugins = Vec::new();
    for _ in 0..6 {
        plugins.push(host.load(hostile("")).await.unwrap());
    }
    let all = |plugins: Vec<portcullis_plugin_host::Plugin>, calls: usize| async move {
        let tasks: Vec<_> = plugins
            .into_iter()
            .flat_map(|plugin| std::iter::repeat_n(plugin, calls))
            .map(|plugin| tokio::spawn(async move { exhaust(&plugin, "sleep", 300).await.unwrap() }))
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        MOST.swap(0, Ordering::SeqCst)
    };
    assert_eq!(all(plugins[..1].to_vec(), 40).await, 16, "of one plugin");
    assert_eq!(all(plugins, 16).await, 64, "of all plugins");
}

#[tokio::test]
async fn crashes_are_said_in_plain_words() {
    let plugin = load("").await;
    assert_eq!(exhaust(&plugin, "abort", 0).await, Err(Stop::Abort));
    // WASI 0.2 passes on whether an exit was a success, not its code.
    assert_eq!(exhaust(&plugin, "exit", 0).await, Err(Stop::Exit(1)));
    let error = invoke(&plugin, "exhaust", json!({ "what": "panic" })).await.unwrap_err();
    let PluginError::Stopped { stop: Stop::Abort, stderr, .. } = &error else { panic!("{error}") };
    assert!(stderr.contains("told to panic"), "{stderr}");
    assert_eq!(
        error.to_string(),
        "plugin `hostile` was stopped in `exhaust`: it crashed (a panic, or an abort)"
    );
}

#[tokio::test]
async fn a_plugin_works_after_every_kind_of_end() {
    let plugin = load("cpu = \"50ms\"\nwall = \"1s\"").await;
    for what in ["loop", "memory", "recursion", "panic", "abort", "exit", "log", "sleep"] {
        assert!(exhaust(&plugin, what, 5000).await.is_err(), "{what}");
        let echo = invoke(&plugin, "echo", json!({ "text": what })).await.unwrap();
        assert_eq!(echo, json!({ "text": what }));
    }
    assert!(host().is_started());
}
