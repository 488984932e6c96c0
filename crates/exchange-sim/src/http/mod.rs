//! The network face: a small HTTP/1.1 server for one path and two views for tests.

mod body;
mod ews;
pub(crate) mod server;
