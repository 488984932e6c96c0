//! Steps: one verb each, the modifiers around it, and the lists they stand in.

use plan::{OnError, Step, StepKind, Then};

use super::fields::{Fields, RUN_DEADLINE, check_name, quoted, unknown_key, wrong_kind};
use super::{Acceptance, Lower};
use crate::codes;
use crate::names::StepTypes;
use crate::names::outline::{BlockIx, BlockKind, StepIx, VERBS};
use crate::report::Raw;
use crate::source::tree::{Kind, Node};
use expr::{Facts, Type};

/// Keys of every step.
const COMMON: [&str; 3] = ["id", "name", "if"];

/// Keys that belong to a verb, the verb first.
fn keys_of(verb: &str) -> &'static [&'static str] {
    match verb {
        "uses" => &[
            "uses",
            "with",
            "connection",
            "timeout",
            "retry",
            "rate_limit",
            "cache",
            "idempotency",
            "on_error",
            "accept_untrusted",
            "then",
        ],
        "set" => &["set", "on_error", "then"],
        "parallel" => &["parallel", "on_branch_error", "output", "timeout", "on_error"],
        "dag" => &["dag", "on_branch_error", "output", "timeout", "on_error"],
        "foreach" => &[
            "foreach",
            "as",
            "max_parallel",
            "limit",
            "on_item_error",
            "do",
            "output",
            "timeout",
            "on_error",
            "then",
        ],
        "while" => &["while", "max", "as", "state", "do", "next", "timeout", "on_error"],
        "switch" => &["switch", "timeout", "on_error"],
        "try" => &["try", "output", "catch", "finally", "timeout", "on_error"],
        "call" => &["call", "with", "connections", "timeout", "on_error", "then"],
        "approve" => &["approve", "on_error", "then"],
        "ask" => &["ask", "on_error", "then"],
        "wait" => &["wait", "on_error", "then"],
        "assert" => &["assert", "message", "on_error"],
        "return" => &["return"],
        "fail" => &["fail"],
        _ => &[],
    }
}

/// Keys of a step that stands in a `dag`.
const IN_DAG: [&str; 2] = ["needs", "join"];

/// Every key a step can have, for suggestions.
fn all_keys() -> Vec<&'static str> {
    let mut all: Vec<&str> = COMMON.to_vec();
    for key in VERBS.iter().flat_map(|verb| keys_of(verb)) {
        if !all.contains(key) {
            all.push(key);
        }
    }
    all
}

impl Lower<'_> {
    /// A list of steps. `what` is what messages call the list.
    pub(super) fn block(&mut self, node: &Node, block: BlockIx, what: &str) -> Vec<Step> {
        let Some(items) = self.items(node, what) else { return Vec::new() };
        let current = self.names.current;
        let facts = self.names.facts.clone();
        let mut steps = Vec::new();
        let mut ended: Option<&str> = None;
        for (index, item) in items.iter().enumerate() {
            self.names.here.push((block, index));
            self.names.current = self.names.outline.of_node(item.id);
            if let Some(verb) = ended.take() {
                self.sink.push(
                    Raw::warning(codes::UNREACHABLE, "this step never runs")
                        .node(item.id, format!("stands after a `{verb}` that always happens"))
                        .help(format!("remove it, or put an `if` on the `{verb}`")),
                );
            }
            let step = self.step(item);
            if let Some(step) = &step {
                self.behind(step);
            }
            self.names.here.pop();
            let Some(step) = step else { continue };
            let conditional =
                matches!(&item.kind, Kind::Map(entries) if entries.iter().any(|e| e.key.text == "if"));
            ended = ends(&step).filter(|_| !conditional);
            steps.push(step);
        }
        self.names.facts = facts;
        self.names.current = current;
        steps
    }

    /// The steps of a list, which must have some.
    pub(super) fn items<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Node]> {
        let Kind::List(items) = &node.kind else {
            let raw = wrong_kind(node, what, "a list of steps");
            self.sink.push(raw.help("start every step with `- `"));
            return None;
        };
        if items.is_empty() {
            self.sink.push(
                Raw::error(codes::WRONG_KIND, format!("{what} has no steps"))
                    .node(node.id, "")
                    .help("add a step"),
            );
        }
        Some(items)
    }

    /// What holds for the steps behind this one.
    fn behind(&mut self, step: &Step) {
        let mut proved = Facts::default();
        match (&step.kind, &step.condition) {
            (StepKind::Assert { that, .. }, None) if step.on_error == OnError::Fail => {
                proved = that.facts(&self.names, true);
            }
            // Whoever comes here did not take the way out.
            (StepKind::Switch(switch), None) => {
                for case in switch.cases.iter().take_while(|case| ends_all(&case.body.steps)) {
                    proved.add(&case.when.facts(&self.names, false));
                }
            }
            (_, Some(condition)) if ends_if_run(step).is_some() => {
                proved = condition.facts(&self.names, false);
            }
            _ => {}
        }
        self.names.facts.add(&proved);
    }

    pub(super) fn step(&mut self, node: &Node) -> Option<Step> {
        let fields = Fields::open(node, "a step", self.sink)?;
        let ix = self.names.current?;
        while self.names.types.len() <= ix {
            self.names.types.push(StepTypes::default());
        }
        // What a broken step would give is not known; saying more about it would be noise.
        if let Some(types) = self.names.types.get_mut(ix) {
            types.output = Some(Type::any());
        }
        if let (Some(id), Some(text)) = (fields.get("id"), fields.text("id", self.sink)) {
            check_name(id.id, text, "a step", self.sink);
        }
        let name = fields.text("name", self.sink).map(str::to_owned);
        let verb = self.verb(&fields)?;
        self.keys(&fields, verb);
        let condition = fields.get("if").and_then(|node| self.decision(node, "`if`"));
        let facts = condition.as_ref().map(|c| c.facts(&self.names, true)).unwrap_or_default();
        if let Some(info) = self.names.outline.steps.get_mut(ix) {
            info.condition.clone_from(&condition);
        }
        let on_error = match fields.word("on_error", &["fail", "continue"], self.sink) {
            Some("continue") => OnError::Continue,
            _ => OnError::Fail,
        };
        let timeout = match verb {
            "uses" => None,
            _ => fields.duration("timeout", RUN_DEADLINE, self.sink),
        };
        let (kind, then) = self.under(&facts, |lower| {
            let kind = lower.kind(verb, ix, &fields);
            (kind, lower.then(&fields))
        });
        let id = self.names.outline.steps.get(ix)?.id.clone();
        Some(Step { id, name, condition, on_error, timeout, then, kind: kind? })
    }

    fn kind(&mut self, verb: &str, ix: StepIx, fields: &Fields<'_>) -> Option<StepKind> {
        match verb {
            "uses" => self.call(ix, fields),
            "set" => self.set(ix, fields),
            "parallel" => self.parallel(ix, fields),
            "dag" => self.dag(ix, fields),
            "foreach" => self.foreach(ix, fields),
            "while" => self.repeat(ix, fields),
            "switch" => self.switch(ix, fields),
            "try" => self.attempt(ix, fields),
            "call" => self.subplaybook(ix, fields),
            "approve" => self.approve(ix, fields),
            "ask" => self.ask(ix, fields),
            "wait" => self.wait(ix, fields),
            "assert" => self.assert(ix, fields),
            "return" => self.give_back(ix, fields),
            _ => self.fail(ix, fields),
        }
    }

    /// `then`: the end of the run instead of the next step.
    fn then(&mut self, fields: &Fields<'_>) -> Option<Then> {
        let entry = fields.entry("then")?;
        let help = "write `then: { return: { ... } }` or `then: { fail: \"what happened\" }`";
        let node = &entry.value;
        if !matches!(node.kind, Kind::Map(_)) {
            self.sink.push(wrong_kind(node, "`then`", "a mapping").help(help));
            return None;
        }
        let then = Fields::read(node, "`then`", &["return", "fail"], self.sink)?;
        // The step itself has ended by now.
        let ended = std::mem::replace(&mut self.names.ended, self.names.current);
        let current = self.names.current.take();
        let afterwards = std::mem::replace(&mut self.names.afterwards, true);
        let found = match (then.entry("return"), then.get("fail")) {
            (Some(entry), None) => self.returned(entry).map(Then::Return),
            (None, Some(node)) => self.failed(node).map(Then::Fail),
            (None, None) if then.misspells(&["return", "fail"]) => None,
            _ => {
                let message = "`then` has exactly one of `return` and `fail`";
                self.sink.push(Raw::error(codes::TWO_VERBS, message).node(entry.key.id, "").help(help));
                None
            }
        };
        (self.names.current, self.names.ended, self.names.afterwards) = (current, ended, afterwards);
        found
    }

    /// The one verb of a step.
    fn verb(&mut self, fields: &Fields<'_>) -> Option<&'static str> {
        let mut found = VERBS.iter().filter_map(|verb| Some((*verb, fields.entry(verb)?)));
        let Some((verb, first)) = found.next() else {
            let near =
                fields.entries.iter().find_map(|e| Some((e.key.id, expr::nearest(&e.key.text, VERBS)?)));
            if fields.entry("<<").is_some() {
                return None;
            }
            let raw = Raw::error(codes::NO_VERB, "this step does nothing: it has no verb");
            self.sink.push(match near {
                Some((at, verb)) => raw.node(at, "").help(format!("did you mean `{verb}`?")),
                None => raw.node(fields.at, "").help(format!("add one of {}", quoted(&VERBS))),
            });
            return None;
        };
        if let Some((other, second)) = found.next() {
            self.sink.push(
                Raw::error(codes::TWO_VERBS, format!("a step has one verb, this has `{verb}` and `{other}`"))
                    .node(second.key.id, "one too many")
                    .node(first.key.id, "the other one")
                    .help("make it two steps"),
            );
            return None;
        }
        Some(verb)
    }

    fn keys(&mut self, fields: &Fields<'_>, verb: &str) {
        let own = keys_of(verb);
        let block = self.names.here.last().and_then(|(block, _)| self.names.outline.blocks.get(*block));
        let in_dag = block.is_some_and(|b| b.kind == BlockKind::Dag);
        for entry in fields.entries {
            let key = entry.key.text.as_str();
            if IN_DAG.contains(&key) {
                if !in_dag {
                    self.sink.push(
                        Raw::error(codes::MISPLACED, format!("`{key}` has no meaning outside of a `dag`"))
                            .node(entry.key.id, "")
                            .help("steps of a list run in its order; `dag` is for another one"),
                    );
                }
                continue;
            }
            if own.contains(&key) || COMMON.contains(&key) || key == "<<" {
                continue;
            }
            let all = all_keys();
            self.sink.push(if all.contains(&key) {
                let owners: Vec<&str> = VERBS.into_iter().filter(|v| keys_of(v).contains(&key)).collect();
                Raw::error(codes::MISPLACED, format!("`{key}` has no meaning on `{verb}` steps"))
                    .node(entry.key.id, "")
                    .help(match key {
                        "timeout" if matches!(verb, "approve" | "ask") => format!("put it inside `{verb}`"),
                        _ => format!("it belongs to {}", quoted(&owners)),
                    })
            } else {
                let known: Vec<&str> = COMMON.iter().chain(own).copied().collect();
                let near = expr::nearest(key, known.iter().copied())
                    .or_else(|| expr::nearest(key, all.iter().copied()));
                let raw = unknown_key(entry.key.id, key, "a step", &known);
                raw.maybe_help(near.map(|near| format!("did you mean `{near}`?")))
            });
        }
    }

    /// Runs something with the facts of `if`s and cases around it.
    pub(super) fn under<T>(&mut self, facts: &Facts, run: impl FnOnce(&mut Self) -> T) -> T {
        if facts.is_empty() {
            return run(self);
        }
        let before = self.names.facts.clone();
        self.names.facts.add(facts);
        let out = run(self);
        self.names.facts = before;
        out
    }

    /// What a step gives to those that come after it.
    pub(super) fn gives(&mut self, ix: StepIx, output: Option<Type>, failed: Option<Type>) {
        if let Some(types) = self.names.types.get_mut(ix) {
            *types = StepTypes { output, failed, tells: Vec::new() };
        }
    }

    /// The outputs of a step that tell what failed although it succeeds.
    pub(super) fn collects(&mut self, ix: StepIx, tells: Vec<String>) {
        if let Some(types) = self.names.types.get_mut(ix) {
            types.tells = tells;
        }
    }

    /// Reads `accept_untrusted` before the values it is about; gives the reason.
    pub(super) fn accepts(&mut self, fields: &Fields<'_>) -> Option<String> {
        self.accepts = None;
        let reason = fields.text("accept_untrusted", self.sink)?;
        let at = fields.get("accept_untrusted").map_or(fields.at, |n| n.id);
        if reason.trim().is_empty() {
            self.sink.push(
                Raw::error(codes::WRONG_KIND, "`accept_untrusted` needs a reason")
                    .node(at, "")
                    .help("say why untrusted text is fine here; the plan and the audit log repeat it"),
            );
        }
        self.accepts = Some(Acceptance { at, needed: false });
        Some(reason.to_owned())
    }

    /// An acceptance that nothing needed.
    pub(super) fn accepted(&mut self) {
        let Some(accepted) = self.accepts.take().filter(|a| !a.needed) else { return };
        self.sink.push(
            Raw::warning(codes::NOTHING_TO_ACCEPT, "nothing untrusted reaches a guarded place of this step")
                .node(accepted.at, "accepts nothing")
                .help("remove `accept_untrusted`; it would hide a later mistake"),
        );
    }
}

/// The verb that surely ends the list here, if the step does.
pub(super) fn ends(step: &Step) -> Option<&'static str> {
    if step.condition.is_some() { None } else { ends_if_run(step) }
}

/// The same, provided that its `if` holds.
fn ends_if_run(step: &Step) -> Option<&'static str> {
    match (&step.then, step.on_error) {
        (Some(Then::Return(_)), OnError::Fail) => return Some("then: return"),
        (Some(Then::Fail(_)), OnError::Fail) => return Some("then: fail"),
        _ => {}
    }
    match &step.kind {
        StepKind::Return(_) => Some("return"),
        StepKind::Fail { .. } => Some("fail"),
        StepKind::Switch(switch) => {
            let default = switch.default.as_ref()?;
            let mut bodies = switch.cases.iter().map(|c| &c.body.steps).chain([&default.steps]);
            bodies.all(|body| ends_all(body)).then_some("switch")
        }
        StepKind::Try(attempt) => {
            let mut bodies = attempt.catches.iter().map(|c| &c.body.steps).chain([&attempt.body.steps]);
            bodies.all(|body| ends_all(body)).then_some("try")
        }
        StepKind::Parallel(parallel) => {
            parallel.branches.iter().any(|branch| ends_all(&branch.body)).then_some("parallel")
        }
        _ => None,
    }
}

/// Whether a list of steps surely ends the run, so that nothing comes after it.
pub(super) fn ends_all(steps: &[Step]) -> bool {
    steps.iter().any(|step| ends(step).is_some())
}
