//! `.msg` and `winmail.dat` from outside: files written by other libraries or by hand, and what becomes of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::io::{Cursor, Write};
use std::time::{Duration, Instant};

use plugin_sdk::{Artifact, Failure};
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(bytes: &[u8]) -> Result<Value, Failure> {
    eml::parse(bytes.to_vec(), 5, None).map(|output| serde_json::to_value(output).unwrap())
}

fn ok(bytes: &[u8]) -> Value {
    parse(bytes).unwrap()
}

fn codes(mail: &Value) -> Vec<&str> {
    mail["anomalies"].as_array().unwrap().iter().map(|anomaly| anomaly["code"].as_str().unwrap()).collect()
}

fn content(attachment: &Value) -> Vec<u8> {
    serde_json::from_value::<Artifact>(attachment["content"].clone()).unwrap().read(1 << 30).unwrap()
}

type File = cfb::CompoundFile<Cursor<Vec<u8>>>;

/// A `.msg` file, written by the crate `cfb`.
struct Msg {
    file: File,
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn row(tag: u32, value: u64) -> Vec<u8> {
    [&tag.to_le_bytes()[..], &6_u32.to_le_bytes(), &value.to_le_bytes()].concat()
}

impl Msg {
    fn new() -> Self {
        let mut msg = Msg { file: cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap() };
        // Names of properties; there are none, and still there has to be the list of them.
        msg.folder("/__nameid_version1.0");
        for id in [2, 3, 4] {
            msg.binary("/__nameid_version1.0", id, b"");
        }
        msg
    }

    fn stream(&mut self, path: &str, bytes: &[u8]) {
        self.file.create_stream(path).unwrap().write_all(bytes).unwrap();
    }

    fn text(&mut self, folder: &str, id: u16, text: &str) {
        self.stream(&format!("{folder}/__substg1.0_{id:04X}001F"), &wide(text));
    }

    fn binary(&mut self, folder: &str, id: u16, bytes: &[u8]) {
        self.stream(&format!("{folder}/__substg1.0_{id:04X}0102"), bytes);
    }

    /// Properties of fixed length, after a header that is as long as the place asks for.
    fn fixed(&mut self, folder: &str, header: usize, rows: &[Vec<u8>]) {
        let bytes = [vec![0; header], rows.concat()].concat();
        self.stream(&format!("{folder}/__properties_version1.0"), &bytes);
    }

    fn folder(&mut self, path: &str) {
        self.file.create_storage(path).unwrap();
    }

    fn recipient(&mut self, number: u32, kind: u64, name: &str, address: &str) {
        let folder = format!("/__recip_version1.0_#{number:08X}");
        self.folder(&folder);
        self.fixed(&folder, 8, &[row(0x0C15_0003, kind)]);
        self.text(&folder, 0x3001, name);
        self.text(&folder, 0x39FE, address);
    }

    fn attachment(&mut self, number: u32, name: &str, mime: &str, bytes: &[u8]) {
        let folder = format!("/__attach_version1.0_#{number:08X}");
        self.folder(&folder);
        self.fixed(&folder, 8, &[row(0x3705_0003, 1)]);
        self.text(&folder, 0x3707, name);
        self.text(&folder, 0x370E, mime);
        self.binary(&folder, 0x3701, bytes);
    }

    fn bytes(mut self) -> Vec<u8> {
        self.file.flush().unwrap();
        self.file.into_inner().into_inner()
    }
}

const HTML_IN_RTF: &str = r#"{\rtf1\ansi\ansicpg1251\fromhtml1 \fbidis \deff0{\fonttbl
{\f0\fswiss Arial;}{\f1\fmodern\fcharset204 Courier;}}
{\colortbl\red0\green0\blue0;}
{\*\generator Microsoft Exchange Server;}
\uc1\pard\plain\deftab360 \f1\fs24
{\*\htmltag19 <html>}
{\*\htmltag50 <body>}\htmlrtf {\htmlrtf0
{\*\htmltag84 <a href="https://evil.example/?a=1&amp;b=\{2\}">}\htmlrtf \cf1\ul \htmlrtf0 \'cf\'f0\u1080 ?\'e2\'e5\'f2\htmlrtf \ulnone\htmlrtf0
{\*\htmltag92 </a>}\htmlrtf\par\htmlrtf0
{\*\htmltag58 </body>}
{\*\htmltag27 </html>}}}"#;

fn sample() -> Msg {
    let mut msg = Msg::new();
    // 2026-11-21T05:35:00Z in units of 100 ns since 1601.
    let time = (1_795_239_300 + 11_644_473_600_u64) * 10_000_000;
    msg.fixed("", 32, &[row(0x0039_0040, time), row(0x3FDE_0003, 65001)]);
    msg.text("", 0x001A, "IPM.Note");
    msg.text("", 0x0037, "Überweisung");
    msg.text("", 0x0042, "Ada");
    msg.text("", 0x0065, "/O=CORP/CN=ADA");
    msg.text("", 0x0C1A, "Ada");
    msg.text("", 0x0C1F, "ada@example.com");
    msg.text("", 0x5D02, "ada@example.com");
    msg.text("", 0x1035, "<1@example.com>");
    msg.text("", 0x1000, "Привет, text");
    let rtf = compressed_rtf::compress_rtf(HTML_IN_RTF).unwrap();
    msg.binary("", 0x1009, &rtf);
    msg.recipient(0, 1, "Bob", "bob@example.com");
    msg.recipient(1, 2, "Cee", "cee@example.com");
    msg.recipient(2, 3, "Dee", "dee@example.com");
    msg.attachment(0, "Rechnung.pdf", "application/pdf", &vec![7; 10_000]);
    msg.attachment(1, "mail.eml", "message/rfc822", b"From: x@example.net\r\nSubject: reported\r\n\r\nclick");
    msg
}

#[test]
fn reads_what_outlook_saves() {
    let mail = ok(&sample().bytes());
    assert_eq!(mail["format"], "msg");
    assert_eq!(mail["subject"], "Überweisung");
    assert_eq!(mail["from"], json!({ "name": "Ada", "address": "ada@example.com" }));
    assert_eq!(mail["to"], json!([{ "name": "Bob", "address": "bob@example.com" }]));
    assert_eq!(mail["cc"][0]["address"], "cee@example.com");
    assert_eq!(mail["bcc"][0]["address"], "dee@example.com");
    assert_eq!(mail["message_id"], "<1@example.com>");
    assert_eq!(mail["date"], "2026-11-21T05:35:00Z");
    assert_eq!(mail["text_body"], "Привет, text");
    assert_eq!(
        mail["html_body"].as_str().unwrap().replace("\r\n", ""),
        "<html><body><a href=\"https://evil.example/?a=1&amp;b={2}\">Привет</a></body></html>"
    );
    assert_eq!(mail["attachments"][0]["name"], "Rechnung.pdf");
    assert_eq!(mail["attachments"][0]["content_type"], "application/pdf");
    assert_eq!(content(&mail["attachments"][0]), vec![7; 10_000]);
    assert_eq!(mail["attachments"][1]["message"], 0);
    assert_eq!(mail["messages"][0]["subject"], "reported");
    assert_eq!(mail["messages"][0]["text_body"], "click");
    assert_eq!(codes(&mail), Vec::<&str>::new());
}

/// `tests/foreign/outlook_check.py` has programs by others read the same files.
#[test]
fn samples_are_written_for_other_programs() {
    let Some(folder) = std::env::var_os("PORTCULLIS_OUTLOOK_SAMPLES").map(std::path::PathBuf::from) else {
        return;
    };
    let mut headers = sample();
    headers.text("", 0x007D, "From: real@example.net\r\nSubject: from the headers\r\n");
    let samples =
        [("plain.msg", sample().bytes()), ("headers.msg", headers.bytes()), ("sample.tnef", tnef_sample())];
    for (name, bytes) in samples {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}

#[test]
fn headers_as_they_arrived_count_more_than_properties() {
    let mut msg = sample();
    msg.text("", 0x007D, "Microsoft Mail Internet Headers Version 2.0\r\nReceived: from a by b; Sat, 21 Nov 2026\r\n \
         05:35:00 +0000\r\nFrom: real@example.net\r\nSubject: =?utf-8?Q?=C3=9C?=\r\nAuthentication-Results: x; spf=fail\r\n");
    let mail = ok(&msg.bytes());
    assert_eq!(mail["from"]["address"], "real@example.net");
    assert_eq!(mail["subject"], "Ü");
    assert_eq!(mail["received"][0]["date"], "2026-11-21T05:35:00Z");
    assert_eq!(mail["authentication"]["spf"], "fail");
    assert_eq!(mail["to"][0]["address"], "bob@example.com");
}

#[test]
fn opens_a_saved_mail_that_is_attached_and_those_inside_of_it() {
    let mut msg = sample();
    msg.folder("/__attach_version1.0_#00000002");
    msg.fixed("/__attach_version1.0_#00000002", 8, &[row(0x3705_0003, 5)]);
    let inner = "/__attach_version1.0_#00000002/__substg1.0_3701000D";
    msg.folder(inner);
    msg.fixed(inner, 24, &[]);
    msg.text(inner, 0x0037, "the inner one");
    msg.text(inner, 0x0042, "Eve");
    msg.text(inner, 0x0065, "eve@example.net");
    msg.text(inner, 0x1000, "inner text");
    let file = msg.bytes();
    let mime = [
        b"From: r@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee\r\n--b\r\n\
          Content-Type: application/vnd.ms-outlook; name=\"a.msg\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            .to_vec(),
        base64(&file),
        b"\r\n--b--\r\n".to_vec(),
    ]
    .concat();
    let mail = ok(&mime);
    assert_eq!(mail["text_body"], "see");
    assert_eq!(mail["attachments"][0]["message"], 0);
    assert_eq!(mail["attachments"][0]["kind"], "message");
    let outer = &mail["messages"][0];
    assert_eq!(outer["subject"], "Überweisung");
    assert_eq!(outer["depth"], 1);
    assert_eq!(outer["format"], "msg");
    let inner =
        mail["messages"].as_array().unwrap().iter().find(|it| it["subject"] == "the inner one").unwrap();
    assert_eq!(inner["from"]["address"], "eve@example.net");
    assert_eq!(inner["text_body"], "inner text");
    assert_eq!(inner["depth"], 2);
    assert_eq!(inner["parent"], 0);
    assert_eq!(content(outer), file);
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(*group.get(at).unwrap_or(&0)));
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit) & 63) as usize;
            out.push(if digit <= group.len() { DIGITS[value] } else { b'=' });
        }
    }
    out
}

#[test]
fn links_in_plain_rtf_are_shown() {
    let rtf = br#"{\rtf1\ansi{\fonttbl{\f0 Arial;}}{\field{\*\fldinst{HYPERLINK "https://evil.example/x"}}{\fldrslt{your bank}}}\par bye\'21}"#;
    let Some(eml::rtf::Body::Text(text)) = eml::rtf::body(rtf) else { panic!("no text") };
    assert_eq!(text, "<https://evil.example/x> your bank\r\nbye!");
}

/// One attribute of TNEF.
fn attribute(level: u8, id: u32, data: &[u8]) -> Vec<u8> {
    let sum: u16 = data.iter().fold(0, |sum, byte| sum.wrapping_add(u16::from(*byte)));
    let length = u32::try_from(data.len()).unwrap();
    [&[level][..], &id.to_le_bytes(), &length.to_le_bytes(), data, &sum.to_le_bytes()].concat()
}

fn counted(kind: u16, id: u16, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    let padding = vec![0; (4 - bytes.len() % 4) % 4];
    let head = [kind.to_le_bytes(), id.to_le_bytes()].concat();
    [&head[..], &1_u32.to_le_bytes(), &length.to_le_bytes(), bytes, &padding].concat()
}

fn list(properties: &[Vec<u8>]) -> Vec<u8> {
    let count = u32::try_from(properties.len()).unwrap();
    [&count.to_le_bytes()[..], &properties.concat()].concat()
}

fn tnef(attributes: &[Vec<u8>]) -> Vec<u8> {
    [b"\x78\x9f\x3e\x22\x01\x00".to_vec(), attributes.concat()].concat()
}

fn winmail(stream: &[u8]) -> Vec<u8> {
    [
        b"From: r@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n\
          hello\r\n--b\r\nContent-Type: application/ms-tnef; name=\"winmail.dat\"\r\nContent-Transfer-Encoding: \
          base64\r\n\r\n"
            .to_vec(),
        base64(stream),
        b"\r\n--b--\r\n".to_vec(),
    ]
    .concat()
}

fn tnef_sample() -> Vec<u8> {
    let inner = tnef(&[
        attribute(1, 0x0006_9007, &[0xE3, 4, 0, 0, 0, 0, 0, 0]),
        attribute(1, 0x0001_8004, b"inner subject\0"),
        attribute(1, 0x0006_9003, &list(&[counted(0x001F, 0x1000, &wide("inner body\0"))])),
    ]);
    let object =
        [b"\x07\x03\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46".to_vec(), inner].concat();
    let rtf = compressed_rtf::compress_rtf(HTML_IN_RTF).unwrap();
    tnef(&[
        attribute(1, 0x0008_9006, &[0, 0, 1, 0]),
        attribute(1, 0x0006_9007, &[0xE3, 4, 0, 0, 0, 0, 0, 0]),
        attribute(
            1,
            0x0006_9003,
            &list(&[counted(0x001E, 0x1000, b"hello\0"), counted(0x0102, 0x1009, &rtf)]),
        ),
        attribute(2, 0x0006_9002, &[0; 14]),
        attribute(2, 0x0001_8010, b"\xcf\xf0.txt\0"),
        attribute(2, 0x0006_800F, b"the file"),
        attribute(2, 0x0006_9002, &[0; 14]),
        attribute(
            2,
            0x0006_9005,
            &list(&[counted(0x001F, 0x3001, &wide("a mail\0")), counted(0x000D, 0x3701, &object)]),
        ),
    ])
}

#[test]
fn takes_files_and_bodies_out_of_winmail_dat() {
    let mail = ok(&winmail(&tnef_sample()));
    assert_eq!(mail["text_body"], "hello", "the same text again is not shown twice");
    assert!(mail["html_body"].as_str().unwrap().contains("https://evil.example/"), "{}", mail["html_body"]);
    let files = mail["attachments"].as_array().unwrap();
    assert_eq!(files.len(), 3);
    assert_eq!(files[0]["name"], "winmail.dat");
    assert_eq!(files[0]["opaque"], Value::Null);
    assert_eq!(files[1]["name"], "Пр.txt", "in the code page of the stream");
    assert_eq!(files[1]["container"], 0);
    assert_eq!(files[1]["part"], "2");
    assert_eq!(content(&files[1]), b"the file");
    assert_eq!(files[2]["message"], 0);
    assert_eq!(mail["messages"][0]["format"], "tnef");
    assert_eq!(mail["messages"][0]["subject"], "inner subject");
    assert_eq!(mail["messages"][0]["text_body"], "inner body");
    // What is kept of it can be read again.
    assert_eq!(ok(&content(&mail["messages"][0]))["subject"], "inner subject");
}

#[test]
fn a_second_body_in_winmail_dat_is_shown_and_named() {
    let mail = ok(&winmail(&tnef(&[attribute(1, 0x0002_800C, b"click https://evil.example\0")])));
    assert_eq!(mail["text_body"], "hello\nclick https://evil.example");
    assert_eq!(codes(&mail), ["two_bodies"]);
}

#[test]
fn what_cannot_be_read_is_listed_and_named() {
    for stream in [&b"no tnef"[..], b"\x78\x9f"] {
        let mail = ok(&winmail(stream));
        assert_eq!(mail["attachments"][0]["opaque"], "tnef");
        assert_eq!(codes(&mail), ["unreadable_container"]);
    }
    let cut = tnef_sample();
    let mail = ok(&winmail(&cut[..cut.len() - 20]));
    // The list ends early, and so the last attachment has nothing in it.
    assert_eq!(codes(&mail), ["damaged_container", "damaged_container"]);
    assert_eq!(content(&mail["attachments"][1]), b"the file");
    let lying =
        tnef(&[attribute(2, 0x0006_9002, &[0; 14]), vec![2, 0x0F, 0x80, 6, 0, 255, 255, 255, 255, 1]]);
    assert_eq!(codes(&ok(&winmail(&lying))), ["damaged_container", "damaged_container"]);
}

fn soon<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    assert!(start.elapsed() < Duration::from_secs(60), "{what} took {:?}", start.elapsed());
    done
}

#[test]
fn hostile_files_end_soon() {
    let file = sample().bytes();
    // Every entry of the table of chains points to itself, to the first, or to the next.
    let table = u32::from_le_bytes(file[76..80].try_into().unwrap()) as usize;
    let start = (table + 1) * 512;
    for next in [|_| 0_u32, |at: u32| at, |at: u32| at.wrapping_sub(1), |_| 0xFFFF_FFF0] {
        let mut circle = file.clone();
        for (at, slot) in circle[start..start + 512].chunks_exact_mut(4).enumerate() {
            slot.copy_from_slice(&next(u32::try_from(at).unwrap()).to_le_bytes());
        }
        let _ = soon("a circle", || parse(&circle));
    }
    // A list of table sectors that names the same sector over and over, and itself as the next list.
    let mut lists = file.clone();
    lists.resize(file.len() + 8 * 1024 * 1024, 0);
    lists[68..72].copy_from_slice(&1_u32.to_le_bytes());
    let _ = soon("lists in a circle", || parse(&lists));
    // Entries that are their own children and siblings.
    let mut tree = file.clone();
    let directory = u32::from_le_bytes(file[48..52].try_into().unwrap()) as usize;
    for entry in tree[(directory + 1) * 512..(directory + 2) * 512].chunks_exact_mut(128) {
        entry[66] = 1;
        entry[68..80].copy_from_slice(&[1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0]);
    }
    let _ = soon("a tree in a circle", || parse(&tree));
    // RTF that opens groups forever, and one that is made of references to what it just wrote.
    let deep = [b"{\\rtf1 ".to_vec(), b"{".repeat(1_000_000)].concat();
    soon("deep groups", || eml::rtf::body(&deep));
    let bomb = [
        b"\0\0\0\0\0\0\0\0LZFu\0\0\0\0".to_vec(),
        b"\xff\x00\x0f\x00\x0f\x00\x0f\x00\x0f\x00\x0f\x00\x0f\x00\x0f\x00\x0f".repeat(100_000),
    ]
    .concat();
    let out = soon("a bomb", || eml::lzfu::decompress(&bomb, 8 << 20)).unwrap();
    assert!(out.len() <= 8 << 20);
    // Fonts without number, and properties that take no room and are many.
    let fonts: String = (0..2_000).map(|font| format!("{{\\f{font}\\fcharset204 x;}}")).collect();
    let rtf = format!("{{\\rtf1{{\\fonttbl{fonts}}}{}}}", "\\f1999 x".repeat(70_000));
    soon("fonts", || eml::rtf::body(rtf.as_bytes()));
    let nothing =
        [&0x1001_u16.to_le_bytes()[..], &[0x37, 0], &10_000_u32.to_le_bytes()].concat().repeat(100_000);
    let list = [&100_000_u32.to_le_bytes()[..], &nothing].concat();
    let mail = soon("nothing, many times", || ok(&winmail(&tnef(&[attribute(1, 0x0006_9003, &list)]))));
    assert_eq!(codes(&mail), ["damaged_container"]);
    // Containers inside one another.
    let mut stream = tnef_sample();
    for _ in 0..12 {
        stream = tnef(&[
            attribute(2, 0x0006_9002, &[0; 14]),
            attribute(2, 0x0001_8010, b"winmail.dat\0"),
            attribute(2, 0x0006_800F, &stream),
        ]);
    }
    let mail = soon("nested", || ok(&winmail(&stream)));
    assert_eq!(mail["attachments"].as_array().unwrap().len(), 6);
    assert_eq!(codes(&mail), ["unreadable_container"]);
    let mut many = Vec::new();
    for _ in 0..1_200 {
        many.push(attribute(2, 0x0006_9002, &[0; 14]));
    }
    assert_eq!(soon("many", || parse(&winmail(&tnef(&many)))).unwrap()["attachments"][0]["opaque"], "tnef");
}

#[test]
fn the_most_attached_mails_stay_below_a_mebibyte() {
    let object = [
        b"\x07\x03\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46".to_vec(),
        tnef(&[attribute(1, 0x0001_8004, b"s\0")]),
    ]
    .concat();
    let one = [
        attribute(2, 0x0006_9002, &[0; 14]),
        attribute(2, 0x0006_9005, &list(&[counted(0x000D, 0x3701, &object)])),
    ]
    .concat();
    let mail = ok(&winmail(&tnef(&vec![one; 495])));
    assert_eq!(mail["messages"].as_array().unwrap().len(), 495);
    assert!(mail.to_string().len() < 1 << 20, "{}", mail.to_string().len());
}

fn mutated(original: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let length = original.len();
    let edit = (0..length, prop::collection::vec(any::<u8>(), 1..6));
    (prop::collection::vec(edit, 1..12), 0..length).prop_map(move |(edits, cut)| {
        let mut bytes = original.clone();
        for (at, new) in edits {
            for (offset, byte) in new.into_iter().enumerate() {
                if let Some(slot) = bytes.get_mut(at + offset) {
                    *slot = byte;
                }
            }
        }
        if cut % 4 == 0 {
            bytes.truncate(cut);
        }
        bytes
    })
}

proptest! {
    #[test]
    fn damaged_msg_never_panics(bytes in mutated(sample().bytes())) {
        let _ = parse(&bytes);
    }

    #[test]
    fn damaged_tnef_never_panics(bytes in mutated(tnef_sample())) {
        let _ = parse(&winmail(&bytes));
        let _ = parse(&bytes);
    }

    #[test]
    fn damaged_rtf_never_panics(bytes in mutated(HTML_IN_RTF.as_bytes().to_vec())) {
        let _ = eml::rtf::body(&bytes);
        let _ = eml::lzfu::decompress(&bytes, 1 << 20);
    }

    #[test]
    fn rtf_is_what_another_library_compressed(text in "[ -~]{0,600}") {
        let text = format!("{{\\rtf1 {text}}}");
        let packed = compressed_rtf::compress_rtf(&text).unwrap();
        let out = eml::lzfu::decompress(&packed, 1 << 20).unwrap();
        let out = String::from_utf8(out).unwrap();
        prop_assert_eq!(out.trim_end_matches('\0'), text);
    }

    #[test]
    fn streams_are_what_another_library_reads(bytes in mutated(sample().bytes())) {
        // Where the other library accepts a damaged file, both see the same streams in it.
        if let Ok(file) = cfb::CompoundFile::open_strict(Cursor::new(bytes.clone())) {
            let ours = eml::cfb::Compound::open(&bytes).unwrap();
            prop_assert_eq!(file.read_root_storage().count(), ours.children(0).len());
        }
    }
}
