//! `set`, `return` and `fail`: values and nothing else.

use expr::{Type, nearest};
use plan::{StepKind, ValueExpr};

use super::Lower;
use super::fields::{Fields, check_name, quoted, wrong_kind};
use super::value::Slot;
use crate::codes;
use crate::names::Siblings;
use crate::names::outline::{BlockKind, StepIx};
use crate::report::Raw;
use crate::source::text::shown;
use crate::source::tree::{Kind, Node};
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
        let node = fields.get("fail")?;
        let help = "write `fail: { message: \"what happened\" }`";
        if !matches!(node.kind, Kind::Map(_)) {
            self.sink.push(wrong_kind(node, "`fail`", "a mapping").help(help));
            return None;
        }
        let given = Fields::read(node, "`fail`", &["message"], self.sink)?;
        let message = given.require("message", "`fail`", help, self.sink)?;
        let (message, _) = self.fitting(message, &Slot::open("`message`", Type::string()));
        Some(StepKind::Fail { message })
    }

    pub(super) fn give_back(&mut self, ix: StepIx, fields: &Fields<'_>) -> Option<StepKind> {
        self.gives(ix, None, None);
        let entry = fields.entry("return")?;
        let node = &entry.value;
        self.may_return(entry.key.id);
        let given = match &node.kind {
            // `return:` alone, in a playbook without outputs.
            Kind::Null => Fields { at: entry.key.id, entries: &[] },
            _ => Fields::open(node, "`return`", self.sink)?,
        };
        let known: Vec<String> = self.outputs.iter().map(|(o, _)| o.name.clone()).collect();
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        let mut values = Vec::new();
        for entry in given.entries {
            let Some((output, _)) = self.outputs.iter().find(|(o, _)| o.name == entry.key.text) else {
                let help = nearest(&entry.key.text, names.iter().copied()).map_or_else(
                    || "declare it under `outputs`".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("the playbook has no output `{}`", shown(&entry.key.text));
                self.sink.push(Raw::error(codes::OUTPUTS, message).node(entry.key.id, "").help(help));
                continue;
            };
            let ty = Type::from_schema(&output.schema);
            let what = format!("the output `{}`", entry.key.text);
            let value = self.output_value(&entry.value, &what, ty);
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
        Some(StepKind::Return(values))
    }

    /// A `return` ends the whole run; inside a loop or a branch others would still be running.
    fn may_return(&mut self, at: usize) {
        let outline = &self.names.outline;
        let around = outline.around(self.names.block, self.names.index);
        let blocks = around.iter().filter_map(|(block, _)| outline.blocks.get(*block));
        let inside = blocks.map(|b| b.kind).find_map(|kind| match kind {
            BlockKind::Item => Some("a `foreach`"),
            BlockKind::Branch => Some("a `parallel`"),
            _ => None,
        });
        if let Some(inside) = inside {
            self.sink.push(
                Raw::error(codes::MISPLACED, format!("`return` cannot stand inside {inside}"))
                    .node(at, "others may still be running")
                    .help("let the steps give a value, and return after it"),
            );
        }
    }

    fn output_value(&mut self, node: &Node, what: &str, ty: Type) -> ValueExpr {
        self.fitting(node, &Slot::open(what, ty)).0
    }

    /// The values of `outputs`, computed after the last step.
    pub(super) fn output_values(&mut self, top: &Fields<'_>, steps: &[Step]) {
        let Some(Kind::Map(entries)) = top.get("outputs").map(|n| &n.kind) else { return };
        self.names.block = 0;
        self.names.index = usize::MAX;
        self.names.current = None;
        let returns = steps.iter().find_map(super::steps::ends).is_some();
        for entry in entries {
            let Kind::Map(fields) = &entry.value.kind else { continue };
            let Some(found) = self.outputs.iter().position(|(o, _)| o.name == entry.key.text) else {
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
            let ty = self.outputs.get(found).map_or_else(Type::any, |(o, _)| Type::from_schema(&o.schema));
            let what = format!("the output `{}`", entry.key.text);
            let lowered = self.output_value(&value.value, &what, ty);
            if let Some((output, _)) = self.outputs.get_mut(found) {
                output.value = Some(lowered);
            }
        }
    }
}
