//! The schema for editors accepts what the checker accepts, and sees the commonest slips.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod catalogue;

use std::fs;
use std::path::Path;

use action_api::Validator;
use catalogue::Fixed;
use portcullis_playbook::editor_schema;
use serde_json::{Value, json};

fn read(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui").join(path);
    serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn good_playbooks_fit() {
    let validator = Validator::new(&editor_schema(&Fixed::load().0)).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui/ok");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "yaml") {
            let playbook: Value = serde_yaml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            assert_eq!(validator.violations(&playbook), [], "{}", path.display());
        }
    }
}

#[test]
fn slips_are_seen() {
    let validator = Validator::new(&editor_schema(&Fixed::load().0)).unwrap();
    for name in [
        "unknown_step_key",
        "unknown_top_key",
        "unknown_input",
        "missing_inputs",
        "two_verbs",
        "no_verb",
        "retries",
        "version",
        "verb_shapes",
        "policy_keys",
        "playbook_id",
        "unknown_action",
    ] {
        assert!(!validator.is_valid(&read(&format!("bad/{name}.yaml"))), "{name}");
    }
}

#[test]
fn inputs_follow_the_action() {
    let schema = editor_schema(&Fixed::load().0);
    let with = &schema["$defs"]["with.mail.send"];
    assert_eq!(with["required"], json!(["to", "subject", "body"]));
    let cases = schema["$defs"]["step"]["allOf"].as_array().unwrap();
    let send = cases.iter().find(|c| c["if"]["properties"]["uses"]["const"] == "mail.send").unwrap();
    assert_eq!(send["then"]["properties"]["with"]["$ref"], "#/$defs/with.mail.send");
}

#[test]
fn the_order_of_actions_does_not_matter() {
    let specs = Fixed::load().0;
    let mut turned = specs.clone();
    turned.reverse();
    assert_eq!(editor_schema(&specs), editor_schema(&turned));
}
