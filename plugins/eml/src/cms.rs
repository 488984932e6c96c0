//! What is inside of S/MIME (RFC 5652), as far as it can be seen without keys. No signature is verified here.
//!
//! The crates `cms` and `der` read DER only, where every length is known beforehand. Mail programs stream, and write
//! BER with lengths that are open; so this is the little of BER that leads to the content.

/// Octet strings inside one another.
const DEPTH: usize = 8;

const SIGNED: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const ENVELOPED: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03";
const AUTH_ENVELOPED: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17";
const COMPRESSED: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09";

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cms {
    /// Signed, with its content; a list of certificates has none.
    Signed(Option<Vec<u8>>),
    /// Nobody reads it without a key.
    Encrypted,
    /// Made smaller.
    Compressed,
}

struct Cursor<'a> {
    rest: &'a [u8],
}

/// Tag, and length if it is known.
type Head = (u8, Option<usize>);

impl<'a> Cursor<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(head)
    }

    fn head(&mut self) -> Option<Head> {
        let tag = self.byte()?;
        // Tags of several bytes do not occur on the way.
        if tag & 0x1F == 0x1F {
            return None;
        }
        let first = self.byte()?;
        let length = match first {
            0x80 => None,
            0..0x80 => Some(usize::from(first)),
            _ => {
                let bytes = self.take(usize::from(first & 0x7F))?;
                let mut length = 0_usize;
                for byte in bytes {
                    length = length.checked_mul(256)?.checked_add(usize::from(*byte))?;
                }
                Some(length)
            }
        };
        Some((tag, length))
    }

    /// Goes into an element of this tag.
    fn enter(&mut self, tag: u8) -> Option<()> {
        let (found, length) = self.head()?;
        if found != tag {
            return None;
        }
        if let Some(length) = length {
            // Shorter than what is there is usual at the end of a file; longer is cut off.
            self.rest = self.rest.get(..length).unwrap_or(self.rest);
        }
        Some(())
    }

    /// Skips one element with everything in it.
    fn skip(&mut self) -> Option<()> {
        let mut open = 0_usize;
        loop {
            if open > 0 && self.rest.starts_with(&[0, 0]) {
                self.take(2)?;
                open -= 1;
            } else {
                match self.head()? {
                    (_, Some(length)) => {
                        self.take(length)?;
                    }
                    (_, None) => open += 1,
                }
            }
            if open == 0 {
                return Some(());
            }
        }
    }

    /// The bytes of an octet string, put together from its pieces.
    fn octets(&mut self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        // What is left after each open piece; nothing where its end is marked instead.
        let mut open: Vec<Option<usize>> = Vec::new();
        loop {
            while let Some(Some(after)) = open.last() {
                if self.rest.len() > *after {
                    break;
                }
                open.pop();
                if open.is_empty() {
                    return Some(bytes);
                }
            }
            if let Some(None) = open.last()
                && self.rest.starts_with(&[0, 0])
            {
                self.take(2)?;
                open.pop();
                if open.is_empty() {
                    return Some(bytes);
                }
                continue;
            }
            match self.head()? {
                (0x04, Some(length)) => bytes.extend_from_slice(self.take(length)?),
                (0x24, length) if open.len() < DEPTH => {
                    let after = match length {
                        Some(length) => Some(self.rest.len().checked_sub(length)?),
                        None => None,
                    };
                    open.push(after);
                }
                _ => return None,
            }
            if open.is_empty() {
                return Some(bytes);
            }
        }
    }
}

/// Looks inside; nothing if it is no CMS, or not whole.
pub fn read(bytes: &[u8]) -> Option<Cms> {
    let mut cursor = Cursor { rest: bytes };
    cursor.enter(0x30)?;
    let (tag, length) = cursor.head()?;
    let kind = cursor.take(length.filter(|_| tag == 0x06)?)?;
    match kind {
        ENVELOPED | AUTH_ENVELOPED => return Some(Cms::Encrypted),
        COMPRESSED => return Some(Cms::Compressed),
        SIGNED => {}
        _ => return None,
    }
    cursor.enter(0xA0)?;
    cursor.enter(0x30)?;
    // Version and digest algorithms.
    cursor.skip()?;
    cursor.skip()?;
    cursor.enter(0x30)?;
    // What kind of content.
    cursor.skip()?;
    if cursor.rest.is_empty() || cursor.rest.starts_with(&[0, 0]) {
        return Some(Cms::Signed(None));
    }
    cursor.enter(0xA0)?;
    cursor.octets().map(|content| Cms::Signed(Some(content)))
}
