//! Every request about folders, changes and notifications that the client can build: well-formed here, valid by
//! Microsoft's schema in `tests/foreign/ews_schema_check.py`, which reads what this test writes to
//! `PORTCULLIS_EWS_REQUESTS_DIR`.
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

use exchange::{DeleteMode, FolderRef, ItemRef, WellKnownFolder};
use portcullis_ews::{
    AlternateId, EventKind, FolderAt, FolderFilter, FolderKind, FolderSearch, FolderTraversal, FolderUpdate,
    IdFormat, IdOf, ItemSync, NewFolder, SyncDetail, Upload, Version, Watch,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use support::{Canned, alice, now};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{1,30}",
        "[^\\p{Cc}\\p{Cn}\\p{Co}]{1,10}",
        Just("]]><m:DeleteItem/>&\"'<!--".to_owned())
    ]
}

fn item() -> impl Strategy<Value = ItemRef> {
    ("[A-Za-z0-9+/=]{1,80}", of("[A-Za-z0-9+/]{4,40}"))
        .prop_map(|(id, change_key)| ItemRef { id, change_key })
}

fn folder() -> impl Strategy<Value = FolderAt> {
    prop_oneof![
        select(WellKnownFolder::ALL.to_vec()).prop_map(FolderAt::from),
        Just(FolderAt::CALENDAR),
        vec("[^\\p{Cc}/\"&<]{1,12}", 1..3).prop_map(|path| FolderRef::Path(path).into()),
        text().prop_map(|id| FolderRef::Id(id).into()),
    ]
}

fn kind() -> impl Strategy<Value = FolderKind> {
    select(vec![FolderKind::Mail, FolderKind::Calendar, FolderKind::Contacts, FolderKind::Tasks])
}

fn filter() -> impl Strategy<Value = FolderFilter> {
    let leaf = prop_oneof![
        text().prop_map(FolderFilter::Named),
        text().prop_map(FolderFilter::NameContains),
        text().prop_map(FolderFilter::Class),
        text().prop_map(FolderFilter::ClassBegins),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| FolderFilter::Not(Box::new(one))),
            vec(inner.clone(), 0..4).prop_map(FolderFilter::All),
            vec(inner, 0..4).prop_map(FolderFilter::Any),
        ]
    })
}

fn watch() -> impl Strategy<Value = Watch> {
    (vec(folder(), 0..3), subsequence(EventKind::ALL.to_vec(), 1..=7))
        .prop_map(|(folders, kinds)| Watch { folders, kinds })
}

fn alternate() -> impl Strategy<Value = AlternateId> {
    let of = prop_oneof![
        (text(), any::<bool>()).prop_map(|(id, is_archive)| IdOf::Mailbox {
            id,
            mailbox: "alice@corp.example".to_owned(),
            is_archive
        }),
        text().prop_map(|folder| IdOf::PublicFolder { folder }),
        (text(), text()).prop_map(|(folder, item)| IdOf::PublicFolderItem { folder, item }),
    ];
    (select(IdFormat::ALL.to_vec()), of).prop_map(|(format, of)| AlternateId { format, of })
}

#[derive(Debug, Clone)]
enum Call {
    Get(Vec<FolderAt>),
    Create(FolderAt, Vec<NewFolder>),
    Update(FolderAt, FolderKind, Vec<FolderUpdate>),
    Delete(Vec<FolderAt>, DeleteMode),
    Empty(Vec<FolderAt>, DeleteMode, bool),
    Move(Vec<FolderAt>, FolderAt),
    Copy(Vec<FolderAt>, FolderAt),
    Find(FolderSearch),
    SyncItems(ItemSync),
    SyncFolders(Option<FolderAt>, Option<String>),
    Pull(Watch, u16, Option<String>),
    Streaming(Watch),
    Events(String, String),
    Stream(Vec<String>, u8),
    Unsubscribe(String),
    Export(ItemRef),
    Upload(FolderAt, Upload, Vec<u8>),
    Convert(Vec<AlternateId>, IdFormat),
}

fn call() -> impl Strategy<Value = Call> {
    let folders = || vec(folder(), 1..4);
    let mode = || select(vec![DeleteMode::Trash, DeleteMode::Soft, DeleteMode::Hard]);
    let new = (text(), kind(), of(text())).prop_map(|(name, kind, class)| NewFolder { name, kind, class });
    let update = prop_oneof![text().prop_map(FolderUpdate::Name), text().prop_map(FolderUpdate::Class)];
    let traversal =
        select(vec![FolderTraversal::Shallow, FolderTraversal::Deep, FolderTraversal::SoftDeleted]);
    let search = (folder(), traversal, of(filter()), 0..5_000_u32, 1..=1_000_u32).prop_map(
        |(parent, traversal, filter, offset, limit)| FolderSearch {
            parent,
            traversal,
            filter,
            offset,
            limit,
        },
    );
    let detail = select(vec![SyncDetail::Ids, SyncDetail::Summaries]);
    let sync = (folder(), of(text()), 1..=512_u16, detail, any::<bool>(), vec(item(), 0..3)).prop_map(
        |(folder, state, limit, detail, hidden, ignore)| ItemSync {
            folder,
            state,
            limit,
            detail,
            hidden,
            ignore,
        },
    );
    let upload =
        prop_oneof![Just(Upload::New), item().prop_map(Upload::Over), item().prop_map(Upload::OverOrNew)];
    prop_oneof![
        folders().prop_map(Call::Get),
        (folder(), vec(new, 1..4)).prop_map(|(parent, new)| Call::Create(parent, new)),
        (folder(), kind(), vec(update, 1..3))
            .prop_map(|(folder, kind, updates)| Call::Update(folder, kind, updates)),
        (folders(), mode()).prop_map(|(folders, mode)| Call::Delete(folders, mode)),
        (folders(), mode(), any::<bool>())
            .prop_map(|(folders, mode, below)| Call::Empty(folders, mode, below)),
        (folders(), folder()).prop_map(|(folders, to)| Call::Move(folders, to)),
        (folders(), folder()).prop_map(|(folders, to)| Call::Copy(folders, to)),
        search.prop_map(Call::Find),
        sync.prop_map(Call::SyncItems),
        (of(folder()), of(text())).prop_map(|(root, state)| Call::SyncFolders(root, state)),
        (watch(), 1..=1_440_u16, of(text()))
            .prop_map(|(watch, minutes, mark)| Call::Pull(watch, minutes, mark)),
        watch().prop_map(Call::Streaming),
        (text(), text()).prop_map(|(id, mark)| Call::Events(id, mark)),
        (vec(text(), 1..4), 1..=30_u8).prop_map(|(ids, minutes)| Call::Stream(ids, minutes)),
        text().prop_map(Call::Unsubscribe),
        item().prop_map(Call::Export),
        (folder(), upload, vec(any::<u8>(), 0..60))
            .prop_map(|(folder, how, data)| Call::Upload(folder, how, data)),
        (vec(alternate(), 1..4), select(IdFormat::ALL.to_vec())).prop_map(|(ids, to)| Call::Convert(ids, to)),
    ]
}

/// What a server says to what is asked on the way: every folder is there.
fn agree(request: &str) -> Canned {
    let body = &request[request.find("<s:Body>").unwrap()..];
    let folder = "<t:Folder><t:FolderId Id=\"F\"/><t:DisplayName>F</t:DisplayName></t:Folder>";
    if body.contains("<m:FindFolder ") {
        // By the name that was asked for, so that a path goes on.
        let name =
            body.split("Constant Value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("F");
        let found = folder.replace(">F<", &format!(">{name}<"));
        let page = format!(
            "<m:RootFolder TotalItemsInView=\"1\" IncludesLastItemInRange=\"true\"><t:Folders>{found}</t:Folders></m:RootFolder>"
        );
        return Canned::xml(support::answer("FindFolder", &[("Success", "NoError", &page)]));
    }
    let answer = format!("<m:Folders>{folder}</m:Folders>");
    Canned::xml(support::answer("GetFolder", &[("Success", "NoError", &answer)]))
}

/// Makes the call, and gives the requests it took.
fn requests(version: Version, call: &Call) -> Vec<String> {
    let me = alice();
    let mut config = support::config();
    config.version = version;
    config.step_down = false;
    let log = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&log);
    let client = support::client_with(config, move |request| {
        let request = std::str::from_utf8(request.body()).unwrap();
        seen.lock().unwrap().push(request.to_owned());
        agree(request)
    });
    // Whether the made-up answers satisfy the client is no matter here; the requests are.
    let _ = match call {
        Call::Get(folders) => now(client.get_folders(&me, folders)).map(drop),
        Call::Create(parent, new) => now(client.create_folders(&me, parent, new)).map(drop),
        Call::Update(folder, kind, updates) => {
            now(client.update_folder(&me, folder, *kind, updates)).map(drop)
        }
        Call::Delete(folders, mode) => now(client.delete_folders(&me, folders, *mode)).map(drop),
        Call::Empty(folders, mode, below) => now(client.empty_folders(&me, folders, *mode, *below)).map(drop),
        Call::Move(folders, to) => now(client.move_folders(&me, folders, to)).map(drop),
        Call::Copy(folders, to) => now(client.copy_folders(&me, folders, to)).map(drop),
        Call::Find(search) => now(client.find_folders(&me, search)).map(drop),
        Call::SyncItems(sync) => now(client.sync_items(&me, sync)).map(drop),
        Call::SyncFolders(root, state) => {
            now(client.sync_folders(&me, root.as_ref(), state.as_deref())).map(drop)
        }
        Call::Pull(watch, minutes, mark) => {
            now(client.subscribe_pull(&me, watch, *minutes, mark.as_deref())).map(drop)
        }
        Call::Streaming(watch) => now(client.subscribe_streaming(&me, watch)).map(drop),
        Call::Events(id, mark) => now(client.get_events(&me, id, mark)).map(drop),
        Call::Stream(ids, minutes) => now(client.stream_events(&me, ids, *minutes)).map(drop),
        Call::Unsubscribe(id) => now(client.unsubscribe(&me, id)),
        Call::Export(item) => now(client.export_item(&me, item, &mut Vec::new())).map(drop),
        Call::Upload(folder, how, data) => now(client.upload_item(&me, folder, how, data)).map(drop),
        Call::Convert(ids, to) => now(client.convert_ids(&me, ids, *to)).map(drop),
    };
    log.lock().unwrap().drain(..).collect()
}

/// The element of the operation that a call ends in.
fn operation(call: &Call) -> &'static str {
    match call {
        Call::Get(_) => "<m:GetFolder>",
        Call::Create(..) => "<m:CreateFolder>",
        Call::Update(..) => "<m:UpdateFolder>",
        Call::Delete(..) => "<m:DeleteFolder ",
        Call::Empty(..) => "<m:EmptyFolder ",
        Call::Move(..) => "<m:MoveFolder>",
        Call::Copy(..) => "<m:CopyFolder>",
        Call::Find(_) => "<m:FindFolder ",
        Call::SyncItems(_) => "<m:SyncFolderItems>",
        Call::SyncFolders(..) => "<m:SyncFolderHierarchy>",
        Call::Pull(..) | Call::Streaming(_) => "<m:Subscribe>",
        Call::Events(..) => "<m:GetEvents>",
        Call::Stream(..) => "<m:GetStreamingEvents>",
        Call::Unsubscribe(_) => "<m:Unsubscribe>",
        Call::Export(_) => "<m:ExportItems>",
        Call::Upload(..) => "<m:UploadItems>",
        Call::Convert(..) => "<m:ConvertId ",
    }
}

/// Fails where a request is not well-formed; gives the names of its elements.
fn names(document: &str) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(document);
    let mut names = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Eof => return names,
            quick_xml::events::Event::Start(start) | quick_xml::events::Event::Empty(start) => {
                names.push(start.name().as_ref().to_owned());
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_request_is_well_formed_and_says_what_was_meant(
        // The two versions whose schemas there are.
        version in select(vec![Version::Exchange2013Sp1, Version::Exchange2016]),
        call in call(),
    ) {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let sent = requests(version, &call);
        let last = sent.last().expect("something is sent");
        // A path is asked for name by name first; where the whole of it was refused nothing else is sent.
        prop_assert!(last.contains(operation(&call)), "{last}");
        for request in &sent {
            prop_assert!(!names(request).iter().any(|name| name == "m:DeleteItem"), "a value became markup: {request}");
            if let Some(folder) = std::env::var_os("PORTCULLIS_EWS_REQUESTS_DIR") {
                let folder = PathBuf::from(folder);
                std::fs::create_dir_all(&folder).unwrap();
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                std::fs::write(folder.join(format!("folders-{number:05}.xml")), request).unwrap();
            }
        }
    }
}

#[test]
fn what_the_schema_has_no_place_for_is_refused_and_not_sent() {
    let refused = |call: Call| requests(Version::default(), &call).is_empty();
    let inbox = || FolderAt::from(WellKnownFolder::Inbox);
    assert!(refused(Call::SyncItems(ItemSync { limit: 513, ..ItemSync::first(inbox()) })));
    assert!(refused(Call::SyncItems(ItemSync { limit: 0, ..ItemSync::first(inbox()) })));
    assert!(refused(Call::Find(FolderSearch { limit: 0, ..FolderSearch::below(inbox()) })));
    assert!(refused(Call::Find(FolderSearch { offset: u32::MAX, ..FolderSearch::below(inbox()) })));
    assert!(refused(Call::Pull(Watch::new_mail(inbox()), 0, None)));
    assert!(refused(Call::Pull(Watch::new_mail(inbox()), 1_441, None)));
    assert!(refused(Call::Streaming(Watch { folders: vec![inbox()], kinds: Vec::new() })));
    assert!(refused(Call::Streaming(Watch { folders: vec![inbox()], kinds: vec![EventKind::Status] })));
    assert!(refused(Call::Stream(vec!["s".to_owned()], 31)));
    assert!(refused(Call::Stream(vec!["s".to_owned()], 0)));
    assert!(refused(Call::Stream(Vec::new(), 10)));
    assert!(refused(Call::Stream(vec!["s".to_owned(); 201], 10)));
    assert!(refused(Call::Events("a\u{1}".to_owned(), "b".to_owned())));
    let search = NewFolder { name: "x".to_owned(), kind: FolderKind::Search, class: None };
    assert!(refused(Call::Create(inbox(), vec![search])));
}
