//! Folders and what is in them: what the actions promise beyond the battery.

use action_api::plan::FailureKind;
use serde_json::{Value, json};

use crate::bench::Bench;

const ALICE: &str = "alice@corp.example";

fn run(bench: &Bench, action: &str, input: Value) -> Value {
    bench.run(action, &input).unwrap().output
}

fn paths(bench: &Bench, input: Value) -> Vec<String> {
    let found = run(bench, "folder.find", input);
    let list = found["folders"].as_array().unwrap();
    list.iter().map(|folder| folder["path"].as_str().unwrap_or("?").to_owned()).collect()
}

#[test]
fn a_folder_says_what_and_where_it_is() {
    let bench = Bench::new();
    let inbox = run(&bench, "folder.get", json!({ "mailbox": ALICE, "folder": "inbox" }))["folder"].clone();
    assert_eq!((&inbox["path"], &inbox["well_known"]), (&json!("Inbox"), &json!("inbox")));
    assert_eq!((&inbox["total_count"], &inbox["unread_count"]), (&json!(2), &json!(2)));
    let closed = json!({ "mailbox": ALICE, "folder": "Inbox/Closed" });
    let closed = run(&bench, "folder.get", closed)["folder"].clone();
    assert_eq!(closed["path"], json!("Inbox/Closed"));
    assert_eq!((&closed["parent"], &closed["well_known"]), (&inbox["folder"], &json!(null)));
    let again = json!({ "mailbox": ALICE, "folder": closed["folder"] });
    assert_eq!(run(&bench, "folder.get", again)["folder"], closed);
    let everything = run(&bench, "folder.get", json!({ "mailbox": ALICE }))["folder"].clone();
    assert_eq!(everything["path"], json!(null));
    assert!(everything["total_count"].as_u64().is_some_and(|count| count >= 2), "{everything}");
    let absent = json!({ "mailbox": ALICE, "folder": "Inbox/Nowhere" });
    assert_eq!(bench.run("folder.get", &absent).unwrap_err().kind, FailureKind::NotFound);
}

#[test]
fn folders_are_found_by_level_and_hidden_ones_only_if_asked_for() {
    let bench = Bench::new();
    bench.organisation.make_folder(ALICE, &["Inbox", "Closed", "2026"], false).unwrap();
    bench.organisation.make_folder(ALICE, &["Secret"], true).unwrap();
    bench.organisation.make_folder(ALICE, &["Secret", "a/b"], false).unwrap();
    let inbox = json!({ "mailbox": ALICE, "root": "inbox" });
    assert_eq!(paths(&bench, inbox.clone()), ["Inbox/Closed", "Inbox/Closed/2026"]);
    let mut near = inbox;
    near["depth"] = json!(1);
    assert_eq!(paths(&bench, near), ["Inbox/Closed"]);
    let all = paths(&bench, json!({ "mailbox": ALICE }));
    assert!(
        all.contains(&"Inbox/Closed/2026".to_owned()) && !all.iter().any(|path| path == "Secret"),
        "{all:?}"
    );
    let with_hidden = paths(&bench, json!({ "mailbox": ALICE, "hidden": true }));
    assert_eq!(with_hidden.len(), all.len() + 2, "{with_hidden:?}");
    assert!(with_hidden.contains(&"Secret".to_owned()) && with_hidden.contains(&"?".to_owned()));
    let two = run(&bench, "folder.find", json!({ "mailbox": ALICE, "limit": 2 }));
    assert_eq!((two["folders"].as_array().unwrap().len(), &two["truncated"]), (2, &json!(true)));
    let flat = paths(&bench, json!({ "mailbox": ALICE, "depth": 2, "limit": 100 }));
    assert!(flat.iter().all(|path| path.split('/').count() <= 2), "{flat:?}");
}

#[test]
fn a_folder_is_made_once_and_taken_back_while_it_is_empty() {
    let bench = Bench::new();
    let input = json!({ "mailbox": ALICE, "name": "Phishing", "parent": "inbox" });
    let made = bench.run("folder.create", &input).unwrap();
    assert_eq!(made.output["created"], json!(true));
    assert_eq!(made.output["folder"]["path"], json!("Inbox/Phishing"));
    let mut other_case = input.clone();
    other_case["name"] = json!("PHISHING");
    let again = bench.run("folder.create", &other_case).unwrap();
    assert_eq!((&again.output["created"], &again.inverse.is_none()), (&json!(false), &true));
    assert_eq!(again.output["folder"], made.output["folder"]);

    let into = json!({ "mailbox": ALICE, "item_id": "AAMkAGExamplePhish=", "folder": "Inbox/Phishing" });
    let moved = bench.run("mail.move", &into).unwrap();
    let inverse = made.inverse.unwrap();
    let failure = bench.run(&inverse.action, &inverse.input).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Conflict);
    assert!(failure.message.contains("1 items"), "{}", failure.message);
    let back = moved.inverse.unwrap();
    bench.run(&back.action, &back.input).unwrap();
    assert_eq!(bench.run(&inverse.action, &inverse.input).unwrap().output["result"], json!("deleted"));
    assert_eq!(paths(&bench, json!({ "mailbox": ALICE, "root": "inbox" })), ["Inbox/Closed"]);
    let again = bench.run(&inverse.action, &inverse.input).unwrap().output;
    assert_eq!(again["result"], json!("already_gone"), "it lies in Deleted Items, and stays there");
    let trash = paths(&bench, json!({ "mailbox": ALICE, "root": "deleteditems" }));
    assert_eq!(trash, ["Deleted Items/Phishing"]);
}

#[test]
fn only_an_empty_folder_is_deleted_unless_asked_and_none_that_every_mailbox_has() {
    let bench = Bench::new();
    bench.organisation.make_folder(ALICE, &["Inbox", "Closed", "2026"], false).unwrap();
    let mut input = json!({ "mailbox": ALICE, "folder": "Inbox/Closed" });
    assert_eq!(bench.run("folder.delete", &input).unwrap_err().kind, FailureKind::Conflict);
    input["if_not_empty"] = json!("delete");
    let deleted = bench.run("folder.delete", &input).unwrap();
    assert_eq!((&deleted.output["children_count"], deleted.inverse.is_none()), (&json!(1), true));
    let trash = paths(&bench, json!({ "mailbox": ALICE, "root": "deleteditems" }));
    assert_eq!(trash, ["Deleted Items/Closed", "Deleted Items/Closed/2026"]);
    assert_eq!(bench.run("folder.delete", &input).unwrap().output["result"], json!("already_gone"));
    for known in ["inbox", "deleteditems", "msgfolderroot"] {
        let input = json!({ "mailbox": ALICE, "folder": known, "if_not_empty": "delete" });
        assert_eq!(bench.run("folder.delete", &input).unwrap_err().kind, FailureKind::Invalid, "{known}");
    }
    let nobody = json!({ "mailbox": "nobody@corp.example", "folder": "Inbox/Closed" });
    assert_eq!(bench.run("folder.delete", &nobody).unwrap_err().kind, FailureKind::NotFound);
}

#[test]
fn an_empty_folder_that_was_deleted_is_made_again() {
    let bench = Bench::new();
    let deleted = bench.run("folder.delete", &json!({ "mailbox": ALICE, "folder": "Inbox/Closed" })).unwrap();
    assert!(paths(&bench, json!({ "mailbox": ALICE, "root": "inbox" })).is_empty());
    let inverse = deleted.inverse.unwrap();
    assert_eq!(bench.run(&inverse.action, &inverse.input).unwrap().output["created"], json!(true));
    assert_eq!(paths(&bench, json!({ "mailbox": ALICE, "root": "inbox" })), ["Inbox/Closed"]);
}

#[test]
fn a_folder_is_listed_page_by_page_with_the_mails_attached() {
    let bench = Bench::new();
    let page = |offset: u32| {
        let input = json!({ "mailbox": ALICE, "folder": "inbox", "limit": 1, "offset": offset, "attached_mails": true });
        run(&bench, "mail.list_folder", input)
    };
    let (first, second) = (page(0), page(1));
    assert_eq!((&first["total"], &first["next_offset"]), (&json!(2), &json!(1)));
    assert_eq!((&second["total"], &second["next_offset"]), (&json!(2), &json!(null)));
    let (report, other) = if first["messages"][0]["subject"] == "Overdue invoice" {
        (&first, &second)
    } else {
        (&second, &first)
    };
    assert_eq!(other["attached_mails"], json!([]));
    let mails = report["attached_mails"].as_array().unwrap();
    assert_eq!((mails.len(), &mails[0]["item_id"]), (1, &report["messages"][0]["item_id"]));
    assert_eq!(mails[0]["content"]["media_type"], json!("message/rfc822"));
    assert!(String::from_utf8(bench.bytes(&mails[0]["content"])).unwrap().contains("Subject: Inner"));
    let plain = run(&bench, "mail.list_folder", json!({ "mailbox": ALICE, "folder": "inbox" }));
    assert_eq!((plain["messages"].as_array().unwrap().len(), &plain["attached_mails"]), (2, &json!([])));
    let empty = run(&bench, "mail.list_folder", json!({ "mailbox": ALICE, "folder": "Inbox/Closed" }));
    assert_eq!((&empty["messages"], &empty["total"]), (&json!([]), &json!(0)));
}
