//! `portcullis actions`: list the actions, or document one.

use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use engine::Spec;
use playbook::Actions as _;
use serde_json::{Value, json};

use crate::exit::{Exit, Wrong};
use crate::output;
use crate::wire::{self, Shared};

/// List the actions, or document one
#[derive(Debug, Args)]
pub(crate) struct Actions {
    /// The action to document, e.g. `mail.delete`
    name: Option<String>,
    /// Print JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print Markdown, the form of the reference
    #[arg(long)]
    markdown: bool,
}

impl Actions {
    pub(crate) fn run(self, _shared: &Shared) -> Result<Exit> {
        let engine = wire::catalogue()?;
        let specs = match &self.name {
            None => engine.actions(),
            Some(name) => vec![find(&engine, name)?],
        };
        if self.json {
            output::say_json(&json!({"actions": specs}));
        } else if self.markdown || self.name.is_some() {
            let pages: Vec<String> = specs.iter().map(|spec| page(spec)).collect();
            output::say(pages.join("\n").trim_end());
        } else {
            list(&specs);
        }
        Ok(Exit::Done)
    }
}

/// The action of this name, or an error that says which come near.
pub(crate) fn find(engine: &engine::Engine, name: &str) -> Result<Arc<Spec>> {
    engine.spec(name).ok_or_else(|| {
        let names = engine.names();
        let near =
            expr_near(name, &names).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Wrong(format!("no action is called `{name}`{near}")).into()
    })
}

fn expr_near(name: &str, names: &[String]) -> Option<String> {
    expr::nearest(name, names.iter().map(String::as_str)).map(str::to_owned)
}

fn list(specs: &[Arc<Spec>]) {
    let width = specs.iter().map(|spec| spec.name.len()).max().unwrap_or(0);
    for spec in specs {
        output::say(&format!("{:<width$}  {:<12}  {}", spec.name, spec.effect, spec.summary));
    }
}

/// One action as Markdown.
fn page(spec: &Spec) -> String {
    let mut text = format!("## `{}`\n\n{}\n", spec.name, spec.summary);
    if !spec.description.is_empty() {
        text.push_str(&format!("\n{}\n", spec.description.trim()));
    }
    text.push_str(&format!("\n- effect: {}\n- repeat: {}\n", spec.effect, spec.repeat));
    if let Some(kind) = &spec.connection {
        let ports = if spec.ports.is_empty() {
            String::new()
        } else {
            format!(" (ports: {})", spec.ports.join(", "))
        };
        text.push_str(&format!("- connection: {kind}{ports}\n"));
    }
    if let Some(inverse) = &spec.inverse {
        text.push_str(&format!("- taken back by: `{inverse}`\n"));
    }
    let errors: Vec<&str> = spec.errors.iter().map(|kind| kind.as_str()).collect();
    if !errors.is_empty() {
        text.push_str(&format!("- fails with: {}\n", errors.join(", ")));
    }
    text.push_str("\n### Input\n\n");
    fields(&mut text, &spec.input, 0);
    text.push_str("\n### Output\n\n");
    fields(&mut text, &spec.output, 0);
    for example in &spec.examples {
        let step = step(&spec.name, &example.input);
        text.push_str(&format!("\n### Example: {}\n\n```yaml\n{step}```\n", example.title));
    }
    text
}

/// A step of a playbook that does this, to be pasted under `steps:`.
fn step(action: &str, input: &Value) -> String {
    let mut text = format!("- id: {}\n  uses: {action}\n", action.replace(['.', '-'], "_"));
    if input.as_object().is_some_and(|fields| !fields.is_empty()) {
        text.push_str("  with:\n");
        for line in serde_yaml::to_string(input).unwrap_or_default().lines() {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

/// The fields of an object schema as a list, nested objects indented.
fn fields(text: &mut String, schema: &Value, depth: usize) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object).filter(|_| depth < 6) else {
        return;
    };
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (name, property) in properties {
        let mark = if required.contains(&name.as_str()) { ", required" } else { "" };
        let about = property.get("description").and_then(Value::as_str).unwrap_or("").replace('\n', " ");
        let default =
            property.get("default").map(|default| format!(" Default: `{default}`.")).unwrap_or_default();
        text.push_str(&format!(
            "{}- `{name}` ({}{mark}): {about}{default}\n",
            "  ".repeat(depth),
            kind(property)
        ));
        let inner = property.get("items").unwrap_or(property);
        fields(text, inner, depth + 1);
    }
}

fn kind(schema: &Value) -> String {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(choices) = schema.get(choice).and_then(Value::as_array) {
            let mark = if choices.iter().all(|one| one.get("const").is_some()) { " | " } else { " or " };
            return choices.iter().map(kind).collect::<Vec<_>>().join(mark);
        }
    }
    match schema.get("type") {
        Some(Value::String(kind)) if kind == "array" => {
            format!("list of {}", schema.get("items").map_or("anything".to_owned(), self::kind))
        }
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "anything".to_owned(),
    }
}
