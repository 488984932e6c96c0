//! `mail.copy`: copies a message to another folder of its mailbox.
//!
//! A copy is found by its `Message-ID`, so a folder that has the message is left as it is: neither a repeat nor a
//! second run makes two of it. Whether a copy that was found is this step's own nobody knows, so an undo takes away
//! only one that the step is sure to have made. Left out: copies into other mailboxes.

use action_api::plan::{Blame, Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, Probe, TypedAction};
use exchange::{MessageSummary, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{done, from_exchange, need};
use crate::input::{FolderName, ItemId, MailboxName};
use crate::relocated::{arrived, gone, original};

/// Copies a message.
pub(crate) struct Copy;

/// Input of `mail.copy`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Input {
    /// The mailbox the message is in.
    mailbox: MailboxName,
    /// Which message: an id as `mail.search` gives it.
    item_id: ItemId,
    /// Where the copy goes: a well-known name (`drafts`), a path (`Inbox/Evidence`), or `id:` and the server's id. The
    /// folder must exist.
    folder: FolderName,
}

/// Output of `mail.copy`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox.
    mailbox: String,
    /// The id of the message that was copied; it stays as it is.
    item_id: String,
    /// The id of the copy.
    new_item_id: String,
    /// The `Message-ID` header, which both have.
    #[schemars(extend("x-untrusted" = true))]
    internet_message_id: Option<String>,
    /// Whether the folder had the message before, so that no copy was made.
    already_done: bool,
}

impl Output {
    fn new(input: &Input, id: String, message: MessageSummary, already_done: bool) -> Self {
        Output {
            mailbox: input.mailbox.as_str().to_owned(),
            item_id: input.item_id.as_str().to_owned(),
            new_item_id: id,
            internet_message_id: message.internet_message_id,
            already_done,
        }
    }
}

/// The message, and the one in the folder that is the same.
async fn look(
    ports: &Ports,
    input: &Input,
) -> Result<Option<(MessageSummary, Option<MessageSummary>)>, Failure> {
    let read = need(&ports.read, Copy::INFO.name, "read")?;
    let search = need(&ports.search, Copy::INFO.name, "search")?;
    let Some(message) = original(read, &input.mailbox, &input.item_id).await? else { return Ok(None) };
    let folder = input.folder.get().clone();
    let there = arrived(search, &input.mailbox, folder, message.internet_message_id.as_ref()).await?;
    Ok(Some((message, there)))
}

impl TypedAction<Ports> for Copy {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.copy",
        summary: "Copy a message to another folder",
        description: "Copies one message to another folder of its mailbox. The message itself stays as it is; the copy \
                      has an id of its own. A folder that has a message with the same `Message-ID` gets no second \
                      one: the step succeeds with `already_done`.",
        effect: Effect::Containment,
        repeat: Repeat::Verify,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
            FailureKind::Invalid,
            FailureKind::Unknown,
        ],
        connection: Some("exchange"),
        ports: &["copy", "read", "search"],
        inverse: Some("mail.delete"),
        undo: &[(None, "deleting the copy, if this step made it")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        let copies = need(&ports.copies, Self::INFO.name, "copy")?;
        let found = look(&ports, &input).await?;
        let (message, there) = found.ok_or_else(|| gone(&input.mailbox))?;
        if let Some(there) = there {
            return Ok(Output::new(&input, there.item.id, message, true));
        }
        if context.attempt > 1 && message.internet_message_id.is_none() {
            return Err(nameless());
        }
        let items = [message.item.clone()];
        let copied = copies.copy_to(input.mailbox.get(), &items, input.folder.get()).await;
        let silent =
            || exchange::Error::new(exchange::ErrorKind::Unknown, "the server did not say what it made");
        let copy = copied.and_then(|mut copied| copied.pop().ok_or_else(silent)?).map_err(from_exchange)?;
        Ok(Output::new(&input, copy.id, message, false))
    }

    async fn probe(ports: Ports, _: Context, input: Input) -> Result<Probe, Failure> {
        match look(&ports, &input).await? {
            Some((message, Some(there))) => done(&Output::new(&input, there.item.id, message, true)),
            // Without a Message-ID a copy cannot be told from anything else.
            Some((message, None)) if message.internet_message_id.is_some() => Ok(Probe::NotDone),
            _ => Ok(Probe::Unknown),
        }
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let input = json!({ "mailbox": output.mailbox, "item_ids": [output.new_item_id], "mode": "soft" });
        (!output.already_done).then(|| Inverse::new("mail.delete", input))
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Keep a copy of a message before it is changed".to_owned(),
            input: json!({
                "mailbox": "alice@corp.example",
                "item_id": "AAMkAGExamplePhish=",
                "folder": "drafts"
            }),
            output: json!(null),
        }]
    }
}

fn nameless() -> Failure {
    Failure::new(
        FailureKind::Unknown,
        Blame::Server,
        "the message has no Message-ID, so nobody knows whether an earlier attempt copied it; look into the folder",
    )
}
