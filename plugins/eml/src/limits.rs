//! How much mail is too much.
//!
//! A mail that exceeds one of these is refused as a whole with the code `limit`: half a mail would look like a
//! harmless one. What is merely too long to show (a body, a header's text) is cut and says so, see
//! [`crate::output`].

use plugin_sdk::Failure;

/// Length of a whole mail in bytes.
pub const MAIL_BYTES: usize = 150 * 1024 * 1024;
/// Multiparts inside one another.
pub const MULTIPART_DEPTH: usize = 20;
/// Mails inside one another, not counting the outermost.
pub const MESSAGE_DEPTH: u32 = 5;
/// Parts of a mail, those of attached mails included.
pub const PARTS: usize = 1_000;
/// Header fields of one part.
pub const HEADERS: usize = 1_000;
/// Header fields of a mail and everything in it.
pub const HEADERS_TOTAL: usize = 20_000;
/// One line of a header in bytes.
pub const HEADER_LINE: usize = 64 * 1024;
/// One header field with all of its continuation lines in bytes.
pub const HEADER_FIELD: usize = 1024 * 1024;
/// Addresses in the address headers of a mail and everything in it.
pub const ADDRESSES: usize = 5_000;

/// The refusal, in one wording for all limits.
pub(crate) fn exceeded(what: &str, limit: usize) -> Failure {
    Failure::limit(format!(
        "the mail has more than {limit} {what}; it was not read any further. Look at the raw mail by hand: such \
         mails are made to break readers"
    ))
}
