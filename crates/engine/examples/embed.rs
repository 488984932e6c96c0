//! Registers an action of our own and runs a playbook with it.
#![allow(clippy::print_stdout, reason = "an example prints what it does")]

use portcullis_engine::{Engine, Functions, Invocation, Source, Start};
use serde_json::json;

const PLAYBOOK: &str = r#"
playbook: 1
id: hello
inputs: { name: { type: string, default: world } }
steps:
  - id: greet
    uses: demo.greet
    with: { name: "${{ inputs.name }}" }
outputs:
  text: { type: string, value: "${{ steps.greet.output.text }}" }
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let text = json!({"type": "string"});
    let object = |field: &str| json!({"type": "object", "additionalProperties": false, "required": [field], "properties": {field: text}});
    let spec = serde_json::from_value(json!({
        "name": "demo.greet", "summary": "Says hello", "effect": "enrichment", "repeat": "natural",
        "errors": [], "input": object("name"), "output": object("text"),
    }))?;
    let actions = Functions::new().with(spec, async |call: Invocation| {
        Ok(json!({"text": format!("Hello, {}!", call.input.pointer("/name").and_then(|name| name.as_str()).unwrap_or("you"))}))
    })?;
    let engine = Engine::builder().source(actions).build()?;
    let mut run = engine.start(Source::new("hello.yaml", PLAYBOOK), Start::default()).await?;
    println!("{:?}", run.wait().await?.outputs.get("text"));
    Ok(())
}
