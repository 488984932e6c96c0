//! Anything may come over the wire or lie in a folder: the organisation answers and stays whole.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod wire;

use exchange::{FolderRef, ItemRef, Mailbox};
use portcullis_exchange_sim::Organisation;
use proptest::prelude::*;
use wire::{ALICE, call, find, send, start};

/// Pieces out of which mails and requests are made, so that mixtures get past the first line.
const WORDS: [&str; 28] = [
    "Content-Type: ",
    "multipart/mixed; boundary=b",
    "message/rfc822",
    "multipart/digest; boundary=b",
    "text/html",
    "; charset=",
    "utf-7",
    "\r\n",
    "\n\n",
    "--b\r\n",
    "--b--\r\n",
    "Content-Transfer-Encoding: base64\r\n",
    "Content-Transfer-Encoding: quoted-printable\r\n",
    "=?utf-8?B?",
    "?=",
    "Subject: ",
    "From: ",
    "<",
    ">",
    "\"",
    "(",
    "Received: ;",
    "=",
    "\u{0}",
    "\u{fffe}",
    "é",
    "Content-Disposition: attachment; filename*=utf-8''%",
    "Date: Mon, 99 Feb 99999 99:99:99 +9999\r\n",
];

fn mail() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        6 => proptest::sample::select(&WORDS[..]).prop_map(|word| word.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..12),
    ];
    proptest::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_mail_is_kept_and_shown_as_xml(raw in mail()) {
        runtime().block_on(async {
            let organisation = Organisation::new();
            organisation.add_mailbox(ALICE);
            let inbox = FolderRef::parse("inbox").unwrap();
            let id = organisation.deliver(ALICE, &inbox, raw.clone()).unwrap();
            let mut back = Vec::new();
            let read = organisation.ports().read.unwrap();
            read.mime(&Mailbox::new(ALICE).unwrap(), &ItemRef::new(id.clone()), &mut back).await.unwrap();
            assert_eq!(back, raw);
            let server = start(&organisation).await;
            let get = format!("<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent></m:ItemShape>{}</m:GetItem>", wire::ids(&[&id]));
            for request in [find("inbox", ""), get] {
                let answer = call(&server, &request).await.unwrap();
                assert_eq!(answer.codes(), ["NoError"]);
                roxmltree::Document::parse(&answer.body).unwrap();
            }
            for attachment in read.get(&Mailbox::new(ALICE).unwrap(), &[ItemRef::new(id)]).await.unwrap().remove(0).unwrap().attachments {
                let request = format!("<m:GetAttachment><m:AttachmentShape><t:IncludeMimeContent>true</t:IncludeMimeContent></m:AttachmentShape><m:AttachmentIds><t:AttachmentId Id=\"{}\"/></m:AttachmentIds></m:GetAttachment>", attachment.id);
                let answer = call(&server, &request).await.unwrap();
                assert_eq!(answer.codes(), ["NoError"]);
                roxmltree::Document::parse(&answer.body).unwrap();
            }
        });
    }

    #[test]
    fn any_request_gets_an_answer_and_the_next_one_too(
        operation in "(<m:(FindItem|GetItem|DeleteItem|UpdateItem|CreateItem|SendItem|MoveItem|GetAttachment|FindFolder)[ a-zA-Z=\"]{0,20}>)(<[mt]:(ItemIds|ItemId Id=\"[a-zA-Z0-9+/]{0,8}\"|ItemShape|Items|Message|ParentFolderIds|Restriction|And|Not|Contains)/?>){0,6}.{0,30}",
    ) {
        runtime().block_on(async {
            let organisation = Organisation::new();
            organisation.add_mailbox(ALICE);
            let server = start(&organisation).await;
            for request in [operation.clone(), close(&operation)] {
                let answer = call(&server, &request).await.unwrap();
                assert!([200, 500].contains(&answer.status()), "{}", answer.head);
                roxmltree::Document::parse(&answer.body).unwrap();
            }
            let raw = send(&server, "POST", "/EWS/Exchange.asmx", &operation).await.unwrap();
            assert_eq!(raw.status(), 500);
            assert_eq!(call(&server, &find("inbox", "")).await.unwrap().codes(), ["NoError"]);
        });
    }
}

/// The same with every open element closed, so that it is well-formed more often.
fn close(operation: &str) -> String {
    let names: Vec<&str> = operation
        .split('<')
        .skip(1)
        .filter(|tag| !tag.split('>').next().unwrap_or_default().ends_with('/'))
        .map(|tag| tag.split([' ', '>', '/']).next().unwrap_or_default())
        .collect();
    let closing: String = names.iter().rev().map(|name| format!("</{name}>")).collect();
    format!("{operation}{closing}")
}
