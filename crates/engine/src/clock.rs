//! Time, as the engine sees it: replaceable, so that tests need not wait.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use action_api::Work;
use journal::Timestamp;

/// Tells and waits for points in time.
pub trait Clock: Send + Sync {
    /// Now. Goes into records; the interpreter knows no other clock.
    fn now(&self) -> Timestamp;

    /// Ready at `until` or later, never earlier.
    fn sleep_until(&self, until: Timestamp) -> Work<'static, ()>;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep_until(&self, until: Timestamp) -> Work<'static, ()> {
        // Sleeps run on the monotonic clock, in slices: after the wall clock was set, or the machine slept,
        // the due time is looked at again.
        const SLICE: Duration = Duration::from_secs(30);
        Box::pin(async move {
            loop {
                let left = until.0.saturating_sub(SystemClock.now().0);
                let Ok(left @ 1..) = u64::try_from(left) else { return };
                tokio::time::sleep(Duration::from_millis(left).min(SLICE)).await;
            }
        })
    }
}
