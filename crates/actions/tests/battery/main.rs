//! What must hold for every built-in action, and what each promises beyond that, tried against the simulator.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod bench;
mod calendar;
mod carried;
mod delete;
mod dying;
mod every_action;
mod evidence;
mod folders;
mod many;
mod many_rules;
mod marks;
mod outgoing;
mod people;
mod places;
mod places_line;
mod raw;
mod reading;
mod recovering;
mod rules_world;
mod sending;
mod transfer;
mod world;
