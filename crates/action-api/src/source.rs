//! The one trait the engine calls: [`ActionSource`].

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use plan::{Failure, FailureKind, StepPath};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Artifacts, PluginFacts, Spec};

/// A boxed future, so that sources can be trait objects. Dropping it means: stop, as soon as you can.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Something that brings actions: the built-in ones, a plugin host, an embedder's own.
pub trait ActionSource: Send + Sync {
    /// Every action it brings.
    fn specs(&self) -> Vec<Arc<Spec>>;

    /// What they are called. Must be cheap: called before any action is needed.
    fn names(&self) -> Vec<String> {
        self.specs().iter().map(|spec| spec.name.clone()).collect()
    }

    /// The action of this name. Whoever needs a few of many asks for those, so that no others have to be made.
    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        self.specs().into_iter().find(|spec| spec.name == name)
    }

    /// The plugins behind these actions, those included that cannot be called as they are. Must be cheap, too.
    fn plugins(&self) -> Vec<PluginFacts> {
        Vec::new()
    }

    /// Carries one action out.
    ///
    /// Obligations: the input has been rendered but not validated; validate it. May be called again for the
    /// same `(run, path)` after a crash unless the action's repeat class is `never`; `context.key` is then
    /// the same. Must end within a moment when the future is dropped. Must not keep anything of the run.
    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>>;

    /// Finds out whether an earlier attempt took effect. Called only for the repeat class `verify`.
    fn probe<'a>(&'a self, call: Invocation) -> Work<'a, Result<Probe, Failure>> {
        let _ = call;
        Box::pin(async { Ok(Probe::Unknown) })
    }
}

/// One call of an action.
#[derive(Clone)]
pub struct Invocation {
    /// The action's name.
    pub action: String,
    /// The rendered input.
    pub input: Value,
    /// Which connection to use, for actions that need one.
    pub connection: Option<String>,
    /// Where the call comes from.
    pub context: Context,
}

/// Where a call comes from and what it may use.
#[derive(Clone)]
pub struct Context {
    /// The run's id.
    pub run: String,
    /// The step's place in the run.
    pub path: StepPath,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// The kinds of failure after which another attempt would follow. None in the last attempt.
    pub retried: Vec<FailureKind>,
    /// The same for every attempt of this step in this run, different for every other.
    pub key: String,
    /// How long the engine will wait for this attempt.
    pub timeout: Duration,
    /// Where bytes are kept.
    pub artifacts: Arc<dyn Artifacts>,
}

/// How an action succeeded.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Obeys the action's output schema.
    pub output: Value,
    /// What takes the effect back.
    pub inverse: Option<Inverse>,
}

impl From<Value> for Outcome {
    fn from(output: Value) -> Self {
        Outcome { output, inverse: None }
    }
}

/// A call that takes an effect back. Kept in the journal beside the output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inverse {
    /// The action to call.
    pub action: String,
    /// Its complete input.
    pub input: Value,
    /// What it does not bring back, in words for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

impl Inverse {
    /// A call that takes everything back.
    pub fn new(action: &str, input: Value) -> Self {
        Inverse { action: action.to_owned(), input, except: Vec::new() }
    }
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq)]
pub enum Probe {
    /// The effect took place; this is its outcome.
    Done(Outcome),
    /// It did not; the action may be carried out.
    NotDone,
    /// Nothing is to be seen, and the other side may show it late: ask again within this time. An effect that is
    /// still not to be seen then counts as not done after a crash, and as unknown where a request for it left.
    NotYet {
        /// How long the other side may take to show an effect, from the first question on.
        settle: Duration,
    },
    /// Nobody can tell.
    Unknown,
}
