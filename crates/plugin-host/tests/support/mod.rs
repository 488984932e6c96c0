//! A host with the hostile plugin, and short ways to call it.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code, and not every test file uses all of it"
)]

pub mod wat;

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use action_api::plan::{Artifact, Digest, Failure, StepPath};
use action_api::{ActionSource, ArtifactError, Artifacts, Context, Invocation};
use portcullis_plugin_host::{
    CacheDirs, LogSink, Manifest, Package, Plugin, PluginError, PluginHost, PluginHostBuilder, Stop,
};
use serde_json::{Value, json};
use sha2::Digest as _;

pub const HOSTILE: &[u8] = include_bytes!(env!("PORTCULLIS_HOSTILE_PLUGIN"));

pub const MANIFEST: &str = "manifest = 1\nname = \"hostile\"\nversion = \"0.1.0\"\n\
    interface = \"portcullis:plugin@1.0\"\ncomponent = \"hostile.wasm\"\n";

/// The hostile plugin with a `[limits]` section.
pub fn hostile(limits: &str) -> Package {
    Package::new(Manifest::parse(&format!("{MANIFEST}[limits]\n{limits}")).unwrap(), HOSTILE)
}

/// A builder over compiled code that all test files share, because compiling takes a debug build seconds. Under the
/// target folder, not under `/tmp`: its folders must be ours.
pub fn builder() -> PluginHostBuilder {
    let root = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-host-tests");
    std::fs::create_dir_all(&root).unwrap();
    PluginHost::builder().cache(CacheDirs { cache: root.join("cache"), state: root.join("state") })
}

/// One host for all tests of a file.
pub fn host() -> &'static PluginHost {
    static HOST: OnceLock<PluginHost> = OnceLock::new();
    HOST.get_or_init(|| builder().build().unwrap())
}

pub async fn load(limits: &str) -> Plugin {
    host().load(hostile(limits)).await.unwrap()
}

pub async fn invoke(plugin: &Plugin, action: &str, input: Value) -> Result<Value, PluginError> {
    let store: Arc<dyn Artifacts> = Arc::new(Memory::default());
    let output = plugin.invoke(action, &input.to_string(), "{}", Some(store)).await?;
    Ok(serde_json::from_str(&output).unwrap())
}

/// Uses something up and says what stopped it.
pub async fn exhaust(plugin: &Plugin, what: &str, amount: usize) -> Result<Value, Stop> {
    match invoke(plugin, "exhaust", json!({ "what": what, "amount": amount })).await {
        Ok(output) => Ok(output),
        Err(PluginError::Stopped { stop, .. }) => Err(stop),
        Err(other) => panic!("not stopped, but: {other}"),
    }
}

/// A host as the engine sees it: the hostile plugin, loaded.
pub async fn source(sink: Option<LogSink>) -> PluginHost {
    let mut builder = builder();
    if let Some(sink) = sink {
        builder = builder.log(sink);
    }
    let mut host = builder.build().unwrap();
    let plugin = host.load(hostile("")).await.unwrap();
    host.insert(plugin).unwrap();
    host
}

pub fn invocation(action: &str, input: Value, artifacts: Arc<dyn Artifacts>) -> Invocation {
    Invocation {
        action: action.to_owned(),
        input,
        connection: None,
        context: Context {
            run: "r1".to_owned(),
            path: StepPath::default(),
            attempt: 1,
            retried: Vec::new(),
            key: "k".to_owned(),
            timeout: Duration::from_secs(60),
            artifacts,
        },
    }
}

pub async fn step(host: &PluginHost, action: &str, input: Value) -> Result<Value, Failure> {
    step_with(host, action, input, Arc::new(Memory::default())).await
}

pub async fn step_with(
    host: &PluginHost,
    action: &str,
    input: Value,
    artifacts: Arc<dyn Artifacts>,
) -> Result<Value, Failure> {
    Ok(host.invoke(invocation(action, input, artifacts)).await?.output)
}

/// Artifacts in memory.
#[derive(Default)]
pub struct Memory(Mutex<HashMap<Digest, Arc<[u8]>>>);

impl Artifacts for Memory {
    fn put(&self, media_type: &str, bytes: &mut dyn Read) -> Result<Artifact, ArtifactError> {
        let mut kept = Vec::new();
        bytes.read_to_end(&mut kept).map_err(ArtifactError::Io)?;
        let artifact = Digest::new(sha2::Sha256::digest(&kept).into());
        let size = kept.len() as u64;
        self.0.lock().unwrap().insert(artifact, kept.into());
        Ok(Artifact { artifact, size, media_type: media_type.to_owned() })
    }

    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, ArtifactError> {
        let bytes = self.0.lock().unwrap().get(digest).cloned().ok_or(ArtifactError::NotFound(*digest))?;
        Ok(Box::new(std::io::Cursor::new(bytes)))
    }
}
