//! A plugin's logic runs natively: what an author's own `cargo test` relies on.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

use std::io::{Read, Write};

use portcullis_plugin_sdk::{
    Action, ActionEntry, Artifact, ArtifactWriter, Context, Effect, ErrorDoc, Example, Failure, Level,
    Plugin, Repeat, call, describe, log,
};
use serde_json::{Value, json};

/// What to count.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The file.
    file: Artifact,
    /// Ends after so many bytes.
    #[serde(default)]
    most: Option<u64>,
}

/// What was counted.
#[derive(serde::Serialize, schemars::JsonSchema)]
struct Output {
    /// Bytes in the file.
    bytes: u64,
    /// Which attempt this is.
    attempt: u32,
}

struct Count;

impl Action for Count {
    const NAME: &'static str = "count";
    const SUMMARY: &'static str = "Counts bytes";
    const EFFECT: Effect = Effect::Internal;
    const REPEAT: Repeat = Repeat::Keyed;
    const ERRORS: &'static [ErrorDoc] = &[ErrorDoc { code: "limit", when: "the file is too long" }];
    type Input = Input;
    type Output = Output;

    fn run(input: Input, context: &Context) -> Result<Output, Failure> {
        log(Level::Info, "counting", &json!({ "most": input.most }));
        let bytes = std::io::copy(&mut input.file.open()?, &mut std::io::sink())?;
        if input.most.is_some_and(|most| bytes > most) {
            return Err(Failure::limit("the file is too long").with_details(json!({ "bytes": bytes })));
        }
        Ok(Output { bytes, attempt: context.attempt })
    }

    fn examples() -> Vec<Example> {
        vec![Example { title: "Count".to_owned(), input: json!({}), output: json!({}) }]
    }
}

struct Counter;

impl Plugin for Counter {
    const NAME: &'static str = "counter";
    const VERSION: &'static str = "1.2.3";
    const ACTIONS: &'static [ActionEntry] = &[ActionEntry::of::<Count>()];
}

portcullis_plugin_sdk::export!(Counter);

#[test]
fn artifacts_stream_both_ways() {
    let mut writer = ArtifactWriter::new().unwrap();
    let block: Vec<u8> = (0..=255).collect();
    for _ in 0..5000 {
        writer.write_all(&block).unwrap();
    }
    let artifact = writer.finish("application/octet-stream").unwrap();
    assert_eq!((artifact.size, artifact.media_type.as_str()), (1_280_000, "application/octet-stream"));
    let mut reader = artifact.open().unwrap();
    let mut part = [0; 1000];
    reader.read_exact(&mut part).unwrap();
    assert_eq!(part[..256], block[..]);
    assert_eq!(artifact.read(1_280_000).unwrap(), block.repeat(5000));
    assert_eq!(artifact.read(1_279_999).unwrap_err().code, "limit");
}

#[test]
fn the_size_in_a_handle_is_only_a_claim() {
    let mut artifact = Artifact::create(b"longer than it says", "text/plain").unwrap();
    artifact.size = 1;
    assert_eq!(artifact.read(5).unwrap_err().code, "limit");
}

#[test]
fn the_name_is_the_sha_256() {
    let artifact = Artifact::create(b"abc", "text/plain").unwrap();
    // From FIPS 180-2, appendix B.1.
    let expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(artifact.artifact, expected);
    assert_eq!(
        serde_json::to_value(&artifact).unwrap(),
        json!({ "artifact": expected, "size": 3, "media_type": "text/plain" })
    );
}

#[test]
fn unknown_artifacts_are_not_found() {
    let artifact =
        Artifact { artifact: format!("sha256:{}", "0".repeat(64)), size: 0, media_type: String::new() };
    assert_eq!(artifact.open().unwrap_err().code, "not_found");
}

#[test]
fn calls_and_their_failures() {
    let file = Artifact::create(b"12345", "text/plain").unwrap();
    let input = |most: Value| json!({ "file": file, "most": most }).to_string();
    let context = r#"{"run":"r","attempt":3,"from a later host":{}}"#;
    let output = call::<Counter>("count", &input(json!(9)), context).unwrap();
    assert_eq!(output, r#"{"bytes":5,"attempt":3}"#);
    let failure = call::<Counter>("count", &input(json!(4)), "").unwrap_err();
    assert_eq!((failure.code, &failure.details["bytes"]), ("limit", &json!(5)));
    for (action, input, context) in
        [("cuont", "{}", ""), ("count", "{", ""), ("count", r#"{"x":1}"#, ""), ("count", "{}", "[")]
    {
        assert_eq!(
            call::<Counter>(action, input, context).unwrap_err().code,
            "invalid",
            "{action} {input} {context}"
        );
    }
}

#[test]
fn failures_survive_the_way_through_a_reader() {
    let failure = Failure::limit("too long").with_details(json!(1));
    let through: Failure = std::io::Error::from(failure.clone()).into();
    assert_eq!(through, failure);
    let other: Failure = std::io::Error::other("odd").into();
    assert_eq!(other.code, "invalid");
}

#[test]
fn the_description_is_complete() {
    let description: Value = serde_json::from_str(&describe::<Counter>()).unwrap();
    assert_eq!((&description["name"], &description["version"]), (&json!("counter"), &json!("1.2.3")));
    let action = &description["actions"][0];
    assert_eq!((&action["effect"], &action["repeat"]), (&json!("internal"), &json!("keyed")));
    assert_eq!(action["input"]["additionalProperties"], false);
    assert_eq!(action["input"]["properties"]["file"]["x-artifact"], true);
    assert_eq!(action["input"]["required"], json!(["file"]));
    assert_eq!(action["output"]["properties"]["bytes"]["description"], "Bytes in the file.");
    assert_eq!(action["errors"][0]["when"], "the file is too long");
    assert_eq!(action["examples"][0]["title"], "Count");
    assert_eq!(describe::<Counter>(), describe::<Counter>());
}
