//! `foreach` and `while`: steps that run again.

use std::sync::Arc;

use expr::Type;
use plan::{Foreach, OnItemError, Step, StepKind, ValueExpr, While};

use super::Lower;
use super::fields::{Fields, check_name, unknown_key, wrong_kind};
use super::value::Slot;
use crate::codes;
use crate::names::error_type;
use crate::names::outline::StepIx;
use crate::report::Raw;
use crate::source::tree::{Kind, Node};

/// The longest list a loop takes.
const MAX_ITEMS: u32 = 100_000;
/// The most items at a time.
const MAX_PARALLEL: u32 = 256;
/// The most rounds.
const MAX_ROUNDS: u32 = 10_000;
/// How often a loop is looked at until the types of its state are known.
const MAX_LOOKS: usize = 3;
/// Names that a loop variable would hide.
const RESERVED: [&str; 10] =
    ["inputs", "steps", "run", "self", "trigger", "vars", "secrets", "error", "event", "message"];

/// By name, in the order of the file.
type Values = Vec<(String, ValueExpr)>;
type Types = Vec<(String, Type)>;

/// A `while` as far as its rounds go.
struct Rounds {
    condition: Option<expr::Expr>,
    body: Arc<[Step]>,
    next: Values,
    /// The type of the state before, between and after rounds.
    state: Type,
}

impl Lower<'_> {
    pub(super) fn foreach(&mut self, ix: StepIx, fields: &Fields<'_>) -> Option<StepKind> {
        let node = fields.get("foreach")?;
        let items = self.expression(node, "`foreach`");
        let list = items.as_ref().map_or_else(Type::any, |(_, ty)| ty.clone());
        if !list.is_any() && !list.is_list() {
            self.sink.push(
                Raw::error(codes::WRONG_TYPE, "`foreach` needs a list")
                    .node(node.id, format!("this is {list}"))
                    .help("to run once, leave `foreach` away"),
            );
        }
        let max_parallel = fields.number("max_parallel", 1, MAX_PARALLEL, self.sink).unwrap_or(1);
        let limit = self.limit(fields, node, &list);
        let on_item_error = match fields.word("on_item_error", &["fail", "collect", "skip"], self.sink) {
            Some("collect") => OnItemError::Collect,
            Some("skip") => OnItemError::Skip,
            _ => OnItemError::Fail,
        };
        let variable = self.item_name(fields);
        let item = list.element();
        self.names.variables.push((variable.clone(), item.clone()));
        let body = fields.require("do", "`foreach`", "add `do:` with a list of steps", self.sink);
        let steps: Arc<[Step]> = body.map(|node| self.inner(node, "`do`")).unwrap_or_default();
        let output = fields.get("output").map(|node| self.at_end(body, node));
        self.names.variables.pop();
        let (output, ty) = output.map_or((None, None), |(value, ty)| {
            let least = if on_item_error == OnItemError::Fail { list.at_least() } else { 0 };
            (Some(value), Some(Type::list_at_least(ty, least)))
        });
        let failed = (on_item_error == OnItemError::Collect).then(|| failed_type(item));
        self.gives(ix, ty, failed);
        Some(StepKind::Foreach(Foreach {
            items: items?.0,
            variable,
            max_parallel,
            limit: limit.unwrap_or(1),
            on_item_error,
            body: steps,
            output,
        }))
    }

    /// How long the list may be: as the step says, or the schema of the list.
    fn limit(&mut self, fields: &Fields<'_>, node: &Node, list: &Type) -> Option<u32> {
        if fields.get("limit").is_some() {
            return fields.number("limit", 1, MAX_ITEMS, self.sink);
        }
        let most = list.at_most().and_then(|most| u32::try_from(most.max(1)).ok());
        if let Some(most) = most.filter(|most| *most <= MAX_ITEMS) {
            return Some(most);
        }
        self.sink.push(
            Raw::error(codes::NO_LIMIT, "`foreach` has no limit")
                .node(node.id, "a list of any length")
                .help(format!("add `limit:` with the most items that are still normal, at most {MAX_ITEMS}")),
        );
        None
    }

    fn item_name(&mut self, fields: &Fields<'_>) -> String {
        if fields.get("as").is_none() {
            self.sink.push(
                Raw::error(codes::MISSING_KEY, "`foreach` needs `as`")
                    .node(fields.at, "")
                    .help("name the item: `as: mail`, then use `${{ mail }}`"),
            );
        }
        self.variable(fields, "a loop variable").unwrap_or_default()
    }

    fn variable(&mut self, fields: &Fields<'_>, what: &str) -> Option<String> {
        let name = fields.text("as", self.sink)?;
        let at = fields.get("as").map_or(fields.at, |n| n.id);
        if check_name(at, name, what, self.sink) && RESERVED.contains(&name) {
            self.sink.push(
                Raw::error(codes::DUPLICATE_NAME, format!("`{name}` is a name of the language"))
                    .node(at, "")
                    .help("choose another name"),
            );
        }
        self.not_around(name, at);
        Some(name.to_owned())
    }

    fn not_around(&mut self, name: &str, at: usize) {
        if self.names.variables.iter().any(|(outer, _)| outer == name) {
            self.sink.push(
                Raw::error(
                    codes::DUPLICATE_NAME,
                    format!("`{name}` is already the name of a loop around this one"),
                )
                .node(at, "")
                .help("choose another name with `as`"),
            );
        }
    }

    pub(super) fn repeat(&mut self, ix: StepIx, fields: &Fields<'_>) -> Option<StepKind> {
        let entry = fields.entry("while")?;
        let max = fields.number("max", 1, MAX_ROUNDS, self.sink);
        if fields.get("max").is_none() {
            self.sink.push(
                Raw::error(codes::NO_LIMIT, "`while` has no `max`")
                    .node(entry.key.id, "could go on for ever")
                    .help(format!(
                        "add `max:` with the most rounds that are still normal, at most {MAX_ROUNDS}"
                    )),
            );
        }
        let variable = match self.variable(fields, "a state") {
            Some(name) => name,
            None => {
                self.not_around("state", entry.key.id);
                "state".to_owned()
            }
        };
        let (initial, types) = self.initial(fields);
        self.next_names(fields, &types);
        let rounds = self.rounds(fields, &entry.value, &variable, types);
        self.gives(ix, Some(rounds.state), None);
        Some(StepKind::While(While {
            condition: rounds.condition?,
            max: max.unwrap_or(1),
            variable,
            initial,
            body: rounds.body,
            next: rounds.next,
        }))
    }

    /// The state before the first round, and its types as wide as later rounds may need them.
    fn initial(&mut self, fields: &Fields<'_>) -> (Values, Types) {
        let mut values = Vec::new();
        let mut types = Vec::new();
        let Some(given) = fields.get("state").and_then(|n| Fields::open(n, "`state`", self.sink)) else {
            return (values, types);
        };
        for entry in given.entries {
            let name = entry.key.text.as_str();
            check_name(entry.key.id, name, "a field", self.sink);
            if name == "index" {
                self.sink.push(
                    Raw::error(codes::DUPLICATE_NAME, "`index` is counted by the loop itself")
                        .node(entry.key.id, "")
                        .help("leave it away, or choose another name"),
                );
                continue;
            }
            let what = format!("the state's `{name}`");
            let (value, ty) = self.value(&entry.value, &Slot::open(&what, Type::any()));
            values.push((name.to_owned(), value));
            types.push((name.to_owned(), ty.widened()));
        }
        (values, types)
    }

    /// `next` has the names of `state`, no more and no less.
    fn next_names(&mut self, fields: &Fields<'_>, state: &[(String, Type)]) {
        let names: Vec<&str> = state.iter().map(|(name, _)| name.as_str()).collect();
        let given = match fields.entry("next").map(|e| (e.key.id, &e.value)) {
            Some((_, Node { kind: Kind::Map(entries), .. })) => entries.as_slice(),
            Some((_, node)) => {
                self.sink.push(
                    wrong_kind(node, "`next`", "a mapping").help("give every name of `state` its next value"),
                );
                return;
            }
            None if names.is_empty() => return,
            None => {
                let at = fields.entry("state").map_or(fields.at, |e| e.key.id);
                self.sink.push(
                    Raw::error(codes::MISSING_KEY, "a `while` with a state needs `next`")
                        .node(at, "never changes")
                        .help("add `next:` with the value of every name after a round"),
                );
                return;
            }
        };
        for entry in given.iter().filter(|e| !names.contains(&e.key.text.as_str())) {
            let raw = unknown_key(entry.key.id, &entry.key.text, "the state", &names);
            self.sink.push(match names.is_empty() {
                true => raw.help("declare it under `state` with its first value"),
                false => raw,
            });
        }
        let missing: Vec<&str> =
            names.iter().copied().filter(|name| !given.iter().any(|e| e.key.text == *name)).collect();
        if let (Some(first), Some(next)) = (missing.first(), fields.entry("next")) {
            self.sink.push(
                Raw::error(
                    codes::MISSING_KEY,
                    format!("`next` leaves out {}", super::fields::quoted(&missing)),
                )
                .node(next.key.id, "")
                .help(format!("to keep a value, pass it on: `{first}: ${{{{ state.{first} }}}}`")),
            );
        }
    }

    /// Condition, body and next state, looked at until the types of the state hold for every round.
    fn rounds(&mut self, fields: &Fields<'_>, condition: &Node, variable: &str, mut types: Types) -> Rounds {
        let untrusted = |types: Types| -> Types {
            types.into_iter().map(|(name, ty)| (name, ty.with_untrusted())).collect()
        };
        let mut looks = 1;
        if self.looks_left == 0 {
            // Loops inside of loops multiply. Rather too careful than too late.
            types = untrusted(types);
            looks = MAX_LOOKS + 1;
        }
        loop {
            self.looks_left = self.looks_left.saturating_sub(1);
            let before = self.sink.mark();
            let index = ("index".to_owned(), Type::int());
            let state = Type::closed(types.iter().cloned().chain([index]));
            self.names.variables.push((variable.to_owned(), state.clone()));
            let when = self.condition(condition, "`while`");
            let facts = when.as_ref().map(|when| when.facts(&self.names, true)).unwrap_or_default();
            let body = fields.require("do", "`while`", "add `do:` with a list of steps", self.sink);
            let steps: Arc<[Step]> =
                body.map(|node| self.under(&facts, |lower| lower.inner(node, "`do`"))).unwrap_or_default();
            let (next, found) = self.next(fields, body, &types);
            self.names.variables.pop();
            let wider: Types = types
                .iter()
                .map(|(name, ty)| {
                    let after = found.iter().find(|(other, _)| other == name);
                    (name.clone(), after.map_or_else(|| ty.clone(), |(_, after)| grown(ty, after)))
                })
                .collect();
            if wider == types || looks > MAX_LOOKS {
                return Rounds { condition: when, body: steps, next, state };
            }
            types = if looks == MAX_LOOKS || self.looks_left == 0 {
                looks = MAX_LOOKS;
                untrusted(wider)
            } else {
                wider
            };
            looks += 1;
            self.sink.forget(before);
        }
    }

    fn next(
        &mut self,
        fields: &Fields<'_>,
        body: Option<&Node>,
        types: &[(String, Type)],
    ) -> (Values, Types) {
        let (mut values, mut after) = (Vec::new(), Vec::new());
        let Some(Kind::Map(entries)) = fields.get("next").map(|n| &n.kind) else { return (values, after) };
        for entry in entries {
            let Some((name, ty)) = types.iter().find(|(name, _)| *name == entry.key.text) else { continue };
            let (value, found) = self.at_end(body, &entry.value);
            let found = found.widened();
            if let Err(mismatch) = found.assignable_to(&grown(ty, &found)) {
                let first = fields.get("state").and_then(|n| match &n.kind {
                    Kind::Map(all) => all.iter().find(|e| e.key.text == *name).map(|e| e.value.id),
                    _ => None,
                });
                let raw = Raw::error(
                    codes::WRONG_TYPE,
                    format!("`{name}` has another type after a round than before the first one"),
                )
                .node(entry.value.id, mismatch.message);
                self.sink.push(match first {
                    Some(at) => raw.node(at, format!("begins as {ty}")),
                    None => raw,
                });
            }
            values.push((name.clone(), value));
            after.push((name.clone(), found));
        }
        (values, after)
    }

    /// A value that is computed behind the last step of a block.
    pub(super) fn at_end(&mut self, body: Option<&Node>, node: &Node) -> (ValueExpr, Type) {
        let block = body.and_then(|body| self.names.outline.block_of(body.id));
        let depth = self.names.here.len();
        self.names.here.extend(block.map(|block| (block, usize::MAX)));
        let afterwards = std::mem::replace(&mut self.names.afterwards, true);
        let result = self.value(node, &Slot::open("`output`", Type::any()));
        self.names.afterwards = afterwards;
        self.names.here.truncate(depth);
        result
    }

    /// A list of steps inside of this step.
    pub(super) fn inner(&mut self, node: &Node, what: &str) -> Arc<[Step]> {
        let Some(block) = self.names.outline.block_of(node.id) else {
            self.items(node, what);
            return Arc::default();
        };
        self.block(node, block, what).into()
    }
}

/// A type that holds before and after a round, as far as one can be: nothing and empty lists grow.
fn grown(before: &Type, after: &Type) -> Type {
    if after.assignable_to(before).is_ok() && !before.is_null() {
        // The same shape; what may be in it is what may be in either.
        return before.clone().with_labels_of(after);
    }
    let some = before.without_null();
    let joined = if before.is_null() || (some.is_list() && after.is_list()) || before.is_nullable() {
        Type::union([before.clone(), after.clone()])
    } else {
        before.clone()
    };
    if after.assignable_to(&joined).is_ok() { joined } else { before.clone() }
}

/// `steps.ID.failed` of a loop that collects.
fn failed_type(item: Type) -> Type {
    Type::list(Type::closed([
        ("index".to_owned(), Type::int()),
        ("item".to_owned(), item),
        ("error".to_owned(), error_type()),
    ]))
}
