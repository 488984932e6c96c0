//! `portcullis rerun`: does a run again, without repeating what succeeded. `portcullis runs retry` is the same for
//! what failed.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use crate::again::{Before, Manner, carry, refused, start};
use crate::command::run::Approve;
use crate::exit::{Exit, Wrong};
use crate::identity::IdentityFlags;
use crate::inputs::read_value;
use crate::output::{self, line};
use crate::resume::{run_id, step_path};
use crate::wire::Shared;

/// Do a run again: what succeeded with the same input is taken over, everything else happens
#[derive(Debug, Args)]
pub(crate) struct Rerun {
    /// The run
    run: String,
    /// Do this step, and everything after it, again even if it succeeded; a path such as `clean[17]/delete`
    #[arg(long, value_name = "STEP")]
    from: Option<String>,
    /// Only what failed; if nothing did, nothing happens
    #[arg(long, conflicts_with = "from")]
    failed_items: bool,
    /// Another value for an input; the value is read as JSON, and as plain text where it is none
    #[arg(long = "with", value_name = "NAME=VALUE")]
    with: Vec<String>,
    #[command(flatten)]
    how: How,
}

/// Do again what failed in a run; the same as `rerun RUN --failed-items`
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// The run
    run: String,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
struct How {
    /// Approve in advance; without it the run asks, or waits with exit code 3
    #[arg(long, value_enum, value_name = "WHAT")]
    approve: Option<Approve>,
    #[command(flatten)]
    identity: IdentityFlags,
    /// Print one JSON object at the end instead of text
    #[arg(long)]
    json: bool,
}

impl Retry {
    pub(crate) async fn run(self, shared: &Shared) -> Result<Exit> {
        let Retry { run, how } = self;
        Rerun { run, from: None, failed_items: true, with: Vec::new(), how }.run(shared).await
    }
}

impl Rerun {
    pub(crate) async fn run(self, shared: &Shared) -> Result<Exit> {
        let id = run_id(&self.run)?;
        let rerun = engine::Rerun {
            from: self.from.as_deref().map(step_path).transpose()?,
            failed_items: self.failed_items,
            inputs: self.inputs()?,
        };
        let person = self.how.identity.person(shared)?;
        let (approved, json) = (self.how.approve.is_some(), self.how.json);
        let before = Before::open(shared, &id).await?;
        before.require_connections(shared)?;
        let name = before.stored.header.source.clone();
        let (start, events) = start(&person, approved);
        let mut run = match before.engine.rerun(&id, rerun, start).await {
            Ok(run) => run,
            Err(error) => return refused(error, &name, json),
        };
        let manner = Manner { person, approved, json, name: name.clone() };
        let (report, exit) = carry(shared, &before, &mut run, events, manner).await?;
        if json {
            output::say_json(&report.to_json(run.id().as_str(), &name, false));
        }
        drop(run);
        before.close().await;
        Ok(exit)
    }

    fn inputs(&self) -> Result<BTreeMap<String, Value>> {
        let pair = |text: &String| {
            let (name, value) = text.split_once('=').ok_or_else(|| {
                Wrong(format!("`--with {}`: expected NAME=VALUE, e.g. `--with limit=5`", line(text)))
            })?;
            Ok((name.trim().to_owned(), read_value(value)))
        };
        self.with.iter().map(pair).collect()
    }
}
