//! The one HTTP client: TLS, credentials bound to a host, limits, redaction.
//!
//! [`Client`] is a tower service made of one layer per file, from the outside in: record, egress, deadline,
//! repeat, credentials, limit, deadline of one exchange, size, decode, wire. Under the last one are the files
//! that make connections: dial, addresses, proxy, socks, tunnel, tls, connection, and for log-ins that belong to a
//! connection handshake, windows, kerberos and bound.
//!
//! Redirects are handed to the caller and never followed, a proxy is used only if configured, and plain HTTP
//! only on loopback or to a host named for it. What a server asks to wait all requests of a client wait; only
//! what a caller marks as harmless is sent again. Left out on purpose: anything about mail, HTTP/2, and
//! trying again what may have changed something.

mod addresses;
mod bearer;
mod bound;
mod certificate;
mod challenge;
mod client;
mod connection;
mod credentials;
mod deadline;
mod decode;
mod dial;
mod digest;
mod digest_log_in;
mod egress;
mod error;
mod handshake;
mod identity;
mod kerberos;
mod limit;
mod marks;
mod name_server;
mod origin;
mod proxy;
mod record;
mod repeat;
mod secret;
mod size;
mod socks;
mod stage;
mod streamed;
mod tls;
mod tunnel;
mod windows;
mod wire;

pub use addresses::{Addresses, Network, NotANetwork};
pub use bearer::{Bearer, NoToken, Source, Token};
pub use certificate::ServerCertificate;
pub use client::{Body, Builder, Client};
pub use credentials::Credentials;
pub use error::{Error, Kind};
pub use identity::ClientCertificate;
pub use limit::asked_to_wait;
pub use marks::Marks;
pub use name_server::{NameServers, ServiceRecord};
pub use origin::Origin;
pub use proxy::{Proxy, ProxyKind};
pub use secret::Secret;
pub use stage::{Reach, Stage, Step, TlsFacts};
pub use streamed::Streamed;
pub use tls::TlsVersion;
