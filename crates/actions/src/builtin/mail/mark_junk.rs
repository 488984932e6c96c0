//! `mail.mark_junk`: marks messages as junk, or as no junk, and blocks or unblocks their senders.
//!
//! A message that is moved gets a new id, so before a repeat the probe looks whether the old id is gone and the
//! `Message-ID` stands where it should. Left out: reading the list of blocked senders, which no wire shows.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, Probe, TypedAction};
use exchange::port::Search;
use exchange::{ErrorKind, FolderRef, ItemRef, MessageSummary, Ports, WellKnownFolder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::{done, from_exchange, need};
use crate::fan_out::{Share, in_order, shares};
use crate::input::{FolderName, ItemId, MailboxName};
use crate::listed::{About, OnItemError};
use crate::relocated::{any_there, arrived, gone, mark, silent};
use crate::verdict::{
    Done, Handled, InMailbox, ItemResult, Judged, Status, Verdict, by_mailbox, count, ended, judge_items,
};

/// Marks messages as junk.
pub(crate) struct MarkJunk;

/// Input of `mail.mark_junk`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    transform = crate::input::no_null_defaults,
    extend("oneOf" = crate::listed::either(&["mailbox", "item_id"], &["internet_message_id"], &["items"]))
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
    #[schemars(with = "Vec<Marking>", length(min = 1, max = 1000), extend("x-effect-items" = true))]
    items: Option<Vec<Marking>>,
    /// True puts the sender on the mailbox's list of blocked senders, false takes the sender off it.
    #[serde(default = "yes")]
    junk: bool,
    /// Move the message too: to Junk E-mail, or back to the Inbox.
    #[serde(default = "yes", rename = "move")]
    moves: bool,
    /// With `junk: false`: the folder a message that is moved goes to, if not the Inbox.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "FolderName")]
    folder: Option<FolderName>,
    /// The `Message-ID` header of the message, as `mail.search` gives it. By it the message is found again if
    /// Portcullis stops in the middle; without it such a step ends as unknown. Goes with `item_id`.
    #[serde(default)]
    #[schemars(extend("pattern" = r"\S"))]
    internet_message_id: Option<String>,
    /// With `items`: `fail` fails the step where a message could not be marked, once all others are; `collect`
    /// succeeds and tells it in `failed`, `mailboxes` and `results`.
    #[serde(default)]
    on_item_error: OnItemError,
}

/// One message of one of several mailboxes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Marking {
    /// The mailbox the message is in.
    mailbox: MailboxName,
    /// Which message: an id as `mail.search` gives it.
    item_id: ItemId,
    /// With `junk: false`: the folder this one goes to if it is moved, if not to `folder`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "FolderName")]
    folder: Option<FolderName>,
    /// Its `Message-ID` header, by which it is found again in a repeat; without it a repeat reports it as gone.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "String", extend("pattern" = r"\S"))]
    internet_message_id: Option<String>,
}

fn yes() -> bool {
    true
}

/// Output of `mail.mark_junk`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    mailbox: Option<String>,
    /// The id the message had; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    item_id: Option<String>,
    /// The id the message has now; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    new_item_id: Option<String>,
    /// Whether it is marked as junk now.
    junk: bool,
    /// Whether it was moved; with `items`, whether any was.
    moved: bool,
    /// The folder it was in, as `id:ID`; left out with `items`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from_folder: Option<String>,
    /// The `Message-ID` header; null with `items`.
    #[schemars(extend("x-untrusted" = true))]
    internet_message_id: Option<String>,
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

/// What is done to every message.
#[derive(Debug, Clone, Copy)]
struct How {
    junk: bool,
    moves: bool,
}

impl How {
    /// Where the server itself moves it.
    fn landing(self) -> FolderRef {
        FolderRef::WellKnown(if self.junk { WellKnownFolder::JunkEmail } else { WellKnownFolder::Inbox })
    }
}

/// One message to mark.
#[derive(Debug, Clone)]
struct Wanted {
    item_id: ItemId,
    /// The folder where the message stands in the end, if it is moved.
    target: FolderRef,
    internet_message_id: Option<String>,
}

/// What is to be marked, by mailbox, and whether the call names one mailbox.
fn wanted(input: Input) -> Result<(How, Vec<Share<Wanted>>, bool), Failure> {
    let how = How { junk: input.junk, moves: input.moves };
    let Input { mailbox, item_id, items, folder, internet_message_id, .. } = input;
    let target = |own: Option<FolderName>| match own.or_else(|| folder.clone()) {
        Some(folder) if !how.junk => folder.get().clone(),
        _ => how.landing(),
    };
    let of_one = item_id.map(|item_id| vec![Wanted { item_id, target: target(None), internet_message_id }]);
    let about = About::either(mailbox, of_one, items, |one: Marking| {
        let Marking { mailbox, item_id, folder, internet_message_id } = one;
        (mailbox, Wanted { item_id, target: target(folder), internet_message_id })
    })?;
    Ok((how, shares(about.items, |one| one.item_id.clone()), about.one.is_some()))
}

/// Moves a message on that the server put into the Inbox. Gives the id it has then.
async fn move_on(
    ports: &Ports,
    how: How,
    mailbox: &MailboxName,
    target: &FolderRef,
    item: ItemRef,
) -> Result<ItemRef, Failure> {
    if *target == how.landing() {
        return Ok(item);
    }
    let read = need(&ports.read, MarkJunk::INFO.name, "read")?;
    let mut there =
        read.summaries(mailbox.get(), std::slice::from_ref(&item)).await.map_err(from_exchange)?;
    let folder = there.pop().and_then(Result::ok).and_then(|message| message.folder_id);
    if folder.is_some_and(|id| *target == FolderRef::Id(id)) {
        return Ok(item);
    }
    let moves = need(&ports.moves, MarkJunk::INFO.name, "move")?;
    let moved = moves.move_to(mailbox.get(), &[item], target).await.map_err(from_exchange)?;
    moved.into_iter().next().ok_or_else(silent)?.map_err(from_exchange)
}

/// The message as an earlier attempt left it, if it has come to where it is to stand.
async fn moved(search: &dyn Search, mailbox: &MailboxName, one: &Wanted) -> Result<Option<Handled>, Failure> {
    let found = arrived(search, mailbox, one.target.clone(), one.internet_message_id.as_ref()).await?;
    Ok(found.map(handled))
}

fn handled(summary: MessageSummary) -> Handled {
    let internet_message_id = summary.internet_message_id;
    Handled { new_item_id: summary.item.id, from_folder: None, internet_message_id }
}

/// A message whose old id is gone: where an earlier attempt left it, brought all the way.
async fn left_behind(
    ports: &Ports,
    again: bool,
    how: How,
    mailbox: &MailboxName,
    one: &Wanted,
) -> Result<Done<Handled>, Failure> {
    let search = need(&ports.search, MarkJunk::INFO.name, "search")?;
    if !again || !how.moves {
        return Err(gone(mailbox));
    }
    if let Some(what) = moved(search, mailbox, one).await? {
        return Ok(Done { already: true, what });
    }
    // The earlier attempt came half way.
    let half = arrived(search, mailbox, how.landing(), one.internet_message_id.as_ref()).await?;
    let Some(half) = half else { return Err(gone(mailbox)) };
    let item = move_on(ports, how, mailbox, &one.target, half.item.clone()).await?;
    Ok(Done { already: true, what: Handled { new_item_id: item.id, ..handled(half) } })
}

/// Marks the messages of one mailbox, by one request.
async fn in_mailbox(ports: &Ports, again: bool, how: How, share: &Share<Wanted>) -> Judged<Handled> {
    let junk = need(&ports.junk, MarkJunk::INFO.name, "junk")?;
    let read = need(&ports.read, MarkJunk::INFO.name, "read")?;
    let name = MailboxName::from(share.mailbox.clone());
    let ids: Vec<ItemRef> = share.items.iter().map(|one| one.item_id.item()).collect();
    let found = read.summaries(&share.mailbox, &ids).await.map_err(from_exchange)?;
    let mut there: Vec<Result<MessageSummary, Option<Failure>>> = Vec::new();
    for found in found {
        there.push(found.map_err(|error| (error.kind != ErrorKind::NotFound).then(|| from_exchange(error))));
    }
    let items: Vec<ItemRef> =
        there.iter().filter_map(|one| one.as_ref().ok()).map(|message| message.item.clone()).collect();
    let answers = match items.as_slice() {
        [] => Vec::new(),
        items => junk.mark_junk(&share.mailbox, items, how.junk, how.moves).await.map_err(from_exchange)?,
    };
    let mut answers = answers.into_iter();
    let mut judged = Vec::with_capacity(there.len());
    for (one, there) in share.items.iter().zip(there) {
        let message = match there {
            Ok(message) => message,
            Err(Some(failure)) => {
                judged.push(Err(failure));
                continue;
            }
            Err(None) => {
                judged.push(left_behind(ports, again, how, &name, one).await);
                continue;
            }
        };
        judged.push(match answers.next().ok_or_else(silent) {
            Ok(Ok(marked)) => {
                let now = match marked.moved {
                    Some(item) => move_on(ports, how, &name, &one.target, item).await,
                    None => Ok(message.item.clone()),
                };
                now.map(|item| Done {
                    already: false,
                    what: Handled {
                        new_item_id: item.id,
                        from_folder: message.folder_id.map(|id| format!("id:{id}")),
                        internet_message_id: message.internet_message_id,
                    },
                })
            }
            Ok(Err(error)) => Err(from_exchange(error)),
            Err(failure) => Err(failure),
        });
    }
    Ok(judged)
}

impl Output {
    fn new(one: bool, how: How, verdicts: &[Verdict<Handled>]) -> Self {
        let results: Vec<ItemResult> = verdicts.iter().map(ItemResult::new).collect();
        let only = results.first().filter(|_| one);
        Output {
            mailbox: only.map(|one| one.mailbox.clone()),
            item_id: only.map(|one| one.item_id.clone()),
            new_item_id: only.and_then(|one| one.new_item_id.clone()),
            junk: how.junk,
            moved: results.iter().any(was_moved),
            from_folder: only.and_then(|one| one.from_folder.clone()),
            internet_message_id: only.and_then(|one| one.internet_message_id.clone()),
            mailboxes: by_mailbox(verdicts),
            failed: count(verdicts, |verdict| verdict.outcome.is_err()),
            results,
        }
    }

    /// The input that takes back what was done to one message. Back to where it was, which need not be the Inbox.
    fn back(&self, one: &ItemResult) -> Value {
        let mut input = json!({ "mailbox": one.mailbox, "item_id": one.new_item_id });
        let folder = one.from_folder.as_ref().filter(|_| self.junk && was_moved(one));
        mark(&mut input, one.internet_message_id.as_ref());
        if let (Some(folder), Some(fields)) = (folder, input.as_object_mut()) {
            fields.insert("folder".to_owned(), json!(folder));
        }
        input
    }
}

fn was_moved(one: &ItemResult) -> bool {
    one.new_item_id.as_ref().is_some_and(|id| *id != one.item_id)
}

impl TypedAction<Ports> for MarkJunk {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.mark_junk",
        summary: "Mark messages as junk and block their senders",
        description: "Marks one message (`mailbox` and `item_id`), or many of several mailboxes (`items`), as junk: \
                      its sender is put on the mailbox's list of blocked senders, and the message goes to Junk \
                      E-mail. With `junk: false` the other way round. A message that is moved gets a new id. Give \
                      `internet_message_id` as well: after a crash the message is found by it, and the step need \
                      not end as unknown. The list of blocked senders has a limit and cannot be read. If some of \
                      many cannot be marked the step fails and lists them, or says so in `failed` with \
                      `on_item_error: collect`; the others are marked.",
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
        ports: &["junk", "move", "read", "search"],
        inverse: Some("mail.mark_junk"),
        undo: &[(None, "marking it the other way round, which moves it back and frees its sender")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        need(&ports.junk, Self::INFO.name, "junk")?;
        need(&ports.moves, Self::INFO.name, "move")?;
        need(&ports.read, Self::INFO.name, "read")?;
        need(&ports.search, Self::INFO.name, "search")?;
        let on_item_error = input.on_item_error;
        let (how, shares, one) = wanted(input)?;
        let again = context.attempt > 1;
        let verdicts = judge_items(
            &context,
            one,
            &shares,
            |one| one.item_id.as_str().to_owned(),
            |share| Box::pin(in_mailbox(&ports, again, how, share)),
        )
        .await?;
        let output = Output::new(one, how, &verdicts);
        let inverse = Self::inverse(&output);
        ended("marked", on_item_error, &context, &verdicts, output, inverse)
    }

    async fn probe(ports: Ports, _: Context, input: Input) -> Result<Probe, Failure> {
        let read = need(&ports.read, Self::INFO.name, "read")?;
        let search = need(&ports.search, Self::INFO.name, "search")?;
        let (how, shares, one) = wanted(input)?;
        // Where it is still there, nothing was moved, and a mark that is set twice does no harm. What an attempt did
        // not come to stands at the end of the list.
        for share in shares.iter().rev() {
            let items: Vec<ItemRef> = share.items.iter().map(|one| one.item_id.item()).collect();
            if any_there(read, one, &share.mailbox, &items).await? {
                return Ok(Probe::NotDone);
            }
        }
        let (mut verdicts, mut half_way) = (Vec::new(), false);
        for share in &shares {
            let name = MailboxName::from(share.mailbox.clone());
            for (place, item) in share.places().into_iter().zip(&share.items) {
                match moved(search, &name, item).await {
                    Ok(Some(what)) if how.moves => {
                        verdicts.push((place, Verdict::found(&share.mailbox, item.item_id.as_str(), what)));
                        continue;
                    }
                    Err(failure) if one => return Err(failure),
                    Ok(_) if how.moves && item.target != how.landing() => {}
                    _ => return Ok(Probe::Unknown),
                }
                let half = arrived(search, &name, how.landing(), item.internet_message_id.as_ref());
                match half.await {
                    Ok(Some(_)) => half_way = true,
                    Err(failure) if one => return Err(failure),
                    _ => return Ok(Probe::Unknown),
                }
            }
        }
        if half_way { Ok(Probe::NotDone) } else { done(&Output::new(one, how, &in_order(verdicts))) }
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        if output.mailbox.is_some() {
            let mut input = output.back(output.results.first()?);
            let fields = input.as_object_mut()?;
            fields.insert("junk".to_owned(), json!(!output.junk));
            fields.insert("move".to_owned(), json!(output.moved));
            return Some(Inverse::new(Self::INFO.name, input));
        }
        let marked = || output.results.iter().filter(|one| one.status == Status::Done && !one.already_done);
        // Unmarking moves all of them or none; one that was not moved, and of which nobody knows where it stands,
        // would end in the wrong folder.
        let lost = |one: &&ItemResult| output.moved && one.from_folder.is_none() && !was_moved(one);
        let items: Vec<Value> = marked()
            .filter(|one| !lost(one))
            .map(|one| {
                let mut item = output.back(one);
                if let (Some(folder), Some(fields)) = (&one.from_folder, item.as_object_mut())
                    && output.junk
                {
                    fields.insert("folder".to_owned(), json!(folder));
                }
                item
            })
            .collect();
        let except = marked()
            .filter(lost)
            .map(|one| format!("the server did not say where message {} of {} was", one.item_id, one.mailbox))
            .collect();
        let input = json!({ "items": items, "junk": !output.junk, "move": output.moved });
        (!items.is_empty()).then(|| Inverse { except, ..Inverse::new(Self::INFO.name, input) })
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Block a sender and move the message out of sight".to_owned(),
            input: json!({
                "mailbox": "alice@corp.example",
                "item_id": "AAMkAGExamplePhish=",
                "internet_message_id": "<overdue-1@evil.test>"
            }),
            output: json!(null),
        }]
    }
}
