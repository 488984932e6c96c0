//! `portcullis plan`: what a playbook would do. Reads happen, changes do not.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::exit::Exit;
use crate::inputs::InputFlags;
use crate::wire::Shared;

/// Show what a playbook would do: reads happen, changes do not
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The playbook
    file: PathBuf,
    #[command(flatten)]
    inputs: InputFlags,
    /// Use a simulated Exchange organisation, filled from a folder of mails (default: `mail` beside the playbook)
    #[arg(long, num_args = 0..=1, require_equals = true, value_name = "DIR")]
    sim: Option<Option<PathBuf>>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

impl Plan {
    pub(crate) async fn run(self, shared: &Shared) -> Result<Exit> {
        super::run::Run::rehearsal(self.file, self.inputs, self.sim, self.json).run(shared).await
    }
}
