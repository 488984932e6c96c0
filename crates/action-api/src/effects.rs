//! What limits read in an action's declaration: whether it deletes, and how many things a call changes.

use serde_json::Value;

use crate::Spec;

impl Spec {
    /// Whether what it touches is gone afterwards: its input schema says `x-deletes: true`.
    pub fn deletes(&self) -> bool {
        self.input.get("x-deletes") == Some(&Value::Bool(true))
    }

    /// How many things a call with this input changes: the length of the longest list that the input schema marks
    /// `x-effect-items`, and at least 1.
    pub fn items_of(&self, input: &Value) -> u64 {
        let marked =
            |(_, schema): &(&String, &Value)| schema.get("x-effect-items") == Some(&Value::Bool(true));
        let properties = self.input.get("properties").and_then(Value::as_object).into_iter().flatten();
        let lists =
            properties.filter(marked).filter_map(|(name, _)| input.get(name)?.as_array().map(Vec::len));
        lists.max().map_or(1, |items| items.max(1) as u64)
    }
}
