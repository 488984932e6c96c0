//! `hash.artifact`: the digests of an artifact that other systems know files by.
//!
//! MD5 and SHA-1 are here because lists of known files still use them; nothing is trusted on their word. Left out:
//! fuzzy hashes.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::Ports;
use md5::Md5;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::failure::from_artifacts;

/// How much is read at a time.
const PIECE: usize = 64 * 1024;

/// Hashes an artifact.
pub(crate) struct Artifact;

/// Input of `hash.artifact`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The bytes, as another step gave them.
    #[schemars(schema_with = "crate::artifact::schema")]
    content: action_api::plan::Artifact,
}

/// Output of `hash.artifact`. Every digest is in lower-case hex digits.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// MD5, 32 digits. Broken: two files may share it on purpose.
    md5: String,
    /// SHA-1, 40 digits. Broken: two files may share it on purpose.
    sha1: String,
    /// SHA-256, 64 digits.
    sha256: String,
    /// SHA-512, 128 digits.
    sha512: String,
    /// Length in bytes.
    size: u64,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl TypedAction<Ports> for Artifact {
    const INFO: ActionInfo = ActionInfo {
        name: "hash.artifact",
        summary: "Hash an artifact",
        description: "Gives the MD5, SHA-1, SHA-256 and SHA-512 of an artifact, to look it up elsewhere or to compare \
                      it. Needs no connection.",
        effect: Effect::Enrichment,
        repeat: Repeat::Natural,
        errors: &[FailureKind::NotFound, FailureKind::Transient],
        connection: None,
        ports: &[],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(_: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        let mut bytes =
            context.artifacts.open(&input.content.artifact).map_err(|error| from_artifacts(&error))?;
        let (mut md5, mut sha1, mut sha256, mut sha512) =
            (Md5::new(), Sha1::new(), Sha256::new(), Sha512::new());
        let mut piece = vec![0; PIECE];
        let mut size: u64 = 0;
        loop {
            let read = match bytes.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(from_artifacts(&action_api::ArtifactError::Io(error))),
            };
            let part = piece.get(..read).unwrap_or_default();
            md5.update(part);
            sha1.update(part);
            sha256.update(part);
            sha512.update(part);
            size = size.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        }
        Ok(Output {
            md5: hex(&md5.finalize()),
            sha1: hex(&sha1.finalize()),
            sha256: hex(&sha256.finalize()),
            sha512: hex(&sha512.finalize()),
            size,
        })
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "A file of three bytes, `abc`".to_owned(),
            input: json!({
                "content": {
                    "artifact": "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                    "size": 3,
                    "media_type": "text/plain"
                }
            }),
            output: json!({
                "md5": "900150983cd24fb0d6963f7d28e17f72",
                "sha1": "a9993e364706816aba3e25717850c26c9cd0d89d",
                "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                "sha512": "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
                "size": 3
            }),
        }]
    }
}
