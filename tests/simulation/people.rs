//! People around a run: they approve, reject and answer, late, twice, for what they saw before, without the role; they
//! cancel, pause and step; and they close the window. What they were told is done must be durable.

use std::collections::VecDeque;
use std::time::Duration;

use engine::{Decision, EngineError, Event, EventKind, HaltError, Person, Run, StepPath};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use crate::play::Play;
use crate::world::{Rule, Shown, World};

/// How somebody stopped looking after a run.
pub(crate) enum Left {
    Over,
    /// The engine gave up; the process has to be started again.
    Broken(EngineError),
    /// The handle was dropped; the run is to be resumed.
    Dropped,
}

/// Something somebody is about to do.
#[derive(Debug, Clone)]
enum Deed {
    Decide { path: StepPath, digest: String },
    Answer { path: StepPath, schema: Value },
    Signal { name: String, schema: Value },
    Cancel,
    Pause,
    Step,
    Proceed,
    Leave,
}

/// Looks after a run until it is over, or its process.
pub(crate) struct Attendant<'a> {
    pub(crate) world: &'a World,
    pub(crate) play: &'a Play,
    pub(crate) run: Run,
    pub(crate) events: UnboundedReceiver<Event>,
    planned: VecDeque<(Instant, Deed)>,
    /// The digests of questions that were asked before, for those who decide about what they saw yesterday.
    yesterday: Vec<String>,
}

impl<'a> Attendant<'a> {
    pub(crate) fn new(world: &'a World, play: &'a Play, run: Run, events: UnboundedReceiver<Event>) -> Self {
        let mut attendant =
            Attendant { world, play, run, events, planned: VecDeque::new(), yesterday: Vec::new() };
        for (permille, deed) in [(30, Deed::Cancel), (120, Deed::Pause), (60, Deed::Leave)] {
            if world.mishap(permille) {
                attendant.plan(5 * 3600, deed);
            }
        }
        attendant
    }

    /// Somebody will do this, some time within so many seconds.
    fn plan(&mut self, within: usize, deed: Deed) {
        // Half of what people do, they do at once.
        let within = if self.world.below(2) == 0 { 20 } else { within };
        let at = Instant::now() + Duration::from_millis(self.world.below(within * 1000) as u64);
        let place = self.planned.iter().position(|(other, _)| *other > at).unwrap_or(self.planned.len());
        self.planned.insert(place, (at, deed));
    }

    pub(crate) async fn attend(mut self) -> Left {
        loop {
            let next = self.planned.front().map(|(at, _)| *at);
            let wait = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some(event) = self.events.recv() => self.heard(event),
                end = self.run.wait() => {
                    while let Ok(event) = self.events.try_recv() {
                        self.heard(event);
                    }
                    return self.over(end);
                }
                () = wait => {
                    let (_, deed) = self.planned.pop_front().unwrap();
                    if matches!(deed, Deed::Leave) {
                        self.world.note(format!("somebody drops {}", self.run.id()));
                        return Left::Dropped;
                    }
                    self.act(deed).await;
                }
            }
        }
    }

    fn over(&self, end: Result<engine::End, EngineError>) -> Left {
        let run = self.run.id();
        match end {
            Ok(end) => {
                self.world.note(format!("{run} is over: {:?} {:?}", end.status, end.failure));
                let state = self.world.state();
                let last = state.durable.get(run).and_then(|stored| stored.records.last());
                let told = last.is_some_and(
                    |last| matches!(&last.event, journal::Event::Ended { status, .. } if *status == end.status),
                );
                drop(state);
                if !told {
                    self.world.violated(Rule::Durable, format!("{run} was told as over and is not"));
                }
                Left::Over
            }
            Err(error) => {
                self.world.note(format!("{run} stopped: {error:?}"));
                Left::Broken(error)
            }
        }
    }

    fn heard(&mut self, event: Event) {
        let run = self.run.id().as_str().to_owned();
        self.world.note(format!("event {run} {} {:?}", event.path, kind(&event.kind)));
        match event.kind {
            EventKind::Asked(ask) => {
                let calls = ask.shown.iter().map(|s| (s.path.clone(), s.action.clone(), s.input.clone()));
                let shown = Shown {
                    run,
                    digest: ask.digest.clone(),
                    quorum: ask.quorum as usize,
                    calls: calls.collect(),
                };
                self.world.state().shown.push(shown);
                self.yesterday.push(ask.digest.clone());
                // Somebody who has the time to think it over, and sometimes somebody else at the same time.
                let silent = ask.due.is_some() && self.world.mishap(100);
                for _ in 0..usize::from(!silent) + usize::from(self.world.mishap(250)) {
                    let deed = Deed::Decide { path: ask.path.clone(), digest: ask.digest.clone() };
                    self.plan(6 * 3600, deed);
                }
            }
            EventKind::Form(form) => {
                let silent = form.due.is_some() && self.world.mishap(200);
                for _ in 0..usize::from(!silent) + usize::from(self.world.mishap(250)) {
                    let deed = Deed::Answer { path: form.path.clone(), schema: form.schema.clone() };
                    self.plan(6 * 3600, deed);
                }
            }
            EventKind::Waits(pause) => {
                if let Some(event) = pause.event
                    && !self.world.mishap(300)
                {
                    self.plan(7200, Deed::Signal { name: event.name, schema: event.schema });
                }
            }
            EventKind::Paused => {
                let deed = if self.world.mishap(600) { Deed::Step } else { Deed::Proceed };
                self.plan(3600, deed);
            }
            _ => {}
        }
    }

    async fn act(&mut self, deed: Deed) {
        let run = self.run.id().clone();
        let told = match deed.clone() {
            Deed::Decide { path, digest } => self.decide(path, digest).await,
            Deed::Answer { path, schema } => {
                let value = self.fitting(last(&path), &schema);
                let id = path.clone();
                let end = self.run.answer(&path, value, self.somebody()).await;
                if let Err(engine::AnswerError::NotAllowed { .. }) = end {
                    self.plan(3600, Deed::Answer { path: id, schema });
                }
                if let Err(engine::AnswerError::Invalid { problems, .. }) = &end {
                    self.world.violated(Rule::Replay, format!("a fitting answer was refused: {problems:?}"));
                }
                self.durable(&end, |event| matches!(event, journal::Event::Answered { .. }));
                format!("{end:?}")
            }
            Deed::Signal { name, schema } => {
                let value = self.fitting(&name, &schema);
                let end = self.run.signal(&name, value).await;
                self.durable(&end, |event| matches!(event, journal::Event::Signalled { .. }));
                format!("{end:?}")
            }
            Deed::Cancel => {
                self.run.cancel("eve");
                String::new()
            }
            Deed::Pause => {
                let end = self.run.pause("eve").await;
                self.durable(&end, |event| matches!(event, journal::Event::Paused { .. }));
                if end.is_ok() {
                    self.plan(3600, Deed::Proceed);
                }
                format!("{end:?}")
            }
            Deed::Step => {
                let end = self.run.step("eve").await;
                self.durable(&end, |event| matches!(event, journal::Event::Stepped { .. }));
                let again = if self.world.mishap(500) { Deed::Step } else { Deed::Proceed };
                if !matches!(end, Err(HaltError::Over | HaltError::NotPaused)) {
                    self.plan(600, again);
                }
                format!("{end:?}")
            }
            Deed::Proceed => {
                let end = self.run.proceed("eve").await;
                self.durable(&end, |event| matches!(event, journal::Event::Continued { .. }));
                format!("{end:?}")
            }
            Deed::Leave => String::new(),
        };
        self.world.note(format!("somebody: {run} {deed:?}: {told}"));
    }

    async fn decide(&mut self, path: StepPath, digest: String) -> String {
        let decision = if self.world.below(5) == 0 { Decision::Rejected } else { Decision::Approved };
        let seen = match self.world.below(10) {
            0 => None,
            1 if self.yesterday.iter().any(|old| *old != digest) => {
                self.yesterday.iter().find(|old| **old != digest).cloned()
            }
            2 if self.world.mishap(500) => Some("not what was shown".to_owned()),
            _ => Some(digest.clone()),
        };
        let by = self.somebody();
        let end = self.run.decide(&path, decision, by, seen.as_deref()).await;
        match &end {
            Ok(()) if seen.as_ref().is_some_and(|seen| !self.asked_now(seen, &path)) => {
                self.world
                    .violated(Rule::Approved, format!("{path} was decided by a digest nobody asked for"));
            }
            Ok(()) | Err(engine::DecideError::NotAsked(_) | engine::DecideError::Over) => {}
            // Whoever may has to come yet.
            Err(_) => self.plan(3600, Deed::Decide { path, digest }),
        }
        self.durable(&end, |event| matches!(event, journal::Event::Decided { .. }));
        format!("{end:?}")
    }

    /// Whether the run's own history asked this, there.
    fn asked_now(&self, digest: &str, at: &StepPath) -> bool {
        let state = self.world.state();
        state.durable.get(self.run.id()).is_some_and(|stored| {
            let asked = stored.records.iter().rev().find_map(|record| match &record.event {
                journal::Event::Asked { path, digest, .. } if path == at => Some(digest),
                _ => None,
            });
            asked.is_some_and(|asked| asked == digest)
        })
    }

    /// What somebody was told is done must survive a loss of power right now.
    fn durable<E>(&self, end: &Result<(), E>, wanted: impl Fn(&journal::Event) -> bool) {
        let state = self.world.state();
        let stored = state.durable.get(self.run.id());
        let there = stored.is_some_and(|stored| stored.records.iter().any(|record| wanted(&record.event)));
        drop(state);
        if end.is_ok() && !there {
            let what = format!("{}: somebody was told it is done, and it is not durable", self.run.id());
            self.world.violated(Rule::Acknowledged, what);
        }
    }

    fn somebody(&self) -> Person {
        match self.world.below(8) {
            0..=2 => Person::new("bob", ["soc-lead", "responder"]),
            3..=4 => Person::new("cyd", ["soc-lead"]),
            5 => Person::new("dan", ["soc-lead", "responder"]),
            6 => Person::new("eve", ["guest"]),
            _ => Person::new("ana", ["soc-lead"]),
        }
    }

    fn fitting(&self, name: &str, schema: &Value) -> Value {
        match self.play.answers.get(name) {
            Some(shape) => shape.value(&mut self.world.state().dice),
            None => plain(schema),
        }
    }
}

fn last(path: &StepPath) -> &str {
    path.as_str().rsplit('/').next().unwrap_or_default()
}

/// The shortest true thing to say about an event.
fn kind(kind: &EventKind) -> String {
    match kind {
        EventKind::Asked(ask) => format!("asked {} {:?} {:?}", ask.digest, ask.approved, ask.due),
        other => format!("{other:?}"),
    }
}

/// A plain value that obeys a schema of the shipped playbooks.
fn plain(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let all = schema["properties"].as_object().into_iter().flatten();
            Value::Object(all.map(|(name, inner)| (name.clone(), plain(inner))).collect::<Map<_, _>>())
        }
        Some("array") => json!([]),
        Some("boolean") => json!(true),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("string") => json!("word"),
        _ => Value::Null,
    }
}
