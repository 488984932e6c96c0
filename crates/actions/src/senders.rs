//! What `sender.block` and `sender.unblock` have in common.
//!
//! A mailbox learns who is blocked by a message of theirs and not by an address: that is what servers offer. The
//! message stays where it is; `mail.mark_junk` moves it as well. Left out: reading the list, which no wire shows. So
//! nobody knows whether a sender was on it before, and what an attempt did counts again in the next one.

use action_api::plan::{Failure, FailureKind};
use action_api::{Context, Inverse};
use exchange::{Address, ErrorKind, ItemRef, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::{from_exchange, invalid, need};
use crate::fan_out::{Share, shares};
use crate::input::{ItemId, MailboxName};
use crate::listed::{About, Listed, OnItemError};
use crate::relocated::gone;
use crate::verdict::{
    Done, InMailbox, Judged, Problem, Status, Things, Verdict, by_mailbox, count, ended_with, judge_items,
};

/// How the two may fail.
pub(crate) const ERRORS: &[FailureKind] = &[
    FailureKind::Transient,
    FailureKind::Throttled,
    FailureKind::NotFound,
    FailureKind::PermissionDenied,
    FailureKind::Unknown,
];

/// What these calls are about.
const SENDERS: Things = Things { many: "senders", id: "item_id" };

/// Input of `sender.block` and `sender.unblock`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    transform = crate::input::no_null_defaults,
    extend("oneOf" = crate::listed::either(&["mailbox", "item_id"], &[], &["items"]))
)]
pub(crate) struct Input {
    /// The mailbox whose list is changed; the message is in it. Goes with `item_id`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "MailboxName")]
    mailbox: Option<MailboxName>,
    /// A message of the sender: an id as `mail.search` gives it. It stays where it is.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "ItemId")]
    item_id: Option<ItemId>,
    /// Instead of `mailbox` and `item_id`: 1 to 1,000 messages of any number of mailboxes. The list of a mailbox
    /// is changed by the messages in it.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<Listed>", length(min = 1, max = 1000), extend("x-effect-items" = true))]
    items: Option<Vec<Listed>>,
    /// With `items`: `fail` fails the step where a list could not be changed, once all others are; `collect`
    /// succeeds and tells it in `failed`, `mailboxes` and `results`.
    #[serde(default)]
    on_item_error: OnItemError,
}

/// Output of `sender.block` and `sender.unblock`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    mailbox: Option<String>,
    /// The message; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    item_id: Option<String>,
    /// Who the message says it is from; null with `items`, or if it does not say.
    #[schemars(extend("x-untrusted" = true))]
    sender: Option<Address>,
    /// Whether the sender is on the list now; with `items`, whether those are whose result is `done`.
    blocked: bool,
    /// One result per message, in the order asked for.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    results: Vec<Listing>,
    /// What came of each mailbox.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    mailboxes: Vec<InMailbox>,
    /// How many failed; 0 unless `on_item_error` is `collect`.
    #[schemars(extend("x-failures" = true))]
    failed: u32,
}

/// What came of the sender of one message.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listing {
    /// The mailbox.
    mailbox: String,
    /// The message.
    item_id: String,
    /// Who the message says it is from; null if it failed or does not say.
    #[schemars(extend("x-untrusted" = true))]
    sender: Option<Address>,
    /// `done`: the list is as it was asked to be. `failed`: it is not, or nobody knows.
    status: Status,
    /// Whether it was so before; always false, because the list cannot be read.
    already_done: bool,
    /// Why it failed; null if it did not.
    error: Option<Problem>,
    /// Whether trying again may help.
    retryable: bool,
}

/// Changes the list of one mailbox, by one request. What is known of each message is who it says it is from.
async fn in_mailbox(
    ports: &Ports,
    action: &str,
    blocked: bool,
    share: &Share<ItemId>,
) -> Judged<Option<Address>> {
    let junk = need(&ports.junk, action, "junk")?;
    let read = need(&ports.read, action, "read")?;
    let name = MailboxName::from(share.mailbox.clone());
    let ids: Vec<ItemRef> = share.items.iter().map(ItemId::item).collect();
    let found = read.summaries(&share.mailbox, &ids).await.map_err(from_exchange)?;
    let items: Vec<ItemRef> = found.iter().flatten().map(|message| message.item.clone()).collect();
    let answers = match items.as_slice() {
        [] => Vec::new(),
        items => junk.mark_junk(&share.mailbox, items, blocked, false).await.map_err(from_exchange)?,
    };
    let mut answers = answers.into_iter();
    let judged = found.into_iter().map(|message| {
        let absent = |error: exchange::Error| match error.kind {
            ErrorKind::NotFound => gone(&name),
            _ => from_exchange(error),
        };
        let message = message.map_err(absent)?;
        let silent = || invalid("the server did not say what became of the sender");
        answers.next().ok_or_else(silent)?.map_err(from_exchange)?;
        Ok(Done { already: false, what: message.from })
    });
    Ok(judged.collect())
}

/// Puts the senders of messages on the lists of their mailboxes, or takes them off.
pub(crate) async fn set(
    ports: &Ports,
    context: &Context,
    action: &str,
    input: Input,
    blocked: bool,
    inverse: impl FnOnce(&Output) -> Option<Inverse>,
) -> Result<Output, Failure> {
    need(&ports.junk, action, "junk")?;
    need(&ports.read, action, "read")?;
    let Input { mailbox, item_id, items, on_item_error } = input;
    let of_one = item_id.map(|id| vec![id]);
    let about = About::either(mailbox, of_one, items, |one: Listed| (one.mailbox, one.item_id))?;
    let one = about.one.is_some();
    let shares = shares(about.items, ItemId::clone);
    let id = |id: &ItemId| id.as_str().to_owned();
    let verdicts =
        judge_items(context, one, &shares, id, |share| Box::pin(in_mailbox(ports, action, blocked, share)))
            .await?;
    let output = Output::new(one, blocked, &verdicts);
    let inverse = inverse(&output);
    let what = if blocked { "blocked" } else { "unblocked" };
    ended_with((SENDERS, what), on_item_error, context, &verdicts, output, inverse)
}

impl Listing {
    fn new(verdict: &Verdict<Option<Address>>) -> Self {
        let (status, already_done, error, retryable) = verdict.told();
        Listing {
            mailbox: verdict.mailbox.clone(),
            item_id: verdict.item.clone(),
            sender: verdict.outcome.as_ref().ok().and_then(|done| done.what.clone()),
            status,
            already_done,
            error,
            retryable,
        }
    }
}

impl Output {
    fn new(one: bool, blocked: bool, verdicts: &[Verdict<Option<Address>>]) -> Self {
        let results: Vec<Listing> = verdicts.iter().map(Listing::new).collect();
        let only = results.first().filter(|_| one);
        Output {
            mailbox: only.map(|one| one.mailbox.clone()),
            item_id: only.map(|one| one.item_id.clone()),
            sender: only.and_then(|one| one.sender.clone()),
            blocked,
            mailboxes: by_mailbox(verdicts),
            failed: count(verdicts, |verdict| verdict.outcome.is_err()),
            results,
        }
    }

    /// The call of the other one of the two that takes this back.
    pub(crate) fn back(&self, action: &'static str) -> Option<Inverse> {
        if let (Some(mailbox), Some(item_id)) = (&self.mailbox, &self.item_id) {
            return Some(Inverse::new(action, json!({ "mailbox": mailbox, "item_id": item_id })));
        }
        let set = self.results.iter().filter(|one| one.status == Status::Done);
        let items: Vec<Value> =
            set.map(|one| json!({ "mailbox": one.mailbox, "item_id": one.item_id })).collect();
        (!items.is_empty()).then(|| Inverse::new(action, json!({ "items": items })))
    }
}
