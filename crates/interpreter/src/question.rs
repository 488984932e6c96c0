//! Questions to people: approvals, with a quorum, a time limit and others to ask then; and forms.

use std::collections::BTreeSet;

use journal::{Decision, OpId};
use plan::{Approve, AskForm, Audience, Blame, Escalation, Failure, FailureKind, OnTimeout, StepKind};
use serde_json::json;

use crate::block::Place;
use crate::command::{Ask, Command, Form};
use crate::machine::{Machine, after};
use crate::node::{AskNode, Fault, NodeEnd, NodeId, NodeKind, NodeOutput};
use crate::preview;

impl Machine {
    /// `approve`: asks, with everything the decision covers.
    pub(crate) fn start_approve(&mut self, approve: &Approve, place: &Place) -> Result<NodeId, Failure> {
        let message = self.text("`message`", &approve.message, place.frame, &place.path)?;
        let shown = preview::shown(self, approve, place.block, &place.path)?;
        let digest = preview::digest(&shown);
        let places = preview::places(self, approve, place.block);
        self.bound.covers(places);
        let ask = Ask {
            op: self.upcoming_op(),
            path: place.path.clone(),
            message,
            to: approve.to.clone(),
            quorum: approve.quorum.max(1),
            approved: Vec::new(),
            round: 0,
            shown,
            digest,
            due: approve.timeout.map(|wait| after(self.now, wait)),
            asked: false,
        };
        self.turn.commands.push(Command::Ask(Box::new(ask.clone())));
        let node = AskNode {
            ask,
            step: place.step.clone(),
            escalations: 0,
            approved: BTreeSet::new(),
            unseen: BTreeSet::new(),
        };
        Ok(self.open(place.node(NodeKind::Ask(Box::new(node)))))
    }

    /// `ask`: shows a form.
    pub(crate) fn start_form(&mut self, ask: &AskForm, place: &Place) -> Result<NodeId, Failure> {
        let message = self.text("`message`", &ask.message, place.frame, &place.path)?;
        let form = Form {
            op: self.upcoming_op(),
            path: place.path.clone(),
            digest: preview::sha256(&json!([message, ask.form])),
            message,
            schema: ask.form.clone(),
            order: ask.order.clone(),
            to: ask.to.clone(),
            default: ask.default.clone(),
            due: ask.timeout.map(|wait| after(self.now, wait)),
            asked: false,
        };
        self.turn.commands.push(Command::Form(Box::new(form.clone())));
        Ok(self.open(place.node(NodeKind::Form(Box::new(form)))))
    }

    /// Somebody decided, or nobody did in time.
    pub(crate) fn decided(
        &mut self,
        op: OpId,
        decision: Decision,
        by: &str,
        digest: &str,
        in_advance: bool,
    ) -> Result<(), String> {
        let NodeKind::Ask(node) = &mut self.node_of(op)?.kind else {
            return Err(format!("operation {op} is not a question"));
        };
        if node.ask.digest != digest {
            return Err(format!(
                "the decision on {} was about something else than what was asked",
                node.ask.path
            ));
        }
        match decision {
            Decision::Approved => {
                node.approved.insert(by.to_owned());
                if in_advance {
                    node.unseen.insert(by.to_owned());
                }
                if node.approved.len() < node.ask.quorum as usize {
                    self.ask_again(op, None);
                    return Ok(());
                }
                let names: Vec<&str> = node.approved.iter().map(String::as_str).collect();
                let by = names.join(", ");
                self.settle_question(op, decision, &by);
            }
            Decision::Rejected => {
                let by = by.to_owned();
                self.settle_question(op, decision, &by);
            }
            Decision::TimedOut => self.nobody_decided(op),
        }
        Ok(())
    }

    /// What the playbook wants when time is up.
    fn nobody_decided(&mut self, op: OpId) {
        let Ok(NodeKind::Ask(node)) = self.node_of(op).map(|node| &mut node.kind) else { return };
        let Some(StepKind::Approve(approve)) = node.step.get().map(|step| &step.kind) else { return };
        let mut rule = &approve.on_timeout;
        for _ in 0..node.escalations {
            if let OnTimeout::Escalate(next) = rule {
                rule = &next.on_timeout;
            }
        }
        match rule {
            OnTimeout::Reject => self.settle_question(op, Decision::TimedOut, "nobody"),
            OnTimeout::Approve => self.settle_question(op, Decision::Approved, "nobody"),
            OnTimeout::Fail => {
                let message = format!("step {}: nobody decided in time", node.ask.path);
                let failure = Failure::new(FailureKind::Timeout, Blame::Playbook, message);
                self.answered(op, Err(Fault::from(failure)));
            }
            OnTimeout::Escalate(next) => {
                let next = Escalation::clone(next);
                node.escalations += 1;
                self.ask_again(op, Some(next));
            }
        }
    }

    /// The same question to others, or to one more.
    fn ask_again(&mut self, op: OpId, others: Option<Escalation>) {
        let now = self.now;
        let Ok(NodeKind::Ask(node)) = self.node_of(op).map(|node| &mut node.kind) else { return };
        node.ask.round += 1;
        node.ask.asked = false;
        node.ask.approved = node.approved.iter().cloned().collect();
        if let Some(Escalation { to, timeout, .. }) = others {
            // Whoever is asked now decides alone: those asked before had their time.
            node.approved.clear();
            node.unseen.clear();
            node.ask.approved.clear();
            node.ask.to = Audience { not_starter: to.not_starter || node.ask.to.not_starter, ..to };
            node.ask.due = timeout.map(|wait| after(now, wait));
        }
        let command = Command::Ask(Box::new(node.ask.clone()));
        self.turn.commands.push(command);
    }

    fn settle_question(&mut self, op: OpId, decision: Decision, by: &str) {
        let Ok(NodeKind::Ask(node)) = self.node_of(op).map(|node| &mut node.kind) else { return };
        let reject_ends_block = match node.step.get().map(|step| &step.kind) {
            Some(StepKind::Approve(approve)) => approve.reject_ends_block,
            _ => true,
        };
        let digest = node.ask.digest.clone();
        let shown = std::mem::take(&mut node.ask.shown);
        let people: BTreeSet<String> = node.approved.difference(&node.unseen).cloned().collect();
        let approved = decision == Decision::Approved;
        if approved {
            self.bound.approve(shown, &people);
        } else {
            self.bound.refuse(&shown);
        }
        let end: NodeEnd = Ok(NodeOutput {
            output: Some(json!({"decision": decision.as_str(), "by": by, "digest": digest})),
            ends_block: !approved && reject_ends_block,
            ..NodeOutput::default()
        });
        self.answered(op, end);
    }
}
