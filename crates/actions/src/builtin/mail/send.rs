//! `mail.send`: sends a new message, at most once per step of a run.
//!
//! The message is marked as automatic, so that no machine answers it. Left out: raw MIME, in which an attacker's text
//! could become a header.

use action_api::plan::Failure;
use action_api::{ActionInfo, Context, Example, Probe, TypedAction};
use exchange::{Draft, Ports};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::enclosure::{self, Enclosure, size_limit};
use crate::input::{Line, MailboxName, Recipient};
use crate::letter::{self, Extra, Importance};
use crate::outgoing::{self, Output, Way};

/// Sends a message.
pub(crate) struct Send;

/// Input of `mail.send`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Input {
    /// The mailbox it is sent from; its Sent Items keep a copy.
    mailbox: MailboxName,
    /// Whose message it is, where that is not the mailbox: somebody the mailbox may send as or on behalf of. The
    /// server decides whether it may, and what recipients see of it.
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
    /// Where answers are to go, instead of the author.
    #[serde(default)]
    #[schemars(length(max = 10))]
    reply_to: Vec<Recipient>,
    /// Subject, one line.
    subject: Line,
    /// Body as plain text. Give this, `html` or both.
    #[serde(default)]
    #[schemars(with = "String")]
    text: Option<String>,
    /// Body as HTML. With `text` beside it, whoever reads no HTML reads that; without, the server makes it.
    #[serde(default)]
    #[schemars(with = "String")]
    html: Option<String>,
    /// `low`, `normal` or `high`.
    #[serde(default)]
    #[schemars(with = "Importance")]
    importance: Option<Importance>,
    /// Extra headers.
    #[serde(default)]
    #[schemars(length(max = 5))]
    headers: Vec<Extra>,
    /// What is attached: artifacts of this run.
    #[serde(default)]
    #[schemars(length(max = 50))]
    attachments: Vec<Enclosure>,
    /// The most that the attachments may have together, in bytes. Servers have limits of their own.
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
    let name = Send::INFO.name;
    let (body, plain) = letter::bodies(name, input.text.take(), input.html.take())?;
    Ok(Draft {
        from: input.from.as_ref().map(MailboxName::address),
        to: Recipient::addresses(&input.to),
        cc: Recipient::addresses(&input.cc),
        bcc: Recipient::addresses(&input.bcc),
        reply_to: Recipient::addresses(&input.reply_to),
        subject: Some(input.subject.as_str().to_owned()),
        body,
        plain,
        quotes: false,
        importance: input.importance.map(Importance::said),
        headers: letter::headers(name, letter::marks("auto-generated"), &input.headers)?,
        key: context.key.clone(),
    })
}

impl TypedAction<Ports> for Send {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.send",
        summary: "Send a new message",
        description: "Sends a message and keeps a copy in Sent Items. The message is first kept as a draft with a key \
                      of its own, what is attached is hung on it, then that draft is sent; after a crash the key tells \
                      whether it went out, and it does not go out twice. It carries `Auto-Submitted: auto-generated` \
                      and `X-Auto-Response-Suppress: All`, so that no machine answers it. Line ends in a recipient, \
                      the subject or a header are refused. What was sent cannot be taken back.",
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

    async fn run(ports: Ports, context: Context, mut input: Input) -> Result<Output, Failure> {
        let draft = compose(&context, &mut input)?;
        let way = Way::new(&ports, Self::INFO.name, input.mailbox.get(), &context)?;
        let attachments = enclosure::ready(&context, &input.attachments, input.max_size)?;
        let prepared = way.prepared(way.draft(&draft), &attachments).await?;
        way.deliver(prepared, Output::planned(&draft), input.save_copy, false).await
    }

    async fn probe(ports: Ports, context: Context, mut input: Input) -> Result<Probe, Failure> {
        let draft = compose(&context, &mut input)?;
        Way::new(&ports, Self::INFO.name, input.mailbox.get(), &context)?.probe(Output::planned(&draft)).await
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "Tell the team".to_owned(),
                input: json!({
                    "mailbox": "alice@corp.example",
                    "to": ["soc@corp.example"],
                    "subject": "Phishing triage: 8 copies removed",
                    "text": "Eight copies were removed from three mailboxes."
                }),
                output: json!(null),
            },
            Example {
                title: "An urgent report with the evidence attached".to_owned(),
                input: json!({
                    "mailbox": "alice@corp.example",
                    "to": ["soc@corp.example"],
                    "reply_to": ["incidents@corp.example"],
                    "subject": "Evidence",
                    "text": "The file that was found is attached.",
                    "html": "<p>The file that was found is <b>attached</b>.</p>",
                    "importance": "high",
                    "attachments": [{
                        "content": {
                            "artifact": "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                            "size": 3,
                            "media_type": "text/plain"
                        },
                        "name": "found.txt"
                    }]
                }),
                output: json!(null),
            },
        ]
    }
}
