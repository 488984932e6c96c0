//! From a draft of the ports to what the wire takes.
//!
//! A new message says everything in the request that makes it, so the draft has our key from its first moment. An
//! answer has room for little: the rest, our key among it, is set by one change right afterwards. A draft without the
//! key is never sent, so what comes between the two leaves a draft behind and nothing else.

use exchange::restriction::Importance as Said;
use exchange::{Address, BodyText, Draft, DraftChange, Error, ErrorKind, Header};

use crate::mime;
use crate::object::{ExtendedName, Field, Importance, NewItem, NewKind, PropertyPath, Update};
use crate::op::update_item::marks;
use crate::property::KEY_NAME;

/// The new item of a draft.
pub(crate) fn of_draft(draft: &Draft, kind: NewKind) -> NewItem {
    let own = matches!(kind, NewKind::Message);
    let quoted = matches!(kind, NewKind::Forward(_)) || draft.quotes;
    let mut item = NewItem::new(kind);
    item.fields.extend(draft.subject.clone().map(Field::Subject));
    match (&draft.plain, &draft.body) {
        (Some(plain), BodyText::Html(html)) if own => {
            item.mime = Some(mime::alternative(plain, html).into());
        }
        _ if own || quoted => item.fields.push(Field::Body(draft.body.clone())),
        _ => {}
    }
    item.fields.extend(draft.from.clone().map(Field::From));
    item.fields.extend(people(Field::To, &draft.to));
    if own {
        let key = ExtendedName::public_string(KEY_NAME);
        item.fields.push(Field::Extended(key, vec![draft.key.clone()]));
        item.fields.extend(
            draft
                .headers
                .iter()
                .map(|header| Field::Header { name: header.name.clone(), value: header.value.clone() }),
        );
        item.fields.extend(people(Field::Cc, &draft.cc));
        item.fields.extend(people(Field::Bcc, &draft.bcc));
        item.fields.extend(people(Field::ReplyTo, &draft.reply_to));
        item.fields.extend(draft.importance.map(importance));
    }
    item
}

/// What is set on an answer after it was made.
pub(crate) fn afterwards(draft: &Draft, whole_body: bool) -> Vec<Update> {
    let mut updates = marks(&draft.key, &draft.headers);
    if whole_body {
        updates.push(Update::Set(Field::Body(draft.body.clone())));
    }
    updates.extend(draft.importance.map(importance).map(Update::Set));
    updates.extend(people(Field::ReplyTo, &draft.reply_to).map(Update::Set));
    // Beside those that the server took from the original.
    updates.extend(people(Field::Cc, &draft.cc).map(Update::Append));
    updates.extend(people(Field::Bcc, &draft.bcc).map(Update::Append));
    updates
}

/// The changes of a draft, in the words of the wire.
pub(crate) fn of_change(change: &DraftChange) -> Vec<Update> {
    let mut updates: Vec<Update> = change
        .headers
        .iter()
        .map(|header| Update::Set(Field::Header { name: header.name.clone(), value: header.value.clone() }))
        .collect();
    updates.extend(change.subject.clone().map(Field::Subject).map(Update::Set));
    updates.extend(change.body.clone().map(Field::Body).map(Update::Set));
    updates.extend(change.importance.map(importance).map(Update::Set));
    if let Some(key) = &change.key {
        let name = ExtendedName::public_string(KEY_NAME);
        updates.push(Update::Set(Field::Extended(name, vec![key.clone()])));
    }
    let lists = [
        (Field::To as fn(_) -> Field, &change.to),
        (Field::Cc, &change.cc),
        (Field::Bcc, &change.bcc),
        (Field::ReplyTo, &change.reply_to),
    ];
    for (field, given) in lists {
        if let Some(given) = given {
            // A server takes no empty list for nobody.
            let empty: PropertyPath = field(Vec::new()).path();
            updates.push(people(field, given).map_or(Update::Delete(empty), Update::Set));
        }
    }
    updates
}

fn people(field: fn(Vec<Address>) -> Field, people: &[Address]) -> Option<Field> {
    (!people.is_empty()).then(|| field(people.to_vec()))
}

fn importance(said: Said) -> Field {
    Field::Importance(match said {
        Said::Low => Importance::Low,
        Said::Normal => Importance::Normal,
        Said::High => Importance::High,
    })
}

/// Refuses what must not be sent on: a draft without a key, and headers that could forge others.
pub(crate) fn check(draft: &Draft) -> Result<(), Error> {
    check_key(&draft.key)?;
    check_headers(&draft.headers)
}

/// Refuses a draft that nobody could find again.
pub(crate) fn check_key(key: &str) -> Result<(), Error> {
    if key.is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "a draft needs a key of its own; nothing was sent"));
    }
    Ok(())
}

/// As [`check`] for an answer, which has one body.
pub(crate) fn check_answer(draft: &Draft) -> Result<(), Error> {
    if draft.plain.is_some() {
        return Err(Error::new(
            ErrorKind::Invalid,
            "an answer has one body: plain text or HTML; nothing was sent",
        ));
    }
    check(draft)
}

/// Refuses headers that could forge others.
pub(crate) fn check_headers(headers: &[Header]) -> Result<(), Error> {
    for header in headers {
        let name = header.name.as_str();
        let token = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let ours = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-")) && name.len() > 2;
        if !token || !(ours || name.eq_ignore_ascii_case("Auto-Submitted")) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the header \"{}\" cannot be set: names must begin with `X-` or be `Auto-Submitted`",
                    crate::code::shown(name, 60)
                ),
            ));
        }
        if header.value.chars().any(char::is_control) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the value of the header `{name}` has a line break or control character; nothing was sent"
                ),
            ));
        }
    }
    Ok(())
}
