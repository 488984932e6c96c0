//! What people put on messages.

use super::{ALICE, BOB, Fixture, Verdict, ensure, failed, mailbox, one, port, same};
use crate::port::Properties;
use crate::restriction::Importance;
use crate::{ErrorKind, FollowUp, ItemProperties, ItemRef, Mailbox, PropertyChange};

async fn look(port: &dyn Properties, whose: &Mailbox, item: &ItemRef) -> Verdict<ItemProperties> {
    let found = port.properties(whose, std::slice::from_ref(item)).await;
    let found = found.map_err(failed("reading properties"))?.pop();
    found.ok_or("reading properties gave nothing")?.map_err(failed("reading the properties of a message"))
}

/// Each property is set and taken back, the others stay, and a version that is old is refused.
pub(super) async fn changes(fixture: &Fixture) -> Verdict {
    let port = port("properties", &fixture.ports.properties)?;
    let alice = mailbox(ALICE)?;
    let item = one(fixture, ALICE, "inbox", "Categorise me").await?.item;
    let before = look(port, &alice, &item).await?;
    same("the subject", &before.subject.as_deref(), &Some("Categorise me"))?;
    let state = (before.is_draft, before.importance, before.flag, before.categories.clone());
    same("what is on a new message", &state, &(false, Importance::Normal, FollowUp::NotFlagged, Vec::new()))?;
    let from = before.from.as_ref().map(|from| from.address.to_lowercase());
    same("who a message is from", &from.as_deref(), &Some("carol@partner.example"))?;

    let categories = vec!["Phishing & <co>".to_owned(), "Second".to_owned()];
    let change = |change: PropertyChange, item: ItemRef| {
        let whose = alice.clone();
        async move { port.change(&whose, &item, &change).await }
    };
    let wanted = PropertyChange { categories: Some(categories.clone()), ..PropertyChange::default() };
    let now = change(wanted, before.item.clone()).await.map_err(failed("setting categories"))?;
    same("the message whose categories were set", &now.id, &before.item.id)?;
    let wanted = PropertyChange {
        importance: Some(Importance::High),
        flag: Some(FollowUp::Flagged),
        ..PropertyChange::default()
    };
    let now = change(wanted, ItemRef::new(now.id)).await.map_err(failed("setting importance and flag"))?;
    let after = look(port, &alice, &now).await?;
    let state = (after.importance, after.flag, after.categories);
    same("what was set", &state, &(Importance::High, FollowUp::Flagged, categories))?;

    let again = PropertyChange { flag: Some(FollowUp::Complete), ..PropertyChange::default() };
    match change(again, before.item.clone()).await {
        Err(error) if error.kind == ErrorKind::Conflict => {}
        other => return Err(format!("a change of an old version: {other:?}, not an error of kind Conflict")),
    }
    let back = PropertyChange {
        categories: Some(Vec::new()),
        importance: Some(Importance::Normal),
        flag: Some(FollowUp::NotFlagged),
        ..PropertyChange::default()
    };
    let now = change(back, ItemRef::new(now.id)).await.map_err(failed("taking everything back"))?;
    let end = look(port, &alice, &now).await?;
    same("what was taken back", &ItemProperties { item: before.item.clone(), ..end }, &before)?;
    let nothing = change(PropertyChange::default(), now).await;
    ensure(matches!(&nothing, Err(error) if error.kind == ErrorKind::Invalid), || {
        format!("a change of nothing: {nothing:?}, not an error of kind Invalid")
    })?;
    let moved = one(fixture, ALICE, "inbox", "Categorise me").await?.item;
    let both = [moved, one(fixture, BOB, "inbox", "Not yours").await?.item];
    let found = port.properties(&alice, &both).await.map_err(failed("reading properties of two"))?;
    ensure(matches!(found.as_slice(), [Ok(_), Err(_)]), || {
        format!("a message of this mailbox and one of another: {found:?}")
    })
}
