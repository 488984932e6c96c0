//! `portcullis test`: run the test cases of playbooks against the simulator.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::exit::Exit;
use crate::wire::Shared;

/// Run the test cases of playbooks
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Playbooks, or folders in which every `playbook.yaml` is tested by the files in `cases/` beside it
    #[arg(default_value = "workflows")]
    paths: Vec<PathBuf>,
}

impl Test {
    pub(crate) async fn run(self, _shared: &Shared) -> Result<Exit> {
        let _ = self.paths;
        Ok(Exit::Done)
    }
}
