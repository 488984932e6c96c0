//! The three ways to say where something is done: in one mailbox, the same in several, or in each of several something
//! of its own.
//!
//! An action that does one thing in one mailbox (makes a folder, sets the replies) says what that thing is by one
//! struct. The forms around it are made here, so that they are the same for all of these actions: `mailbox` beside the
//! fields of the thing, `mailboxes` beside them, or `items`, of which each holds a mailbox and all fields. The last is
//! what an inverse needs, because what is set back differs from mailbox to mailbox. Fields that decide about all of a
//! list ([`InEach::SHARED`]) stand beside it and never in it: a plan reads there what can be taken back.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use action_api::plan::Failure;
use exchange::Mailbox;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use crate::failure::invalid;
use crate::in_each::InEach;
use crate::input::MailboxName;
use crate::listed::OnItemError;

/// The longest list.
const MOST: usize = 1000;

/// One thing to do. Two with the same number are the same thing.
#[derive(Debug)]
pub(crate) struct Wanted<T> {
    /// What.
    pub(crate) what: Arc<T>,
    /// Which of the different things of the call.
    pub(crate) number: usize,
}

/// Input of an action that does one thing in a mailbox, in one or in several.
#[derive(Debug)]
pub(crate) struct Several<T> {
    /// Every thing with its mailbox, in the order asked for.
    pub(crate) items: Vec<(Mailbox, Wanted<T>)>,
    /// Whether the call names one mailbox.
    pub(crate) one: bool,
    /// What to do where a part fails.
    pub(crate) on_item_error: OnItemError,
    form: PhantomData<T>,
}

impl<T> Several<T> {
    /// Refuses a mailbox that stands there with two different things, for what a mailbox has once.
    pub(crate) fn once_each(&self, action: &str) -> Result<(), Failure> {
        let mut known = HashMap::new();
        for (mailbox, wanted) in &self.items {
            let first = *known.entry(mailbox.as_str().to_lowercase()).or_insert(wanted.number);
            if first != wanted.number {
                let words = format!(
                    "{action}: {mailbox} stands in `items` twice, with different settings, and nothing was changed; \
                     leave one of them out"
                );
                return Err(invalid(words));
            }
        }
        Ok(())
    }
}

/// Takes a field out of an object, if it is there.
fn take<T: DeserializeOwned, E: serde::de::Error>(
    fields: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<T>, E> {
    let read = |value| serde_json::from_value(value).map_err(|error| E::custom(format!("{name}: {error}")));
    fields.remove(name).map(read).transpose()
}

impl<'de, T: InEach> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::<String, Value>::deserialize(deserializer)?;
        let mailbox: Option<MailboxName> = take(&mut fields, "mailbox")?;
        let mailboxes: Option<Vec<MailboxName>> = take(&mut fields, "mailboxes")?;
        let list: Option<Vec<Map<String, Value>>> = take(&mut fields, "items")?;
        let on_item_error = take(&mut fields, "on_item_error")?.unwrap_or_default();
        let read = |fields: Map<String, Value>| serde_json::from_value(Value::Object(fields)).map(Arc::new);
        let (items, one) = match (mailbox, mailboxes, list) {
            (None, None, Some(list)) => (each_of_its_own::<T, _>(list, &fields)?, false),
            (Some(mailbox), None, None) => {
                let what = read(fields).map_err(D::Error::custom)?;
                (vec![(mailbox.get().clone(), Wanted { what, number: 0 })], true)
            }
            (None, Some(mailboxes), None) => {
                let what: Arc<T> = read(fields).map_err(D::Error::custom)?;
                let same =
                    |one: MailboxName| (one.get().clone(), Wanted { what: Arc::clone(&what), number: 0 });
                (mailboxes.into_iter().map(same).collect(), false)
            }
            _ => return Err(D::Error::custom("give one of `mailbox`, `mailboxes` and `items`")),
        };
        Ok(Several { items, one, on_item_error, form: PhantomData })
    }
}

/// The entries of a list, each with the fields that hold for all.
fn each_of_its_own<T: InEach, E: serde::de::Error>(
    list: Vec<Map<String, Value>>,
    shared: &Map<String, Value>,
) -> Result<Vec<(Mailbox, Wanted<T>)>, E> {
    let mut numbers: HashMap<String, (usize, Arc<T>)> = HashMap::new();
    let mut items = Vec::with_capacity(list.len());
    for mut entry in list {
        let mailbox: Option<MailboxName> = take(&mut entry, "mailbox")?;
        let mailbox = mailbox.ok_or_else(|| E::custom("an entry of `items` names no mailbox"))?;
        entry.extend(shared.clone());
        let entry = Value::Object(entry);
        let text = entry.to_string();
        let (number, what) = match numbers.get(&text) {
            Some((number, what)) => (*number, Arc::clone(what)),
            None => {
                let what: Arc<T> = Arc::new(serde_json::from_value(entry).map_err(E::custom)?);
                let number = numbers.len();
                numbers.insert(text, (number, Arc::clone(&what)));
                (number, what)
            }
        };
        items.push((mailbox.get().clone(), Wanted { what, number }));
    }
    Ok(items)
}

impl<T: InEach> JsonSchema for Several<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Input".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        let mailbox = generator.subschema_for::<MailboxName>().to_value();
        let on_item_error = generator.subschema_for::<OnItemError>().to_value();
        let needed: Vec<String> = strings(schema.get("required"));
        let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let own = |name: &String| !T::SHARED.contains(&name.as_str());
        let entry = entry::<T>(generator);
        let list = |items: Value| json!({ "type": "array", "minItems": 1, "maxItems": MOST, "items": items, "x-effect-items": true });
        let on_item_error = described(
            on_item_error,
            "With `mailboxes` and `items`: `fail` fails the step where a part of it could not be done, once all \
             others are; `collect` succeeds and tells it in `failed`, `mailboxes` and `results`.",
        );
        let own_names: Vec<&str> = properties.keys().filter(|name| own(name)).map(String::as_str).collect();
        let forms = json!([
            form("mailbox", &needed, &["mailboxes", "items", "on_item_error"]),
            form("mailboxes", &needed, &["mailbox", "items"]),
            form("items", &[], &[vec!["mailbox", "mailboxes"], own_names].concat())
        ]);
        let mut properties = properties;
        properties.extend([
            ("mailbox".to_owned(), described(mailbox.clone(), "The mailbox it is done in.")),
            (
                "mailboxes".to_owned(),
                described(
                    list(mailbox),
                    "Instead of `mailbox`: 1 to 1,000 mailboxes in which the same is done, several at a time. One \
                     twice counts once.",
                ),
            ),
            (
                "items".to_owned(),
                described(
                    list(entry),
                    &format!(
                        "Instead of `mailbox` and the other fields{}: 1 to 1,000 entries, each a mailbox and what is \
                         done in it.",
                        T::SHARED.iter().map(|name| format!(", except `{name}`")).collect::<String>()
                    ),
                ),
            ),
            ("on_item_error".to_owned(), with_default(on_item_error)),
        ]);
        schema.insert("properties".to_owned(), Value::Object(properties));
        schema.remove("required");
        schema.insert("oneOf".to_owned(), forms);
        schema
    }
}

/// The schema of one entry of `items`.
pub(crate) fn entry<T: InEach>(generator: &mut SchemaGenerator) -> Value {
    let schema = T::json_schema(generator);
    let own = |name: &str| !T::SHARED.contains(&name);
    let mut needed = strings(schema.get("required"));
    needed.retain(|name| own(name));
    needed.push("mailbox".to_owned());
    let mut properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    properties.retain(|name, _| own(name));
    let mailbox = generator.subschema_for::<MailboxName>().to_value();
    properties.insert("mailbox".to_owned(), described(mailbox, "The mailbox it is done in."));
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": needed })
}

fn strings(list: Option<&Value>) -> Vec<String> {
    let all = list.and_then(Value::as_array).into_iter().flatten();
    all.filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

/// One way to say it: which fields there have to be, and which there must not be.
fn form(first: &str, needed: &[String], refused: &[&str]) -> Value {
    let mut required = vec![first.to_owned()];
    required.extend(needed.iter().cloned());
    let refused: Vec<Value> = refused.iter().map(|name| json!({ "required": [name] })).collect();
    json!({ "required": required, "not": { "anyOf": refused } })
}

fn described(mut schema: Value, words: &str) -> Value {
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("description".to_owned(), json!(words));
    }
    schema
}

fn with_default(mut schema: Value) -> Value {
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("default".to_owned(), json!(OnItemError::default()));
    }
    schema
}
