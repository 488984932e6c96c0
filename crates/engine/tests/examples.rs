//! The examples are run, not only compiled: what a reader copies works.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    unreachable_pub,
    reason = "test code; examples have a `main` of their own"
)]

#[path = "../examples/own_parts.rs"]
mod own_parts;
#[path = "../examples/service.rs"]
mod service;
#[path = "../examples/simulated_time.rs"]
mod simulated_time;

use std::net::SocketAddr;

use portcullis_engine::action;
use portcullis_engine::store::conformance;
use portcullis_engine::{Decision, Journal, Query, RunStatus};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

#[tokio::test]
async fn half_a_day_passes_in_a_moment() {
    let approved = simulated_time::play(Some(Decision::Approved)).await.unwrap();
    assert_eq!(approved, (json!("approved"), 4));
    let rejected = simulated_time::play(Some(Decision::Rejected)).await.unwrap();
    assert_eq!(rejected, (json!("rejected"), 4));
    assert_eq!(simulated_time::play(None).await.unwrap(), (json!("timed_out"), 12));
}

#[tokio::test]
async fn the_store_of_ones_own_is_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let mut number = 0;
    let fresh = || {
        number += 1;
        own_parts::LogJournal::open(&folder.path().join(number.to_string()))
            .map_err(|error| error.to_string())
    };
    conformance::all(fresh).await.unwrap();
}

#[test]
fn the_action_of_ones_own_says_what_it_is() {
    let tickets = own_parts::TicketActions::new(own_parts::Tickets::default()).unwrap();
    assert_eq!(action::conformance::all(&tickets), Ok(()));
}

#[tokio::test]
async fn parts_of_ones_own_keep_history_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let (log, tickets) = (folder.path().join("log"), own_parts::Tickets::default());
    assert_eq!(own_parts::open_ticket(&log, &tickets).await.unwrap(), json!(1));
    assert_eq!(own_parts::open_ticket(&log, &tickets).await.unwrap(), json!(2));
    assert_eq!(tickets.count(), 2);
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("secret:ticket_token") || !text.contains("opensesame"));
    assert!(!text.contains("opensesame"), "{text}");
    // A line that was torn was never acknowledged; everything before it is there.
    std::fs::write(&log, &text.as_bytes()[..text.len() - 5]).unwrap();
    let runs = own_parts::LogJournal::open(&log).unwrap().list(&Query::newest(10)).await.unwrap();
    let standing: Vec<RunStatus> = runs.iter().map(|run| run.status).collect();
    assert_eq!(standing, [RunStatus::Running, RunStatus::Succeeded]);
    let end = std::fs::read(&log).unwrap();
    assert_eq!(end.last(), Some(&b'\n'));
}

/// One request on a connection of its own; gives the status and whatever follows it, line by line.
async fn request(
    at: SocketAddr,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> (u16, Lines<BufReader<TcpStream>>) {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    let status = lines.next_line().await.unwrap().unwrap();
    (status.split(' ').nth(1).unwrap().parse().unwrap(), lines)
}

/// The body of an answer that ends with its connection.
async fn body(lines: Lines<BufReader<TcpStream>>) -> Value {
    let mut text = String::new();
    lines.into_inner().read_to_string(&mut text).await.unwrap();
    serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// The next thing a stream of events tells of this kind.
async fn next(lines: &mut Lines<BufReader<TcpStream>>, kind: &str) -> Option<Value> {
    while let Some(line) = lines.next_line().await.unwrap() {
        let told = line.strip_prefix("data: ").map(|text| serde_json::from_str::<Value>(text).unwrap());
        if let Some(told) = told.filter(|told| told["event"]["kind"] == kind) {
            return Some(told);
        }
    }
    None
}

/// A service on a folder; it stops when the sender is used.
async fn started(folder: &std::path::Path) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let folder = folder.to_owned();
    let serving = tokio::spawn(async move {
        let stopped = async {
            stopped.await.unwrap();
        };
        service::serve(listener, &folder, stopped).await.unwrap();
    });
    (at, stop, serving)
}

#[tokio::test]
async fn a_service_starts_tells_asks_and_stops_without_losing_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let (at, stop, serving) = started(folder.path()).await;
    let (status, answer) = request(at, "POST", "/runs", Some(json!({"account": ""}))).await;
    assert_eq!((status, body(answer).await["error"].is_string()), (422, true), "inputs are checked");
    let (status, answer) = request(at, "POST", "/runs", Some(json!({"account": "alice"}))).await;
    assert_eq!(status, 202);
    let run = body(answer).await["run"].as_str().unwrap().to_owned();

    // It stops while a person is asked, and what watches the run sees its end.
    let (status, mut events) = request(at, "GET", &format!("/runs/{run}/events"), None).await;
    assert_eq!(status, 200);
    stop.send(()).unwrap();
    while events.next_line().await.unwrap().is_some() {}
    serving.await.unwrap();

    // The next process goes on, and asks again.
    let (at, stop, serving) = started(folder.path()).await;
    let (_, answer) = request(at, "GET", "/runs", None).await;
    assert_eq!(body(answer).await, json!([{"run": run, "status": "waiting"}]));
    let (status, mut events) = request(at, "GET", &format!("/runs/{run}/events"), None).await;
    assert_eq!(status, 200);
    let decisions = format!("/runs/{run}/decisions");
    let decision = |digest: &Value| json!({"step": "sure", "approve": true, "by": "bob", "digest": digest});
    let (status, answer) = request(at, "POST", &decisions, Some(decision(&json!("something else")))).await;
    assert_eq!(status, 409, "{}", body(answer).await);
    let digest = next(&mut events, "asked").await.unwrap()["event"]["digest"].clone();
    let (status, _) = request(at, "POST", &decisions, Some(decision(&digest))).await;
    assert_eq!(status, 204);
    assert_eq!(next(&mut events, "calling").await.unwrap()["event"]["input"], json!({"account": "alice"}));
    assert_eq!(next(&mut events, "ended").await.unwrap()["event"]["status"], "succeeded");
    assert_eq!(next(&mut events, "more").await, None, "the stream ends with its run");
    stop.send(()).unwrap();
    serving.await.unwrap();
}
