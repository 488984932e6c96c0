//! From a configured connection to ports: secrets are read, the HTTP client is built.

use std::time::Duration;

use anyhow::{Context, Result};
use ews::EwsClient;
use exchange::{Mailbox, Ports};
use transport::{Client, Credentials, Origin, Secret};

use crate::config::{Connection, Ews, SecretRef};
use crate::exit::Wrong;

impl Connection {
    /// Opens the connection. Nothing is sent before a port is used.
    pub(crate) fn open(&self, name: &str) -> Result<Ports> {
        match self {
            Connection::Ews(ews) => ews.open(name),
        }
    }
}

impl Ews {
    /// A connection to the simulator of this process.
    pub(crate) fn simulated(url: &str, user: &str, password: &str) -> Self {
        Ews {
            url: url.to_owned(),
            user: user.to_owned(),
            password: SecretRef::known(password),
            only_mailbox: None,
            // The simulator files at once.
            settle_seconds: Some(0),
        }
    }

    fn open(&self, name: &str) -> Result<Ports> {
        let wrong = |what: &str| Wrong(format!("connection `{name}`: {what}"));
        let url: http::Uri = self.url.parse().map_err(|_| wrong("`url` is not a URL"))?;
        let origin = Origin::of(&url)
            .ok_or_else(|| wrong("`url` must be like https://mail.corp.example/EWS/Exchange.asmx"))?;
        let access = match &self.only_mailbox {
            None => ews::Access::Impersonation,
            Some(address) => {
                let mailbox =
                    Mailbox::new(address).ok_or_else(|| wrong("`only_mailbox` is not a mail address"))?;
                ews::Access::SelfOnly { mailbox }
            }
        };
        let password = Secret::new(self.password.read(name)?);
        let client = Client::builder()
            .credentials(origin, Credentials::basic(&self.user, password))
            .build()
            .with_context(|| format!("connection `{name}` cannot be used"))?;
        let mut config = ews::Config::new(url, access);
        if let Some(seconds) = self.settle_seconds {
            config.settle = Duration::from_secs(seconds.into());
        }
        let client = EwsClient::new(client, config, transport::Error::may_have_left);
        Ok(client.ports())
    }
}
