//! Whole messages in MIME form: sent as they are, once, and only to whom the step names.

use action_api::plan::FailureKind;
use exchange_sim::EffectKind;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::dying::dying;
use crate::outgoing::not_done;

const ALICE: &str = "alice@corp.example";
const SOC: &str = "soc@corp.example";

/// A signed message as another program writes it: what is signed must not be touched.
const SIGNED: &str = "From: Alice <alice@corp.example>\r\nTo: \"Team, the\" <soc@corp.example>,\r\n c@partner.test\r\n\
    Bcc: b@partner.test\r\nReply-To: answers@corp.example\r\nSubject: =?utf-8?Q?Pr=C3=BCfbericht?=\r\n\
    Date: Fri, 20 Nov 2026 07:00:00 +0000\r\nMessage-ID: <signed-1@corp.example>\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/signed; micalg=sha-256; boundary=s;\r\n protocol=\"application/pkcs7-signature\"\r\n\r\n\
    --s\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\u{fc}\u{df}e \r\n\
    --s\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n\
    MIAGCSqGSIb3\r\n--s--\r\n";

/// The bytes of a text in ISO 8859-1.
fn latin(text: &str) -> Vec<u8> {
    text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect()
}

/// Sends the signed message from an artifact.
fn signed(bench: &Bench) -> Value {
    json!({
        "mailbox": ALICE, "to": [SOC, "c@partner.test"], "bcc": ["B@partner.test"],
        "reply_to": ["answers@corp.example"], "subject": "Prüfbericht",
        "raw_mime": bench.keep("message/rfc822", &latin(SIGNED))
    })
}

/// Sends a text.
fn text(raw: &str) -> Value {
    json!({ "mailbox": ALICE, "to": [SOC], "subject": "x", "raw_message": raw })
}

/// The MIME form of the newest message of a mailbox's inbox.
fn received(bench: &Bench, mailbox: &str) -> Vec<u8> {
    let found = bench.run("mail.search", &json!({ "mailbox": mailbox, "limit": 1 })).unwrap().output;
    let id = &found["messages"][0]["item_id"];
    let eml = bench.run("mail.download_eml", &json!({ "mailbox": mailbox, "item_id": id })).unwrap().output;
    bench.bytes(&eml["eml"])
}

fn without_blind_copies(text: &str) -> String {
    text.replace("Bcc: b@partner.test\r\n", "")
}

#[test]
fn a_message_arrives_byte_for_byte_below_the_marks_of_a_machine() {
    let bench = Bench::new();
    let output = bench.run("mail.send", &signed(&bench)).unwrap().output;
    assert_eq!(output["to"], json!([SOC, "c@partner.test", "b@partner.test"]));
    assert_eq!(output["subject"], json!("Prüfbericht"));
    assert_eq!(output["internet_message_id"], json!("<signed-1@corp.example>"));
    let marks = "Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n";
    assert_eq!(received(&bench, SOC), latin(&format!("{marks}{}", without_blind_copies(SIGNED))));
}

#[test]
fn wherever_the_process_dies_one_whole_message_goes_out() {
    for save_copy in [true, false] {
        for dies_at in 0..6 {
            for after in [false, true] {
                let bench = Bench::over(|ports| dying(ports, dies_at, after));
                let mut input = signed(&bench);
                input["save_copy"] = json!(save_copy);
                // What the first process was told does not survive it.
                let _ = bench.run("mail.send", &input);
                let bench = bench.restarted();
                if not_done(bench.probe("mail.send", &input).unwrap()) {
                    bench.attempt("mail.send", &input, 2).unwrap();
                }
                let place = format!("died at request {dies_at}, after: {after}, copy: {save_copy}");
                assert_eq!(bench.count(EffectKind::Sent), 1, "{place}");
                assert_eq!(bench.count(EffectKind::Created), 1, "one draft, not two: {place}");
            }
        }
    }
}

#[test]
fn a_message_that_goes_elsewhere_than_the_step_says_is_not_sent() {
    let head = "From: alice@corp.example\r\nTo: soc@corp.example\r\nSubject: x\r\n";
    for (change, words) in [
        (("To: soc", "To: eve@evil.test, soc"), "`to`"),
        (("To: soc@corp.example", "To: eve@evil.test"), "`to`"),
        (("To: soc@corp.example", "To: Team: eve@evil.test, soc@corp.example;"), "`to`"),
        (("To: soc@corp.example", "To: \"soc@corp.example\" <eve@evil.test>"), "`to`"),
        (("To: soc@corp.example\r\n", ""), "`to`"),
        (("Subject", "Cc: eve@evil.test\r\nSubject"), "`cc`"),
        (("Subject", "Bcc: eve@evil.test\r\nSubject"), "`bcc`"),
        (("Subject", "BCC:eve@evil.test\r\nSubject"), "`bcc`"),
        (("Subject", "Reply-To: eve@evil.test\r\nSubject"), "`reply_to`"),
        (("From: alice@corp.example", "From: ceo@corp.example"), "author"),
        (("Subject: x", "Subject: y"), "subject"),
    ] {
        let bench = Bench::new();
        let raw = format!("{}\r\nbody\r\n", head.replacen(change.0, change.1, 1));
        let failure = bench.run("mail.send", &text(&raw)).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid, "{change:?}");
        assert!(failure.message.contains(words), "{change:?}: {}", failure.message);
        assert!(failure.message.contains("nothing was sent"), "{}", failure.message);
        // The draft that was made of it is not sent by another attempt either.
        bench.attempt("mail.send", &text(&raw), 2).unwrap_err();
        assert_eq!(bench.count(EffectKind::Sent), 0, "{change:?}");
        assert_eq!(bench.count(EffectKind::Created), 1, "{change:?}");
    }
    let bench = Bench::new();
    bench.run("mail.send", &text(&format!("{head}\r\nbody\r\n"))).unwrap();
    assert_eq!(bench.count(EffectKind::Sent), 1);
}

#[test]
fn an_author_that_is_not_the_mailbox_is_named_by_the_step() {
    let bench = Bench::new();
    let mut input = text("From: soc@corp.example\r\nTo: soc@corp.example\r\nSubject: x\r\n\r\nbody\r\n");
    bench.run("mail.send", &input).unwrap_err();
    let bench = Bench::new();
    input["from"] = json!(SOC);
    bench.run("mail.send", &input).unwrap();
    assert_eq!(bench.count(EffectKind::Sent), 1);
}

#[test]
fn what_can_be_read_in_two_ways_is_refused_before_anything_is_made() {
    let head = "From: alice@corp.example\nTo: soc@corp.example\nSubject: x\n";
    for (raw, words) in [
        (String::new(), "empty"),
        ("just text".to_owned(), "does not end"),
        (format!("{head}To: eve@evil.test\n\nbody"), "second time"),
        (format!("{head}Resent-Bcc: eve@evil.test\n\nbody"), "resent-bcc"),
        (format!("{head}Disposition-Notification-To: eve@evil.test\n\nbody"), "disposition"),
        (format!("{head}X-A: b\rBcc: eve@evil.test\n\nbody"), "control"),
        (format!("{head}Bcc : eve@evil.test\n\nbody"), "line 4"),
        (format!("{head}X-Name: Grüße\n\nbody"), "encoded words"),
        (format!("Received: from mx.evil.test\n{head}\nbody"), "mail.forward"),
        (format!("{head}Auto-Submitted: no\n\nbody"), "itself"),
        ("To: soc@corp.example\nSubject: x\n\nbody".to_owned(), "From"),
    ] {
        let bench = Bench::new();
        let failure = bench.run("mail.send", &text(&raw)).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid, "{raw:?}");
        assert!(failure.message.contains(words), "{raw:?}: {}", failure.message);
        assert!(bench.organisation.ledger().effects.is_empty(), "{raw:?}");
    }
}

#[test]
fn nothing_that_composes_stands_beside_a_whole_message() {
    let bench = Bench::new();
    for (name, value) in [
        ("text", json!("x")),
        ("html", json!("x")),
        ("importance", json!("high")),
        ("headers", json!([{ "name": "X-A", "value": "b" }])),
        ("attachments", json!([{ "content": bench.keep("text/plain", b"x"), "name": "x" }])),
        ("raw_message", json!("From: alice@corp.example\n\n")),
    ] {
        let mut input = signed(&bench);
        input[name] = value;
        let failure = bench.run("mail.send", &input).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid, "{name}");
        assert!(failure.message.contains(&format!("`{name}`")), "{}", failure.message);
    }
    assert!(bench.organisation.ledger().effects.is_empty());
}

#[test]
fn an_artifact_that_is_no_message_too_large_or_not_there_is_refused() {
    let bench = Bench::new();
    let raw = latin(SIGNED);
    let mut input = signed(&bench);
    input["max_size"] = json!(raw.len() - 1);
    assert_eq!(bench.run("mail.send", &input).unwrap_err().kind, FailureKind::Limit);
    input["max_size"] = json!(raw.len());
    input["raw_mime"] = json!(bench.keep("application/pdf", &raw));
    let failure = bench.run("mail.send", &input).unwrap_err();
    assert!(failure.message.contains("message/rfc822"), "{}", failure.message);
    input["raw_mime"]["media_type"] = json!("message/rfc822");
    input["raw_mime"]["size"] = json!(7);
    let failure = bench.run("mail.send", &input).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Invalid, "{}", failure.message);
    input["raw_mime"]["artifact"] = json!(format!("sha256:{}", "0".repeat(64)));
    assert_eq!(bench.run("mail.send", &input).unwrap_err().kind, FailureKind::NotFound);
    assert!(bench.organisation.ledger().effects.is_empty());
}
