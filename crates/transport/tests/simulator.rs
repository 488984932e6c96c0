//! The client against the simulated server, which has its own NTLM and its own ways to fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::time::Duration;

use bytes::Bytes;
use exchange_sim::{Account, Config, DigestAlgorithm, Fault, Misbehaviour, Organisation, Scheme, Server};
use http::Request;
use http_body_util::BodyExt;
use portcullis_transport::{Client, Credentials, Kind, Origin, Secret};
use tower_service::Service;

const ALICE: &str = "alice@corp.example";
const ASKS: &str = "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\" xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\"><s:Body><m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id=\"inbox\"/></m:FolderIds></m:GetFolder></s:Body></s:Envelope>";

async fn serve(scheme: Scheme) -> Server {
    let organisation = Organisation::new();
    organisation.add_mailbox(ALICE);
    organisation.add_account(Account { names: vec!["CORP\\alice".into()], ..Account::new(ALICE, "Grüße") });
    let config = Config::local("svc@corp.example", "secret").with_schemes([scheme]);
    Server::start(organisation, config).await.unwrap()
}

fn client(server: &Server, credentials: Credentials) -> Client {
    let origin = Origin::of(&server.url().parse().unwrap()).unwrap();
    let builder = Client::builder().credentials(origin, credentials).max_body(1024 * 1024);
    builder
        .deadline(Duration::from_secs(20))
        .attempt_timeout(Duration::from_secs(2))
        .repeats(0)
        .build()
        .unwrap()
}

/// The status and the text of an answer, or what went wrong.
async fn ask(client: &Client, server: &Server) -> Result<(u16, String), Kind> {
    let request = Request::post(server.url()).body(Bytes::from_static(ASKS.as_bytes())).unwrap();
    let answer = client.clone().call(request).await.map_err(|error| error.kind())?;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.map_err(|error| error.kind())?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

fn ntlm(user: &str, domain: Option<&str>, password: &str) -> Credentials {
    Credentials::Ntlm { user: user.into(), domain: domain.map(str::to_owned), password: secret(password) }
}

fn negotiate(user: &str, password: &str) -> Credentials {
    Credentials::Negotiate { user: user.into(), domain: None, password: secret(password), kdc: None }
}

fn digest(user: &str, password: &str) -> Credentials {
    Credentials::Digest { user: user.into(), password: secret(password) }
}

#[tokio::test]
async fn digest_is_answered_with_each_algorithm_for_more_requests_than_a_challenge_is_good_for() {
    for algorithm in [DigestAlgorithm::Sha256, DigestAlgorithm::Md5, DigestAlgorithm::Md5Session] {
        for user in [ALICE, "CORP\\alice"] {
            let server = serve(Scheme::Digest(algorithm)).await;
            let client = client(&server, digest(user, "Grüße"));
            for _ in 0..50 {
                let (status, text) = ask(&client, &server).await.unwrap();
                assert!(status == 200 && text.contains("NoError"), "{algorithm:?} {user}: {text}");
            }
            let many = (0..8).map(|_| ask(&client, &server));
            for answer in futures_util::future::join_all(many).await {
                assert_eq!(answer.unwrap().0, 200, "{algorithm:?} {user}");
            }
        }
    }
}

#[tokio::test]
async fn digest_answers_the_stronger_challenge_and_no_other_scheme() {
    let both = [Scheme::Basic, Scheme::Digest(DigestAlgorithm::Md5), Scheme::Digest(DigestAlgorithm::Sha256)];
    let organisation = Organisation::new();
    organisation.add_mailbox("ÄÖ@corp.example");
    organisation.add_account(Account::new("ÄÖ@corp.example", "pass"));
    let config = Config::local("svc@corp.example", "secret").with_schemes(both);
    let server = Server::start(organisation, config).await.unwrap();
    let name = client(&server, digest("ÄÖ@corp.example", "pass"));
    assert_eq!(ask(&name, &server).await.unwrap().0, 200);
    let server = serve(Scheme::Basic).await;
    let refused = ask(&client(&server, digest(ALICE, "Grüße")), &server).await;
    assert_eq!(refused.err(), Some(Kind::LogIn));
}

#[tokio::test]
async fn windows_log_ins_are_good_for_many_requests_on_many_connections() {
    for (scheme, credentials) in [
        (Scheme::Ntlm, ntlm("CORP\\alice", None, "Grüße")),
        (Scheme::Ntlm, ntlm("alice", Some("CORP"), "Grüße")),
        (Scheme::Ntlm, ntlm(ALICE, None, "Grüße")),
        (Scheme::Negotiate, negotiate("CORP\\alice", "Grüße")),
        (Scheme::Negotiate, negotiate(ALICE, "Grüße")),
    ] {
        let server = serve(scheme).await;
        let client = client(&server, credentials.clone());
        for _ in 0..3 {
            let (status, text) = ask(&client, &server).await.unwrap();
            assert!(status == 200 && text.contains("NoError"), "{credentials:?}: {text}");
        }
        let many = (0..6).map(|_| ask(&client, &server));
        for answer in futures_util::future::join_all(many).await {
            assert_eq!(answer.unwrap().0, 200, "{credentials:?}");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_as_such() {
    for (scheme, credentials) in [
        (Scheme::Ntlm, ntlm("CORP\\alice", None, "wrong")),
        (Scheme::Ntlm, ntlm("CORP\\nobody", None, "Grüße")),
        (Scheme::Negotiate, negotiate("CORP\\alice", "wrong")),
        (Scheme::Digest(DigestAlgorithm::Sha256), digest(ALICE, "wrong")),
        (Scheme::Digest(DigestAlgorithm::Md5Session), digest("nobody", "Grüße")),
    ] {
        let server = serve(scheme).await;
        let client = client(&server, credentials.clone());
        let answer = ask(&client, &server).await;
        assert!(matches!(&answer, Err(Kind::LogIn) | Ok((401, _))), "{credentials:?}: {answer:?}");
    }
}

#[tokio::test]
async fn whatever_a_server_sends_ends_in_an_error_of_its_kind() {
    let server = serve(Scheme::Basic).await;
    let client = client(&server, Credentials::basic(ALICE, secret("Grüße")));
    let cases = [
        (Misbehaviour::DropBefore, Kind::Broken),
        (Misbehaviour::DropAfter, Kind::Broken),
        (Misbehaviour::NoHttp, Kind::Broken),
        (Misbehaviour::Truncated { bytes: 30 }, Kind::Broken),
        (Misbehaviour::HalfClose { bytes: 30 }, Kind::Broken),
        (Misbehaviour::WrongLength { by: 10 }, Kind::Broken),
        (Misbehaviour::GzipBomb { mebibytes: 4 }, Kind::TooLarge),
        (Misbehaviour::HugeHeaders { kibibytes: 1024 }, Kind::Broken),
        (Misbehaviour::Trickle { bytes: 1, pause_ms: 400 }, Kind::Deadline),
        (Misbehaviour::Delay { milliseconds: 5_000 }, Kind::Deadline),
    ];
    for (fault, kind) in cases {
        server.misbehave(Fault::once("GetFolder", fault.clone()));
        let answer = ask(&client, &server).await;
        assert_eq!(answer.as_ref().err(), Some(&kind), "{fault:?}: {answer:?}");
        assert_eq!(ask(&client, &server).await.unwrap().0, 200, "and all is well again after {fault:?}");
    }
}

#[tokio::test]
async fn nobody_is_followed_to_another_host() {
    let server = serve(Scheme::Basic).await;
    let other = serve(Scheme::Basic).await;
    let client = client(&server, Credentials::basic(ALICE, secret("Grüße")));
    for status in [301, 302, 307, 308] {
        server.misbehave(Fault::once("GetFolder", Misbehaviour::Redirect { location: other.url(), status }));
        let answer = ask(&client, &server).await;
        assert!(answer.as_ref().map_or(true, |(seen, _)| *seen == status), "{status}: {answer:?}");
    }
    assert_eq!(ask(&client, &server).await.unwrap().0, 200);
}
