//! The keys of the playbook itself.

use plan::{Connection, Input, Output, Retry};

use super::Lower;
use super::fields::{self, Fields, check_name, wrong_kind};
use crate::codes;
use crate::report::{Raw, Sink};
use crate::source::tree::{Kind, Node};
use expr::Type;

/// Every key of the language so far.
pub(crate) const KEYS: [&str; 12] = [
    "playbook",
    "id",
    "name",
    "description",
    "metadata",
    "connections",
    "inputs",
    "outputs",
    "deadline",
    "defaults",
    "policy",
    "steps",
];

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
        literal(node, sink);
    }
}

fn literal(node: &Node, sink: &mut Sink) {
    match &node.kind {
        Kind::List(items) => items.iter().for_each(|n| literal(n, sink)),
        Kind::Map(entries) => entries.iter().for_each(|e| literal(&e.value, sink)),
        _ => {
            fields::no_expression(node, "metadata", sink);
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
            self.outputs.push((Output { name: entry.key.text.clone(), schema, value: None }, entry.key.id));
        }
    }

    pub(super) fn defaults(&mut self, top: &Fields<'_>) {
        let Some(node) = top.get("defaults") else { return };
        let Some(fields) = Fields::read(node, "`defaults`", &["timeout", "retry"], self.sink) else { return };
        self.defaults.timeout = fields.duration("timeout", fields::STEP_TIMEOUT, self.sink);
        self.defaults.retry = fields.get("retry").and_then(|node| self.retry(node));
    }

    pub(super) fn policy(&mut self, top: &Fields<'_>) {
        let Some(node) = top.get("policy") else { return };
        let Some(fields) = Fields::read(node, "`policy`", &["containment"], self.sink) else { return };
        let Some(rule) = fields.get("containment") else { return };
        let Some(rule) = Fields::read(rule, "`containment`", &["requires"], self.sink) else { return };
        rule.require("requires", "`containment`", "write `{ requires: approval }`", self.sink);
        self.approval_required = rule.word("requires", &["approval"], self.sink).is_some();
    }

    /// `none`, or how often and when.
    pub(super) fn retry(&mut self, node: &Node) -> Option<Retry> {
        if node.text() == Some("none") {
            return Some(Retry::none());
        }
        if !matches!(node.kind, Kind::Map(_)) {
            self.sink.push(
                wrong_kind(node, "`retry`", "`none` or a mapping")
                    .help("write `retry: none` or `retry: { attempts: 3 }`"),
            );
            return None;
        }
        let fields = Fields::read(node, "`retry`", &["attempts", "initial", "max", "on"], self.sink)?;
        let mut retry = default_retry();
        if fields.require("attempts", "`retry`", "say how often in all: `attempts: 3`", self.sink).is_some() {
            retry.attempts = fields.number("attempts", 1, 10, self.sink)?;
        }
        if let Some(initial) = fields.duration("initial", fields::RETRY_WAIT, self.sink) {
            retry.initial = initial;
            retry.max = retry.max.max(initial);
        }
        if let Some(max) = fields.duration("max", fields::RETRY_WAIT, self.sink) {
            if let (true, Some(node)) = (max < retry.initial, fields.get("max")) {
                self.sink.push(
                    Raw::error(codes::OUT_OF_RANGE, "`max` is shorter than the first wait")
                        .node(node.id, "")
                        .help("`max` is the longest wait"),
                );
            }
            retry.max = max;
        }
        if let Some(on) = fields.get("on") {
            retry.on = self.failure_kinds(on)?;
        }
        Some(retry)
    }

    fn failure_kinds(&mut self, node: &Node) -> Option<Vec<plan::FailureKind>> {
        let Kind::List(items) = &node.kind else {
            self.sink.push(
                wrong_kind(node, "`on`", "a list of kinds of failure")
                    .help("write `on: [transient, throttled]`"),
            );
            return None;
        };
        let known: Vec<&str> = plan::FailureKind::ALL.iter().map(|k| k.as_str()).collect();
        let mut kinds = Vec::new();
        for item in items {
            let text = fields::plain_text(item, "a kind of failure", self.sink)?;
            match plan::FailureKind::from_name(text) {
                Some(kind) => kinds.push(kind),
                None => {
                    let help = expr::nearest(text, known.iter().copied()).map_or_else(
                        || format!("known: {}", known.join(", ")),
                        |near| format!("did you mean `{near}`?"),
                    );
                    let message =
                        format!("there is no kind of failure `{}`", crate::source::text::shown(text));
                    self.sink.push(Raw::error(codes::UNKNOWN_WORD, message).node(item.id, "").help(help));
                }
            }
        }
        Some(kinds)
    }
}

/// What holds for an action that may be repeated, if the playbook says nothing.
pub(super) fn default_retry() -> Retry {
    use std::time::Duration;
    Retry {
        attempts: 3,
        initial: Duration::from_secs(1),
        max: Duration::from_secs(30),
        exponential: true,
        on: vec![plan::FailureKind::Transient, plan::FailureKind::Throttled],
    }
}
