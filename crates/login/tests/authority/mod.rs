//! An authority of the tests' own: takes what the standards ask for, complains about everything else, and
//! fails as it is told. And a clock that goes when it is told.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code, of which each file uses a part"
)]

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use portcullis_login::{Algorithm, Authority, Certificate, Clock, Grant, LogIn, Settings, Vault};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use transport::{Client, Secret};

pub(crate) const CLIENT: &str = "11111111-2222-3333-4444-555555555555";
pub(crate) const SECRET: &str = "secret-canary-7351";
pub(crate) const PASSWORD: &str = "password-canary-7351";
pub(crate) const SCOPE: &str = "https://outlook.office365.com/.default";
pub(crate) const PEOPLE: &str =
    "https://outlook.office365.com/EWS.AccessAsUser.All offline_access openid profile";
pub(crate) const TRACE: &str = "0c3e3e0e-1111-4222-8333-444455556666";

/// What the authority does with one request in place of answering it properly.
pub(crate) enum Reply {
    Json(u16, Value),
    Raw(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Answers properly, but only when told.
    Held(Arc<Notify>),
    /// Never.
    Hang,
}

impl Reply {
    /// As Entra ID refuses.
    pub(crate) fn refused(error: &str, code: u32) -> Self {
        Reply::Json(
            400,
            json!({
                "error": error,
                "error_description": format!("AADSTS{code}: Words with {SECRET} in them. Trace ID: {TRACE}"),
                "error_codes": [code],
                "trace_id": TRACE,
            }),
        )
    }
}

/// A request it got.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) fields: BTreeMap<String, String>,
}

#[derive(Default)]
struct State {
    asked: Vec<Asked>,
    complaints: Vec<String>,
    bearers: usize,
    script: VecDeque<Reply>,
    issued: u32,
    refresh: Option<String>,
    challenge: Option<String>,
    person: Option<String>,
    life: Option<Value>,
    now: u64,
}

#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/tenant", listener.local_addr().unwrap());
        let state = State { now: START, person: Some("soc@corp.example".to_owned()), ..State::default() };
        let fake = Fake { url, state: Arc::new(Mutex::new(state)) };
        let served = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let fake = served.clone();
                tokio::spawn(async move {
                    let service = hyper::service::service_fn(move |request| {
                        let fake = fake.clone();
                        async move { Ok::<_, Infallible>(fake.serve(request).await) }
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        fake
    }

    pub(crate) fn then(&self, reply: Reply) {
        self.state.lock().unwrap().script.push_back(reply);
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.state.lock().unwrap().asked.len()
    }

    /// How many requests came with a token.
    pub(crate) fn bearers(&self) -> usize {
        self.state.lock().unwrap().bearers
    }

    /// Fails where a request was not as the standards have it.
    pub(crate) fn content(&self) {
        let complaints = &self.state.lock().unwrap().complaints;
        assert!(complaints.is_empty(), "{complaints:?}");
    }

    pub(crate) fn challenge(&self, challenge: &str) {
        self.state.lock().unwrap().challenge = Some(challenge.to_owned());
    }

    pub(crate) fn person(&self, person: &str) {
        self.state.lock().unwrap().person = Some(person.to_owned());
    }

    pub(crate) fn life(&self, life: Value) {
        self.state.lock().unwrap().life = Some(life);
    }

    async fn serve(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        let form = request
            .headers()
            .get("content-type")
            .is_some_and(|kind| kind == "application/x-www-form-urlencoded");
        let post = request.method() == http::Method::POST;
        let anonymous = request.headers().get("authorization").is_none();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let mut fields = BTreeMap::new();
        let mut twice = false;
        for (name, value) in url::form_urlencoded::parse(&body) {
            twice |= fields.insert(name.into_owned(), value.into_owned()).is_some();
        }
        let reply = {
            let mut state = self.state.lock().unwrap();
            if !form || !post || twice || !anonymous {
                state.complaints.push(format!("not a form sent by POST: {path}"));
            }
            state.bearers += usize::from(!anonymous);
            state.asked.push(Asked { path: path.clone(), fields: fields.clone() });
            state.script.pop_front()
        };
        let (status, value) = match reply {
            Some(Reply::Raw(status, headers, body)) => {
                let mut answer = Response::builder().status(status);
                for (name, value) in headers {
                    answer = answer.header(name, value);
                }
                return answer.body(Full::new(body.into())).unwrap();
            }
            Some(Reply::Hang) => std::future::pending().await,
            Some(Reply::Json(status, value)) => (status, value),
            Some(Reply::Held(notify)) => {
                notify.notified().await;
                self.state.lock().unwrap().answer(&path, &fields)
            }
            None => self.state.lock().unwrap().answer(&path, &fields),
        };
        Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(value.to_string())))
            .unwrap()
    }
}

impl State {
    fn answer(&mut self, path: &str, fields: &BTreeMap<String, String>) -> (u16, Value) {
        match self.check(path, fields) {
            Ok(value) => (200, value),
            Err(complaint) => {
                self.complaints.push(complaint);
                (400, json!({ "error": "invalid_request", "error_codes": [9002313] }))
            }
        }
    }

    fn check(&mut self, path: &str, fields: &BTreeMap<String, String>) -> Result<Value, String> {
        let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        let must = |ok: bool, what: &str| if ok { Ok(()) } else { Err(format!("{what}: {fields:?}")) };
        must(field("client_id") == CLIENT, "client_id")?;
        if path.ends_with("/devicecode") {
            must(field("scope") == PEOPLE, "scope")?;
            return Ok(json!({
                "device_code": "device-canary-7351",
                "user_code": "ABCD-EFGH",
                "verification_uri": "https://microsoft.com/devicelogin",
                "expires_in": 900,
                "interval": 5,
                "message": "To sign in …",
            }));
        }
        must(path == "/tenant/oauth2/v2.0/token" || path == "/adfs/oauth2/token", "path")?;
        let person = match field("grant_type") {
            "client_credentials" => {
                must(field("scope") == SCOPE, "scope")?;
                match field("client_secret") {
                    "" => self.assertion(fields)?,
                    secret => must(secret.starts_with(SECRET), "secret")?,
                }
                return Ok(self.issue(false));
            }
            "password" => {
                must(field("username") == "soc@corp.example" && field("password") == PASSWORD, "account")?;
                return Ok(self.issue(false));
            }
            "refresh_token" => {
                let known = self.refresh.as_deref() == Some(field("refresh_token"));
                must(known, "a refresh token that was exchanged already, or never given")
            }
            "authorization_code" => {
                must(field("code") == "code-canary-7351", "code")?;
                must(field("redirect_uri").starts_with("http://localhost:"), "redirect_uri")?;
                let hash = ring::digest::digest(&ring::digest::SHA256, field("code_verifier").as_bytes());
                let matches = self.challenge.take() == Some(URL_SAFE_NO_PAD.encode(hash));
                must(matches, "the verifier does not fit the challenge, or the code was used before")
            }
            "urn:ietf:params:oauth:grant-type:device_code" => {
                must(field("device_code") == "device-canary-7351", "device_code")
            }
            other => Err(format!("grant_type {other}")),
        };
        person?;
        must(field("scope") == PEOPLE, "scope")?;
        must(!fields.contains_key("client_secret"), "a public client has no secret")?;
        Ok(self.issue(true))
    }

    /// Verifies a client assertion as RFC 7523 and Microsoft's description ask for it.
    fn assertion(&self, fields: &BTreeMap<String, String>) -> Result<(), String> {
        let kind = fields.get("client_assertion_type").map(String::as_str);
        if kind != Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") {
            return Err("neither a secret nor an assertion".to_owned());
        }
        let assertion = &fields["client_assertion"];
        let (message, signature) = assertion.rsplit_once('.').ok_or("no JWT")?;
        let (header, claims) = message.split_once('.').ok_or("no JWT")?;
        let json =
            |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
        let (header, claims) = (json(header), json(claims));
        let algorithm: &'static dyn ring::signature::VerificationAlgorithm = match header["alg"].as_str() {
            Some("PS256") => &RSA_PSS_2048_8192_SHA256,
            Some("RS256") => &RSA_PKCS1_2048_8192_SHA256,
            other => return Err(format!("alg {other:?}")),
        };
        UnparsedPublicKey::new(algorithm, include_bytes!("../fixture/public.der"))
            .verify(message.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
            .map_err(|_| "the signature is wrong".to_owned())?;
        let seconds = |name: &str| claims[name].as_u64().ok_or(format!("{name} of {claims}"));
        let (from, made, until) = (seconds("nbf")?, seconds("iat")?, seconds("exp")?);
        let in_time = from <= self.now && made <= self.now && self.now < until && until - made <= 600;
        let whose = claims["iss"] == CLIENT && claims["sub"] == CLIENT;
        let audience = claims["aud"].as_str().is_some_and(|aud| aud.ends_with("/tenant/oauth2/v2.0/token"));
        let once = claims["jti"].as_str().is_some_and(|jti| jti.len() >= 32);
        let typed =
            header["typ"] == "JWT" && header["x5t#S256"].as_str().is_some_and(|hash| hash.len() == 43);
        if in_time && whose && audience && once && typed { Ok(()) } else { Err(format!("{header} {claims}")) }
    }

    fn issue(&mut self, person: bool) -> Value {
        self.issued += 1;
        let claims = json!({ "aud": "https://outlook.office365.com", "roles": ["full_access_as_app"], "n": self.issued });
        let jwt =
            |claims: &Value| format!("e30.{}.token-canary-7351", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut answer = json!({ "token_type": "Bearer", "access_token": jwt(&claims) });
        match &self.life {
            None => answer["expires_in"] = json!(3599),
            Some(life) => answer["expires_in"] = life.clone(),
        }
        if person {
            let refresh = format!("refresh-canary-7351-{}", self.issued);
            answer["refresh_token"] = json!(refresh);
            self.refresh = Some(refresh);
            answer["id_token"] = json!(jwt(&json!({ "preferred_username": self.person })));
        }
        answer
    }
}

/// 21 November 2026, about noon.
pub(crate) const START: u64 = 1_795_262_400;

/// What a clock does with somebody who wants to wait.
#[derive(Clone, Copy)]
pub(crate) enum Waits {
    /// Time goes on at once.
    Jump,
    /// Never over.
    Never,
    /// Really waits.
    Real,
}

pub(crate) struct TestClock {
    now: AtomicU64,
    waits: Waits,
    pub(crate) slept: Mutex<Vec<u64>>,
}

impl TestClock {
    pub(crate) fn new(waits: Waits) -> Arc<Self> {
        Arc::new(TestClock { now: AtomicU64::new(START), waits, slept: Mutex::default() })
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn set_back(&self, seconds: u64) {
        self.now.fetch_sub(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> u64 {
        self.now.load(Ordering::SeqCst)
    }

    fn sleep(&self, how_long: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.slept.lock().unwrap().push(how_long.as_secs());
        match self.waits {
            Waits::Jump => {
                self.pass(how_long.as_secs());
                Box::pin(tokio::task::yield_now())
            }
            Waits::Never => Box::pin(std::future::pending()),
            Waits::Real => Box::pin(tokio::time::sleep(how_long.min(Duration::from_millis(5)))),
        }
    }
}

pub(crate) fn http() -> Client {
    Client::builder().deadline(Duration::from_secs(20)).build().unwrap()
}

pub(crate) fn secret() -> Grant {
    Grant::ClientSecret(Arc::new(|| Ok(Secret::new(SECRET))))
}

pub(crate) fn certificate(algorithm: Algorithm) -> Grant {
    let read = || Certificate::read(include_bytes!("../fixture/application.pem"), None);
    Grant::ClientCertificate(Arc::new(read), algorithm)
}

pub(crate) fn settings(fake: &Fake, grant: Grant) -> Settings {
    let scope = if grant.is_application() { SCOPE } else { PEOPLE };
    Settings::at(Authority::at(&fake.url).unwrap(), CLIENT, scope, grant).unwrap()
}

/// A log-in of an application, and its clock.
pub(crate) fn application(fake: &Fake) -> (LogIn, Arc<TestClock>) {
    let clock = TestClock::new(Waits::Never);
    (LogIn::with(settings(fake, secret()), http(), clock.clone(), None), clock)
}

/// A log-in of a person.
pub(crate) fn person(fake: &Fake, grant: Grant, vault: Option<Vault>) -> (LogIn, Arc<TestClock>) {
    let clock = TestClock::new(if matches!(grant, Grant::DeviceCode) { Waits::Jump } else { Waits::Never });
    (LogIn::with(settings(fake, grant), http(), clock.clone(), vault), clock)
}

/// One that has logged in, by device code.
pub(crate) async fn logged_in(fake: &Fake, vault: Option<Vault>) -> (LogIn, Arc<TestClock>) {
    let (log_in, clock) = person(fake, Grant::DeviceCode, vault);
    log_in.begin_device().await.unwrap().complete().await.unwrap();
    (log_in, clock)
}
