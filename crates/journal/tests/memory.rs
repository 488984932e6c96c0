//! The store in memory passes the suite.

use portcullis_journal::MemoryJournal;
use portcullis_journal::conformance::{all, wait};

#[test]
fn conforms() {
    assert_eq!(wait(all(|| Ok(MemoryJournal::new()))), Ok(()));
}
