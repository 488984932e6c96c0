//! `draft.update`: changes a draft, and nothing but a draft.
//!
//! Only what is given is changed; what stood there is kept, so that it can be set again. What an attempt changed that
//! was cut off is not known to the next one: it takes its values for those before. A body can be kept up to a size;
//! beyond that `undo` says what it does not bring back.

use action_api::plan::{Effect, Failure, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::{Address, BodyText, DraftChange, DraftContent, Mailbox, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::{from_exchange, invalid, need};
use crate::input::{ItemId, Line, MailboxName, Recipient};
use crate::letter::{self, Importance};
use crate::unsent;

/// The largest body that is kept in an output, in bytes.
const KEPT: usize = 256 * 1024;
/// The longest subject an input takes, in characters.
const LINE: usize = 255;

/// Changes a draft.
pub(crate) struct Update;

/// Input of `draft.update`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Input {
    /// The mailbox the draft is in.
    mailbox: MailboxName,
    /// Which draft: an id as `draft.create` gives it. What is no draft is refused.
    item_id: ItemId,
    /// Recipients, instead of all that are there; an empty list takes them out.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<Recipient>", length(max = 100))]
    to: Option<Vec<Recipient>>,
    /// Recipients of copies, instead of all that are there.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<Recipient>", length(max = 100))]
    cc: Option<Vec<Recipient>>,
    /// Recipients of blind copies, instead of all that are there.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<Recipient>", length(max = 100))]
    bcc: Option<Vec<Recipient>>,
    /// Where answers are to go, instead of all that are there.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<Recipient>", length(max = 100))]
    reply_to: Option<Vec<Recipient>>,
    /// Subject, one line.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Line")]
    subject: Option<Line>,
    /// Body as plain text. Not together with `html`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "String")]
    text: Option<String>,
    /// Body as HTML. Not together with `text`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "String")]
    html: Option<String>,
    /// `low`, `normal` or `high`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Importance")]
    importance: Option<Importance>,
}

/// Output of `draft.update`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox the draft is in.
    mailbox: String,
    /// The id of the draft.
    item_id: String,
    /// Whether this step changed anything.
    changed: bool,
    /// What stood there before, of what this step changed.
    before: Before,
}

/// What stood in a draft before. What was not changed is null.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(crate) struct Before {
    /// Recipients.
    #[schemars(extend("x-untrusted" = true))]
    to: Option<Vec<String>>,
    /// Recipients of copies.
    #[schemars(extend("x-untrusted" = true))]
    cc: Option<Vec<String>>,
    /// Recipients of blind copies.
    #[schemars(extend("x-untrusted" = true))]
    bcc: Option<Vec<String>>,
    /// Where answers were to go.
    #[schemars(extend("x-untrusted" = true))]
    reply_to: Option<Vec<String>>,
    /// Subject.
    #[schemars(extend("x-untrusted" = true))]
    subject: Option<String>,
    /// Body, if it was plain text.
    #[schemars(extend("x-untrusted" = true))]
    text: Option<String>,
    /// Body, if it was HTML.
    #[schemars(extend("x-untrusted" = true))]
    html: Option<String>,
    /// `low`, `normal` or `high`.
    importance: Option<Importance>,
    /// Whether the body was too long to be kept: longer than 256 KiB.
    body_lost: bool,
}

impl Before {
    fn body(&mut self, body: BodyText) {
        match body {
            BodyText::Text(text) | BodyText::Html(text) if text.len() > KEPT => self.body_lost = true,
            BodyText::Text(text) => self.text = Some(text),
            BodyText::Html(html) => self.html = Some(html),
        }
    }
}

/// The change that was asked for, of what is different, and what stood there.
fn change(input: &mut Input, now: DraftContent) -> Result<(DraftChange, Before), Failure> {
    let (mut change, mut before) = (DraftChange::default(), Before::default());
    let lists = [
        (&input.to, now.to, &mut change.to, &mut before.to),
        (&input.cc, now.cc, &mut change.cc, &mut before.cc),
        (&input.bcc, now.bcc, &mut change.bcc, &mut before.bcc),
        (&input.reply_to, now.reply_to, &mut change.reply_to, &mut before.reply_to),
    ];
    for (given, there, change, before) in lists {
        let Some(given) = given else { continue };
        let there: Vec<String> = there.into_iter().map(|one: Address| one.address).collect();
        let same = given.len() == there.len()
            && given.iter().zip(&there).all(|(one, other)| one.as_str().eq_ignore_ascii_case(other));
        if !same {
            (*change, *before) = (Some(Recipient::addresses(given)), Some(there));
        }
    }
    if let Some(subject) = &input.subject {
        let there = now.subject.unwrap_or_default();
        if subject.as_str() != there {
            (change.subject, before.subject) = (Some(subject.as_str().to_owned()), Some(there));
        }
    }
    if input.text.is_some() || input.html.is_some() {
        let body = letter::body(Update::INFO.name, input.text.take(), input.html.take())?;
        if body != now.body {
            before.body(now.body);
            change.body = Some(body);
        }
    }
    if let Some(importance) = input.importance {
        let there = now.importance.map_or(Importance::Normal, Importance::from);
        if importance != there {
            (change.importance, before.importance) = (Some(importance.said()), Some(there));
        }
    }
    Ok((change, before))
}

/// Whether anything is to be changed at all.
fn asks(input: &Input) -> bool {
    let lists = [&input.to, &input.cc, &input.bcc, &input.reply_to];
    lists.into_iter().any(Option::is_some)
        || input.subject.is_some()
        || input.text.is_some()
        || input.html.is_some()
        || input.importance.is_some()
}

impl TypedAction<Ports> for Update {
    const INFO: ActionInfo = ActionInfo {
        name: "draft.update",
        summary: "Change a draft",
        description: "Changes what is given in a draft and leaves the rest. An id of a message that was sent or \
                      received is refused. What stood there is kept, so that `undo` can set it again, a body up to \
                      256 KiB.",
        effect: Effect::Containment,
        repeat: Repeat::Natural,
        errors: unsent::ERRORS,
        connection: Some("exchange"),
        ports: &["drafts"],
        inverse: Some("draft.update"),
        undo: &[(None, "setting again what stood in the draft")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, mut input: Input) -> Result<Output, Failure> {
        let drafts = need(&ports.drafts, Self::INFO.name, "drafts")?;
        if !asks(&input) {
            return Err(invalid("draft.update changes nothing: give at least one field of the draft"));
        }
        let found = unsent::find(drafts, Self::INFO.name, &input.mailbox, &input.item_id).await?;
        let Some(now) = found else { return Err(crate::relocated::gone(&input.mailbox)) };
        let (change, before) = change(&mut input, now)?;
        let changed = change != DraftChange::default();
        if changed {
            let item = input.item_id.item();
            drafts.change_draft(input.mailbox.get(), &item, &change).await.map_err(from_exchange)?;
        }
        Ok(Output {
            mailbox: input.mailbox.get().as_str().to_owned(),
            item_id: input.item_id.as_str().to_owned(),
            changed,
            before,
        })
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        if !output.changed {
            return None;
        }
        let before = &output.before;
        let mut fields = serde_json::Map::new();
        let mut except = Vec::new();
        let lists =
            [("to", &before.to), ("cc", &before.cc), ("bcc", &before.bcc), ("reply_to", &before.reply_to)];
        for (name, list) in lists {
            match list {
                Some(list) if list.len() <= 100 && list.iter().all(|one| Mailbox::new(one).is_some()) => {
                    fields.insert(name.to_owned(), json!(list));
                }
                Some(_) => except.push(format!("`{name}` had somebody without a plain address, or too many")),
                None => {}
            }
        }
        match &before.subject {
            Some(subject) if subject.chars().count() <= LINE && !subject.chars().any(char::is_control) => {
                fields.insert("subject".to_owned(), json!(subject));
            }
            Some(_) => except.push("the subject was too long or had control characters".to_owned()),
            None => {}
        }
        for (name, body) in [("text", &before.text), ("html", &before.html)] {
            fields.extend(body.as_ref().map(|body| (name.to_owned(), json!(body))));
        }
        if before.body_lost {
            except.push("the body was longer than 256 KiB".to_owned());
        }
        fields.extend(before.importance.map(|said| ("importance".to_owned(), json!(said))));
        if fields.is_empty() {
            return None;
        }
        fields.insert("mailbox".to_owned(), json!(output.mailbox));
        fields.insert("item_id".to_owned(), json!(output.item_id));
        Some(Inverse { except, ..Inverse::new(Self::INFO.name, Value::Object(fields)) })
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Give a draft another recipient and make it urgent".to_owned(),
            input: json!({
                "mailbox": "alice@corp.example",
                "item_id": "AAMkAGExampleDraft=",
                "to": ["soc@corp.example"],
                "importance": "high"
            }),
            output: json!(null),
        }]
    }
}
