//! Authorities, proxies and strangers that answer badly: each has its own error with a next step, no secret
//! is in any of them, and nothing is sent to anybody else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod authority;

use std::time::Duration;

use authority::{CLIENT, Fake, Reply, SCOPE, SECRET, TRACE, TestClock, Waits, application, secret, settings};
use portcullis_login::{Algorithm, Authority, Certificate, Code, LogIn, Problem, Settings};
use serde_json::json;
use transport::{Client, Secret};

/// What one reply leads to, and how often the authority is asked when three ask at once.
async fn outcome(reply: Reply) -> Problem {
    let fake = Fake::start().await;
    fake.then(reply);
    let (log_in, _) = application(&fake);
    let problem = log_in.access().await.unwrap_err();
    let again = log_in.access().await.unwrap_err();
    assert_eq!(problem, again);
    assert_eq!(fake.count(), 1, "{problem}");
    let shown = format!("{problem} {problem:?} {log_in:?}");
    assert!(!shown.contains("canary"), "{shown}");
    problem
}

#[tokio::test]
async fn codes_of_entra_are_explained_with_what_to_do() {
    for (error, code, what, next) in [
        ("invalid_client", 7_000_222, "the client secret has expired", "Certificates & secrets"),
        ("invalid_client", 7_000_215, "the client secret is wrong", "not its id"),
        ("invalid_client", 700_027, "the certificate is not the one", "compare the thumbprint"),
        ("invalid_client", 7_000_218, "has to prove who it is", "Allow public client flows"),
        ("unauthorized_client", 700_016, "the application is not in this tenant", "`client_id`"),
        ("invalid_grant", 65_001, "nobody has consented", "Grant admin consent"),
        ("invalid_request", 90_002, "there is no such tenant", "`cloud`"),
        ("invalid_grant", 50_076, "a second factor is needed", "certificate"),
        ("invalid_grant", 50_126, "user or password is wrong", "lock"),
        ("invalid_grant", 53_003, "a Conditional Access policy", "sign-in log"),
        ("invalid_resource", 500_011, "the resource is not known", "`scope`"),
    ] {
        let problem = outcome(Reply::refused(error, code)).await;
        let text = problem.to_string();
        for part in ["127.0.0.1", what, next, error, &format!("AADSTS{code}"), TRACE] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
        assert_eq!(problem.refusal().unwrap().code(), Some(Code::Aadsts(code)));
        assert!(!text.contains("Words"), "{text}");
    }
}

#[tokio::test]
async fn codes_nobody_knows_are_named_and_what_is_odd_is_left_out() {
    let unknown = outcome(Reply::refused("invalid_grant", 123_456)).await.to_string();
    assert!(unknown.contains("AADSTS123456") && unknown.contains("log in again"), "{unknown}");
    let adfs =
        json!({ "error": "invalid_client", "error_description": "MSIS9621: Received invalid request" });
    let adfs = outcome(Reply::Json(400, adfs)).await;
    assert_eq!(adfs.refusal().unwrap().code(), Some(Code::Msis(9621)));
    let odd = json!({
        "error": "invalid_client",
        "error_description": format!("AADSTS{SECRET} Trace ID: \u{1b}[31m{SECRET}"),
        "trace_id": SECRET,
    });
    let odd = outcome(Reply::Json(401, odd)).await;
    assert_eq!(odd.refusal().unwrap().code(), None);
    assert!(!odd.to_string().contains("trace"), "{odd}");
    let shout = outcome(Reply::Json(400, json!({ "error": format!("NO {SECRET}") }))).await;
    assert!(matches!(shout, Problem::NotAnAnswer { .. }), "{shout}");
}

#[tokio::test]
async fn what_is_no_answer_of_an_authority_is_told_from_a_refusal() {
    let raw = |status, body: &str| Reply::Raw(status, Vec::new(), body.as_bytes().to_vec());
    let token = |life: serde_json::Value, kind: &str, token: &str| {
        Reply::Json(200, json!({ "access_token": token, "token_type": kind, "expires_in": life }))
    };
    for (reply, part) in [
        (raw(200, "<html>log in</html>"), "a web page"),
        (raw(400, "<!doctype html>"), "a web page"),
        (raw(200, ""), "it is empty"),
        (raw(200, "token"), "no JSON"),
        (raw(200, "{}"), "something else"),
        (raw(404, "{}"), "no such page"),
        (raw(407, ""), "the proxy"),
        (raw(200, &"x".repeat(300 << 10)), "too long"),
        (token(json!(3599), "Bearer", ""), "no token"),
        (token(json!(3599), "Bearer", "two\r\nlines"), "no token"),
        (token(json!(3599), "Bearer", &"x".repeat(100 << 10)), "too long"),
        (token(json!(3599), "mac", "t"), "Bearer"),
        (token(json!(0), "Bearer", "t"), "expired"),
        (token(json!(-1), "Bearer", "t"), "expired"),
        (token(json!("soon"), "Bearer", "t"), "expired"),
    ] {
        let problem = outcome(reply).await;
        assert!(matches!(problem, Problem::NotAnAnswer { .. }), "{problem:?}");
        assert!(problem.to_string().contains(part), "{part} is not in: {problem}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_secret() {
    for status in [301, 302, 303, 307, 308] {
        let evil = Fake::start().await;
        let headers = vec![("location", format!("{}/oauth2/v2.0/token", evil.url))];
        let problem = outcome(Reply::Raw(status, headers, Vec::new())).await;
        assert!(problem.to_string().contains("redirects"), "{problem}");
        assert_eq!(evil.count(), 0);
    }
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_kept() {
    let fake = Fake::start().await;
    fake.then(Reply::Raw(429, vec![("retry-after", "120".to_owned())], Vec::new()));
    let (log_in, clock) = application(&fake);
    let problem = log_in.access().await.unwrap_err();
    let wait = Some(Duration::from_secs(120));
    assert!(matches!(problem, Problem::Busy { status: 429, retry_after, .. } if retry_after == wait));
    clock.pass(119);
    log_in.access().await.unwrap_err();
    assert_eq!(fake.count(), 1);
    clock.pass(1);
    // The client keeps the same wait, by a clock that is not ours to set.
    assert!(matches!(log_in.access().await, Err(Problem::Busy { .. })));
    assert_eq!(fake.count(), 1);
    let busy = json!({ "error": "temporarily_unavailable", "error_codes": [90_033] });
    assert!(matches!(outcome(Reply::Json(503, busy)).await, Problem::Busy { status: 503, .. }));
    assert!(matches!(outcome(Reply::Json(500, json!({}))).await, Problem::Busy { status: 500, .. }));
    let clear = json!({ "error": "invalid_client", "error_codes": [7_000_215] });
    assert!(outcome(Reply::Json(500, clear)).await.refusal().is_some());
}

#[tokio::test]
async fn an_authority_that_hangs_or_is_not_there_ends_at_the_deadline() {
    let fake = Fake::start().await;
    let http = Client::builder().deadline(Duration::from_millis(150)).build().unwrap();
    let clock = TestClock::new(Waits::Never);
    let log_in = LogIn::with(settings(&fake, secret()), http.clone(), clock.clone(), None);
    fake.then(Reply::Hang);
    assert!(matches!(log_in.access().await, Err(Problem::Unreachable(_))));
    assert!(matches!(log_in.access().await, Err(Problem::Unreachable(_))));
    assert_eq!(fake.count(), 1);
    clock.pass(5);
    log_in.access().await.unwrap();
    let nobody = Authority::at("http://127.0.0.1:1/tenant").unwrap();
    let nobody = LogIn::new(Settings::at(nobody, CLIENT, SCOPE, secret()).unwrap(), http);
    assert!(nobody.access().await.unwrap_err().to_string().contains("no connection to 127.0.0.1"));
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_named_where_it_may_be_the_reason() {
    for (seconds, words) in
        [(600, Some("10 minutes behind")), (-900, Some("15 minutes ahead of")), (60, None)]
    {
        let theirs = authority::START.checked_add_signed(seconds).unwrap();
        let theirs = std::time::UNIX_EPOCH + Duration::from_secs(theirs);
        let headers = vec![("date", httpdate::fmt_http_date(theirs))];
        let body = json!({ "error": "invalid_client", "error_codes": [700_024] }).to_string();
        let text = outcome(Reply::Raw(401, headers, body.into_bytes())).await.to_string();
        assert!(text.contains("not within its time"), "{text}");
        assert_eq!(text.contains("the clock of this machine is"), words.is_some(), "{text}");
        assert!(words.is_none_or(|words| text.contains(words)), "{text}");
    }
}

#[test]
fn certificates_are_read_from_pem_and_pfx_and_refused_in_words() {
    let password = Secret::new("pfx-canary-7351");
    let read = |name: &str, password: Option<&Secret>| {
        let place = format!("{}/tests/fixture/{name}", env!("CARGO_MANIFEST_DIR"));
        Certificate::read(&std::fs::read(place).unwrap(), password)
    };
    for (name, password) in [
        ("application.pem", None),
        ("pkcs1.pem", None),
        ("modern.pfx", Some(&password)),
        ("legacy.pfx", Some(&password)),
    ] {
        let certificate = read(name, password).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(certificate.thumbprint(), "5A0FDD9BCAF3101B149A13A5025689B6DAEFC0FE", "{name}");
        assert!(format!("{certificate:?}").len() < 100);
    }
    let wrong = Secret::new("wrong-canary-7351");
    for (name, password, part) in [
        ("cert.pem", None, "no key"),
        ("encrypted.pem", None, "password"),
        ("elliptic.pem", None, "RSA"),
        ("stranger.pem", None, "belongs to the private key"),
        ("modern.pfx", None, "password"),
        ("modern.pfx", Some(&wrong), "password"),
        ("README.md", None, "cannot be used"),
    ] {
        let problem = read(name, password).unwrap_err();
        let text = format!("{problem} {problem:?}");
        assert!(text.contains(part), "{name}: {part} is not in: {text}");
        assert!(!text.contains("canary"), "{text}");
    }
    assert_ne!(Algorithm::Ps256, Algorithm::Rs256);
}
