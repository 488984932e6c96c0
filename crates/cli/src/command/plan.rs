//! `portcullis plan`: what a playbook would do. Reads happen, changes do not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use cases::Replay;
use clap::Args;
use engine::{Engine, Mode, Policy, Secret, Secrets, Source, Start};
use tokio::sync::mpsc::unbounded_channel;

use crate::blast::{Reads, Report, Seen};
use crate::cases::open_cassette;
use crate::combined::Combined;
use crate::exit::Exit;
use crate::files::Folder;
use crate::identity::who;
use crate::inputs::{InputFlags, TriggerFlag};
use crate::output::{self, Style};
use crate::simulator::{self, Simulator};
use crate::subjects::Subjects;
use crate::wire::{self, Keep, Shared};

/// Show what a playbook would do: reads happen, changes do not
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The playbook
    file: PathBuf,
    #[command(flatten)]
    inputs: InputFlags,
    #[command(flatten)]
    trigger: TriggerFlag,
    /// Use a simulated Exchange organisation, filled from a folder of mails (default: `mail` beside the playbook)
    #[arg(long, num_args = 0..=1, require_equals = true, value_name = "DIR")]
    sim: Option<Option<PathBuf>>,
    /// Take the answers to reads from a recording of `portcullis run --record`; nothing is asked
    #[arg(long, value_name = "FILE", conflicts_with = "sim")]
    cassette: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

impl Plan {
    pub(crate) async fn run(self, shared: &Shared) -> Result<Exit> {
        let text = super::run::read_playbook(&self.file)?;
        let folder = self.sim.as_ref().map(|folder| simulator::folder(folder.as_deref(), &self.file));
        let simulator = match &folder {
            None => None,
            Some(folder) => Some(Simulator::start(folder).await?),
        };
        let subjects = Subjects::default();
        let engine = match &self.cassette {
            None => wire::engine_around(shared, &Keep::Memory, simulator.as_ref(), |actions| {
                Ok(subjects.around(actions))
            })?,
            Some(file) => replaying(file, shared.config()?.policy, &subjects)?,
        };
        let name = self.file.display().to_string();
        let files = Folder::of(&self.file);
        let source = Source::new(&name, &text).among(&files);
        let checked = engine.check(source);
        let Some(plan) = checked.plan.map(Arc::new) else {
            crate::diagnose::print(&checked.diagnostics, source, self.json);
            return Ok(Exit::Wrong);
        };
        if simulator.is_none() && self.cassette.is_none() {
            wire::require_connections(shared, Some(&plan))?;
        }
        let (sender, mut events) = unbounded_channel();
        let start = Start {
            inputs: self.inputs.read()?,
            trigger: self.trigger.read()?,
            starter: who(),
            mode: Mode::DryRun,
            events: Some(sender),
            ..Start::default()
        };
        let mut run = match engine.start_checked(source, Arc::clone(&plan), start).await {
            Ok(run) => run,
            Err(error) => return super::run::refused(error, source, self.json),
        };
        let mut seen = Seen::default();
        while let Some(event) = events.recv().await {
            seen.note(&event);
        }
        let end = run.wait().await?;
        seen.end.get_or_insert(end);
        let reads = match (&simulator, &self.cassette) {
            (Some(_), _) => Reads::Simulator,
            (None, Some(_)) => Reads::Cassette,
            (None, None) => Reads::Real,
        };
        if self.cassette.is_none() {
            subjects.look(&engine, seen.planned()).await;
        }
        let report = Report::new(&name, &plan, &engine, seen, (reads, &subjects));
        if self.json {
            output::say_json(&serde_json::to_value(&report)?);
        } else {
            output::say_raw(&report.to_text(Style::stdout()));
        }
        drop(run);
        if let Some(simulator) = simulator {
            simulator.stop().await;
        }
        Ok(report.exit())
    }
}

/// An engine whose every answer comes from a recording.
fn replaying(file: &Path, policy: Policy, subjects: &Subjects) -> Result<Engine> {
    let catalogue = wire::catalogue()?;
    let replay = Replay::new(Arc::new(open_cassette(file)?), catalogue.actions(), &[])
        .with_plugins(playbook::Actions::plugins(&catalogue));
    // Whoever is asked nothing needs no secret; what stands for one in the recording is not one either.
    let actions = subjects.around(Combined::new(vec![Arc::new(replay)]));
    let builder = Engine::builder().source(actions).secrets(NoneNeeded).policy(policy);
    builder.build().context("could not put the engine together")
}

/// Something in place of every secret.
struct NoneNeeded;

impl Secrets for NoneNeeded {
    fn get(&self, name: &str) -> Option<Secret> {
        Some(Secret::new(format!("secret:{name}")))
    }
}
