//! What an action declares about itself.

use plan::{Effect, FailureKind, Repeat};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an action declares; the checker, the planner, the documentation and the engine all read this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// `NOUN.VERB` for built-in actions, `PLUGIN.ACTION` for those of a plugin.
    pub name: String,
    /// One line for lists.
    pub summary: String,
    /// What it does and will not do, as Markdown.
    #[serde(default)]
    pub description: String,
    /// JSON Schema 2020-12 of the input. An object that refuses unknown fields.
    ///
    /// Marks on a property: `x-guard: KIND` makes it a guarded sink (an untrusted value may not reach it),
    /// `x-secret: true` a place for secrets, `x-effect-items: true` a list of the things that will be changed (a
    /// limit on effects counts them), `x-type: restriction` a value that only `aqs.*` can make.
    pub input: Value,
    /// JSON Schema 2020-12 of the output. `x-untrusted: true` marks what somebody else wrote.
    pub output: Value,
    /// What it does to the world.
    pub effect: Effect,
    /// Whether it may be carried out twice.
    pub repeat: Repeat,
    /// The failures it is known to end with.
    pub errors: Vec<FailureKind>,
    /// The kind of connection it needs, e.g. `exchange`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// The ports of that connection it uses, e.g. `search`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<String>,
    /// The action that takes it back, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inverse: Option<String>,
    /// Worked examples; each one is also a test.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

/// One worked example of an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// What it shows.
    pub title: String,
    /// A complete input.
    pub input: Value,
    /// The output it leads to, if that is the same everywhere.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub output: Value,
}
