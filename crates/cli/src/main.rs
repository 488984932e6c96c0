//! The `portcullis` command: flags, configuration, wiring and output, and nothing a server would also want.
//!
//! One file per subcommand under `command/`; `wire.rs` puts sources, stores and connections together.

mod again;
mod audit_log;
mod blast;
mod cases;
mod combined;
mod command;
mod config;
mod connection;
mod control;
mod diagnose;
mod exit;
mod files;
mod follow;
mod graph;
mod hush;
mod identity;
mod inputs;
mod keyring;
mod lockfile;
mod next;
mod output;
#[cfg(debug_assertions)]
mod pause;
mod places;
mod progress;
mod prompt;
mod read;
mod report;
mod resume;
mod signals;
mod simulator;
mod subjects;
mod tape;
mod unseen;
mod wire;

use std::process::ExitCode;

use clap::Parser;

/// Playbooks for security teams: checked whole, planned first, journaled, reversible.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, about, propagate_version = true, max_term_width = 110)]
struct Arguments {
    #[command(flatten)]
    shared: wire::Shared,
    #[command(subcommand)]
    command: command::Command,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::usage(&error),
    };
    next::remember(&arguments.shared);
    output::init_logging(arguments.shared.verbose);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return exit::report(&anyhow::Error::new(error).context("could not start the async runtime"));
        }
    };
    match runtime.block_on(arguments.command.run(&arguments.shared)) {
        Ok(code) => code.into(),
        Err(error) => exit::report(&error),
    }
}
