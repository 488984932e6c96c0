//! What time it is in the organisation.
//!
//! A test that compares two runs needs the same times twice, so the clock can be a counter.

use jiff::{SignedDuration, Timestamp};

/// The organisation's clock.
#[derive(Debug, Clone)]
pub(crate) enum Clock {
    /// The machine's.
    System,
    /// Starts at a time and goes one second on at every question.
    Counted(Timestamp),
}

impl Clock {
    /// The time without being asked: what is only written down must not move a counted clock on.
    pub(crate) fn peek(&self) -> Timestamp {
        self.clone().now()
    }

    /// The time, to the second, as EWS writes times.
    pub(crate) fn now(&mut self) -> Timestamp {
        match self {
            Clock::System => {
                Timestamp::from_second(Timestamp::now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
            }
            Clock::Counted(next) => {
                let now = *next;
                *next = now.checked_add(SignedDuration::from_secs(1)).unwrap_or(now);
                now
            }
        }
    }
}
