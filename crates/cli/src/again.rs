//! Runs that are made from an earlier one: wired as that was, followed, and reported.
//!
//! `rerun` and `undo` need the same surroundings: the connections the earlier run had, and a journal that holds it.
//! A run in a simulator inside a process that is gone took its mailboxes with it, so it is refused once it had changed
//! mail there.

use anyhow::{Result, anyhow};
use engine::{Approvals, Engine, EngineError, Event, Person, Run, RunId, Start};
use journal::StoredRun;
use plan::Plan;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::command::{next_steps, refusal};
use crate::exit::{Exit, Wrong};
use crate::follow::{Driven, Follow, follow};
use crate::next;
use crate::output::{self, Style};
use crate::progress::Progress;
use crate::report::Report;
use crate::resume::changed_something;
use crate::simulator::Simulator;
use crate::wire::{self, Keep, Shared};

/// An earlier run and what it needs around it.
pub(crate) struct Before {
    pub(crate) engine: Engine,
    pub(crate) stored: StoredRun,
    simulator: Option<Simulator>,
}

impl Before {
    /// Opens the data folder and the connections the run had.
    pub(crate) async fn open(shared: &Shared, id: &RunId) -> Result<Self> {
        crate::signals::listen()?;
        let stored = wire::whole(shared, wire::reader(shared)?.load(id).await?)?;
        let sim = stored.header.driver.get("sim").and_then(|sim| sim.as_str()).map(PathBuf::from);
        if sim.is_some() && changed_something(&stored)? {
            return Err(anyhow!(
                "run {id} used a simulator inside a process that is gone, and had changed mails there; start it anew"
            ));
        }
        let simulator = match &sim {
            None => None,
            Some(folder) => Some(Simulator::start(folder).await?),
        };
        let engine = wire::engine(shared, &Keep::Disk, simulator.as_ref())?;
        Ok(Before { engine, stored, simulator })
    }

    /// Refuses where the run's connections are not configured any more.
    pub(crate) fn require_connections(&self, shared: &Shared) -> Result<()> {
        if self.simulator.is_some() {
            return Ok(());
        }
        let machine = self.engine.replay(&self.stored)?;
        wire::require_connections(shared, Some(machine.plan()))
    }

    /// The end of it all.
    pub(crate) async fn close(self) {
        drop(self.engine);
        if let Some(simulator) = self.simulator {
            simulator.stop().await;
        }
    }
}

/// How a run that is made from another is started.
pub(crate) fn start(person: &Person, approved: bool) -> (Start, UnboundedReceiver<Event>) {
    let (sender, events) = unbounded_channel();
    let by = format!("{} (--approve=all)", person.name);
    let approvals = if approved { Approvals::ApproveAll { by } } else { Approvals::Ask };
    (Start { starter: person.name.clone(), approvals, events: Some(sender), ..Start::default() }, events)
}

/// What the command line says about how to follow it.
pub(crate) struct Manner {
    pub(crate) person: Person,
    pub(crate) approved: bool,
    pub(crate) json: bool,
    /// What the report calls it.
    pub(crate) name: String,
}

/// Follows the new run to its end, or until it waits.
pub(crate) async fn carry(
    shared: &Shared,
    before: &Before,
    run: &mut Run,
    events: UnboundedReceiver<Event>,
    manner: Manner,
) -> Result<(Report, Exit)> {
    let Manner { person, approved, json, name } = manner;
    let plan = match Style::stderr().is_on() && !json {
        true => Some(stored_plan(&before.engine, run.id()).await?),
        false => None,
    };
    let how = Follow {
        progress: plan.as_deref().map(Progress::of),
        person,
        interactive: output::is_interactive() && !json,
        approved,
        leave_waiting: true,
        driven: Driven::by(&before.engine, shared, &Keep::Disk, &name).simulated(before.simulator.is_some()),
    };
    let (report, exit) = follow(run, events, how).await?;
    let id = run.id().as_str();
    if !json {
        output::say_raw(&report.to_text(id, &name, false, Style::stdout()));
        if exit == Exit::Waiting {
            output::say(&next::carry(&next_steps(id, &report)));
        }
    }
    Ok((report, exit))
}

/// The plan of a run that has just begun. Its first record may still be on the way to the disk.
async fn stored_plan(engine: &Engine, run: &RunId) -> Result<Arc<Plan>> {
    loop {
        match engine.journal().load(run).await {
            Ok(stored) => return Ok(Arc::clone(engine.replay(&stored)?.plan())),
            Err(journal::JournalError::NotFound(_)) => tokio::task::yield_now().await,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Why nothing was started, with the exit code for it.
pub(crate) fn refused(error: EngineError, name: &str, json: bool) -> Result<Exit> {
    match error {
        EngineError::NothingToDo { .. } => {
            let message = error.to_string();
            if json {
                output::say_json(&serde_json::json!({ "nothing_to_do": message }));
            } else {
                output::say(&output::line(&message));
            }
            Ok(Exit::Nothing)
        }
        EngineError::NotOver { .. } | EngineError::NoSuchPlace { .. } | EngineError::Busy { .. } => {
            Err(Wrong(error.to_string()).into())
        }
        other => Err(refusal(other, name)),
    }
}
