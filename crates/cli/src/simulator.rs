//! The simulator inside this process, for `--sim`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use exchange_sim::{Organisation, Server};

use crate::config;
use crate::exit::Wrong;

/// A simulated Exchange organisation behind real HTTP on a loopback port.
pub(crate) struct Simulator {
    server: Server,
    connection: config::Connection,
}

impl Simulator {
    /// Fills an organisation from a folder of mails and serves it.
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        let organisation = Organisation::load_folder(folder).map_err(|error| {
            Wrong(format!("the simulator could not be filled from {}: {error}", folder.display()))
        })?;
        // Only this process knows the address and uses the server; the log-in is there so that the same
        // path is walked as with a real one.
        let (user, password) = ("simulator@portcullis.invalid", "simulated");
        let server = Server::start(organisation, exchange_sim::Config::local(user, password))
            .await
            .context("the simulator could not listen on a loopback port")?;
        let url = server.url().parse().context("the address of the simulator is no URL")?;
        let connection = config::Connection::Ews(Box::new(config::Ews::simulated(url, user, password)));
        Ok(Simulator { server, connection })
    }

    /// How to connect to it.
    pub(crate) fn connection(&self) -> config::Connection {
        self.connection.clone()
    }

    /// Stops serving.
    pub(crate) async fn stop(self) {
        self.server.shutdown().await;
    }
}

/// The folder of `--sim=DIR`, or `mail` beside the playbook.
pub(crate) fn folder(flag: Option<&Path>, playbook: &Path) -> PathBuf {
    match flag {
        None => playbook.parent().unwrap_or(Path::new("")).join("mail"),
        Some(folder) => folder.to_owned(),
    }
}
