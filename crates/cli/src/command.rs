//! The subcommands, one file each.

mod action;
mod actions;
mod answer;
mod approve;
mod audit;
mod check;
mod completions;
mod connection;
mod explain;
mod fmt;
mod graph;
mod plan;
mod plugin;
mod rerun;
mod run;
mod runs;
mod schema;
mod secret;
mod signal;
mod sim;
mod test;
mod undo;

use anyhow::Result;
use clap::Subcommand;

use crate::exit::Exit;
use crate::wire::Shared;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a playbook
    Run(run::Run),
    /// Check playbooks: every problem at once, with its place
    Check(check::Check),
    /// Write playbooks in their canonical form
    Fmt(fmt::Fmt),
    /// Say what a code of the checker means
    Explain(explain::Explain),
    /// Show what a playbook would do: reads happen, changes do not
    Plan(plan::Plan),
    /// Run the test cases of playbooks
    Test(test::Test),
    /// Draw a playbook
    Graph(graph::Graph),
    /// List the actions, or document one
    Actions(actions::Actions),
    /// Plugins from elsewhere: add, list
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// Carry out a single action
    #[command(subcommand)]
    Action(action::Action),
    /// Look at runs, and go on with them
    #[command(subcommand)]
    Runs(runs::Runs),
    /// Do a run again, without repeating what succeeded
    Rerun(rerun::Rerun),
    /// Take the effects of a run back
    Undo(undo::Undo),
    /// Approve what a run waits for, and go on with it
    Approve(approve::Approve),
    /// Reject what a run waits for, and go on with it
    Reject(approve::Reject),
    /// Look at the audit log
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Fill in the form that a run waits with, and go on with it
    Answer(answer::Answer),
    /// Send a run an event, and go on with it
    Signal(signal::Signal),
    /// Look at connections, and try them
    #[command(subcommand)]
    Connection(connection::Connection),
    /// Keep secrets in the keyring of this system
    #[command(subcommand)]
    Secret(secret::Secret),
    /// Serve a simulated Exchange organisation
    Sim(sim::Sim),
    /// Print the JSON Schema of playbooks or of portcullis.yaml, for editors
    Schema(schema::Schema),
    /// Print a completion script for a shell
    Completions(completions::Completions),
}

impl Command {
    /// Does it.
    pub(crate) async fn run(self, shared: &Shared) -> Result<Exit> {
        match self {
            Command::Run(command) => command.run(shared).await,
            Command::Check(command) => command.run(shared),
            Command::Fmt(command) => command.run(shared),
            Command::Explain(command) => command.run(shared),
            Command::Plan(command) => command.run(shared).await,
            Command::Test(command) => command.run(shared).await,
            Command::Graph(command) => command.run(shared),
            Command::Actions(command) => command.run(shared),
            Command::Plugin(command) => command.run().await,
            Command::Action(command) => command.run(shared).await,
            Command::Runs(command) => command.run(shared).await,
            Command::Rerun(command) => command.run(shared).await,
            Command::Undo(command) => command.run(shared).await,
            Command::Approve(command) => command.run(shared).await,
            Command::Reject(command) => command.run(shared).await,
            Command::Audit(command) => command.run(shared),
            Command::Answer(command) => command.run(shared).await,
            Command::Signal(command) => command.run(shared).await,
            Command::Connection(command) => command.run(shared).await,
            Command::Secret(command) => command.run(),
            Command::Sim(command) => command.run(shared).await,
            Command::Schema(command) => command.run(shared),
            Command::Completions(command) => Ok(command.run()),
        }
    }
}

pub(crate) use check::playbooks;
pub(crate) use run::{next_steps, read_playbook, refusal};
pub(crate) use signal::{MAX_PAYLOAD, document};
