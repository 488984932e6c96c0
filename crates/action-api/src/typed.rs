//! How an action is written: typed input, typed output, one `run`.

use std::future::Future;

use plan::{Effect, Failure, FailureKind, Repeat};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Context, Example, Inverse, Probe};

/// What cannot be derived from the types of an action.
#[derive(Debug, Clone, Copy)]
pub struct ActionInfo {
    /// `NOUN.VERB`.
    pub name: &'static str,
    /// One line for lists.
    pub summary: &'static str,
    /// What it does and will not do, as Markdown.
    pub description: &'static str,
    /// What it does to the world.
    pub effect: Effect,
    /// Whether it may be carried out twice.
    pub repeat: Repeat,
    /// The failures it is known to end with.
    pub errors: &'static [FailureKind],
    /// The kind of connection it needs.
    pub connection: Option<&'static str>,
    /// The ports of that connection it uses.
    pub ports: &'static [&'static str],
    /// The action that takes it back.
    pub inverse: Option<&'static str>,
    /// Ways to take an effect back: for which input (name and value; every input if there is none), and how, in
    /// words. See [`crate::Spec::undo`].
    pub undo: &'static [(Option<(&'static str, &'static str)>, &'static str)],
}

/// One action over the services `S` it may use.
///
/// Obligations: the input type denies unknown fields; its doc comments are the product's documentation; see
/// [`crate::ActionSource::invoke`] for what holds about repeats and cancellation.
pub trait TypedAction<S>: 'static {
    /// What cannot be derived from the types.
    const INFO: ActionInfo;
    /// The input; `#[serde(deny_unknown_fields)]`.
    type Input: DeserializeOwned + JsonSchema + Send + 'static;
    /// The output.
    type Output: Serialize + DeserializeOwned + JsonSchema + Send + 'static;

    /// Carries it out.
    fn run(
        services: S,
        context: Context,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output, Failure>> + Send;

    /// Finds out whether an earlier attempt with the same `context.key` took effect. For the repeat class
    /// `verify`; the answer's output is the one `run` would have given.
    fn probe(
        services: S,
        context: Context,
        input: Self::Input,
    ) -> impl Future<Output = Result<Probe, Failure>> + Send {
        let _ = (services, context, input);
        async { Ok(Probe::Unknown) }
    }

    /// The call that takes this one back, from what it answered.
    fn inverse(output: &Self::Output) -> Option<Inverse> {
        let _ = output;
        None
    }

    /// Worked examples; each is validated by a test.
    fn examples() -> Vec<Example> {
        Vec::new()
    }
}
