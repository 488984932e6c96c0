//! The stages of reaching a server, each with its time, so that a check of a connection can say which one
//! failed and a person need not guess.

use std::fmt;
use std::time::{Duration, Instant};

use crate::certificate::ServerCertificate;
use crate::error::Error;

/// A stage on the way to a server, in the order they are passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Addresses for the name of the server, or of the proxy before it.
    Name,
    /// A connection to one of them.
    Tcp,
    /// A way through the proxy.
    Proxy,
    /// TLS with the server.
    Tls,
}

impl Stage {
    /// The stage as one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Name => "dns",
            Stage::Tcp => "tcp",
            Stage::Proxy => "proxy",
            Stage::Tls => "tls",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A stage that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// Which one.
    pub stage: Stage,
    /// How long it took.
    pub took: Duration,
    /// What came out, in words: addresses, the proxy, the version of TLS. Empty if it failed.
    pub detail: String,
}

/// What TLS with a server came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsFacts {
    /// The version, such as `1.3`.
    pub version: String,
    /// The cipher suite.
    pub cipher: String,
    /// The server's certificate, if it can be read.
    pub certificate: Option<ServerCertificate>,
}

/// How far a server could be reached. Nothing of HTTP was sent to it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Reach {
    /// The stages that were tried, the failed one last.
    pub steps: Vec<Step>,
    /// What TLS came to, if there was any.
    pub tls: Option<TlsFacts>,
    /// Why the last of `steps` failed; `None` if the server was reached.
    pub failed: Option<Error>,
}

/// Writes down stages as they are passed.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) steps: Vec<Step>,
}

impl Log {
    /// Runs one stage and notes it with its time. `words` are only asked for if it succeeds.
    pub(crate) async fn stage<T>(
        &mut self,
        stage: Stage,
        work: impl Future<Output = Result<T, Error>>,
        words: impl FnOnce(&T) -> String,
    ) -> Result<T, Error> {
        let began = Instant::now();
        let result = work.await;
        let detail = result.as_ref().map_or_else(|_| String::new(), words);
        self.steps.push(Step { stage, took: began.elapsed(), detail });
        result
    }
}
