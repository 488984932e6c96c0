//! The fuzzy hash of ssdeep (context triggered piecewise hashing, Kornblum 2006), as the lists of others have it.
//!
//! Own code: the maintained library is under a licence that does not go with ours, and the other one is neither
//! maintained nor right beyond 4 GiB. A piece ends where a hash over the last seven bytes says so; of each piece a
//! few bits are kept. That is done for all sizes of pieces that may still turn out to be right, so the length need
//! not be known beforehand.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Bytes that decide where a piece ends.
const WINDOW: usize = 7;
/// Average length of a piece at the first size; each next size is twice as long.
const SMALLEST: u64 = 3;
const SIZES: usize = 31;
/// Characters that describe a file.
const LENGTH: usize = 64;
const PRIME: u32 = 0x0100_0193;
const INITIAL: u32 = 0x2802_1967;

/// A hash over the last bytes, which forgets what is further back.
#[derive(Default)]
struct Rolling {
    window: [u8; WINDOW],
    next: usize,
    sum: u32,
    weighted: u32,
    shifted: u32,
}

impl Rolling {
    fn push(&mut self, byte: u8) {
        let new = u32::from(byte);
        self.weighted = self.weighted.wrapping_sub(self.sum).wrapping_add(WINDOW as u32 * new);
        if let Some(slot) = self.window.get_mut(self.next) {
            self.sum = self.sum.wrapping_add(new).wrapping_sub(u32::from(*slot));
            *slot = byte;
        }
        self.next = (self.next + 1) % WINDOW;
        self.shifted = (self.shifted << 5) ^ new;
    }

    fn value(&self) -> u32 {
        self.sum.wrapping_add(self.weighted).wrapping_add(self.shifted)
    }
}

/// Pieces of one size.
#[derive(Clone)]
struct Pieces {
    /// Of the piece that is open.
    hash: u32,
    /// The same, but of what remains once half of the characters are used up.
    half_hash: u32,
    digest: Vec<u8>,
    /// Character of a piece too many; all of those are one.
    tail: Option<u8>,
    half_tail: Option<u8>,
}

impl Pieces {
    fn new(hash: u32, half_hash: u32) -> Self {
        Pieces { hash, half_hash, digest: Vec::new(), tail: None, half_tail: None }
    }

    fn push(&mut self, byte: u8) {
        self.hash = self.hash.wrapping_mul(PRIME) ^ u32::from(byte);
        self.half_hash = self.half_hash.wrapping_mul(PRIME) ^ u32::from(byte);
    }

    /// A piece ends. Whether there was room for its character.
    fn end(&mut self) -> bool {
        self.half_tail = Some(character(self.half_hash));
        let full = self.digest.len() >= LENGTH - 1;
        if full {
            self.tail = Some(character(self.hash));
            return false;
        }
        self.digest.push(character(self.hash));
        self.hash = INITIAL;
        if self.digest.len() < LENGTH / 2 {
            self.half_hash = INITIAL;
            self.half_tail = None;
        }
        true
    }
}

fn character(hash: u32) -> u8 {
    ALPHABET.get((hash % 64) as usize).copied().unwrap_or(b'A')
}

/// The hash of bytes that come one after the other.
pub(crate) struct Ssdeep {
    rolling: Rolling,
    sizes: Vec<Pieces>,
    /// Smaller sizes are known to be too small.
    first: usize,
    total: u64,
}

impl Ssdeep {
    pub(crate) fn new() -> Self {
        Ssdeep { rolling: Rolling::default(), sizes: vec![Pieces::new(INITIAL, INITIAL)], first: 0, total: 0 }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.total += 1;
            self.step(*byte);
        }
    }

    fn step(&mut self, byte: u8) {
        self.rolling.push(byte);
        let value = u64::from(self.rolling.value());
        for pieces in self.sizes.iter_mut().skip(self.first) {
            pieces.push(byte);
        }
        let mut at = self.first;
        // A piece of one size ends only where one of the size below ends.
        while at < self.sizes.len() && value % (SMALLEST << at) == (SMALLEST << at) - 1 {
            self.fork(at);
            let room = self.sizes.get_mut(at).is_some_and(Pieces::end);
            if !room {
                self.forget();
            }
            at += 1;
        }
    }

    /// With the first piece of the largest size so far, a larger one becomes possible; up to here they are the same.
    fn fork(&mut self, at: usize) {
        if at + 1 == self.sizes.len()
            && at + 1 < SIZES
            && let Some(pieces) = self.sizes.get(at).filter(|pieces| pieces.digest.is_empty())
        {
            let next = Pieces::new(pieces.hash, pieces.half_hash);
            self.sizes.push(next);
        }
    }

    /// Drops the smallest size once the next one describes the file well enough.
    fn forget(&mut self) {
        let enough = self.sizes.get(self.first + 1).is_some_and(|next| next.digest.len() >= LENGTH / 2);
        if enough && (SMALLEST << self.first) * (LENGTH as u64) < self.total {
            self.first += 1;
        }
    }

    /// The hash; nothing for no bytes, and for more than it is defined for.
    pub(crate) fn finish(&self) -> Option<String> {
        let mut size = self.first;
        while (SMALLEST << size) * (LENGTH as u64) < self.total {
            size += 1;
            if size >= SIZES {
                return None;
            }
        }
        size = size.min(self.sizes.len().saturating_sub(1));
        while size > self.first && self.sizes.get(size)?.digest.len() < LENGTH / 2 {
            size -= 1;
        }
        // Bytes after the last end of a piece count, unless the rolling hash says that nothing came.
        let open = self.rolling.value() != 0;
        let pieces = self.sizes.get(size)?;
        let last = if open { Some(character(pieces.hash)) } else { pieces.tail };
        let mut text = format!("{}:", SMALLEST << size).into_bytes();
        text.extend(pieces.digest.iter().copied().chain(last));
        text.push(b':');
        match self.sizes.get(size + 1) {
            Some(next) => {
                let last = if open { Some(character(next.half_hash)) } else { next.half_tail };
                text.extend(next.digest.iter().copied().take(LENGTH / 2 - 1).chain(last));
            }
            None if open => text.push(character(pieces.hash)),
            None => {}
        }
        String::from_utf8(text).ok().filter(|_| self.total > 0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]
mod tests {
    use super::Ssdeep;

    /// Bytes that look random and are the same everywhere.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    fn hash(bytes: &[u8], piece: usize) -> Option<String> {
        let mut hash = Ssdeep::new();
        bytes.chunks(piece).for_each(|part| hash.update(part));
        hash.finish()
    }

    /// What the Python package `ppdeep` gives for the same bytes.
    #[test]
    fn agrees_with_another_implementation() {
        let cases: [(Vec<u8>, &str); 7] = [
            (b"abc".to_vec(), "3:uG:uG"),
            (vec![0; 5_000], "3::"),
            (noise(100), "3:eDjrjzgp/9e4MGp+7X+u7yEwLn24SHjsoO1XzjjfD:eDXPs/4FGUrX+5SHQTdPjL"),
            (noise(5_000), "96:PitdAhI7QXpLQb/pzwtrX1MECTqZ+njVT/pRhS3l6u0x+CZ0HgyW5:PiTAC05SorlCqZCF3JByC"),
            (noise(200_000), "6144:jtd4xSxSjiyTYtzMbJFjSESoFJZb9kMCe/6c:5deZiJzMbJE+FJZxMe6c"),
            (
                b"line after line\r\n".repeat(1_000),
                "6:IAlAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAn:/",
            ),
            (
                [noise(3_000), vec![0; 50]].concat(),
                "48:PiCEfQUVBAhI7TMXpL5Rvv4bNtBVA9YzACw3h0UuJyfDEEEz5XcMZE:PitdAhI7QXpLQb/pzwtrX1ME",
            ),
        ];
        for (bytes, expected) in cases {
            assert_eq!(hash(&bytes, 4096).as_deref(), Some(expected), "{} bytes", bytes.len());
        }
        assert_eq!(hash(b"", 1), None);
    }

    #[test]
    fn does_not_depend_on_how_the_bytes_arrive() {
        let bytes = noise(50_000);
        let whole = hash(&bytes, usize::MAX).unwrap();
        for piece in [1, 7, 64, 4_095] {
            assert_eq!(hash(&bytes, piece).unwrap(), whole);
        }
    }
}
