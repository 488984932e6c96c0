//! Accepts connections and hands requests on.
//!
//! Limits are those a server on a developer's machine needs: a request that never ends, or is too large, or
//! one connection too many must not stop a test run. There is no TLS; the address is meant to be local.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::config::Config;
use super::digest::Nonces;
use super::link::Link;
use super::oauth::Issuer;
use super::route::route;
use super::tamper::Tampered;
use crate::misbehaviour::{Fault, Script};
use crate::organisation::Organisation;

/// Where EWS lives on an Exchange server.
pub(crate) const EWS_PATH: &str = "/EWS/Exchange.asmx";
/// How many connections are served at a time; more wait.
const MAX_CONNECTIONS: usize = 512;
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long open answers may take when the server stops.
const GOODBYE: Duration = Duration::from_secs(2);

/// A running server. Dropping it stops it at once; [`Server::shutdown`] lets open answers finish.
pub struct Server {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    issuer: Arc<Mutex<Issuer>>,
    stop: watch::Sender<bool>,
    running: Option<tokio::task::JoinHandle<()>>,
}

/// What every connection needs.
pub(crate) struct Shared {
    pub(crate) organisation: Organisation,
    pub(crate) config: Config,
    pub(crate) issuer: Arc<Mutex<Issuer>>,
    pub(crate) script: Arc<Mutex<Script>>,
    pub(crate) nonces: Nonces,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Server {
    /// Listens and serves until it is shut down or dropped. Needs a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// Where the address cannot be listened on.
    pub async fn start(organisation: Organisation, config: Config) -> std::io::Result<Server> {
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        let mut script = Script::default();
        config.faults.iter().cloned().for_each(|fault| script.add(fault));
        let script = Arc::new(Mutex::new(script));
        let issuer = Arc::new(Mutex::new(Issuer::default()));
        let shared = Arc::new(Shared {
            organisation,
            config,
            issuer: issuer.clone(),
            script: script.clone(),
            nonces: Nonces::default(),
        });
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(accept(listener, shared, stopped));
        Ok(Server { address, script, issuer, stop, running: Some(running) })
    }

    /// The address of EWS, e.g. `http://127.0.0.1:8080/EWS/Exchange.asmx`.
    pub fn url(&self) -> String {
        format!("http://{}{EWS_PATH}", self.address)
    }

    /// The address without a path, e.g. `http://127.0.0.1:8080`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes something go wrong at a call to come. Faults add up; the first that fits a call happens.
    pub fn misbehave(&self, fault: Fault) {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).add(fault);
    }

    /// Forgets all faults.
    pub fn behave(&self) {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How long tokens are good that are issued from now on; an hour without this.
    pub fn tokens_last(&self, life: Duration) {
        self.issuer.lock().unwrap_or_else(PoisonError::into_inner).life = Some(life);
    }

    /// Lets time pass for tokens, codes and assertions.
    pub fn let_tokens_age(&self, by: Duration) {
        let mut issuer = self.issuer.lock().unwrap_or_else(PoisonError::into_inner);
        issuer.ahead = issuer.ahead.saturating_add(by);
    }

    /// Where tokens are got, e.g. `http://127.0.0.1:8080/corp.example/oauth2/v2.0/token`.
    pub fn token_url(&self, tenant: &str) -> String {
        format!("http://{}/{tenant}/oauth2/v2.0/token", self.address)
    }

    /// Stops: no new connections, open answers get two seconds.
    pub async fn shutdown(mut self) {
        let _ = self.stop.send(true);
        if let Some(running) = self.running.take() {
            let _ = running.await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { break };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let (shared, stopped) = (shared.clone(), stopped.clone());
                    connections.spawn(async move {
                        serve(stream, shared, stopped).await;
                        drop(place);
                    });
                }
                // Out of file handles, most likely: wait for one to come back.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            _ = stopped.changed() => break,
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let _ = tokio::time::timeout(GOODBYE, async { while connections.join_next().await.is_some() {} }).await;
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let link = Link::default();
    let stream = Tampered::new(stream, link.script.clone());
    let service = service_fn(move |request| {
        let (shared, link) = (shared.clone(), link.clone());
        async move { route(&shared, &link, request).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
