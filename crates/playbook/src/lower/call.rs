//! `uses`: call an action.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use action_api::Spec;
use expr::{Lookup, Type, nearest};
use plan::{Call, Effect, Repeat, Retry, StepKind, ValueExpr};
use serde_json::Value;

use super::fields::{self, Fields};
use super::forms::selects;
use super::modifiers::default_retry;
use super::value::{Slot, guard_inside, has_expression, literal_help, marks, said};
use super::{Action, Lower};
use crate::codes;
use crate::names::outline::StepIx;
use crate::report::Raw;
use crate::source::text::shown;
use crate::source::tree::{Entry, Id, Kind, Node};

/// One attempt may take so long if neither the step nor `defaults` says otherwise.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The inputs whose items count against `max_effects`.
fn effect_items(input: &Value) -> Vec<String> {
    let properties = input.get("properties").and_then(Value::as_object);
    let marked = |schema: &Value| schema.get("x-effect-items") == Some(&Value::Bool(true));
    properties.into_iter().flatten().filter(|(_, s)| marked(s)).map(|(name, _)| name.clone()).collect()
}

impl Lower<'_> {
    pub(super) fn call(&mut self, ix: StepIx, fields: &Fields<'_>) -> Option<StepKind> {
        let uses = fields.get("uses")?;
        let name = fields.text("uses", self.sink)?;
        let timeout = fields.duration("timeout", fields::STEP_TIMEOUT, self.sink);
        let retry = fields.get("retry").and_then(|node| Some((node, self.retry(node)?)));
        let rate_limit = fields.get("rate_limit").and_then(|node| self.rate_limit(node));
        let Some(action) = self.action(name) else {
            if !self.of_broken_plugin(name) {
                self.unknown_action(uses.id, name);
            }
            self.unchecked(fields);
            return None;
        };
        self.needs_declared_plugin(uses.id, name);
        let spec = Arc::clone(&action.spec);
        self.gives(ix, Some(self.given_output(fields, &action)), None);
        let tells = self.tells_failures(fields, &spec);
        self.collects(ix, tells);
        let connection = self.connection(fields, uses, &spec);
        let accept_untrusted = self.accepts(fields);
        let with = self.with(fields, uses, &action);
        self.accepted();
        let own = spec.effect == Effect::Containment && self.own_mail(&with, &spec);
        let effect = if own { Effect::Internal } else { spec.effect };
        if effect == Effect::Containment {
            self.containment(&format!("`{name}`"), name, uses);
            self.blast_limit(name, uses);
        }
        let cache = fields.entry("cache").and_then(|entry| self.cache(entry, &spec));
        let idempotency =
            fields.get("idempotency").map(|node| self.idempotency(node, &spec)).unwrap_or_default();
        let asks_again = retry.as_ref().filter(|(_, r)| spec.repeat == Repeat::Never && r.attempts > 1);
        if let Some((node, _)) = asks_again {
            self.sink.push(
                Raw::error(codes::MISPLACED, format!("`{name}` may never be repeated"))
                    .node(node.id, "asks for more than one attempt")
                    .help("remove it, or write `retry: none`"),
            );
        }
        let retry = match (retry, spec.repeat) {
            (Some((_, retry)), _) => retry,
            (None, Repeat::Never) => Retry::none(),
            (None, _) => self.defaults.retry.clone().unwrap_or_else(default_retry),
        };
        Some(StepKind::Call(Call {
            action: name.to_owned(),
            with,
            connection,
            effect,
            effect_items: effect_items(&spec.input),
            repeat: spec.repeat,
            timeout: timeout.or(self.defaults.timeout).unwrap_or(TIMEOUT),
            retry,
            rate_limit: rate_limit.or_else(|| self.defaults.rate_limit.clone()),
            cache,
            idempotency,
            accept_untrusted,
        }))
    }

    pub(super) fn unknown_action(&mut self, at: Id, name: &str) {
        let known = self.project.actions.names();
        let help =
            nearest(name, known.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
        // `mail.remove` is far from `mail.delete` in letters, but in the same group.
        let group = name.split('.').next().unwrap_or(name);
        let same: Vec<&str> =
            known.iter().map(String::as_str).filter(|n| n.split('.').next() == Some(group)).collect();
        let help = help.unwrap_or_else(|| match same.as_slice() {
            [] => "`portcullis actions` lists all actions".to_owned(),
            same => format!("the actions of `{group}`: {}", same.join(", ")),
        });
        self.sink.push(
            Raw::error(codes::UNKNOWN_ACTION, format!("there is no action `{}`", shown(name)))
                .node(at, "")
                .help(help),
        );
    }

    /// The expressions of a call whose action is not known.
    fn unchecked(&mut self, fields: &Fields<'_>) {
        if let Some(with) = fields.get("with").filter(|n| has_expression(n)) {
            self.value(with, &Slot { secret: true, ..Slot::open("the input", Type::any()) });
        }
    }

    fn connection(&mut self, fields: &Fields<'_>, uses: &Node, spec: &Spec) -> Option<String> {
        let named =
            fields.get("connection").and_then(|node| Some((node, fields.text("connection", self.sink)?)));
        let Some(kind) = &spec.connection else {
            if let Some((node, _)) = named {
                self.sink.push(
                    Raw::error(codes::MISPLACED, format!("`{}` needs no connection", spec.name))
                        .node(node.id, "")
                        .help("remove `connection`"),
                );
            }
            return None;
        };
        let who = format_args!("`{}`", spec.name);
        match named {
            Some((node, name)) => self.named_connection(node, name, kind, who),
            None => self.only_connection(uses, kind, who),
        }
    }

    /// The only connection of a kind.
    pub(super) fn only_connection(&mut self, at: &Node, kind: &str, who: impl Display) -> Option<String> {
        let fitting = self.connections_of_kind(kind);
        if let [only] = fitting.as_slice() {
            return Some(only.clone());
        }
        let help = match fitting.as_slice() {
            [] => format!("declare one: `connections: {{ NAME: {{ kind: {kind} }} }}`"),
            several => format!("say which: `connection: {}`", several.join("` or `connection: ")),
        };
        let message = match fitting.len() {
            0 => format!("{who} needs a connection of kind `{kind}`, and there is none"),
            _ => format!("{who} needs a connection, and there are several of kind `{kind}`"),
        };
        self.sink.push(Raw::error(codes::NO_CONNECTION, message).node(at.id, "").help(help));
        None
    }

    fn connections_of_kind(&self, kind: &str) -> Vec<String> {
        self.connections.iter().filter(|(c, _)| c.kind == kind).map(|(c, _)| c.name.clone()).collect()
    }

    /// The connection of this name, which must be of a kind.
    pub(super) fn named_connection(
        &mut self,
        node: &Node,
        name: &str,
        kind: &str,
        who: impl Display,
    ) -> Option<String> {
        match self.connections.iter().find(|(c, _)| c.name == name) {
            Some((found, _)) if found.kind == kind => Some(name.to_owned()),
            Some((found, at)) => {
                let raw =
                    Raw::error(codes::CONNECTION_KIND, format!("{who} needs a connection of kind `{kind}`"))
                        .node(node.id, format!("this is of kind `{}`", found.kind))
                        .node(*at, "declared here");
                let other = self.connections_of_kind(kind).into_iter().next();
                self.sink.push(raw.maybe_help(other.map(|name| format!("use `{name}`"))));
                None
            }
            None => {
                let names: Vec<&str> = self.connections.iter().map(|(c, _)| c.name.as_str()).collect();
                let help = nearest(name, names.iter().copied()).map_or_else(
                    || match names.is_empty() {
                        true => "the playbook declares no connections".to_owned(),
                        false => format!("declared: {}", names.join(", ")),
                    },
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("there is no connection `{}`", shown(name));
                self.sink.push(Raw::error(codes::UNKNOWN_CONNECTION, message).node(node.id, "").help(help));
                None
            }
        }
    }

    fn with(&mut self, fields: &Fields<'_>, uses: &Node, action: &Action) -> ValueExpr {
        let (spec, whole) = (&action.spec, &action.input);
        let mut values = BTreeMap::new();
        let given = match fields.get("with") {
            Some(node) => match Fields::open(node, "`with`", self.sink) {
                Some(given) => given,
                None => return ValueExpr::Literal(Value::Null),
            },
            None => Fields { at: uses.id, entries: &[] },
        };
        for entry in given.entries {
            let ty = match whole.field(&entry.key.text) {
                Some(Lookup::Present(ty) | Lookup::Optional(ty) | Lookup::Undeclared(ty)) => ty,
                _ => {
                    self.unknown_input(entry, whole, spec);
                    continue;
                }
            };
            let value = self.input(entry, ty, spec);
            values.insert(entry.key.text.clone(), value);
        }
        let missing: Vec<&str> = whole
            .fields()
            .filter(|(name, field)| field.required && given.entry(name).is_none())
            .map(|(name, _)| name)
            .collect();
        if !missing.is_empty() {
            let names = fields::quoted(&missing);
            self.sink.push(
                Raw::error(codes::MISSING_INPUT, format!("`{}` needs {names}", spec.name))
                    .node(uses.id, "")
                    .help(format!("add {names} under `with`")),
            );
        }
        self.one_form(uses, &given, spec);
        if values.values().all(|v| matches!(v, ValueExpr::Literal(_))) {
            let plain = values.into_iter().filter_map(|(name, value)| match value {
                ValueExpr::Literal(value) => Some((name, value)),
                _ => None,
            });
            return ValueExpr::Literal(Value::Object(plain.collect()));
        }
        ValueExpr::Map(values)
    }

    /// Whether a call touches the trigger's own mail and nothing else: which mailbox and which item comes from
    /// `trigger.message` alone.
    fn own_mail(&self, with: &ValueExpr, spec: &Spec) -> bool {
        let ValueExpr::Map(values) = with else { return false };
        if !self.about_a_mail {
            return false;
        }
        let from_trigger = |value: &ValueExpr| match value {
            ValueExpr::Template(template) => template.as_single().is_some_and(|expr| {
                let mut all = expr.references().into_iter().peekable();
                all.peek().is_some() && all.all(|r| r.path.starts_with(&["trigger".into(), "message".into()]))
            }),
            _ => false,
        };
        let mut item = false;
        for (name, value) in values {
            let schema = spec.input.get("properties").and_then(|p| p.get(name));
            let guard = schema.and_then(|schema| guard_inside(schema, &spec.input));
            if !matches!(guard, Some("mailbox" | "item")) {
                // A list may say further in what is meant.
                if schema.is_some_and(|schema| selects(schema, 0)) {
                    return false;
                }
                continue;
            }
            let own = match value {
                ValueExpr::List(items) => !items.is_empty() && items.iter().all(from_trigger),
                value => from_trigger(value),
            };
            if !own {
                return false;
            }
            item |= guard == Some("item");
        }
        item
    }

    fn unknown_input(&mut self, entry: &Entry, whole: &Type, spec: &Spec) {
        let known = whole.field_names();
        let name = &entry.key.text;
        let help = if name == "connection" {
            "`connection` stands beside `with`, not in it".to_owned()
        } else {
            nearest(name, known.iter().copied()).map_or_else(
                || format!("inputs of `{}`: {}", spec.name, known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            )
        };
        self.sink.push(
            Raw::error(codes::UNKNOWN_INPUT, format!("`{}` has no input `{}`", spec.name, shown(name)))
                .node(entry.key.id, "")
                .help(help),
        );
        if has_expression(&entry.value) {
            self.value(&entry.value, &Slot { secret: true, ..Slot::open("the input", Type::any()) });
        }
    }

    fn input(&mut self, entry: &Entry, ty: Type, spec: &Arc<Spec>) -> ValueExpr {
        let name = entry.key.text.as_str();
        let schema = spec.input.get("properties").and_then(|p| p.get(name));
        let (guard, secret) = schema.map_or((None, false), |schema| marks(schema, &spec.input));
        let what = format!("the input `{name}`");
        let slot = Slot { what: &what, ty, schema: schema.map(|s| (s, &spec.input)), guard, secret };
        let (value, _) = self.value(&entry.value, &slot);
        let recipient = || schema.and_then(|schema| guard_inside(schema, &spec.input)) == Some("recipient");
        if !self.watched.is_empty() && recipient() {
            self.not_to_ourselves(&entry.value);
        }
        if let (ValueExpr::Literal(value), Some(schema), true) = (&value, schema, is_json(&entry.value)) {
            self.literal_input(entry, value, schema, spec, &slot);
        }
        value
    }

    /// A message to a mailbox that is watched starts the next run.
    fn not_to_ourselves(&mut self, node: &Node) {
        match &node.kind {
            Kind::List(items) => items.iter().for_each(|item| self.not_to_ourselves(item)),
            Kind::Text(text) if self.watched.contains(&text.to_ascii_lowercase()) => self.sink.push(
                Raw::error(codes::STARTS_ITSELF, "this message would start the playbook again")
                    .node(node.id, "new mail in this mailbox is a trigger")
                    .help("send it to another mailbox"),
            ),
            _ => {}
        }
    }

    fn literal_input(&mut self, entry: &Entry, value: &Value, schema: &Value, spec: &Spec, slot: &Slot<'_>) {
        let Some(validator) = self.validator(spec, &entry.key.text, schema) else { return };
        for violation in validator.violations(value) {
            let node = entry.value.descend(&violation.pointer);
            let raw = Raw::error(
                codes::BAD_LITERAL,
                format!("{} is refused: {}", slot.what, said(&violation.message, node)),
            )
            .node(node.id, "");
            self.sink.push(raw.maybe_help(literal_help(node, &slot.ty, &violation.pointer)));
        }
    }
}

/// Whether JSON has the value; what it does not have has been reported.
fn is_json(node: &Node) -> bool {
    node.to_json().is_some()
}
