//! Who decides: approvals that stand in front of a step, trust, and secrets.
//!
//! An approval guards what follows it in its own list and below, because a rejection ends that list; or what
//! stands under `decision == "approved"`. That is dominance in a tree and one comparison, no theorem prover:
//! where the rule cannot see it, it says so and the author restructures.

use expr::Type;

use super::Lower;
use super::value::{Slot, reached};
use crate::codes;
use crate::names::outline::StepInfo;
use crate::report::Raw;
use crate::source::tree::{Id, Node};

impl Lower<'_> {
    /// The approvals without which this place is not reached.
    fn approvals(&self) -> Vec<&StepInfo> {
        let outline = &self.names.outline;
        let known = &self.names.facts;
        let mut found = Vec::new();
        for (block, index) in self.names.here.iter().rev() {
            let Some(block) = outline.blocks.get(*block) else { continue };
            for step in block.gates.iter().filter_map(|ix| outline.steps.get(*ix)) {
                let certain = !step.may_fail
                    && !step.gate.survives_rejection
                    && step.condition.as_ref().is_none_or(|c| known.decide(c) == Some(true));
                let before = match &block.needs {
                    Some(needs) => needs.surely(*index, step.index),
                    None => step.index < *index,
                };
                if before && certain {
                    found.push(step);
                }
            }
        }
        // Somewhere else, but a condition asks for its decision.
        if !known.is_empty() {
            let all = outline.gates.iter().filter_map(|ix| outline.steps.get(*ix));
            found.extend(all.filter(|s| known.equals(&["steps", &s.id, "output", "decision"], "approved")));
        }
        found.retain(|step| !step.gate.approves_itself);
        found
    }

    /// An approval that stands before this place and does not guard it, and why.
    fn no_gate(&self) -> Option<(Id, &'static str)> {
        let outline = &self.names.outline;
        self.names.here.iter().rev().find_map(|(block, index)| {
            let block = outline.blocks.get(*block)?;
            let gates = block.gates.iter().rev().filter_map(|ix| outline.steps.get(*ix));
            let gate = gates.into_iter().find(|gate| match &block.needs {
                Some(needs) => needs.surely(*index, gate.index),
                None => gate.index < *index,
            })?;
            let why = if gate.gate.approves_itself {
                "approves itself when nobody answers"
            } else if gate.gate.survives_rejection {
                "a rejection does not end these steps (`on_reject: continue`)"
            } else if gate.may_fail {
                "the next step runs also when it fails"
            } else {
                "is asked only sometimes"
            };
            Some((gate.at, why))
        })
    }

    /// A step that changes something outside: is there an approval in front of it?
    pub(super) fn containment(&mut self, what: &str, action: &str, node: &Node) {
        if !self.approvals().is_empty() {
            return;
        }
        if !self.ungated.iter().any(|known| known == action) {
            self.ungated.push(action.to_owned());
        }
        let message = format!("{what} changes mailboxes, and no approval stands before it on every path");
        let raw = if self.policy.approval_required {
            Raw::error(codes::NOT_APPROVED, message)
        } else {
            Raw::warning(codes::NOT_APPROVED, message)
        };
        let raw = raw.node(node.id, "containment");
        let raw = match self.no_gate() {
            Some((at, why)) => raw.node(at, why),
            None => raw,
        };
        self.sink.push(
            raw.help("put an `approve` step before it, or stand it under `${{ steps.ID.output.decision == \"approved\" }}`"),
        );
    }

    /// A change that a loop multiplies: is there a limit for the run as a whole?
    pub(super) fn blast_limit(&mut self, action: &str, node: &Node) {
        if self.policy.max_effects.contains_key(action) {
            return;
        }
        if !self.unlimited.iter().any(|known| known == action) {
            self.unlimited.push(action.to_owned());
        }
        self.in_a_loop(node, action, "with what is still normal");
    }

    /// The same for what a called playbook changes: its own policy holds for it.
    pub(super) fn in_a_loop(&mut self, node: &Node, action: &str, advice: &str) {
        if !self.names.outline.in_loop(&self.names.here) {
            return;
        }
        let message = format!("nothing limits how much `{action}` changes in one run");
        self.sink.push(
            Raw::warning(codes::NO_BLAST_LIMIT, message)
                .node(node.id, "stands in a loop")
                .help(format!("add `policy: {{ max_effects: {{ {action}: 100 }} }}` {advice}")),
        );
    }

    /// Whether an approval in front of the step shows what it will do.
    fn shown_to_a_person(&self) -> bool {
        let Some(current) = self.names.current else { return false };
        let outline = &self.names.outline;
        self.approvals().iter().any(|approve| {
            let mut shown = approve.gate.shows.iter().filter_map(|id| outline.find(id));
            shown.any(|step| outline.is_inside(current, step))
        })
    }

    /// A secret stays out of places that are shown or decide something.
    pub(super) fn open_place(&mut self, node: &Node, ty: &Type, what: &str) {
        if ty.contains_secret() {
            self.sink.push(
                Raw::error(codes::SECRET, format!("{what} would show a secret"))
                    .node(node.id, "secret")
                    .help("secrets may be used only in inputs that are made for them"),
            );
        }
    }

    /// Untrusted values stay out of guarded places, secrets out of open ones.
    pub(super) fn trusted(&mut self, node: &Node, ty: &Type, slot: &Slot<'_>) {
        if !slot.secret {
            self.open_place(node, ty, slot.what);
        }
        let inside = || slot.schema.and_then(|(schema, root)| reached(schema, root, ty, 0));
        if let Some(guard) = slot.guard.filter(|_| ty.contains_untrusted()).or_else(inside) {
            self.untrusted(node, slot.what, guard, None);
        }
    }

    /// Something untrusted in a guarded place: fine if a person sees it, or the author says why.
    pub(super) fn untrusted(&mut self, node: &Node, what: &str, guard: &str, other: Option<&str>) {
        if let Some(accepted) = &mut self.accepts {
            accepted.needed = true;
            return;
        }
        if self.shown_to_a_person() {
            return;
        }
        let step = self.names.current.and_then(|ix| self.names.outline.steps.get(ix));
        let show = match step.filter(|s| !s.id.starts_with('_')) {
            Some(step) => format!("let an `approve` step before it show it (`shows: [{}]`)", step.id),
            None => "give the step an id and let an `approve` step before it show it".to_owned(),
        };
        let other = other.unwrap_or("write `accept_untrusted: \"why this is fine\"` on the step");
        self.sink.push(
            Raw::error(codes::UNTRUSTED, format!("untrusted text decides on {what} ({guard})"))
                .node(node.id, "comes from a mail, a server or a plugin")
                .help(format!("{show}, or {other}")),
        );
    }
}
