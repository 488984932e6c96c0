//! Encodings and digests, of the UTF-8 bytes of a text.

use super::{Context, Entry, Function, Param};
use crate::budget::EvalError;
use crate::types::Type;
use crate::val::Val;
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use std::fmt::Write;

pub(super) const TABLE: &[Function] = &[
    Function::new(
        Entry {
            name: "base64",
            signature: "base64(text: string) -> string",
            doc: "The text in base64, with padding.",
            example: "base64(\"hi?>\")",
            result: r#""aGk/Pg==""#,
        },
        &[Param::Text],
        |_| Type::string(),
        |c, a| encode(c, a, &STANDARD),
    ),
    Function::new(
        Entry {
            name: "base64url",
            signature: "base64url(text: string) -> string",
            doc: "The text in base64 with the alphabet for URLs, without padding. The result is trusted: it \
                  holds only letters, digits, `-` and `_`.",
            example: "base64url(\"hi?>\")",
            result: r#""aGk_Pg""#,
        },
        &[Param::Text],
        |_| Type::string(),
        |c, a| encode(c, a, &URL_SAFE_NO_PAD),
    )
    .quotes(),
    Function::new(
        Entry {
            name: "base64Decode",
            signature: "base64Decode(text: string) -> string",
            doc: "The text that was encoded, in either alphabet, with or without padding. It must be UTF-8.",
            example: "base64Decode(\"aGk_Pg\")",
            result: r#""hi?>""#,
        },
        &[Param::Text],
        |_| Type::string(),
        decode,
    ),
    Function::new(
        Entry {
            name: "sha256",
            signature: "sha256(text: string) -> string",
            doc: "The SHA-256 digest in lower-case hexadecimal digits. The result is trusted.",
            example: "sha256(\"abc\")",
            result: r#""ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad""#,
        },
        &[Param::Text],
        |_| Type::string(),
        sha256,
    )
    .quotes(),
    Function::new(
        Entry {
            name: "urlEncode",
            signature: "urlEncode(text: string) -> string",
            doc: "The text as one part of a path or query: everything but letters, digits, `-`, `_`, `.` and `~` \
                  becomes `%XX`. `.` and `..` are refused. The result stays untrusted, because in the place of a \
                  host it would still name one; `base64url` and `sha256` give trusted texts.",
            example: "urlEncode(\"a b/ü\")",
            result: r#""a%20b%2F%C3%BC""#,
        },
        &[Param::Text],
        |_| Type::string(),
        url_encode,
    ),
    Function::new(
        Entry {
            name: "urlDecode",
            signature: "urlDecode(text: string) -> string",
            doc: "The text with every `%XX` read; `+` stays. What was encoded must be UTF-8.",
            example: "urlDecode(\"a%20b%2F%C3%BC\")",
            result: r#""a b/ü""#,
        },
        &[Param::Text],
        |_| Type::string(),
        |c, a| {
            let text = c.text(a, 0)?;
            c.alloc(text.len() * 2)?;
            c.budget.step(text.len() as u64 / 8, c.span)?;
            percent_decoded(text)
                .map(Val::text)
                .ok_or_else(|| c.conversion("the text is not percent-encoded UTF-8"))
        },
    ),
    Function::new(
        Entry {
            name: "json",
            signature: "json(value) -> string",
            doc: "The value as JSON text in one line, members in the order of their names. For tickets and keys; an \
                  action that takes data takes the value itself.",
            example: "json({\"b\": [1, null], \"a\": \"x\"})",
            result: r#""{\"a\":\"x\",\"b\":[1,null]}""#,
        },
        &[Param::Any],
        |_| Type::string(),
        json,
    ),
];

fn encode<'a>(c: &mut Context<'_>, args: &[Val<'a>], engine: &GeneralPurpose) -> Result<Val<'a>, EvalError> {
    let text = c.text(args, 0)?;
    c.alloc(text.len() * 3)?;
    Ok(Val::text(engine.encode(text)))
}

fn decode<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text = c.text(args, 0)?;
    c.alloc(text.len() * 2)?;
    let alphabet = if text.contains(['-', '_']) { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    let bytes = GeneralPurpose::new(alphabet, CONFIG)
        .decode(text)
        .map_err(|_| c.conversion("the text is not base64"))?;
    let text = String::from_utf8(bytes).map_err(|_| c.conversion("what was encoded is not UTF-8 text"))?;
    Ok(Val::text(text))
}

fn sha256<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let text = c.text(args, 0)?;
    // About 5 ns a byte without hardware help.
    c.budget.step(10 + text.len() as u64 / 10, c.span)?;
    let mut out = String::with_capacity(64);
    for byte in Sha256::digest(text) {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    c.give(out)
}

fn url_encode<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let text = c.text(args, 0)?;
    // Even as `%2E%2E` a server takes this for the folder above.
    if matches!(text, "." | "..") {
        return Err(c.conversion("`.` and `..` cannot be part of a URL"));
    }
    c.alloc(text.len() * 4)?;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Ok(Val::text(out))
}

/// The text without percent signs, if what they stand for is text.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
            out.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

fn json<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let value = args.first().cloned().unwrap_or(Val::Null).into_json(c.budget, c.span)?;
    // Escapes can make a text six times as long, so its length is counted before it is written.
    let mut length = Length(0);
    serde_json::to_writer(&mut length, &value).map_err(|_| c.conversion("the value has no JSON text"))?;
    c.alloc(length.0)?;
    c.give(value.to_string())
}

/// Counts what is written into it.
struct Length(usize);

impl std::io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
