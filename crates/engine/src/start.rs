//! Starting and resuming runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use interpreter::{Machine, RunInfo, Turn};
use journal::{Event as Happened, FORMAT, Header, Record, RunId, StoredRun, Summary, Timestamp};
use plan::Plan;
use playbook::{Checked, Source};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::driver::{Driver, Handed};
use crate::{Engine, EngineError, Event, Run, inputs};

/// How to start, or to resume, a run.
#[derive(Default)]
pub struct Start {
    /// Values of the playbook's inputs.
    pub inputs: BTreeMap<String, Value>,
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

impl Engine {
    /// Checks a playbook and starts a run of it on the current tokio runtime.
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
        let input = inputs::complete(&plan, start.inputs.clone()).map_err(EngineError::Inputs)?;
        let created = self.inner.clock.now();
        let run = self.run_id(created);
        let first = Record {
            seq: 1,
            at: created,
            event: Happened::Started { input, starter: start.starter.clone() },
        };
        let info = RunInfo { id: run.as_str().to_owned() };
        let (machine, turn) = Machine::start(Arc::clone(&plan), &info, &first)
            .map_err(|source| EngineError::Diverged { run: run.clone(), source })?;
        let header = Header {
            run: run.clone(),
            format: FORMAT,
            playbook: plan.id.clone(),
            digest: plan.digest,
            text: source.text.to_owned(),
            source: source.name.to_owned(),
            created,
            driver: start.driver.clone(),
        };
        let handed = Handed { header: Some(header), records: vec![first], turn };
        Ok(self.drive(run, machine, handed, start))
    }

    /// Goes on with a run whose process is gone, or that waited for a person.
    ///
    /// It runs with the playbook text it started with. Attempts that were begun and not answered are
    /// handled by the repeat class of their action.
    pub async fn resume(&self, run: &RunId, start: Start) -> Result<Run, EngineError> {
        let stored = self.inner.journal.load(run).await?;
        let machine = self.replay(&stored)?;
        let turn = Turn { commands: machine.pending(), progress: Vec::new() };
        let handed = Handed { header: None, records: Vec::new(), turn };
        Ok(self.drive(run.clone(), machine, handed, start))
    }

    /// Folds a stored history, without carrying anything out.
    pub fn replay(&self, stored: &StoredRun) -> Result<Machine, EngineError> {
        let run = &stored.header.run;
        let checked = self.check(Source::new(&stored.header.source, &stored.header.text));
        let Some(plan) = checked.plan.map(Arc::new) else {
            return Err(EngineError::NeedsUpgrade { run: run.clone(), diagnostics: checked.diagnostics });
        };
        let diverged = |source| EngineError::Diverged { run: run.clone(), source };
        let none =
            Record { seq: 0, at: Timestamp(0), event: Happened::CancelRequested { by: String::new() } };
        let first = stored.records.first().unwrap_or(&none);
        let info = RunInfo { id: run.as_str().to_owned() };
        let (mut machine, _) = Machine::start(Arc::clone(&plan), &info, first).map_err(diverged)?;
        for record in stored.records.iter().skip(1) {
            machine.apply(record).map_err(diverged)?;
        }
        Ok(machine)
    }

    /// The newest runs first.
    pub async fn runs(&self, limit: usize) -> Result<Vec<Summary>, EngineError> {
        Ok(self.inner.journal.list(limit).await?)
    }

    fn drive(&self, run: RunId, machine: Machine, handed: Handed, start: Start) -> Run {
        let (control, controls) = unbounded_channel();
        let driver = Driver::new(Arc::clone(&self.inner), run.clone(), machine, start, controls);
        Run::new(run, control, tokio::spawn(driver.run(handed)))
    }

    /// Sorts by time, reads as a time, and does not collide.
    fn run_id(&self, at: Timestamp) -> RunId {
        let time = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let tail = (self.inner.entropy)() & 0xffff_ffff;
        let text = format!("{}-{tail:08x}", time.strftime("%Y%m%d-%H%M%S"));
        RunId::new(text.clone())
            .or_else(|| RunId::new(format!("{tail:08x}")))
            .unwrap_or_else(|| self.run_id(at))
    }
}
