//! Nothing is deleted by accident (P17), and what is deleted is told apart.

use crate::bench::Bench;
use action_api::ActionSource;
use action_api::plan::FailureKind;
use exchange_sim::EffectKind;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

const ID: &str = "AAMkAGExamplePhish=";

/// What an expression gives when it went wrong, and what an attacker would like to be a selector.
fn hostile() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "",
        " ",
        "\t",
        "\n",
        "\u{a0}",
        "\u{200b}",
        "*",
        "%",
        "?",
        "**",
        ".",
        "..",
        "/",
        "\\",
        "null",
        "None",
        "undefined",
        "[]",
        "{}",
        "inbox",
        "allitems",
        "AllItems",
        "msgfolderroot",
        "true",
        "' OR 1=1",
        "\" OR \"",
        "subject:*",
        "from:*",
        "<>",
        "1=1",
        "id:",
        "AAMk*",
        "${{ steps.x }}",
        "alice@corp.example",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        words.prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "[ \t\r\n]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_*]{0,8}", inner, 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// The whole input with a hostile selector somewhere in it.
fn input() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => hostile().prop_map(|ids| json!({ "mailbox": "alice@corp.example", "item_ids": ids })),
        3 => prop::collection::vec(hostile(), 0..5)
            .prop_map(|ids| json!({ "mailbox": "alice@corp.example", "item_ids": ids })),
        1 => hostile().prop_map(|mailbox| json!({ "mailbox": mailbox, "item_ids": [] })),
        1 => prop::sample::select(vec![Value::Null, json!(""), json!(" "), json!("*"), json!([]), json!({}), json!(7)])
            .prop_map(|bad| json!({ "mailbox": "alice@corp.example", "item_ids": [ID, bad] })),
        1 => hostile().prop_filter("no mode", |mode| !matches!(mode.as_str(), Some("trash" | "soft" | "hard")))
            .prop_map(|mode| json!({ "mailbox": "alice@corp.example", "item_ids": [ID], "mode": mode })),
        1 => hostile(),
    ]
}

#[test]
fn ten_thousand_hostile_selectors_delete_nothing() {
    let bench = Bench::new();
    let before = bench.organisation.snapshot();
    let config = Config { cases: 10_000, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&input(), |input| {
            let _ = bench.run("mail.delete", &input);
            prop_assert_eq!(bench.count(EffectKind::Deleted), 0);
            Ok(())
        })
        .unwrap();
    assert_eq!(bench.organisation.snapshot(), before);
}

/// What an action deletes by, for every action that deletes: a working input, and its selectors.
fn destructive() -> Vec<(&'static str, Value, &'static [&'static str])> {
    vec![
        ("mail.delete", json!({ "mailbox": "alice@corp.example", "item_ids": [ID] }), &["item_ids"]),
        (
            "mail.delete",
            json!({ "items": [{ "mailbox": "alice@corp.example", "item_id": ID }] }),
            &["items", "item_ids", "mailbox"],
        ),
        (
            "mail.delete_attachments",
            json!({ "mailbox": "alice@corp.example", "item_id": ID, "attachment_ids": ["AAMkExample="] }),
            &["item_id", "attachment_ids"],
        ),
        (
            "mail.delete_attachments",
            json!({ "items": [{ "mailbox": "alice@corp.example", "item_id": ID }] }),
            &["items", "item_id", "attachment_ids", "mailbox"],
        ),
        (
            "mail.move_between_mailboxes",
            json!({ "mailbox": "alice@corp.example", "item_id": ID, "destination_mailbox": "soc@corp.example" }),
            &["item_id", "destination_mailbox"],
        ),
        (
            "mail.move_between_mailboxes",
            json!({
                "items": [{ "mailbox": "alice@corp.example", "item_id": ID }],
                "destination_mailbox": "soc@corp.example"
            }),
            &["items", "item_id", "destination_mailbox", "mailbox"],
        ),
        (
            "calendar.delete_event",
            json!({ "mailbox": "alice@corp.example", "external_key": "shift-4710" }),
            &["external_key", "event_id"],
        ),
        (
            "calendar.delete_event",
            json!({ "items": [{ "mailbox": "alice@corp.example", "event_id": "AAMkAGExampleMeeting=" }] }),
            &["items", "event_id", "mailbox"],
        ),
        (
            "draft.delete",
            json!({ "mailbox": "alice@corp.example", "item_id": "AAMkAGExampleDraft=" }),
            &["item_id"],
        ),
        (
            "folder.delete",
            json!({ "mailbox": "alice@corp.example", "folder": "Inbox/Closed", "if_not_empty": "delete" }),
            &["folder"],
        ),
        (
            "folder.delete",
            json!({
                "items": [{ "mailbox": "alice@corp.example", "folder": "Inbox/Closed" }], "if_not_empty": "delete"
            }),
            &["items", "folder", "mailbox"],
        ),
        (
            "inbox_rule.remove",
            json!({ "mailbox": "alice@corp.example", "rule_id": "ExampleRule=" }),
            &["rule_id"],
        ),
    ]
}

#[test]
fn whatever_declares_that_it_deletes_is_tried_here() {
    let specs = portcullis_actions::exchange(|_| Ok(exchange::Ports::default()));
    let mut deletes: Vec<String> =
        specs.specs().iter().filter(|spec| spec.deletes()).map(|spec| spec.name.clone()).collect();
    let mut tried: Vec<&str> = destructive().iter().map(|(action, ..)| *action).collect();
    deletes.sort();
    tried.sort_unstable();
    tried.dedup();
    assert_eq!(deletes, tried);
}

#[test]
fn ten_thousand_hostile_selectors_of_every_destructive_action_change_nothing() {
    let config = || Config { cases: 10_000, failure_persistence: None, ..Config::default() };
    for (action, sound, selectors) in destructive() {
        let bench = Bench::new();
        let before = bench.organisation.snapshot();
        let which = prop::sample::select(selectors.to_vec());
        let values =
            (which, prop_oneof![hostile(), prop::collection::vec(hostile(), 0..5).prop_map(Value::from)]);
        TestRunner::new(config())
            .run(&values, |(selector, value)| {
                let mut input = sound.clone();
                input[selector] = value;
                // An id that merely is not there may count as gone already; what counts is that nothing happens.
                let _ = bench.run(action, &input);
                prop_assert_eq!(bench.organisation.ledger().effects.len(), 0, "{} took {}", action, input);
                Ok(())
            })
            .unwrap();
        assert_eq!(bench.organisation.snapshot(), before, "{action}");
        let required = sound
            .as_object()
            .unwrap()
            .keys()
            .filter(|name| !["attachment_ids", "if_not_empty"].contains(&name.as_str()));
        for name in required {
            let mut input = sound.clone();
            input.as_object_mut().unwrap().remove(name);
            assert!(bench.run(action, &input).is_err(), "{action} without {name}");
        }
        assert_eq!(bench.organisation.snapshot(), before, "{action}");
    }
}

#[test]
fn empty_blank_and_null_selectors_are_refused_before_a_request() {
    let bench = Bench::over(|mut ports| {
        // Whoever reached a port would fail with another kind.
        ports.delete = None;
        ports
    });
    for ids in [
        json!(null),
        json!([]),
        json!([null]),
        json!([""]),
        json!([" "]),
        json!(["*"]),
        json!(""),
        json!("*"),
    ] {
        let failure = bench
            .run("mail.delete", &json!({ "mailbox": "alice@corp.example", "item_ids": ids }))
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid, "{ids}");
    }
    let many: Vec<String> = (0..1001).map(|n| format!("AAMk{n}")).collect();
    let failure =
        bench.run("mail.delete", &json!({ "mailbox": "alice@corp.example", "item_ids": many })).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Invalid, "more than 1,000");
}

#[test]
fn deleted_and_already_gone_are_told_apart() {
    let bench = Bench::new();
    let input = json!({ "mailbox": "alice@corp.example", "item_ids": [ID, ID] });
    let first = bench.run("mail.delete", &input).unwrap().output;
    assert_eq!((&first["deleted"], &first["already_gone"]), (&json!(1), &json!(0)));
    assert_eq!(first["results"].as_array().unwrap().len(), 1, "an id twice counts once");
    let again = bench.attempt("mail.delete", &input, 2).unwrap().output;
    assert_eq!((&again["deleted"], &again["already_gone"]), (&json!(0), &json!(1)));
    assert_eq!(again["results"][0]["result"], json!("already_gone"));
    assert_eq!(bench.count(EffectKind::Deleted), 1);
}

#[test]
fn soft_is_the_mode_unless_told_otherwise() {
    let bench = Bench::new();
    bench.run("mail.delete", &json!({ "mailbox": "alice@corp.example", "item_ids": [ID] })).unwrap();
    let ledger = bench.organisation.ledger();
    assert_eq!(ledger.effects[0].mode.as_deref(), Some("soft"));
}

#[test]
fn an_item_of_another_mailbox_is_not_touched() {
    let bench = Bench::new();
    let before = bench.organisation.snapshot();
    let _ = bench.run("mail.delete", &json!({ "mailbox": "soc@corp.example", "item_ids": [ID] }));
    assert_eq!(bench.organisation.snapshot(), before);
}
