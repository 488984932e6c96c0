//! Lays what a rehearsal told over the steps of the playbook.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::Effect;
use plan::{Approve, AskForm, Audience, Call, OnTimeout, OnUnknown, Plan, Step, StepKind};
use playbook::Actions;

use super::dependence::{Dependence, expressions, join};
use super::gather::{CallSeen, Seen, StepSeen};
use super::step::{
    BlockReport, CallReport, Caps, LoopReport, MadeUp, OneCall, PersonReport, State, StepReport, Undo,
};
use crate::graph::words;
use crate::output::line;
use crate::subjects::Subjects;

/// The way through one playbook.
pub(super) struct Walk<'a> {
    pub(super) seen: &'a Seen,
    pub(super) dependence: &'a Dependence,
    pub(super) actions: &'a dyn Actions,
    pub(super) subjects: &'a Subjects,
}

/// What holds for all steps of a block.
#[derive(Debug, Clone, Default)]
pub(super) struct Around {
    /// Limits of loops, the outermost first.
    loops: Vec<u64>,
    /// Approvals by the ids of the steps they cover.
    approvals: BTreeMap<String, Vec<String>>,
    /// The approvals that cover everything here.
    covered: Vec<String>,
    /// `policy.max_effects`.
    max_effects: BTreeMap<String, u64>,
}

impl Walk<'_> {
    /// All blocks of a playbook.
    pub(super) fn playbook(&self, plan: &Plan, prefix: &str) -> Vec<BlockReport> {
        let mut around = Around { max_effects: plan.policy.max_effects.clone(), ..Around::default() };
        let mut blocks = vec![self.block(String::new(), &plan.steps, prefix, &mut around)];
        for (label, steps) in [("on error", &plan.on_error), ("finally", &plan.finally)] {
            blocks.extend(steps.iter().map(|steps| self.block(label.to_owned(), steps, prefix, &mut around)));
        }
        blocks
    }

    fn block(&self, label: String, steps: &[Step], prefix: &str, around: &mut Around) -> BlockReport {
        // The same steps may stand below the same path as others do: what was seen is told by id.
        let ids: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
        let taken = if prefix.is_empty() {
            ids.iter().any(|id| self.seen.step(id).is_some_and(|seen| seen.began + seen.skipped > 0))
        } else {
            self.seen.began_below(prefix, &ids)
        };
        BlockReport {
            label,
            taken,
            steps: steps.iter().map(|step| self.step(step, prefix, around)).collect(),
        }
    }

    fn step(&self, step: &Step, prefix: &str, around: &mut Around) -> StepReport {
        let path = join(prefix, &step.id);
        let nothing = StepSeen::default();
        let seen = self.seen.step(&path).unwrap_or(&nothing);
        let mut inner = around.clone();
        inner.covered.extend(around.approvals.get(&step.id).into_iter().flatten().cloned());
        // A gate that was skipped holds nothing back.
        if let (StepKind::Approve(approve), 1..) = (&step.kind, seen.began) {
            for id in &approve.shows {
                around.approvals.entry(id.clone()).or_default().push(path.clone());
            }
        }
        let state = state(step, seen);
        let repeats = repeats(step, seen);
        inner.loops.extend(repeats.iter().map(|repeats| repeats.limit));
        let made_up = self.dependence.made_up.contains_key(&path);
        StepReport {
            id: step.id.clone(),
            name: step.name.as_deref().map(line),
            verb: verb(&step.kind),
            state,
            times: seen.began,
            skipped: seen.skipped,
            condition: step.condition.as_ref().map(words::source),
            why: why(step, state),
            failure: seen.failure.clone(),
            stand_in: made_up && seen.succeeded > 0,
            depends_on: self.depends_on(&path),
            call: match &step.kind {
                StepKind::Call(call) => Some(self.call(call, seen, &inner)),
                _ => None,
            },
            repeats,
            person: person(&step.kind, seen),
            blocks: self.blocks(&step.kind, &path, &mut inner),
            path,
        }
    }

    fn depends_on(&self, path: &str) -> Vec<MadeUp> {
        let sources = self.dependence.of.get(path).into_iter().flatten().filter(|source| *source != path);
        sources
            .filter_map(|source| {
                let kind = *self.dependence.made_up.get(source)?;
                // What was never come to was not made up either.
                self.seen.step(source).filter(|seen| seen.succeeded > 0)?;
                Some(MadeUp { path: source.clone(), kind })
            })
            .collect()
    }

    fn blocks(&self, kind: &StepKind, path: &str, around: &mut Around) -> Vec<BlockReport> {
        if let StepKind::Playbook(sub) = kind {
            return self.playbook(&sub.plan, path);
        }
        if let StepKind::Dag(dag) = kind {
            let steps: Vec<StepReport> = dag
                .nodes
                .iter()
                .flat_map(|node| &*node.step)
                .map(|step| self.step(step, path, around))
                .collect();
            let taken = steps.iter().any(|step| step.times > 0);
            return vec![BlockReport { label: String::new(), taken, steps }];
        }
        words::children(kind)
            .into_iter()
            .map(|(label, steps)| {
                let prefix = match kind {
                    StepKind::Foreach(_) | StepKind::While(_) => format!("{path}[*]"),
                    StepKind::Parallel(_) => join(path, &label),
                    _ => path.to_owned(),
                };
                self.block(label, steps, &prefix, around)
            })
            .collect()
    }

    fn call(&self, call: &Call, seen: &StepSeen, around: &Around) -> CallReport {
        let calls = if call.effect.changes() { &seen.planned } else { &seen.reads };
        let spec = self.actions.spec(&call.action);
        let mut mailboxes: BTreeMap<String, u64> = BTreeMap::new();
        for one in calls {
            let each =
                spec.as_ref().filter(|_| call.effect.changes()).map(|spec| spec.mailboxes_of(&one.input));
            for (mailbox, items) in each.into_iter().flat_map(|found| found.each) {
                *mailboxes.entry(line(&mailbox)).or_default() += items;
            }
        }
        let mut undo: Vec<Undo> = Vec::new();
        for one in calls.iter().filter(|one| one.effect.changes()) {
            let how = spec.as_ref().and_then(|spec| spec.undo_of(&one.input)).map(str::to_owned);
            let action = spec.as_ref().and_then(|spec| spec.inverse.clone());
            match undo.iter_mut().find(|undo| undo.how == how && undo.action == action) {
                Some(undo) => undo.calls += 1,
                None => undo.push(Undo { calls: 1, action, how }),
            }
        }
        CallReport {
            action: call.action.clone(),
            effect: call.effect,
            // In a called playbook the name is theirs; what was told is ours.
            connection: calls
                .iter()
                .find_map(|one| one.connection.clone())
                .or_else(|| call.connection.clone()),
            items: calls.iter().map(|one| items(call, one)).sum(),
            calls: calls
                .iter()
                .map(|one| OneCall {
                    path: one.path.clone(),
                    input: one.input.clone(),
                    mails: if one.effect.changes() { self.subjects.of(&one.input) } else { Vec::new() },
                })
                .collect(),
            mailboxes,
            caps: Caps {
                timeout_ms: millis(call.timeout),
                attempts: call.retry.attempts,
                approvals: around.covered.clone(),
                max_effects: around.max_effects.get(&call.action).copied(),
                loops: around.loops.clone(),
                rate_limit: call
                    .rate_limit
                    .as_ref()
                    .map(|limit| format!("{} in any {}", limit.permits, words::duration(limit.per))),
            },
            undo,
            asks_if_unknown: call.idempotency.on_unknown == OnUnknown::Ask,
            accept_untrusted: call.accept_untrusted.as_deref().map(line),
            secrets: secrets(call),
        }
    }
}

/// What a call counts as: the longest of the lists that the action counts.
fn items(call: &Call, one: &CallSeen) -> u64 {
    let lists = call.effect_items.iter().filter_map(|name| one.input.get(name)?.as_array().map(Vec::len));
    lists.max().unwrap_or(1).max(1) as u64
}

fn secrets(call: &Call) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    expressions(&call.with, &mut |inside| {
        for reference in inside.references() {
            if let [first, name, ..] = reference.path.as_slice()
                && first == "secrets"
            {
                names.insert(name.clone());
            }
        }
    });
    names
}

fn state(step: &Step, seen: &StepSeen) -> State {
    let waits = matches!(step.kind, StepKind::Approve(_) | StepKind::Ask(_) | StepKind::Wait(_));
    match &step.kind {
        _ if seen.failed > 0 && seen.succeeded == 0 => State::Failed,
        _ if seen.began == 0 && seen.skipped > 0 => State::Skipped,
        _ if seen.began == 0 => State::NotReached,
        StepKind::Call(call) if call.effect.changes() => State::WouldChange,
        StepKind::Call(call) if call.effect == Effect::Enrichment => State::Read,
        _ if waits => State::WouldWait,
        _ => State::Ran,
    }
}

fn why(step: &Step, state: State) -> Option<String> {
    match (state, &step.kind, &step.condition) {
        (State::Skipped, _, Some(condition)) => Some(format!("{} does not hold", words::source(condition))),
        (State::Skipped, _, None) => Some("what stands before it ended the block".to_owned()),
        (_, StepKind::Wait(wait), _) => Some(words::waiting(wait)),
        (_, StepKind::Assert { that, .. }, _) => Some(words::source(that)),
        (_, StepKind::Playbook(sub), _) => Some(line(&sub.plan.id)),
        _ => None,
    }
}

fn repeats(step: &Step, seen: &StepSeen) -> Option<LoopReport> {
    match &step.kind {
        StepKind::Foreach(each) => {
            Some(LoopReport { count: seen.items.max(seen.rounds.len()), limit: each.limit.into() })
        }
        StepKind::While(each) => Some(LoopReport { count: seen.rounds.len(), limit: each.max.into() }),
        _ => None,
    }
}

fn person(kind: &StepKind, seen: &StepSeen) -> Option<PersonReport> {
    let base = |kind, to: &Audience, timeout: Option<Duration>| PersonReport {
        kind,
        audience: words::audience(to),
        roles: to.roles.clone(),
        not_starter: to.not_starter,
        quorum: 1,
        timeout_ms: timeout.map(millis),
        on_timeout: None,
        covers: Vec::new(),
        message: seen.messages.first().cloned(),
        fields: Vec::new(),
    };
    match kind {
        StepKind::Approve(Approve { to, quorum, timeout, on_timeout, shows, .. }) => Some(PersonReport {
            quorum: *quorum,
            covers: shows.clone(),
            on_timeout: timeout.map(|_| match on_timeout {
                OnTimeout::Reject => "rejected".to_owned(),
                OnTimeout::Approve => "approved by nobody".to_owned(),
                OnTimeout::Fail => "the step fails".to_owned(),
                OnTimeout::Escalate(next) => format!("then {} is asked", words::audience(&next.to)),
            }),
            ..base("approval", to, *timeout)
        }),
        StepKind::Ask(AskForm { order, to, timeout, default, .. }) => Some(PersonReport {
            fields: order.clone(),
            on_timeout: timeout.map(|_| match default {
                Some(_) => "the default answer".to_owned(),
                None => "the step fails".to_owned(),
            }),
            ..base("form", to, *timeout)
        }),
        _ => None,
    }
}

fn verb(kind: &StepKind) -> &'static str {
    match kind {
        StepKind::Call(_) => "uses",
        StepKind::Set(_) => "set",
        StepKind::Foreach(_) => "foreach",
        StepKind::While(_) => "while",
        StepKind::Switch(_) => "switch",
        StepKind::Parallel(_) => "parallel",
        StepKind::Dag(_) => "dag",
        StepKind::Try(_) => "try",
        StepKind::Playbook(_) => "call",
        StepKind::Approve(_) => "approve",
        StepKind::Ask(_) => "ask",
        StepKind::Wait(_) => "wait",
        StepKind::Assert { .. } => "assert",
        StepKind::Return(_) => "return",
        StepKind::Fail { .. } => "fail",
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
