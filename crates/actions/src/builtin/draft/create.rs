//! `draft.create`: keeps a message as a draft, for a person to look at or for `draft.send`.
//!
//! It is made by the same steps as the draft behind `mail.send`, so a crash leaves one draft and not two. It carries no
//! mark of a machine: a person may send it, and `draft.send` puts the marks on.

use action_api::plan::{Effect, Failure, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, Probe, TypedAction};
use exchange::port::KeyState;
use exchange::{BodyText, Draft, ItemRef, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::enclosure::{self, Enclosure, hangs, size_limit};
use crate::failure::{done, from_exchange};
use crate::input::{Line, MailboxName, Recipient};
use crate::letter::{self, Extra, Importance};
use crate::outgoing::{self, Way};

/// Keeps a draft.
pub(crate) struct Create;

/// Input of `draft.create`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Input {
    /// The mailbox whose Drafts keep it.
    mailbox: MailboxName,
    /// Whose message it is to be, where that is not the mailbox.
    #[serde(default)]
    #[schemars(with = "MailboxName")]
    from: Option<MailboxName>,
    /// Recipients: one plain address each.
    #[serde(default)]
    #[schemars(length(max = 100))]
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
    /// Body as plain text. Without it and `html` the draft is empty.
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
}

/// Output of `draft.create`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox whose Drafts keep it.
    mailbox: String,
    /// The id of the draft, for `draft.update`, `draft.send` and `draft.delete`.
    item_id: String,
    /// The `Message-ID` header; null if the server writes it later.
    #[schemars(extend("x-untrusted" = true))]
    internet_message_id: Option<String>,
    /// The addresses it is to go to, those of copies included.
    #[schemars(extend("x-untrusted" = true))]
    to: Vec<String>,
    /// Its subject.
    #[schemars(extend("x-untrusted" = true))]
    subject: Option<String>,
}

fn compose(context: &Context, input: &mut Input) -> Result<Draft, Failure> {
    let name = Create::INFO.name;
    let (body, plain) = match (input.text.take(), input.html.take()) {
        (None, None) => (BodyText::default(), None),
        (text, html) => letter::bodies(name, text, html)?,
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
        headers: letter::headers(name, Vec::new(), &input.headers)?,
        key: context.key.clone(),
    })
}

/// What is there. A draft that cannot be read is there all the same.
async fn output(way: &Way<'_>, input: &Input, item: ItemRef, draft: &Draft) -> Output {
    let known = outgoing::Output::planned(draft);
    let said = way.told(Some(item.clone()), known).await;
    Output {
        mailbox: input.mailbox.get().as_str().to_owned(),
        item_id: item.id,
        internet_message_id: said.internet_message_id,
        to: said.to,
        subject: said.subject,
    }
}

impl TypedAction<Ports> for Create {
    const INFO: ActionInfo = ActionInfo {
        name: "draft.create",
        summary: "Keep a message as a draft",
        description: "Keeps a message as a draft and sends nothing. A person may finish and send it, or `draft.send` \
                      sends it. It carries a key of its own, so that a crash leaves one draft and not two. `undo` puts \
                      the draft into Deleted Items.",
        effect: Effect::Containment,
        repeat: Repeat::Verify,
        errors: outgoing::ERRORS,
        connection: Some("exchange"),
        ports: &["drafts", "submit"],
        inverse: Some("draft.delete"),
        undo: &[(None, "putting the draft into Deleted Items, if it was not sent by then")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, mut input: Input) -> Result<Output, Failure> {
        let draft = compose(&context, &mut input)?;
        let way = Way::new(&ports, Self::INFO.name, input.mailbox.get(), &context)?;
        let attachments = enclosure::ready(&context, &input.attachments, input.max_size)?;
        match way.prepared(way.draft(&draft), &attachments).await? {
            KeyState::Draft(item) | KeyState::Sent(item) => Ok(output(&way, &input, item, &draft).await),
            KeyState::Absent => Err(way.vanished()),
        }
    }

    async fn probe(ports: Ports, context: Context, mut input: Input) -> Result<Probe, Failure> {
        let draft = compose(&context, &mut input)?;
        let way = Way::new(&ports, Self::INFO.name, input.mailbox.get(), &context)?;
        let attachments = enclosure::ready(&context, &input.attachments, input.max_size)?;
        match way.standing().await? {
            KeyState::Absent => Ok(Probe::NotDone),
            KeyState::Sent(item) => done(&output(&way, &input, item, &draft).await),
            KeyState::Draft(item) => {
                let mailbox = input.mailbox.get();
                let there = way.drafts().draft(mailbox, &item).await.map_err(from_exchange)?.attachments;
                if attachments.iter().all(|wanted| hangs(&there, wanted)) {
                    return done(&output(&way, &input, item, &draft).await);
                }
                Ok(Probe::NotDone)
            }
        }
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let input = json!({ "mailbox": output.mailbox, "item_id": output.item_id });
        Some(Inverse::new("draft.delete", input))
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Prepare a warning for a person to send".to_owned(),
            input: json!({
                "mailbox": "alice@corp.example",
                "to": ["soc@corp.example"],
                "subject": "Do not open the invoice of today",
                "text": "A mail with the subject \"Overdue invoice\" is malicious."
            }),
            output: json!(null),
        }]
    }
}
