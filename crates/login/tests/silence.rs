//! No token, secret, assertion or code shows anywhere: not in errors, not in `Debug`, not in the log, whatever
//! goes wrong. Every canary ends alike, so one search finds them all, plain or in base64.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod authority;

use std::io;
use std::sync::{Arc, Mutex};

use authority::{
    Fake, PASSWORD, Reply, SECRET, TestClock, Waits, application, certificate, http, logged_in, secret,
    settings,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_login::{Algorithm, Grant, LogIn, LogIns, Vault};
use serde_json::json;
use transport::{Client, Credentials, Origin, Secret};

/// A log that is kept whole.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn silent(what: &str, text: &str) {
    // In base64 the canary has three forms, by where it begins.
    let hidden: Vec<String> = (0..3)
        .map(|shift| {
            let encoded = STANDARD.encode(format!("{}canary-7351", "x".repeat(shift)));
            encoded[4..12].to_owned()
        })
        .collect();
    for canary in ["canary", "eyJ", "PRIVATE KEY"].into_iter().chain(hidden.iter().map(String::as_str)) {
        assert!(!text.contains(canary), "{what} shows {canary}: {text}");
    }
}

#[tokio::test]
async fn nothing_secret_is_said_whatever_happens() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let folder = tempfile::tempdir().unwrap();
    let mut said = String::new();
    let password = || Grant::PasswordLegacy {
        user: "soc@corp.example".to_owned(),
        password: Arc::new(|| Ok(Secret::new(PASSWORD))),
    };
    let replies: Vec<fn() -> Option<Reply>> = vec![
        || None,
        || Some(Reply::refused("invalid_client", 7_000_215)),
        || Some(Reply::refused("invalid_grant", 1)),
        || Some(Reply::Json(200, json!({ "access_token": "a canary", "refresh_token": SECRET }))),
        || Some(Reply::Json(200, json!({ "access_token": 7351, "x": SECRET }))),
        || Some(Reply::Json(200, json!({ "access_token": SECRET, "expires_in": SECRET }))),
        || Some(Reply::Json(400, json!({ "error": SECRET, "error_description": SECRET }))),
        || Some(Reply::Raw(302, vec![("location", format!("http://{SECRET}/?{SECRET}"))], Vec::new())),
        || Some(Reply::Raw(200, Vec::new(), SECRET.as_bytes().to_vec())),
        || Some(Reply::Raw(500, Vec::new(), SECRET.as_bytes().to_vec())),
    ];
    for reply in replies {
        for grant in [secret(), certificate(Algorithm::Ps256), password()] {
            let fake = Fake::start().await;
            reply().into_iter().for_each(|reply| fake.then(reply));
            let log_in = LogIn::with(settings(&fake, grant), http(), TestClock::new(Waits::Never), None);
            said += &match log_in.access().await {
                Ok(token) => format!("{token:?} {:?}", log_in.other_than(&token, Some("bm8")).await),
                Err(problem) => format!("{problem} {problem:?}"),
            };
            said += &format!("{log_in:?} {:?}", log_in.settings());
        }
        let fake = Fake::start().await;
        let vault =
            Vault::with_secret(folder.path(), Secret::new("a-key-for-the-vault-canary-7351-…")).unwrap();
        let (log_in, clock) = logged_in(&fake, Some(vault.clone())).await;
        clock.pass(3600);
        reply().into_iter().for_each(|reply| fake.then(reply));
        said += &format!("{:?} {vault:?} {:?}", log_in.access().await, LogIns::new(Some(vault.clone())));
        reply().into_iter().for_each(|reply| fake.then(reply));
        match log_in.begin_device().await {
            Ok(device) => {
                said += &format!("{device:?}");
                said += &format!("{:?}", device.complete().await);
            }
            Err(problem) => said += &format!("{problem} {problem:?}"),
        }
    }
    silent("what was said", &said);
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(log.contains("/tenant/oauth2/v2.0/token"), "the log was kept: {log}");
    silent("the log", &log);
}

#[tokio::test]
async fn a_token_reaches_its_server_and_no_other() {
    let (fake, server, other) = (Fake::start().await, Fake::start().await, Fake::start().await);
    let (log_in, _) = application(&fake);
    let origin = Origin::of(&server.url.parse().unwrap()).unwrap();
    let client =
        Client::builder().credentials(origin, Credentials::bearer(Arc::new(log_in))).build().unwrap();
    for url in [&server.url, &other.url] {
        use tower_service::Service as _;
        let request = http::Request::post(url.as_str()).body(bytes::Bytes::new()).unwrap();
        client.clone().call(request).await.unwrap();
    }
    assert_eq!(fake.count(), 1);
    assert_eq!((server.bearers(), other.bearers()), (1, 0));
    silent("the client", &format!("{client:?}"));
}
