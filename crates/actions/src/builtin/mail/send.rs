//! `mail.send`: sends a new message, at most once per step of a run.
//!
//! The message is marked as automatic, so that no machine answers it. It is composed from the fields, or given whole as
//! MIME ([`crate::raw`]). Recipients and subject are required in both cases: they are what a plan, an approval and a
//! policy see, and a whole message that says something else is not sent.

use action_api::plan::{Artifact, Failure};
use action_api::{ActionInfo, Context, Example, Probe, TypedAction};
use exchange::{BodyText, Draft, Ports};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::enclosure::{self, Enclosure, size_limit};
use crate::failure::invalid;
use crate::input::{Line, MailboxName, Recipient};
use crate::letter::{self, Extra, Importance};
use crate::outgoing::{self, Output, Way};
use crate::raw::{self, Raw};

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
    /// Body as plain text. Give this, `html` or both, or a whole message.
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
    /// A whole message as MIME, instead of a body, `importance`, `headers` and `attachments`: it is sent as it is. Its
    /// head names the author, the recipients, `Reply-To` and the subject; they have to be those of `mailbox` or
    /// `from`, `to`, `cc`, `bcc`, `reply_to` and `subject`, or it is not sent. Lines may end as they like.
    #[serde(default)]
    #[schemars(with = "String", length(max = 1_048_576), extend("x-guard" = "header"))]
    raw_message: Option<String>,
    /// The same as an artifact of type `message/rfc822`, for messages that are larger or have letters beyond UTF-8.
    #[serde(default)]
    #[schemars(schema_with = "crate::artifact::schema", extend("x-guard" = "header"))]
    raw_mime: Option<Artifact>,
    /// The most that the attachments may have together, or a whole message, in bytes. Servers have limits of their
    /// own.
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

impl Input {
    /// The whole message, if that is what the step gives, and nothing beside it that belongs into it.
    fn raw(&self) -> Result<Option<Raw<'_>>, Failure> {
        let raw = match (&self.raw_message, &self.raw_mime) {
            (None, None) => return Ok(None),
            (Some(text), None) => Raw::Text(text),
            (None, Some(artifact)) => Raw::Stored(artifact),
            (Some(_), Some(_)) => {
                return Err(invalid(
                    "mail.send takes one whole message: `raw_message` or `raw_mime`, not both",
                ));
            }
        };
        let beside = [
            ("text", self.text.is_some()),
            ("html", self.html.is_some()),
            ("importance", self.importance.is_some()),
            ("headers", !self.headers.is_empty()),
            ("attachments", !self.attachments.is_empty()),
        ];
        match beside.iter().find(|(_, given)| *given) {
            None => Ok(Some(raw)),
            Some((name, _)) => Err(invalid(format!(
                "mail.send sends a whole message as it is; write `{name}` into it, or leave the whole message out"
            ))),
        }
    }
}

fn compose(context: &Context, input: &mut Input) -> Result<Draft, Failure> {
    let name = Send::INFO.name;
    let (body, plain) = match input.raw()? {
        Some(_) => (BodyText::default(), None),
        None => letter::bodies(name, input.text.take(), input.html.take())?,
    };
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
                      the subject or a header are refused. A whole message in MIME form (`raw_message`, `raw_mime`) gets \
                      these two headers and is not changed otherwise; it goes out only if the server reads the very \
                      author, recipients and subject in it that the step names. What was sent cannot be taken back.",
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
        let prepared = match input.raw()? {
            Some(raw) => {
                let mime = raw::ready(&context, Self::INFO.name, &raw, input.max_size)?;
                let prepared = way.prepared(way.mime(&mime), &[]).await?;
                raw::agreed(&way, Self::INFO.name, input.mailbox.get(), &prepared, &draft).await?;
                prepared
            }
            None => {
                let attachments = enclosure::ready(&context, &input.attachments, input.max_size)?;
                way.prepared(way.draft(&draft), &attachments).await?
            }
        };
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
            Example {
                title: "A message that was written elsewhere, as it is".to_owned(),
                input: json!({
                    "mailbox": "alice@corp.example",
                    "to": ["soc@corp.example"],
                    "subject": "Signed report",
                    "raw_message": "From: alice@corp.example\nTo: soc@corp.example\nSubject: Signed report\n\
                                    MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\nNothing was found.\n"
                }),
                output: json!(null),
            },
        ]
    }
}
