//! `portcullis schema`: the JSON Schema of playbooks, for editors.

use anyhow::Result;
use clap::Args;

use crate::exit::Exit;
use crate::output;
use crate::wire::{self, Shared};

/// Print the JSON Schema of playbooks, for editors
#[derive(Debug, Args)]
pub(crate) struct Schema {}

impl Schema {
    pub(crate) fn run(self, _shared: &Shared) -> Result<Exit> {
        let engine = wire::catalogue()?;
        output::say_json(&playbook::editor_schema(&engine.actions()));
        Ok(Exit::Done)
    }
}
