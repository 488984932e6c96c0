//! `draft.delete`: throws a draft away, and nothing but a draft.
//!
//! What `mail.recover` needs to bring it back is read before. A draft that is gone already counts as done.

use action_api::plan::{Effect, Failure, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::{DeleteMode, ErrorKind, MessageSummary, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, need};
use crate::input::{ItemId, MailboxName};
use crate::unsent;

/// Throws a draft away.
pub(crate) struct Delete;

/// Input of `draft.delete`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-deletes" = true))]
pub(crate) struct Input {
    /// The mailbox the draft is in.
    mailbox: MailboxName,
    /// Which draft: an id as `draft.create` gives it. What is no draft is refused.
    item_id: ItemId,
    /// How far: `trash` (Deleted Items, which the user sees), `soft` (Recoverable Items: gone for the user, an
    /// administrator can bring it back) or `hard` (for good, as far as retention allows).
    #[serde(default = "trash")]
    mode: DeleteMode,
}

fn trash() -> DeleteMode {
    DeleteMode::Trash
}

/// Output of `draft.delete`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox it was in.
    mailbox: String,
    /// The id it had.
    item_id: String,
    /// How far it was deleted.
    mode: DeleteMode,
    /// `deleted`: by this step. `already_gone`: the mailbox had no such draft.
    result: Fate,
    /// The `Message-ID` header, by which `mail.recover` finds it; null if it has none or was gone.
    #[schemars(extend("x-untrusted" = true))]
    internet_message_id: Option<String>,
    /// When it counts as received, RFC 3339 in UTC.
    received_at: Option<String>,
    /// The folder it was in, in the form `id:…`.
    from_folder: Option<String>,
}

/// What became of the draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// By this step.
    Deleted,
    /// The mailbox had no such draft.
    AlreadyGone,
}

fn output(input: &Input, note: Option<MessageSummary>, result: Fate) -> Output {
    let (internet_message_id, received_at, folder_id) =
        note.map(|note| (note.internet_message_id, note.received_at, note.folder_id)).unwrap_or_default();
    Output {
        mailbox: input.mailbox.get().as_str().to_owned(),
        item_id: input.item_id.as_str().to_owned(),
        mode: input.mode,
        result,
        internet_message_id,
        received_at,
        from_folder: folder_id.map(|id| format!("id:{id}")),
    }
}

impl TypedAction<Ports> for Delete {
    const INFO: ActionInfo = ActionInfo {
        name: "draft.delete",
        summary: "Throw a draft away",
        description: "Deletes one draft by its id, by default into Deleted Items. An id of a message that was sent or \
                      received is refused. A draft that is not there any more counts as done. `undo` brings it back \
                      after `trash` and `soft`, if it has a `Message-ID`; after `hard` nothing does.",
        effect: Effect::Containment,
        repeat: Repeat::Natural,
        errors: unsent::ERRORS,
        connection: Some("exchange"),
        ports: &["delete", "drafts", "read"],
        inverse: Some("mail.recover"),
        undo: &[
            (Some(("mode", "trash")), "moving it back from the folder Deleted Items"),
            (
                Some(("mode", "soft")),
                "bringing it back from the recoverable items, while the retention time lasts",
            ),
        ],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let delete = need(&ports.delete, Self::INFO.name, "delete")?;
        let drafts = need(&ports.drafts, Self::INFO.name, "drafts")?;
        let read = need(&ports.read, Self::INFO.name, "read")?;
        let (mailbox, item) = (input.mailbox.get(), input.item_id.item());
        if unsent::find(drafts, Self::INFO.name, &input.mailbox, &input.item_id).await?.is_none() {
            return Ok(output(&input, None, Fate::AlreadyGone));
        }
        let item = std::slice::from_ref(&item);
        let notes = read.summaries(mailbox, item).await.map_err(from_exchange)?;
        let note = notes.into_iter().next().and_then(Result::ok);
        let answers = delete.delete(mailbox, item, input.mode).await.map_err(from_exchange)?;
        match answers.into_iter().next() {
            Some(Err(error)) if error.kind == ErrorKind::NotFound => {
                Ok(output(&input, None, Fate::AlreadyGone))
            }
            Some(Err(error)) => Err(from_exchange(error)),
            _ => Ok(output(&input, note, Fate::Deleted)),
        }
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let from = match output.mode {
            DeleteMode::Trash => "trash",
            DeleteMode::Soft => "recoverable",
            DeleteMode::Hard => return None,
        };
        let id = output.internet_message_id.as_ref().filter(|_| output.result == Fate::Deleted)?;
        let mut message = json!({
            "internet_message_id": id,
            "folder": output.from_folder.as_deref().unwrap_or("drafts")
        });
        if let (Some(received), Some(fields)) = (&output.received_at, message.as_object_mut()) {
            fields.insert("received_at".to_owned(), json!(received));
        }
        let input = json!({ "mailbox": output.mailbox, "messages": [message], "from": from });
        Some(Inverse::new("mail.recover", input))
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Throw a draft away that nobody needs any more".to_owned(),
            input: json!({ "mailbox": "alice@corp.example", "item_id": "AAMkAGExampleDraft=" }),
            output: json!(null),
        }]
    }
}
