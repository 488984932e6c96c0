//! The host's part in memory, for a plugin's unit tests on its own machine.
//!
//! One store per thread, so that tests do not meet. It is more generous than the real host: any artifact created
//! earlier on the thread can be opened.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use crate::{Artifact, Failure, Level};

thread_local! {
    static STORE: RefCell<HashMap<String, Rc<[u8]>>> = RefCell::default();
}

#[derive(Debug)]
pub(crate) struct Reader {
    bytes: Rc<[u8]>,
    used: usize,
}

impl Reader {
    pub(crate) fn open(digest: &str) -> Result<Self, Failure> {
        let bytes = STORE.with_borrow(|store| store.get(digest).cloned());
        let bytes = bytes.ok_or_else(|| {
            Failure::not_found(format!(
                "artifact {digest} is not in the input of this call and was not created in it"
            ))
        })?;
        Ok(Reader { bytes, used: 0 })
    }

    pub(crate) fn read(&mut self, max: usize) -> Result<Vec<u8>, Failure> {
        let rest = self.bytes.get(self.used..).unwrap_or_default();
        let part = rest.get(..max).unwrap_or(rest).to_vec();
        self.used += part.len();
        Ok(part)
    }
}

#[derive(Debug)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn create() -> Result<Self, Failure> {
        Ok(Writer(Vec::new()))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn finish(self, media_type: &str) -> Result<Artifact, Failure> {
        let hash = Sha256::digest(&self.0);
        let digest = hash.iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"));
        let artifact = Artifact {
            artifact: digest.clone(),
            size: self.0.len() as u64,
            media_type: media_type.to_owned(),
        };
        STORE.with_borrow_mut(|store| store.insert(digest, self.0.into()));
        Ok(artifact)
    }
}

/// Tests look at results, not at log lines.
pub(crate) fn emit(_level: Level, _message: &str, _fields: &str) {}
