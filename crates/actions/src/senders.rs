//! What `sender.block` and `sender.unblock` have in common.
//!
//! A mailbox learns who is blocked by a message of theirs and not by an address: that is what servers offer. The
//! message stays where it is; `mail.mark_junk` moves it as well. Left out: reading the list, which no wire shows.

use action_api::plan::{Failure, FailureKind};
use exchange::{Address, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::{from_exchange, invalid, need};
use crate::input::{ItemId, MailboxName};
use crate::relocated::{gone, original};

/// How the two may fail.
pub(crate) const ERRORS: &[FailureKind] = &[
    FailureKind::Transient,
    FailureKind::Throttled,
    FailureKind::NotFound,
    FailureKind::PermissionDenied,
    FailureKind::Unknown,
];

/// Input of `sender.block` and `sender.unblock`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The mailbox whose list is changed; the message is in it.
    mailbox: MailboxName,
    /// A message of the sender: an id as `mail.search` gives it. It stays where it is.
    item_id: ItemId,
}

/// Output of `sender.block` and `sender.unblock`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox.
    mailbox: String,
    /// The message.
    item_id: String,
    /// Who the message says it is from; null if it does not say.
    #[schemars(extend("x-untrusted" = true))]
    sender: Option<Address>,
    /// Whether the sender is on the list now.
    blocked: bool,
}

/// Puts the sender of a message on the list, or takes it off.
pub(crate) async fn set(
    ports: &Ports,
    action: &str,
    input: &Input,
    blocked: bool,
) -> Result<Output, Failure> {
    let junk = need(&ports.junk, action, "junk")?;
    let read = need(&ports.read, action, "read")?;
    let found = original(read, &input.mailbox, &input.item_id).await?;
    let message = found.ok_or_else(|| gone(&input.mailbox))?;
    let items = std::slice::from_ref(&message.item);
    let done = junk.mark_junk(input.mailbox.get(), items, blocked, false).await.map_err(from_exchange)?;
    match done.into_iter().next() {
        Some(Ok(_)) => Ok(Output {
            mailbox: input.mailbox.get().as_str().to_owned(),
            item_id: input.item_id.as_str().to_owned(),
            sender: message.from,
            blocked,
        }),
        Some(Err(error)) => Err(from_exchange(error)),
        None => Err(invalid("the server did not say what became of the sender")),
    }
}

impl Output {
    /// The input of the other one of the two.
    pub(crate) fn back(&self) -> Value {
        json!({ "mailbox": self.mailbox, "item_id": self.item_id })
    }
}
