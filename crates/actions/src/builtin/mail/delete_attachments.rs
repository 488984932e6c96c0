//! `mail.delete_attachments`: takes attachments off messages, and leaves the messages.
//!
//! Which attachments is said by their ids; without ids it is all of a message. One that is gone already counts as done.
//! There is no way back, so a playbook keeps a copy first (`mail.get_attachments`, `mail.download_eml`).

use std::collections::{BTreeMap, BTreeSet};

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::{ErrorKind, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, need, some_items};
use crate::fan_out::{Share, in_order, shares};
use crate::input::{AttachmentId, ItemId, MailboxName};
use crate::listed::{About, OnItemError};
use crate::verdict::{Done, InMailbox, Judged, Problem, Status, Verdict, by_mailbox, count, ended, judge};

/// Takes attachments off.
pub(crate) struct DeleteAttachments;

/// Input of `mail.delete_attachments`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    transform = crate::input::no_null_defaults,
    extend("x-deletes" = true),
    extend("oneOf" = crate::listed::either(&["mailbox", "item_id"], &["attachment_ids"], &["items"]))
)]
pub(crate) struct Input {
    /// The mailbox the message is in. Goes with `item_id`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "MailboxName")]
    mailbox: Option<MailboxName>,
    /// Which message: an id as `mail.search` gives it.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "ItemId")]
    item_id: Option<ItemId>,
    /// Which attachments: 1 to 250 ids as `mail.get` and `mail.get_attachments` give them. Left out, it is all of
    /// them; an empty list is refused. Goes with `item_id`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<AttachmentId>", length(min = 1, max = 250), extend("x-effect-items" = true))]
    attachment_ids: Option<Vec<AttachmentId>>,
    /// Instead of `mailbox` and `item_id`: 1 to 1,000 attachments of messages of any number of mailboxes.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<Attached>", length(min = 1, max = 1000), extend("x-effect-items" = true))]
    items: Option<Vec<Attached>>,
    /// With `items`: `fail` fails the step where an attachment could not be taken off, once all others are; `collect`
    /// succeeds and tells it in `failed`, `mailboxes` and `results`.
    #[serde(default)]
    on_item_error: OnItemError,
}

/// One attachment of a message of one of several mailboxes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Attached {
    /// The mailbox the message is in.
    mailbox: MailboxName,
    /// Which message: an id as `mail.search` gives it.
    item_id: ItemId,
    /// Which attachment: an id as `mail.get` and `mail.get_attachments` give it. Left out, it is all of the message.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "AttachmentId")]
    attachment_id: Option<AttachmentId>,
}

/// Output of `mail.delete_attachments`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The ids of the attachments that were taken off by this step.
    #[schemars(length(max = 10000))]
    deleted: Vec<String>,
    /// The ids of those that were not there any more.
    #[schemars(length(max = 1000))]
    already_gone: Vec<String>,
    /// With `items`: one result per entry, in the order asked for.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    results: Vec<Detached>,
    /// What came of each mailbox.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    mailboxes: Vec<InMailbox>,
    /// How many entries failed; 0 unless `on_item_error` is `collect`.
    #[schemars(extend("x-failures" = true))]
    failed: u32,
}

/// What came of one entry.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Detached {
    /// The mailbox.
    mailbox: String,
    /// The id of the message.
    item_id: String,
    /// The id of the attachment that was asked for; null for all of the message.
    attachment_id: Option<String>,
    /// The ids of the attachments that were taken off by this step.
    #[schemars(length(max = 10000))]
    deleted: Vec<String>,
    /// `done`: it is not there any more. `failed`: it is there still, or nobody knows.
    status: Status,
    /// Whether nothing was left to take off before this attempt.
    already_done: bool,
    /// Why it could not be taken off; null if it was.
    error: Option<Problem>,
    /// Whether trying again may help.
    retryable: bool,
}

/// What is to come off one message: these, or all.
#[derive(Debug, Clone)]
struct Wanted {
    item_id: ItemId,
    attachment_ids: Option<Vec<AttachmentId>>,
}

/// What came off one message.
#[derive(Debug, Default)]
struct Off {
    deleted: Vec<String>,
    already_gone: Vec<String>,
    /// Those that stay, and why.
    failed: Vec<(String, exchange::Error)>,
}

/// Takes attachments off one message.
async fn take_off(
    ports: &Ports,
    mailbox: &exchange::Mailbox,
    wanted: &Wanted,
) -> Result<Off, exchange::Error> {
    let missing =
        || exchange::Error::new(ErrorKind::PermissionDenied, "the connection cannot take attachments off");
    let attachments = ports.attachments.as_ref().ok_or_else(missing)?;
    let detach = ports.detach.as_ref().ok_or_else(missing)?;
    let listed = attachments.list(mailbox, &wanted.item_id.item()).await?;
    let there: BTreeSet<&str> = listed.iter().map(|info| info.id.as_str()).collect();
    let mut off = Off::default();
    let mut doomed: Vec<String> = Vec::new();
    match &wanted.attachment_ids {
        None => doomed.extend(there.iter().map(|&id| id.to_owned())),
        Some(ids) => {
            // An id of another message would be one of another message's attachment.
            for id in ids.iter().collect::<BTreeSet<_>>() {
                let list = if there.contains(id.as_str()) { &mut doomed } else { &mut off.already_gone };
                list.push(id.as_str().to_owned());
            }
        }
    }
    if doomed.is_empty() {
        return Ok(off);
    }
    let answers = detach.detach(mailbox, &doomed).await?;
    for (id, answer) in doomed.into_iter().zip(answers) {
        match answer {
            Ok(()) => off.deleted.push(id),
            Err(error) if error.kind == ErrorKind::NotFound => off.already_gone.push(id),
            Err(error) => off.failed.push((id, error)),
        }
    }
    Ok(off)
}

/// One entry of a list.
#[derive(Debug, Clone)]
struct One {
    item_id: ItemId,
    attachment_id: Option<AttachmentId>,
}

impl One {
    fn label(&self) -> String {
        self.item_id.as_str().to_owned()
    }

    /// What came of this entry, from what came of its message.
    fn judged(&self, off: &Off) -> Result<Done<Vec<String>>, Failure> {
        let mine = |id: &str| self.attachment_id.as_ref().is_none_or(|wanted| wanted.as_str() == id);
        let deleted: Vec<String> = off.deleted.iter().filter(|id| mine(id)).cloned().collect();
        match off.failed.iter().find(|(id, _)| mine(id)) {
            None => Ok(Done { already: deleted.is_empty(), what: deleted }),
            Some((_, error)) => {
                let mut failure = from_exchange(error.clone());
                failure.details = json!({ "code": error.code, "deleted": deleted });
                Err(failure)
            }
        }
    }
}

/// Takes attachments off the messages of one mailbox, message by message: where one comes off, the ids of the others
/// may change.
async fn in_mailbox(ports: &Ports, share: &Share<One>) -> Judged<Vec<String>> {
    let mut messages: BTreeMap<&ItemId, Vec<(usize, &One)>> = BTreeMap::new();
    for (place, one) in share.items.iter().enumerate() {
        messages.entry(&one.item_id).or_default().push((place, one));
    }
    let mut judged = Vec::with_capacity(share.items.len());
    for (item_id, entries) in messages {
        let attachment_ids = entries.iter().map(|(_, one)| one.attachment_id.clone()).collect();
        let wanted = Wanted { item_id: item_id.clone(), attachment_ids };
        match take_off(ports, &share.mailbox, &wanted).await {
            Ok(off) => judged.extend(entries.iter().map(|(place, one)| (*place, one.judged(&off)))),
            Err(error) => {
                let failed = entries.iter().map(|(place, _)| (*place, Err(from_exchange(error.clone()))));
                judged.extend(failed);
            }
        }
    }
    Ok(in_order(judged))
}

impl Detached {
    fn new(verdict: &Verdict<Vec<String>>, attachment_id: Option<String>) -> Self {
        let (status, already_done, error, retryable) = verdict.told();
        let deleted = match &verdict.outcome {
            Ok(done) => done.what.clone(),
            Err(failure) => {
                let partly = failure.details.get("deleted").cloned();
                partly.and_then(|ids| serde_json::from_value(ids).ok()).unwrap_or_default()
            }
        };
        let (mailbox, item_id) = (verdict.mailbox.clone(), verdict.item.clone());
        Detached { mailbox, item_id, attachment_id, deleted, status, already_done, error, retryable }
    }
}

/// The form with one message.
async fn of_one(
    ports: &Ports,
    mailbox: MailboxName,
    item_id: ItemId,
    attachment_ids: Option<Vec<AttachmentId>>,
) -> Result<Output, Failure> {
    let wanted = Wanted { item_id, attachment_ids };
    let off = take_off(ports, mailbox.get(), &wanted).await.map_err(from_exchange)?;
    let asked = off.deleted.len() + off.already_gone.len() + off.failed.len();
    some_items("taken off", asked, off.failed).map_or(Ok(()), Err)?;
    let done = Done { already: off.deleted.is_empty(), what: off.deleted.clone() };
    let verdict = Verdict {
        mailbox: mailbox.get().as_str().to_owned(),
        item: wanted.item_id.as_str().to_owned(),
        outcome: Ok(done),
    };
    Ok(Output {
        deleted: off.deleted,
        already_gone: off.already_gone,
        results: vec![Detached::new(&verdict, None)],
        mailboxes: by_mailbox(&[verdict]),
        failed: 0,
    })
}

impl TypedAction<Ports> for DeleteAttachments {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.delete_attachments",
        summary: "Take attachments off messages",
        description: "Takes attachments off one message (`mailbox` and `item_id`), or off many of several mailboxes \
                      (`items`): those named, or all. The message stays, and what was signed in it no longer \
                      verifies. Keep a copy first, because nothing brings them back. An attachment that is not there \
                      any more counts as done. The ids of attachments that stay may change. If some of many cannot \
                      be taken off the step fails and lists them, or says so in `failed` with \
                      `on_item_error: collect`; the others are taken off.",
        effect: Effect::Containment,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
            FailureKind::Invalid,
            FailureKind::Unknown,
        ],
        connection: Some("exchange"),
        ports: &["attachments", "detach"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        need(&ports.attachments, Self::INFO.name, "attachments")?;
        need(&ports.detach, Self::INFO.name, "detach")?;
        let Input { mailbox, item_id, attachment_ids, items, on_item_error } = input;
        if let (Some(mailbox), Some(item_id), None) = (&mailbox, &item_id, &items) {
            return of_one(&ports, mailbox.clone(), item_id.clone(), attachment_ids).await;
        }
        let of_one = item_id.map(|item_id| vec![One { item_id, attachment_id: None }]);
        let about = About::either(mailbox, of_one, items, |one: Attached| {
            (one.mailbox, One { item_id: one.item_id, attachment_id: one.attachment_id })
        })?;
        let key = |one: &One| (one.item_id.clone(), one.attachment_id.clone());
        let shares = shares(about.items, key);
        let verdicts =
            judge(&context, false, &shares, One::label, |share| Box::pin(in_mailbox(&ports, share))).await?;
        let ids = in_order(shares.iter().flat_map(|share| {
            let ids =
                share.items.iter().map(|one| one.attachment_id.as_ref().map(|id| id.as_str().to_owned()));
            share.places().into_iter().zip(ids)
        }));
        let results: Vec<Detached> =
            verdicts.iter().zip(ids).map(|(verdict, id)| Detached::new(verdict, id)).collect();
        let gone = results.iter().filter(|one| one.status == Status::Done && one.deleted.is_empty());
        let output = Output {
            deleted: results.iter().flat_map(|one| one.deleted.clone()).collect(),
            already_gone: gone.filter_map(|one| one.attachment_id.clone()).collect(),
            mailboxes: by_mailbox(&verdicts),
            failed: count(&verdicts, |verdict| verdict.outcome.is_err()),
            results,
        };
        ended("disarmed", on_item_error, &context, &verdicts, output, None)
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Disarm a message and leave its text".to_owned(),
            input: json!({ "mailbox": "alice@corp.example", "item_id": "AAMkAGExamplePhish=" }),
            output: json!(null),
        }]
    }
}
