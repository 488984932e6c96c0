//! The keys of the playbook itself.

use plan::{Connection, Input, Output};

use super::fields::{self, Fields, check_name, wrong_kind};
use super::value::has_expression;
use super::{Declared, Lower};
use crate::codes;
use crate::report::{Raw, Sink};
use crate::source::tree::{Kind, Node};
use expr::Type;

/// Every key of the language, in the order of the guide: `fmt` puts them so.
pub(crate) const KEYS: [&str; 19] = [
    "playbook",
    "id",
    "name",
    "description",
    "metadata",
    "connections",
    "plugins",
    "secrets",
    "vars",
    "inputs",
    "outputs",
    "triggers",
    "concurrency",
    "deadline",
    "policy",
    "defaults",
    "steps",
    "on_error",
    "finally",
];

/// The largest blast limit.
const MOST_EFFECTS: u32 = 1_000_000;

const VERSION_HELP: &str = "start the file with `playbook: 1`";

/// `playbook: 1`, as the first key.
pub(crate) fn version(top: &Fields<'_>, sink: &mut Sink) {
    let Some(node) = top.require("playbook", "a playbook", VERSION_HELP, sink) else { return };
    match &node.kind {
        Kind::Int(1) => {}
        Kind::Int(other) => sink.push(
            Raw::error(codes::VERSION, format!("version {other} of the language is not known here"))
                .node(node.id, "")
                .help("this version of Portcullis reads `playbook: 1`"),
        ),
        _ => sink.push(
            Raw::error(codes::VERSION, format!("the version must be the number 1, this is {}", node.what()))
                .node(node.id, "")
                .help(VERSION_HELP),
        ),
    }
    let first = top.entries.first().filter(|e| e.key.text != "playbook");
    if let (Some(first), Some(entry)) = (first, top.entry("playbook")) {
        sink.push(
            Raw::error(codes::VERSION, "`playbook` must be the first key")
                .node(entry.key.id, "stands here")
                .node(first.key.id, "must come after it")
                .help(VERSION_HELP),
        );
    }
}

/// Free words about the playbook: anything that is not computed.
pub(crate) fn metadata(top: &Fields<'_>, sink: &mut Sink) {
    let Some(node) = top.get("metadata") else { return };
    if Fields::open(node, "`metadata`", sink).is_some() {
        literal(node, "metadata", sink);
    }
}

fn literal(node: &Node, what: &str, sink: &mut Sink) {
    match &node.kind {
        Kind::List(items) => items.iter().for_each(|n| literal(n, what, sink)),
        Kind::Map(entries) => entries.iter().for_each(|e| literal(&e.value, what, sink)),
        _ => {
            fields::no_expression(node, what, sink);
        }
    }
}

impl Lower<'_> {
    pub(super) fn playbook_id(&mut self, top: &Fields<'_>) -> Option<String> {
        top.require("id", "a playbook", "add `id:` with a short name, such as `phishing-triage`", self.sink)?;
        let text = top.text("id", self.sink)?;
        let at = top.get("id").map_or(0, |n| n.id);
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        let first = text.chars().next().is_some_and(|c| c.is_ascii_lowercase());
        if !first || !text.chars().all(fits) || text.len() > 64 {
            self.sink.push(
                Raw::error(
                    codes::BAD_NAME,
                    format!("`{}` cannot be the id of a playbook", crate::source::text::shown(text)),
                )
                .node(at, "")
                .help("use lower-case letters, digits, `-` and `_`, starting with a letter; at most 64"),
            );
            return None;
        }
        Some(text.to_owned())
    }

    pub(super) fn connections(&mut self, top: &Fields<'_>) {
        let Some(all) = top.get("connections").and_then(|n| Fields::open(n, "`connections`", self.sink))
        else {
            return;
        };
        for entry in all.entries {
            let good = check_name(entry.key.id, &entry.key.text, "a connection", self.sink);
            let what = format!("the connection `{}`", entry.key.text);
            let Some(fields) = Fields::read(&entry.value, &what, &["kind"], self.sink) else { continue };
            fields.require("kind", &what, "write what it reaches: `{ kind: exchange }`", self.sink);
            if let (Some(kind), true) = (fields.text("kind", self.sink), good) {
                let connection = Connection { name: entry.key.text.clone(), kind: kind.to_owned() };
                self.connections.push((connection, entry.key.id));
            }
        }
    }

    pub(super) fn inputs(&mut self, top: &Fields<'_>) -> Vec<Input> {
        let mut inputs = Vec::new();
        let Some(all) = top.get("inputs").and_then(|n| Fields::open(n, "`inputs`", self.sink)) else {
            return inputs;
        };
        for entry in all.entries {
            check_name(entry.key.id, &entry.key.text, "an input", self.sink);
            let (schema, default) = self.short_schema(&entry.value, "an input", &["default"]);
            let ty = schema.as_ref().map_or_else(Type::any, Type::from_schema);
            self.names.inputs.push((entry.key.text.clone(), ty));
            self.names.declared.insert(format!("inputs.{}", entry.key.text), entry.key.id);
            let Some(schema) = schema else { continue };
            let default = default.and_then(|node| self.default(node, &schema));
            inputs.push(Input { name: entry.key.text.clone(), schema, default });
        }
        inputs
    }

    pub(super) fn outputs(&mut self, top: &Fields<'_>) {
        let Some(all) = top.get("outputs").and_then(|n| Fields::open(n, "`outputs`", self.sink)) else {
            return;
        };
        for entry in all.entries {
            check_name(entry.key.id, &entry.key.text, "an output", self.sink);
            let (schema, _) = self.short_schema(&entry.value, "an output", &["value"]);
            let schema = schema.unwrap_or(serde_json::Value::Bool(true));
            let ty = Type::from_schema(&schema);
            let output = Output { name: entry.key.text.clone(), schema, value: None };
            self.outputs.push(Declared { output, given: ty.clone(), ty });
        }
    }

    /// Names of secrets; what they are stays with the operator.
    pub(super) fn secrets(&mut self, top: &Fields<'_>) -> Vec<String> {
        let Some(node) = top.get("secrets") else { return Vec::new() };
        let Kind::List(items) = &node.kind else {
            self.sink.push(
                wrong_kind(node, "`secrets`", "a list of names")
                    .help("write `secrets: [vt_key]`; never the secret itself"),
            );
            return Vec::new();
        };
        let mut names: Vec<String> = Vec::new();
        for item in items {
            let Some(name) = fields::plain_text(item, "the name of a secret", self.sink) else { continue };
            if !check_name(item.id, name, "a secret", self.sink) {
                continue;
            }
            if names.iter().any(|known| known == name) {
                self.sink.push(
                    Raw::error(codes::DUPLICATE_NAME, format!("the secret `{name}` stands twice"))
                        .node(item.id, ""),
                );
                continue;
            }
            names.push(name.to_owned());
            self.names.declared.insert(format!("secrets.{name}"), item.id);
        }
        self.names.secrets = names.iter().map(|name| (name.clone(), Type::string().with_secret())).collect();
        names
    }

    /// Constants.
    pub(super) fn vars(&mut self, top: &Fields<'_>) -> serde_json::Value {
        let mut values = serde_json::Map::new();
        let all = top.get("vars").and_then(|n| Fields::open(n, "`vars`", self.sink));
        for entry in all.map(|all| all.entries).unwrap_or_default() {
            check_name(entry.key.id, &entry.key.text, "a constant", self.sink);
            if has_expression(&entry.value) {
                literal(&entry.value, "a constant", self.sink);
                self.names.vars.push((entry.key.text.clone(), Type::any()));
                continue;
            }
            let what = format!("the constant `{}`", entry.key.text);
            let (value, ty) = self.value(&entry.value, &super::value::Slot::open(&what, Type::any()));
            // Its value is written here, but it is a constant because it may be changed here.
            self.names.vars.push((entry.key.text.clone(), ty.widened()));
            self.names.declared.insert(format!("vars.{}", entry.key.text), entry.key.id);
            if let plan::ValueExpr::Literal(value) = value {
                values.insert(entry.key.text.clone(), value);
            }
        }
        serde_json::Value::Object(values)
    }

    pub(super) fn defaults(&mut self, top: &Fields<'_>) {
        let Some(node) = top.get("defaults") else { return };
        let known = ["timeout", "retry", "rate_limit"];
        let Some(fields) = Fields::read(node, "`defaults`", &known, self.sink) else { return };
        self.defaults.timeout = fields.duration("timeout", fields::STEP_TIMEOUT, self.sink);
        self.defaults.retry = fields.get("retry").and_then(|node| self.retry(node));
        self.defaults.rate_limit = fields.get("rate_limit").and_then(|node| self.rate_limit(node));
    }

    pub(super) fn policy(&mut self, top: &Fields<'_>) {
        let Some(node) = top.get("policy") else { return };
        let known = ["containment", "max_effects"];
        let Some(fields) = Fields::read(node, "`policy`", &known, self.sink) else { return };
        if let Some(rule) =
            fields.get("containment").and_then(|n| Fields::read(n, "`containment`", &["requires"], self.sink))
        {
            rule.require("requires", "`containment`", "write `{ requires: approval }`", self.sink);
            self.policy.approval_required = rule.word("requires", &["approval"], self.sink).is_some();
        }
        let limits = fields.get("max_effects").and_then(|n| Fields::open(n, "`max_effects`", self.sink));
        for entry in limits.map(|l| l.entries).unwrap_or_default() {
            let action = entry.key.text.as_str();
            match self.action(action) {
                None => self.unknown_action(entry.key.id, action),
                Some(known) if !known.spec.effect.changes() => self.sink.push(
                    Raw::error(codes::MISPLACED, format!("`{action}` changes nothing"))
                        .node(entry.key.id, "a limit without meaning")
                        .help("remove it"),
                ),
                Some(_) => {}
            }
            let own = Fields { at: entry.key.id, entries: std::slice::from_ref(entry) };
            if let Some(most) = own.number(action, 0, MOST_EFFECTS, self.sink) {
                self.policy.max_effects.insert(action.to_owned(), u64::from(most));
            }
        }
    }
}
