//! `mail.copy`: copies messages to another folder of the mailbox each is in.
//!
//! A copy is found by its `Message-ID`, so a folder that has the message is left as it is: neither a repeat nor a
//! second run makes two of it. Whether a copy that was found is this step's own nobody knows, so an undo takes away
//! only those that the step is sure to have made. Left out: copies into other mailboxes.

use std::collections::HashSet;

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, Probe, TypedAction};
use exchange::port::{Copies, Search};
use exchange::{ErrorKind, FolderRef, ItemRef, MessageSummary, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::{done, from_exchange, need};
use crate::fan_out::{Share, in_order, shares};
use crate::input::{FolderName, ItemId, MailboxName};
use crate::listed::{About, OnItemError};
use crate::relocated::{arrived, gone, nameless, silent};
use crate::verdict::{
    Done, InMailbox, Judged, Problem, Status, Verdict, by_mailbox, count, ended, judge_items,
};

/// Copies messages.
pub(crate) struct Copy;

/// Input of `mail.copy`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    transform = crate::input::no_null_defaults,
    extend("oneOf" = crate::listed::either(&["mailbox", "item_id"], &[], &["items"]))
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
    /// Instead of `mailbox` and `item_id`: 1 to 1,000 messages of any number of mailboxes.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<Copying>", length(min = 1, max = 1000), extend("x-effect-items" = true))]
    items: Option<Vec<Copying>>,
    /// Where the copy goes: a well-known name (`drafts`), a path (`Inbox/Evidence`), or `id:` and the server's id. The
    /// folder must exist.
    folder: FolderName,
    /// With `items`: `fail` fails the step where a message could not be copied, once all others are; `collect`
    /// succeeds and tells it in `failed`, `mailboxes` and `results`.
    #[serde(default)]
    on_item_error: OnItemError,
}

/// One message of one of several mailboxes, and where its copy goes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Copying {
    /// The mailbox the message is in.
    mailbox: MailboxName,
    /// Which message: an id as `mail.search` gives it.
    item_id: ItemId,
    /// Where the copy of this one goes, if not to `folder`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "FolderName")]
    folder: Option<FolderName>,
}

/// Output of `mail.copy`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    mailbox: Option<String>,
    /// The id of the message that was copied, which stays as it is; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    item_id: Option<String>,
    /// The id of the copy; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    new_item_id: Option<String>,
    /// The `Message-ID` header, which both have; null with `items`.
    #[schemars(extend("x-untrusted" = true))]
    internet_message_id: Option<String>,
    /// Whether the folder had the message before, so that no copy was made; with `items`, whether that holds for all.
    already_done: bool,
    /// One result per message, in the order asked for.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    results: Vec<Copied>,
    /// What came of each mailbox.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    mailboxes: Vec<InMailbox>,
    /// How many could not be copied; 0 unless `on_item_error` is `collect`.
    #[schemars(extend("x-failures" = true))]
    failed: u32,
}

/// What came of one message.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Copied {
    /// The mailbox it is in.
    mailbox: String,
    /// The id that was asked for; it stays.
    item_id: String,
    /// The id of the copy; null if it failed.
    new_item_id: Option<String>,
    /// The `Message-ID` header, which both have; null if it failed or has none.
    #[schemars(extend("x-untrusted" = true))]
    internet_message_id: Option<String>,
    /// `done`: there is a copy. `failed`: there is none, or nobody knows.
    status: Status,
    /// Whether the folder had the message before, so that no copy was made.
    already_done: bool,
    /// Why it failed; null if it did not.
    error: Option<Problem>,
    /// Whether trying again may help.
    retryable: bool,
}

/// A copy that there is.
#[derive(Debug)]
struct Made {
    id: String,
    internet_message_id: Option<String>,
}

impl Copied {
    fn new(verdict: &Verdict<Made>) -> Self {
        let (status, already_done, error, retryable) = verdict.told();
        let made = verdict.outcome.as_ref().ok().map(|done| &done.what);
        Copied {
            mailbox: verdict.mailbox.clone(),
            item_id: verdict.item.clone(),
            new_item_id: made.map(|made| made.id.clone()),
            internet_message_id: made.and_then(|made| made.internet_message_id.clone()),
            status,
            already_done,
            error,
            retryable,
        }
    }
}

/// One message to copy.
#[derive(Debug, Clone)]
struct Wanted {
    item_id: ItemId,
    folder: FolderRef,
}

/// What is to be copied, by mailbox, and whether the call names one mailbox.
fn wanted(input: Input) -> Result<(Vec<Share<Wanted>>, bool), Failure> {
    let Input { mailbox, item_id, items, folder, .. } = input;
    let folder = folder.get();
    let of_one = item_id.map(|item_id| vec![Wanted { item_id, folder: folder.clone() }]);
    let about = About::either(mailbox, of_one, items, |one: Copying| {
        let folder = one.folder.as_ref().map_or(folder, FolderName::get).clone();
        (one.mailbox, Wanted { item_id: one.item_id, folder })
    })?;
    Ok((shares(about.items, |one| one.item_id.clone()), about.one.is_some()))
}

/// What the actions on one mailbox need.
struct Copier<'a> {
    copies: &'a dyn Copies,
    search: &'a dyn Search,
    again: bool,
    mailbox: MailboxName,
}

impl<'a> Copier<'a> {
    fn new(ports: &'a Ports, again: bool, share: &Share<Wanted>) -> Result<Self, Failure> {
        let copies = need(&ports.copies, Copy::INFO.name, "copy")?;
        let search = need(&ports.search, Copy::INFO.name, "search")?;
        Ok(Copier { copies, search, again, mailbox: MailboxName::from(share.mailbox.clone()) })
    }

    /// The message in the folder its copy goes to, if it is there.
    async fn there(
        &self,
        message: &MessageSummary,
        folder: &FolderRef,
    ) -> Result<Option<Done<Made>>, Failure> {
        let id = message.internet_message_id.as_ref();
        let there = arrived(self.search, &self.mailbox, folder.clone(), id).await?;
        Ok(there.map(|there| Done { already: true, what: made(there.item, message) }))
    }

    /// What there is to say of a message before anything is copied; nothing if it is to be copied.
    async fn before(
        &self,
        message: &MessageSummary,
        folder: &FolderRef,
    ) -> Option<Result<Done<Made>, Failure>> {
        match self.there(message, folder).await {
            Ok(None) if self.again && message.internet_message_id.is_none() => Some(Err(nameless())),
            there => there.transpose(),
        }
    }

    /// Copies messages to one folder, by one request.
    async fn copy(
        &self,
        messages: &[&MessageSummary],
        folder: &FolderRef,
    ) -> Vec<Result<Done<Made>, Failure>> {
        let items: Vec<ItemRef> = messages.iter().map(|message| message.item.clone()).collect();
        let mut copied = match self.copies.copy_to(self.mailbox.get(), &items, folder).await {
            Ok(copied) => copied.into_iter(),
            Err(error) => items.iter().map(|_| Err(error.clone())).collect::<Vec<_>>().into_iter(),
        };
        let judged = messages.iter().map(|message| match copied.next() {
            Some(Ok(copy)) => Ok(Done { already: false, what: made(copy, message) }),
            Some(Err(error)) => Err(from_exchange(error)),
            None => Err(silent()),
        });
        judged.collect()
    }
}

fn made(copy: ItemRef, message: &MessageSummary) -> Made {
    Made { id: copy.id, internet_message_id: message.internet_message_id.clone() }
}

/// Copies the messages of one mailbox: those that go to the same folder by one request. Of those that are the same mail
/// one goes first, so that the others find its copy.
async fn in_mailbox(ports: &Ports, again: bool, share: &Share<Wanted>) -> Judged<Made> {
    let read = need(&ports.read, Copy::INFO.name, "read")?;
    let copier = Copier::new(ports, again, share)?;
    let ids: Vec<ItemRef> = share.items.iter().map(|one| one.item_id.item()).collect();
    let found = read.summaries(&share.mailbox, &ids).await.map_err(from_exchange)?;
    let mut answers: Vec<(usize, Result<Done<Made>, Failure>)> = Vec::with_capacity(ids.len());
    let mut messages: Vec<(usize, &FolderRef, MessageSummary)> = Vec::with_capacity(ids.len());
    for (place, (one, found)) in share.items.iter().zip(found).enumerate() {
        match found {
            Ok(message) => messages.push((place, &one.folder, message)),
            Err(error) if error.kind == ErrorKind::NotFound => {
                answers.push((place, Err(gone(&copier.mailbox))));
            }
            Err(error) => answers.push((place, Err(from_exchange(error)))),
        }
    }
    let (mut known, mut later) = (HashSet::new(), Vec::new());
    let mut trips: Vec<(&FolderRef, Vec<usize>, Vec<&MessageSummary>)> = Vec::new();
    for (place, folder, message) in &messages {
        if message.internet_message_id.as_ref().is_some_and(|id| !known.insert((folder, id))) {
            later.push((*place, *folder, message));
        } else if let Some(answer) = copier.before(message, folder).await {
            answers.push((*place, answer));
        } else {
            match trips.iter_mut().find(|(to, ..)| to == folder) {
                Some((_, places, messages)) => {
                    places.push(*place);
                    messages.push(message);
                }
                None => trips.push((*folder, vec![*place], vec![message])),
            }
        }
    }
    for (folder, places, messages) in trips {
        answers.extend(places.into_iter().zip(copier.copy(&messages, folder).await));
    }
    for (place, folder, message) in later {
        match copier.before(message, folder).await {
            Some(answer) => answers.push((place, answer)),
            None => {
                answers.extend(copier.copy(&[message], folder).await.into_iter().map(|copy| (place, copy)));
            }
        }
    }
    Ok(in_order(answers))
}

impl Output {
    fn new(one: bool, verdicts: &[Verdict<Made>]) -> Self {
        let results: Vec<Copied> = verdicts.iter().map(Copied::new).collect();
        let only = results.first().filter(|_| one);
        Output {
            mailbox: only.map(|one| one.mailbox.clone()),
            item_id: only.map(|one| one.item_id.clone()),
            new_item_id: only.and_then(|one| one.new_item_id.clone()),
            internet_message_id: only.and_then(|one| one.internet_message_id.clone()),
            already_done: results.iter().all(|one| one.already_done),
            mailboxes: by_mailbox(verdicts),
            failed: count(verdicts, |verdict| verdict.outcome.is_err()),
            results,
        }
    }
}

impl TypedAction<Ports> for Copy {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.copy",
        summary: "Copy messages to another folder",
        description: "Copies one message (`mailbox` and `item_id`), or many of several mailboxes (`items`), to another \
                      folder of the mailbox each is in. The messages themselves stay as they are; a copy has an id of \
                      its own. A folder that has a message with the same `Message-ID` gets no second one: that counts \
                      as done, with `already_done`. If some of many cannot be copied the step fails and lists them, or \
                      says so in `failed` with `on_item_error: collect`; the others are copied.",
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
        need(&ports.copies, Self::INFO.name, "copy")?;
        need(&ports.read, Self::INFO.name, "read")?;
        need(&ports.search, Self::INFO.name, "search")?;
        let on_item_error = input.on_item_error;
        let (shares, one) = wanted(input)?;
        let again = context.attempt > 1;
        let verdicts = judge_items(
            &context,
            one,
            &shares,
            |one| one.item_id.as_str().to_owned(),
            |share| Box::pin(in_mailbox(&ports, again, share)),
        )
        .await?;
        let output = Output::new(one, &verdicts);
        let inverse = Self::inverse(&output);
        ended("copied", on_item_error, &context, &verdicts, output, inverse)
    }

    async fn probe(ports: Ports, _: Context, input: Input) -> Result<Probe, Failure> {
        let read = need(&ports.read, Self::INFO.name, "read")?;
        let (shares, one) = wanted(input)?;
        let (mut verdicts, mut unsure) = (Vec::new(), false);
        // What an attempt did not come to stands at the end of the list. Of many mailboxes one that cannot be asked
        // says nothing.
        for share in shares.iter().rev() {
            let copier = Copier::new(&ports, true, share)?;
            let ids: Vec<ItemRef> = share.items.iter().map(|one| one.item_id.item()).collect();
            let found = match read.summaries(&share.mailbox, &ids).await {
                Err(error) if one => return Err(from_exchange(error)),
                found => found.unwrap_or_default(),
            };
            unsure |= found.len() < ids.len();
            for ((place, item), found) in share.places().into_iter().zip(&share.items).zip(found) {
                let there = match &found {
                    Ok(message) => copier.there(message, &item.folder).await,
                    Err(error) if one && error.kind != ErrorKind::NotFound => {
                        return Err(from_exchange(error.clone()));
                    }
                    Err(_) => Ok(None),
                };
                match there {
                    Ok(Some(there)) => {
                        let mailbox = share.mailbox.as_str().to_owned();
                        let id = item.item_id.as_str().to_owned();
                        verdicts.push((place, Verdict { mailbox, item: id, outcome: Ok(there) }));
                    }
                    // Without a Message-ID a copy cannot be told from anything else.
                    Ok(None) if found.is_ok_and(|message| message.internet_message_id.is_some()) => {
                        return Ok(Probe::NotDone);
                    }
                    Err(failure) if one => return Err(failure),
                    _ => unsure = true,
                }
            }
        }
        if unsure { Ok(Probe::Unknown) } else { done(&Output::new(one, &in_order(verdicts))) }
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let made = output.results.iter().filter(|one| one.status == Status::Done && !one.already_done);
        let input = if let Some(mailbox) = &output.mailbox {
            let ids: Vec<_> = made.filter_map(|one| one.new_item_id.as_ref()).collect();
            (!ids.is_empty()).then(|| json!({ "mailbox": mailbox, "item_ids": ids, "mode": "soft" }))
        } else {
            let item =
                |one: &Copied| Some(json!({ "mailbox": one.mailbox, "item_id": one.new_item_id.as_ref()? }));
            let items: Vec<Value> = made.filter_map(item).collect();
            (!items.is_empty()).then(|| json!({ "items": items, "mode": "soft" }))
        };
        input.map(|input| Inverse::new("mail.delete", input))
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "Keep a copy of a message before it is changed".to_owned(),
                input: json!({
                    "mailbox": "alice@corp.example",
                    "item_id": "AAMkAGExamplePhish=",
                    "folder": "drafts"
                }),
                output: json!(null),
            },
            Example {
                title: "Keep a copy of every mail of a campaign, where it was found".to_owned(),
                input: json!({
                    "items": [{ "mailbox": "alice@corp.example", "item_id": "AAMkAGExamplePhish=" }],
                    "folder": "drafts",
                    "on_item_error": "collect"
                }),
                output: json!(null),
            },
        ]
    }
}
