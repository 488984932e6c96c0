//! `portcullis runs resume|pause|step|continue|cancel`: going on with a run, holding it, stopping it.

use anyhow::Result;
use clap::Args;

use crate::exit::Exit;
use crate::identity::IdentityFlags;
use crate::resume::{Then, resume};
use crate::wire::Shared;

/// Go on with a run whose process is gone, or that waits
#[derive(Debug, Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    which: Which,
    /// Go on with the actions of today where they are not those the run began with, if its results so far fit them
    #[arg(long)]
    adopt: bool,
}

/// Let nothing new begin in a run until it is told to continue. Calls in flight are finished
#[derive(Debug, Args)]
pub(crate) struct Pause {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    identity: IdentityFlags,
}

/// Let one call of a paused run begin, the first in the order of the playbook; the run stays paused
#[derive(Debug, Args)]
pub(crate) struct Step {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    identity: IdentityFlags,
}

/// Let a paused run go on
#[derive(Debug, Args)]
pub(crate) struct Continue {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    identity: IdentityFlags,
}

/// Stop a run for good: changes in flight are finished, `finally` gets its time
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    identity: IdentityFlags,
}

#[derive(Debug, Args)]
struct Which {
    /// The run, as `portcullis runs list` shows it
    run: String,
    /// Print one JSON object at the end instead of text
    #[arg(long)]
    json: bool,
}

impl Which {
    async fn then(self, shared: &Shared, then: Then) -> Result<Exit> {
        resume(shared, &self.run, then, self.json).await
    }
}

impl Resume {
    pub(super) async fn run(self, shared: &Shared) -> Result<Exit> {
        let then = if self.adopt { Then::Adopt } else { Then::Follow };
        self.which.then(shared, then).await
    }
}

impl Pause {
    pub(super) async fn run(self, shared: &Shared) -> Result<Exit> {
        let person = self.identity.person(shared)?;
        self.which.then(shared, Then::Pause(person)).await
    }
}

impl Step {
    pub(super) async fn run(self, shared: &Shared) -> Result<Exit> {
        let person = self.identity.person(shared)?;
        self.which.then(shared, Then::Step(person)).await
    }
}

impl Continue {
    pub(super) async fn run(self, shared: &Shared) -> Result<Exit> {
        let person = self.identity.person(shared)?;
        self.which.then(shared, Then::Continue(person)).await
    }
}

impl Cancel {
    pub(super) async fn run(self, shared: &Shared) -> Result<Exit> {
        let person = self.identity.person(shared)?;
        self.which.then(shared, Then::Cancel(person)).await
    }
}
