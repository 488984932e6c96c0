//! Folders, export and ids over real HTTP against the simulator; what is there afterwards is asked of the simulator, not
//! of the client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

#[path = "support/wired.rs"]
mod wired;

use std::time::Duration;

use exchange::{DeleteMode, ErrorKind, FolderRef, ItemRef, Mailbox, WellKnownFolder};
use exchange_sim::{EffectKind, Organisation, Server};
use portcullis_ews::{
    AlternateId, EwsClient, FolderAt, FolderFilter, FolderKind, FolderSearch, FolderTraversal, FolderUpdate,
    IdFormat, IdOf, NewFolder, Upload,
};

const ALICE: &str = "alice@corp.example";

fn alice() -> Mailbox {
    Mailbox::new(ALICE).unwrap()
}

fn at(text: &str) -> FolderAt {
    FolderRef::parse(text).unwrap().into()
}

fn id(id: &str) -> FolderAt {
    FolderRef::Id(id.to_owned()).into()
}

fn inbox() -> FolderAt {
    WellKnownFolder::Inbox.into()
}

fn mail(subject: &str) -> String {
    format!(
        "From: Carol <carol@partner.example>\r\nTo: {ALICE}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@partner.example>\r\nDate: 02 Mar 2026 09:00:00 +0000\r\n\r\nBody of {subject}.\r\n"
    )
}

async fn served() -> (Organisation, Server, EwsClient) {
    let organisation = Organisation::new();
    organisation.add_mailbox(ALICE);
    let server = Server::start(organisation.clone(), exchange_sim::Config::local("svc@corp.example", "pass"))
        .await
        .unwrap();
    let client = wired::connect(&server.url(), "svc@corp.example", "pass", Duration::from_secs(20));
    (organisation, server, client)
}

fn deliver(organisation: &Organisation, folder: &str, subject: &str) -> ItemRef {
    ItemRef::new(organisation.deliver(ALICE, &FolderRef::parse(folder).unwrap(), mail(subject)).unwrap())
}

/// The folders of the snapshot that are called or lie below `name`, as paths.
fn paths(organisation: &Organisation, name: &str) -> Vec<String> {
    let all: serde_json::Value = serde_json::from_str(&organisation.snapshot()).unwrap();
    let folders = all[0]["folders"].as_array().unwrap().iter();
    let paths = folders.map(|folder| folder["path"].as_str().unwrap().to_owned());
    paths.filter(|path| path.split('/').any(|part| part == name)).collect()
}

/// The subjects of the items in a folder of the snapshot.
fn subjects(organisation: &Organisation, path: &str) -> Vec<String> {
    let all: serde_json::Value = serde_json::from_str(&organisation.snapshot()).unwrap();
    let folders = all[0]["folders"].as_array().unwrap().iter();
    let items = folders.filter(|folder| folder["path"].as_str().unwrap().ends_with(path));
    let items = items.flat_map(|folder| folder["items"].as_array().unwrap().clone());
    items.map(|item| item["subject"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn folders_are_made_read_changed_moved_copied_emptied_and_deleted() {
    let (organisation, _server, client) = served().await;
    let me = &alice();
    let wanted = [
        NewFolder::mail("Cases"),
        NewFolder::mail("cases"),
        NewFolder { name: "Plans".to_owned(), kind: FolderKind::Calendar, class: None },
    ];
    let made = client.create_folders(me, &inbox(), &wanted).await.unwrap();
    let cases = made[0].as_ref().unwrap().id.clone();
    // One that is there already loses neither of the others.
    let taken = made[1].as_ref().unwrap_err();
    assert_eq!((taken.kind, taken.code.as_deref()), (ErrorKind::Conflict, Some("ErrorFolderExists")));
    assert_eq!(made[2].as_ref().unwrap().kind, FolderKind::Calendar);
    assert_eq!(paths(&organisation, "Cases"), ["root/Top of Information Store/Inbox/Cases"]);
    deliver(&organisation, "Inbox/Cases", "first");

    let asked = [inbox(), id("AAAA"), at("Inbox/Cases"), at("Inbox/Nothing"), id(&cases)];
    let got = client.get_folders(me, &asked).await.unwrap();
    assert_eq!(got[0].as_ref().unwrap().well_known.as_deref(), Some("inbox"));
    assert_eq!(got[0].as_ref().unwrap().children, Some(2));
    assert_eq!(got[1].as_ref().unwrap_err().code.as_deref(), Some("ErrorInvalidIdMalformed"));
    assert_eq!(got[3].as_ref().unwrap_err().kind, ErrorKind::NotFound);
    let read = got[4].as_ref().unwrap();
    assert_eq!(got[2].as_ref().unwrap(), read);
    assert_eq!((read.name.as_deref(), read.total, read.unread), (Some("Cases"), Some(1), Some(1)));
    assert_eq!(read.parent_id, got[0].as_ref().unwrap().id.clone().into());

    let rename = [FolderUpdate::Name("Closed & done".to_owned())];
    let changed = client.update_folder(me, &id(&cases), FolderKind::Mail, &rename).await.unwrap();
    assert_eq!(changed.id, cases);
    assert_ne!(changed.change_key, read.change_key);
    assert_eq!(paths(&organisation, "Closed & done").len(), 1);

    let moved =
        client.move_folders(me, &[id(&cases), inbox()], &WellKnownFolder::Drafts.into()).await.unwrap();
    assert_eq!(moved[0].as_ref().unwrap().id, cases);
    assert_eq!(moved[1].as_ref().unwrap_err().code.as_deref(), Some("ErrorMoveDistinguishedFolder"));
    let copied = client.copy_folders(me, &[id(&cases)], &inbox()).await.unwrap();
    assert_ne!(copied[0].as_ref().unwrap().id, cases);
    assert_eq!(subjects(&organisation, "Drafts/Closed & done"), ["first"]);
    assert_eq!(subjects(&organisation, "Inbox/Closed & done"), ["first"]);

    client.empty_folders(me, &[at("Drafts/Closed & done")], DeleteMode::Soft, true).await.unwrap()[0]
        .as_ref()
        .unwrap();
    assert!(subjects(&organisation, "Drafts/Closed & done").is_empty());
    assert_eq!(subjects(&organisation, "Recoverable Items/Deletions"), ["first"]);
    let trash = client.delete_folders(me, &[id(&cases)], DeleteMode::Trash).await.unwrap();
    assert!(trash[0].is_ok());
    assert_eq!(paths(&organisation, "Deleted Items").len(), 2);
    let deleted = client
        .delete_folders(me, &[at("Inbox/Closed & done"), inbox(), id(&cases)], DeleteMode::Hard)
        .await
        .unwrap();
    assert!(deleted[0].is_ok() && deleted[2].is_ok());
    assert_eq!(deleted[1].as_ref().unwrap_err().code.as_deref(), Some("ErrorDeleteDistinguishedFolder"));
    assert!(paths(&organisation, "Closed & done").is_empty());
    // Made 2, changed, moved, copied, emptied, deleted 3 times.
    assert_eq!(organisation.ledger().count(EffectKind::Folder), 9);
}

#[tokio::test]
async fn folders_are_found_page_by_page_at_every_depth() {
    let (organisation, _server, client) = served().await;
    let me = &alice();
    for number in 0..7 {
        deliver(&organisation, &format!("Tree/Branch {number}/Leaf"), "x");
    }
    let parent = at("Tree");
    let mut names = Vec::new();
    let mut search =
        FolderSearch { traversal: FolderTraversal::Deep, limit: 3, ..FolderSearch::below(parent.clone()) };
    let mut pages = 0;
    loop {
        let page = client.find_folders(me, &search).await.unwrap();
        assert_eq!(page.total, 14);
        names.extend(page.folders.into_iter().filter_map(|folder| folder.name));
        pages += 1;
        match page.next_offset {
            Some(next) => search.offset = next,
            None => break,
        }
    }
    assert_eq!((pages, names.len()), (5, 14));
    let count = |filter: FolderFilter, traversal: FolderTraversal| {
        let search = FolderSearch { traversal, filter: Some(filter), ..FolderSearch::below(parent.clone()) };
        let client = client.clone();
        async move { client.find_folders(&alice(), &search).await.unwrap().total }
    };
    let leaf = || FolderFilter::Named("LEAF".to_owned());
    assert_eq!(count(leaf(), FolderTraversal::Shallow).await, 0);
    assert_eq!(count(leaf(), FolderTraversal::Deep).await, 7);
    assert_eq!(count(FolderFilter::Not(Box::new(leaf())), FolderTraversal::Deep).await, 7);
    let some = FolderFilter::Any(vec![
        FolderFilter::NameContains("branch 1".to_owned()),
        FolderFilter::All(vec![leaf(), FolderFilter::ClassBegins("IPF".to_owned())]),
    ]);
    assert_eq!(count(some, FolderTraversal::Deep).await, 8);
    assert_eq!(count(FolderFilter::All(Vec::new()), FolderTraversal::Shallow).await, 7);
}

#[tokio::test]
async fn what_was_exported_and_is_uploaded_is_the_same_item() {
    let (organisation, _server, client) = served().await;
    let me = &alice();
    // Larger than what is kept in one piece anywhere.
    let large = mail("large") + &"0123456789abcdef\r\n".repeat(20_000);
    let item = organisation.deliver(ALICE, &FolderRef::parse("inbox").unwrap(), large).unwrap();
    let item = ItemRef::new(item);
    let mut bytes = Vec::new();
    let length = client.export_item(me, &item, &mut bytes).await.unwrap();
    assert_eq!(length, bytes.len() as u64);
    let shown = |folder: &str| {
        let all: serde_json::Value = serde_json::from_str(&organisation.snapshot()).unwrap();
        let folders = all[0]["folders"].as_array().unwrap().clone();
        let found =
            folders.into_iter().find(|found| found["path"].as_str().unwrap().ends_with(folder)).unwrap();
        let mut items = found["items"].as_array().unwrap().clone();
        for item in &mut items {
            let item = item.as_object_mut().unwrap();
            item.remove("id");
            item.remove("change_key");
        }
        items
    };
    let uploaded =
        client.upload_item(me, &WellKnownFolder::Drafts.into(), &Upload::New, &bytes).await.unwrap();
    assert_ne!(uploaded.id, item.id);
    assert_eq!(shown("Drafts"), shown("Inbox"));
    let other = deliver(&organisation, "inbox", "other");
    let over = client.upload_item(me, &inbox(), &Upload::Over(other.clone()), &bytes).await.unwrap();
    assert_eq!(over.id, other.id);
    assert_eq!(subjects(&organisation, "Inbox"), ["large", "large"]);
    let gone = ItemRef::new(over.id.clone());
    let doomed = at("Inbox/Doomed");
    client.create_folders(me, &inbox(), &[NewFolder::mail("Doomed")]).await.unwrap()[0].as_ref().unwrap();
    client.empty_folders(me, &[inbox()], DeleteMode::Hard, false).await.unwrap()[0].as_ref().unwrap();
    let error = client.upload_item(me, &doomed, &Upload::Over(gone.clone()), &bytes).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    client.upload_item(me, &doomed, &Upload::OverOrNew(gone), &bytes).await.unwrap();
    assert_eq!(subjects(&organisation, "Inbox/Doomed"), ["large"]);
    let error = client.upload_item(me, &doomed, &Upload::New, b"no export").await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("ErrorCorruptData"), "{error}");
    let error = client.export_item(me, &item, &mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
}

#[tokio::test]
async fn ids_are_written_in_every_way_and_back() {
    let (organisation, _server, client) = served().await;
    let me = &alice();
    let item = deliver(&organisation, "inbox", "one");
    for format in IdFormat::ALL {
        let there = client
            .convert_ids(me, &[AlternateId::ews(me, item.id.clone())], format)
            .await
            .unwrap()
            .remove(0)
            .unwrap();
        assert_eq!(there.format, format);
        let mut wrong = there.clone();
        if let IdOf::Mailbox { id, .. } = &mut wrong.of {
            *id = "no id".to_owned();
        }
        let back = client.convert_ids(me, &[wrong, there], IdFormat::EwsId).await.unwrap();
        assert_eq!(back[0].as_ref().unwrap_err().code.as_deref(), Some("ErrorInvalidIdMalformed"));
        assert_eq!(back[1].as_ref().unwrap(), &AlternateId::ews(me, item.id.clone()));
    }
}

#[tokio::test]
async fn a_folder_that_mail_clients_hide_says_so() {
    let (organisation, server, client) = served().await;
    organisation.make_folder(ALICE, &["Quiet"], true).unwrap();
    organisation.make_folder(ALICE, &["Quiet", "Inside"], false).unwrap();
    let folders = client.ports().folders.unwrap();
    let top = FolderRef::WellKnown(WellKnownFolder::MsgFolderRoot);
    let all = folders.below(&alice(), &top, true).await.unwrap();
    let hidden: Vec<&str> =
        all.folders.iter().filter(|folder| folder.hidden).map(|folder| folder.name.as_str()).collect();
    assert_eq!(hidden, ["Quiet"]);
    let direct = organisation.ports().folders.unwrap().below(&alice(), &top, true).await.unwrap();
    assert_eq!(all, direct, "with and without the wire");
    server.shutdown().await;
}
