//! One TCP connection: what was agreed on it, and what is done to its bytes.

use std::sync::{Arc, Mutex, PoisonError};

use super::ntlm::Handshake;
use super::tamper::Script;
use crate::soap::rights::Caller;

/// How far an NTLM log-in has come on a connection.
#[derive(Debug, Default)]
pub(crate) enum Progress {
    #[default]
    Nothing,
    /// The challenge is out.
    Challenged(Handshake),
    /// Everything that comes on this connection comes from this caller.
    Done(Caller),
}

/// One TCP connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Link {
    progress: Arc<Mutex<Progress>>,
    /// What is sent instead of the next answer.
    pub(crate) script: Script,
}

impl Link {
    /// Changes how far the log-in has come.
    pub(crate) fn login<T>(&self, change: impl FnOnce(&mut Progress) -> T) -> T {
        change(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
