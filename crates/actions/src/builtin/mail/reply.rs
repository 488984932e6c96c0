//! `mail.reply`: answers a message, at most once per step of a run, and never a machine.
//!
//! The server writes recipients, subject and the headers of the thread from the original unless the step says
//! otherwise. The original is quoted only where that is asked for: it would carry the attacker's links back to a
//! person.

use action_api::plan::Failure;
use action_api::{ActionInfo, Context, Example, Probe, TypedAction};
use exchange::port::Read;
use exchange::{Draft, ItemRef, Message, Ports};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::automatic;
use crate::enclosure::{self, Enclosure, size_limit};
use crate::failure::{invalid, need};
use crate::input::{ItemId, Line, MailboxName, Recipient};
use crate::letter::{self, Importance};
use crate::original;
use crate::outgoing::{self, Output, Way};

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
    /// Whose answer it is, where that is not the mailbox: somebody the mailbox may send as or on behalf of.
    #[serde(default)]
    #[schemars(with = "MailboxName")]
    from: Option<MailboxName>,
    /// Recipients instead of those the server takes from the message: one plain address each.
    #[serde(default)]
    #[schemars(length(max = 100))]
    to: Vec<Recipient>,
    /// Recipients of copies, beside those of `reply_all`.
    #[serde(default)]
    #[schemars(length(max = 100))]
    cc: Vec<Recipient>,
    /// Recipients of blind copies.
    #[serde(default)]
    #[schemars(length(max = 100))]
    bcc: Vec<Recipient>,
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
    /// Whether the text of the message stands below the answer. Its links come along.
    #[serde(default)]
    quote: bool,
    /// `low`, `normal` or `high`.
    #[serde(default)]
    #[schemars(with = "Importance")]
    importance: Option<Importance>,
    /// What is attached: artifacts of this run.
    #[serde(default)]
    #[schemars(length(max = 50))]
    attachments: Vec<Enclosure>,
    /// The most that the attachments may have together, in bytes. Servers have limits of their own.
    #[serde(default = "size_limit")]
    #[schemars(range(min = 1, max = 157_286_400))]
    max_size: u64,
    /// Whether a copy is kept in Sent Items. Otherwise it goes to Deleted Items: without any copy nobody could tell
    /// after a crash whether the answer was sent.
    #[serde(default = "yes")]
    save_copy: bool,
    /// Answers automatic mail too: out-of-office notes, bounces, receipts, lists, Portcullis itself. Two machines
    /// that answer each other do not stop.
    #[serde(default)]
    answer_automatic: bool,
}

fn yes() -> bool {
    true
}

fn compose(context: &Context, input: &mut Input) -> Result<Draft, Failure> {
    if input.reply_all && !input.to.is_empty() {
        return Err(invalid("mail.reply takes `to` or `reply_all: true`, not both"));
    }
    Ok(Draft {
        from: input.from.as_ref().map(MailboxName::address),
        to: Recipient::addresses(&input.to),
        cc: Recipient::addresses(&input.cc),
        bcc: Recipient::addresses(&input.bcc),
        subject: input.subject.as_ref().map(|subject| subject.as_str().to_owned()),
        body: letter::body(Reply::INFO.name, input.text.take(), input.html.take())?,
        quotes: input.quote,
        importance: input.importance.map(Importance::said),
        headers: letter::marks("auto-replied"),
        key: context.key.clone(),
        ..Draft::default()
    })
}

/// Refuses what a machine must not answer, so that no two of them go on for ever.
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

async fn make(
    way: &Way<'_>,
    read: &dyn Read,
    input: &Input,
    draft: &Draft,
    attachments: &[exchange::NewAttachment],
) -> Result<ItemRef, Failure> {
    let original = original::message(read, input.mailbox.get(), &input.item_id).await?;
    refuse_automatic(&original, input)?;
    enclosure::distinct(Reply::INFO.name, &original.attachments, attachments)?;
    way.answer(&original.summary.item, draft, input.reply_all).await
}

impl TypedAction<Ports> for Reply {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.reply",
        summary: "Answer a message",
        description: "Answers a message and keeps a copy in Sent Items, by a draft with a key of its own like \
                      `mail.send`: after a crash it does not go out twice. The answer belongs to the thread of the \
                      message. It carries `Auto-Submitted: auto-replied` and `X-Auto-Response-Suppress: All`. \
                      Automatic mail (a mark of RFC 3834, an empty return path, bulk precedence, a list, a receipt, \
                      our own) is not answered: the step fails as `invalid`. The original is not quoted unless `quote` \
                      says so. What was sent cannot be taken back.",
        effect: outgoing::EFFECT,
        repeat: outgoing::REPEAT,
        errors: outgoing::ERRORS,
        connection: Some("exchange"),
        ports: &["drafts", "read", "submit"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, mut input: Input) -> Result<Output, Failure> {
        let draft = compose(&context, &mut input)?;
        let way = Way::new(&ports, Self::INFO.name, input.mailbox.get(), &context)?;
        let read = need(&ports.read, Self::INFO.name, "read")?;
        let attachments = enclosure::ready(&context, &input.attachments, input.max_size)?;
        let made = make(&way, read, &input, &draft, &attachments);
        let prepared = way.prepared(made, &attachments).await?;
        // Read before it is sent: only the draft tells for sure whom the server wrote into it.
        way.deliver(prepared, Output::planned(&draft), input.save_copy, true).await
    }

    async fn probe(ports: Ports, context: Context, mut input: Input) -> Result<Probe, Failure> {
        let draft = compose(&context, &mut input)?;
        Way::new(&ports, Self::INFO.name, input.mailbox.get(), &context)?.probe(Output::planned(&draft)).await
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "Thank the reporter".to_owned(),
                input: json!({
                    "mailbox": "alice@corp.example",
                    "item_id": "AAMkAGExamplePhish=",
                    "text": "Thank you. The mail was malicious and has been removed."
                }),
                output: json!(null),
            },
            Example {
                title: "Answer everybody, with a copy to the team".to_owned(),
                input: json!({
                    "mailbox": "alice@corp.example",
                    "item_id": "AAMkAGExamplePhish=",
                    "reply_all": true,
                    "cc": ["soc@corp.example"],
                    "html": "<p>Do not open the attachment.</p>"
                }),
                output: json!(null),
            },
        ]
    }
}
