//! `http.request`, and what becomes of it when nobody knows whether it was carried out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod world;

use action_api::plan::FailureKind;
use action_api::{Artifacts as _, Probe};
use serde_json::{Value, json};

use world::{Bench, Server, TOKEN, Way};

const JSON: &str = "Content-Type: application/json\r\n";

async fn kind_of(server: &Server, input: Value) -> FailureKind {
    Bench::over(Way::http(server).open()).run("http.request", input).await.unwrap_err().kind
}

#[tokio::test]
async fn a_body_is_json_or_an_artifact() {
    let server = Server::answering("201 Created", JSON, r#"{"id":7}"#).await;
    let bench = Bench::over(Way::http(&server).open());
    let input = json!({ "method": "POST", "path": "/tickets", "json": { "a": [1, null] }, "headers": { "X-Team": "soc" } });
    let output = Bench::good(bench.run("http.request", input).await);
    assert_eq!((&output["status"], &output["json"]["id"]), (&json!(201), &json!(7)));
    let artifact = bench.artifacts.put("message/rfc822", &mut &b"From: a\r\n\r\nb"[..]).unwrap();
    let input = json!({ "method": "PUT", "path": "/mail", "content": artifact });
    Bench::good(bench.run("http.request", input).await);
    Bench::good(bench.run("http.request", json!({ "method": "DELETE", "path": "/mail" })).await);
    let asked = server.asked();
    assert_eq!(asked[0].line, "POST /api/tickets HTTP/1.1");
    assert_eq!(
        (asked[0].header("content-type"), asked[0].header("x-team")),
        (Some("application/json"), Some("soc"))
    );
    assert_eq!((asked[0].json(), asked[0].header("x-api-token")), (json!({ "a": [1, null] }), Some(TOKEN)));
    assert_eq!(asked[1].header("content-type"), Some("message/rfc822"));
    assert_eq!(asked[1].body, b"From: a\r\n\r\nb");
    assert_eq!((asked[2].line.as_str(), asked[2].body.len()), ("DELETE /api/mail HTTP/1.1", 0));
    for input in [
        json!({ "method": "POST", "path": "/", "json": 1, "content": artifact }),
        json!({ "method": "POST", "path": "/", "json": 1, "content_type": "text/plain" }),
        json!({ "method": "GET", "path": "/" }),
        json!({ "method": "POST", "path": "/../x" }),
        json!({ "method": "POST", "path": "/", "idempotency_key_header": "X-Api-Token" }),
        json!({ "method": "POST", "path": "/", "idempotency_key_header": "Host" }),
        json!({ "method": "POST", "path": "/", "idempotency_key_header": "X-A", "headers": { "x-a": "1" } }),
    ] {
        assert_eq!(kind_of(&server, input.clone()).await, FailureKind::Invalid, "{input}");
    }
    let mut way = Way::http(&server);
    way.max_request = 5;
    let input = json!({ "method": "POST", "path": "/", "json": "too long" });
    assert_eq!(
        Bench::over(way.open()).run("http.request", input).await.unwrap_err().kind,
        FailureKind::Limit
    );
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn nobody_claims_that_a_lost_request_did_nothing() {
    let input = json!({ "method": "POST", "path": "/" });
    for bytes in ["", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort"] {
        let server = Server::saying(bytes).await;
        assert_eq!(kind_of(&server, input.clone()).await, FailureKind::Unknown);
        assert_eq!(server.asked().len(), 1, "sent once");
    }
    for (status, kind) in [
        ("500 Internal Server Error", FailureKind::Unknown),
        ("502 Bad Gateway", FailureKind::Unknown),
        ("504 Gateway Timeout", FailureKind::Unknown),
        ("503 Service Unavailable", FailureKind::Transient),
        ("422 Unprocessable Content", FailureKind::Invalid),
        ("307 Temporary Redirect", FailureKind::Invalid),
    ] {
        let server = Server::answering(status, "Location: /api/x\r\n", "").await;
        assert_eq!(kind_of(&server, input.clone()).await, kind, "{status}");
        assert_eq!(server.asked().len(), 1, "sent once");
    }
}

#[tokio::test]
async fn a_request_that_never_left_is_worth_another_try() {
    let server = Server::answering("200 OK", "", "").await;
    let mut way = Way::http(&server);
    // A port on which nobody listens.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    way.url = format!("http://{closed}/api");
    let input = json!({ "method": "POST", "path": "/" });
    let failure = Bench::over(way.open()).run("http.request", input).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Transient, "{failure}");
}

#[tokio::test]
async fn a_repeat_is_harmless_where_http_or_the_service_says_so() {
    let server = Server::answering("200 OK", "", "").await;
    let bench = Bench::over(Way::http(&server).open());
    for (input, harmless) in [
        (json!({ "method": "PUT", "path": "/" }), true),
        (json!({ "method": "DELETE", "path": "/" }), true),
        (json!({ "method": "POST", "path": "/" }), false),
        (json!({ "method": "PATCH", "path": "/" }), false),
        (json!({ "method": "POST", "path": "/", "idempotency_key_header": "Idempotency-Key" }), true),
    ] {
        let expected = if harmless { Probe::NotDone } else { Probe::Unknown };
        assert_eq!(bench.probe("http.request", input).await, expected);
    }
    let input = json!({ "method": "POST", "path": "/", "idempotency_key_header": "Idempotency-Key" });
    Bench::good(bench.run("http.request", input.clone()).await);
    Bench::good(bench.run("http.request", input).await);
    let asked = server.asked();
    let key = asked[0].header("idempotency-key").unwrap();
    assert_eq!(asked[1].header("idempotency-key"), Some(key), "the same for every attempt");
    assert!(key.len() == 32 && !key.contains("ask"), "{key}");
}
