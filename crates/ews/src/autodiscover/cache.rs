//! Which server answered for a domain, for a while. What it said about a mailbox is not kept: mailboxes of one
//! domain may be in different places.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::order::Place;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Cache {
    known: Mutex<BTreeMap<String, (Place, Instant)>>,
}

/// How many domains are remembered.
const MOST: usize = 1_000;

impl Cache {
    /// Who answered for a domain within `lifetime`.
    pub(super) fn get(&self, domain: &str, lifetime: Duration) -> Option<Place> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (place, since) = known.get(domain)?;
        if since.elapsed() < lifetime {
            return Some(place.clone());
        }
        known.remove(domain);
        None
    }

    pub(super) fn put(&self, domain: &str, place: Place) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(domain.to_owned(), (place, Instant::now()));
    }

    pub(super) fn forget(&self, domain: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(domain);
    }
}
