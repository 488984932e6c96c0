//! Earlier answers of reads, shared by every run of an engine, in memory and bounded.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use interpreter::{Mask, Perform};
use journal::Timestamp;
use serde_json::Value;

/// The most answers that are kept.
const MOST: usize = 1_024;

/// The largest answer that is kept, in bytes of JSON.
const LARGEST: usize = 64 * 1024;

/// Answers by what was asked.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<HashMap<String, Kept>>);

#[derive(Debug)]
struct Kept {
    output: Value,
    at: i64,
    until: i64,
}

/// Where the answer of a call is kept and for how long.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    key: String,
    ttl: Duration,
}

impl Slot {
    /// The place of a call's answer, if the playbook wants one kept. Only reads may be answered from memory.
    pub(crate) fn of(call: &Perform, mask: &Mask) -> Option<Slot> {
        let cache = call.cache.as_ref().filter(|_| !call.effect.changes())?;
        let told = match &cache.key {
            Some(key) => format!("key {key}"),
            // A handle belongs to its run; the answer does not.
            None => format!("input {}", mask.show(&call.input)),
        };
        let connection = call.connection.as_deref().unwrap_or_default();
        Some(Slot { key: format!("{}\n{connection}\n{told}", call.action), ttl: cache.ttl })
    }
}

impl Cache {
    /// An answer that is young enough.
    pub(crate) fn get(&self, slot: &Slot, now: Timestamp) -> Option<Value> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get(&slot.key)?;
        // Another playbook may have kept it for longer than this one wants it.
        let young = now.0.saturating_sub(found.at) < millis(slot.ttl);
        (young && now.0 < found.until).then(|| found.output.clone())
    }

    /// Keeps an answer; the one that would end first makes room.
    pub(crate) fn put(&self, slot: Slot, output: &Value, now: Timestamp) {
        if output.to_string().len() > LARGEST {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST && !kept.contains_key(&slot.key) {
            kept.retain(|_, found| found.until > now.0);
            if kept.len() >= MOST {
                let first = kept.iter().min_by_key(|(_, found)| found.until).map(|(key, _)| key.clone());
                first.and_then(|key| kept.remove(&key));
            }
        }
        let until = now.0.saturating_add(millis(slot.ttl));
        kept.insert(slot.key, Kept { output: output.clone(), at: now.0, until });
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keeps_so_many_and_so_long() {
        let cache = Cache::default();
        let slot = |key: usize| Slot { key: key.to_string(), ttl: Duration::from_millis(100 + key as u64) };
        for key in 0..=MOST {
            cache.put(slot(key), &json!(key), Timestamp(0));
        }
        assert_eq!(cache.0.lock().unwrap().len(), MOST);
        assert_eq!(cache.get(&slot(0), Timestamp(1)), None, "the one that ends first made room");
        assert_eq!(cache.get(&slot(5), Timestamp(104)), Some(json!(5)));
        assert_eq!(cache.get(&slot(5), Timestamp(105)), None);
        cache.put(slot(5), &json!("x".repeat(LARGEST)), Timestamp(200));
        assert_eq!(cache.get(&slot(5), Timestamp(200)), None, "too large to keep");
    }
}
