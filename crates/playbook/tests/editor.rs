//! The schema for editors accepts what the checker accepts, and sees the commonest slips.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod catalogue;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use action_api::Validator;
use catalogue::Fixed;
use portcullis_playbook::{Source, check, editor_schema};
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

/// Codes that need no knowledge of names, types and flow.
const SHAPE: [&str; 12] = [
    "P0201", "P0202", "P0203", "P0204", "P0205", "P0206", "P0207", "P0208", "P0209", "P0210", "P0501",
    "P0502",
];

#[test]
fn most_wrong_shapes_are_seen_while_typing() {
    let validator = Validator::new(&editor_schema(&Fixed::load().0)).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui/bad");
    let (mut all, mut missed) = (0, Vec::new());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = fs::read_to_string(&path) else { continue };
        if path.extension().is_none_or(|end| end != "yaml") {
            continue;
        }
        let found = check(Source::new("p.yaml", &text), &Fixed::load()).diagnostics;
        let codes: BTreeSet<&str> = found.iter().map(|d| d.code).collect();
        let Ok(playbook) = serde_yaml::from_str::<Value>(&text) else { continue };
        if !codes.is_empty() && codes.iter().all(|code| SHAPE.contains(code)) {
            all += 1;
            if validator.is_valid(&playbook) {
                missed.push(path.file_name().unwrap().to_owned());
            }
        }
    }
    assert!(all >= 20, "only {all}");
    assert!(missed.len() * 5 <= all, "{} of {all} are not seen: {missed:?}", missed.len());
}

/// The schema behind a reference.
fn behind<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let target = schema.get("$ref").and_then(Value::as_str).map(|r| r.trim_start_matches("#/$defs/"));
    target.map_or(schema, |name| &root["$defs"][name])
}

fn undescribed(root: &Value, schema: &Value, at: &str, found: &mut Vec<String>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| undescribed(root, item, at, found)),
        Value::Object(map) => {
            for (key, inner) in map {
                let at = format!("{at}/{key}");
                if key == "properties" && !at.contains("/if/") && !at.contains("/then/") {
                    for (name, property) in inner.as_object().unwrap() {
                        let described =
                            |s: &Value| s.get("description").is_some_and(|d| !d.as_str().unwrap().is_empty());
                        if !described(property) && !described(behind(root, property)) {
                            found.push(format!("{at}/{name}"));
                        }
                    }
                }
                match (key.as_str(), inner) {
                    ("examples" | "default" | "const" | "enum", _) => {}
                    ("properties", Value::Object(all)) => {
                        all.iter()
                            .for_each(|(name, one)| undescribed(root, one, &format!("{at}/{name}"), found));
                    }
                    _ => undescribed(root, inner, &at, found),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn every_key_has_words_for_the_pointer() {
    let schema = editor_schema(&[]);
    let mut found = Vec::new();
    undescribed(&schema, &schema, "", &mut found);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn every_reference_has_a_target() {
    let schema = editor_schema(&Fixed::load().0);
    let text = schema.to_string();
    for target in text.split("\"$ref\":\"#/$defs/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(schema["$defs"].get(target).is_some(), "{target}");
    }
}

#[test]
fn the_whole_language_fits() {
    let validator = Validator::new(&editor_schema(&Fixed::load().0)).unwrap();
    let playbook: Value = serde_yaml::from_str(WHOLE).unwrap();
    assert_eq!(validator.violations(&playbook), []);
}

#[test]
fn slips_in_every_verb_are_seen() {
    let validator = Validator::new(&editor_schema(&Fixed::load().0)).unwrap();
    let fine = |step: &str| {
        let text = format!("playbook: 1\nid: p\nsteps:\n  - {step}\n");
        validator.is_valid(&serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
    };
    assert!(fine("{ wait: 5m }"));
    for step in [
        "{ wait: soon }",
        "{ wait: { for: 5m, until: x } }",
        "{ wait: { event: done } }",
        "{ while: \"${{ true }}\", do: [{ wait: 1s }] }",
        "{ foreach: \"${{ inputs.x }}\", limit: 5 }",
        "{ foreach: [1], limit: 5, do: [{ wait: 1s }] }",
        "{ wait: 5m, retry: none }",
        "{ wait: 5m, max_parallel: 3 }",
        "{ try: [{ wait: 1s }], catch: [{ on: [broken], do: [{ wait: 1s }] }] }",
        "{ try: [{ wait: 1s }], catch: [{ on: any }] }",
        "{ dag: [{ id: a, join: some, wait: 1s }] }",
        "{ ask: { message: Which? } }",
        "{ ask: { message: Which?, form: {} } }",
        "{ approve: { message: Go?, to: { people: [ana] } } }",
        "{ approve: { message: Go?, on_timeout: wait } }",
        "{ uses: mail.send, cache: { ttl: 1h }, with: { to: [ana@corp.example], subject: Hi, body: Hi } }",
        "{ uses: mail.send }",
        "{ uses: mail.search, with: { mailbox: ana@corp.example }, rate_limit: { key: x } }",
        "{ uses: mail.search, with: { mailbox: ana@corp.example }, then: { continue: true } }",
        "{ call: other.yaml, connections: { a: 1 } }",
        "{ assert: always }",
        "{ set: {} }",
        "{ switch: [{ case: \"${{ true }}\" }] }",
        "{ parallel: { One: [{ wait: 1s }] } }",
    ] {
        assert!(!fine(step), "{step}");
    }
}

const WHOLE: &str = r#"
playbook: 1
id: whole
secrets: [vt_key]
vars: { most: 50, words: [a, b] }
connections: { mail: { kind: exchange } }
inputs: { box: { type: string, format: email } }
outputs: { n: { type: integer, value: "${{ size(vars.words) }}" } }
triggers:
  - id: reported
    mailbox: { connection: mail, mailbox: soc@corp.example, folder: inbox, every: 1m, filter: "${{ message.is_read }}" }
  - { id: nightly, cron: "0 3 * * *" }
  - { id: hook, webhook: { schema: { type: object, properties: { a: { type: string } } } } }
  - { id: said, event: { name: user_said, schema: { type: object } } }
  - { id: hand, manual: }
concurrency: { key: "${{ inputs.box }}", on_conflict: queue }
deadline: 2h
policy: { containment: { requires: approval }, max_effects: { mail.delete: 200 } }
defaults: { timeout: 30s, retry: { attempts: 3, backoff: constant, jitter: full }, rate_limit: { key: x, per: 1m, permits: 5 } }
steps:
  - id: both
    parallel: { one: [{ wait: 1s }], two: [{ wait: { until: "2026-01-01T00:00:00Z" } }] }
    on_branch_error: cancel
    output: 1
    timeout: 5m
  - id: order
    dag:
      - { id: a, uses: mail.search, with: { mailbox: "${{ inputs.box }}" }, cache: { ttl: 6h, key: "${{ inputs.box }}" } }
      - { id: b, needs: [a], join: any, wait: { for: "${{ duration(\"5m\") }}" } }
  - id: pages
    while: ${{ state.more }}
    max: 5
    as: state
    state: { more: true }
    do: [{ wait: 1s }]
    next: { more: false }
  - id: kind
    switch:
      - { case: "${{ inputs.box == \"x\" }}", do: [{ wait: 1s }], output: 1 }
      - default: { do: [{ wait: 1s }], output: 2 }
  - switch: [{ case: "${{ inputs.box == \"x\" }}", do: [{ wait: 1s }] }, { default: [] }]
  - id: safe
    try: [{ uses: mail.search, with: { mailbox: "${{ inputs.box }}" }, retry: none }]
    output: 1
    catch:
      - { on: [permission_denied, not_found], do: [{ wait: 1s }], output: 2 }
      - { on: any, do: [{ wait: 1s }], output: 3 }
    finally: [{ wait: 1s }]
  - { id: sub, call: ../other/playbook.yaml, with: { a: 1 }, connections: { theirs: mail }, then: { fail: No. } }
  - id: gate
    approve:
      message: { template: templates/ask.j2, values: { n: 1 } }
      shows: [sub]
      to: { roles: [soc-lead], not: [run.starter] }
      quorum: 2
      timeout: 30m
      on_timeout: escalate
      escalate: { to: { roles: [boss] }, timeout: 1h, on_timeout: fail }
      on_reject: continue
  - id: form
    ask:
      message: Which?
      form: { verdict: { type: string, enum: [good, bad] }, note: { type: string, default: "" }, why: { type: string, optional: true } }
      to: { roles: [soc] }
      timeout: 1h
      default: { verdict: bad }
    then: { return: { n: 1 } }
  - id: heard
    wait: { event: done, schema: { type: object }, match: "${{ event.id == \"x\" }}", timeout: 1h, on_timeout: continue }
  - { assert: "${{ inputs.box == \"x\" }}", message: Not x. }
  - uses: mail.send
    idempotency: { key: "${{ run.id }}", on_unknown: verify }
    with: { to: [ana@corp.example], subject: { template: s.j2 }, body: Hi }
  - return: { n: 1 }
  - fail: Stop.
on_error: [{ fail: "${{ error.message }}" }]
finally: [{ wait: 1s }]
"#;
