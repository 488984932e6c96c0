//! Starting and resuming runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use interpreter::{Machine, RunInfo, Turn};
use journal::{
    Event as Happened, FORMAT, Header, Origin, Query, Record, RunId, StoredRun, Summary, Timestamp,
};
use plan::Plan;
use playbook::{Checked, Source};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing::Instrument;

use crate::admit::Account;
use crate::bounds::{Spent, check_started};
use crate::driver::{Driver, Handed};
use crate::keys::Held;
use crate::leave::Inside;
use crate::park::driven;
use crate::reuse::Earlier;
use crate::run::Control;
use crate::{Engine, EngineError, Event, Run, inputs, secrets, trigger};

/// How to start, or to resume, a run.
#[derive(Default)]
pub struct Start {
    /// Values of the playbook's inputs.
    pub inputs: BTreeMap<String, Value>,
    /// What the trigger brought; null for a run by hand. With several triggers, its `id` says which.
    pub trigger: Value,
    /// Who starts it. Shown in lists, and readable as `run.starter`.
    pub starter: String,
    /// For real, or as a rehearsal.
    pub mode: Mode,
    /// Who answers approvals.
    pub approvals: Approvals,
    /// Where to tell what happens. A sender whose receiver is gone does not hurt.
    pub events: Option<UnboundedSender<Event>>,
    /// Kept in the run's header for whoever resumes it. Never a secret.
    pub driver: Value,
    /// Resuming only: go on with the actions of today, if everything the run knows so far fits them.
    pub adopt: bool,
}

/// For real, or as a rehearsal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Effects happen.
    #[default]
    Real,
    /// Reads happen; every other call is told as [`crate::EventKind::Planned`] and answered by a stand-in.
    DryRun,
}

/// Who answers approvals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Approvals {
    /// A person, through [`Run::decide`].
    #[default]
    Ask,
    /// Everything is approved, in this name. Dry runs always do so.
    ApproveAll {
        /// Goes into the journal.
        by: String,
    },
}

/// How a run is spoken to, and the key it has until it is over.
struct Line {
    control: UnboundedSender<Box<Control>>,
    controls: UnboundedReceiver<Box<Control>>,
    held: Option<Held>,
    /// What a rerun takes over.
    earlier: Option<Box<Earlier>>,
    /// How long it waits before it is parked for the first time.
    patience: Option<Duration>,
    /// Nobody else drives it.
    inside: Inside,
}

impl Engine {
    /// Checks a playbook and starts a run of it on the current tokio runtime.
    ///
    /// Where the playbook queues runs with the same `concurrency` key, or replaces them, this waits until the
    /// other run is over; dropping the future gives the place up.
    ///
    /// # Errors
    /// The playbook, the inputs, the trigger or the secrets are wrong, or another run has the same key.
    pub async fn start(&self, source: Source<'_>, start: Start) -> Result<Run, EngineError> {
        let Checked { plan, diagnostics } = self.check(source);
        let Some(plan) = plan.map(Arc::new) else { return Err(EngineError::Playbook(diagnostics)) };
        self.start_checked(source, plan, start).await
    }

    /// Starts a run of a playbook that was checked before, for whoever runs the same one many times.
    ///
    /// The plan is what [`Engine::check`] gave for this very source, here or in an engine whose actions declare
    /// the same; a resumed run checks the source again.
    pub async fn start_checked(
        &self,
        source: Source<'_>,
        plan: Arc<Plan>,
        start: Start,
    ) -> Result<Run, EngineError> {
        self.begin(source, plan, start, None).await
    }

    /// Starts a run, perhaps one that is made from another.
    pub(crate) async fn begin(
        &self,
        source: Source<'_>,
        plan: Arc<Plan>,
        start: Start,
        origin: Option<Origin>,
    ) -> Result<Run, EngineError> {
        let input = inputs::complete(&plan, start.inputs.clone()).map_err(EngineError::Inputs)?;
        let trigger = trigger::complete(&plan, start.trigger.clone()).map_err(EngineError::Trigger)?;
        secrets::check(&plan, self.inner.secrets.as_ref())?;
        self.admitted(&plan, &start).await?;
        let earlier = self.earlier(origin.as_ref()).await?;
        let run = self.run_id(self.inner.clock.now());
        let info = RunInfo { id: run.as_str().to_owned() };
        let started = Happened::Started { input, trigger, starter: start.starter.clone() };
        check_started(&self.inner.run_limits, &started)?;
        let (control, controls) = unbounded_channel();
        let held = self.key(&plan, &info, &run, &started, &control, start.mode).await?;
        if !self.inner.exit.is_open() {
            return Err(EngineError::Closed);
        }
        // Only now: a run that waited for its key begins when it has it.
        let created = self.inner.clock.now();
        let first = Record { seq: 1, at: created, event: started };
        let begin = if self.inner.watched { Machine::start_watched } else { Machine::start };
        let (machine, turn) = begin(Arc::clone(&plan), &info, &first)
            .map_err(|source| EngineError::Diverged { run: run.clone(), source })?;
        let header = Header {
            run: run.clone(),
            format: FORMAT,
            playbook: plan.id.clone(),
            digest: plan.digest,
            text: source.text.to_owned(),
            files: plan.files.iter().map(|(path, text)| (path.clone(), text.to_string())).collect(),
            actions: self.pins(&plan),
            origin,
            source: source.name.to_owned(),
            created,
            driver: start.driver.clone(),
        };
        let account = Account::default();
        let handed = Handed {
            header: Some(header),
            records: vec![first],
            turn,
            account,
            spent: Spent::default(),
            began: created,
        };
        let patience = self.inner.park_after;
        let inside = self.inner.exit.enter(&run).await?;
        Ok(self.drive(
            run,
            machine,
            handed,
            start,
            Line { control, controls, held, earlier, patience, inside },
        ))
    }

    /// The run's concurrency key, once no other run has it. A rehearsal is in nobody's way.
    async fn key(
        &self,
        plan: &Plan,
        info: &RunInfo,
        run: &RunId,
        started: &Happened,
        control: &UnboundedSender<Box<Control>>,
        mode: Mode,
    ) -> Result<Option<Held>, EngineError> {
        let Some(rule) = plan.concurrency.as_ref().filter(|_| mode == Mode::Real) else { return Ok(None) };
        let key = interpreter::concurrency_key(plan, info, started)
            .map_err(|failure| EngineError::Key(failure.message))?;
        let key = format!("{}/{}", plan.id, key.unwrap_or_default());
        self.inner.keys.take(key, run, control, rule.on_conflict).await.map(Some)
    }

    /// Goes on with a run whose process is gone, or that waited for a person.
    ///
    /// It runs with the playbook text it started with, and with the actions it started with: where one of them is
    /// gone or means something else now, that is noted and nothing else happens, unless `start.adopt` is set and
    /// everything so far fits. Attempts that were begun and not answered are handled by the repeat class of their
    /// action.
    pub async fn resume(&self, run: &RunId, start: Start) -> Result<Run, EngineError> {
        self.resume_with(run, start, self.inner.park_after).await
    }

    /// As [`Engine::resume`], and a run that only waits is parked at once.
    pub(crate) async fn resume_to_wait(&self, run: &RunId, start: Start) -> Result<Run, EngineError> {
        self.resume_with(run, start, self.inner.park_after.map(|_| Duration::ZERO)).await
    }

    async fn resume_with(
        &self,
        run: &RunId,
        start: Start,
        patience: Option<Duration>,
    ) -> Result<Run, EngineError> {
        if !self.inner.exit.is_open() {
            return Err(EngineError::Closed);
        }
        let inside = self.inner.exit.enter(run).await?;
        let (machine, stored) = self.ready(self.load(run).await?, &start).await?;
        let plan = Arc::clone(machine.plan());
        let origin = stored.header.origin.as_ref().filter(|_| !machine.is_over());
        let earlier = self.earlier(origin).await?;
        let (control, controls) = unbounded_channel();
        let held = match stored.records.first() {
            Some(first) if !machine.is_over() => {
                secrets::check(&plan, self.inner.secrets.as_ref())?;
                self.inner.guard.remember(&self.inner).await?;
                let info = RunInfo { id: run.as_str().to_owned() };
                self.key(&plan, &info, run, &first.event, &control, start.mode).await?
            }
            _ => None,
        };
        let (machine, stored) = match held {
            // The key may have been with this very run, which went on until its handle was dropped.
            Some(_) => self.newest(run, machine, stored, &start).await?,
            None => (machine, stored),
        };
        let turn = Turn { commands: machine.pending(), progress: Vec::new() };
        let account = self.inner.guard.account(&self.inner, &stored.records);
        let handed = Handed {
            header: None,
            records: Vec::new(),
            turn,
            account,
            spent: Spent::of(&stored.records),
            began: stored.header.created,
        };
        Ok(self.drive(
            run.clone(),
            machine,
            handed,
            start,
            Line { control, controls, held, earlier, patience, inside },
        ))
    }

    /// The run as it is now, if it has gone on since it was loaded.
    async fn newest(
        &self,
        run: &RunId,
        machine: Machine,
        stored: StoredRun,
        start: &Start,
    ) -> Result<(Machine, StoredRun), EngineError> {
        let now = self.load(run).await?;
        if now.records.len() == stored.records.len() {
            return Ok((machine, stored));
        }
        self.ready(now, start).await
    }

    /// The newest runs first.
    pub async fn runs(&self, query: &Query) -> Result<Vec<Summary>, EngineError> {
        Ok(self.inner.journal.list(query).await?)
    }

    fn drive(&self, run: RunId, machine: Machine, handed: Handed, start: Start, line: Line) -> Run {
        let Line { control, controls, held, earlier, patience, inside } = line;
        let mut driver = Driver::new(Arc::clone(&self.inner), run.clone(), machine, start, controls);
        driver.earlier = earlier;
        driver.patience = patience;
        if let Some(metrics) = &self.inner.metrics {
            metrics.run_started(&driver.machine.plan().id, handed.header.is_none());
        }
        let span = tracing::info_span!("run", %run, playbook = %driver.machine.plan().id);
        let work = driven(Arc::clone(&self.inner), run.clone(), Box::new(driver), handed).instrument(span);
        let work = async move {
            let end = work.await;
            drop((held, inside));
            end
        };
        Run::new(run, control, tokio::spawn(work))
    }

    /// Sorts by time, reads as a time, and does not collide.
    pub(crate) fn run_id(&self, at: Timestamp) -> RunId {
        let time = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let tail = (self.inner.entropy)() & 0xffff_ffff;
        let text = format!("{}-{tail:08x}", time.strftime("%Y%m%d-%H%M%S"));
        RunId::new(text.clone())
            .or_else(|| RunId::new(format!("{tail:08x}")))
            .unwrap_or_else(|| self.run_id(at))
    }
}
