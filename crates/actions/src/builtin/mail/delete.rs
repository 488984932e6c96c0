//! `mail.delete`: deletes messages by their ids, and by nothing else.
//!
//! There is no query here: what is deleted has been found, counted and shown by an earlier step. A message that
//! is gone already counts as done, so a repeat after a crash is harmless. Before the deletion `Message-ID` and folder
//! of each message are read, because by them `mail.recover` finds it again; what an attempt deleted that was cut off
//! has no such note.

use std::collections::BTreeSet;

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::{DeleteMode, ErrorKind, ItemRef, MessageSummary, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::{from_exchange, need, some_items, with_inverse};
use crate::input::{ItemId, MailboxName};

/// Deletes messages.
pub(crate) struct Delete;

/// Input of `mail.delete`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-deletes" = true))]
pub(crate) struct Input {
    /// The mailbox the messages are in.
    mailbox: MailboxName,
    /// Which messages: 1 to 1,000 ids as `mail.search` gives them. An id twice counts once. An empty list and an
    /// empty, blank or null id are refused.
    #[schemars(length(min = 1, max = 1000), extend("x-effect-items" = true))]
    item_ids: Vec<ItemId>,
    /// How far: `trash` (Deleted Items, which the user sees), `soft` (Recoverable Items: gone for the user, an
    /// administrator can bring it back) or `hard` (for good, as far as retention allows).
    #[serde(default = "soft")]
    mode: DeleteMode,
}

fn soft() -> DeleteMode {
    DeleteMode::Soft
}

/// Output of `mail.delete`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// One result per message, in the order asked for.
    #[schemars(length(max = 1000))]
    results: Vec<Deleted>,
    /// How many were deleted now.
    deleted: u32,
    /// How many were not there any more.
    already_gone: u32,
    /// The mailbox they were in.
    mailbox: String,
    /// How far they were deleted.
    mode: DeleteMode,
}

/// One message that is not there any more.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deleted {
    /// The id that was asked for.
    item_id: String,
    /// `deleted`: by this step. `already_gone`: the mailbox had no such message.
    result: Fate,
    /// The `Message-ID` header, by which `mail.recover` finds it; null if the message has none or was gone.
    #[schemars(extend("x-untrusted" = true))]
    internet_message_id: Option<String>,
    /// When the server received it, RFC 3339 in UTC.
    received_at: Option<String>,
    /// The folder it was in, in the form `id:…`.
    from_folder: Option<String>,
}

impl Deleted {
    fn new(item_id: String, result: Fate, note: Option<MessageSummary>) -> Self {
        let (internet_message_id, received_at, folder_id) = match note {
            Some(note) => (note.internet_message_id, note.received_at, note.folder_id),
            None => (None, None, None),
        };
        let from_folder = folder_id.map(|id| format!("id:{id}"));
        Deleted { item_id, result, internet_message_id, received_at, from_folder }
    }
}

/// What became of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// By this step.
    Deleted,
    /// The mailbox had no such message.
    AlreadyGone,
}

impl TypedAction<Ports> for Delete {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.delete",
        summary: "Delete messages by id",
        description: "Deletes messages of one mailbox by their ids. A message that is not there any more counts as \
                      done. If some messages cannot be deleted the step fails and lists them; the others are \
                      deleted, and trying again does no harm. There is no way to delete by a query. `undo` \
                      brings messages back after `soft` and `trash`, if they carry a `Message-ID`.",
        effect: Effect::Containment,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::PermissionDenied,
            FailureKind::Invalid,
            FailureKind::Unknown,
        ],
        connection: Some("exchange"),
        ports: &["delete", "read"],
        inverse: Some("mail.recover"),
        undo: &[
            (
                Some(("mode", "soft")),
                "bringing it back from the recoverable items, while the retention time lasts",
            ),
            (Some(("mode", "trash")), "moving it back from the folder Deleted Items"),
        ],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let port = need(&ports.delete, Self::INFO.name, "delete")?;
        let mut seen = BTreeSet::new();
        let ids: Vec<&ItemId> = input.item_ids.iter().filter(|id| seen.insert(*id)).collect();
        let items: Vec<ItemRef> = ids.iter().map(|id| id.item()).collect();
        let read = need(&ports.read, Self::INFO.name, "read")?;
        let notes = if input.mode == DeleteMode::Hard {
            Vec::new()
        } else {
            read.summaries(input.mailbox.get(), &items).await.map_err(from_exchange)?
        };
        let mut notes = notes.into_iter().map(Result::ok);
        let answers = port.delete(input.mailbox.get(), &items, input.mode).await.map_err(from_exchange)?;
        let mut output = Output {
            results: Vec::with_capacity(ids.len()),
            deleted: 0,
            already_gone: 0,
            mailbox: input.mailbox.get().as_str().to_owned(),
            mode: input.mode,
        };
        let mut failed = Vec::new();
        for (id, answer) in ids.iter().zip(answers) {
            let item_id = id.as_str().to_owned();
            let note = notes.next().flatten();
            match answer {
                Ok(()) => {
                    output.deleted = output.deleted.saturating_add(1);
                    output.results.push(Deleted::new(item_id, Fate::Deleted, note));
                }
                Err(error) if error.kind == ErrorKind::NotFound => {
                    output.already_gone = output.already_gone.saturating_add(1);
                    output.results.push(Deleted::new(item_id, Fate::AlreadyGone, None));
                }
                Err(error) => failed.push((item_id, error)),
            }
        }
        let failed = some_items("deleted", ids.len(), failed);
        failed.map_or(Ok(()), |failure| Err(with_inverse(failure, Self::inverse(&output))))?;
        Ok(output)
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let from = match output.mode {
            DeleteMode::Trash => "trash",
            DeleteMode::Soft => "recoverable",
            DeleteMode::Hard => return None,
        };
        let deleted = || output.results.iter().filter(|one| one.result == Fate::Deleted);
        let unmarked = deleted().filter(|one| one.internet_message_id.is_none());
        let except =
            unmarked.map(|one| format!("message {} has no Message-ID to find it by", one.item_id)).collect();
        let messages: Vec<Value> = deleted()
            .filter_map(|one| {
                let mut message = json!({ "internet_message_id": one.internet_message_id.as_ref()? });
                let fields = message.as_object_mut()?;
                for (name, value) in [("received_at", &one.received_at), ("folder", &one.from_folder)] {
                    if let Some(value) = value {
                        fields.insert(name.to_owned(), json!(value));
                    }
                }
                Some(message)
            })
            .collect();
        let input = json!({ "mailbox": output.mailbox, "messages": messages, "from": from });
        let inverse = || Inverse { except, ..Inverse::new("mail.recover", input) };
        (!messages.is_empty()).then(inverse)
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Take one message out of a mailbox; an administrator can bring it back".to_owned(),
            input: json!({ "mailbox": "alice@corp.example", "item_ids": ["AAMkAGExamplePhish="] }),
            output: json!(null),
        }]
    }
}
