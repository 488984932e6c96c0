//! The network face: a small HTTP/1.1 server with EWS, log-ins, a token endpoint, and views for tests.

mod answer;
mod autodiscover;
mod body;
pub(crate) mod config;
mod digest;
mod ews;
mod fault;
mod link;
mod login;
mod ntlm;
mod oauth;
mod route;
pub(crate) mod server;
mod tamper;
