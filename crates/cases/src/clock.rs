//! Time that passes only when nothing else can happen.
//!
//! A run under this clock sees the waits of a whole night in a moment, and the same times on every day. Whoever
//! drives the run moves the clock, once everything else has come to rest.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use action_api::Work;
use engine::{Clock, Timestamp};
use tokio::sync::oneshot;

/// A clock that stands still until it is moved. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct VirtualClock {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    /// Grows with every look at the clock: whoever works looks at it.
    looks: AtomicU64,
}

#[derive(Debug)]
struct State {
    now: Timestamp,
    next: u64,
    /// By due time, then in the order in which they were asked for.
    sleepers: BTreeMap<(Timestamp, u64), oneshot::Sender<()>>,
}

impl VirtualClock {
    /// A clock that shows `start`.
    pub fn new(start: Timestamp) -> Self {
        let state = State { now: start, next: 0, sleepers: BTreeMap::new() };
        VirtualClock { inner: Arc::new(Inner { state: Mutex::new(state), looks: AtomicU64::new(0) }) }
    }

    /// How often somebody looked. Two equal answers with a turn of every task between them: nobody works.
    pub fn looks(&self) -> u64 {
        self.inner.looks.load(Ordering::Relaxed)
    }

    /// When the first of those who wait wants to be woken.
    pub fn next(&self) -> Option<Timestamp> {
        let mut state = self.lock();
        state.sleepers.retain(|_, sleeper| !sleeper.is_closed());
        state.sleepers.keys().next().map(|(due, _)| *due)
    }

    /// Moves on to the next time at which somebody wants to be woken, and wakes them. False if nobody waits.
    pub fn advance(&self) -> bool {
        let Some(due) = self.next() else { return false };
        let mut state = self.lock();
        state.now = state.now.max(due);
        let later = state.sleepers.split_off(&(Timestamp(due.0.saturating_add(1)), 0));
        let due = std::mem::replace(&mut state.sleepers, later);
        drop(state);
        for sleeper in due.into_values() {
            // Whoever waited may have been dropped meanwhile.
            let _ = sleeper.send(());
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.inner.looks.fetch_add(1, Ordering::Relaxed);
        self.lock().now
    }

    fn sleep_until(&self, until: Timestamp) -> Work<'static, ()> {
        self.inner.looks.fetch_add(1, Ordering::Relaxed);
        let mut state = self.lock();
        if until <= state.now {
            return Box::pin(async {});
        }
        let (sender, receiver) = oneshot::channel();
        let number = state.next;
        state.next += 1;
        state.sleepers.insert((until, number), sender);
        Box::pin(async move {
            if receiver.await.is_err() {
                // The clock is gone, and with it everybody who could move it.
                std::future::pending::<()>().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn time_passes_only_when_it_is_moved_and_in_order() {
        let clock = VirtualClock::new(Timestamp(1_000));
        let order = Arc::new(Mutex::new(Vec::new()));
        for wait in [3_000, 2_000, 2_000, 500] {
            let (sleep, order, clock) = (clock.sleep_until(Timestamp(wait)), order.clone(), clock.clone());
            tokio::spawn(async move {
                sleep.await;
                order.lock().unwrap().push((wait, clock.now()));
            });
        }
        let never = clock.sleep_until(Timestamp(1_500));
        drop(never);
        tokio::task::yield_now().await;
        assert_eq!(*order.lock().unwrap(), [(500, Timestamp(1_000))]);
        assert_eq!(clock.next(), Some(Timestamp(2_000)));
        while clock.advance() {
            tokio::task::yield_now().await;
        }
        let at = |wait| (wait, Timestamp(wait));
        assert_eq!(*order.lock().unwrap(), [(500, Timestamp(1_000)), at(2_000), at(2_000), at(3_000)]);
    }
}
