//! Answers about folders, changes and notifications that other projects recorded from real servers, and Microsoft's own
//! examples; where they are is said in `traces.rs`. What the client reads is held against the text of the trace.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::path::PathBuf;

use exchange::{DeleteMode, Error, ErrorKind, FolderRef, ItemRef, WellKnownFolder};
use portcullis_ews::{
    AlternateId, EventKind, Folder, FolderAt, FolderKind, FolderSearch, IdFormat, IdOf, ItemSync, NewFolder,
    Streamed, SyncedFolder, SyncedItem, Upload, Watch,
};
use support::{Canned, alice, now};

fn folder() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("PORTCULLIS_EWS_TRACES") {
        let named = PathBuf::from(named);
        assert!(named.is_dir(), "PORTCULLIS_EWS_TRACES is no folder: {}", named.display());
        return Some(named);
    }
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/ews-traces");
    beside.is_dir().then_some(beside)
}

/// A trace as a whole envelope: some were kept as the body element alone.
fn whole(text: &str) -> String {
    match text.contains("Envelope") {
        true => text.to_owned(),
        false => support::envelope(&text[text.find("?>").map_or(0, |at| at + 2)..]),
    }
}

/// The values of an attribute of the elements of a name, whatever their prefix.
fn attributes(text: &str, element: &str, attribute: &str) -> Vec<String> {
    let is_start = |at: usize| text[..at].ends_with(['<', ':']);
    let tags = text.match_indices(element).filter(|(at, _)| is_start(*at)).filter_map(|(at, _)| {
        let rest = &text[at + element.len()..];
        rest.starts_with(|c: char| c.is_whitespace()).then(|| &rest[..rest.find('>').unwrap_or(rest.len())])
    });
    let key = format!("{attribute}=\"");
    tags.filter_map(|tag| {
        let at = tag.match_indices(&key).find(|(at, _)| tag[..*at].ends_with(char::is_whitespace))?.0;
        tag[at + key.len()..].split('"').next().map(str::to_owned)
    })
    .collect()
}

fn count(text: &str, element: &str) -> usize {
    text.matches(&format!("<t:{element}>")).count()
        + text.matches(&format!("<t:{element} ")).count()
        + text.matches(&format!("<{element}>")).count()
}

fn inbox() -> FolderAt {
    WellKnownFolder::Inbox.into()
}

/// What one trace comes to: the ids that were read, and the results with their errors.
struct Outcome {
    ids: Vec<String>,
    results: Vec<Result<(), Error>>,
}

fn of_folders(all: Vec<Result<Folder, Error>>) -> Outcome {
    let ids = all.iter().flatten().map(|folder| folder.id.clone()).collect();
    Outcome { ids, results: all.into_iter().map(|one| one.map(drop)).collect() }
}

fn of_one<T>(one: Result<T, Error>, ids: impl FnOnce(&T) -> Vec<String>) -> Outcome {
    Outcome { ids: one.as_ref().map(ids).unwrap_or_default(), results: vec![one.map(drop)] }
}

fn read(operation: &str, text: &str, piece: usize) -> Result<Outcome, Error> {
    let canned = Canned::pieces(text.as_bytes(), piece);
    let mut config = support::config();
    // Errors name their request, which has to be the same one each time.
    config.request_id_seed = Some(1);
    let client = support::client_with(config, move |_| canned.clone());
    let me = &alice();
    let asked = text.matches(&format!("{operation}ResponseMessage ")).count();
    let folders = vec![FolderAt::from(FolderRef::Id("f".to_owned())); asked];
    let done = |results: Vec<Result<(), Error>>| Outcome { ids: Vec::new(), results };
    Ok(match operation {
        "GetFolder" => of_folders(now(client.get_folders(me, &folders))?),
        "CreateFolder" => {
            let new = vec![NewFolder::mail("x"); asked];
            of_folders(now(client.create_folders(me, &inbox(), &new))?)
        }
        "UpdateFolder" => {
            let update = portcullis_ews::FolderUpdate::Name("x".to_owned());
            let one = now(client.update_folder(me, &inbox(), FolderKind::Mail, &[update]));
            of_one(one, |folder| vec![folder.id.clone()])
        }
        "DeleteFolder" => done(now(client.delete_folders(me, &folders, DeleteMode::Hard))?),
        "EmptyFolder" => done(now(client.empty_folders(me, &folders, DeleteMode::Hard, true))?),
        "MoveFolder" => of_folders(now(client.move_folders(me, &folders, &inbox()))?),
        "CopyFolder" => of_folders(now(client.copy_folders(me, &folders, &inbox()))?),
        "FindFolder" => of_one(now(client.find_folders(me, &FolderSearch::below(inbox()))), |found| {
            found.folders.iter().map(|folder| folder.id.clone()).collect()
        }),
        "SyncFolderItems" => {
            let synced = now(client.sync_items(me, &ItemSync::first(inbox())));
            of_one(synced, |synced| {
                let id = |change: &SyncedItem| match change {
                    SyncedItem::Created(shown) | SyncedItem::Updated(shown) => shown.item.id.clone(),
                    SyncedItem::Deleted(item) | SyncedItem::ReadFlag(item, _) => item.id.clone(),
                    other => panic!("{other:?}"),
                };
                synced.changes.iter().map(id).collect()
            })
        }
        "SyncFolderHierarchy" => of_one(now(client.sync_folders(me, None, None)), |synced| {
            let id = |change: &SyncedFolder| match change {
                SyncedFolder::Created(folder) | SyncedFolder::Updated(folder) => folder.id.clone(),
                SyncedFolder::Deleted(id) => id.clone(),
                other => panic!("{other:?}"),
            };
            synced.changes.iter().map(id).collect()
        }),
        "Subscribe" => {
            of_one(now(client.subscribe_pull(me, &Watch::new_mail(inbox()), 10, None)), |_| Vec::new())
        }
        "Unsubscribe" => done(vec![now(client.unsubscribe(me, "s"))]),
        "GetEvents" => of_one(now(client.get_events(me, "s", "w")), |_| Vec::new()),
        "ExportItems" => {
            let id = attributes(text, "ItemId", "Id").first().cloned().unwrap_or_default();
            of_one(now(client.export_item(me, &ItemRef::new(id), &mut Vec::new())), |_| Vec::new())
        }
        "UploadItems" => {
            let folder = FolderAt::from(FolderRef::Id("f".to_owned()));
            of_one(now(client.upload_item(me, &folder, &Upload::New, b"x")), |item| vec![item.id.clone()])
        }
        "ConvertId" => {
            let ids = vec![AlternateId::ews(me, "x"); asked];
            let all = now(client.convert_ids(me, &ids, IdFormat::OwaId))?;
            let ids = all.iter().flatten().map(|id| match &id.of {
                IdOf::Mailbox { id, .. } => id.clone(),
                other => panic!("{other:?}"),
            });
            Outcome { ids: ids.collect(), results: all.into_iter().map(|one| one.map(drop)).collect() }
        }
        other => panic!("not one of ours: {other}"),
    })
}

/// The ids a trace has, as far as its operation gives ids at all.
fn ids_of(operation: &str, text: &str) -> Vec<String> {
    match operation {
        "SyncFolderItems" | "UploadItems" => attributes(text, "ItemId", "Id"),
        "ConvertId" => attributes(text, "AlternateId", "Id"),
        "Subscribe" | "Unsubscribe" | "GetEvents" | "ExportItems" | "DeleteFolder" | "EmptyFolder" => {
            Vec::new()
        }
        _ => {
            // Where a search folder searches is no folder of the answer.
            let apart: String = text
                .split("<t:SearchParameters")
                .enumerate()
                .map(|(at, part)| match at {
                    0 => part,
                    _ => part.split_once("</t:SearchParameters>").map_or(part, |(_, rest)| rest),
                })
                .collect();
            attributes(&apart, "FolderId", "Id")
        }
    }
}

#[test]
fn every_recorded_answer_is_understood() {
    const OURS: [&str; 16] = [
        "GetFolder",
        "CreateFolder",
        "UpdateFolder",
        "DeleteFolder",
        "EmptyFolder",
        "MoveFolder",
        "CopyFolder",
        "FindFolder",
        "SyncFolderItems",
        "SyncFolderHierarchy",
        "Subscribe",
        "Unsubscribe",
        "GetEvents",
        "ExportItems",
        "UploadItems",
        "ConvertId",
    ];
    let Some(folder) = folder() else { return };
    let index = std::fs::read_to_string(folder.join("INDEX.csv")).unwrap();
    let mut real = 0;
    let mut documented = (0, Vec::new());
    let mut wrong = Vec::new();
    for line in index.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let Some(operation) = cells[3].strip_suffix("Response").filter(|name| OURS.contains(name)) else {
            continue;
        };
        let name = format!("{}/{}", cells[0], cells[1]);
        let text = whole(&std::fs::read_to_string(folder.join(&name)).unwrap());
        let is_real = matches!(cells[0], "garethp-php-ews" | "evolution-ews");
        let said =
            format!("{:?}", read(operation, &text, text.len()).map(|outcome| (outcome.ids, outcome.results)));
        let pieces = format!("{:?}", read(operation, &text, 7).map(|outcome| (outcome.ids, outcome.results)));
        assert_eq!(said, pieces, "{name}: the pieces change the result");
        match read(operation, &text, text.len()) {
            Ok(outcome)
                if outcome.results.iter().all(|one| one.as_ref().err().is_none_or(|e| e.code.is_some())) =>
            {
                let failed = outcome.results.iter().filter(|one| one.is_err()).count();
                if failed < outcome.results.len() {
                    assert_eq!(outcome.ids, ids_of(operation, &text), "{name}");
                }
                let errors = text.matches("ResponseClass=\"Error\"").count();
                assert_eq!(failed, errors, "{name}: {:?}", outcome.results);
                if is_real { real += 1 } else { documented.0 += 1 }
            }
            Ok(_) | Err(_) if is_real => wrong.push(format!("{name}: {said}")),
            _ => {
                assert!(said.contains("in element") && said.contains("at byte"), "{name}: {said}");
                documented.1.push(name);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(real >= 90, "only {real} recorded answers were understood");
    assert!(documented.0 >= 25 && documented.1.len() <= 6, "of the documented answers: {documented:?}");
}

#[test]
fn a_recorded_synchronisation_is_read_whole() {
    let Some(folder) = folder() else { return };
    let text =
        std::fs::read_to_string(folder.join("garethp-php-ews/APITest.testListItemChanges.02.xml")).unwrap();
    let synced =
        now(support::client(Canned::xml(text.clone())).sync_items(&alice(), &ItemSync::first(inbox())))
            .unwrap();
    let state = text.split("<m:SyncState>").nth(1).unwrap().split('<').next().unwrap();
    assert_eq!(synced.state, state);
    assert_eq!(synced.complete, text.contains("IncludesLastItemInRange>true"));
    let created = synced.changes.iter().filter(|change| matches!(change, SyncedItem::Created(_))).count();
    assert_eq!(created, count(&text, "Create"));
    let name = "microsoft-docs/how-to-synchronize-folders-by-using-ews-in-exchange.02.xml";
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let synced = now(support::client(Canned::xml(text.clone())).sync_folders(&alice(), None, None)).unwrap();
    assert_eq!(
        synced.changes.len(),
        count(&text, "Create") + count(&text, "Update") + count(&text, "Delete")
    );
    assert!(!synced.changes.is_empty());
}

#[test]
fn recorded_ids_subscriptions_and_exports_are_read_whole() {
    let Some(folder) = folder() else { return };
    let text = |name: &str| std::fs::read_to_string(folder.join("microsoft-docs").join(name)).unwrap();
    let me = alice();
    let client = support::client(Canned::xml(text("subscribe-operation.05.xml")));
    let subscription = now(client.subscribe_pull(&me, &Watch::new_mail(inbox()), 10, None)).unwrap();
    assert_eq!(subscription.id, "83826921-afdf-48be-b469-628cc02b5f49");
    assert_eq!(subscription.watermark.as_deref(), Some("AQAAAOpvG0LURVdOhQkPOWZLPcI8EgAAAAAAAAE="));
    let client = support::client(Canned::xml(text("convertid-operation.02.xml")));
    let converted = now(client.convert_ids(&me, &[AlternateId::ews(&me, "x")], IdFormat::OwaId)).unwrap();
    let converted = converted[0].as_ref().unwrap();
    assert_eq!(converted.format, IdFormat::OwaId);
    let (id, mailbox) = ("RgAAAAAS2%2".to_owned(), "user@example.com".to_owned());
    assert_eq!(converted.of, IdOf::Mailbox { id, mailbox, is_archive: false });
    let one = text("exportitems-operation.03.xml");
    let first = &one[..one.find("ResponseClass=\"Error\"").unwrap()];
    let first = first[..first.rfind("<m:ExportItemsResponseMessage").unwrap()].to_owned()
        + "</m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>";
    let item = ItemRef::new(attributes(&first, "ItemId", "Id").remove(0));
    let mut bytes = Vec::new();
    let length = now(support::client(Canned::xml(first)).export_item(&me, &item, &mut bytes)).unwrap();
    assert_eq!(length, bytes.len() as u64);
    assert!(bytes.starts_with(&[1, 0, 0, 0, 8, 0, 0, 0]) && bytes.len() > 100, "{bytes:?}");
}

#[test]
fn a_documented_end_of_a_stream_is_one() {
    let Some(folder) = folder() else { return };
    let text = std::fs::read_to_string(folder.join("exchangelib/test_sync.L518-02.xml")).unwrap();
    for piece in [1, 7, text.len()] {
        let client = support::client(Canned::pieces(text.as_bytes(), piece));
        let mut stream = now(client.stream_events(&alice(), &["s".to_owned()], 10)).unwrap();
        assert_eq!(now(stream.next()).unwrap(), Some(Streamed::Closed));
        assert_eq!(now(stream.next()).unwrap(), None);
    }
}

#[test]
fn a_refusal_says_what_to_do() {
    let Some(folder) = folder() else { return };
    let text = |name: &str| std::fs::read_to_string(folder.join("microsoft-docs").join(name)).unwrap();
    let client = support::client(Canned::xml(text("syncfolderitems-operation.03.xml")));
    let error = now(client.sync_items(&alice(), &ItemSync::first(inbox()))).unwrap_err();
    assert_eq!(error.code.as_deref(), Some("ErrorInvalidSyncStateData"));
    assert!(error.message.contains("again without one"), "{error}");
    let client = support::client(Canned::xml(text("unsubscribe-operation.03.xml")));
    let error = now(client.unsubscribe(&alice(), "s")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(EventKind::ALL.iter().all(|kind| kind.as_str().ends_with("Event")));
}
