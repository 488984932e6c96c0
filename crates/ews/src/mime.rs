//! A body in two forms, as MIME. It is the only way to say both: an item of EWS has one body.
//!
//! Nothing of a head but what the body needs: recipients, subject and headers are fields beside it, so that no text can
//! become a header here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What separates the parts. Base64 has no underscore, so no body can hold it.
const BOUNDARY: &str = "=_alternative";

/// A message with nothing but the same text as plain text and as HTML.
pub(crate) fn alternative(plain: &str, html: &str) -> Vec<u8> {
    let mut out =
        format!("MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"{BOUNDARY}\"\r\n\r\n");
    // What comes last is preferred.
    for (kind, text) in [("plain", plain), ("html", html)] {
        out.push_str(&format!(
            "--{BOUNDARY}\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        ));
        for row in text.as_bytes().chunks(57) {
            STANDARD.encode_string(row, &mut out);
            out.push_str("\r\n");
        }
    }
    out.push_str(&format!("--{BOUNDARY}--\r\n"));
    out.into_bytes()
}
