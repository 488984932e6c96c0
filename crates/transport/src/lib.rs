//! The one HTTP client: TLS, credentials bound to a host, limits, redaction.
//!
//! [`Client`] is a tower service made of one layer per file: record, egress, credentials, deadline, size,
//! wire. Redirects are handed to the caller and never followed, a proxy is used only if configured, and
//! plain HTTP only on loopback or to a host named for it. Left out on purpose: anything about mail, waiting,
//! trying again.

mod bearer;
mod client;
mod credentials;
mod deadline;
mod egress;
mod error;
mod origin;
mod record;
mod secret;
mod size;
mod tls;
mod wire;

pub use bearer::{Bearer, NoToken, Source, Token};
pub use client::{Body, Builder, Client};
pub use credentials::Credentials;
pub use error::{Error, Kind};
pub use origin::Origin;
pub use secret::Secret;
