//! Run history in SQLite: one file, one writer thread with group commit, one reader thread.
//!
//! What is promised: an acknowledged record survives a kill of the process and, with [`Durability::Each`],
//! of the machine; a file that is damaged, cut off or older than it should be is noticed and never read as
//! another history; after a failed write nothing is acknowledged any more, but for a disk that is full; two
//! processes never write the same folder, and any number may look; in a folder that was restored or copied every
//! run is paused first. Callers wait in futures that need no runtime. Left out: keeping the bytes of artifacts (only who needs them is counted), giving room back to
//! the disk after runs were deleted (later runs use it), and a log of our own: with one writer every durable
//! store is as fast as the disk syncs, and SQLite brings backup and tooling.

mod ahead;
mod blocks;
mod failure;
mod folder;
mod group;
mod listing;
mod mark;
mod options;
mod patience;
mod reader;
mod restored;
mod schema;
mod seal;
mod store;
mod stored;
mod sync;
mod texts;
mod transaction;
mod uses;
mod writer;

pub use options::{Durability, Options};
pub use restored::RESTORED;
pub use store::SqliteJournal;
