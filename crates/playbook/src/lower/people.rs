//! `approve` and `ask`: wait for a person.

use expr::Type;
use plan::{Approve, AskForm, Audience, Escalation, OnTimeout, StepKind};
use serde_json::{Map, Value, json};

use super::Lower;
use super::fields::{self, Fields, plain_text, wrong_kind};
use super::value::Slot;
use crate::codes;
use crate::names::outline::StepIx;
use crate::report::Raw;
use crate::source::text::shown;
use crate::source::tree::{Kind, Node};

const KEYS: [&str; 8] =
    ["message", "shows", "to", "quorum", "timeout", "on_timeout", "escalate", "on_reject"];
/// The most people who have to agree.
const MOST_PEOPLE: u32 = 20;
/// The most escalations, one behind the other.
const MOST_ROUNDS: usize = 5;

impl Lower<'_> {
    pub(super) fn approve(&mut self, ix: StepIx, step: &Fields<'_>) -> Option<StepKind> {
        self.gives(ix, Some(decision()), None);
        let node = step.get("approve")?;
        let help = "write `approve: { message: \"what is asked\" }`";
        if !matches!(node.kind, Kind::Map(_)) {
            self.sink.push(wrong_kind(node, "`approve`", "a mapping").help(help));
            return None;
        }
        let given = Fields::read(node, "`approve`", &KEYS, self.sink)?;
        let message = given.require("message", "`approve`", help, self.sink);
        let message = message.map(|node| self.fitting(node, &Slot::open("`message`", Type::string())).0);
        let shows = given.get("shows").map(|node| self.shows(ix, node)).unwrap_or_default();
        let to = self.audience(&given);
        let quorum = given.number("quorum", 1, MOST_PEOPLE, self.sink).unwrap_or(1);
        self.self_approval(&given, step, &to);
        let timeout = given.duration("timeout", fields::RUN_DEADLINE, self.sink);
        let on_timeout = self.on_timeout(&given, "`approve`", 0);
        let reject = given.word("on_reject", &["end", "continue"], self.sink);
        Some(StepKind::Approve(Approve {
            message: message?,
            to,
            quorum,
            shows,
            timeout,
            on_timeout,
            reject_ends_block: reject != Some("continue"),
        }))
    }

    /// Under a policy that wants approvals, whoever starts the run should not give them. Said only where the author
    /// chose who decides, or where people start runs: elsewhere nobody would know what to change.
    fn self_approval(&mut self, given: &Fields<'_>, step: &Fields<'_>, to: &Audience) {
        let chosen = given.entry("to");
        if !self.policy.approval_required || to.not_starter || !(chosen.is_some() || self.manual) {
            return;
        }
        let at = chosen.or_else(|| step.entry("approve")).map_or(given.at, |e| e.key.id);
        self.sink.push(
            Raw::warning(codes::SELF_APPROVAL, "whoever starts the run can approve this")
                .node(at, "does not exclude the starter")
                .help("add `not: [run.starter]` under `to`"),
        );
    }

    /// `on_timeout` and, where it says so, `escalate`.
    fn on_timeout(&mut self, given: &Fields<'_>, what: &str, depth: usize) -> OnTimeout {
        let word = given.word("on_timeout", &["reject", "approve", "fail", "escalate"], self.sink);
        if let (Some(entry), None) = (given.entry("on_timeout"), given.entry("timeout")) {
            self.sink.push(
                Raw::error(codes::MISPLACED, "`on_timeout` has no meaning without `timeout`")
                    .node(entry.key.id, "")
                    .help("add `timeout:`, for example `timeout: 30m`"),
            );
        }
        let escalate = given.entry("escalate");
        match (word, escalate) {
            (Some("escalate"), Some(entry)) => self.escalation(&entry.value, depth),
            (Some("escalate"), None) => {
                let at = given.entry("on_timeout").map_or(given.at, |e| e.key.id);
                self.sink.push(
                    Raw::error(codes::MISSING_KEY, format!("{what} escalates and needs `escalate`"))
                        .node(at, "to whom?")
                        .help("add `escalate: { to: { roles: [soc-lead] }, timeout: 2h }`"),
                );
                OnTimeout::Reject
            }
            (word, escalate) => {
                if let Some(entry) = escalate {
                    self.sink.push(
                        Raw::error(
                            codes::MISPLACED,
                            "`escalate` has no meaning without `on_timeout: escalate`",
                        )
                        .node(entry.key.id, "")
                        .help("add `on_timeout: escalate`"),
                    );
                }
                match word {
                    Some("approve") => OnTimeout::Approve,
                    Some("fail") => OnTimeout::Fail,
                    _ => OnTimeout::Reject,
                }
            }
        }
    }

    fn escalation(&mut self, node: &Node, depth: usize) -> OnTimeout {
        let known = ["to", "timeout", "on_timeout", "escalate"];
        let Some(given) = Fields::read(node, "`escalate`", &known, self.sink) else {
            return OnTimeout::Reject;
        };
        if depth >= MOST_ROUNDS {
            self.sink.push(
                Raw::error(codes::OUT_OF_RANGE, format!("at most {MOST_ROUNDS} escalations"))
                    .node(given.at, "one too many"),
            );
            return OnTimeout::Reject;
        }
        given.require("to", "`escalate`", "say who is asked: `to: { roles: [soc-lead] }`", self.sink);
        let to = self.audience(&given);
        let timeout = given.duration("timeout", fields::RUN_DEADLINE, self.sink);
        let on_timeout = self.on_timeout(&given, "`escalate`", depth + 1);
        OnTimeout::Escalate(Box::new(Escalation { to, timeout, on_timeout }))
    }

    /// `to: { roles, not }`: who may decide or answer.
    fn audience(&mut self, given: &Fields<'_>) -> Audience {
        let Some(node) = given.get("to") else { return Audience::default() };
        let Some(to) = Fields::read(node, "`to`", &["roles", "not"], self.sink) else {
            return Audience::default();
        };
        let mut audience = Audience::default();
        if let Some(node) = to.get("roles") {
            let Kind::List(items) = &node.kind else {
                self.sink.push(
                    wrong_kind(node, "`roles`", "a list of roles").help("write `roles: [soc-analyst]`"),
                );
                return audience;
            };
            for item in items {
                audience.roles.extend(plain_text(item, "a role", self.sink).map(str::to_owned));
            }
            if items.is_empty() {
                self.sink.push(
                    Raw::error(codes::WRONG_KIND, "`roles` names nobody")
                        .node(node.id, "")
                        .help("name a role, or leave `roles` away: then everybody may"),
                );
            }
        }
        let not = to.get("not").map(|node| (node, &node.kind));
        match not {
            None => {}
            Some((_, Kind::List(items))) if matches!(items.as_slice(), [only] if only.text() == Some("run.starter")) =>
            {
                audience.not_starter = true;
            }
            Some((node, _)) => self.sink.push(
                Raw::error(codes::UNKNOWN_WORD, "`not` knows `run.starter` only")
                    .node(node.id, "")
                    .help("write `not: [run.starter]`"),
            ),
        }
        audience
    }

    /// Ids of steps that run after the approval and do something.
    fn shows(&mut self, approve: StepIx, node: &Node) -> Vec<String> {
        let Kind::List(items) = &node.kind else {
            self.sink.push(wrong_kind(node, "`shows`", "a list of step ids").help("write `shows: [delete]`"));
            return Vec::new();
        };
        let mut ids = Vec::new();
        for item in items {
            let Some(id) = plain_text(item, "a step id", self.sink) else { continue };
            let outline = &self.names.outline;
            let Some(found) = outline.find(id) else {
                let help = expr::nearest(id, outline.ids()).map(|near| format!("did you mean `{near}`?"));
                self.sink.push(
                    Raw::error(codes::UNKNOWN_STEP, format!("there is no step `{}`", shown(id)))
                        .node(item.id, "")
                        .maybe_help(help),
                );
                continue;
            };
            if found == approve || !outline.follows(found, &self.names.here) {
                self.sink.push(
                    Raw::error(codes::SHOWS, format!("`{id}` does not run after this approval"))
                        .node(item.id, "")
                        .help("an approval shows what comes after it, in the same list or inside of it"),
                );
            } else if !outline.acts(found) {
                self.sink.push(
                    Raw::error(codes::SHOWS, format!("`{id}` calls no action, so there is nothing to show"))
                        .node(item.id, "")
                        .help("name a `uses` step, or a step around one"),
                );
            } else {
                ids.push(id.to_owned());
            }
        }
        ids
    }

    pub(super) fn ask(&mut self, ix: StepIx, step: &Fields<'_>) -> Option<StepKind> {
        let node = step.get("ask")?;
        let help = "write `ask: { message: \"what is asked\", form: { NAME: { type: string } } }`";
        if !matches!(node.kind, Kind::Map(_)) {
            self.sink.push(wrong_kind(node, "`ask`", "a mapping").help(help));
            return None;
        }
        let known = ["message", "form", "to", "timeout", "default"];
        let given = Fields::read(node, "`ask`", &known, self.sink)?;
        let message = given.require("message", "`ask`", help, self.sink);
        let message = message.map(|node| self.fitting(node, &Slot::open("`message`", Type::string())).0);
        let form = given.require("form", "`ask`", help, self.sink);
        let form = form.and_then(|node| self.form(node));
        let answer = form.as_ref().map_or_else(Type::any, |(form, _)| answer_type(form));
        let by = Type::string();
        self.gives(ix, Some(Type::closed([("answer".to_owned(), answer), ("by".to_owned(), by)])), None);
        let to = self.audience(&given);
        let timeout = given.duration("timeout", fields::RUN_DEADLINE, self.sink);
        if let (Some(entry), None) = (given.entry("default"), given.entry("timeout")) {
            self.sink.push(
                Raw::error(codes::MISPLACED, "`default` has no meaning without `timeout`")
                    .node(entry.key.id, "")
                    .help("add `timeout:`: the default is the answer when nobody answered in time"),
            );
        }
        let (form, order) = form?;
        let default = given.get("default").and_then(|node| self.default_answer(node, &form));
        Some(StepKind::Ask(AskForm { message: message?, form, order, to, timeout, default }))
    }

    /// The schema of a form from the short schemas of its fields, and their order.
    fn form(&mut self, node: &Node) -> Option<(Value, Vec<String>)> {
        let given = Fields::open(node, "`form`", self.sink)?;
        if given.entries.is_empty() {
            self.sink.push(
                Raw::error(codes::WRONG_KIND, "`form` has no fields")
                    .node(node.id, "")
                    .help("name what is asked: `verdict: { type: string, enum: [phishing, harmless] }`"),
            );
        }
        let mut properties = Map::new();
        let (mut required, mut order) = (Vec::new(), Vec::new());
        for entry in given.entries {
            let name = entry.key.text.as_str();
            fields::check_name(entry.key.id, name, "a field", self.sink);
            let what = format!("the field `{name}`");
            let (schema, _) = self.short_schema(&entry.value, &what, &["default", "optional"]);
            let own = Fields { at: entry.key.id, entries: entries_of(&entry.value) };
            let Some(mut schema) = schema else { continue };
            let optional = self.optional(&own);
            if let Some(default) = own.get("default").and_then(|node| self.default(node, &schema)) {
                if let Some(schema) = schema.as_object_mut() {
                    schema.insert("default".to_owned(), default);
                }
            } else if !optional {
                required.push(Value::from(name));
            }
            order.push(name.to_owned());
            properties.insert(name.to_owned(), schema);
        }
        let form = json!({
            "type": "object", "properties": properties, "required": required, "additionalProperties": false
        });
        Some((form, order))
    }

    fn optional(&mut self, field: &Fields<'_>) -> bool {
        match field.get("optional").map(|node| (node, &node.kind)) {
            None => false,
            Some((_, Kind::Bool(optional))) => *optional,
            Some((node, _)) => {
                self.sink.push(wrong_kind(node, "`optional`", "true or false"));
                false
            }
        }
    }

    /// The answer when nobody answered, with the defaults of the fields it leaves out.
    fn default_answer(&mut self, node: &Node, form: &Value) -> Option<Value> {
        let mut answer = self.default(node, form)?;
        let properties = form.get("properties").and_then(Value::as_object);
        if let Some(answer) = answer.as_object_mut() {
            for (name, schema) in properties.into_iter().flatten() {
                if let Some(default) = schema.get("default") {
                    answer.entry(name).or_insert_with(|| default.clone());
                }
            }
        }
        Some(answer)
    }
}

fn entries_of(node: &Node) -> &[crate::source::tree::Entry] {
    match &node.kind {
        Kind::Map(entries) => entries,
        _ => &[],
    }
}

/// What an answer is: fields with a default are always there, because the run fills them in.
fn answer_type(form: &Value) -> Type {
    let ty = Type::from_schema(form);
    let properties = form.get("properties");
    let fields = ty.fields().map(|(name, field)| {
        let default = properties.and_then(|p| p.get(name)).is_some_and(|p| p.get("default").is_some());
        (name.to_owned(), expr::Field { ty: field.ty.clone(), required: field.required || default })
    });
    Type::object(fields.collect::<Vec<_>>(), None)
}

/// The output of an approval.
fn decision() -> Type {
    let words = ["approved", "rejected", "timed_out"].map(str::to_owned);
    Type::closed([
        ("decision".to_owned(), Type::one_of(words)),
        ("by".to_owned(), Type::string()),
        ("digest".to_owned(), Type::string()),
    ])
}
