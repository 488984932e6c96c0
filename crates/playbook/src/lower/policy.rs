//! Who decides: approvals that stand in front of a step, trust, and secrets.
//!
//! An approval guards what follows it in its own list and below, because a rejection ends that list; or what
//! stands under `decision == "approved"`. That is dominance in a tree and one comparison, no theorem prover:
//! where the rule cannot see it, it says so and the author restructures.

use std::collections::BTreeSet;

use expr::Type;

use super::Lower;
use super::value::{Slot, reached};
use crate::codes;
use crate::names::facts;
use crate::names::outline::{StepInfo, StepIx};
use crate::report::Raw;
use crate::source::tree::Node;

impl Lower<'_> {
    /// The approvals without which this place is not reached.
    fn approvals(&self) -> Vec<&StepInfo> {
        let around = self.names.outline.around(self.names.block, self.names.index);
        let known = &self.names.facts;
        let approves = self.names.outline.steps.iter().filter(|step| step.verb == "approve");
        approves
            .filter(|step| {
                let before = around.iter().any(|(block, index)| *block == step.block && step.index < *index);
                let certain = !step.may_fail
                    && !step.survives_rejection
                    && step.condition.iter().all(|c| known.contains(c));
                (before && certain) || known.contains(&facts::approved(&step.id))
            })
            .collect()
    }

    /// A step that changes something outside: is there an approval in front of it?
    pub(super) fn containment(&mut self, action: &str, node: &Node) {
        if !self.approvals().is_empty() {
            return;
        }
        let message = format!("`{action}` changes mailboxes, and no approval stands before it on every path");
        let raw = if self.approval_required {
            Raw::error(codes::NOT_APPROVED, message)
        } else {
            Raw::warning(codes::NOT_APPROVED, message)
        };
        self.sink.push(
            raw.node(node.id, "containment")
                .help("put an `approve` step before it, or stand it under `${{ steps.ID.output.decision == \"approved\" }}`"),
        );
    }

    /// Whether an approval in front of the step shows what it will do.
    fn shown_to_a_person(&self) -> bool {
        let Some(current) = self.names.current else { return false };
        let outline = &self.names.outline;
        self.approvals().iter().any(|approve| {
            let mut shown = approve.shows.iter().filter_map(|id| outline.find(id));
            shown.any(|step| outline.is_inside(current, step))
        })
    }

    /// Untrusted values stay out of guarded places, secrets out of open ones.
    pub(super) fn trusted(&mut self, node: &Node, ty: &Type, slot: &Slot<'_>) {
        if !slot.secret && ty.contains_secret() {
            self.sink.push(
                Raw::error(codes::SECRET, format!("{} would show a secret", slot.what))
                    .node(node.id, "secret")
                    .help("secrets may be used only in inputs that are made for them"),
            );
        }
        let inside = || slot.schema.and_then(|(schema, root)| reached(schema, root, ty, 0));
        let Some(guard) = slot.guard.filter(|_| ty.contains_untrusted()).or_else(inside) else { return };
        if let Some(accepted) = &mut self.accepts {
            accepted.needed = true;
            return;
        }
        if self.shown_to_a_person() {
            return;
        }
        let help = match self.names.current.and_then(|ix| self.names.outline.steps.get(ix)).filter(|s| !s.id.starts_with('_')) {
            Some(step) => format!(
                "let an `approve` step before it show it (`shows: [{}]`), or write `accept_untrusted: \"why this is fine\"` on the step",
                step.id
            ),
            None => "give the step an id and let an `approve` step before it show it, or write `accept_untrusted: \"why this is fine\"`".to_owned(),
        };
        self.sink.push(
            Raw::error(codes::UNTRUSTED, format!("untrusted text decides on {} ({guard})", slot.what))
                .node(node.id, "comes from a mail, a server or a plugin")
                .help(help),
        );
    }

    /// What can be told only when every step has been seen.
    pub(super) fn afterwards(&mut self) {
        self.unused();
        self.too_early();
    }

    /// `set` steps that nothing reads.
    fn unused(&mut self) {
        if self.sink.errors() > 0 {
            // With an error in it, an expression may not have told what it reads.
            return;
        }
        let reads = self.names.reads.borrow();
        let read: BTreeSet<StepIx> =
            reads.iter().filter(|(by, used)| *by != Some(*used)).map(|(_, used)| *used).collect();
        for (ix, step) in self.names.outline.steps.iter().enumerate() {
            if step.verb == "set" && !read.contains(&ix) {
                self.sink.push(
                    Raw::warning(
                        codes::UNUSED,
                        format!("nothing uses what `{}` computes", step.id.trim_start_matches('_')),
                    )
                    .node(step.at, "")
                    .help(format!("use `steps.{}.output`, or remove the step", step.id)),
                );
            }
        }
    }

    /// Approvals that are bound to inputs which are not known yet when the person is asked.
    fn too_early(&mut self) {
        let outline = &self.names.outline;
        let reads = self.names.reads.borrow();
        let mut found = Vec::new();
        for (approve, step) in outline.steps.iter().enumerate().filter(|(_, s)| s.verb == "approve") {
            for shown in step.shows.iter().filter_map(|id| outline.find(id)) {
                let late = reads.iter().find(|(reader, used)| {
                    reader.is_some_and(|reader| outline.is_inside(reader, shown)) && *used > approve
                });
                if let Some((Some(reader), used)) = late {
                    found.push((approve, *reader, *used));
                }
            }
        }
        for (approve, reader, used) in found {
            let id = |ix: StepIx| outline.steps.get(ix).map_or("", |s| s.id.as_str());
            let at = |ix: StepIx| outline.steps.get(ix).map_or(0, |s| s.at);
            self.sink.push(
                Raw::error(
                    codes::SHOWS,
                    format!(
                        "the approval cannot show `{}`: it needs the output of `{}`, which runs later",
                        id(reader),
                        id(used)
                    ),
                )
                .node(at(approve), "asks here")
                .node(at(used), "runs after the approval")
                .help(format!("move `{}` before the approval", id(used))),
            );
        }
    }
}
