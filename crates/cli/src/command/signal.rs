//! `portcullis signal`: send a run an event, and go on with it.

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;

use crate::exit::{Exit, Wrong};
use crate::resume::{Then, resume};
use crate::wire::Shared;

/// The most an event may bring, in bytes.
pub(crate) const MAX_PAYLOAD: u64 = 1024 * 1024;

/// Send a run an event, and go on with it
#[derive(Debug, Args)]
pub(crate) struct Signal {
    /// The run, as `portcullis runs list` shows it
    run: String,
    /// The name of the event
    name: String,
    /// What it brings, as JSON; nothing if neither this nor --file is given
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    payload: Option<String>,
    /// A JSON or YAML file with what it brings
    #[arg(long, value_name = "FILE")]
    file: Option<std::path::PathBuf>,
    /// Print one JSON object at the end instead of text
    #[arg(long)]
    json: bool,
}

impl Signal {
    pub(crate) async fn run(self, shared: &Shared) -> Result<Exit> {
        let payload = match (&self.payload, &self.file) {
            (Some(text), _) => serde_json::from_str(text)
                .map_err(|error| Wrong(format!("--payload is not JSON: {error}")))?,
            (None, Some(file)) => document(file, "the event")?,
            (None, None) => Value::Null,
        };
        resume(shared, &self.run, Then::Signal(self.name, payload), self.json).await
    }
}

/// Reads a JSON or YAML document.
pub(crate) fn document(file: &std::path::Path, what: &str) -> Result<Value> {
    let bytes = crate::read::at_most(file, MAX_PAYLOAD + 1)
        .with_context(|| format!("could not read {what} {}", file.display()))
        .map_err(|error| Wrong(format!("{error:#}")))?;
    if bytes.len() as u64 > MAX_PAYLOAD {
        return Err(Wrong(format!("{what} {} has more than {MAX_PAYLOAD} bytes", file.display())).into());
    }
    crate::inputs::read_document(&bytes)
        .map_err(|error| Wrong(format!("{what} {} is neither JSON nor YAML: {error}", file.display())).into())
}
