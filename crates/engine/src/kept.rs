//! Large results are kept outside of the journal, as artifacts, and stand in their records by reference.
//!
//! Only the way to the journal and back knows about it: the machine always has the whole value. What comes back is
//! checked against its digest, so that a damaged artifact stops a run instead of changing its history.

use std::io::{self, Read, Write};
use std::sync::Arc;

use action_api::Artifacts;
use journal::{Event as Happened, Record, RunId, StoredRun};
use plan::Artifact;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{EngineError, MAX_OUTPUT};

/// The largest result that stands in its record, in bytes of JSON. Larger ones are kept as artifacts.
pub const MAX_INLINE: usize = 32 * 1024;

/// What a kept result is.
const MEDIA_TYPE: &str = "application/json";

/// Records as the journal gets them: large results outside, durable before this is ready.
pub(crate) async fn outward(
    artifacts: &Arc<dyn Artifacts>,
    run: &RunId,
    mut records: Vec<Record>,
) -> Result<Vec<Record>, EngineError> {
    for record in &mut records {
        let Happened::Performed { output, kept: kept @ None, .. } = &mut record.event else { continue };
        if size_up_to(output, MAX_INLINE).is_some() {
            continue;
        }
        let (artifacts, text) = (Arc::clone(artifacts), output.to_string());
        // A store of files syncs them: nothing for the threads that drive runs.
        let put = move || artifacts.put(MEDIA_TYPE, &mut text.as_bytes());
        let put = tokio::task::spawn_blocking(put).await.map_err(|_| EngineError::Stopped)?;
        let artifact = put.map_err(|source| EngineError::Keep { run: run.clone(), source })?;
        *output = Value::Null;
        *kept = Some(artifact);
    }
    Ok(records)
}

/// The record with its result, where that is kept outside.
pub(crate) fn inward(
    artifacts: &dyn Artifacts,
    run: &RunId,
    record: &Record,
) -> Result<Option<Record>, EngineError> {
    let Happened::Performed { op, kept: Some(artifact), reused, inverse, .. } = &record.event else {
        return Ok(None);
    };
    let output = fetch(artifacts, artifact).map_err(|reason| EngineError::Kept {
        run: run.clone(),
        seq: record.seq,
        artifact: artifact.artifact,
        reason,
    })?;
    let (op, reused, inverse) = (*op, reused.clone(), inverse.clone());
    let event = Happened::Performed { op, output, kept: None, reused, inverse };
    Ok(Some(Record { event, ..*record }))
}

/// Puts every result of a stored run back into its record, for whoever shows or exports it. The digest of each is
/// checked.
///
/// # Errors
/// [`EngineError::Kept`] with the record and the artifact that is missing or damaged.
pub fn whole(artifacts: &dyn Artifacts, mut stored: StoredRun) -> Result<StoredRun, EngineError> {
    for record in &mut stored.records {
        if let Some(whole) = inward(artifacts, &stored.header.run, record)? {
            *record = whole;
        }
    }
    Ok(stored)
}

fn fetch(artifacts: &dyn Artifacts, artifact: &Artifact) -> Result<Value, String> {
    let most = MAX_OUTPUT as u64;
    let mut bytes = Vec::new();
    let file = artifacts.open(&artifact.artifact).map_err(|error| format!("cannot be read: {error}"))?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    let digest = plan::Digest::new(Sha256::digest(&bytes).into());
    if digest != artifact.artifact {
        return Err(format!("is damaged: its bytes have the digest {digest}"));
    }
    serde_json::from_slice(&bytes).map_err(|error| format!("is not the JSON of a result: {error}"))
}

/// How long the JSON of a value is, unless it is longer than `most`.
pub(crate) fn size_up_to(value: &Value, most: usize) -> Option<usize> {
    let mut count = Count { bytes: 0, most };
    serde_json::to_writer(&mut count, value).ok().map(|()| count.bytes)
}

/// Counts what would be written, and stops at too much.
struct Count {
    bytes: usize,
    most: usize,
}

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.bytes > self.most { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
