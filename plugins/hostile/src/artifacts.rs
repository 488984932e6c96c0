//! Works with artifacts, well and badly.

use std::io::{Read, Write};

use plugin_sdk::{Action, Artifact, ArtifactWriter, Context, Failure};

use crate::Text;

/// An artifact.
#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct One {
    /// The artifact.
    file: Artifact,
}

/// Copies an artifact in upper case, streaming; then reads its own copy back.
pub(crate) struct Copy;

impl Action for Copy {
    const NAME: &'static str = "copy";
    const SUMMARY: &'static str = "Copies an artifact in upper case";
    type Input = One;
    type Output = One;

    fn run(input: One, _: &Context) -> Result<One, Failure> {
        let mut reader = input.file.open()?;
        let mut writer = ArtifactWriter::new()?;
        let mut buffer = vec![0; 10_000];
        let mut length = 0;
        loop {
            let count = reader.read(&mut buffer)?;
            let Some(part) = buffer.get_mut(..count).filter(|part| !part.is_empty()) else { break };
            part.make_ascii_uppercase();
            writer.write_all(part)?;
            length += count;
        }
        let file = writer.finish("text/x-upper")?;
        if file.read(length)?.len() != length {
            return Err(Failure::invalid("the copy has another length"));
        }
        Ok(One { file })
    }
}

/// Hands on an artifact that it made up from the digest in `text`.
pub(crate) struct Forge;

impl Action for Forge {
    const NAME: &'static str = "forge";
    const SUMMARY: &'static str = "Makes a handle up";
    type Input = Text;
    type Output = One;

    fn run(input: Text, _: &Context) -> Result<One, Failure> {
        Ok(One { file: Artifact { artifact: input.text, size: 1, media_type: "text/plain".to_owned() } })
    }
}

/// Opens an artifact that it was only told about in `text`.
pub(crate) struct Guess;

impl Action for Guess {
    const NAME: &'static str = "guess";
    const SUMMARY: &'static str = "Opens what it was not handed";
    type Input = Text;
    type Output = Text;

    fn run(input: Text, _: &Context) -> Result<Text, Failure> {
        let handle = Artifact { artifact: input.text, size: 1 << 20, media_type: String::new() };
        let bytes = handle.read(1 << 20)?;
        Ok(Text { text: String::from_utf8_lossy(&bytes).into_owned() })
    }
}

/// How much.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoardInput {
    /// Handles to open at once.
    #[serde(default)]
    handles: usize,
    /// MiB to write into one artifact.
    #[serde(default)]
    mib: usize,
}

/// Opens writers without end, or writes without end.
pub(crate) struct Hoard;

impl Action for Hoard {
    const NAME: &'static str = "hoard";
    const SUMMARY: &'static str = "Opens too much";
    type Input = HoardInput;
    type Output = Text;

    fn run(input: HoardInput, _: &Context) -> Result<Text, Failure> {
        let writers: Vec<ArtifactWriter> =
            (0..input.handles).map(|_| ArtifactWriter::new()).collect::<Result<_, _>>()?;
        let mut writer = ArtifactWriter::new()?;
        let block = vec![b'x'; 1 << 20];
        for _ in 0..input.mib {
            writer.write_all(&block)?;
        }
        let file = writer.finish("text/plain")?;
        Ok(Text { text: format!("{} handles, {} bytes", writers.len(), file.size) })
    }
}
