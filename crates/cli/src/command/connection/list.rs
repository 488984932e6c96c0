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
                let (address, log_in) = facts(connection);
                json!({ "name": name, "kind": connection.kind(), "address": address, "log_in": log_in })
            };
            output::say_json(&Value::Array(config.connections.iter().map(one).collect()));
            return Ok(Exit::Done);
        }
        if config.connections.is_empty() {
            output::say("no connections are configured");
        }
        let width = config.connections.keys().map(String::len).max().unwrap_or_default();
        let kinds = config.connections.values().map(|connection| connection.kind().len()).max();
        let kinds = kinds.unwrap_or_default();
        for (name, connection) in &config.connections {
            let (address, log_in) = facts(connection);
            let line = format!("{name:width$}  {:kinds$}  {log_in:18}  {address}", connection.kind());
            output::say(&output::line(&line));
        }
        Ok(Exit::Done)
    }
}

/// Where it leads and how it logs in.
fn facts(connection: &Connection) -> (String, &'static str) {
    match connection {
        Connection::Ews(ews) => (ews.address.shown(), ews.auth.kind()),
        Connection::Web(web) => (web.shown_place(), web.auth.kind()),
    }
}
