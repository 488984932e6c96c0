//! Items as the ports show them.

use exchange::{
    Address, AttachmentInfo, AttachmentKind, Error, ErrorKind, Found, Header, ItemRef, Message,
    MessageSummary, Query, SearchRequest,
};

use crate::model::extended::PropertyName;
use crate::model::filter::{Comparison, Containment, Field, Filter, Operand, parse_time};
use crate::model::id;
use crate::model::item::{FolderKey, Item};
use crate::model::mail::Person;
use crate::model::mailbox::{Mailbox, Search};
use crate::restriction;

/// One page of a search.
pub(crate) fn search(mailbox: &Mailbox, folder: FolderKey, request: &SearchRequest) -> Result<Found, Error> {
    if !(1..=1_000).contains(&request.limit) {
        return Err(Error::new(ErrorKind::Invalid, "a page has 1 to 1,000 messages"));
    }
    let mut all = conditions(&request.query)?;
    all.extend(request.restriction.as_ref().map(restriction::filter));
    let filter = Filter::All(all);
    let search = Search {
        filter: Some(&filter),
        sort: &[],
        offset: request.offset as usize,
        from_end: false,
        limit: request.limit as usize,
    };
    let page = mailbox.search(folder, &search);
    let passed = request.offset.saturating_add(number(page.keys.len()));
    let items = page.keys.iter().filter_map(|key| mailbox.items.get(key));
    Ok(Found {
        messages: items.map(|item| summary(mailbox, item)).collect(),
        total: number(page.total),
        next_offset: (passed < number(page.total)).then_some(passed),
    })
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn conditions(query: &Query) -> Result<Vec<Filter>, Error> {
    let equal = |field: Field, text: &str| Filter::Compare {
        field,
        how: Comparison::Equal,
        with: Operand::Text(text.to_owned()),
    };
    let contains = |field: Field, text: &str| Filter::Contains {
        field,
        mode: Containment::Substring,
        ignore_case: true,
        text: text.to_owned(),
    };
    let time = |how: Comparison, text: &String| match parse_time(text) {
        Some(_) => Ok(Filter::Compare { field: Field::Received, how, with: Operand::Text(text.clone()) }),
        None => Err(Error::new(ErrorKind::Invalid, "a search needs times like 2026-03-01T00:00:00Z")),
    };
    let texts = [
        (&query.internet_message_id, Field::MessageId, true),
        (&query.from, Field::FromAddress, true),
        (&query.subject, Field::Subject, true),
        (&query.subject_contains, Field::Subject, false),
        (&query.body_contains, Field::Body, false),
    ];
    let mut all: Vec<Filter> = Vec::new();
    for (wanted, field, whole) in texts {
        if let Some(text) = wanted {
            all.push(if whole { equal(field, text) } else { contains(field, text) });
        }
    }
    if let Some(after) = &query.received_after {
        all.push(time(Comparison::GreaterOrEqual, after)?);
    }
    if let Some(before) = &query.received_before {
        all.push(time(Comparison::Less, before)?);
    }
    for (wanted, field) in [(query.has_attachments, Field::HasAttachments), (query.is_read, Field::IsRead)] {
        if let Some(flag) = wanted {
            all.push(equal(field, if flag { "true" } else { "false" }));
        }
    }
    Ok(all)
}

/// The newest item in a folder that carries our key.
pub(crate) fn by_key(mailbox: &Mailbox, folder: FolderKey, key: &str) -> Option<ItemRef> {
    let property = PropertyName::portcullis_key();
    let carries =
        |item: &&Item| item.property(&property).is_some_and(|values| values.iter().any(|v| v == key));
    mailbox.keys(folder).iter().filter_map(|key| mailbox.items.get(key)).find(carries).map(reference)
}

/// The newest item in a folder that carries our key and is no draft.
pub(crate) fn sent_by_key(mailbox: &Mailbox, folder: FolderKey, key: &str) -> Option<ItemRef> {
    let property = PropertyName::portcullis_key();
    let carries =
        |item: &&Item| item.property(&property).is_some_and(|values| values.iter().any(|v| v == key));
    let items = mailbox.keys(folder).into_iter().filter_map(|key| mailbox.items.get(&key));
    items.filter(|item| !item.is_draft).find(carries).map(reference)
}

fn reference(item: &Item) -> ItemRef {
    ItemRef { id: item.id.clone(), change_key: Some(item.change_key()) }
}

fn address(person: &Person) -> Address {
    Address { name: person.name.clone(), address: person.address.clone() }
}

/// What a search shows of an item.
pub(crate) fn summary(mailbox: &Mailbox, item: &Item) -> MessageSummary {
    MessageSummary {
        item: reference(item),
        internet_message_id: item.mail.message_id.clone(),
        subject: item.mail.subject.clone(),
        from: item.mail.from.as_ref().map(address),
        received_at: Some(item.received.to_string()),
        size: item.raw.len() as u64,
        is_read: item.is_read,
        has_attachments: item.mail.has_attachments(),
        folder_id: mailbox.folders.get(item.folder).map(|folder| folder.id.clone()),
    }
}

/// A whole message.
pub(crate) fn message(mailbox: &Mailbox, item: &Item) -> Message {
    let mail = &item.mail;
    let header = |(name, value): &(String, String)| Header { name: name.clone(), value: value.clone() };
    let text = mail.text_body();
    Message {
        summary: summary(mailbox, item),
        to: mail.to.iter().map(address).collect(),
        cc: mail.cc.iter().map(address).collect(),
        sent_at: mail.sent_at.map(|time| time.to_string()),
        text_body: (!text.is_empty()).then_some(text),
        html_body: mail.html.clone(),
        headers: mail.headers.iter().map(header).collect(),
        attachments: attachments(item),
    }
}

/// What hangs on a message.
pub(crate) fn attachments(item: &Item) -> Vec<AttachmentInfo> {
    let info = |(index, attachment): (usize, &crate::model::mail::Attachment)| AttachmentInfo {
        id: id::attachment(&item.id, &[item.number(index)]),
        name: Some(attachment.name.clone()),
        content_type: Some(attachment.content_type.clone()),
        size: attachment.bytes.len() as u64,
        is_inline: attachment.is_inline,
        content_id: attachment.content_id.clone(),
        kind: if attachment.is_message { AttachmentKind::Item } else { AttachmentKind::File },
    };
    item.mail.attachments.iter().enumerate().map(info).collect()
}
