//! `eml.parse` from outside: a mail in, JSON out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::time::{Duration, Instant};

use plugin_sdk::{Artifact, Failure};
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(mail: impl AsRef<[u8]>) -> Result<Value, Failure> {
    eml::parse(mail.as_ref().to_vec(), 5, None).map(|output| serde_json::to_value(output).unwrap())
}

fn ok(mail: impl AsRef<[u8]>) -> Value {
    parse(mail).unwrap()
}

fn codes(mail: &Value) -> Vec<&str> {
    mail["anomalies"].as_array().unwrap().iter().map(|anomaly| anomaly["code"].as_str().unwrap()).collect()
}

fn bytes(handle: &Value) -> Vec<u8> {
    serde_json::from_value::<Artifact>(handle.clone()).unwrap().read(1 << 30).unwrap()
}

/// A multipart mail with the given parts.
fn mixed(parts: &[&str]) -> String {
    let mut mail = "From: a@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".to_owned();
    for part in parts {
        mail.push_str(&format!("--b\r\n{part}\r\n"));
    }
    mail + "--b--\r\n"
}

#[test]
fn reads_the_core_of_a_plain_mail() {
    let mail = ok(
        "From: =?utf-8?Q?J=C3=BCrgen?= Klein <j@example.com>\r\nSender: s@example.com\r\nTo: \"B, C\" <b@example.com>, \
         d@example.com (Dee)\r\nCc: Team: e@example.com, f@example.com;\r\nReply-To: r@example.com\r\n\
         Subject: =?iso-8859-1?q?Gr=FC=DFe?= =?iso-8859-1?q?_an_alle?=\r\nMessage-ID: <1@example.com>\r\n\
         Date: Sat, 21 Nov 2026 07:35:00 +0200\r\nIn-Reply-To: <0@example.com>\r\n\
         References: <x@example.com>\r\n <0@example.com>\r\n\r\nHello\r\n",
    );
    assert_eq!(mail["from"], json!({ "name": "Jürgen Klein", "address": "j@example.com" }));
    assert_eq!(mail["sender"]["address"], "s@example.com");
    assert_eq!(mail["to"][0], json!({ "name": "B, C", "address": "b@example.com" }));
    assert_eq!(mail["to"][1], json!({ "name": "Dee", "address": "d@example.com" }));
    assert_eq!(mail["cc"].as_array().unwrap().len(), 2);
    assert_eq!(mail["reply_to"][0]["address"], "r@example.com");
    assert_eq!(mail["subject"], "Grüße an alle");
    assert_eq!(mail["message_id"], "<1@example.com>");
    assert_eq!(mail["date"], "2026-11-21T05:35:00Z");
    assert_eq!(mail["in_reply_to"], json!(["<0@example.com>"]));
    assert_eq!(mail["references"], json!(["<x@example.com>", "<0@example.com>"]));
    assert_eq!(mail["text_body"], "Hello\r\n");
    assert_eq!(mail["html_body"], Value::Null);
    assert_eq!(codes(&mail), Vec::<&str>::new());
    assert_eq!(mail["headers"][5]["value"], "Grüße an alle");
    assert_eq!(mail["headers"][5]["raw"], "=?iso-8859-1?q?Gr=FC=DFe?= =?iso-8859-1?q?_an_alle?=");
    assert_eq!(mail["headers"].as_array().unwrap().len(), 10);
}

#[test]
fn keeps_order_and_duplicates_of_headers() {
    let mail =
        ok("X-A: 1\nFrom: a@example.com\nX-A: 2\nFrom: b@example.com\nSubject: one\nSubject: two\n\nx");
    let names: Vec<_> =
        mail["headers"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["X-A", "From", "X-A", "From", "Subject", "Subject"]);
    assert_eq!(mail["subject"], "one");
    assert_eq!(mail["from"]["address"], "a@example.com");
    assert_eq!(mail["from_all"][1]["address"], "b@example.com");
    assert_eq!(codes(&mail), ["duplicate_header", "duplicate_header", "several_from"]);
}

#[test]
fn lists_attachments_with_their_bytes() {
    let mail = ok(mixed(&[
        "Content-Type: text/plain; charset=utf-8\r\n\r\nbody",
        "Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>=41=\r\nB</p>",
        "Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename*=UTF-8''%c3%a4.pdf\r\n\
         Content-Transfer-Encoding: base64\r\nContent-ID: <c1>\r\n\r\nSGVs\r\nbG8=",
        "Content-Type: application/ms-tnef; name=winmail.dat\r\n\r\n",
    ]));
    assert_eq!(mail["text_body"], "body");
    assert_eq!(mail["html_body"], "<p>AB</p>");
    let file = &mail["attachments"][0];
    assert_eq!(file["name"], "ä.pdf");
    assert_eq!(file["other_name"], "a.pdf");
    assert_eq!(file["size"], 5);
    assert_eq!(file["sha256"], "185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969");
    assert_eq!(file["content_id"], "c1");
    assert_eq!(file["part"], "3");
    assert_eq!(bytes(&file["content"]), b"Hello");
    assert_eq!(mail["attachments"][1]["opaque"], "tnef");
    assert_eq!(mail["attachments"][1]["size"], 0);
    assert_eq!(codes(&mail), ["two_names"]);
}

#[test]
fn joins_the_pieces_of_a_long_file_name() {
    let mail =
        ok(mixed(&["Content-Type: text/plain\r\nContent-Disposition: attachment; filename*1*=%20b; \
         filename*0*=iso-8859-1''%e4; filename*2=.txt\r\n\r\nx"]));
    assert_eq!(mail["attachments"][0]["name"], "ä b.txt");
}

#[test]
fn finds_the_reported_mail_in_a_report() {
    let reported = "From: evil@example.net\r\nSubject: Pay now\r\nMessage-ID: <evil@example.net>\r\n\
         Content-Type: multipart/mixed; boundary=inner\r\n\r\n--inner\r\n\r\nclick\r\n--inner\r\n\
         Content-Type: application/zip; name=x.zip\r\n\r\nPK\r\n--inner--";
    let plain = ok(mixed(&["\r\nPlease look", &format!("Content-Type: message/rfc822\r\n\r\n{reported}")]));
    let octets = plugin_like_base64(reported);
    let encoded = ok(mixed(&[
        "\r\nPlease look",
        &format!(
            "Content-Type: application/octet-stream; name=mail.EML\r\nContent-Transfer-Encoding: base64\r\n\r\n{octets}"
        ),
    ]));
    for mail in [plain, encoded] {
        assert_eq!(mail["text_body"], "Please look");
        let nested = &mail["messages"][0];
        assert_eq!(nested["from"]["address"], "evil@example.net");
        assert_eq!(nested["subject"], "Pay now");
        assert_eq!(nested["message_id"], "<evil@example.net>");
        assert_eq!(nested["text_body"], "click");
        assert_eq!(nested["attachments"][0]["name"], "x.zip");
        assert_eq!(nested["depth"], 1);
        assert_eq!(nested["parent"], Value::Null);
        assert_eq!(nested["part"], "2");
        assert_eq!(bytes(&nested["content"]), reported.as_bytes());
        assert_eq!(mail["attachments"][0]["kind"], "message");
        assert_eq!(mail["attachments"][0]["message"], 0);
        assert_eq!(bytes(&mail["attachments"][0]["content"]), reported.as_bytes());
    }
}

fn plugin_like_base64(text: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in text.as_bytes().chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(*group.get(at).unwrap_or(&0)));
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit) & 63) as usize;
            out.push(if digit <= group.len() { char::from(DIGITS[value]) } else { '=' });
        }
        if out.len() % 78 == 76 {
            out.push_str("\r\n");
        }
    }
    out
}

#[test]
fn leaves_deeper_mails_closed_when_asked() {
    let mut mail = "Subject: innermost\r\n\r\nx".to_owned();
    for _ in 0..3 {
        mail = format!("From: a@example.com\r\nContent-Type: message/rfc822\r\n\r\n{mail}");
    }
    let all = ok(&mail);
    assert_eq!(all["messages"][2]["subject"], "innermost");
    assert_eq!(all["messages"][2]["parent"], 1);
    let one = serde_json::to_value(eml::parse(mail.into_bytes(), 1, None).unwrap()).unwrap();
    assert_eq!(one["messages"].as_array().unwrap().len(), 1);
    assert_eq!(one["messages"][0]["attachments"][0]["kind"], "message");
    assert_eq!(one["messages"][0]["attachments"][0]["message"], Value::Null);
}

#[test]
fn reads_what_servers_wrote() {
    let mail = ok(
        "Received: from mx.example.net (mx.example.net [192.0.2.1]) by in.example.com with ESMTPS id 7\r\n \
         for <a@example.com>; Sat, 21 Nov 2026 05:35:00 +0000 (UTC)\r\nReceived-SPF: Fail (protection: bad) client-ip=192.0.2.1; \
         helo=mx;\r\nAuthentication-Results: spf=fail (sender IP is 192.0.2.1) smtp.mailfrom=example.net; dkim=none \
         (message not signed) header.d=none;dmarc=fail action=quarantine header.from=example.com;compauth=fail reason=000\r\n\
         Authentication-Results: forged.example; spf=pass smtp.mailfrom=\"a b\"; dkim=pass\r\nFrom: a@example.com\r\n\r\n",
    );
    let hop = &mail["received"][0];
    assert_eq!(hop["from"], "mx.example.net (mx.example.net [192.0.2.1])");
    assert_eq!(hop["by"], "in.example.com");
    assert_eq!(hop["for"], "<a@example.com>");
    assert_eq!(hop["date"], "2026-11-21T05:35:00Z");
    let authentication = &mail["authentication"];
    assert_eq!(authentication["spf"], "fail");
    assert_eq!(authentication["dkim"], "none");
    assert_eq!(authentication["dmarc"], "fail");
    assert_eq!(authentication["compauth"], "fail");
    assert_eq!(authentication["received_spf"][0]["result"], "fail");
    let first = &authentication["headers"][0];
    assert_eq!(first["authserv_id"], Value::Null);
    assert_eq!(first["results"][0]["comment"], "sender IP is 192.0.2.1");
    assert_eq!(
        first["results"][2]["properties"][1],
        json!({ "name": "header.from", "value": "example.com" })
    );
    let second = &authentication["headers"][1];
    assert_eq!(second["authserv_id"], "forged.example");
    assert_eq!(second["results"][0]["properties"][0]["value"], "a b");
}

#[test]
fn decodes_charsets_under_their_many_names() {
    for (label, body, text) in [
        ("windows-1251", &b"\xcf\xf0\xe8\xe2\xe5\xf2"[..], "Привет"),
        ("cp932", b"\x93\xfa\x96{", "日本"),
        ("ks_c_5601-1987", b"\xc7\xd1\xb1\xdb", "한글"),
        ("utf-7", b"Hi +AGEAOg- +-", "Hi a: +"),
        ("us-ascii", "é".as_bytes(), "é"),
        ("x-user-defined-nonsense", b"caf\xe9", "café"),
        ("", b"caf\xe9", "café"),
    ] {
        let mut mail =
            format!("From: a@b.c\r\nContent-Type: text/plain; charset=\"{label}\"\r\n\r\n").into_bytes();
        mail.extend_from_slice(body);
        assert_eq!(ok(mail)["text_body"], text, "{label}");
    }
}

#[test]
fn names_what_is_odd() {
    let odd = |mail: &[u8], code: &str| {
        let parsed = ok(mail);
        assert!(
            codes(&parsed).contains(&code),
            "{code} not in {:?} of {}",
            codes(&parsed),
            String::from_utf8_lossy(mail)
        );
        parsed
    };
    odd(b"", "no_headers");
    odd(b"From: a@b.c\nno colon here\n\nx", "header_without_colon");
    odd(b"From : a@b.c\n\nx", "space_before_colon");
    odd(b"Subject: a\0b\n\nx", "nul_in_header");
    odd(b"Subject: a\rb\n\nx", "bare_cr");
    odd(b"Subject: caf\xe9\n\nx", "raw_header_bytes");
    odd(b"From: a@b.c\nDate: yesterday\n\nx", "bad_date");
    odd(b"From: nobody\n\nx", "bad_address");
    odd(b"From: \"a@bank.example\", <b@c.d>\n\nx", "bad_address");
    odd(b"Subject: =?utf-8?X?a?=\n\nx", "bad_encoded_word");
    odd(b"Content-Type: nonsense\n\nx", "bad_content_type");
    odd(b"Content-Type: multipart/mixed\n\nx", "no_boundary");
    odd(b"Content-Type: multipart/mixed; boundary=z\n\nx", "boundary_not_found");
    odd(b"Content-Type: multipart/mixed; boundary=z\n\n--z\n\nx", "missing_boundary_end");
    odd(b"Content-Type: multipart/mixed; boundary=z\n\n--z\n\nx\n--z--\nhidden", "epilogue");
    odd(b"Content-Transfer-Encoding: x-unknown\n\nx", "unknown_transfer_encoding");
    odd(b"Content-Transfer-Encoding: base64\n\nSGk=!SGk=", "data_after_padding");
    odd(b"Content-Transfer-Encoding: base64\n\nS*Gk=", "bad_encoding");
    odd(b"Content-Transfer-Encoding: quoted-printable\n\n=Z1", "bad_encoding");
    odd(b"Content-Type: text/plain; charset=klingon\n\nx", "unknown_charset");
    odd(b"Content-Type: text/plain; charset=utf-8\n\n\xff", "bad_charset");
    odd(b"From: a@b.c\n\nbegin 644 evil.exe\n#86)C\n`\nend\n", "encoded_file_in_text");
    odd(
        b"Content-Type: multipart/mixed; boundary=z\nContent-Transfer-Encoding: base64\n\n--z\n\nx\n--z--",
        "encoded_container",
    );
    let shown = odd(b"Content-Type: multipart/mixed; boundary=z\n\nvisible text", "boundary_not_found");
    assert_eq!(shown["text_body"], "visible text");
}

#[test]
fn says_which_mail_and_part_is_odd() {
    let broken = "From: a@b.c\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\nx";
    let plain = mixed(&["\r\nsee", &format!("Content-Type: message/rfc822\r\n\r\n{broken}")]);
    let base64 = format!(
        "Content-Type: message/rfc822; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
        plugin_like_base64(broken)
    );
    for mail in [ok(plain), ok(mixed(&["\r\nsee", &base64]))] {
        let odd = mail["anomalies"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["code"] == "missing_boundary_end")
            .unwrap();
        assert_eq!(odd, &json!({ "code": "missing_boundary_end", "part": "2", "message": 0, "detail": "" }));
        assert_eq!(mail["messages"][0]["text_body"], "x");
    }
}

#[test]
fn compares_boundaries_as_whole_lines() {
    let mail = ok(
        "From: a@b.c\nContent-Type: multipart/mixed; boundary=ab\n\n--ab\nContent-Type: multipart/alternative; \
         boundary=abc\n\n--abc\n\none\n--abc--\n--ab\nContent-Type: text/plain; name=x\n\n--abcd\n--ab--\n",
    );
    assert_eq!(mail["text_body"], "one");
    assert_eq!(mail["attachments"][0]["size"], 6);
}

fn limit(mail: impl AsRef<[u8]>, words: &str) {
    let start = Instant::now();
    let failure = parse(mail).unwrap_err();
    assert_eq!(failure.code, "limit");
    assert!(failure.message.contains(words), "{}", failure.message);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn refuses_bombs_at_the_limit() {
    limit("Content-Type: message/rfc822\r\n\r\n".repeat(50_000), "mails inside one another");
    limit(format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\n".repeat(4_000_000)), "parts");
    limit("A: b\n".repeat(1_000_000), "headers");
    limit(format!("A: {}\n\n", "x".repeat(50_000_000)), "one line of a header");
    limit(format!("A: {}\n\n", "x\n ".repeat(1_000_000)), "one header");
    limit(format!("To: {}\n\n", "a@example.com,\n ".repeat(6_000)), "addresses");
    let deep: String = (0..60_000)
        .map(|at| format!("--b{}\nContent-Type: multipart/mixed; boundary=b{at}\n\n", at - 1))
        .collect();
    limit(deep.trim_start_matches("--b-1\n"), "multiparts");
}

#[test]
fn stays_below_a_mebibyte_whatever_comes() {
    let header = format!("X: {}\n", "\u{1}".repeat(60_000));
    let part = format!("Content-Type: text/plain; name=\"{}\"\n\nx", "n\\\"".repeat(2_000));
    let parts = vec![part.as_str(); 900];
    let body = format!("\n{}", "\u{1}<".repeat(3_000_000));
    let mail = header.repeat(900) + &mixed(&[&[body.as_str()], parts.as_slice()].concat());
    let output = ok(mail);
    assert_eq!(output["truncated"], true);
    assert_eq!(output["text_truncated"], true);
    assert_eq!(output["attachments"].as_array().unwrap().len(), 900);
    assert_eq!(output["text_artifact"]["size"], 6_000_000);
    assert!(output.to_string().len() < 1 << 20, "{}", output.to_string().len());
}

#[test]
fn describes_itself_with_a_closed_and_untrusted_output() {
    let description: Value = serde_json::from_str(&plugin_sdk::describe::<eml::Eml>()).unwrap();
    let fresh = serde_json::to_string_pretty(&description).unwrap() + "\n";
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/describe.json");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(kept, &fresh).unwrap();
    }
    assert_eq!(
        fresh,
        std::fs::read_to_string(kept).unwrap(),
        "describe.json is stale: run this test with UPDATE_EXPECT=1"
    );
    let action = &description["actions"][0];
    assert_eq!(action["name"], "parse");
    let output = &action["output"];
    assert_eq!(output["additionalProperties"], false);
    assert_eq!(output["x-untrusted"], true);
    for field in ["message_id", "from", "headers", "attachments", "messages", "anomalies"] {
        assert!(output["properties"][field].is_object(), "{field} is missing in {output:#}");
    }
    assert!(closed(output) > 10);
}

/// Objects in a schema; all of them must be closed, and all but handles untrusted.
fn closed(schema: &Value) -> usize {
    let below: usize = match schema {
        Value::Object(fields) => fields.values().map(closed).sum(),
        Value::Array(items) => items.iter().map(closed).sum(),
        _ => 0,
    };
    // A field may be called `properties`; only a schema has a type beside it.
    if schema["properties"].is_null() || !(schema["type"].is_string() || schema["type"].is_array()) {
        return below;
    }
    assert_eq!(schema["additionalProperties"], false, "{schema:#}");
    assert!(schema["x-untrusted"] == true || schema["x-artifact"] == true, "{schema:#}");
    below + 1
}

/// Pieces from which broken mails are made.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let pieces = [
        "From: ",
        "To: ",
        "Subject: =?utf-8?B?",
        "?=",
        "=?x?Q?=",
        "Content-Type: multipart/mixed; boundary=b\r\n",
        "Content-Type: message/rfc822\r\n",
        "Content-Transfer-Encoding: base64\r\n",
        "\r\n\r\n",
        "\n--b\n",
        "\n--b--\n",
        "Content-Disposition: attachment; filename*0*=utf-8''%e",
        "; name=\"",
        "(((",
        "\"",
        "<",
        ">",
        "a@b.c",
        ",",
        ";",
        "\0",
        "Received: from x by y; ",
        "Authentication-Results: ",
        "Date: 1 Jan 9999 25:61 ",
        "charset=utf-7",
        "+AGE",
        "begin 644 x\n",
    ];
    prop_oneof![
        3 => prop::sample::select(pieces.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #[test]
    fn never_panics(bytes in prop::collection::vec(piece(), 0..60)) {
        let _ = parse(bytes.concat());
    }

    #[test]
    fn attachments_are_what_base64_says(content in prop::collection::vec(any::<u8>(), 0..300)) {
        let text: String = content.iter().map(|byte| char::from(b'a' + byte % 26)).collect();
        let part = format!("Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n{}", plugin_like_base64(&text));
        let mail = ok(mixed(&[&part]));
        prop_assert_eq!(bytes(&mail["attachments"][0]["content"]), text.into_bytes());
    }
}

#[test]
fn takes_linear_time() {
    for unit in ["(", "\"", "<", "=?utf-8?Q?", "=?", ",", "a@b,", ";a=", "\\", "=", "@", ":"] {
        for header in ["From", "Content-Type", "Authentication-Results", "Subject", "Received", "Date"] {
            let line = unit.repeat(60_000 / unit.len()) + "\n ";
            let mail = format!("{header}: a/b;{}\n\nx", line.repeat(15));
            let start = Instant::now();
            let _ = parse(mail);
            assert!(start.elapsed() < Duration::from_secs(10), "{header} of {unit:?}: {:?}", start.elapsed());
        }
    }
}
