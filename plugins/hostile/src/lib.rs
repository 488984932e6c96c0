//! A plugin that misbehaves in every way we could think of, for the tests of the host's limits.
//!
//! Not part of the product: the host's build script builds it beside the others but does not embed it. What an
//! attempt to break out answers is what the tests look at: every one of them must fail politely.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::panic, reason = "misbehaving is what it is for")]

mod artifacts;
mod escape;
mod exhaust;

use plugin_sdk::{Action, ActionEntry, Context, Failure, Plugin};

/// Any text.
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Text {
    /// The text.
    text: String,
}

struct Echo;

impl Action for Echo {
    const NAME: &'static str = "echo";
    const SUMMARY: &'static str = "Gives back what it got";
    type Input = Text;
    type Output = Text;

    fn run(input: Text, _: &Context) -> Result<Text, Failure> {
        Ok(input)
    }
}

/// What a step like ours does: parse JSON, walk it, answer a little.
struct Score;

/// A document.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    /// Any JSON.
    document: serde_json::Value,
}

/// What was counted.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub(crate) struct Counts {
    /// Values of any kind.
    values: u64,
    /// Bytes of text.
    text: u64,
}

impl Action for Score {
    const NAME: &'static str = "score";
    const SUMMARY: &'static str = "Counts what is in a document";
    type Input = Document;
    type Output = Counts;

    fn run(input: Document, _: &Context) -> Result<Counts, Failure> {
        let mut counts = Counts { values: 0, text: 0 };
        count(&input.document, &mut counts);
        Ok(counts)
    }
}

fn count(value: &serde_json::Value, counts: &mut Counts) {
    counts.values += 1;
    match value {
        serde_json::Value::String(text) => counts.text += text.len() as u64,
        serde_json::Value::Array(items) => items.iter().for_each(|item| count(item, counts)),
        serde_json::Value::Object(fields) => fields.values().for_each(|field| count(field, counts)),
        _ => {}
    }
}

struct Hostile;

impl Plugin for Hostile {
    const NAME: &'static str = "hostile";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ACTIONS: &'static [ActionEntry] = &[
        ActionEntry::of::<Echo>(),
        ActionEntry::of::<Score>(),
        ActionEntry::of::<exhaust::Exhaust>(),
        ActionEntry::of::<escape::Escape>(),
        ActionEntry::of::<escape::Remember>(),
        ActionEntry::of::<escape::Lie>(),
        ActionEntry::of::<artifacts::Copy>(),
        ActionEntry::of::<artifacts::Forge>(),
        ActionEntry::of::<artifacts::Guess>(),
        ActionEntry::of::<artifacts::Hoard>(),
    ];
}

plugin_sdk::export!(Hostile);
