//! Which characters XML 1.0 allows, and what becomes of the others.
//!
//! Servers do send forbidden ones (a control character in the name of an attachment). Refusing the answer
//! would let one mail stop a whole search, so they become U+FFFD.

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
