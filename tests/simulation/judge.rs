//! What must be true of a seed once everything is over, seen from outside: what the Exchange and the invented service
//! did, against what the histories say and what people were shown.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Decision, Engine, FailureKind, StepPath};
use exchange_sim::EffectKind;
use journal::{Event, OpId, Record, StoredRun, artifacts_of};

use crate::play::Play;
use crate::world::{Called, Rule, World};

/// Judges a seed. The engine is one that was just started over what is left.
pub(crate) fn judge(world: &World, play: &Play, engine: &Engine) {
    let runs: Vec<StoredRun> = world.state().durable.values().cloned().collect();
    for stored in &runs {
        replayed(world, engine, stored);
        paused(world, stored);
        kept(world, stored);
    }
    once(world);
    told(world, &runs);
    selected(world, play);
    approved(world, &runs);
    for effect in &world.organisation.ledger().effects {
        world.note(format!("effect {effect:?}"));
    }
    world.note(world.organisation.snapshot());
}

/// Folding the stored history gives the run as it ended.
fn replayed(world: &World, engine: &Engine, stored: &StoredRun) {
    let run = &stored.header.run;
    let machine = match engine.replay(stored) {
        Ok(machine) => machine,
        Err(error) => return world.violated(Rule::Replay, format!("{run} cannot be replayed: {error:?}")),
    };
    let ended = stored.records.iter().find_map(|record| match &record.event {
        Event::Ended { status, outputs, failure } => Some((status, outputs, failure)),
        _ => None,
    });
    match (machine.end(), ended) {
        (Some(end), Some((status, outputs, failure)))
            if end.status == *status && end.outputs == *outputs && end.failure == *failure => {}
        (end, ended) => {
            world.violated(Rule::Replay, format!("{run} ended as {ended:?}, and replayed as {end:?}"));
        }
    }
    if stored.records.iter().enumerate().any(|(at, record)| record.seq != at as u64 + 1) {
        world.violated(Rule::Order, format!("{run} has a gap"));
    }
}

/// Between a pause and its end, no more begins than was stepped.
fn paused(world: &World, stored: &StoredRun) {
    let mut allowed = None;
    for record in &stored.records {
        match &record.event {
            Event::Paused { .. } => allowed = Some(0),
            Event::Continued { .. } => allowed = None,
            Event::Stepped { .. } => allowed = allowed.map(|steps| steps + 1),
            Event::Performing { path, .. } => match &mut allowed {
                Some(0) => {
                    let what = format!("{} {path} began while paused", stored.header.run);
                    world.violated(Rule::Paused, what);
                }
                Some(steps) => *steps -= 1,
                None => {}
            },
            _ => {}
        }
    }
}

/// Whatever a record speaks of can be read.
fn kept(world: &World, stored: &StoredRun) {
    for digest in artifacts_of(&stored.records) {
        if !world.state().artifacts.contains_key(&digest) {
            world.violated(Rule::Kept, format!("{} speaks of {digest}, which is gone", stored.header.run));
        }
    }
}

/// No mail is sent twice, and nothing that may not be repeated is.
fn once(world: &World) {
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for effect in world.organisation.ledger().effects {
        match (effect.kind, effect.key) {
            (EffectKind::Sent, Some(key)) => *sent.entry(key).or_default() += 1,
            (EffectKind::Sent, None) => {
                world.violated(Rule::Once, "a mail was sent without a key".to_owned())
            }
            _ => {}
        }
    }
    let called = world.state().called.clone();
    let mut by_place: BTreeMap<(String, StepPath), usize> = BTreeMap::new();
    for (key, times) in sent {
        match called.iter().find(|call| call.key == key) {
            Some(call) => *by_place.entry((call.run.clone(), call.path.clone())).or_default() += times,
            None => {
                world.violated(Rule::Selected, format!("a mail with the key {key} was asked for by no call"))
            }
        }
    }
    let done = world.state().done.clone();
    for done in done.into_iter().filter(|done| !done.repeatable) {
        *by_place.entry((done.run, done.path)).or_default() += 1;
    }
    for ((run, path), times) in by_place.into_iter().filter(|(_, times)| *times > 1) {
        world.violated(Rule::Once, format!("{run} {path} took effect {times} times"));
    }
}

/// How each call of a run ended, by its place: succeeded, or the kinds of its failures.
fn ends(records: &[Record]) -> BTreeMap<StepPath, (bool, Vec<FailureKind>)> {
    let mut paths: BTreeMap<OpId, StepPath> = BTreeMap::new();
    let mut ends: BTreeMap<StepPath, (bool, Vec<FailureKind>)> = BTreeMap::new();
    for record in records {
        match &record.event {
            Event::Performing { op, path, .. } => {
                paths.insert(*op, path.clone());
                ends.entry(path.clone()).or_default();
            }
            Event::Performed { op, .. } => {
                if let Some(path) = paths.get(op) {
                    ends.entry(path.clone()).or_default().0 = true;
                }
            }
            Event::AttemptFailed { op, failure, .. } => {
                if let Some(path) = paths.get(op) {
                    ends.entry(path.clone()).or_default().1.push(failure.kind);
                }
            }
            _ => {}
        }
    }
    ends
}

/// What happened is told as done or as unknown, and what is told as done happened.
fn told(world: &World, runs: &[StoredRun]) {
    let called = world.state().called.clone();
    let mut happened: BTreeSet<(String, StepPath)> = BTreeSet::new();
    for effect in world.organisation.ledger().effects.into_iter().filter(|e| e.kind == EffectKind::Sent) {
        let call = called.iter().find(|call| Some(&call.key) == effect.key.as_ref());
        happened.extend(call.map(|call| (call.run.clone(), call.path.clone())));
    }
    let unsure: BTreeSet<(String, StepPath)> = {
        let state = world.state();
        let unsure = state.done.iter().filter(|done| !done.repeatable);
        unsure.map(|done| (done.run.clone(), done.path.clone())).collect()
    };
    happened.extend(unsure);
    let judged: BTreeSet<(String, StepPath)> = called
        .iter()
        .filter(|call| call.action == "mail.send" || call.action == "mail.reply")
        .map(|call| (call.run.clone(), call.path.clone()))
        .collect();
    for stored in runs {
        let run = stored.header.run.as_str();
        for (path, (succeeded, failures)) in ends(&stored.records) {
            let place = (run.to_owned(), path);
            let took_place = happened.contains(&place);
            // `on_unknown: fail` is the author's wish to hear `failed`; `timeout` does not say that nothing happened.
            let open = failures
                .iter()
                .any(|k| matches!(k, FailureKind::Unknown | FailureKind::Failed | FailureKind::Timeout));
            if took_place && !succeeded && !open {
                let what = format!("{run} {} took effect and ended with {failures:?}", place.1);
                world.violated(Rule::Told, what);
            }
            if succeeded && !took_place && judged.contains(&place) {
                world.violated(Rule::Told, format!("{run} {} is told as done and is not", place.1));
            }
        }
    }
}

/// Nothing is deleted that no call named, and nothing that is not marked.
fn selected(world: &World, play: &Play) {
    let called = world.state().called.clone();
    let named = |item: &str| {
        let deletes = called.iter().filter(|call| call.action == "mail.delete");
        let mut ids = deletes.flat_map(|call| call.input["item_ids"].as_array().into_iter().flatten());
        ids.any(|id| id == item)
    };
    for effect in world.organisation.ledger().effects {
        if effect.kind != EffectKind::Deleted {
            continue;
        }
        let subject = effect.subject.clone().unwrap_or_default();
        if !named(&effect.item) {
            world.violated(Rule::Selected, format!("{subject:?} was deleted, and no call named it"));
        }
        if !play.marked.is_empty() && !play.marked.iter().any(|mark| subject.contains(mark)) {
            world.violated(Rule::Selected, format!("{subject:?} was deleted and is innocent"));
        }
    }
}

/// A call that was shown for approval, and every delete, was made as it was shown and after enough people agreed.
fn approved(world: &World, runs: &[StoredRun]) {
    let (called, shown) = {
        let state = world.state();
        (state.called.clone(), state.shown.clone())
    };
    for call in &called {
        let about: Vec<_> = shown
            .iter()
            .filter(|shown| shown.run == call.run && shown.calls.iter().any(|(path, ..)| *path == call.path))
            .collect();
        if about.is_empty() && call.action != "mail.delete" {
            continue;
        }
        let stored = runs.iter().find(|stored| stored.header.run.as_str() == call.run);
        let records = stored.map(|stored| stored.records.as_slice()).unwrap_or_default();
        let before = records.get(..call.records.min(records.len())).unwrap_or_default();
        let agreed = about.iter().any(|shown| {
            let same = (call.path.clone(), call.action.clone(), call.input.clone());
            shown.calls.contains(&same) && approvals(before, &shown.digest) >= shown.quorum
        });
        if !agreed {
            world.violated(Rule::Approved, unapproved(call));
        }
    }
}

fn unapproved(call: &Called) -> String {
    format!("{} {} called {} as nobody approved it: {}", call.run, call.path, call.action, call.input)
}

/// How many people approved what has this digest.
fn approvals(records: &[Record], wanted: &str) -> usize {
    let people: BTreeSet<&str> = records
        .iter()
        .filter_map(|record| match &record.event {
            Event::Decided { decision: Decision::Approved, by, digest, .. } if digest == wanted => {
                Some(by.as_str())
            }
            _ => None,
        })
        .collect();
    people.len()
}
