//! `portcullis connection logout`: what is kept of a log-in is forgotten.

use anyhow::{Context, Result};
use clap::Args;

use super::named;
use crate::config::Connection;
use crate::exit::{Exit, Wrong};
use crate::wire::Shared;
use crate::{connection, output};

/// Forget the tokens of a connection
#[derive(Debug, Args)]
pub(crate) struct Logout {
    /// The connection
    name: String,
}

impl Logout {
    pub(crate) async fn run(self, shared: &Shared) -> Result<Exit> {
        let config = shared.config()?;
        let connection = named(&config, &self.name)?;
        let Connection::Ews(ews) = connection else {
            return Err(connection.unfit(&self.name, "ews: only there people log in").into());
        };
        let log_ins = connection::log_ins(&config, &shared.data(&config))?;
        let Some(log_in) = ews.log_in(&self.name, &log_ins)? else {
            let (name, kind) = (&self.name, ews.auth.kind());
            let message =
                format!("connection `{name}` has no tokens: it logs in with `kind: {kind}` each time");
            return Err(Wrong(message).into());
        };
        log_in
            .reset()
            .await
            .with_context(|| format!("the tokens of connection `{}` are still kept", self.name))?;
        output::say(
            "the tokens are forgotten here; those that were given out stay good until they expire, mostly within an hour",
        );
        Ok(Exit::Done)
    }
}
