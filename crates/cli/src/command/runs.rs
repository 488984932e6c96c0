//! `portcullis runs`: look at runs, and go on with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use clap::{Args, Subcommand};
use engine::{Event, EventKind, Source};
use interpreter::{Command, Machine, RunInfo};
use journal::{Event as Happened, Query, Record, StoredRun, Timestamp};
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::output::{self, Style, line};
use crate::progress::Progress;
use crate::resume::{Then, resume, run_id};
use crate::wire::{self, Shared};

/// Look at runs, and go on with them
#[derive(Debug, Subcommand)]
pub(crate) enum Runs {
    /// List runs, the newest first
    List(List),
    /// Show what happened in a run
    Show(Show),
    /// Go on with a run whose process is gone, or that waits
    Resume(Resume),
    /// Stop a run that waits or whose process is gone
    Cancel(Resume),
}

/// List runs, the newest first
#[derive(Debug, Args)]
pub(crate) struct List {
    /// How many at most
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Show what happened in a run
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The run
    run: String,
    /// Print JSON, with every record
    #[arg(long)]
    json: bool,
}

/// Go on with a run
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The run
    run: String,
    /// Print one JSON object at the end instead of text
    #[arg(long)]
    json: bool,
}

impl Runs {
    pub(crate) async fn run(self, shared: &Shared) -> Result<Exit> {
        match self {
            Runs::List(list) => list.run(shared).await,
            Runs::Show(show) => show.run(shared).await,
            Runs::Resume(it) => resume(shared, &it.run, Then::Follow, it.json).await,
            Runs::Cancel(it) => resume(shared, &it.run, Then::Cancel, it.json).await,
        }
    }
}

impl List {
    async fn run(self, shared: &Shared) -> Result<Exit> {
        let runs = wire::journal(shared)?.list(&Query::newest(self.limit)).await?;
        if self.json {
            output::say_json(&json!({"runs": runs}));
            return Ok(Exit::Done);
        }
        if runs.is_empty() {
            output::say("no runs yet");
        }
        for run in runs {
            output::say(&format!(
                "{}  {}  {:<10} {:>5} records  {}",
                run.run,
                time(run.created),
                run.status.as_str(),
                run.records,
                line(&run.playbook)
            ));
        }
        Ok(Exit::Done)
    }
}

impl Show {
    async fn run(self, shared: &Shared) -> Result<Exit> {
        let id = run_id(&self.run)?;
        let stored = wire::journal(shared)?.load(&id).await?;
        if self.json {
            output::say_json(&json!({"header": stored.header, "records": stored.records}));
            return Ok(Exit::Done);
        }
        let style = Style::stdout();
        let header = &stored.header;
        output::say(&format!("run       {}", header.run));
        output::say(&format!(
            "playbook  {} ({}, {})",
            line(&header.playbook),
            line(&header.source),
            header.digest
        ));
        output::say(&format!("started   {}\n", time(header.created)));
        let mut replay = Replay::of(&stored)?;
        for record in &stored.records {
            output::say(&format!("{:>5}  {}  {}", record.seq, style.dim(&time(record.at)), describe(record)));
            let lines = replay.as_mut().map(|replay| replay.lines(record, style)).unwrap_or_default();
            lines.iter().for_each(|line| output::say(&format!("{:33}{line}", "")));
        }
        if replay.is_none() {
            output::complain("the stored playbook does not check with this version: records only");
        }
        Ok(Exit::Done)
    }
}

/// The history again, for what it led to.
struct Replay {
    plan: Arc<plan::Plan>,
    run: RunInfo,
    machine: Option<Machine>,
    progress: Progress,
}

impl Replay {
    /// Nothing if the stored playbook does not check any more.
    fn of(stored: &StoredRun) -> Result<Option<Self>> {
        let header = &stored.header;
        let kept = header.files.iter();
        let files: BTreeMap<String, Arc<str>> =
            kept.map(|(path, text)| (path.clone(), Arc::from(text.as_str()))).collect();
        let source = Source::new(&header.source, &header.text).among(&files);
        Ok(wire::catalogue()?.check(source).plan.map(|plan| Replay {
            progress: Progress::of(&plan),
            plan: Arc::new(plan),
            run: RunInfo { id: header.run.as_str().to_owned() },
            machine: None,
        }))
    }

    /// What a record led to, as it was shown while the run went on.
    fn lines(&mut self, record: &Record, style: Style) -> Vec<String> {
        let turn = match &mut self.machine {
            None => Machine::start(Arc::clone(&self.plan), &self.run, record).map(|(machine, turn)| {
                self.machine = Some(machine);
                turn
            }),
            Some(machine) => machine.apply(record),
        };
        let Ok(turn) = turn else { return Vec::new() };
        let waits = turn.commands.iter().filter_map(|command| match command {
            Command::Pause(pause) => {
                let kind = EventKind::Waits(pause.clone());
                Some(Event { at: record.at, path: pause.path.clone(), kind })
            }
            _ => None,
        });
        let mut lines: Vec<String> = turn
            .progress
            .iter()
            .flat_map(|step| self.progress.step(&step.path, &step.kind, record.at, style))
            .collect();
        lines.extend(waits.flat_map(|event| self.progress.lines(&event, style)));
        lines
    }
}

/// One record on one line.
fn describe(record: &Record) -> String {
    match &record.event {
        Happened::Started { starter, input, trigger } => {
            let brought =
                if trigger.is_null() { String::new() } else { format!(", from {}", short(trigger)) };
            format!("started by {} with {}{brought}", line(starter), short(&json!(input)))
        }
        Happened::Performing { op, attempt, path, action, .. } => {
            let again = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
            format!("#{op} {path} calls {action}{again}")
        }
        Happened::Performed { op, output, .. } => format!("#{op} answered {}", short(output)),
        Happened::AttemptFailed { op, failure, .. } => {
            format!("#{op} failed: {}", line(&failure.to_string()))
        }
        Happened::Withdrawn { op } => format!("#{op} is not asked any more"),
        Happened::Answered { op, answer, by } => {
            format!("#{op} filled in by {}: {}", line(by), short(answer))
        }
        Happened::Signalled { name, payload } => format!("event {}: {}", line(name), short(payload)),
        Happened::Woken { op } => format!("#{op} goes on after its wait"),
        Happened::Asked { op, path, digest } => format!("#{op} {path} asks a person, about {digest:.12}…"),
        Happened::Decided { op, decision, by, .. } => format!("#{op} {} by {}", decision.as_str(), line(by)),
        Happened::Paused { by } => format!("paused by {}", line(by)),
        Happened::Continued { by } => format!("goes on, says {}", line(by)),
        Happened::Stepped { by } => format!("one more call, says {}", line(by)),
        Happened::Stalled { reasons } => format!("cannot go on: {}", line(&reasons.join("; "))),
        Happened::Adopted { by, .. } => format!("goes on with the actions of today, says {}", line(by)),
        Happened::CancelRequested { by } => format!("cancelled by {}", line(by)),
        Happened::Ended { status, failure, .. } => match failure {
            None => format!("ended: {}", status.as_str()),
            Some(failure) => format!("ended: {}: {}", status.as_str(), line(&failure.to_string())),
        },
    }
}

fn short(value: &Value) -> String {
    let text = line(&value.to_string());
    let cut: String = text.chars().take(100).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

fn time(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| at.0.to_string(), |time| format!("{time:.3}"))
}
