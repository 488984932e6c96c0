//! `dag`: steps in the order of what they need.

use std::sync::Arc;

use plan::{Dag, DagNode, Join, Step, StepKind};

use super::Lower;
use super::fields::{Fields, plain_text, wrong_kind};
use crate::codes;
use crate::names::outline::{BlockIx, StepIx};
use crate::report::Raw;
use crate::source::text::shown;
use crate::source::tree::{Kind, Node};

impl Lower<'_> {
    pub(super) fn dag(&mut self, ix: StepIx, fields: &Fields<'_>) -> Option<StepKind> {
        self.gives(ix, None, None);
        let node = fields.get("dag")?;
        let items = self.items(node, "`dag`")?;
        let block = self.names.outline.block_of(node.id)?;
        let before = self.sink.errors();
        self.needs(items, block);
        let order = self.order(items, block);
        if self.sink.errors() > before {
            // Without an order nothing can be said about the steps themselves.
            return None;
        }
        let current = self.names.current;
        let mut steps: Vec<(usize, Step)> = Vec::new();
        for index in order {
            let Some(item) = items.get(index) else { continue };
            self.names.here.push((block, index));
            self.names.current = self.names.outline.of_node(item.id);
            let step = self.step(item);
            self.names.here.pop();
            steps.extend(step.map(|step| (index, step)));
        }
        self.names.current = current;
        let on_branch_error = self.on_branch_error(fields);
        let output = self.closing_output(ix, fields);
        self.no_early_end(fields, block);
        let nodes = self.nodes(items, block, steps)?;
        Some(StepKind::Dag(Dag { nodes, on_branch_error, output }))
    }

    /// A rejection ends a `dag` before its output can be computed.
    fn no_early_end(&mut self, fields: &Fields<'_>, block: BlockIx) {
        let Some(output) = fields.entry("output") else { return };
        let outline = &self.names.outline;
        let gates = outline.blocks.get(block).map(|b| b.gates.as_slice()).unwrap_or_default();
        let mut gates = gates.iter().filter_map(|ix| outline.steps.get(*ix));
        let Some(gate) = gates.find(|gate| !gate.gate.survives_rejection) else { return };
        self.sink.push(
            Raw::error(codes::NOT_EVERY_PATH, "a rejection ends this `dag` without an output")
                .node(output.key.id, "is not computed then")
                .node(gate.at, "may be rejected")
                .help("write `on_reject: continue` there, or put the approval before the `dag`"),
        );
    }

    /// The steps with what they need, by their new positions.
    fn nodes(&mut self, items: &[Node], block: BlockIx, steps: Vec<(usize, Step)>) -> Option<Arc<[DagNode]>> {
        let positions: Vec<usize> = steps.iter().map(|(index, _)| *index).collect();
        let needs = self.names.outline.blocks.get(block)?.needs.as_ref()?;
        let nodes = steps.into_iter().map(|(index, step)| {
            let direct = needs.direct.get(index).map(Vec::as_slice).unwrap_or_default();
            let mut needs_of: Vec<usize> =
                direct.iter().filter_map(|need| positions.iter().position(|p| p == need)).collect();
            needs_of.sort_unstable();
            needs_of.dedup();
            let join = if needs.is_any(index) { Join::Any } else { Join::All };
            DagNode { step: Arc::from([step]), needs: needs_of, join }
        });
        let nodes: Arc<[DagNode]> = nodes.collect();
        (nodes.len() == items.len()).then_some(nodes)
    }

    /// Reads `needs` and `join` of every step.
    fn needs(&mut self, items: &[Node], block: BlockIx) {
        for item in items {
            let Kind::Map(entries) = &item.kind else { continue };
            let fields = Fields { at: item.id, entries };
            fields.word("join", &["all", "any"], self.sink);
            if fields.get("join").is_some() && fields.get("needs").is_none() {
                self.sink.push(
                    Raw::error(codes::MISPLACED, "`join` has no meaning without `needs`")
                        .node(fields.entry("join").map_or(item.id, |e| e.key.id), "")
                        .help("remove it, or say what the step needs"),
                );
            }
            let Some(node) = fields.get("needs") else { continue };
            let Kind::List(names) = &node.kind else {
                self.sink
                    .push(wrong_kind(node, "`needs`", "a list of step ids").help("write `needs: [a, b]`"));
                continue;
            };
            for name in names {
                let Some(id) = plain_text(name, "a step id", self.sink) else { continue };
                self.need(name, id, item, block);
            }
        }
    }

    fn need(&mut self, name: &Node, id: &str, item: &Node, block: BlockIx) {
        let outline = &self.names.outline;
        let mine = outline.of_node(item.id);
        let found = outline.find(id).and_then(|ix| Some((ix, outline.steps.get(ix)?)));
        let raw = match found {
            Some((ix, _)) if Some(ix) == mine => {
                Raw::error(codes::CYCLE, format!("the step `{id}` needs itself")).node(name.id, "")
            }
            Some((_, step)) if step.block == block => return,
            Some((_, step)) => {
                let message = format!("the step `{}` is no step of this `dag`", shown(id));
                let raw = Raw::error(codes::UNKNOWN_STEP, message)
                    .node(name.id, "")
                    .node(step.at, "stands elsewhere");
                raw.help("`needs` names steps of the same `dag`; what stands above it has ended anyway")
            }
            None => {
                let ids = outline.steps.iter().filter(|s| s.block == block).map(|s| s.id.as_str());
                let near = expr::nearest(id, ids).map(|near| format!("did you mean `{near}`?"));
                Raw::error(codes::UNKNOWN_STEP, format!("there is no step `{}`", shown(id)))
                    .node(name.id, "")
                    .maybe_help(near)
            }
        };
        self.sink.push(raw);
    }

    /// The order in which the steps can be looked at; reports a cycle.
    fn order(&mut self, items: &[Node], block: BlockIx) -> Vec<usize> {
        let outline = &self.names.outline;
        let Some(needs) = outline.blocks.get(block).and_then(|b| b.needs.as_ref()) else { return Vec::new() };
        let step = |index: usize| {
            let node = items.get(index)?;
            outline.steps.get(outline.of_node(node.id)?)
        };
        if let Some(cycle) = needs.cycle().filter(|cycle| cycle.len() > 1) {
            let steps: Vec<_> = cycle.iter().filter_map(|index| step(*index)).collect();
            let mut path: Vec<&str> = steps.iter().map(|s| s.id.as_str()).collect();
            path.extend(path.first().copied());
            let mut raw =
                Raw::error(codes::CYCLE, format!("these steps wait for one another: {}", path.join(" -> ")));
            for (step, next) in steps.iter().zip(path.iter().skip(1)).take(5) {
                raw = raw.node(step.at, format!("needs `{next}`"));
            }
            self.sink.push(raw.help("take one of them out of `needs`"));
        }
        needs.order.clone()
    }
}
