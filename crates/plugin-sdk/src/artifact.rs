//! Artifacts: bytes too large for JSON, named by their SHA-256.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{Failure, backend};

/// Bytes per call to the host: large enough that the call itself does not matter, small beside the memory limit.
const CHUNK: usize = 256 * 1024;

/// A handle to bytes outside of the JSON. Comes in inputs, goes out in outputs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// `sha256:` and 64 hex digits.
    pub artifact: String,
    /// Length in bytes.
    pub size: u64,
    /// Media type as far as it is known.
    pub media_type: String,
}

impl Artifact {
    /// Starts to read it.
    ///
    /// # Errors
    /// The artifact is neither in the call's input nor was it created in this call, or storage failed.
    pub fn open(&self) -> Result<ArtifactReader, Failure> {
        Ok(ArtifactReader { inner: backend::Reader::open(&self.artifact)?, chunk: Vec::new(), used: 0 })
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// As [`Artifact::open`]; `limit` if it is longer than `most` bytes.
    pub fn read(&self, most: usize) -> Result<Vec<u8>, Failure> {
        let too_long = || Failure::limit(format!("artifact {} is longer than {most} bytes", self.artifact));
        if usize::try_from(self.size).map_or(true, |size| size > most) {
            return Err(too_long());
        }
        let mut bytes = Vec::new();
        // The size in the handle is the input's claim; the bytes that arrive are what counts.
        self.open()?.take(most as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > most { Err(too_long()) } else { Ok(bytes) }
    }

    /// Keeps bytes as a new artifact.
    ///
    /// # Errors
    /// Storage failed, or a limit was reached.
    pub fn create(bytes: &[u8], media_type: &str) -> Result<Artifact, Failure> {
        let mut writer = ArtifactWriter::new()?;
        writer.write_all(bytes)?;
        writer.finish(media_type)
    }
}

impl JsonSchema for Artifact {
    fn schema_name() -> Cow<'static, str> {
        "Artifact".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-artifact": true,
            "description": "Bytes kept outside of the journal, by their SHA-256",
            "type": "object",
            "additionalProperties": false,
            "required": ["artifact", "size", "media_type"],
            "properties": {
                "artifact": {
                    "description": "`sha256:` and 64 hex digits",
                    "type": "string",
                    "pattern": "^sha256:[0-9a-f]{64}$"
                },
                "size": { "description": "Length in bytes", "type": "integer", "minimum": 0 },
                "media_type": { "description": "Media type as far as it is known", "type": "string" }
            }
        })
    }
}

/// Reads an artifact from start to end.
#[derive(Debug)]
pub struct ArtifactReader {
    inner: backend::Reader,
    chunk: Vec<u8>,
    used: usize,
}

impl Read for ArtifactReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.used == self.chunk.len() {
            self.chunk = self.inner.read(CHUNK)?;
            self.used = 0;
        }
        let count = self.chunk.get(self.used..).unwrap_or_default().read(buffer)?;
        self.used += count;
        Ok(count)
    }
}

/// Writes a new artifact; nothing is kept unless it is finished.
#[derive(Debug)]
pub struct ArtifactWriter {
    inner: backend::Writer,
}

impl ArtifactWriter {
    /// Starts an artifact.
    ///
    /// # Errors
    /// Storage failed, or too many are open.
    pub fn new() -> Result<Self, Failure> {
        Ok(ArtifactWriter { inner: backend::Writer::create()? })
    }

    /// Ends it and gives its handle.
    ///
    /// # Errors
    /// Storage failed.
    pub fn finish(self, media_type: &str) -> Result<Artifact, Failure> {
        self.inner.finish(media_type)
    }
}

/// Unbuffered: every call goes to the host, so wrap it into a [`io::BufWriter`] for small writes.
impl Write for ArtifactWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = bytes.get(..CHUNK).unwrap_or(bytes);
        self.inner.write(part)?;
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
