//! From an origin to a stream of bytes: name, TCP, proxy, TLS, each a stage of its own.
//!
//! Everything that opens a connection comes through here, so a check of a connection takes the same way as
//! the requests after it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::addresses::Addresses;
use crate::certificate::{ServerCertificate, end_point};
use crate::error::{Error, Kind};
use crate::origin::Origin;
use crate::proxy::{Proxies, Proxy, ProxyKind};
use crate::stage::{Log, Stage, TlsFacts};
use crate::{socks, tls, tunnel};

/// A stream of bytes, whatever it is made of.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A way to a server.
pub(crate) struct Way {
    pub(crate) io: Box<dyn Io>,
    pub(crate) tls: Option<TlsFacts>,
    /// What a log-in can be bound to, on TLS.
    pub(crate) binding: Option<Vec<u8>>,
    /// There is a proxy at the other end that takes requests by their whole address.
    pub(crate) forward: Option<Forward>,
}

impl Way {
    /// Waits a moment for the server to refuse the client's certificate, which in TLS 1.3 it only says after
    /// the handshake. A server of HTTP says nothing else before it is asked.
    pub(crate) async fn refused(&mut self, host: &str) -> Option<Error> {
        self.tls.as_ref()?;
        match timeout(SECOND_THOUGHT, self.io.read_u8()).await {
            Ok(Err(why)) => tls::late(&why).map(|words| Error::before(Kind::Tls, host, words)),
            _ => None,
        }
    }
}

/// How long a check of a connection waits for that.
const SECOND_THOUGHT: Duration = Duration::from_millis(250);

/// A proxy that requests are handed to as they are.
#[derive(Clone)]
pub(crate) struct Forward {
    /// Its log-in, for its own header.
    pub(crate) login: Option<HeaderValue>,
}

/// Where a TCP connection goes, and what messages call it.
#[derive(Clone, Copy)]
struct Target<'t> {
    host: &'t str,
    port: u16,
    shown: &'t str,
}

/// Opens ways.
#[derive(Clone)]
pub(crate) struct Dialer {
    pub(crate) limit: Duration,
    pub(crate) proxies: Proxies,
    pub(crate) addresses: Arc<Addresses>,
    pub(crate) tls: Arc<ClientConfig>,
}

impl Dialer {
    /// A way to `origin`. With `alone` there must be nobody in it who reads requests and may hand them to
    /// other connections: a log-in that belongs to the connection needs that.
    pub(crate) async fn dial(&self, origin: &Origin, alone: bool, log: &mut Log) -> Result<Way, Error> {
        let end = Instant::now() + self.limit;
        let (io, forward) = match self.proxies.on_the_way_to(origin) {
            None => {
                let to = Target { host: origin.bare_host(), port: origin.port(), shown: origin.host() };
                let io = self.tcp(to, &self.addresses, end, log).await?;
                (Box::new(io) as Box<dyn Io>, None)
            }
            Some(proxy) => self.through(proxy, origin, alone, end, log).await?,
        };
        if !origin.is_https() {
            return Ok(Way { io, tls: None, binding: None, forward });
        }
        let host = origin.bare_host();
        let work = self.in_time(end, Stage::Tls, origin.host(), self.tls(io, host));
        let (io, facts) = log.stage(Stage::Tls, work, |(_, facts)| words(facts)).await?;
        let binding =
            io.get_ref().1.peer_certificates().and_then(|chain| chain.first()).map(|der| end_point(der));
        Ok(Way { io: Box::new(io), tls: Some(facts), binding, forward })
    }

    async fn through(
        &self,
        proxy: &Proxy,
        origin: &Origin,
        alone: bool,
        end: Instant,
        log: &mut Log,
    ) -> Result<(Box<dyn Io>, Option<Forward>), Error> {
        if let Ok(address) = origin.bare_host().parse() {
            allowed(&self.addresses, vec![SocketAddr::new(address, origin.port())], origin.host())?;
        }
        let to = Target { host: &proxy.host, port: proxy.port, shown: &proxy.host };
        let io = self.tcp(to, &Addresses::any(), end, log).await.map_err(|why| {
            Error::before(Kind::Proxy, origin.host(), format!("{proxy} itself cannot be reached: {why}"))
        })?;
        let forwards = proxy.kind.is_http() && !origin.is_https() && !alone;
        let work = self.in_time(end, Stage::Proxy, origin.host(), async {
            let (mut io, binding): (Box<dyn Io>, _) = if proxy.kind == ProxyKind::Https {
                let (io, _) = self.tls(Box::new(io), &proxy.host).await.map_err(|why| {
                    Error::before(
                        Kind::Proxy,
                        origin.host(),
                        format!("no TLS with {proxy}: {}", why.detail()),
                    )
                })?;
                let chain = io.get_ref().1.peer_certificates();
                let binding = chain.and_then(|chain| chain.first()).map(|der| end_point(der));
                (Box::new(io), binding)
            } else {
                (Box::new(io), None)
            };
            if forwards {
                return Ok((io, Some(Forward { login: tunnel::basic(proxy)? })));
            }
            if proxy.kind.is_http() {
                return Ok((tunnel::open(io, proxy, origin, binding).await?, None));
            }
            let host = self.target(proxy, origin).await?;
            let login = proxy.login.as_ref();
            socks::connect(&mut io, proxy.kind, login, &host, origin.port())
                .await
                .map_err(|why| Error::before(Kind::Proxy, origin.host(), format!("{proxy}: {why}")))?;
            Ok((io, None))
        });
        log.stage(Stage::Proxy, work, |_| proxy.to_string()).await
    }

    /// The server as a SOCKS proxy is told it: its name, or an address where names are resolved here.
    async fn target(&self, proxy: &Proxy, origin: &Origin) -> Result<String, Error> {
        let host = origin.bare_host();
        if !proxy.kind.resolves_here() || host.parse::<IpAddr>().is_ok() {
            return Ok(host.to_owned());
        }
        let found = resolve(host, origin.port(), origin.host()).await?;
        let addresses = allowed(&self.addresses, found, origin.host())?;
        let four = addresses.iter().find(|address| address.is_ipv4());
        let chosen = four.or_else(|| addresses.first().filter(|_| proxy.kind != ProxyKind::Socks4));
        chosen.map(|address| address.ip().to_string()).ok_or_else(|| {
            let why = "it has no IPv4 address, and SOCKS 4 knows no others; use socks4a or socks5h";
            Error::before(Kind::Proxy, origin.host(), why)
        })
    }

    /// A TCP connection to the first address that takes one, of those that are allowed.
    async fn tcp(
        &self,
        to: Target<'_>,
        may: &Addresses,
        end: Instant,
        log: &mut Log,
    ) -> Result<TcpStream, Error> {
        let Target { host, port, shown } = to;
        let found = async { allowed(may, resolve(host, port, shown).await?, shown) };
        let work = self.in_time(end, Stage::Name, shown, found);
        let addresses = log.stage(Stage::Name, work, |found| list(found)).await?;
        let work = self.in_time(end, Stage::Tcp, shown, first_of(&addresses, shown, end));
        let words = |io: &TcpStream| {
            io.peer_addr()
                .map_or_else(|_| "connected".to_owned(), |address| format!("connected to {address}"))
        };
        log.stage(Stage::Tcp, work, words).await
    }

    async fn tls(&self, io: Box<dyn Io>, host: &str) -> Result<(TlsStream<Box<dyn Io>>, TlsFacts), Error> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            Error::before(Kind::Tls, host, "the name of the host cannot stand in a certificate")
        })?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let io = connector.connect(name, io).await.map_err(|why| tls::failed(&why, host))?;
        let session = io.get_ref().1;
        let first = session.peer_certificates().and_then(|chain| chain.first());
        let facts = TlsFacts {
            version: match session.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_2) => "1.2".to_owned(),
                Some(rustls::ProtocolVersion::TLSv1_3) => "1.3".to_owned(),
                other => format!("{other:?}"),
            },
            cipher: session
                .negotiated_cipher_suite()
                .map_or_else(String::new, |suite| format!("{:?}", suite.suite())),
            certificate: first.and_then(|der| ServerCertificate::read(der)),
        };
        Ok((io, facts))
    }

    async fn in_time<T>(
        &self,
        end: Instant,
        stage: Stage,
        host: &str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        timeout_at(end, work).await.unwrap_or_else(|_| {
            let kind = match stage {
                Stage::Name => Kind::Name,
                Stage::Tcp => Kind::Connect,
                Stage::Proxy => Kind::Proxy,
                Stage::Tls => Kind::Tls,
            };
            Err(Error::before(kind, host, format!("no answer within {:?}", self.limit)))
        })
    }
}

fn words(facts: &TlsFacts) -> String {
    match &facts.certificate {
        Some(certificate) => format!("TLS {}, {}", facts.version, certificate.subject),
        None => format!("TLS {}", facts.version),
    }
}

fn list(addresses: &[SocketAddr]) -> String {
    let texts: Vec<String> = addresses.iter().take(8).map(|address| address.ip().to_string()).collect();
    texts.join(", ")
}

async fn resolve(host: &str, port: u16, shown: &str) -> Result<Vec<SocketAddr>, Error> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let found = lookup_host((host, port)).await;
    let addresses: Vec<SocketAddr> =
        found.map_err(|why| Error::before(Kind::Name, shown, why.to_string()))?.collect();
    if addresses.is_empty() {
        return Err(Error::before(Kind::Name, shown, "the name exists but has no address"));
    }
    Ok(addresses)
}

/// Those that may be connected to; fails if there is none.
fn allowed(may: &Addresses, found: Vec<SocketAddr>, shown: &str) -> Result<Vec<SocketAddr>, Error> {
    let (mut good, mut said) = (Vec::new(), Vec::new());
    for address in found {
        match may.refuses(address.ip()) {
            None => good.push(address),
            Some(why) => said.push(format!("{} {why}", address.ip())),
        }
    }
    if good.is_empty() {
        said.truncate(4);
        let said = said.join(", ");
        let why =
            format!("{said}, and this connection goes to public addresses only; if that is right, let it in");
        return Err(Error::before(Kind::Refused, shown, why));
    }
    Ok(good)
}

/// Tries one address after the other; each gets its share of the time that is left.
async fn first_of(addresses: &[SocketAddr], shown: &str, end: Instant) -> Result<TcpStream, Error> {
    let mut said = Vec::new();
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let share = end.saturating_duration_since(Instant::now()) / left.max(1);
        left = left.saturating_sub(1);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(io)) => {
                // Requests are written whole; waiting to fill packets only delays them.
                let _ = io.set_nodelay(true);
                return Ok(io);
            }
            Ok(Err(why)) => said.push(format!("{address}: {why}")),
            Err(_) => said.push(format!("{address}: no answer")),
        }
    }
    said.truncate(4);
    Err(Error::before(Kind::Connect, shown, said.join("; ")))
}
