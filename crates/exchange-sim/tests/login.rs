//! Logging in as a client sees it: NTLM on one connection, tokens and how they are got, and what accounts may do.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

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
const CERTIFICATE: &str = include_str!("keys/application.crt");
const KEY: &str = include_str!("keys/application.key");

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

// --- NTLM

/// The first message, which says what the client can.
const FIRST: &[u8] =
    b"NTLMSSP\0\x01\0\0\0\x07\x82\x08\xa2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0a\0\0\0\0\0\0\x0f";

/// A client of NTLM version 2, written anew for this test.
struct Ntlm {
    stream: TcpStream,
    host: String,
}

impl Ntlm {
    async fn connect(server: &Server) -> Self {
        let host = server.base_url().replace("http://", "");
        Ntlm { stream: TcpStream::connect(&host).await.unwrap(), host }
    }

    /// One request on the connection; status, head and body.
    async fn send(&mut self, authorization: Option<&str>, body: &str) -> (u16, String, String) {
        let line = authorization.map(|a| format!("Authorization: {a}\r\n")).unwrap_or_default();
        let request = format!(
            "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: {}\r\n{line}Content-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if body.len() >= length.unwrap_or(0_usize) {
                    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                    return (status, head.to_owned(), body.to_owned());
                }
            }
            let mut space = [0; 4096];
            let read = self.stream.read(&mut space).await.unwrap();
            assert!(read > 0, "the server closed: {text}");
            bytes.extend(&space[..read]);
        }
    }

    async fn challenge(&mut self, scheme: &str) -> Vec<u8> {
        let first = STANDARD.encode(FIRST);
        let (status, head, _) = self.send(Some(&format!("{scheme} {first}")), "").await;
        assert_eq!(status, 401);
        let prefix = format!("www-authenticate: {} ", scheme.to_lowercase());
        let line = head.lines().find(|line| line.to_lowercase().starts_with(&prefix)).unwrap();
        STANDARD.decode(line.rsplit(' ').next().unwrap()).unwrap()
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn md5_mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Md5>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// The third message to a challenge.
fn authenticate(challenge: &[u8], domain: &str, user: &str, password: &str) -> Vec<u8> {
    let nonce = &challenge[24..32];
    let length = usize::from(u16::from_le_bytes([challenge[40], challenge[41]]));
    let offset = usize::try_from(u32::from_le_bytes(challenge[44..48].try_into().unwrap())).unwrap();
    let information = &challenge[offset..offset + length];
    let key = md5_mac(&Md4::digest(utf16(password)), &[&utf16(&format!("{}{domain}", user.to_uppercase()))]);
    let about = [&[1, 1, 0, 0, 0, 0, 0, 0][..], &[7; 8], &[9; 8], &[0; 4], information, &[0; 4]].concat();
    let response = [md5_mac(&key, &[nonce, &about]), about].concat();
    let fields = [vec![0; 24], response, utf16(domain), utf16(user), vec![], vec![]];
    let mut message = b"NTLMSSP\0\x03\0\0\0".to_vec();
    let mut at = 88;
    for field in &fields {
        let length = u16::try_from(field.len()).unwrap().to_le_bytes();
        message.extend([length, length].concat());
        message.extend(u32::try_from(at).unwrap().to_le_bytes());
        at += field.len();
    }
    message.extend([0x05, 0x82, 0x88, 0xa2, 10, 0, 0, 0, 0, 0, 0, 15]);
    message.resize(88, 0);
    message.extend(fields.concat());
    message
}

#[tokio::test]
async fn ntlm_is_proved_once_for_a_connection_and_for_no_other() {
    let organisation = organisation();
    let server = serve(&organisation, &[Scheme::Ntlm]).await;
    let body = envelope(None, &find("inbox", ""));
    for (domain, user) in [("CORP", "alice"), ("", ALICE)] {
        let mut link = Ntlm::connect(&server).await;
        let (status, head, _) = link.send(None, &body).await;
        assert_eq!(
            (status, head.to_lowercase().contains("www-authenticate: ntlm\r\n")),
            (401, true),
            "{head}"
        );
        let challenge = link.challenge("NTLM").await;
        let proof = format!("NTLM {}", STANDARD.encode(authenticate(&challenge, domain, user, "Grüße")));
        let mut other = Ntlm::connect(&server).await;
        assert_eq!(other.send(Some(&proof), &body).await.0, 401, "a proof is good on its connection only");
        let (status, _, answer) = link.send(Some(&proof), &body).await;
        assert_eq!((status, answer.contains("to alice@corp.example")), (200, true), "{answer}");
        assert_eq!(link.send(None, &body).await.0, 200, "the connection is logged in now");
        assert_eq!(other.send(None, &body).await.0, 401, "another connection is not");
        assert_eq!(link.send(Some(&proof), &body).await.0, 401, "a proof is good once");
        assert_eq!(link.send(None, &body).await.0, 401, "whoever tries again has to prove it again");
    }
}

/// The same with the mark that says that the messages are sealed, and the seal.
fn sealed(first: &[u8], challenge: &[u8], password: &str) -> Vec<u8> {
    let mut marked = challenge.to_vec();
    let end = marked.len() - 4;
    // The pair with flags goes before the last pair, which is empty.
    marked.splice(end..end, [6, 0, 4, 0, 2, 0, 0, 0]);
    let length = u16::from_le_bytes([marked[40], marked[41]]) + 8;
    marked[40..42].copy_from_slice(&length.to_le_bytes());
    let mut message = authenticate(&marked, "", ALICE, password);
    let key = md5_mac(&Md4::digest(utf16(password)), &[&utf16(&ALICE.to_uppercase())]);
    let session = md5_mac(&key, &[&message[112..128]]);
    let seal = md5_mac(&session, &[first, challenge, &message]);
    message[72..88].copy_from_slice(&seal);
    message
}

#[tokio::test]
async fn ntlm_checks_the_seal_of_who_seals() {
    let organisation = organisation();
    let server = serve(&organisation, &[Scheme::Ntlm]).await;
    for (change, expected) in [(None, 200), (Some(72), 401), (Some(60), 401)] {
        let mut link = Ntlm::connect(&server).await;
        let challenge = link.challenge("NTLM").await;
        let mut message = sealed(FIRST, &challenge, "Grüße");
        if let Some(at) = change {
            message[at] ^= 0x10;
        }
        let proof = format!("NTLM {}", STANDARD.encode(message));
        assert_eq!(
            link.send(Some(&proof), &envelope(None, &find("inbox", ""))).await.0,
            expected,
            "{change:?}"
        );
    }
}

#[tokio::test]
async fn ntlm_refuses_wrong_proofs() {
    let organisation = organisation();
    let server = serve(&organisation, &[Scheme::Ntlm]).await;
    for (domain, user, password) in
        [("CORP", "alice", "grüße"), ("CORP", "nobody", "Grüße"), ("OTHER", "alice", "Grüße")]
    {
        let mut link = Ntlm::connect(&server).await;
        let challenge = link.challenge("NTLM").await;
        let proof = format!("NTLM {}", STANDARD.encode(authenticate(&challenge, domain, user, password)));
        assert_eq!(link.send(Some(&proof), "").await.0, 401, "{domain} {user}");
    }
    let mut link = Ntlm::connect(&server).await;
    let mut message = authenticate(&link.challenge("NTLM").await, "CORP", "alice", "Grüße");
    let at = 88 + 24;
    message[at] ^= 1;
    assert_eq!(link.send(Some(&format!("NTLM {}", STANDARD.encode(&message))), "").await.0, 401);
    assert_eq!(
        ews(&server, &basic(ALICE, "Grüße"), &find("inbox", ""), None).await.status(),
        401,
        "Basic is off"
    );
}

#[tokio::test]
async fn negotiate_carries_ntlm_bare_and_in_its_envelope() {
    let organisation = organisation();
    let server = serve(&organisation, &[Scheme::Negotiate]).await;
    let mut link = Ntlm::connect(&server).await;
    let challenge = link.challenge("Negotiate").await;
    let proof = format!("Negotiate {}", STANDARD.encode(authenticate(&challenge, "", ALICE, "Grüße")));
    assert_eq!(link.send(Some(&proof), &envelope(None, &find("inbox", ""))).await.0, 200);

    let mut link = Ntlm::connect(&server).await;
    let first = [
        b"\x60\x20wrapped".as_slice(),
        b"NTLMSSP\0\x01\0\0\0\x07\x82\x08\xa2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ]
    .concat();
    let (_, head, _) = link.send(Some(&format!("Negotiate {}", STANDARD.encode(first))), "").await;
    let line =
        head.lines().find(|line| line.to_lowercase().starts_with("www-authenticate: negotiate ")).unwrap();
    let answer = STANDARD.decode(line.rsplit(' ').next().unwrap()).unwrap();
    assert_eq!(&answer[..1], b"\xa1");
    let at = answer.windows(8).position(|window| window == b"NTLMSSP\0").unwrap();
    let proof = [b"\xa1\x20".as_slice(), &authenticate(&answer[at..], "", ALICE, "Grüße")].concat();
    let (status, _, _) = link
        .send(Some(&format!("Negotiate {}", STANDARD.encode(proof))), &envelope(None, &find("inbox", "")))
        .await;
    assert_eq!(status, 200);
}

// --- rights

#[tokio::test]
async fn accounts_reach_what_they_were_given() {
    let organisation = organisation();
    let server = serve(&organisation, &[Scheme::Basic]).await;
    let alice = basic(ALICE, "Grüße");
    let code = async |who: &str, operation: &str, acting: Option<&str>| {
        let answer = ews(&server, who, operation, acting).await;
        (answer.status(), answer.codes().join(" "))
    };
    let ok = (200, "NoError".to_owned());
    assert_eq!(code(&alice, &inbox_of(ALICE), None).await, ok);
    assert_eq!(code(&alice, &inbox_of(BOB), None).await, (200, "ErrorAccessDenied".into()));
    assert_eq!(
        code(&alice, &inbox_of("nobody@corp.example"), None).await,
        (200, "ErrorNonExistentMailbox".into())
    );
    assert_eq!(code(&basic(ALICE, "wrong"), &inbox_of(ALICE), None).await.0, 401);

    organisation.grant(Grant::new(BOB, ALICE, Right::Reviewer).on("inbox"));
    assert_eq!(code(&alice, &inbox_of(BOB), None).await, ok);
    let drafts = inbox_of(BOB).replace("\"inbox\"", "\"drafts\"");
    assert_eq!(code(&alice, &drafts, None).await, (200, "ErrorAccessDenied".into()), "another folder");
    let found = ews(&server, &alice, &inbox_of(BOB), None).await;
    let item = found.attributes("t:ItemId", "Id")[0].clone();
    let get = format!(
        "<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>{}</m:GetItem>",
        wire::ids(&[&item])
    );
    let delete = wire::delete("HardDelete", &[&item]);
    assert_eq!(code(&alice, &get, None).await, ok);
    assert_eq!(
        code(&alice, &delete, None).await,
        (200, "ErrorAccessDenied".into()),
        "a reviewer changes nothing"
    );
    organisation.grant(Grant::new(BOB, ALICE, Right::Editor).on("inbox"));
    assert_eq!(code(&alice, &delete, None).await, ok);

    let rules =
        format!("<m:GetInboxRules><m:MailboxSmtpAddress>{BOB}</m:MailboxSmtpAddress></m:GetInboxRules>");
    assert_eq!(code(&alice, &rules, None).await.1, "ErrorAccessDenied");
    organisation.grant(Grant::new(BOB, ALICE, Right::FullAccess));
    assert_eq!(code(&alice, &rules, None).await.1, "NoError");
}

#[tokio::test]
async fn who_may_act_as_whom_is_checked() {
    let organisation = organisation();
    let server = serve(&organisation, &[Scheme::Basic]).await;
    let bob = basic(BOB, "b");
    let code = async |who: &str, mailbox: &str, acting: &str| {
        let answer = ews(&server, who, &inbox_of(mailbox), Some(acting)).await;
        (answer.status(), answer.codes().join(" "))
    };
    assert_eq!(code(&bob, BOB, BOB).await, (200, "NoError".into()));
    assert_eq!(code(&bob, ALICE, ALICE).await, (500, "ErrorImpersonateUserDenied".into()));
    assert_eq!(code(&bob, ALICE, "no@corp.example").await, (500, "ErrorNonExistentMailbox".into()));
    assert_eq!(code(&bob, ALICE, " ").await, (500, "ErrorInvalidExchangeImpersonationHeaderData".into()));
    assert_eq!(code(&basic(ALICE, "Grüße"), BOB, BOB).await, (500, "ErrorImpersonateUserDenied".into()));
    let by_sid = envelope(Some(BOB), &inbox_of(BOB))
        .replace("PrimarySmtpAddress>", "SID>")
        .replace(&format!("SID>{BOB}"), &format!("SID>{}", organisation.sid(BOB)));
    let request = format!(
        "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: sim\r\nConnection: close\r\nAuthorization: {bob}\r\nContent-Length: {}\r\n\r\n{by_sid}",
        by_sid.len()
    );
    assert_eq!(raw(&server, &request).await.unwrap().codes(), ["NoError"]);
}

#[tokio::test]
async fn nobody_sends_in_the_name_of_somebody_who_did_not_allow_it() {
    let organisation = organisation();
    let server = serve(&organisation, &[Scheme::Basic]).await;
    let mail =
        STANDARD.encode(format!("From: {BOB}\r\nTo: carol@corp.example\r\nSubject: as Bob\r\n\r\nHi\r\n"));
    let send = format!(
        "<m:CreateItem MessageDisposition=\"SendAndSaveCopy\"><m:Items><t:Message><t:MimeContent>{mail}</t:MimeContent></t:Message></m:Items></m:CreateItem>"
    );
    let alice = basic(ALICE, "Grüße");
    assert_eq!(ews(&server, &alice, &send, None).await.codes(), ["ErrorSendAsDenied"]);
    assert!(organisation.ledger().effects.is_empty());
    organisation.grant(Grant::new(BOB, ALICE, Right::SendAs));
    assert_eq!(ews(&server, &alice, &send, None).await.codes(), ["NoError"]);
    assert_eq!(
        ews(&server, &alice, &inbox_of(BOB), None).await.codes(),
        ["ErrorAccessDenied"],
        "but reads nothing"
    );
}

#[test]
fn accounts_are_written_beside_the_mails() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("alice@corp.example/inbox")).unwrap();
    let file = folder.path().join("accounts.yaml");
    let text = "accounts:\n- user: svc\n  password: s\n  impersonates: all\n- user: bob\n  password: b\n  opens: [alice@corp.example]\napplications:\n- {id: app, tenant: corp.example, secret: s, impersonates: [alice@corp.example]}\ngrants:\n- {mailbox: alice@corp.example, to: svc, right: send_on_behalf}\n";
    std::fs::write(&file, text).unwrap();
    Organisation::load_folder(folder.path()).unwrap();
    for (wrong, said) in
        [("impersonates: all", "impersonates: some"), ("right: send_on_behalf", "right: rule")]
    {
        std::fs::write(&file, text.replace(wrong, said)).unwrap();
        let error = Organisation::load_folder(folder.path()).unwrap_err().to_string();
        assert!(error.contains("accounts.yaml") && error.contains("line"), "{error}");
    }
}

// --- tokens

#[tokio::test]
async fn a_secret_gets_a_token_that_acts_as_others_and_expires() {
    let organisation = organisation();
    organisation.add_application(Application {
        impersonates: Reach::only([ALICE]),
        ..Application::with_secret(APP, TENANT, "s&cret")
    });
    let server = serve(&organisation, &[Scheme::Bearer]).await;
    let asked = [
        ("grant_type", "client_credentials"),
        ("client_id", APP),
        ("client_secret", "s&cret"),
        ("scope", SCOPE),
    ];
    let (status, answer) = token(&server, &asked).await;
    assert_eq!((status, answer["expires_in"].as_u64(), answer.get("refresh_token")), (200, Some(3599), None));
    let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    assert_eq!(ews(&server, &bearer, &inbox_of(ALICE), Some(ALICE)).await.codes(), ["NoError"]);
    assert_eq!(
        ews(&server, &bearer, &inbox_of(BOB), Some(BOB)).await.codes(),
        ["ErrorImpersonateUserDenied"]
    );
    assert_eq!(ews(&server, &bearer, &inbox_of(ALICE), None).await.codes(), ["ErrorImpersonationRequired"]);
    server.let_tokens_age(Duration::from_secs(3598));
    assert_eq!(ews(&server, &bearer, &inbox_of(ALICE), Some(ALICE)).await.status(), 200);
    server.let_tokens_age(Duration::from_secs(2));
    let late = ews(&server, &bearer, &inbox_of(ALICE), Some(ALICE)).await;
    assert_eq!(late.status(), 401);
    let head = late.head.to_lowercase();
    assert!(head.contains("www-authenticate: bearer ") && head.contains("error=\"invalid_token\""), "{head}");
    assert!(head.contains("x-ms-diagnostics: 2000001;reason=\"the token has expired.\""), "{head}");
    let forged = bearer.replace("Bearer ", "Bearer x");
    assert_eq!(ews(&server, &forged, &inbox_of(ALICE), Some(ALICE)).await.status(), 401);
    let graph = [asked[0], asked[1], asked[2], ("scope", "https://graph.microsoft.com/.default")];
    let (_, other) = token(&server, &graph).await;
    let other = format!("Bearer {}", other["access_token"].as_str().unwrap());
    assert_eq!(
        ews(&server, &other, &inbox_of(ALICE), Some(ALICE)).await.status(),
        401,
        "for another resource"
    );
    let nobody = ews(&server, "Nonsense", &inbox_of(ALICE), None).await;
    assert!(nobody.head.to_lowercase().contains("www-authenticate: bearer client_id="), "{}", nobody.head);
}

#[tokio::test]
async fn the_token_endpoint_refuses_as_microsofts_does() {
    let organisation = organisation();
    organisation.add_application(Application::with_secret(APP, TENANT, "right"));
    let server = serve(&organisation, &[Scheme::Bearer]).await;
    let good = [
        ("grant_type", "client_credentials"),
        ("client_id", APP),
        ("client_secret", "right"),
        ("scope", SCOPE),
    ];
    let with = |name: &str, value: &'static str| -> Vec<(&str, &str)> {
        good.iter()
            .map(|(n, v)| if *n == name { (*n, value) } else { (*n, *v) })
            .filter(|(_, v)| !v.is_empty())
            .collect()
    };
    let cases = [
        (with("client_secret", "wrong"), (401, "invalid_client", 7_000_215)),
        (with("client_secret", ""), (401, "invalid_client", 7_000_218)),
        (with("client_id", "other"), (400, "unauthorized_client", 700_016)),
        (with("client_id", ""), (400, "invalid_request", 900_144)),
        (
            with("scope", "https://outlook.office365.com/EWS.AccessAsUser.All"),
            (400, "invalid_scope", 1_002_012),
        ),
        (with("scope", ""), (400, "invalid_request", 900_144)),
        (with("grant_type", "telepathy"), (400, "unsupported_grant_type", 70_003)),
        (with("grant_type", ""), (400, "invalid_request", 900_144)),
    ];
    for (fields, expected) in cases {
        assert_eq!(code(&token(&server, &fields).await), expected, "{fields:?}");
    }
    let elsewhere = http(&server, "POST", "/nowhere.example/oauth2/v2.0/token", &form(&good)).await;
    assert!(
        elsewhere.body.contains("AADSTS90002: Tenant 'nowhere.example' not found."),
        "{}",
        elsewhere.body
    );
    assert_eq!(http(&server, "GET", "/corp.example/oauth2/v2.0/token", "").await.status(), 405);
    server.misbehave(Fault::once("token", Misbehaviour::TooManyRequests { retry_after_seconds: 5 }));
    let busy = http(&server, "POST", "/corp.example/oauth2/v2.0/token", &form(&good)).await;
    assert_eq!((busy.status(), busy.head.contains("retry-after: 5")), (429, true));
}

fn assertion(alg: &str, audience: &str, change: impl Fn(&mut Value, &mut Value)) -> String {
    let bytes =
        |pem: &str| STANDARD.decode(pem.lines().filter(|l| !l.starts_with('-')).collect::<String>()).unwrap();
    let mut header = json!({ "alg": alg, "typ": "JWT", "x5t#S256": URL_SAFE_NO_PAD.encode(Sha256::digest(bytes(CERTIFICATE))) });
    let now = jiff::Timestamp::now().as_second();
    let mut claims =
        json!({ "aud": audience, "iss": APP, "sub": APP, "jti": "one", "nbf": now, "exp": now + 600 });
    change(&mut header, &mut claims);
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let key = RsaKeyPair::from_pkcs8(&bytes(KEY)).unwrap();
    let how: &'static dyn RsaEncoding = if alg == "RS256" { &RSA_PKCS1_SHA256 } else { &RSA_PSS_SHA256 };
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(how, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn a_certificate_is_proved_by_a_fresh_signature_for_this_endpoint() {
    let organisation = organisation();
    organisation.add_application(Application::with_certificate(APP, TENANT, CERTIFICATE));
    let server = serve(&organisation, &[Scheme::Bearer]).await;
    let audience = server.token_url(TENANT);
    let ask = async |assertion: &str| {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", APP),
            ("scope", SCOPE),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ];
        token(&server, &fields).await
    };
    let jti = |name: &'static str| move |_: &mut Value, claims: &mut Value| claims["jti"] = name.into();
    for (alg, name) in [("PS256", "first"), ("RS256", "second")] {
        let good = assertion(alg, &audience, jti(name));
        assert_eq!(ask(&good).await.0, 200, "{alg}");
        assert_eq!(code(&ask(&good).await), (401, "invalid_client", 700_027), "used before");
    }
    let bad: [(String, u64); 8] = [
        (assertion("PS256", "https://elsewhere.example/token", jti("a")), 700_023),
        (assertion("PS256", &audience, |_, c| c["exp"] = 1.into()), 700_024),
        (assertion("PS256", &audience, |_, c| c["nbf"] = 99_999_999_999_i64.into()), 700_024),
        (assertion("PS256", &audience, |_, c| c["iss"] = "x".into()), 700_021),
        (assertion("PS256", &audience, |h, _| h["x5t#S256"] = "x".into()), 700_027),
        (assertion("PS256", &audience, |h, _| h["alg"] = "RS256".into()), 700_027),
        (assertion("PS256", &audience, |h, _| h["alg"] = "none".into()), 5_002_738),
        ("no.jwt".into(), 50_027),
    ];
    for (assertion, number) in bad {
        assert_eq!(code(&ask(&assertion).await), (401, "invalid_client", number));
    }
    let mut changed = assertion("PS256", &audience, jti("b"));
    let at = changed.len() - 5;
    let other = if &changed[at..=at] == "A" { "B" } else { "A" };
    changed.replace_range(at..=at, other);
    assert_eq!(code(&ask(&changed).await).2, 700_027);
}

#[tokio::test]
async fn a_device_waits_for_a_person() {
    let organisation = organisation();
    organisation.add_application(Application::public(APP, TENANT));
    let server = serve(&organisation, &[Scheme::Bearer]).await;
    let begin = async || -> Value {
        let fields = form(&[("client_id", APP), ("scope", FOR_PEOPLE)]);
        let answer = http(&server, "POST", "/corp.example/oauth2/v2.0/devicecode", &fields).await;
        serde_json::from_str(&answer.body).unwrap()
    };
    let poll = async |device: &Value| {
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        token(
            &server,
            &[
                ("grant_type", grant),
                ("client_id", APP),
                ("device_code", device["device_code"].as_str().unwrap()),
            ],
        )
        .await
    };
    let device = begin().await;
    assert_eq!(code(&poll(&device).await), (400, "authorization_pending", 70_016));
    assert_eq!(code(&poll(&device).await).1, "slow_down");
    let said = |decision: &str, password: &str, device: &Value| {
        form(&[
            ("user_code", device["user_code"].as_str().unwrap()),
            ("user", ALICE),
            ("password", password),
            ("decision", decision),
        ])
    };
    assert_eq!(http(&server, "POST", "/sim/device", &said("grant", "wrong", &device)).await.status(), 403);
    assert_eq!(http(&server, "POST", "/sim/device", &said("grant", "Grüße", &device)).await.status(), 200);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let (status, answer) = poll(&device).await;
    assert_eq!(status, 200, "{answer}");
    let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    assert_eq!(ews(&server, &bearer, &inbox_of(ALICE), None).await.codes(), ["NoError"]);
    assert_eq!(ews(&server, &bearer, &inbox_of(BOB), None).await.codes(), ["ErrorAccessDenied"]);
    assert_eq!(code(&poll(&device).await).1, "bad_verification_code", "a code is good once");

    let declined = begin().await;
    http(&server, "POST", "/sim/device", &said("decline", "", &declined)).await;
    assert_eq!(code(&poll(&declined).await).1, "authorization_declined");
    let late = begin().await;
    server.let_tokens_age(Duration::from_secs(901));
    assert_eq!(code(&poll(&late).await).1, "expired_token");

    let refresh = answer["refresh_token"].as_str().unwrap();
    let again = [("grant_type", "refresh_token"), ("client_id", APP), ("refresh_token", refresh)];
    let (status, second) = token(&server, &again).await;
    assert_eq!((status, second["refresh_token"] == answer["refresh_token"]), (200, false), "it rotates");
    assert_eq!(code(&token(&server, &again).await), (400, "invalid_grant", 70_008));
}

#[tokio::test]
async fn a_browser_brings_back_a_code_for_whoever_began() {
    let organisation = organisation();
    organisation.add_application(Application::public(APP, TENANT));
    let server = serve(&organisation, &[Scheme::Bearer]).await;
    let verifier = "a-verifier-that-is-long-enough-to-be-one-0123456789";
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    let query = |redirect: &str, more: &str| {
        let fields = form(&[
            ("client_id", APP),
            ("response_type", "code"),
            ("redirect_uri", redirect),
            ("scope", FOR_PEOPLE),
            ("state", "st&te"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        format!("/corp.example/oauth2/v2.0/authorize?{fields}{more}")
    };
    let here = "http://localhost:9999";
    let page = http(&server, "GET", &query(here, ""), "").await;
    assert!(page.status() == 200 && page.body.contains("<form method=\"post\">"));
    let wrong = http(&server, "POST", &query(here, ""), &form(&[("user", ALICE), ("password", "x")])).await;
    assert_eq!(wrong.status(), 200, "the page again");
    let location = |answer: &Answer| {
        let line = answer.head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap_or_default();
        line.to_owned()
    };
    let away =
        http(&server, "POST", &query(here, ""), &form(&[("user", ALICE), ("password", "Grüße")])).await;
    assert_eq!(away.status(), 302);
    let back = location(&away);
    assert!(back.starts_with("http://localhost:9999?code=") && back.ends_with("&state=st%26te"), "{back}");
    let word = back.split("code=").nth(1).unwrap().split('&').next().unwrap();
    let redeem = async |word: &str, verifier: &str, redirect: &str| {
        let grant = [
            ("grant_type", "authorization_code"),
            ("client_id", APP),
            ("code", word),
            ("redirect_uri", redirect),
            ("code_verifier", verifier),
        ];
        token(&server, &grant).await
    };
    let (status, answer) = redeem(word, verifier, here).await;
    assert_eq!(status, 200, "{answer}");
    let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    assert_eq!(ews(&server, &bearer, &inbox_of(ALICE), None).await.codes(), ["NoError"]);
    assert_eq!(code(&redeem(word, verifier, here).await), (400, "invalid_grant", 54_005), "good once");

    let silent = async || {
        let hint = format!("&prompt=none&login_hint={ALICE}");
        location(&http(&server, "GET", &query(here, &hint), "").await)
            .split("code=")
            .nth(1)
            .unwrap()
            .split('&')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(code(&redeem(&silent().await, "another verifier", here).await).2, 501_481);
    assert_eq!(code(&redeem(&silent().await, verifier, "http://localhost:1").await).2, 500_112);
    let nobody = http(&server, "GET", &query(here, "&prompt=none"), "").await;
    assert!(location(&nobody).contains("error=login_required&error_description=AADSTS50058"));
    let away = http(&server, "GET", &query("https://evil.example/", ""), "").await;
    assert!(away.body.contains("AADSTS50011"), "nobody is sent away: {}", away.body);
    let trick = http(&server, "GET", &query("http://localhost.evil.example/", ""), "").await;
    assert!(trick.body.contains("AADSTS50011"), "{}", trick.body);
}

#[tokio::test]
async fn a_password_is_taken_where_the_application_allows_it() {
    let organisation = organisation();
    organisation.add_application(Application::public(APP, TENANT));
    organisation
        .add_application(Application { password_grant: false, ..Application::public("strict", TENANT) });
    let server = serve(&organisation, &[Scheme::Bearer]).await;
    let ask = async |app: &str, user: &str, password: &str| {
        let fields = [
            ("grant_type", "password"),
            ("client_id", app),
            ("username", user),
            ("password", password),
            ("scope", FOR_PEOPLE),
        ];
        token(&server, &fields).await
    };
    assert_eq!(ask(APP, ALICE, "Grüße").await.0, 200);
    assert_eq!(code(&ask(APP, ALICE, "wrong").await), (400, "invalid_grant", 50_126));
    assert_eq!(code(&ask(APP, "no@corp.example", "x").await), (400, "invalid_grant", 50_034));
    assert_eq!(code(&ask("strict", ALICE, "Grüße").await).1, "unauthorized_client");
}
