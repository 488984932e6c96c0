//! Where lines go: a file, or something between the log and its file.

use std::fs::File;
use std::io::{self, Write};

/// Something that takes bytes at its end and keeps them.
pub trait Medium: Send {
    /// Adds bytes at the end.
    ///
    /// # Errors
    /// Not all of them were taken. Some may have been.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Ready once everything that was added survives a crash of the machine.
    ///
    /// # Errors
    /// Nobody knows what is kept.
    fn sync(&mut self) -> io::Result<()>;
}

impl Medium for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
