//! Loading folders of mails: the layout, determinism, hostile mails, and the corpus.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use exchange::{FolderRef, ItemRef, Mailbox, Query, SearchRequest};
use portcullis_exchange_sim::Organisation;

fn put(root: &Path, path: &str, text: &[u8]) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

async fn found(organisation: &Organisation, address: &str, folder: &str) -> Vec<exchange::MessageSummary> {
    let request = SearchRequest {
        mailbox: Mailbox::new(address).unwrap(),
        folder: FolderRef::parse(folder).unwrap(),
        query: Query::default(),
        restriction: None,
        offset: 0,
        limit: 1_000,
    };
    organisation.ports().search.unwrap().search(&request).await.unwrap().messages
}

async fn mime(organisation: &Organisation, address: &str, item: &ItemRef) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = organisation.ports().read.unwrap();
    read.mime(&Mailbox::new(address).unwrap(), item, &mut bytes).await.unwrap();
    bytes
}

#[tokio::test]
async fn what_a_user_deleted_can_lie_in_recoverable_items() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "a@corp.example/RecoverableItemsDeletions/1.eml", b"Subject: gone\r\n\r\n");
    let organisation = Organisation::load_folder(dir.path()).unwrap();
    let deleted = found(&organisation, "a@corp.example", "recoverableitemsdeletions").await;
    assert_eq!(deleted.len(), 1);
    assert!(found(&organisation, "a@corp.example", "allitems").await.is_empty());
}

#[tokio::test]
async fn a_folder_becomes_mailboxes_with_the_times_of_the_mails() {
    let dir = tempfile::tempdir().unwrap();
    let received = b"Received: from a by b; Tue, 03 Mar 2026 10:00:00 +0100\r\nReceived: from x by a; Mon, 02 Mar 2026 10:00:00 +0000\r\nDate: Sun, 01 Mar 2026 10:00:00 +0000\r\nSubject: received\r\n\r\n";
    put(dir.path(), "a@corp.example/inbox/2.eml", received);
    put(
        dir.path(),
        "a@corp.example/inbox/3.eml",
        b"Date: Sun, 01 Mar 2026 10:00:00 +0000\r\nSubject: dated\r\n\r\n",
    );
    put(dir.path(), "a@corp.example/inbox/1.eml", b"Subject: bare\r\n\r\n");
    put(dir.path(), "a@corp.example/Projects/Deep/Deeper/1.eml", b"Subject: deep\r\n\r\n");
    put(dir.path(), "B@corp.example/Sent Items/1.EML", b"Subject: sent\r\n\r\n");
    put(dir.path(), "README.txt", b"notes are welcome here");
    let organisation = Organisation::load_folder(dir.path()).unwrap();
    assert_eq!(organisation.mailboxes(), ["a@corp.example", "B@corp.example"]);
    let inbox = found(&organisation, "a@corp.example", "inbox").await;
    let seen: Vec<_> =
        inbox.iter().map(|m| (m.subject.as_deref().unwrap(), m.received_at.as_deref().unwrap())).collect();
    let expected = [
        ("received", "2026-03-03T09:00:00Z"),
        ("dated", "2026-03-01T10:00:00Z"),
        ("bare", "1970-01-01T00:00:03Z"),
    ];
    assert_eq!(seen, expected);
    assert_eq!(found(&organisation, "A@corp.example", "Projects/Deep/Deeper").await.len(), 1);
    assert_eq!(found(&organisation, "b@corp.example", "sentitems").await.len(), 1);
    assert_eq!(Organisation::load_folder(dir.path()).unwrap().snapshot(), organisation.snapshot());
}

#[test]
fn what_is_out_of_place_is_named() {
    let cases: [(&str, &str); 5] = [
        ("stray.eml", "stray.eml is out of place"),
        ("a@corp.example/stray.eml", "stray.eml is out of place"),
        ("not-a-mailbox/inbox/1.eml", "not-a-mailbox is not named after a mailbox"),
        ("a@corp.example/inbox/1.msg", "1.msg does not end in .eml"),
        ("README.txt", "has no mailboxes"),
    ];
    for (path, message) in cases {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), path, b"Subject: x\r\n\r\n");
        let error = Organisation::load_folder(dir.path()).unwrap_err().to_string();
        assert!(error.contains(message), "{path}: {error}");
    }
    let error = Organisation::load_folder("no/such/folder").unwrap_err().to_string();
    assert!(error.starts_with("cannot read no/such/folder"), "{error}");
}

#[tokio::test]
async fn mails_that_kill_parsers_are_kept_whole() {
    let mut nested = Vec::new();
    for _ in 0..50_000 {
        nested.extend_from_slice(b"Subject: deep\r\nContent-Type: message/rfc822\r\n\r\n");
    }
    let mut digests = Vec::new();
    for n in 0..20_000 {
        digests.extend_from_slice(
            format!("Content-Type: multipart/digest; boundary=b{n}\r\n\r\n--b{n}\r\n").as_bytes(),
        );
    }
    let mut parts = b"Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
    for _ in 0..1_000_000 {
        parts.extend_from_slice(b"--b\r\n\r\n");
    }
    let headers = b"X: y\r\n".repeat(200_000);
    for bomb in [nested, digests, parts, headers, vec![0; 1_000_000], Vec::new()] {
        let start = Instant::now();
        let organisation = Organisation::new();
        organisation.add_mailbox("a@corp.example");
        let inbox = FolderRef::parse("inbox").unwrap();
        let id = organisation.deliver("a@corp.example", &inbox, bomb.clone()).unwrap();
        assert_eq!(mime(&organisation, "a@corp.example", &ItemRef::new(id)).await, bomb);
        assert!(start.elapsed() < Duration::from_secs(20), "{} bytes took {:?}", bomb.len(), start.elapsed());
    }
}

/// The folder of real mails, if there is one.
fn corpus() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/phishing");
    let dir = std::env::var_os("PORTCULLIS_CORPUS").map_or_else(beside, PathBuf::from);
    dir.is_dir().then_some(dir)
}

#[tokio::test]
async fn the_corpus_loads_and_comes_back_byte_for_byte() {
    let Some(dir) = corpus() else {
        println!("the corpus is absent: set PORTCULLIS_CORPUS to a folder of .eml files to run this test");
        return;
    };
    let root = tempfile::tempdir().unwrap();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ext| ext == "eml"));
    files.sort();
    assert!(files.len() >= 300, "{} has only {} mails", dir.display(), files.len());
    let mut expected = Vec::new();
    for file in &files {
        let bytes = std::fs::read(file).unwrap();
        put(
            root.path(),
            &format!("a@corp.example/inbox/{}", file.file_name().unwrap().to_str().unwrap()),
            &bytes,
        );
        expected.push(bytes);
    }
    let organisation = Organisation::load_folder(root.path()).unwrap();
    let messages = found(&organisation, "a@corp.example", "inbox").await;
    assert_eq!(messages.len(), files.len());
    let items: Vec<ItemRef> = messages.iter().map(|message| message.item.clone()).collect();
    let alice = Mailbox::new("a@corp.example").unwrap();
    let whole = organisation.ports().read.unwrap().get(&alice, &items).await.unwrap();
    assert!(whole.iter().all(|message| message.as_ref().is_ok_and(|message| !message.headers.is_empty())));
    let mut seen = Vec::new();
    for item in &items {
        seen.push(mime(&organisation, "a@corp.example", item).await);
    }
    expected.sort();
    seen.sort();
    assert!(seen == expected, "a mail came back changed");
}

#[tokio::test]
async fn settings_stand_beside_the_folders_of_a_mailbox() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "a@corp.example/inbox/1.eml", b"Subject: x\r\n\r\n");
    let yaml = "name: Ada Lovelace\nclient_rules: true\nblocked_senders: [Eve@evil.test]\nrules:\n\
        - name: .\n  conditions: {contains_subject_strings: [invoice, payment], has_attachments: true}\n  \
        actions: {move_to_folder: RSS Feeds, forward_to_recipients: eve@evil.test}\n\
        - {name: off, enabled: false, priority: 1, actions: {delete: true}}\n\
        out_of_office: {state: enabled, audience: all, internal_reply: away}\n";
    put(dir.path(), "a@corp.example/mailbox.yaml", yaml.as_bytes());
    let organisation = Organisation::load_folder(dir.path()).unwrap();
    let (ports, ada) = (organisation.ports(), Mailbox::new("a@corp.example").unwrap());
    let found = ports.rules.unwrap().rules(&ada).await.unwrap();
    assert!(found.client_rules);
    let names: Vec<&str> = found.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, [".", "off"]);
    let rule = &found.rules[0];
    assert!(rule.enabled && !found.rules[1].enabled);
    assert_eq!(rule.action("forward_to_recipients").collect::<Vec<_>>(), ["eve@evil.test"]);
    assert!(rule.action("move_to_folder").all(|folder| folder.starts_with("id:") && folder.len() > 10));
    assert_eq!(rule.conditions[0].values, ["invoice", "payment"]);
    let entry = ports.directory.unwrap().resolve(&ada, "lovel").await.unwrap().entries.remove(0);
    assert_eq!((entry.name.as_str(), entry.address.as_str()), ("Ada Lovelace", "a@corp.example"));
    assert_eq!(ports.automatic_replies.unwrap().out_of_office(&ada).await.unwrap().internal_reply, "away");
    for (bad, word) in [
        ("rulez: []", "rulez"),
        ("rules: [{name: r, actions: {}}]", "does nothing"),
        ("rules: [{name: r, actions: {burn: true}}]", "burn"),
        ("rules: [{name: r, actions: {delete: maybe}}]", "delete"),
        ("out_of_office: {state: scheduled}", "start"),
    ] {
        put(dir.path(), "a@corp.example/mailbox.yaml", bad.as_bytes());
        let error = Organisation::load_folder(dir.path()).unwrap_err().to_string();
        assert!(error.contains("mailbox.yaml") && error.contains(word), "{bad}: {error}");
    }
}

#[tokio::test]
async fn a_sender_with_an_address_wins_over_a_name_that_a_bare_comma_cut_off() {
    let organisation = Organisation::new();
    organisation.add_mailbox("a@corp.example");
    let inbox = FolderRef::parse("inbox").unwrap();
    for from in
        ["Offers, today <sale@evil.test>", "\"Offers\", <sale@evil.test>", "<sale@evil.test>, <b@evil.test>"]
    {
        let mail = format!("From: {from}\r\nSubject: x\r\n\r\nx\r\n");
        organisation.deliver("a@corp.example", &inbox, mail.into_bytes()).unwrap();
    }
    let mails = found(&organisation, "a@corp.example", "inbox").await;
    let senders: Vec<_> = mails.iter().map(|mail| mail.from.as_ref().unwrap().address.as_str()).collect();
    assert_eq!(senders, ["sale@evil.test"; 3]);
}
