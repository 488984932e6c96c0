//! What an action declares about itself.

use plan::{Digest, Effect, FailureKind, Repeat};
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
    /// limit on effects counts them; where its entries name a mailbox, each counts there), `x-type: restriction` a value that only `aqs.*` can make. Beside the properties,
    /// `x-deletes: true` says that what a call touches is gone afterwards.
    pub input: Value,
    /// JSON Schema 2020-12 of the output. `x-untrusted: true` marks what somebody else wrote, `x-failures: true` what
    /// tells that a part of the work failed although the step succeeded (somebody has to look at it), `x-given: NAME`
    /// what is not null where the input NAME is given.
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
    /// How its effect is taken back, in words for people who read a plan; the first that fits the input. Empty
    /// for an effect that cannot be taken back, and for actions without one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undo: Vec<Undo>,
    /// SHA-256 of the component that carries it out, for actions of plugins: another component may mean something
    /// else by the same schemas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<Digest>,
    /// Worked examples; each one is also a test.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

/// One way to take an effect back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// It is for calls whose input has this text under this name; for all if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<(String, String)>,
    /// Who does what, e.g. `moving it back`.
    pub how: String,
}

impl Spec {
    /// How a call with this input is taken back; nothing if it cannot be. What the input leaves out counts with the
    /// schema's default.
    pub fn undo_of(&self, input: &Value) -> Option<&str> {
        let property = |name: &str| self.input.get("properties").and_then(|all| all.get(name));
        let given =
            |name: &str| input.get(name).or_else(|| property(name)?.get("default")).and_then(Value::as_str);
        self.undo
            .iter()
            .find(|undo| undo.only.as_ref().is_none_or(|(name, value)| given(name) == Some(value)))
            .map(|undo| undo.how.as_str())
    }
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
