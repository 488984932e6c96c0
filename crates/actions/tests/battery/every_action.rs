//! What must hold for every action of the catalogue, tried on each against the simulator.

use std::sync::Arc;
use std::time::Duration;

use crate::bench::Bench;
use action_api::plan::{Effect, FailureKind, Repeat};
use action_api::{ActionSource, Probe, Spec, Validator, conformance};
use exchange::Ports;
use exchange_sim::EffectKind;
use serde_json::{Value, json};

fn specs() -> Vec<Arc<Spec>> {
    portcullis_actions::exchange(|_| Ok(Ports::default())).specs()
}

/// Every object schema in a schema, with its place.
fn objects<'s>(schema: &'s Value, place: &str, found: &mut Vec<(String, &'s Value)>) {
    match schema {
        Value::Object(fields) => {
            if fields.get("properties").is_some_and(Value::is_object) {
                found.push((place.to_owned(), schema));
            }
            fields.iter().for_each(|(key, inner)| objects(inner, &format!("{place}/{key}"), found));
        }
        Value::Array(items) => items.iter().for_each(|inner| objects(inner, place, found)),
        _ => {}
    }
}

#[test]
fn declarations_are_closed_and_documented() {
    let source = portcullis_actions::exchange(|_| Ok(Ports::default()));
    assert_eq!(conformance::all(&source), Ok(()));
    for spec in source.specs() {
        let local = spec.name.starts_with("hash.");
        assert_eq!(spec.connection.as_deref(), (!local).then_some("exchange"), "{}", spec.name);
        assert_eq!(spec.ports.is_empty(), local, "{}", spec.name);
    }
}

#[test]
fn selectors_and_recipients_are_guarded() {
    let kinds = [
        ("mailbox", "mailbox"),
        ("folder", "folder"),
        ("item_id", "item"),
        ("item_ids", "item"),
        ("to", "recipient"),
        ("cc", "recipient"),
        ("bcc", "recipient"),
        ("reply_to", "recipient"),
        ("only_to", "recipient"),
    ];
    for spec in specs() {
        for (property, kind) in kinds {
            let schema = &spec.input["properties"][property];
            if schema.is_object() {
                let guard = schema.get("x-guard").or_else(|| schema["items"].get("x-guard"));
                assert_eq!(guard, Some(&json!(kind)), "{} {property}", spec.name);
            }
        }
    }
    let search = specs().into_iter().find(|spec| spec.name == "mail.search").unwrap();
    assert!(
        !search.input["properties"]["query"].to_string().contains("x-guard"),
        "a query is data, not text"
    );
    let send = specs().into_iter().find(|spec| spec.name == "mail.send").unwrap();
    assert_eq!(send.input["properties"]["from"]["x-guard"], json!("mailbox"));
    for whole in ["raw_message", "raw_mime"] {
        assert_eq!(send.input["properties"][whole]["x-guard"], json!("header"), "{whole}");
    }
    let header = &send.input["properties"]["headers"]["items"]["properties"];
    assert_eq!(
        (&header["name"]["x-guard"], &header["value"]["x-guard"]),
        (&json!("header"), &json!("header"))
    );
}

#[test]
fn lists_of_things_to_change_are_marked_to_be_counted() {
    for spec in specs() {
        for (name, property) in spec.input["properties"].as_object().unwrap() {
            let items = &property["items"];
            let inside = |field: &str| items["properties"][field]["x-guard"].as_str();
            let named = inside("item_id").or(inside("internet_message_id")).or(inside("mailbox"));
            let guard = items["x-guard"].as_str().or(named);
            let targets =
                spec.effect.changes() && matches!(guard, Some("item" | "attachment" | "rule" | "mailbox"));
            assert_eq!(property["x-effect-items"] == json!(true), targets, "{} {name}", spec.name);
        }
    }
}

#[test]
fn what_a_sender_wrote_is_marked() {
    let written =
        ["subject", "from", "text_body", "html_body", "headers", "name", "content_type", "content_id"];
    for spec in specs().iter().filter(|spec| spec.effect == Effect::Enrichment) {
        let mut found = Vec::new();
        objects(&spec.output, "output", &mut found);
        for (place, object) in found {
            for name in written {
                let property = &object["properties"][name];
                let marked = property["x-untrusted"] == json!(true) || object["x-untrusted"] == json!(true);
                assert!(!property.is_object() || marked, "{} {place}/{name}", spec.name);
            }
        }
    }
}

#[test]
fn examples_run_and_obey_their_schemas() {
    for spec in specs() {
        let (input, output) = (Validator::new(&spec.input).unwrap(), Validator::new(&spec.output).unwrap());
        for example in &spec.examples {
            assert!(input.is_valid(&example.input), "{}: {}", spec.name, example.title);
            let bench = Bench::new();
            let outcome = bench.run(&spec.name, &example.input).unwrap();
            let broken = output.violations(&outcome.output);
            assert!(broken.is_empty(), "{}: {}: {broken:?}", spec.name, example.title);
            let same = example.output.is_null() || example.output == outcome.output;
            assert!(same, "{}: {}: {}", spec.name, example.title, outcome.output);
        }
    }
}

#[test]
fn what_reads_changes_nothing() {
    for spec in specs().iter().filter(|spec| !spec.effect.changes()) {
        for example in &spec.examples {
            let bench = Bench::new();
            let before = bench.organisation.snapshot();
            bench.run(&spec.name, &example.input).unwrap();
            assert_eq!(bench.organisation.snapshot(), before, "{}", spec.name);
            assert!(bench.organisation.ledger().effects.is_empty(), "{}", spec.name);
        }
    }
}

#[test]
fn what_changes_is_seen_to_change() {
    for spec in specs().iter().filter(|spec| spec.effect.changes()) {
        let bench = Bench::new();
        let before = bench.organisation.snapshot();
        bench.run(&spec.name, &spec.examples[0].input).unwrap();
        assert_ne!(bench.organisation.snapshot(), before, "{}", spec.name);
    }
}

#[test]
fn natural_actions_can_be_repeated() {
    for spec in specs().iter().filter(|spec| spec.repeat == Repeat::Natural) {
        for example in &spec.examples {
            let bench = Bench::new();
            let first = bench.run(&spec.name, &example.input).unwrap();
            let state = bench.state();
            let second = bench.attempt(&spec.name, &example.input, 2).unwrap();
            assert_eq!(bench.state(), state, "{}", spec.name);
            if !spec.effect.changes() {
                assert_eq!(first, second, "{}", spec.name);
            }
        }
    }
}

#[test]
fn verify_actions_know_what_they_did_and_never_double() {
    for spec in specs().iter().filter(|spec| spec.repeat == Repeat::Verify) {
        let bench = Bench::new();
        let input = &spec.examples[0].input;
        let before = bench.probe(&spec.name, input).unwrap();
        let not_done = matches!(before, Probe::NotDone | Probe::NotYet { settle: Duration::ZERO });
        assert!(not_done, "{} before: {before:?}", spec.name);
        bench.run(&spec.name, input).unwrap();
        let state = bench.organisation.snapshot();
        let Probe::Done(outcome) = bench.probe(&spec.name, input).unwrap() else {
            panic!("{} does not know that it is done", spec.name);
        };
        let output = Validator::new(&spec.output).unwrap();
        assert!(output.is_valid(&outcome.output), "{}: {}", spec.name, outcome.output);
        bench.attempt(&spec.name, input, 2).unwrap();
        assert_eq!(bench.organisation.snapshot(), state, "{} was done twice", spec.name);
        assert!(
            bench.count(EffectKind::Sent) + bench.count(EffectKind::Moved)
                <= 1 + u64::from(spec.effect == Effect::Notification),
            "{}",
            spec.name
        );
    }
}

const PORTS: &[&str] = &[
    "search",
    "read",
    "attachments",
    "move",
    "delete",
    "update",
    "submit",
    "detach",
    "junk",
    "rules",
    "automatic_replies",
    "calendar",
    "copy",
    "directory",
    "discovery",
    "transfer",
    "drafts",
    "folders",
    "groups",
    "contacts",
    "mailboxes",
    "properties",
];

/// Takes one port away.
fn without(port: &str, mut ports: Ports) -> Ports {
    match port {
        "search" => ports.search = None,
        "read" => ports.read = None,
        "attachments" => ports.attachments = None,
        "move" => ports.moves = None,
        "delete" => ports.delete = None,
        "update" => ports.update = None,
        "submit" => ports.submit = None,
        "detach" => ports.detach = None,
        "junk" => ports.junk = None,
        "rules" => ports.rules = None,
        "automatic_replies" => ports.automatic_replies = None,
        "copy" => ports.copies = None,
        "calendar" => ports.calendar = None,
        "directory" => ports.directory = None,
        "discovery" => ports.discovery = None,
        "transfer" => ports.transfer = None,
        "drafts" => ports.drafts = None,
        "folders" => ports.folders = None,
        "groups" => ports.groups = None,
        "contacts" => ports.contacts = None,
        "mailboxes" => ports.mailboxes = None,
        "properties" => ports.properties = None,
        other => panic!("there is no port {other}"),
    }
    ports
}

#[test]
fn a_missing_port_is_refused_by_name_before_anything_happens() {
    for spec in specs() {
        for port in &spec.ports {
            let bench = Bench::over(|ports| without(port, ports));
            let before = bench.organisation.snapshot();
            let failure = bench.run(&spec.name, &spec.examples[0].input).unwrap_err();
            assert_eq!(failure.kind, FailureKind::PermissionDenied, "{}", spec.name);
            assert!(failure.message.contains(&format!("`{port}`")), "{}", failure.message);
            assert_eq!(bench.organisation.snapshot(), before, "{} without {port}", spec.name);
        }
        let unused = PORTS.iter().filter(|port| !spec.ports.iter().any(|used| used == *port));
        let bench = Bench::over(|ports| unused.clone().fold(ports, |ports, port| without(port, ports)));
        let outcome = bench.run(&spec.name, &spec.examples[0].input);
        assert!(outcome.is_ok(), "{} uses a port and does not say so: {outcome:?}", spec.name);
    }
}

#[test]
fn unknown_fields_are_refused() {
    for spec in specs() {
        let mut input = spec.examples[0].input.clone();
        input["surprise"] = json!(1);
        let bench = Bench::new();
        assert_eq!(bench.run(&spec.name, &input).unwrap_err().kind, FailureKind::Invalid, "{}", spec.name);
        assert!(bench.organisation.ledger().effects.is_empty(), "{}", spec.name);
    }
}
