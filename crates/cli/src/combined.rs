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
    specs: Vec<Arc<Spec>>,
    by_name: BTreeMap<String, usize>,
}

impl Combined {
    pub(crate) fn new(sources: Vec<Arc<dyn ActionSource>>) -> Self {
        let (mut specs, mut by_name) = (Vec::new(), BTreeMap::new());
        for (number, source) in sources.iter().enumerate() {
            for spec in source.specs() {
                by_name.insert(spec.name.clone(), number);
                specs.push(spec);
            }
        }
        Combined { inner: Arc::new(Inner { sources, specs, by_name }) }
    }

    fn find(&self, action: &str) -> Result<&Arc<dyn ActionSource>, Failure> {
        let number = self.inner.by_name.get(action);
        number.and_then(|&number| self.inner.sources.get(number)).ok_or_else(|| {
            Failure::new(FailureKind::Invalid, Blame::Host, format!("no action is called {action}"))
        })
    }
}

impl ActionSource for Combined {
    fn specs(&self) -> Vec<Arc<Spec>> {
        self.inner.specs.clone()
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
