//! Messages with everything on them: attachments byte for byte and never twice, passing on, drafts and their inverses,
//! and exactly one message wherever the process dies.

use action_api::plan::FailureKind;
use action_api::{Outcome, Probe};
use exchange_sim::EffectKind;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::dying::dying;
use crate::outgoing::not_done;

const ID: &str = "AAMkAGExamplePhish=";
const DRAFT: &str = "AAMkAGExampleDraft=";
const ALICE: &str = "alice@corp.example";
const SOC: &str = "soc@corp.example";

/// Three artifacts: some bytes of every kind, an image, and nothing at all.
fn enclosed(bench: &Bench) -> Value {
    let every: Vec<u8> = (0..=255).cycle().take(9_001).collect();
    json!([
        { "content": bench.keep("application/pdf", &every), "name": "Übersicht über alle Fälle im November, mit Anhängen.pdf" },
        { "content": bench.keep("image/png", &[137, 80, 78, 71]), "name": "../logo.png", "content_id": "logo" },
        { "content": bench.keep("not a media type", b""), "name": "logo.png" },
    ])
}

fn send(bench: &Bench) -> Value {
    json!({
        "mailbox": ALICE, "to": [SOC], "cc": ["c@partner.test"], "bcc": ["b@partner.test"],
        "reply_to": ["answers@corp.example"], "subject": "Evidence ü", "text": "In plain words.",
        "html": "<p>See <img src=\"cid:logo\"></p>", "importance": "high",
        "headers": [{ "name": "X-Case", "value": "4711" }], "attachments": enclosed(bench)
    })
}

fn reply(bench: &Bench) -> Value {
    json!({ "mailbox": ALICE, "item_id": ID, "text": "Thank you.", "cc": [SOC], "attachments": enclosed(bench) })
}

fn forward(bench: &Bench, as_attachment: bool) -> Value {
    json!({
        "mailbox": ALICE, "item_id": ID, "to": [SOC], "text": "Look.", "as_attachment": as_attachment,
        "attachments": enclosed(bench)
    })
}

/// The newest message of a mailbox's inbox.
fn newest(bench: &Bench, mailbox: &str) -> Value {
    let input = json!({ "mailbox": mailbox, "limit": 1 });
    bench.run("mail.search", &input).unwrap().output["messages"][0].clone()
}

/// A whole message.
fn whole(bench: &Bench, mailbox: &str, id: &Value) -> Value {
    let input = json!({ "mailbox": mailbox, "item_ids": [id] });
    bench.run("mail.get", &input).unwrap().output["messages"][0].clone()
}

/// Its attachments, with their bytes.
fn attachments(bench: &Bench, mailbox: &str) -> Vec<(String, Vec<u8>)> {
    let input = json!({ "mailbox": mailbox, "item_id": newest(bench, mailbox)["item_id"] });
    let output = bench.run("mail.get_attachments", &input).unwrap().output;
    let one = |one: &Value| (one["name"].as_str().unwrap().to_owned(), bench.bytes(&one["content"]));
    output["attachments"].as_array().unwrap().iter().map(one).collect()
}

fn mime(bench: &Bench, mailbox: &str) -> String {
    let input = json!({ "mailbox": mailbox, "item_id": newest(bench, mailbox)["item_id"] });
    let eml = bench.run("mail.download_eml", &input).unwrap().output;
    String::from_utf8_lossy(&bench.bytes(&eml["eml"])).into_owned()
}

fn undo(bench: &Bench, outcome: &Outcome) {
    let inverse = outcome.inverse.as_ref().unwrap();
    bench.run(&inverse.action, &inverse.input).unwrap();
}

/// Everything that sends or keeps a draft, with everything on it.
fn loaded(bench: &Bench) -> Vec<(&'static str, Value)> {
    let mut unfiled = send(bench);
    unfiled["save_copy"] = json!(false);
    vec![
        ("mail.send", send(bench)),
        ("mail.send", unfiled),
        ("mail.reply", reply(bench)),
        ("mail.forward", forward(bench, false)),
        ("mail.forward", forward(bench, true)),
        ("draft.send", json!({ "mailbox": ALICE, "item_id": DRAFT })),
    ]
}

#[test]
fn wherever_the_process_dies_one_message_goes_out_with_everything_on_it_once() {
    let count = loaded(&Bench::new()).len();
    for case in 0..count {
        for dies_at in 0..10 {
            for after in [false, true] {
                let bench = Bench::over(|ports| dying(ports, dies_at, after));
                let (action, input) = loaded(&bench)[case].clone();
                // What the first process was told does not survive it.
                let _ = bench.run(action, &input);
                let bench = bench.restarted();
                if not_done(bench.probe(action, &input).unwrap()) {
                    bench.attempt(action, &input, 2).unwrap();
                }
                let place = format!("{action} {case} died at request {dies_at}, after: {after}");
                assert_eq!(bench.count(EffectKind::Sent), 1, "{place}");
                let attached = match action {
                    "draft.send" => 0,
                    "mail.forward" if input["as_attachment"] == json!(true) => 4,
                    _ => 3,
                };
                assert_eq!(bench.count(EffectKind::Attached), attached, "{place}");
                let drafts = u64::from(action != "draft.send");
                assert_eq!(bench.count(EffectKind::Created), drafts, "one draft, not two: {place}");
                let Probe::Done(outcome) = bench.probe(action, &input).unwrap() else { panic!("{place}") };
                assert!(outcome.output["sent_item_id"].is_string(), "{place}");
                assert!(outcome.output["internet_message_id"].is_string(), "{place}");
            }
        }
    }
}

#[test]
fn wherever_the_process_dies_one_draft_is_kept() {
    for dies_at in 0..8 {
        for after in [false, true] {
            let bench = Bench::over(|ports| dying(ports, dies_at, after));
            let mut input = send(&bench);
            input.as_object_mut().unwrap().remove("save_copy");
            let _ = bench.run("draft.create", &input);
            let bench = bench.restarted();
            if not_done(bench.probe("draft.create", &input).unwrap()) {
                bench.attempt("draft.create", &input, 2).unwrap();
            }
            let place = format!("died at request {dies_at}, after: {after}");
            assert_eq!(bench.count(EffectKind::Created), 1, "{place}");
            assert_eq!(bench.count(EffectKind::Attached), 3, "{place}");
            assert_eq!(bench.count(EffectKind::Sent), 0, "{place}");
            assert!(matches!(bench.probe("draft.create", &input).unwrap(), Probe::Done(_)), "{place}");
        }
    }
}

#[test]
fn everything_arrives_as_it_was_given() {
    let bench = Bench::new();
    let output = bench.run("mail.send", &send(&bench)).unwrap().output;
    assert_eq!(output["to"], json!([SOC, "c@partner.test", "b@partner.test"]));
    let sent = attachments(&bench, SOC);
    let names: Vec<&str> = sent.iter().map(|(name, _)| name.as_str()).collect();
    let long = "Übersicht über alle Fälle im November, mit Anhängen.pdf";
    assert_eq!(names, [long, "_logo.png", "logo.png"]);
    assert!(sent[0].1.iter().copied().eq((0..=255).cycle().take(9_001)));
    assert_eq!((sent[1].1.as_slice(), sent[2].1.as_slice()), ([137, 80, 78, 71].as_slice(), [].as_slice()));
    let mail = whole(&bench, SOC, &newest(&bench, SOC)["item_id"]);
    assert!(mail["text_body"].as_str().unwrap().contains("In plain words."), "{mail}");
    assert!(mail["html_body"].as_str().unwrap().contains("cid:logo"), "{mail}");
    assert_eq!(mail["internet_message_id"], output["internet_message_id"]);
    let mime = mime(&bench, SOC);
    for line in ["Importance: High", "Reply-To: answers@corp.example", "X-Case: 4711", "Content-ID: <logo>"] {
        assert!(mime.contains(line), "{line}");
    }
    assert!(!mime.contains("b@partner.test"), "a blind copy shows");
}

#[test]
fn a_copy_that_is_not_wanted_is_where_deleted_items_are() {
    let bench = Bench::new();
    let mut input = send(&bench);
    input["save_copy"] = json!(false);
    let output = bench.run("mail.send", &input).unwrap().output;
    let found = |folder: &str| {
        let search = json!({ "mailbox": ALICE, "folder": folder, "query": { "subject": "Evidence ü" } });
        bench.run("mail.search", &search).unwrap().output["messages"].as_array().unwrap().clone()
    };
    assert!(found("sentitems").is_empty() && found("drafts").is_empty());
    assert_eq!(found("deleteditems")[0]["item_id"], output["sent_item_id"]);
}

#[test]
fn an_artifact_that_is_not_there_stops_everything_before_it_begins() {
    let missing = json!({
        "artifact": format!("sha256:{}", "0".repeat(64)), "size": 3, "media_type": "text/plain"
    });
    for action in ["mail.send", "mail.reply", "mail.forward", "draft.create"] {
        let bench = Bench::new();
        let mut input = match action {
            "mail.reply" => reply(&bench),
            "mail.forward" => forward(&bench, false),
            _ => send(&bench),
        };
        input["attachments"][1]["content"] = missing.clone();
        let failure = bench.run(action, &input).unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotFound, "{action}");
        assert!(failure.message.contains("attachment 2") && failure.message.contains("nothing was sent"));
        assert!(bench.organisation.ledger().effects.is_empty(), "{action}");
    }
}

#[test]
fn a_size_that_is_too_much_or_not_true_is_refused() {
    let bench = Bench::new();
    let mut input = send(&bench);
    input["max_size"] = json!(9_004);
    let failure = bench.run("mail.send", &input).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Limit);
    assert!(failure.message.contains("max_size"), "{}", failure.message);
    input["max_size"] = json!(9_005);
    input["attachments"][1]["content"]["size"] = json!(1);
    let failure = bench.run("mail.send", &input).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Invalid);
    assert_eq!(bench.count(EffectKind::Sent), 0);
}

#[test]
fn an_answer_keeps_the_thread_and_quotes_only_when_asked() {
    let bench = Bench::new();
    let mut input = reply(&bench);
    input["to"] = json!([SOC]);
    for quote in [false, true] {
        let bench = Bench::new();
        let mut input = input.clone();
        input["attachments"] = enclosed(&bench);
        input["quote"] = json!(quote);
        bench.run("mail.reply", &input).unwrap();
        let mime = mime(&bench, SOC);
        assert!(mime.contains("In-Reply-To: <overdue-1@evil.test>"), "{mime}");
        assert!(mime.contains("References: <overdue-1@evil.test>"), "{mime}");
        let mail = whole(&bench, SOC, &newest(&bench, SOC)["item_id"]);
        let text = mail["text_body"].as_str().unwrap();
        assert_eq!((text.contains("Thank you."), text.contains("Pay now.")), (true, quote), "{text}");
    }
}

#[test]
fn extra_people_get_an_answer_to_everybody() {
    let bench = Bench::about(
        "From: bob@partner.test\r\nTo: alice@corp.example, erin@corp.example\r\nCc: frank@corp.example\r\n\
         Subject: x\r\nMessage-ID: <x@partner.test>\r\n\r\ny\r\n",
    );
    let input = json!({
        "mailbox": ALICE, "item_id": ID, "text": "All.", "reply_all": true, "cc": [SOC], "bcc": ["b@partner.test"]
    });
    let output = bench.run("mail.reply", &input).unwrap().output;
    let everybody = ["bob@partner.test", "erin@corp.example", "frank@corp.example", SOC, "b@partner.test"];
    assert_eq!(output["to"], json!(everybody));
}

#[test]
fn a_message_is_passed_on_inline_or_as_it_is() {
    let bench = Bench::new();
    let output = bench.run("mail.forward", &forward(&bench, false)).unwrap().output;
    assert_eq!(output["subject"], json!("FW: Overdue invoice"));
    let names: Vec<String> = attachments(&bench, SOC).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[..2], ["Inner", "invoice.pdf"]);
    assert_eq!(names.len(), 5);

    let bench = Bench::new();
    let eml = bench.run("mail.download_eml", &json!({ "mailbox": ALICE, "item_id": ID })).unwrap().output;
    let original = bench.bytes(&eml["eml"]);
    let output = bench.run("mail.forward", &forward(&bench, true)).unwrap().output;
    assert_eq!(output["subject"], json!("FW: Overdue invoice"));
    let all = attachments(&bench, SOC);
    assert_eq!((all.len(), all[0].0.as_str()), (4, "Overdue invoice"));
    assert_eq!(String::from_utf8_lossy(&all[0].1), String::from_utf8_lossy(&original));
}

#[test]
fn a_name_that_the_original_has_already_is_refused() {
    for (action, as_attachment) in [("mail.forward", false), ("mail.reply", false), ("mail.forward", true)] {
        let bench = Bench::new();
        let mut input = if action == "mail.reply" { reply(&bench) } else { forward(&bench, as_attachment) };
        input["attachments"][0]["name"] = json!("invoice.pdf");
        let done = bench.run(action, &input);
        if as_attachment {
            done.unwrap();
            continue;
        }
        assert_eq!(done.unwrap_err().kind, FailureKind::Invalid, "{action}");
        assert!(bench.organisation.ledger().effects.is_empty(), "{action}");
    }
}

#[test]
fn what_is_no_draft_is_not_treated_as_one() {
    for (action, input) in [
        ("draft.send", json!({ "mailbox": ALICE, "item_id": ID })),
        ("draft.update", json!({ "mailbox": ALICE, "item_id": ID, "subject": "x" })),
        ("draft.delete", json!({ "mailbox": ALICE, "item_id": ID })),
    ] {
        let bench = Bench::new();
        let before = bench.organisation.snapshot();
        let failure = bench.run(action, &input).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid, "{action}");
        assert!(failure.message.contains("no draft"), "{}", failure.message);
        assert_eq!(bench.organisation.snapshot(), before, "{action}");
    }
}

#[test]
fn a_draft_goes_to_nobody_who_was_not_allowed() {
    let bench = Bench::new();
    let input = json!({ "mailbox": ALICE, "item_id": DRAFT, "only_to": ["bob@corp.example"] });
    let before = bench.organisation.snapshot();
    let failure = bench.run("draft.send", &input).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Invalid);
    assert_eq!(bench.organisation.snapshot(), before);
    let empty = json!({ "mailbox": ALICE, "item_id": DRAFT, "to": [] });
    bench.run("draft.update", &empty).unwrap();
    let failure = bench.run("draft.send", &json!({ "mailbox": ALICE, "item_id": DRAFT })).unwrap_err();
    assert!(failure.message.contains("no recipient"), "{}", failure.message);
    assert_eq!(bench.count(EffectKind::Sent), 0);
}

#[test]
fn a_draft_that_is_sent_says_that_a_machine_sent_it() {
    let bench = Bench::new();
    let output = bench.run("draft.send", &json!({ "mailbox": ALICE, "item_id": DRAFT })).unwrap().output;
    assert_eq!((&output["to"], &output["subject"]), (&json!([SOC]), &json!("Half a report")));
    assert!(mime(&bench, SOC).contains("Auto-Submitted: auto-generated"));
    let again = bench.run("draft.send", &json!({ "mailbox": ALICE, "item_id": DRAFT })).unwrap_err();
    assert_eq!(again.kind, FailureKind::NotFound);
}

/// What is in the draft of the examples, as the actions show it.
fn shown(bench: &Bench) -> Value {
    let mut mail = whole(bench, ALICE, &json!(DRAFT));
    let fields = mail.as_object_mut().unwrap();
    fields.retain(|name, _| ["to", "cc", "subject", "text_body", "html_body"].contains(&name.as_str()));
    mail
}

#[test]
fn a_change_of_a_draft_is_taken_back() {
    let bench = Bench::new();
    let before = shown(&bench);
    let input = json!({
        "mailbox": ALICE, "item_id": DRAFT, "to": ["eve@partner.test"], "cc": [SOC], "subject": "Other",
        "html": "<p>Other</p>", "importance": "low"
    });
    let outcome = bench.run("draft.update", &input).unwrap();
    assert_eq!(outcome.output["before"]["to"], json!([SOC]));
    assert_eq!(outcome.output["before"]["cc"], json!([]));
    let changed = shown(&bench);
    assert_eq!(changed["subject"], json!("Other"));
    assert!(changed["html_body"].as_str().unwrap().contains("Other"), "{changed}");
    undo(&bench, &outcome);
    assert_eq!(shown(&bench), before);
    let same = json!({ "mailbox": ALICE, "item_id": DRAFT, "subject": "Half a report" });
    let outcome = bench.run("draft.update", &same).unwrap();
    assert_eq!((&outcome.output["changed"], outcome.inverse), (&json!(false), None));
    let nothing = bench.run("draft.update", &json!({ "mailbox": ALICE, "item_id": DRAFT })).unwrap_err();
    assert_eq!(nothing.kind, FailureKind::Invalid);
}

#[test]
fn a_long_body_is_named_as_what_does_not_come_back() {
    let bench = Bench::new();
    let long = json!({ "mailbox": ALICE, "item_id": DRAFT, "text": "x".repeat(300_000) });
    bench.run("draft.update", &long).unwrap();
    let short = json!({ "mailbox": ALICE, "item_id": DRAFT, "text": "short", "subject": "Short" });
    let inverse = bench.run("draft.update", &short).unwrap().inverse.unwrap();
    assert_eq!(inverse.except, ["the body was longer than 256 KiB"]);
    assert_eq!(inverse.input["subject"], json!("Half a report"));
    assert!(inverse.input.get("text").is_none());
}

#[test]
fn a_draft_that_was_made_or_thrown_away_is_taken_back() {
    for mode in ["trash", "soft"] {
        let bench = Bench::new();
        let before = shown(&bench);
        let input = json!({ "mailbox": ALICE, "item_id": DRAFT, "mode": mode });
        let outcome = bench.run("draft.delete", &input).unwrap();
        assert_eq!(outcome.output["result"], json!("deleted"));
        let again = bench.attempt("draft.delete", &input, 2).unwrap();
        assert_eq!((&again.output["result"], &again.inverse), (&json!("already_gone"), &None));
        undo(&bench, &outcome);
        let search = json!({ "mailbox": ALICE, "folder": "drafts" });
        let found = bench.run("mail.search", &search).unwrap().output;
        let id = &found["messages"][0]["item_id"];
        let mail = whole(&bench, ALICE, id);
        assert_eq!(mail["subject"], before["subject"], "{mode}");
    }
    let bench = Bench::new();
    let input = json!({ "mailbox": ALICE, "item_id": DRAFT, "mode": "hard" });
    assert_eq!(bench.run("draft.delete", &input).unwrap().inverse, None);

    let bench = Bench::new();
    let mut input = send(&bench);
    input.as_object_mut().unwrap().remove("save_copy");
    let outcome = bench.run("draft.create", &input).unwrap();
    undo(&bench, &outcome);
    let found = bench.run("mail.search", &json!({ "mailbox": ALICE, "folder": "drafts" })).unwrap().output;
    assert_eq!(found["total"], json!(1), "only the one that was there");
    assert_eq!(bench.count(EffectKind::Sent), 0);
}
