//! Where there are no Unix sockets, runs of another process cannot be spoken to.

use std::path::Path;

use anyhow::Result;
use engine::Person;
use tokio::sync::oneshot;

use super::protocol::{Answer, Request, What};
use crate::wire::Shared;

/// A request; never made here.
pub(crate) struct Heard {
    pub(crate) request: Request,
    pub(crate) person: Person,
    pub(crate) reply: oneshot::Sender<Answer>,
}

/// A socket that is not there.
pub(crate) struct Control;

impl Control {
    pub(crate) fn open(_shared: &Shared) -> Option<Self> {
        None
    }

    pub(crate) async fn next(_control: &mut Option<Self>) -> Heard {
        std::future::pending().await
    }

    pub(crate) async fn close(self, _answer: impl FnMut(Heard)) {}
}

/// A process that is never found.
pub(crate) enum Peer {}

impl Peer {
    pub(crate) async fn of(_data: &Path, _run: &str, _by: &str) -> Option<Self> {
        None
    }

    pub(crate) async fn tell(&mut self, _what: What) -> Result<()> {
        match *self {}
    }

    pub(crate) async fn ask(&mut self, _what: What) -> Result<Answer> {
        match *self {}
    }
}
