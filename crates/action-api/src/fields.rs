//! What the fields of typed inputs and outputs have in common, whatever the action is about.
//!
//! Schemas come from types, and two things the types cannot say: that an artifact is a handle which the planner
//! follows, and that a field which may be left out may not be null for that. They stand here, so that the actions of
//! every crate say them alike. Left out: words of one subject, such as a mailbox or a path; their crates have those.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// The schema of an artifact handle, the same that plugins declare.
///
/// For `#[schemars(schema_with = "…")]` on a field of type [`plan::Artifact`].
pub fn artifact_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "x-artifact": true,
        "type": "object",
        "additionalProperties": false,
        "required": ["artifact", "size", "media_type"],
        "properties": {
            "artifact": {
                "description": "`sha256:` and 64 hex digits",
                "type": "string",
                "pattern": "^sha256:[0-9a-f]{64}$"
            },
            "size": { "description": "Length in bytes", "type": "integer", "minimum": 0 },
            "media_type": {
                "description": "Media type as far as it is known",
                "type": "string",
                "x-untrusted": true
            }
        }
    })
}

/// The schema of an artifact handle that may be null.
pub fn artifact_or_null_schema(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = artifact_schema(generator);
    schema.insert("type".to_owned(), json!(["object", "null"]));
    schema
}

/// Takes `default: null` out of a schema's properties: a field that may be left out is not one that may be null.
///
/// For `#[schemars(transform = …)]` on a type with optional fields.
pub fn no_null_defaults(schema: &mut Schema) {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(|all| all.values_mut()).filter_map(Value::as_object_mut) {
        if property.get("default") == Some(&Value::Null) {
            property.remove("default");
        }
    }
}

/// Reads a field that may be left out and may not be null.
///
/// For `#[serde(default, deserialize_with = "…")]`.
///
/// # Errors
/// The value is not what the field takes.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use plan::Artifact;
    use schemars::JsonSchema;

    use super::*;
    use crate::Validator;

    #[derive(Deserialize, JsonSchema)]
    #[schemars(transform = no_null_defaults)]
    struct Fields {
        #[serde(default, deserialize_with = "present")]
        #[schemars(with = "u8")]
        most: Option<u8>,
        #[serde(default)]
        size: u8,
        #[serde(default)]
        #[schemars(schema_with = "artifact_or_null_schema")]
        file: Option<Artifact>,
    }

    fn schema() -> Value {
        schemars::schema_for!(Fields).to_value()
    }

    #[test]
    fn left_out_is_not_null() {
        let properties = &schema()["properties"];
        assert_eq!(properties["most"].get("default"), None);
        assert_eq!(properties["size"]["default"], 0);
        assert!(
            serde_json::from_value::<Fields>(json!({})).is_ok_and(|all| all.most.is_none() && all.size == 0)
        );
        assert!(serde_json::from_value::<Fields>(json!({ "most": null })).is_err());
        assert!(serde_json::from_value::<Fields>(json!({ "most": 3 })).is_ok_and(|all| all.most == Some(3)));
    }

    #[test]
    fn a_handle_obeys_its_schema() {
        let validator = Validator::new(&schema()).unwrap();
        let handle = json!({ "artifact": format!("sha256:{}", "0".repeat(64)), "size": 1, "media_type": "" });
        for (file, valid) in [(handle.clone(), true), (Value::Null, true), (json!("sha256:0"), false)] {
            let value = json!({ "file": file });
            assert_eq!(validator.is_valid(&value), valid, "{value}");
            let read = serde_json::from_value::<Fields>(value.clone());
            assert_eq!(read.is_ok_and(|all| all.file.is_some() != value["file"].is_null()), valid, "{value}");
        }
        let alone = Validator::new(&artifact_schema(&mut SchemaGenerator::default()).to_value()).unwrap();
        assert!(alone.is_valid(&handle) && !alone.is_valid(&Value::Null));
        let read: Artifact = serde_json::from_value(handle.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), handle);
    }
}
