//! Several sources of actions as one that can be shared and wrapped.

use std::collections::BTreeMap;
use std::sync::Arc;

use action_api::{ActionSource, Invocation, Outcome, PluginFacts, Probe, Spec, Work};
use engine::{Failure, FailureKind};
use plan::Blame;

/// Sources as one. Clones share them, and with them everything they have loaded and compiled.
#[derive(Clone)]
pub(crate) struct Combined {
    inner: Arc<Inner>,
}

struct Inner {
    sources: Vec<Arc<dyn ActionSource>>,
    by_name: BTreeMap<String, Arc<dyn ActionSource>>,
}

impl Combined {
    pub(crate) fn new(sources: Vec<Arc<dyn ActionSource>>) -> Self {
        let named = |source: &Arc<dyn ActionSource>| {
            let source = Arc::clone(source);
            source.names().into_iter().map(move |name| (name, Arc::clone(&source)))
        };
        let by_name = sources.iter().flat_map(named).collect();
        Combined { inner: Arc::new(Inner { sources, by_name }) }
    }

    fn find(&self, action: &str) -> Result<&Arc<dyn ActionSource>, Failure> {
        self.inner.by_name.get(action).ok_or_else(|| {
            Failure::new(FailureKind::Invalid, Blame::Host, format!("no action is called {action}"))
        })
    }
}

impl ActionSource for Combined {
    fn specs(&self) -> Vec<Arc<Spec>> {
        self.inner.sources.iter().flat_map(|source| source.specs()).collect()
    }

    fn names(&self) -> Vec<String> {
        self.inner.by_name.keys().cloned().collect()
    }

    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        self.inner.by_name.get(name)?.spec(name)
    }

    fn plugins(&self) -> Vec<PluginFacts> {
        self.inner.sources.iter().flat_map(|source| source.plugins()).collect()
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        match self.find(&call.action) {
            Ok(source) => source.invoke(call),
            Err(failure) => Box::pin(async { Err(failure) }),
        }
    }

    fn probe<'a>(&'a self, call: Invocation) -> Work<'a, Result<Probe, Failure>> {
        match self.find(&call.action) {
            Ok(source) => source.probe(call),
            Err(failure) => Box::pin(async { Err(failure) }),
        }
    }
}
