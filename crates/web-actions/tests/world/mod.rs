//! Local servers that answer as a test says, and the actions over a connection to one.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::future::Future;
use std::io::Read;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use action_api::plan::{Artifact, Digest, Failure, StepPath};
use action_api::{ActionSource, ArtifactError, Artifacts, Context, Invocation, Outcome, Probe};
use portcullis_web_actions::{Base, Kind, Settings, Web, web};
use serde_json::Value;
use sha2::Digest as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use transport::{Addresses, Builder, Client, Credentials, Secret};

/// The secrets of every connection here; none may be seen anywhere.
pub(crate) const TOKEN: &str = "canary-8812-token";
pub(crate) const SIGNING: &str = "canary-8812-signing";

/// One request as a server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

type Handling = Pin<Box<dyn Future<Output = ()> + Send>>;
/// What a server does with a request; it may write what it likes.
pub(crate) type Handler = Arc<dyn Fn(Asked, TcpStream) -> Handling + Send + Sync>;

/// A server.
pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub(crate) async fn start(handler: Handler) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (log, handler) = (Arc::clone(&log), Arc::clone(&handler));
                tokio::spawn(async move {
                    let Some(request) = read(&mut stream).await else { return };
                    log.lock().unwrap().push(request.clone());
                    handler(request, stream).await;
                });
            }
        });
        Server { url, asked }
    }

    /// One that writes these bytes and closes.
    pub(crate) async fn saying(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Arc<Vec<u8>> = Arc::new(bytes.into());
        Self::start(Arc::new(move |_, mut stream: TcpStream| {
            let bytes = Arc::clone(&bytes);
            Box::pin(async move {
                let _ = stream.write_all(&bytes).await;
            })
        }))
        .await
    }

    /// One that answers with this.
    pub(crate) async fn answering(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Self {
        Self::saying(answer(status, headers, body)).await
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// An answer; the connection is closed after it.
pub(crate) fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head =
        format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let (mut all, mut piece) = (Vec::new(), [0; 8192]);
    let split = loop {
        if let Some(at) = all.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        let read = stream.read(&mut piece).await.ok().filter(|read| *read > 0)?;
        all.extend_from_slice(&piece[..read]);
    };
    let text = String::from_utf8_lossy(&all[..split]).into_owned();
    let (line, head) = text.split_once("\r\n").unwrap_or((&text, ""));
    let mut asked = Asked { line: line.to_owned(), head: head.to_owned(), body: all.split_off(split + 4) };
    let length: usize = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
    while asked.body.len() < length {
        let read = stream.read(&mut piece).await.ok().filter(|read| *read > 0)?;
        asked.body.extend_from_slice(&piece[..read]);
    }
    Some(asked)
}

/// A connection to a server, with everything that a configuration can say.
pub(crate) struct Way {
    pub(crate) kind: Kind,
    pub(crate) url: String,
    pub(crate) builder: Builder,
    pub(crate) query_key: Option<(String, Secret)>,
    pub(crate) own_headers: Vec<String>,
    pub(crate) signing_key: Option<Secret>,
    pub(crate) deduplicates: bool,
    pub(crate) max_request: u64,
}

impl Way {
    /// Below `/api` of a server on this machine, with a bearer token.
    pub(crate) fn http(server: &Server) -> Self {
        Way::new(Kind::Http, format!("{}/api", server.url))
    }

    pub(crate) fn new(kind: Kind, url: String) -> Self {
        let builder = Client::builder()
            .addresses(Addresses::public().and_private())
            .deadline(Duration::from_secs(5))
            .repeats(0)
            .max_body(1 << 20);
        Way {
            kind,
            url,
            builder,
            query_key: None,
            own_headers: vec!["x-api-token".to_owned()],
            signing_key: None,
            deduplicates: false,
            max_request: 1 << 20,
        }
    }

    pub(crate) fn open(self) -> Web {
        let base = match self.kind {
            Kind::Http => Base::parse(&self.url),
            _ => Base::address(&self.url),
        }
        .unwrap();
        let credentials =
            Credentials::Header { name: "x-api-token".parse().unwrap(), value: Secret::new(TOKEN) };
        let client = self.builder.credentials(base.origin().clone(), credentials).build().unwrap();
        Web::new(Settings {
            kind: self.kind,
            base,
            client,
            query_key: self.query_key,
            own_headers: self.own_headers,
            signing_key: self.signing_key,
            deduplicates: self.deduplicates,
            max_request: self.max_request,
            secrets: vec![Secret::new(TOKEN), Secret::new(SIGNING)],
        })
    }
}

/// Artifacts in memory.
#[derive(Default)]
pub(crate) struct Memory(Mutex<BTreeMap<Digest, Vec<u8>>>);

impl Artifacts for Memory {
    fn put(&self, media_type: &str, bytes: &mut dyn Read) -> Result<Artifact, ArtifactError> {
        let mut kept = Vec::new();
        bytes.read_to_end(&mut kept).map_err(ArtifactError::Io)?;
        let artifact = Digest::new(sha2::Sha256::digest(&kept).into());
        let size = kept.len() as u64;
        self.0.lock().unwrap().insert(artifact, kept);
        Ok(Artifact { artifact, size, media_type: media_type.to_owned() })
    }

    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, ArtifactError> {
        let bytes = self.0.lock().unwrap().get(digest).cloned().ok_or(ArtifactError::NotFound(*digest))?;
        Ok(Box::new(std::io::Cursor::new(bytes)))
    }
}

/// The actions over one connection, as an engine calls them.
pub(crate) struct Bench {
    source: action_api::Catalogue<Web>,
    pub(crate) artifacts: Arc<Memory>,
}

impl Bench {
    pub(crate) fn over(web_connection: Web) -> Self {
        let source = web(move |_| Ok(web_connection.clone()));
        Bench { source, artifacts: Arc::default() }
    }

    fn call(&self, action: &str, input: Value) -> Invocation {
        Invocation {
            action: action.to_owned(),
            input,
            connection: Some("service".to_owned()),
            context: Context {
                run: "run-1".to_owned(),
                path: StepPath::parse("ask").unwrap(),
                attempt: 1,
                retried: Vec::new(),
                key: "run-1/ask".to_owned(),
                timeout: Duration::from_secs(10),
                artifacts: Arc::clone(&self.artifacts) as Arc<dyn Artifacts>,
            },
        }
    }

    /// Carries an action out. Whatever comes of it shows no secret and obeys the schema.
    pub(crate) async fn run(&self, action: &str, input: Value) -> Result<Outcome, Failure> {
        let end = self.source.invoke(self.call(action, input)).await;
        let shown = match &end {
            Ok(outcome) => outcome.output.to_string(),
            Err(failure) => format!("{failure} {}", failure.details),
        };
        for secret in [TOKEN, SIGNING] {
            assert!(!shown.contains(secret), "{shown}");
        }
        if let Ok(outcome) = &end {
            let spec = self.source.specs().into_iter().find(|spec| spec.name == action).unwrap();
            let broken = action_api::Validator::new(&spec.output).unwrap().violations(&outcome.output);
            assert!(broken.is_empty(), "{action}: {broken:?}: {}", outcome.output);
        }
        end
    }

    /// The output of an action that succeeds.
    #[track_caller]
    pub(crate) fn good(end: Result<Outcome, Failure>) -> Value {
        end.unwrap_or_else(|failure| panic!("{failure}")).output
    }

    pub(crate) async fn probe(&self, action: &str, input: Value) -> Probe {
        self.source.probe(self.call(action, input)).await.unwrap()
    }
}
