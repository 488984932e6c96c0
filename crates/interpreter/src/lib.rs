//! The pure state machine: records in, commands out.
//!
//! [`Machine::start`] and [`Machine::apply`] are all there is. Time, random bits and names come in as
//! fields of records, so that replaying a run is a fold over its records and gives the same state and the
//! same commands on one machine, in a test under simulated time, and inside a durable engine's handler.
//! Nested blocks are nodes in a table, not recursive calls, so the depth of a playbook costs no stack.
//! Left out on purpose: async, clocks, random, stores, calls to actions, logging.

mod answer;
mod block;
mod command;
mod foreach;
mod machine;
mod node;
mod preview;
mod render;
mod retry;
mod scope;

pub use command::{Ask, Command, End, Perform, Progress, ProgressKind, Shown, Turn};
pub use machine::{Divergence, Machine, RunInfo};
