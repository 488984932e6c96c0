//! `portcullis answer`: fill in the form that a run waits with, and go on with it.

use anyhow::Result;
use clap::Args;

use crate::exit::Exit;
use crate::identity::IdentityFlags;
use crate::inputs::InputFlags;
use crate::resume::{Then, resume, step_path};
use crate::wire::Shared;

/// Fill in the form that a run waits with, and go on with it
#[derive(Debug, Args)]
pub(crate) struct Answer {
    /// The run, as `portcullis runs list` shows it
    run: String,
    /// The step that waits, e.g. `decide/form`
    step: String,
    #[command(flatten)]
    fields: InputFlags,
    #[command(flatten)]
    identity: IdentityFlags,
    /// Print one JSON object at the end instead of text
    #[arg(long)]
    json: bool,
}

impl Answer {
    pub(crate) async fn run(self, shared: &Shared) -> Result<Exit> {
        let person = self.identity.person(shared)?;
        let then = Then::Answer(step_path(&self.step)?, self.fields, person);
        resume(shared, &self.run, then, self.json).await
    }
}
