//! What a run asks of people: questions and forms, as they are printed and as JSON.
//!
//! What is in them may come from mail, so nothing of it can forge the prompt. Left out: who may answer, which the engine
//! decides, and reading the answer.

use engine::{Ask, Form, Pause};
use plan::Audience;
use serde_json::{Value, json};

use super::{indent, input_text};
use crate::graph::words::audience;
use crate::output::{Style, line, visible};

/// A question with everything it covers, for JSON.
pub(super) fn ask_json(ask: &Ask) -> Value {
    let shown: Vec<Value> = ask
        .shown
        .iter()
        .map(|call| json!({"path": call.path, "action": call.action, "effect": call.effect, "input": call.input}))
        .collect();
    json!({"kind": "approval", "path": ask.path, "message": ask.message, "digest": ask.digest, "shows": shown,
           "to": audience_json(&ask.to), "quorum": ask.quorum, "approved": ask.approved,
           "due_ms": ask.due.map(|due| due.0)})
}

pub(super) fn form_json(form: &Form) -> Value {
    json!({"kind": "form", "path": form.path, "message": form.message, "form": form.schema,
           "to": audience_json(&form.to), "due_ms": form.due.map(|due| due.0)})
}

pub(super) fn wait_json(pause: &Pause) -> Option<Value> {
    let event = pause.event.as_ref()?;
    Some(json!({"kind": "event", "path": pause.path, "event": event.name, "schema": event.schema,
                "due_ms": pause.due.map(|due| due.0)}))
}

fn audience_json(to: &Audience) -> Value {
    json!({"roles": to.roles, "not_starter": to.not_starter})
}

/// A form with its message, for a person. Nothing in it can forge the prompt.
pub(crate) fn form_text(form: &Form, style: Style) -> String {
    let mut text = format!("\n  {} {}\n\n", style.yellow("Answer needed at"), form.path);
    text.push_str(&format!("    {}\n", indent(&visible(form.message.trim_end()), 4)));
    let names: Vec<String> = form.order.iter().map(|name| line(name)).collect();
    text.push_str(&format!("    fields: {}\n", names.join(", ")));
    text.push_str(&audience_text(&form.to));
    text
}

fn audience_text(to: &Audience) -> String {
    if to.roles.is_empty() && !to.not_starter {
        return String::new();
    }
    format!("    for: {}\n", audience(to))
}

/// A question with everything it covers, for a person. Nothing in it can forge the prompt.
pub(crate) fn ask_text(ask: &Ask, style: Style) -> String {
    let mut text = format!("\n  {} {}\n\n", style.yellow("Approval needed at"), ask.path);
    text.push_str(&format!("    {}\n", indent(&visible(ask.message.trim_end()), 4)));
    text.push_str(&audience_text(&ask.to));
    if ask.quorum > 1 {
        text.push_str(&format!("    approvals: {} of {}\n", ask.approved.len(), ask.quorum));
    }
    if !ask.shown.is_empty() {
        text.push_str(&format!(
            "\n    {} {} calls, and nothing else:\n",
            style.bold("It covers"),
            ask.shown.len()
        ));
        for call in ask.shown.iter().take(50) {
            text.push_str(&format!("      {:<14} {}\n", call.action, input_text(&call.input, 60)));
        }
        if let Some(more @ 1..) = ask.shown.len().checked_sub(50) {
            text.push_str(&format!("      and {more} more\n"));
        }
    }
    text
}
