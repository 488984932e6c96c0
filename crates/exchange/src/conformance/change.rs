//! Moving, deleting, marking: what changes, and what must not.

use super::{
    ALICE, BOB, Fixture, Verdict, ensure, failed, folder, items, mailbox, not_found, one, port, same,
    with_subject,
};
use crate::{DeleteMode, ItemRef, Junked};

/// The id changes, the old one is gone, the content stays.
pub(super) async fn moves(fixture: &Fixture) -> Verdict {
    let alice = mailbox(ALICE)?;
    let moves = port("moves", &fixture.ports.moves)?;
    let read = port("read", &fixture.ports.read)?;
    let first = items(fixture, "inbox", &["Move me"]).await?;
    let mut before = Vec::new();
    let one_item = first.first().ok_or("no item")?;
    read.mime(&alice, one_item, &mut before).await.map_err(failed("reading"))?;
    let moved = moves.move_to(&alice, &first, &folder("junkemail")?).await.map_err(failed("moving"))?;
    let Some(Ok(new)) = moved.first() else { return Err(format!("the move gave {moved:?}")) };
    ensure(new.id != one_item.id, || String::from("the id stayed the same"))?;
    let there = one(fixture, ALICE, "junkemail", "Move me").await?;
    same("the id in the new folder", &there.item.id, &new.id)?;
    let mut after = Vec::new();
    read.mime(&alice, new, &mut after).await.map_err(failed("reading"))?;
    ensure(before == after, || String::from("the content changed"))?;
    // The old id now stands for nothing; with a good one it must not take that along.
    let second = items(fixture, "inbox", &["Move me too"]).await?;
    let both: Vec<ItemRef> = first.iter().chain(&second).map(|item| ItemRef::new(item.id.clone())).collect();
    let moved = moves.move_to(&alice, &both, &folder("Inbox/Conformance target")?).await;
    ensure(moved.is_err(), || String::from("a folder that is not there was moved to"))?;
    let moved = moves.move_to(&alice, &both, &folder("junkemail")?).await.map_err(failed("moving"))?;
    same("the number of results", &moved.len(), &2)?;
    not_found("moving by the old id", moved.first())?;
    ensure(matches!(moved.get(1), Some(Ok(_))), || format!("the good one gave {:?}", moved.get(1)))?;
    one(fixture, ALICE, "junkemail", "Move me too").await.map(|_| ())
}

/// Each mode puts the mail where it should, and a second time is `NotFound`.
pub(super) async fn deletes(fixture: &Fixture) -> Verdict {
    let alice = mailbox(ALICE)?;
    let delete = port("delete", &fixture.ports.delete)?;
    let cases = [
        (DeleteMode::Trash, "Trash me", Some("deleteditems")),
        (DeleteMode::Soft, "Soft me", Some("recoverableitemsdeletions")),
        (DeleteMode::Hard, "Hard me", None),
    ];
    for (mode, subject, place) in cases {
        let doomed = items(fixture, "inbox", &[subject]).await?;
        let done = delete.delete(&alice, &doomed, mode).await.map_err(failed("deleting"))?;
        ensure(matches!(done.as_slice(), [Ok(())]), || format!("{mode:?} gave {done:?}"))?;
        for other in ["inbox", "deleteditems", "recoverableitemsdeletions"] {
            let found = with_subject(fixture, ALICE, other, subject).await?.len();
            same(
                &format!("after {mode:?}: the number in {other}"),
                &found,
                &usize::from(place == Some(other)),
            )?;
        }
        let again = delete.delete(&alice, &doomed, mode).await.map_err(failed("deleting again"))?;
        not_found("deleting a second time", again.first())?;
    }
    Ok(())
}

/// One bad id in the middle: the others are deleted, and the results are in order.
pub(super) async fn deletes_batch(fixture: &Fixture) -> Verdict {
    let alice = mailbox(ALICE)?;
    let delete = port("delete", &fixture.ports.delete)?;
    let batch = items(fixture, "inbox", &["Batch 1", "Batch 2", "Batch 3"]).await?;
    let middle = batch.get(1..2).unwrap_or_default();
    delete.delete(&alice, middle, DeleteMode::Hard).await.map_err(failed("deleting"))?;
    let done = delete.delete(&alice, &batch, DeleteMode::Soft).await.map_err(failed("deleting"))?;
    same("the number of results", &done.len(), &3)?;
    not_found("the bad one", done.get(1))?;
    ensure(matches!((done.first(), done.get(2)), (Some(Ok(())), Some(Ok(())))), || format!("{done:?}"))?;
    for subject in ["Batch 1", "Batch 2", "Batch 3"] {
        let left = with_subject(fixture, ALICE, "inbox", subject).await?.len();
        same(&format!("how many {subject} are left"), &left, &0)?;
    }
    let nothing = delete.delete(&alice, &[], DeleteMode::Hard).await.map_err(failed("deleting nothing"))?;
    ensure(nothing.is_empty(), || format!("deleting nothing gave {nothing:?}"))
}

/// An id of one mailbox does nothing in another.
pub(super) async fn stays_in_mailbox(fixture: &Fixture) -> Verdict {
    let alice = mailbox(ALICE)?;
    let foreign = [one(fixture, BOB, "inbox", "Not yours").await?.item];
    let delete = port("delete", &fixture.ports.delete)?;
    let done = delete.delete(&alice, &foreign, DeleteMode::Hard).await.map_err(failed("deleting"))?;
    ensure(matches!(done.as_slice(), [Err(_)]), || format!("deleting in the wrong mailbox gave {done:?}"))?;
    one(fixture, BOB, "inbox", "Not yours").await.map(|_| ())
}

/// The mark is set and removed; one bad id does not stop the other.
pub(super) async fn marks(fixture: &Fixture) -> Verdict {
    let alice = mailbox(ALICE)?;
    let update = port("update", &fixture.ports.update)?;
    let both = items(fixture, "inbox", &["Mark me", "Mark me too"]).await?;
    let done = update.mark_read(&alice, &both, true).await.map_err(failed("marking"))?;
    for (before, after) in both.iter().zip(&done) {
        let after = after.as_ref().map_err(|error| format!("marking failed: {error}"))?;
        same("the id", &after.id, &before.id)?;
        ensure(after.change_key.is_none() || after.change_key != before.change_key, || {
            String::from("the version stayed the same")
        })?;
    }
    ensure(one(fixture, ALICE, "inbox", "Mark me").await?.is_read, || String::from("it is not marked"))?;
    // Only the id is known here, as after a crash: the port must find the version out by itself.
    let known = [ItemRef::new("bm90IGFuIGlk"), ItemRef::new(both.first().ok_or("no item")?.id.clone())];
    let done = update.mark_read(&alice, &known, false).await.map_err(failed("marking"))?;
    ensure(matches!(done.as_slice(), [Err(_), Ok(_)]), || format!("a bad and a good id gave {done:?}"))?;
    ensure(!one(fixture, ALICE, "inbox", "Mark me").await?.is_read, || {
        String::from("the mark is still there")
    })?;
    ensure(one(fixture, ALICE, "inbox", "Mark me too").await?.is_read, || {
        String::from("the other lost its mark")
    })
}

/// Junk goes to its folder and comes back; without a move the message stays where it is.
pub(super) async fn junks(fixture: &Fixture) -> Verdict {
    let alice = mailbox(ALICE)?;
    let junk = port("junk", &fixture.ports.junk)?;
    let first = items(fixture, "inbox", &["Junk me"]).await?;
    let marked = junk.mark_junk(&alice, &first, true, true).await.map_err(failed("marking as junk"))?;
    let Some(Ok(Junked { moved: Some(moved) })) = marked.first() else {
        return Err(format!("marking as junk gave {marked:?}"));
    };
    same("the id in Junk E-mail", &one(fixture, ALICE, "junkemail", "Junk me").await?.item.id, &moved.id)?;
    let both = [ItemRef::new(moved.id.clone()), ItemRef::new(first.first().ok_or("no item")?.id.clone())];
    let back = junk.mark_junk(&alice, &both, false, true).await.map_err(failed("marking as no junk"))?;
    same("the number of results", &back.len(), &2)?;
    not_found("marking by the old id", back.get(1))?;
    one(fixture, ALICE, "inbox", "Junk me").await?;
    let stays = items(fixture, "inbox", &["Block me"]).await?;
    let blocked = junk.mark_junk(&alice, &stays, true, false).await.map_err(failed("blocking"))?;
    ensure(matches!(blocked.as_slice(), [Ok(Junked { moved: None })]), || {
        format!("blocking gave {blocked:?}")
    })?;
    let id = one(fixture, ALICE, "inbox", "Block me").await?.item.id;
    same("the id of what stays", &Some(&id), &stays.first().map(|item| &item.id))
}
