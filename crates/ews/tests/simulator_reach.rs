//! An archive and public folders, subscriptions on one server of several, and messages larger than what is kept in
//! memory: over real HTTP against the simulator. What became of the mails is asked of its snapshot, not of the client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

#[path = "support/wired.rs"]
mod wired;

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use exchange::{
    Content, DeleteMode, ErrorKind, FolderRef, ItemRef, Mailbox, Query, SearchRequest, WellKnownFolder,
};
use exchange_sim::{Organisation, Server};
use portcullis_ews::{
    Autodiscover, AutodiscoverConfig, AutodiscoverMethod, Config, EventKind, EwsClient, FolderAt, FolderKind,
    FolderSearch, FolderTraversal, FolderUpdate, NewFolder, Store, Streamed, Watch,
};

const ALICE: &str = "alice@corp.example";
const TREE: &str = "tree@corp.example";
const CONTENT: &str = "content@corp.example";

fn alice() -> Mailbox {
    Mailbox::new(ALICE).unwrap()
}

fn folder(text: &str) -> FolderRef {
    FolderRef::parse(text).unwrap()
}

fn at(text: &str) -> FolderAt {
    folder(text).into()
}

fn mail(subject: &str) -> String {
    format!(
        "From: Mallory <mallory@partner.example>\r\nTo: {ALICE}\r\nSubject: {subject}\r\nMessage-ID: \
         <{subject}@partner.example>\r\nDate: Mon, 01 Jun 2026 09:00:00 +0000\r\n\r\nBody of {subject}.\r\n"
    )
}

async fn serve(organisation: &Organisation) -> Server {
    let config = exchange_sim::Config::local("svc@corp.example", "pass");
    Server::start(organisation.clone(), config).await.unwrap()
}

fn connect(server: &Server, change: impl FnOnce(&mut Config)) -> EwsClient {
    wired::connect_with(&server.url(), "svc@corp.example", "pass", Duration::from_secs(20), change)
}

fn public(hierarchy: Option<&str>, content: Option<&str>) -> impl FnOnce(&mut Config) {
    let (hierarchy, content) = (hierarchy.map(str::to_owned), content.map(str::to_owned));
    |config| config.store = Store::PublicFolders { hierarchy, content }
}

/// The subjects in every folder of a mailbox that has something in it.
fn shown(organisation: &Organisation, mailbox: &str) -> Vec<(String, Vec<String>)> {
    let all: serde_json::Value = serde_json::from_str(&organisation.snapshot()).unwrap();
    let found = all.as_array().unwrap().iter().find(|found| found["address"] == mailbox).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let folders = found["folders"].as_array().unwrap().iter().map(|folder| {
        let items = folder["items"].as_array().unwrap().iter();
        (text(&folder["path"]), items.map(|item| text(&item["subject"])).collect::<Vec<_>>())
    });
    folders.filter(|(_, subjects)| !subjects.is_empty()).collect()
}

fn pairs(expected: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let owned = |subjects: &[&str]| subjects.iter().map(|subject| (*subject).to_owned()).collect();
    expected.iter().map(|(path, subjects)| ((*path).to_owned(), owned(subjects))).collect()
}

/// What a search of a folder finds.
async fn find(client: &EwsClient, place: &str) -> Result<Vec<(String, ItemRef)>, exchange::Error> {
    let request = SearchRequest {
        mailbox: alice(),
        folder: folder(place),
        query: Query::default(),
        restriction: None,
        offset: 0,
        limit: 100,
    };
    let found = client.ports().search.unwrap().search(&request).await?;
    let found = found.messages.into_iter();
    Ok(found.map(|message| (message.subject.unwrap_or_default(), message.item)).collect())
}

async fn items(client: &EwsClient, place: &str) -> Vec<ItemRef> {
    find(client, place).await.unwrap().into_iter().map(|(_, item)| item).collect()
}

async fn delete(client: &EwsClient, items: &[ItemRef], mode: DeleteMode) {
    let done = client.ports().delete.unwrap().delete(&alice(), items, mode).await.unwrap();
    done.into_iter().for_each(|one| one.unwrap());
}

#[tokio::test]
async fn an_archive_is_searched_read_and_changed_apart_from_its_mailbox() {
    let organisation = Organisation::new();
    organisation.add_mailbox(ALICE);
    let server = serve(&organisation).await;
    let client = connect(&server, |config| config.store = Store::Archive);
    // Without an archive there is nothing to be found, and the mailbox itself is not shown instead.
    let error = find(&client, "inbox").await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::NotFound, Some("ErrorFolderNotFound")));

    organisation.add_archive(ALICE);
    for (place, subject) in [
        ("inbox", "today"),
        ("archiveinbox", "old"),
        ("archivemsgfolderroot/2019", "older"),
        ("archivemsgfolderroot/2019", "oldest"),
    ] {
        let place = match place.split_once('/') {
            None if place == "inbox" => folder("inbox"),
            _ => FolderRef::Path(place.split('/').map(str::to_owned).collect()),
        };
        organisation.deliver(ALICE, &place, mail(subject)).unwrap();
    }
    let found = find(&client, "inbox").await.unwrap();
    assert_eq!(found.iter().map(|(subject, _)| subject.as_str()).collect::<Vec<_>>(), ["old"]);
    let item = found[0].1.clone();
    let read = client.ports().read.unwrap().get(&alice(), std::slice::from_ref(&item)).await.unwrap();
    assert_eq!(read[0].as_ref().unwrap().summary.subject.as_deref(), Some("old"));
    // The mailbox shows nothing of what is archived, not even where it shows everything.
    let primary = connect(&server, |_| {});
    let all = find(&primary, "allitems").await.unwrap();
    assert_eq!(all.iter().map(|(subject, _)| subject.as_str()).collect::<Vec<_>>(), ["today"]);

    let moves = client.ports().moves.unwrap();
    let moved = moves.move_to(&alice(), &[item], &folder("2019")).await.unwrap();
    assert!(moved[0].is_ok());
    let top = "archive/Top of Information Store";
    let (inbox, year, bin, gone) = (
        "root/Top of Information Store/Inbox".to_owned(),
        format!("{top}/2019"),
        format!("{top}/Deleted Items"),
        "archive/Recoverable Items/Deletions",
    );
    let expected = [(year.as_str(), &["older", "oldest", "old"][..]), (inbox.as_str(), &["today"])];
    let mut there = shown(&organisation, ALICE);
    there.iter_mut().for_each(|(_, subjects)| subjects.sort());
    let mut wanted = pairs(&expected);
    wanted.iter_mut().for_each(|(_, subjects)| subjects.sort());
    assert_eq!(there, wanted);

    // What is deleted stays in the archive, too.
    let all = find(&client, "2019").await.unwrap();
    let one = |subject: &str| all.iter().find(|(found, _)| found == subject).unwrap().1.clone();
    delete(&client, &[one("old")], DeleteMode::Trash).await;
    delete(&client, &[one("older")], DeleteMode::Soft).await;
    delete(&client, &[one("oldest")], DeleteMode::Hard).await;
    let expected = [(gone, &["older"][..]), (bin.as_str(), &["old"]), (inbox.as_str(), &["today"])];
    assert_eq!(shown(&organisation, ALICE), pairs(&expected));
}

#[tokio::test]
async fn public_folders_are_searched_read_and_changed() {
    let organisation = Organisation::new();
    organisation.add_mailbox(ALICE);
    organisation.add_public_folders(TREE, Some(CONTENT));
    for (place, subject) in [("Incidents", "one"), ("Incidents", "two"), ("Incidents/Closed", "three")] {
        organisation.deliver(TREE, &folder(place), mail(subject)).unwrap();
    }
    let server = serve(&organisation).await;
    let client = connect(&server, public(Some(TREE), Some(CONTENT)));
    let item = items(&client, "Incidents/Closed").await.remove(0);
    let mut raw = Vec::new();
    client.ports().read.unwrap().mime(&alice(), &item, &mut raw).await.unwrap();
    assert_eq!(raw, mail("three").into_bytes());

    let both = items(&client, "Incidents").await;
    let moves = client.ports().moves.unwrap();
    let moved = moves.move_to(&alice(), &both[..1], &folder("Incidents/Closed")).await.unwrap();
    let moved = moved.into_iter().next().unwrap().unwrap();
    assert_ne!(moved.id, both[0].id);
    assert_eq!(items(&client, "Incidents/Closed").await.len(), 2);
    // There is no Deleted Items to go to: what is deleted can only be recovered.
    delete(&client, &[moved], DeleteMode::Trash).await;
    delete(&client, &[item], DeleteMode::Hard).await;
    let there = shown(&organisation, TREE);
    let paths: Vec<&str> = there.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["DUMPSTER_ROOT/Deletions", "IPM_SUBTREE/Incidents"]);

    let made = client.create_folders(&alice(), &at("Incidents"), &[NewFolder::mail("New")]).await.unwrap();
    let new: FolderAt = FolderRef::Id(made[0].as_ref().unwrap().id.clone()).into();
    let name = [FolderUpdate::Name("Newer".to_owned())];
    client.update_folder(&alice(), &new, FolderKind::Mail, &name).await.unwrap();
    assert!(organisation.snapshot().contains("IPM_SUBTREE/Incidents/Newer"));
    let gone = client.delete_folders(&alice(), &[new], DeleteMode::Hard).await.unwrap();
    assert!(gone[0].is_ok());
    assert!(!organisation.snapshot().contains("Newer"));
}

#[tokio::test]
async fn what_public_folders_do_not_have_is_refused_as_a_server_does() {
    let organisation = Organisation::new();
    organisation.add_mailbox(ALICE);
    organisation.add_public_folders(TREE, None);
    organisation.deliver(TREE, &folder("Incidents/Closed"), mail("one")).unwrap();
    let server = serve(&organisation).await;
    let client = connect(&server, public(Some(TREE), None));
    let code = |error: exchange::Error| error.code.unwrap_or_default();
    let deep = FolderSearch { traversal: FolderTraversal::Deep, ..FolderSearch::below(at("Incidents")) };
    assert_eq!(code(client.find_folders(&alice(), &deep).await.unwrap_err()), "ErrorInvalidOperation");
    let copied = client.copy_folders(&alice(), &[at("Incidents/Closed")], &at("Incidents")).await.unwrap();
    assert_eq!(code(copied[0].clone().unwrap_err()), "ErrorMoveCopyFailed");
    let emptied =
        client.empty_folders(&alice(), &[at("Incidents/Closed")], DeleteMode::Hard, true).await.unwrap();
    assert_eq!(code(emptied[0].clone().unwrap_err()), "ErrorCannotEmptyFolder");
    assert_eq!(shown(&organisation, TREE), pairs(&[("IPM_SUBTREE/Incidents/Closed", &["one"])]));
}

#[tokio::test]
async fn a_request_for_public_folders_that_goes_elsewhere_is_refused() {
    let organisation = Organisation::new();
    organisation.add_mailbox(ALICE);
    organisation.add_public_folders(TREE, Some(CONTENT));
    organisation.deliver(TREE, &folder("Incidents"), mail("one")).unwrap();
    let before = organisation.snapshot();
    let server = serve(&organisation).await;
    for (hierarchy, content, code) in [
        (None, None, "ErrorPublicFolderRequestProcessingFailed"),
        (Some(ALICE), None, "ErrorPublicFolderMailboxDiscoveryFailed"),
        (Some(CONTENT), None, "ErrorPublicFolderRequestProcessingFailed"),
        (Some(TREE), None, "ErrorItemNotFound"),
        (Some(TREE), Some(ALICE), "ErrorPublicFolderMailboxDiscoveryFailed"),
    ] {
        let client = connect(&server, public(hierarchy, content));
        let error = find(&client, "Incidents").await.unwrap_err();
        assert_eq!(error.code.as_deref(), Some(code), "{hierarchy:?} {content:?}: {error}");
    }
    assert_eq!(organisation.snapshot(), before);
    let nothing = Organisation::new();
    nothing.add_mailbox(ALICE);
    let server = serve(&nothing).await;
    let client = connect(&server, public(Some(TREE), None));
    let error = find(&client, "Incidents").await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("ErrorNoPublicFolderReplicaAvailable"));
}

#[tokio::test]
async fn autodiscover_names_the_archive_and_the_public_folders() {
    let organisation = Organisation::new();
    organisation.add_mailbox("bob@corp.example");
    organisation.add_archive(ALICE);
    organisation.add_public_folders(TREE, Some(CONTENT));
    let server = serve(&organisation).await;
    let base: http::Uri = server.base_url().parse().unwrap();
    let origin = transport::Origin::of(&base).unwrap();
    let login = transport::Credentials::basic("svc@corp.example", transport::Secret::new("pass"));
    let login = transport::Client::builder().credentials(origin, login).build().unwrap();
    let anonymous = transport::Client::builder().build().unwrap();
    for method in [AutodiscoverMethod::Soap, AutodiscoverMethod::Pox] {
        let mut config = AutodiscoverConfig::default();
        config.method = method;
        config.endpoints = vec![base.clone()];
        config.json_hosts.clear();
        let client = Autodiscover::new(login.clone(), anonymous.clone(), config);
        let found = client.discover(&alice()).await.unwrap();
        assert_eq!(found.public_folder_mailbox.as_deref(), Some(TREE));
        let [archive] = found.alternate_mailboxes.as_slice() else { panic!("{found:?}") };
        assert_eq!((archive.kind.as_str(), archive.owner.as_str()), ("Archive", ALICE));
        assert!(archive.address.ends_with("@corp.example") && archive.address != ALICE);
        // The archive can be asked about by its own address.
        let itself = client.discover(&Mailbox::new(&archive.address).unwrap()).await.unwrap();
        assert_eq!(itself.ews_url.to_string(), server.url());
        let bob = client.discover(&Mailbox::new("bob@corp.example").unwrap()).await.unwrap();
        assert!(bob.alternate_mailboxes.is_empty());
    }
}

fn new_mail() -> Watch {
    Watch::new_mail(WellKnownFolder::Inbox)
}

/// What comes next that is no sign of life.
async fn news(stream: &mut portcullis_ews::EventStream) -> Streamed {
    loop {
        match stream.next().await.unwrap().unwrap() {
            Streamed::Open => {}
            other => return other,
        }
    }
}

#[tokio::test]
async fn subscriptions_are_found_again_on_the_server_that_made_them() {
    let organisation = Organisation::new();
    organisation.add_mailbox(ALICE);
    organisation.add_mailbox("bob@corp.example");
    organisation.need_affinity(true);
    let server = serve(&organisation).await;
    let client = connect(&server, |_| {});
    let bob = &Mailbox::new("bob@corp.example").unwrap();
    // Two pull subscriptions are on two servers, and each is asked at its own.
    let first = client.subscribe_pull(&alice(), &new_mail(), 5, None).await.unwrap();
    let second = client.subscribe_pull(&alice(), &new_mail(), 5, None).await.unwrap();
    for made in [&first, &second, &first] {
        let from = made.watermark.clone().unwrap();
        client.get_events(&alice(), &made.id, &from).await.unwrap();
    }
    client.unsubscribe(&alice(), &first.id).await.unwrap();
    let gone = client.unsubscribe(&alice(), &first.id).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotFound);

    // One stream carries the subscriptions of one server.
    let one = client.subscribe_streaming(&alice(), &new_mail()).await.unwrap();
    let other = client.subscribe_streaming_beside(bob, &new_mail(), &one).await.unwrap();
    let apart = client.subscribe_streaming(&alice(), &new_mail()).await.unwrap();
    let mut stream = client.stream_events(&alice(), std::slice::from_ref(&one.id), 1).await.unwrap();
    organisation.deliver(ALICE, &folder("inbox"), mail("here")).unwrap();
    let Streamed::Notification(told) = news(&mut stream).await else { panic!("no notification") };
    assert_eq!(told.events[0].kind, EventKind::NewMail);
    drop(stream);
    let both = [one.id.clone(), apart.id.clone()];
    let mut stream = client.stream_events(&alice(), &both, 1).await.unwrap();
    let Streamed::Refused { subscriptions, error } = news(&mut stream).await else { panic!("not refused") };
    assert_eq!(subscriptions, std::slice::from_ref(&apart.id));
    assert_eq!(error.code.as_deref(), Some("ErrorSubscriptionNotFound"));
    drop(stream);
    let mut alone = client.stream_events(&alice(), &[apart.id], 1).await.unwrap();
    assert_eq!(alone.next().await.unwrap(), Some(Streamed::Open));

    // Another client has not the cookies, so it lands on a server that knows nothing of it.
    let stranger = connect(&server, |_| {});
    let mut stream = stranger.stream_events(&alice(), &[one.id], 1).await.unwrap();
    let Streamed::Refused { error, .. } = news(&mut stream).await else { panic!("not refused") };
    assert_eq!(error.code.as_deref(), Some("ErrorSubscriptionNotFound"));
    let from = second.watermark.clone().unwrap();
    let error = stranger.get_events(&alice(), &second.id, &from).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("ErrorSubscriptionNotFound"));
    client.get_events(&alice(), &second.id, &from).await.unwrap();
    client.unsubscribe(bob, &other.id).await.unwrap();
}

#[tokio::test]
async fn what_is_older_than_the_changes_that_are_kept_is_synchronised_anew() {
    let organisation = Organisation::new();
    organisation.add_mailbox(ALICE);
    let deliver = |subject: &str| {
        organisation.deliver(ALICE, &folder("inbox"), mail(subject)).unwrap();
    };
    for number in 0..20 {
        deliver(&format!("before-{number}"));
    }
    let server = serve(&organisation).await;
    let client = connect(&server, |_| {});
    let sync = |state: Option<String>| {
        let client = client.clone();
        async move {
            let mut request = portcullis_ews::ItemSync::first(WellKnownFolder::Inbox);
            request.state = state;
            client.sync_items(&alice(), &request).await
        }
    };
    let first = sync(None).await.unwrap();
    assert_eq!(first.changes.len(), 20);
    let pull = client.subscribe_pull(&alice(), &new_mail(), 5, None).await.unwrap();
    deliver("after");
    let second = sync(Some(first.state.clone())).await.unwrap();
    assert_eq!(second.changes.len(), 1);
    // A delivery is two changes: it is made, and it comes in.
    organisation.keep_changes(4);
    deliver("newer");
    assert_eq!(sync(Some(second.state)).await.unwrap().changes.len(), 1);
    deliver("newest");
    let error = sync(Some(first.state)).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("ErrorInvalidSyncStateData"), "{error}");
    let mark = pull.watermark.clone().unwrap();
    let error = client.get_events(&alice(), &pull.id, &mark).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("ErrorInvalidWatermark"), "{error}");
    // Who begins anew gets everything there is.
    assert_eq!(sync(None).await.unwrap().changes.len(), 23);
}

/// Keeps what is written, and how much of it came at a time.
#[derive(Default)]
struct Parts {
    bytes: Vec<u8>,
    largest: usize,
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.largest = self.largest.max(bytes.len());
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_large_message_is_exported_in_parts_and_uploaded_as_it_is_read() {
    let organisation = Organisation::new();
    organisation.add_mailbox(ALICE);
    organisation.add_mailbox("bob@corp.example");
    let large = mail("large") + &"0123456789abcdef\r\n".repeat(200_000);
    let item = organisation.deliver(ALICE, &folder("inbox"), large.clone()).unwrap();
    let server = serve(&organisation).await;
    let ports = connect(&server, |_| {}).ports();
    let transfer = ports.transfer.unwrap();
    let mut parts = Parts::default();
    let size = transfer.export(&alice(), &ItemRef::new(item), &mut parts).await.unwrap();
    assert_eq!(size, parts.bytes.len() as u64);
    assert!(size > 3_000_000 && parts.largest <= 64 * 1024, "{} at a time", parts.largest);
    let bob = Mailbox::new("bob@corp.example").unwrap();
    let made = transfer.import(&bob, &folder("inbox"), Arc::new(parts.bytes), size).await.unwrap();
    let mut raw = Vec::new();
    ports.read.unwrap().mime(&bob, &made, &mut raw).await.unwrap();
    assert!(raw == large.into_bytes());
}

/// Bytes from nowhere, and how many were taken.
struct Counted {
    size: u64,
    taken: Arc<AtomicU64>,
}

struct Taking {
    left: u64,
    taken: Arc<AtomicU64>,
}

impl Content for Counted {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Taking { left: self.size, taken: Arc::clone(&self.taken) }))
    }
}

impl Read for Taking {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap().min(out.len());
        out[..most].fill(7);
        self.left -= most as u64;
        self.taken.fetch_add(most as u64, Ordering::SeqCst);
        Ok(most)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_does_not_take_is_not_read() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// More than sockets buffer, by far.
    const SIZE: u64 = 64 << 20;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/EWS/Exchange.asmx", listener.local_addr().unwrap());
    let taken = Arc::new(AtomicU64::new(0));
    let content = Arc::new(Counted { size: SIZE, taken: Arc::clone(&taken) });
    let client = wired::connect(&url, "svc@corp.example", "pass", Duration::from_secs(300));
    let upload = tokio::spawn(async move {
        let at: FolderAt = FolderRef::Id("AAMkFolder=".to_owned()).into();
        let new = portcullis_ews::Upload::New;
        client.upload_item_from(&alice(), &at, &new, content, SIZE).await
    });
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    // However long the server looks away, only what the sockets hold is read.
    let mut before = u64::MAX;
    while before != taken.load(Ordering::SeqCst) {
        before = taken.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert!(before < SIZE / 4, "{before} bytes were read for nobody");
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap().split('\r').next().unwrap();
    let length: u64 = length.parse().unwrap();
    let mut left = length;
    let mut piece = vec![0; 1 << 20];
    while left > 0 {
        left -= socket.read(&mut piece).await.unwrap() as u64;
    }
    assert_eq!(taken.load(Ordering::SeqCst), SIZE);
    assert!(length > SIZE / 3 * 4 && length < SIZE / 3 * 4 + 4_096);
    let answer = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><m:UploadItemsResponse \
        xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\"><m:ResponseMessages>\
        <m:UploadItemsResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>\
        <m:ItemId Id=\"AAMkNew=\" ChangeKey=\"CK\"/></m:UploadItemsResponseMessage></m:ResponseMessages>\
        </m:UploadItemsResponse></s:Body></s:Envelope>";
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{answer}",
        answer.len()
    );
    socket.write_all(answer.as_bytes()).await.unwrap();
    assert_eq!(upload.await.unwrap().unwrap().id, "AAMkNew=");
}
