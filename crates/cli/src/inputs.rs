//! Inputs from the command line: `-i name=value`, `--inputs FILE|-`.

use std::collections::BTreeMap;
use std::io::Read;

use anyhow::{Context, Result};
use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::exit::Wrong;

/// The most a file of inputs may have, in bytes.
const MAX_INPUTS: u64 = 2 * 1024 * 1024;

/// Values for the playbook's inputs.
#[derive(Debug, Args, Default)]
pub(crate) struct InputFlags {
    /// One input; the value is read as JSON, and as plain text where it is none
    #[arg(short = 'i', long = "input", value_name = "NAME=VALUE")]
    input: Vec<String>,
    /// A JSON or YAML file with an object of inputs, or `-` for standard input
    #[arg(long, value_name = "FILE|-")]
    inputs: Option<String>,
}

impl InputFlags {
    /// Every field of a form that was given. What the form takes as text is text, even if it looks like a number.
    pub(crate) fn read_for(&self, schema: &Value) -> Result<BTreeMap<String, Value>> {
        let mut fields = self.read()?;
        for (name, text) in self.input.iter().filter_map(|pair| pair.split_once('=')) {
            let name = name.trim();
            if let Some(property) = schema.get("properties").and_then(|all| all.get(name)) {
                fields.insert(name.to_owned(), crate::prompt::field(property, text));
            }
        }
        Ok(fields)
    }

    /// Every input given; single ones win over those of the file.
    pub(crate) fn read(&self) -> Result<BTreeMap<String, Value>> {
        let mut inputs = match &self.inputs {
            None => BTreeMap::new(),
            Some(place) => read_object(place)?,
        };
        for pair in &self.input {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| Wrong(format!("`-i {pair}`: expected NAME=VALUE, e.g. `-i limit=5`")))?;
            inputs.insert(name.trim().to_owned(), read_value(value));
        }
        Ok(inputs)
    }
}

/// What the trigger brought, for a run by hand.
#[derive(Debug, Args, Default)]
pub(crate) struct TriggerFlag {
    /// A JSON or YAML file with what the playbook's trigger would bring
    #[arg(long, value_name = "FILE")]
    trigger: Option<std::path::PathBuf>,
}

impl TriggerFlag {
    /// What the trigger brought; null if nothing is given.
    pub(crate) fn read(&self) -> Result<Value> {
        match &self.trigger {
            None => Ok(Value::Null),
            Some(file) => crate::command::document(file, "what the trigger brought,"),
        }
    }
}

/// JSON where it is JSON, else text: `5`, `["a","b"]`, `true`, but also `alice@corp.example`.
pub(crate) fn read_value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

fn read_object(place: &str) -> Result<BTreeMap<String, Value>> {
    let mut text = String::new();
    let source: Box<dyn Read> = if place == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(place).with_context(|| format!("could not open the inputs {place}"))?)
    };
    source
        .take(MAX_INPUTS + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("could not read the inputs {place}"))?;
    if text.len() as u64 > MAX_INPUTS {
        return Err(Wrong(format!("the inputs {place} have more than {MAX_INPUTS} bytes")).into());
    }
    read_document(text.as_bytes()).map_err(|error| {
        Wrong(format!("the inputs {place} are not an object of names and values: {error}")).into()
    })
}

/// JSON where it is JSON, else YAML: a letter that JSON writes as two halves (`\ud83d\udce7`) is none in YAML.
pub(crate) fn read_document<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_yaml::Error> {
    serde_json::from_slice(bytes).or_else(|_| serde_yaml::from_slice(bytes))
}
