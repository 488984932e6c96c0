//! Checksums over everything that is stored, so that a flipped bit is noticed.
//!
//! A run's first link covers its header; each record's link covers the link before it, so that records can
//! be neither changed, swapped, doubled nor moved to another run; a run's head covers the last link, so that
//! the end cannot be missing. This is for accidents: there is no key, so somebody who may write the file can
//! also forge it.

use sha2::{Digest, Sha256};

/// A SHA-256.
pub(crate) type Seal = [u8; 32];

fn over(label: &str, fields: &[&[u8]]) -> Seal {
    let mut hasher = Sha256::new();
    for field in std::iter::once(label.as_bytes()).chain(fields.iter().copied()) {
        // The length in front, so that no two lists of fields make the same bytes.
        hasher.update((field.len() as u64).to_le_bytes());
        hasher.update(field);
    }
    hasher.finalize().into()
}

/// The name of a text in the table of texts: its plain SHA-256.
pub(crate) fn text(text: &str) -> Seal {
    Sha256::digest(text).into()
}

/// The first link of a run.
pub(crate) fn beginning(number: i64, run: &str, header: &str, text: &Seal) -> Seal {
    over("portcullis run 1", &[&number.to_le_bytes(), run.as_bytes(), header.as_bytes(), text])
}

/// The link of a record.
pub(crate) fn link(before: &Seal, seq: u64, at: i64, event: &str) -> Seal {
    over("portcullis record 1", &[before, &seq.to_le_bytes(), &at.to_le_bytes(), event.as_bytes()])
}

/// The seal of a run's line in a list.
pub(crate) fn head(begun: &Seal, records: u64, updated: i64, status: &str, asked: &str, last: &Seal) -> Seal {
    let (records, updated) = (records.to_le_bytes(), updated.to_le_bytes());
    over("portcullis head 1", &[begun, &records, &updated, status.as_bytes(), asked.as_bytes(), last])
}

/// The seal of the number of runs.
pub(crate) fn total(runs: i64) -> Seal {
    over("portcullis total 1", &[&runs.to_le_bytes()])
}

/// The seal of a row of lines about runs.
pub(crate) fn block(number: i64, lines: &[u8]) -> Seal {
    over("portcullis block 1", &[&number.to_le_bytes(), lines])
}

/// The seal of how many runs need something.
pub(crate) fn uses(kind: i64, digest: &[u8; 32], runs: i64) -> Seal {
    over("portcullis uses 1", &[&kind.to_le_bytes(), digest, &runs.to_le_bytes()])
}

/// The seal of a run's being counted among those.
pub(crate) fn use_of(kind: i64, digest: &[u8; 32], run: i64) -> Seal {
    over("portcullis use of 1", &[&kind.to_le_bytes(), digest, &run.to_le_bytes()])
}

/// The checksum of a slot of the mark.
pub(crate) fn mark(content: &[u8]) -> Seal {
    over("portcullis mark 1", &[content])
}
