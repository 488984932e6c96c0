//! The whole report: the steps, and what they come to.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Effect, Engine, Failure, RunStatus};
use plan::Plan;
use playbook::Actions;
use serde::Serialize;
use serde_json::Value;

use super::dependence;
use super::gather::{Refused, Seen};
use super::step::{BlockReport, PersonReport, State, StepReport, Undo};
use super::walk::Walk;
use crate::exit::Exit;
use crate::output::line;
use crate::subjects::Subjects;

/// Where reads come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reads {
    /// The configured connections.
    Real,
    /// A simulated organisation.
    Simulator,
    /// A cassette.
    Cassette,
}

/// What a playbook would do.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Of this form.
    pub(crate) version: u32,
    /// The file.
    pub(crate) playbook: String,
    pub(crate) id: String,
    pub(crate) name: String,
    /// SHA-256 of the playbook's text.
    pub(crate) digest: String,
    pub(crate) reads: Reads,
    /// How the rehearsal ended.
    pub(crate) status: &'static str,
    pub(crate) failure: Option<Failure>,
    /// Whether a run would change or send anything.
    pub(crate) anything_to_do: bool,
    /// What it comes to, by action.
    pub(crate) effects: Vec<Total>,
    /// The caps of the policy that count these effects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) caps: Vec<CapReport>,
    /// What the policy would refuse.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) refused: Vec<Refused>,
    /// Reads that were made.
    pub(crate) reads_made: usize,
    /// People on the way.
    pub(crate) people: Vec<PersonOnTheWay>,
    /// Calls that would ask a person if nobody knew whether they took place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) asks_if_unknown: Vec<AsksIfUnknown>,
    /// Where untrusted text may decide, and why.
    pub(crate) accepted_untrusted: Vec<Accepted>,
    /// Names of secrets that are used.
    pub(crate) secrets: BTreeSet<String>,
    /// The outputs as far as the rehearsal knows them: what depends on a stand-in is made up.
    pub(crate) outputs: BTreeMap<String, Value>,
    /// Every step.
    pub(crate) blocks: Vec<BlockReport>,
}

/// What one action comes to.
#[derive(Debug, Serialize)]
pub(crate) struct Total {
    pub(crate) action: String,
    pub(crate) effect: Effect,
    pub(crate) calls: usize,
    pub(crate) items: u64,
    pub(crate) mailboxes: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_effects: Option<u64>,
    pub(crate) undo: Vec<Undo>,
}

/// A cap of the policy.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct CapReport {
    /// The rule, as it stands in the policy.
    pub(crate) rule: String,
    /// How many items.
    pub(crate) most: u64,
}

/// A person on the way, and where.
#[derive(Debug, Serialize)]
pub(crate) struct PersonOnTheWay {
    pub(crate) path: String,
    #[serde(flatten)]
    pub(crate) person: PersonReport,
}

/// A step whose author wants a person asked where nobody knows whether its call took place.
#[derive(Debug, Serialize)]
pub(crate) struct AsksIfUnknown {
    pub(crate) path: String,
    pub(crate) action: String,
}

/// Untrusted text that may decide.
#[derive(Debug, Serialize)]
pub(crate) struct Accepted {
    pub(crate) path: String,
    pub(crate) reason: String,
}

impl Report {
    /// Puts a report together.
    pub(crate) fn new(
        file: &str,
        plan: &Plan,
        engine: &Engine,
        seen: Seen,
        (reads, subjects): (Reads, &Subjects),
    ) -> Self {
        let (actions, policy): (&dyn Actions, _) = (engine, engine.policy());
        let dependence = dependence::of(plan);
        let blocks = Walk { seen: &seen, dependence: &dependence, actions, subjects }.playbook(plan, "");
        let mut report = Report {
            version: 1,
            playbook: file.to_owned(),
            id: plan.id.clone(),
            name: line(&plan.name),
            digest: plan.digest.to_string(),
            reads,
            status: seen.end.as_ref().map_or(RunStatus::Running, |end| end.status).as_str(),
            failure: seen.end.as_ref().and_then(|end| end.failure.clone()),
            anything_to_do: false,
            effects: Vec::new(),
            caps: Vec::new(),
            refused: Vec::new(),
            reads_made: 0,
            people: Vec::new(),
            asks_if_unknown: Vec::new(),
            accepted_untrusted: Vec::new(),
            secrets: BTreeSet::new(),
            outputs: seen.end.as_ref().map(|end| end.outputs.clone()).unwrap_or_default(),
            blocks: Vec::new(),
        };
        each(&blocks, &mut |step| report.add(step));
        report.effects.sort_by(|a, b| (a.effect.as_str(), &a.action).cmp(&(b.effect.as_str(), &b.action)));
        report.anything_to_do = !report.effects.is_empty();
        report.blocks = blocks;
        report.refused = seen.refused;
        for total in &report.effects {
            let caps = actions.spec(&total.action).map(|spec| policy.caps_on(&spec)).unwrap_or_default();
            for (rule, most) in caps {
                let cap = CapReport { rule, most };
                if !report.caps.contains(&cap) {
                    report.caps.push(cap);
                }
            }
        }
        report
    }

    fn add(&mut self, step: &StepReport) {
        if let (Some(person), State::WouldWait) = (&step.person, step.state) {
            self.people.push(PersonOnTheWay { path: step.path.clone(), person: person.clone() });
        }
        let Some(call) = &step.call else { return };
        if let (Some(reason), true) = (&call.accept_untrusted, step.times > 0) {
            self.accepted_untrusted.push(Accepted { path: step.path.clone(), reason: reason.clone() });
        }
        if call.asks_if_unknown && step.times > 0 {
            let action = call.action.clone();
            self.asks_if_unknown.push(AsksIfUnknown { path: step.path.clone(), action });
        }
        if step.times > 0 {
            self.secrets.extend(call.secrets.iter().cloned());
        }
        if !call.effect.changes() {
            self.reads_made += call.calls.len();
            return;
        }
        if call.calls.is_empty() {
            return;
        }
        let found = self.effects.iter().position(|total| total.action == call.action);
        let index = found.unwrap_or_else(|| {
            self.effects.push(Total {
                action: call.action.clone(),
                effect: call.effect,
                calls: 0,
                items: 0,
                mailboxes: BTreeMap::new(),
                max_effects: call.caps.max_effects,
                undo: Vec::new(),
            });
            self.effects.len() - 1
        });
        let Some(total) = self.effects.get_mut(index) else { return };
        total.calls += call.calls.len();
        total.items += call.items;
        for (mailbox, count) in &call.mailboxes {
            *total.mailboxes.entry(mailbox.clone()).or_default() += count;
        }
        for undo in &call.undo {
            match total.undo.iter_mut().find(|known| known.how == undo.how && known.action == undo.action) {
                Some(known) => known.calls += undo.calls,
                None => {
                    let (action, how) = (undo.action.clone(), undo.how.clone());
                    total.undo.push(Undo { calls: undo.calls, action, how });
                }
            }
        }
    }

    /// The exit code: whether there is anything to do.
    pub(crate) fn exit(&self) -> Exit {
        match (self.status, self.anything_to_do) {
            _ if !self.refused.is_empty() => Exit::Failed,
            ("succeeded", true) => Exit::Done,
            ("succeeded", false) => Exit::Nothing,
            _ => Exit::Failed,
        }
    }
}

/// Every step, in the order of the file.
fn each(blocks: &[BlockReport], then: &mut dyn FnMut(&StepReport)) {
    for step in blocks.iter().flat_map(|block| &block.steps) {
        then(step);
        each(&step.blocks, then);
    }
}
