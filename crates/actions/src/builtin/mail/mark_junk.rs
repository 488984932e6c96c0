//! `mail.mark_junk`: marks one message as junk, or as no junk, and blocks or unblocks its sender.
//!
//! A message that is moved gets a new id, so before a repeat the probe looks whether the old id is gone and the
//! `Message-ID` stands where it should. Left out: reading the list of blocked senders, which no wire shows.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, Probe, TypedAction};
use exchange::port::Search;
use exchange::{FolderRef, ItemRef, Ports, WellKnownFolder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{done, from_exchange, invalid, need};
use crate::input::{FolderName, ItemId, MailboxName};
use crate::relocated::{arrived, gone, original};

/// Marks a message as junk.
pub(crate) struct MarkJunk;

/// Input of `mail.mark_junk`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Input {
    /// The mailbox the message is in.
    mailbox: MailboxName,
    /// Which message: an id as `mail.search` gives it.
    item_id: ItemId,
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
    /// Portcullis stops in the middle; without it such a step ends as unknown.
    #[serde(default)]
    #[schemars(extend("pattern" = r"\S"))]
    internet_message_id: Option<String>,
}

fn yes() -> bool {
    true
}

/// Output of `mail.mark_junk`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox.
    mailbox: String,
    /// The id the message had.
    item_id: String,
    /// The id the message has now.
    new_item_id: String,
    /// Whether it is marked as junk now.
    junk: bool,
    /// Whether it was moved.
    moved: bool,
    /// The folder it was in, as `id:ID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from_folder: Option<String>,
    /// The `Message-ID` header.
    #[schemars(extend("x-untrusted" = true))]
    internet_message_id: Option<String>,
}

/// The folder where the message stands in the end.
fn target(input: &Input) -> FolderRef {
    match &input.folder {
        Some(folder) if !input.junk => folder.get().clone(),
        _ => landing(input),
    }
}

/// Where the server itself moves it.
fn landing(input: &Input) -> FolderRef {
    FolderRef::WellKnown(if input.junk { WellKnownFolder::JunkEmail } else { WellKnownFolder::Inbox })
}

/// Moves a message on that the server put into the Inbox. Gives the id it has then.
async fn move_on(ports: &Ports, input: &Input, item: ItemRef) -> Result<ItemRef, Failure> {
    let target = target(input);
    if target == landing(input) {
        return Ok(item);
    }
    let read = need(&ports.read, MarkJunk::INFO.name, "read")?;
    let mut there =
        read.summaries(input.mailbox.get(), std::slice::from_ref(&item)).await.map_err(from_exchange)?;
    let folder = there.pop().and_then(Result::ok).and_then(|message| message.folder_id);
    if folder.is_some_and(|id| target == FolderRef::Id(id)) {
        return Ok(item);
    }
    let moves = need(&ports.moves, MarkJunk::INFO.name, "move")?;
    let moved = moves.move_to(input.mailbox.get(), &[item], &target).await.map_err(from_exchange)?;
    let nothing = || invalid("the server did not say what became of the message");
    moved.into_iter().next().ok_or_else(nothing)?.map_err(from_exchange)
}

/// The message as an earlier attempt left it, if it has come to where it is to stand.
async fn moved(search: &dyn Search, input: &Input) -> Result<Option<Output>, Failure> {
    let folder = target(input);
    let found = arrived(search, &input.mailbox, folder, input.internet_message_id.as_ref()).await?;
    Ok(found.map(|summary| Output {
        mailbox: input.mailbox.get().as_str().to_owned(),
        item_id: input.item_id.as_str().to_owned(),
        new_item_id: summary.item.id,
        junk: input.junk,
        moved: true,
        from_folder: None,
        internet_message_id: summary.internet_message_id,
    }))
}

impl TypedAction<Ports> for MarkJunk {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.mark_junk",
        summary: "Mark a message as junk and block its sender",
        description: "Marks one message as junk: its sender is put on the mailbox's list of blocked senders, and the \
                      message goes to Junk E-mail. With `junk: false` the other way round. A message that is moved \
                      gets a new id. Give `internet_message_id` as well: after a crash the message is found by it, \
                      and the step need not end as unknown. The list of blocked senders has a limit and cannot be \
                      read.",
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
        let junk = need(&ports.junk, Self::INFO.name, "junk")?;
        need(&ports.moves, Self::INFO.name, "move")?;
        let read = need(&ports.read, Self::INFO.name, "read")?;
        let search = need(&ports.search, Self::INFO.name, "search")?;
        let Some(message) = original(read, &input.mailbox, &input.item_id).await? else {
            if context.attempt == 1 || !input.moves {
                return Err(gone(&input.mailbox));
            }
            if let Some(output) = moved(search, &input).await? {
                return Ok(output);
            }
            // The earlier attempt came half way.
            let half = arrived(search, &input.mailbox, landing(&input), input.internet_message_id.as_ref());
            let Some(half) = half.await? else { return Err(gone(&input.mailbox)) };
            let item = move_on(&ports, &input, half.item).await?;
            return Ok(Output {
                mailbox: input.mailbox.get().as_str().to_owned(),
                item_id: input.item_id.as_str().to_owned(),
                new_item_id: item.id,
                junk: input.junk,
                moved: true,
                from_folder: None,
                internet_message_id: half.internet_message_id,
            });
        };
        let items = std::slice::from_ref(&message.item);
        let answers = junk
            .mark_junk(input.mailbox.get(), items, input.junk, input.moves)
            .await
            .map_err(from_exchange)?;
        let marked = match answers.into_iter().next() {
            Some(Ok(marked)) => marked,
            Some(Err(error)) => return Err(from_exchange(error)),
            None => return Err(invalid("the server did not say what became of the message")),
        };
        let now = match marked.moved {
            Some(item) => Some(move_on(&ports, &input, item).await?),
            None => None,
        };
        Ok(Output {
            mailbox: input.mailbox.get().as_str().to_owned(),
            item_id: input.item_id.as_str().to_owned(),
            moved: now.is_some(),
            new_item_id: now.map_or_else(|| input.item_id.as_str().to_owned(), |item| item.id),
            junk: input.junk,
            from_folder: message.folder_id.map(|id| format!("id:{id}")),
            internet_message_id: message.internet_message_id,
        })
    }

    async fn probe(ports: Ports, _: Context, input: Input) -> Result<Probe, Failure> {
        let read = need(&ports.read, Self::INFO.name, "read")?;
        // Where it is still there, nothing was moved, and a mark that is set twice does no harm.
        if original(read, &input.mailbox, &input.item_id).await?.is_some() {
            return Ok(Probe::NotDone);
        }
        let search = need(&ports.search, Self::INFO.name, "search")?;
        match moved(search, &input).await? {
            Some(output) if input.moves => return done(&output),
            _ if !input.moves || target(&input) == landing(&input) => return Ok(Probe::Unknown),
            _ => {}
        }
        let half = arrived(search, &input.mailbox, landing(&input), input.internet_message_id.as_ref());
        Ok(if half.await?.is_some() { Probe::NotDone } else { Probe::Unknown })
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let mut input = json!({
            "mailbox": output.mailbox,
            "item_id": output.new_item_id,
            "junk": !output.junk,
            "move": output.moved
        });
        if let (Some(message_id), Some(fields)) = (&output.internet_message_id, input.as_object_mut()) {
            fields.insert("internet_message_id".to_owned(), json!(message_id));
        }
        // Back to where it was, which need not be the Inbox.
        let folder = output.from_folder.as_ref().filter(|_| output.junk && output.moved);
        if let (Some(folder), Some(fields)) = (folder, input.as_object_mut()) {
            fields.insert("folder".to_owned(), json!(folder));
        }
        Some(Inverse::new(Self::INFO.name, input))
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
