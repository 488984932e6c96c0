//! Takes the secrets of a connection out of what a server answers: it may repeat what it was sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use serde_json::Value;
use transport::Secret;

use crate::base::Base;

/// Shorter than this nothing is hidden: it is in every text by chance.
const SHORTEST: usize = 4;
/// What stands in the place of a secret.
const PLACE: &str = "(hidden)";

/// What must not be shown.
pub(crate) struct Hidden {
    forms: Vec<String>,
}

impl Hidden {
    pub(crate) fn new(secrets: &[Secret]) -> Self {
        let mut hidden = Hidden { forms: Vec::new() };
        for secret in secrets {
            hidden.add(secret.reveal());
        }
        hidden
    }

    fn add(&mut self, secret: &str) {
        if secret.len() < SHORTEST {
            return;
        }
        let quoted = serde_json::to_string(secret).unwrap_or_default();
        let forms = [
            secret.to_owned(),
            STANDARD.encode(secret),
            quoted.trim_matches('"').to_owned(),
            crate::base::encode(secret),
        ];
        for form in forms {
            if !form.is_empty() && !self.forms.contains(&form) {
                self.forms.push(form);
            }
        }
        // The longest first, so that no rest of one stays behind a shorter one.
        self.forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    }

    /// The address of a webhook, and the part of it that is the secret.
    pub(crate) fn add_address(&mut self, base: &Base) {
        self.add(&base.whole());
        self.add(base.path_and_query());
    }

    /// A text without them.
    pub(crate) fn text(&self, text: &str) -> String {
        self.forms.iter().fold(text.to_owned(), |text, form| {
            if text.contains(form.as_str()) { text.replace(form.as_str(), PLACE) } else { text }
        })
    }

    /// Whether bytes hold one.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        self.forms.iter().any(|form| memmem::find(bytes, form.as_bytes()).is_some())
    }

    /// A value without them, names of fields included.
    pub(crate) fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => {
                fields.into_iter().map(|(name, field)| (self.text(&name), self.value(field))).collect()
            }
            other => other,
        }
    }
}
