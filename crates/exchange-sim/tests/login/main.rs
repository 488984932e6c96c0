//! Logging in as a client sees it: NTLM on one connection, tokens and how they are got, and what accounts may do.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod ntlm;
mod rights;
mod tokens;
#[path = "../wire/mod.rs"]
mod wire;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use exchange::FolderRef;
use hmac::{Hmac, Mac};
use md4::{Digest, Md4};
use md5::Md5;
use portcullis_exchange_sim::{
    Account, Application, Config, Fault, Grant, Misbehaviour, Organisation, Reach, Right, Scheme, Server,
};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::{ALICE, Answer, envelope, find, raw};

const BOB: &str = "bob@corp.example";
const APP: &str = "11111111-2222-3333-4444-555555555555";
const TENANT: &str = "corp.example";
const SCOPE: &str = "https://outlook.office365.com/.default";
const FOR_PEOPLE: &str = "https://outlook.office365.com/EWS.AccessAsUser.All offline_access";
/// Made with `openssl req -x509 -newkey rsa:2048 -nodes -days 36500 -subj /CN=simulated`, and the key as PKCS #8.
const CERTIFICATE: &str = include_str!("../keys/application.crt");
const KEY: &str = include_str!("../keys/application.key");

fn organisation() -> Organisation {
    let organisation = Organisation::new();
    for mailbox in [ALICE, BOB, "carol@corp.example"] {
        organisation.add_mailbox(mailbox);
        let mail = format!("From: x@y.example\r\nTo: {mailbox}\r\nSubject: to {mailbox}\r\n\r\nHello.\r\n");
        organisation.deliver(mailbox, &FolderRef::parse("inbox").unwrap(), mail).unwrap();
    }
    organisation.add_account(Account { names: vec!["CORP\\alice".into()], ..Account::new(ALICE, "Grüße") });
    organisation.add_account(Account { impersonates: Reach::only([BOB]), ..Account::new(BOB, "b") });
    organisation
}

async fn serve(organisation: &Organisation, schemes: &[Scheme]) -> Server {
    let config = Config::local(wire::USER, "secret").with_schemes(schemes.iter().copied());
    Server::start(organisation.clone(), config).await.unwrap()
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

async fn ews(server: &Server, authorization: &str, operation: &str, acting_as: Option<&str>) -> Answer {
    let body = envelope(acting_as, operation);
    let request = format!(
        "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: sim\r\nConnection: close\r\nAuthorization: {authorization}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    raw(server, &request).await.unwrap()
}

async fn http(server: &Server, method: &str, path: &str, form: &str) -> Answer {
    let host = server.base_url().replace("http://", "");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    raw(server, &request).await.unwrap()
}

fn form(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String {
        text.bytes()
            .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
            .collect()
    };
    fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

async fn token(server: &Server, fields: &[(&str, &str)]) -> (u16, Value) {
    let answer = http(server, "POST", &format!("/{TENANT}/oauth2/v2.0/token"), &form(fields)).await;
    (answer.status(), serde_json::from_str(&answer.body).unwrap())
}

fn code(answer: &(u16, Value)) -> (u16, &str, u64) {
    let number = answer.1["error_codes"][0].as_u64().unwrap();
    let text = answer.1["error_description"].as_str().unwrap();
    assert!(text.starts_with(&format!("AADSTS{number}: ")), "{text}");
    (answer.0, answer.1["error"].as_str().unwrap(), number)
}

fn inbox_of(mailbox: &str) -> String {
    find("inbox", "").replace(ALICE, mailbox)
}
