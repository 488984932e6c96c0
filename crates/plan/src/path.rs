//! Where a step stands in a run: `clean/per_mailbox[17]/delete`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The place of one execution of a step: ids joined by `/`, loop items in brackets.
///
/// The same text is valid in every command, in the journal and in every message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepPath(String);

impl StepPath {
    /// The run itself, above every step.
    pub fn root() -> Self {
        StepPath::default()
    }

    /// The path of a step, branch or case inside this one.
    #[must_use]
    pub fn child(&self, id: &str) -> Self {
        if self.0.is_empty() { StepPath(id.to_owned()) } else { StepPath(format!("{}/{id}", self.0)) }
    }

    /// The path of the loop item with this index.
    #[must_use]
    pub fn item(&self, index: usize) -> Self {
        StepPath(format!("{}[{index}]", self.0))
    }

    /// The text, e.g. `clean/per_mailbox[17]/delete`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for StepPath {
    fn from(text: &str) -> Self {
        StepPath(text.to_owned())
    }
}
