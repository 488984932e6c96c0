//! Groups, contacts, and the mailboxes there are.

use super::{ALICE, BOB, CONTACT, Fixture, GROUP, INNER_GROUP, Verdict, ensure, failed, mailbox, port, same};
use crate::ErrorKind;

/// A group shows its members and not those of groups in it; one that holds itself is no trap.
pub(super) async fn groups(fixture: &Fixture) -> Verdict {
    let groups = port("groups", &fixture.ports.groups)?;
    let alice = mailbox(ALICE)?;
    let found = groups.members(&alice, GROUP).await.map_err(failed("expanding a group"))?;
    let kinds: Vec<(String, bool)> = found
        .members
        .iter()
        .map(|member| (member.address.to_lowercase(), member.kind == "PublicDL"))
        .collect();
    let expected = [(ALICE, false), (BOB, false), (INNER_GROUP, true)];
    same("the members", &kinds, &expected.map(|(address, group)| (address.to_owned(), group)).to_vec())?;
    ensure(!found.truncated, || String::from("three members are said to be not all"))?;
    let inner = groups.members(&alice, INNER_GROUP).await.map_err(failed("expanding a group in a group"))?;
    let addresses: Vec<String> = inner.members.iter().map(|member| member.address.to_lowercase()).collect();
    same("the members of the group inside", &addresses, &vec![GROUP.to_owned()])?;
    for (what, address, kind) in [
        ("a group that is not there", "no-such-group@corp.example", ErrorKind::NotFound),
        ("a blank address", " ", ErrorKind::Invalid),
    ] {
        match groups.members(&alice, address).await {
            Err(error) if error.kind == kind => {}
            other => return Err(format!("{what}: {other:?}, not an error of kind {kind:?}")),
        }
    }
    Ok(())
}

/// Contacts come with what they hold, page by page, from their own mailbox only.
pub(super) async fn contacts(fixture: &Fixture) -> Verdict {
    let contacts = port("contacts", &fixture.ports.contacts)?;
    let (alice, bob) = (mailbox(ALICE)?, mailbox(BOB)?);
    let page = contacts.contacts(&alice, 0, 1_000).await.map_err(failed("listing contacts"))?;
    same("where the next page of contacts begins", &page.next_offset, &None)?;
    same("how many contacts there are", &(page.total as usize), &page.contacts.len())?;
    let (name, email, mobile) = CONTACT;
    let found = page.contacts.iter().find(|contact| contact.display_name.as_deref() == Some(name));
    let found = found.ok_or_else(|| format!("no contact is called {name}: {page:?}"))?;
    let emails: Vec<&str> = found.emails.iter().map(|email| email.address.as_str()).collect();
    same("the addresses of a contact", &emails, &vec![email])?;
    let phones: Vec<(&str, crate::ContactLabel)> =
        found.phones.iter().map(|phone| (phone.number.as_str(), phone.label)).collect();
    same("the numbers of a contact", &phones, &vec![(mobile, crate::ContactLabel::Mobile)])?;
    ensure(found.modified_at.is_some(), || String::from("nobody knows when a contact was changed"))?;
    let beyond =
        contacts.contacts(&alice, page.total, 10).await.map_err(failed("listing beyond the last"))?;
    same("contacts beyond the last", &beyond.contacts, &Vec::new())?;
    let others = contacts.contacts(&bob, 0, 10).await.map_err(failed("listing contacts of another"))?;
    ensure(others.contacts.iter().all(|contact| contact.display_name.as_deref() != Some(name)), || {
        String::from("the contact is in another mailbox, too")
    })?;
    let none = contacts.contacts(&alice, 0, 0).await;
    ensure(matches!(&none, Err(error) if error.kind == ErrorKind::Invalid), || {
        format!("a page of 0 contacts: {none:?}, not an error of kind Invalid")
    })
}

/// Mailboxes and groups are listed, and a filter lists fewer.
pub(super) async fn mailboxes(fixture: &Fixture) -> Verdict {
    let mailboxes = port("mailboxes", &fixture.ports.mailboxes)?;
    let alice = mailbox(ALICE)?;
    let list = |filter: Option<&'static str>, expand: bool| {
        let whose = alice.clone();
        async move {
            let found = mailboxes.searchable(&whose, filter, expand).await;
            let found = found.map_err(failed("listing mailboxes"))?;
            let entry = |one: crate::SearchableMailbox| (one.address.to_lowercase(), one.is_group);
            Verdict::Ok(found.mailboxes.into_iter().map(entry).collect::<Vec<_>>())
        }
    };
    let all = list(None, false).await?;
    for (address, is_group) in [(ALICE, false), (BOB, false), (GROUP, true)] {
        ensure(all.contains(&(address.to_owned(), is_group)), || format!("{address} is not in {all:?}"))?;
    }
    same("what an address lists", &list(Some(ALICE), false).await?, &vec![(ALICE.to_owned(), false)])?;
    same(
        "what an address that nobody has lists",
        &list(Some("nobody@corp.example"), false).await?,
        &Vec::new(),
    )?;
    let members: Vec<String> =
        list(Some(GROUP), true).await?.into_iter().map(|(address, _)| address).collect();
    ensure(
        members.iter().any(|member| member == BOB) && !members.iter().any(|member| member == GROUP),
        || format!("instead of a group its members are listed: {members:?}"),
    )
}
