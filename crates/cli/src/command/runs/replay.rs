//! The history again, for what each record led to.
//!
//! Records say what came from outside; that a step succeeded or was skipped follows from them. So the stored playbook
//! is checked once more and the records are folded over it, without carrying anything out.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{Engine, Event, EventKind, Pause, ProgressKind, Source, StepPath, Timestamp};
use interpreter::{Command, Machine, RunInfo};
use journal::{Header, Record};

use crate::output::Style;
use crate::progress::Progress;

/// The history again.
pub(super) struct Replay {
    plan: Arc<plan::Plan>,
    run: RunInfo,
    machine: Option<Machine>,
    progress: Progress,
}

/// What followed from a record.
pub(super) enum Followed {
    /// Something happened to a step.
    Step(StepPath, ProgressKind),
    /// A `wait` began.
    Waits(Box<Pause>),
}

impl Replay {
    /// Nothing if the stored playbook does not check with this version.
    pub(super) fn of(engine: &Engine, header: &Header) -> Option<Self> {
        let kept = header.files.iter();
        let files: BTreeMap<String, Arc<str>> =
            kept.map(|(path, text)| (path.clone(), Arc::from(text.as_str()))).collect();
        let source = Source::new(&header.source, &header.text).among(&files);
        engine.check(source).plan.map(|plan| Replay {
            progress: Progress::of(&plan),
            plan: Arc::new(plan),
            run: RunInfo { id: header.run.as_str().to_owned() },
            machine: None,
        })
    }

    /// What a record led to.
    pub(super) fn apply(&mut self, record: &Record) -> Vec<Followed> {
        let turn = match &mut self.machine {
            None => Machine::start(Arc::clone(&self.plan), &self.run, record).map(|(machine, turn)| {
                self.machine = Some(machine);
                turn
            }),
            Some(machine) => machine.apply(record),
        };
        let Ok(turn) = turn else { return Vec::new() };
        let waits = turn.commands.into_iter().filter_map(|command| match command {
            Command::Pause(pause) => Some(Followed::Waits(pause)),
            _ => None,
        });
        let steps = turn.progress.into_iter().map(|step| Followed::Step(step.path, step.kind));
        steps.chain(waits).collect()
    }

    /// The lines about it, as they were shown while the run went on.
    pub(super) fn lines(&mut self, record: &Record, style: Style) -> Vec<String> {
        let followed = self.apply(record);
        followed.into_iter().flat_map(|followed| self.shown(followed, record.at, style)).collect()
    }

    fn shown(&mut self, followed: Followed, at: Timestamp, style: Style) -> Vec<String> {
        match followed {
            Followed::Step(path, kind) => self.progress.step(&path, &kind, at, style),
            Followed::Waits(pause) => {
                let path = pause.path.clone();
                self.progress.lines(&Event { at, path, kind: EventKind::Waits(pause) }, style)
            }
        }
    }
}
