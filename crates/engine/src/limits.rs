//! Rate limits: one count per key, shared by every run of an engine.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use journal::Timestamp;
use plan::RateLimit;

/// When calls under each key began, or will begin.
#[derive(Debug, Default)]
pub(crate) struct Limits(Mutex<HashMap<String, VecDeque<i64>>>);

impl Limits {
    /// When the next call under this limit may begin; that time is taken.
    ///
    /// Exact rather than smooth: no window of length `per`, wherever it begins, holds more than `permits`.
    pub(crate) fn take(&self, limit: &RateLimit, now: Timestamp) -> Timestamp {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let per = i64::try_from(limit.per.as_millis()).unwrap_or(i64::MAX);
        let permits = limit.permits.max(1) as usize;
        let begun = kept.entry(limit.key.clone()).or_default();
        let earliest = begun.len().checked_sub(permits).and_then(|index| begun.get(index));
        let last = begun.back().copied().unwrap_or(i64::MIN);
        let at = earliest.map_or(now.0, |first| first.saturating_add(per)).max(now.0).max(last);
        begun.push_back(at);
        while begun.len() > permits {
            begun.pop_front();
        }
        kept.retain(|_, begun| begun.back().is_some_and(|last| last.saturating_add(FORGET) > now.0));
        Timestamp(at)
    }
}

/// A key nobody used for so long, in milliseconds, is forgotten: longer than any window.
const FORGET: i64 = 7 * 24 * 3600 * 1000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_window_holds_more_than_its_permits() {
        let (limits, limit) =
            (Limits::default(), RateLimit { key: "k".into(), per: Duration::from_secs(10), permits: 3 });
        let times: Vec<i64> =
            [0, 0, 9_999, 9_999, 9_999, 40_000].map(|now| limits.take(&limit, Timestamp(now)).0).to_vec();
        assert_eq!(times, [0, 0, 9_999, 10_000, 10_000, 40_000]);
        for window in times.windows(4) {
            assert!(window[3] - window[0] >= 10_000, "{window:?}");
        }
        let other = RateLimit { key: "other".into(), ..limit };
        assert_eq!(limits.take(&other, Timestamp(5)).0, 5, "keys do not share");
    }
}
