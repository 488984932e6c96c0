//! `portcullis runs logs`: what a person would have seen, one line for each thing that happened, with its time, its
//! step and its attempt.
//!
//! `--follow` looks at the journal again and again, without the lock, so it works beside the process that drives the
//! run and in another terminal. It looks less often where looking takes longer: a tenth of the time at most.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use engine::{ProgressKind, StepPath};
use interpreter::Awaited;
use journal::{Event as Happened, OpId, Record, StoredRun};
use serde_json::{Value, json};

use super::replay::{Followed, Replay};
use super::time;
use super::words::{describe, short};
use crate::exit::Exit;
use crate::output::{self, line};
use crate::progress::when;
use crate::resume::run_id;
use crate::wire::{self, Shared};

/// How long to wait at least before looking again.
const PAUSE: Duration = Duration::from_millis(250);

/// Show what a person would have seen, line by line
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// The run
    run: String,
    /// Go on until the run is over
    #[arg(long, short)]
    follow: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// One thing that happened.
struct Entry {
    path: StepPath,
    attempt: Option<u32>,
    event: &'static str,
    text: String,
}

impl Logs {
    pub(super) async fn run(self, shared: &Shared) -> Result<Exit> {
        let id = run_id(&self.run)?;
        let journal = wire::reader(shared)?;
        let mut told = Teller::default();
        loop {
            let begun = Instant::now();
            let mut stored = journal.load(&id).await?;
            stored.records.drain(..told.told.min(stored.records.len()));
            let over = stored.records.iter().any(|record| matches!(record.event, Happened::Ended { .. }));
            let open = told.tell(&wire::whole(shared, stored)?, self.json)?;
            if over || !open || !self.follow {
                return Ok(Exit::Done);
            }
            tokio::time::sleep(PAUSE.max(begun.elapsed() * 10)).await;
        }
    }
}

/// Tells every record once.
#[derive(Default)]
struct Teller {
    replay: Option<Replay>,
    told: usize,
    /// Where each operation stands, and its last attempt.
    places: HashMap<OpId, (StepPath, u32)>,
    attempts: HashMap<StepPath, u32>,
}

impl Teller {
    /// Tells further records. Whether anybody reads on.
    fn tell(&mut self, stored: &StoredRun, json: bool) -> Result<bool> {
        if self.told == 0 {
            self.replay = Replay::of(&wire::catalogue()?, &stored.header);
            if self.replay.is_none() {
                output::complain("the stored playbook does not check with this version: records only");
            }
        }
        for record in &stored.records {
            self.told += 1;
            let mut text = String::new();
            for entry in self.entries(record) {
                text.push_str(&if json {
                    entry.json(stored.header.run.as_str(), record)
                } else {
                    entry.line(record)
                });
            }
            if !output::pass(&text) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn entries(&mut self, record: &Record) -> Vec<Entry> {
        let mut entries: Vec<Entry> = self.own(record).into_iter().collect();
        let followed = self.replay.as_mut().map(|replay| replay.apply(record)).unwrap_or_default();
        entries.extend(followed.into_iter().filter_map(|followed| self.followed(followed, record)));
        entries
    }

    /// What the record itself says.
    fn own(&mut self, record: &Record) -> Option<Entry> {
        let (op, event) = match &record.event {
            Happened::Started { .. } => (None, "started"),
            Happened::Performing { op, attempt, path, action, .. } => {
                self.places.insert(*op, (path.clone(), *attempt));
                self.attempts.insert(path.clone(), *attempt);
                let text = format!("calls {}", line(action));
                return Some(Entry { path: path.clone(), attempt: Some(*attempt), event: "calling", text });
            }
            Happened::Asked { op, path, digest } => {
                self.places.insert(*op, (path.clone(), 0));
                let text = format!("asks a person, about {digest}");
                return Some(Entry { path: path.clone(), attempt: None, event: "asked", text });
            }
            // That the step has succeeded follows; only where the playbook is not understood, this is all there is.
            Happened::Performed { op, reused, .. } => match (&self.replay, reused) {
                (Some(_), None) => return None,
                _ => (Some(*op), "answered"),
            },
            Happened::AttemptFailed { op, .. } => (Some(*op), "attempt_failed"),
            Happened::Woken { op } => (Some(*op), "woken"),
            Happened::Withdrawn { op } => (Some(*op), "withdrawn"),
            Happened::Answered { op, .. } => (Some(*op), "filled_in"),
            Happened::Decided { op, .. } => (Some(*op), "decided"),
            Happened::Signalled { .. } => (None, "event"),
            Happened::CancelRequested { .. } => (None, "cancelled"),
            Happened::Paused { .. } => (None, "paused"),
            Happened::Continued { .. } => (None, "continued"),
            Happened::Stepped { .. } => (None, "stepped"),
            Happened::Stalled { .. } => (None, "stalled"),
            Happened::Adopted { .. } => (None, "adopted"),
            Happened::Ended { .. } => (None, "ended"),
        };
        let place = op.and_then(|op| self.places.get(&op)).cloned();
        let (path, attempt) = place.unwrap_or((StepPath::root(), 0));
        let said = describe(record);
        // The number of the operation says nothing beside the path.
        let text = match op {
            Some(op) => said.strip_prefix(&format!("#{op} ")).map_or(said.clone(), str::to_owned),
            None => said,
        };
        Some(Entry { path, attempt: Some(attempt).filter(|attempt| *attempt > 0), event, text })
    }

    /// What follows from it.
    fn followed(&self, followed: Followed, record: &Record) -> Option<Entry> {
        let (path, kind) = match followed {
            Followed::Step(path, kind) => (path, kind),
            Followed::Waits(pause) => {
                let until = pause.due.map(|due| format!(" {}", when(due, record.at))).unwrap_or_default();
                let text = match &pause.event {
                    Some(Awaited { name, .. }) => format!("waits for the event {}{until}", line(name)),
                    None => format!("waits{until}"),
                };
                return Some(Entry { path: pause.path.clone(), attempt: None, event: "waits", text });
            }
        };
        let (event, text) = match kind {
            ProgressKind::Items { total } => ("items", format!("{total} items")),
            ProgressKind::Retrying { until, .. } => {
                ("retrying", format!("is tried again {}", when(until, record.at)))
            }
            ProgressKind::Skipped => ("skipped", "skipped".to_owned()),
            ProgressKind::Succeeded => ("succeeded", "succeeded".to_owned()),
            ProgressKind::Failed { failure, tolerated } => {
                let on = if tolerated { " (the run goes on)" } else { "" };
                ("failed", format!("failed: {}{on}", line(&failure.to_string())))
            }
            ProgressKind::Signalled { name } => ("event_taken", format!("took the event {}", line(&name))),
            ProgressKind::Gave { output, .. } => ("gave", short(&output.unwrap_or_default())),
            ProgressKind::Started { .. } => return None,
        };
        let attempt = self.attempts.get(&path).copied();
        Some(Entry { path, attempt, event, text })
    }
}

impl Entry {
    fn line(&self, record: &Record) -> String {
        let path = if self.path == StepPath::root() { "-" } else { self.path.as_str() };
        let attempt = self.attempt.map_or_else(|| "-".to_owned(), |attempt| format!("#{attempt}"));
        format!("{}  {}  {attempt}  {}\n", time(record.at), line(path), self.text)
    }

    fn json(&self, run: &str, record: &Record) -> String {
        let path: Value = if self.path == StepPath::root() { Value::Null } else { json!(self.path) };
        let entry = json!({
            "run": run,
            "seq": record.seq,
            "time": time(record.at),
            "path": path,
            "attempt": self.attempt,
            "event": self.event,
            "text": self.text,
        });
        format!("{entry}\n")
    }
}
