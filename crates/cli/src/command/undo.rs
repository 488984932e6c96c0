//! `portcullis undo`: shows how the effects of a run are taken back, asks, and does it as a run of its own.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use clap::Args;
use engine::{RunStatus, Undo as Planned};
use serde_json::{Value, json};

use crate::again::{Before, Manner, carry, refused, start};
use crate::exit::{Exit, Wrong};
use crate::identity::IdentityFlags;
use crate::next;
use crate::output::{self, Style, line};
use crate::report::{Report, indent, input_text};
use crate::resume::{run_id, step_path};
use crate::wire::Shared;

/// Take the effects of a run back, the newest first, as a run of its own
#[derive(Debug, Args)]
pub(crate) struct Undo {
    /// The run
    run: String,
    /// Only what this step did; a path such as `clean[17]/delete`, or `clean` for everything in it
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    identity: IdentityFlags,
    /// Print one JSON object at the end instead of text
    #[arg(long)]
    json: bool,
}

impl Undo {
    pub(crate) async fn run(self, shared: &Shared) -> Result<Exit> {
        let id = run_id(&self.run)?;
        let step = self.step.as_deref().map(step_path).transpose()?;
        let person = self.identity.person(shared)?;
        let before = Before::open(shared, &id).await?;
        let name = format!("undo of {id}");
        let planned = match before.engine.undo_plan(&id, step.as_ref()).await {
            Ok(planned) => planned,
            Err(error) => return refused(error, &name, self.json),
        };
        if !self.json {
            output::say_raw(&text(&planned, Style::stdout()));
        }
        if planned.steps.is_empty() || self.dry_run {
            if self.json {
                output::say_json(&json!({"undo": planned, "report": null}));
            }
            return Ok(if planned.steps.is_empty() { Exit::Nothing } else { Exit::Done });
        }
        before.require_connections(shared)?;
        if !self.yes && !confirmed(planned.steps.len())? {
            output::complain("nothing was taken back");
            return Ok(Exit::Nothing);
        }
        let (start, events) = start(&person, false);
        let (mut run, planned) = match before.engine.undo(&id, step.as_ref(), start).await {
            Ok(started) => started,
            Err(error) => return refused(error, &name, self.json),
        };
        let manner = Manner { person, approved: false, json: self.json, name: name.clone() };
        let (report, exit) = carry(shared, &before, &mut run, events, manner).await?;
        let exit = if exit == Exit::Done && failed(&report) > 0 { Exit::Failed } else { exit };
        if self.json {
            let report = report.to_json(run.id().as_str(), &name, false);
            output::say_json(&json!({"undo": planned, "report": report}));
        } else if exit == Exit::Done || exit == Exit::Failed {
            output::say_raw(&left(&planned, &report));
        }
        drop(run);
        before.close().await;
        Ok(exit)
    }
}

/// How many steps of an undo that is over took nothing back.
fn failed(report: &Report) -> u64 {
    let end = report.end.as_ref().filter(|end| end.status == RunStatus::Succeeded);
    end.and_then(|end| end.outputs.get("failed")).and_then(Value::as_u64).unwrap_or_default()
}

/// What would be done, what cannot be, and what was done before.
fn text(undo: &Planned, style: Style) -> String {
    let mut text = format!("{} {} ({})\n", style.bold("Undo of run"), undo.run, line(&undo.playbook));
    let mut part = |title: String, lines: Vec<String>| {
        if !lines.is_empty() {
            let _ = write!(text, "\n{title}\n{}", lines.concat());
        }
    };
    let steps = undo.steps.iter().map(|step| {
        let how = step.how.as_ref().map(|how| format!(": {}", line(how))).unwrap_or_default();
        let call = format!("  {}  {} by {}{how}\n", step.path, step.action, step.inverse.action);
        format!("{call}      {}\n", indent(&input_text(&step.inverse.input, 100), 6))
    });
    part(format!("To be taken back, the newest first: {}", undo.steps.len()), steps.collect());
    let lost =
        undo.lost.iter().map(|lost| format!("  {}  {}: {}\n", lost.path, lost.action, line(&lost.why)));
    part(format!("Cannot be taken back: {}", undo.lost.len()), lost.collect());
    let done = undo.done.iter().map(|done| match &done.again {
        None => format!("  {}  {} by run {}\n", done.path, done.action, done.by),
        Some(again) => next::carry(&format!(
            "  {}  {} by run {}, and made again by run {again}; `portcullis undo {again}` takes that back\n",
            done.path, done.action, done.by
        )),
    });
    part(format!("Taken back before: {}", undo.done.len()), done.collect());
    if undo.more > 0 {
        let _ = write!(text, "\n{} older effects are left for the next undo of this run.\n", undo.more);
    }
    if undo.steps.is_empty() {
        text.push_str("\nThere is nothing to do.\n");
    }
    text
}

/// What is as the run left it.
fn left(undo: &Planned, report: &Report) -> String {
    let failed = failed(report);
    let mut text = format!(
        "\n{} of {} taken back\n",
        undo.steps.len() as u64 - failed.min(undo.steps.len() as u64),
        undo.steps.len()
    );
    for (path, failure) in report.failures() {
        let of = undo.steps.iter().find(|step| step.id == path.as_str());
        if let Some(step) = of {
            let failure = line(&failure.to_string());
            let _ = writeln!(text, "  not taken back: {}  {}: {failure}", step.path, step.action);
        }
    }
    for lost in &undo.lost {
        let _ = writeln!(text, "  not taken back: {}  {}: {}", lost.path, lost.action, line(&lost.why));
    }
    if failed > 0 || undo.more > 0 {
        let _ = writeln!(text, "{}", next::carry(&format!("  `portcullis undo {}` tries again", undo.run)));
    }
    text
}

/// Asks; without a terminal nothing is changed unasked.
fn confirmed(steps: usize) -> Result<bool> {
    if !output::is_interactive() {
        let message = "an undo changes something; add --yes, or --dry-run to see what";
        return Err(Wrong(message.to_owned()).into());
    }
    output::complain(&format!("  Take {steps} effects back? [y]es, anything else does nothing:"));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("could not read the answer")?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}
