//! Doing a run again, as a run of its own: with the same text and files, and without repeating what succeeded.
//!
//! What is taken over is for `reuse`; here is what may be rerun, with which inputs, and from where on. Left out:
//! waits and events, which are waited for anew.

use std::collections::{BTreeMap, BTreeSet};

use journal::{Event as Happened, OpId, Origin, OriginKind, RunId, RunStatus, StoredRun};
use plan::StepPath;
use playbook::Source;
use serde_json::Value;

use crate::history::{files, is_over};
use crate::{Engine, EngineError, Run, Start};

/// What to do again.
#[derive(Debug, Clone, Default)]
pub struct Rerun {
    /// This place, and everything that comes after it, happens again even if it succeeded.
    pub from: Option<StepPath>,
    /// Refuse unless something failed: what did is all that is wanted.
    pub failed_items: bool,
    /// Other values of inputs. Calls whose rendered input changes by it are made again.
    pub inputs: BTreeMap<String, Value>,
}

impl Engine {
    /// Starts a run of the same playbook, which takes over what succeeded in the earlier one.
    ///
    /// Of `start`, `inputs` and `trigger` come from the earlier run, and so does `driver` if it is null.
    ///
    /// # Errors
    /// The earlier run is not over, the place is not one of its playbook, nothing failed in it, or the run does not
    /// start.
    pub async fn rerun(&self, run: &RunId, rerun: Rerun, start: Start) -> Result<Run, EngineError> {
        let stored = self.load(run).await?;
        if !is_over(&stored) {
            return Err(EngineError::NotOver { run: run.clone() });
        }
        let plan = self.stored_plan(&stored)?;
        if let Some(from) = &rerun.from {
            plan::find_place(&plan, from)
                .map_err(|place| EngineError::NoSuchPlace { run: run.clone(), reason: place.to_string() })?;
        }
        if rerun.failed_items && !anything_failed(&stored) {
            return Err(EngineError::NothingToDo {
                run: run.clone(),
                reason: "nothing failed in it".to_owned(),
            });
        }
        let Some(Happened::Started { input, trigger, .. }) = stored.records.first().map(|first| &first.event)
        else {
            return Err(EngineError::NotOver { run: run.clone() });
        };
        let mut inputs = input.clone();
        inputs.extend(rerun.inputs);
        let driver = if start.driver.is_null() { stored.header.driver.clone() } else { start.driver.clone() };
        let start = Start { inputs, trigger: trigger.clone(), driver, ..start };
        let origin = Origin { kind: OriginKind::Rerun, run: run.clone(), from: rerun.from };
        let files = files(&stored);
        let source = Source::new(&stored.header.source, &stored.header.text).among(&files);
        self.begin(source, plan, start, Some(origin)).await
    }
}

/// Whether the run, or a call of it that its playbook got over, failed.
fn anything_failed(stored: &StoredRun) -> bool {
    let mut failed: BTreeSet<OpId> = BTreeSet::new();
    let mut succeeded = false;
    for record in &stored.records {
        match &record.event {
            Happened::AttemptFailed { op, .. } => {
                failed.insert(*op);
            }
            Happened::Performed { op, .. } => {
                failed.remove(op);
            }
            Happened::Ended { status, .. } => succeeded = *status == RunStatus::Succeeded,
            _ => {}
        }
    }
    !succeeded || !failed.is_empty()
}
