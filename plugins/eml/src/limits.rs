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

/// Containers (`winmail.dat`, S/MIME, `.msg`) inside one another, mails between them included.
pub const CONTAINER_DEPTH: u32 = 5;
/// Containers that are opened in one mail and everything in it; what exceeds that is listed and stays closed.
pub const CONTAINERS: usize = 100;
/// Length of one container in bytes; a longer one is listed and stays closed.
pub const CONTAINER_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of all containers that are opened in one mail.
pub const CONTAINERS_BYTES: usize = 64 * 1024 * 1024;
/// Length of all bodies in RTF in bytes, decompressed; what is beyond is left out.
pub const RTF_BYTES: usize = 8 * 1024 * 1024;

/// The refusal, in one wording for all limits.
pub(crate) fn exceeded(what: &str, limit: usize) -> Failure {
    Failure::limit(format!(
        "the mail has more than {limit} {what}; it was not read any further. Look at the raw mail by hand: such \
         mails are made to break readers"
    ))
}
