//! Actions from plain closures: the shortest way for an embedder, and for tests.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use plan::{Blame, Failure, FailureKind};
use serde_json::Value;

use crate::catalogue::{check_input, unknown_action};
use crate::{ActionSource, Invocation, Outcome, SchemaError, Spec, Validator, Work};

type Handler = Box<dyn Fn(Invocation) -> Work<'static, Result<Outcome, Failure>> + Send + Sync>;

/// A source made of closures, each with a [`Spec`].
#[derive(Default)]
pub struct Functions {
    entries: BTreeMap<String, (Arc<Spec>, Validator, Validator, Handler)>,
}

impl Functions {
    /// A source without actions.
    pub fn new() -> Self {
        Functions::default()
    }

    /// Adds one action; a later one of the same name replaces it. Fails if a schema of the spec is wrong.
    pub fn with<F, R>(mut self, spec: Spec, run: F) -> Result<Self, SchemaError>
    where
        F: Fn(Invocation) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Value, Failure>> + Send + 'static,
    {
        let (input, output) = (Validator::new(&spec.input)?, Validator::new(&spec.output)?);
        let handler: Handler = Box::new(move |call| {
            let work = run(call);
            Box::pin(async move { work.await.map(Outcome::from) })
        });
        self.entries.insert(spec.name.clone(), (Arc::new(spec), input, output, handler));
        Ok(self)
    }
}

impl ActionSource for Functions {
    fn specs(&self) -> Vec<Arc<Spec>> {
        self.entries.values().map(|(spec, ..)| Arc::clone(spec)).collect()
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        Box::pin(async move {
            let name = call.action.clone();
            let (_, input, output, handler) = self.entries.get(&name).ok_or_else(|| unknown_action(&name))?;
            check_input(&name, input, &call.input)?;
            let outcome = handler(call).await?;
            match output.violations(&outcome.output).into_iter().next() {
                None => Ok(outcome),
                Some(violation) => Err(Failure::new(
                    FailureKind::Invalid,
                    Blame::Host,
                    format!(
                        "{name} answered against its own schema, at {}: {}",
                        violation.pointer, violation.message
                    ),
                )),
            }
        })
    }
}
