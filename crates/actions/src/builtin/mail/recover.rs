//! `mail.recover`: brings deleted messages back, from Recoverable Items or from the trash.
//!
//! A deleted message has a new id that nobody told, so it is looked for by its `Message-ID`, and by when it was
//! received where several carry the same. It is what takes `mail.delete` back. Left out: what was deleted for good,
//! which only an administrator's tools reach.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::port::{Move, Search};
use exchange::{Error, ErrorKind, FolderRef, Mailbox, MessageSummary, Ports, SearchRequest, WellKnownFolder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, need};
use crate::fan_out::{Share, shares};
use crate::input::{FolderName, MailboxName, Time};
use crate::listed::{About, OnItemError};
use crate::verdict::{Done, InMailbox, Judged, Problem, Status, Verdict, by_mailbox, count, ended, judge};

/// How many messages with one `Message-ID` are looked at.
const MOST: u32 = 50;

/// Brings messages back.
pub(crate) struct Recover;

/// Where deleted messages are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// Recoverable Items.
    Recoverable,
    /// Deleted Items.
    Trash,
}

/// Input of `mail.recover`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    transform = crate::input::no_null_defaults,
    extend("oneOf" = crate::listed::either(&["mailbox", "messages"], &[], &["items"]))
)]
pub(crate) struct Input {
    /// The mailbox the messages were in. Goes with `messages`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "MailboxName")]
    mailbox: Option<MailboxName>,
    /// Which messages, and where each belongs: 1 to 1,000.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<Wanted>", length(min = 1, max = 1000), extend("x-effect-items" = true))]
    messages: Option<Vec<Wanted>>,
    /// Instead of `mailbox` and `messages`: 1 to 1,000 messages of any number of mailboxes.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<Missing>", length(min = 1, max = 1000), extend("x-effect-items" = true))]
    items: Option<Vec<Missing>>,
    /// Where they are now: `recoverable` (after `mode: soft` of `mail.delete`) or `trash` (after `mode: trash`).
    #[serde(default = "recoverable")]
    from: Source,
    /// With `items`: `fail` fails the step where a message could not be brought back, once all others are; `collect`
    /// succeeds and tells it in `failed`, `mailboxes` and `results`.
    #[serde(default)]
    on_item_error: OnItemError,
}

fn recoverable() -> Source {
    Source::Recoverable
}

/// One message to bring back.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Wanted {
    /// Its `Message-ID` header, angle brackets included.
    #[schemars(regex(pattern = r"\S"), length(max = 1000), extend("x-guard" = "item"))]
    internet_message_id: String,
    /// When the server received it, as `mail.search` gave it: tells apart messages that carry the same `Message-ID`.
    /// Without it the newest is taken.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Time")]
    received_at: Option<Time>,
    /// Where it belongs: a well-known name, a path, or `id:` and the server's id.
    #[serde(default = "FolderName::inbox")]
    folder: FolderName,
}

/// One message of one of several mailboxes to bring back.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Missing {
    /// The mailbox it was in.
    mailbox: MailboxName,
    /// Its `Message-ID` header, angle brackets included.
    #[schemars(regex(pattern = r"\S"), length(max = 1000), extend("x-guard" = "item"))]
    internet_message_id: String,
    /// When the server received it, as `mail.search` gave it: tells apart messages that carry the same `Message-ID`.
    /// Without it the newest is taken.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Time")]
    received_at: Option<Time>,
    /// Where it belongs: a well-known name, a path, or `id:` and the server's id.
    #[serde(default = "FolderName::inbox")]
    folder: FolderName,
}

/// Output of `mail.recover`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// One result per message, in the order asked for.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    results: Vec<Recovered>,
    /// How many were brought back now.
    recovered: u32,
    /// How many were in their folder already.
    already_there: u32,
    /// How many could not be brought back; 0 unless `on_item_error` is `collect`.
    #[schemars(extend("x-failures" = true))]
    failed: u32,
    /// What came of each mailbox.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    mailboxes: Vec<InMailbox>,
    /// The mailbox; left out with `items`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mailbox: Option<String>,
    /// Where they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Source>,
}

/// What came of one message.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recovered {
    /// The mailbox it is in.
    mailbox: String,
    /// Its `Message-ID` header.
    #[schemars(extend("x-untrusted" = true))]
    internet_message_id: String,
    /// The id it has now; empty if it was not brought back.
    item_id: String,
    /// `recovered`: by this step. `already_there`: it was in its folder. `failed`: it was not brought back.
    result: Fate,
    /// `done`: it is in its folder. `failed`: it is not, or nobody knows.
    status: Status,
    /// Whether it was in its folder before this attempt.
    already_done: bool,
    /// Why it could not be brought back; null if it was.
    error: Option<Problem>,
    /// Whether trying again may help.
    retryable: bool,
}

impl Recovered {
    fn new(verdict: &Verdict<String>) -> Self {
        let (status, already_done, error, retryable) = verdict.told();
        Recovered {
            mailbox: verdict.mailbox.clone(),
            internet_message_id: verdict.item.clone(),
            item_id: verdict.outcome.as_ref().map(|done| done.what.clone()).unwrap_or_default(),
            result: match (status, already_done) {
                (Status::Failed, _) => Fate::Failed,
                (Status::Done, true) => Fate::AlreadyThere,
                (Status::Done, false) => Fate::Recovered,
            },
            status,
            already_done,
            error,
            retryable,
        }
    }
}

/// What became of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// By this step.
    Recovered,
    /// It was in its folder.
    AlreadyThere,
    /// It was not brought back.
    Failed,
}

/// The message that is meant, in one folder.
async fn find(
    search: &dyn Search,
    mailbox: &Mailbox,
    folder: &FolderRef,
    wanted: &Wanted,
) -> Result<Option<MessageSummary>, Error> {
    let query = exchange::Query {
        internet_message_id: Some(wanted.internet_message_id.clone()),
        ..exchange::Query::default()
    };
    let request = SearchRequest {
        mailbox: mailbox.clone(),
        folder: folder.clone(),
        query,
        restriction: None,
        offset: 0,
        limit: MOST,
    };
    let found = search.search(&request).await?;
    let is_meant = |message: &MessageSummary| match wanted.received_at {
        Some(time) => {
            let received = message.received_at.as_ref().and_then(|text| text.parse().ok());
            received == Some(time.get())
        }
        None => true,
    };
    Ok(found.messages.into_iter().find(is_meant))
}

/// Brings one message back, or finds it where it belongs.
async fn one(
    search: &dyn Search,
    moves: &dyn Move,
    mailbox: &Mailbox,
    source: &FolderRef,
    wanted: &Wanted,
) -> Result<Done<String>, Error> {
    let Some(deleted) = find(search, mailbox, source, wanted).await? else {
        return match find(search, mailbox, wanted.folder.get(), wanted).await? {
            Some(there) => Ok(Done { already: true, what: there.item.id }),
            None => Err(Error::new(
                ErrorKind::NotFound,
                format!(
                    "{source} of {mailbox} has no such message, and {} has none either: the time it is kept may be over",
                    wanted.folder.get()
                ),
            )),
        };
    };
    let moved = moves.move_to(mailbox, std::slice::from_ref(&deleted.item), wanted.folder.get()).await?;
    let nothing = || Error::new(ErrorKind::Unknown, "the server did not say what became of the message");
    let item = moved.into_iter().next().ok_or_else(nothing)??;
    Ok(Done { already: false, what: item.id })
}

/// Brings the messages of one mailbox back, one after the other. A server that is busy is not asked for the rest.
async fn in_mailbox(ports: &Ports, source: &FolderRef, share: &Share<Wanted>) -> Judged<String> {
    let search = need(&ports.search, Recover::INFO.name, "search")?;
    let moves = need(&ports.moves, Recover::INFO.name, "move")?;
    let mut judged = Vec::with_capacity(share.items.len());
    let mut busy: Option<Failure> = None;
    for wanted in &share.items {
        if let Some(failure) = &busy {
            judged.push(Err(failure.clone()));
            continue;
        }
        let answer = one(search, moves, &share.mailbox, source, wanted).await;
        let answer = answer.map_err(|error| (error.kind, from_exchange(error)));
        judged.push(answer.map_err(|(kind, failure)| {
            if matches!(kind, ErrorKind::Throttled | ErrorKind::Transient) {
                busy = Some(failure.clone());
            }
            failure
        }));
    }
    Ok(judged)
}

impl TypedAction<Ports> for Recover {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.recover",
        summary: "Bring deleted messages back",
        description: "Brings messages back that were deleted with `mode: soft` or `mode: trash`, each into the folder \
                      it belongs in: those of one mailbox (`mailbox` and `messages`), or of many (`items`). They are \
                      looked for by `Message-ID`, and by when they were received. They get new ids. A message that \
                      is in its folder already counts as done. If some messages cannot be brought back the step \
                      fails and lists them, or says so in `failed` with `on_item_error: collect`; trying again does \
                      no harm.",
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
        ports: &["search", "move"],
        inverse: Some("mail.delete"),
        undo: &[(None, "deleting the messages again")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        need(&ports.search, Self::INFO.name, "search")?;
        need(&ports.moves, Self::INFO.name, "move")?;
        let (from, on_item_error) = (input.from, input.on_item_error);
        let about = About::either(input.mailbox, input.messages, input.items, |missing: Missing| {
            let Missing { mailbox, internet_message_id, received_at, folder } = missing;
            (mailbox, Wanted { internet_message_id, received_at, folder })
        })?;
        let shares =
            shares(about.items, |one| (one.internet_message_id.clone(), one.received_at.map(Time::get)));
        let source = FolderRef::WellKnown(match from {
            Source::Recoverable => WellKnownFolder::RecoverableItemsDeletions,
            Source::Trash => WellKnownFolder::DeletedItems,
        });
        let id = |one: &Wanted| one.internet_message_id.clone();
        let verdicts = judge(&context, about.one.is_some(), &shares, id, |share| {
            Box::pin(in_mailbox(&ports, &source, share))
        })
        .await?;
        let output = Output {
            results: verdicts.iter().map(Recovered::new).collect(),
            recovered: count(&verdicts, |one| one.outcome.as_ref().is_ok_and(|done| !done.already)),
            already_there: count(&verdicts, |one| one.outcome.as_ref().is_ok_and(|done| done.already)),
            failed: count(&verdicts, |one| one.outcome.is_err()),
            mailboxes: by_mailbox(&verdicts),
            mailbox: about.one.map(|mailbox| mailbox.as_str().to_owned()),
            from: Some(from),
        };
        let inverse = Self::inverse(&output);
        ended("brought back", on_item_error, &context, &verdicts, output, inverse)
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let mode = match output.from? {
            Source::Recoverable => "soft",
            Source::Trash => "trash",
        };
        let recovered: Vec<&Recovered> =
            output.results.iter().filter(|one| one.result == Fate::Recovered).collect();
        let input = match &output.mailbox {
            Some(mailbox) => {
                let ids: Vec<&str> = recovered.iter().map(|one| one.item_id.as_str()).collect();
                json!({ "mailbox": mailbox, "item_ids": ids, "mode": mode })
            }
            None => {
                let items: Vec<_> = recovered
                    .iter()
                    .map(|one| json!({ "mailbox": one.mailbox, "item_id": one.item_id }))
                    .collect();
                json!({ "items": items, "mode": mode })
            }
        };
        (!recovered.is_empty()).then(|| Inverse::new("mail.delete", input))
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "A message that was deleted by mistake".to_owned(),
            input: json!({
                "mailbox": "alice@corp.example",
                "messages": [{ "internet_message_id": "<deleted-1@partner.test>", "folder": "inbox" }]
            }),
            output: json!(null),
        }]
    }
}
