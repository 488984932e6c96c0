//! What was put into a store of artifacts lately, so that nobody removes it before the run that did so has said so.
//!
//! The bytes get their name, and lose it, under one lock: whoever removes sees either that they were put here lately
//! or that they are not there yet. There are two sets, the older of which is forgotten as a whole: no clock for each
//! artifact, and no end of them in a process that never ends.

use std::collections::HashSet;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use plan::Digest;

use crate::sync::Mutex;

/// What was put here in the last moment, or the one before.
#[derive(Debug)]
pub(crate) struct Recent {
    moment: Duration,
    sets: Mutex<Sets>,
}

#[derive(Debug)]
struct Sets {
    since: Instant,
    younger: HashSet<Digest>,
    older: HashSet<Digest>,
}

impl Recent {
    /// Nothing was put here yet. `moment` is how long it counts as lately, at least.
    pub(crate) fn new(moment: Duration) -> Self {
        let sets = Sets { since: Instant::now(), younger: HashSet::new(), older: HashSet::new() };
        Recent { moment, sets: Mutex::new(sets) }
    }

    /// Gives bytes their name, and remembers it.
    pub(crate) fn put<T>(&self, digest: Digest, name: impl FnOnce() -> T) -> T {
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        if sets.since.elapsed() >= self.moment {
            sets.older = std::mem::take(&mut sets.younger);
            sets.since = Instant::now();
        }
        sets.younger.insert(digest);
        name()
    }

    /// Removes bytes, unless they were put here lately.
    pub(crate) fn unless_put<T>(&self, digest: &Digest, remove: impl FnOnce() -> T) -> Option<T> {
        let sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = sets.younger.contains(digest) || sets.older.contains(digest);
        (!lately).then(remove)
    }
}
