//! `mail.delete`: deletes messages by their ids, and by nothing else.
//!
//! There is no query here: what is deleted has been found, counted and shown by an earlier step. A message that
//! is gone already counts as done, so a repeat after a crash is harmless. Left out: an inverse. Bringing mail
//! back from Recoverable Items needs `mail.recover`, which does not exist yet; an administrator can do it.

use std::collections::BTreeSet;

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::{DeleteMode, ErrorKind, ItemRef, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, need, some_items};
use crate::input::{ItemId, MailboxName};

/// Deletes messages.
pub(crate) struct Delete;

/// Input of `mail.delete`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
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
}

/// One message that is not there any more.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deleted {
    /// The id that was asked for.
    item_id: String,
    /// `deleted`: by this step. `already_gone`: the mailbox had no such message.
    result: Fate,
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
                      deleted, and trying again does no harm. There is no way to delete by a query. `undo` cannot \
                      take it back yet: after `soft`, an administrator can recover the messages.",
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
        ports: &["delete"],
        inverse: None,
        undo: &[
            (Some(("mode", "soft")), "an administrator, from the recoverable items, while the retention time lasts"),
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
        let answers = port.delete(input.mailbox.get(), &items, input.mode).await.map_err(from_exchange)?;
        let mut output = Output { results: Vec::with_capacity(ids.len()), deleted: 0, already_gone: 0 };
        let mut failed = Vec::new();
        for (id, answer) in ids.iter().zip(answers) {
            let item_id = id.as_str().to_owned();
            match answer {
                Ok(()) => {
                    output.deleted = output.deleted.saturating_add(1);
                    output.results.push(Deleted { item_id, result: Fate::Deleted });
                }
                Err(error) if error.kind == ErrorKind::NotFound => {
                    output.already_gone = output.already_gone.saturating_add(1);
                    output.results.push(Deleted { item_id, result: Fate::AlreadyGone });
                }
                Err(error) => failed.push((item_id, error)),
            }
        }
        some_items("deleted", ids.len(), failed).map_or(Ok(output), Err)
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Take one message out of a mailbox; an administrator can bring it back".to_owned(),
            input: json!({ "mailbox": "alice@corp.example", "item_ids": ["AAMkAGExamplePhish="] }),
            output: json!(null),
        }]
    }
}
