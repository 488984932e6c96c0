//! Takes the passwords of connections out of what actions answer.
//!
//! Named secrets are the engine's business. A connection's password never meets the engine, but a server may repeat a
//! request in its error message, log-in and all, and what a server says goes into the journal.

use std::sync::Arc;

use action_api::{ActionSource, Invocation, Outcome, PluginFacts, Probe, Spec, Work};
use engine::{Failure, Hider};

use crate::combined::Combined;

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
}

impl ActionSource for Hush {
    fn specs(&self) -> Vec<Arc<Spec>> {
        self.inner.specs()
    }

    fn plugins(&self) -> Vec<PluginFacts> {
        self.inner.plugins()
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        Box::pin(async move {
            let end = self.inner.invoke(call).await;
            end.map(|outcome| self.hider.outcome(outcome)).map_err(|failure| self.hider.failure(failure))
        })
    }

    fn probe<'a>(&'a self, call: Invocation) -> Work<'a, Result<Probe, Failure>> {
        Box::pin(async move {
            match self.inner.probe(call).await {
                Ok(Probe::Done(outcome)) => Ok(Probe::Done(self.hider.outcome(outcome))),
                Ok(other) => Ok(other),
                Err(failure) => Err(self.hider.failure(failure)),
            }
        })
    }
}
