//! Speaking to a run that another process drives: a Unix socket in the data folder.
//!
//! One process at a time has the data folder. Whoever approves, pauses or cancels a run that it drives does so through
//! it: a line of JSON there, a line back, and both commands end as if the second one had driven the run itself. Only the
//! same user gets through, by the word of the system and not of the request; roles come from the configuration of the
//! process that drives the run. Left out: starting runs over it, and anything over a network.

mod act;
#[cfg(unix)]
mod client;
#[cfg(unix)]
mod place;
mod protocol;
#[cfg(unix)]
mod server;
#[cfg(not(unix))]
mod without;

pub(crate) use act::act;
#[cfg(unix)]
pub(crate) use client::Peer;
pub(crate) use protocol::{Answer, Form, Standing, What};
#[cfg(unix)]
pub(crate) use server::{Control, Heard};
#[cfg(not(unix))]
pub(crate) use without::{Control, Heard, Peer};
