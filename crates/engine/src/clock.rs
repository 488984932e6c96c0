//! Time, as the engine sees it: replaceable, so that tests need not wait.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use action_api::Work;
use journal::Timestamp;

/// Tells and waits for points in time.
pub trait Clock: Send + Sync {
    /// Now. Goes into records; the interpreter knows no other clock.
    fn now(&self) -> Timestamp;

    /// Ready at `until` or later, never earlier.
    fn sleep_until(&self, until: Timestamp) -> Work<'static, ()>;

    /// A run has something to do. A clock that follows the world need not care.
    fn begin_work(&self) {}

    /// The run waits for nothing but time, or is over. Comes once for every [`Clock::begin_work`].
    fn end_work(&self) {}
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

/// A clock that stands still while anything is done, and jumps to the next point that is waited for when every
/// run of its engine waits for time alone.
///
/// While a question, a form or a wait for an event is open, time does not pass by itself: whoever tests answers,
/// or lets time pass with [`VirtualClock::jump`] or [`VirtualClock::advance`]. The time limit of an attempt is
/// measured in real time, because the action is real. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct VirtualClock(Arc<Mutex<Ticks>>);

#[derive(Debug)]
struct Ticks {
    now: i64,
    /// Runs that have something to do.
    working: usize,
    next: u64,
    /// By point in time, then in the order of their beginning.
    sleepers: BTreeMap<(i64, u64), Option<Waker>>,
}

impl VirtualClock {
    /// A clock that begins at this time.
    pub fn new(now: Timestamp) -> Self {
        VirtualClock(Arc::new(Mutex::new(Ticks {
            now: now.0,
            working: 0,
            next: 0,
            sleepers: BTreeMap::new(),
        })))
    }

    /// Jumps to the next point that somebody waits for. Gives whether there is one.
    pub fn jump(&self) -> bool {
        let (jumped, wakers) = self.ticks().jump();
        wakers.into_iter().for_each(Waker::wake);
        jumped
    }

    /// The next point that somebody waits for.
    pub fn next(&self) -> Option<Timestamp> {
        self.ticks().sleepers.keys().next().map(|(at, _)| Timestamp(*at))
    }

    /// Lets this much time pass.
    pub fn advance(&self, by: Duration) {
        let wakers = {
            let mut ticks = self.ticks();
            ticks.now = ticks.now.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
            ticks.due()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    fn ticks(&self) -> MutexGuard<'_, Ticks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticks {
    /// Those whose time has come.
    fn due(&mut self) -> Vec<Waker> {
        let now = self.now;
        self.sleepers.range_mut(..=(now, u64::MAX)).filter_map(|(_, waker)| waker.take()).collect()
    }

    fn jump(&mut self) -> (bool, Vec<Waker>) {
        match self.sleepers.keys().next() {
            None => (false, Vec::new()),
            // Somebody has been woken and has not looked yet.
            Some((at, _)) if *at <= self.now => (true, self.due()),
            Some((at, _)) => {
                self.now = *at;
                (true, self.due())
            }
        }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.ticks().now)
    }

    fn sleep_until(&self, until: Timestamp) -> Work<'static, ()> {
        let mut ticks = self.ticks();
        let key = (until.0, ticks.next);
        ticks.next += 1;
        ticks.sleepers.insert(key, None);
        drop(ticks);
        Box::pin(Sleeper { clock: self.clone(), key })
    }

    fn begin_work(&self) {
        self.ticks().working += 1;
    }

    fn end_work(&self) {
        let wakers = {
            let mut ticks = self.ticks();
            ticks.working = ticks.working.saturating_sub(1);
            if ticks.working == 0 { ticks.jump().1 } else { Vec::new() }
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Somebody who waits; forgotten when dropped.
struct Sleeper {
    clock: VirtualClock,
    key: (i64, u64),
}

impl Future for Sleeper {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut ticks = self.clock.ticks();
        if ticks.now >= self.key.0 {
            ticks.sleepers.remove(&self.key);
            return Poll::Ready(());
        }
        ticks.sleepers.insert(self.key, Some(cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.clock.ticks().sleepers.remove(&self.key);
    }
}
