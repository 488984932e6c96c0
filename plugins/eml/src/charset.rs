//! From bytes to text: the declared charset under any of its names, unless the bytes prove it wrong.
//!
//! Text that is valid UTF-8 beyond ASCII was not written in another charset by accident, so that counts more than what
//! is declared. Then comes the fallback that the caller knows of, a mailbox' usual code page; then Windows-1252, which
//! decodes anything. What differs from the declaration is recorded.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use crate::anomaly::{Anomalies, Code};
use crate::transfer::base64_digit;

/// Decodes `bytes` by the charset that the part declares.
///
/// Labels are those of the [Encoding Standard](https://encoding.spec.whatwg.org/), code page numbers, and the names
/// that mailers use besides.
pub fn decode(bytes: &[u8], label: Option<&str>, anomalies: &mut Anomalies) -> String {
    let label = label.unwrap_or_default().trim_matches(['"', '\'', ' ', ';']);
    if is_utf7(label) {
        return utf7(bytes);
    }
    let plain = matches!(label, "" | "us-ascii" | "ascii" | "ansi_x3.4-1968" | "iso646-us" | "us");
    let declared = if plain { None } else { find(label) };
    if declared.is_none() && !plain {
        anomalies.add(Code::UnknownCharset, label);
    }
    let utf8 = !bytes.is_ascii() && std::str::from_utf8(bytes).is_ok();
    let (text, used) = match declared {
        // Any bytes are text in a charset of one byte a character.
        Some(encoding) if utf8 && encoding.is_single_byte() => guess(bytes, anomalies),
        Some(encoding) => {
            let (text, used, bad) = encoding.decode(bytes);
            if bad {
                anomalies.add(Code::BadCharset, label);
            }
            if bad && (utf8 || !mostly(&text)) { guess(bytes, anomalies) } else { (text.into_owned(), used) }
        }
        None => guess(bytes, anomalies),
    };
    if declared != Some(used) && !bytes.is_ascii() {
        anomalies.repaired(label, used);
    }
    text
}

/// Decodes bytes that declare no charset, or not theirs: a byte order mark, UTF-8, the fallback, Windows-1252.
pub fn guess(bytes: &[u8], anomalies: &Anomalies) -> (String, &'static Encoding) {
    if Encoding::for_bom(bytes).is_some() {
        let (text, used, _) = UTF_8.decode(bytes);
        return (text.into_owned(), used);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return (text.to_owned(), UTF_8);
    }
    if let Some(fallback) = anomalies.fallback {
        let (text, bad) = fallback.decode_without_bom_handling(bytes);
        if !bad || mostly(&text) {
            return (text.into_owned(), fallback);
        }
    }
    (WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(), WINDOWS_1252)
}

/// Whether few enough characters were replaced for the charset to be the right one: text that was cut, or damaged.
fn mostly(text: &str) -> bool {
    let replaced = text.matches(char::REPLACEMENT_CHARACTER).count();
    let beyond_ascii = text.chars().filter(|letter| !letter.is_ascii()).count();
    replaced * 4 <= beyond_ascii - replaced
}

fn is_utf7(label: &str) -> bool {
    matches!(
        label,
        "utf-7" | "utf7" | "unicode-1-1-utf-7" | "unicode-2-0-utf-7" | "x-unicode-2-0-utf-7" | "cp65000"
    )
}

/// A charset by any of its names, or by the number of its code page.
pub fn find(label: &str) -> Option<&'static Encoding> {
    if let Some(encoding) = Encoding::for_label_no_replacement(label.as_bytes()) {
        return Some(encoding);
    }
    // Code page numbers under the many prefixes that mailers invented.
    let number = ["windows", "cp", "ms", "x-cp", "x-windows", "x-ms-cp", "ibm", "codepage"]
        .iter()
        .find_map(|prefix| label.strip_prefix(prefix))
        .unwrap_or(label)
        .trim_start_matches(['-', '_']);
    let page = match number {
        "943" | "31j" | "sjis" => 932,
        "utf8mb4" | "utf-8-strict" | "utf_8" | "utf" => 65001,
        "iso-2022-jp-1" | "iso-2022-jp-2" | "iso-2022-jp-ms" => 50220,
        "iso_8859_1" | "8859-1" | "8859_1" | "latin-1" | "20127" => 1252,
        // GB 2312 and what is written in HZ nowadays.
        "20936" | "51936" => 936,
        _ => number.parse().ok()?,
    };
    codepage::to_encoding_no_replacement(page)
}

/// RFC 2152. No library that browsers share has it any more, but mails still come in it, and one that hides a
/// link in UTF-7 counts on that.
fn utf7(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'+' {
            text.push(char::from(byte));
            continue;
        }
        if rest.next_if_eq(&b'-').is_some() {
            text.push('+');
            continue;
        }
        let mut units: Vec<u16> = Vec::new();
        let (mut bits, mut count) = (0_u32, 0);
        while let Some(value) = rest.peek().copied().and_then(base64_digit) {
            rest.next();
            bits = (bits << 6 | value) & 0x3F_FFFF;
            count += 6;
            if count >= 16 {
                count -= 16;
                units.push((bits >> count) as u16);
            }
        }
        rest.next_if_eq(&b'-');
        text.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
    }
    text
}
