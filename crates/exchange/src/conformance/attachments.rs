//! Listing attachments and fetching their bytes.

use super::mails::{INNER, attached_bytes};
use super::{ALICE, Fixture, Verdict, ensure, failed, mailbox, not_found, one, port, same};
use crate::{AttachmentInfo, AttachmentKind};

/// A file and a message, byte for byte; and an attachment that is not there.
pub(super) async fn fetches(fixture: &Fixture) -> Verdict {
    let alice = mailbox(ALICE)?;
    let attachments = port("attachments", &fixture.ports.attachments)?;
    let file = one(fixture, ALICE, "inbox", "With a file").await?;
    ensure(file.has_attachments, || String::from("the search says there are no attachments"))?;
    let list = attachments.list(&alice, &file.item).await.map_err(failed("listing"))?;
    let [info] = list.as_slice() else { return Err(format!("{list:?} is not one attachment")) };
    same("the name", &info.name.as_deref(), &Some("data.bin"))?;
    same("the kind", &info.kind, &AttachmentKind::File)?;
    same("inline", &info.is_inline, &false)?;
    let bytes = fetch(fixture, info).await?;
    ensure(bytes == attached_bytes(), || {
        format!("the {} bytes of the file are not those attached", bytes.len())
    })?;

    let holder = one(fixture, ALICE, "inbox", "With a message").await?;
    let list = attachments.list(&alice, &holder.item).await.map_err(failed("listing"))?;
    let [info] = list.as_slice() else { return Err(format!("{list:?} is not one attachment")) };
    same("the kind", &info.kind, &AttachmentKind::Item)?;
    same("the name", &info.name.as_deref(), &Some("Inner"))?;
    let bytes = fetch(fixture, info).await?;
    same("the message inside", &String::from_utf8_lossy(&bytes).into_owned(), &INNER.to_owned())?;

    let absent = AttachmentInfo { id: String::from("bm90IGFuIGlk"), ..info.clone() };
    ensure(attachments.fetch(&alice, &absent, &mut Vec::new()).await.is_err(), || {
        String::from("an attachment that is not there was fetched")
    })?;
    let plain = one(fixture, ALICE, super::mails::QUIET, "Quiet Number 1").await?;
    let none = attachments.list(&alice, &plain.item).await.map_err(failed("listing"))?;
    ensure(none.is_empty(), || format!("{none:?} in a mail without attachments"))
}

async fn fetch(fixture: &Fixture, info: &AttachmentInfo) -> Verdict<Vec<u8>> {
    let attachments = port("attachments", &fixture.ports.attachments)?;
    let mut bytes = Vec::new();
    let count = attachments.fetch(&mailbox(ALICE)?, info, &mut bytes).await.map_err(failed("fetching"))?;
    same("the count of bytes", &count, &(bytes.len() as u64))?;
    Ok(bytes)
}

/// What is taken off is gone, what stays keeps its bytes, and an old id never means another attachment.
pub(super) async fn detaches(fixture: &Fixture) -> Verdict {
    let alice = mailbox(ALICE)?;
    let attachments = port("attachments", &fixture.ports.attachments)?;
    let detach = port("detach", &fixture.ports.detach)?;
    let item = one(fixture, ALICE, "inbox", "With three files").await?.item;
    let before = attachments.list(&alice, &item).await.map_err(failed("listing"))?;
    same("the number of attachments", &before.len(), &3)?;
    let ids: Vec<String> = before.iter().map(|info| info.id.clone()).collect();
    let first_and_last: Vec<String> = ids.iter().step_by(2).cloned().collect();
    let done = detach.detach(&alice, &first_and_last).await.map_err(failed("taking off"))?;
    ensure(matches!(done.as_slice(), [Ok(()), Ok(())]), || format!("taking off gave {done:?}"))?;
    let left = attachments.list(&alice, &item).await.map_err(failed("listing again"))?;
    let names: Vec<Option<&str>> = left.iter().map(|info| info.name.as_deref()).collect();
    same("the names of what is left", &names, &vec![Some("b.txt")])?;
    let mut bytes = Vec::new();
    for info in &left {
        attachments.fetch(&alice, info, &mut bytes).await.map_err(failed("fetching"))?;
    }
    same(
        "the bytes of what is left",
        &String::from_utf8_lossy(&bytes).trim().to_owned(),
        &"b.txt".to_owned(),
    )?;
    let again = detach.detach(&alice, &first_and_last).await.map_err(failed("taking off again"))?;
    for result in &again {
        not_found("taking off what is gone", Some(result))?;
    }
    let left = attachments.list(&alice, &item).await.map_err(failed("listing once more"))?;
    same("the number of attachments that are left", &left.len(), &1)
}
