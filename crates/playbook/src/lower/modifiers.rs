//! Modifiers of a call that have parts of their own: `retry`, `rate_limit`, `cache` and `idempotency`.

use std::sync::Arc;
use std::time::Duration;

use action_api::Spec;
use expr::Type;
use plan::{Cache, Effect, FailureKind, Idempotency, OnUnknown, RateLimit, Repeat, Retry};
use serde_json::{Value, json};

use super::Lower;
use super::fields::{self, Fields, wrong_kind};
use super::value::Slot;
use crate::codes;
use crate::report::Raw;
use crate::source::tree::{Entry, Kind, Node};

/// The most calls in one window.
const MOST_PERMITS: u32 = 100_000;

impl Lower<'_> {
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
        let known = ["attempts", "backoff", "initial", "max", "jitter", "on"];
        let fields = Fields::read(node, "`retry`", &known, self.sink)?;
        let mut retry = default_retry();
        if fields.require("attempts", "`retry`", "say how often in all: `attempts: 3`", self.sink).is_some() {
            retry.attempts = fields.number("attempts", 1, 10, self.sink)?;
        }
        retry.exponential =
            fields.word("backoff", &["exponential", "constant"], self.sink) != Some("constant");
        fields.word("jitter", &["full"], self.sink);
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

    pub(super) fn failure_kinds(&mut self, node: &Node) -> Option<Vec<FailureKind>> {
        let Kind::List(items) = &node.kind else {
            self.sink.push(
                wrong_kind(node, "`on`", "a list of kinds of failure")
                    .help("write `on: [transient, throttled]`"),
            );
            return None;
        };
        let known: Vec<&str> = FailureKind::ALL.iter().map(|k| k.as_str()).collect();
        let mut kinds = Vec::new();
        for item in items {
            let text = fields::plain_text(item, "a kind of failure", self.sink)?;
            match FailureKind::from_name(text) {
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

    pub(super) fn rate_limit(&mut self, node: &Node) -> Option<RateLimit> {
        let help = "write `rate_limit: { key: virustotal, per: 1m, permits: 60 }`";
        if !matches!(node.kind, Kind::Map(_)) {
            self.sink.push(wrong_kind(node, "`rate_limit`", "a mapping").help(help));
            return None;
        }
        let fields = Fields::read(node, "`rate_limit`", &["key", "per", "permits"], self.sink)?;
        for key in ["key", "per", "permits"] {
            fields.require(key, "`rate_limit`", help, self.sink);
        }
        let key = fields.text("key", self.sink).map(str::to_owned);
        let per = fields.duration("per", fields::WINDOW, self.sink);
        let permits = fields.number("permits", 1, MOST_PERMITS, self.sink);
        Some(RateLimit { key: key?, per: per?, permits: permits? })
    }

    pub(super) fn cache(&mut self, entry: &Entry, spec: &Spec) -> Option<Cache> {
        if spec.effect != Effect::Enrichment {
            self.sink.push(
                Raw::error(
                    codes::CACHED_CHANGE,
                    format!("`{}` cannot be cached: it is {}", spec.name, spec.effect),
                )
                .node(entry.key.id, "would not take place")
                .help("remove `cache`; only reads can be answered from memory"),
            );
            return None;
        }
        let help = "write `cache: { ttl: 6h }`";
        if !matches!(entry.value.kind, Kind::Map(_)) {
            self.sink.push(wrong_kind(&entry.value, "`cache`", "a mapping").help(help));
            return None;
        }
        let fields = Fields::read(&entry.value, "`cache`", &["ttl", "key"], self.sink)?;
        fields.require("ttl", "`cache`", help, self.sink);
        let ttl = fields.duration("ttl", fields::CACHE, self.sink);
        let key = fields.get("key").map(|node| self.key(node));
        Some(Cache { ttl: ttl.unwrap_or(Duration::ZERO), key })
    }

    pub(super) fn idempotency(&mut self, node: &Node, spec: &Spec) -> Idempotency {
        let Some(fields) = Fields::read(node, "`idempotency`", &["key", "on_unknown"], self.sink) else {
            return Idempotency::default();
        };
        let key = fields.get("key").map(|node| self.key(node));
        let on_unknown = match fields.word("on_unknown", &["verify", "retry", "ask", "fail"], self.sink) {
            Some("retry") => OnUnknown::Retry,
            Some("ask") => OnUnknown::Ask,
            Some("fail") => OnUnknown::Fail,
            _ => OnUnknown::Verify,
        };
        if let (OnUnknown::Retry, Repeat::Never, Some(node)) =
            (on_unknown, spec.repeat, fields.get("on_unknown"))
        {
            self.sink.push(
                Raw::error(codes::MISPLACED, format!("`{}` may never be repeated", spec.name))
                    .node(node.id, "would repeat it")
                    .help("write `verify`, `ask` or `fail`"),
            );
        }
        let form = (on_unknown == OnUnknown::Ask).then(|| Arc::new(what_happened(&spec.output)));
        Idempotency { key, on_unknown, form }
    }

    fn key(&mut self, node: &Node) -> plan::ValueExpr {
        self.fitting(node, &Slot::open("`key`", Type::string())).0
    }
}

/// What a person is asked when nobody knows whether a call took place. Definitions that the output refers to have to
/// stand at the top. A rehearsal, which takes the default, claims to know nothing.
fn what_happened(output: &Value) -> Value {
    let mut output = output.clone();
    let mut form = json!({
        "type": "object", "additionalProperties": false, "required": ["took_place"],
        "properties": {"took_place": {
            "type": "string", "enum": ["yes", "no", "give_up"],
            "description": "whether it took place"}},
        "if": {"properties": {"took_place": {"const": "yes"}}}, "then": {"required": ["output"]},
        "default": {"took_place": "give_up"},
    });
    if let (Some(form), Some(output)) = (form.as_object_mut(), output.as_object_mut()) {
        output.remove("$schema");
        for name in ["$defs", "definitions"] {
            form.extend(output.remove(name).map(|all| (name.to_owned(), all)));
        }
        output.entry("description").or_insert_with(|| Value::from("with `yes`: what it gave"));
    }
    if let Some(properties) = form.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("output".to_owned(), output);
    }
    form
}

/// What holds for an action that may be repeated, if the playbook says nothing.
pub(super) fn default_retry() -> Retry {
    Retry {
        attempts: 3,
        initial: Duration::from_secs(1),
        max: Duration::from_secs(30),
        exponential: true,
        on: vec![FailureKind::Transient, FailureKind::Throttled],
    }
}
