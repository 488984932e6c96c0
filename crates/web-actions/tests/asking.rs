//! `http.get` against servers on this machine, well-behaved and not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod world;

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use action_api::Artifacts as _;
use action_api::plan::FailureKind;
use portcullis_web_actions::Web;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use transport::{Addresses, Secret};

use world::{Bench, Server, TOKEN, Way, answer};

const JSON: &str = "Content-Type: application/json\r\n";

async fn get(server: &Server, input: Value) -> Result<action_api::Outcome, action_api::plan::Failure> {
    Bench::over(Way::http(server).open()).run("http.get", input).await
}

async fn failed(server: &Server, input: Value) -> (FailureKind, String) {
    let failure = get(server, input).await.unwrap_err();
    (failure.kind, failure.message)
}

#[tokio::test]
async fn an_answer_in_json_is_handed_on() {
    let server =
        Server::answering("200 OK", &format!("{JSON}X-Rate: 7\r\nSet-Cookie: s=1\r\n"), r#"{"known":true}"#)
            .await;
    let input = json!({
        "path": "/files/{id}", "params": { "id": "a b/c".replace('/', "&") },
        "query": { "limit": 5, "tag": ["x", "y&z"], "deep": true }, "headers": { "Accept": "application/json" }
    });
    let output = Bench::good(get(&server, input).await);
    assert_eq!((&output["status"], &output["json"]), (&json!(200), &json!({ "known": true })));
    assert_eq!(
        (&output["text"], &output["content"], &output["size"]),
        (&Value::Null, &Value::Null, &json!(14))
    );
    assert_eq!(output["headers"]["x-rate"], "7");
    assert_eq!(output["headers"].get("set-cookie"), None);
    let asked = &server.asked()[0];
    assert_eq!(asked.line, "GET /api/files/a%20b%26c?deep=true&limit=5&tag=x&tag=y%26z HTTP/1.1");
    assert_eq!(asked.header("x-api-token"), Some(TOKEN));
    assert!(asked.header("user-agent").unwrap().starts_with("portcullis/"));
}

#[tokio::test]
async fn text_and_bytes_are_handed_on_as_what_they_are() {
    let server = Server::answering("200 OK", "Content-Type: text/plain; charset=utf-8\r\n", "grüße").await;
    assert_eq!(Bench::good(get(&server, json!({ "path": "/" })).await)["text"], "grüße");
    let bytes = [0_u8, 255, 1, 2];
    let server = Server::answering("200 OK", "Content-Type: image/png\r\n", bytes).await;
    let bench = Bench::over(Way::http(&server).open());
    let output = Bench::good(bench.run("http.get", json!({ "path": "/" })).await);
    assert_eq!((&output["text"], &output["json"]), (&Value::Null, &Value::Null));
    let artifact: action_api::plan::Artifact = serde_json::from_value(output["content"].clone()).unwrap();
    let mut kept = Vec::new();
    std::io::Read::read_to_end(&mut bench.artifacts.open(&artifact.artifact).unwrap(), &mut kept).unwrap();
    assert_eq!((kept.as_slice(), artifact.media_type.as_str()), (&bytes[..], "image/png"));
}

#[tokio::test]
async fn what_is_too_large_for_a_step_becomes_an_artifact() {
    let body = format!("[{}1]", "1,".repeat(400_000));
    let server = Server::answering("200 OK", JSON, &body).await;
    let output = Bench::good(get(&server, json!({ "path": "/" })).await);
    assert_eq!((&output["json"], &output["content"]["size"]), (&Value::Null, &json!(body.len())));
    let (kind, message) = failed(&server, json!({ "path": "/", "keep": "json" })).await;
    assert_eq!(kind, FailureKind::Limit);
    assert!(message.contains("keep: artifact"), "{message}");
}

#[tokio::test]
async fn an_answer_that_is_not_what_is_expected_is_a_failure_that_names_the_place() {
    let server = Server::answering("200 OK", JSON, r#"{"items":[{"id":1},{"id":"secret-looking"}]}"#).await;
    let expect = json!({ "type": "object", "properties": { "items": { "type": "array", "items": {
        "type": "object", "properties": { "id": { "type": "integer" } } } } } });
    let failure = get(&server, json!({ "path": "/", "expect": expect })).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Invalid);
    assert!(failure.message.contains("/items/1/id"), "{failure}");
    assert!(!failure.to_string().contains("secret-looking"), "{failure}");
    assert_eq!(failure.details["places"][0]["place"], "/items/1/id");
    let page = Server::answering("200 OK", "Content-Type: text/html\r\n", "<h1>Log in</h1>").await;
    let (kind, message) = failed(&page, json!({ "path": "/", "expect": { "type": "object" } })).await;
    assert_eq!(kind, FailureKind::Invalid);
    assert!(message.contains("not JSON") && message.contains("Log in"), "{message}");
    for input in [
        json!({ "path": "/", "expect": { "type": 7 } }),
        json!({ "path": "/", "expect": {}, "keep": "text" }),
    ] {
        assert_eq!(failed(&page, input).await.0, FailureKind::Invalid);
    }
    assert_eq!(page.asked().len(), 1, "a wrong input sends nothing");
}

#[tokio::test]
async fn a_path_that_leaves_the_base_sends_nothing() {
    let server = Server::answering("200 OK", "", "").await;
    for path in [
        "/../admin",
        "//evil.example/",
        "http://evil.example/",
        "/%2e%2e/admin",
        "/a/..%2f",
        "/..;/x",
        "x",
        "/a?b=c",
    ] {
        let (kind, message) = failed(&server, json!({ "path": path })).await;
        assert_eq!(kind, FailureKind::Invalid, "{path}: {message}");
    }
    for headers in [
        json!({ "Host": "evil.example" }),
        json!({ "authorization": "Basic x" }),
        json!({ "X-Api-Token": "mine" }),
        json!({ "Cookie": "a=b" }),
        json!({ "X-Forwarded-For": "10.0.0.1" }),
        json!({ "x-http-method-override": "PUT" }),
        json!({ "x-a": "b\r\nx-c: d" }),
        json!({ "x a": "b" }),
        json!({ "Transfer-Encoding": "chunked" }),
        json!({ "x-a": "1", "X-A": "2" }),
        json!({ "X-Original-URL": "/admin" }),
    ] {
        let (kind, message) = failed(&server, json!({ "path": "/", "headers": headers })).await;
        assert_eq!(kind, FailureKind::Invalid, "{headers}: {message}");
    }
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn a_private_address_is_not_asked_unless_that_is_allowed() {
    let server = Server::answering("200 OK", "", "").await;
    let mut way = Way::http(&server);
    way.builder = way.builder.addresses(Addresses::public());
    let failure = Bench::over(way.open()).run("http.get", json!({ "path": "/" })).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::PermissionDenied);
    assert!(failure.message.contains("this very machine"), "{failure}");
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn a_redirect_is_followed_below_the_base_and_nowhere_else() {
    let other = Server::answering("200 OK", "", "stolen").await;
    for location in [
        format!("{}/api/x", other.url),
        "/elsewhere".to_owned(),
        "/api/../x".to_owned(),
        "//127.0.0.1:1/api".to_owned(),
    ] {
        let server = Server::answering("302 Found", &format!("Location: {location}\r\n"), "").await;
        let (kind, message) = failed(&server, json!({ "path": "/" })).await;
        assert_eq!(kind, FailureKind::Invalid, "{location}: {message}");
        assert!(message.contains("redirects"), "{message}");
        assert_eq!(server.asked().len(), 1);
    }
    assert_eq!(other.asked().len(), 0, "nothing reached the other host");

    let moved = Server::start(Arc::new(|asked: world::Asked, mut stream: TcpStream| {
        Box::pin(async move {
            let bytes = match asked.line.as_str() {
                "GET /api/old HTTP/1.1" => answer("308 Permanent Redirect", "Location: /api/new?x=1\r\n", ""),
                "GET /api/new?x=1 HTTP/1.1" => answer("200 OK", "Content-Type: text/plain\r\n", "there"),
                _ => answer("302 Found", "Location: /api/loop\r\n", ""),
            };
            let _ = stream.write_all(&bytes).await;
        })
    }))
    .await;
    assert_eq!(Bench::good(get(&moved, json!({ "path": "/old" })).await)["text"], "there");
    let (_, message) = failed(&moved, json!({ "path": "/loop" })).await;
    assert!(message.contains("more than 5 times"), "{message}");
}

#[tokio::test]
async fn a_secret_that_a_server_repeats_is_not_handed_on() {
    let echo = format!(r#"{{"you sent":"Token {TOKEN}","{TOKEN}":1}}"#);
    let server = Server::answering("200 OK", &format!("{JSON}X-Echo: {TOKEN}\r\n"), &echo).await;
    let output = Bench::good(get(&server, json!({ "path": "/" })).await);
    assert_eq!(
        (&output["json"]["you sent"], &output["headers"]["x-echo"]),
        (&json!("Token (hidden)"), &json!("(hidden)"))
    );
    let server = Server::answering("200 OK", "Content-Type: text/plain\r\n", TOKEN).await;
    assert_eq!(Bench::good(get(&server, json!({ "path": "/" })).await)["text"], "(hidden)");
    assert_eq!(failed(&server, json!({ "path": "/", "keep": "artifact" })).await.0, FailureKind::Invalid);
    let server = Server::answering("500 Oops", "", format!("bad header {TOKEN}")).await;
    let (kind, message) = failed(&server, json!({ "path": "/" })).await;
    assert_eq!(kind, FailureKind::Transient);
    assert!(message.contains("(hidden)"), "{message}");
}

#[tokio::test]
async fn a_key_in_the_query_is_the_connections_own_and_is_not_seen() {
    let server = Server::answering("404 Not Found", "", format!("no such key {TOKEN}")).await;
    let mut way = Way::http(&server);
    way.query_key = Some(("apikey".to_owned(), Secret::new(TOKEN)));
    let bench = Bench::over(way.open());
    let failure = bench.run("http.get", json!({ "path": "/x", "query": { "a": 1 } })).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound);
    assert_eq!(server.asked()[0].line, format!("GET /api/x?a=1&apikey={TOKEN} HTTP/1.1"));
    let failure =
        bench.run("http.get", json!({ "path": "/x", "query": { "apikey": "mine" } })).await.unwrap_err();
    assert_eq!((failure.kind, server.asked().len()), (FailureKind::Invalid, 1));
}

#[tokio::test]
async fn statuses_are_failures_by_what_they_mean_unless_accepted() {
    for (status, headers, kind, wait) in [
        ("400 Bad Request", "", FailureKind::Invalid, None),
        ("401 Unauthorized", "", FailureKind::PermissionDenied, None),
        ("404 Not Found", "", FailureKind::NotFound, None),
        ("409 Conflict", "", FailureKind::Conflict, None),
        ("429 Too Many Requests", "Retry-After: 7\r\n", FailureKind::Throttled, Some(7000)),
        ("503 Service Unavailable", "Retry-After: 3\r\n", FailureKind::Throttled, Some(3000)),
        ("503 Service Unavailable", "", FailureKind::Transient, None),
        ("500 Internal Server Error", "", FailureKind::Transient, None),
    ] {
        let server = Server::answering(status, headers, "").await;
        let failure = get(&server, json!({ "path": "/" })).await.unwrap_err();
        assert_eq!((failure.kind, failure.retry_after_ms), (kind, wait), "{failure}");
        assert_eq!(failure.details["status"].to_string(), status[..3], "{failure}");
    }
    let server = Server::answering("404 Not Found", JSON, r#"{"known":false}"#).await;
    let input = json!({ "path": "/", "accept_status": [404], "expect": { "required": ["not there"] } });
    let output = Bench::good(get(&server, input).await);
    assert_eq!((&output["status"], &output["json"]), (&json!(404), &json!({ "known": false })));
}

#[tokio::test]
async fn an_endless_and_a_blown_up_answer_end_at_the_limit() {
    let endless = Server::start(Arc::new(|_, mut stream: TcpStream| {
        Box::pin(async move {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            let piece = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
            while stream.write_all(piece.as_bytes()).await.is_ok() {}
        })
    }))
    .await;
    assert_eq!(failed(&endless, json!({ "path": "/" })).await.0, FailureKind::Limit);

    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b' '; 64 << 20]).unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 1 << 20);
    let server =
        Server::answering("200 OK", "Content-Encoding: gzip\r\nContent-Type: text/plain\r\n", bomb).await;
    assert_eq!(failed(&server, json!({ "path": "/" })).await.0, FailureKind::Limit);
}

#[tokio::test]
async fn a_slow_and_a_lying_server_are_transient() {
    let slow = Server::start(Arc::new(|_, mut stream: TcpStream| {
        Box::pin(async move {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n").await;
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
    }))
    .await;
    let mut way = Way::http(&slow);
    way.builder = way.builder.deadline(Duration::from_millis(300));
    let failure = Bench::over(way.open()).run("http.get", json!({ "path": "/" })).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Transient, "{failure}");
    for bytes in [
        "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nshort!",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "no HTTP at all\r\n\r\n",
        "",
    ] {
        let server = Server::saying(bytes).await;
        assert_eq!(failed(&server, json!({ "path": "/" })).await.0, FailureKind::Transient, "{bytes}");
    }
}

#[tokio::test]
async fn a_reading_request_is_sent_again_by_the_client() {
    let turns = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&turns);
    let server = Server::start(Arc::new(move |_, mut stream: TcpStream| {
        let turn = count.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            let bytes =
                if turn == 0 { answer("502 Bad Gateway", "", "") } else { answer("204 No Content", "", "") };
            let _ = stream.write_all(&bytes).await;
        })
    }))
    .await;
    let mut way = Way::http(&server);
    way.builder = way.builder.repeats(1);
    let output =
        Bench::good(Bench::over(way.open()).run("http.get", json!({ "path": "/", "method": "HEAD" })).await);
    assert_eq!((&output["status"], turns.load(Ordering::SeqCst)), (&json!(204), 2));
    assert!(server.asked()[1].line.starts_with("HEAD "));
}

#[tokio::test]
async fn under_the_simulator_no_server_answers() {
    let failure = Bench::over(Web::simulated()).run("http.get", json!({ "path": "/" })).await.unwrap_err();
    assert!(failure.message.contains("stub"), "{failure}");
}
