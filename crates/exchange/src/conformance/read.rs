//! Reading whole messages and their MIME form.

use super::mails::{QUIET, mails};
use super::{ALICE, BOB, Fixture, Verdict, ensure, failed, find, mailbox, not_found, one, port, same};
use crate::{ItemRef, Query};

/// Properties, headers in order, and one bad id among good ones.
pub(super) async fn messages(fixture: &Fixture) -> Verdict {
    let alice = mailbox(ALICE)?;
    let first = one(fixture, ALICE, QUIET, "Quiet Number 1").await?;
    let file = one(fixture, ALICE, QUIET, "Quiet with file").await?;
    let foreign = one(fixture, BOB, "inbox", "Not yours").await?;
    let wanted = [first.item.clone(), ItemRef::new(foreign.item.id), file.item];
    let read = port("read", &fixture.ports.read)?;
    let got = read.get(&alice, &wanted).await.map_err(failed("reading"))?;
    same("the number of results", &got.len(), &3)?;
    ensure(matches!(got.get(1), Some(Err(_))), || String::from("an item of another mailbox was read"))?;
    let short = read.summaries(&alice, &wanted).await.map_err(failed("reading summaries"))?;
    same("the number of summaries", &short.len(), &3)?;
    ensure(matches!(short.get(1), Some(Err(_))), || {
        String::from("an item of another mailbox was summarised")
    })?;
    let Some(Ok(summary)) = short.first() else {
        return Err(format!("a good item was not summarised: {:?}", short.first()));
    };
    same("the summary", summary, &first)?;
    let Some(Ok(message)) = got.first() else {
        return Err(format!("a good item was not read: {:?}", got.first()));
    };
    same("the id", &message.summary.item.id, &first.item.id)?;
    same("the subject", &message.summary.subject.as_deref(), &Some("Quiet Number 1"))?;
    let from = message.summary.from.as_ref().map(|from| (from.name.as_deref(), from.address.as_str()));
    same("the sender", &from, &Some((Some("The Writer"), "Writer1@Partner.Example")))?;
    let to: Vec<&str> = message.to.iter().map(|to| to.address.as_str()).collect();
    same("the recipients", &to, &vec![ALICE, "erin@corp.example"])?;
    let cc: Vec<&str> = message.cc.iter().map(|cc| cc.address.as_str()).collect();
    same("the copies", &cc, &vec!["frank@corp.example"])?;
    same("received", &message.summary.received_at.as_deref(), &Some("2026-06-01T10:00:00Z"))?;
    same("sent", &message.sent_at.as_deref(), &Some("2026-06-01T09:59:00Z"))?;
    let text = message.text_body.as_deref().unwrap_or_default();
    ensure(text.contains("Needle1 here"), || format!("the text is {text:?}"))?;
    let named = |name: &'static str| {
        message.headers.iter().filter(move |h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value.as_str())
    };
    same("the repeated header", &named("X-Repeat").collect(), &vec!["first", "second"])?;
    let received: String = named("Received").collect();
    ensure(
        received.contains("ESMTPS;") && received.contains("10:00:00") && !received.contains('\n'),
        || format!("the folded header is {received:?}"),
    )?;
    let Some(Ok(with_file)) = got.get(2) else {
        return Err(format!("a good item after a bad one was not read: {:?}", got.get(2)));
    };
    let html = with_file.html_body.as_deref().unwrap_or_default();
    ensure(html.contains("<b>file</b>"), || format!("the HTML is {html:?}"))?;
    same("the number of attachments", &with_file.attachments.len(), &1)
}

/// The MIME form of every mail of the quiet folder is what was put there.
pub(super) async fn mime(fixture: &Fixture) -> Verdict {
    let alice = mailbox(ALICE)?;
    let read = port("read", &fixture.ports.read)?;
    let mut expected: Vec<Vec<u8>> =
        mails().into_iter().filter(|m| m.folder == QUIET).map(|m| m.raw).collect();
    // Newest first, as the search gives them.
    expected.reverse();
    let found = find(fixture, ALICE, QUIET, Query::default()).await?.messages;
    same("the number of mails", &found.len(), &expected.len())?;
    for (message, expected) in found.iter().zip(&expected) {
        let mut bytes = Vec::new();
        let count = read.mime(&alice, &message.item, &mut bytes).await.map_err(failed("reading MIME"))?;
        same("the count of bytes", &count, &(bytes.len() as u64))?;
        ensure(bytes == *expected, || format!("the MIME of {:?} is not what was stored", message.subject))?;
    }
    let foreign = one(fixture, BOB, "inbox", "Not yours").await?;
    // All of them at once, and one in their midst that is not theirs.
    let mut wanted: Vec<ItemRef> = found.iter().map(|message| message.item.clone()).collect();
    wanted.insert(1, foreign.item.clone());
    let mut taken = vec![Vec::new(); wanted.len()];
    let said = read
        .mimes(&alice, &wanted, &mut |place, bytes| {
            taken
                .get_mut(place)
                .map(|taken| taken.extend_from_slice(bytes))
                .ok_or(std::io::ErrorKind::NotFound.into())
        })
        .await
        .map_err(failed("reading several in MIME"))?;
    same("the number of results", &said.len(), &wanted.len())?;
    not_found("the MIME of an item of another mailbox", said.get(1))?;
    ensure(taken.get(1).is_some_and(Vec::is_empty), || {
        String::from("bytes of another mailbox were passed on")
    })?;
    taken.remove(1);
    ensure(taken == expected, || String::from("the MIME of several is not what was stored"))?;
    let counts: Vec<u64> = said.into_iter().flatten().collect();
    same("the counts of bytes", &counts, &expected.iter().map(|raw| raw.len() as u64).collect())?;
    // One that nobody takes does not keep the others from coming.
    let mut second = Vec::new();
    let items: Vec<ItemRef> = found.iter().take(2).map(|message| message.item.clone()).collect();
    let said = read
        .mimes(&alice, &items, &mut |place, bytes| match place {
            0 => Err(std::io::ErrorKind::StorageFull.into()),
            _ => {
                second.extend_from_slice(bytes);
                Ok(())
            }
        })
        .await
        .map_err(failed("reading two in MIME"))?;
    ensure(matches!(said.as_slice(), [Err(_), Ok(_)]), || format!("refused and taken came to {said:?}"))?;
    ensure(Some(&second) == expected.get(1), || {
        String::from("the MIME after one that was refused is another")
    })?;
    let mut nothing = Vec::new();
    let refused = read.mime(&alice, &foreign.item, &mut nothing).await;
    not_found("the MIME of an item of another mailbox", Some(&refused))?;
    ensure(nothing.is_empty(), || String::from("bytes of another mailbox were written"))
}
