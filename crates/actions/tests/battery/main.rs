//! What must hold for every built-in action, and what each promises beyond that, tried against the simulator.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod bench;
mod delete;
mod every_action;
mod outgoing;
mod many;
mod reading;
mod recovering;
