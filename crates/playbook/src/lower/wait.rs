//! `wait`: for a time or an event.

use expr::{Budget, Expr, Type};
use plan::{StepKind, ValueExpr, Wait, WaitEvent};
use serde_json::Value;

use super::Lower;
use super::fields::{self, Fields, wrong_kind};
use super::value::has_expression;
use crate::codes;
use crate::names::outline::StepIx;
use crate::report::Raw;
use crate::source::text::shown;
use crate::source::tree::{Kind, Node};

const HELP: &str = "write `wait: 5m`, `wait: { until: ${{ ... }} }` or `wait: { event: NAME }`";

impl Lower<'_> {
    pub(super) fn wait(&mut self, ix: StepIx, step: &Fields<'_>) -> Option<StepKind> {
        let node = step.get("wait")?;
        if !matches!(node.kind, Kind::Map(_)) {
            self.gives(ix, None, None);
            return self.length(node).map(|value| StepKind::Wait(Wait::For(value)));
        }
        let known = ["for", "until", "event", "schema", "match", "timeout", "on_timeout"];
        let given = Fields::read(node, "`wait`", &known, self.sink)?;
        let forms: Vec<_> =
            ["for", "until", "event"].into_iter().filter_map(|key| given.entry(key)).collect();
        match forms.as_slice() {
            [only] if only.key.text == "event" => self.event(ix, &given).map(StepKind::Wait),
            [only] => {
                for other in given.entries.iter().filter(|e| e.key.id != only.key.id) {
                    if known.contains(&other.key.text.as_str()) {
                        let message = format!("`{}` has no meaning without `event`", other.key.text);
                        self.sink.push(Raw::error(codes::MISPLACED, message).node(other.key.id, ""));
                    }
                }
                self.gives(ix, None, None);
                if only.key.text == "for" {
                    return self.length(&only.value).map(|value| StepKind::Wait(Wait::For(value)));
                }
                self.until(&only.value).map(|value| StepKind::Wait(Wait::Until(value)))
            }
            [] if given.misspells(&["for", "until", "event"]) => None,
            [] => {
                self.sink.push(
                    Raw::error(codes::MISSING_KEY, "`wait` waits for nothing").node(node.id, "").help(HELP),
                );
                None
            }
            [first, second, ..] => {
                self.sink.push(
                    Raw::error(codes::TWO_VERBS, "`wait` waits for one thing")
                        .node(second.key.id, "one too many")
                        .node(first.key.id, "the other one")
                        .help("make it two steps"),
                );
                None
            }
        }
    }

    /// A length of time, written out or computed.
    fn length(&mut self, node: &Node) -> Option<ValueExpr> {
        if !has_expression(node) {
            fields::duration(node, "wait", fields::RUN_DEADLINE, self.sink)?;
            return Some(ValueExpr::Literal(Value::from(node.text()?)));
        }
        let (_, ty) = self.expression(node, "`wait`")?;
        self.moment(node, &ty, &Type::duration(), "a duration", "make it one: `${{ duration(...) }}`")
    }

    /// A point in time, written out or computed.
    fn until(&mut self, node: &Node) -> Option<ValueExpr> {
        if has_expression(node) {
            let (_, ty) = self.expression(node, "`until`")?;
            // What a schema calls a `date-time` need not be made one first.
            let wanted = if ty.is_time() { ty.clone() } else { Type::timestamp() };
            return self.moment(node, &ty, &wanted, "a time", "make it one: `${{ timestamp(...) }}`");
        }
        let help = "write a time as RFC 3339 has it: `2026-11-21T09:00:00Z`";
        let Some(text) = node.text() else {
            self.sink.push(wrong_kind(node, "`until`", "a time").help(help));
            return None;
        };
        let known = Value::from(text);
        let parsed = Expr::parse("timestamp(text)")
            .ok()
            .map(|expr| expr.eval(&serde_json::json!({ "text": known }), &mut Budget::new()));
        if !matches!(parsed, Some(Ok(_))) {
            self.sink.push(
                Raw::error(codes::DURATION, format!("`until` is not a time: `{}`", shown(text)))
                    .node(node.id, "")
                    .help(help),
            );
            return None;
        }
        Some(ValueExpr::Literal(known))
    }

    fn moment(&mut self, node: &Node, ty: &Type, wanted: &Type, what: &str, help: &str) -> Option<ValueExpr> {
        if ty.assignable_to(wanted).is_err() {
            self.sink.push(
                Raw::error(codes::WRONG_TYPE, format!("`wait` needs {what}"))
                    .node(node.id, format!("this is {ty}"))
                    .help(help),
            );
        }
        let template = expr::Template::parse(node.text()?).ok()?;
        Some(ValueExpr::Template(template))
    }

    fn event(&mut self, ix: StepIx, given: &Fields<'_>) -> Option<Wait> {
        let name = given.text("event", self.sink);
        let at = given.get("event").map_or(given.at, |n| n.id);
        let good = name.is_none_or(|name| fields::check_name(at, name, "an event", self.sink));
        let help = "say what the event brings: `schema: { type: object, properties: { ... } }`";
        let schema = given.require("schema", "`wait` for an event", help, self.sink);
        let schema = schema.and_then(|node| self.short_schema(node, "`schema`", &[]).0);
        let payload = schema.as_ref().map_or_else(Type::any, Type::from_schema).with_untrusted();
        self.names.variables.push(("event".to_owned(), payload.clone()));
        let matches = given.get("match").map(|node| self.condition(node, "`match`"));
        self.names.variables.pop();
        let timeout = given.duration("timeout", fields::RUN_DEADLINE, self.sink);
        let tolerates_timeout =
            given.word("on_timeout", &["fail", "continue"], self.sink) == Some("continue");
        if let (Some(entry), None) = (given.entry("on_timeout"), given.entry("timeout")) {
            self.sink.push(
                Raw::error(codes::MISPLACED, "`on_timeout` has no meaning without `timeout`")
                    .node(entry.key.id, "")
                    .help("add `timeout:`, for example `timeout: 1h`"),
            );
        }
        let payload = if tolerates_timeout { Type::nullable(payload) } else { payload };
        let output = [("timed_out".to_owned(), Type::bool()), ("payload".to_owned(), payload)];
        self.gives(ix, Some(Type::closed(output)), None);
        let matches = match matches {
            Some(matches) => Some(matches?),
            None => None,
        };
        Some(Wait::Event(WaitEvent {
            event: name.filter(|_| good)?.to_owned(),
            schema: schema?,
            matches,
            timeout,
            tolerates_timeout,
        }))
    }
}
