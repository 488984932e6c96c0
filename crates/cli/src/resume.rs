//! Going on with a stored run: the same surroundings again, then follow it.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use engine::{Decision, Engine, EngineError, Person, Run, RunId, RunStatus, Start, StepPath};
use interpreter::Command;
use journal::{Event as Happened, StoredRun};
use playbook::{Actions, Source};
use serde_json::Value;
use tokio::sync::mpsc::unbounded_channel;

use crate::command::next_steps;
use crate::exit::{Exit, Wrong};
use crate::follow::{Follow, follow};
use crate::identity::{IdentityFlags, who};
use crate::inputs::InputFlags;
use crate::output::{self, Style};
use crate::progress::Progress;
use crate::simulator::Simulator;
use crate::wire::{self, Keep, Shared};

/// What to do with the run before following it.
#[derive(Debug)]
pub(crate) enum Then {
    /// Nothing.
    Follow,
    /// Answer this question.
    Decide(StepPath, Decision, Person),
    /// Fill this form in.
    Answer(StepPath, InputFlags, Person),
    /// Send it this event.
    Signal(String, Value),
    /// Stop it.
    Cancel,
}

/// Reads a run's name.
pub(crate) fn run_id(text: &str) -> Result<RunId> {
    RunId::new(text).ok_or_else(|| Wrong(format!("`{text}` is not the name of a run")).into())
}

/// Goes on with a run.
pub(crate) async fn resume(shared: &Shared, run: &str, then: Then, json: bool) -> Result<Exit> {
    let id = run_id(run)?;
    let stored = {
        let journal = wire::journal(shared)?;
        journal.load(&id).await?
    };
    let header = &stored.header;
    let ended = stored.records.iter().find_map(|record| match &record.event {
        Happened::Ended { status, .. } => Some(status.as_str()),
        _ => None,
    });
    if let (Some(status), Then::Decide(..) | Then::Answer(..) | Then::Signal(..) | Then::Cancel) =
        (ended, &then)
    {
        let message =
            format!("run {id} is over ({status}) and waits for nothing; `portcullis runs show {id}`");
        return Err(Wrong(message).into());
    }
    let sim = header.driver.get("sim").and_then(|sim| sim.as_str()).map(PathBuf::from);
    if sim.is_some() && ended.is_none() && changed_something(&stored)? {
        return Err(anyhow!(
            "run {id} used a simulator inside a process that is gone, and had changed mails there; start it anew"
        ));
    }
    let simulator = match &sim {
        None => None,
        Some(folder) => Some(Simulator::start(folder).await?),
    };
    let engine = wire::engine(shared, &Keep::Disk, simulator.as_ref())?;
    let (sender, events) = unbounded_channel();
    let start = Start { starter: who(), events: Some(sender), ..Start::default() };
    let mut run = match engine.resume(&id, start).await {
        Ok(run) => run,
        Err(EngineError::NeedsUpgrade { run, diagnostics }) => {
            let source = Source::new(&header.source, &header.text);
            crate::diagnose::print(&diagnostics, source, json);
            return Err(EngineError::NeedsUpgrade { run, diagnostics: Vec::new() })
                .context("its playbook, as it was stored, does not check with this version");
        }
        Err(error) => return Err(error.into()),
    };
    let cancelling = matches!(then, Then::Cancel);
    let person = match &then {
        Then::Decide(_, _, person) | Then::Answer(_, _, person) => person.clone(),
        Then::Follow | Then::Signal(..) | Then::Cancel => IdentityFlags::default().person(shared)?,
    };
    let following = matches!(then, Then::Follow);
    let interactive = output::is_interactive() && !json && following;
    say(&run, then, &engine, &stored).await?;
    let progress = (Style::stderr().is_on() && !json)
        .then(|| engine.replay(&stored).map(|machine| Progress::of(machine.plan())))
        .transpose()?;
    let how = Follow { progress, person, interactive, approved: false, leave_waiting: !cancelling };
    let (report, mut exit) = follow(&mut run, events, how).await?;
    if cancelling && report.end.as_ref().is_some_and(|end| end.status == RunStatus::Cancelled) {
        exit = Exit::Done;
    }
    if json {
        output::say_json(&report.to_json(id.as_str(), &header.source, false));
    } else {
        output::say_raw(&report.to_text(id.as_str(), &header.source, false, Style::stdout()));
        if exit == Exit::Waiting {
            output::say(&next_steps(id.as_str(), &report));
        }
    }
    drop(run);
    if let Some(simulator) = simulator {
        simulator.stop().await;
    }
    Ok(exit)
}

/// Says to the run what it was resumed for.
async fn say(run: &Run, then: Then, engine: &Engine, stored: &StoredRun) -> Result<()> {
    match then {
        Then::Follow => {}
        Then::Cancel => run.cancel(&who()),
        Then::Decide(path, decision, person) => {
            run.decide(&path, decision, &person, None).await.map_err(|error| Wrong(error.to_string()))?;
        }
        Then::Answer(path, fields, person) => {
            let form = engine.replay(stored)?.pending().into_iter().find_map(|command| match command {
                Command::Form(form) if form.path == path => Some(form),
                _ => None,
            });
            let schema = form.map(|form| form.schema).unwrap_or_default();
            let answer = Value::Object(fields.read_for(&schema)?.into_iter().collect());
            run.answer(&path, answer, &person).await.map_err(|error| Wrong(error.to_string()))?;
        }
        Then::Signal(name, payload) => {
            run.signal(&name, payload).await.map_err(|error| Wrong(error.to_string()))?;
        }
    }
    Ok(())
}

/// Whether a run called anything that is not a read.
fn changed_something(stored: &StoredRun) -> Result<bool> {
    let catalogue = wire::catalogue()?;
    let reads = |name: &str| catalogue.spec(name).is_some_and(|spec| !spec.effect.changes());
    Ok(stored.records.iter().any(|record| match &record.event {
        Happened::Performing { action, .. } => !reads(action),
        _ => false,
    }))
}
