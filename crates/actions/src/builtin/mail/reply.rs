//! `mail.reply`: answers a message, at most once per step of a run, and never a machine.
//!
//! The server writes recipients and subject from the original unless the step names recipients. Left out:
//! attachments, and a quote of the original, which would carry the attacker's links back to a person.

use action_api::plan::{Blame, Failure, FailureKind};
use action_api::{ActionInfo, Context, Example, Probe, TypedAction};
use exchange::port::{KeyState, Read};
use exchange::{Draft, ItemRef, Mailbox, Message, Ports};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::automatic;
use crate::failure::{done, from_exchange, invalid, need};
use crate::input::{ItemId, Line, MailboxName, Recipient};
use crate::outgoing::{self, Output};

/// Answers a message.
pub(crate) struct Reply;

/// Input of `mail.reply`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Input {
    /// The mailbox the message is in; the answer is sent from it.
    mailbox: MailboxName,
    /// Which message to answer: an id as `mail.search` gives it.
    item_id: ItemId,
    /// Recipients instead of those the server takes from the message: one plain address each.
    #[serde(default)]
    #[schemars(length(max = 100))]
    to: Vec<Recipient>,
    /// Answers everybody who got the message, not only who sent it. Not together with `to`.
    #[serde(default)]
    reply_all: bool,
    /// Subject, one line; without it the server writes `RE: …`.
    #[serde(default)]
    #[schemars(with = "Line")]
    subject: Option<Line>,
    /// Body as plain text. Give this or `html`.
    #[serde(default)]
    #[schemars(with = "String")]
    text: Option<String>,
    /// Body as HTML. Give this or `text`.
    #[serde(default)]
    #[schemars(with = "String")]
    html: Option<String>,
    /// Answers automatic mail too: out-of-office notes, bounces, receipts, lists, Portcullis itself. Two machines
    /// that answer each other do not stop.
    #[serde(default)]
    answer_automatic: bool,
}

fn compose(context: &Context, input: &mut Input) -> Result<Draft, Failure> {
    if input.reply_all && !input.to.is_empty() {
        return Err(invalid("mail.reply takes `to` or `reply_all: true`, not both"));
    }
    Ok(Draft {
        to: Recipient::addresses(&input.to),
        cc: Vec::new(),
        bcc: Vec::new(),
        subject: input.subject.as_ref().map(|subject| subject.as_str().to_owned()),
        body: outgoing::body("mail.reply", input.text.take(), input.html.take())?,
        headers: outgoing::marks("auto-replied"),
        key: context.key.clone(),
    })
}

async fn message(read: &dyn Read, mailbox: &Mailbox, item: ItemRef) -> Result<Message, Failure> {
    let answers = read.get(mailbox, &[item]).await.map_err(from_exchange)?;
    match answers.into_iter().next() {
        Some(answer) => answer.map_err(from_exchange),
        None => Err(Failure::new(
            FailureKind::Invalid,
            Blame::Server,
            format!("the server did not answer for the message in {mailbox}"),
        )),
    }
}

/// Refuses what a machine must not answer (P18 of the contract with our users: no loops).
fn refuse_automatic(original: &Message, input: &Input) -> Result<(), Failure> {
    if !input.answer_automatic
        && let Some(reason) = automatic::reason(&original.headers)
    {
        return Err(invalid(format!(
            "mail.reply does not answer automatic mail, and {reason}; `answer_automatic: true` answers it all the same"
        )));
    }
    let nobody = original.summary.from.as_ref().is_none_or(|from| from.address.trim().is_empty());
    if input.to.is_empty() && nobody {
        return Err(invalid("the message has no sender to answer; give recipients in `to`"));
    }
    Ok(())
}

/// What the answer says about itself. It is out already, so a copy that cannot be read is no failure.
async fn output(read: &dyn Read, mailbox: &Mailbox, item: ItemRef, draft: &Draft) -> Output {
    let sent_item_id = Some(item.id.clone());
    match message(read, mailbox, item).await {
        Ok(sent) => {
            Output { sent_item_id, to: outgoing::bare(&[&sent.to, &sent.cc]), subject: sent.summary.subject }
        }
        Err(_) => Output { sent_item_id, to: outgoing::bare(&[&draft.to]), subject: draft.subject.clone() },
    }
}

impl TypedAction<Ports> for Reply {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.reply",
        summary: "Answer a message",
        description: "Answers a message and keeps a copy in Sent Items, by a draft with a key of its own like \
                      `mail.send`: after a crash it does not go out twice. The answer carries \
                      `Auto-Submitted: auto-replied` and `X-Auto-Response-Suppress: All`. Automatic mail (a mark of \
                      RFC 3834, an empty return path, bulk precedence, a list, a receipt, our own) is not answered: \
                      the step fails as `invalid`. The original is not quoted.",
        effect: outgoing::EFFECT,
        repeat: outgoing::REPEAT,
        errors: outgoing::ERRORS,
        connection: Some("exchange"),
        ports: &["read", "submit"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, mut input: Input) -> Result<Output, Failure> {
        let port = need(&ports.submit, Self::INFO.name, "submit")?;
        let read = need(&ports.read, Self::INFO.name, "read")?;
        let draft = compose(&context, &mut input)?;
        let mailbox = input.mailbox.get();
        let kept = match outgoing::standing_before(port, mailbox, &context).await? {
            KeyState::Sent(item) => return Ok(output(read, mailbox, item, &draft).await),
            KeyState::Draft(item) => item,
            KeyState::Absent => {
                let original = message(read, mailbox, input.item_id.item()).await?;
                refuse_automatic(&original, &input)?;
                port.create_reply(mailbox, &original.summary.item, &draft, input.reply_all)
                    .await
                    .map_err(outgoing::not_drafted)?
            }
        };
        // Read before it is sent: only the draft tells for sure whom the server wrote into it.
        let known = output(read, mailbox, kept.clone(), &draft).await;
        let sent = outgoing::send_draft(port, mailbox, &kept, &context.key).await?;
        Ok(Output { sent_item_id: sent.map(|item| item.id), ..known })
    }

    async fn probe(ports: Ports, context: Context, mut input: Input) -> Result<Probe, Failure> {
        let port = need(&ports.submit, Self::INFO.name, "submit")?;
        let read = need(&ports.read, Self::INFO.name, "read")?;
        let draft = compose(&context, &mut input)?;
        let mailbox = input.mailbox.get();
        match outgoing::standing(port, mailbox, &context.key).await? {
            KeyState::Sent(item) => done(&output(read, mailbox, item, &draft).await),
            other => Ok(outgoing::unsent(port, &other)),
        }
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Thank the reporter".to_owned(),
            input: json!({
                "mailbox": "alice@corp.example",
                "item_id": "AAMkAGExamplePhish=",
                "text": "Thank you. The mail was malicious and has been removed."
            }),
            output: json!(null),
        }]
    }
}
