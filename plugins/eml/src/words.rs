//! Encoded words in headers (RFC 2047).

use crate::anomaly::{Anomalies, Code};
use crate::charset;
use crate::transfer::{Encoding, hex};

/// After so many that do not decode, the rest of a header stays as it stands.
const FAILURES: usize = 100;

/// Decodes the encoded words of a header's text.
///
/// Space between two encoded words is dropped. Neighbouring words of one charset are decoded together, because
/// mailers cut multi-byte characters in half. What does not decode stays as it stands, as an anomaly.
pub fn decode(text: &str, anomalies: &mut Anomalies) -> String {
    if !text.contains("=?") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut pending: Option<(String, Vec<u8>)> = None;
    let mut rest = text;
    let mut failures = 0;
    while let Some(at) = rest.find("=?").filter(|_| failures < FAILURES) {
        let (before, tail) = rest.split_at(at);
        let Some((label, bytes, after)) = word(tail) else {
            flush(&mut out, &mut pending, anomalies);
            anomalies.add(Code::BadEncodedWord, tail);
            failures += 1;
            out.push_str(before);
            out.push_str("=?");
            rest = tail.get(2..).unwrap_or_default();
            continue;
        };
        if pending.is_none() || !before.trim_matches([' ', '\t']).is_empty() {
            flush(&mut out, &mut pending, anomalies);
            out.push_str(before);
        }
        match &mut pending {
            Some((open, collected)) if *open == label => collected.extend_from_slice(&bytes),
            _ => {
                flush(&mut out, &mut pending, anomalies);
                pending = Some((label, bytes));
            }
        }
        rest = after;
    }
    flush(&mut out, &mut pending, anomalies);
    out.push_str(rest);
    out
}

fn flush(out: &mut String, pending: &mut Option<(String, Vec<u8>)>, anomalies: &mut Anomalies) {
    if let Some((label, bytes)) = pending.take() {
        out.push_str(&charset::decode(&bytes, Some(&label), anomalies));
    }
}

/// One encoded word at the start of `text`: charset, bytes, what follows.
fn word(text: &str) -> Option<(String, Vec<u8>, &str)> {
    // An encoded word has at most 75 characters (RFC 2047 2). Mailers exceed that, but not a line of a header; the
    // bounds keep a header full of `=?` linear.
    let (label, rest) = until(text.strip_prefix("=?")?, '?', 80)?;
    let (method, rest) = until(rest, '?', 4)?;
    let (content, after) = content(rest)?;
    let label = label.split('*').next().unwrap_or_default().to_ascii_lowercase();
    if label.is_empty() || label.contains([' ', '\t']) {
        return None;
    }
    let bytes = match method {
        "B" | "b" => Encoding::Base64.decode_all(content.as_bytes(), &mut Anomalies::default()),
        "Q" | "q" => quoted(content.as_bytes()),
        _ => return None,
    };
    Some((label, bytes, after))
}

fn content(text: &str) -> Option<(&str, &str)> {
    let window = text.get(..floor(text, 4_000)).unwrap_or_default();
    let end = window.find("?=")?;
    let content = window.get(..end)?;
    Some((content, text.get(end + 2..)?))
}

fn floor(text: &str, most: usize) -> usize {
    let mut at = most.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn until(text: &str, stop: char, most: usize) -> Option<(&str, &str)> {
    let window = text.get(..floor(text, most)).unwrap_or_default();
    let at = window.find(stop)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

fn quoted(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'_', _) => bytes.push(b' '),
            (b'=', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high * 16 + low);
                    rest = after;
                }
                _ => bytes.push(b'='),
            },
            _ => bytes.push(*byte),
        }
    }
    bytes
}
