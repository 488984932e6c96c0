//! The retry budget: calls that fail together are not all made again, or retries would keep a server down that is
//! busy already.
//!
//! Of the last minute, by connection: retries are at most a share of the first attempts, and a few more for whoever
//! calls seldom. All runs of an engine share it. The time comes from the engine's clock, so the same calls at the
//! same times are granted the same retries.

use std::collections::{HashMap, VecDeque};
use std::sync::PoisonError;

use journal::Timestamp;

use crate::sync::Mutex;

/// How many failed calls may be made again on one connection. Calls of actions without a connection count by action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryBudget {
    /// So many retries for a hundred calls of the last minute.
    pub percent: u32,
    /// And so many a minute in any case.
    pub per_minute: u32,
}

impl RetryBudget {
    /// Every retry that a playbook wants is granted.
    pub const UNLIMITED: RetryBudget = RetryBudget { percent: 0, per_minute: u32::MAX };
}

impl Default for RetryBudget {
    /// A fifth of the calls, and a hundred a minute: a loop of 64 at a time may see a busy server twice.
    fn default() -> Self {
        RetryBudget { percent: 20, per_minute: 100 }
    }
}

/// Over how long calls and retries are counted, in milliseconds.
const WINDOW: i64 = 60_000;

/// The grain of the count, in milliseconds.
const GRAIN: i64 = 1_000;

/// The most connections that are counted; beyond, those that were not used for longest are forgotten.
const MOST: usize = 10_000;

/// What was called and made again, by connection.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    budget: RetryBudget,
    kept: Mutex<HashMap<String, Window>>,
}

/// The last minute of one connection.
#[derive(Debug, Default)]
struct Window {
    /// Calls and retries of each second that had any, the oldest first.
    seconds: VecDeque<(i64, u64, u64)>,
    calls: u64,
    retries: u64,
}

impl Budgets {
    pub(crate) fn new(budget: RetryBudget) -> Self {
        Budgets { budget, kept: Mutex::default() }
    }

    /// Why a call was not made again.
    pub(crate) fn refusal(&self, key: &str) -> String {
        let RetryBudget { percent, per_minute } = self.budget;
        format!(
            "not tried again, because too many calls of `{key}` fail: at most {percent} % of its calls and \
             {per_minute} a minute are made again; look at what is wrong there first"
        )
    }

    /// The first attempt of a call is made.
    pub(crate) fn called(&self, key: &str, now: Timestamp) {
        self.at(key, now, |window| {
            window.calls += 1;
            if let Some((_, calls, _)) = window.seconds.back_mut() {
                *calls += 1;
            }
        });
    }

    /// Whether a call may be made again; if so, it counts.
    pub(crate) fn retry(&self, key: &str, now: Timestamp) -> bool {
        self.at(key, now, |window| {
            let share = window.calls.saturating_mul(u64::from(self.budget.percent)) / 100;
            let granted = window.retries < share.saturating_add(u64::from(self.budget.per_minute));
            if granted {
                window.retries += 1;
                if let Some((_, _, retries)) = window.seconds.back_mut() {
                    *retries += 1;
                }
            }
            granted
        })
    }

    fn at<T>(&self, key: &str, now: Timestamp, then: impl FnOnce(&mut Window) -> T) -> T {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.contains_key(key) {
            if kept.len() >= MOST {
                kept.retain(|_, window| {
                    window.seconds.back().is_some_and(|last| last.0.saturating_add(WINDOW) > now.0)
                });
            }
            kept.insert(key.to_owned(), Window::default());
        }
        let window = kept.entry(key.to_owned()).or_default();
        window.turn(now.0);
        then(window)
    }
}

impl Window {
    /// Forgets what is a minute ago, with all of its second, and opens the second of `now`.
    fn turn(&mut self, now: i64) {
        while let Some((_, calls, retries)) =
            self.seconds.pop_front_if(|(at, ..)| at.saturating_add(WINDOW + GRAIN) <= now)
        {
            self.calls -= calls;
            self.retries -= retries;
        }
        let second = now - now.rem_euclid(GRAIN);
        // A clock that was set back counts into the last second there is.
        if self.seconds.back().is_none_or(|(last, ..)| *last < second) {
            self.seconds.push_back((second, 0, 0));
        }
    }
}
