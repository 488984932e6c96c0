//! A name for every request, which the server writes into its logs: what a person needs when they ask the
//! server's administrator or Microsoft about one call.
//!
//! It has to be different from all others and nothing else, so the keys that the standard library hashes with
//! are randomness enough, and no random generator is needed.

use std::collections::hash_map::{DefaultHasher, RandomState};
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

/// The name of one request, a GUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RequestId(u128);

impl RequestId {
    /// A message that ends with the name, once.
    pub(crate) fn onto(self, mut message: String) -> String {
        let name = format!("[client-request-id {self}]");
        if !message.ends_with(&name) {
            message.push(' ');
            message.push_str(&name);
        }
        message
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Version 4 of RFC 9562: random but for the six bits that say so.
        let bits = self.0 & !(0xF << 76) & !(0b11 << 62) | (4 << 76) | (0b10 << 62);
        let part = |from: u32, digits: u32| (bits >> from) & ((1 << (digits * 4)) - 1);
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            part(96, 8),
            part(80, 4),
            part(64, 4),
            part(48, 4),
            part(0, 12)
        )
    }
}

/// Gives names.
#[derive(Debug)]
pub(crate) struct RequestIds {
    seed: [u64; 2],
    given: AtomicU64,
}

impl RequestIds {
    /// Names that nobody else gives, or with a `seed` always the same ones.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        let random = || RandomState::new().build_hasher().finish();
        let seed = seed.map_or_else(|| [random(), random()], |seed| [seed, seed]);
        RequestIds { seed, given: AtomicU64::new(0) }
    }

    /// The next.
    pub(crate) fn next(&self) -> RequestId {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        let half = |lane: u64, seed: u64| {
            let mut hasher = DefaultHasher::new();
            [lane, seed, number].into_iter().for_each(|part| hasher.write_u64(part));
            u128::from(hasher.finish())
        };
        let [high, low] = self.seed;
        RequestId((half(1, high) << 64) | half(2, low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_guids_and_differ() {
        let (ids, others) = (RequestIds::new(None), RequestIds::new(None));
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1_000 {
            let name = ids.next().to_string();
            let parts: Vec<usize> = name.split('-').map(str::len).collect();
            assert_eq!(parts, [8, 4, 4, 4, 12]);
            assert!(name[14..].starts_with('4') && "89ab".contains(&name[19..20]), "{name}");
            assert!(seen.insert(name) && seen.insert(others.next().to_string()));
        }
        assert_eq!(RequestIds::new(Some(1)).next(), RequestIds::new(Some(1)).next());
    }

    #[test]
    fn a_message_names_its_request_once() {
        let id = RequestIds::new(Some(1)).next();
        let message = id.onto("no".to_owned());
        assert_eq!(message, format!("no [client-request-id {id}]"));
        assert_eq!(id.onto(message.clone()), message);
    }
}
