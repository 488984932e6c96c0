//! Takes secrets out of what is written down.
//!
//! Three ways, because each alone would miss some: places that a schema marks `x-secret`, fields whose name says
//! that they carry a credential, and texts that are known to be secrets wherever they turn up.

use std::collections::BTreeSet;

use engine::Spec;
use serde_json::{Map, Value};

/// What stands in the place of a secret.
pub const MASK: &str = "(secret)";

/// A text shorter than this is not looked for everywhere: it would be found in every other word.
const SHORTEST: usize = 4;

/// Knows secrets and takes them out. What it learns it keeps.
#[derive(Debug, Clone, Default)]
pub struct Masker {
    /// The longest first, so that one that contains another goes as a whole.
    known: BTreeSet<(std::cmp::Reverse<usize>, String)>,
}

impl Masker {
    /// Takes a text out from now on, wherever it is.
    pub fn learn(&mut self, secret: &str) {
        let secret = secret.trim();
        if secret.len() >= SHORTEST && secret != MASK {
            self.known.insert((std::cmp::Reverse(secret.len()), secret.to_owned()));
        }
    }

    /// Learns what stands in the secret places of an action's input.
    pub fn learn_input(&mut self, spec: &Spec, input: &Value) {
        self.walk(Some(&spec.input), input);
    }

    fn walk(&mut self, schema: Option<&Value>, value: &Value) {
        if is_secret(schema) {
            return self.learn_all(value);
        }
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    if names_a_credential(name) {
                        self.learn_all(value);
                    }
                    self.walk(property(schema, name), value);
                }
            }
            Value::Array(items) => {
                let items_schema = schema.and_then(|schema| schema.get("items"));
                items.iter().for_each(|item| self.walk(items_schema, item));
            }
            Value::String(text) => {
                if let Some(credential) = credential(text) {
                    self.learn(credential);
                }
            }
            _ => {}
        }
    }

    fn learn_all(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                self.learn(text);
                if let Some(credential) = credential(text) {
                    self.learn(credential);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn_all(item)),
            Value::Object(fields) => fields.values().for_each(|value| self.learn_all(value)),
            Value::Number(number) => self.learn(&number.to_string()),
            _ => {}
        }
    }

    /// A value without secrets. `schema` is the one it obeys, if there is one.
    pub fn value(&self, schema: Option<&Value>, value: &Value) -> Value {
        if is_secret(schema) && !value.is_null() {
            return Value::from(MASK);
        }
        match value {
            Value::Object(fields) => {
                let masked = fields.iter().map(|(name, value)| {
                    let inner = if names_a_credential(name) && is_told(value) {
                        Value::from(MASK)
                    } else {
                        self.value(property(schema, name), value)
                    };
                    (self.text(name), inner)
                });
                Value::Object(masked.collect::<Map<_, _>>())
            }
            Value::Array(items) => {
                let schema = schema.and_then(|schema| schema.get("items"));
                items.iter().map(|item| self.value(schema, item)).collect()
            }
            Value::String(text) => Value::from(self.text(text)),
            other => other.clone(),
        }
    }

    /// A text without secrets.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (_, secret) in &self.known {
            if text.contains(secret) {
                text = text.replace(secret, MASK);
            }
        }
        match credential(&text).map(str::to_owned) {
            Some(credential) if credential != MASK => text.replace(&credential, MASK),
            _ => text,
        }
    }

    /// Whether bytes hold a text that is known to be secret.
    pub fn finds_in(&self, bytes: &[u8]) -> bool {
        self.known
            .iter()
            .any(|(_, secret)| bytes.windows(secret.len()).any(|window| window == secret.as_bytes()))
    }
}

fn is_secret(schema: Option<&Value>) -> bool {
    schema.and_then(|schema| schema.get("x-secret")) == Some(&Value::Bool(true))
}

fn property<'s>(schema: Option<&'s Value>, name: &str) -> Option<&'s Value> {
    let schema = schema?;
    let declared = schema.get("properties").and_then(|properties| properties.get(name));
    declared.or_else(|| schema.get("additionalProperties"))
}

fn is_told(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(_)) && value.as_str() != Some("")
}

/// Names of headers and fields that carry credentials: `Authorization`, `set_cookie`, `x-api-key`, `password`.
fn names_a_credential(name: &str) -> bool {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    const WHOLE: [&str; 3] = ["cookie", "cookies", "pwd"];
    const PARTS: [&str; 9] = [
        "authorization",
        "setcookie",
        "password",
        "passwd",
        "passphrase",
        "apikey",
        "accesstoken",
        "privatekey",
        "credential",
    ];
    const ENDS: [&str; 4] = ["token", "sessionid", "secret", "secrets"];
    WHOLE.contains(&plain.as_str())
        || PARTS.iter().any(|part| plain.contains(part))
        || ENDS.iter().any(|end| plain.ends_with(end))
}

/// The credential in `Bearer CREDENTIAL` or `Basic CREDENTIAL`, at the front of a text or of a header line.
fn credential(text: &str) -> Option<&str> {
    for scheme in ["bearer ", "basic ", "negotiate "] {
        let Some(at) = find_ignoring_case(text, scheme) else { continue };
        let fresh =
            text.get(..at).is_some_and(|before| before.is_empty() || before.ends_with([' ', ':', '"', '\'']));
        let rest = text.get(at + scheme.len()..).unwrap_or_default();
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-._~+/=".contains(c))).unwrap_or(rest.len());
        let found = rest.get(..end).unwrap_or_default();
        // Shorter ones are words of a sentence: "a bearer of news".
        if fresh && found.len() >= 12 {
            return Some(found);
        }
    }
    None
}

fn find_ignoring_case(text: &str, word: &str) -> Option<usize> {
    text.as_bytes().windows(word.len()).position(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_credential_goes_wherever_it_stands() {
        let mut masker = Masker::default();
        masker.learn("hunter22");
        let value = json!({
            "headers": {"Authorization": "Basic c3ZjOmh1bnRlcg==", "X-Api-Key": "k", "Set-Cookie": ["a=b"], "Accept": "text"},
            "body": "the password is hunter22, really", "note": "Authorization: Bearer eyJhbGciOi.J9-_x", "token": null,
            "hunter22": 1, "story": "a bearer of news", "next_page_token": "abc", "tokens": 5
        });
        let masked = masker.value(None, &value);
        assert_eq!(
            masked["headers"],
            json!({"Authorization": MASK, "X-Api-Key": MASK, "Set-Cookie": MASK, "Accept": "text"})
        );
        assert_eq!(masked["body"], json!(format!("the password is {MASK}, really")));
        assert_eq!(masked["note"], json!(format!("Authorization: Bearer {MASK}")));
        assert_eq!(
            (&masked["token"], &masked["tokens"], &masked["story"]),
            (&Value::Null, &json!(5), &json!("a bearer of news"))
        );
        assert_eq!(masked["next_page_token"], MASK);
        assert!(!masked.to_string().contains("hunter22"));
        assert!(masker.finds_in(b"..hunter22..") && !masker.finds_in(b"hunter2"));
    }

    #[test]
    fn taking_out_twice_is_taking_out_once() {
        let mut masker = Masker::default();
        masker.learn("s3cr3t-text");
        let value = json!({"a": "Bearer s3cr3t-text-and-more", "password": "x", "b": ["s3cr3t-text"]});
        let once = masker.value(None, &value);
        assert_eq!(masker.value(None, &once), once);
    }
}
