//! `mail.mark_read`: sets or removes the read mark of messages.
//!
//! No read receipt is sent, because it would tell the attacker who looked. Which messages carried the other mark is
//! read before, so that it can be taken back.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::{ItemRef, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, need, some_items, with_inverse};
use crate::input::{ItemId, MailboxName};

/// Marks messages.
pub(crate) struct MarkRead;

/// Input of `mail.mark_read`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The mailbox the messages are in.
    mailbox: MailboxName,
    /// Which messages: 1 to 1,000 ids as `mail.search` gives them.
    #[schemars(length(min = 1, max = 1000), extend("x-effect-items" = true))]
    item_ids: Vec<ItemId>,
    /// True marks them as read, false as unread.
    #[serde(default = "yes")]
    read: bool,
}

fn yes() -> bool {
    true
}

/// Output of `mail.mark_read`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The messages that carry the mark now, in the order asked for.
    #[schemars(length(max = 1000))]
    item_ids: Vec<String>,
    /// The mark they carry: true is read.
    read: bool,
    /// The mailbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mailbox: Option<String>,
    /// Those that carried the other mark before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    changed: Option<Vec<String>>,
}

impl TypedAction<Ports> for MarkRead {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.mark_read",
        summary: "Mark messages as read or unread",
        description: "Sets or removes the read mark without sending a read receipt. If some messages cannot be \
                      marked the step fails and lists them; trying again does no harm.",
        effect: Effect::Internal,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
            FailureKind::Unknown,
        ],
        connection: Some("exchange"),
        ports: &["read", "update"],
        inverse: Some("mail.mark_read"),
        undo: &[(None, "marking those the other way that were marked the other way before")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let port = need(&ports.update, Self::INFO.name, "update")?;
        let items: Vec<ItemRef> = input.item_ids.iter().map(ItemId::item).collect();
        let read = need(&ports.read, Self::INFO.name, "read")?;
        let before = read.summaries(input.mailbox.get(), &items).await.map_err(from_exchange)?;
        let other: Vec<bool> = before
            .into_iter()
            .map(|message| message.is_ok_and(|message| message.is_read != input.read))
            .collect();
        let answers = port.mark_read(input.mailbox.get(), &items, input.read).await.map_err(from_exchange)?;
        let mut marked = Vec::with_capacity(items.len());
        let mut failed = Vec::new();
        let mut changed = Vec::new();
        let other = other.into_iter().chain(std::iter::repeat(false));
        for ((id, answer), other) in input.item_ids.iter().zip(answers).zip(other) {
            match answer {
                Ok(item) => {
                    if other {
                        changed.push(item.id.clone());
                    }
                    marked.push(item.id);
                }
                Err(error) => failed.push((id.as_str().to_owned(), error)),
            }
        }
        let mailbox = Some(input.mailbox.get().as_str().to_owned());
        let output = Output { item_ids: marked, read: input.read, mailbox, changed: Some(changed) };
        let failed = some_items("marked", items.len(), failed);
        failed.map_or(Ok(()), |failure| Err(with_inverse(failure, Self::inverse(&output))))?;
        Ok(output)
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let changed = output.changed.as_ref().filter(|changed| !changed.is_empty())?;
        let input = json!({ "mailbox": output.mailbox, "item_ids": changed, "read": !output.read });
        Some(Inverse::new(Self::INFO.name, input))
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "A report has been dealt with".to_owned(),
            input: json!({ "mailbox": "alice@corp.example", "item_ids": ["AAMkAGExamplePhish="] }),
            output: json!(null),
        }]
    }
}
