//! Searching, reading, attachments and moves: what each promises beyond the battery.

use crate::bench::Bench;
use action_api::Probe;
use action_api::plan::FailureKind;
use serde_json::{Value, json};

const ID: &str = "AAMkAGExamplePhish=";

fn search(bench: &Bench, query: Value, limit: u32) -> Value {
    let input = json!({ "mailbox": "alice@corp.example", "query": query, "limit": limit });
    bench.run("mail.search", &input).unwrap().output
}

#[test]
fn a_search_says_how_much_it_left_out() {
    let bench = Bench::new();
    let all = search(&bench, json!({}), 10);
    assert_eq!((&all["total"], &all["truncated"]), (&json!(2), &json!(false)));
    let one = search(&bench, json!({}), 1);
    assert_eq!(one["messages"].as_array().unwrap().len(), 1);
    assert_eq!((&one["total"], &one["truncated"]), (&json!(2), &json!(true)));
}

#[test]
fn a_query_out_of_a_mail_is_only_compared() {
    let bench = Bench::new();
    for text in ["* OR subject:x", "\"", "' OR '1'='1", "<t:IsEqualTo/>", "%", "Overdue*"] {
        assert_eq!(search(&bench, json!({ "subject": text }), 10)["total"], json!(0), "{text}");
    }
    assert_eq!(search(&bench, json!({ "subject": "overdue INVOICE" }), 10)["total"], json!(1));
}

#[test]
fn a_restriction_and_a_query_must_both_hold() {
    let bench = Bench::new();
    let find = |restriction: Value, query: Value| {
        let input = json!({ "mailbox": "alice@corp.example", "query": query, "restriction": restriction });
        bench.run("mail.search", &input).map(|outcome| outcome.output["total"].clone())
    };
    let from = |address: &str| json!({ "eq": { "field": "from", "value": address } });
    let either = json!({ "or": [from("billing@evil.test"), from("bob@corp.example")] });
    assert_eq!(find(either.clone(), json!({})).unwrap(), json!(2));
    assert_eq!(find(either.clone(), json!({ "subject": "Lunch" })).unwrap(), json!(1));
    assert_eq!(find(json!({ "not": either }), json!({})).unwrap(), json!(0));
    for bad in [
        json!(null),
        json!({}),
        json!("from:bob"),
        json!({ "and": [] }),
        from(" "),
        json!({ "and": [from(" ")] }),
        json!({ "not": { "like": { "field": "subject", "value": "x" } } }),
        json!({ "eq": { "field": "bcc", "value": "x" } }),
    ] {
        assert_eq!(find(bad.clone(), json!({})).unwrap_err().kind, FailureKind::Invalid, "{bad}");
    }
}

#[test]
fn a_value_that_is_missing_does_not_widen_a_search() {
    let bench = Bench::new();
    for bad in [json!(null), json!(""), json!("  ")] {
        let input = json!({ "mailbox": "alice@corp.example", "query": { "from": bad } });
        assert_eq!(bench.run("mail.search", &input).unwrap_err().kind, FailureKind::Invalid, "{bad}");
    }
}

#[test]
fn unusable_folders_and_mailboxes_are_refused_with_the_reason() {
    let bench = Bench::new();
    for (field, value) in [("folder", "Inbox//x"), ("mailbox", "alice"), ("mailbox", "a@b.test, c@d.test")] {
        let mut input = json!({ "mailbox": "alice@corp.example" });
        input[field] = json!(value);
        let failure = bench.run("mail.search", &input).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid, "{value}");
    }
    let input = json!({ "mailbox": "alice@corp.example", "folder": "No/Such" });
    assert_eq!(bench.run("mail.search", &input).unwrap_err().kind, FailureKind::NotFound);
}

#[test]
fn one_bad_id_does_not_lose_the_others() {
    let bench = Bench::new();
    let input = json!({ "mailbox": "alice@corp.example", "item_ids": ["AAAA", ID] });
    let output = bench.run("mail.get", &input).unwrap().output;
    assert_eq!(output["messages"][0]["subject"], json!("Overdue invoice"));
    assert_eq!(output["failed"][0]["item_id"], json!("AAAA"));
}

#[test]
fn attachments_come_as_bytes_or_with_a_reason() {
    let bench = Bench::new();
    let input = json!({ "mailbox": "alice@corp.example", "item_id": ID });
    let output = bench.run("mail.get_attachments", &input).unwrap().output;
    let list = output["attachments"].as_array().unwrap();
    assert_eq!(list.len(), 2);
    let mail = list.iter().find(|attachment| attachment["kind"] == "item").unwrap();
    assert_eq!(mail["content"]["media_type"], json!("message/rfc822"));
    let text = String::from_utf8(bench.bytes(&mail["content"])).unwrap();
    assert!(text.contains("Subject: Inner"), "{text}");
    let file = list.iter().find(|attachment| attachment["kind"] == "file").unwrap();
    assert_eq!(bench.bytes(&file["content"]), b"%PDF-1.4\n%%EOF\n");
    assert_eq!((&file["name"], &file["size"]), (&json!("invoice.pdf"), &json!(15)));
    assert!(file["attachment_id"].as_str().is_some_and(|id| !id.is_empty()), "{file}");

    let small = json!({ "mailbox": "alice@corp.example", "item_id": ID, "max_size": 10 });
    for attachment in
        bench.run("mail.get_attachments", &small).unwrap().output["attachments"].as_array().unwrap()
    {
        assert_eq!(attachment["content"], json!(null));
        assert!(attachment["skipped"].as_str().unwrap().contains("10 bytes"));
    }
    let items = json!({ "mailbox": "alice@corp.example", "item_id": ID, "kinds": ["item"] });
    assert_eq!(bench.run("mail.get_attachments", &items).unwrap().output["total"], json!(1));
}

#[test]
fn a_message_is_kept_byte_for_byte_or_not_at_all() {
    let bench = Bench::new();
    let input = json!({ "mailbox": "alice@corp.example", "item_id": ID });
    let output = bench.run("mail.download_eml", &input).unwrap().output;
    let bytes = bench.bytes(&output["eml"]);
    assert_eq!(output["size"], json!(bytes.len()));
    assert!(String::from_utf8(bytes).unwrap().contains("Subject: Overdue invoice"));
    let small = json!({ "mailbox": "alice@corp.example", "item_id": ID, "max_size": 10 });
    assert_eq!(bench.run("mail.download_eml", &small).unwrap_err().kind, FailureKind::Limit);
}

#[test]
fn a_move_can_be_taken_back_by_its_inverse() {
    let bench = Bench::new();
    let input = json!({ "mailbox": "alice@corp.example", "item_id": ID, "folder": "junkemail" });
    let moved = bench.run("mail.move", &input).unwrap();
    assert_eq!(search(&bench, json!({ "subject": "Overdue invoice" }), 10)["total"], json!(0));
    let inverse = moved.inverse.unwrap();
    assert_eq!(inverse.action, "mail.move");
    bench.run(&inverse.action, &inverse.input).unwrap();
    assert_eq!(search(&bench, json!({ "subject": "Overdue invoice" }), 10)["total"], json!(1));
}

#[test]
fn a_move_without_a_message_id_is_unknown_after_a_crash() {
    let bench = Bench::new();
    let input = json!({ "mailbox": "alice@corp.example", "item_id": ID, "folder": "junkemail" });
    bench.run("mail.move", &input).unwrap();
    assert_eq!(bench.probe("mail.move", &input).unwrap(), Probe::Unknown);
    assert_eq!(bench.run("mail.move", &input).unwrap_err().kind, FailureKind::NotFound);
}

#[test]
fn an_attachment_is_hashed_and_what_is_not_kept_is_not_found() {
    let bench = Bench::new();
    let input = json!({ "mailbox": "alice@corp.example", "item_id": ID, "kinds": ["file"] });
    let fetched = bench.run("mail.get_attachments", &input).unwrap().output["attachments"][0].clone();
    let hashed = bench.run("hash.artifact", &json!({ "content": fetched["content"] })).unwrap().output;
    assert_eq!((&hashed["sha256"], &hashed["size"]), (&fetched["sha256"], &json!(15)));
    assert_eq!(hashed["sha512"].as_str().unwrap().len(), 128);
    assert!(hashed["ssdeep"].as_str().unwrap().starts_with("3:"), "{hashed:#}");
    assert_eq!(
        (&hashed["tlsh"], &hashed["tlsh_missing"]),
        (&json!(null), &json!("TLSH needs 50 bytes or more"))
    );
    let mut other = fetched["content"].clone();
    other["artifact"] = json!(format!("sha256:{}", "0".repeat(64)));
    let failure = bench.run("hash.artifact", &json!({ "content": other })).unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound);
}
