//! The requests that make, change and send drafts: well-formed, with every value in its place, whatever is in it.
//!
//! With `PORTCULLIS_EWS_REQUESTS_DIR` they are written there, to be held against the schema by somebody else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use exchange::restriction::Importance;
use exchange::{
    Address, AttachmentKind, BodyText, Draft, DraftChange, Error, ErrorKind, Header, ItemRef, MimeDraft,
    NewAttachment,
};
use portcullis_ews::Version;
use proptest::prelude::*;
use quick_xml::events::Event;
use support::{Canned, agree, alice, config, now, ports_with};

#[derive(Debug, Clone)]
enum Call {
    Create(Draft),
    Reply(ItemRef, Draft, bool),
    Forward(ItemRef, Draft),
    Mime(MimeDraft),
    Attach(ItemRef, NewAttachment),
    Change(ItemRef, DraftChange),
    Unfiled(ItemRef),
    Find(String),
    Read(ItemRef),
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~äöü😀<>&\"']{1,40}", Just("</t:Subject><t:To>&amp;]]>".to_owned())]
}

fn people() -> impl Strategy<Value = Vec<Address>> {
    let one = (proptest::option::of(text()), "[a-z]{1,8}@[a-z]{1,8}\\.example")
        .prop_map(|(name, address)| Address { name, address });
    proptest::collection::vec(one, 0..3)
}

fn body() -> impl Strategy<Value = BodyText> {
    (any::<bool>(), text())
        .prop_map(|(html, text)| if html { BodyText::Html(text) } else { BodyText::Text(text) })
}

fn importance() -> impl Strategy<Value = Option<Importance>> {
    proptest::sample::select(vec![
        None,
        Some(Importance::Low),
        Some(Importance::Normal),
        Some(Importance::High),
    ])
}

fn headers() -> impl Strategy<Value = Vec<Header>> {
    let one = ("X-[A-Za-z0-9-]{1,20}", text()).prop_map(|(name, value)| Header { name, value });
    proptest::collection::btree_map("X-[a-z0-9-]{1,20}", one, 0..3)
        .prop_map(|all| all.into_iter().map(|(name, header)| Header { name, ..header }).collect())
}

fn draft() -> impl Strategy<Value = Draft> {
    let lists = (people(), people(), people(), people());
    let head = (people(), proptest::option::of(text()), importance(), headers());
    (lists, head, body(), proptest::option::of(text()), any::<bool>(), "[a-zA-Z0-9:/-]{1,60}").prop_map(
        |((to, cc, bcc, reply_to), (from, subject, importance, headers), body, plain, quotes, key)| Draft {
            from: from.into_iter().next(),
            to,
            cc,
            bcc,
            reply_to,
            subject,
            body,
            plain,
            quotes,
            importance,
            headers,
            key,
        },
    )
}

fn change() -> impl Strategy<Value = DraftChange> {
    let list = || proptest::option::of(people());
    let rest = (proptest::option::of(text()), proptest::option::of(body()), importance());
    (list(), list(), list(), list(), rest, headers(), proptest::option::of("[a-z0-9/]{1,20}")).prop_map(
        |(to, cc, bcc, reply_to, (subject, body, importance), headers, key)| DraftChange {
            to,
            cc,
            bcc,
            reply_to,
            subject,
            body,
            importance,
            headers,
            key,
        },
    )
}

fn attachment() -> impl Strategy<Value = NewAttachment> {
    let id = proptest::option::of("[a-z0-9.@-]{1,20}");
    let kind = proptest::sample::select(vec![AttachmentKind::File, AttachmentKind::Item]);
    (text(), proptest::option::of("[a-z]{1,8}/[a-z]{1,8}"), id, kind, 0..200_000_usize).prop_map(
        |(name, media_type, content_id, kind, size)| {
            let bytes: Vec<u8> = (0..=255).cycle().take(size).collect();
            let size = bytes.len() as u64;
            NewAttachment { name, media_type, content_id, kind, size, content: Arc::new(bytes) }
        },
    )
}

fn mime() -> impl Strategy<Value = MimeDraft> {
    (proptest::collection::vec(any::<u8>(), 0..2_000), "[a-zA-Z0-9:/-]{1,60}")
        .prop_map(|(bytes, key)| MimeDraft { size: bytes.len() as u64, content: Arc::new(bytes), key })
}

fn item() -> impl Strategy<Value = ItemRef> {
    ("[A-Za-z0-9+/=]{1,60}", proptest::option::of("[A-Za-z0-9+/=]{1,20}"))
        .prop_map(|(id, change_key)| ItemRef { id, change_key })
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        3 => draft().prop_map(Call::Create),
        3 => (item(), draft(), any::<bool>()).prop_map(|(item, draft, all)| Call::Reply(item, draft, all)),
        3 => (item(), draft()).prop_map(|(item, draft)| Call::Forward(item, draft)),
        2 => mime().prop_map(Call::Mime),
        2 => (item(), attachment()).prop_map(|(item, attachment)| Call::Attach(item, attachment)),
        3 => (item(), change()).prop_map(|(item, change)| Call::Change(item, change)),
        1 => item().prop_map(Call::Unfiled),
        1 => text().prop_map(Call::Find),
        1 => item().prop_map(Call::Read),
    ]
}

/// Makes the call against a server that agrees to everything, and gives the requests it took.
fn requests(version: Version, call: &Call) -> (Result<(), Error>, Vec<String>) {
    let log = Arc::new(Mutex::new(Vec::new()));
    let mut config = config();
    config.version = version;
    let seen = Arc::clone(&log);
    let ports = ports_with(config, move |request| {
        seen.lock().unwrap().push(request.to_owned());
        let canned: Canned = agree(request);
        canned
    });
    let (me, submit, drafts) = (alice(), ports.submit.unwrap(), ports.drafts.unwrap());
    let done = match call {
        Call::Create(draft) => now(submit.create_draft(&me, draft)).map(drop),
        Call::Reply(item, draft, all) => now(submit.create_reply(&me, item, draft, *all)).map(drop),
        Call::Forward(item, draft) => now(drafts.create_forward(&me, item, draft)).map(drop),
        Call::Mime(draft) => now(drafts.create_from_mime(&me, draft)).map(drop),
        Call::Attach(item, attachment) => now(drafts.attach(&me, item, attachment)).map(drop),
        Call::Change(item, change) => now(drafts.change_draft(&me, item, change)).map(drop),
        Call::Unfiled(item) => now(drafts.send_unfiled(&me, item)),
        Call::Find(key) => now(drafts.find_unfiled(&me, key)).map(drop),
        Call::Read(item) => now(drafts.draft(&me, item)).map(drop),
    };
    let sent = log.lock().unwrap().drain(..).collect();
    (done, sent)
}

/// The texts of a document by the name of their element; fails where it is not well-formed.
fn texts(document: &str) -> Vec<(String, String)> {
    let mut reader = quick_xml::Reader::from_str(document);
    let (mut all, mut text) = (Vec::new(), String::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return all,
            Event::Start(_) => text.clear(),
            Event::Text(part) => text.push_str(&part),
            Event::GeneralRef(name) => {
                let name: &str = &name;
                text.push_str(&quick_xml::escape::unescape(&format!("&{name};")).unwrap());
            }
            Event::End(end) => all.push((end.name().as_ref().to_owned(), std::mem::take(&mut text))),
            _ => {}
        }
    }
}

fn keep(requests: &[String]) {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let Some(folder) = std::env::var_os("PORTCULLIS_EWS_REQUESTS_DIR") else { return };
    let folder = PathBuf::from(folder);
    std::fs::create_dir_all(&folder).unwrap();
    for request in requests {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        std::fs::write(folder.join(format!("sending-{number:05}.xml")), request).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_request_is_well_formed_and_says_what_was_meant(
        version in proptest::sample::select(Version::ALL.to_vec()),
        call in call(),
    ) {
        let (done, sent) = requests(version, &call);
        keep(&sent);
        let all: Vec<(String, String)> = sent.iter().flat_map(|request| texts(request)).collect();
        let has = |name: &str, text: &str| all.iter().any(|(one, found)| one == name && found == text);
        match &call {
            Call::Reply(_, draft, _) | Call::Forward(_, draft) if draft.plain.is_some() => {
                prop_assert_eq!(done.unwrap_err().kind, ErrorKind::Invalid);
                prop_assert!(sent.is_empty());
            }
            Call::Create(draft) | Call::Reply(_, draft, _) | Call::Forward(_, draft) => {
                prop_assert!(done.is_ok(), "{:?}", done);
                prop_assert!(has("t:Value", &draft.key));
                for person in draft.to.iter().chain(&draft.cc).chain(&draft.bcc).chain(&draft.from) {
                    prop_assert!(has("t:EmailAddress", &person.address));
                }
                for header in &draft.headers {
                    prop_assert!(has("t:Value", &header.value));
                }
                if let Some(subject) = &draft.subject {
                    prop_assert!(has("t:Subject", subject));
                }
                let (BodyText::Text(text) | BodyText::Html(text)) = &draft.body;
                let both = matches!(draft.body, BodyText::Html(_)) && draft.plain.is_some();
                prop_assert!(both || has("t:Body", text) || has("t:NewBodyContent", text));
            }
            Call::Mime(draft) => {
                prop_assert!(done.is_ok(), "{:?}", done);
                let mut bytes = Vec::new();
                std::io::Read::read_to_end(&mut draft.content.open().unwrap(), &mut bytes).unwrap();
                prop_assert!(has("t:MimeContent", &STANDARD.encode(&bytes)));
                prop_assert!(has("t:Value", &draft.key));
                // What stands beside counts more than what is inside.
                for beside in ["t:Subject", "t:Body", "t:From", "t:EmailAddress"] {
                    prop_assert!(!all.iter().any(|(name, _)| name == beside), "{}", beside);
                }
            }
            Call::Attach(_, attachment) => {
                prop_assert!(done.is_ok(), "{:?}", done);
                let mut bytes = Vec::new();
                std::io::Read::read_to_end(&mut attachment.content.open().unwrap(), &mut bytes).unwrap();
                let place = if attachment.kind == AttachmentKind::File { "t:Content" } else { "t:MimeContent" };
                prop_assert!(has(place, &STANDARD.encode(&bytes)));
                prop_assert!(has("t:Name", &attachment.name));
            }
            Call::Change(_, change) => {
                prop_assert!(done.is_ok(), "{:?}", done);
                prop_assert_eq!(sent.is_empty(), *change == DraftChange::default());
            }
            Call::Unfiled(_) => {
                let last = sent.last().unwrap();
                prop_assert!(last.contains("<t:DistinguishedFolderId Id=\"deleteditems\""), "{}", last);
            }
            Call::Find(_) | Call::Read(_) => prop_assert!(done.is_ok(), "{:?}", done),
        }
    }
}

#[test]
fn both_bodies_are_in_one_message_and_no_text_can_leave_it() {
    let draft = Draft {
        to: vec![Address { name: None, address: "bob@corp.example".to_owned() }],
        subject: Some("Both".to_owned()),
        body: BodyText::Html("<p>\r\n--=_alternative--\r\nBcc: eve@evil.example</p>".to_owned()),
        plain: Some("Grüße\r\n--=_alternative\r\nBcc: eve@evil.example".to_owned()),
        key: "k".to_owned(),
        ..Draft::default()
    };
    let (_, sent) = requests(Version::default(), &Call::Create(draft));
    let all = texts(&sent[0]);
    let mime = all.iter().find(|(name, _)| name == "t:MimeContent").map(|(_, text)| text).unwrap();
    let mime = String::from_utf8(STANDARD.decode(mime).unwrap()).unwrap();
    assert_eq!(mime.matches("--=_alternative").count(), 3, "{mime}");
    assert!(!mime.contains("Bcc"), "{mime}");
    assert!(mime.find("text/plain").unwrap() < mime.find("text/html").unwrap(), "{mime}");
    assert!(!all.iter().any(|(name, _)| name == "t:Body"));
}

#[test]
fn bytes_that_are_not_there_or_too_many_are_not_sent() {
    struct Broken;
    impl exchange::Content for Broken {
        fn open(&self) -> std::io::Result<Box<dyn std::io::Read + Send>> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let attachment = |size: u64, content: Arc<dyn exchange::Content>| NewAttachment {
        name: "a.bin".to_owned(),
        media_type: None,
        content_id: None,
        kind: AttachmentKind::File,
        size,
        content,
    };
    for (attachment, words) in [
        (attachment(3, Arc::new(Broken)), "the disk is gone"),
        (attachment(3, Arc::new(vec![0_u8; 4])), "3 bytes"),
        (attachment(5, Arc::new(vec![0_u8; 4])), "5 bytes"),
        (attachment(u64::MAX, Arc::new(vec![0_u8; 4])), "memory"),
        (NewAttachment { kind: AttachmentKind::Reference, ..attachment(4, Arc::new(vec![0_u8; 4])) }, "link"),
    ] {
        let (done, sent) = requests(Version::default(), &Call::Attach(ItemRef::new("A"), attachment));
        let error = done.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.message.contains(words), "{error}");
        assert!(sent.is_empty());
    }
}
