//! Synchronising, subscriptions and streams over real HTTP against the simulator.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

#[path = "support/wired.rs"]
mod wired;

use std::collections::BTreeMap;
use std::time::Duration;

use exchange::{DeleteMode, ErrorKind, FolderRef, ItemRef, Mailbox, WellKnownFolder};
use exchange_sim::{Organisation, Server};
use portcullis_ews::{
    EventKind, EventObject, EwsClient, FolderAt, FolderKind, FolderUpdate, ItemSync, NewFolder, Notification,
    Streamed, SyncDetail, SyncedFolder, SyncedItem, SyncedItems, Watch,
};

const ALICE: &str = "alice@corp.example";

fn alice() -> Mailbox {
    Mailbox::new(ALICE).unwrap()
}

fn inbox() -> FolderAt {
    WellKnownFolder::Inbox.into()
}

async fn served() -> (Organisation, Server, EwsClient) {
    serve(Organisation::new()).await
}

async fn serve(organisation: Organisation) -> (Organisation, Server, EwsClient) {
    organisation.add_mailbox(ALICE);
    let server = Server::start(organisation.clone(), exchange_sim::Config::local("svc@corp.example", "pass"))
        .await
        .unwrap();
    let client = wired::connect(&server.url(), "svc@corp.example", "pass", Duration::from_secs(2));
    (organisation, server, client)
}

fn deliver(organisation: &Organisation, subject: &str) -> ItemRef {
    let raw = format!(
        "From: c@partner.example\r\nTo: {ALICE}\r\nSubject: {subject}\r\nDate: 02 Mar 2026 09:00:00 +0000\r\n\r\nx\r\n"
    );
    ItemRef::new(organisation.deliver(ALICE, &FolderRef::WellKnown(WellKnownFolder::Inbox), raw).unwrap())
}

/// Follows a folder to its newest state, as somebody who keeps a copy does; gives the copy and the last answer.
async fn follow(
    client: &EwsClient,
    mut sync: ItemSync,
    copy: &mut BTreeMap<String, (String, bool)>,
) -> (ItemSync, Vec<SyncedItems>) {
    let mut answers = Vec::new();
    loop {
        let answer = client.sync_items(&alice(), &sync).await.unwrap();
        assert!(answer.changes.len() <= usize::from(sync.limit));
        for change in &answer.changes {
            match change {
                SyncedItem::Created(item) | SyncedItem::Updated(item) => {
                    let shown = (item.subject.clone().unwrap_or_default(), item.is_read);
                    let old = copy.insert(item.item.id.clone(), shown);
                    assert_eq!(old.is_some(), matches!(change, SyncedItem::Updated(_)), "{change:?}");
                }
                SyncedItem::Deleted(item) => assert!(copy.remove(&item.id).is_some(), "{change:?}"),
                SyncedItem::ReadFlag(item, is_read) => copy.get_mut(&item.id).unwrap().1 = *is_read,
                other => panic!("{other:?}"),
            }
        }
        sync = sync.after(&answer);
        let complete = answer.complete;
        answers.push(answer);
        if complete {
            return (sync, answers);
        }
    }
}

/// The items of the inbox as the simulator has them.
fn truth(organisation: &Organisation) -> BTreeMap<String, (String, bool)> {
    let all: serde_json::Value = serde_json::from_str(&organisation.snapshot()).unwrap();
    let folders = all[0]["folders"].as_array().unwrap().iter();
    let folder = folders.clone().find(|folder| folder["path"].as_str().unwrap().ends_with("/Inbox")).unwrap();
    let entry = |item: &serde_json::Value| {
        let text = |name: &str| item[name].as_str().unwrap().to_owned();
        (text("id"), (text("subject"), item["is_read"].as_bool().unwrap()))
    };
    folder["items"].as_array().unwrap().iter().map(entry).collect()
}

#[tokio::test]
async fn a_copy_that_follows_the_changes_stays_what_the_mailbox_is() {
    let (organisation, _server, client) = served().await;
    let ports = client.ports();
    let me = &alice();
    let items: Vec<ItemRef> =
        (0..7).map(|number| deliver(&organisation, &format!("mail {number}"))).collect();
    let mut copy = BTreeMap::new();
    let first = ItemSync { limit: 3, detail: SyncDetail::Summaries, ..ItemSync::first(inbox()) };
    let (sync, answers) = follow(&client, first, &mut copy).await;
    assert_eq!(answers.iter().map(|answer| answer.changes.len()).collect::<Vec<_>>(), [3, 3, 1]);
    assert_eq!(copy, truth(&organisation));

    ports.delete.unwrap().delete(me, &items[..1], DeleteMode::Hard).await.unwrap();
    let folder = FolderRef::WellKnown(WellKnownFolder::Drafts);
    ports.moves.unwrap().move_to(me, &items[1..2], &folder).await.unwrap();
    ports.update.unwrap().mark_read(me, &items[2..4], true).await.unwrap();
    deliver(&organisation, "a new one");
    let flash = deliver(&organisation, "a flash");
    client.ports().delete.unwrap().delete(me, &[flash], DeleteMode::Trash).await.unwrap();
    let (sync, answers) = follow(&client, sync, &mut copy).await;
    assert_eq!(copy, truth(&organisation));
    let told = |wanted: fn(&SyncedItem) -> bool| {
        answers.iter().flat_map(|answer| &answer.changes).filter(|change| wanted(change)).count()
    };
    assert_eq!(told(|change| matches!(change, SyncedItem::Created(_))), 1);
    assert_eq!(told(|change| matches!(change, SyncedItem::Deleted(_))), 2);
    assert_eq!(told(|change| matches!(change, SyncedItem::ReadFlag(_, true))), 2);
    assert_eq!(told(|_| true), 5);

    let (_, answers) = follow(&client, sync.clone(), &mut copy).await;
    assert!(answers.len() == 1 && answers[0].changes.is_empty());
    let torn = ItemSync { state: Some("bm90IGEgc3RhdGU=".to_owned()), ..sync.clone() };
    let error = client.sync_items(me, &torn).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("ErrorInvalidSyncStateData"), "{error}");
    let elsewhere = ItemSync { folder: WellKnownFolder::Drafts.into(), ..sync };
    let error = client.sync_items(me, &elsewhere).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("ErrorInvalidSyncStateData"), "{error}");
}

#[tokio::test]
async fn the_tree_of_folders_is_followed() {
    let (_organisation, _server, client) = served().await;
    let me = &alice();
    let all = client.sync_folders(me, None, None).await.unwrap();
    assert!(all.complete && all.changes.len() > 10);
    let new =
        client.create_folders(me, &inbox(), &[NewFolder::mail("A"), NewFolder::mail("B")]).await.unwrap();
    let ids: Vec<String> = new.into_iter().map(|folder| folder.unwrap().id).collect();
    let at = |id: &String| FolderAt::from(FolderRef::Id(id.clone()));
    let next = client.sync_folders(me, None, Some(&all.state)).await.unwrap();
    let made: Vec<&str> = next
        .changes
        .iter()
        .map(|change| match change {
            SyncedFolder::Created(folder) => folder.name.as_deref().unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(made, ["A", "B"]);
    client
        .update_folder(me, &at(&ids[0]), FolderKind::Mail, &[FolderUpdate::Name("A2".to_owned())])
        .await
        .unwrap();
    client.delete_folders(me, &[at(&ids[1])], DeleteMode::Hard).await.unwrap()[0].as_ref().unwrap();
    let last = client.sync_folders(me, Some(&inbox()), Some(&next.state)).await.unwrap();
    assert!(
        matches!(&last.changes[..], [SyncedFolder::Updated(a), SyncedFolder::Deleted(b)]
        if a.name.as_deref() == Some("A2") && *b == ids[1]),
        "{last:?}"
    );
    let error = client.sync_folders(me, None, Some("x")).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("ErrorInvalidSyncStateData"));
}

fn kinds(notification: &Notification) -> Vec<EventKind> {
    notification.events.iter().map(|event| event.kind).collect()
}

#[tokio::test]
async fn events_are_pulled_after_a_watermark_and_can_be_pulled_again() {
    let (organisation, _server, client) = served().await;
    let me = &alice();
    let watch = Watch { folders: vec![inbox()], kinds: EventKind::ALL.to_vec() };
    let subscription = client.subscribe_pull(me, &watch, 10, None).await.unwrap();
    let first = subscription.watermark.unwrap();
    let quiet = client.get_events(me, &subscription.id, &first).await.unwrap();
    assert_eq!(kinds(&quiet), [EventKind::Status]);
    let item = deliver(&organisation, "one");
    let moved = client.ports().moves.unwrap();
    let drafts = FolderRef::WellKnown(WellKnownFolder::Drafts);
    let new = moved.move_to(me, std::slice::from_ref(&item), &drafts).await.unwrap()[0].clone().unwrap();
    client.ports().delete.unwrap().delete(me, std::slice::from_ref(&new), DeleteMode::Hard).await.unwrap();
    let told = client.get_events(me, &subscription.id, &first).await.unwrap();
    // What happens in Drafts is nobody's business here; that something went there is.
    assert_eq!(kinds(&told), [EventKind::Created, EventKind::NewMail, EventKind::Moved]);
    assert_eq!(told.subscription, subscription.id);
    let event = &told.events[2];
    assert_eq!(event.old_object, Some(EventObject::Item(ItemRef::new(item.id.clone()))));
    assert!(matches!(&event.object, Some(EventObject::Item(item)) if item.id == new.id));
    let again = client.get_events(me, &subscription.id, &first).await.unwrap();
    assert_eq!(kinds(&again), kinds(&told));
    let rest =
        client.get_events(me, &subscription.id, told.events[0].watermark.as_deref().unwrap()).await.unwrap();
    assert_eq!(kinds(&rest), [EventKind::NewMail, EventKind::Moved]);
    let last = client.get_events(me, &subscription.id, told.watermark().unwrap()).await.unwrap();
    assert_eq!(kinds(&last), [EventKind::Status]);

    let error = client.get_events(me, &subscription.id, "AQAAAA==").await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("ErrorInvalidWatermark"), "{error}");
    client.unsubscribe(me, &subscription.id).await.unwrap();
    for error in [
        client.unsubscribe(me, &subscription.id).await.unwrap_err(),
        client.get_events(me, &subscription.id, &first).await.unwrap_err(),
    ] {
        assert_eq!(
            (error.kind, error.code.as_deref()),
            (ErrorKind::NotFound, Some("ErrorSubscriptionNotFound"))
        );
    }
    // A new subscription goes on where the old one was.
    let next = client.subscribe_pull(me, &watch, 10, told.events[1].watermark.as_deref()).await.unwrap();
    let rest = client.get_events(me, &next.id, next.watermark.as_deref().unwrap()).await.unwrap();
    assert_eq!(kinds(&rest), [EventKind::Moved]);
}

#[tokio::test]
async fn more_events_than_fit_are_told_in_turns() {
    let (organisation, _server, client) = served().await;
    let me = &alice();
    let everything = Watch { folders: Vec::new(), kinds: vec![EventKind::NewMail] };
    let subscription = client.subscribe_pull(me, &everything, 10, None).await.unwrap();
    (0..120).for_each(|number| drop(deliver(&organisation, &format!("{number}"))));
    let mut mark = subscription.watermark.unwrap();
    let mut seen = 0;
    loop {
        let told = client.get_events(me, &subscription.id, &mark).await.unwrap();
        seen += told.events.len();
        mark = told.watermark().unwrap().to_owned();
        if !told.more {
            break;
        }
    }
    assert_eq!(seen, 120);
}

#[tokio::test]
async fn subscriptions_are_limited_and_expire() {
    let (organisation, _server, client) =
        serve(Organisation::with_clock_from("2026-03-02T09:00:00Z".parse().unwrap())).await;
    let me = &alice();
    organisation.limit_subscriptions(2);
    let watch = Watch::new_mail(inbox());
    let first = client.subscribe_pull(me, &watch, 1, None).await.unwrap();
    let second = client.subscribe_pull(me, &watch, 1_440, None).await.unwrap();
    let error = client.subscribe_streaming(me, &watch).await.unwrap_err();
    assert_eq!(
        (error.kind, error.code.as_deref()),
        (ErrorKind::Limit, Some("ErrorExceededSubscriptionCount"))
    );
    // Every call lets a second pass on this clock; the first subscription is asked for nothing all the while.
    let mark = second.watermark.unwrap();
    for _ in 0..61 {
        client.get_events(me, &second.id, &mark).await.unwrap();
    }
    let error = client.get_events(me, &first.id, first.watermark.as_deref().unwrap()).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("ErrorSubscriptionNotFound"), "{error}");
    client.subscribe_streaming(me, &watch).await.unwrap();
}

/// What comes next, within a time that no machine needs.
async fn next(stream: &mut portcullis_ews::EventStream) -> Option<Streamed> {
    tokio::time::timeout(Duration::from_secs(30), stream.next()).await.expect("the stream is silent").unwrap()
}

#[tokio::test]
async fn a_stream_tells_what_happens_while_it_is_open_and_lasts_longer_than_a_call() {
    let (organisation, _server, client) = served().await;
    organisation.pace_of_streams(Duration::from_millis(300), Duration::from_secs(4));
    let me = &alice();
    let watch = Watch { folders: vec![inbox()], kinds: vec![EventKind::NewMail, EventKind::Deleted] };
    let subscription = client.subscribe_streaming(me, &watch).await.unwrap();
    assert_eq!(subscription.watermark, None);
    let before = deliver(&organisation, "before it is opened");
    let mut stream = client.stream_events(me, std::slice::from_ref(&subscription.id), 1).await.unwrap();
    assert_eq!(next(&mut stream).await, Some(Streamed::Open));
    let Some(Streamed::Notification(told)) = next(&mut stream).await else { panic!("no event") };
    assert_eq!(
        (kinds(&told), told.subscription.as_str()),
        (vec![EventKind::NewMail], subscription.id.as_str())
    );
    // Silence, with signs of life.
    assert_eq!(next(&mut stream).await, Some(Streamed::Open));
    client.ports().delete.unwrap().delete(me, &[before], DeleteMode::Hard).await.unwrap();
    let told = loop {
        match next(&mut stream).await {
            Some(Streamed::Notification(told)) => break told,
            Some(Streamed::Open) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(kinds(&told), [EventKind::Deleted]);
    // The client's own deadline is two seconds, the stream's minute lasts four here.
    loop {
        match next(&mut stream).await {
            Some(Streamed::Open) => {}
            other => {
                assert_eq!(other, Some(Streamed::Closed));
                break;
            }
        }
    }
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test]
async fn a_stream_ends_with_its_subscription() {
    let (_organisation, _server, client) = served().await;
    let me = &alice();
    let subscription = client.subscribe_streaming(me, &Watch::new_mail(inbox())).await.unwrap();
    let both = [subscription.id.clone(), "unknown".to_owned()];
    let mut refused = client.stream_events(me, &both, 1).await.unwrap();
    let Some(Streamed::Refused { subscriptions, error }) = next(&mut refused).await else {
        panic!("accepted")
    };
    assert_eq!((subscriptions, error.kind), (vec!["unknown".to_owned()], ErrorKind::NotFound));
    assert_eq!(next(&mut refused).await, None);
    let mut stream = client.stream_events(me, &both[..1], 1).await.unwrap();
    assert_eq!(next(&mut stream).await, Some(Streamed::Open));
    client.unsubscribe(me, &subscription.id).await.unwrap();
    let Some(Streamed::Refused { subscriptions, .. }) = next(&mut stream).await else { panic!("still open") };
    assert_eq!(subscriptions, [subscription.id]);
    let pull = client.subscribe_pull(me, &Watch::new_mail(inbox()), 1, None).await.unwrap();
    let mut wrong = client.stream_events(me, &[pull.id], 1).await.unwrap();
    assert!(matches!(next(&mut wrong).await, Some(Streamed::Refused { .. })));
}
