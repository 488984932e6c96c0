//! `set`, `assert`, `return` and `fail`: values and nothing else.

use expr::{Type, nearest};
use plan::{StepKind, ValueExpr};

use super::Lower;
use super::fields::{Fields, check_name, quoted, wrong_kind};
use super::steps::ends_all;
use super::value::Slot;
use crate::codes;
use crate::names::Siblings;
use crate::names::outline::{BlockKind, StepIx};
use crate::report::Raw;
use crate::source::text::shown;
use crate::source::tree::{Entry, Kind, Node};
use plan::Step;

impl Lower<'_> {
    pub(super) fn set(&mut self, ix: StepIx, fields: &Fields<'_>) -> Option<StepKind> {
        let node = fields.get("set")?;
        let given = Fields::open(node, "`set`", self.sink)?;
        if given.entries.is_empty() {
            self.sink.push(
                Raw::error(codes::WRONG_KIND, "`set` has no fields")
                    .node(node.id, "")
                    .help("write `NAME: value` lines under it"),
            );
        }
        let all: Vec<String> = given.entries.iter().map(|e| e.key.text.clone()).collect();
        self.names.siblings = Some(Siblings { known: Vec::new(), all });
        let mut values = Vec::new();
        for entry in given.entries {
            check_name(entry.key.id, &entry.key.text, "a field", self.sink);
            let what = format!("the field `{}`", entry.key.text);
            let (value, ty) = self.value(&entry.value, &Slot::open(&what, Type::any()));
            if let Some(siblings) = &mut self.names.siblings {
                siblings.known.push((entry.key.text.clone(), ty));
            }
            values.push((entry.key.text.clone(), value));
        }
        let fields = self.names.siblings.take().unwrap_or_default().known;
        self.gives(ix, Some(Type::closed(fields)), None);
        Some(StepKind::Set(values))
    }

    pub(super) fn fail(&mut self, ix: StepIx, fields: &Fields<'_>) -> Option<StepKind> {
        self.gives(ix, None, None);
        let message = self.failed(fields.get("fail")?)?;
        Some(StepKind::Fail { message })
    }

    /// What a person is told: a text, or `{ message: ... }`.
    pub(super) fn failed(&mut self, node: &Node) -> Option<ValueExpr> {
        let help = "write `fail: \"what happened\"`";
        let message = match node.kind {
            Kind::Map(_) => {
                let given = Fields::read(node, "`fail`", &["message"], self.sink)?;
                given.require("message", "`fail`", help, self.sink)?
            }
            Kind::Text(_) => node,
            _ => {
                self.sink.push(wrong_kind(node, "`fail`", "text").help(help));
                return None;
            }
        };
        Some(self.fitting(message, &Slot::open("`message`", Type::string())).0)
    }

    pub(super) fn assert(&mut self, ix: StepIx, fields: &Fields<'_>) -> Option<StepKind> {
        self.gives(ix, None, None);
        let that = fields.get("assert").and_then(|node| self.decision(node, "`assert`"));
        let message = fields.get("message");
        let message = message.map(|node| self.fitting(node, &Slot::open("`message`", Type::string())).0);
        Some(StepKind::Assert { that: that?, message })
    }

    pub(super) fn give_back(&mut self, ix: StepIx, fields: &Fields<'_>) -> Option<StepKind> {
        self.gives(ix, None, None);
        self.returned(fields.entry("return")?).map(StepKind::Return)
    }

    /// The outputs of a `return`.
    pub(super) fn returned(&mut self, entry: &Entry) -> Option<Vec<(String, ValueExpr)>> {
        let node = &entry.value;
        self.may_return(entry.key.id);
        let given = match &node.kind {
            // `return:` alone, in a playbook without outputs.
            Kind::Null => Fields { at: entry.key.id, entries: &[] },
            _ => Fields::open(node, "`return`", self.sink)?,
        };
        let known: Vec<String> = self.outputs.iter().map(|o| o.output.name.clone()).collect();
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        let mut values = Vec::new();
        for entry in given.entries {
            let Some(found) = self.outputs.iter().position(|o| o.output.name == entry.key.text) else {
                let help = nearest(&entry.key.text, names.iter().copied()).map_or_else(
                    || "declare it under `outputs`".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("the playbook has no output `{}`", shown(&entry.key.text));
                self.sink.push(Raw::error(codes::OUTPUTS, message).node(entry.key.id, "").help(help));
                continue;
            };
            let value = self.output_value(found, &entry.value);
            values.push((entry.key.text.clone(), value));
        }
        let missing: Vec<&str> = names.iter().filter(|name| given.entry(name).is_none()).copied().collect();
        if !missing.is_empty() {
            self.sink.push(
                Raw::error(codes::OUTPUTS, format!("`return` leaves out {}", quoted(&missing)))
                    .node(entry.key.id, "")
                    .help("give every declared output"),
            );
        }
        Some(values)
    }

    /// What cleans up must not turn a failure into a success.
    fn may_return(&mut self, at: usize) {
        let cleans = |kind| matches!(kind, BlockKind::Finally | BlockKind::Cleanup);
        if self.names.outline.any_block(&self.names.here, cleans) {
            self.sink.push(
                Raw::error(codes::MISPLACED, "`return` cannot stand inside `finally`")
                    .node(at, "would hide what went wrong before")
                    .help("`finally` cleans up; return before it"),
            );
        }
    }

    fn output_value(&mut self, output: usize, node: &Node) -> ValueExpr {
        let Some(found) = self.outputs.get(output) else {
            return ValueExpr::Literal(serde_json::Value::Null);
        };
        let what = format!("the output `{}`", found.output.name);
        let (value, ty) = self.fitting(node, &Slot::open(&what, found.ty.clone()));
        if let Some(found) = self.outputs.get_mut(output) {
            // What the schema does not say of a value, its origin does.
            found.given = found.given.clone().with_labels_of(&ty);
        }
        value
    }

    /// The values of `outputs`, computed after the last step.
    pub(super) fn output_values(&mut self, top: &Fields<'_>, steps: &[Step]) {
        let Some(Kind::Map(entries)) = top.get("outputs").map(|n| &n.kind) else { return };
        self.names.here = vec![(0, usize::MAX)];
        self.names.current = None;
        let returns = ends_all(steps);
        for entry in entries {
            let Kind::Map(fields) = &entry.value.kind else { continue };
            let Some(found) = self.outputs.iter().position(|o| o.output.name == entry.key.text) else {
                continue;
            };
            let Some(value) = fields.iter().find(|e| e.key.text == "value") else {
                if !returns {
                    self.sink.push(
                        Raw::error(
                            codes::OUTPUTS,
                            format!("the output `{}` gets no value when the last step ends", entry.key.text),
                        )
                        .node(entry.key.id, "")
                        .help("add `value: ${{ ... }}`, or end every path with `return`"),
                    );
                }
                continue;
            };
            let lowered = self.output_value(found, &value.value);
            if let Some(found) = self.outputs.get_mut(found) {
                found.output.value = Some(lowered);
            }
        }
        self.names.here.clear();
    }
}
