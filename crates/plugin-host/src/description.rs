//! What a plugin says about itself, checked and turned into the specifications that everybody else reads.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use action_api::plan::{Digest, Effect, FailureKind, Repeat};
use action_api::{Example, Spec, Validator};
use serde::Deserialize;
use serde_json::Value;

use crate::error::{LoadError, known_code};

/// Actions that one plugin may bring.
const MOST_ACTIONS: usize = 256;

/// Unknown fields are ignored: a plugin made with a later SDK of the same major version may say more.
#[derive(Deserialize)]
struct Description {
    name: String,
    version: String,
    actions: Vec<Action>,
}

#[derive(Deserialize)]
struct Action {
    name: String,
    summary: String,
    #[serde(default)]
    description: String,
    effect: Effect,
    repeat: Repeat,
    input: Value,
    output: Value,
    #[serde(default)]
    errors: Vec<ErrorDoc>,
    #[serde(default)]
    examples: Vec<Example>,
}

#[derive(Deserialize)]
struct ErrorDoc {
    code: String,
    #[serde(default)]
    when: String,
}

/// A description as far as it has to be read to know what there is.
#[derive(Deserialize)]
struct Contents {
    actions: Vec<Heading>,
}

#[derive(Deserialize)]
struct Heading {
    name: String,
}

/// One action: its specification, and its schemas compiled when first needed.
pub(crate) struct Described {
    pub(crate) spec: Arc<Spec>,
    validators: OnceLock<Result<(Validator, Validator), String>>,
}

impl Described {
    /// The validators of input and output.
    pub(crate) fn validators(&self) -> Result<&(Validator, Validator), LoadError> {
        let compiled = self.validators.get_or_init(|| {
            let compile =
                |schema, side| Validator::new(schema).map_err(|error| format!("its {side} schema: {error}"));
            Ok((compile(&self.spec.input, "input")?, compile(&self.spec.output, "output")?))
        });
        compiled.as_ref().map_err(|error| wrong(format!("action `{}`: {error}", self.spec.name)))
    }
}

/// The plugin's actions by their own name (what stands after the dot).
pub(crate) type Actions = BTreeMap<String, Described>;

/// The own names of the actions that a description has; none if it cannot be read, which [`read`] explains.
pub(crate) fn names(text: &str) -> Vec<String> {
    let contents = serde_json::from_str(text).unwrap_or(Contents { actions: Vec::new() });
    contents.actions.into_iter().map(|action| action.name).collect()
}

/// Reads a description. `plugin` is what stands before the dot of every action, `component` what carries them out.
pub(crate) fn read(
    text: &str,
    plugin: &str,
    name: &str,
    version: &str,
    component: Digest,
) -> Result<Actions, LoadError> {
    let description: Description = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    if description.name != name || description.version != version {
        return Err(wrong(format!(
            "it calls itself `{}` version `{}`, its manifest says `{name}` version `{version}`",
            description.name, description.version
        )));
    }
    if description.actions.is_empty() || description.actions.len() > MOST_ACTIONS {
        return Err(wrong(format!(
            "it must have 1 to {MOST_ACTIONS} actions, it has {}",
            description.actions.len()
        )));
    }
    let mut actions = Actions::new();
    for action in description.actions {
        let own = action.name.clone();
        let spec = Arc::new(spec(action, plugin, component)?);
        if actions.insert(own.clone(), Described { spec, validators: OnceLock::new() }).is_some() {
            return Err(wrong(format!("it has two actions called `{own}`")));
        }
    }
    Ok(actions)
}

fn spec(action: Action, plugin: &str, component: Digest) -> Result<Spec, LoadError> {
    let refuse = |why: &str| Err(wrong(format!("action `{}`: {why}", action.name)));
    if !is_action_name(&action.name) {
        return refuse("a name is lower-case letters, digits and `_`, at most 64 of them");
    }
    if action.repeat == Repeat::Verify {
        return refuse("a plugin has no probe, so `verify` is not possible; say `keyed` or `never`");
    }
    if action.input.get("additionalProperties") != Some(&Value::Bool(false)) {
        return refuse("its input must refuse unknown fields (`additionalProperties: false`)");
    }
    let Value::Object(mut output) = action.output else {
        return refuse("its output schema must be an object");
    };
    // Whatever a plugin gives may have been written by whoever wrote its input.
    output.insert("x-untrusted".to_owned(), Value::Bool(true));
    let mut errors: Vec<FailureKind> =
        action.errors.iter().filter_map(|error| known_code(&error.code)).collect();
    errors.dedup();
    Ok(Spec {
        name: format!("{plugin}.{}", action.name),
        summary: action.summary,
        description: with_errors(action.description, &action.errors),
        input: action.input,
        output: Value::Object(output),
        effect: action.effect,
        repeat: action.repeat,
        errors,
        connection: None,
        ports: Vec::new(),
        inverse: None,
        undo: Vec::new(),
        component: Some(component),
        examples: action.examples,
    })
}

/// A specification has only the kinds of failure; when they happen is worth a list.
fn with_errors(mut text: String, errors: &[ErrorDoc]) -> String {
    for (index, error) in errors.iter().enumerate() {
        text.push_str(if index == 0 { "\n\nFails with:\n" } else { "" });
        text.push_str(&format!("- `{}`: {}\n", error.code, error.when));
    }
    text.trim().to_owned()
}

fn is_action_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn wrong(why: String) -> LoadError {
    LoadError::Description(why)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ANY: Digest = Digest::new([0; 32]);

    fn description(change: impl FnOnce(&mut Value)) -> String {
        let mut action = json!({
            "name": "scan", "summary": "Scans", "effect": "enrichment", "repeat": "natural", "later": 1,
            "input": { "type": "object", "additionalProperties": false },
            "output": { "type": "object" },
            "errors": [{ "code": "invalid", "when": "the text is empty" }, { "code": "odd", "when": "never" }],
        });
        change(&mut action);
        json!({ "name": "acme/x", "version": "1.0.0", "actions": [action], "later": {} }).to_string()
    }

    #[test]
    fn becomes_specifications_under_the_plugins_name() {
        let actions = read(&description(|_| ()), "x", "acme/x", "1.0.0", ANY).unwrap();
        let spec = &actions["scan"].spec;
        assert_eq!(spec.name, "x.scan");
        assert_eq!(spec.errors, [FailureKind::Invalid]);
        assert_eq!(spec.output["x-untrusted"], true);
        assert!(spec.description.contains("the text is empty"));
    }

    #[test]
    fn refuses_what_would_break_a_promise() {
        type Change = fn(&mut Value);
        let cases: [(Change, &str); 7] = [
            (|a| a["name"] = json!("../x"), "name"),
            (|a| a["repeat"] = json!("verify"), "probe"),
            (|a| a["repeat"] = json!("sometimes"), "sometimes"),
            (|a| a["effect"] = json!("harmless"), "harmless"),
            (|a| a["input"] = json!({ "type": "object" }), "additionalProperties"),
            (|a| a["output"] = json!(true), "output"),
            (|a| drop(a.as_object_mut().unwrap().remove("summary")), "summary"),
        ];
        for (change, expected) in cases {
            let error = read(&description(change), "x", "acme/x", "1.0.0", ANY).err().unwrap().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(read(&description(|_| ()), "x", "acme/y", "1.0.0", ANY).is_err());
        assert!(read(&description(|_| ()), "x", "acme/x", "1.0.1", ANY).is_err());
        assert!(read("{", "x", "acme/x", "1.0.0", ANY).is_err());
    }

    #[test]
    fn names_are_those_of_the_actions() {
        let text = description(|_| ());
        let actions = read(&text, "x", "acme/x", "1.0.0", ANY).unwrap();
        assert_eq!(names(&text), actions.keys().cloned().collect::<Vec<_>>());
        assert!(names("{").is_empty());
    }

    #[test]
    fn bad_schemas_are_found_when_compiled() {
        let text = description(|a| a["output"] = json!({ "type": "nonsense" }));
        let actions = read(&text, "x", "acme/x", "1.0.0", ANY).unwrap();
        assert!(actions["scan"].validators().err().unwrap().to_string().contains("output"));
    }
}
