//! `portcullis connection login`: a person logs in once, and the connection works on with that.

use ::login::{DeviceLogIn, LogIn, Problem};
use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use super::named;
use crate::config::{Auth, Connection};
use crate::exit::{Exit, Wrong};
use crate::wire::Shared;
use crate::{connection, next, output};

/// Log a person in, once, for a connection with device_code or auth_code
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The connection
    name: String,
    /// Print what to do, and how it ended, as JSON objects, one a line
    #[arg(long)]
    json: bool,
}

impl Login {
    pub(crate) async fn run(self, shared: &Shared) -> Result<Exit> {
        let config = shared.config()?;
        let connection = named(&config, &self.name)?;
        let Connection::Ews(ews) = connection else {
            return Err(connection.unfit(&self.name, "ews: only there people log in").into());
        };
        let log_ins = connection::log_ins(&config, &shared.data(&config))?;
        let log_in = ews.log_in(&self.name, &log_ins)?;
        let person = match (&ews.auth, &log_in) {
            (Auth::DeviceCode(..), Some(log_in)) => self.device(log_in).await,
            (Auth::Browser(..), Some(log_in)) => self.browser(log_in).await,
            _ => {
                let (name, kind) = (&self.name, ews.auth.kind());
                return Err(Wrong(format!(
                    "connection `{name}` logs in by itself (`kind: {kind}`): nobody has to; try `portcullis connection \
                     test {name}`"
                ))
                .into());
            }
        };
        let person =
            person.with_context(|| format!("nobody was logged in for connection `{}`", self.name))?;
        if self.json {
            output::say(&json!({ "logged_in": true, "user": person }).to_string());
        } else {
            let who = person.unwrap_or_else(|| "the person".to_owned());
            output::say(&output::line(&next::carry(&format!(
                "{who} is logged in; try it: `portcullis connection test {}`",
                self.name
            ))));
        }
        Ok(Exit::Done)
    }

    async fn device(&self, log_in: &LogIn) -> Result<Option<String>, Problem> {
        let begun = log_in.begin_device().await?;
        let DeviceLogIn { verification_uri, user_code, expires_in, .. } = &begun;
        if self.json {
            let to_do = json!({ "verification_uri": verification_uri, "user_code": user_code, "expires_in": expires_in });
            output::say(&to_do.to_string());
        } else {
            let minutes = expires_in / 60;
            output::say(&output::line(&format!(
                "Open {verification_uri} in any browser and enter {user_code} within {minutes} minutes."
            )));
        }
        begun.complete().await
    }

    async fn browser(&self, log_in: &LogIn) -> Result<Option<String>, Problem> {
        let begun = log_in.begin_browser().await?;
        if self.json {
            output::say(&json!({ "url": begun.url }).to_string());
        } else {
            output::say(&format!(
                "Open this address in a browser on this machine:\n\n{}\n",
                output::line(&begun.url)
            ));
        }
        begun.complete().await
    }
}
