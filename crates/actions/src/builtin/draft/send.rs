//! `draft.send`: sends a draft, at most once per step of a run.
//!
//! The draft may be anybody's, so before it is sent it gets the key of this step, by which a probe finds it among the
//! drafts or the sent messages. Its recipients are in no input that a plan or an approval could show; `only_to` says
//! whom it may go to, and is held against what the server reads in the draft right before it is sent, in every attempt.
//! Who changes the draft between that look and the sending has the rights to send from this mailbox without us. Left
//! out: an author to hold it against, because the server alone decides whom a mailbox may send as.

use action_api::plan::{Failure, FailureKind};
use action_api::{ActionInfo, Context, Example, Probe, TypedAction};
use exchange::port::KeyState;
use exchange::{DraftChange, DraftContent, ItemRef, Ports};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::failure::{from_exchange, invalid};
use crate::input::{ItemId, MailboxName, Recipient};
use crate::letter;
use crate::outgoing::{self, Output, Way};
use crate::unsent;

/// Sends a draft.
pub(crate) struct Send;

/// Input of `draft.send`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Input {
    /// The mailbox the draft is in.
    mailbox: MailboxName,
    /// Which draft: an id as `draft.create` gives it. What is no draft is refused.
    item_id: ItemId,
    /// Whom it may go to: 1 to 300 addresses. A draft with a recipient that is not among them is not sent. Without
    /// this the draft goes to whoever is in it.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<Recipient>", length(min = 1, max = 300))]
    only_to: Option<Vec<Recipient>>,
    /// Whether a copy is kept in Sent Items. Otherwise it goes to Deleted Items: without any copy nobody could tell
    /// after a crash whether the message was sent.
    #[serde(default = "yes")]
    save_copy: bool,
}

fn yes() -> bool {
    true
}

/// Refuses a draft to nobody, and one to somebody who was not allowed.
fn check(input: &Input, content: &DraftContent) -> Result<(), Failure> {
    let to = outgoing::bare(&[&content.to, &content.cc, &content.bcc]);
    if to.is_empty() {
        return Err(invalid("draft.send: the draft has no recipient; give it one with draft.update"));
    }
    let Some(only) = &input.only_to else { return Ok(()) };
    let allowed = |address: &&String| only.iter().any(|one| one.as_str().eq_ignore_ascii_case(address));
    let others = to.iter().filter(|address| !allowed(address)).count();
    if others > 0 {
        return Err(invalid(format!(
            "draft.send: {others} of {} recipients of the draft are not in `only_to`; nothing was sent",
            to.len()
        )));
    }
    Ok(())
}

impl Input {
    /// The draft with our key and the marks of a machine.
    async fn marked(&self, way: &Way<'_>, key: &str, item: ItemRef) -> Result<ItemRef, Failure> {
        let change = DraftChange {
            headers: letter::marks("auto-generated"),
            key: Some(key.to_owned()),
            ..DraftChange::default()
        };
        let drafts = way.drafts();
        drafts.change_draft(self.mailbox.get(), &item, &change).await.map_err(outgoing::not_drafted)
    }
}

fn nothing() -> Output {
    Output { internet_message_id: None, sent_item_id: None, to: Vec::new(), subject: None }
}

impl TypedAction<Ports> for Send {
    const INFO: ActionInfo = ActionInfo {
        name: "draft.send",
        summary: "Send a draft",
        description: "Sends a draft and keeps a copy in Sent Items. Before that the draft gets a key of this step and \
                      the marks `Auto-Submitted: auto-generated` and `X-Auto-Response-Suppress: All`: after a crash \
                      the key tells whether it went out, and it does not go out twice. With `only_to` it goes to \
                      nobody else. An id of a message that was sent or received is refused. What was sent cannot be \
                      taken back.",
        effect: outgoing::EFFECT,
        repeat: outgoing::REPEAT,
        errors: outgoing::ERRORS,
        connection: Some("exchange"),
        ports: &["drafts", "submit"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        let way = Way::new(&ports, Self::INFO.name, input.mailbox.get(), &context)?;
        let draft = match way.standing_before().await? {
            KeyState::Sent(item) => return Ok(way.told(Some(item), nothing()).await),
            KeyState::Draft(item) => item,
            KeyState::Absent => input.item_id.item(),
        };
        // What stands in it is looked at in every attempt: a person may have changed it in between.
        let content = match way.drafts().draft(input.mailbox.get(), &draft).await {
            Err(error) if error.kind == exchange::ErrorKind::NotFound && context.attempt > 1 => {
                return Err(way.vanished());
            }
            other => other.map_err(from_exchange)?,
        };
        if !content.is_draft {
            return Err(unsent::none(Self::INFO.name));
        }
        check(&input, &content)?;
        let draft = input.marked(&way, &context.key, draft).await?;
        let sent = way.send(&draft, input.save_copy).await?;
        Ok(way.told(sent, Output::of(content)).await)
    }

    async fn probe(ports: Ports, context: Context, input: Input) -> Result<Probe, Failure> {
        let way = Way::new(&ports, Self::INFO.name, input.mailbox.get(), &context)?;
        match way.probe(nothing()).await? {
            Probe::NotYet { settle } => {
                // Without our key it was not even begun, if it is still there.
                match unsent::find(way.drafts(), Self::INFO.name, &input.mailbox, &input.item_id).await {
                    Ok(None) => Ok(Probe::NotYet { settle }),
                    Err(failure) if failure.kind != FailureKind::Invalid => Err(failure),
                    _ => Ok(Probe::NotDone),
                }
            }
            found => Ok(found),
        }
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Send a draft that was approved, to the team and nobody else".to_owned(),
            input: json!({
                "mailbox": "alice@corp.example",
                "item_id": "AAMkAGExampleDraft=",
                "only_to": ["soc@corp.example"]
            }),
            output: json!(null),
        }]
    }
}
