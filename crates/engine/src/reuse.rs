//! What a rerun takes over from the run before it.
//!
//! A call at the same place with the same rendered input that succeeded there is answered from there; so is a form
//! that asks the same. A call whose end nobody knows is in doubt here, too, and goes on under the key of the earlier
//! run, so that its probe finds what that run left behind. What a run says of itself (its id, its start) differs from
//! run to run and counts as the same. Approvals are always asked anew. Left out: which runs may be rerun (`rerun`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::FutureExt;
use interpreter::{Form, Machine, Perform};
use journal::{Event as Happened, OpId, Origin, OriginKind, Record, Reused, RunId, StoredRun};
use plan::{FailureKind, Order, Plan, Repeat, StepPath};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::driver::{Answer, Driver, Flying};
use crate::history::Called;
use crate::undo::step_id;
use crate::{Engine, EngineError, EventKind, Mode};

/// Longer chains of reruns are not followed back: what the oldest left in doubt stays unknown.
const LONGEST_CHAIN: u32 = 64;

/// What there is to take over.
#[derive(Debug)]
pub(crate) struct Earlier {
    plan: Arc<Plan>,
    from: Option<StepPath>,
    /// What the earlier run says of itself stands in answers that are taken over.
    own: Selfhood,
    calls: HashMap<StepPath, Known>,
    forms: HashMap<StepPath, Filled>,
}

/// A call of the earlier run.
#[derive(Debug)]
struct Known {
    /// Over action, connection and input.
    mark: [u8; 32],
    end: CallEnd,
}

#[derive(Debug)]
enum CallEnd {
    Succeeded {
        output: Value,
        inverse: Value,
        source: Reused,
    },
    /// It did not succeed. `dark`: nobody knows whether it took place.
    Open {
        key: String,
        dark: bool,
    },
}

/// A form that was filled in.
#[derive(Debug)]
struct Filled {
    digest: String,
    answer: Value,
    by: String,
}

/// What a run says of itself.
#[derive(Debug)]
struct Selfhood {
    id: String,
    started: String,
}

impl Selfhood {
    fn of(machine: &Machine, run: &RunId) -> Self {
        let started = machine.own().get("started_at").and_then(Value::as_str).unwrap_or_default();
        Selfhood { id: run.as_str().to_owned(), started: started.to_owned() }
    }

    /// The same for two calls that differ in nothing but the run they belong to.
    fn mark(&self, action: &str, connection: Option<&String>, input: &Value) -> [u8; 32] {
        let same = json!([action, connection, self.without(input)]);
        Sha256::digest(same.to_string().as_bytes()).into()
    }

    fn without(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let text = text.replace(&self.id, "run.id");
                Value::String(match self.started.is_empty() {
                    true => text,
                    false => text.replace(&self.started, "run.started_at"),
                })
            }
            Value::Array(items) => items.iter().map(|item| self.without(item)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(name, value)| (name.clone(), self.without(value))).collect()
            }
            other => other.clone(),
        }
    }
}

impl Earlier {
    /// Whether a place is one that the rerun does anew.
    fn is_anew(&self, path: &StepPath) -> bool {
        let order = |from| plan::order(&self.plan, path, from);
        self.from.as_ref().is_some_and(|from| matches!(order(from), Order::Within | Order::After))
    }

    /// The answer of the earlier run, once.
    fn answer(&mut self, call: &Perform, mark: [u8; 32]) -> Option<Happened> {
        if self.is_anew(&call.path) {
            return None;
        }
        let known = self.calls.get(&call.path).filter(|known| known.mark == mark)?;
        if !matches!(known.end, CallEnd::Succeeded { .. }) {
            return None;
        }
        let CallEnd::Succeeded { output, inverse, source } = self.calls.remove(&call.path)?.end else {
            return None;
        };
        Some(Happened::Performed { op: call.op, output, kept: None, reused: Some(source), inverse })
    }

    /// The key under which the earlier run tried the same, and whether nobody knows how that ended.
    fn open(&self, path: &StepPath, mark: [u8; 32]) -> Option<(&str, bool)> {
        match self.calls.get(path) {
            Some(Known { mark: known, end: CallEnd::Open { key, dark } }) if *known == mark => {
                Some((key, *dark))
            }
            _ => None,
        }
    }
}

impl Engine {
    /// What a run made from another takes over from it; nothing unless it is a rerun.
    pub(crate) async fn earlier(&self, origin: Option<&Origin>) -> Result<Option<Box<Earlier>>, EngineError> {
        match origin {
            Some(origin) if origin.kind == OriginKind::Rerun => {
                Ok(Some(Box::new(self.take_over(origin, 0).await?)))
            }
            _ => Ok(None),
        }
    }

    async fn take_over(&self, origin: &Origin, depth: u32) -> Result<Earlier, EngineError> {
        let stored = self.load(&origin.run).await?;
        let (calls, machine) = self.calls(&stored)?;
        let own = Selfhood::of(&machine, &origin.run);
        let mut known = known_calls(&stored, &calls, &own);
        self.forget_undone(&mut known).await?;
        let open = known.values().any(|known| matches!(known.end, CallEnd::Open { .. }));
        if let Some(before) = stored.header.origin.as_ref().filter(|_| open && depth < LONGEST_CHAIN)
            && before.kind == OriginKind::Rerun
        {
            // What that run found in doubt itself goes by the key of the run that began it.
            let first = Box::pin(self.take_over(before, depth + 1)).await?;
            for (path, known) in &mut known {
                if let CallEnd::Open { key, .. } = &mut known.end
                    && let Some((older, _)) = first.open(path, known.mark)
                {
                    *key = older.to_owned();
                }
            }
        }
        let plan = Arc::clone(machine.plan());
        let forms = self.filled(&stored, &plan)?;
        Ok(Earlier { plan, from: origin.from.clone(), own, calls: known, forms })
    }

    /// What was taken back since is to be done again.
    async fn forget_undone(&self, known: &mut HashMap<StepPath, Known>) -> Result<(), EngineError> {
        let source = |known: &Known| match &known.end {
            CallEnd::Succeeded { source, .. } => Some(source.clone()),
            CallEnd::Open { .. } => None,
        };
        let runs: BTreeSet<RunId> = known.values().filter_map(source).map(|source| source.run).collect();
        for run in runs {
            let taken = self.taken_back(&run, 0).await?;
            let undone = |op| taken.get(&step_id(op, None)).is_some_and(|taken| taken.again.is_none());
            known.retain(|_, known| !source(known).is_some_and(|of| of.run == run && undone(of.op)));
        }
        Ok(())
    }

    /// The forms that people filled in.
    fn filled(&self, stored: &StoredRun, plan: &Arc<Plan>) -> Result<HashMap<StepPath, Filled>, EngineError> {
        let asked: BTreeMap<OpId, (&StepPath, &String)> = stored
            .records
            .iter()
            .filter_map(|record| match &record.event {
                Happened::Asked { op, path, digest } => Some((*op, (path, digest))),
                _ => None,
            })
            .collect();
        // A form that was taken over from a run before was not asked.
        let mut forms = HashMap::new();
        let mut shown: BTreeMap<OpId, (StepPath, String)> = BTreeMap::new();
        let of_form = |record: &Record| match &record.event {
            Happened::Answered { op, .. } => Some(*op),
            _ => None,
        };
        let answered: BTreeSet<OpId> = stored.records.iter().filter_map(of_form).collect();
        if !answered.iter().all(|op| asked.contains_key(op)) {
            self.retrace(stored, Arc::clone(plan), &mut |_, command| {
                if let interpreter::Command::Form(form) = command
                    && !asked.contains_key(&form.op)
                    && answered.contains(&form.op)
                {
                    shown.insert(form.op, (form.path.clone(), form.digest.clone()));
                }
            })?;
        }
        for record in &stored.records {
            let Happened::Answered { op, answer, by } = &record.event else { continue };
            let place = asked.get(op).map(|(path, digest)| ((*path).clone(), (*digest).clone()));
            let Some((path, digest)) = place.or_else(|| shown.get(op).cloned()) else { continue };
            forms.insert(path, Filled { digest, answer: answer.clone(), by: by.clone() });
        }
        Ok(forms)
    }
}

/// How every call of a run ended.
fn known_calls(
    stored: &StoredRun,
    calls: &BTreeMap<OpId, Called>,
    own: &Selfhood,
) -> HashMap<StepPath, Known> {
    let mut ends: BTreeMap<OpId, CallEnd> = BTreeMap::new();
    let run = &stored.header.run;
    let open = |call: &Called, dark: bool| CallEnd::Open {
        key: call.key.clone().unwrap_or_else(|| format!("{run}/{}", call.path)),
        dark,
    };
    for record in &stored.records {
        match &record.event {
            Happened::Performing { op, .. } => {
                // Begun, and not answered yet.
                ends.extend(calls.get(op).map(|call| (*op, open(call, true))));
            }
            Happened::AttemptFailed { op, failure, .. } => {
                let dark = |call: &Called| match failure.kind {
                    FailureKind::Unknown => true,
                    FailureKind::Timeout => call.repeat != Repeat::Natural,
                    _ => failure.details.get("outcome").is_some_and(|outcome| outcome == "unknown"),
                };
                // Refused before it began: nothing was tried.
                let begun = ends.contains_key(op);
                ends.extend(calls.get(op).filter(|_| begun).map(|call| (*op, open(call, dark(call)))));
            }
            Happened::Performed { op, output, inverse, reused, .. } => {
                let source = reused.clone().unwrap_or_else(|| Reused { run: run.clone(), op: *op });
                let (output, inverse) = (output.clone(), inverse.clone());
                ends.insert(*op, CallEnd::Succeeded { output, inverse, source });
            }
            _ => {}
        }
    }
    let known = |(op, end): (OpId, CallEnd)| {
        let call = calls.get(&op)?;
        let mark = own.mark(&call.action, call.connection.as_ref(), &call.input);
        Some((call.path.clone(), Known { mark, end }))
    };
    ends.into_iter().filter_map(known).collect()
}

impl Driver {
    fn mark(&self, call: &Perform) -> [u8; 32] {
        let mut input = self.machine.mask().show(&call.input);
        if let Some(earlier) = &self.earlier {
            input = earlier.own.without(&input);
        }
        Selfhood::of(&self.machine, &self.run).mark(&call.action, call.connection.as_ref(), &input)
    }

    /// Answers a call from the earlier run, or gives it back to be made. The answer comes round as any other does:
    /// answered here and now, a thousand steps would be a thousand calls deep.
    pub(crate) fn taken_over(&mut self, call: Box<Perform>) -> Option<Box<Perform>> {
        if self.earlier.is_none() || call.in_doubt || call.attempt > 1 {
            return Some(call);
        }
        let mark = self.mark(&call);
        let Some(event) = self.earlier.as_mut().and_then(|earlier| earlier.answer(&call, mark)) else {
            return Some(call);
        };
        if let Happened::Performed { reused: Some(source), .. } = &event {
            let reused = EventKind::Reused { action: call.action.clone(), run: source.run.clone() };
            self.tell(call.path.clone(), reused);
        }
        self.calls.insert(call.op, Flying { abort: None, slot: None, finishes: false });
        self.flight.push(async move { Answer::Earlier(call.op, Box::new(event)) }.boxed());
        None
    }

    /// Answers a form that asks what the earlier run asked, or gives it back to be asked.
    pub(crate) fn filled_before(&mut self, form: Box<Form>) -> Option<Box<Form>> {
        let known = self.earlier.as_ref().filter(|earlier| !form.asked && !earlier.is_anew(&form.path));
        let filled = known.and_then(|earlier| earlier.forms.get(&form.path));
        let Some(filled) = filled.filter(|filled| filled.digest == form.digest) else { return Some(form) };
        let event = Happened::Answered { op: form.op, answer: filled.answer.clone(), by: filled.by.clone() };
        let answered = EventKind::Answered { answer: filled.answer.clone(), by: filled.by.clone() };
        self.tell(form.path.clone(), answered);
        self.calls.insert(form.op, Flying { abort: None, slot: None, finishes: false });
        self.flight.push(async move { Answer::Earlier(form.op, Box::new(event)) }.boxed());
        None
    }

    /// What the earlier run knew has come round.
    pub(crate) fn answered_before(&mut self, op: OpId, event: Happened) -> Result<(), EngineError> {
        self.calls.remove(&op);
        // Not wanted any more: nothing was done, so nothing is missing.
        if self.machine.is_open(op) { self.happened(event) } else { Ok(()) }
    }

    /// A call that the earlier run made in vain goes on under its key; where nobody knows how that ended, it is in
    /// doubt from the start.
    pub(crate) fn as_before(&self, call: &mut Perform) {
        let Some(earlier) = self.earlier.as_ref().filter(|_| self.mode == Mode::Real) else { return };
        let Some((key, dark)) = earlier.open(&call.path, self.mark(call)) else { return };
        if dark || call.repeat == Repeat::Keyed {
            call.key = Some(key.to_owned());
            call.in_doubt |= dark && call.attempt == 1;
        }
    }
}
