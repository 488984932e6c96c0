//! The messages of `notify.*` as the services get them, and what their answers mean.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod world;

use std::time::{SystemTime, UNIX_EPOCH};

use action_api::Probe;
use action_api::plan::{Failure, FailureKind};
use portcullis_web_actions::{Kind, Web};
use serde_json::{Value, json};
use transport::Secret;

use world::{Bench, SIGNING, Server, Way};

/// The part of an address that lets whoever knows it post.
const SECRET_PATH: &str = "/services/T000/B000/canary-8812-path?sig=canary-8812-sig";

fn hook(kind: Kind, server: &Server) -> Way {
    Way::new(kind, format!("{}{SECRET_PATH}", server.url))
}

async fn tell(kind: Kind, server: &Server, action: &str, input: Value) -> Result<Value, Failure> {
    let end = Bench::over(hook(kind, server).open()).run(action, input).await.map(|outcome| outcome.output);
    let shown = match &end {
        Ok(output) => output.to_string(),
        Err(failure) => format!("{failure} {}", failure.details),
    };
    assert!(!shown.contains("canary"), "{shown}");
    end
}

#[tokio::test]
async fn a_webhook_is_signed_by_the_standard_and_has_one_id() {
    let server = Server::answering("204 No Content", "", "").await;
    let mut way = hook(Kind::Webhook, &server);
    way.signing_key = Some(Secret::new(SIGNING));
    let bench = Bench::over(way.open());
    let payload = json!({ "event": "contained", "text": "grüße" });
    let output = Bench::good(bench.run("notify.webhook", json!({ "payload": payload })).await);
    let again = Bench::good(bench.run("notify.webhook", json!({ "payload": payload })).await);
    let asked = &server.asked()[0];
    assert_eq!(asked.line, format!("POST {SECRET_PATH} HTTP/1.1"));
    assert_eq!((asked.json(), asked.header("content-type")), (payload, Some("application/json")));
    let id = output["id"].as_str().unwrap();
    assert_eq!((asked.header("webhook-id"), asked.header("idempotency-key")), (Some(id), Some(id)));
    assert_eq!(again["id"], id, "the same for every attempt");
    let time = asked.header("webhook-timestamp").unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!(now - time.parse::<u64>().unwrap() < 60);
    // Checked as a receiver does it.
    let text = [format!("{id}.{time}.").as_bytes(), &asked.body].concat();
    assert_eq!(
        asked.header("webhook-signature").unwrap(),
        format!("v1,{}", base64_of_hmac(SIGNING.as_bytes(), &text))
    );
}

/// HMAC-SHA256 as RFC 2104 writes it, in base64 as RFC 4648 does.
fn base64_of_hmac(key: &[u8], text: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::digest([&pad(0x36)[..], text].concat());
    let mac = Sha256::digest([&pad(0x5c)[..], &inner].concat());
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in mac.chunks(3) {
        let number = three.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
            << (8 * (3 - three.len()));
        for at in 0..4 {
            let letter = char::from(letters[(number >> (18 - 6 * at) & 63) as usize]);
            out.push(if at > three.len() { '=' } else { letter });
        }
    }
    out
}

#[tokio::test]
async fn a_webhook_is_repeated_only_where_the_service_knows_repeats() {
    let server = Server::saying("").await;
    let input = json!({ "payload": {} });
    let failure = tell(Kind::Webhook, &server, "notify.webhook", input.clone()).await.unwrap_err();
    assert_eq!((failure.kind, server.asked().len()), (FailureKind::Unknown, 1));
    for (deduplicates, expected) in [(false, Probe::Unknown), (true, Probe::NotDone)] {
        let mut way = hook(Kind::Webhook, &server);
        way.deduplicates = deduplicates;
        assert_eq!(Bench::over(way.open()).probe("notify.webhook", input.clone()).await, expected);
    }
    for (status, kind) in
        [("307 Temporary Redirect", FailureKind::Invalid), ("410 Gone", FailureKind::NotFound)]
    {
        let server = Server::answering(status, "Location: https://evil.example/\r\n", "").await;
        let failure = tell(Kind::Webhook, &server, "notify.webhook", input.clone()).await.unwrap_err();
        assert_eq!(failure.kind, kind, "{failure}");
    }
}

#[tokio::test]
async fn slack_gets_blocks_and_says_ok() {
    let server = Server::answering("200 OK", "", "ok").await;
    let input = json!({ "text": "<!channel> & co", "title": "Contained", "facts": [{ "name": "Sender", "value": "a@evil.test" }] });
    let output = tell(Kind::Slack, &server, "notify.slack", input).await.unwrap();
    assert_eq!(output, json!({ "status": 200, "cut": false }));
    let asked = &server.asked()[0];
    assert_eq!(asked.line, format!("POST {SECRET_PATH} HTTP/1.1"));
    let sent = asked.json();
    assert_eq!(sent["text"], "&lt;!channel&gt; &amp; co");
    let kinds: Vec<&Value> = sent["blocks"].as_array().unwrap().iter().map(|block| &block["type"]).collect();
    assert_eq!(kinds, ["header", "section", "section"]);
}

#[tokio::test]
async fn what_slack_says_is_a_failure_with_its_word() {
    for (status, body, headers, kind) in [
        ("400 Bad Request", "invalid_payload", "", FailureKind::Invalid),
        ("400 Bad Request", "invalid_blocks", "", FailureKind::Invalid),
        ("403 Forbidden", "action_prohibited", "", FailureKind::PermissionDenied),
        ("404 Not Found", "no_service", "", FailureKind::NotFound),
        ("404 Not Found", "channel_not_found", "", FailureKind::NotFound),
        ("410 Gone", "channel_is_archived", "", FailureKind::NotFound),
        ("429 Too Many Requests", "rate_limited", "Retry-After: 30\r\n", FailureKind::Throttled),
        ("500 Server Error", "rollup_error", "", FailureKind::Unknown),
        ("200 OK", "<html>a proxy's page", "", FailureKind::Unknown),
    ] {
        let server = Server::answering(status, headers, body).await;
        let failure = tell(Kind::Slack, &server, "notify.slack", json!({ "text": "x" })).await.unwrap_err();
        assert_eq!(failure.kind, kind, "{body}: {failure}");
        assert_eq!(failure.retry_after_ms, (status.starts_with("429")).then_some(30_000));
    }
}

#[tokio::test]
async fn teams_gets_a_card_and_takes_it_with_202() {
    let server = Server::answering("202 Accepted", "", "").await;
    let input = json!({ "text": "one\n[two](https://evil.test)", "title": "Contained", "facts": [{ "name": "n", "value": "v" }] });
    let output = tell(Kind::Teams, &server, "notify.teams", input).await.unwrap();
    assert_eq!(output, json!({ "status": 202, "cut": false }));
    let sent = server.asked()[0].json();
    assert_eq!(
        (&sent["type"], &sent["attachments"][0]["contentType"]),
        (&json!("message"), &json!("application/vnd.microsoft.card.adaptive"))
    );
    let card = &sent["attachments"][0]["content"];
    assert_eq!((&card["type"], card["body"].as_array().unwrap().len()), (&json!("AdaptiveCard"), 4));
    assert_eq!(card["body"][2]["inlines"][0]["text"], "[two](https://evil.test)");
    assert_eq!(card["body"][2]["type"], "RichTextBlock");
}

#[tokio::test]
async fn what_teams_says_is_a_failure() {
    let refused = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error";
    for (status, body, kind) in [
        ("200 OK", format!("{refused} 429 with ContextId x"), FailureKind::Throttled),
        ("200 OK", format!("{refused} 413 with ContextId x"), FailureKind::Limit),
        (
            "400 Bad Request",
            r#"{"error":{"code":"WorkflowTriggerIsNotEnabled"}}"#.to_owned(),
            FailureKind::NotFound,
        ),
        ("401 Unauthorized", String::new(), FailureKind::PermissionDenied),
        ("502 Bad Gateway", String::new(), FailureKind::Unknown),
    ] {
        let server = Server::answering(status, "", &body).await;
        let failure = tell(Kind::Teams, &server, "notify.teams", json!({ "text": "x" })).await.unwrap_err();
        assert_eq!(failure.kind, kind, "{body}: {failure}");
    }
}

#[tokio::test]
async fn the_address_of_a_webhook_is_in_no_failure() {
    let server = Server::answering("400 Bad Request", "", format!("no route for {SECRET_PATH}")).await;
    for (kind, action, input) in [
        (Kind::Webhook, "notify.webhook", json!({ "payload": {} })),
        (Kind::Slack, "notify.slack", json!({ "text": "x" })),
        (Kind::Teams, "notify.teams", json!({ "text": "x" })),
    ] {
        let failure = tell(kind, &server, action, input).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid, "{failure}");
    }
}

#[tokio::test]
async fn a_connection_of_another_kind_is_refused_and_a_simulated_one_takes_everything() {
    let server = Server::answering("200 OK", "", "ok").await;
    let failure = tell(Kind::Teams, &server, "notify.slack", json!({ "text": "x" })).await.unwrap_err();
    assert_eq!((failure.kind, server.asked().len()), (FailureKind::Invalid, 0));
    let bench = Bench::over(Web::simulated());
    for (action, input) in [
        ("notify.webhook", json!({ "payload": {} })),
        ("notify.slack", json!({ "text": "x" })),
        ("notify.teams", json!({ "text": "x" })),
    ] {
        Bench::good(bench.run(action, input).await);
    }
}
