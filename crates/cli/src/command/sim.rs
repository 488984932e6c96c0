//! `portcullis sim`: serve a simulated Exchange organisation.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use exchange_sim::{Config, Organisation, Scheme, Server};

use crate::exit::{Exit, Wrong};
use crate::output;
use crate::wire::Shared;

/// Serve a simulated Exchange organisation
#[derive(Debug, Args)]
pub(crate) struct Sim {
    /// Where to listen; loopback only, because the simulator guards nothing
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    listen: SocketAddr,
    /// Mails to begin with: `DIR/<mailbox address>/<folder>/*.eml`; who may log in is in `DIR/accounts.yaml`
    #[arg(long, value_name = "DIR")]
    mail: Option<PathBuf>,
    /// The account clients log in with
    #[arg(long, default_value = "simulator@portcullis.invalid")]
    user: String,
    /// Its password; not a secret
    #[arg(long, default_value = "simulated")]
    password: String,
    /// How clients may log in: basic, digest, digest-md5, digest-md5-sess, ntlm, negotiate, bearer
    #[arg(long, value_delimiter = ',', default_value = "basic,bearer", value_name = "SCHEME")]
    login: Vec<Scheme>,
}

impl Sim {
    pub(crate) async fn run(self, _shared: &Shared) -> Result<Exit> {
        if !self.listen.ip().is_loopback() {
            return Err(Wrong(format!(
                "{} is not a loopback address; the simulator guards nothing",
                self.listen
            ))
            .into());
        }
        let organisation = match &self.mail {
            None => Organisation::new(),
            Some(folder) => Organisation::load_folder(folder).map_err(|error| Wrong(error.to_string()))?,
        };
        let config = Config { listen: self.listen, ..Config::local(&self.user, &self.password) };
        let config = config.with_schemes(self.login.iter().copied());
        let mailboxes = organisation.mailboxes();
        let server = Server::start(organisation, config)
            .await
            .with_context(|| format!("the simulator could not listen on {}", self.listen))?;
        output::say(&format!("url       {}", server.url()));
        output::say(&format!("user      {}", self.user));
        output::say(&format!("password  {}", self.password));
        output::say(&format!("mailboxes {}", mailboxes.join(", ")));
        tokio::signal::ctrl_c().await.context("could not listen for signals")?;
        server.shutdown().await;
        Ok(Exit::Done)
    }
}
