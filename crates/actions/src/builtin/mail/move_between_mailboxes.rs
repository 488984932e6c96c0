//! `mail.move_between_mailboxes`: takes a message out of one mailbox and puts it into another.
//!
//! Servers have no such operation, so it is three, in an order in which nothing is lost wherever it stops: the whole
//! message is exported, put into the other mailbox and looked at there, and only then deleted here. An attempt after the
//! first looks for a copy in the destination, so it goes on with the deletion where the one before was stopped. A copy
//! is a message with the same `Message-ID`, received at the same time, of about the same size. The first attempt looks
//! for none: what is there then is somebody else's, such as the same mail of another recipient. Left out: several messages at once, which a `for_each` does.

use std::sync::Arc;

use action_api::plan::{Blame, Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, Probe, TypedAction};
use exchange::{DeleteMode, ErrorKind, FolderRef, ItemRef, MessageSummary, Ports, SearchRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::exported::Exported;
use crate::failure::{done, from_exchange, invalid, need};
use crate::input::{FolderName, ItemId, MailboxName};
use crate::relocated::{arrived, gone, original};

/// How many messages with one `Message-ID` are looked at.
const MOST: u32 = 50;
/// By how many bytes a copy may differ: servers count what they keep beside the mail, too.
const SLACK: u64 = 16 * 1024;

/// Moves a message to another mailbox.
pub(crate) struct MoveBetweenMailboxes;

/// Input of `mail.move_between_mailboxes`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults, extend("x-deletes" = true))]
pub(crate) struct Input {
    /// The mailbox the message is in.
    mailbox: MailboxName,
    /// Which message: an id as `mail.search` gives it.
    item_id: ItemId,
    /// The mailbox it goes to. The connection has to be allowed to open it.
    destination_mailbox: MailboxName,
    /// Where it goes there: a well-known name (`inbox`), a path (`Inbox/Reported`), or `id:` and the server's id. The
    /// folder must exist.
    #[serde(default = "FolderName::inbox")]
    folder: FolderName,
    /// The `Message-ID` header of the message, as `mail.search` gives it. By it the message is found in the destination
    /// if Portcullis stops after it was deleted here; without it such a step ends as unknown.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "String", extend("pattern" = r"\S"))]
    internet_message_id: Option<String>,
}

/// Output of `mail.move_between_mailboxes`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox the message was in.
    mailbox: String,
    /// The id it had there.
    item_id: String,
    /// The folder it was in there, in the form `id:…`; null if that is not known any more.
    from_folder: Option<String>,
    /// The mailbox it is in now.
    destination_mailbox: String,
    /// The id it has there.
    new_item_id: String,
    /// The `Message-ID` header.
    #[schemars(extend("x-untrusted" = true))]
    internet_message_id: Option<String>,
    /// Its size in bytes, as the destination counts it.
    size: u64,
}

impl Output {
    fn new(input: &Input, from_folder: Option<String>, copy: MessageSummary) -> Self {
        Output {
            mailbox: input.mailbox.as_str().to_owned(),
            item_id: input.item_id.as_str().to_owned(),
            from_folder: from_folder.map(|id| format!("id:{id}")),
            destination_mailbox: input.destination_mailbox.as_str().to_owned(),
            new_item_id: copy.item.id,
            internet_message_id: copy.internet_message_id,
            size: copy.size,
        }
    }
}

/// Whether a message is a whole copy of another.
fn is_copy(message: &MessageSummary, copy: &MessageSummary) -> bool {
    message.internet_message_id == copy.internet_message_id
        && message.received_at == copy.received_at
        && message.has_attachments == copy.has_attachments
        && message.size.abs_diff(copy.size) <= SLACK.max(message.size / 20)
}

/// The copy that an earlier attempt left in the destination.
async fn left_behind(
    ports: &Ports,
    input: &Input,
    message: &MessageSummary,
    again: bool,
) -> Result<Option<MessageSummary>, Failure> {
    let search = need(&ports.search, MoveBetweenMailboxes::INFO.name, "search")?;
    let Some(message_id) = message.internet_message_id.as_ref().filter(|_| again) else { return Ok(None) };
    let query =
        exchange::Query { internet_message_id: Some(message_id.clone()), ..exchange::Query::default() };
    let request = SearchRequest {
        mailbox: input.destination_mailbox.get().clone(),
        folder: input.folder.get().clone(),
        query,
        restriction: None,
        offset: 0,
        limit: MOST,
    };
    let found = search.search(&request).await.map_err(from_exchange)?;
    Ok(found.messages.into_iter().find(|found| is_copy(message, found)))
}

/// Exports the message and makes a copy of it in the destination; gives what is there then.
async fn copy(ports: &Ports, input: &Input, message: &MessageSummary) -> Result<MessageSummary, Failure> {
    let transfer = need(&ports.transfer, MoveBetweenMailboxes::INFO.name, "transfer")?;
    let read = need(&ports.read, MoveBetweenMailboxes::INFO.name, "read")?;
    let local = |why: std::io::Error| {
        let words = format!("the message cannot be kept in a temporary file: {why}; make room on the disk");
        Failure::new(FailureKind::Transient, Blame::Host, words)
    };
    let mut whole = Exported::new().map_err(local)?;
    let size =
        transfer.export(input.mailbox.get(), &message.item, &mut whole).await.map_err(from_exchange)?;
    std::io::Write::flush(&mut whole).map_err(local)?;
    let to: (&exchange::Mailbox, &FolderRef) = (input.destination_mailbox.get(), input.folder.get());
    let made = transfer.import(to.0, to.1, Arc::new(whole), size).await.map_err(from_exchange)?;
    let mut found = read.summaries(to.0, std::slice::from_ref(&made)).await.map_err(from_exchange)?;
    let copy = match found.pop() {
        Some(Ok(copy)) => copy,
        Some(Err(error)) => return Err(from_exchange(error)),
        None => return Err(differs(&made, "the destination does not show it")),
    };
    if is_copy(message, &copy) { Ok(copy) } else { Err(differs(&made, "it is not the same there")) }
}

/// The copy is not what was copied, so the original stays.
fn differs(made: &ItemRef, what: &str) -> Failure {
    let words = format!(
        "the message was copied to the destination, but {what}; nothing was deleted. Look at the copy, delete it, and move \
         the message again"
    );
    Failure::new(FailureKind::Conflict, Blame::Server, words).with_details(json!({ "new_item_id": made.id }))
}

/// The server did not say whether it deleted the original, of which there is a copy now.
fn unanswered(input: &Input, copy: &MessageSummary) -> Failure {
    let words = format!(
        "the message was copied to {} and may still be in {}: the server did not say that it deleted it; a repeat goes \
         on with the deletion",
        input.destination_mailbox.get(),
        input.mailbox.get()
    );
    Failure::new(FailureKind::Unknown, Blame::Server, words)
        .with_details(json!({ "new_item_id": copy.item.id }))
}

/// Refuses a move that goes nowhere.
fn check(input: &Input) -> Result<(), Failure> {
    if input.mailbox.as_str().eq_ignore_ascii_case(input.destination_mailbox.as_str()) {
        return Err(invalid(
            "both mailboxes are the same; `mail.move` moves a message inside of its mailbox",
        ));
    }
    Ok(())
}

/// The message where an attempt that came to its end has left it.
async fn finished(ports: &Ports, input: &Input) -> Result<Option<MessageSummary>, Failure> {
    let search = need(&ports.search, MoveBetweenMailboxes::INFO.name, "search")?;
    let folder = input.folder.get().clone();
    arrived(search, &input.destination_mailbox, folder, input.internet_message_id.as_ref()).await
}

impl TypedAction<Ports> for MoveBetweenMailboxes {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.move_between_mailboxes",
        summary: "Move a message to another mailbox",
        description: "Moves one message to another mailbox, with everything in it: when it was received, whether it was \
                      read, categories. It is copied there first, looked at (`Message-ID`, time, attachments, and its \
                      size within 5 % or 16 KiB), and only then deleted here with `mode: soft`; if anything is not as \
                      it was, nothing is deleted. A message that is moved gets a new id. Give `internet_message_id` as \
                      well: by it a step that was stopped after the deletion finds the message.",
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
        let name = Self::INFO.name;
        need(&ports.transfer, name, "transfer")?;
        let read = need(&ports.read, name, "read")?;
        let delete = need(&ports.delete, name, "delete")?;
        check(&input)?;
        let Some(message) = original(read, &input.mailbox, &input.item_id).await? else {
            let there = if context.attempt > 1 { finished(&ports, &input).await? } else { None };
            return there.map(|there| Output::new(&input, None, there)).ok_or_else(|| gone(&input.mailbox));
        };
        let again = context.attempt > 1;
        let there = match left_behind(&ports, &input, &message, again).await? {
            Some(there) => there,
            None if again && message.internet_message_id.is_none() => return Err(nameless()),
            None => copy(&ports, &input, &message).await?,
        };
        let items = [message.item.clone()];
        let deleted = delete.delete(input.mailbox.get(), &items, DeleteMode::Soft).await;
        match deleted.map(|mut deleted| deleted.pop()) {
            Ok(Some(Ok(()))) => {}
            // Somebody else was faster; the copy is what is left of it.
            Ok(Some(Err(error))) if error.kind == ErrorKind::NotFound => {}
            Ok(Some(Err(error))) | Err(error) => return Err(from_exchange(error)),
            Ok(None) => return Err(unanswered(&input, &there)),
        }
        Ok(Output::new(&input, message.folder_id, there))
    }

    async fn probe(ports: Ports, _: Context, input: Input) -> Result<Probe, Failure> {
        let read = need(&ports.read, Self::INFO.name, "read")?;
        check(&input)?;
        match original(read, &input.mailbox, &input.item_id).await? {
            // The attempt that follows goes on with a copy that is there, if it can be recognised.
            Some(message) if message.internet_message_id.is_some() => Ok(Probe::NotDone),
            Some(_) => Ok(Probe::Unknown),
            None => match finished(&ports, &input).await? {
                Some(there) => done(&Output::new(&input, None, there)),
                None => Ok(Probe::Unknown),
            },
        }
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let folder = output.from_folder.as_ref()?;
        let mut input = json!({
            "mailbox": output.destination_mailbox,
            "item_id": output.new_item_id,
            "destination_mailbox": output.mailbox,
            "folder": folder
        });
        if let (Some(message_id), Some(fields)) = (&output.internet_message_id, input.as_object_mut()) {
            fields.insert("internet_message_id".to_owned(), json!(message_id));
        }
        Some(Inverse::new(Self::INFO.name, input))
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Hand a reported message over to the security team".to_owned(),
            input: json!({
                "mailbox": "alice@corp.example",
                "item_id": "AAMkAGExamplePhish=",
                "destination_mailbox": "soc@corp.example",
                "folder": "inbox",
                "internet_message_id": "<overdue-1@evil.test>"
            }),
            output: json!(null),
        }]
    }
}

fn nameless() -> Failure {
    Failure::new(
        FailureKind::Unknown,
        Blame::Server,
        "the message has no Message-ID, so nobody knows whether an earlier attempt copied it; look into the destination",
    )
}
