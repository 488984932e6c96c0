//! Folders: what is there, what is made, and what goes away.

use super::{ALICE, BOB, Fixture, Verdict, ensure, failed, folder, mailbox, port, same};
use crate::port::Folders;
use crate::{Error, ErrorKind, Folder, FolderKind, FolderRef, Mailbox};

const TOP: &str = "msgfolderroot";
const NAME: &str = "Conformance <made> & \"deleted\"";

async fn look(folders: &dyn Folders, whose: &Mailbox, place: &str) -> Verdict<Folder> {
    folders.folder(whose, &folder(place)?).await.map_err(failed(&format!("looking at {place}")))
}

fn kind_of<T: std::fmt::Debug>(what: &str, result: Result<T, Error>, kind: ErrorKind) -> Verdict {
    match result {
        Err(error) if error.kind == kind => Ok(()),
        other => Err(format!("{what}: {other:?}, not an error of kind {kind:?}")),
    }
}

/// A folder says where it is and what it holds; those below another are found right below it or at any depth.
pub(super) async fn looks(fixture: &Fixture) -> Verdict {
    let folders = port("folders", &fixture.ports.folders)?;
    let alice = mailbox(ALICE)?;
    let (top, inbox) = (look(folders, &alice, TOP).await?, look(folders, &alice, "inbox").await?);
    same("the well-known name of the inbox", &inbox.well_known.as_deref(), &Some("inbox"))?;
    same("where the inbox is", &inbox.parent_id.as_deref(), &Some(top.id.as_str()))?;
    same("what the inbox holds", &inbox.kind, &FolderKind::Mail)?;
    ensure(!inbox.hidden && !inbox.name.is_empty(), || format!("the inbox is {inbox:?}"))?;
    ensure(inbox.unread.is_some_and(|unread| unread <= inbox.total), || {
        format!("the inbox has {:?} unread of {}", inbox.unread, inbox.total)
    })?;
    let by_id = folders.folder(&alice, &FolderRef::Id(inbox.id.clone())).await;
    same("the inbox by its id", &by_id.map_err(failed("looking by id"))?, &inbox)?;

    let below = |deep: bool| {
        let whose = alice.clone();
        async move {
            let root = folder(TOP)?;
            folders.below(&whose, &root, deep).await.map_err(failed("listing folders"))
        }
    };
    let (near, all) = (below(false).await?, below(true).await?);
    ensure(near.folders.iter().all(|found| found.parent_id.as_ref() == Some(&top.id)), || {
        format!("folders that are not right below the top: {near:?}")
    })?;
    same("how many folders are right below the top", &(near.folders.len() as u64), &top.children)?;
    let inner = all.folders.iter().find(|found| found.name == "Conformance");
    let inner = inner.ok_or("a folder inside another is not found at any depth")?;
    same("where a folder inside another is", &inner.parent_id, &Some(inbox.id))?;
    ensure(!near.folders.iter().any(|found| found.id == inner.id), || {
        String::from("a folder inside another is found right below the top")
    })?;
    let calendar = all.folders.iter().find(|found| found.well_known.as_deref() == Some("calendar"));
    same("what the calendar holds", &calendar.map(|found| found.kind), &Some(FolderKind::Calendar))?;
    kind_of(
        "a folder that is not there",
        folders.folder(&alice, &folder("No/Such")?).await,
        ErrorKind::NotFound,
    )
}

/// A folder is made once, in one mailbox, found by its name, and goes to Deleted Items with what is in it.
pub(super) async fn makes(fixture: &Fixture) -> Verdict {
    let folders = port("folders", &fixture.ports.folders)?;
    let (alice, bob) = (mailbox(ALICE)?, mailbox(BOB)?);
    let inbox = folder("inbox")?;
    let made = folders.create(&alice, &inbox, NAME).await.map_err(failed("making a folder"))?;
    same("the name of the new folder", &made.name.as_str(), &NAME)?;
    same("what is in the new folder", &(made.total, made.children, made.hidden), &(0, 0, false))?;
    let path = FolderRef::Path(vec![look(folders, &alice, "inbox").await?.name, NAME.to_owned()]);
    let found = folders.folder(&alice, &path).await.map_err(failed("looking at the new folder"))?;
    same("the new folder", &found, &made)?;
    let again = folders.create(&alice, &inbox, &NAME.to_uppercase()).await;
    kind_of("a folder whose name is taken", again, ErrorKind::Conflict)?;
    kind_of("the new folder in another mailbox", folders.folder(&bob, &path).await, ErrorKind::NotFound)?;
    kind_of(
        "a folder in one that is not there",
        folders.create(&alice, &folder("No/Such")?, NAME).await,
        ErrorKind::NotFound,
    )?;
    let born = folders.discard(&alice, &inbox).await;
    ensure(born.is_err(), || String::from("the inbox was deleted"))?;

    folders.discard(&alice, &FolderRef::Id(made.id.clone())).await.map_err(failed("deleting the folder"))?;
    kind_of("the folder that was deleted", folders.folder(&alice, &path).await, ErrorKind::NotFound)?;
    let trash = folder("deleteditems")?;
    let there = folders.below(&alice, &trash, false).await.map_err(failed("looking into Deleted Items"))?;
    ensure(there.folders.iter().any(|found| found.name == NAME), || {
        format!("the folder that was deleted is not in Deleted Items: {there:?}")
    })
}
