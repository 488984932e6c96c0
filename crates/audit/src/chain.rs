//! The chain: what each line is bound to, and the key that only the log's writer has.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// The fewest bytes a key has.
pub const MIN_KEY: usize = 32;

/// What the MACs are made with. Whoever has it can write a log that looks right.
#[derive(Clone)]
pub struct Key(Vec<u8>);

impl Key {
    /// Takes a key of at least [`MIN_KEY`] bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Option<Key> {
        let bytes = bytes.into();
        (bytes.len() >= MIN_KEY).then_some(Key(bytes))
    }

    /// The MAC of a hash; `what` keeps lines and heads apart.
    pub(crate) fn mac(&self, what: &str, hash: &Hash) -> Hash {
        // Any length is a key for HMAC; without one nothing would verify.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return [0; 32] };
        mac.update(what.as_bytes());
        mac.update(hash);
        mac.finalize().into_bytes().into()
    }

    /// Compares in constant time.
    pub(crate) fn made(&self, what: &str, hash: &Hash, found: &Hash) -> bool {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return false };
        mac.update(what.as_bytes());
        mac.update(hash);
        mac.verify_slice(found).is_ok()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// A SHA-256.
pub(crate) type Hash = [u8; 32];

/// How far a log goes: what a head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Chain {
    /// How many lines.
    pub(crate) lines: u64,
    /// The hash of the last one; zero before the first.
    pub(crate) hash: Hash,
}

impl Chain {
    /// The hash of the next line with this body.
    pub(crate) fn next(&self, body: &[u8]) -> Hash {
        let mut hash = Sha256::new();
        hash.update(self.hash);
        hash.update(body);
        hash.finalize().into()
    }
}

/// Lower-case hex, as lines and heads have it.
pub(crate) fn hex(hash: &Hash) -> String {
    use std::fmt::Write;
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads exactly what [`hex`] writes: a letter whose case was changed is not it.
pub(crate) fn unhex(text: &[u8]) -> Option<Hash> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|[high, low]| Some(digit(*high)? * 16 + digit(*low)?)).collect();
    bytes?.try_into().ok()
}
