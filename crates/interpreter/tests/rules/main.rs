//! The rules of the machine, one by one: what each verb does, and how things end early.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod doubt;
mod people;
mod play;
mod retries;
mod verbs;
