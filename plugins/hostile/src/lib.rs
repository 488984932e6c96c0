//! A plugin that misbehaves in every way we could think of, for the host's tests.

use plugin_sdk::{Action, ActionEntry, Context, Failure, Plugin};

struct Echo;

/// Any text.
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// The text.
    text: String,
}

impl Action for Echo {
    const NAME: &'static str = "echo";
    const SUMMARY: &'static str = "Gives back what it got";
    type Input = Text;
    type Output = Text;

    fn run(input: Text, _: &Context) -> Result<Text, Failure> {
        Ok(input)
    }
}

struct Hostile;

impl Plugin for Hostile {
    const NAME: &'static str = "hostile";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ACTIONS: &'static [ActionEntry] = &[ActionEntry::of::<Echo>()];
}

plugin_sdk::export!(Hostile);
