//! `portcullis approve` and `portcullis reject`: answer what a run waits for, and go on with it.

use anyhow::Result;
use clap::Args;
use engine::Decision;

use crate::exit::Exit;
use crate::identity::IdentityFlags;
use crate::resume::{Then, resume, step_path};
use crate::wire::Shared;

/// Approve what a run waits for, and go on with it
#[derive(Debug, Args)]
pub(crate) struct Approve {
    #[command(flatten)]
    answer: Answer,
}

/// Reject what a run waits for, and go on with it
#[derive(Debug, Args)]
pub(crate) struct Reject {
    #[command(flatten)]
    answer: Answer,
}

#[derive(Debug, Args)]
struct Answer {
    /// The run, as `portcullis runs list` shows it
    run: String,
    /// The step that waits, e.g. `decide/gate`
    step: String,
    /// Only if this is what is asked: the digest of what was shown, from `--json` or `runs show`
    #[arg(long, value_name = "SHA256")]
    digest: Option<String>,
    #[command(flatten)]
    identity: IdentityFlags,
    /// Print one JSON object at the end instead of text
    #[arg(long)]
    json: bool,
}

impl Approve {
    pub(crate) async fn run(self, shared: &Shared) -> Result<Exit> {
        self.answer.give(shared, Decision::Approved).await
    }
}

impl Reject {
    pub(crate) async fn run(self, shared: &Shared) -> Result<Exit> {
        self.answer.give(shared, Decision::Rejected).await
    }
}

impl Answer {
    async fn give(self, shared: &Shared, decision: Decision) -> Result<Exit> {
        let person = self.identity.person(shared)?;
        let then = Then::Decide(step_path(&self.step)?, decision, person, self.digest);
        resume(shared, &self.run, then, self.json).await
    }
}
