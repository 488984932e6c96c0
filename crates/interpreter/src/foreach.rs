//! Loops over items: they begin while there is room, and the loop ends with the last of them.

use std::sync::Arc;

use expr::Budget;
use plan::{Blame, Failure, FailureKind, Foreach, OnItemError, StepKind};
use serde_json::{Value, json};

use crate::block::Place;
use crate::command::ProgressKind;
use crate::machine::{Machine, Work, error_value};
use crate::node::{ForeachNode, Mark, Node, NodeEnd, NodeId, NodeKind, NodeOutput};
use crate::render;
use crate::stop::cancelled;

impl Machine {
    /// Begins a loop, or says why it cannot begin.
    pub(crate) fn start_foreach(&mut self, foreach: &Foreach, place: &Place) -> Result<NodeId, Failure> {
        let items = match foreach.items.eval(&self.view(place.frame), &mut Budget::new()) {
            Ok(Value::Array(items)) => items,
            Ok(_) => {
                return Err(Failure::new(
                    FailureKind::Invalid,
                    Blame::Playbook,
                    format!("step {}: `foreach` needs a list", place.path),
                ));
            }
            Err(error) => return Err(render::failure("`foreach`", &place.path, &error)),
        };
        check_limit(foreach, items.len(), place.path.as_str())?;
        self.tell(place.path.clone(), ProgressKind::Items { total: items.len() });
        let node = self.nodes.insert(place.node(NodeKind::Foreach(Box::new(ForeachNode {
            step: place.step.clone(),
            outputs: vec![None; items.len()],
            items,
            next: 0,
            open: 0,
            failed: Vec::new(),
            fault: None,
        }))));
        self.queue.push_back(Work::Foreach(node));
        Ok(node)
    }

    /// Begins items while there is room; ends the loop when nothing is left.
    pub(crate) fn run_foreach(&mut self, id: NodeId) {
        loop {
            let Some(Node { path, frame, mark, kind: NodeKind::Foreach(node), .. }) = self.nodes.get_mut(id)
            else {
                return;
            };
            let Some(StepKind::Foreach(foreach)) = node.step.get().map(|step| &step.kind) else { return };
            let stopped = node.fault.is_some() || *mark != Mark::Free;
            if node.next >= node.items.len() || stopped {
                if node.open == 0 {
                    let end = if *mark == Mark::Free { ends(node) } else { Err(cancelled()) };
                    self.finish(id, end);
                }
                return;
            }
            if node.open >= foreach.max_parallel.max(1) as usize {
                return;
            }
            let index = node.next;
            let Some(item) = node.items.get(index).cloned() else { return };
            let (path, parent, body) = (path.item(index), *frame, Arc::clone(&foreach.body));
            let variable = foreach.variable.clone();
            node.next += 1;
            node.open += 1;
            let frame = self.inner_frame(parent, &variable, item);
            self.block(id, path, frame, index, &body);
        }
    }

    /// One item has ended.
    pub(crate) fn item_ended(&mut self, id: NodeId, item: &Node, end: NodeEnd) {
        let Some(NodeKind::Foreach(node)) = self.nodes.get(id).map(|node| &node.kind) else { return };
        let Some(StepKind::Foreach(foreach)) = node.step.get().map(|step| &step.kind) else { return };
        let on_item_error = foreach.on_item_error;
        let end = end.and_then(|_| Ok(self.output(foreach.output.as_ref(), item.frame, &item.path)?));
        self.release(item.frame);
        if let Some(NodeKind::Foreach(node)) = self.nodes.get_mut(id).map(|node| &mut node.kind) {
            node.open = node.open.saturating_sub(1);
            match end {
                Ok(value) => {
                    if let Some(slot) = node.outputs.get_mut(item.item) {
                        *slot = Some(value.unwrap_or_default());
                    }
                }
                Err(fault) => match on_item_error {
                    OnItemError::Skip => {}
                    OnItemError::Collect => {
                        let value = node.items.get(item.item).cloned().unwrap_or_default();
                        node.failed.push((item.item, value, fault.failure));
                    }
                    OnItemError::Fail => {
                        node.fault.get_or_insert(fault);
                    }
                },
            }
        }
        self.queue.push_back(Work::Foreach(id));
    }
}

/// A longer list than the author allowed fails the step before its first item.
pub(crate) fn check_limit(foreach: &Foreach, items: usize, path: &str) -> Result<(), Failure> {
    if items <= foreach.limit as usize {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::Limit,
        Blame::Playbook,
        format!(
            "step {path}: the list has {items} items and `limit` allows {}; nothing was done for any of them",
            foreach.limit
        ),
    ))
}

fn ends(node: &mut ForeachNode) -> NodeEnd {
    if let Some(fault) = node.fault.take() {
        return Err(fault);
    }
    node.failed.sort_by_key(|(index, ..)| *index);
    let failed = node
        .failed
        .drain(..)
        .map(|(index, item, failure)| json!({"index": index, "item": item, "error": error_value(&failure)}))
        .collect();
    let outputs = node.outputs.drain(..).flatten().collect();
    Ok(NodeOutput {
        output: Some(Value::Array(outputs)),
        failed: Some(Value::Array(failed)),
        ..NodeOutput::default()
    })
}
