//! What time it is, and waiting. A trait, so that tests need not wait.
//!
//! Times are those of the calendar: a machine that slept must find its tokens expired, which a clock that
//! stood still meanwhile would not tell. Where the calendar is set back, a server refuses the token and it
//! is replaced.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

/// A clock.
pub trait Clock: Send + Sync {
    /// Seconds since 1970.
    fn now(&self) -> u64;

    /// Waits.
    fn sleep(&self, how_long: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The clock of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    fn sleep(&self, how_long: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(how_long))
    }
}
