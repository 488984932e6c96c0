//! The life of a token: how it is asked for, shared, renewed and replaced, and how often the authority hears
//! of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod authority;

use std::sync::{Arc, Mutex};

use authority::{
    Fake, PASSWORD, Reply, SECRET, TestClock, Waits, application, certificate, http, secret, settings,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_login::{Algorithm, Cloud, Grant, LogIn, LogIns, Problem, Settings};
use serde_json::json;
use tokio::sync::Notify;
use transport::Secret;

#[tokio::test]
async fn an_application_logs_in_with_its_secret_once_for_many_requests() {
    let fake = Fake::start().await;
    let (log_in, _) = application(&fake);
    let token = log_in.access().await.unwrap();
    assert_eq!(log_in.access().await.unwrap(), token);
    assert!(token.reveal().ends_with("token-canary-7351"));
    assert_eq!(log_in.facts().unwrap().roles, ["full_access_as_app"]);
    let asked = fake.asked();
    assert_eq!(asked.len(), 1);
    let names: Vec<&str> = asked[0].fields.keys().map(String::as_str).collect();
    assert_eq!(names, ["client_id", "client_secret", "grant_type", "scope"]);
    fake.content();
}

#[tokio::test]
async fn a_certificate_signs_a_new_statement_for_each_request() {
    for algorithm in [Algorithm::Ps256, Algorithm::Rs256] {
        let fake = Fake::start().await;
        let clock = TestClock::new(Waits::Never);
        let log_in = LogIn::with(settings(&fake, certificate(algorithm)), http(), clock.clone(), None);
        let first = log_in.access().await.unwrap();
        log_in.other_than(&first, None).await.unwrap();
        fake.content();
        let asked = fake.asked();
        let assertion = |n: usize| asked[n].fields["client_assertion"].clone();
        assert_ne!(assertion(0), assertion(1));
        assert!(!asked[0].fields.contains_key("client_secret"));
        if let Some(folder) = std::env::var_os("PORTCULLIS_LOGIN_ASSERTIONS_DIR") {
            let name = format!("{algorithm:?}.jwt").to_lowercase();
            std::fs::write(std::path::Path::new(&folder).join(name), assertion(0)).unwrap();
        }
    }
}

#[tokio::test]
async fn a_password_is_sent_only_where_that_is_configured() {
    let fake = Fake::start().await;
    let grant = Grant::PasswordLegacy {
        user: "soc@corp.example".to_owned(),
        password: Arc::new(|| Ok(Secret::new(PASSWORD))),
    };
    let log_in = LogIn::new(settings(&fake, grant), http());
    log_in.access().await.unwrap();
    fake.content();
    assert_eq!(fake.asked()[0].fields["grant_type"], "password");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_many_ask_one_request_is_made() {
    let fake = Fake::start().await;
    let (log_in, clock) = application(&fake);
    for expected in 1..=3 {
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let log_in = log_in.clone();
                tokio::spawn(async move { log_in.access().await.unwrap() })
            })
            .collect();
        let mut tokens = Vec::new();
        for task in tasks {
            tokens.push(task.await.unwrap());
        }
        assert!(tokens.iter().all(|token| *token == tokens[0]));
        assert_eq!(fake.count(), expected);
        clock.pass(3600);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_reaches_all_who_wait_and_the_authority_is_left_in_peace() {
    let fake = Fake::start().await;
    let (log_in, clock) = application(&fake);
    fake.then(Reply::refused("invalid_client", 7_000_222));
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let log_in = log_in.clone();
            tokio::spawn(async move { log_in.access().await.unwrap_err() })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap().to_string().contains("the client secret has expired"));
    }
    clock.pass(59);
    log_in.access().await.unwrap_err();
    assert_eq!(fake.count(), 1);
    clock.pass(1);
    log_in.access().await.unwrap();
    assert_eq!(fake.count(), 2);
}

#[tokio::test]
async fn a_token_is_renewed_five_minutes_before_its_end_and_used_to_the_end_if_that_fails() {
    let fake = Fake::start().await;
    let (log_in, clock) = application(&fake);
    let first = log_in.access().await.unwrap();
    clock.pass(3298);
    assert_eq!(log_in.access().await.unwrap(), first);
    assert_eq!(fake.count(), 1);
    clock.pass(1);
    fake.then(Reply::Json(503, json!({})));
    assert_eq!(log_in.access().await.unwrap(), first, "it is good for five minutes more");
    assert_eq!(log_in.access().await.unwrap(), first);
    assert_eq!(fake.count(), 2, "not asked again at once");
    clock.pass(10);
    let second = log_in.access().await.unwrap();
    assert_ne!(second, first);
    assert_eq!(fake.count(), 3);
    clock.pass(3599);
    fake.then(Reply::Json(503, json!({})));
    assert!(matches!(log_in.access().await, Err(Problem::Busy { status: 503, .. })), "it has expired");
}

#[tokio::test]
async fn who_gives_up_does_not_break_off_the_request_of_the_others() {
    let fake = Fake::start().await;
    let (log_in, _) = application(&fake);
    let go = Arc::new(Notify::new());
    fake.then(Reply::Held(Arc::clone(&go)));
    let mut impatient = Box::pin(log_in.access());
    while fake.count() == 0 {
        tokio::select! {
            biased;
            _ = &mut impatient => panic!("it was not answered yet"),
            () = tokio::task::yield_now() => {}
        }
    }
    drop(impatient);
    go.notify_one();
    log_in.access().await.unwrap();
    assert_eq!(fake.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_token_is_replaced_once_and_not_for_ever() {
    let fake = Fake::start().await;
    let (log_in, clock) = application(&fake);
    let first = log_in.access().await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (log_in, first) = (log_in.clone(), first.clone());
            tokio::spawn(async move { log_in.other_than(&first, None).await.unwrap() })
        })
        .collect();
    for task in tasks {
        assert_ne!(task.await.unwrap(), first);
    }
    assert_eq!(fake.count(), 2);
    let second = log_in.access().await.unwrap();
    let problem = log_in.other_than(&second, None).await.unwrap_err();
    assert!(matches!(problem, Problem::TokenRefused(_)));
    assert!(problem.to_string().contains("permits full_access_as_app"), "{problem}");
    assert_eq!(fake.count(), 2);
    clock.pass(60);
    log_in.other_than(&second, None).await.unwrap();
    assert_eq!(fake.count(), 3);
}

#[tokio::test]
async fn a_challenge_is_passed_on_and_what_is_none_is_not() {
    let fake = Fake::start().await;
    let (log_in, _) = application(&fake);
    let first = log_in.access().await.unwrap();
    let claims = r#"{"access_token":{"nbf":{"essential":true,"value":"1795262000"}}}"#;
    let second = log_in.other_than(&first, Some("bm8ganNvbg==")).await.unwrap();
    let third = log_in.other_than(&second, Some(&STANDARD.encode(claims))).await.unwrap();
    assert!(first != second && second != third);
    let asked = fake.asked();
    assert!(!asked[1].fields.contains_key("claims"));
    assert_eq!(asked[2].fields["claims"], claims);
    assert!(log_in.other_than(&third, Some(&STANDARD.encode(claims))).await.is_err(), "the same again");
    assert_eq!(fake.count(), 3);
}

#[tokio::test]
async fn a_secret_that_is_changed_counts_from_the_next_request_on() {
    let fake = Fake::start().await;
    let current = Arc::new(Mutex::new(Err("the secret `x` is not set".to_owned())));
    let read = Arc::clone(&current);
    let grant = Grant::ClientSecret(Arc::new(move || read.lock().unwrap().clone().map(Secret::new)));
    let clock = TestClock::new(Waits::Never);
    let log_in = LogIn::with(settings(&fake, grant), http(), clock.clone(), None);
    assert!(log_in.access().await.unwrap_err().to_string().contains("not set"));
    *current.lock().unwrap() = Ok("with\nline".to_owned());
    assert!(log_in.access().await.unwrap_err().to_string().contains("line break"));
    assert_eq!(fake.count(), 0);
    for value in [SECRET.to_owned(), format!("{SECRET}-2")] {
        *current.lock().unwrap() = Ok(value.clone());
        log_in.access().await.unwrap();
        assert_eq!(fake.asked().last().unwrap().fields["client_secret"], value);
        clock.pass(3600);
    }
}

#[tokio::test]
async fn reset_drops_the_token() {
    let fake = Fake::start().await;
    let (log_in, _) = application(&fake);
    let first = log_in.access().await.unwrap();
    log_in.reset().await.unwrap();
    assert!(log_in.facts().is_none());
    assert_ne!(log_in.access().await.unwrap(), first);
}

#[tokio::test]
async fn connections_that_log_in_alike_share_a_token_and_others_do_not() {
    let fake = Fake::start().await;
    let clock = TestClock::new(Waits::Never);
    let log_ins = LogIns::with_clock(None, clock);
    let one = log_ins.open(settings(&fake, secret()), http()).access().await.unwrap();
    let same = log_ins.open(settings(&fake, certificate(Algorithm::Ps256)), http()).access().await.unwrap();
    assert_eq!((one == same, fake.count()), (true, 1));
    let people = |name: &str| log_ins.open(settings(&fake, Grant::DeviceCode).account(name), http());
    assert!(matches!(people("a@corp.example").access().await, Err(Problem::LogInFirst)));
    assert!(matches!(people("b@corp.example").access().await, Err(Problem::LogInFirst)));
    assert_eq!(fake.count(), 1);
}

#[tokio::test]
async fn a_clock_that_is_set_back_neither_prolongs_a_token_nor_a_pause() {
    let fake = Fake::start().await;
    let early = TestClock::new(Waits::Never);
    early.pass(40_000);
    let log_in = LogIn::with(settings(&fake, secret()), http(), early.clone(), None);
    log_in.access().await.unwrap();
    early.set_back(20_000);
    log_in.access().await.unwrap();
    assert_eq!(fake.count(), 2, "a token from the future is replaced");
    early.pass(3600);
    fake.then(Reply::refused("invalid_client", 7_000_215));
    log_in.access().await.unwrap_err();
    early.set_back(10_000);
    log_in.access().await.unwrap();
    assert_eq!(fake.count(), 4);
}

#[test]
fn an_application_has_one_tenant_and_the_scope_of_its_cloud() {
    let at =
        |tenant: &str, grant| Settings::exchange_online(Cloud::GccHigh, tenant, authority::CLIENT, grant);
    assert!(at("common", secret()).unwrap_err().to_string().contains("one tenant"));
    assert!(at("common", Grant::DeviceCode).is_ok());
    let settings = at("corp.onmicrosoft.us", secret()).unwrap();
    assert_eq!(settings.authority().host(), "login.microsoftonline.us");
}
