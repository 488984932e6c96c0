//! `portcullis connection show`: where secrets are, never what they are.

use anyhow::Result;
use clap::Args;
use exchange::Ports;
use serde_json::json;

use super::named;
use crate::config::Connection;
use crate::exit::Exit;
use crate::wire::{self, Shared};
use crate::{connection, output};

/// Show a connection without its secrets, and the actions it offers
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The connection
    name: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(crate) fn run(self, shared: &Shared) -> Result<Exit> {
        let config = shared.config()?;
        let connection = named(&config, &self.name)?;
        let (settings, offered) = match connection {
            Connection::Ews(ews) => (connection::settings(ews), ports(&ews.ports_unopened(&self.name)?)),
            Connection::Web(web) => (web.settings(), Vec::new()),
        };
        let engine = wire::catalogue()?;
        let (mut can, mut cannot) = (Vec::new(), Vec::new());
        for spec in
            engine.actions().iter().filter(|spec| spec.connection.as_deref() == Some(connection.serves()))
        {
            let all = spec.ports.iter().all(|port| offered.contains(&port.as_str()));
            if all { can.push(spec.name.clone()) } else { cannot.push(spec.name.clone()) }
        }
        if self.json {
            let map: serde_json::Map<_, _> =
                settings.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
            output::say_json(&json!({
                "name": self.name, "settings": map, "actions": can, "actions_not_offered": cannot,
            }));
            return Ok(Exit::Done);
        }
        for (key, value) in settings {
            output::say(&output::line(&format!("{key:16} {value}")));
        }
        output::say(&format!("{:16} {}", "actions", can.join(", ")));
        if !cannot.is_empty() {
            output::say(&format!("{:16} {}", "not offered", cannot.join(", ")));
        }
        Ok(Exit::Done)
    }
}

/// The names of the ports that are there, as actions call them.
fn ports(ports: &Ports) -> Vec<&'static str> {
    let all = [
        ("search", ports.search.is_some()),
        ("read", ports.read.is_some()),
        ("attachments", ports.attachments.is_some()),
        ("move", ports.moves.is_some()),
        ("delete", ports.delete.is_some()),
        ("update", ports.update.is_some()),
        ("submit", ports.submit.is_some()),
        ("detach", ports.detach.is_some()),
        ("junk", ports.junk.is_some()),
        ("rules", ports.rules.is_some()),
        ("automatic_replies", ports.automatic_replies.is_some()),
        ("calendar", ports.calendar.is_some()),
        ("directory", ports.directory.is_some()),
        ("folders", ports.folders.is_some()),
        ("groups", ports.groups.is_some()),
        ("contacts", ports.contacts.is_some()),
        ("mailboxes", ports.mailboxes.is_some()),
        ("properties", ports.properties.is_some()),
        ("discovery", ports.discovery.is_some()),
        ("copy", ports.copies.is_some()),
        ("transfer", ports.transfer.is_some()),
        ("drafts", ports.drafts.is_some()),
    ];
    all.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}
