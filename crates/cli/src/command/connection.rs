//! `portcullis connection`: what connections there are, and whether they work.

mod list;
mod login;
mod logout;
mod show;
mod test;

use anyhow::Result;
use clap::Subcommand;

use crate::config::{Config, Connection as Configured, FILE};
use crate::exit::{Exit, Wrong};
use crate::wire::Shared;

/// Look at connections, and try them
#[derive(Debug, Subcommand)]
pub(crate) enum Connection {
    /// List the connections of the configuration
    List(list::List),
    /// Show a connection without its secrets, and the actions it offers
    Show(show::Show),
    /// Try a connection, from the name of its server to a mailbox
    Test(test::Test),
    /// Log a person in, once, for a connection with device_code or auth_code
    Login(login::Login),
    /// Forget the tokens of a connection
    Logout(logout::Logout),
}

impl Connection {
    pub(crate) async fn run(self, shared: &Shared) -> Result<Exit> {
        match self {
            Connection::List(command) => command.run(shared),
            Connection::Show(command) => command.run(shared),
            Connection::Test(command) => command.run(shared).await,
            Connection::Login(command) => command.run(shared).await,
            Connection::Logout(command) => command.run(shared).await,
        }
    }
}

/// The connection of a name.
fn named<'c>(config: &'c Config, name: &str) -> Result<&'c Configured, Wrong> {
    config.connections.get(name).ok_or_else(|| {
        let names: Vec<&str> = config.connections.keys().map(String::as_str).collect();
        let help = match expr::nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => format!("there is none; add it under `connections:` in {FILE}"),
            None => format!("there is: {}", names.join(", ")),
        };
        Wrong(format!("no connection is called `{name}`; {help}"))
    })
}
