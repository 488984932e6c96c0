//! `portcullis schema`: the JSON Schemas of playbooks, of the configuration, and of what each action takes and gives.

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use crate::command::actions;
use crate::exit::Exit;
use crate::wire::{self, Shared};
use crate::{config, output};

/// Print the JSON Schema of playbooks, of portcullis.yaml, or of an action
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Of what: `playbook`, `config`, or the name of an action
    #[arg(default_value = "playbook", value_name = "WHAT")]
    what: String,
    /// Of an action: what it gives, and not what it takes
    #[arg(long)]
    output: bool,
}

impl Schema {
    pub(crate) fn run(self, _shared: &Shared) -> Result<Exit> {
        match self.what.as_str() {
            "config" => output::say_json(&config::schema()),
            "playbook" => output::say_json(&playbook::editor_schema(&wire::catalogue()?.actions())),
            action => {
                let spec = actions::find(&wire::catalogue()?, action)?;
                let (side, schema) =
                    if self.output { ("output", &spec.output) } else { ("input", &spec.input) };
                output::say_json(&published(&spec.name, side, schema));
            }
        }
        Ok(Exit::Done)
    }
}

/// A schema under the name it is published by.
fn published(action: &str, side: &str, schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        let id = format!("https://portcullis.dev/schemas/actions/{action}.{side}.json");
        fields.insert("$id".to_owned(), json!(id));
        fields.insert("title".to_owned(), json!(format!("{action}: {side}")));
    }
    schema
}
