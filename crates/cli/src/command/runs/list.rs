//! `portcullis runs list`: a line for each run, page by page, so that a million of them need no more memory than
//! one page.

use anyhow::Result;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use journal::{Query, RunId, RunStatus, Summary};
use serde_json::json;

use super::time;
use crate::exit::Exit;
use crate::output::{self, line};
use crate::resume::run_id;
use crate::wire::{self, Shared};

/// Every status, by the word shown to people.
const STATUSES: [RunStatus; 8] = [
    RunStatus::Running,
    RunStatus::Waiting,
    RunStatus::Paused,
    RunStatus::NeedsUpgrade,
    RunStatus::Succeeded,
    RunStatus::Failed,
    RunStatus::Cancelled,
    RunStatus::Unknown,
];

/// How many runs are asked for at a time.
const PAGE: usize = 500;

/// List runs, the newest first
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only runs that stand like this
    #[arg(long, value_name = "STATUS", value_parser = status())]
    status: Option<RunStatus>,
    /// Only runs of the playbook with this id
    #[arg(long, value_name = "ID")]
    playbook: Option<String>,
    /// Only runs that were made from this one: reruns and undos
    #[arg(long, value_name = "RUN")]
    of: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
    /// Only runs that began before this one: the next page
    #[arg(long, value_name = "RUN")]
    before: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Reads a status by its word.
pub(super) fn status() -> impl TypedValueParser<Value = RunStatus> {
    PossibleValuesParser::new(STATUSES.map(RunStatus::as_str))
        .map(|word| STATUSES.into_iter().find(|status| status.as_str() == word).unwrap_or(RunStatus::Unknown))
}

impl List {
    pub(super) async fn run(self, shared: &Shared) -> Result<Exit> {
        let journal = wire::reader(shared)?;
        let mut query = Query {
            limit: 0,
            status: self.status,
            playbook: self.playbook.clone(),
            origin: self.of.as_deref().map(run_id).transpose()?,
            before: self.before.as_deref().map(run_id).transpose()?,
        };
        if let Some(before) = &query.before {
            // An unknown run would be an empty page, which reads as "there are no more".
            journal.load(before).await?;
        }
        let mut left = self.limit;
        let mut printer = Printer { json: self.json, any: false };
        let filtered = query != Query::default();
        let mut open = printer.begin();
        let mut next = None;
        while open && left > 0 {
            let asked = left.min(PAGE);
            query.limit = asked;
            let page = journal.list(&query).await?;
            open = printer.page(&page);
            left -= page.len().min(asked);
            next = page.last().map(|run| run.run.clone()).filter(|_| page.len() == asked);
            match &next {
                Some(last) => query.before = Some(last.clone()),
                None => break,
            }
        }
        printer.end(next.as_ref(), filtered);
        Ok(Exit::Done)
    }
}

/// Writes page by page; says whether anybody reads on.
struct Printer {
    json: bool,
    any: bool,
}

impl Printer {
    fn begin(&self) -> bool {
        !self.json || output::pass("{\n  \"runs\": [")
    }

    fn page(&mut self, page: &[Summary]) -> bool {
        let mut text = String::new();
        for run in page {
            if self.json {
                text.push_str(if self.any { ",\n    " } else { "\n    " });
                text.push_str(&json!(run).to_string());
            } else {
                text.push_str(&words(run));
            }
            self.any = true;
        }
        output::pass(&text)
    }

    fn end(&self, next: Option<&RunId>, filtered: bool) {
        if self.json {
            let _ = output::pass(&format!("\n  ],\n  \"next\": {}\n}}\n", json!(next)));
        } else if !self.any {
            output::say(if filtered { "no such runs" } else { "no runs yet" });
        }
    }
}

fn words(run: &Summary) -> String {
    let origin = run.origin.as_ref().map(|origin| format!("  {}", super::words::origin(origin)));
    format!(
        "{}  {}  {:<13} {:>6} records  {}{}\n",
        run.run,
        time(run.created),
        run.status.as_str(),
        run.records,
        line(&run.playbook),
        origin.unwrap_or_default()
    )
}
