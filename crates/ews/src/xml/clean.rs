//! Which characters XML 1.0 allows, what becomes of the others, and which one a reference names.
//!
//! Servers do send forbidden ones (a control character in the name of an attachment). Refusing the answer
//! would let one mail stop a whole search, so they become U+FFFD.

/// Bytes of one reference: the longest sensible one is `&#x10FFFF;`.
pub(super) const MAX_REFERENCE: usize = 16;

/// Whether [XML 1.0](https://www.w3.org/TR/xml/#charsets) allows the character.
pub(crate) fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// The bytes of a text as a string: broken UTF-8 and forbidden characters become U+FFFD.
pub(super) fn text(bytes: Vec<u8>) -> String {
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(broken) => String::from_utf8_lossy(broken.as_bytes()).into_owned(),
    };
    if is_clean(text.as_bytes()) {
        return text;
    }
    text.chars().map(|c| if is_allowed(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// Whether UTF-8 has no forbidden character: no control character but three, no U+FFFE, no U+FFFF. Almost
/// every text is clean, so it is looked at a block at a time, which is several times as fast as by character.
fn is_clean(text: &[u8]) -> bool {
    let control = |bad: bool, byte: &u8| bad | (*byte < 0x20 && !matches!(*byte, b'\t' | b'\n' | b'\r'));
    !text.chunks(64).any(|block| block.iter().fold(false, control))
        && memchr::memmem::find_iter(text, b"\xEF\xBF")
            .all(|at| !matches!(text.get(at + 2), Some(0xBE | 0xBF)))
}

/// The character a reference names: one of the five entities or a number; a number that names no allowed
/// character is U+FFFD. `None` for any other name, because nothing may expand an entity of a document's own.
pub(super) fn reference(name: &[u8]) -> Option<char> {
    let number = match name {
        b"amp" => return Some('&'),
        b"lt" => return Some('<'),
        b"gt" => return Some('>'),
        b"quot" => return Some('"'),
        b"apos" => return Some('\''),
        [b'#', b'x' | b'X', digits @ ..] => parse(digits, 16)?,
        [b'#', digits @ ..] => parse(digits, 10)?,
        _ => return None,
    };
    Some(char::from_u32(number).filter(|c| is_allowed(*c)).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// Digits as a number; one that is too large is `u32::MAX`, which is no character.
fn parse(digits: &[u8], radix: u32) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok()?;
    if text.is_empty() || !text.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    Some(u32::from_str_radix(text, radix).unwrap_or(u32::MAX))
}

/// An attribute's value with its references resolved. An unknown reference stays as it is written: values
/// are ids and numbers, and one that is wrong fails where it is used.
pub(super) fn unescape(raw: &[u8]) -> String {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(start) = memchr::memchr(b'&', rest) {
        let (before, from) = rest.split_at(start);
        out.extend_from_slice(before);
        let known = memchr::memchr(b';', from.get(..MAX_REFERENCE.min(from.len())).unwrap_or_default())
            .and_then(|end| Some((reference(from.get(1..end)?)?, end)));
        match known {
            Some((c, end)) => {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                rest = from.get(end + 1..).unwrap_or_default();
            }
            None => {
                out.push(b'&');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    out.extend_from_slice(rest);
    text(out)
}
