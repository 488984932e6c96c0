//! Calls of actions: what is checked before one is commanded, and what follows a failed attempt.

use std::borrow::Cow;

use journal::{OpId, Timestamp};
use plan::{Blame, Call, Failure, FailureKind, OnUnknown, Repeat, Retry, StepKind, StepPath, ValueExpr};
use serde_json::Value;

use crate::block::Place;
use crate::command::{CacheUse, Command, Perform, Progress, ProgressKind};
use crate::machine::Machine;
use crate::node::{CallNode, Fault, Mark, Node, NodeId, NodeKind, NodeOutput};
use crate::render;
use crate::retry::{follows, next_attempt};

impl Machine {
    /// Commands the first attempt of a call, or says why there is none.
    pub(crate) fn start_call(&mut self, place: &Place, call: &Call) -> Result<NodeId, Failure> {
        let view = self.view(place.frame);
        let input = render::for_step("`with`", &call.with, &view, &place.path)?;
        let text = |what: &str, expr: &Option<ValueExpr>| {
            expr.as_ref().map(|expr| self.text(what, expr, place.frame, &place.path)).transpose()
        };
        let key = text("`idempotency`", &call.idempotency.key)?;
        let cache = match &call.cache {
            Some(cache) => Some(CacheUse { ttl: cache.ttl, key: text("`cache`", &cache.key)? }),
            None => None,
        };
        let approved_by = self.as_approved(&place.path, &input)?;
        if self.capped {
            self.count_effect(place, call, &input)?;
        }
        let node = place.node(NodeKind::Call(Box::new(CallNode {
            op: self.upcoming_op(),
            attempt: 1,
            begun: false,
            wakes: None,
            lost: false,
            doubt: None,
            input,
            connection: call.connection.as_ref().map(|name| self.connection(place.block, name)),
            key,
            cache,
            approved_by,
            step: place.step.clone(),
        })));
        let node = self.open(node);
        self.command_call(node);
        Ok(node)
    }

    /// Counts a call against the limits of every playbook around it, before it is commanded: over a limit,
    /// nothing is done and nothing is counted.
    fn count_effect(&mut self, place: &Place, call: &Call, input: &Value) -> Result<(), Failure> {
        let list = |name: &String| input.get(name).and_then(Value::as_array).map(|items| items.len() as u64);
        let items = call.effect_items.iter().filter_map(list).max().unwrap_or(1).max(1);
        let mut bodies = Vec::new();
        for (id, node) in self.nodes.chain(place.block) {
            let NodeKind::Body(body) = &node.kind else { continue };
            let Some(&limit) = body.plan.policy.max_effects.get(&call.action) else { continue };
            let spent = body.spent.get(&call.action).copied().unwrap_or(0);
            if spent.saturating_add(items) > limit {
                return Err(Failure::new(
                    FailureKind::Limit,
                    Blame::Playbook,
                    format!(
                        "step {}: {} would reach {} items in this run and `max_effects` of {} allows {limit}; \
                         nothing was done by this step",
                        place.path,
                        call.action,
                        spent.saturating_add(items),
                        body.plan.id
                    ),
                ));
            }
            bodies.push(id);
        }
        for id in bodies {
            if let Some(NodeKind::Body(body)) = self.nodes.get_mut(id).map(|node| &mut node.kind) {
                *body.spent.entry(call.action.clone()).or_default() += items;
            }
        }
        Ok(())
    }

    /// Commands the current attempt of a call.
    pub(crate) fn command_call(&mut self, node: NodeId) {
        if let Some(Node { kind: NodeKind::Call(call), path, .. }) = self.nodes.get(node) {
            self.turn.commands.extend(perform(call, path).map(Command::Perform));
        }
    }

    /// An attempt failed: there is another, or the step has failed. Without random bits there is no other.
    pub(crate) fn attempt_failed(
        &mut self,
        op: OpId,
        attempt: u32,
        failure: &Failure,
        entropy: Option<u64>,
    ) -> Result<(), String> {
        let now = self.now;
        let (node, call) = self.call_mut(op)?;
        if call.attempt != attempt || call.doubt.is_some() {
            return Err(format!("operation {op} is not at attempt {attempt}"));
        }
        let mut next = entropy.and_then(|entropy| another(call, failure, now, entropy));
        let mut failure = Cow::Borrowed(failure);
        if let Some(limit) = next.and_then(|until| self.over_by_then(node, until)) {
            next = None;
            failure.to_mut().message +=
                &format!("; the next attempt would begin after {limit}, so there is none");
        }
        let free = self.nodes.get(node).is_some_and(|node| node.mark == Mark::Free);
        let next = next.filter(|_| free);
        if next.is_none() && self.may_have_happened(op, failure.kind) {
            let failure = failure.to_mut();
            failure.kind = FailureKind::Unknown;
            failure.message += "; an earlier attempt was not answered and may have taken effect";
        }
        match next {
            None if self.ask_what_happened(op, &failure) => {}
            None => self.answered(op, Err(Fault::from(failure.into_owned()))),
            Some(until) => {
                let (id, call) = self.call_mut(op)?;
                call.wakes = Some(until);
                call.begun = false;
                call.lost |= matches!(failure.kind, FailureKind::Unknown | FailureKind::Timeout);
                self.turn.commands.push(Command::Sleep { op, until });
                let path = self.nodes.get(id).map(|node| node.path.clone()).unwrap_or_default();
                let kind = ProgressKind::Retrying { attempt, failure: failure.into_owned(), until };
                self.turn.progress.push(Progress { path, kind });
            }
        }
        Ok(())
    }

    /// Whether an effect ends with a failure that says nothing about an earlier attempt that was not answered.
    fn may_have_happened(&mut self, op: OpId, kind: FailureKind) -> bool {
        let silent = matches!(kind, FailureKind::Transient | FailureKind::Throttled | FailureKind::Timeout);
        let Ok((_, call)) = self.call_mut(op) else { return false };
        let step = call.step.get().map(|step| &step.kind);
        silent && call.lost && matches!(step, Some(StepKind::Call(step)) if step.effect.changes())
    }

    /// The action and the connection of a call whose attempt, failing like this, is followed by another if one is
    /// granted.
    pub fn another_try(&self, op: OpId, attempt: u32, failure: &Failure) -> Option<(&str, Option<&str>)> {
        let node = self.ops.get(&op).and_then(|id| self.nodes.get(*id))?;
        let NodeKind::Call(call) = &node.kind else { return None };
        let StepKind::Call(step) = &call.step.get()?.kind else { return None };
        if call.attempt != attempt || node.mark != Mark::Free {
            return None;
        }
        let until = another(call, failure, self.now, 0)?;
        let granted = self.over_by_then(*self.ops.get(&op)?, until).is_none();
        granted.then_some((step.action.as_str(), call.connection.as_deref()))
    }

    /// An action succeeded.
    pub(crate) fn performed(&mut self, op: OpId, output: &Value) -> Result<(), String> {
        if self.call_mut(op)?.1.doubt.is_some() {
            return Err(format!("operation {op} waits for a person"));
        }
        self.answered(op, Ok(NodeOutput::of(output.clone())));
        Ok(())
    }

    pub(crate) fn call_mut(&mut self, op: OpId) -> Result<(NodeId, &mut CallNode), String> {
        let id = self.ops.get(&op).copied().ok_or_else(|| format!("operation {op} is not open"))?;
        match self.nodes.get_mut(id).map(|node| &mut node.kind) {
            Some(NodeKind::Call(call)) => Ok((id, call)),
            _ => Err(format!("operation {op} is not a call")),
        }
    }
}

/// When the attempt that follows a failed one begins, if there is one.
fn another(call: &CallNode, failure: &Failure, now: Timestamp, entropy: u64) -> Option<Timestamp> {
    let StepKind::Call(step) = &call.step.get()?.kind else { return None };
    let (repeat, on) = meant(step);
    next_attempt(&on, repeat, call.attempt, failure, now, entropy)
}

/// The kinds of failure of this attempt after which another follows.
fn retried(step: &Call, attempt: u32) -> Vec<FailureKind> {
    if attempt >= step.retry.attempts {
        return Vec::new();
    }
    let (repeat, on) = meant(step);
    FailureKind::ALL.into_iter().filter(|&kind| follows(&on, repeat, attempt, kind)).collect()
}

/// What is tried again, and whether that does harm, with what the step says about lost answers.
fn meant(step: &Call) -> (Repeat, Retry) {
    let again = step.idempotency.on_unknown == OnUnknown::Retry;
    let (repeat, mut on) = (if again { Repeat::Natural } else { step.repeat }, step.retry.clone());
    // A lost answer is for a harmless call what a lost connection or a time limit is; if no attempt is answered, the
    // step still ends as unknown. An author who says what is to follow a lost answer is taken at the word.
    let harmless = matches!(repeat, Repeat::Natural | Repeat::Keyed);
    let unsaid = step.idempotency.on_unknown == OnUnknown::Verify;
    let meant = [FailureKind::Transient, FailureKind::Timeout].iter().any(|kind| on.on.contains(kind));
    if again || (unsaid && harmless && meant) {
        on.on.push(FailureKind::Unknown);
    }
    (repeat, on)
}

/// The command of a call's current attempt.
pub(crate) fn perform(call: &CallNode, path: &StepPath) -> Option<Box<Perform>> {
    let StepKind::Call(step) = &call.step.get()?.kind else { return None };
    Some(Box::new(Perform {
        op: call.op,
        attempt: call.attempt,
        retried: retried(step, call.attempt),
        path: path.clone(),
        action: step.action.clone(),
        input: call.input.clone(),
        connection: call.connection.clone(),
        effect: step.effect,
        repeat: step.repeat,
        on_unknown: step.idempotency.on_unknown,
        key: call.key.clone(),
        rate_limit: step.rate_limit.clone(),
        cache: call.cache.clone(),
        accept_untrusted: step.accept_untrusted.clone(),
        approved_by: call.approved_by.clone(),
        timeout: step.timeout,
        in_doubt: call.begun,
    }))
}
