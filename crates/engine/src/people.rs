//! What people, and other systems, say to a run: decisions, answers, events, and that it is to stop.

use action_api::Validator;
use journal::{Decision, Event as Happened, OpId};
use plan::{Plan, StepKind, StepPath, Wait};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::attempt::oversized;
use crate::driver::Driver;
use crate::run::{AnswerError, Control, DecideError, SignalError};
use crate::{EngineError, EventKind, Person};

impl Driver {
    pub(crate) fn control(&mut self, control: Control) -> Result<(), EngineError> {
        if self.machine.end().is_some() {
            // A moment too late. Whoever waits for a reply is told that the run is over, by its being dropped.
            return Ok(());
        }
        match control {
            Control::Cancel { by } => self.cancel(by),
            Control::Halt { halt, by, reply } => {
                let fits = self.may_halt(halt);
                match self.reply(fits, reply) {
                    Some(()) => self.halt(halt, by),
                    None => Ok(()),
                }
            }
            Control::Decide { path, decision, by, digest, reply } => {
                let open = self.may_decide(&path, decision, &by, digest.as_deref());
                match self.reply(open, reply) {
                    Some(op) => self.settle(op, decision, by.name, false),
                    None => Ok(()),
                }
            }
            Control::Answer { path, answer, by, reply } => {
                let open = self.may_answer(&path, answer, &by);
                match self.reply(open, reply) {
                    Some((op, answer)) => self.fill_in(op, answer, by.name),
                    None => Ok(()),
                }
            }
            Control::Signal { name, payload, reply } => {
                let fits = self.may_signal(&name, &payload);
                match self.reply(fits, reply) {
                    Some(()) => self.signal(name, payload),
                    None => Ok(()),
                }
            }
        }
    }

    /// Refuses at once, or acknowledges once what was said is durable.
    fn reply<T, E: Send + 'static>(
        &mut self,
        taken: Result<T, E>,
        reply: oneshot::Sender<Result<(), E>>,
    ) -> Option<T> {
        // Whoever spoke may have gone away; what they said stands.
        match taken {
            Ok(taken) => {
                self.replies.push(Box::new(move || {
                    let _ = reply.send(Ok(()));
                }));
                Some(taken)
            }
            Err(error) => {
                let _ = reply.send(Err(error));
                None
            }
        }
    }

    fn may_decide(
        &self,
        path: &StepPath,
        decision: Decision,
        by: &Person,
        digest: Option<&str>,
    ) -> Result<OpId, DecideError> {
        let open = self.asks.iter().find(|(_, ask)| ask.path == *path);
        let (&op, ask) = open.ok_or_else(|| DecideError::NotAsked(path.clone()))?;
        if digest.is_some_and(|seen| seen != ask.digest) {
            return Err(DecideError::Stale(path.clone()));
        }
        if let Some(reason) = by.refused(&ask.to, self.machine.starter()) {
            return Err(DecideError::NotAllowed { path: path.clone(), reason });
        }
        if decision == Decision::Approved && ask.approved.contains(&by.name) {
            return Err(DecideError::Twice { path: path.clone(), by: by.name.clone() });
        }
        Ok(op)
    }

    /// Notes an answer to a question, unless there is one already.
    pub(crate) fn settle(
        &mut self,
        op: OpId,
        decision: Decision,
        by: String,
        in_advance: bool,
    ) -> Result<(), EngineError> {
        match self.asks.remove(&op) {
            Some(ask) => {
                self.wake(op);
                self.asked.remove(&op);
                self.tell(ask.path, EventKind::Decided { decision, by: by.clone() });
                self.happened(Happened::Decided { op, decision, by, digest: ask.digest, in_advance })
            }
            None => Ok(()),
        }
    }

    fn may_answer(
        &self,
        path: &StepPath,
        mut answer: Value,
        by: &Person,
    ) -> Result<(OpId, Value), AnswerError> {
        let open = self.forms.iter().find(|(_, form)| form.path == *path);
        let (&op, form) = open.ok_or_else(|| AnswerError::NotAsked(path.clone()))?;
        if let Some(reason) = by.refused(&form.to, self.machine.starter()) {
            return Err(AnswerError::NotAllowed { path: path.clone(), reason });
        }
        fill_defaults(&form.schema, &mut answer);
        let problems = problems(&form.schema, &answer);
        if !problems.is_empty() {
            return Err(AnswerError::Invalid { path: path.clone(), problems });
        }
        Ok((op, answer))
    }

    /// Notes the answer to a form.
    pub(crate) fn fill_in(&mut self, op: OpId, answer: Value, by: String) -> Result<(), EngineError> {
        match self.forms.remove(&op) {
            Some(form) => {
                self.wake(op);
                self.asked.remove(&op);
                self.tell(form.path, EventKind::Answered { answer: answer.clone(), by: by.clone() });
                self.happened(Happened::Answered { op, answer, by })
            }
            None => Ok(()),
        }
    }

    fn may_signal(&self, name: &str, payload: &Value) -> Result<(), SignalError> {
        let mut schemas = Vec::new();
        awaited(self.machine.plan(), name, &mut schemas);
        if schemas.is_empty() {
            return Err(SignalError::Unknown(name.to_owned()));
        }
        // Nobody knows yet which wait will take it, so it has to be right for each of them.
        let problems: Vec<String> =
            schemas.into_iter().flat_map(|schema| problems(schema, payload)).collect();
        if !problems.is_empty() {
            return Err(SignalError::Invalid { name: name.to_owned(), problems });
        }
        let open = self.waits.values().any(|wait| wait.event.as_ref().is_some_and(|e| e.name == name));
        if !open && self.machine.kept_signals() >= interpreter::MAX_SIGNALS {
            return Err(SignalError::TooMany);
        }
        Ok(())
    }

    fn signal(&mut self, name: String, payload: Value) -> Result<(), EngineError> {
        self.happened(Happened::Signalled { name, payload })?;
        // Whichever wait took it is over.
        let open: Vec<OpId> = self.waits.keys().copied().collect();
        for op in open {
            if !self.machine.is_open(op) {
                self.waits.remove(&op);
                self.wake(op);
            }
        }
        Ok(())
    }
}

/// The schemas of every wait for an event of this name, also in playbooks that are called.
fn awaited<'a>(plan: &'a Plan, name: &str, schemas: &mut Vec<&'a Value>) {
    plan.each_step(&mut |step| match &step.kind {
        StepKind::Wait(Wait::Event(wait)) if wait.event == name => schemas.push(&wait.schema),
        StepKind::Playbook(sub) => awaited(&sub.plan, name, schemas),
        _ => {}
    });
}

fn problems(schema: &Value, value: &Value) -> Vec<String> {
    if let Some(how) = oversized(value) {
        return vec![format!("it is {how}")];
    }
    match Validator::new(schema) {
        Err(error) => vec![format!("the schema cannot be used: {error}")],
        Ok(validator) => validator
            .violations(value)
            .into_iter()
            .map(|violation| match violation.pointer.as_str() {
                "" => violation.message,
                at => format!("at {at}: {}", violation.message),
            })
            .collect(),
    }
}

/// Fields that were left out and have a default.
fn fill_defaults(schema: &Value, answer: &mut Value) {
    let Value::Object(fields) = answer else { return };
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if let Some(default) = property.get("default").filter(|_| !fields.contains_key(name)) {
            fields.insert(name.clone(), default.clone());
        }
    }
}
