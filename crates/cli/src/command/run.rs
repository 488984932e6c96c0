//! `portcullis run`: start a playbook and follow it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use engine::{Approvals, EngineError, Mode, Source, Start};
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;

use crate::exit::{Exit, Wrong};
use crate::files::Folder;
use crate::follow::{Driven, Follow, follow};
use crate::identity::IdentityFlags;
use crate::inputs::{InputFlags, TriggerFlag};
use crate::next;
use crate::output::{self, Style};
use crate::progress::Progress;
use crate::simulator::{self, Simulator};
use crate::subjects::Subjects;
use crate::tape::TapeFlags;
use crate::wire::{self, Keep, Shared};

/// Run a playbook
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The playbook
    file: PathBuf,
    #[command(flatten)]
    inputs: InputFlags,
    #[command(flatten)]
    trigger: TriggerFlag,
    /// Use a simulated Exchange organisation, filled from a folder of mails (default: `mail` beside the playbook)
    #[arg(long, num_args = 0..=1, require_equals = true, value_name = "DIR")]
    sim: Option<Option<PathBuf>>,
    /// Touch nothing: reads happen, everything else is listed
    #[arg(long)]
    dry_run: bool,
    /// Approve in advance; without it the run asks, or waits with exit code 3
    #[arg(long, value_enum, value_name = "WHAT")]
    approve: Option<Approve>,
    #[command(flatten)]
    identity: IdentityFlags,
    #[command(flatten)]
    tape: TapeFlags,
    /// Print one JSON object at the end instead of text
    #[arg(long)]
    json: bool,
}

/// What is approved in advance.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Approve {
    /// Every approval of this run
    All,
}

impl Run {
    pub(crate) async fn run(self, shared: &Shared) -> Result<Exit> {
        crate::signals::listen()?;
        let text = read_playbook(&self.file)?;
        let folder = self.sim.as_ref().map(|folder| simulator::folder(folder.as_deref(), &self.file));
        let simulator = match &folder {
            None => None,
            Some(folder) => Some(Simulator::start(folder).await?),
        };
        let keep = if self.dry_run || self.tape.replays() { Keep::Memory } else { Keep::Disk };
        let name = self.file.display().to_string();
        let mut tape = self.tape.tape(&name);
        let subjects = Subjects::default();
        let engine = wire::engine_around(shared, &keep, simulator.as_ref(), |actions| {
            let actions = tape.around(shared, actions)?;
            Ok(if self.dry_run { subjects.around(actions) } else { actions })
        })?;
        let files = Folder::of(&self.file);
        let source = Source::new(&name, &text).among(&files);
        let checked = engine.check(source);
        let Some(plan) = checked.plan.map(Arc::new) else {
            crate::diagnose::print(&checked.diagnostics, source, self.json);
            return Ok(Exit::Wrong);
        };
        if simulator.is_none() && !self.tape.replays() {
            wire::require_connections(shared, Some(&plan))?;
        }
        let (sender, events) = unbounded_channel();
        let person = self.identity.person(shared)?;
        let start = Start {
            inputs: self.inputs.read()?,
            trigger: self.trigger.read()?,
            starter: person.name.clone(),
            mode: if self.dry_run { Mode::DryRun } else { Mode::Real },
            approvals: match self.approve {
                Some(Approve::All) => {
                    Approvals::ApproveAll { by: format!("{} (--approve=all)", person.name) }
                }
                None => Approvals::Ask,
            },
            events: Some(sender),
            driver: driver_note(folder),
            ..Start::default()
        };
        let mut run = match engine.start_checked(source, Arc::clone(&plan), start).await {
            Ok(run) => run,
            Err(error) => return refused(error, source, self.json),
        };
        let interactive = output::is_interactive() && !self.json;
        let progress = (Style::stderr().is_on() && !self.json).then(|| Progress::of(&plan));
        let approved = self.approve.is_some();
        let driven = Driven::by(&engine, shared, &keep, &name).simulated(simulator.is_some());
        let how = Follow { progress, person, interactive, approved, leave_waiting: true, driven };
        let (mut report, exit) = follow(&mut run, events, how).await?;
        if self.dry_run {
            // What is written down is what the playbook reads.
            if !self.tape.records() {
                subjects.look(&engine, report.planned()).await;
            }
            report.subjects = subjects;
        }
        let id = run.id().to_string();
        if self.json {
            output::say_json(&report.to_json(&id, &name, self.dry_run));
        } else {
            output::say_raw(&report.to_text(&id, &name, self.dry_run, Style::stdout()));
            if exit == Exit::Waiting {
                output::say(&next::carry(&next_steps(&id, &report)));
            }
        }
        drop(run);
        if let Some(simulator) = simulator {
            simulator.stop().await;
        }
        // A call that was not recorded may have been caught by the playbook; the replay is wrong all the same.
        Ok(if tape.finish()? { exit } else { Exit::Failed })
    }
}

/// What to type when a run waits.
pub(crate) fn next_steps(id: &str, report: &crate::report::Report) -> String {
    let paused = report.is_paused();
    let paused = paused.then(|| format!("\n  portcullis runs continue {id}\n  portcullis runs step {id}"));
    let asks = report.asks.iter();
    paused
        .into_iter()
        .chain(
            asks.map(|ask| {
                format!("\n  portcullis approve {id} {0}\n  portcullis reject {id} {0}", ask.path)
            }),
        )
        .chain(
            report
                .forms
                .iter()
                .map(|form| format!("\n  portcullis answer {id} {} -i FIELD=VALUE", form.path)),
        )
        .chain(report.waits.iter().filter_map(|pause| {
            let event = pause.event.as_ref()?;
            Some(format!("\n  portcullis signal {id} {} --payload JSON", output::line(&event.name)))
        }))
        .collect()
}

/// Reads a playbook file; the checker says what is wrong with its content.
pub(crate) fn read_playbook(file: &Path) -> Result<String> {
    let bytes = crate::read::at_most(file, playbook::MAX_BYTES as u64 + 1)
        .with_context(|| format!("could not read the playbook {}", file.display()))
        .map_err(|error| Wrong(format!("{error:#}")))?;
    match playbook::decode(&bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(problem) => {
            let help = problem.help.map(|help| format!("\n  help: {help}")).unwrap_or_default();
            Err(Wrong(format!("{}: {} [{}]{help}", file.display(), problem.message, problem.code)).into())
        }
    }
}

/// What a later `resume` must know. Holds no secret.
pub(crate) fn driver_note(sim: Option<PathBuf>) -> serde_json::Value {
    let sim = sim.map(|folder| folder.canonicalize().unwrap_or(folder).display().to_string());
    json!({"sim": sim})
}

/// Says why a run did not start.
pub(crate) fn refused(error: EngineError, source: Source<'_>, json: bool) -> Result<Exit> {
    match error {
        EngineError::Playbook(diagnostics) => {
            crate::diagnose::print(&diagnostics, source, json);
            Ok(Exit::Wrong)
        }
        other => Err(refusal(other, source.name)),
    }
}

/// Why no run of a playbook with this name was started.
pub(crate) fn refusal(error: EngineError, name: &str) -> anyhow::Error {
    let listed = |what: String, lines: Vec<String>| {
        Wrong(format!("{what}; nothing was done\n  {}", lines.join("\n  "))).into()
    };
    match error {
        EngineError::Inputs(problems) => listed(
            format!("the inputs do not fit {name}"),
            problems.iter().map(ToString::to_string).collect(),
        ),
        EngineError::Policy(refusals) => listed(
            format!("the policy does not allow {name}"),
            refusals.iter().map(|one| format!("{one} (`{}`)", one.rule)).collect(),
        ),
        EngineError::Trigger(_) | EngineError::Secrets(_) | EngineError::Key(_) => {
            Wrong(format!("{error}; nothing was done")).into()
        }
        other => other.into(),
    }
}
