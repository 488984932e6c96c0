//! One line: `{"n":7,"entry":{…},"hash":"…"}`, with `,"mac":"…"` before the brace where there is a key.
//!
//! Read strictly, byte by byte: what is not exactly what would be written is damage. The hash covers the line up to
//! `,"hash":`, and the hash of the line before.

use engine::audit::Entry;

use crate::chain::{Chain, Hash, Key, hex, unhex};

/// No line is longer; a file without line ends is not read into memory whole.
pub(crate) const MAX_LINE: usize = 4 << 20;

const BEGIN: &[u8] = b"{\"n\":";
const ENTRY: &[u8] = b",\"entry\":";
const HASH: &[u8] = b",\"hash\":\"";
const MAC: &[u8] = b"\",\"mac\":\"";
const END: &[u8] = b"\"}";
const HEX: usize = 64;
/// What a MAC is over, beside the hash.
const WHAT: &str = "portcullis audit line";

/// Writes the next line, with its end, and moves the chain on.
pub(crate) fn write(chain: &mut Chain, entry: &str, key: Option<&Key>, out: &mut Vec<u8>) {
    let number = chain.lines + 1;
    let body = format!("{{\"n\":{number},\"entry\":{entry}");
    let hash = chain.next(body.as_bytes());
    out.extend_from_slice(body.as_bytes());
    out.extend_from_slice(HASH);
    out.extend_from_slice(hex(&hash).as_bytes());
    if let Some(key) = key {
        out.extend_from_slice(MAC);
        out.extend_from_slice(hex(&key.mac(WHAT, &hash)).as_bytes());
    }
    out.extend_from_slice(END);
    out.push(b'\n');
    *chain = Chain { lines: number, hash };
}

/// A line as it stands in the file; not yet held against the chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) number: u64,
    body: &'a [u8],
    entry: &'a [u8],
    pub(crate) hash: Hash,
    mac: Option<Hash>,
}

impl<'a> Line<'a> {
    /// Reads a line without its end, or says what is wrong with it.
    pub(crate) fn read(text: &'a [u8]) -> Result<Self, &'static str> {
        const NOT: &str = "it is not a line of an audit log";
        let rest = text.strip_suffix(END).ok_or(NOT)?;
        let (rest, last) = rest.split_at_checked(rest.len().wrapping_sub(HEX)).ok_or(NOT)?;
        let last = unhex(last).ok_or("its hash is not one")?;
        let (body, hash, mac) = match rest.strip_suffix(MAC) {
            None => (rest.strip_suffix(HASH).ok_or(NOT)?, last, None),
            Some(rest) => {
                let (rest, hash) = rest.split_at_checked(rest.len().wrapping_sub(HEX)).ok_or(NOT)?;
                (rest.strip_suffix(HASH).ok_or(NOT)?, unhex(hash).ok_or("its hash is not one")?, Some(last))
            }
        };
        let rest = body.strip_prefix(BEGIN).ok_or(NOT)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = rest.split_at_checked(digits).ok_or(NOT)?;
        let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or(NOT)?;
        let entry = rest.strip_prefix(ENTRY).ok_or(NOT)?;
        Ok(Line { number, body, entry, hash, mac })
    }

    /// Whether it is the one that follows, and made with this key.
    pub(crate) fn follows(&self, chain: &Chain, key: Option<&Key>) -> Result<Chain, String> {
        if self.number != chain.lines + 1 {
            return Err(format!("it says it is line {}", self.number));
        }
        if chain.next(self.body) != self.hash {
            return Err("its hash does not fit it and the line before".to_owned());
        }
        match (key, &self.mac) {
            (Some(_), None) => Err("it carries no MAC, and the log has a key".to_owned()),
            (Some(key), Some(mac)) if !key.made(WHAT, &self.hash, mac) => {
                Err("its MAC was not made with the key".to_owned())
            }
            _ => Ok(Chain { lines: self.number, hash: self.hash }),
        }
    }

    pub(crate) fn has_mac(&self) -> bool {
        self.mac.is_some()
    }

    /// The JSON of what it says.
    pub(crate) fn text(&self) -> &'a [u8] {
        self.entry
    }

    /// What it says, if this version knows it.
    pub(crate) fn entry(&self) -> Option<Entry> {
        serde_json::from_slice(self.entry).ok()
    }
}

/// Whether these bytes can be the beginning of line `number` whose writing was cut off: a beginning, then perhaps
/// zeros, which some file systems leave where nothing was written yet.
pub(crate) fn is_torn(bytes: &[u8], number: u64) -> bool {
    let written = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let Some(bytes) = bytes.get(..written) else { return false };
    let begin = format!("{{\"n\":{number},\"entry\":{{");
    let (short, long) = (bytes.len().min(begin.len()), begin.len());
    if bytes.get(..short) != begin.as_bytes().get(..short) {
        return false;
    }
    if bytes.len() <= long {
        return true;
    }
    // A whole line and something behind it that is not its end: that was not cut off, but changed.
    let inside = |byte: &u8| *byte >= b' ';
    let whole = bytes.get(..bytes.len() - 1).is_some_and(|most| Line::read(most).is_ok());
    bytes.iter().all(inside) && !whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_beginning_of_a_line_is_torn_and_a_changed_end_is_not() {
        let (mut chain, mut out) = (Chain { lines: 6, hash: [7; 32] }, Vec::new());
        write(&mut chain, r#"{"what":"paused"}"#, None, &mut out);
        for length in 0..out.len() {
            assert!(is_torn(&out[..length], 7), "{length}");
            let mut zeros = out[..length].to_vec();
            zeros.extend([0; 9]);
            assert!(is_torn(&zeros, 7), "{length} and zeros");
        }
        assert!(!is_torn(b"{\"n\":8", 7));
        for bit in 0..8 {
            let mut changed = out.clone();
            *changed.last_mut().unwrap() ^= 1 << bit;
            assert!(!is_torn(&changed, 7), "bit {bit} of the line's end");
        }
        let line = Line::read(&out[..out.len() - 1]).unwrap();
        assert_eq!(line.follows(&Chain { lines: 6, hash: [7; 32] }, None), Ok(chain));
        assert!(line.follows(&Chain { lines: 6, hash: [8; 32] }, None).is_err());
    }
}
