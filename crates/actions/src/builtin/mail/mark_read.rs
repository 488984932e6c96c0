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

use crate::failure::{from_exchange, need};
use crate::fan_out::{Share, shares};
use crate::input::{ItemId, MailboxName};
use crate::listed::{About, Listed, OnItemError};
use crate::verdict::{Done, Handled, InMailbox, ItemResult, Judged, Status, by_mailbox, count, ended, judge};

/// Marks messages.
pub(crate) struct MarkRead;

/// Input of `mail.mark_read`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    transform = crate::input::no_null_defaults,
    extend("oneOf" = crate::listed::either(&["mailbox", "item_ids"], &[], &["items"]))
)]
pub(crate) struct Input {
    /// The mailbox the messages are in. Goes with `item_ids`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "MailboxName")]
    mailbox: Option<MailboxName>,
    /// Which messages: 1 to 1,000 ids as `mail.search` gives them. An id twice counts once.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<ItemId>", length(min = 1, max = 1000), extend("x-effect-items" = true))]
    item_ids: Option<Vec<ItemId>>,
    /// Instead of `mailbox` and `item_ids`: 1 to 1,000 messages of any number of mailboxes.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<Listed>", length(min = 1, max = 1000), extend("x-effect-items" = true))]
    items: Option<Vec<Listed>>,
    /// True marks them as read, false as unread.
    #[serde(default = "yes")]
    read: bool,
    /// With `items`: `fail` fails the step where a message could not be marked, once all others are; `collect`
    /// succeeds and tells it in `failed`, `mailboxes` and `results`.
    #[serde(default)]
    on_item_error: OnItemError,
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
    /// The mailbox; left out with `items`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mailbox: Option<String>,
    /// Those that carried the other mark before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    changed: Option<Vec<String>>,
    /// One result per message, in the order asked for.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    results: Vec<ItemResult>,
    /// What came of each mailbox.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    mailboxes: Vec<InMailbox>,
    /// How many could not be marked; 0 unless `on_item_error` is `collect`.
    #[schemars(extend("x-failures" = true))]
    failed: u32,
}

/// Marks the messages of one mailbox.
async fn in_mailbox(ports: &Ports, mark: bool, share: &Share<ItemId>) -> Judged<Handled> {
    let port = need(&ports.update, MarkRead::INFO.name, "update")?;
    let read = need(&ports.read, MarkRead::INFO.name, "read")?;
    let items: Vec<ItemRef> = share.items.iter().map(ItemId::item).collect();
    let before = read.summaries(&share.mailbox, &items).await.map_err(from_exchange)?;
    let before = before.into_iter().map(Result::ok).chain(std::iter::repeat_with(|| None));
    let answers = port.mark_read(&share.mailbox, &items, mark).await.map_err(from_exchange)?;
    let judged = answers.into_iter().zip(before).map(|(answer, before)| {
        let item = answer.map_err(from_exchange)?;
        let already = before.as_ref().is_none_or(|message| message.is_read == mark);
        let (from_folder, internet_message_id) = match before {
            Some(message) => (message.folder_id.map(|id| format!("id:{id}")), message.internet_message_id),
            None => (None, None),
        };
        Ok(Done { already, what: Handled { new_item_id: item.id, from_folder, internet_message_id } })
    });
    Ok(judged.collect())
}

impl TypedAction<Ports> for MarkRead {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.mark_read",
        summary: "Mark messages as read or unread",
        description: "Sets or removes the read mark of messages, of one mailbox (`mailbox` and `item_ids`) or of many \
                      (`items`), without sending a read receipt. If some messages cannot be marked the step fails \
                      and lists them, or says so in `failed` with `on_item_error: collect`; trying again does no \
                      harm.",
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

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        need(&ports.update, Self::INFO.name, "update")?;
        need(&ports.read, Self::INFO.name, "read")?;
        let (read, on_item_error) = (input.read, input.on_item_error);
        let about =
            About::either(input.mailbox, input.item_ids, input.items, |one| (one.mailbox, one.item_id))?;
        let shares = shares(about.items, ItemId::clone);
        let verdicts = judge(
            &context,
            about.one.is_some(),
            &shares,
            |id| id.as_str().to_owned(),
            |share| Box::pin(in_mailbox(&ports, read, share)),
        )
        .await?;
        let results: Vec<ItemResult> = verdicts.iter().map(ItemResult::new).collect();
        let marked = || results.iter().filter(|one| one.status == Status::Done);
        let output = Output {
            item_ids: marked().filter_map(|one| one.new_item_id.clone()).collect(),
            read,
            mailbox: about.one.map(|mailbox| mailbox.as_str().to_owned()),
            changed: Some(
                marked().filter(|one| !one.already_done).filter_map(|one| one.new_item_id.clone()).collect(),
            ),
            mailboxes: by_mailbox(&verdicts),
            failed: count(&verdicts, |verdict| verdict.outcome.is_err()),
            results,
        };
        let inverse = Self::inverse(&output);
        ended("marked", on_item_error, &context, &verdicts, output, inverse)
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let changed = output.changed.as_ref().filter(|changed| !changed.is_empty())?;
        let input = if let Some(mailbox) = &output.mailbox {
            json!({ "mailbox": mailbox, "item_ids": changed, "read": !output.read })
        } else {
            let changed = output.results.iter().filter(|one| one.status == Status::Done && !one.already_done);
            let items: Vec<_> =
                changed.map(|one| json!({ "mailbox": one.mailbox, "item_id": one.new_item_id })).collect();
            json!({ "items": items, "read": !output.read })
        };
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
