//! The client against little servers and proxies that show what they were asked: log-ins that belong to a
//! connection, proxies, TLS, load, and answers that are compressed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod codings;
mod load;
mod ntlm;
mod proxies;
mod tls;
mod verifier;
mod world;
