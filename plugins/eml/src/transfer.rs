//! `Content-Transfer-Encoding`: base64 and quoted-printable, forgiving and without loss of evidence.
//!
//! Decoding goes piece by piece into a closure, so that an attachment of 100 MB never stands in memory twice.

use crate::anomaly::{Anomalies, Code};
use crate::fields::{self, Field};

/// Bytes handed over at once.
const PIECE: usize = 64 * 1024;

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `7bit`, `8bit`, `binary`, nothing, or something that nobody defines.
    Identity,
    /// RFC 2045 6.8.
    Base64,
    /// RFC 2045 6.7.
    QuotedPrintable,
    /// `x-uuencode` and relatives; not decoded.
    Uuencode,
}

impl Encoding {
    /// The encoding of a part from its fields.
    pub fn of(fields: &[Field<'_>], anomalies: &mut Anomalies) -> Encoding {
        let Some(field) = fields::first(fields, "content-transfer-encoding") else {
            return Encoding::Identity;
        };
        let text = field.text(anomalies).to_ascii_lowercase();
        let word = text.split([' ', '\t', ';', '(']).next().unwrap_or_default();
        match word {
            "" | "7bit" | "8bit" | "binary" => Encoding::Identity,
            "base64" => Encoding::Base64,
            "quoted-printable" => Encoding::QuotedPrintable,
            "x-uuencode" | "uuencode" | "x-uue" | "uue" => Encoding::Uuencode,
            _ => {
                anomalies.add(Code::UnknownTransferEncoding, word);
                Encoding::Identity
            }
        }
    }

    /// Whether the bytes are already the content.
    pub fn is_identity(self) -> bool {
        matches!(self, Encoding::Identity | Encoding::Uuencode)
    }

    /// Decodes `body`, handing the pieces to `take`.
    ///
    /// # Errors
    /// Those of `take`.
    pub fn decode<E>(
        self,
        body: &[u8],
        anomalies: &mut Anomalies,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Encoding::Identity | Encoding::Uuencode => take(body),
            Encoding::Base64 => base64(body, anomalies, &mut take),
            Encoding::QuotedPrintable => quoted_printable(body, anomalies, &mut take),
        }
    }

    /// Decodes `body` into memory.
    pub fn decode_all(self, body: &[u8], anomalies: &mut Anomalies) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(body.len());
        let result: Result<(), std::convert::Infallible> = self.decode(body, anomalies, |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        });
        let Ok(()) = result;
        bytes
    }
}

/// The value of a base64 digit, or what else the byte is.
pub(crate) fn base64_digit(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

fn base64<E>(
    body: &[u8],
    anomalies: &mut Anomalies,
    take: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut piece = Vec::with_capacity(PIECE + 4);
    let mut group = 0_u32;
    let mut digits = 0;
    let mut rest = body.iter();
    for byte in rest.by_ref() {
        if let Some(value) = base64_digit(*byte) {
            group = group << 6 | value;
            digits += 1;
            if digits == 4 {
                let [_, high, middle, low] = group.to_be_bytes();
                piece.extend_from_slice(&[high, middle, low]);
                (group, digits) = (0, 0);
                if piece.len() >= PIECE {
                    take(&piece)?;
                    piece.clear();
                }
            }
        } else if *byte == b'=' {
            if digits >= 2 {
                break;
            }
            anomalies.add(Code::BadEncoding, "base64");
        } else if !byte.is_ascii_whitespace() {
            anomalies.add(Code::BadEncoding, "base64");
        }
    }
    if rest.any(|byte| *byte != b'=' && !byte.is_ascii_whitespace()) {
        anomalies.add(Code::DataAfterPadding, "");
    }
    let [_, first, second, _] = (group << (6 * (4 - digits.min(4)))).to_be_bytes();
    match digits {
        2 => piece.push(first),
        3 => piece.extend_from_slice(&[first, second]),
        1 => anomalies.add(Code::BadEncoding, "base64"),
        _ => {}
    }
    take(&piece)
}

fn quoted_printable<E>(
    body: &[u8],
    anomalies: &mut Anomalies,
    take: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut piece = Vec::with_capacity(PIECE + 4);
    let mut rest = body;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte != b'=' {
            piece.push(*byte);
        } else if let Some(after) = soft_break(tail) {
            rest = after;
        } else if let [high, low, after @ ..] = tail
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            piece.push(high * 16 + low);
            rest = after;
        } else {
            anomalies.add(Code::BadEncoding, "quoted-printable");
            piece.push(b'=');
        }
        if piece.len() >= PIECE {
            take(&piece)?;
            piece.clear();
        }
    }
    take(&piece)
}

/// What follows a soft line break, if this is one. Gateways put spaces before the line end; a lone `=` at the very
/// end counts too.
fn soft_break(tail: &[u8]) -> Option<&[u8]> {
    // More padding than a line is long is no padding; the bound keeps this linear.
    let spaces = tail.iter().take(1_000).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let rest = tail.get(spaces..)?;
    match rest {
        [] if spaces == 0 => Some(rest),
        [b'\n', after @ ..] | [b'\r', b'\n', after @ ..] => Some(after),
        _ => None,
    }
}

/// The value of a hex digit.
pub(crate) fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
