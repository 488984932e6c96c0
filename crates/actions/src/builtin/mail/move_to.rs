//! `mail.move`: moves messages to another folder of the mailbox each is in.
//!
//! A move gives a message a new id, so a repeat would not find it: before one, the probe looks whether the old
//! id is gone and the `Message-ID` stands in the target. Left out: moves between mailboxes, which are three
//! operations and an action of their own.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, Probe, TypedAction};
use exchange::port::Search;
use exchange::{ErrorKind, FolderRef, ItemRef, MessageSummary, Ports};
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

/// Moves messages.
pub(crate) struct MoveTo;

/// Input of `mail.move`.
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
    #[schemars(with = "Vec<Moving>", length(min = 1, max = 1000), extend("x-effect-items" = true))]
    items: Option<Vec<Moving>>,
    /// Where to: a well-known name (`junkemail`), a path (`Inbox/Processed`), or `id:` and the server's id. The
    /// folder must exist.
    folder: FolderName,
    /// The `Message-ID` header of the message, as `mail.search` gives it. By it the message is found again if
    /// Portcullis stops in the middle of the move; without it such a step ends as unknown. Goes with `item_id`.
    #[serde(default)]
    #[schemars(extend("pattern" = r"\S"))]
    internet_message_id: Option<String>,
    /// With `items`: `fail` fails the step where a message could not be moved, once all others are; `collect`
    /// succeeds and tells it in `failed`, `mailboxes` and `results`.
    #[serde(default)]
    on_item_error: OnItemError,
}

/// One message of one of several mailboxes, and where it goes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Moving {
    /// The mailbox the message is in.
    mailbox: MailboxName,
    /// Which message: an id as `mail.search` gives it.
    item_id: ItemId,
    /// Where this one goes, if not to `folder`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "FolderName")]
    folder: Option<FolderName>,
    /// Its `Message-ID` header, by which it is found again in a repeat; without it a repeat reports it as gone.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "String", extend("pattern" = r"\S"))]
    internet_message_id: Option<String>,
}

/// Output of `mail.move`.
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
    /// The folder it was in, in the form `id:…`; null with `items`, or if the server did not say.
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
    /// How many could not be moved; 0 unless `on_item_error` is `collect`.
    #[schemars(extend("x-failures" = true))]
    failed: u32,
}

/// One message to move.
#[derive(Debug, Clone)]
struct Wanted {
    item_id: ItemId,
    folder: FolderRef,
    internet_message_id: Option<String>,
}

/// What is to be moved, by mailbox, and whether the call names one mailbox.
fn wanted(input: Input) -> Result<(Vec<Share<Wanted>>, bool), Failure> {
    let Input { mailbox, item_id, items, folder, internet_message_id, .. } = input;
    let folder = folder.get();
    let of_one = item_id.map(|item_id| vec![Wanted { item_id, folder: folder.clone(), internet_message_id }]);
    let about = About::either(mailbox, of_one, items, |one: Moving| {
        let to = one.folder.as_ref().map_or(folder, FolderName::get).clone();
        let internet_message_id = one.internet_message_id;
        (one.mailbox, Wanted { item_id: one.item_id, folder: to, internet_message_id })
    })?;
    Ok((shares(about.items, |one| one.item_id.clone()), about.one.is_some()))
}

/// The message as an earlier attempt left it in the target.
async fn moved(search: &dyn Search, mailbox: &MailboxName, one: &Wanted) -> Result<Option<Handled>, Failure> {
    let found = arrived(search, mailbox, one.folder.clone(), one.internet_message_id.as_ref()).await?;
    Ok(found.map(|summary| Handled {
        new_item_id: summary.item.id,
        from_folder: None,
        internet_message_id: summary.internet_message_id,
    }))
}

/// Moves the messages of one mailbox: those that go to the same folder by one request.
async fn in_mailbox(ports: &Ports, again: bool, share: &Share<Wanted>) -> Judged<Handled> {
    let moves = need(&ports.moves, MoveTo::INFO.name, "move")?;
    let read = need(&ports.read, MoveTo::INFO.name, "read")?;
    let search = need(&ports.search, MoveTo::INFO.name, "search")?;
    let name = MailboxName::from(share.mailbox.clone());
    let ids: Vec<ItemRef> = share.items.iter().map(|one| one.item_id.item()).collect();
    let found = read.summaries(&share.mailbox, &ids).await.map_err(from_exchange)?;
    let mut answers: Vec<Option<Result<Done<Handled>, Failure>>> = share.items.iter().map(|_| None).collect();
    let mut trips: Vec<(&FolderRef, Vec<(usize, MessageSummary)>)> = Vec::new();
    for ((place, one), found) in share.items.iter().enumerate().zip(found) {
        let answer = match found {
            Ok(message) => {
                match trips.iter_mut().find(|(folder, _)| **folder == one.folder) {
                    Some((_, messages)) => messages.push((place, message)),
                    None => trips.push((&one.folder, vec![(place, message)])),
                }
                continue;
            }
            Err(error) if error.kind != ErrorKind::NotFound => Err(from_exchange(error)),
            Err(_) if !again => Err(gone(&name)),
            Err(_) => match moved(search, &name, one).await {
                Ok(Some(handled)) => Ok(Done { already: true, what: handled }),
                Ok(None) => Err(gone(&name)),
                Err(failure) => Err(failure),
            },
        };
        if let Some(slot) = answers.get_mut(place) {
            *slot = Some(answer);
        }
    }
    for (folder, messages) in trips {
        let items: Vec<ItemRef> = messages.iter().map(|(_, message)| message.item.clone()).collect();
        let moved = match moves.move_to(&share.mailbox, &items, folder).await {
            Ok(moved) => moved,
            Err(error) => items.iter().map(|_| Err(error.clone())).collect(),
        };
        for ((place, message), moved) in messages.into_iter().zip(moved) {
            if let Some(slot) = answers.get_mut(place) {
                *slot = Some(moved.map_err(from_exchange).map(|item| Done {
                    already: false,
                    what: Handled {
                        new_item_id: item.id,
                        from_folder: message.folder_id.map(|id| format!("id:{id}")),
                        internet_message_id: message.internet_message_id,
                    },
                }));
            }
        }
    }
    Ok(answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(silent()))).collect())
}

impl Output {
    fn new(one: bool, verdicts: &[Verdict<Handled>]) -> Self {
        let results: Vec<ItemResult> = verdicts.iter().map(ItemResult::new).collect();
        let only = results.first().filter(|_| one);
        Output {
            mailbox: only.map(|one| one.mailbox.clone()),
            item_id: only.map(|one| one.item_id.clone()),
            new_item_id: only.and_then(|one| one.new_item_id.clone()),
            from_folder: only.and_then(|one| one.from_folder.clone()),
            internet_message_id: only.and_then(|one| one.internet_message_id.clone()),
            mailboxes: by_mailbox(verdicts),
            failed: count(verdicts, |verdict| verdict.outcome.is_err()),
            results,
        }
    }
}

impl TypedAction<Ports> for MoveTo {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.move",
        summary: "Move messages to another folder",
        description: "Moves one message (`mailbox` and `item_id`), or many of several mailboxes (`items`), to another \
                      folder of the mailbox each is in. A message that is moved gets a new id. Give \
                      `internet_message_id` as well: after a crash the message is found by it in the target, and \
                      the step need not end as unknown. If some of many cannot be moved the step fails and lists \
                      them, or says so in `failed` with `on_item_error: collect`; the others are moved.",
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
        ports: &["move", "read", "search"],
        inverse: Some("mail.move"),
        undo: &[(None, "moving it back")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        need(&ports.moves, Self::INFO.name, "move")?;
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
        ended("moved", on_item_error, &context, &verdicts, output, inverse)
    }

    async fn probe(ports: Ports, _: Context, input: Input) -> Result<Probe, Failure> {
        let read = need(&ports.read, Self::INFO.name, "read")?;
        let search = need(&ports.search, Self::INFO.name, "search")?;
        let (shares, one) = wanted(input)?;
        // What an attempt did not come to stands at the end of the list. Those that have arrived are found again by
        // the attempt that follows.
        for share in shares.iter().rev() {
            let items: Vec<ItemRef> = share.items.iter().map(|one| one.item_id.item()).collect();
            if any_there(read, one, &share.mailbox, &items).await? {
                return Ok(Probe::NotDone);
            }
        }
        let mut verdicts = Vec::new();
        for share in &shares {
            let name = MailboxName::from(share.mailbox.clone());
            for (place, item) in share.places().into_iter().zip(&share.items) {
                let what = match moved(search, &name, item).await {
                    Ok(Some(what)) => what,
                    Err(failure) if one => return Err(failure),
                    _ => return Ok(Probe::Unknown),
                };
                verdicts.push((place, Verdict::found(&share.mailbox, item.item_id.as_str(), what)));
            }
        }
        done(&Output::new(one, &in_order(verdicts)))
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        if let (Some(mailbox), Some(item_id)) = (&output.mailbox, &output.new_item_id) {
            let folder = output.from_folder.as_ref()?;
            let mut input = json!({ "mailbox": mailbox, "item_id": item_id, "folder": folder });
            mark(&mut input, output.internet_message_id.as_ref());
            return Some(Inverse::new(Self::INFO.name, input));
        }
        let moved = || output.results.iter().filter(|one| one.status == Status::Done && !one.already_done);
        let items: Vec<Value> = moved()
            .filter_map(|one| {
                let (id, folder) = (one.new_item_id.as_ref()?, one.from_folder.as_ref()?);
                let mut item = json!({ "mailbox": one.mailbox, "item_id": id, "folder": folder });
                mark(&mut item, one.internet_message_id.as_ref());
                Some(item)
            })
            .collect();
        let homeless = moved().filter(|one| one.from_folder.is_none());
        let except = homeless
            .map(|one| format!("the server did not say where message {} of {} was", one.item_id, one.mailbox))
            .collect();
        let folder = items.first()?.get("folder")?.clone();
        let input = json!({ "items": items, "folder": folder });
        Some(Inverse { except, ..Inverse::new(Self::INFO.name, input) })
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "Put a message into the junk folder".to_owned(),
                input: json!({
                    "mailbox": "alice@corp.example",
                    "item_id": "AAMkAGExamplePhish=",
                    "folder": "junkemail",
                    "internet_message_id": "<overdue-1@evil.test>"
                }),
                output: json!(null),
            },
            Example {
                title: "Put a campaign out of sight in every mailbox".to_owned(),
                input: json!({
                    "items": [{
                        "mailbox": "alice@corp.example",
                        "item_id": "AAMkAGExamplePhish=",
                        "internet_message_id": "<overdue-1@evil.test>"
                    }],
                    "folder": "junkemail",
                    "on_item_error": "collect"
                }),
                output: json!(null),
            },
        ]
    }
}
