//! The engine's virtual clock, with a count of those who look at it.
//!
//! A run that waits for time alone is moved on by the clock itself. While a question is open it is not: the case
//! says whether time passes then, and to do that somebody has to know that everything else has come to rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use action_api::Work;
use engine::{Clock, Timestamp, VirtualClock};

/// Clones are the same clock.
#[derive(Debug, Clone)]
pub(crate) struct CountedClock {
    clock: VirtualClock,
    looks: Arc<AtomicU64>,
}

impl CountedClock {
    /// A clock that shows `start`.
    pub(crate) fn new(start: Timestamp) -> Self {
        CountedClock { clock: VirtualClock::new(start), looks: Arc::default() }
    }

    /// How often somebody looked. Two equal answers with a turn of every task between them: nobody works.
    pub(crate) fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    /// When the first of those who wait wants to be woken.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.clock.next()
    }

    /// Moves on to the next time at which somebody wants to be woken. False if nobody does.
    pub(crate) fn jump(&self) -> bool {
        self.clock.jump()
    }

    fn look(&self) {
        self.looks.fetch_add(1, Ordering::Relaxed);
    }
}

impl Clock for CountedClock {
    fn now(&self) -> Timestamp {
        self.look();
        self.clock.now()
    }

    fn sleep_until(&self, until: Timestamp) -> Work<'static, ()> {
        self.look();
        self.clock.sleep_until(until)
    }

    fn begin_work(&self) {
        self.look();
        self.clock.begin_work();
    }

    fn end_work(&self) {
        self.look();
        self.clock.end_work();
    }
}
