//! `mail.update`: changes what people put on messages: categories, flag, importance, and the subject of a draft.
//!
//! Nothing is sent and no read receipt either. Categories are added to those of now: if somebody changes the message
//! meanwhile it is read again. What an attempt that was cut off has changed is found as it should be and counts as
//! already done: what was there before it is not known any more, so an undo leaves it and restores the others. Left
//! out: the read mark, which is `mail.mark_read`, and the words of a mail.

use action_api::plan::{Blame, Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::port::Properties;
use exchange::{ErrorKind, FollowUp, ItemProperties, ItemRef, Mailbox, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::annotated::{Categories, Marks, Wish};
use crate::failure::{from_exchange, invalid, need};
use crate::fan_out::{Share, shares};
use crate::input::{ItemId, Line, MailboxName};
use crate::letter::Importance;
use crate::listed::{About, OnItemError};
use crate::relocated::gone;
use crate::verdict::{
    Done, InMailbox, Judged, Problem, Status, Verdict, by_mailbox, count, ended, judge_items,
};

/// How often a message is read again because somebody else changed it.
const ROUNDS: usize = 4;

/// Changes messages.
pub(crate) struct Update;

/// Input of `mail.update`.
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
    #[schemars(with = "Vec<Updating>", length(min = 1, max = 1000), extend("x-effect-items" = true))]
    items: Option<Vec<Updating>>,
    /// What to do with its categories.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Categories")]
    categories: Option<Categories>,
    /// The mark for following up: `not_flagged`, `flagged` or `complete`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "FollowUp")]
    flag: Option<FollowUp>,
    /// How important it says it is: `low`, `normal` or `high`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Importance")]
    importance: Option<Importance>,
    /// The subject. Only that of a draft: a message that was sent keeps the words it was sent with.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Line")]
    subject: Option<Line>,
    /// With `items`: `fail` fails the step where a message could not be changed, once all others are; `collect`
    /// succeeds and tells it in `failed`, `mailboxes` and `results`.
    #[serde(default)]
    on_item_error: OnItemError,
}

/// One message of one of several mailboxes, and what is to be changed on it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Updating {
    /// The mailbox the message is in.
    mailbox: MailboxName,
    /// Which message: an id as `mail.search` gives it.
    item_id: ItemId,
    /// What to do with the categories of this one, instead of `categories` for all.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Categories")]
    categories: Option<Categories>,
    /// The mark of this one, instead of `flag` for all.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "FollowUp")]
    flag: Option<FollowUp>,
    /// How important this one is to say it is, instead of `importance` for all.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Importance")]
    importance: Option<Importance>,
    /// The subject of this one, instead of `subject` for all. Only that of a draft.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Line")]
    subject: Option<Line>,
}

/// Output of `mail.update`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    mailbox: Option<String>,
    /// The message; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    item_id: Option<String>,
    /// What was on it before; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    before: Option<Marks>,
    /// What is on it now; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    now: Option<Marks>,
    /// Whether this step changed anything.
    changed: bool,
    /// One result per message, in the order asked for.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    results: Vec<Updated>,
    /// What came of each mailbox.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    mailboxes: Vec<InMailbox>,
    /// How many could not be changed; 0 unless `on_item_error` is `collect`.
    #[schemars(extend("x-failures" = true))]
    failed: u32,
}

/// What came of one message.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Updated {
    /// The mailbox it is in.
    mailbox: String,
    /// The id that was asked for.
    item_id: String,
    /// The id it has now; null if it failed.
    new_item_id: Option<String>,
    /// What was on it before this attempt; null if it failed.
    before: Option<Marks>,
    /// What is on it now; null if it failed.
    now: Option<Marks>,
    /// `done`: it has what it was asked to have. `failed`: it has not, or nobody knows.
    status: Status,
    /// Whether it had it before this attempt, so that nothing was changed.
    already_done: bool,
    /// Why it failed; null if it did not.
    error: Option<Problem>,
    /// Whether trying again may help.
    retryable: bool,
}

/// What became of one message.
#[derive(Debug)]
struct Change {
    id: String,
    before: Marks,
    now: Marks,
}

impl Updated {
    fn new(verdict: &Verdict<Change>) -> Self {
        let (status, already_done, error, retryable) = verdict.told();
        let change = verdict.outcome.as_ref().ok().map(|done| &done.what);
        Updated {
            mailbox: verdict.mailbox.clone(),
            item_id: verdict.item.clone(),
            new_item_id: change.map(|change| change.id.clone()),
            before: change.map(|change| change.before.clone()),
            now: change.map(|change| change.now.clone()),
            status,
            already_done,
            error,
            retryable,
        }
    }

    /// Whether this attempt changed it.
    fn changed(&self) -> bool {
        self.status == Status::Done && !self.already_done
    }

    /// The input that sets it back; nothing if no input can say what was there.
    fn back(&self) -> Option<Map<String, Value>> {
        let (id, before, now) = (self.new_item_id.as_ref()?, self.before.as_ref()?, self.now.as_ref()?);
        let mut input = before.back_from(now)?;
        input.insert("mailbox".to_owned(), json!(self.mailbox));
        input.insert("item_id".to_owned(), json!(id));
        Some(input)
    }
}

/// One message to change.
#[derive(Debug, Clone)]
struct Wanted {
    item_id: ItemId,
    /// What is wished for this one instead of what is wished for all.
    own: Wish,
}

/// What is to be changed, by mailbox, and whether the call names one mailbox. Refuses what would change nothing.
fn wanted(input: Input) -> Result<(Wish, Vec<Share<Wanted>>, bool), Failure> {
    let Input { mailbox, item_id, items, categories, flag, importance, subject, .. } = input;
    let for_all = Wish { categories, flag, importance, subject };
    for_all.check()?;
    let of_one = item_id.map(|item_id| vec![Wanted { item_id, own: Wish::default() }]);
    let about = About::either(mailbox, of_one, items, |one: Updating| {
        let Updating { mailbox, item_id, categories, flag, importance, subject } = one;
        (mailbox, Wanted { item_id, own: Wish { categories, flag, importance, subject } })
    })?;
    for (mailbox, one) in &about.items {
        one.own.check()?;
        if for_all.is_empty() && one.own.is_empty() {
            return Err(invalid(format!(
                "mail.update: nothing to change on a message of {mailbox}; give at least one of `categories`, `flag`, \
                 `importance` and `subject`"
            )));
        }
    }
    Ok((for_all, shares(about.items, |one| one.item_id.clone()), about.one.is_some()))
}

/// What is on a message that was changed by somebody else meanwhile.
async fn look(port: &dyn Properties, mailbox: &Mailbox, item: ItemRef) -> Result<ItemProperties, Failure> {
    let mut found = port.properties(mailbox, &[item]).await.map_err(from_exchange)?;
    found.pop().map_or_else(|| Err(missing(mailbox)), |found| properties(mailbox, found))
}

fn missing(mailbox: &Mailbox) -> Failure {
    gone(&MailboxName::from(mailbox.clone()))
}

fn properties(
    mailbox: &Mailbox,
    found: Result<ItemProperties, exchange::Error>,
) -> Result<ItemProperties, Failure> {
    found.map_err(|error| match error.kind {
        ErrorKind::NotFound => missing(mailbox),
        _ => from_exchange(error),
    })
}

/// Changes one message, reading it again as often as somebody else was faster.
async fn change(
    port: &dyn Properties,
    mailbox: &Mailbox,
    one: &Wanted,
    for_all: &Wish,
    mut found: ItemProperties,
) -> Result<Done<Change>, Failure> {
    for round in 1..=ROUNDS {
        let (item, now) = (found.item.clone(), one.own.wanted(for_all, &found)?);
        let before = Marks::of(found);
        let change = before.change_to(&now);
        if change.is_empty() {
            return Ok(Done { already: true, what: Change { id: item.id, before, now } });
        }
        match port.change(mailbox, &item, &change).await {
            Ok(item) => return Ok(Done { already: false, what: Change { id: item.id, before, now } }),
            Err(error) if error.kind != ErrorKind::Conflict => return Err(from_exchange(error)),
            Err(_) if round == ROUNDS => break,
            Err(_) => found = look(port, mailbox, one.item_id.item()).await?,
        }
    }
    let words = format!("somebody keeps changing the message in {mailbox}; nothing was changed, try again");
    Err(Failure::new(FailureKind::Conflict, Blame::Server, words))
}

/// Changes the messages of one mailbox, one after the other.
async fn in_mailbox(ports: &Ports, for_all: &Wish, share: &Share<Wanted>) -> Judged<Change> {
    let port = need(&ports.properties, Update::INFO.name, "properties")?;
    let mailbox = &share.mailbox;
    let items: Vec<ItemRef> = share.items.iter().map(|one| one.item_id.item()).collect();
    let found = port.properties(mailbox, &items).await.map_err(from_exchange)?;
    let mut judged = Vec::with_capacity(items.len());
    for (one, found) in share.items.iter().zip(found) {
        judged.push(match properties(mailbox, found) {
            Ok(found) => change(port, mailbox, one, for_all, found).await,
            Err(failure) => Err(failure),
        });
    }
    Ok(judged)
}

impl Output {
    fn new(one: bool, verdicts: &[Verdict<Change>]) -> Self {
        let results: Vec<Updated> = verdicts.iter().map(Updated::new).collect();
        let only = results.first().filter(|_| one);
        Output {
            mailbox: only.map(|one| one.mailbox.clone()),
            item_id: only.and_then(|one| one.new_item_id.clone()),
            before: only.and_then(|one| one.before.clone()),
            now: only.and_then(|one| one.now.clone()),
            changed: results.iter().any(Updated::changed),
            mailboxes: by_mailbox(verdicts),
            failed: count(verdicts, |verdict| verdict.outcome.is_err()),
            results,
        }
    }
}

impl TypedAction<Ports> for Update {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.update",
        summary: "Change categories, flag and importance of messages",
        description: "Changes what people put on one message (`mailbox` and `item_id`), or on many of several \
                      mailboxes (`items`): categories, the mark for following up, how important it says it is, and the \
                      subject of a draft. What is not named stays. Nothing is sent. What was there before is kept, so \
                      that `undo` can set it again; what an attempt changed that was cut off after it has no such \
                      note and is told as `already_done`. If some of many cannot be changed the step fails and lists \
                      them, or says so in `failed` with `on_item_error: collect`; the others are changed.",
        effect: Effect::Internal,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
            FailureKind::Invalid,
            FailureKind::Conflict,
            FailureKind::Unknown,
        ],
        connection: Some("exchange"),
        ports: &["properties"],
        inverse: Some("mail.update"),
        undo: &[(None, "setting again what the step changed, as it was before")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        need(&ports.properties, Self::INFO.name, "properties")?;
        let on_item_error = input.on_item_error;
        let (for_all, shares, one) = wanted(input)?;
        let verdicts = judge_items(
            &context,
            one,
            &shares,
            |one| one.item_id.as_str().to_owned(),
            |share| Box::pin(in_mailbox(&ports, &for_all, share)),
        )
        .await?;
        let output = Output::new(one, &verdicts);
        let inverse = Self::inverse(&output);
        ended("changed", on_item_error, &context, &verdicts, output, inverse)
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let changed = || output.results.iter().filter(|one| one.changed());
        let mut items = changed().filter_map(Updated::back);
        let input = match output.mailbox {
            Some(_) => Value::Object(items.next()?),
            None => {
                let items: Vec<_> = items.collect();
                (!items.is_empty()).then(|| json!({ "items": items }))?
            }
        };
        let lost = changed().filter(|one| one.back().is_none());
        let words = "had categories or a subject that cannot be set again";
        let except = lost.map(|one| format!("message {} of {} {words}", one.item_id, one.mailbox)).collect();
        Some(Inverse { except, ..Inverse::new(Self::INFO.name, input) })
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "A report that is being looked into".to_owned(),
                input: json!({
                    "mailbox": "alice@corp.example",
                    "item_id": "AAMkAGExamplePhish=",
                    "categories": { "add": ["Under review"], "remove": ["New"] },
                    "flag": "flagged"
                }),
                output: json!(null),
            },
            Example {
                title: "And when it is done".to_owned(),
                input: json!({
                    "mailbox": "alice@corp.example",
                    "item_id": "AAMkAGExamplePhish=",
                    "categories": { "set": [] },
                    "flag": "complete",
                    "importance": "low"
                }),
                output: json!(null),
            },
            Example {
                title: "Mark every mail of a campaign".to_owned(),
                input: json!({
                    "items": [{ "mailbox": "alice@corp.example", "item_id": "AAMkAGExamplePhish=" }],
                    "categories": { "add": ["Phishing"] },
                    "on_item_error": "collect"
                }),
                output: json!(null),
            },
        ]
    }
}
