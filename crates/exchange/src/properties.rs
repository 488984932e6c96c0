//! What people put on a message beside the read mark.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::restriction::Importance;
use crate::{Address, ItemRef};

/// The mark for following up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FollowUp {
    /// None.
    #[default]
    NotFlagged,
    /// To be followed up.
    Flagged,
    /// Done.
    Complete,
}

/// The properties of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemProperties {
    /// Which, with its version.
    pub item: ItemRef,
    /// Subject.
    pub subject: Option<String>,
    /// Whether it was not sent yet.
    pub is_draft: bool,
    /// Who it says it is from.
    pub from: Option<Address>,
    /// Categories, in the order the server has them.
    pub categories: Vec<String>,
    /// How important it says it is.
    pub importance: Importance,
    /// The mark for following up.
    pub flag: FollowUp,
}

/// A change of the properties of a message: what is set is changed, the rest stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PropertyChange {
    /// The subject; servers let one change that of a draft.
    pub subject: Option<String>,
    /// All categories it is to have.
    pub categories: Option<Vec<String>>,
    /// How important it is to say it is.
    pub importance: Option<Importance>,
    /// The mark for following up.
    pub flag: Option<FollowUp>,
}

impl PropertyChange {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        *self == PropertyChange::default()
    }
}
