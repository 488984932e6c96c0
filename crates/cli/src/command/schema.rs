//! `portcullis schema`: the JSON Schemas of playbooks and of the configuration, for editors.

use anyhow::Result;
use clap::Args;

use crate::exit::Exit;
use crate::wire::{self, Shared};
use crate::{config, output};

/// Print the JSON Schema of playbooks or of portcullis.yaml, for editors
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Of what
    #[arg(default_value = "playbook", value_parser = ["playbook", "config"], value_name = "WHAT")]
    what: String,
}

impl Schema {
    pub(crate) fn run(self, _shared: &Shared) -> Result<Exit> {
        if self.what == "config" {
            output::say_json(&config::schema());
        } else {
            output::say_json(&playbook::editor_schema(&wire::catalogue()?.actions()));
        }
        Ok(Exit::Done)
    }
}
