//! Servers that answer request by request, plain or with TLS, and certificates for them.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use portcullis_transport::{Builder, Client, Error, Marks, Origin};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower_service::Service;

/// One request as a server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Which connection it came on, and which request on that it was.
    pub(crate) connection: usize,
    pub(crate) turn: usize,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }
}

/// What a server does next.
pub(crate) enum Then {
    /// Writes this.
    Say(Vec<u8>),
    /// Waits, then writes this.
    After(Duration, Vec<u8>),
    /// Writes this and closes the connection.
    Last(Vec<u8>),
}

/// An answer with a body.
pub(crate) fn say(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Then {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    Then::Say([head.as_bytes(), body].concat())
}

pub(crate) type Reply = Arc<dyn Fn(&Asked) -> Then + Send + Sync>;

/// What a server saw.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    asked: Arc<Mutex<Vec<Asked>>>,
    opened: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
}

impl Seen {
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    pub(crate) fn closed(&self) -> usize {
        self.closed.load(Ordering::SeqCst)
    }
}

/// Waits until something is so; fails the test if it does not become so.
pub(crate) async fn until(what: &str, so: impl Fn() -> bool) {
    for _ in 0..400 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// Serves one connection.
pub(crate) async fn converse<T>(mut io: T, connection: usize, reply: Reply, seen: Seen)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffer = Vec::new();
    for turn in 0.. {
        let Some(asked) = read_request(&mut io, &mut buffer, connection, turn).await else { break };
        seen.asked.lock().unwrap().push(asked.clone());
        let written = match reply(&asked) {
            Then::Say(bytes) => io.write_all(&bytes).await,
            Then::After(wait, bytes) => {
                let mut byte = [0];
                tokio::select! {
                    () = tokio::time::sleep(wait) => io.write_all(&bytes).await,
                    _ = io.read(&mut byte) => break,
                }
            }
            Then::Last(bytes) => {
                let _ = io.write_all(&bytes).await;
                let _ = io.shutdown().await;
                break;
            }
        };
        if written.is_err() || io.flush().await.is_err() {
            break;
        }
    }
    seen.closed.fetch_add(1, Ordering::SeqCst);
}

async fn read_request<T: AsyncRead + Unpin>(
    io: &mut T,
    buffer: &mut Vec<u8>,
    connection: usize,
    turn: usize,
) -> Option<Asked> {
    let mut chunk = [0; 4096];
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        let n = io.read(&mut chunk).await.ok().filter(|n| *n > 0)?;
        buffer.extend_from_slice(&chunk[..n]);
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut asked = Asked { head, body: Vec::new(), connection, turn };
    let length: usize = asked.header("content-length").map_or(0, |value| value.parse().unwrap());
    while buffer.len() < end + length {
        let n = io.read(&mut chunk).await.ok().filter(|n| *n > 0)?;
        buffer.extend_from_slice(&chunk[..n]);
    }
    asked.body = buffer[end..end + length].to_vec();
    buffer.drain(..end + length);
    Some(asked)
}

/// What to do with a connection that was accepted.
type Handle = Arc<dyn Fn(TcpStream, usize) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Accepts connections on a free port of this machine.
pub(crate) async fn accept(opened: Arc<AtomicUsize>, handle: Handle) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((io, _)) = listener.accept().await {
            let connection = opened.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(handle(io, connection));
        }
    });
    address
}

/// A plain server.
pub(crate) async fn plain(reply: impl Fn(&Asked) -> Then + Send + Sync + 'static) -> (SocketAddr, Seen) {
    let (reply, seen): (Reply, _) = (Arc::new(reply), Seen::default());
    let theirs = seen.clone();
    let handle: Handle = Arc::new(move |io, connection| {
        Box::pin(converse(io, connection, Arc::clone(&reply), theirs.clone()))
    });
    (accept(Arc::clone(&seen.opened), handle).await, seen)
}

/// A server with TLS.
pub(crate) async fn encrypted(
    config: ServerConfig,
    reply: impl Fn(&Asked) -> Then + Send + Sync + 'static,
) -> (SocketAddr, Seen) {
    let (reply, seen): (Reply, _) = (Arc::new(reply), Seen::default());
    let theirs = seen.clone();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let handle: Handle = Arc::new(move |io, connection| {
        let (acceptor, reply, seen) = (acceptor.clone(), Arc::clone(&reply), theirs.clone());
        Box::pin(async move {
            if let Ok(io) = acceptor.accept(io).await {
                converse(io, connection, reply, seen).await;
            }
        })
    });
    (accept(Arc::clone(&seen.opened), handle).await, seen)
}

/// An authority for certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: Vec<u8>,
}

/// A certificate with its key.
pub(crate) struct Issued {
    pub(crate) certificate: rcgen::Certificate,
    pub(crate) key: KeyPair,
}

impl Issued {
    pub(crate) fn der(&self) -> Vec<u8> {
        self.certificate.der().to_vec()
    }

    fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::<String>::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "an authority of this test");
        let key = KeyPair::generate().unwrap();
        let pem = parameters.self_signed(&key).unwrap().pem().into_bytes();
        Authority { issuer: Issuer::new(parameters, key), pem }
    }

    pub(crate) fn issue(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        change(&mut parameters);
        let key = KeyPair::generate().unwrap();
        Issued { certificate: parameters.signed_by(&key, &self.issuer).unwrap(), key }
    }
}

/// A server's side of TLS.
pub(crate) fn config(
    issued: &Issued,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ServerConfig {
    server(versions)
        .with_no_client_auth()
        .with_single_cert(vec![issued.der().into()], issued.key_der())
        .unwrap()
}

/// As [`config`], for clients with a certificate from this authority.
pub(crate) fn config_for(issued: &Issued, trusted: &[u8]) -> ServerConfig {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    server(rustls::ALL_VERSIONS)
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![issued.der().into()], issued.key_der())
        .unwrap()
}

fn server(
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
}

pub(crate) fn builder() -> Builder {
    Client::builder().deadline(Duration::from_secs(20)).connect_timeout(Duration::from_secs(5))
}

pub(crate) fn origin(url: &str) -> Origin {
    Origin::of(&url.parse().unwrap()).unwrap()
}

pub(crate) fn post(url: &str, body: &'static str) -> Request<Bytes> {
    Request::post(url)
        .header("content-type", "text/xml; charset=utf-8")
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap()
}

/// Sends a request and reads its answer whole.
pub(crate) async fn send(client: &Client, request: Request<Bytes>) -> Result<(u16, Bytes), Error> {
    let answer = client.clone().call(request).await?;
    let status = answer.status().as_u16();
    Ok((status, answer.into_body().collect().await?.to_bytes()))
}

/// As [`send`], for a request that may be repeated.
pub(crate) async fn read(client: &Client, url: &str) -> Result<(u16, Bytes), Error> {
    let mut request = post(url, "<read/>");
    request.extensions_mut().insert(Marks::default().repeatable());
    send(client, request).await
}
