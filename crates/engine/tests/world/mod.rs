//! A world that outlives the process: it carries out what generated playbooks ask for and counts it by itself, so
//! that nobody has to believe a journal. Actions of all four repeat classes, and answers that can get lost.
//!
//! Everything it answers follows from the seed and the key of the call, never from the order of things: a run that
//! was killed and goes on sees the same world as one that was not.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use journal::{Event as Happened, Record};
use plan::Blame;
use portcullis_engine::{
    ActionSource, Decision, End, Engine, Event, EventKind, Failure, FailureKind, Invocation, Journal,
    MemoryJournal, Outcome, Probe, Repeat, Run, RunId, Source, Spec, Start, Timestamp, VirtualClock, Work,
};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::dice::Dice;
use crate::grammar::{Case, Made};

mod disk;

pub(crate) use disk::{Disk, Stop};

/// The class of the nth action of a case.
const CLASSES: [Repeat; 4] = [Repeat::Verify, Repeat::Keyed, Repeat::Never, Repeat::Natural];
/// How long a run may say nothing before time passes.
const SILENCE: Duration = Duration::from_millis(5);

/// What the world was asked to do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) key: String,
    pub(crate) path: String,
    pub(crate) class: Repeat,
    pub(crate) probe: bool,
    /// Whether anything came of it.
    pub(crate) effect: bool,
}

/// Where an answer gets lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loss {
    /// At which call, from 1. Probes do not count.
    pub(crate) call: u32,
    /// Whether it was carried out before.
    pub(crate) done: bool,
    /// Whether the process is killed; otherwise it sees an error.
    pub(crate) kill: bool,
}

/// The other side.
pub(crate) struct World {
    seed: u64,
    calls: AtomicU32,
    loss: Mutex<Option<Loss>>,
    pub(crate) log: Mutex<Vec<Call>>,
    /// What was done, by key.
    done: Mutex<BTreeMap<String, Value>>,
    killed: Arc<Notify>,
}

impl World {
    pub(crate) fn new(seed: u64, loss: Option<Loss>) -> Arc<Self> {
        Arc::new(World {
            seed,
            calls: AtomicU32::new(0),
            loss: Mutex::new(loss),
            log: Mutex::default(),
            done: Mutex::default(),
            killed: Arc::default(),
        })
    }

    fn dice(&self, about: &str) -> Dice {
        let mut hasher = DefaultHasher::new();
        (self.seed, about).hash(&mut hasher);
        Dice::new(hasher.finish())
    }
}

/// The actions of a case, as a process sees them.
pub(crate) struct Hands {
    world: Arc<World>,
    actions: Vec<(Arc<Spec>, Made)>,
}

impl Hands {
    pub(crate) fn new(world: &Arc<World>, case: &Case) -> Self {
        let spec = |(place, made): (usize, &Made)| {
            let class = CLASSES[(place + world.seed as usize) % CLASSES.len()];
            let spec: Spec = serde_json::from_value(json!({
                "name": made.name, "summary": "Made for one case", "effect": "internal", "repeat": class,
                "errors": [], "input": made.input.schema(), "output": made.output.schema(),
            }))
            .unwrap();
            (Arc::new(spec), made.clone())
        };
        Hands { world: Arc::clone(world), actions: case.actions.iter().enumerate().map(spec).collect() }
    }

    fn note(&self, call: &Invocation, class: Repeat, probe: bool, effect: bool) {
        self.world.log.lock().unwrap().push(Call {
            key: call.context.key.clone(),
            path: call.context.path.to_string(),
            class,
            probe,
            effect,
        });
    }
}

impl ActionSource for Hands {
    fn specs(&self) -> Vec<Arc<Spec>> {
        self.actions.iter().map(|(spec, _)| Arc::clone(spec)).collect()
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        Box::pin(async move {
            let (spec, made) = self.actions.iter().find(|(spec, _)| spec.name == call.action).unwrap();
            let number = self.world.calls.fetch_add(1, Ordering::SeqCst) + 1;
            let loss = self.world.loss.lock().unwrap().take_if(|loss| loss.call == number);
            let key = &call.context.key;
            let mut dice = self.world.dice(key);
            // What the world refuses it refuses again.
            let refused = dice.chance(10);
            let output = made.output.value(&mut dice);
            let carried_out = !refused && loss.is_none_or(|loss| loss.done);
            let first = !self.world.done.lock().unwrap().contains_key(key);
            // The same key twice is one effect for who knows keys, and two for who does not.
            self.note(&call, spec.repeat, false, carried_out && (first || spec.repeat != Repeat::Keyed));
            if carried_out {
                self.world.done.lock().unwrap().insert(key.clone(), output.clone());
            }
            match loss {
                Some(Loss { kill: true, .. }) => {
                    self.world.killed.notify_one();
                    std::future::pending().await
                }
                Some(_) => Err(Failure::new(FailureKind::Unknown, Blame::Server, "the answer got lost")),
                None if refused => Err(Failure::new(FailureKind::Failed, Blame::Server, "did not want to")),
                None => Ok(Outcome::from(output)),
            }
        })
    }

    fn probe<'a>(&'a self, call: Invocation) -> Work<'a, Result<Probe, Failure>> {
        Box::pin(async move {
            self.note(&call, Repeat::Verify, true, false);
            let done = self.world.done.lock().unwrap().get(&call.context.key).cloned();
            Ok(done.map_or(Probe::NotDone, |output| Probe::Done(Outcome::from(output))))
        })
    }
}

/// What came of a case with one mishap.
pub(crate) struct Told {
    /// Whether the mishap came about.
    pub(crate) met: bool,
    pub(crate) end: End,
    pub(crate) log: Vec<Call>,
    /// How much of the log there was when the process was killed.
    pub(crate) before: usize,
    /// The history when the process was killed, and in the end.
    pub(crate) kept: Vec<Record>,
    pub(crate) records: Vec<Record>,
}

/// Runs a case to its end, over a mishap.
pub(crate) async fn play(case: &Case, seed: u64, loss: Option<Loss>, stops: &[Stop]) -> Told {
    let world = World::new(seed, loss);
    let inner = Arc::new(MemoryJournal::default());
    let clock = VirtualClock::new(Timestamp(1_795_251_600_000));
    let mut stops = stops.iter().copied();
    let (mut kept, mut before, mut met) = (Vec::new(), 0, false);
    let mut run_id: Option<RunId> = None;
    loop {
        let stop = stops.next();
        let killed = Arc::clone(&world.killed);
        let disk = Disk::new(&inner, stop, &killed);
        let engine = Engine::builder()
            .source(Hands::new(&world, case))
            .clock(clock.clone())
            .entropy(move || seed)
            .journal(disk)
            .build()
            .unwrap();
        let (sender, events) = unbounded_channel();
        let start = Start { starter: "ana".to_owned(), events: Some(sender), ..Start::default() };
        let mut run = match &run_id {
            Some(id) => engine.resume(id, start).await.unwrap(),
            None => {
                let source = Source::new("made.yaml", &case.text).among(&case.files);
                engine.start(source, Start { inputs: case.inputs.clone(), ..start }).await.unwrap()
            }
        };
        let end = drive(&mut run, events, case, &clock, &world, &killed).await;
        let id = run.id().clone();
        // The end of the process: what goes on is dropped, wherever it is.
        drop((run, engine));
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        let records = inner.load(&id).await.map_or(Vec::new(), |stored| stored.records);
        met |= end.is_none() || world.loss.lock().unwrap().is_none() && loss.is_some();
        let Some(end) = end else {
            // Killed before the run was kept: it never was, and begins anew.
            run_id = (!records.is_empty()).then_some(id);
            kept = records;
            before = world.log.lock().unwrap().len();
            continue;
        };
        let log = world.log.lock().unwrap().clone();
        return Told { met, end, log, before, kept, records };
    }
}

/// Lets people answer until the run is over, or killed.
async fn drive(
    run: &mut Run,
    mut events: UnboundedReceiver<Event>,
    case: &Case,
    clock: &VirtualClock,
    world: &World,
    killed: &Notify,
) -> Option<End> {
    let mut silent = 0;
    loop {
        let event = tokio::select! {
            biased;
            () = killed.notified() => return None,
            event = tokio::time::timeout(SILENCE, events.recv()) => event,
        };
        let Event { path, kind, .. } = match event {
            Ok(Some(event)) => event,
            Ok(None) => return Some(run.wait().await.unwrap()),
            Err(_) => {
                silent += 1;
                assert!(clock.jump() || silent < 1_000, "the run waits for nothing that anybody knows of");
                continue;
            }
        };
        silent = 0;
        // What people say follows from where they are asked.
        let mut dice = world.dice(path.as_str());
        match kind {
            EventKind::Asked(ask) => {
                let decision = *dice.pick(&[Decision::Approved, Decision::Approved, Decision::Rejected]);
                let decided = run.decide(&ask.path, decision, "bob", None);
                tokio::select! { biased; () = killed.notified() => return None, _ = decided => {} }
            }
            EventKind::Form(form) => {
                let id = form.path.as_str().rsplit('/').next().unwrap();
                let answered = run.answer(&form.path, case.answers[id].value(&mut dice), "bob");
                tokio::select! { biased; () = killed.notified() => return None, _ = answered => {} }
            }
            EventKind::Waits(pause) => match pause.event {
                Some(event) if dice.chance(70) => {
                    let sent = run.signal(&event.name, case.answers[&event.name].value(&mut dice));
                    tokio::select! { biased; () = killed.notified() => return None, _ = sent => {} }
                }
                _ => {}
            },
            EventKind::Waiting => {
                clock.jump();
            }
            _ => {}
        }
    }
}

/// What became of the calls of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Begun, and no word of an end.
    Open,
    Done,
    Failed(FailureKind),
}

/// By path. Also holds the history to what no history may say.
pub(crate) fn fates(records: &[Record]) -> BTreeMap<String, Fate> {
    let mut paths = BTreeMap::new();
    let mut fates = BTreeMap::new();
    for record in records {
        match &record.event {
            Happened::Performing { op, path, .. } => {
                let path = path.to_string();
                paths.insert(*op, path.clone());
                let before = fates.insert(path.clone(), Fate::Open);
                assert_ne!(before, Some(Fate::Done), "{path} was begun again after its end");
            }
            Happened::Performed { op, .. } => {
                let before = fates.insert(paths[op].clone(), Fate::Done);
                assert_eq!(before, Some(Fate::Open), "{}", paths[op]);
            }
            Happened::AttemptFailed { op, failure, .. } => {
                fates.insert(paths[op].clone(), Fate::Failed(failure.kind));
            }
            _ => {}
        }
    }
    fates
}

/// What must hold whatever happened.
pub(crate) fn judge(told: &Told, place: &str) {
    // What was acknowledged is still there.
    assert_eq!(told.records[..told.kept.len().min(told.records.len())], told.kept[..], "{place}: lost");
    let fates = fates(&told.records);
    let completed: BTreeSet<String> = self::fates(&told.kept)
        .into_iter()
        .filter(|(_, fate)| *fate == Fate::Done)
        .map(|(path, _)| path)
        .collect();
    for call in &told.log[told.before..] {
        assert!(!completed.contains(&call.path), "{place}: {} had ended and was called again", call.path);
    }
    let keys: BTreeMap<(&str, &str), Repeat> =
        told.log.iter().map(|call| ((call.key.as_str(), call.path.as_str()), call.class)).collect();
    for ((key, path), class) in keys {
        let of = |probe: bool| told.log.iter().filter(move |call| call.key == key && call.probe == probe);
        let effects = of(false).filter(|call| call.effect).count();
        let invoked = of(false).count();
        let fate =
            fates.get(path).unwrap_or_else(|| panic!("{place}: {path} was called and is not in the history"));
        let what = || format!("{place}: {path}, {class}: {fate:?} with {effects} effects in {invoked} calls");
        match (class, fate) {
            (Repeat::Natural, Fate::Done) => assert!(effects >= 1, "{}", what()),
            (_, Fate::Done) => assert_eq!(effects, 1, "{}", what()),
            (Repeat::Verify | Repeat::Never, Fate::Failed(kind)) if *kind != FailureKind::Unknown => {
                assert_eq!(effects, 0, "{}", what());
            }
            _ => assert!(effects <= 1 || class == Repeat::Natural, "{}", what()),
        }
        // One call for the run and one for what was in flight when it was killed.
        assert!(invoked <= if class == Repeat::Never { 1 } else { 2 }, "{}", what());
        if class == Repeat::Verify {
            assert!(!matches!(fate, Fate::Failed(FailureKind::Unknown)), "{}: the world knew", what());
            assert!(invoked == 1 || of(true).count() >= 1, "{}: called again without a look", what());
        }
    }
}
