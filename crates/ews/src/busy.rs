//! Who is told that a server wants to be left alone.
//!
//! `ErrorServerBusy` is said in SOAP, for one item or for all, and means every request to that server. Whoever
//! sends the requests of the connection can hold them back, but reads no SOAP; so it is told from here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Called with the time for which a server wants to be left alone. Must not block.
#[derive(Clone, Default)]
pub struct OnBusy(Option<Arc<dyn Fn(Duration) + Send + Sync>>);

impl OnBusy {
    /// Tells this.
    pub fn tell(whom: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        OnBusy(Some(Arc::new(whom)))
    }

    pub(crate) fn busy(&self, wait: Duration) {
        if let Some(whom) = &self.0 {
            whom(wait);
        }
    }
}

impl fmt::Debug for OnBusy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "OnBusy(…)" } else { "OnBusy" })
    }
}
