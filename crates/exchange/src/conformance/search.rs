//! Searching: every field of a query, paging, and texts that look like something else.

use super::mails::{ODD, QUIET};
use super::{ALICE, Fixture, Verdict, ensure, failed, find, folder, mailbox, port, same};
use crate::{ErrorKind, Query, SearchRequest};

/// Every field finds what it should and nothing else; newest first.
pub(super) async fn fields(fixture: &Fixture) -> Verdict {
    let text = |text: &str| Some(text.to_owned());
    let all = "7 6 5 4 3 2 1";
    let cases: Vec<(&str, Query, &str)> = vec![
        ("nothing", Query::default(), all),
        (
            "Message-ID",
            Query {
                internet_message_id: text("<alicecorpexampleQuietNumber2@partner.example>"),
                ..Query::default()
            },
            "2",
        ),
        ("sender in another case", Query { from: text("WRITER3@partner.EXAMPLE"), ..Query::default() }, "3"),
        ("sender's name", Query { from: text("The Writer"), ..Query::default() }, ""),
        ("part of the sender", Query { from: text("writer"), ..Query::default() }, ""),
        ("subject in another case", Query { subject: text("quiet NUMBER 4"), ..Query::default() }, "4"),
        ("part of a subject as subject", Query { subject: text("Quiet Number"), ..Query::default() }, ""),
        ("part of a subject", Query { subject_contains: text("IET numb"), ..Query::default() }, "5 4 3 2 1"),
        ("part of a body", Query { body_contains: text("nEEDLE5"), ..Query::default() }, "5"),
        ("part of an HTML body", Query { body_contains: text("See"), ..Query::default() }, "7"),
        (
            "received after",
            Query { received_after: text("2026-06-05T10:00:00Z"), ..Query::default() },
            "7 6 5",
        ),
        (
            "received before",
            Query { received_before: text("2026-06-03T10:00:00Z"), ..Query::default() },
            "2 1",
        ),
        ("with attachments", Query { has_attachments: Some(true), ..Query::default() }, "7"),
        ("without attachments", Query { has_attachments: Some(false), ..Query::default() }, "6 5 4 3 2 1"),
        ("unread", Query { is_read: Some(false), ..Query::default() }, all),
        ("read", Query { is_read: Some(true), ..Query::default() }, ""),
        (
            "two fields at once",
            Query {
                subject_contains: text("Quiet"),
                received_before: text("2026-06-02T10:00:01Z"),
                ..Query::default()
            },
            "2 1",
        ),
    ];
    for (name, query, expected) in cases {
        let found = find(fixture, ALICE, QUIET, query).await?;
        let days: Vec<String> =
            found.messages.iter().map(|message| day(message.received_at.as_deref())).collect();
        same(
            &format!("searching by {name}: the days of what was found"),
            &days.join(" "),
            &expected.to_owned(),
        )?;
        same(&format!("searching by {name}: total"), &(found.total as usize), &found.messages.len())?;
    }
    Ok(())
}

/// Conditions of every kind, alone and joined, find what they should and nothing else.
pub(super) async fn restrictions(fixture: &Fixture) -> Verdict {
    let cases: [(&str, &str); 26] = [
        (r#"{"eq":{"field":"from","value":"WRITER3@partner.example"}}"#, "3"),
        (r#"{"eq":{"field":"from","value":"The Writer"}}"#, ""),
        (r#"{"contains":{"field":"from","value":"writer2"}}"#, "2"),
        (r#"{"contains":{"field":"from","value":"the WRITER"}}"#, "7 6 5 4 3 2 1"),
        (r#"{"starts_with":{"field":"from","value":"odd@"}}"#, "6"),
        (r#"{"contains":{"field":"to","value":"ERIN@corp"}}"#, "7 6 5 4 3 2 1"),
        (r#"{"contains":{"field":"to","value":"frank@corp.example"}}"#, ""),
        (r#"{"eq":{"field":"cc","value":"frank@corp.example"}}"#, "7 6 5 4 3 2 1"),
        (r#"{"eq":{"field":"subject","value":"QUIET number 4"}}"#, "4"),
        (r#"{"eq":{"field":"subject","value":"Quiet Number"}}"#, ""),
        (r#"{"starts_with":{"field":"subject","value":"quiet n"}}"#, "5 4 3 2 1"),
        (r#"{"contains":{"field":"subject","value":"*"}}"#, "6"),
        (r#"{"contains":{"field":"body","value":"needle5"}}"#, "5"),
        (r#"{"eq":{"field":"message_id","value":"<alicecorpexampleQuietNumber2@partner.example>"}}"#, "2"),
        (r#"{"after":{"field":"received","value":"2026-06-05T12:00:00+02:00"}}"#, "7 6 5"),
        (r#"{"eq":{"field":"received","value":"2026-06-05T10:00:00Z"}}"#, "5"),
        (r#"{"starts_with":{"field":"body","value":"needle4 H"}}"#, "4"),
        (r#"{"before":{"field":"received","value":"2026-06-03T10:00:00Z"}}"#, "2 1"),
        (r#"{"before":{"field":"sent","value":"2026-06-03T10:00:00Z"}}"#, "3 2 1"),
        (r#"{"eq":{"field":"has_attachments","value":true}}"#, "7"),
        (r#"{"eq":{"field":"is_read","value":true}}"#, ""),
        (r#"{"eq":{"field":"importance","value":"high"}}"#, ""),
        (r#"{"exists":{"field":"category"}}"#, ""),
        (r#"{"not":{"contains":{"field":"subject","value":"number"}}}"#, "7 6"),
        (
            r#"{"or":[{"eq":{"field":"subject","value":"Quiet Number 1"}},{"and":[{"eq":{"field":"importance","value":"normal"}},{"not":{"before":{"field":"received","value":"2026-06-06T00:00:00Z"}}},{"eq":{"field":"has_attachments","value":false}}]}]}"#,
            "6 1",
        ),
        (r#"{"and":[{"or":[{"not":{"exists":{"field":"cc"}}}]}]}"#, ""),
    ];
    let search = port("search", &fixture.ports.search)?;
    for (written, expected) in cases {
        let restriction = serde_json::from_str(written).map_err(|error| format!("{written}: {error}"))?;
        let request = SearchRequest {
            mailbox: mailbox(ALICE)?,
            folder: folder(QUIET)?,
            query: Query::default(),
            restriction: Some(restriction),
            offset: 0,
            limit: 100,
        };
        let found = search.search(&request).await.map_err(failed(written))?;
        let days: Vec<String> = found.messages.iter().map(|m| day(m.received_at.as_deref())).collect();
        same(&format!("{written}: the days of what was found"), &days.join(" "), &expected.to_owned())?;
        // Beside a query both must hold.
        let query = Query { subject_contains: Some("number".to_owned()), ..Query::default() };
        let found = search.search(&SearchRequest { query, ..request }).await.map_err(failed(written))?;
        let both = expected.split(' ').filter(|day| !matches!(*day, "7" | "6" | "")).count();
        same(
            &format!("{written}, beside a query: the number of what was found"),
            &found.messages.len(),
            &both,
        )?;
    }
    Ok(())
}

/// The day of the month, by which the mails can be told apart.
fn day(received: Option<&str>) -> String {
    let day = received.and_then(|time| time.get(8..10)).unwrap_or("none");
    day.trim_start_matches('0').to_owned()
}

/// A text that looks like XML or like a query is only a text.
pub(super) async fn quoting(fixture: &Fixture) -> Verdict {
    let query = Query { subject: Some(ODD.to_owned()), ..Query::default() };
    let found = find(fixture, ALICE, QUIET, query).await?;
    same("the number of mails with the odd subject", &found.messages.len(), &1)?;
    let subject = found.messages.first().and_then(|message| message.subject.as_deref());
    same("the subject", &subject, &Some(ODD))?;
    for wild in ["*", "%", "\" OR \"", "</t:Constant>", ""] {
        let query = Query { subject: Some(wild.to_owned()), ..Query::default() };
        let found = find(fixture, ALICE, QUIET, query).await;
        // An empty text may be refused; it must not match everything.
        let count = found.map(|found| found.messages.len());
        ensure(matches!(count, Ok(0)) || (wild.is_empty() && count.is_err()), || {
            format!("the subject {wild:?} found {count:?}")
        })?;
    }
    Ok(())
}

/// Pages join without gap or repeat.
pub(super) async fn pages(fixture: &Fixture) -> Verdict {
    let all: Vec<_> = find(fixture, ALICE, QUIET, Query::default())
        .await?
        .messages
        .into_iter()
        .map(|m| m.item.id)
        .collect();
    let search = port("search", &fixture.ports.search)?;
    let (mut joined, mut offset, mut pages) = (Vec::new(), Some(0), 0);
    while let Some(start) = offset {
        let request = SearchRequest {
            mailbox: mailbox(ALICE)?,
            folder: folder(QUIET)?,
            query: Query::default(),
            restriction: None,
            offset: start,
            limit: 3,
        };
        let page = search.search(&request).await.map_err(failed("a page"))?;
        same("the total on a page", &(page.total as usize), &all.len())?;
        ensure(page.messages.len() <= 3, || String::from("a page has more than was asked for"))?;
        joined.extend(page.messages.into_iter().map(|message| message.item.id));
        offset = page.next_offset;
        pages += 1;
        ensure(pages < 10, || String::from("the pages do not end"))?;
    }
    same("the number of pages", &pages, &3)?;
    same("the pages joined", &joined, &all)
}

/// A folder or mailbox that is not there is not an empty one.
pub(super) async fn absent(fixture: &Fixture) -> Verdict {
    let search = port("search", &fixture.ports.search)?;
    for (address, place) in [(ALICE, "Inbox/No such folder"), ("nobody@corp.example", "inbox")] {
        let request = SearchRequest {
            mailbox: mailbox(address)?,
            folder: folder(place)?,
            query: Query::default(),
            restriction: None,
            offset: 0,
            limit: 1,
        };
        match search.search(&request).await {
            Err(error) if error.kind == ErrorKind::NotFound => {}
            other => return Err(format!("{place} of {address}: {other:?}, not an error of kind NotFound")),
        }
    }
    Ok(())
}
