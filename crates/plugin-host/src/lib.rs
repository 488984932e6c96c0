//! The only wasmtime: load, limit, cache and call plugins.
//!
//! A plugin is a WebAssembly component that exports `portcullis:plugin/actions` (see `plugin-sdk/wit`). It is code
//! that nobody here wrote, fed with bytes that an attacker wrote, so: every call has an instance of its own, which
//! sees nothing but its input; every resource it can use has a limit ([`Limits`]); whatever it does ends in a result
//! or in a sentence that says what happened ([`PluginError`]), never in the end of this process.
//!
//! Left out on purpose: reuse of instances (a fresh one costs microseconds), precompiled components (they are machine
//! code, and cannot be checked), network and secrets (they come with interfaces of their own), and fetching plugins.

mod artifacts;
mod bindings;
mod cache;
mod call;
mod component;
mod description;
mod embedded;
mod engine;
mod error;
mod host;
mod limits;
mod lock;
mod log;
mod manifest;
mod package;
mod plugin;
mod state;

pub use cache::{CacheDirs, CacheError, Loaded};
pub use embedded::first_party;
pub use error::{LoadError, PluginError, Stop};
pub use host::{PluginHost, PluginHostBuilder};
pub use limits::Limits;
pub use lock::{LOCK_FILE, Lock, Locked};
pub use log::{Level, LogLine, LogSink};
pub use manifest::{Manifest, ManifestError};
pub use package::Package;
pub use plugin::Plugin;
