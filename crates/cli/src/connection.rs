//! From a configured connection to ports: secrets are read, the HTTP client is built.

mod carried;
mod discovery;
mod find;
mod inbox;
mod knock;
mod open;
mod probe;
mod remedy;
mod shown;
mod stage;
mod web;
mod web_probe;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use exchange::Ports;
use login::{LogIns, Vault};
use transport::Secret;

use crate::config::{Account, Address, Auth, Config, Connection, Ews, Opened, Proxy, SecretRef, Tls};
use crate::exit::Wrong;

pub(crate) use probe::Probe;
pub(crate) use shown::settings;
pub(crate) use stage::{Found, Stage, Step, to_json};
pub(crate) use web_probe::probe as probe_web;

/// The log-ins of people, kept encrypted below the data folder; tokens are shared by everything in this process.
///
/// # Errors
/// A key that is configured and needed cannot be read, or is none.
pub(crate) fn log_ins(config: &Config, data: &Path) -> Result<LogIns> {
    let folder = data.join("log-ins");
    let person = |connection: &Connection| matches!(connection, Connection::Ews(ews) if matches!(ews.auth, Auth::DeviceCode(..) | Auth::Browser(..)));
    let vault = match &config.log_in_key {
        // Nobody else's log-in is kept, so that the key may be where only some commands can read it.
        Some(key) if config.connections.values().any(person) => {
            let key = key.read_as("`storage`", "key for the log-ins that are kept (`log_in_key`)")?;
            Vault::with_secret(folder, Secret::new(key)).map_err(|why| Wrong(format!("`storage`: {why}")))?
        }
        _ => Vault::with_key_file(folder),
    };
    Ok(LogIns::new(Some(vault)).heard_by(Arc::new(crate::hush::remember)))
}

impl Connection {
    /// Opens the connection. Nothing is sent before a port is used.
    pub(crate) fn open(&self, name: &str, log_ins: &LogIns) -> Result<Ports> {
        match self {
            Connection::Ews(ews) => ews.located_now(name, log_ins)?.ports(name, log_ins),
            Connection::Web(_) => Err(self.unfit(name, "exchange").into()),
        }
    }

    /// Opens the connection for actions that speak HTTP. Nothing is sent.
    pub(crate) fn web(&self, name: &str) -> Result<web_actions::Web> {
        match self {
            Connection::Web(web) => web.web(name),
            Connection::Ews(_) => Err(self.unfit(name, "http, webhook, slack or teams").into()),
        }
    }

    /// Why it does not fit a step or a command that needs another kind.
    pub(crate) fn unfit(&self, name: &str, needed: &str) -> Wrong {
        Wrong(format!(
            "connection `{name}` is of kind `{}` in {}; what is asked for needs one of kind {needed}",
            self.kind(),
            crate::config::FILE
        ))
    }

    /// Reads every secret: what it is for, and the secret or why it cannot be read.
    pub(crate) fn read_secrets(&self, name: &str) -> Vec<(&'static str, Result<String>)> {
        if let Connection::Web(web) = self {
            return web.read_secrets(name);
        }
        let whose = format!("connection `{name}`");
        let read = |(what, secret): (&'static str, &SecretRef)| (what, secret.read_as(&whose, what));
        self.secrets().into_iter().map(read).collect()
    }
}

impl Ews {
    /// A connection to the simulator of this process.
    pub(crate) fn simulated(url: http::Uri, user: &str, password: &str) -> Self {
        Ews {
            address: Address::Url(url),
            cloud: login::Cloud::default(),
            auth: Auth::Basic(Account {
                user: user.to_owned(),
                password: SecretRef::known(password),
                domain: None,
            }),
            email: None,
            alias: None,
            access: ews::Access::Impersonation,
            opened: Opened::default(),
            named_by: ews::NamedBy::default(),
            identities: Vec::new(),
            version: None,
            timeout: None,
            max_requests: None,
            // The simulator files at once.
            settle: Some(Duration::ZERO),
            simulated: true,
            test_user: None,
            tls: Tls::default(),
            proxy: Proxy::None,
        }
    }
}
