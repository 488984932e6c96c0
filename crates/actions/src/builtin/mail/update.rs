//! `mail.update`: changes what people put on a message: categories, flag, importance, and the subject of a draft.
//!
//! Nothing is sent and no read receipt either. Categories are added to those of now: if somebody changes the message
//! meanwhile it is read again. Left out: the read mark, which is `mail.mark_read`, and the words of a mail.

use action_api::plan::{Blame, Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::port::Properties;
use exchange::{ErrorKind, FollowUp, ItemProperties, Ports, PropertyChange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::failure::{from_exchange, invalid, need};
use crate::input::{ItemId, Line, MailboxName};
use crate::letter::Importance;
use crate::relocated::gone;

/// How often a message is read again because somebody else changed it.
const ROUNDS: usize = 4;

/// Changes a message.
pub(crate) struct Update;

/// Input of `mail.update`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults, extend("minProperties" = 3))]
pub(crate) struct Input {
    /// The mailbox the message is in.
    mailbox: MailboxName,
    /// Which message: an id as `mail.search` gives it.
    item_id: ItemId,
    /// What to do with its categories.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Categories")]
    categories: Option<Categories>,
    /// The mark for following up: `not_flagged`, `flagged` or `complete`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "FollowUp")]
    flag: Option<FollowUp>,
    /// How important it says it is: `low`, `normal` or `high`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Importance")]
    importance: Option<Importance>,
    /// The subject. Only that of a draft: a message that was sent keeps the words it was sent with.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Line")]
    subject: Option<Line>,
}

/// Categories are compared whatever their case.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults, extend("minProperties" = 1))]
pub(crate) struct Categories {
    /// Add these.
    #[serde(default)]
    #[schemars(length(max = 100))]
    add: Vec<Category>,
    /// Take these away.
    #[serde(default)]
    #[schemars(length(max = 100))]
    remove: Vec<Category>,
    /// Instead of both: these and no others; an empty list takes all away.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<Category>", length(max = 1000))]
    set: Option<Vec<Category>>,
}

/// The name of a category: one line, not blank.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Category(
    #[schemars(extend("pattern" = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"))] Line,
);

/// Output of `mail.update`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox.
    mailbox: String,
    /// The message.
    item_id: String,
    /// What was on it before.
    before: Marks,
    /// What is on it now.
    now: Marks,
    /// Whether this step changed anything.
    changed: bool,
}

/// What people put on a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Marks {
    /// Its categories.
    #[schemars(length(max = 10000), extend("x-untrusted" = true))]
    categories: Vec<String>,
    /// The mark for following up: `not_flagged`, `flagged` or `complete`.
    flag: FollowUp,
    /// How important it says it is: `low`, `normal` or `high`.
    importance: Importance,
    /// Its subject.
    #[schemars(extend("x-untrusted" = true))]
    subject: Option<String>,
}

impl Marks {
    fn of(found: ItemProperties) -> Self {
        Marks {
            categories: found.categories,
            flag: found.flag,
            importance: found.importance.into(),
            subject: found.subject,
        }
    }

    /// The change from these to others.
    fn change_to(&self, wanted: &Marks) -> PropertyChange {
        PropertyChange {
            subject: wanted.subject.clone().filter(|_| wanted.subject != self.subject),
            categories: (wanted.categories != self.categories).then(|| wanted.categories.clone()),
            importance: (wanted.importance != self.importance).then(|| wanted.importance.said()),
            flag: (wanted.flag != self.flag).then_some(wanted.flag),
        }
    }
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

impl Categories {
    /// The categories a message is to have.
    fn apply(&self, now: &[String]) -> Vec<String> {
        let mut wanted: Vec<String> = Vec::new();
        let (kept, more) = match &self.set {
            Some(set) => (&[][..], set),
            None => (now, &self.add),
        };
        let removed = |name: &str| self.remove.iter().any(|remove| same(remove.0.as_str(), name));
        let kept = kept.iter().map(String::as_str).filter(|name| !removed(name));
        for name in kept.chain(more.iter().map(|category| category.0.as_str())) {
            if !wanted.iter().any(|known| same(known, name)) {
                wanted.push(name.to_owned());
            }
        }
        wanted
    }
}

impl Input {
    fn check(&self) -> Result<(), Failure> {
        let Some(categories) = &self.categories else { return Ok(()) };
        let adds = !categories.add.is_empty() || !categories.remove.is_empty();
        if categories.set.is_some() && adds {
            return Err(invalid("mail.update: `categories.set` stands alone, without `add` and `remove`"));
        }
        let both =
            |add: &&Category| categories.remove.iter().any(|remove| same(remove.0.as_str(), add.0.as_str()));
        match categories.add.iter().find(both) {
            Some(_) => Err(invalid("mail.update: a category is both in `add` and in `remove`")),
            None => Ok(()),
        }
    }

    /// What is to be on a message that has this now.
    fn wanted(&self, found: &ItemProperties) -> Result<Marks, Failure> {
        let mut wanted = Marks::of(found.clone());
        if let Some(categories) = &self.categories {
            wanted.categories = categories.apply(&found.categories);
        }
        wanted.flag = self.flag.unwrap_or(wanted.flag);
        wanted.importance = self.importance.unwrap_or(wanted.importance);
        if let Some(subject) = self.subject.as_ref().map(Line::as_str)
            && wanted.subject.as_deref() != Some(subject)
        {
            if !found.is_draft {
                let words = "mail.update: the subject of a message that was sent cannot be changed, only that of a \
                             draft; nothing was changed";
                return Err(invalid(words));
            }
            wanted.subject = Some(subject.to_owned());
        }
        Ok(wanted)
    }
}

async fn look(port: &dyn Properties, input: &Input) -> Result<ItemProperties, Failure> {
    let items = [input.item_id.item()];
    let mut found = port.properties(input.mailbox.get(), &items).await.map_err(from_exchange)?;
    match found.pop() {
        Some(Ok(found)) => Ok(found),
        Some(Err(error)) if error.kind != ErrorKind::NotFound => Err(from_exchange(error)),
        _ => Err(gone(&input.mailbox)),
    }
}

impl TypedAction<Ports> for Update {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.update",
        summary: "Change categories, flag and importance of a message",
        description: "Changes what people put on one message: its categories, the mark for following up, how \
                      important it says it is, and the subject of a draft. What is not named stays. Nothing is \
                      sent. What was there before is kept, so that `undo` can set it again; an attempt that was \
                      cut off after its change has no such note.",
        effect: Effect::Internal,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
            FailureKind::Invalid,
            FailureKind::Conflict,
            FailureKind::Unknown,
        ],
        connection: Some("exchange"),
        ports: &["properties"],
        inverse: Some("mail.update"),
        undo: &[(None, "setting again what the step changed, as it was before")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let port = need(&ports.properties, Self::INFO.name, "properties")?;
        input.check()?;
        let mailbox = input.mailbox.get();
        for _ in 0..ROUNDS {
            let found = look(port, &input).await?;
            let (item, wanted) = (found.item.clone(), input.wanted(&found)?);
            let before = Marks::of(found);
            let change = before.change_to(&wanted);
            let mut output = Output {
                mailbox: mailbox.as_str().to_owned(),
                item_id: item.id.clone(),
                before,
                now: wanted,
                changed: !change.is_empty(),
            };
            if !output.changed {
                return Ok(output);
            }
            match port.change(mailbox, &item, &change).await {
                Ok(item) => {
                    output.item_id = item.id;
                    return Ok(output);
                }
                Err(error) if error.kind == ErrorKind::Conflict => {}
                Err(error) => return Err(from_exchange(error)),
            }
        }
        let words =
            format!("somebody keeps changing the message in {mailbox}; nothing was changed, try again");
        Err(Failure::new(FailureKind::Conflict, Blame::Server, words))
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let back = output.now.change_to(&output.before);
        let mut input = Map::new();
        input.insert("mailbox".to_owned(), json!(output.mailbox));
        input.insert("item_id".to_owned(), json!(output.item_id));
        let fields: [(&str, Option<Value>); 4] = [
            ("categories", back.categories.map(|categories| json!({ "set": categories }))),
            ("flag", back.flag.map(|flag| json!(flag))),
            ("importance", back.importance.map(|_| json!(output.before.importance))),
            // A draft without a subject gets an empty one.
            (
                "subject",
                (output.now.subject != output.before.subject)
                    .then(|| json!(output.before.subject.as_deref().unwrap_or_default())),
            ),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                input.insert(name.to_owned(), value);
            }
        }
        output.changed.then(|| Inverse::new(Self::INFO.name, Value::Object(input)))
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "A report that is being looked into".to_owned(),
                input: json!({
                    "mailbox": "alice@corp.example",
                    "item_id": "AAMkAGExamplePhish=",
                    "categories": { "add": ["Under review"], "remove": ["New"] },
                    "flag": "flagged"
                }),
                output: json!(null),
            },
            Example {
                title: "And when it is done".to_owned(),
                input: json!({
                    "mailbox": "alice@corp.example",
                    "item_id": "AAMkAGExamplePhish=",
                    "categories": { "set": [] },
                    "flag": "complete",
                    "importance": "low"
                }),
                output: json!(null),
            },
        ]
    }
}
