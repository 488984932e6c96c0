//! Folding stored histories: the machine of a run as its records left it, and every command they led to.
//!
//! A record of a call has no input; what a call was given, its replay says. So whatever looks back at a run (a
//! resumption, a rerun, an undo) goes through here. Left out: what follows from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use interpreter::{Command, Machine, RunInfo};
use journal::{Event as Happened, OpId, Record, RunId, StoredRun, Timestamp};
use plan::{Effect, Plan, Repeat, StepPath};
use playbook::{Checked, Source};
use serde_json::Value;

use crate::kept::{inward, whole};
use crate::versions::unchecked;
use crate::{Engine, EngineError};

/// A call as an earlier run made it.
#[derive(Debug, Clone)]
pub(crate) struct Called {
    pub(crate) path: StepPath,
    pub(crate) action: String,
    /// Secrets masked.
    pub(crate) input: Value,
    pub(crate) connection: Option<String>,
    pub(crate) effect: Effect,
    pub(crate) repeat: Repeat,
    /// The key of the playbook, if it gives one.
    pub(crate) key: Option<String>,
}

impl Engine {
    /// A history with every result in it, those included that were too large for a record.
    pub(crate) async fn load(&self, run: &RunId) -> Result<StoredRun, EngineError> {
        whole(self.inner.artifacts.as_ref(), self.inner.journal.load(run).await?)
    }

    /// Folds a stored history, without carrying anything out.
    ///
    /// # Errors
    /// The stored playbook does not check any more, the history does not fit it, or a result that is kept outside is
    /// gone.
    pub fn replay(&self, stored: &StoredRun) -> Result<Machine, EngineError> {
        self.replay_plan(stored, self.stored_plan(stored)?)
    }

    /// As [`Engine::replay`], with the plan of the stored playbook.
    pub(crate) fn replay_plan(&self, stored: &StoredRun, plan: Arc<Plan>) -> Result<Machine, EngineError> {
        self.retrace(stored, plan, &mut |_, _| ())
    }

    /// The plan of the text a run was started with, as the actions of today see it.
    pub(crate) fn stored_plan(&self, stored: &StoredRun) -> Result<Arc<Plan>, EngineError> {
        let files = files(stored);
        let source = Source::new(&stored.header.source, &stored.header.text).among(&files);
        let Checked { plan, diagnostics } = self.check(source);
        plan.map(Arc::new).ok_or_else(|| EngineError::NeedsUpgrade {
            run: stored.header.run.clone(),
            reasons: unchecked(&diagnostics),
            diagnostics,
        })
    }

    /// As [`Engine::replay`], and shows every command in the order in which it came.
    pub(crate) fn retrace(
        &self,
        stored: &StoredRun,
        plan: Arc<Plan>,
        see: &mut dyn FnMut(&Machine, &Command),
    ) -> Result<Machine, EngineError> {
        let run = &stored.header.run;
        let diverged = |source| EngineError::Diverged { run: run.clone(), source };
        let none =
            Record { seq: 0, at: Timestamp(0), event: Happened::CancelRequested { by: String::new() } };
        let first = stored.records.first().unwrap_or(&none);
        let info = RunInfo { id: run.as_str().to_owned() };
        let (mut machine, turn) = Machine::start(plan, &info, first).map_err(diverged)?;
        turn.commands.iter().for_each(|command| see(&machine, command));
        for record in stored.records.iter().skip(1) {
            let whole = inward(self.inner.artifacts.as_ref(), run, record)?;
            let turn = machine.apply(whole.as_ref().unwrap_or(record)).map_err(diverged)?;
            turn.commands.iter().for_each(|command| see(&machine, command));
        }
        Ok(machine)
    }

    /// Every call a run made or wanted to make, and its machine.
    pub(crate) fn calls(&self, stored: &StoredRun) -> Result<(BTreeMap<OpId, Called>, Machine), EngineError> {
        self.calls_of(stored, self.stored_plan(stored)?)
    }

    /// As [`Engine::calls`], with the plan of the stored playbook.
    pub(crate) fn calls_of(
        &self,
        stored: &StoredRun,
        plan: Arc<Plan>,
    ) -> Result<(BTreeMap<OpId, Called>, Machine), EngineError> {
        let mut calls = BTreeMap::new();
        let machine = self.retrace(stored, plan, &mut |machine, command| {
            if let Command::Perform(call) = command {
                calls.entry(call.op).or_insert_with(|| Called {
                    path: call.path.clone(),
                    action: call.action.clone(),
                    input: machine.mask().show(&call.input),
                    connection: call.connection.clone(),
                    effect: call.effect,
                    repeat: call.repeat,
                    key: call.key.clone(),
                });
            }
        })?;
        Ok((calls, machine))
    }
}

/// The files a stored playbook is made of, as the checker takes them.
pub(crate) fn files(stored: &StoredRun) -> BTreeMap<String, Arc<str>> {
    stored.header.files.iter().map(|(path, text)| (path.clone(), Arc::from(text.as_str()))).collect()
}

/// Whether nothing will happen any more in a run.
pub(crate) fn is_over(stored: &StoredRun) -> bool {
    stored.records.iter().rev().any(|record| matches!(record.event, Happened::Ended { .. }))
}
