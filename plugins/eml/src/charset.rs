//! From bytes to text: the declared charset, under any of its names, then UTF-8, then Windows-1252.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use crate::anomaly::{Anomalies, Code};
use crate::transfer::base64_digit;

/// Decodes `bytes` by the charset that the part declares.
///
/// Labels are those of the [Encoding Standard](https://encoding.spec.whatwg.org/) and the names that mailers use
/// besides. Without a label, or with one that nobody knows, UTF-8 is tried and then Windows-1252, which decodes
/// anything. ASCII with other bytes in it is treated the same way.
pub fn decode(bytes: &[u8], label: Option<&str>, anomalies: &mut Anomalies) -> String {
    let label = label.unwrap_or_default().trim_matches(['"', '\'', ' ', ';']);
    if is_utf7(label) {
        return utf7(bytes);
    }
    let plain = matches!(label, "" | "us-ascii" | "ascii" | "ansi_x3.4-1968" | "iso646-us" | "us");
    let encoding = if plain { None } else { find(label) };
    if encoding.is_none() && !plain {
        anomalies.add(Code::UnknownCharset, label);
    }
    match encoding {
        Some(encoding) => {
            let (text, _, bad) = encoding.decode(bytes);
            if bad {
                anomalies.add(Code::BadCharset, label);
            }
            text.into_owned()
        }
        None => sniff(bytes),
    }
}

/// Decodes bytes of unknown charset: a byte order mark, UTF-8, Windows-1252.
fn sniff(bytes: &[u8]) -> String {
    if Encoding::for_bom(bytes).is_some() {
        return UTF_8.decode(bytes).0.into_owned();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => windows_1252(bytes),
    }
}

/// Decodes as Windows-1252, which always succeeds.
pub fn windows_1252(bytes: &[u8]) -> String {
    WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned()
}

fn is_utf7(label: &str) -> bool {
    matches!(
        label,
        "utf-7" | "utf7" | "unicode-1-1-utf-7" | "unicode-2-0-utf-7" | "x-unicode-2-0-utf-7" | "cp65000"
    )
}

fn find(label: &str) -> Option<&'static Encoding> {
    if let Some(encoding) = Encoding::for_label(label.as_bytes()) {
        return Some(encoding);
    }
    // Code page numbers under the many prefixes that mailers invented.
    let number = ["windows", "cp", "ms", "x-cp", "x-windows", "x-ms-cp", "ibm", "x-mac"]
        .iter()
        .find_map(|prefix| label.strip_prefix(prefix))
        .unwrap_or(label)
        .trim_start_matches(['-', '_']);
    let name = match number {
        "1250" => "windows-1250",
        "1251" => "windows-1251",
        "1252" => "windows-1252",
        "1253" => "windows-1253",
        "1254" => "windows-1254",
        "1255" => "windows-1255",
        "1256" => "windows-1256",
        "1257" => "windows-1257",
        "1258" => "windows-1258",
        "866" => "ibm866",
        "874" => "windows-874",
        "932" | "943" | "31j" | "sjis" => "shift_jis",
        "936" | "gbk" => "gbk",
        "949" => "euc-kr",
        "950" => "big5",
        "54936" => "gb18030",
        "20127" | "28591" => "windows-1252",
        "28592" => "iso-8859-2",
        "28605" => "iso-8859-15",
        "20866" => "koi8-r",
        "21866" => "koi8-u",
        "50220" | "50221" | "50222" => "iso-2022-jp",
        "51932" => "euc-jp",
        "65001" | "utf8mb4" | "utf-8-strict" | "utf_8" | "utf" => "utf-8",
        "1200" => "utf-16le",
        "1201" => "utf-16be",
        "iso-2022-jp-1" | "iso-2022-jp-2" | "iso-2022-jp-ms" => "iso-2022-jp",
        "iso_8859_1" | "8859-1" | "8859_1" | "latin-1" => "iso-8859-1",
        _ => return None,
    };
    Encoding::for_label(name.as_bytes())
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
