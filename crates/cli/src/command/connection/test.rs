//! `portcullis connection test`: from the name of the server to a mailbox, and what to do where it ends.

use anyhow::Result;
use clap::Args;
use exchange::Mailbox;
use serde_json::Value;

use super::named;
use crate::config::Connection;
use crate::connection::{self, Found, Probe, Stage, Step, to_json};
use crate::exit::{Exit, Wrong};
use crate::hush;
use crate::output::{self, Style};
use crate::wire::{self, Shared};

/// Try a connection, from the name of its server to a mailbox
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The connection
    name: String,
    /// The mailbox to open as its owner, whatever `test_user` says
    #[arg(long = "as", value_name = "USER")]
    user: Option<String>,
    /// Print one JSON object when all is over
    #[arg(long)]
    json: bool,
}

impl Test {
    pub(crate) async fn run(self, shared: &Shared) -> Result<Exit> {
        let user = match self.user.as_deref().map(|user| (user, Mailbox::new(user))) {
            Some((user, None)) => {
                return Err(Wrong(format!("--as takes a mail address, which `{user}` is not")).into());
            }
            Some((_, user)) => user,
            None => None,
        };
        let config = match shared.config() {
            Ok(config) => config,
            Err(error) => {
                let reason = format!("{error:#}");
                let found = Found::failed(reason, "mend the configuration where it says so");
                let step = Step { stage: Stage::Configuration, found, took: std::time::Duration::ZERO };
                self.tell(&step, Style::stdout());
                return Ok(self.end(&[step]));
            }
        };
        let connection = named(&config, &self.name)?;
        let hider = wire::hider(&config);
        let style = Style::stdout();
        let mut tell = |step: &Step| self.tell(&hushed(step, &hider), style);
        let ews = match connection {
            Connection::Ews(ews) => ews,
            Connection::Web(_) if user.is_some() => {
                return Err(connection.unfit(&self.name, "ews: --as opens a mailbox").into());
            }
            Connection::Web(web) => {
                let steps = connection::probe_web(&self.name, web, &mut tell).await;
                let steps: Vec<Step> = steps.iter().map(|step| hushed(step, &hider)).collect();
                return Ok(self.end(&steps));
            }
        };
        let log_ins = connection::log_ins(&config, &shared.data(&config))?;
        let user = user.or_else(|| ews.test_user.clone());
        let steps = Probe::new(&self.name, ews.as_ref().clone(), &log_ins, user, &mut tell).run().await;
        let steps: Vec<Step> = steps.iter().map(|step| hushed(step, &hider)).collect();
        Ok(self.end(&steps))
    }

    fn tell(&self, step: &Step, style: Style) {
        if self.json {
            return;
        }
        let name = format!("{:14}", step.stage.name());
        let took = format!("{:>6} ms", step.took.as_millis());
        match &step.found {
            Found::Passed(detail) => {
                output::say(&format!("{}  {name} {took}  {}", style.green("ok  "), output::line(detail)));
            }
            Found::Skipped(detail) => {
                output::say(&format!("{}  {name} {took}  {}", style.dim("-   "), output::line(detail)));
            }
            Found::Failed { reason, remedy } => {
                output::say(&format!("{}  {name} {took}  {}", style.red("FAIL"), output::visible(reason)));
                output::say(&format!("      what to do: {}", output::visible(remedy)));
            }
        }
    }

    fn end(&self, steps: &[Step]) -> Exit {
        if self.json {
            let report: Value = to_json(&self.name, steps);
            output::say_json(&report);
        }
        if steps.iter().any(|step| step.found.is_failed()) { Exit::Failed } else { Exit::Done }
    }
}

/// Without the secrets of the configuration and the tokens, which a server may repeat.
fn hushed(step: &Step, hider: &engine::Hider) -> Step {
    let quiet = |text: &str| hush::tokens().text(&hider.text(text));
    let found = match &step.found {
        Found::Passed(detail) => Found::Passed(quiet(detail)),
        Found::Skipped(detail) => Found::Skipped(quiet(detail)),
        Found::Failed { reason, remedy } => Found::failed(quiet(reason), quiet(remedy)),
    };
    Step { found, ..step.clone() }
}
