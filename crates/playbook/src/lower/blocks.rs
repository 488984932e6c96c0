//! `foreach`, `switch` and `parallel`: steps with lists of steps inside.

use std::sync::Arc;

use expr::Type;
use plan::{Body, Branch, Case, Foreach, OnBranchError, OnItemError, Parallel, Step, StepKind, Switch};

use super::Lower;
use super::fields::{Fields, check_name, wrong_kind};
use super::value::Slot;
use crate::codes;
use crate::names::error_type;
use crate::names::facts;
use crate::names::outline::StepIx;
use crate::report::Raw;
use crate::source::tree::{Kind, Node};

/// The longest list a loop takes.
const MAX_ITEMS: u32 = 100_000;
/// The most items at a time.
const MAX_PARALLEL: u32 = 256;
/// Names that a loop variable would hide.
const RESERVED: [&str; 5] = ["inputs", "steps", "run", "self", "trigger"];

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
        let limit = fields.number("limit", 1, MAX_ITEMS, self.sink);
        if fields.get("limit").is_none() {
            self.sink.push(
                Raw::error(codes::NO_LIMIT, "`foreach` has no limit")
                    .node(node.id, "a list of any length")
                    .help(format!(
                        "add `limit:` with the most items that are still normal, at most {MAX_ITEMS}"
                    )),
            );
        }
        let on_item_error = match fields.word("on_item_error", &["fail", "collect", "skip"], self.sink) {
            Some("collect") => OnItemError::Collect,
            Some("skip") => OnItemError::Skip,
            _ => OnItemError::Fail,
        };
        let variable = self.variable(fields);
        let item = list.element();
        self.names.variables.push((variable.clone(), item.clone()));
        let body = fields.require("do", "`foreach`", "add `do:` with a list of steps", self.sink);
        let body: Arc<[Step]> = body.map(|node| self.inner(node, "`do`", Vec::new())).unwrap_or_default();
        let output = self.item_output(ix, fields);
        self.names.variables.pop();
        let (output, ty) = output.map_or((None, None), |(value, ty)| (Some(value), Some(Type::list(ty))));
        let failed = (on_item_error == OnItemError::Collect).then(|| failed_type(item));
        self.gives(ix, ty, failed);
        Some(StepKind::Foreach(Foreach {
            items: items?.0,
            variable,
            max_parallel,
            limit: limit.unwrap_or(1),
            on_item_error,
            body,
            output,
        }))
    }

    fn variable(&mut self, fields: &Fields<'_>) -> String {
        let Some(name) = fields.text("as", self.sink) else {
            if fields.get("as").is_none() {
                self.sink.push(
                    Raw::error(codes::MISSING_KEY, "`foreach` needs `as`")
                        .node(fields.at, "")
                        .help("name the item: `as: mail`, then use `${{ mail }}`"),
                );
            }
            return String::new();
        };
        let at = fields.get("as").map_or(fields.at, |n| n.id);
        if check_name(at, name, "a loop variable", self.sink) && RESERVED.contains(&name) {
            self.sink.push(
                Raw::error(codes::DUPLICATE_NAME, format!("`{name}` is a name of the language"))
                    .node(at, "")
                    .help("choose another name"),
            );
        }
        if self.names.variables.iter().any(|(outer, _)| outer == name) {
            self.sink.push(
                Raw::error(
                    codes::DUPLICATE_NAME,
                    format!("`{name}` is already the item of a loop around this one"),
                )
                .node(at, "")
                .help("choose another name"),
            );
        }
        name.to_owned()
    }

    /// What each item gives: computed inside the loop, after its last step.
    fn item_output(&mut self, ix: StepIx, fields: &Fields<'_>) -> Option<(plan::ValueExpr, Type)> {
        let node = fields.get("output")?;
        let block = fields
            .get("do")
            .and_then(|body| self.names.outline.block_of(body.id))
            .unwrap_or(self.names.block);
        let before = (self.names.block, self.names.index);
        (self.names.block, self.names.index) = (block, usize::MAX);
        self.names.current = Some(ix);
        let result = self.value(node, &Slot::open("`output`", Type::any()));
        (self.names.block, self.names.index) = before;
        Some(result)
    }

    /// A list of steps inside of this step.
    fn inner(&mut self, node: &Node, what: &str, facts: Vec<String>) -> Arc<[Step]> {
        let block = self.names.outline.block_of(node.id).unwrap_or(self.names.block);
        self.under(facts, |lower| lower.block(node, block, what)).into()
    }

    pub(super) fn switch(&mut self, ix: StepIx, fields: &Fields<'_>) -> Option<StepKind> {
        self.gives(ix, None, None);
        let node = fields.get("switch")?;
        let Kind::List(items) = &node.kind else {
            self.sink.push(
                wrong_kind(node, "`switch`", "a list of cases")
                    .help("write `- case: ${{ ... }}` and `do:` below it"),
            );
            return None;
        };
        let mut cases = Vec::new();
        let mut default = None;
        let mut closed: Option<&str> = None;
        for item in items {
            let Some(case) = Fields::read(item, "a case", &["case", "do", "default"], self.sink) else {
                continue;
            };
            if let Some(why) = closed {
                self.sink.push(
                    Raw::warning(codes::UNREACHABLE, "this case never runs").node(item.id, "").help(why),
                );
            }
            if let Some(entry) = case.entry("default") {
                for other in ["case", "do"].into_iter().filter_map(|key| case.entry(key)) {
                    self.sink.push(
                        Raw::error(
                            codes::TWO_VERBS,
                            format!("`default` stands alone, without `{}`", other.key.text),
                        )
                        .node(other.key.id, "")
                        .help("write `- default:` with the steps below it"),
                    );
                }
                default =
                    Some(Body { steps: self.inner(&entry.value, "`default`", Vec::new()), output: None });
                closed = Some("`default` must be the last one");
                continue;
            }
            let (when, body) = self.case(&case);
            if when.as_ref().is_some_and(|expr| expr.source().trim() == "true") {
                closed = Some("the case above always holds");
            }
            if let Some(when) = when {
                cases.push(Case { when, body: Body { steps: body, output: None } });
            }
        }
        if items.is_empty() {
            self.sink.push(Raw::error(codes::WRONG_KIND, "`switch` has no cases").node(node.id, ""));
        }
        Some(StepKind::Switch(Switch { cases, default }))
    }

    fn case(&mut self, case: &Fields<'_>) -> (Option<expr::Expr>, Arc<[Step]>) {
        let help = "write `- case: ${{ ... }}` and `do:` below it";
        let when = case.require("case", "a case", help, self.sink);
        let facts = when.and_then(Node::text).map(facts::of_template).unwrap_or_default();
        let when = when.and_then(|node| self.condition(node, "`case`"));
        let body = case.require("do", "a case", help, self.sink);
        let body = body.map(|node| self.inner(node, "`do`", facts)).unwrap_or_default();
        (when, body)
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
            let body = self.inner(&entry.value, &format!("the branch `{}`", entry.key.text), Vec::new());
            branches.push(Branch { name: entry.key.text.clone(), body });
        }
        Some(StepKind::Parallel(Parallel { branches, on_branch_error: OnBranchError::Wait, output: None }))
    }
}

/// `steps.ID.failed` of a loop that collects.
fn failed_type(item: Type) -> Type {
    Type::list(Type::closed([
        ("index".to_owned(), Type::int()),
        ("item".to_owned(), item),
        ("error".to_owned(), error_type()),
    ]))
}
