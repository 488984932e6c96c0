//! The pure state machine: records in, commands out.
//!
//! [`Machine::start`] and [`Machine::apply`] are all there is. Time, random bits and names come in as
//! fields of records, so that replaying a run is a fold over its records and gives the same state and the
//! same commands on one machine, in a test under simulated time, and inside a durable engine's handler.
//! Nested blocks are nodes in a table, not recursive calls, so the depth of a playbook costs no stack.
//! Left out on purpose: async, clocks, random, stores, calls to actions, secrets, logging.

mod answer;
mod block;
mod body;
mod bound;
mod branches;
mod call;
mod command;
mod dag;
mod doubt;
mod foreach;
mod handlers;
mod machine;
mod node;
mod preview;
mod question;
mod render;
mod retry;
mod rounds;
mod scope;
mod secret;
mod stop;
mod trigger;
mod wait;

pub use command::{
    Ask, Awaited, CacheUse, Command, End, Form, Pause, Perform, Progress, ProgressKind, Shown, Turn,
};
pub use machine::{Divergence, Machine, RunInfo};
pub use preview::digest_of;
pub use secret::{Mask, secret_handle, secret_names};
pub use trigger::{concurrency_key, reads_trigger};
pub use wait::MAX_SIGNALS;
