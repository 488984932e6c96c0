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

use crate::failure::{from_exchange, need, some_items, with_inverse};
use crate::input::{FolderName, MailboxName, Time};

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
pub(crate) struct Input {
    /// The mailbox the messages were in.
    mailbox: MailboxName,
    /// Which messages, and where each belongs: 1 to 1,000.
    #[schemars(length(min = 1, max = 1000), extend("x-effect-items" = true))]
    messages: Vec<Wanted>,
    /// Where they are now: `recoverable` (after `mode: soft` of `mail.delete`) or `trash` (after `mode: trash`).
    #[serde(default = "recoverable")]
    from: Source,
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

/// Output of `mail.recover`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// One result per message, in the order asked for.
    #[schemars(length(max = 1000))]
    results: Vec<Recovered>,
    /// How many were brought back now.
    recovered: u32,
    /// How many were in their folder already.
    already_there: u32,
    /// The mailbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mailbox: Option<String>,
    /// Where they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Source>,
}

/// One message that is where it belongs.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recovered {
    /// Its `Message-ID` header.
    #[schemars(extend("x-untrusted" = true))]
    internet_message_id: String,
    /// The id it has now.
    item_id: String,
    /// `recovered`: by this step. `already_there`: it was in its folder.
    result: Fate,
}

/// What became of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// By this step.
    Recovered,
    /// It was in its folder.
    AlreadyThere,
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
) -> Result<(String, Fate), Error> {
    let Some(deleted) = find(search, mailbox, source, wanted).await? else {
        return match find(search, mailbox, wanted.folder.get(), wanted).await? {
            Some(there) => Ok((there.item.id, Fate::AlreadyThere)),
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
    Ok((item.id, Fate::Recovered))
}

impl TypedAction<Ports> for Recover {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.recover",
        summary: "Bring deleted messages back",
        description: "Brings messages back that were deleted with `mode: soft` or `mode: trash`, each into the folder \
                      it belongs in. They are looked for by `Message-ID`, and by when they were received. They get \
                      new ids. A message that is in its folder already counts as done. If some messages cannot be \
                      brought back the step fails and lists them; trying again does no harm.",
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

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let search = need(&ports.search, Self::INFO.name, "search")?;
        let moves = need(&ports.moves, Self::INFO.name, "move")?;
        let mailbox = input.mailbox.get();
        let source = FolderRef::WellKnown(match input.from {
            Source::Recoverable => WellKnownFolder::RecoverableItemsDeletions,
            Source::Trash => WellKnownFolder::DeletedItems,
        });
        let mut output = Output {
            results: Vec::new(),
            recovered: 0,
            already_there: 0,
            mailbox: Some(mailbox.as_str().to_owned()),
            from: Some(input.from),
        };
        let mut failed = Vec::new();
        for wanted in &input.messages {
            match one(search, moves, mailbox, &source, wanted).await {
                Ok((item_id, result)) => {
                    let count = match result {
                        Fate::Recovered => &mut output.recovered,
                        Fate::AlreadyThere => &mut output.already_there,
                    };
                    *count = count.saturating_add(1);
                    let internet_message_id = wanted.internet_message_id.clone();
                    output.results.push(Recovered { internet_message_id, item_id, result });
                }
                Err(error) if matches!(error.kind, ErrorKind::Throttled | ErrorKind::Transient) => {
                    return Err(from_exchange(error));
                }
                Err(error) => failed.push((wanted.internet_message_id.clone(), error)),
            }
        }
        let failed = some_items("brought back", input.messages.len(), failed);
        failed.map_or(Ok(()), |failure| Err(with_inverse(failure, Self::inverse(&output))))?;
        Ok(output)
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let mode = match output.from? {
            Source::Recoverable => "soft",
            Source::Trash => "trash",
        };
        let recovered = output.results.iter().filter(|one| one.result == Fate::Recovered);
        let ids: Vec<&str> = recovered.map(|one| one.item_id.as_str()).collect();
        let input = json!({ "mailbox": output.mailbox, "item_ids": ids, "mode": mode });
        (!ids.is_empty()).then(|| Inverse::new("mail.delete", input))
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
