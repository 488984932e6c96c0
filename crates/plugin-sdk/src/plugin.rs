//! The plugin as a whole: its description, and the way from an action's name to its function.

use serde_json::{Value, json};

use crate::{ActionEntry, Context, Failure};

/// A plugin: a name, a version and actions.
pub trait Plugin {
    /// The name as in `plugin.toml`; also the part before the dot of its actions.
    const NAME: &'static str;
    /// The version as in `plugin.toml`.
    const VERSION: &'static str;
    /// The actions, each by [`ActionEntry::of`].
    const ACTIONS: &'static [ActionEntry];
}

/// The plugin's description as JSON: the answer to the host's `describe`.
pub fn describe<P: Plugin>() -> String {
    let actions: Vec<Value> = P::ACTIONS.iter().map(|action| (action.describe)()).collect();
    json!({ "interface": "1.0", "name": P::NAME, "version": P::VERSION, "actions": actions }).to_string()
}

/// Carries out an action as the host would, for tests.
///
/// # Errors
/// There is no such action, the input does not fit, or the action itself failed.
pub fn call<P: Plugin>(action: &str, input: &str, context: &str) -> Result<String, Failure> {
    let entry = P::ACTIONS
        .iter()
        .find(|entry| entry.name == action)
        .ok_or_else(|| Failure::invalid(format!("plugin `{}` has no action `{action}`", P::NAME)))?;
    (entry.run)(input, &Context::from_json(context)?)
}
