//! Test cases of playbooks on the command line: which files there are, the simulated organisation around each
//! case, many cases at a time, and what is printed about them.
//!
//! What a case is, how it is played and judged stands in the crate `cases`; this is what knows Exchange, files
//! and terminals.

mod load;
mod outcome;
mod pool;
mod watch;
mod world;

pub(crate) use load::{Loaded, Place, load, open_cassette};
pub(crate) use outcome::{Report, to_junit};
pub(crate) use pool::Pool;
pub(crate) use watch::Watched;
pub(crate) use world::Shed;
