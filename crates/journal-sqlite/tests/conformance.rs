//! The store on disk passes the suite, with either durability.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::time::Duration;

use journal::conformance::{all, wait};
use portcullis_journal_sqlite::{Durability, Options, SqliteJournal};

fn conforms(durability: Durability) {
    let folder = tempfile::tempdir().unwrap();
    let mut stores = 0;
    let fresh = || {
        stores += 1;
        let options = Options::default().durability(durability);
        SqliteJournal::open(folder.path().join(stores.to_string()), options)
            .map_err(|error| error.to_string())
    };
    assert_eq!(wait(all(fresh)), Ok(()));
}

#[test]
fn with_each_record_on_disk() {
    conforms(Durability::Each);
}

#[test]
fn with_records_on_disk_at_intervals() {
    conforms(Durability::Interval(Duration::from_millis(5)));
}
