//! `mail.delete`: deletes messages by their ids, and by nothing else.
//!
//! There is no query here: what is deleted has been found, counted and shown by an earlier step. A message that
//! is gone already counts as done, so a repeat after a crash is harmless. Before the deletion `Message-ID` and folder
//! of each message are read, because by them `mail.recover` finds it again; what an attempt deleted that was cut off
//! has no such note.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::{DeleteMode, ErrorKind, ItemRef, MessageSummary, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::{from_exchange, need};
use crate::fan_out::{Share, shares};
use crate::input::{ItemId, MailboxName};
use crate::listed::{About, Listed, OnItemError};
use crate::verdict::{Done, InMailbox, Judged, Problem, Status, Verdict, by_mailbox, count, ended, judge};

/// Deletes messages.
pub(crate) struct Delete;

/// Input of `mail.delete`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    transform = crate::input::no_null_defaults,
    extend("x-deletes" = true),
    extend("oneOf" = crate::listed::either(&["mailbox", "item_ids"], &[], &["items"]))
)]
pub(crate) struct Input {
    /// The mailbox the messages are in. Goes with `item_ids`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "MailboxName")]
    mailbox: Option<MailboxName>,
    /// Which messages: 1 to 1,000 ids as `mail.search` gives them. An id twice counts once. An empty list and an
    /// empty, blank or null id are refused.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<ItemId>", length(min = 1, max = 1000), extend("x-effect-items" = true))]
    item_ids: Option<Vec<ItemId>>,
    /// Instead of `mailbox` and `item_ids`: 1 to 1,000 messages of any number of mailboxes.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<Listed>", length(min = 1, max = 1000), extend("x-effect-items" = true))]
    items: Option<Vec<Listed>>,
    /// How far: `trash` (Deleted Items, which the user sees), `soft` (Recoverable Items: gone for the user, an
    /// administrator can bring it back) or `hard` (for good, as far as retention allows).
    #[serde(default = "soft")]
    mode: DeleteMode,
    /// With `items`: `fail` fails the step where a message could not be deleted, once all others are; `collect`
    /// succeeds and tells it in `failed`, `mailboxes` and `results`.
    #[serde(default)]
    on_item_error: OnItemError,
}

fn soft() -> DeleteMode {
    DeleteMode::Soft
}

/// Output of `mail.delete`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// One result per message, in the order asked for.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    results: Vec<Deleted>,
    /// How many were deleted now.
    deleted: u32,
    /// How many were not there any more.
    already_gone: u32,
    /// How many could not be deleted; 0 unless `on_item_error` is `collect`.
    #[schemars(extend("x-failures" = true))]
    failed: u32,
    /// What came of each mailbox.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    mailboxes: Vec<InMailbox>,
    /// The mailbox they were in; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    mailbox: Option<String>,
    /// How far they were deleted.
    mode: DeleteMode,
}

/// What came of one message.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deleted {
    /// The mailbox it was in.
    mailbox: String,
    /// The id that was asked for.
    item_id: String,
    /// `deleted`: by this step. `already_gone`: the mailbox had no such message. `failed`: it could not be deleted.
    result: Fate,
    /// `done`: it is not there any more. `failed`: it is there still, or nobody knows.
    status: Status,
    /// Whether it was gone before this step.
    already_done: bool,
    /// Why it could not be deleted; null if it was.
    error: Option<Problem>,
    /// Whether trying again may help.
    retryable: bool,
    /// The `Message-ID` header, by which `mail.recover` finds it; null if the message has none or was gone.
    #[schemars(extend("x-untrusted" = true))]
    internet_message_id: Option<String>,
    /// When the server received it, RFC 3339 in UTC.
    received_at: Option<String>,
    /// The folder it was in, in the form `id:…`.
    from_folder: Option<String>,
}

impl Deleted {
    fn new(verdict: &Verdict<Option<MessageSummary>>) -> Self {
        let note = verdict.outcome.as_ref().ok().and_then(|done| done.what.as_ref());
        let (status, already_done, error, retryable) = verdict.told();
        Deleted {
            mailbox: verdict.mailbox.clone(),
            item_id: verdict.item.clone(),
            result: match (status, already_done) {
                (Status::Failed, _) => Fate::Failed,
                (Status::Done, true) => Fate::AlreadyGone,
                (Status::Done, false) => Fate::Deleted,
            },
            status,
            already_done,
            error,
            retryable,
            internet_message_id: note.and_then(|note| note.internet_message_id.clone()),
            received_at: note.and_then(|note| note.received_at.clone()),
            from_folder: note.and_then(|note| note.folder_id.as_ref()).map(|id| format!("id:{id}")),
        }
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
    /// It could not be deleted.
    Failed,
}

/// Deletes the messages of one mailbox. What they were is kept where there is a way back.
async fn in_mailbox(
    ports: &Ports,
    share: &Share<ItemId>,
    mode: DeleteMode,
) -> Judged<Option<MessageSummary>> {
    let port = need(&ports.delete, Delete::INFO.name, "delete")?;
    let read = need(&ports.read, Delete::INFO.name, "read")?;
    let items: Vec<ItemRef> = share.items.iter().map(ItemId::item).collect();
    let notes = if mode == DeleteMode::Hard {
        Vec::new()
    } else {
        read.summaries(&share.mailbox, &items).await.map_err(from_exchange)?
    };
    let notes = notes.into_iter().map(Result::ok).chain(std::iter::repeat_with(|| None));
    let answers = port.delete(&share.mailbox, &items, mode).await.map_err(from_exchange)?;
    let judged = answers.into_iter().zip(notes).map(|(answer, note)| match answer {
        Ok(()) => Ok(Done { already: false, what: note }),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Done { already: true, what: None }),
        Err(error) => Err(from_exchange(error)),
    });
    Ok(judged.collect())
}

impl TypedAction<Ports> for Delete {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.delete",
        summary: "Delete messages by id",
        description: "Deletes messages by their ids: those of one mailbox (`mailbox` and `item_ids`), or of many \
                      (`items`), several mailboxes at a time. A message that is not there any more counts as \
                      done. If some messages cannot be deleted the step fails and lists them, or says so in \
                      `failed` with `on_item_error: collect`; the others are deleted, and trying again does no \
                      harm. There is no way to delete by a query. `undo` brings messages back after `soft` and \
                      `trash`, if they carry a `Message-ID`.",
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

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        need(&ports.delete, Self::INFO.name, "delete")?;
        need(&ports.read, Self::INFO.name, "read")?;
        let (mode, on_item_error) = (input.mode, input.on_item_error);
        let about =
            About::either(input.mailbox, input.item_ids, input.items, |one| (one.mailbox, one.item_id))?;
        let shares = shares(about.items, ItemId::clone);
        let verdicts = judge(
            &context,
            about.one.is_some(),
            &shares,
            |id| id.as_str().to_owned(),
            |share| Box::pin(in_mailbox(&ports, share, mode)),
        )
        .await?;
        let output = Output {
            results: verdicts.iter().map(Deleted::new).collect(),
            deleted: count(&verdicts, |one| one.outcome.as_ref().is_ok_and(|done| !done.already)),
            already_gone: count(&verdicts, |one| one.outcome.as_ref().is_ok_and(|done| done.already)),
            failed: count(&verdicts, |one| one.outcome.is_err()),
            mailboxes: by_mailbox(&verdicts),
            mailbox: about.one.map(|mailbox| mailbox.as_str().to_owned()),
            mode,
        };
        let inverse = Self::inverse(&output);
        ended("deleted", on_item_error, &context, &verdicts, output, inverse)
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let from = match output.mode {
            DeleteMode::Trash => "trash",
            DeleteMode::Soft => "recoverable",
            DeleteMode::Hard => return None,
        };
        let deleted = || output.results.iter().filter(|one| one.result == Fate::Deleted);
        let unmarked = deleted().filter(|one| one.internet_message_id.is_none());
        let except = unmarked
            .map(|one| match &output.mailbox {
                Some(_) => format!("message {} has no Message-ID to find it by", one.item_id),
                None => {
                    format!("message {} of {} has no Message-ID to find it by", one.item_id, one.mailbox)
                }
            })
            .collect();
        let messages: Vec<Value> = deleted()
            .filter_map(|one| {
                let mut message = json!({ "internet_message_id": one.internet_message_id.as_ref()? });
                let fields = message.as_object_mut()?;
                let mailbox = output.mailbox.is_none().then(|| one.mailbox.clone());
                let known =
                    [("mailbox", &mailbox), ("received_at", &one.received_at), ("folder", &one.from_folder)];
                for (name, value) in known {
                    if let Some(value) = value {
                        fields.insert(name.to_owned(), json!(value));
                    }
                }
                Some(message)
            })
            .collect();
        if messages.is_empty() {
            return None;
        }
        let input = match &output.mailbox {
            Some(mailbox) => json!({ "mailbox": mailbox, "messages": messages, "from": from }),
            None => json!({ "items": messages, "from": from }),
        };
        Some(Inverse { except, ..Inverse::new("mail.recover", input) })
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "Take one message out of a mailbox; an administrator can bring it back".to_owned(),
                input: json!({ "mailbox": "alice@corp.example", "item_ids": ["AAMkAGExamplePhish="] }),
                output: json!(null),
            },
            Example {
                title: "Take a campaign out of every mailbox it was found in".to_owned(),
                input: json!({
                    "items": [{ "mailbox": "alice@corp.example", "item_id": "AAMkAGExamplePhish=" }],
                    "on_item_error": "collect"
                }),
                output: json!(null),
            },
        ]
    }
}
