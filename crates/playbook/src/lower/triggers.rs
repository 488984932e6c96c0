//! `triggers` and `concurrency`: what starts a run by itself, and what happens when two are about the same.

use std::time::Duration;

use expr::Type;
use plan::{Concurrency, OnConflict, Trigger, TriggerKind};
use serde_json::{Map, Value, json};

use super::Lower;
use super::fields::{self, Fields, check_name, quoted, wrong_kind};
use super::value::Slot;
use crate::codes;
use crate::names::Stage;
use crate::report::Raw;
use crate::source::text::shown;
use crate::source::tree::{Kind, Node};

const KINDS: [&str; 5] = ["mailbox", "cron", "webhook", "event", "manual"];
/// How often a mailbox is looked at if the trigger does not say.
const EVERY: Duration = Duration::from_secs(60);

impl Lower<'_> {
    pub(super) fn triggers(&mut self, top: &Fields<'_>) -> Vec<Trigger> {
        let Some(node) = top.get("triggers") else { return Vec::new() };
        let Kind::List(items) = &node.kind else {
            self.sink.push(
                wrong_kind(node, "`triggers`", "a list").help("write `- id: reported` and a kind below it"),
            );
            return Vec::new();
        };
        let mut all: Vec<(Trigger, usize)> = Vec::new();
        for item in items {
            let known: Vec<&str> = ["id"].into_iter().chain(KINDS).collect();
            let Some(fields) = Fields::read(item, "a trigger", &known, self.sink) else { continue };
            fields.require("id", "a trigger", "name it: `- id: reported`", self.sink);
            let at = fields.get("id").map_or(fields.at, |n| n.id);
            let id = fields.text("id", self.sink);
            let named = id.is_some_and(|id| check_name(at, id, "a trigger", self.sink));
            let Some(kind) = self.trigger_kind(&fields) else { continue };
            let Some(id) = id.filter(|_| named) else { continue };
            if let Some((_, first)) = all.iter().find(|(t, _)| t.id == id) {
                self.sink.push(
                    Raw::error(codes::DUPLICATE_NAME, format!("two triggers have the id `{id}`"))
                        .node(at, "again here")
                        .node(*first, "first here"),
                );
                continue;
            }
            let (kind, mut schema) = kind;
            if let Some(properties) = schema.pointer_mut("/properties").and_then(Value::as_object_mut) {
                properties.insert("id".to_owned(), json!({ "const": id }));
            }
            all.push((Trigger { id: id.to_owned(), kind, schema }, at));
        }
        let triggers: Vec<Trigger> = all.into_iter().map(|(trigger, _)| trigger).collect();
        self.names.triggers.all =
            triggers.iter().map(|t| (t.id.clone(), Type::from_schema(&t.schema))).collect();
        triggers
    }

    /// The kind of a trigger and the schema of what it brings.
    fn trigger_kind(&mut self, fields: &Fields<'_>) -> Option<(TriggerKind, Value)> {
        let mut found = KINDS.iter().filter_map(|kind| fields.entry(kind));
        let Some(entry) = found.next() else {
            if !fields.misspells(&KINDS) {
                self.sink.push(
                    Raw::error(codes::NO_VERB, "this trigger waits for nothing")
                        .node(fields.at, "")
                        .help(format!("add one of {}", quoted(&KINDS))),
                );
            }
            return None;
        };
        if let Some(second) = found.next() {
            self.sink.push(
                Raw::error(codes::TWO_VERBS, "a trigger has one kind")
                    .node(second.key.id, "one too many")
                    .node(entry.key.id, "the other one")
                    .help("make it two triggers"),
            );
            return None;
        }
        match entry.key.text.as_str() {
            "mailbox" => self.mailbox(&entry.value),
            "cron" => self.cron(&entry.value),
            "webhook" => {
                let fields = Fields::read(&entry.value, "`webhook`", &["schema"], self.sink)?;
                Some((TriggerKind::Webhook, self.brought(&fields, "`webhook`", true)?))
            }
            "event" => {
                let fields = Fields::read(&entry.value, "`event`", &["name", "schema"], self.sink)?;
                fields.require("name", "`event`", "say which event: `name: user_blocked`", self.sink);
                let schema = self.brought(&fields, "`event`", true);
                let name = fields.text("name", self.sink)?;
                let at = fields.get("name").map_or(fields.at, |n| n.id);
                check_name(at, name, "an event", self.sink);
                Some((TriggerKind::Event(name.to_owned()), schema?))
            }
            _ => {
                let empty = matches!(entry.value.kind, Kind::Null);
                let fields = match empty {
                    true => Fields { at: entry.key.id, entries: &[] },
                    false => Fields::read(&entry.value, "`manual`", &["schema"], self.sink)?,
                };
                Some((TriggerKind::Manual, self.brought(&fields, "`manual`", false)?))
            }
        }
    }

    /// The schema of what a trigger brings: the author's, which describes an object, with the trigger's own `id`.
    fn brought(&mut self, fields: &Fields<'_>, what: &str, foreign: bool) -> Option<Value> {
        let node = match fields.get("schema") {
            Some(node) => node,
            None if !foreign => return Some(object(Map::new())),
            None => {
                let help = "say what it brings: `schema: { type: object, properties: { ... } }`";
                fields.require("schema", what, help, self.sink);
                return None;
            }
        };
        let (schema, _) = self.short_schema(node, "`schema`", &[]);
        let mut schema = schema?;
        let own = schema.as_object_mut()?;
        if own.get("type").and_then(Value::as_str) != Some("object") {
            self.sink.push(
                Raw::error(codes::BAD_SCHEMA, format!("what {what} brings is an object"))
                    .node(node.id, "")
                    .help("write `schema: { type: object, properties: { ... } }`"),
            );
            return None;
        }
        let properties = own.entry("properties").or_insert_with(|| json!({}));
        let properties = properties.as_object_mut()?;
        if properties.contains_key("id") {
            self.sink.push(
                Raw::error(codes::DUPLICATE_NAME, "`id` is the trigger's own")
                    .node(node.id, "`trigger.id` says which trigger it was")
                    .help("give the field another name"),
            );
            return None;
        }
        if foreign {
            // Whoever calls from outside chose every value.
            for property in properties.values_mut().filter_map(Value::as_object_mut) {
                property.insert("x-untrusted".to_owned(), Value::Bool(true));
            }
        }
        let required = own.entry("required").or_insert_with(|| json!([]));
        required.as_array_mut()?.push(Value::from("id"));
        own.entry("additionalProperties").or_insert(Value::Bool(false));
        Some(schema)
    }

    fn cron(&mut self, node: &Node) -> Option<(TriggerKind, Value)> {
        let text = fields::plain_text(node, "`cron`", self.sink)?;
        if let Err(why) = cron_problem(text) {
            self.sink.push(
                Raw::error(codes::CRON, format!("`{}` is no cron expression: {why}", shown(text)))
                    .node(node.id, "")
                    .help(
                        "five fields: minute, hour, day of month, month, day of week, such as `*/5 * * * *`",
                    ),
            );
            return None;
        }
        let mut fields = Map::new();
        fields.insert("due_at".to_owned(), json!({ "type": "string", "format": "date-time" }));
        Some((TriggerKind::Cron(text.to_owned()), object(fields)))
    }

    fn mailbox(&mut self, node: &Node) -> Option<(TriggerKind, Value)> {
        let known = ["connection", "mailbox", "folder", "every", "filter"];
        let given = Fields::read(node, "`mailbox`", &known, self.sink)?;
        let mailbox = given.require("mailbox", "`mailbox`", "add `mailbox: phish@corp.example`", self.sink);
        let mailbox = mailbox.and_then(|_| given.text("mailbox", self.sink));
        if let (Some(address), Some(node)) = (mailbox, given.get("mailbox"))
            && !address.contains('@')
        {
            let message = format!("`{}` is no address of a mailbox", shown(address));
            self.sink
                .push(Raw::error(codes::BAD_LITERAL, message).node(node.id, "").help("write `name@domain`"));
        }
        let folder = given.text("folder", self.sink).unwrap_or("inbox");
        let every = given.duration("every", fields::EVERY, self.sink).unwrap_or(EVERY);
        let connection = self.trigger_connection(&given, node);
        let message = self.message_schema();
        let ty = Type::from_schema(&message);
        self.names.variables.push(("message".to_owned(), ty));
        self.names.stage = Stage::Filter;
        let filter = given.get("filter").map(|node| self.condition(node, "`filter`"));
        self.names.stage = Stage::Run;
        self.names.variables.pop();
        let mut schema = object(Map::new());
        if let (Some(properties), Some(definitions)) =
            (schema.pointer_mut("/properties").and_then(Value::as_object_mut), message.get("$defs").cloned())
        {
            properties.insert("message".to_owned(), without_definitions(message));
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("$defs".to_owned(), definitions);
            }
        } else if let Some(properties) = schema.pointer_mut("/properties").and_then(Value::as_object_mut) {
            properties.insert("message".to_owned(), message);
        }
        if let Some(required) = schema.pointer_mut("/required").and_then(Value::as_array_mut) {
            required.push(Value::from("message"));
        }
        let filter = match filter {
            Some(filter) => Some(filter?),
            None => None,
        };
        let kind = TriggerKind::Mailbox {
            connection: connection?,
            mailbox: mailbox?.to_owned(),
            folder: folder.to_owned(),
            every,
            filter,
        };
        Some((kind, schema))
    }

    fn trigger_connection(&mut self, given: &Fields<'_>, node: &Node) -> Option<String> {
        const KIND: &str = "exchange";
        if let Some(named) = given.get("connection") {
            let name = fields::plain_text(named, "`connection`", self.sink)?;
            return self.named_connection(named, name, KIND, "a mailbox trigger");
        }
        self.only_connection(node, KIND, "a mailbox trigger")
    }

    /// What a mailbox trigger brings: an item of a search.
    fn message_schema(&mut self) -> Value {
        let found = self.action("mail.search").and_then(|action| {
            let output = &action.spec.output;
            let items = output.pointer("/properties/messages/items")?;
            let mut schema = match items.get("$ref").and_then(Value::as_str) {
                Some(target) => output.pointer(target.strip_prefix('#')?)?.clone(),
                None => items.clone(),
            };
            if let (Some(schema), Some(definitions)) = (schema.as_object_mut(), output.get("$defs")) {
                schema.insert("$defs".to_owned(), definitions.clone());
            }
            Some(schema)
        });
        found.unwrap_or_else(|| json!({ "type": "object", "x-untrusted": true }))
    }

    pub(super) fn concurrency(&mut self, top: &Fields<'_>) -> Option<Concurrency> {
        let fields =
            Fields::read(top.get("concurrency")?, "`concurrency`", &["key", "on_conflict"], self.sink)?;
        let help = "say what two runs must not share: `key: ${{ inputs.mailbox }}`";
        let key = fields.require("key", "`concurrency`", help, self.sink);
        let on_conflict = match fields.word("on_conflict", &["skip", "queue", "replace"], self.sink) {
            Some("queue") => OnConflict::Queue,
            Some("replace") => OnConflict::Replace,
            _ => OnConflict::Skip,
        };
        self.names.stage = Stage::Start;
        let key = key.map(|node| self.fitting(node, &Slot::open("`key`", Type::string())).0);
        self.names.stage = Stage::Run;
        Some(Concurrency { key: key?, on_conflict })
    }
}

/// An object with these members, all required, and `id`.
fn object(properties: Map<String, Value>) -> Value {
    let mut required: Vec<Value> = vec![Value::from("id")];
    required.extend(properties.keys().map(|name| Value::from(name.as_str())));
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn without_definitions(mut schema: Value) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("$defs");
    }
    schema
}

/// What is wrong with a cron expression of five fields.
fn cron_problem(text: &str) -> Result<(), String> {
    const RANGES: [(&str, u32, u32); 5] = [
        ("minute", 0, 59),
        ("hour", 0, 23),
        ("day of month", 1, 31),
        ("month", 1, 12),
        ("day of week", 0, 7),
    ];
    let parts: Vec<&str> = text.split_ascii_whitespace().collect();
    if parts.len() != RANGES.len() {
        return Err(format!("it has {} and needs 5", fields::counted(parts.len(), "field")));
    }
    for (part, (name, least, most)) in parts.iter().zip(RANGES) {
        for item in part.split(',') {
            let (range, step) =
                item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
            let number = |text: &str| {
                let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
                text.parse::<u32>().ok().filter(|n| digits && (least..=most).contains(n))
            };
            let step_fits = step.is_none_or(|step| {
                step.parse::<u32>().is_ok_and(|n| n >= 1 && n <= most) && !step.starts_with('+')
            });
            let range_fits = match range.split_once('-') {
                Some((from, to)) => number(from).zip(number(to)).is_some_and(|(from, to)| from <= to),
                None => range == "*" || (number(range).is_some() && step.is_none()),
            };
            if !step_fits || !range_fits {
                return Err(format!("`{}` is not possible as {name} ({least} to {most})", shown(item)));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::cron_problem;

    #[test]
    fn cron_expressions() {
        for good in ["*/5 * * * *", "0 9 * * 1-5", "0,30 8-18/2 1 1,7 0", "59 23 31 12 7"] {
            assert_eq!(cron_problem(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "*/0 * * * *",
            "5-1 * * * *",
            "a * * * *",
            "5/2 * * * *",
            "+5 * * * *",
            "* * 0 * *",
            "-1 * * * *",
        ] {
            assert!(cron_problem(bad).is_err(), "{bad}");
        }
    }
}
