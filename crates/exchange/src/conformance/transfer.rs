//! Copies in a mailbox, and whole messages from one mailbox to another.

use std::sync::Arc;

use super::{
    ALICE, BOB, Fixture, Verdict, ensure, failed, folder, items, mailbox, not_found, one, port, same,
};
use crate::{ErrorKind, ItemRef};

/// A copy is a message of its own, and the original stays.
pub(super) async fn copies(fixture: &Fixture) -> Verdict {
    let alice = mailbox(ALICE)?;
    let copies = port("copy", &fixture.ports.copies)?;
    let original = items(fixture, "inbox", &["Copy me"]).await?;
    let bad = ItemRef::new("bm90IGFuIGlk");
    let both: Vec<ItemRef> = [bad].into_iter().chain(original.iter().cloned()).collect();
    let copied = copies.copy_to(&alice, &both, &folder("drafts")?).await.map_err(failed("copying"))?;
    same("the number of results", &copied.len(), &2)?;
    ensure(matches!(copied.first(), Some(Err(_))), || format!("a bad id gave {:?}", copied.first()))?;
    let Some(Ok(copy)) = copied.get(1) else { return Err(format!("the copy gave {copied:?}")) };
    let there = one(fixture, ALICE, "drafts", "Copy me").await?;
    let here = one(fixture, ALICE, "inbox", "Copy me").await?;
    same("the id of the copy", &there.item.id, &copy.id)?;
    ensure(here.item.id != there.item.id, || String::from("the copy has the id of the original"))?;
    same("the Message-ID of the copy", &there.internet_message_id, &here.internet_message_id)?;
    same("when the copy was received", &there.received_at, &here.received_at)?;
    let nowhere = copies.copy_to(&alice, &original, &folder("Inbox/No such folder")?).await;
    ensure(nowhere.is_err(), || String::from("a folder that is not there was copied to"))
}

/// What was taken out of one mailbox is put into another with everything that belongs to it.
pub(super) async fn transfers(fixture: &Fixture) -> Verdict {
    let (alice, bob) = (mailbox(ALICE)?, mailbox(BOB)?);
    let transfer = port("transfer", &fixture.ports.transfer)?;
    let read = port("read", &fixture.ports.read)?;
    let here = one(fixture, ALICE, "inbox", "Take me along").await?;
    let mut bytes = Vec::new();
    let size = transfer.export(&alice, &here.item, &mut bytes).await.map_err(failed("exporting"))?;
    same("the number of bytes exported", &size, &(bytes.len() as u64))?;
    let made = transfer.import(&bob, &folder("inbox")?, Arc::new(bytes.clone()), size).await;
    let made = made.map_err(failed("importing"))?;
    let there = one(fixture, BOB, "inbox", "Take me along").await?;
    same("the id of what was imported", &there.item.id, &made.id)?;
    same("its Message-ID", &there.internet_message_id, &here.internet_message_id)?;
    same("when it was received", &there.received_at, &here.received_at)?;
    same("whether it was read", &there.is_read, &here.is_read)?;
    let (mut before, mut after) = (Vec::new(), Vec::new());
    read.mime(&alice, &here.item, &mut before).await.map_err(failed("reading the original"))?;
    read.mime(&bob, &made, &mut after).await.map_err(failed("reading the copy"))?;
    ensure(before == after, || String::from("the content changed on the way"))?;
    let gone = transfer.export(&bob, &here.item, &mut Vec::new()).await;
    ensure(gone.is_err(), || String::from("an id of another mailbox was exported"))?;
    let unknown = transfer.export(&alice, &ItemRef::new("bm90IGFuIGlk"), &mut Vec::new()).await;
    ensure(unknown.is_err(), || String::from("an id that is none was exported"))?;
    let size = bytes.len() as u64;
    let lost = transfer.import(&bob, &folder("Inbox/No such folder")?, Arc::new(bytes), size).await;
    not_found("importing into a folder that is not there", Some(&lost))?;
    let wrong = transfer.import(&bob, &folder("inbox")?, Arc::new(b"no export".to_vec()), 9).await;
    match wrong {
        Err(error) if error.kind == ErrorKind::Invalid => Ok(()),
        other => Err(format!("importing what is no export gave {other:?}")),
    }
}
