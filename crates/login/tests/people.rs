//! People who log in: with a code, with a browser, once; and what is kept of that.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod authority;

use std::collections::BTreeMap;

use authority::{CLIENT, Fake, PEOPLE, Reply, Waits, http, logged_in, person, settings};
use portcullis_login::{Authority, Grant, LogIn, Problem, Settings};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

fn error(error: &str) -> Reply {
    Reply::Json(400, json!({ "error": error }))
}

#[tokio::test]
async fn a_person_types_a_code_and_is_waited_for() {
    let fake = Fake::start().await;
    let (log_in, clock) = person(&fake, Grant::DeviceCode, None);
    assert!(matches!(log_in.access().await, Err(Problem::LogInFirst)));
    let device = log_in.begin_device().await.unwrap();
    assert_eq!(device.user_code, "ABCD-EFGH");
    assert_eq!(device.verification_uri, "https://microsoft.com/devicelogin");
    for reply in ["authorization_pending", "authorization_pending", "slow_down", "authorization_pending"] {
        fake.then(error(reply));
    }
    fake.then(Reply::Json(503, json!({})));
    assert_eq!(device.complete().await.unwrap().as_deref(), Some("soc@corp.example"));
    assert_eq!(*clock.slept.lock().unwrap(), [5, 5, 5, 10, 10, 20]);
    log_in.access().await.unwrap();
    assert_eq!(fake.count(), 7, "the token that came with the log-in is used");
    fake.content();
}

#[tokio::test]
async fn a_code_that_nobody_types_or_that_is_declined_ends_the_log_in() {
    for (reply, part) in [
        (error("expired_token"), "within the time"),
        (Reply::refused("invalid_grant", 70_019), "within the time"),
        (error("access_denied"), "declined"),
        (Reply::refused("invalid_client", 7_000_218), "Allow public client flows"),
    ] {
        let fake = Fake::start().await;
        let (log_in, _) = person(&fake, Grant::DeviceCode, None);
        let device = log_in.begin_device().await.unwrap();
        fake.then(reply);
        let problem = device.complete().await.unwrap_err();
        assert!(problem.to_string().contains(part), "{problem}");
        assert_eq!(fake.count(), 2);
        assert!(matches!(log_in.access().await, Err(Problem::LogInFirst)));
    }
    let fake = Fake::start().await;
    let (log_in, clock) = person(&fake, Grant::DeviceCode, None);
    let device = log_in.begin_device().await.unwrap();
    for _ in 0..400 {
        fake.then(error("authorization_pending"));
    }
    assert!(matches!(device.complete().await, Err(Problem::TooLate)));
    assert_eq!(clock.slept.lock().unwrap().len(), 180, "15 minutes, every 5 seconds");
}

#[tokio::test]
async fn what_an_authority_shows_to_a_person_is_plain() {
    for (name, value) in [
        ("verification_uri", json!("http://microsoft.com/devicelogin")),
        ("verification_uri", json!("https://x/\u{1b}[31m")),
        ("user_code", json!("A B")),
        ("user_code", json!("X".repeat(100))),
        ("device_code", json!("")),
        ("expires_in", json!("soon")),
    ] {
        let mut answer = json!({
            "device_code": "d", "user_code": "ABC", "verification_uri": "https://x", "expires_in": 900,
        });
        answer[name] = value;
        let fake = Fake::start().await;
        fake.then(Reply::Json(200, answer));
        let (log_in, _) = person(&fake, Grant::DeviceCode, None);
        let problem = log_in.begin_device().await.unwrap_err();
        assert!(matches!(problem, Problem::NotAnAnswer { .. }), "{name}: {problem}");
    }
}

/// What a browser gets that opens `path` at this port.
async fn browse(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn query(url: &str) -> BTreeMap<String, String> {
    Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

#[tokio::test]
async fn a_browser_brings_a_code_that_is_of_use_to_nobody_else() {
    let fake = Fake::start().await;
    let (log_in, _) = person(&fake, Grant::AuthorizationCode(None), None);
    let browser = log_in.begin_browser().await.unwrap();
    assert!(!format!("{browser:?}").contains("state"));
    let query = query(&browser.url);
    assert!(browser.url.starts_with(&format!("{}/oauth2/v2.0/authorize?", fake.url)), "{}", browser.url);
    assert_eq!(query["code_challenge_method"], "S256");
    assert_eq!((query["scope"].as_str(), query["client_id"].as_str()), (PEOPLE, CLIENT));
    fake.challenge(&query["code_challenge"]);
    let redirect = Url::parse(&query["redirect_uri"]).unwrap();
    assert_eq!(redirect.host_str(), Some("localhost"));
    let port = redirect.port().unwrap();
    let waiting = tokio::spawn(browser.complete());
    for strange in ["/favicon.ico", "/?code=stolen&state=guessed", "/?code=stolen"] {
        assert!(browse(port, strange).await.starts_with("HTTP/1.1 404"), "{strange}");
    }
    assert_eq!(fake.count(), 0);
    let ours = format!("/?code=code-canary-7351&state={}&session_state=x", query["state"]);
    let page = browse(port, &ours).await;
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("close this window"), "{page}");
    assert!(page.contains("default-src 'none'") && !page.contains("canary"), "{page}");
    assert_eq!(waiting.await.unwrap().unwrap().as_deref(), Some("soc@corp.example"));
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err(), "nobody listens any more");
    log_in.access().await.unwrap();
    assert_eq!(fake.count(), 1);
    fake.content();
}

#[tokio::test]
async fn a_browser_that_comes_back_without_a_code_says_why() {
    let fake = Fake::start().await;
    let (log_in, _) = person(&fake, Grant::AuthorizationCode(None), None);
    let browser = log_in.begin_browser().await.unwrap();
    let query = query(&browser.url);
    let port = Url::parse(&query["redirect_uri"]).unwrap().port().unwrap();
    let waiting = tokio::spawn(browser.complete());
    let state = &query["state"];
    let path = format!("/?error=access_denied&error_description=AADSTS65004%3A+No&state={state}");
    assert!(browse(port, &path).await.contains("did not succeed"));
    let problem = waiting.await.unwrap().unwrap_err();
    assert!(problem.to_string().contains("the consent was declined"), "{problem}");
    assert_eq!(fake.count(), 0);
    let (jumping, clock) = (Waits::Jump, authority::TestClock::new(Waits::Jump));
    assert!(matches!(jumping, Waits::Jump));
    let late = LogIn::with(settings(&fake, Grant::AuthorizationCode(None)), http(), clock, None);
    assert!(matches!(late.begin_browser().await.unwrap().complete().await, Err(Problem::TooLate)));
}

#[tokio::test]
async fn each_way_is_begun_only_where_it_is_configured_and_a_taken_port_is_named() {
    let fake = Fake::start().await;
    let (device, _) = person(&fake, Grant::DeviceCode, None);
    assert!(device.begin_browser().await.unwrap_err().to_string().contains("auth_code"));
    let (browser, _) = person(&fake, Grant::AuthorizationCode(None), None);
    assert!(browser.begin_device().await.unwrap_err().to_string().contains("device_code"));
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let (browser, _) = person(&fake, Grant::AuthorizationCode(Some(port)), None);
    let problem = browser.begin_browser().await.unwrap_err().to_string();
    assert!(problem.contains(&port.to_string()) && problem.contains("redirect_port"), "{problem}");
    assert_eq!(fake.count(), 0);
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_for_the_next_one_each_time() {
    let fake = Fake::start().await;
    let (log_in, clock) = logged_in(&fake, None).await;
    for _ in 0..3 {
        clock.pass(3600);
        log_in.access().await.unwrap();
    }
    fake.content();
    let refreshed: Vec<String> =
        fake.asked().iter().filter_map(|asked| asked.fields.get("refresh_token").cloned()).collect();
    assert_eq!(refreshed, ["refresh-canary-7351-1", "refresh-canary-7351-2", "refresh-canary-7351-3"]);
}

#[tokio::test]
async fn a_log_in_that_is_not_accepted_any_more_asks_for_a_person() {
    for (code, words) in [
        (700_082, "not used for long"),
        (50_173, "was revoked"),
        (50_076, "a second factor"),
        (987_654, "log in again"),
    ] {
        let fake = Fake::start().await;
        let (log_in, clock) = logged_in(&fake, None).await;
        clock.pass(3600);
        fake.then(Reply::refused("invalid_grant", code));
        let problem = log_in.access().await.unwrap_err();
        assert!(matches!(problem, Problem::LogInAgain(_)), "{problem}");
        let text = problem.to_string();
        assert!(text.contains(words) && text.contains("portcullis connection login"), "{text}");
        assert!(!format!("{problem:?}{text}").contains("canary"));
        // Logging in again ends the pause at once.
        let (count, device) = (fake.count(), log_in.begin_device().await.unwrap());
        device.complete().await.unwrap();
        log_in.access().await.unwrap();
        assert_eq!(fake.count(), count + 2);
    }
}

#[tokio::test]
async fn somebody_else_than_the_connection_is_for_is_refused_and_not_kept() {
    let fake = Fake::start().await;
    fake.person("eve@corp.example");
    let clock = authority::TestClock::new(Waits::Jump);
    let settings = settings(&fake, Grant::DeviceCode).account("SOC@corp.example");
    let log_in = LogIn::with(settings, http(), clock, None);
    let problem = log_in.begin_device().await.unwrap().complete().await.unwrap_err();
    assert!(problem.to_string().contains("eve@corp.example logged in"), "{problem}");
    assert!(matches!(log_in.access().await, Err(Problem::LogInFirst)));
    fake.person("soc@CORP.example");
    log_in.begin_device().await.unwrap().complete().await.unwrap();
    log_in.access().await.unwrap();
}

#[tokio::test]
async fn without_a_refresh_token_the_scope_is_named() {
    let fake = Fake::start().await;
    let (log_in, _) = person(&fake, Grant::DeviceCode, None);
    let device = log_in.begin_device().await.unwrap();
    fake.then(Reply::Json(200, json!({ "access_token": "t", "expires_in": 3599 })));
    let problem = device.complete().await.unwrap_err();
    assert!(problem.to_string().contains("offline_access"), "{problem}");
}

#[tokio::test]
async fn ad_fs_is_asked_at_its_own_addresses() {
    let fake = Fake::start().await;
    let authority = Authority::at(&fake.url.replace("/tenant", "/adfs")).unwrap();
    let settings = Settings::at(authority, CLIENT, authority::SCOPE, authority::secret()).unwrap();
    LogIn::new(settings, http()).access().await.unwrap();
    assert_eq!(fake.asked()[0].path, "/adfs/oauth2/token");
    fake.content();
}
