//! What people put on messages, blocked senders and rules: what the actions promise beyond the battery.

use action_api::plan::FailureKind;
use exchange::{FolderRef, WellKnownFolder};
use serde_json::{Value, json};

use crate::bench::Bench;

const ALICE: &str = "alice@corp.example";
const ID: &str = "AAMkAGExamplePhish=";

fn update(fields: Value) -> Value {
    let mut input = json!({ "mailbox": ALICE, "item_id": ID });
    input.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    input
}

#[test]
fn categories_are_added_taken_away_and_set_and_come_back() {
    let bench = Bench::new();
    let before = bench.state();
    let categories = |fields: Value| {
        let outcome = bench.run("mail.update", &update(json!({ "categories": fields }))).unwrap();
        (outcome.output["now"]["categories"].clone(), outcome)
    };
    let (now, first) = categories(json!({ "add": ["New", "Red"] }));
    assert_eq!(now, json!(["New", "Red"]));
    let (now, second) = categories(json!({ "add": ["RED", "Blue"], "remove": ["new"] }));
    assert_eq!(now, json!(["Red", "Blue"]));
    let (now, third) = categories(json!({ "add": ["red"] }));
    assert_eq!(
        (now, &third.output["changed"], third.inverse.is_none()),
        (json!(["Red", "Blue"]), &json!(false), true)
    );
    let (now, fourth) = categories(json!({ "set": ["Only"] }));
    assert_eq!(now, json!(["Only"]));
    for outcome in [fourth, second, first] {
        let inverse = outcome.inverse.unwrap();
        bench.run(&inverse.action, &inverse.input).unwrap();
    }
    assert_eq!(bench.state(), before);
}

#[test]
fn flag_and_importance_are_set_and_come_back() {
    let bench = Bench::new();
    let before = bench.state();
    let set = bench.run("mail.update", &update(json!({ "flag": "flagged", "importance": "high" }))).unwrap();
    assert_eq!(set.output["before"]["flag"], json!("not_flagged"));
    assert_eq!(
        (&set.output["now"]["flag"], &set.output["now"]["importance"]),
        (&json!("flagged"), &json!("high"))
    );
    assert_ne!(bench.state(), before);
    let inverse = set.inverse.unwrap();
    assert_eq!(inverse.input["importance"], json!("normal"));
    assert!(inverse.input.get("categories").is_none() && inverse.input.get("subject").is_none());
    bench.run(&inverse.action, &inverse.input).unwrap();
    assert_eq!(bench.state(), before);
}

#[test]
fn only_a_draft_gets_another_subject() {
    let bench = Bench::new();
    let refused =
        bench.run("mail.update", &update(json!({ "subject": "Other", "flag": "flagged" }))).unwrap_err();
    assert_eq!(refused.kind, FailureKind::Invalid);
    let same = bench.run("mail.update", &update(json!({ "subject": "Overdue invoice" }))).unwrap();
    assert_eq!(same.output["changed"], json!(false));
    let drafts = FolderRef::WellKnown(WellKnownFolder::Drafts);
    let draft = bench
        .organisation
        .deliver(ALICE, &drafts, "To: bob@corp.example\r\nSubject: Old\r\n\r\nx\r\n")
        .unwrap();
    let input = json!({ "mailbox": ALICE, "item_id": draft, "subject": "New" });
    let changed = bench.run("mail.update", &input).unwrap();
    assert_eq!(
        (&changed.output["before"]["subject"], &changed.output["now"]["subject"]),
        (&json!("Old"), &json!("New"))
    );
    assert_eq!(changed.inverse.unwrap().input["subject"], json!("Old"));
}

#[test]
fn an_update_of_nothing_or_in_two_ways_is_refused() {
    let bench = Bench::new();
    let before = bench.organisation.snapshot();
    for fields in [
        json!({}),
        json!({ "categories": {} }),
        json!({ "categories": { "add": [" "] } }),
        json!({ "categories": { "add": ["a"], "remove": ["A"] } }),
        json!({ "categories": { "set": ["a"], "add": ["b"] } }),
        json!({ "flag": null }),
        json!({ "importance": "urgent" }),
        json!({ "subject": "two\nlines" }),
    ] {
        let failure = bench.run("mail.update", &update(fields.clone())).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid, "{fields}");
    }
    assert_eq!(bench.organisation.snapshot(), before);
    let gone = json!({ "mailbox": ALICE, "item_id": "AAAA", "flag": "flagged" });
    assert!(bench.run("mail.update", &gone).is_err());
}

#[test]
fn a_sender_is_blocked_by_a_message_that_stays() {
    let bench = Bench::new();
    let before = bench.state();
    let input = json!({ "mailbox": ALICE, "item_id": ID });
    let blocked = bench.run("sender.block", &input).unwrap();
    assert_eq!(
        (&blocked.output["sender"]["address"], &blocked.output["blocked"]),
        (&json!("billing@evil.test"), &json!(true))
    );
    assert!(bench.organisation.snapshot().contains("\"blocked_senders\": [\n      \"billing@evil.test\""));
    let inverse = blocked.inverse.unwrap();
    assert_eq!(inverse.action, "sender.unblock");
    let back = bench.run(&inverse.action, &inverse.input).unwrap();
    assert_eq!(
        (&back.output["blocked"], &back.inverse.unwrap().action),
        (&json!(false), &"sender.block".to_owned())
    );
    assert_eq!(bench.state(), before);
    let gone = json!({ "mailbox": ALICE, "item_id": "AAAA" });
    assert!(bench.run("sender.block", &gone).is_err());
}

#[test]
fn a_rule_says_whether_mail_leaves_or_goes_where_nobody_looks() {
    let bench = Bench::new();
    let feeds = "rules:\n  - name: junk\n    priority: 3\n    actions: { move_to_folder: Junk Email }\n  - name: plain\n    priority: 4\n    actions: { move_to_folder: Inbox/Closed }\n";
    bench.organisation.configure(ALICE, feeds).unwrap();
    let list = bench.run("inbox_rule.list", &json!({ "mailbox": ALICE })).unwrap().output;
    let rules = list["rules"].as_array().unwrap();
    let flags: Vec<(&Value, &Value, &Value)> = rules
        .iter()
        .map(|rule| (&rule["name"], &rule["forwards_externally"], &rule["moves_to_hidden_folder"]))
        .collect();
    let (yes, no) = (&json!(true), &json!(false));
    assert_eq!(
        flags,
        [
            (&json!("."), yes, no),
            (&json!("Newsletters off"), no, yes),
            (&json!("junk"), no, yes),
            (&json!("plain"), no, no),
        ]
    );
    let one = json!({ "mailbox": ALICE, "rule_id": rules[0]["rule_id"] });
    assert_eq!(bench.run("inbox_rule.get", &one).unwrap().output["rule"], rules[0]);
    let gone = json!({ "mailbox": ALICE, "rule_id": "AAAA" });
    assert_eq!(bench.run("inbox_rule.get", &gone).unwrap_err().kind, FailureKind::NotFound);
}
