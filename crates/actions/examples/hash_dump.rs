//! Hashes every file of some folders as `hash.artifact` does, and prints one JSON object a line:
//! `{"file": …, "hashes": …}`. `tests/foreign/fuzzy_hash_check.py` compares it with programs by others.
#![allow(clippy::print_stdout, reason = "a program for the command line")]

use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use action_api::plan::{Artifact, Digest, StepPath};
use action_api::{ActionSource, ArtifactError, Artifacts, Context, Invocation};
use exchange::Ports;
use serde_json::json;
use sha2::Sha256;

/// One file, whatever is asked for.
struct OneFile(PathBuf);

impl Artifacts for OneFile {
    fn put(&self, _: &str, _: &mut dyn Read) -> Result<Artifact, ArtifactError> {
        Err(ArtifactError::Io(io::Error::other("nothing is kept here")))
    }

    fn open(&self, _: &Digest) -> Result<Box<dyn Read + Send>, ArtifactError> {
        Ok(Box::new(File::open(&self.0).map_err(ArtifactError::Io)?))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in std::env::args().skip(1) {
        files.extend(std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())));
    }
    files.retain(|path| path.is_file());
    files.sort();
    if files.is_empty() {
        return Err("which folders? usage: hash_dump FOLDER…".into());
    }
    let actions = portcullis_actions::exchange(|_| Ok(Ports::default()));
    for path in files {
        let hashes = hashes(&actions, &path)?;
        println!("{}", json!({ "file": path.display().to_string(), "hashes": hashes }));
    }
    Ok(())
}

fn hashes(actions: &dyn ActionSource, path: &Path) -> Result<serde_json::Value, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let digest = Digest::new(<Sha256 as sha2::Digest>::digest(&bytes).into());
    let content = Artifact { artifact: digest, size: bytes.len() as u64, media_type: String::new() };
    let context = Context {
        run: "hashes".to_owned(),
        path: StepPath::from("hashes"),
        attempt: 1,
        retried: Vec::new(),
        key: "hashes".to_owned(),
        timeout: Duration::from_secs(60),
        artifacts: Arc::new(OneFile(path.to_owned())),
    };
    let input = json!({ "content": content });
    let call = Invocation { action: "hash.artifact".to_owned(), input, connection: None, context };
    // It waits for nothing, so it needs no runtime.
    match pin!(actions.invoke(call)).poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Ok(outcome?.output),
        Poll::Pending => Err("the action waits, and nobody wakes it".into()),
    }
}
