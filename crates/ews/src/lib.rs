//! Exchange Web Services behind the ports, over an abstract HTTP service.
//!
//! One file per SOAP operation (`op/`): a writer for its request and a reader for its answer, which takes the
//! answer apart while it arrives and builds no tree. Left out on purpose: sockets, log-in, waiting and trying
//! again; whoever owns the service and the run does those.

mod answer;
mod base64_stream;
mod client;
mod code;
mod condition;
mod config;
mod envelope;
mod failure;
mod folder;
mod http;
mod item;
mod malformed;
mod op;
mod port;
mod property;
mod reach;
mod request_id;
mod rule;
mod status;
mod time;
mod version;
mod xml;

pub use client::EwsClient;
pub use config::{Access, Config, Identity, NamedBy, Store};
pub use version::{ServerVersion, UnknownVersion, Version};
