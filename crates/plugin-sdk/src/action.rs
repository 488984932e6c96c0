//! An action as its author writes it, and its entry in the plugin's table.
//!
//! The table holds plain function pointers, so that a call neither allocates nor builds schemas: those are made
//! only when the host asks for a description.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{Context, Failure};

/// What an action does outside of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Reads, or only computes. Runs for real in a dry run.
    Enrichment,
    /// Changes something in a mailbox or a service.
    Containment,
    /// Sends something to a person.
    Notification,
    /// Touches only the trigger's own mail.
    Internal,
}

/// Whether an action may be carried out again when nobody knows how the first attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Repeat {
    /// A repeat has the same result.
    Natural,
    /// A repeat with the same idempotency key has the same result.
    Keyed,
    /// Never repeat; the step ends as `outcome unknown`.
    Never,
}

/// One way in which an action fails, for the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ErrorDoc {
    /// The code that [`Failure::code`] will have.
    pub code: &'static str,
    /// When that happens, and what to do about it.
    pub when: &'static str,
}

/// An example for the documentation. The host's tests run it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Example {
    /// What the example shows.
    pub title: String,
    /// The input, as in `with:` of a step.
    pub input: Value,
    /// The output.
    pub output: Value,
}

/// Something a step can call.
///
/// Doc comments on the fields of `Input` and `Output` become the documentation that users read. `Input` must be
/// closed (`#[serde(deny_unknown_fields)]`), so that a misspelt field is found before the run.
pub trait Action {
    /// The part after the dot: `parse` for `eml.parse`. Lower case, digits and `_`.
    const NAME: &'static str;
    /// One line, without a full stop.
    const SUMMARY: &'static str;
    /// Paragraphs of Markdown.
    const DESCRIPTION: &'static str = "";
    /// What the action does outside of the run.
    const EFFECT: Effect = Effect::Enrichment;
    /// Whether it may be repeated after a crash.
    const REPEAT: Repeat = Repeat::Natural;
    /// How it fails.
    const ERRORS: &'static [ErrorDoc] = &[];
    /// What a step gives.
    type Input: DeserializeOwned + JsonSchema;
    /// What the following steps can use.
    type Output: Serialize + JsonSchema;

    /// Does the work.
    ///
    /// # Errors
    /// A [`Failure`] ends the step; its code decides what `retry` and `on_error` of the playbook do.
    fn run(input: Self::Input, context: &Context) -> Result<Self::Output, Failure>;

    /// Examples for the documentation.
    fn examples() -> Vec<Example> {
        Vec::new()
    }
}

/// An [`Action`] with its types erased, as it stands in [`Plugin::ACTIONS`](crate::Plugin::ACTIONS).
#[derive(Debug, Clone, Copy)]
pub struct ActionEntry {
    pub(crate) name: &'static str,
    pub(crate) describe: fn() -> Value,
    pub(crate) run: fn(&str, &Context) -> Result<String, Failure>,
}

impl ActionEntry {
    /// The entry of one action.
    pub const fn of<A: Action>() -> Self {
        ActionEntry { name: A::NAME, describe: describe::<A>, run: run::<A> }
    }
}

fn describe<A: Action>() -> Value {
    json!({
        "name": A::NAME,
        "summary": A::SUMMARY,
        "description": A::DESCRIPTION,
        "effect": A::EFFECT,
        "repeat": A::REPEAT,
        "input": schema::<A::Input>(SchemaSettings::for_deserialize),
        "output": schema::<A::Output>(SchemaSettings::for_serialize),
        "errors": A::ERRORS,
        "examples": A::examples(),
    })
}

/// Inlined as far as the type does not contain itself: the checker and people read it without following references.
fn schema<T: JsonSchema>(side: fn(SchemaSettings) -> SchemaSettings) -> Value {
    let settings = side(SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    }));
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

fn run<A: Action>(input: &str, context: &Context) -> Result<String, Failure> {
    let input = serde_json::from_str(input)
        .map_err(|error| Failure::invalid(format!("the input does not fit action `{}`: {error}", A::NAME)))?;
    let output = A::run(input, context)?;
    serde_json::to_string(&output).map_err(|error| {
        Failure::invalid(format!("the output of action `{}` cannot be written as JSON: {error}", A::NAME))
    })
}
