//! `portcullis connection list`.

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use crate::config::Connection;
use crate::exit::Exit;
use crate::output;
use crate::wire::Shared;

/// List the connections of the configuration
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

impl List {
    pub(crate) fn run(self, shared: &Shared) -> Result<Exit> {
        let config = shared.config()?;
        if self.json {
            let one = |(name, connection): (&String, &Connection)| {
                let Connection::Ews(ews) = connection;
                json!({ "name": name, "kind": "ews", "address": ews.address.shown(), "log_in": ews.auth.kind() })
            };
            output::say_json(&Value::Array(config.connections.iter().map(one).collect()));
            return Ok(Exit::Done);
        }
        if config.connections.is_empty() {
            output::say("no connections are configured");
        }
        let width = config.connections.keys().map(String::len).max().unwrap_or_default();
        for (name, connection) in &config.connections {
            let Connection::Ews(ews) = connection;
            let line = format!("{name:width$}  ews  {:18}  {}", ews.auth.kind(), ews.address.shown());
            output::say(&output::line(&line));
        }
        Ok(Exit::Done)
    }
}
