//! The built-in actions: mailbox work over the ports of `exchange`, one file per action.
//!
//! An action sees ports and never learns whether EWS or Graph is behind them, so a playbook outlives the wire
//! it was written on. `builtin.rs` is the catalogue; a test writes it from the files, and a battery of tests
//! runs every action in it against the simulator. Left out on purpose: wires, retries, caps per run, approval
//! (the engine's), and anything that parses the bytes of a mail (a plugin's).

mod annotated;
mod artifact;
mod attached;
mod automatic;
mod builtin;
mod carried;
mod catalogue;
mod enclosure;
mod events;
mod exported;
mod failure;
mod fan_out;
mod folders;
mod in_each;
mod input;
mod letter;
mod listed;
mod members;
mod mimes;
mod original;
mod outgoing;
mod raw;
mod relocated;
mod repeats;
mod replies;
mod rules;
mod senders;
mod several;
mod ssdeep;
mod switched;
mod unsent;
mod verdict;
mod view;

pub use builtin::BUILTIN;
pub use catalogue::exchange;
