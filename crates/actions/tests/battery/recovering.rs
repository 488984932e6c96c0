//! What was done can be taken back: deletions, junk marks, rules, automatic replies.

use crate::bench::Bench;
use std::sync::Arc;

use action_api::plan::FailureKind;
use action_api::{Outcome, Probe};
use exchange::port::{Delete, PerItem, Work};
use exchange::{DeleteMode, Error, ErrorKind, ItemRef, Mailbox};
use exchange_sim::EffectKind;
use serde_json::{Value, json};

const ID: &str = "AAMkAGExamplePhish=";

fn run(bench: &Bench, action: &str, input: Value) -> Outcome {
    bench.run(action, &input).unwrap()
}

fn count(bench: &Bench, folder: &str, subject: &str) -> Value {
    let input = json!({ "mailbox": "alice@corp.example", "folder": folder, "query": { "subject": subject } });
    run(bench, "mail.search", input).output["total"].clone()
}

/// Takes an outcome back.
fn undo(bench: &Bench, outcome: Outcome) -> Outcome {
    let inverse = outcome.inverse.expect("an inverse");
    bench.run(&inverse.action, &inverse.input).unwrap()
}

#[test]
fn a_soft_deletion_and_one_to_the_trash_are_taken_back() {
    for mode in ["soft", "trash"] {
        let bench = Bench::new();
        run(
            &bench,
            "mail.move",
            json!({ "mailbox": "alice@corp.example", "item_id": ID, "folder": "drafts" }),
        );
        let found =
            run(&bench, "mail.search", json!({ "mailbox": "alice@corp.example", "folder": "drafts" }));
        let id = found.output["messages"][0]["item_id"].clone();
        let input = json!({ "mailbox": "alice@corp.example", "item_ids": [id], "mode": mode });
        let deleted = run(&bench, "mail.delete", input.clone());
        assert_eq!(count(&bench, "drafts", "Overdue invoice"), json!(0));
        let inverse = deleted.inverse.clone().unwrap();
        assert_eq!(undo(&bench, deleted).output["recovered"], json!(1), "{mode}");
        assert_eq!(
            count(&bench, "drafts", "Overdue invoice"),
            json!(1),
            "back where it was, and not in the inbox"
        );
        let again = bench.attempt(&inverse.action, &inverse.input, 2).unwrap().output;
        assert_eq!((&again["recovered"], &again["already_there"]), (&json!(0), &json!(1)));
        // What is gone already has nothing to bring back.
        assert!(run(&bench, "mail.delete", input).inverse.is_none());
    }
    let bench = Bench::new();
    let hard = json!({ "mailbox": "alice@corp.example", "item_ids": [ID], "mode": "hard" });
    assert!(run(&bench, "mail.delete", hard).inverse.is_none());
}

#[test]
fn of_several_with_one_message_id_the_one_that_was_received_then_comes_back() {
    let bench = Bench::new();
    let copy = |day: u8| {
        format!(
            "Received: from a by b; {day:02} Nov 2026 07:00:00 +0000\r\nSubject: Twin {day}\r\nMessage-ID: <twin@x.test>\r\n\r\nx\r\n"
        )
    };
    let dumpster = exchange::FolderRef::WellKnown(exchange::WellKnownFolder::RecoverableItemsDeletions);
    for day in [1, 2, 3] {
        bench.organisation.deliver("alice@corp.example", &dumpster, copy(day)).unwrap();
    }
    let wanted = |more: Value| {
        let mut message = json!({ "internet_message_id": "<twin@x.test>" });
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "mailbox": "alice@corp.example", "messages": [message] })
    };
    run(&bench, "mail.recover", wanted(json!({ "received_at": "2026-11-02T07:00:00Z" })));
    assert_eq!(count(&bench, "inbox", "Twin 2"), json!(1));
    let failure =
        bench.run("mail.recover", &wanted(json!({ "received_at": "2026-10-02T07:00:00Z" }))).unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound);
    assert_eq!(count(&bench, "inbox", "Twin 1"), json!(0));
}

/// Whether the sender of the example is blocked; somebody else is in any case.
fn blocks(bench: &Bench) -> bool {
    let snapshot = bench.organisation.snapshot();
    let list = snapshot.split("\"blocked_senders\"").nth(1).and_then(|rest| rest.split(']').next());
    list.is_some_and(|list| list.contains("@evil.test"))
}

#[test]
fn junk_blocks_the_sender_and_comes_back() {
    let bench = Bench::new();
    let marked = run(&bench, "mail.mark_junk", json!({ "mailbox": "alice@corp.example", "item_id": ID }));
    assert_eq!(count(&bench, "junkemail", "Overdue invoice"), json!(1));
    assert!(blocks(&bench));
    undo(&bench, marked);
    assert_eq!(count(&bench, "inbox", "Overdue invoice"), json!(1));
    assert!(!blocks(&bench));
    let stays = json!({ "mailbox": "alice@corp.example", "item_id": ID, "move": false });
    let failure = bench.run("mail.mark_junk", &stays).unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound, "the old id is gone");
}

#[test]
fn junk_goes_back_to_the_folder_it_was_in() {
    let bench = Bench::new();
    let moved = json!({ "mailbox": "alice@corp.example", "item_id": ID, "folder": "drafts" });
    let id = run(&bench, "mail.move", moved).output["new_item_id"].clone();
    let marked = run(&bench, "mail.mark_junk", json!({ "mailbox": "alice@corp.example", "item_id": id }));
    let inverse = marked.inverse.clone().unwrap();
    let back = undo(&bench, marked);
    assert_eq!(
        (count(&bench, "drafts", "Overdue invoice"), count(&bench, "inbox", "Overdue invoice")),
        (json!(1), json!(0))
    );
    assert!(!blocks(&bench));
    // The inverse of the inverse; and once more, as after a crash that nobody heard the end of.
    undo(&bench, back);
    assert_eq!(count(&bench, "junkemail", "Overdue invoice"), json!(1));
    let found = run(&bench, "mail.search", json!({ "mailbox": "alice@corp.example", "folder": "junkemail" }));
    let mut input = inverse.input;
    input["item_id"] = found.output["messages"][0]["item_id"].clone();
    // Half way: in the Inbox already, and not yet in its folder.
    let half = json!({ "mailbox": "alice@corp.example", "item_id": input["item_id"], "junk": false });
    run(&bench, "mail.mark_junk", half);
    input["internet_message_id"] = found.output["messages"][0]["internet_message_id"].clone();
    assert_eq!(bench.probe("mail.mark_junk", &input).unwrap(), Probe::NotDone);
    bench.attempt("mail.mark_junk", &input, 2).unwrap();
    assert_eq!(count(&bench, "drafts", "Overdue invoice"), json!(1));
    assert!(matches!(bench.probe("mail.mark_junk", &input).unwrap(), Probe::Done(_)));
}

#[test]
fn only_marks_that_changed_are_taken_back() {
    let bench = Bench::new();
    let mark = |read: bool| json!({ "mailbox": "alice@corp.example", "item_ids": [ID], "read": read });
    run(&bench, "mail.mark_read", mark(false));
    let before = bench.organisation.snapshot();
    let marked = run(&bench, "mail.mark_read", mark(true));
    assert!(run(&bench, "mail.mark_read", mark(true)).inverse.is_none(), "nothing to take back");
    undo(&bench, marked);
    let unread = |text: &str| text.matches("\"is_read\": false").count();
    assert_eq!(unread(&bench.organisation.snapshot()), unread(&before));
}

#[test]
fn what_is_brought_back_can_be_deleted_again() {
    for mode in ["soft", "trash"] {
        let bench = Bench::new();
        let input = json!({ "mailbox": "alice@corp.example", "item_ids": [ID], "mode": mode });
        let deleted = run(&bench, "mail.delete", input);
        let back = undo(&bench, deleted);
        assert_eq!(count(&bench, "inbox", "Overdue invoice"), json!(1));
        let inverse = back.inverse.clone().unwrap();
        assert_eq!((inverse.action.as_str(), &inverse.input["mode"]), ("mail.delete", &json!(mode)));
        undo(&bench, back);
        assert_eq!(count(&bench, "inbox", "Overdue invoice"), json!(0));
    }
}

/// Refuses the last item of every deletion.
struct Stubborn(Arc<dyn Delete>);

impl Delete for Stubborn {
    fn delete<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        mode: DeleteMode,
    ) -> Work<'a, PerItem<()>> {
        Box::pin(async move {
            let (_, others) = items.split_last().unwrap();
            let mut answers = self.0.delete(mailbox, others, mode).await?;
            answers.push(Err(Error::new(ErrorKind::PermissionDenied, "this one stays")));
            Ok(answers)
        })
    }
}

#[test]
fn a_deletion_that_failed_half_way_keeps_what_it_deleted() {
    let bench = Bench::over(|mut ports| {
        let inner = ports.delete.take().unwrap();
        ports.delete = Some(Arc::new(Stubborn(inner)));
        ports
    });
    let inbox = exchange::FolderRef::WellKnown(exchange::WellKnownFolder::Inbox);
    let deliver =
        |mail: &str| bench.organisation.deliver("alice@corp.example", &inbox, mail.to_owned()).unwrap();
    deliver("Subject: Other\r\nMessage-ID: <other@x.test>\r\n\r\nx\r\n");
    let found = run(
        &bench,
        "mail.search",
        json!({ "mailbox": "alice@corp.example", "folder": "inbox", "query": { "subject": "Other" } }),
    );
    let other = found.output["messages"][0]["item_id"].clone();
    let input = json!({ "mailbox": "alice@corp.example", "item_ids": [other, ID] });
    let failure = bench.run("mail.delete", &input).unwrap_err();
    assert_eq!((&failure.details["partly"], count(&bench, "inbox", "Other")), (&json!(true), json!(0)));
    let inverse = &failure.details["inverse"];
    run(&bench, inverse["action"].as_str().unwrap(), inverse["input"].clone());
    assert_eq!(count(&bench, "inbox", "Other"), json!(1));
}

fn rules(bench: &Bench) -> Value {
    run(bench, "inbox_rule.list", json!({ "mailbox": "alice@corp.example" })).output
}

#[test]
fn a_rule_shows_what_it_does() {
    let bench = Bench::new();
    let found = rules(&bench);
    let rule = &found["rules"][0];
    assert_eq!(rule["forwards_to"], json!(["drop@evil.test", "bob@corp.example"]));
    assert_eq!(rule["outside_recipients"], json!(["drop@evil.test"]));
    assert_eq!(
        (&rule["deletes"], &rule["marks_read"], &rule["stops"]),
        (&json!(true), &json!(true), &json!(false))
    );
    assert_eq!(rule["moves_to"], json!(null));
    assert_eq!(
        rule["conditions"],
        json!([{ "clause": "contains_subject_strings", "values": ["invoice", "payment"] }])
    );
    let other = &found["rules"][1];
    assert_eq!(other["enabled"], json!(false));
    assert!(other["moves_to"].as_str().unwrap().starts_with("id:"));
    assert_eq!(found["client_rules"], json!(false));
}

#[test]
fn a_rule_is_switched_and_removed_and_put_back() {
    let bench = Bench::new();
    let before = rules(&bench);
    let target = json!({ "mailbox": "alice@corp.example", "rule_id": "ExampleRule=" });
    let off = run(&bench, "inbox_rule.disable", target.clone());
    assert_eq!(rules(&bench)["rules"][0]["enabled"], json!(false));
    assert!(run(&bench, "inbox_rule.disable", target.clone()).inverse.is_none(), "nothing to take back");
    undo(&bench, off);
    assert_eq!(rules(&bench), before);
    let removed = run(&bench, "inbox_rule.remove", target.clone());
    assert_eq!(rules(&bench)["rules"].as_array().unwrap().len(), 1);
    let gone = run(&bench, "inbox_rule.remove", target.clone());
    assert_eq!((&gone.output["result"], gone.inverse), (&json!("already_gone"), None));
    assert_eq!(bench.run("inbox_rule.enable", &target).unwrap_err().kind, FailureKind::NotFound);
    let inverse = removed.inverse.unwrap();
    let restored = bench.run(&inverse.action, &inverse.input).unwrap();
    let mut after = rules(&bench);
    assert_ne!(after["rules"][0]["rule_id"], before["rules"][0]["rule_id"]);
    after["rules"][0]["rule_id"] = before["rules"][0]["rule_id"].clone();
    assert_eq!(after, before);
    let again = bench.attempt(&inverse.action, &inverse.input, 2).unwrap().output;
    assert_eq!(again["created"], json!(false));
    undo(&bench, restored);
    assert_eq!(rules(&bench)["rules"].as_array().unwrap().len(), 1);
}

#[test]
fn rules_that_only_outlook_knows_are_not_lost_by_accident() {
    let bench = Bench::new();
    bench.organisation.configure("alice@corp.example", "client_rules: true").unwrap();
    let mut input = json!({ "mailbox": "alice@corp.example", "rule_id": "ExampleRule=" });
    for action in ["inbox_rule.disable", "inbox_rule.remove"] {
        assert_eq!(bench.run(action, &input).unwrap_err().kind, FailureKind::Conflict, "{action}");
    }
    assert_eq!(bench.count(EffectKind::Configured), 0);
    input["lose_client_rules"] = json!(true);
    run(&bench, "inbox_rule.disable", input);
    assert_eq!(rules(&bench)["client_rules"], json!(false));
}

#[test]
fn a_rule_that_is_not_shown_whole_can_only_be_removed() {
    let bench = Bench::new();
    let yaml = "rules: [{name: odd, priority: 0, supported: false, actions: {delete: true}}]";
    bench.organisation.configure("alice@corp.example", yaml).unwrap();
    let id = rules(&bench)["rules"][0]["rule_id"].clone();
    let input = json!({ "mailbox": "alice@corp.example", "rule_id": id });
    assert_eq!(bench.run("inbox_rule.disable", &input).unwrap_err().kind, FailureKind::Invalid);
    let removed = run(&bench, "inbox_rule.remove", input);
    assert_eq!((&removed.output["result"], removed.inverse), (&json!("removed"), None));
}

#[test]
fn automatic_replies_are_set_and_set_back() {
    let bench = Bench::new();
    let read = || run(&bench, "mailbox.get_out_of_office", json!({ "mailbox": "alice@corp.example" })).output;
    let holidays = json!({
        "mailbox": "alice@corp.example",
        "state": "scheduled",
        "audience": "known",
        "start": "2026-12-24T08:00:00Z",
        "end": "2026-12-27T08:00:00Z",
        "internal_reply": "Merry"
    });
    run(&bench, "mailbox.set_out_of_office", holidays);
    let before = read();
    assert_eq!(before["start"], json!("2026-12-24T08:00:00Z"));
    let warning = json!({ "mailbox": "alice@corp.example", "state": "enabled", "internal_reply": "Misused" });
    let set = run(&bench, "mailbox.set_out_of_office", warning.clone());
    assert_eq!(read()["internal_reply"], json!("Misused"));
    assert!(run(&bench, "mailbox.set_out_of_office", warning).inverse.is_none(), "nothing to take back");
    undo(&bench, set);
    assert_eq!(read(), before);
    for bad in [
        json!({ "mailbox": "alice@corp.example", "state": "scheduled" }),
        json!({ "mailbox": "alice@corp.example", "state": "enabled", "start": "2026-12-24T08:00:00Z" }),
        json!({ "mailbox": "alice@corp.example", "state": "scheduled", "start": "2026-12-24T08:00:00Z", "end": "2026-12-23T08:00:00Z" }),
        json!({ "mailbox": "alice@corp.example", "state": "enabled", "start": null }),
        json!({ "mailbox": "alice@corp.example", "state": "away" }),
    ] {
        let failure = bench.run("mailbox.set_out_of_office", &bad).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid, "{bad}");
    }
    assert_eq!(read(), before);
}

#[test]
fn a_name_is_looked_up_and_nobody_is_an_answer() {
    let bench = Bench::new();
    let look = |name: &str| {
        run(&bench, "directory.resolve_name", json!({ "mailbox": "soc@corp.example", "name": name })).output
    };
    for name in ["alice liddell", "Liddell", "alice@corp.example"] {
        let found = look(name);
        assert_eq!(found["entries"][0]["address"], json!("alice@corp.example"), "{name}");
        assert_eq!(
            (&found["entries"][0]["display_name"], &found["unique"]),
            (&json!("Alice Liddell"), &json!(true))
        );
    }
    for name in ["Eve", "*", "a* OR b", "<x/>"] {
        assert_eq!(look(name)["entries"], json!([]), "{name}");
    }
    for bad in ["", "  ", "a\r\nb"] {
        let input = json!({ "mailbox": "soc@corp.example", "name": bad });
        assert_eq!(
            bench.run("directory.resolve_name", &input).unwrap_err().kind,
            FailureKind::Invalid,
            "{bad:?}"
        );
    }
}

#[test]
fn named_attachments_are_taken_off_and_the_others_stay() {
    let bench = Bench::new();
    let list = || {
        let input = json!({ "mailbox": "alice@corp.example", "item_ids": [ID] });
        run(&bench, "mail.get", input).output["messages"][0]["attachments"].as_array().unwrap().clone()
    };
    let file =
        list().into_iter().find(|attached| attached["kind"] == "file").unwrap()["attachment_id"].clone();
    let input = json!({ "mailbox": "alice@corp.example", "item_id": ID, "attachment_ids": [file] });
    assert_eq!(run(&bench, "mail.delete_attachments", input.clone()).output["deleted"], json!([file]));
    assert_eq!(list().len(), 1);
    let again = bench.attempt("mail.delete_attachments", &input, 2).unwrap().output;
    assert_eq!((&again["deleted"], &again["already_gone"]), (&json!([]), &json!([file])));
    assert_eq!(list().len(), 1, "the one that stayed was not taken for the other");
    for bad in [json!([]), json!(null), json!(["*"]), json!([""])] {
        let input = json!({ "mailbox": "alice@corp.example", "item_id": ID, "attachment_ids": bad });
        assert_eq!(
            bench.run("mail.delete_attachments", &input).unwrap_err().kind,
            FailureKind::Invalid,
            "{bad}"
        );
    }
    assert_eq!(list().len(), 1);
}
