//! What kind of request one is, for the service that carries it.
//!
//! This crate neither waits nor tries again, but a service below it may: it finds this in the extensions of every
//! request, and treats the request accordingly.

use std::time::Duration;

/// What there is to know about a request that its bytes do not say; every request has one in its
/// [extensions](http::Request::extensions).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Nature {
    /// It only reads: sending it more than once does no harm.
    pub repeatable: bool,
    /// Its answer goes on for this long, as a stream of notifications does: limits meant for an answer that is awaited
    /// do not fit it.
    pub lasts: Option<Duration>,
}
