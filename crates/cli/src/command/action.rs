//! `portcullis action run`: one action, without a playbook of one's own.
//!
//! It runs as a playbook of one step, so it is checked, journaled and limited like any other. A change asks
//! first, like an approval.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use engine::{Mode, Person, Source, Spec, Start};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::unbounded_channel;

use crate::command::actions::find;
use crate::exit::{Exit, Wrong};
use crate::follow::{Driven, Follow, follow};
use crate::identity::who;
use crate::inputs::read_value;
use crate::output::{self, Style};
use crate::report::input_text;
use crate::simulator::Simulator;
use crate::subjects::Subjects;
use crate::wire::{self, Keep, Shared};

/// Carry out a single action
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Carry out one action and print its output
    Run(RunOne),
}

/// Carry out one action and print its output
#[derive(Debug, Args)]
pub(crate) struct RunOne {
    /// The action, e.g. `mail.search`
    name: String,
    /// The connection to use, for actions that need one
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// One field of the input; the value is read as JSON, and as plain text where it is none
    #[arg(long = "with", value_name = "FIELD=VALUE")]
    with: Vec<String>,
    /// The whole input as a JSON object; `--with` fields win
    #[arg(long, value_name = "TEXT")]
    json: Option<String>,
    /// Use a simulated Exchange organisation, filled from this folder of mails
    #[arg(long, require_equals = true, value_name = "DIR")]
    sim: Option<PathBuf>,
    /// Touch nothing: say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before a change
    #[arg(long)]
    yes: bool,
}

impl Action {
    pub(crate) async fn run(self, shared: &Shared) -> Result<Exit> {
        let Action::Run(one) = self;
        one.run(shared).await
    }
}

impl RunOne {
    async fn run(self, shared: &Shared) -> Result<Exit> {
        crate::signals::listen()?;
        let simulator = match &self.sim {
            None => None,
            Some(folder) => Some(Simulator::start(folder).await?),
        };
        let keep = if self.dry_run { Keep::Memory } else { Keep::Disk };
        let subjects = Subjects::default();
        let listen = |actions| Ok(if self.dry_run { subjects.around(actions) } else { actions });
        let engine = wire::engine_around(shared, &keep, simulator.as_ref(), listen)?;
        let spec = find(&engine, &self.name)?;
        let input = self.input()?;
        if spec.effect.changes() && !self.dry_run && !self.yes && !confirmed(&self.name, &input)? {
            return Ok(Exit::Waiting);
        }
        let text = self.playbook(&spec, &input)?;
        let (sender, events) = unbounded_channel();
        let start = Start {
            starter: who(),
            mode: if self.dry_run { Mode::DryRun } else { Mode::Real },
            events: Some(sender),
            driver: super::run::driver_note(self.sim.clone()),
            ..Start::default()
        };
        let mut run = match engine.start(Source::new(&self.name, &text), start).await {
            Ok(run) => run,
            Err(engine::EngineError::Playbook(problems)) => {
                let lines: Vec<String> =
                    problems.iter().map(|problem| format!("  {}", problem.message)).collect();
                return Err(Wrong(format!("{} cannot be called so:\n{}", self.name, lines.join("\n"))).into());
            }
            Err(error) => return Err(error.into()),
        };
        let how = Follow {
            progress: None,
            person: Person::from(&who()),
            interactive: false,
            approved: false,
            leave_waiting: true,
            driven: Driven::by(&engine, shared, &keep, &self.name).simulated(simulator.is_some()),
        };
        let (mut report, exit) = follow(&mut run, events, how).await?;
        if self.dry_run {
            subjects.look(&engine, report.planned()).await;
            report.subjects = subjects;
        }
        match report.end.as_ref().map(|end| (&end.outputs, &end.failure)) {
            Some((_, Some(failure))) => {
                output::complain(&format!("error: {}", output::visible(&failure.to_string())))
            }
            Some((outputs, None)) if self.dry_run => {
                let _ = outputs;
                output::say_raw(&report.to_text(run.id().as_str(), &self.name, true, Style::stdout()));
            }
            Some((outputs, None)) => output::say_json(outputs.get("output").unwrap_or(&Value::Null)),
            None => {}
        }
        drop(run);
        if let Some(simulator) = simulator {
            simulator.stop().await;
        }
        Ok(exit)
    }

    fn input(&self) -> Result<Map<String, Value>> {
        let mut input = match &self.json {
            None => Map::new(),
            Some(text) => match serde_json::from_str(text) {
                Ok(Value::Object(map)) => map,
                Ok(_) => {
                    return Err(Wrong("`--json` takes an object, e.g. '{\"limit\": 5}'".to_owned()).into());
                }
                Err(error) => return Err(Wrong(format!("`--json` is not JSON: {error}")).into()),
            },
        };
        for pair in &self.with {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| Wrong(format!("`--with {pair}`: expected FIELD=VALUE")))?;
            input.insert(name.to_owned(), read_value(value));
        }
        Ok(input)
    }

    /// A playbook of one step. JSON is YAML, and values travel as inputs' defaults cannot be expressions.
    fn playbook(&self, spec: &Spec, input: &Map<String, Value>) -> Result<String> {
        let kind = spec.connection.as_deref();
        let name = self.connection.as_deref().unwrap_or("mail");
        let mut step = json!({"id": "call", "uses": self.name, "with": input});
        let mut playbook = json!({"playbook": 1, "id": "action-run", "name": self.name});
        if let (Some(kind), Some(step), Some(playbook)) =
            (kind, step.as_object_mut(), playbook.as_object_mut())
        {
            step.insert("connection".to_owned(), json!(name));
            playbook.insert("connections".to_owned(), json!({name: {"kind": kind}}));
        }
        // What a playbook hands out has a declared type; every action answers with an object.
        let output = json!({"type": "object", "value": "${{ steps.call.output }}"});
        if let Some(playbook) = playbook.as_object_mut() {
            playbook.insert("steps".to_owned(), json!([step]));
            playbook.insert("outputs".to_owned(), json!({"output": output}));
        }
        let mut text = String::from("playbook: 1\n");
        if let Some(playbook) = playbook.as_object_mut() {
            playbook.remove("playbook");
        }
        text.push_str(&serde_yaml::to_string(&playbook).context("the input cannot be written as YAML")?);
        Ok(text)
    }
}

/// Asks before a change; without a terminal nothing is changed unasked.
fn confirmed(action: &str, input: &Map<String, Value>) -> Result<bool> {
    if !output::is_interactive() {
        return Err(Wrong(format!("{action} changes something; add --yes, or --dry-run to see what")).into());
    }
    let shown = input_text(&Value::Object(input.clone()), 60);
    output::complain(&format!("  {action}  {shown}\n  Do it? [y]es, anything else does nothing:"));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("could not read the answer")?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}
