//! Questions at the terminal: approvals, and forms field by field.
//!
//! Reading a terminal cannot be interrupted, so each question has a thread of its own; a lock keeps two questions
//! from reading the same line.

use std::io::{BufRead, Write};
use std::sync::{Mutex, PoisonError};

use action_api::Validator;
use engine::{Ask, Decision, Form, StepPath};
use serde_json::{Map, Value};
use tokio::sync::mpsc::UnboundedSender;

use crate::output::{Style, line};
use crate::report::{ask_text, form_text};

/// What a person said.
#[derive(Debug)]
pub(crate) enum Said {
    /// To an approval, with the digest of what was shown.
    Decision(StepPath, String, Decision),
    /// To a form.
    Answer(Box<Form>, Value),
    /// Nothing: it is to wait, at this step.
    Later(StepPath),
}

/// One question at a time.
static TURN: Mutex<()> = Mutex::new(());

/// Asks for a decision.
pub(crate) fn decision(ask: Ask, said: UnboundedSender<Said>) {
    std::thread::spawn(move || {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let style = Style::stderr();
        let question = format!(
            "{}\n  Approve? {} ",
            ask_text(&ask, style),
            style.dim("[y]es, [n]o, anything else leaves it waiting:")
        );
        let answer = read(&question).map(|line| line.to_lowercase());
        let decision = match answer.as_deref() {
            Some("y" | "yes") => Some(Decision::Approved),
            Some("n" | "no") => Some(Decision::Rejected),
            _ => None,
        };
        let heard = match decision {
            Some(decision) => Said::Decision(ask.path, ask.digest, decision),
            None => Said::Later(ask.path),
        };
        // Nobody listens any more: the run has ended meanwhile.
        let _ = said.send(heard);
    });
}

/// Asks for every field of a form.
pub(crate) fn form(form: Form, problem: Option<String>, said: UnboundedSender<Said>) {
    std::thread::spawn(move || {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let style = Style::stderr();
        let problem =
            problem.map(|problem| format!("  {}\n", style.red(&line(&problem)))).unwrap_or_default();
        let mut heading = format!("{}{problem}", form_text(&form, style));
        let answer = fields(&form.schema, &form.order, style, &mut |question| {
            let text = format!("{heading}{question}");
            heading.clear();
            read(&text)
        });
        let heard = match answer {
            Some(answer) => Said::Answer(Box::new(form), answer),
            None => Said::Later(form.path),
        };
        // Nobody listens any more: the run has ended meanwhile.
        let _ = said.send(heard);
    });
}

/// Writes a question to standard error and reads one line. Nothing when there is no more to read.
fn read(question: &str) -> Option<String> {
    let mut error = std::io::stderr().lock();
    let _ = error.write_all(question.as_bytes()).and_then(|()| error.flush());
    drop(error);
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line) {
        Ok(1..) => Some(line.trim().to_owned()),
        _ => None,
    }
}

/// Asks for field after field until each is right. Nothing when the person leaves.
fn fields(
    schema: &Value,
    order: &[String],
    style: Style,
    ask: &mut dyn FnMut(&str) -> Option<String>,
) -> Option<Value> {
    let mut answer = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in order.iter().filter_map(|name| Some((name, properties?.get(name)?))) {
        let required = names(schema.get("required")).any(|required| required == name);
        let mut problem = String::new();
        loop {
            let question = format!("{problem}  {} ", question(name, property, required, style));
            let text = ask(&question)?;
            if text.is_empty() && (property.get("default").is_some() || !required) {
                break;
            }
            let value = field(property, &text);
            let problems =
                Validator::new(property).map(|schema| schema.violations(&value)).unwrap_or_default();
            if problems.is_empty() {
                answer.insert(name.clone(), value);
                break;
            }
            let words: Vec<String> = problems.iter().map(|problem| line(&problem.message)).collect();
            problem = format!("    {}\n", style.red(&words.join("; ")));
        }
    }
    Some(Value::Object(answer))
}

fn question(name: &str, property: &Value, required: bool, style: Style) -> String {
    let mut hints = Vec::new();
    match property.get("enum").and_then(Value::as_array) {
        Some(choices) => hints.push(format!("one of {}", words(choices))),
        None => hints.extend(property.get("type").and_then(Value::as_str).map(str::to_owned)),
    }
    if let Some(default) = property.get("default") {
        hints.push(format!("otherwise {}", word(default)));
    } else if !required {
        hints.push("may be left out".to_owned());
    }
    let about = property.get("description").and_then(Value::as_str).map(|about| format!(" {}", line(about)));
    format!(
        "{}{} {}",
        style.bold(&line(name)),
        about.unwrap_or_default(),
        style.dim(&format!("({}):", hints.join(", ")))
    )
}

fn words(choices: &[Value]) -> String {
    choices.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn word(value: &Value) -> String {
    line(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn names(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// What a person typed as the value of a field: text where the field takes text, JSON elsewhere.
pub(crate) fn field(property: &Value, text: &str) -> Value {
    let is_text = |value: &Value| value.as_str() == Some("string");
    let takes_text = match property.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(is_text),
        Some(kind) => is_text(kind),
        None => names(property.get("enum")).any(|choice| choice == text),
    };
    if takes_text { Value::from(text) } else { crate::inputs::read_value(text) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn asks_until_each_field_is_right() {
        let schema = json!({"type": "object", "required": ["count", "verdict"], "properties": {
            "count": {"type": "integer", "minimum": 1},
            "note": {"type": "string", "default": "none"},
            "verdict": {"type": "string", "enum": ["bad", "good"]},
            "zip": {"type": "string"}}});
        let mut lines = vec!["fine", "bad", "", "zero", "0", "3", "", "12345"].into_iter();
        let mut asked = Vec::new();
        let order = ["verdict", "count", "note", "zip"].map(str::to_owned);
        let answer = fields(&schema, &order, Style::off(), &mut |question| {
            asked.push(question.to_owned());
            lines.next().map(str::to_owned)
        });
        assert_eq!(answer, Some(json!({"count": 3, "verdict": "bad", "zip": "12345"})));
        assert_eq!(asked.len(), 8);
        assert!(asked[0].contains("one of bad, good"), "the order is the form's: {asked:?}");
        assert!(asked[4].contains("is not of type"), "{asked:?}");
        assert!(asked[6].contains("otherwise none"), "{asked:?}");
    }

    #[test]
    fn a_person_who_leaves_has_answered_nothing() {
        let schema = json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}});
        assert_eq!(fields(&schema, &["a".to_owned()], Style::off(), &mut |_| None), None);
    }
}
