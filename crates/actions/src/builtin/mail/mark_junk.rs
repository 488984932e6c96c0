//! `mail.mark_junk`: marks one message as junk, or as no junk, and blocks or unblocks its sender.
//!
//! A message that is moved gets a new id, so before a repeat the probe looks whether the old id is gone and the
//! `Message-ID` stands where it should. Left out: reading the list of blocked senders, which no wire shows.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, Probe, TypedAction};
use exchange::port::Search;
use exchange::{FolderRef, Ports, WellKnownFolder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{done, from_exchange, invalid, need};
use crate::input::{ItemId, MailboxName};
use crate::relocated::{arrived, gone, original};

/// Marks a message as junk.
pub(crate) struct MarkJunk;

/// Input of `mail.mark_junk`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Input {
    /// The mailbox the message is in.
    mailbox: MailboxName,
    /// Which message: an id as `mail.search` gives it.
    item_id: ItemId,
    /// True puts the sender on the mailbox's list of blocked senders, false takes the sender off it.
    #[serde(default = "yes")]
    junk: bool,
    /// Move the message too: to Junk E-mail, or back to the Inbox.
    #[serde(default = "yes", rename = "move")]
    moves: bool,
    /// The `Message-ID` header of the message, as `mail.search` gives it. By it the message is found again if
    /// Portcullis stops in the middle; without it such a step ends as unknown.
    #[serde(default)]
    #[schemars(extend("pattern" = r"\S"))]
    internet_message_id: Option<String>,
}

fn yes() -> bool {
    true
}

/// Output of `mail.mark_junk`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox.
    mailbox: String,
    /// The id the message had.
    item_id: String,
    /// The id the message has now.
    new_item_id: String,
    /// Whether it is marked as junk now.
    junk: bool,
    /// Whether it was moved.
    moved: bool,
    /// The `Message-ID` header.
    #[schemars(extend("x-untrusted" = true))]
    internet_message_id: Option<String>,
}

/// The message as an earlier attempt left it.
async fn moved(search: &dyn Search, input: &Input) -> Result<Option<Output>, Failure> {
    let folder = if input.junk { WellKnownFolder::JunkEmail } else { WellKnownFolder::Inbox };
    let folder = FolderRef::WellKnown(folder);
    let found = arrived(search, &input.mailbox, folder, input.internet_message_id.as_ref()).await?;
    Ok(found.map(|summary| Output {
        mailbox: input.mailbox.get().as_str().to_owned(),
        item_id: input.item_id.as_str().to_owned(),
        new_item_id: summary.item.id,
        junk: input.junk,
        moved: true,
        internet_message_id: summary.internet_message_id,
    }))
}

impl TypedAction<Ports> for MarkJunk {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.mark_junk",
        summary: "Mark a message as junk and block its sender",
        description: "Marks one message as junk: its sender is put on the mailbox's list of blocked senders, and the \
                      message goes to Junk E-mail. With `junk: false` the other way round. A message that is moved \
                      gets a new id. Give `internet_message_id` as well: after a crash the message is found by it, \
                      and the step need not end as unknown. The list of blocked senders has a limit and cannot be \
                      read.",
        effect: Effect::Containment,
        repeat: Repeat::Verify,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
            FailureKind::Unknown,
        ],
        connection: Some("exchange"),
        ports: &["junk", "read", "search"],
        inverse: Some("mail.mark_junk"),
        undo: &[(None, "marking it the other way round, which moves it back and frees its sender")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        let junk = need(&ports.junk, Self::INFO.name, "junk")?;
        let read = need(&ports.read, Self::INFO.name, "read")?;
        let search = need(&ports.search, Self::INFO.name, "search")?;
        let Some(message) = original(read, &input.mailbox, &input.item_id).await? else {
            let earlier =
                if context.attempt > 1 && input.moves { moved(search, &input).await? } else { None };
            return earlier.ok_or_else(|| gone(&input.mailbox));
        };
        let items = std::slice::from_ref(&message.item);
        let answers = junk
            .mark_junk(input.mailbox.get(), items, input.junk, input.moves)
            .await
            .map_err(from_exchange)?;
        match answers.into_iter().next() {
            Some(Ok(marked)) => Ok(Output {
                mailbox: input.mailbox.get().as_str().to_owned(),
                item_id: input.item_id.as_str().to_owned(),
                moved: marked.moved.is_some(),
                new_item_id: marked.moved.map_or_else(|| input.item_id.as_str().to_owned(), |item| item.id),
                junk: input.junk,
                internet_message_id: message.internet_message_id,
            }),
            Some(Err(error)) => Err(from_exchange(error)),
            None => Err(invalid("the server did not say what became of the message")),
        }
    }

    async fn probe(ports: Ports, _: Context, input: Input) -> Result<Probe, Failure> {
        let read = need(&ports.read, Self::INFO.name, "read")?;
        // Where it is still there, nothing was moved, and a mark that is set twice does no harm.
        if original(read, &input.mailbox, &input.item_id).await?.is_some() {
            return Ok(Probe::NotDone);
        }
        let search = need(&ports.search, Self::INFO.name, "search")?;
        match moved(search, &input).await? {
            Some(output) if input.moves => done(&output),
            _ => Ok(Probe::Unknown),
        }
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let mut input = json!({
            "mailbox": output.mailbox,
            "item_id": output.new_item_id,
            "junk": !output.junk,
            "move": output.moved
        });
        if let (Some(message_id), Some(fields)) = (&output.internet_message_id, input.as_object_mut()) {
            fields.insert("internet_message_id".to_owned(), json!(message_id));
        }
        Some(Inverse::new(Self::INFO.name, input))
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Block a sender and move the message out of sight".to_owned(),
            input: json!({
                "mailbox": "alice@corp.example",
                "item_id": "AAMkAGExamplePhish=",
                "internet_message_id": "<overdue-1@evil.test>"
            }),
            output: json!(null),
        }]
    }
}
