//! `hash.artifact`: the digests of an artifact that other systems know files by.
//!
//! MD5 and SHA-1 are here because lists of known files still use them; nothing is trusted on their word. ssdeep and
//! TLSH find files that are like this one. Left out: comparing two of them.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::Ports;
use md5::Md5;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use tlsh2::TlshDefaultBuilder;

use crate::failure::from_artifacts;
use crate::ssdeep::Ssdeep;

/// How much is read at a time.
const PIECE: usize = 64 * 1024;
/// TLSH of less says nothing, so it is not defined.
const TLSH_LEAST: u64 = 50;
/// TLSH counts six times per byte in 32 bits.
const TLSH_MOST: u64 = u32::MAX as u64 / 6;

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

/// Output of `hash.artifact`. Digests are in lower-case hex digits; fuzzy hashes as their own tools write them.
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
    /// The fuzzy hash of ssdeep, e.g. `3:uG:uG`; null if there is none.
    ssdeep: Option<String>,
    /// Why `ssdeep` is null; null if it is not.
    ssdeep_missing: Option<String>,
    /// The fuzzy hash TLSH, 128 buckets and one byte of checksum: `T1` and 70 upper-case hex digits; null if there is
    /// none.
    tlsh: Option<String>,
    /// Why `tlsh` is null; null if it is not.
    tlsh_missing: Option<String>,
    /// Length in bytes.
    size: u64,
}

/// The two fuzzy hashes, each with the reason if there is none.
fn fuzzy(size: u64, ssdeep: &Ssdeep, tlsh: &TlshDefaultBuilder) -> [(Option<String>, Option<String>); 2] {
    let ssdeep = match ssdeep.finish() {
        Some(hash) => (Some(hash), None),
        None if size == 0 => (None, Some("the artifact is empty".to_owned())),
        None => (None, Some("the artifact is longer than ssdeep is defined for".to_owned())),
    };
    let reason = if size < TLSH_LEAST {
        format!("TLSH needs {TLSH_LEAST} bytes or more")
    } else if size > TLSH_MOST {
        format!("TLSH needs {TLSH_MOST} bytes or less")
    } else {
        "the bytes are too much alike for TLSH".to_owned()
    };
    let hash = if size > TLSH_MOST { None } else { tlsh.build() };
    let tlsh = match hash {
        Some(hash) => (Some(String::from_utf8_lossy(&hash.hash()).into_owned()), None),
        None => (None, Some(reason)),
    };
    [ssdeep, tlsh]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl TypedAction<Ports> for Artifact {
    const INFO: ActionInfo = ActionInfo {
        name: "hash.artifact",
        summary: "Hash an artifact",
        description: "Gives the MD5, SHA-1, SHA-256 and SHA-512 of an artifact, to look it up elsewhere or to compare \
                      it, and its ssdeep and TLSH, which are alike for files that are alike. A fuzzy hash that does \
                      not exist is null with a reason beside it. Needs no connection.",
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
        let (mut ssdeep, mut tlsh) = (Ssdeep::new(), TlshDefaultBuilder::new());
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
            ssdeep.update(part);
            size = size.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            if size <= TLSH_MOST {
                tlsh.update(part);
            }
        }
        let [(ssdeep, ssdeep_missing), (tlsh, tlsh_missing)] = fuzzy(size, &ssdeep, &tlsh);
        Ok(Output {
            md5: hex(&md5.finalize()),
            sha1: hex(&sha1.finalize()),
            sha256: hex(&sha256.finalize()),
            sha512: hex(&sha512.finalize()),
            ssdeep,
            ssdeep_missing,
            tlsh,
            tlsh_missing,
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
                "ssdeep": "3:uG:uG",
                "ssdeep_missing": null,
                "tlsh": null,
                "tlsh_missing": "TLSH needs 50 bytes or more",
                "size": 3
            }),
        }]
    }
}

#[cfg(test)]
mod tests {
    use tlsh2::TlshDefaultBuilder;

    use super::{Ssdeep, fuzzy};

    fn both(bytes: &[u8]) -> [(Option<String>, Option<String>); 2] {
        let (mut ssdeep, mut tlsh) = (Ssdeep::new(), TlshDefaultBuilder::new());
        ssdeep.update(bytes);
        tlsh.update(bytes);
        fuzzy(bytes.len() as u64, &ssdeep, &tlsh)
    }

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    /// What the Python package `py-tlsh`, which is the original's code, gives for the same bytes.
    #[test]
    fn tlsh_agrees_with_the_original() {
        for (length, expected) in [
            (50, "T1EA90025A96B48248092A5058D5C45475D0728AE51459D8955592055033D1A201015010"),
            (5_000, "T1D8A17D935665A8317300DAC3AF5A8C3AA1614E8455EBDDB3A0373D24B310B950DC9A97"),
        ] {
            let [_, tlsh] = both(&noise(length));
            assert_eq!(tlsh, (Some(expected.to_owned()), None), "{length} bytes");
        }
    }

    #[test]
    fn a_hash_that_is_missing_has_a_reason() {
        let [ssdeep, tlsh] = both(b"");
        assert_eq!(ssdeep, (None, Some("the artifact is empty".to_owned())));
        assert_eq!(tlsh, (None, Some("TLSH needs 50 bytes or more".to_owned())));
        let [_, tlsh] = both(&[0; 5_000]);
        assert_eq!(tlsh, (None, Some("the bytes are too much alike for TLSH".to_owned())));
    }
}
