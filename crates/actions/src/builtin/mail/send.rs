//! `mail.send`: sends a new message, at most once per step of a run.
//!
//! The message is marked as automatic, so that no machine answers it. Left out: attachments, sending on behalf
//! of somebody else, and raw MIME, in which an attacker's text could become a header.

use action_api::plan::Failure;
use action_api::{ActionInfo, Context, Example, Probe, TypedAction};
use exchange::port::KeyState;
use exchange::{Draft, Header, Ports};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::failure::{done, invalid, need};
use crate::input::{Line, MailboxName, Recipient};
use crate::outgoing::{self, Output};

/// Sends a message.
pub(crate) struct Send;

/// Input of `mail.send`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Input {
    /// The mailbox it is sent from; its Sent Items keep a copy.
    mailbox: MailboxName,
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
    /// Subject, one line.
    subject: Line,
    /// Body as plain text. Give this or `html`.
    #[serde(default)]
    #[schemars(with = "String")]
    text: Option<String>,
    /// Body as HTML. Give this or `text`.
    #[serde(default)]
    #[schemars(with = "String")]
    html: Option<String>,
    /// Extra headers.
    #[serde(default)]
    #[schemars(length(max = 5))]
    headers: Vec<Extra>,
}

/// An extra header.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extra {
    /// Begins with `X-`. Names that begin with `X-Portcullis-` or `X-Auto-Response-` are ours.
    #[schemars(regex(pattern = r"^[Xx]-[A-Za-z0-9-]{1,60}$"), extend("x-guard" = "header"))]
    name: String,
    /// One line.
    #[schemars(extend("x-guard" = "header"))]
    value: Line,
}

/// Something of an input that is sent as a mail's head.
fn headers(extra: &[Extra]) -> Result<Vec<Header>, Failure> {
    let mut headers = outgoing::marks("auto-generated");
    for Extra { name, value } in extra {
        let lower = name.to_ascii_lowercase();
        let ours = lower.starts_with("x-portcullis-") || lower.starts_with("x-auto-response-");
        if ours || headers.iter().any(|header| header.name.eq_ignore_ascii_case(name)) {
            return Err(invalid(format!("mail.send writes the header {name} itself, or it is given twice")));
        }
        headers.push(Header { name: name.clone(), value: value.as_str().to_owned() });
    }
    Ok(headers)
}

fn compose(context: &Context, input: &mut Input) -> Result<Draft, Failure> {
    Ok(Draft {
        to: Recipient::addresses(&input.to),
        cc: Recipient::addresses(&input.cc),
        bcc: Recipient::addresses(&input.bcc),
        subject: Some(input.subject.as_str().to_owned()),
        body: outgoing::body("mail.send", input.text.take(), input.html.take())?,
        headers: headers(&input.headers)?,
        key: context.key.clone(),
    })
}

fn output(draft: &Draft, sent_item_id: Option<String>) -> Output {
    Output {
        sent_item_id,
        to: outgoing::bare(&[&draft.to, &draft.cc, &draft.bcc]),
        subject: draft.subject.clone(),
    }
}

impl TypedAction<Ports> for Send {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.send",
        summary: "Send a new message",
        description: "Sends a message and keeps a copy in Sent Items. The message is first kept as a draft with a key \
                      of its own, then that draft is sent; after a crash the key tells whether it went out, and it \
                      does not go out twice. It carries `Auto-Submitted: auto-generated` and \
                      `X-Auto-Response-Suppress: All`, so that no machine answers it. Line ends in a recipient, the \
                      subject or a header are refused.",
        effect: outgoing::EFFECT,
        repeat: outgoing::REPEAT,
        errors: outgoing::ERRORS,
        connection: Some("exchange"),
        ports: &["submit"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, mut input: Input) -> Result<Output, Failure> {
        let port = need(&ports.submit, Self::INFO.name, "submit")?;
        let draft = compose(&context, &mut input)?;
        let mailbox = input.mailbox.get();
        let kept = match outgoing::standing_before(port, mailbox, &context).await? {
            KeyState::Sent(item) => return Ok(output(&draft, Some(item.id))),
            KeyState::Draft(item) => item,
            KeyState::Absent => port.create_draft(mailbox, &draft).await.map_err(outgoing::not_drafted)?,
        };
        let sent = outgoing::send_draft(port, mailbox, &kept, &context.key).await?;
        Ok(output(&draft, sent.map(|item| item.id)))
    }

    async fn probe(ports: Ports, context: Context, mut input: Input) -> Result<Probe, Failure> {
        let port = need(&ports.submit, Self::INFO.name, "submit")?;
        let draft = compose(&context, &mut input)?;
        match outgoing::standing(port, input.mailbox.get(), &context.key).await? {
            KeyState::Sent(item) => done(&output(&draft, Some(item.id))),
            other => Ok(outgoing::unsent(port, &other)),
        }
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Tell the team".to_owned(),
            input: json!({
                "mailbox": "alice@corp.example",
                "to": ["soc@corp.example"],
                "subject": "Phishing triage: 8 copies removed",
                "text": "Eight copies were removed from three mailboxes."
            }),
            output: json!(null),
        }]
    }
}
