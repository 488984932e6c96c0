//! `mail.forward`: passes a message on, at most once per step of a run.
//!
//! Inline, the server puts the words of the original below ours and its attachments beside them, links and all. As an
//! attachment the original travels as it is, and nobody opens it by reading: that is what a team wants that looks into
//! a phishing mail.

use action_api::plan::Failure;
use action_api::{ActionInfo, Context, Example, Probe, TypedAction};
use exchange::port::Read;
use exchange::{AttachmentKind, Draft, ItemRef, NewAttachment, Ports};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::artifact::Spool;
use crate::enclosure::{self, Enclosure, size_limit};
use crate::failure::{from_exchange, need, too_large};
use crate::input::{ItemId, Line, MailboxName, Recipient};
use crate::letter::{self, Importance};
use crate::original;
use crate::outgoing::{self, Output, Way};

/// Passes a message on.
pub(crate) struct Forward;

/// Input of `mail.forward`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Input {
    /// The mailbox the message is in; it is passed on from there.
    mailbox: MailboxName,
    /// Which message: an id as `mail.search` gives it.
    item_id: ItemId,
    /// Whose message it is, where that is not the mailbox: somebody the mailbox may send as or on behalf of.
    #[serde(default)]
    #[schemars(with = "MailboxName")]
    from: Option<MailboxName>,
    /// Recipients: one plain address each.
    #[schemars(length(min = 1, max = 100))]
    to: Vec<Recipient>,
    /// Recipients of copies.
    #[serde(default)]
    #[schemars(length(max = 100))]
    cc: Vec<Recipient>,
    /// Recipients of blind copies.
    #[serde(default)]
    #[schemars(length(max = 100))]
    bcc: Vec<Recipient>,
    /// Subject, one line; without it `FW: …`.
    #[serde(default)]
    #[schemars(with = "Line")]
    subject: Option<Line>,
    /// Body as plain text, above the original. Give this or `html`.
    #[serde(default)]
    #[schemars(with = "String")]
    text: Option<String>,
    /// Body as HTML, above the original. Give this or `text`.
    #[serde(default)]
    #[schemars(with = "String")]
    html: Option<String>,
    /// Sends the original as an attached message, just as it is, instead of its words and attachments.
    #[serde(default)]
    as_attachment: bool,
    /// `low`, `normal` or `high`.
    #[serde(default)]
    #[schemars(with = "Importance")]
    importance: Option<Importance>,
    /// What is attached beside the original: artifacts of this run.
    #[serde(default)]
    #[schemars(length(max = 50))]
    attachments: Vec<Enclosure>,
    /// The most that `attachments` may have together, and that the original may have with `as_attachment`. In bytes;
    /// servers have limits of their own.
    #[serde(default = "size_limit")]
    #[schemars(range(min = 1, max = 157_286_400))]
    max_size: u64,
    /// Whether a copy is kept in Sent Items. Otherwise it goes to Deleted Items: without any copy nobody could tell
    /// after a crash whether the message was sent.
    #[serde(default = "yes")]
    save_copy: bool,
}

fn yes() -> bool {
    true
}

fn compose(context: &Context, input: &mut Input) -> Result<Draft, Failure> {
    Ok(Draft {
        from: input.from.as_ref().map(MailboxName::address),
        to: Recipient::addresses(&input.to),
        cc: Recipient::addresses(&input.cc),
        bcc: Recipient::addresses(&input.bcc),
        subject: input.subject.as_ref().map(|subject| subject.as_str().to_owned()),
        body: letter::body(Forward::INFO.name, input.text.take(), input.html.take())?,
        importance: input.importance.map(Importance::said),
        headers: letter::marks("auto-generated"),
        key: context.key.clone(),
        ..Draft::default()
    })
}

/// The original as an attachment, through the run's store: a large one is never in memory.
async fn enclosed(
    read: &dyn Read,
    context: &Context,
    input: &Input,
    subject: Option<&str>,
) -> Result<NewAttachment, Failure> {
    let mut spool = Spool::new(input.max_size);
    let written = read.mime(input.mailbox.get(), &input.item_id.item(), &mut spool).await;
    if spool.overflowed() {
        return Err(too_large("the message to be passed on", input.max_size));
    }
    written.map_err(from_exchange)?;
    let artifact = spool.keep(context.artifacts.as_ref(), "message/rfc822")?;
    let name = enclosure::safe(subject.unwrap_or_default());
    Ok(NewAttachment { kind: AttachmentKind::Item, ..enclosure::attachment(context, &artifact, name) })
}

/// `FW: …` as a server writes it, on one line.
fn passed_on(subject: Option<&str>) -> String {
    let subject = subject.unwrap_or_default();
    let line: String = subject.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let marked = line.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("fw:"));
    if marked { line } else { format!("FW: {line}") }
}

async fn inline(
    way: &Way<'_>,
    read: &dyn Read,
    input: &Input,
    draft: &Draft,
    attachments: &[NewAttachment],
) -> Result<ItemRef, Failure> {
    let original = original::message(read, input.mailbox.get(), &input.item_id).await?;
    enclosure::distinct(Forward::INFO.name, &original.attachments, attachments)?;
    way.drafts()
        .create_forward(input.mailbox.get(), &original.summary.item, draft)
        .await
        .map_err(outgoing::not_drafted)
}

impl TypedAction<Ports> for Forward {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.forward",
        summary: "Pass a message on",
        description: "Passes a message on and keeps a copy in Sent Items, by a draft with a key of its own like \
                      `mail.send`: after a crash it does not go out twice. The words and attachments of the original \
                      come along, links and all; with `as_attachment` the original is attached as it is, and reading \
                      the message opens nothing of it. It carries `Auto-Submitted: auto-generated` and \
                      `X-Auto-Response-Suppress: All`. What was sent cannot be taken back.",
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
        let mut draft = compose(&context, &mut input)?;
        let way = Way::new(&ports, Self::INFO.name, input.mailbox.get(), &context)?;
        let read = need(&ports.read, Self::INFO.name, "read")?;
        let mut attachments = enclosure::ready(&context, &input.attachments, input.max_size)?;
        let prepared = if input.as_attachment {
            let original = original::message(read, input.mailbox.get(), &input.item_id).await?;
            let subject = original.summary.subject.as_deref();
            attachments.insert(0, enclosed(read, &context, &input, subject).await?);
            draft.subject.get_or_insert_with(|| passed_on(subject));
            way.prepared(way.draft(&draft), &attachments).await?
        } else {
            way.prepared(inline(&way, read, &input, &draft, &attachments), &attachments).await?
        };
        way.deliver(prepared, Output::planned(&draft), input.save_copy, true).await
    }

    async fn probe(ports: Ports, context: Context, mut input: Input) -> Result<Probe, Failure> {
        let draft = compose(&context, &mut input)?;
        Way::new(&ports, Self::INFO.name, input.mailbox.get(), &context)?.probe(Output::planned(&draft)).await
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "Give a phishing mail to those who look into it".to_owned(),
                input: json!({
                    "mailbox": "alice@corp.example",
                    "item_id": "AAMkAGExamplePhish=",
                    "to": ["soc@corp.example"],
                    "text": "Reported by a user. The original is attached.",
                    "as_attachment": true
                }),
                output: json!(null),
            },
            Example {
                title: "Pass a harmless message on".to_owned(),
                input: json!({
                    "mailbox": "alice@corp.example",
                    "item_id": "AAMkAGExamplePhish=",
                    "to": ["soc@corp.example"],
                    "html": "<p>For your information.</p>"
                }),
                output: json!(null),
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_marked_once_and_is_one_line() {
        assert_eq!(passed_on(Some("Invoice")), "FW: Invoice");
        assert_eq!(passed_on(Some("Fw: Invoice")), "Fw: Invoice");
        assert_eq!(passed_on(Some("a\r\nBcc: x")), "FW: a  Bcc: x");
        assert_eq!(passed_on(Some("é")), "FW: é");
        assert_eq!(passed_on(None), "FW: ");
    }
}
