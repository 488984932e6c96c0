//! What a caller says of a single request, in the request's extensions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How one request may be treated. Without marks it is sent once, within the limits of the client.
///
/// ```
/// # use portcullis_transport::Marks;
/// let mut request = http::Request::get("https://mail.corp.example/").body(()).unwrap();
/// request.extensions_mut().insert(Marks::default().repeatable());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    pub(crate) repeatable: bool,
    pub(crate) lasts: Option<Duration>,
    pub(crate) secret_path: bool,
}

impl Marks {
    /// It only reads: sending it more than once does no harm.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Its answer goes on for this long, as a stream of notifications does. It has this deadline instead of the
    /// client's, and takes none of the places that the client has for requests at one time.
    #[must_use]
    pub fn lasting(mut self, limit: Duration) -> Self {
        self.lasts = Some(limit);
        self
    }

    /// Its path is a secret, as that of a webhook is: no log line shows it.
    #[must_use]
    pub fn secret_path(mut self) -> Self {
        self.secret_path = true;
        self
    }

    pub(crate) fn of<B>(request: &http::Request<B>) -> Self {
        request.extensions().get::<Marks>().copied().unwrap_or_default()
    }
}

/// The time of one request, for the layers inside the one that sets it.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    /// When it is up.
    pub(crate) ends: Instant,
    /// Whether the request may have left; if the time is up before that, nothing happened at the server.
    left: Arc<AtomicBool>,
}

impl Clock {
    pub(crate) fn new(ends: Instant) -> Self {
        Clock { ends, left: Arc::default() }
    }

    pub(crate) fn of<B>(request: &http::Request<B>) -> Option<&Self> {
        request.extensions().get::<Clock>()
    }

    /// From now on the request may be on its way.
    pub(crate) fn leaves(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    pub(crate) fn may_have_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }
}
