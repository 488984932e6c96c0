//! Plays one case: starts the run, answers, lets time pass, and gathers what is to be judged.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::{
    ActionSource, Engine, EngineError, Event, EventKind, Run, Secret, Secrets, Source, Start, StepPath,
    Timestamp,
};
use expr::nearest;
use plan::Audience;
use serde_json::{Map, Value};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::answer::{Person, Said};
use crate::cassette::{Cassette, Replay};
use crate::clock::CountedClock;
use crate::file::{Case, Signal, When};
use crate::judge::Witness;
use crate::mask::Masker;
use crate::seen::Seen;
use crate::stage::{Props, RepeatStep, Stage};
use crate::suite::Suite;

/// How often every task gets a turn before a run counts as resting.
const TURNS: usize = 8;

/// The surroundings of one case.
pub struct World {
    /// The real actions.
    pub actions: Arc<dyn ActionSource>,
    /// Replaces the name of every connection, so that many cases can share their actions and each reach its own
    /// mailboxes.
    pub connection: Option<String>,
    /// Answers instead of the real actions.
    pub cassette: Option<Arc<Cassette>>,
    /// A step whose call is carried out several times.
    pub repeat: Option<RepeatStep>,
    /// How long the case may take, in real time.
    pub limit: Duration,
}

/// A case that was played to a point where its expectations have a meaning.
#[derive(Debug)]
pub struct Played {
    /// What was seen of the run.
    pub seen: Seen,
    /// Calls the case did not provide for; with any of them it has not passed.
    pub complaints: Vec<String>,
    /// How many calls were carried out more than once.
    pub repeated: u32,
    roots: Map<String, Value>,
}

impl Played {
    /// What was seen, and what there is to be judged, with the names that only the surroundings know.
    pub fn into_witness(mut self, world: Map<String, Value>) -> (Seen, Witness) {
        self.roots.extend(world);
        (self.seen, Witness::new(self.roots))
    }
}

impl Suite {
    /// Plays a case on the current runtime, which must have one thread: only then is it sure that a run rests.
    ///
    /// # Errors
    /// Why it could not be played to an end that can be judged, as a sentence.
    pub async fn play(&self, case: &Case, world: World) -> Result<Played, String> {
        let limit = world.limit;
        match tokio::time::timeout(limit, self.play_on(case, world)).await {
            Ok(played) => played,
            Err(_) => Err(format!("it did not end within {} s", limit.as_secs())),
        }
    }

    async fn play_on(&self, case: &Case, world: World) -> Result<Played, String> {
        let mut masker = Masker::default();
        case.with.secrets.values().for_each(|secret| masker.learn(secret));
        let secrets: Vec<String> = case.with.secrets.values().cloned().collect();
        let specs = world.actions.specs();
        let actions: Vec<String> = specs.iter().map(|spec| spec.name.clone()).collect();
        let stage = Stage::new(Props {
            replay: world.cassette.map(|cassette| Replay::new(cassette, specs, &secrets)),
            real: world.actions,
            connection: world.connection,
            stubs: case.with.stubs.clone(),
            repeat: world.repeat,
            masker,
        });
        let start = case.with.clock.unwrap_or_default().0.as_millisecond();
        let clock = CountedClock::new(Timestamp(start));
        let draws = AtomicU64::new(0);
        let engine = Engine::builder()
            .clock(clock.clone())
            .entropy(move || draws.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed))
            .secrets(MadeUp(case.with.secrets.clone()))
            .watched()
            .source(stage.clone())
            .build()
            .map_err(|error| error.to_string())?;
        let (sender, events) = unbounded_channel();
        let begin = Start {
            inputs: case.with.inputs.clone(),
            trigger: case.with.trigger.clone().unwrap_or_default(),
            starter: "portcullis test".to_owned(),
            events: Some(sender),
            ..Start::default()
        };
        let source = Source::new(&self.name, &self.text);
        let run = engine.start_checked(source, Arc::clone(&self.plan), begin).await.map_err(refused)?;
        let (mut answers, signals) = (Answering::new(case), case.with.signals.iter());
        for signal in signals.clone().filter(|signal| signal.when == When::Start) {
            send(&run, signal).await?;
        }
        answers.signals = signals.filter(|signal| signal.when == When::Waiting).collect();
        let playing = Playing { suite: self, stage: &stage, clock, events, answers };
        let mut seen = playing.follow(run).await?;
        seen.calls = stage.calls();
        let roots = seen.roots(&self.sites, &actions);
        Ok(Played { seen, complaints: stage.complaints(), repeated: stage.repeated(), roots })
    }
}

/// The secrets of a case.
struct MadeUp(BTreeMap<String, String>);

impl Secrets for MadeUp {
    fn get(&self, name: &str) -> Option<Secret> {
        self.0.get(name).map(Secret::new)
    }
}

async fn send(run: &Run, signal: &Signal) -> Result<(), String> {
    let sent = run.signal(&signal.event, signal.payload.clone()).await;
    sent.map_err(|error| format!("the event `{}`: {error}", signal.event))
}

fn refused(error: EngineError) -> String {
    match error {
        EngineError::Inputs(problems) => {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            format!("the inputs do not fit: {}", lines.join("; "))
        }
        other => other.to_string(),
    }
}

/// What is left to be said, by path.
struct Answering<'c> {
    case: &'c Case,
    /// For each question that was asked: what will still be said to it.
    left: BTreeMap<String, VecDeque<(usize, Said)>>,
    unused: BTreeSet<&'c str>,
    /// Events that will still be sent.
    signals: VecDeque<&'c Signal>,
}

impl<'c> Answering<'c> {
    fn new(case: &'c Case) -> Self {
        let unused = case.with.answers.keys().map(String::as_str).collect();
        Answering { case, left: BTreeMap::new(), unused, signals: VecDeque::new() }
    }

    /// What is said next to the step at `path`, and by which of those who answer: by its path, or else by its id;
    /// nothing if there is no answer. That nobody answers holds on when it is the last word.
    fn next(&mut self, path: &str, form: bool) -> Result<(usize, Said), String> {
        if !self.left.contains_key(path) {
            let id = path.rsplit('/').next().unwrap_or(path);
            let answers = &self.case.with.answers;
            let entry = answers.get_key_value(path).or_else(|| answers.get_key_value(id));
            let Some((key, answer)) = entry else { return Ok((0, Said::Nothing)) };
            self.unused.remove(key.as_str());
            let said = if form { answer.values() } else { answer.decisions() };
            let said = said.map_err(|why| format!("the answer for `{key}`: {why}"))?;
            self.left.insert(path.to_owned(), said.into_iter().enumerate().collect());
        }
        let Some(left) = self.left.get_mut(path) else { return Ok((0, Said::Nothing)) };
        let next = left.pop_front().unwrap_or((0, Said::Nothing));
        if left.is_empty() && matches!(next.1, Said::Nothing | Said::TimePasses) {
            left.push_back(next.clone());
        }
        Ok(next)
    }

    /// The next event of one of these names.
    fn signal(&mut self, names: &BTreeSet<&str>) -> Option<&'c Signal> {
        let at = self.signals.iter().position(|signal| names.contains(signal.event.as_str()))?;
        self.signals.remove(at)
    }
}

/// Who answers, with the roles that are asked for if the case names none.
fn engine_person(number: usize, by: Person, to: &Audience) -> engine::Person {
    let name = by.name.unwrap_or_else(|| format!("person {}", number + 1));
    engine::Person { name, roles: by.roles.unwrap_or_else(|| to.roles.clone()) }
}

/// A question that is open and that nobody will answer now.
struct Open {
    /// When its time is over.
    due: Option<Timestamp>,
    /// The case wants the run to be judged as it waits here.
    hold: bool,
    /// The event it waits for.
    event: Option<String>,
}

impl Open {
    fn question(said: &Said, due: Option<Timestamp>) -> Self {
        Open { due, hold: *said != Said::TimePasses, event: None }
    }
}

struct Playing<'p> {
    suite: &'p Suite,
    stage: &'p Stage,
    clock: CountedClock,
    events: UnboundedReceiver<Event>,
    answers: Answering<'p>,
}

impl Playing<'_> {
    /// Follows the run until it is over, or rests with nobody to move it.
    async fn follow(mut self, mut run: Run) -> Result<Seen, String> {
        let mut seen = Seen::default();
        let mut open: BTreeMap<String, Open> = BTreeMap::new();
        let mut waits = false;
        loop {
            while let Ok(event) = self.events.try_recv() {
                match event.kind {
                    EventKind::Waiting => waits = true,
                    EventKind::Ended(end) => {
                        seen.end = Some(end);
                        return self.check_answers(seen);
                    }
                    kind => {
                        waits = false;
                        self.take(&run, event.path, kind, &mut seen, &mut open).await?;
                    }
                }
            }
            if !self.rests().await {
                continue;
            }
            if self.events.is_closed() && self.events.is_empty() {
                // The driver is gone without an end: the journal or the plan failed.
                let end = run.wait().await.map_err(|error| format!("the run could not go on: {error}"))?;
                seen.end = Some(end);
                return self.check_answers(seen);
            }
            let names = open.values().filter_map(|open| open.event.as_deref()).collect();
            if let Some(signal) = self.answers.signal(&names) {
                send(&run, signal).await?;
                continue;
            }
            let held = open.values().filter(|open| open.hold);
            let hold_until = held.clone().filter_map(|open| open.due).min();
            let holds = waits && held.count() > 0;
            let next = self.clock.next();
            let past = matches!((next, hold_until), (Some(next), Some(due)) if next >= due);
            if holds || past || !self.clock.jump() {
                return self.check_answers(seen);
            }
        }
    }

    /// Gives every task its turns. False if something happened meanwhile.
    async fn rests(&mut self) -> bool {
        let looks = self.clock.looks();
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
            if !self.events.is_empty() {
                return false;
            }
        }
        if self.stage.is_busy() {
            // A call is on its way; it, or what it leads to, will be heard of.
            self.stage.rest().await;
            return false;
        }
        self.clock.looks() == looks
    }

    async fn take(
        &mut self,
        run: &Run,
        path: StepPath,
        kind: EventKind,
        seen: &mut Seen,
        open: &mut BTreeMap<String, Open>,
    ) -> Result<(), String> {
        match kind {
            EventKind::Step(progress) => {
                seen.note(path.as_str(), &progress);
                if !seen.waiting.contains(path.as_str()) {
                    open.remove(path.as_str());
                }
            }
            EventKind::Asked(ask) => {
                let (number, said) = self.answers.next(path.as_str(), false)?;
                seen.waiting.insert(path.as_str().to_owned());
                let Said::Decision { decision, by } = said else {
                    open.insert(path.as_str().to_owned(), Open::question(&said, ask.due));
                    return Ok(());
                };
                open.remove(path.as_str());
                let by = engine_person(number, by, &ask.to);
                let decided = run.decide(&path, decision, &by, Some(&ask.digest)).await;
                decided.map_err(|error| format!("the answer of {} to {path}: {error}", by.name))?;
            }
            EventKind::Form(form) => {
                let (number, said) = self.answers.next(path.as_str(), true)?;
                seen.waiting.insert(path.as_str().to_owned());
                let Said::Values { values, by } = said else {
                    open.insert(path.as_str().to_owned(), Open::question(&said, form.due));
                    return Ok(());
                };
                let by = engine_person(number, by, &form.to);
                let answered = run.answer(&path, values, &by).await;
                answered.map_err(|error| format!("the answer of {} to {path}: {error}", by.name))?;
            }
            EventKind::Waits(pause) => {
                if let Some(event) = pause.event {
                    seen.waiting.insert(path.as_str().to_owned());
                    let wait = Open { due: pause.due, hold: false, event: Some(event.name) };
                    open.insert(path.as_str().to_owned(), wait);
                }
            }
            EventKind::Answered { .. } => {
                seen.answered.insert(path.as_str().to_owned());
            }
            EventKind::Decided { decision, .. } => {
                open.remove(path.as_str());
                seen.decisions.push((path.as_str().to_owned(), decision));
            }
            _ => {}
        }
        Ok(())
    }

    /// An answer nobody asked for, and an event nobody waited for, are mistakes of the case.
    fn check_answers(&self, seen: Seen) -> Result<Seen, String> {
        if let Some(signal) = self.answers.signals.front() {
            return Err(format!("it sends an event `{}`, but the run did not wait for it", signal.event));
        }
        let Some(name) = self.answers.unused.first() else { return Ok(seen) };
        let near = nearest(name, self.suite.sites.ids());
        let help = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Err(format!("it has an answer for `{name}`, but nobody was asked there{help}"))
    }
}
