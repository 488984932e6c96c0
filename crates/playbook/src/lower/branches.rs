//! `switch`, `parallel` and `try`: steps with several lists of steps inside.

use std::collections::BTreeSet;
use std::sync::Arc;

use expr::{Expr, Facts, Type};
use plan::{Body, Branch, Case, Catch, OnBranchError, Parallel, Step, StepKind, Switch, Try, ValueExpr};

use super::Lower;
use super::fields::{Fields, check_name, wrong_kind};
use super::steps::ends_all;
use super::value::Slot;
use crate::codes;
use crate::names::handler_error;
use crate::names::outline::StepIx;
use crate::report::Raw;
use crate::source::tree::{Id, Kind, Node};

/// One part of a step that has a value only if every part gives one.
struct Part {
    /// Where to say that it gives none.
    at: Id,
    output: Option<Type>,
    /// It ends the run, so nobody asks for its output.
    ends: bool,
}

/// The cases of a `switch`.
struct Cases {
    cases: Vec<Case>,
    default: Option<Body>,
    parts: Vec<Part>,
    /// One of them always holds.
    closed: bool,
}

impl Lower<'_> {
    pub(super) fn switch(&mut self, ix: StepIx, fields: &Fields<'_>) -> Option<StepKind> {
        self.gives(ix, None, None);
        let entry = fields.entry("switch")?;
        let Kind::List(items) = &entry.value.kind else {
            self.sink.push(
                wrong_kind(&entry.value, "`switch`", "a list of cases")
                    .help("write `- case: ${{ ... }}` and `do:` below it"),
            );
            return None;
        };
        if items.is_empty() {
            self.sink.push(Raw::error(codes::WRONG_KIND, "`switch` has no cases").node(entry.value.id, ""));
        }
        // Behind a case, it did not hold.
        let before = self.names.facts.clone();
        let found = self.cases(items);
        let complete = found.default.is_some() || found.closed || self.covered(&found.cases);
        self.names.facts = before;
        if !complete && !items.is_empty() {
            self.sink.push(
                Raw::warning(codes::NO_DEFAULT, "`switch` has no default")
                    .node(entry.key.id, "if no case holds, nothing happens")
                    .help("add `- default:` with steps, or `- default: []` if nothing is meant"),
            );
        }
        let output = self.of_every_part(ix, entry.key.id, &found.parts, complete);
        self.gives(ix, output, None);
        Some(StepKind::Switch(Switch { cases: found.cases, default: found.default }))
    }

    fn cases(&mut self, items: &[Node]) -> Cases {
        let mut found = Cases { cases: Vec::new(), default: None, parts: Vec::new(), closed: false };
        let mut closed: Option<&str> = None;
        for item in items {
            let known = ["case", "do", "default", "output"];
            let Some(case) = Fields::read(item, "a case", &known, self.sink) else { continue };
            if let Some(why) = closed {
                self.sink.push(
                    Raw::warning(codes::UNREACHABLE, "this case never runs").node(item.id, "").help(why),
                );
            }
            if case.entry("default").is_some() {
                let (body, part) = self.default_case(&case);
                found.parts.push(part);
                found.default = Some(body);
                closed = Some("`default` must be the last one");
                continue;
            }
            let (when, body, part) = self.case(&case);
            found.parts.push(part);
            let Some((when, answer)) = when else { continue };
            if answer == Some(true) {
                found.closed = true;
                closed = Some("the case above always holds");
            }
            let otherwise = when.facts(&self.names, false);
            self.names.facts.add(&otherwise);
            found.cases.push(Case { when, body });
        }
        found
    }

    /// Whether the cases name every value of what they ask about; the facts are those behind the last case.
    fn covered(&self, cases: &[Case]) -> bool {
        let paths: BTreeSet<Vec<String>> =
            cases.iter().flat_map(|case| case.when.references()).map(|r| r.path).collect();
        paths.into_iter().any(|path| {
            let parts: Vec<&str> = path.iter().map(String::as_str).collect();
            let Ok(place) = Expr::parse(&path.join(".")) else { return false };
            let ty = place.check(&self.names).0;
            let values: Vec<&str> = ty.values().unwrap_or_default().iter().map(String::as_str).collect();
            !values.is_empty() && self.names.facts.possible(&parts, &values).is_empty()
        })
    }

    fn default_case(&mut self, case: &Fields<'_>) -> (Body, Part) {
        for other in ["case", "do", "output"].into_iter().filter_map(|key| case.entry(key)) {
            self.sink.push(
                Raw::error(
                    codes::TWO_VERBS,
                    format!("`default` stands alone, without `{}`", other.key.text),
                )
                .node(other.key.id, "")
                .help("write `- default:` with the steps below it, or `- default: { do: [...], output: ... }`"),
            );
        }
        let Some(entry) = case.entry("default") else {
            return (nothing(), Part { at: case.at, output: None, ends: false });
        };
        if let Kind::Map(_) = entry.value.kind {
            let known = ["do", "output"];
            if let Some(fields) = Fields::read(&entry.value, "`default`", &known, self.sink) {
                let node = fields.require("do", "`default`", "add `do:` with a list of steps", self.sink);
                return self.body(node, fields.get("output"), "`do`", &Facts::default(), entry.key.id);
            }
        }
        if matches!(&entry.value.kind, Kind::List(items) if items.is_empty()) {
            return (nothing(), Part { at: entry.key.id, output: None, ends: false });
        }
        self.body(Some(&entry.value), None, "`default`", &Facts::default(), entry.key.id)
    }

    fn case(&mut self, case: &Fields<'_>) -> (Option<(Expr, Option<bool>)>, Body, Part) {
        let help = "write `- case: ${{ ... }}` and `do:` below it";
        let when = case.require("case", "a case", help, self.sink);
        let when = when.and_then(|node| self.case_condition(node));
        let facts = when.as_ref().map(|(when, _)| when.facts(&self.names, true)).unwrap_or_default();
        let node = case.require("do", "a case", help, self.sink);
        let at = case.entry("case").map_or(case.at, |e| e.key.id);
        let (body, part) = self.body(node, case.get("output"), "`do`", &facts, at);
        (when, body, part)
    }

    /// The condition of a case, and its answer if there is only one.
    fn case_condition(&mut self, node: &Node) -> Option<(Expr, Option<bool>)> {
        let before = self.sink.mark();
        let when = self.condition(node, "`case`")?;
        if self.sink.mark() != before {
            return Some((when, None));
        }
        let answer = when.constant(&self.names);
        if answer == Some(false) {
            self.sink.push(
                Raw::warning(codes::UNREACHABLE, "this case never runs")
                    .node(node.id, "never true here")
                    .help("cases above take what it asks for, or the value is never this one; remove it"),
            );
        }
        Some((when, answer))
    }

    /// Steps and what they give. A part that only gives something may say `do: []`.
    fn body(
        &mut self,
        node: Option<&Node>,
        output: Option<&Node>,
        what: &str,
        facts: &Facts,
        at: Id,
    ) -> (Body, Part) {
        let only_gives =
            |node: &&Node| output.is_some() && matches!(&node.kind, Kind::List(items) if items.is_empty());
        let node = node.filter(|node| !only_gives(node));
        let (steps, output) = self.under(facts, |lower| {
            let steps: Arc<[Step]> = node.map(|node| lower.inner(node, what)).unwrap_or_default();
            (steps, output.map(|output| lower.at_end(node, output)))
        });
        let (output, ty) = output.unzip();
        let part = Part { at, output: ty, ends: ends_all(&steps) };
        (Body { steps, output }, part)
    }

    /// The type of a step whose parts each give something; reports parts that do not.
    fn of_every_part(&mut self, ix: StepIx, at: Id, parts: &[Part], complete: bool) -> Option<Type> {
        let given: Vec<Type> = parts.iter().filter_map(|p| p.output.clone()).collect();
        let first = parts.iter().find(|p| p.output.is_some())?;
        let id = self.names.outline.steps.get(ix).map_or("", |s| s.id.as_str()).to_owned();
        let message = format!("`steps.{id}.output` is not set on every path");
        let mut raw = Raw::error(codes::NOT_EVERY_PATH, message);
        let without: Vec<Id> = parts.iter().filter(|p| p.output.is_none() && !p.ends).map(|p| p.at).collect();
        for part in &without {
            raw = raw.node(*part, "gives no output");
        }
        if without.is_empty() && !complete {
            raw = raw.node(at, "if no case holds, there is no output");
        }
        if !without.is_empty() || !complete {
            let help = match without.is_empty() {
                true => "add `- default: { do: [...], output: ... }`",
                false => "add `output: ${{ ... }}` there, or let the part end with `return` or `fail`",
            };
            self.sink.push(raw.node(first.at, "gives an output").help(help));
            return Some(Type::any());
        }
        Some(Type::union(given))
    }

    pub(super) fn parallel(&mut self, ix: StepIx, fields: &Fields<'_>) -> Option<StepKind> {
        self.gives(ix, None, None);
        let node = fields.get("parallel")?;
        let Kind::Map(entries) = &node.kind else {
            self.sink.push(
                wrong_kind(node, "`parallel`", "a mapping of branches")
                    .help("write `NAME:` for every branch, and its steps below it"),
            );
            return None;
        };
        if entries.is_empty() {
            self.sink.push(Raw::error(codes::WRONG_KIND, "`parallel` has no branches").node(node.id, ""));
        }
        let mut branches = Vec::new();
        for entry in entries {
            check_name(entry.key.id, &entry.key.text, "a branch", self.sink);
            let body = self.inner(&entry.value, &format!("the branch `{}`", entry.key.text));
            branches.push(Branch { name: entry.key.text.clone(), body });
        }
        let on_branch_error = self.on_branch_error(fields);
        let output = self.closing_output(ix, fields);
        Some(StepKind::Parallel(Parallel { branches, on_branch_error, output }))
    }

    pub(super) fn on_branch_error(&mut self, fields: &Fields<'_>) -> OnBranchError {
        match fields.word("on_branch_error", &["wait", "cancel"], self.sink) {
            Some("cancel") => OnBranchError::Cancel,
            _ => OnBranchError::Wait,
        }
    }

    /// The `output` of a step all of whose inner steps have ended.
    pub(super) fn closing_output(&mut self, ix: StepIx, fields: &Fields<'_>) -> Option<ValueExpr> {
        let node = fields.get("output")?;
        let closing = self.names.closing.replace(ix);
        let afterwards = std::mem::replace(&mut self.names.afterwards, true);
        let (value, ty) = self.value(node, &Slot::open("`output`", Type::any()));
        self.names.afterwards = afterwards;
        self.names.closing = closing;
        self.gives(ix, Some(ty), None);
        Some(value)
    }

    pub(super) fn attempt(&mut self, ix: StepIx, fields: &Fields<'_>) -> Option<StepKind> {
        self.gives(ix, None, None);
        let entry = fields.entry("try")?;
        let (body, part) =
            self.body(Some(&entry.value), fields.get("output"), "`try`", &Facts::default(), entry.key.id);
        let mut parts = vec![part];
        let mut catches = Vec::new();
        match fields.entry("catch").map(|e| (&e.value, &e.value.kind)) {
            Some((_, Kind::List(items))) => {
                let mut taken = Taken::default();
                for item in items {
                    let Some((catch, part)) = self.catch(item, &mut taken) else { continue };
                    catches.push(catch);
                    parts.push(part);
                }
            }
            Some((node, _)) => {
                self.sink.push(
                    wrong_kind(node, "`catch`", "a list of handlers")
                        .help("write `- on: [not_found]` and `do:` below it"),
                );
            }
            None if fields.get("finally").is_none() => {
                self.sink.push(
                    Raw::error(codes::MISSING_KEY, "`try` needs `catch` or `finally`")
                        .node(entry.key.id, "tries and does nothing about a failure")
                        .help("add `catch:` with handlers, or take the steps out of the `try`"),
                );
            }
            None => {}
        }
        let finally = fields.get("finally").map(|node| self.inner(node, "`finally`"));
        let output = self.of_every_part(ix, entry.key.id, &parts, true);
        self.gives(ix, output, None);
        Some(StepKind::Try(Try { body, catches, finally }))
    }

    fn catch(&mut self, item: &Node, taken: &mut Taken) -> Option<(Catch, Part)> {
        let fields = Fields::read(item, "a handler", &["on", "do", "output"], self.sink)?;
        let help = "write `on: [not_found]`, or `on: any` for every kind but `unknown` and `cancelled`";
        let node = fields.require("on", "a handler", help, self.sink);
        let on = match node {
            Some(node) if node.text() == Some("any") => None,
            Some(node) => Some(self.failure_kinds(node)?),
            None => None,
        };
        if let (Some(node), Some(kinds)) = (node, &on) {
            self.never_caught(node, kinds);
        }
        if let Some(node) = node
            && !taken.takes_more(on.as_deref())
        {
            self.sink.push(
                Raw::warning(codes::UNREACHABLE, "this handler never runs")
                    .node(node.id, "handlers above take these failures")
                    .help("remove it, or move it up"),
            );
        }
        let body = fields.require("do", "a handler", "add `do:` with a list of steps", self.sink);
        let at = fields.entries.first().map_or(fields.at, |e| e.key.id);
        self.names.variables.push(("error".to_owned(), handler_error(on.as_deref())));
        let before = self.names.facts.clone();
        self.names.facts.forget("error");
        let (body, part) = self.body(body, fields.get("output"), "`do`", &Facts::default(), at);
        self.names.facts = before;
        self.names.variables.pop();
        Some((Catch { on, body }, part))
    }

    fn never_caught(&mut self, node: &Node, kinds: &[plan::FailureKind]) {
        if kinds.contains(&plan::FailureKind::Cancelled) {
            let at = match &node.kind {
                Kind::List(items) => items.iter().find(|n| n.text() == Some("cancelled")).map(|n| n.id),
                _ => None,
            };
            self.sink.push(
                Raw::error(codes::UNKNOWN_WORD, "`cancelled` cannot be caught")
                    .node(at.unwrap_or(node.id), "")
                    .help("a cancelled run ends; clean up in `finally`"),
            );
        }
        if kinds.is_empty() {
            self.sink.push(
                Raw::error(codes::WRONG_KIND, "`on` names no kind of failure")
                    .node(node.id, "")
                    .help("name kinds, such as `[not_found]`, or write `on: any`"),
            );
        }
    }
}

/// The failures that handlers so far take.
#[derive(Default)]
struct Taken {
    kinds: Vec<plan::FailureKind>,
    any: bool,
}

impl Taken {
    /// Adds those of one more handler; whether there is one among them that was left.
    fn takes_more(&mut self, on: Option<&[plan::FailureKind]>) -> bool {
        use plan::FailureKind::{Cancelled, Unknown};
        let special = |kind: &plan::FailureKind| matches!(kind, Unknown | Cancelled);
        let ordinary: Vec<plan::FailureKind> =
            plan::FailureKind::ALL.into_iter().filter(|kind| !special(kind)).collect();
        let wanted = on.unwrap_or(&ordinary);
        let new = wanted.iter().any(|kind| !self.kinds.contains(kind) && (!self.any || special(kind)));
        self.any = self.any || on.is_none();
        self.kinds.extend(on.unwrap_or_default());
        new || wanted.is_empty()
    }
}

fn nothing() -> Body {
    Body { steps: Arc::default(), output: None }
}
