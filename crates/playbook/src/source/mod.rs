//! From bytes to a bounded tree with places, before anything is understood.
//!
//! Three passes with one parser: `text` refuses what is not plain UTF-8, `scan` refuses what would cost the
//! parser too much or what the language leaves out (anchors, tags, several documents), `tree` parses. Places
//! cost a second parse and are worked out by `place` only when there is something to report.

pub(crate) mod align;
mod inline;
pub(crate) mod place;
pub(crate) mod scan;
pub(crate) mod text;
pub(crate) mod tree;

/// The most bytes a playbook may have.
pub const MAX_BYTES: usize = 1024 * 1024;
/// The most levels of lists and mappings in each other.
pub const MAX_DEPTH: usize = 32;
/// The most values in one playbook.
pub const MAX_NODES: usize = 20_000;
