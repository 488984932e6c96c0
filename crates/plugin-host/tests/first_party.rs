//! The plugins that come with Portcullis: described as they are, and no sandbox before one is called.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use action_api::{ActionSource, Artifacts};
use portcullis_plugin_host::{PluginHost, first_party};
use support::{Memory, host, step_with};

fn plugins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins")
}

/// `describe.json` of each plugin is what its component answers. `UPDATE_EXPECT=1` writes it anew.
#[tokio::test]
async fn descriptions_are_fresh() {
    for package in first_party().unwrap() {
        let manifest = package.manifest().clone();
        let kept = package.description().unwrap_or_default().to_owned();
        let bare = portcullis_plugin_host::Package::new(manifest.clone(), package.component().to_vec());
        let plugin = host().load(bare).await.unwrap();
        let answer: serde_json::Value = serde_json::from_str(&plugin.describe().await.unwrap()).unwrap();
        let fresh = serde_json::to_string_pretty(&answer).unwrap() + "\n";
        if fresh != kept && std::env::var_os("UPDATE_EXPECT").is_some() {
            let folder =
                Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins").join(manifest.short_name());
            std::fs::write(folder.join("describe.json"), &fresh).unwrap();
            continue;
        }
        assert!(
            fresh == kept,
            "plugins/{}/describe.json is stale: run this test with UPDATE_EXPECT=1",
            manifest.name
        );
    }
}

/// The files in a plugin's folder `samples` are the artifacts that its examples name.
#[tokio::test]
async fn examples_are_true() {
    let host = support::builder().packages(first_party().unwrap()).build().unwrap();
    for spec in host.specs() {
        let plugin = spec.name.split('.').next().unwrap();
        for example in &spec.examples {
            let store = Arc::new(Memory::default());
            let folder = plugins().join(plugin).join("samples");
            for file in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                store.put("message/rfc822", &mut File::open(file.path()).unwrap()).unwrap();
            }
            let output = step_with(&host, &spec.name, example.input.clone(), store).await;
            let output =
                output.unwrap_or_else(|failure| panic!("{}, {}: {failure}", spec.name, example.title));
            let same = example.output.is_null() || output == example.output;
            assert!(same, "{}, {}: {output:#}", spec.name, example.title);
        }
    }
}

#[test]
fn specifications_need_no_sandbox() {
    let host = PluginHost::builder().packages(first_party().unwrap()).build().unwrap();
    assert!(!host.specs().is_empty());
    assert!(!host.is_started());
}
