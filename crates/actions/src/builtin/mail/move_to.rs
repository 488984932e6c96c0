//! `mail.move`: moves one message to another folder of the same mailbox.
//!
//! A move gives the message a new id, so a repeat would not find it: before one, the probe looks whether the old
//! id is gone and the `Message-ID` stands in the target. Left out: moves between mailboxes, which are three
//! operations and an action of their own.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, Probe, TypedAction};
use exchange::Ports;
use exchange::port::Search;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{done, from_exchange, invalid, need};
use crate::input::{FolderName, ItemId, MailboxName};
use crate::relocated::{arrived, gone, original};

/// Moves a message.
pub(crate) struct MoveTo;

/// Input of `mail.move`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Input {
    /// The mailbox the message is in.
    mailbox: MailboxName,
    /// Which message: an id as `mail.search` gives it.
    item_id: ItemId,
    /// Where to: a well-known name (`junkemail`), a path (`Inbox/Processed`), or `id:` and the server's id. The
    /// folder must exist.
    folder: FolderName,
    /// The `Message-ID` header of the message, as `mail.search` gives it. By it the message is found again if
    /// Portcullis stops in the middle of the move; without it such a step ends as unknown.
    #[serde(default)]
    #[schemars(extend("pattern" = r"\S"))]
    internet_message_id: Option<String>,
}

/// Output of `mail.move`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox.
    mailbox: String,
    /// The id the message had.
    item_id: String,
    /// The id the message has now.
    new_item_id: String,
    /// The folder it was in, in the form `id:…`; null if the server did not say.
    from_folder: Option<String>,
    /// The `Message-ID` header.
    #[schemars(extend("x-untrusted" = true))]
    internet_message_id: Option<String>,
}

/// The message as an earlier attempt left it in the target.
async fn moved(search: &dyn Search, input: &Input) -> Result<Option<Output>, Failure> {
    let folder = input.folder.get().clone();
    let found = arrived(search, &input.mailbox, folder, input.internet_message_id.as_ref()).await?;
    Ok(found.map(|summary| Output {
        mailbox: input.mailbox.get().as_str().to_owned(),
        item_id: input.item_id.as_str().to_owned(),
        new_item_id: summary.item.id,
        from_folder: None,
        internet_message_id: summary.internet_message_id,
    }))
}

impl TypedAction<Ports> for MoveTo {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.move",
        summary: "Move a message to another folder",
        description: "Moves one message to another folder of the same mailbox. The message gets a new id. Give \
                      `internet_message_id` as well: after a crash the message is found by it in the target, and \
                      the step need not end as unknown.",
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
        ports: &["move", "read", "search"],
        inverse: Some("mail.move"),
        undo: &[(None, "moving it back")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        let moves = need(&ports.moves, Self::INFO.name, "move")?;
        let read = need(&ports.read, Self::INFO.name, "read")?;
        let search = need(&ports.search, Self::INFO.name, "search")?;
        let Some(message) = original(read, &input.mailbox, &input.item_id).await? else {
            let earlier = if context.attempt > 1 { moved(search, &input).await? } else { None };
            return earlier.ok_or_else(|| gone(&input.mailbox));
        };
        let answers = moves
            .move_to(input.mailbox.get(), std::slice::from_ref(&message.item), input.folder.get())
            .await
            .map_err(from_exchange)?;
        match answers.into_iter().next() {
            Some(Ok(item)) => Ok(Output {
                mailbox: input.mailbox.get().as_str().to_owned(),
                item_id: input.item_id.as_str().to_owned(),
                new_item_id: item.id,
                from_folder: message.folder_id.map(|id| format!("id:{id}")),
                internet_message_id: message.internet_message_id,
            }),
            Some(Err(error)) => Err(from_exchange(error)),
            None => Err(invalid("the server did not say what became of the message")),
        }
    }

    async fn probe(ports: Ports, _: Context, input: Input) -> Result<Probe, Failure> {
        let read = need(&ports.read, Self::INFO.name, "read")?;
        let search = need(&ports.search, Self::INFO.name, "search")?;
        if original(read, &input.mailbox, &input.item_id).await?.is_some() {
            return Ok(Probe::NotDone);
        }
        match moved(search, &input).await? {
            Some(output) => done(&output),
            None => Ok(Probe::Unknown),
        }
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let folder = output.from_folder.as_ref()?;
        let mut input = json!({
            "mailbox": output.mailbox,
            "item_id": output.new_item_id,
            "folder": folder
        });
        if let (Some(message_id), Some(fields)) = (&output.internet_message_id, input.as_object_mut()) {
            fields.insert("internet_message_id".to_owned(), json!(message_id));
        }
        Some(Inverse::new(Self::INFO.name, input))
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Put a message into the junk folder".to_owned(),
            input: json!({
                "mailbox": "alice@corp.example",
                "item_id": "AAMkAGExamplePhish=",
                "folder": "junkemail",
                "internet_message_id": "<overdue-1@evil.test>"
            }),
            output: json!(null),
        }]
    }
}
