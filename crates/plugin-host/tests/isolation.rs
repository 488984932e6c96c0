//! A call sees its input and nothing else: no file, variable, argument or address, no other call, no other's artifact.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::sync::{Arc, Mutex};

use action_api::plan::{Blame, FailureKind};
use action_api::{ActionSource, Artifacts};
use portcullis_plugin_host::{Level, LogLine};
use serde_json::json;
use support::{Memory, invoke, load, source, step, step_with};

#[tokio::test]
async fn no_ambient_capability() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let file = std::env::current_exe().unwrap();
    let input =
        json!({ "file": file.to_str().unwrap(), "address": listener.local_addr().unwrap().to_string() });
    let plugin = load("").await;
    let reached = invoke(&plugin, "escape", input).await.unwrap();
    assert_eq!(reached, json!({ "worked": [], "tried": 14 }));
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "somebody connected");
}

#[tokio::test]
async fn nothing_survives_a_call() {
    let plugin = load("").await;
    for _ in 0..20 {
        let output = invoke(&plugin, "remember", json!({})).await.unwrap();
        assert_eq!(output["text"], "call 1, 0 bytes of another");
    }
}

#[tokio::test]
async fn artifacts_stream_in_and_out() {
    let host = source(None).await;
    let store = Arc::new(Memory::default());
    let text = "sphinx of black quartz ".repeat(100_000);
    let given = store.put("text/plain", &mut text.as_bytes()).unwrap();
    let output = step_with(&host, "hostile.copy", json!({ "file": given }), store.clone()).await.unwrap();
    assert_eq!(output["file"]["media_type"], "text/x-upper");
    assert_eq!(output["file"]["size"], text.len());
    let digest = output["file"]["artifact"].as_str().unwrap().parse().unwrap();
    let mut copy = String::new();
    store.open(&digest).unwrap().read_to_string(&mut copy).unwrap();
    assert_eq!(copy, text.to_ascii_uppercase());
}

#[tokio::test]
async fn a_digest_in_text_opens_nothing() {
    let host = source(None).await;
    let store = Arc::new(Memory::default());
    let secret = store.put("text/plain", &mut "somebody else's mail".as_bytes()).unwrap();
    let input = json!({ "text": secret.artifact });
    let failure = step_with(&host, "hostile.guess", input.clone(), store.clone()).await.unwrap_err();
    assert_eq!((failure.kind, failure.blame), (FailureKind::NotFound, Blame::Plugin));
    // Nor can it be handed on to a step that would open it.
    let failure = step_with(&host, "hostile.forge", input, store).await.unwrap_err();
    assert_eq!((failure.kind, failure.blame), (FailureKind::Invalid, Blame::Plugin));
    assert!(failure.message.contains(&secret.artifact.to_string()), "{failure}");
}

#[tokio::test]
async fn both_sides_of_a_call_are_checked() {
    let host = source(None).await;
    let failure = step(&host, "hostile.echo", json!({ "txt": "x" })).await.unwrap_err();
    assert_eq!((failure.kind, failure.blame), (FailureKind::Invalid, Blame::Playbook));
    assert!(failure.message.contains("txt") || failure.message.contains("text"), "{failure}");
    let failure = step(&host, "hostile.lie", json!({})).await.unwrap_err();
    assert_eq!((failure.kind, failure.blame), (FailureKind::Invalid, Blame::Plugin));
    for unknown in ["hostile.nothing", "nobody.echo", "echo", ""] {
        let failure = step(&host, unknown, json!({})).await.unwrap_err();
        assert_eq!((failure.kind, failure.blame), (FailureKind::Invalid, Blame::Playbook), "{unknown}");
    }
}

#[tokio::test]
async fn the_steps_time_counts_too() {
    let host = source(None).await;
    let mut call = support::invocation(
        "hostile.exhaust",
        json!({ "what": "sleep", "amount": 60_000 }),
        Arc::new(Memory::default()),
    );
    call.context.timeout = std::time::Duration::from_millis(100);
    let failure = host.invoke(call).await.unwrap_err();
    assert_eq!((failure.kind, failure.blame), (FailureKind::Timeout, Blame::Plugin));
}

#[tokio::test]
async fn log_lines_say_who_speaks() {
    let lines: Arc<Mutex<Vec<(String, String, Level)>>> = Arc::default();
    let seen = Arc::clone(&lines);
    let sink = move |line: &LogLine<'_>| {
        let context: serde_json::Value = serde_json::from_str(line.context).unwrap();
        assert_eq!((line.plugin, &context["run"], &context["attempt"]), ("hostile", &json!("r1"), &json!(1)));
        seen.lock().unwrap().push((line.message.to_owned(), line.fields.to_owned(), line.level));
    };
    let host = source(Some(Arc::new(sink))).await;
    step(&host, "hostile.exhaust", json!({ "what": "log_line", "amount": 3 })).await.unwrap();
    assert_eq!(*lines.lock().unwrap(), [("xxx".to_owned(), String::new(), Level::Info)]);
}
