//! What the actions on automatic replies have in common: how the settings are shown.

use exchange::{OofAudience, OofState, OutOfOffice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::input::Time;

/// The automatic replies of a mailbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Replies {
    /// `disabled`, `enabled`, or `scheduled`: sent between `start` and `end`.
    pub(crate) state: OofState,
    /// Who outside of the organisation gets one: `none`, `known` (contacts of the mailbox) or `all`.
    pub(crate) audience: OofAudience,
    /// From when, RFC 3339 in UTC; null if there is no time.
    pub(crate) start: Option<Time>,
    /// Until when, RFC 3339 in UTC; null if there is no time.
    pub(crate) end: Option<Time>,
    /// What people inside get, HTML or plain text. Whoever controls the mailbox wrote it.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) internal_reply: String,
    /// What people outside get, HTML or plain text. Whoever controls the mailbox wrote it.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) external_reply: String,
}

impl From<OutOfOffice> for Replies {
    fn from(settings: OutOfOffice) -> Self {
        let (start, end) = settings.duration.unzip();
        Replies {
            state: settings.state,
            audience: settings.audience,
            start: start.map(Time::from),
            end: end.map(Time::from),
            internal_reply: settings.internal_reply,
            external_reply: settings.external_reply,
        }
    }
}
