//! A handle to bytes outside of the journal.

use serde::{Deserialize, Serialize};

use crate::Digest;

/// Bytes kept under their SHA-256: mails, attachments, large results.
///
/// A step's output carries the handle, never the bytes. As JSON:
/// `{"artifact": "sha256:…", "size": 1234, "media_type": "message/rfc822"}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// SHA-256 of the bytes.
    pub artifact: Digest,
    /// Length in bytes.
    pub size: u64,
    /// Media type as far as it is known, e.g. `message/rfc822`.
    pub media_type: String,
}
