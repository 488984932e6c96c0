//! Loops: items begin while there is room, and the loop ends with the last of them.

use std::sync::Arc;

use expr::Budget;
use plan::{Blame, Failure, FailureKind, Foreach, OnItemError, StepKind};
use serde_json::{Value, json};

use crate::block::Place;
use crate::command::ProgressKind;
use crate::machine::{Machine, Work, error_value};
use crate::node::{ForeachNode, Node, NodeEnd, NodeId, NodeKind, NodeOutput};
use crate::render;
use crate::scope::{Frame, FrameId};

impl Machine {
    /// Begins a loop, or says why it cannot begin.
    pub(crate) fn start_foreach(&mut self, foreach: &Foreach, place: &Place) -> Result<(), Failure> {
        let items = match foreach.items.eval(&self.view(place.frame, None), &mut Budget::new()) {
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
        let node = self.nodes.insert(Node {
            parent: Some(place.block),
            path: place.path.clone(),
            frame: place.frame,
            item: 0,
            kind: NodeKind::Foreach(ForeachNode {
                steps: Arc::clone(&place.steps),
                index: place.index,
                outputs: vec![None; items.len()],
                items,
                next: 0,
                open: 0,
                failed: Vec::new(),
                failure: None,
            }),
        });
        self.queue.push_back(Work::Foreach(node));
        Ok(())
    }

    /// Begins items while there is room; ends the loop when nothing is left.
    pub(crate) fn run_foreach(&mut self, id: NodeId) {
        loop {
            let Some(Node { path, frame, kind: NodeKind::Foreach(node), .. }) = self.nodes.get_mut(id) else {
                return;
            };
            let Some(StepKind::Foreach(foreach)) = node.steps.get(node.index).map(|step| &step.kind) else {
                return;
            };
            let stopped = node.failure.is_some();
            let more = node.next < node.items.len() && !stopped;
            if !more {
                if node.open == 0 {
                    let end = finish(node);
                    self.queue.push_back(Work::Ended(id, end));
                }
                return;
            }
            if node.open >= foreach.max_parallel.max(1) as usize {
                return;
            }
            let index = node.next;
            node.next += 1;
            node.open += 1;
            let Some(item) = node.items.get(index).cloned() else { return };
            let (path, parent, body) = (path.item(index), *frame, Arc::clone(&foreach.body));
            let variable = Some((foreach.variable.clone(), item));
            let frame = self.frame(Frame { parent: Some(parent), variable, ..Frame::default() });
            self.block(Some(id), path, frame, index, body);
        }
    }

    /// One item has ended.
    pub(crate) fn item_ended(&mut self, id: NodeId, item: &Node, end: NodeEnd) {
        let Some(Node { kind: NodeKind::Foreach(node), .. }) = self.nodes.get(id) else { return };
        let Some(StepKind::Foreach(foreach)) = node.steps.get(node.index).map(|step| &step.kind) else {
            return;
        };
        let on_item_error = foreach.on_item_error;
        let end = end.and_then(|_| match &foreach.output {
            None => Ok(Value::Null),
            Some(expr) => render::for_step("`output`", expr, &self.view(item.frame, None), &item.path),
        });
        self.release(item.frame);
        if let Some(Node { kind: NodeKind::Foreach(node), .. }) = self.nodes.get_mut(id) {
            node.open = node.open.saturating_sub(1);
            match end {
                Ok(value) => {
                    if let Some(slot) = node.outputs.get_mut(item.item) {
                        *slot = Some(value);
                    }
                }
                Err(failure) => match on_item_error {
                    OnItemError::Skip => {}
                    OnItemError::Collect => {
                        let value = node.items.get(item.item).cloned().unwrap_or_default();
                        node.failed.push((item.item, value, failure));
                    }
                    OnItemError::Fail => {
                        node.failure.get_or_insert(failure);
                    }
                },
            }
        }
        self.queue.push_back(Work::Foreach(id));
    }

    fn frame(&mut self, frame: Frame) -> FrameId {
        match self.free_frames.pop() {
            Some(id) => {
                if let Some(slot) = self.frames.get_mut(id) {
                    *slot = frame;
                }
                id
            }
            None => {
                self.frames.push(frame);
                self.frames.len() - 1
            }
        }
    }

    fn release(&mut self, id: FrameId) {
        if let Some(slot) = self.frames.get_mut(id) {
            *slot = Frame::default();
            self.free_frames.push(id);
        }
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

fn finish(node: &mut ForeachNode) -> NodeEnd {
    if let Some(failure) = node.failure.take() {
        return Err(failure);
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
        ends_block: false,
    })
}
