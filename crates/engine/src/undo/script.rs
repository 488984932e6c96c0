//! The playbook of an undo, as text.
//!
//! What mails and servers wrote is never part of the text: it comes in as inputs of the run, where nothing reads it as
//! an expression. In the text stand names alone: of steps, actions, connections, and fields of inputs, each held
//! against the letters a name may have. Every step is tolerated, so that one that fails does not stop the rest.

use std::collections::BTreeMap;

use journal::OpId;
use plan::Connection;
use serde_json::{Map, Value, json};

use crate::undo::Undo;

/// An expression is at most 4096 bytes long, and a name of a step at most 40 of them.
const COUNTED_AT_ONCE: usize = 50;

/// The id of the step that takes an operation back; of what a failed attempt left behind, with its number.
pub(crate) fn step_id(op: OpId, attempt: Option<u32>) -> String {
    match attempt {
        None => format!("op_{op}"),
        Some(attempt) => format!("op_{op}_attempt_{attempt}"),
    }
}

/// Whether an input can be handed over field by field.
pub(super) fn is_writable(input: &Value) -> bool {
    let name = |name: &String| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    input.as_object().is_some_and(|fields| fields.keys().all(name))
}

/// What the run is given: for every step, the input of its call.
pub(super) fn inputs(undo: &Undo) -> BTreeMap<String, Value> {
    undo.steps.iter().map(|step| (step.id.clone(), step.inverse.input.clone())).collect()
}

/// The text. With a gate, somebody else has to approve it.
pub(super) fn text(undo: &Undo, connections: &[Connection], gate: bool) -> String {
    let ids: Vec<&str> = undo.steps.iter().map(|step| step.id.as_str()).collect();
    let mut steps = Vec::new();
    if gate {
        steps.push(json!({"id": "gate", "approve": {
            "message": format!("Take back what run {} did?", undo.run),
            "to": {"not": ["run.starter"]},
            "shows": ids,
        }}));
    }
    for step in &undo.steps {
        let id = &step.id;
        let fields = step.inverse.input.as_object().into_iter().flatten();
        let with: Map<String, Value> = fields
            .map(|(name, _)| (name.clone(), Value::from(format!("${{{{ inputs.{id}.{name} }}}}"))))
            .collect();
        let mut call = json!({
            "id": id,
            "name": step.path.as_str(),
            "uses": step.inverse.action,
            "on_error": "continue",
            "with": with,
        });
        if let (Some(connection), Some(fields)) = (&step.connection, call.as_object_mut()) {
            fields.insert("connection".to_owned(), json!(connection));
        }
        steps.push(call);
    }
    let counts: Map<String, Value> = ids
        .chunks(COUNTED_AT_ONCE)
        .enumerate()
        .map(|(number, ids)| {
            let statuses: Vec<String> = ids.iter().map(|id| format!("steps.{id}.status")).collect();
            let succeeded =
                format!("${{{{ size([{}].filter(s, s == \"succeeded\")) }}}}", statuses.join(", "));
            (format!("part_{number}"), Value::from(succeeded))
        })
        .collect();
    let parts: Vec<String> = counts.keys().map(|part| format!("steps.counts.output.{part}")).collect();
    // Whoever is asked may say no, and nothing is counted then.
    let restored = format!("(steps.counts.status == \"succeeded\" ? {} : 0)", parts.join(" + "));
    steps.push(json!({"id": "counts", "set": counts}));
    let whole = json!({
        "id": playbook_id(&undo.playbook),
        "name": format!("Undo of {}", undo.run),
        "connections": connections
            .iter()
            .map(|connection| (connection.name.clone(), json!({"kind": connection.kind})))
            .collect::<Map<_, _>>(),
        // Two undos of one run would do the same twice.
        "concurrency": {"key": undo.run.as_str(), "on_conflict": "skip"},
        "inputs": ids.iter().map(|id| ((*id).to_owned(), json!({"type": "object"}))).collect::<Map<_, _>>(),
        "outputs": {
            "restored": {"type": "integer", "value": format!("${{{{ {restored} }}}}")},
            "failed": {"type": "integer", "value": format!("${{{{ {} - {restored} }}}}", ids.len())},
        },
    });
    // JSON is YAML; the version comes first, and one line for each step keeps it legible.
    let mut text = String::from("playbook: 1\n");
    for (name, value) in whole.as_object().into_iter().flatten() {
        text.push_str(&format!("{name}: {value}\n"));
    }
    text.push_str("steps:\n");
    for step in steps {
        text.push_str(&format!("  - {step}\n"));
    }
    text
}

/// At most 64 letters, as every playbook's.
fn playbook_id(of: &str) -> String {
    format!("undo-{of}").chars().take(64).collect()
}
