//! Whether a call may begin: the operator's policy, asked before every call, and counted.
//!
//! Counting and asking are one step, so two runs at once cannot share the last item of an hour. What was begun
//! counts, however it ended: a cap is there for the case that nobody looks. What a run has spent stands in its
//! records, so it goes on counting after a restart; the hour comes from the audit log.

mod hours;
mod spent;

use std::sync::Arc;

use futures_util::FutureExt;
use interpreter::Perform;
use journal::{Event as Happened, OpId, Record, Timestamp, Touch};
use plan::{Blame, Effect, Failure, FailureKind, Plan};

use crate::audit::{self, Audit, Desk};
use crate::builder::Inner;
use crate::driver::{Answer, Driver, Flying};
use crate::policy::{Cap, Caps, Counted, Refusal, Scope, Touching};
use crate::{Engine, EngineError, EventKind, Mode, Policy, Start};

use hours::Hours;
use spent::Spent;

/// What all runs of an engine are held to.
pub(crate) struct Guard {
    policy: Policy,
    caps: Vec<(Scope, Caps)>,
    hours: Hours,
    pub(crate) audit: Arc<dyn Audit>,
}

/// What one run has to show for itself: how much it has changed, and what is to be said about it.
#[derive(Default)]
pub(crate) struct Account {
    spent: Spent,
    pub(crate) desk: Desk,
}

impl Guard {
    pub(crate) fn new(policy: Policy, audit: Arc<dyn Audit>) -> Self {
        let caps = policy.caps_in_force().into_iter().collect();
        Guard { policy, caps, hours: Hours::default(), audit }
    }

    /// Learns, once, what was changed in the last hour before this process began.
    pub(crate) async fn remember(&self, inner: &Inner) -> Result<(), EngineError> {
        let by_the_hour = |caps: &Caps| {
            Cap::most(caps.per_hour).is_some() || Cap::most(caps.per_mailbox_and_hour).is_some()
        };
        if !self.caps.iter().any(|(_, caps)| by_the_hour(caps)) {
            return Ok(());
        }
        self.hours.remember(self, inner).await
    }

    /// What a run has spent so far, from its records.
    pub(crate) fn account(&self, inner: &Inner, records: &[Record]) -> Account {
        let mut spent = Spent::default();
        for record in records {
            let Happened::Performing { attempt: 1, path, action, touches, .. } = &record.event else {
                continue;
            };
            let Some((spec, _)) = inner.action(action).filter(|(spec, _)| spec.effect.changes()) else {
                continue;
            };
            let unknown = Touch { mailbox: "none".to_owned(), items: 1, each: Vec::new() };
            let touch = touches.as_ref().unwrap_or(&unknown);
            let (effect, deletes, place) = (spec.effect, spec.deletes(), path.place());
            let counted = Counted { action, effect, deletes, touch, place };
            spent.add(&self.caps, &counted);
        }
        Account { spent, desk: Desk::default() }
    }

    /// Whether changing so many items takes the approval of somebody else.
    pub(crate) fn second_person(&self, items: u64) -> bool {
        self.policy.four_eyes.is_some_and(|rule| items > rule.above)
    }

    /// What this policy will refuse of a playbook, before anything runs.
    pub(crate) fn refuses(&self, inner: &Inner, plan: &Plan) -> Vec<Refusal> {
        self.policy.refuses_plan(plan, &|action| inner.plugin_of(action).map(str::to_owned))
    }
}

impl Engine {
    /// What the operator's policy will refuse of this plan, whatever its inputs are. What only a run can know
    /// (mailboxes of calls, caps) is not among it.
    pub fn refusals(&self, plan: &Plan) -> Vec<Refusal> {
        self.inner.guard.refuses(&self.inner, plan)
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.inner.guard.policy
    }

    /// Refuses a plan that the policy does not allow; all reasons at once.
    pub(crate) async fn admitted(&self, plan: &Plan, start: &Start) -> Result<(), EngineError> {
        let refusals = self.refusals(plan);
        if !refusals.is_empty() {
            if start.mode == Mode::Real {
                let entry = audit::not_started(self, plan, &start.starter, &refusals);
                // Nothing runs either way, and the reasons are worth more than a second error.
                let _ = self.inner.guard.audit.append(vec![entry]).await;
            }
            return Err(EngineError::Policy(refusals));
        }
        self.inner.guard.remember(&self.inner).await
    }
}

impl Driver {
    /// A call wants to begin: what it touches, if that is to be counted; or why it may not begin.
    pub(crate) fn admit(&mut self, call: &Perform) -> Result<Option<Touch>, Failure> {
        let inner = Arc::clone(&self.inner);
        let Some((spec, _)) = inner.action(&call.action) else { return Ok(None) };
        let touching =
            Touching::new(spec, inner.plugin_of(&call.action), call.connection.as_deref(), &call.input);
        let effect = call.effect.changes();
        let touch = touching.touch();
        let counted = Counted {
            action: &call.action,
            effect: call.effect,
            deletes: touching.deletes,
            touch: &touch,
            place: call.path.place(),
        };
        // Another attempt touches what the first one did: it has been counted.
        let counts = effect && call.attempt == 1;
        let refusal = inner.guard.policy.refuses(&touching).or_else(|| {
            let over = counts.then(|| self.over(call, &counted)).flatten();
            over.or_else(|| effect.then(|| self.alone(call, &counted, counts)).flatten())
        });
        if let Some(refusal) = refusal {
            let told = EventKind::Refused {
                action: call.action.clone(),
                rule: refusal.rule.clone(),
                reason: refusal.message.clone(),
            };
            self.tell(call.path.clone(), told);
            // A rehearsal shows all that would be refused; a stand-in takes the place of the call anyway.
            if !self.rehearsed(call) {
                self.account.desk.refused(call, &refusal, &counted, inner.clock.now());
                return Err(failure(call, &refusal));
            }
        }
        if counts {
            self.account.spent.add(&inner.guard.caps, &counted);
            if self.mode == Mode::Real {
                inner.guard.hours.add(&inner.guard.caps, &counted, inner.clock.now());
            }
        }
        if effect && self.mode == Mode::Real {
            let input = interpreter::digest_of(&self.machine.mask().show(&call.input));
            self.account.desk.begins(call, &touch, input, inner.clock.now());
        }
        Ok(effect.then_some(touch))
    }

    /// A call that was begun before a crash is made, or asked about, again: it was counted then.
    pub(crate) fn again(&mut self, call: &Perform) {
        if call.effect.changes() && self.mode == Mode::Real {
            let inner = Arc::clone(&self.inner);
            let Some((spec, _)) = inner.action(&call.action) else { return };
            let touch = Touching::new(spec, None, call.connection.as_deref(), &call.input).touch();
            let input = interpreter::digest_of(&self.machine.mask().show(&call.input));
            self.account.desk.begins(call, &touch, input, inner.clock.now());
        }
    }

    /// The cap that the call would break.
    fn over(&self, call: &Perform, counted: &Counted<'_>) -> Option<Refusal> {
        let guard = &self.inner.guard;
        let over = self.account.spent.over(&guard.caps, counted);
        let over = over.or_else(|| guard.hours.over(&guard.caps, counted, self.inner.clock.now()))?;
        let message = format!(
            "{} would bring {} to {} items {}, and the policy allows {}; nothing was done by this call",
            call.action, over.scope, over.would_be, over.within, over.most
        );
        let rule = format!("caps.{}.{}", over.scope, over.which);
        Some(Refusal { rule, step: None, message, kind: FailureKind::Limit })
    }

    /// Why the call needs somebody else's approval.
    fn alone(&self, call: &Perform, counted: &Counted<'_>, counts: bool) -> Option<Refusal> {
        let above = self.inner.guard.policy.four_eyes?.above;
        let items = if counts { counted.touch.items } else { 0 };
        let all = self.account.spent.containment().saturating_add(items);
        let starter = self.machine.starter();
        if call.effect != Effect::Containment
            || all <= above
            || call.approved_by.iter().any(|by| by != starter)
        {
            return None;
        }
        let message = format!(
            "{} would bring the run to {all} items, and above {above} the policy wants an approval of exactly this \
             call by somebody other than {}; nothing was done by this call",
            call.action,
            if starter.is_empty() { "whoever started it" } else { starter }
        );
        Some(Refusal::denied("four_eyes.above", message))
    }

    /// The call is not made. The answer comes by itself in a moment and not at once: of a hundred thousand calls in a
    /// loop each may be refused.
    pub(crate) fn not_admitted(&mut self, call: &Perform, failure: Failure) {
        let (op, attempt) = (call.op, call.attempt);
        drop(self.gate.permit(op));
        self.calls.insert(op, Flying { abort: None, slot: None, finishes: true });
        self.flight.push(async move { Answer::Refused(op, attempt, failure) }.boxed());
    }

    /// The machine is told that a call was not made, and that another attempt is no use.
    pub(crate) fn refused(&mut self, op: OpId, attempt: u32, failure: Failure) -> Result<(), EngineError> {
        self.calls.remove(&op);
        if !self.machine.is_open(op) {
            return Ok(());
        }
        let entropy = (self.inner.entropy)();
        self.happened(Happened::AttemptFailed { op, attempt, failure, entropy, last: true })
    }
}

fn failure(call: &Perform, refusal: &Refusal) -> Failure {
    let message = format!(
        "step {}: {} (rule `{}`; only whoever operates Portcullis can change it)",
        call.path, refusal.message, refusal.rule
    );
    Failure::new(refusal.kind, Blame::Host, message)
}

/// A cap that would be broken.
struct Over<'a> {
    scope: &'a Scope,
    /// Its name in the policy.
    which: &'static str,
    /// Of what the items are counted, for a sentence.
    within: String,
    most: u64,
    would_be: u64,
}

/// An hour, as caps mean it.
const HOUR: i64 = 3_600_000;

/// The end of what an hour at this time still counts.
fn hour_before(now: Timestamp) -> Timestamp {
    Timestamp(now.0.saturating_sub(HOUR))
}
