//! `portcullis runs show`: where a run comes from, how it stands, and every record with what it led to.

use anyhow::Result;
use clap::Args;
use journal::{Event as Happened, Record, RunStatus, Standing, StoredRun};
use serde_json::json;

use super::replay::Replay;
use super::time;
use super::words::{describe, origin};
use crate::exit::Exit;
use crate::output::{self, Style, line};
use crate::resume::run_id;
use crate::wire::{self, Shared};

/// Show what happened in a run, record by record
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The run
    run: String,
    /// Print one JSON object, with every record
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) async fn run(self, shared: &Shared) -> Result<Exit> {
        let id = run_id(&self.run)?;
        let stored = wire::whole(shared, wire::reader(shared)?.load(&id).await?)?;
        let engine = wire::catalogue()?;
        let paused = paused_by(&stored.records);
        let status = status(&stored);
        // What is over needs nothing any more.
        let odd = if status.is_final() { Vec::new() } else { engine.incompatibilities(&stored) };
        if self.json {
            output::say_json(&json!({
                "header": stored.header,
                "status": status,
                "paused_by": paused,
                "incompatibilities": odd,
                "records": stored.records,
            }));
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
        if let Some(from) = &header.origin {
            output::say(&format!("origin    {}", origin(from)));
        }
        output::say(&format!("started   {}", time(header.created)));
        let by = paused.map(|by| format!(" by {}", line(by))).unwrap_or_default();
        output::say(&format!("status    {}{by}", status.as_str()));
        for reason in odd {
            output::say(&format!("          cannot go on: {}", line(&reason)));
        }
        output::say("");
        let mut replay = Replay::of(&engine, header);
        for record in &stored.records {
            let mut text =
                format!("{:>5}  {}  {}\n", record.seq, style.dim(&time(record.at)), describe(record));
            for shown in replay.as_mut().map(|replay| replay.lines(record, style)).unwrap_or_default() {
                text.push_str(&format!("{:33}{shown}\n", ""));
            }
            if !output::pass(&text) {
                return Ok(Exit::Done);
            }
        }
        if replay.is_none() {
            output::complain("the stored playbook does not check with this version: records only");
        }
        Ok(Exit::Done)
    }
}

fn status(stored: &StoredRun) -> RunStatus {
    let mut standing = Standing::new(stored.header.created);
    // Records that were loaded are in order; if not, what was counted so far is as good as it gets.
    let _ = standing.advance(&stored.header.run, &stored.records);
    standing.status()
}

/// Who paused the run, if it is paused.
fn paused_by(records: &[Record]) -> Option<&str> {
    records
        .iter()
        .rev()
        .find_map(|record| match &record.event {
            Happened::Paused { by } => Some(Some(by.as_str())),
            Happened::Continued { .. } | Happened::Ended { .. } => Some(None),
            _ => None,
        })
        .flatten()
}
