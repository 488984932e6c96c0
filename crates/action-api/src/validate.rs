//! JSON Schema validation: compiled once, offline, with messages that never show the value.

use jsonschema::PatternOptions;
use serde_json::Value;

/// A compiled schema. References to files or hosts are refused, patterns run in linear time.
#[derive(Debug, Clone)]
pub struct Validator(jsonschema::Validator);

/// The schema itself is wrong.
#[derive(Debug, thiserror::Error)]
#[error("not a usable JSON Schema: {0}")]
pub struct SchemaError(String);

/// One way in which a value breaks its schema. The message does not hold the value: it may be a secret, or
/// somebody's mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer to the place in the value.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

impl Validator {
    /// Compiles a schema of draft 2020-12.
    pub fn new(schema: &Value) -> Result<Self, SchemaError> {
        jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex())
            .offline()
            .build(schema)
            .map(Validator)
            .map_err(|error| SchemaError(error.masked().to_string()))
    }

    /// Everything that is wrong with a value, at most 20 places.
    pub fn violations(&self, value: &Value) -> Vec<Violation> {
        self.0
            .iter_errors(value)
            .take(20)
            .map(|error| Violation {
                pointer: error.instance_path().to_string(),
                message: error.masked().to_string(),
            })
            .collect()
    }

    /// Whether a value obeys the schema.
    pub fn is_valid(&self, value: &Value) -> bool {
        self.0.is_valid(value)
    }
}
