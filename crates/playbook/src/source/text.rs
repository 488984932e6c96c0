//! Is it text at all: size, encoding, and characters that show something else than they say.
//!
//! Every refusal names what the file is ("UTF-16") and not what a parser stumbled over. Zero-width joiners and
//! direction marks stay allowed in prose, because Persian and emoji need them; names and expressions refuse
//! them on their own.

use std::borrow::Cow;

use super::MAX_BYTES;
use crate::codes;
use crate::report::{Diagnostic, Raw};

/// Text that can be checked, or why it cannot.
///
/// # Errors
/// The bytes are too many, or not UTF-8 text. The diagnostic has no labels if there is no text to point into.
pub fn decode(bytes: &[u8]) -> Result<&str, Diagnostic> {
    if bytes.len() > MAX_BYTES {
        return Err(too_large(bytes.len()).without_place());
    }
    if let Some(what) = wide(bytes) {
        return Err(not_utf8(&format!("the file is {what}")).without_place());
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = good.iter().filter(|b| **b == b'\n').count() + 1;
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        not_utf8(&format!(
            "the byte 0x{byte:02x} in line {line} is not UTF-8; the file may be Latin-1 or Windows-1252"
        ))
        .without_place()
    })
}

fn wide(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=127, 0, 1..=127, ..] | [1..=127, 0, 1..=127, 0, ..] => {
            Some("UTF-16")
        }
        _ => None,
    }
}

fn not_utf8(message: &str) -> Raw {
    Raw::error(codes::ENCODING, message).help("save it as UTF-8")
}

fn too_large(size: usize) -> Raw {
    Raw::error(codes::TOO_LARGE, format!("the playbook has {size} bytes; {MAX_BYTES} are allowed"))
        .help("move large data into an input, or split the playbook")
}

/// Everything about the text that would mislead the parser or the reader.
pub(crate) fn problems(text: &str) -> Vec<Raw> {
    if text.len() > MAX_BYTES {
        return vec![too_large(text.len())];
    }
    let mut found = Vec::new();
    if text.starts_with('\u{feff}') {
        found.push(
            Raw::error(codes::ENCODING, "the file starts with a byte order mark")
                .at(0..3, "invisible, but here")
                .help("save it as UTF-8 without BOM"),
        );
    }
    if let Some(at) = text.find('\r').filter(|_| !text.contains('\n')) {
        found.push(
            Raw::error(codes::ENCODING, "the lines end with CR only, as on old Macs")
                .at(at..at + 1, "YAML needs LF or CRLF here")
                .help("convert the line ends to LF"),
        );
        return found;
    }
    // One message per character and line is enough; a binary file would give thousands.
    let start = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let suspicious = text.char_indices().filter(|(at, c)| *at >= start && suspicious(*c));
    for (at, c) in suspicious.take(20) {
        found.push(character(at, c));
    }
    found
}

fn suspicious(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || deceptive(c)
}

/// Characters nobody needs in prose and that hide what a line says.
fn deceptive(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{2060}' | '\u{feff}')
}

fn character(at: usize, c: char) -> Raw {
    let range = at..at + c.len_utf8();
    let escaped = format!("\\u{:04x}", u32::from(c));
    match c {
        '\0' => Raw::error(codes::ENCODING, "the file holds a NUL byte")
            .at(range, "a zero byte")
            .help("is this a text file?"),
        c if c.is_control() => {
            Raw::error(codes::ENCODING, format!("control character U+{:04X}", u32::from(c)))
                .at(range, "not printable")
                .help(format!("remove it, or write \"{escaped}\" inside double quotes"))
        }
        c => {
            let (kind, label) = match c {
                '\u{200b}' | '\u{2060}' | '\u{feff}' => ("a character without width", "nothing is seen here"),
                _ => {
                    ("a character that turns the reading direction", "what follows is shown in another order")
                }
            };
            Raw::error(codes::DECEPTIVE, format!("{kind} (U+{:04X})", u32::from(c))).at(range, label).help(
                format!("remove it, or write \"{escaped}\" inside double quotes where a reader can see it"),
            )
        }
    }
}

/// A text as it may be shown in a message: invisible and control characters escaped, long texts cut.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 60;
    let plain = |c: char| !c.is_control() && !invisible(c);
    if text.len() <= LONGEST && text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    for c in text.chars() {
        if out.len() >= LONGEST {
            out.push('…');
            break;
        }
        if plain(c) {
            out.push(c);
        } else {
            out.extend(c.escape_unicode());
        }
    }
    Cow::Owned(out)
}

fn invisible(c: char) -> bool {
    deceptive(c)
        || matches!(c, '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200c}'..='\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{2061}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}')
}

/// Where two ASCII characters stand beside each other, one of them a blank. The other is looked for, because lines are
/// full of blanks; the search for a text of the standard library spends most of its time getting ready.
pub(crate) fn pair(line: &str, first: u8, second: u8) -> Option<usize> {
    let line = line.as_bytes();
    if first == b' ' {
        let follows = |at: &usize| at.checked_sub(1).and_then(|before| line.get(before)) == Some(&first);
        return memchr::memchr_iter(second, line).find(follows).map(|at| at - 1);
    }
    memchr::memchr_iter(first, line).find(|at| line.get(at + 1) == Some(&second))
}
