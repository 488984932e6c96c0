//! An Exchange organisation in memory, with the ports and EWS over HTTP as its faces.
//!
//! Playbooks are tried against it, and the clients of this project are judged by it; it therefore shares no
//! code with them: it reads requests with an XML parser of its own and writes answers from templates in the
//! order of Microsoft's schema. It keeps what tests ask about (a ledger of effects, snapshots) and can be told
//! to misbehave. Who may log in how, and do what, is data (`accounts.yaml`). Left out:
//! the iCalendar form of messages about meetings, search indexes, retention.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use portcullis_exchange_sim::{Config, Organisation, Server};
//!
//! let organisation = Organisation::load_folder("mail")?;
//! let ports = organisation.ports();
//! let server = Server::start(organisation.clone(), Config::local("svc@corp.example", "secret")).await?;
//! println!("{} has {} effects", server.url(), organisation.ledger().effects.len());
//! # drop(ports);
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod account;
mod events;
mod http;
mod ledger;
mod loader;
mod loader_settings;
mod misbehaviour;
mod model;
mod organisation;
mod organisation_contents;
mod organisation_events;
mod organisation_rights;
mod ports;
mod ports_calendar;
mod ports_discovery;
mod ports_folders;
mod ports_people;
mod ports_properties;
mod ports_settings;
mod ports_submit;
mod ports_transfer;
mod restriction;
mod snapshot;
mod soap;
mod streaming;
mod views;

pub use account::{Account, Application, Grant, Reach, Right};
pub use http::config::{Config, DigestAlgorithm, Scheme};
pub use http::server::Server;
pub use ledger::{Effect, EffectKind, Ledger};
pub use loader::LoadError;
pub use misbehaviour::{Fault, Misbehaviour};
pub use organisation::{Organisation, OrganisationError};
