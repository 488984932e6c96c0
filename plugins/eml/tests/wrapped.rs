//! Signed and encrypted mail, and text in another charset than it declares.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use eml::cms::{self, Cms};
use plugin_sdk::Failure;
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(bytes: &[u8], fallback: Option<&str>) -> Result<Value, Failure> {
    let fallback = fallback.map(|name| eml::charset::find(name).unwrap());
    eml::parse(bytes.to_vec(), 5, fallback).map(|output| serde_json::to_value(output).unwrap())
}

fn ok(bytes: &[u8]) -> Value {
    parse(bytes, None).unwrap()
}

fn codes(mail: &Value) -> Vec<&str> {
    mail["anomalies"].as_array().unwrap().iter().map(|anomaly| anomaly["code"].as_str().unwrap()).collect()
}

const SIGNED: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const ENVELOPED: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03";
const DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";

/// An element with its length before it (DER).
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x84][..], &length, content].concat()
}

/// An element whose end is marked (BER).
fn ber(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, 0x80][..], content, &[0, 0]].concat()
}

type Element = fn(u8, &[u8]) -> Vec<u8>;

fn signed(element: Element, octets: &[u8]) -> Vec<u8> {
    let content = [der(0x06, DATA), element(0xA0, octets)].concat();
    let inner =
        [der(0x02, &[1]), element(0x31, &element(0x30, &der(0x06, DATA))), element(0x30, &content)].concat();
    element(0x30, &[der(0x06, SIGNED), element(0xA0, &element(0x30, &inner))].concat())
}

/// An octet string of pieces, two levels of them.
fn pieces(content: &[u8]) -> Vec<u8> {
    let (one, other) = content.split_at(content.len() / 2);
    ber(0x24, &[der(0x04, one), ber(0x24, &der(0x04, other)), der(0x24, &der(0x04, b""))].concat())
}

fn p7m(headers: &str, cms: &[u8]) -> Vec<u8> {
    let mut mail = format!(
        "From: a@example.com\r\n{headers}Content-Type: application/pkcs7-mime; smime-type=signed-data; \
         name=smime.p7m\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    )
    .into_bytes();
    mail.extend_from_slice(cms);
    mail
}

const ENTITY: &[u8] = b"Content-Type: multipart/mixed; boundary=i\r\nSubject: not this one\r\n\r\n--i\r\nContent-Type: \
text/html\r\n\r\n<a href=https://evil.example>x</a>\r\n--i\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\nPDF\r\n--i--\r\n";

#[test]
fn sees_what_is_signed_and_says_that_nobody_verified_it() {
    for cms in [signed(der, &der(0x04, ENTITY)), signed(ber, &pieces(ENTITY)), signed(der, &pieces(ENTITY))] {
        let mail = ok(&p7m("Subject: this one\r\n", &cms));
        assert_eq!(mail["signed"], true);
        assert_eq!(mail["encrypted"], false);
        assert_eq!(
            mail["protection"],
            json!([{ "part": "", "scheme": "smime", "kind": "signed", "opened": true, "signature": "not_verified" }])
        );
        assert_eq!(mail["subject"], "this one");
        assert_eq!(mail["html_body"], "<a href=https://evil.example>x</a>");
        assert_eq!(mail["attachments"][0]["name"], "smime.p7m");
        assert_eq!(mail["attachments"][0]["opaque"], Value::Null);
        assert_eq!(mail["attachments"][1]["name"], "a.pdf");
        assert_eq!(mail["attachments"][1]["container"], 0);
        assert_eq!(codes(&mail), Vec::<&str>::new());
    }
}

#[test]
fn a_mail_that_is_signed_as_a_whole_is_an_attached_mail() {
    let inner = b"Content-Type: message/rfc822\r\n\r\nFrom: b@example.com\r\nSubject: protected\r\n\r\nx";
    let mail = ok(&p7m("", &signed(der, &der(0x04, inner))));
    assert_eq!(mail["messages"][0]["subject"], "protected");
}

#[test]
fn says_what_is_encrypted_and_leaves_it_closed() {
    let mail = ok(&p7m("", &der(0x30, &[der(0x06, ENVELOPED), der(0xA0, b"whatever")].concat())));
    assert_eq!(mail["encrypted"], true);
    assert_eq!(mail["signed"], false);
    assert_eq!(mail["protection"][0]["opened"], false);
    assert_eq!(mail["protection"][0]["signature"], Value::Null);
    assert_eq!(mail["attachments"][0]["opaque"], "smime");
    let pgp =
        ok(b"From: a@b.c\r\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; \
          boundary=b\r\n\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b--");
    assert_eq!(pgp["protection"][0]["scheme"], "pgp");
    assert_eq!(pgp["encrypted"], true);
}

#[test]
fn marks_signed_multiparts() {
    for (protocol, scheme) in [("application/pkcs7-signature", "smime"), ("application/pgp-signature", "pgp")]
    {
        let mail = ok(format!(
            "From: a@b.c\r\nContent-Type: multipart/signed; protocol=\"{protocol}\"; boundary=b\r\n\r\n--b\r\n\r\n\
             text\r\n--b\r\nContent-Type: {protocol}\r\n\r\nxx\r\n--b--\r\n"
        )
        .as_bytes());
        assert_eq!(mail["signed"], true);
        assert_eq!(mail["protection"][0]["scheme"], scheme);
        assert_eq!(mail["protection"][0]["signature"], "not_verified");
        assert_eq!(mail["text_body"], "text");
        assert_eq!(mail["attachments"][0]["opaque"], scheme);
    }
    // A mail that is attached and signed says nothing about the one around it.
    let inner = "Content-Type: multipart/signed; boundary=i\r\n\r\n--i\r\n\r\nx\r\n--i--\r\n";
    let mail = ok(format!("From: a@b.c\r\nContent-Type: message/rfc822\r\n\r\n{inner}").as_bytes());
    assert_eq!(mail["signed"], false);
    assert_eq!(mail["messages"][0]["signed"], true);
}

#[test]
fn signed_in_signed_ends() {
    let mut entity = ENTITY.to_vec();
    for _ in 0..40 {
        entity = [
            b"Content-Type: application/pkcs7-mime\r\n\r\n".to_vec(),
            signed(ber, &ber(0x24, &der(0x04, &entity))),
        ]
        .concat();
    }
    let mail = ok(&entity);
    assert_eq!(codes(&mail), ["no_from", "unreadable_container"]);
    assert_eq!(mail["protection"].as_array().unwrap().len(), 5);
    // Octet strings inside one another.
    let mut octets = der(0x04, b"x");
    for _ in 0..1_000 {
        octets = ber(0x24, &octets);
    }
    assert_eq!(cms::read(&signed(ber, &octets)), None);
    assert_eq!(cms::read(&b"\x30\x80".repeat(1_000_000)), None);
}

#[test]
fn text_is_read_in_the_charset_that_it_is_in() {
    let cyrillic = b"\xcf\xf0\xe8\xe2\xe5\xf2";
    let row = |declared: &str, fallback: Option<&str>, body: &[u8]| {
        let mut mail =
            format!("From: a@b.c\r\nContent-Type: text/plain; charset=\"{declared}\"\r\n\r\n").into_bytes();
        mail.extend_from_slice(body);
        let mail = parse(&mail, fallback).unwrap();
        let used = mail["charset_repairs"][0]["used"].as_str().map(str::to_owned);
        (mail["text_body"].as_str().unwrap().to_owned(), used)
    };
    let used = |name: &str| Some(name.to_owned());
    // Right declarations are left alone.
    assert_eq!(row("windows-1251", None, cyrillic), ("Привет".to_owned(), None));
    assert_eq!(row("iso-8859-1", Some("1251"), b"caf\xe9"), ("café".to_owned(), None));
    assert_eq!(row("gb2312", None, b"\xc4\xe3\xba\xc3"), ("你好".to_owned(), None));
    assert_eq!(row("", None, b"plain"), ("plain".to_owned(), None));
    // UTF-8 under another name.
    assert_eq!(row("iso-8859-1", None, "Привет".as_bytes()), ("Привет".to_owned(), used("utf-8")));
    assert_eq!(row("us-ascii", None, "é".as_bytes()), ("é".to_owned(), used("utf-8")));
    // No UTF-8 under its name: the fallback, then Windows-1252.
    assert_eq!(row("utf-8", Some("windows-1251"), cyrillic), ("Привет".to_owned(), used("windows-1251")));
    assert_eq!(row("utf-8", None, b"caf\xe9"), ("café".to_owned(), used("windows-1252")));
    // A character that was cut in half does not make it another charset.
    assert_eq!(row("utf-8", Some("1251"), "Привет".as_bytes().split_last().unwrap().1).1, None);
    // Nobody's charset, and no charset at all.
    assert_eq!(row("klingon", Some("cp1251"), cyrillic), ("Привет".to_owned(), used("windows-1251")));
    assert_eq!(row("", Some("1251"), cyrillic), ("Привет".to_owned(), used("windows-1251")));
    assert_eq!(
        row("", Some("euc-jp"), b"\xff\xa0\xff"),
        ("\u{ff}\u{a0}\u{ff}".to_owned(), used("windows-1252"))
    );
}

#[test]
fn headers_are_repaired_too_and_say_where() {
    let mail =
        parse(b"Subject: =?utf-8?Q?=CF=F0=E8=E2=E5=F2?=\r\nFrom: \xcf\xf0 <a@b.c>\r\n\r\nx", Some("1251"))
            .unwrap();
    assert_eq!(mail["subject"], "Привет");
    assert_eq!(mail["from"]["name"], "Пр");
    assert_eq!(
        mail["charset_repairs"],
        json!([{ "part": "", "message": null, "declared": "utf-8", "used": "windows-1251" }])
    );
}

#[test]
fn knows_code_pages_by_number() {
    for (name, charset) in [
        ("1251", "windows-1251"),
        ("cp1250", "windows-1250"),
        ("windows-874", "windows-874"),
        ("ms932", "Shift_JIS"),
        ("cp936", "GBK"),
        ("x-cp949", "EUC-KR"),
        ("ibm866", "IBM866"),
        ("950", "Big5"),
        ("65001", "UTF-8"),
        ("28605", "ISO-8859-15"),
        ("20866", "KOI8-R"),
        ("50220", "ISO-2022-JP"),
        ("54936", "gb18030"),
        ("1200", "UTF-16LE"),
        ("10007", "x-mac-cyrillic"),
        ("20127", "windows-1252"),
    ] {
        assert_eq!(eml::charset::find(name).map(encoding_rs::Encoding::name), Some(charset), "{name}");
    }
    for name in ["", "0", "99999", "cp", "-1251x", "utf-7"] {
        assert_eq!(eml::charset::find(name), None, "{name}");
    }
}

proptest! {
    #[test]
    fn damaged_cms_never_panics(edits in prop::collection::vec((0..400_usize, any::<u8>()), 1..20)) {
        for mut cms in [signed(der, &der(0x04, ENTITY)), signed(ber, &pieces(ENTITY))] {
            for (at, byte) in &edits {
                if let Some(slot) = cms.get_mut(*at) {
                    *slot = *byte;
                }
            }
            let _ = parse(&p7m("", &cms), None);
        }
    }

    #[test]
    fn any_cut_of_the_pieces_is_the_same_content(content in prop::collection::vec(any::<u8>(), 0..300), cuts in prop::collection::vec(1..50_usize, 1..9)) {
        let mut rest = content.as_slice();
        let mut strings = Vec::new();
        for cut in cuts {
            let (head, tail) = rest.split_at(cut.min(rest.len()));
            strings.extend(der(0x04, head));
            rest = tail;
        }
        strings.extend(der(0x04, rest));
        prop_assert_eq!(cms::read(&signed(ber, &ber(0x24, &strings))), Some(Cms::Signed(Some(content.clone()))));
        prop_assert_eq!(cms::read(&signed(der, &der(0x24, &strings))), Some(Cms::Signed(Some(content))));
    }

    #[test]
    fn valid_utf8_is_never_damaged(text in "\\PC{0,60}", label in "[a-z0-9-]{0,12}") {
        // Whatever is declared beside it, in a charset of one byte a character or in none.
        let label = if eml::charset::find(&label).is_some_and(|it| !it.is_single_byte()) || label.contains("utf") { "latin1".to_owned() } else { label };
        let mail = format!("From: a@b.c\r\nContent-Type: text/plain; charset=\"{label}\"\r\n\r\n{text}");
        let mail = ok(mail.as_bytes());
        prop_assert_eq!(mail["text_body"].as_str(), Some(text.as_str()));
    }
}
