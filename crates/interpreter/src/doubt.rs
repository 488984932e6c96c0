//! `on_unknown: ask`: nobody knows whether a call took place, and a person says what they found.
//!
//! The question is a form under the operation of the call itself, so that a history reads as one story: the call,
//! the doubt, the answer, and perhaps the call again. Whoever stops the steps around it learns that nobody knows;
//! that is never lost.

use journal::OpId;
use plan::{Audience, Failure, FailureKind, OnUnknown, StepKind};
use serde_json::{Value, json};

use crate::command::{Command, Form, Progress, ProgressKind};
use crate::machine::Machine;
use crate::node::{Doubt, Fault, Mark, NodeOutput};
use crate::preview;

/// How much of an input a question repeats.
const SHOWN: usize = 1000;

impl Machine {
    /// Asks a person what became of a call, if its step wants that. Gives whether it does.
    pub(crate) fn ask_what_happened(&mut self, op: OpId, failure: &Failure) -> bool {
        if failure.kind != FailureKind::Unknown {
            return false;
        }
        let Ok(node) = self.node_of(op) else { return false };
        let (path, free) = (node.path.clone(), node.mark == Mark::Free);
        let Ok((_, call)) = self.call_mut(op) else { return false };
        let (input, attempt) = (call.input.clone(), call.attempt);
        let Some(StepKind::Call(step)) = call.step.get().map(|step| &step.kind) else { return false };
        let Some(schema) = step.idempotency.form.clone().filter(|_| free) else { return false };
        if step.idempotency.on_unknown != OnUnknown::Ask {
            return false;
        }
        let given: String = self.mask.show(&input).to_string().chars().take(SHOWN).collect();
        let message = format!(
            "{}. It was called with {given}. If it took place, answer `yes` with what it gave; if not, `no`, and it \
             is called again; `give_up` lets the step fail",
            failure.message.trim_end_matches('.')
        );
        let form = Form {
            op,
            path,
            // What was found out in one run says nothing about the attempts of another.
            digest: preview::sha256(&json!([message, *schema, attempt, self.info.id])),
            message,
            schema: (*schema).clone(),
            order: ["took_place", "output"].map(str::to_owned).into(),
            to: Audience::default(),
            default: None,
            due: None,
            asked: false,
        };
        if let Ok((_, call)) = self.call_mut(op) {
            call.doubt = Some(Box::new(Doubt { form: form.clone(), failure: failure.clone() }));
        }
        self.turn.commands.push(Command::Form(Box::new(form)));
        true
    }

    /// Somebody looked: the call took place, it did not and is made again, or nobody will ever know.
    pub(crate) fn found_out(&mut self, op: OpId, answer: &Value) -> Result<(), String> {
        let (id, call) = self.call_mut(op)?;
        let Some(doubt) = call.doubt.take() else { return Err(format!("operation {op} is not a form")) };
        match answer.get("took_place").and_then(Value::as_str) {
            Some("yes") => {
                let output = answer.get("output").cloned().unwrap_or_default();
                self.answered(op, Ok(NodeOutput::of(output)));
            }
            Some("no") => {
                let attempt = call.attempt;
                call.attempt += 1;
                call.begun = false;
                let kind = ProgressKind::Retrying { attempt, failure: doubt.failure, until: self.now };
                self.turn.progress.push(Progress { path: doubt.form.path, kind });
                self.command_call(id);
            }
            _ => self.answered(op, Err(Fault::from(doubt.failure))),
        }
        Ok(())
    }
}
