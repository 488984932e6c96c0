//! `mail.move_between_mailboxes`: takes messages out of their mailboxes and puts them into another.
//!
//! How a message gets there, and why nothing is lost on the way, stands in `carried.rs`. Every message of a list may
//! name its own destination, because that is what taking it back needs: from one mailbox to many. Left out: moves
//! inside of a mailbox, which are one request and `mail.move`.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, Probe, TypedAction};
use exchange::{ItemRef, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::carried::{Carried, Carrier, Parcel, copy_of};
use crate::failure::{done, invalid, need};
use crate::fan_out::{Share, in_order, shares};
use crate::input::{FolderName, ItemId, MailboxName};
use crate::listed::{About, OnItemError};
use crate::relocated::{any_there, mark, original};
use crate::verdict::{InMailbox, Problem, Status, Verdict, alone, by_mailbox, count, ended, verdicts};

/// Moves messages to another mailbox.
pub(crate) struct MoveBetweenMailboxes;

/// Input of `mail.move_between_mailboxes`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    transform = crate::input::no_null_defaults,
    extend("x-deletes" = true),
    extend("oneOf" = forms())
)]
pub(crate) struct Input {
    /// The mailbox the message is in. Goes with `item_id` and `destination_mailbox`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "MailboxName")]
    mailbox: Option<MailboxName>,
    /// Which message: an id as `mail.search` gives it.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "ItemId")]
    item_id: Option<ItemId>,
    /// Instead of `mailbox` and `item_id`: 1 to 1,000 messages of any number of mailboxes.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<Carrying>", length(min = 1, max = 1000), extend("x-effect-items" = true))]
    items: Option<Vec<Carrying>>,
    /// The mailbox it goes to. The connection has to be allowed to open it. With `items` it may be left out if each of
    /// them names its own.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "MailboxName")]
    destination_mailbox: Option<MailboxName>,
    /// Where it goes there: a well-known name (`inbox`), a path (`Inbox/Reported`), or `id:` and the server's id. The
    /// folder must exist.
    #[serde(default = "FolderName::inbox")]
    folder: FolderName,
    /// The `Message-ID` header of the message, as `mail.search` gives it. By it the message is found in the destination
    /// if Portcullis stops after it was deleted here; without it such a step ends as unknown. Goes with `item_id`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "String", extend("pattern" = r"\S"))]
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
pub(crate) struct Carrying {
    /// The mailbox the message is in.
    mailbox: MailboxName,
    /// Which message: an id as `mail.search` gives it.
    item_id: ItemId,
    /// The mailbox this one goes to, if not to `destination_mailbox`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "MailboxName")]
    destination_mailbox: Option<MailboxName>,
    /// Where this one goes there, if not to `folder`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "FolderName")]
    folder: Option<FolderName>,
    /// Its `Message-ID` header, by which it is found again in a repeat; without it a repeat reports it as gone.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "String", extend("pattern" = r"\S"))]
    internet_message_id: Option<String>,
}

/// The two forms. A list may leave the destination to its entries, so only the form with one message asks for it.
fn forms() -> Value {
    let there =
        |names: &[&str]| -> Vec<Value> { names.iter().map(|name| json!({ "required": [name] })).collect() };
    json!([
        {
            "required": ["mailbox", "item_id", "destination_mailbox"],
            "not": { "anyOf": there(&["items", "on_item_error"]) }
        },
        { "required": ["items"], "not": { "anyOf": there(&["mailbox", "item_id", "internet_message_id"]) } }
    ])
}

/// Output of `mail.move_between_mailboxes`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox the message was in; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    mailbox: Option<String>,
    /// The id it had there; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    item_id: Option<String>,
    /// The folder it was in there, in the form `id:…`; null with `items`, or if that is not known any more.
    from_folder: Option<String>,
    /// The mailbox it is in now; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    destination_mailbox: Option<String>,
    /// The id it has there; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    new_item_id: Option<String>,
    /// The `Message-ID` header; null with `items`.
    #[schemars(extend("x-untrusted" = true))]
    internet_message_id: Option<String>,
    /// Its size in bytes, as the destination counts it; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    size: Option<u64>,
    /// One result per message, in the order asked for.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    results: Vec<Moved>,
    /// What came of each mailbox the messages were in.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    mailboxes: Vec<InMailbox>,
    /// How many could not be moved; 0 unless `on_item_error` is `collect`.
    #[schemars(extend("x-failures" = true))]
    failed: u32,
}

/// What came of one message.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Moved {
    /// The mailbox it was in.
    mailbox: String,
    /// The id that was asked for.
    item_id: String,
    /// The folder it was in, in the form `id:…`; null if it failed, or that is not known any more.
    from_folder: Option<String>,
    /// The mailbox it was to go to.
    destination_mailbox: String,
    /// The id it has there. If it failed, that of the copy which is there all the same, or null if there is none.
    new_item_id: Option<String>,
    /// The `Message-ID` header; null if it failed or has none.
    #[schemars(extend("x-untrusted" = true))]
    internet_message_id: Option<String>,
    /// Its size in bytes, as the destination counts it; null if it failed.
    size: Option<u64>,
    /// `done`: it is in the other mailbox and no more in its own. `failed`: it is not so, or nobody knows.
    status: Status,
    /// Whether it was so before this attempt.
    already_done: bool,
    /// Why it failed; null if it did not.
    error: Option<Problem>,
    /// Whether trying again may help.
    retryable: bool,
}

impl Moved {
    fn new(verdict: &Verdict<Carried>, destination: &str) -> Self {
        let (status, already_done, error, retryable) = verdict.told();
        let carried = verdict.outcome.as_ref().ok().map(|done| &done.what);
        let copy = carried.map(|carried| &carried.copy);
        let left = verdict.outcome.as_ref().err().and_then(copy_of);
        Moved {
            mailbox: verdict.mailbox.clone(),
            item_id: verdict.item.clone(),
            from_folder: carried.and_then(|it| it.from_folder.as_ref()).map(|id| format!("id:{id}")),
            destination_mailbox: destination.to_owned(),
            new_item_id: copy.map(|copy| copy.item.id.as_str()).or(left).map(str::to_owned),
            internet_message_id: copy.and_then(|copy| copy.internet_message_id.clone()),
            size: copy.map(|copy| copy.size),
            status,
            already_done,
            error,
            retryable,
        }
    }

    /// The input that takes it back; nothing if nobody knows where it was.
    fn back(&self) -> Option<Value> {
        let (id, folder) = (self.new_item_id.as_ref()?, self.from_folder.as_ref()?);
        let mut input = json!({
            "mailbox": self.destination_mailbox,
            "item_id": id,
            "destination_mailbox": self.mailbox,
            "folder": folder
        });
        mark(&mut input, self.internet_message_id.as_ref());
        Some(input)
    }
}

/// What is to be moved, by mailbox, and whether the call names one mailbox. Refuses a move that goes nowhere.
fn wanted(input: Input) -> Result<(Vec<Share<Parcel>>, bool), Failure> {
    let Input { mailbox, item_id, items, destination_mailbox: to, folder, internet_message_id, .. } = input;
    let folder = folder.get();
    let of_one = item_id.map(|item_id| vec![(item_id, to.clone(), folder.clone(), internet_message_id)]);
    let about = About::either(mailbox, of_one, items, |one: Carrying| {
        let own_folder = one.folder.as_ref().map_or(folder, FolderName::get).clone();
        let own_to = one.destination_mailbox.or_else(|| to.clone());
        (one.mailbox, (one.item_id, own_to, own_folder, one.internet_message_id))
    })?;
    let mut parcels = Vec::with_capacity(about.items.len());
    for (from, (item_id, to, folder, internet_message_id)) in about.items {
        let Some(to) = to else {
            return Err(invalid(format!(
                "a message of {from} names no mailbox to go to; give `destination_mailbox`, for it or for all"
            )));
        };
        if from.as_str().eq_ignore_ascii_case(to.as_str()) {
            return Err(invalid(format!(
                "both mailboxes are the same, {from}; `mail.move` moves a message inside of its mailbox"
            )));
        }
        parcels.push((from, Parcel { item_id, to: to.get().clone(), folder, internet_message_id }));
    }
    Ok((shares(parcels, |parcel| parcel.item_id.clone()), about.one.is_some()))
}

impl Output {
    fn new(one: bool, shares: &[Share<Parcel>], verdicts: &[Verdict<Carried>]) -> Self {
        let to = |share: &Share<Parcel>| {
            let all: Vec<String> = share.items.iter().map(|parcel| parcel.to.as_str().to_owned()).collect();
            share.places().into_iter().zip(all)
        };
        let destinations = in_order(shares.iter().flat_map(to));
        let results: Vec<Moved> =
            verdicts.iter().zip(&destinations).map(|(verdict, to)| Moved::new(verdict, to)).collect();
        let only = results.first().filter(|_| one);
        Output {
            mailbox: only.map(|one| one.mailbox.clone()),
            item_id: only.map(|one| one.item_id.clone()),
            from_folder: only.and_then(|one| one.from_folder.clone()),
            destination_mailbox: only.map(|one| one.destination_mailbox.clone()),
            new_item_id: only.and_then(|one| one.new_item_id.clone()),
            internet_message_id: only.and_then(|one| one.internet_message_id.clone()),
            size: only.and_then(|one| one.size),
            mailboxes: by_mailbox(verdicts),
            failed: count(verdicts, |verdict| verdict.outcome.is_err()),
            results,
        }
    }
}

impl TypedAction<Ports> for MoveBetweenMailboxes {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.move_between_mailboxes",
        summary: "Move messages to another mailbox",
        description: "Moves one message (`mailbox` and `item_id`), or many of several mailboxes (`items`), to another \
                      mailbox, with everything in it: when it was received, whether it was read, categories. It is \
                      copied there first, looked at (`Message-ID`, time, attachments, and its size within 5 % or \
                      16 KiB), and only then deleted here with `mode: soft`; if anything is not as it was, nothing is \
                      deleted. A message that is moved gets a new id. Give `internet_message_id` as well: by it a step \
                      that was stopped after the deletion finds the message. If some of many cannot be moved the step \
                      fails and lists them, or says so in `failed` with `on_item_error: collect`; the others are \
                      moved.",
        effect: Effect::Containment,
        repeat: Repeat::Verify,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
            FailureKind::Invalid,
            FailureKind::Conflict,
            FailureKind::Limit,
            FailureKind::Unknown,
        ],
        connection: Some("exchange"),
        ports: &["transfer", "read", "search", "delete"],
        inverse: Some("mail.move_between_mailboxes"),
        undo: &[(None, "moving it back; what was deleted here stays among the recoverable items")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        let carrier = Carrier::new(&ports, Self::INFO.name, context.attempt > 1)?;
        let on_item_error = input.on_item_error;
        let (shares, one) = wanted(input)?;
        let answers = carrier.carry_all(&context, &shares).await;
        let mut verdicts = verdicts(one, &shares, answers, |parcel| parcel.item_id.as_str().to_owned())?;
        if one {
            verdicts = alone(verdicts)?;
        }
        let output = Output::new(one, &shares, &verdicts);
        let inverse = Self::inverse(&output);
        // A copy that stays although its message could not be moved is a change as well.
        let half = output.results.iter().any(|one| one.status == Status::Failed && one.new_item_id.is_some());
        ended("moved", on_item_error, &context, &verdicts, output, inverse).map_err(|mut failure| {
            if let Some(details) = failure.details.as_object_mut().filter(|_| half) {
                details.insert("partly".to_owned(), json!(true));
            }
            failure
        })
    }

    async fn probe(ports: Ports, _: Context, input: Input) -> Result<Probe, Failure> {
        let read = need(&ports.read, Self::INFO.name, "read")?;
        let (shares, one) = wanted(input)?;
        // The attempt that follows goes on with a copy that is there, if it can be recognised. What an attempt did
        // not come to stands at the end of the list.
        for share in shares.iter().rev() {
            let name = MailboxName::from(share.mailbox.clone());
            if let (true, [parcel]) = (one, share.items.as_slice()) {
                match original(read, &name, &parcel.item_id).await? {
                    Some(message) if message.internet_message_id.is_some() => return Ok(Probe::NotDone),
                    Some(_) => return Ok(Probe::Unknown),
                    None => continue,
                }
            }
            let items: Vec<ItemRef> = share.items.iter().map(|parcel| parcel.item_id.item()).collect();
            if any_there(read, one, &share.mailbox, &items).await? {
                return Ok(Probe::NotDone);
            }
        }
        let carrier = Carrier::new(&ports, Self::INFO.name, true)?;
        let mut verdicts = Vec::new();
        for share in &shares {
            for (place, parcel) in share.places().into_iter().zip(&share.items) {
                let what = match carrier.finished(parcel).await {
                    Ok(Some(what)) => what,
                    Err(failure) if one => return Err(failure),
                    _ => return Ok(Probe::Unknown),
                };
                verdicts.push((place, Verdict::found(&share.mailbox, parcel.item_id.as_str(), what)));
            }
        }
        done(&Output::new(one, &shares, &in_order(verdicts)))
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        if output.mailbox.is_some() {
            return Some(Inverse::new(Self::INFO.name, output.results.first()?.back()?));
        }
        let moved = || output.results.iter().filter(|one| one.status == Status::Done && !one.already_done);
        let items: Vec<Value> = moved().filter_map(Moved::back).collect();
        let homeless = moved().filter(|one| one.from_folder.is_none());
        let homeless = homeless.map(|one| {
            format!("the server did not say where message {} of {} was", one.item_id, one.mailbox)
        });
        let half = output.results.iter().filter(|one| one.status == Status::Failed);
        let half = half.filter_map(|one| Some((one, one.new_item_id.as_ref()?))).map(|(one, copy)| {
            let (item, from, to) = (&one.item_id, &one.mailbox, &one.destination_mailbox);
            format!("a copy of message {item} of {from} was left in {to} and can be deleted there: {copy}")
        });
        let except = homeless.chain(half).collect();
        let inverse = || Inverse::new(Self::INFO.name, json!({ "items": items }));
        (!items.is_empty()).then(|| Inverse { except, ..inverse() })
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "Hand a reported message over to the security team".to_owned(),
                input: json!({
                    "mailbox": "alice@corp.example",
                    "item_id": "AAMkAGExamplePhish=",
                    "destination_mailbox": "soc@corp.example",
                    "folder": "inbox",
                    "internet_message_id": "<overdue-1@evil.test>"
                }),
                output: json!(null),
            },
            Example {
                title: "Hand a campaign over from every mailbox".to_owned(),
                input: json!({
                    "items": [{
                        "mailbox": "alice@corp.example",
                        "item_id": "AAMkAGExamplePhish=",
                        "internet_message_id": "<overdue-1@evil.test>"
                    }],
                    "destination_mailbox": "soc@corp.example",
                    "on_item_error": "collect"
                }),
                output: json!(null),
            },
        ]
    }
}
