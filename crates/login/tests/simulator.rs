//! Every way to log in against the simulator's token endpoint, which shares no code with this crate, and the
//! simulated Exchange behind it as the judge of the tokens.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod authority;

use std::sync::Arc;
use std::time::Duration;

use authority::{CLIENT, PASSWORD, PEOPLE, SCOPE, SECRET, certificate, http, secret};
use bytes::Bytes;
use exchange_sim::{Account, Application, Config, Organisation, Server};
use http::Request;
use http_body_util::BodyExt as _;
use portcullis_login::{Algorithm, Authority, Code, Grant, LogIn, Problem, Settings};
use tower_service::Service as _;
use transport::{Client, Credentials, Origin, Secret};

const TENANT: &str = "corp.example";
const PERSON: &str = "soc@corp.example";

async fn serve(applications: impl IntoIterator<Item = Application>) -> Server {
    let organisation = Organisation::new();
    organisation.add_mailbox(PERSON);
    organisation.add_account(Account::new(PERSON, PASSWORD));
    for application in applications {
        organisation.add_application(application);
    }
    Server::start(organisation, Config::local("svc@corp.example", "unused")).await.unwrap()
}

fn log_in(server: &Server, grant: Grant) -> LogIn {
    let scope = if grant.is_application() { SCOPE } else { PEOPLE };
    let authority = Authority::at(&format!("{}/{TENANT}", server.base_url())).unwrap();
    LogIn::new(Settings::at(authority, CLIENT, scope, grant).unwrap(), http())
}

/// The status of a request at the simulated Exchange with a token of this log-in.
async fn status(server: &Server, log_in: &LogIn) -> u16 {
    let origin = Origin::of(&server.url().parse().unwrap()).unwrap();
    let client =
        Client::builder().credentials(origin, Credentials::bearer(Arc::new(log_in.clone()))).build().unwrap();
    let acting = format!(
        "<s:Header><t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>{PERSON}</t:PrimarySmtpAddress>\
         </t:ConnectingSID></t:ExchangeImpersonation></s:Header>"
    );
    let header = if log_in.settings().grant().is_application() { &acting } else { "" };
    let body = format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" \
         xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">{header}<s:Body><m:GetFolder>\
         <m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds>\
         <t:DistinguishedFolderId Id=\"inbox\"><t:Mailbox><t:EmailAddress>{PERSON}</t:EmailAddress></t:Mailbox>\
         </t:DistinguishedFolderId></m:FolderIds></m:GetFolder></s:Body></s:Envelope>"
    );
    let request = Request::post(server.url())
        .header("content-type", "text/xml; charset=utf-8")
        .body(body.into())
        .unwrap();
    client.clone().call(request).await.unwrap().status().as_u16()
}

async fn send(request: Request<Bytes>) -> http::Response<Bytes> {
    let (parts, body) = http().call(request).await.unwrap().into_parts();
    http::Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn applications_get_tokens_that_exchange_takes() {
    let pem = include_str!("fixture/cert.pem");
    for (application, grant) in [
        (Application::with_secret(CLIENT, TENANT, SECRET), secret()),
        (Application::with_certificate(CLIENT, TENANT, pem), certificate(Algorithm::Ps256)),
        (Application::with_certificate(CLIENT, TENANT, pem), certificate(Algorithm::Rs256)),
    ] {
        let server = serve([application]).await;
        let log_in = log_in(&server, grant);
        assert_eq!(status(&server, &log_in).await, 200, "{log_in:?}");
        let first = log_in.access().await.unwrap();
        server.let_tokens_age(Duration::from_secs(3600));
        // The assertion of a certificate would be out of time there now.
        if log_in.settings().grant().name() == "client_secret" {
            assert_eq!(status(&server, &log_in).await, 200, "a token that has expired there is replaced");
            assert_ne!(log_in.access().await.unwrap(), first);
        }
    }
}

#[tokio::test]
async fn what_entra_would_refuse_is_refused_with_its_code() {
    let other = "99999999-2222-3333-4444-555555555555";
    let wrong = || Grant::ClientSecret(Arc::new(|| Ok(Secret::new("wrong"))));
    for (application, grant, expected) in [
        (Application::with_secret(CLIENT, TENANT, SECRET), wrong(), 7_000_215),
        (Application::with_secret(CLIENT, "other.example", SECRET), secret(), 90_002),
        (Application::with_secret(other, TENANT, SECRET), secret(), 700_016),
        (Application::with_secret(CLIENT, TENANT, SECRET), certificate(Algorithm::Ps256), 700_027),
    ] {
        let server = serve([application]).await;
        let problem = log_in(&server, grant).access().await.unwrap_err();
        assert_eq!(problem.refusal().and_then(|r| r.code()), Some(Code::Aadsts(expected)), "{problem}");
    }
}

#[tokio::test]
async fn a_person_logs_in_by_code_and_the_log_in_goes_on_by_refresh_tokens() {
    let server = serve([Application::public(CLIENT, TENANT)]).await;
    let log_in = log_in(&server, Grant::DeviceCode);
    let device = log_in.begin_device().await.unwrap();
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    let form = form
        .append_pair("decision", "grant")
        .append_pair("user", PERSON)
        .append_pair("password", PASSWORD)
        .append_pair("user_code", &device.user_code)
        .finish();
    let typed = Request::post(device.verification_uri.as_str()).body(form.into()).unwrap();
    assert_eq!(send(typed).await.status(), 200);
    device.complete().await.unwrap();
    assert_eq!(status(&server, &log_in).await, 200);
    server.let_tokens_age(Duration::from_secs(3600));
    let stale = log_in.access().await.unwrap();
    assert_eq!(status(&server, &log_in).await, 200);
    assert_ne!(log_in.access().await.unwrap(), stale);
}

#[tokio::test]
async fn a_person_logs_in_with_a_browser() {
    let server = serve([Application::public(CLIENT, TENANT)]).await;
    let log_in = log_in(&server, Grant::AuthorizationCode(None));
    let browser = log_in.begin_browser().await.unwrap();
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("user", PERSON)
        .append_pair("password", PASSWORD)
        .finish();
    let answer = send(Request::post(browser.url.as_str()).body(form.into()).unwrap()).await;
    // As a browser writes it, with a path.
    let back = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let back = back.to_string().replace("localhost", "127.0.0.1");
    let waiting = tokio::spawn(browser.complete());
    assert_eq!(send(Request::get(back).body(Bytes::new()).unwrap()).await.status(), 200);
    waiting.await.unwrap().unwrap();
    assert_eq!(status(&server, &log_in).await, 200);
}

#[tokio::test]
async fn a_password_is_taken_only_where_the_application_allows_it() {
    let grant = || Grant::PasswordLegacy {
        user: PERSON.to_owned(),
        password: Arc::new(|| Ok(Secret::new(PASSWORD))),
    };
    let mut application = Application::public(CLIENT, TENANT);
    for (allowed, wanted) in [(true, 200), (false, 0)] {
        application.password_grant = allowed;
        let server = serve([application.clone()]).await;
        let log_in = log_in(&server, grant());
        match log_in.access().await {
            Ok(_) => assert_eq!(status(&server, &log_in).await, wanted),
            Err(Problem::Refused(_)) => assert!(!allowed),
            Err(other) => panic!("{other}"),
        }
    }
}
