//! The interface `artifacts`: bytes as streams, and only those that the call may see.
//!
//! A plugin opens what its input hands it as an artifact and what it made itself. A digest that merely stands in some
//! text (which an attacker may have written) opens nothing.

use std::collections::HashSet;
use std::io::Read;
use std::sync::Arc;

use action_api::plan::{Artifact, Digest};
use action_api::{ArtifactError, Artifacts};
use serde_json::Value;
use wasmtime::component::{Resource, ResourceTableError};

use crate::bindings::portcullis::plugin::artifacts::{Host, HostReader, HostWriter, Problem};
use crate::manifest::Bytes;
use crate::state::{CallState, Halt};

/// Bytes of one read, whatever the guest asks for.
const MOST_PER_READ: u32 = 1 << 20;

/// What a call may read, and what it made.
pub(crate) struct Access {
    store: Option<Arc<dyn Artifacts>>,
    input: Arc<str>,
    handed: Option<HashSet<Digest>>,
    made: HashSet<Digest>,
    left: usize,
    limit: usize,
}

impl Access {
    /// Access for a call with this input; without a store no artifact can be opened or made.
    pub(crate) fn new(store: Option<Arc<dyn Artifacts>>, input: Arc<str>, limit: usize) -> Self {
        Access { store, input, handed: None, made: HashSet::new(), left: limit, limit }
    }

    /// Whether the call may name this artifact. The input is searched only when somebody asks.
    fn allows(&mut self, digest: &Digest) -> bool {
        let input = &self.input;
        let handed = self.handed.get_or_insert_with(|| {
            let mut found = HashSet::new();
            if let Ok(value) = serde_json::from_str(input) {
                visit(&value, &mut |digest| found.extend([digest]));
            }
            found
        });
        handed.contains(digest) || self.made.contains(digest)
    }

    /// The first artifact in an answer that the call had no access to: a plugin must not hand on what it only guessed.
    pub(crate) fn foreign(&mut self, answer: &Value) -> Option<Digest> {
        let mut foreign = None;
        visit(answer, &mut |digest| {
            if foreign.is_none() && !self.allows(&digest) {
                foreign = Some(digest);
            }
        });
        foreign
    }
}

/// Calls `found` for every artifact handle in a value.
fn visit(value: &Value, found: &mut impl FnMut(Digest)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| visit(item, found)),
        Value::Object(fields) => {
            if let Some(digest) =
                fields.get("artifact").and_then(Value::as_str).and_then(|text| text.parse().ok())
            {
                found(digest);
            }
            fields.values().for_each(|field| visit(field, found));
        }
        _ => {}
    }
}

/// An open artifact.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Reader(Box<dyn Read + Send>);

/// An artifact in the making; kept in memory, within the limit of the call.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Writer(Vec<u8>);

fn problem(code: &str, message: impl Into<String>) -> Problem {
    Problem { code: code.to_owned(), message: message.into() }
}

fn storage(error: ArtifactError) -> Problem {
    let code = match error {
        ArtifactError::NotFound(_) => "not_found",
        ArtifactError::TooLarge { .. } => "limit",
        _ => "transient",
    };
    problem(code, error.to_string())
}

impl CallState {
    /// Gives the guest a handle; running out of them ends the call.
    fn push<T: Send + 'static>(&mut self, entry: T) -> wasmtime::Result<Resource<T>> {
        self.table.push(entry).map_err(|error| match error {
            ResourceTableError::Full => Halt::Handles.into(),
            other => other.into(),
        })
    }
}

impl Host for CallState {
    fn open(&mut self, digest: String) -> wasmtime::Result<Result<Resource<Reader>, Problem>> {
        let parsed: Option<Digest> = digest.parse().ok();
        let allowed = parsed.filter(|digest| self.access.allows(digest));
        let Some((digest, store)) = allowed.zip(self.access.store.as_ref()) else {
            let shown: String = digest.chars().take(80).collect();
            return Ok(Err(problem(
                "not_found",
                format!("artifact {shown} is not in the input of this call and was not created in it"),
            )));
        };
        match store.open(&digest) {
            Ok(reader) => self.push(Reader(reader)).map(Ok),
            Err(error) => Ok(Err(storage(error))),
        }
    }

    fn create(&mut self) -> wasmtime::Result<Result<Resource<Writer>, Problem>> {
        if self.access.store.is_none() {
            return Ok(Err(problem("transient", "this call has no place to keep artifacts")));
        }
        self.push(Writer(Vec::new())).map(Ok)
    }
}

impl HostReader for CallState {
    fn read(&mut self, reader: Resource<Reader>, max: u32) -> wasmtime::Result<Result<Vec<u8>, Problem>> {
        let reader = self.table.get_mut(&reader)?;
        let mut bytes = Vec::new();
        Ok(match (&mut reader.0).take(max.min(MOST_PER_READ).into()).read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(storage(ArtifactError::Io(error))),
        })
    }

    fn drop(&mut self, reader: Resource<Reader>) -> wasmtime::Result<()> {
        self.table.delete(reader)?;
        Ok(())
    }
}

impl HostWriter for CallState {
    fn write(&mut self, writer: Resource<Writer>, bytes: Vec<u8>) -> wasmtime::Result<Result<(), Problem>> {
        let buffer = self.table.get_mut(&writer)?;
        let Some(left) = self.access.left.checked_sub(bytes.len()) else {
            let limit = Bytes(self.access.limit);
            return Ok(Err(problem("limit", format!("a call may create at most {limit} of artifacts"))));
        };
        self.access.left = left;
        buffer.0.extend_from_slice(&bytes);
        Ok(Ok(()))
    }

    async fn finish(
        &mut self,
        writer: Resource<Writer>,
        media_type: String,
    ) -> wasmtime::Result<Result<String, Problem>> {
        let Writer(bytes) = self.table.delete(writer)?;
        let Some(store) = self.access.store.clone() else {
            return Ok(Err(problem("transient", "this call has no place to keep artifacts")));
        };
        if media_type.len() > 255 || media_type.chars().any(char::is_control) {
            return Ok(Err(problem("limit", "a media type is at most 255 printable characters")));
        }
        // The store may wait for a disk, and this thread serves other runs.
        let kept = tokio::task::spawn_blocking(move || store.put(&media_type, &mut bytes.as_slice())).await?;
        Ok(match kept {
            Ok(artifact) => {
                self.access.made.insert(artifact.artifact);
                Ok(as_json(&artifact)?)
            }
            Err(error) => Err(storage(error)),
        })
    }

    fn drop(&mut self, writer: Resource<Writer>) -> wasmtime::Result<()> {
        self.table.delete(writer)?;
        Ok(())
    }
}

fn as_json(artifact: &Artifact) -> wasmtime::Result<String> {
    Ok(serde_json::to_string(artifact)?)
}
