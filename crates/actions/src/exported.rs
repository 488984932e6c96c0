//! A whole message between the mailbox it comes from and the one it goes to: in a temporary file, however large it is.

use std::fs::File;
use std::io::{self, Read, Write};

use exchange::Content;
use tempfile::NamedTempFile;

/// What an export wrote. The file goes away with it.
pub(crate) struct Exported(NamedTempFile);

impl Exported {
    /// An empty one.
    pub(crate) fn new() -> io::Result<Self> {
        NamedTempFile::new().map(Exported)
    }
}

impl Write for Exported {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Content for Exported {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let file: File = self.0.reopen()?;
        Ok(Box::new(file))
    }
}
