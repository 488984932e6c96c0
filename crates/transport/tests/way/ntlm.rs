//! Log-ins that belong to a connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_transport::{Client, Credentials, Kind, Secret};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::verifier::{self, Account, Proof};
use crate::world::{
    Asked, Authority, Then, builder, config, encrypted, origin, plain, post, say, send, until,
};

pub(crate) const ACCOUNT: Account = Account { user: "svc", domain: "CORP", password: "s3cret-horse" };

/// What a server keeps of each connection.
#[derive(Default)]
struct State {
    first: Vec<u8>,
    proof: Option<Proof>,
}

/// A server, or proxy, that logs connections in.
#[derive(Clone, Default)]
pub(crate) struct Gatekeeper {
    connections: Arc<Mutex<HashMap<usize, State>>>,
    /// Every reason for which a log-in was refused.
    pub(crate) refusals: Arc<Mutex<Vec<String>>>,
    negotiate: bool,
}

impl Gatekeeper {
    pub(crate) fn bindings(&self) -> Vec<Option<[u8; 16]>> {
        let states = self.connections.lock().unwrap();
        states.values().filter_map(|state| state.proof.as_ref().map(|proof| proof.binding)).collect()
    }

    fn forget(&self) {
        self.connections.lock().unwrap().clear();
    }

    /// What is missing for `asked`: the value of the header to answer with, or nothing.
    pub(crate) fn missing(&self, asked: &Asked, header: &str) -> Option<String> {
        let scheme = if self.negotiate { "Negotiate" } else { "NTLM" };
        let mut states = self.connections.lock().unwrap();
        let state = states.entry(asked.connection).or_default();
        let Some(value) = asked.header(header) else {
            return if state.proof.is_some() { None } else { Some(scheme.to_owned()) };
        };
        let token = STANDARD.decode(value.strip_prefix(scheme).unwrap().trim()).unwrap();
        // SPNEGO is a wrap around the same message; its own fields are no matter of this judge.
        let at = token.windows(8).position(|window| window == b"NTLMSSP\0").unwrap();
        let token = if self.negotiate { inner(&token[at..]) } else { token };
        match verifier::kind(&token) {
            Some(1) => {
                state.first = token;
                let challenge = verifier::challenge();
                let bytes = if self.negotiate { wrapped(&challenge) } else { challenge };
                Some(format!("{scheme} {}", STANDARD.encode(bytes)))
            }
            _ => match verifier::verify(&ACCOUNT, &state.first, &token) {
                Ok(proof) => {
                    state.proof = Some(proof);
                    None
                }
                Err(why) => {
                    self.refusals.lock().unwrap().push(why);
                    Some(scheme.to_owned())
                }
            },
        }
    }

    fn answer(&self, asked: &Asked) -> Then {
        match self.missing(asked, "authorization") {
            None => say("200 OK", "", b"welcome"),
            Some(value) => say("401 No", &format!("WWW-Authenticate: {value}\r\n"), b"<html>log in</html>"),
        }
    }
}

/// The message without what may follow it in the wrap.
fn inner(rest: &[u8]) -> Vec<u8> {
    if verifier::kind(rest) != Some(3) {
        return rest.to_vec();
    }
    let ends = [12, 20, 28, 36, 44, 52].map(|at| {
        let length = usize::from(u16::from_le_bytes(rest[at..at + 2].try_into().unwrap()));
        let offset = u32::from_le_bytes(rest[at + 4..at + 8].try_into().unwrap()) as usize;
        if length == 0 { 0 } else { offset + length }
    });
    rest[..ends.into_iter().max().unwrap()].to_vec()
}

/// `NegTokenResp` of RFC 4178: accept-incomplete, the mechanism NTLM, and the token.
fn wrapped(token: &[u8]) -> Vec<u8> {
    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let head = if length < 128 {
            vec![tag, u8::try_from(length).unwrap()]
        } else if length < 256 {
            vec![tag, 0x81, u8::try_from(length).unwrap()]
        } else {
            [&[tag, 0x82][..], &u16::try_from(length).unwrap().to_be_bytes()].concat()
        };
        [head, content.to_vec()].concat()
    }
    let mechanism = [0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 0x0a];
    let fields =
        [der(0xa0, &der(0x0a, &[1])), der(0xa1, &der(0x06, &mechanism)), der(0xa2, &der(0x04, token))];
    der(0xa1, &der(0x30, &fields.concat()))
}

fn ntlm() -> Credentials {
    let domain = Some(ACCOUNT.domain.to_owned());
    Credentials::Ntlm { user: ACCOUNT.user.to_owned(), domain, password: Secret::new(ACCOUNT.password) }
}

fn negotiate() -> Credentials {
    Credentials::Negotiate {
        user: ACCOUNT.user.to_owned(),
        domain: Some(ACCOUNT.domain.to_owned()),
        password: Secret::new(ACCOUNT.password),
        kdc: None,
    }
}

fn client(url: &str, credentials: Credentials) -> Client {
    builder().credentials(origin(url), credentials).build().unwrap()
}

#[tokio::test]
async fn a_connection_is_logged_in_once_and_the_body_goes_with_the_last_leg() {
    let gate = Gatekeeper::default();
    let theirs = gate.clone();
    let (at, seen) = plain(move |asked| theirs.answer(asked)).await;
    let url = format!("http://{at}/EWS/Exchange.asmx");
    let client = client(&url, ntlm());
    for _ in 0..3 {
        assert_eq!(send(&client, post(&url, "<body/>")).await.unwrap(), (200, "welcome".into()));
    }
    let asked = seen.asked();
    assert_eq!(asked.len(), 4, "two legs, then one request each: {asked:?}");
    assert!(asked.iter().all(|asked| asked.connection == 0));
    assert!(asked[0].body.is_empty() && asked[0].header("content-length").as_deref() == Some("0"));
    assert_eq!(asked[1].body, b"<body/>");
    assert!(asked[2].header("authorization").is_none() && asked[3].header("authorization").is_none());
    assert_eq!(gate.bindings(), [None], "there is no certificate to be bound to");
}

#[tokio::test]
async fn calls_at_one_time_have_a_connection_each_and_those_are_used_again() {
    let gate = Gatekeeper::default();
    let theirs = gate.clone();
    let (at, seen) = plain(move |asked| match theirs.answer(asked) {
        Then::Say(bytes) if asked.turn > 0 => Then::After(std::time::Duration::from_millis(100), bytes),
        other => other,
    })
    .await;
    let url = format!("http://{at}/");
    let client = client(&url, ntlm());
    for _ in 0..2 {
        let calls = (0..4).map(|_| send(&client, post(&url, "<body/>")));
        for result in futures_util::future::join_all(calls).await {
            assert_eq!(result.unwrap().0, 200);
        }
    }
    assert_eq!(seen.opened(), 4, "{:?}", seen.asked());
    assert_eq!(gate.bindings().len(), 4);
    assert!(gate.refusals.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_wrong_password_is_a_401_and_is_tried_once() {
    let gate = Gatekeeper::default();
    let theirs = gate.clone();
    let (at, seen) = plain(move |asked| theirs.answer(asked)).await;
    let url = format!("http://{at}/");
    let wrong = Credentials::Ntlm {
        user: ACCOUNT.user.to_owned(),
        domain: Some(ACCOUNT.domain.to_owned()),
        password: Secret::new("another"),
    };
    assert_eq!(send(&client(&url, wrong), post(&url, "<body/>")).await.unwrap().0, 401);
    assert_eq!(seen.asked().len(), 2, "an account is locked by more");
    assert_eq!(*gate.refusals.lock().unwrap(), ["wrong password"]);
}

#[tokio::test]
async fn the_log_in_is_bound_to_the_certificate_of_the_server() {
    let authority = Authority::new();
    let issued = authority.issue("localhost", |_| ());
    let expected = verifier::binding(&issued.der());
    for (credentials, negotiate) in [(ntlm(), false), (negotiate(), true)] {
        let gate = Gatekeeper { negotiate, ..Gatekeeper::default() };
        let theirs = gate.clone();
        let (at, _) =
            encrypted(config(&issued, rustls::ALL_VERSIONS), move |asked| theirs.answer(asked)).await;
        let url = format!("https://localhost:{}/", at.port());
        let client = builder()
            .root_certificates(authority.pem.clone())
            .credentials(origin(&url), credentials)
            .build()
            .unwrap();
        assert_eq!(send(&client, post(&url, "<body/>")).await.unwrap().0, 200);
        assert_eq!(gate.bindings(), [Some(expected)], "{:?}", gate.refusals.lock().unwrap());
    }
}

#[tokio::test]
async fn a_server_that_forgets_a_log_in_gets_another_one() {
    let gate = Gatekeeper { negotiate: true, ..Gatekeeper::default() };
    let theirs = gate.clone();
    let (at, seen) = plain(move |asked| theirs.answer(asked)).await;
    let url = format!("http://{at}/");
    let client = client(&url, negotiate());
    for _ in 0..3 {
        assert_eq!(send(&client, post(&url, "<body/>")).await.unwrap().0, 200);
        gate.forget();
    }
    assert_eq!(seen.opened(), 1);
    assert!(gate.refusals.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced_and_logged_in_anew() {
    let gate = Gatekeeper::default();
    let theirs = gate.clone();
    let (at, seen) = plain(move |asked| match theirs.answer(asked) {
        Then::Say(bytes) if asked.turn == 1 => Then::Last(bytes),
        other => other,
    })
    .await;
    let url = format!("http://{at}/");
    let client = client(&url, ntlm());
    for count in 1..=3 {
        assert_eq!(send(&client, post(&url, "<body/>")).await.unwrap().0, 200);
        let seen = seen.clone();
        until("closed", move || seen.closed() == count).await;
    }
    assert_eq!(seen.opened(), 3);
}

#[tokio::test]
async fn what_the_server_does_not_offer_is_said_with_what_it_offers() {
    let (at, seen) = plain(|_| {
        say("401 No", "WWW-Authenticate: Bearer realm=\"a\"\r\nWWW-Authenticate: Basic realm=\"b\"\r\n", b"")
    })
    .await;
    let url = format!("http://{at}/");
    let error = send(&client(&url, ntlm()), post(&url, "<body/>")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::LogIn, "{error}");
    assert!(!error.may_have_left());
    let words = error.to_string();
    assert!(words.contains("NTLM") && words.contains("Bearer, Basic"), "{words}");
    let heard = format!("{:?}", seen.asked());
    assert!(!heard.contains("Basic ") && !heard.contains("horse"), "no other way was tried: {heard}");
}

#[tokio::test]
async fn a_server_that_closes_in_the_middle_is_told_from_a_refusal() {
    let gate = Gatekeeper::default();
    let (at, _) = plain(move |asked| match gate.answer(asked) {
        Then::Say(bytes) => Then::Last(
            String::from_utf8_lossy(&bytes).replace("\r\nWWW", "\r\nConnection: close\r\nWWW").into_bytes(),
        ),
        other => other,
    })
    .await;
    let url = format!("http://{at}/");
    let error = send(&client(&url, ntlm()), post(&url, "<body/>")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::LogIn, "{error}");
    assert!(!error.may_have_left() && error.to_string().contains("load balancer"), "{error}");
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_request_was_sent_shows_that_nothing_left() {
    let gate = Gatekeeper::default();
    let theirs = gate.clone();
    // The first leg gets no answer at all, or a challenge and then nothing to the proof.
    for turn in [0, 1] {
        let gate = theirs.clone();
        let (at, _) =
            plain(move |asked| if asked.turn == turn { Then::Last(Vec::new()) } else { gate.answer(asked) })
                .await;
        let url = format!("http://{at}/");
        let error = send(&client(&url, ntlm()), post(&url, "<body/>")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Broken, "{error}");
        assert_eq!(error.may_have_left(), turn == 1, "{error}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_no_log_in_gets_the_request_without_one() {
    let (at, seen) = plain(|_| say("200 OK", "", b"open")).await;
    let url = format!("http://{at}/");
    assert_eq!(send(&client(&url, ntlm()), post(&url, "<body/>")).await.unwrap().1, "open");
    let asked = seen.asked();
    assert_eq!(asked.last().unwrap().body, b"<body/>");
    assert_eq!(asked.iter().filter(|asked| !asked.body.is_empty()).count(), 1, "carried out once");
}

#[tokio::test]
async fn without_a_key_distribution_centre_nothing_weaker_is_tried() {
    let gate = Gatekeeper { negotiate: true, ..Gatekeeper::default() };
    let (at, seen) = plain(move |asked| gate.answer(asked)).await;
    let away = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // A name, because Kerberos knows no addresses.
    let url = format!("http://localhost:{}/", at.port());
    let credentials = Credentials::Negotiate {
        user: ACCOUNT.user.to_owned(),
        domain: Some("CORP.EXAMPLE".to_owned()),
        password: Secret::new(ACCOUNT.password),
        kdc: Some(format!("tcp://{away}")),
    };
    let error = send(&client(&url, credentials), post(&url, "<body/>")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::LogIn, "{error}");
    assert!(error.retry_after().is_some() && !error.may_have_left(), "it may be back soon: {error:?}");
    let words = error.to_string();
    assert!(words.contains("ticket") && words.contains("127.0.0.1") && !words.contains("horse"), "{words}");
    assert!(seen.asked().is_empty());
}

#[test]
fn a_user_is_written_in_three_ways_and_found_wrong_before_anything_is_sent() {
    let with = |user: &str, domain: Option<&str>| {
        let credentials = Credentials::Ntlm {
            user: user.to_owned(),
            domain: domain.map(str::to_owned),
            password: Secret::new(ACCOUNT.password),
        };
        builder().credentials(origin("https://mail.corp.example/"), credentials).build()
    };
    for (user, domain) in
        [("svc", Some("CORP")), ("CORP\\svc", None), ("svc@corp.example", None), ("svc", None)]
    {
        assert!(with(user, domain).is_ok(), "{user}");
    }
    let error = with("a\\b\\c@d", Some("CORP")).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), Kind::Setup);
    let bad = Credentials::Negotiate {
        user: "svc".to_owned(),
        domain: None,
        password: Secret::new(ACCOUNT.password),
        kdc: None,
    };
    assert!(!format!("{bad:?} {error}").contains("horse"));
}

#[test]
fn hostile_challenges_do_no_harm() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let next = Arc::new(Mutex::new(String::new()));
    let mut both = Vec::new();
    for credentials in [ntlm(), negotiate()] {
        let theirs = Arc::clone(&next);
        let (at, _) = runtime.block_on(plain(move |_| say("401 No", &theirs.lock().unwrap(), b"")));
        let url = format!("http://{at}/");
        both.push((client(&url, credentials), url));
    }
    let bytes = || prop::collection::vec(any::<u8>(), 0..64);
    let cases = (0_usize..400, 0_usize..400, any::<u8>(), bytes(), bytes(), any::<(bool, bool)>());
    let mut runner = TestRunner::new(ProptestConfig { cases: 256, ..ProptestConfig::default() });
    let result = runner.run(&cases, |(cut, at, byte, tail, outer, (spnego, within))| {
        let mut token = verifier::challenge();
        if let Some(place) = token.get_mut(at) {
            *place = byte;
        }
        token.truncate(cut);
        token.extend(tail);
        if spnego && within {
            token = wrapped(&token);
            let at = at % token.len();
            token.splice(at..at, outer);
        }
        let (scheme, (client, url)) = if spnego { ("Negotiate", &both[1]) } else { ("NTLM", &both[0]) };
        *next.lock().unwrap() = format!("WWW-Authenticate: {scheme} {}\r\n", STANDARD.encode(token));
        match runtime.block_on(send(client, post(url, "<body/>"))) {
            Ok((status, _)) => prop_assert_eq!(status, 401),
            Err(error) => prop_assert_eq!(error.kind(), Kind::LogIn, "{}", error),
        }
        Ok(())
    });
    result.unwrap();
}
