//! OAuth 2.0 for Exchange connections: how a token comes about, is kept and is renewed.
//!
//! A [`LogIn`] is a source of tokens for [`transport::Credentials`]; everything it sends goes over
//! [`transport::Client`] and to the configured [`Authority`] only. Time comes from a [`Clock`]. No token,
//! secret, assertion or code is in an error, a `Debug` output or a log line; an [`Ear`] gets to know them, so that they can
//! be kept out of what servers say.
//!
//! Left out on purpose: opening a browser, asking a person, reading a configuration, and whether a server is
//! the right one to get a token. Who builds the HTTP client binds a token to its server.

mod aadsts;
mod answer;
mod assertion;
mod authority;
mod browser;
mod certificate;
mod clock;
mod cloud;
mod device;
mod ear;
mod fetch;
mod form;
mod log_in;
mod pkce;
mod problem;
mod random;
mod redirect;
mod registry;
mod settings;
mod vault;

pub use answer::Facts;
pub use authority::Authority;
pub use browser::BrowserLogIn;
pub use certificate::{Algorithm, Certificate};
pub use clock::{Clock, SystemClock};
pub use cloud::Cloud;
pub use device::DeviceLogIn;
pub use ear::Ear;
pub use log_in::LogIn;
pub use problem::{Code, Problem, Refusal};
pub use registry::LogIns;
pub use settings::{Grant, ReadCertificate, ReadSecret, Settings};
pub use vault::Vault;
