//! Sending: at most once wherever the process dies, marked as automatic, and never to a machine.

use std::time::Duration;

use crate::bench::Bench;
use crate::dying::dying;
use action_api::Probe;
use action_api::plan::FailureKind;
use exchange::port::SETTLE;
use exchange_sim::EffectKind;
use serde_json::{Value, json};

const ID: &str = "AAMkAGExamplePhish=";

fn reply() -> Value {
    json!({ "mailbox": "alice@corp.example", "item_id": ID, "text": "Thank you." })
}

fn send() -> Value {
    json!({ "mailbox": "alice@corp.example", "to": ["soc@corp.example"], "subject": "Done", "text": "All done." })
}

/// Whether the engine calls the action after this: the simulator files at once, so nothing is waited for.
pub(crate) fn not_done(probe: Probe) -> bool {
    matches!(probe, Probe::NotDone | Probe::NotYet { settle: Duration::ZERO })
}

#[test]
fn a_message_that_left_drafts_and_is_not_filed_is_not_taken_for_unsent() {
    for (action, input) in [("mail.send", send()), ("mail.reply", reply())] {
        // The answer to sending is lost, and Sent Items show the message only at the third look.
        let dies_at = if action == "mail.send" { 1 } else { 2 };
        let bench = Bench::over(|ports| dying(ports, dies_at, true));
        bench.organisation.file_sent_late(2);
        assert_eq!(bench.run(action, &input).unwrap_err().kind, FailureKind::Unknown);
        let bench = bench.restarted();
        for look in 1..=2 {
            match bench.probe(action, &input).unwrap() {
                Probe::NotYet { settle } => assert_eq!(settle, SETTLE, "{action}"),
                other => panic!("{action}, look {look}: {other:?}"),
            }
        }
        assert!(matches!(bench.probe(action, &input).unwrap(), Probe::Done(_)), "{action}");
        assert_eq!(bench.count(EffectKind::Sent), 1);
    }
}

#[test]
fn wherever_the_process_dies_exactly_one_message_goes_out() {
    for (action, input) in [("mail.send", send()), ("mail.reply", reply())] {
        for dies_at in 0..5 {
            for after in [false, true] {
                let bench = Bench::over(|ports| dying(ports, dies_at, after));
                // What the first process was told does not survive it.
                let _ = bench.run(action, &input);
                let bench = bench.restarted();
                if not_done(bench.probe(action, &input).unwrap()) {
                    bench.attempt(action, &input, 2).unwrap();
                }
                let place = format!("{action} died at request {dies_at}, after: {after}");
                assert_eq!(bench.count(EffectKind::Sent), 1, "{place}");
                assert!(matches!(bench.probe(action, &input).unwrap(), Probe::Done(_)), "{place}");
                assert_eq!(bench.count(EffectKind::Created), 1, "one draft, not two: {place}");
            }
        }
    }
}

#[test]
fn a_draft_that_could_not_be_made_says_that_nothing_was_sent() {
    let bench = Bench::over(|ports| dying(ports, 0, false));
    let failure = bench.run("mail.send", &send()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Transient);
    assert!(failure.message.contains("not sent"), "{}", failure.message);
}

#[test]
fn a_broken_send_is_unknown() {
    let bench = Bench::over(|ports| dying(ports, 1, true));
    assert_eq!(bench.run("mail.send", &send()).unwrap_err().kind, FailureKind::Unknown);
}

/// The MIME form of the newest message of a mailbox's inbox.
fn received(bench: &Bench, mailbox: &str) -> String {
    let found = bench.run("mail.search", &json!({ "mailbox": mailbox, "limit": 1 })).unwrap().output;
    let id = &found["messages"][0]["item_id"];
    let eml = bench.run("mail.download_eml", &json!({ "mailbox": mailbox, "item_id": id })).unwrap().output;
    String::from_utf8(bench.bytes(&eml["eml"])).unwrap()
}

#[test]
fn what_goes_out_is_marked_as_automatic() {
    let bench = Bench::new();
    let output = bench.run("mail.send", &send()).unwrap().output;
    assert_eq!(output["to"], json!(["soc@corp.example"]));
    assert_eq!(output["subject"], json!("Done"));
    assert!(output["sent_item_id"].is_string());
    let mail = received(&bench, "soc@corp.example").to_ascii_lowercase();
    assert!(mail.contains("auto-submitted: auto-generated"), "{mail}");
    assert!(mail.contains("x-auto-response-suppress: all"), "{mail}");
}

#[test]
fn our_own_message_is_not_answered() {
    let bench = Bench::new();
    bench.run("mail.send", &send()).unwrap();
    let found =
        bench.run("mail.search", &json!({ "mailbox": "soc@corp.example", "limit": 1 })).unwrap().output;
    let input = json!({ "mailbox": "soc@corp.example", "item_id": found["messages"][0]["item_id"], "text": "Hello?" });
    let failure = bench.run("mail.reply", &input).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Invalid);
    assert!(failure.message.contains("automatic"), "{}", failure.message);
    assert_eq!(bench.count(EffectKind::Sent), 1);
}

#[test]
fn machines_are_not_answered_unless_told_to() {
    for header in [
        "Auto-Submitted: auto-replied",
        "Return-Path: <>",
        "Precedence: bulk",
        "Precedence: list",
        "List-Id: <a.list.example>",
        "X-Portcullis-Key: k",
    ] {
        let bench = Bench::about(&format!(
            "{header}\r\nFrom: eve@evil.test\r\nTo: alice@corp.example\r\nSubject: x\r\n\r\ny\r\n"
        ));
        let failure = bench.run("mail.reply", &reply()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid, "{header}");
        assert!(failure.message.contains("answer_automatic"), "{}", failure.message);
        assert_eq!(bench.count(EffectKind::Sent), 0, "{header}");
        let mut told = reply();
        told["answer_automatic"] = json!(true);
        bench.run("mail.reply", &told).unwrap();
        assert_eq!(bench.count(EffectKind::Sent), 1, "{header}");
    }
}

#[test]
fn a_message_from_nobody_needs_a_recipient() {
    let bench = Bench::about("To: alice@corp.example\r\nSubject: x\r\n\r\ny\r\n");
    let failure = bench.run("mail.reply", &reply()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Invalid);
    let mut told = reply();
    told["to"] = json!(["soc@corp.example"]);
    assert_eq!(bench.run("mail.reply", &told).unwrap().output["to"], json!(["soc@corp.example"]));
}

#[test]
fn a_reply_goes_to_the_sender_and_carries_the_subject() {
    let output = Bench::new().run("mail.reply", &reply()).unwrap().output;
    assert_eq!(output["to"], json!(["billing@evil.test"]));
    assert!(output["subject"].as_str().unwrap().ends_with("Overdue invoice"), "{output}");
}

#[test]
fn line_ends_never_reach_the_head_of_a_message() {
    let injected = "x\r\nBcc: eve@evil.test";
    for (field, value) in [
        ("subject", json!(injected)),
        ("subject", json!("x\nBcc: eve@evil.test")),
        ("to", json!([format!("soc@corp.example{}", &injected[1..])])),
        ("cc", json!(["a@corp.example, eve@evil.test"])),
        ("headers", json!([{ "name": "X-Case", "value": injected }])),
        ("headers", json!([{ "name": "X-Case\r\nBcc", "value": "eve@evil.test" }])),
        ("headers", json!([{ "name": "Bcc", "value": "eve@evil.test" }])),
        ("headers", json!([{ "name": "X-Portcullis-Key", "value": "k" }])),
    ] {
        let mut input = send();
        input[field] = value.clone();
        let bench = Bench::new();
        assert_eq!(
            bench.run("mail.send", &input).unwrap_err().kind,
            FailureKind::Invalid,
            "{field}: {value}"
        );
        assert!(bench.organisation.ledger().effects.is_empty());
    }
}

#[test]
fn a_message_has_a_body_and_an_answer_exactly_one() {
    for (action, input) in [("mail.send", send()), ("mail.reply", reply())] {
        let mut none = input;
        none.as_object_mut().unwrap().remove("text");
        assert_eq!(Bench::new().run(action, &none).unwrap_err().kind, FailureKind::Invalid);
    }
    let mut both = reply();
    both["html"] = json!("<p>x</p>");
    assert_eq!(Bench::new().run("mail.reply", &both).unwrap_err().kind, FailureKind::Invalid);
}
