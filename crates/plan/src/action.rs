//! What an action does to the world, and what may happen to it after a crash.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an action does outside of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Reads. Runs for real in a dry run.
    Enrichment,
    /// Changes something in a mailbox or a service.
    Containment,
    /// Sends something to a person.
    Notification,
    /// Touches only the trigger's own mail, such as filing a report away.
    Internal,
}

impl Effect {
    /// Whether a dry run must replace the action by a stand-in.
    pub fn changes(self) -> bool {
        self != Effect::Enrichment
    }

    /// The word used in playbooks, documents and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::Enrichment => "enrichment",
            Effect::Containment => "containment",
            Effect::Notification => "notification",
            Effect::Internal => "internal",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether an action may be carried out a second time when nobody knows how the first attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Repeat {
    /// A repeat has the same result (reads, delete by id).
    Natural,
    /// A repeat with the same idempotency key has the same result.
    Keyed,
    /// Ask the action's probe first whether the effect took place.
    Verify,
    /// Never repeat; the step ends as `outcome unknown`.
    Never,
}

impl Repeat {
    /// The word used in playbooks, documents and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Repeat::Natural => "natural",
            Repeat::Keyed => "keyed",
            Repeat::Verify => "verify",
            Repeat::Never => "never",
        }
    }
}

impl fmt::Display for Repeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
