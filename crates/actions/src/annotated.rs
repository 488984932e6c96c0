//! What people put on messages: what is there, what it is to be, and the change from one to the other.
//!
//! A change may stand once for all messages of a call, and a message may have one of its own instead, part by part:
//! setting back what was there before differs from message to message. Left out: reading and writing it.

use action_api::plan::Failure;
use exchange::{FollowUp, ItemProperties, PropertyChange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::failure::invalid;
use crate::input::Line;
use crate::letter::Importance;

/// How many categories can be set at once.
const MOST: usize = 1000;

/// Categories are compared whatever their case.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
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
    #[schemars(with = "Vec<Category>", length(max = MOST))]
    set: Option<Vec<Category>>,
}

/// The name of a category: one line, not blank.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Category(
    #[schemars(extend("pattern" = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"))] Line,
);

/// What people put on a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
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

/// What is to be changed. What is not there stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    pub(crate) categories: Option<Categories>,
    pub(crate) flag: Option<FollowUp>,
    pub(crate) importance: Option<Importance>,
    pub(crate) subject: Option<Line>,
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

impl Categories {
    fn check(&self) -> Result<(), Failure> {
        let adds = !self.add.is_empty() || !self.remove.is_empty();
        if self.set.is_some() && adds {
            return Err(invalid("mail.update: `categories.set` stands alone, without `add` and `remove`"));
        }
        let both = |add: &&Category| self.remove.iter().any(|remove| same(remove.0.as_str(), add.0.as_str()));
        match self.add.iter().find(both) {
            Some(_) => Err(invalid("mail.update: a category is both in `add` and in `remove`")),
            None => Ok(()),
        }
    }

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

impl Wish {
    /// Refuses what contradicts itself.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.categories.as_ref().map_or(Ok(()), Categories::check)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.categories.is_none()
            && self.flag.is_none()
            && self.importance.is_none()
            && self.subject.is_none()
    }

    /// What is to be on a message that has this now. A part that is not wished for here is taken from the wish for all.
    pub(crate) fn wanted(&self, for_all: &Wish, found: &ItemProperties) -> Result<Marks, Failure> {
        let mut wanted = Marks::of(found.clone());
        if let Some(categories) = self.categories.as_ref().or(for_all.categories.as_ref()) {
            wanted.categories = categories.apply(&found.categories);
        }
        wanted.flag = self.flag.or(for_all.flag).unwrap_or(wanted.flag);
        wanted.importance = self.importance.or(for_all.importance).unwrap_or(wanted.importance);
        let subject = self.subject.as_ref().or(for_all.subject.as_ref());
        if let Some(subject) = subject.map(Line::as_str)
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

impl Marks {
    pub(crate) fn of(found: ItemProperties) -> Self {
        Marks {
            categories: found.categories,
            flag: found.flag,
            importance: found.importance.into(),
            subject: found.subject,
        }
    }

    /// The change from these to others.
    pub(crate) fn change_to(&self, wanted: &Marks) -> PropertyChange {
        PropertyChange {
            subject: wanted.subject.clone().filter(|_| wanted.subject != self.subject),
            categories: (wanted.categories != self.categories).then(|| wanted.categories.clone()),
            importance: (wanted.importance != self.importance).then(|| wanted.importance.said()),
            flag: (wanted.flag != self.flag).then_some(wanted.flag),
        }
    }

    /// The fields of an input that make `now` what it was before: these. Nothing if no input can say it, because other
    /// programs write names and subjects that this one does not.
    pub(crate) fn back_from(&self, now: &Marks) -> Option<Map<String, Value>> {
        let back = now.change_to(self);
        // A draft without a subject gets an empty one.
        let subject = (now.subject != self.subject).then(|| self.subject.clone().unwrap_or_default());
        let names = back.categories.as_deref().unwrap_or_default();
        let sayable = names.len() <= MOST
            && names.iter().all(|name| is_line(name) && !name.trim().is_empty())
            && subject.as_deref().is_none_or(is_line);
        let fields: [(&str, Option<Value>); 4] = [
            ("categories", back.categories.map(|categories| json!({ "set": categories }))),
            ("flag", back.flag.map(|flag| json!(flag))),
            ("importance", back.importance.map(|_| json!(self.importance))),
            ("subject", subject.map(Value::from)),
        ];
        let there = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        sayable.then(|| there.collect())
    }
}

/// Whether an input can say it: as [`Line`] and its schema have it.
fn is_line(text: &str) -> bool {
    text.chars().count() <= 255 && !text.chars().any(|letter| letter.is_ascii_control())
}
