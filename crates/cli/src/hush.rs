//! Takes the passwords and tokens of connections out of what actions answer, and out of what is printed and logged.
//!
//! Named secrets are the engine's business. A connection's password never meets the engine, but a server may repeat a
//! request in its error message, log-in and all, and what a server says goes into the journal. Tokens come and go while
//! a run goes on, so the log-ins say when there is a new one.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use action_api::{ActionSource, Invocation, Outcome, PluginFacts, Probe, Spec, Work};
use engine::{Failure, Hider};
use transport::Secret;

use crate::combined::Combined;

/// How many tokens are remembered. One is renewed every hour, and what comes after so many hours is refused anyway.
const MOST: usize = 64;

/// What this process must not show, whichever engine or command has got to know it.
static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);

#[derive(Default)]
struct Known {
    tokens: VecDeque<Secret>,
    /// Made anew when there is another one.
    hider: Arc<Hider>,
}

/// Remembers a token.
pub(crate) fn remember(token: &Secret) {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if known.tokens.contains(token) {
        return;
    }
    known.tokens.push_back(token.clone());
    if known.tokens.len() > MOST {
        known.tokens.pop_front();
    }
    let mut hider = Hider::default();
    for token in &known.tokens {
        hider.add("token", token.reveal());
    }
    known.hider = Arc::new(hider);
}

/// What takes the tokens out that are known by now.
pub(crate) fn tokens() -> Arc<Hider> {
    Arc::clone(&KNOWN.read().unwrap_or_else(PoisonError::into_inner).hider)
}

/// Standard error without tokens, for log lines: each comes in one piece.
pub(crate) struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let hider = tokens();
        let mut error = io::stderr().lock();
        if hider.is_empty() {
            error.write_all(bytes)?;
        } else {
            error.write_all(hider.text(&String::from_utf8_lossy(bytes)).as_bytes())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// Actions that do not tell.
pub(crate) struct Hush {
    inner: Combined,
    hider: Hider,
}

impl Hush {
    /// Around `inner`, as one source again.
    pub(crate) fn around(inner: Combined, hider: Hider) -> Combined {
        Combined::new(vec![Arc::new(Hush { inner, hider })])
    }

    fn outcome(&self, outcome: Outcome) -> Outcome {
        tokens().outcome(self.hider.outcome(outcome))
    }

    fn failure(&self, failure: Failure) -> Failure {
        tokens().failure(self.hider.failure(failure))
    }
}

impl ActionSource for Hush {
    fn specs(&self) -> Vec<Arc<Spec>> {
        self.inner.specs()
    }

    fn names(&self) -> Vec<String> {
        self.inner.names()
    }

    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        self.inner.spec(name)
    }

    fn plugins(&self) -> Vec<PluginFacts> {
        self.inner.plugins()
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        Box::pin(async move {
            let end = self.inner.invoke(call).await;
            end.map(|outcome| self.outcome(outcome)).map_err(|failure| self.failure(failure))
        })
    }

    fn probe<'a>(&'a self, call: Invocation) -> Work<'a, Result<Probe, Failure>> {
        Box::pin(async move {
            match self.inner.probe(call).await {
                Ok(Probe::Done(outcome)) => Ok(Probe::Done(self.outcome(outcome))),
                Ok(other) => Ok(other),
                Err(failure) => Err(self.failure(failure)),
            }
        })
    }
}
