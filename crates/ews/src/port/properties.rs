//! [`Properties`] over GetItem and UpdateItem.

use exchange::port::{PerItem, Properties, Work};
use exchange::restriction::Importance as Said;
use exchange::{Error, ErrorKind, FollowUp, ItemProperties, ItemRef, Mailbox, PropertyChange};

use crate::client::EwsClient;
use crate::object::{
    BaseShape, Conflict, ExchangeItem, Field, Flag, Importance, ItemChange, ItemShape, PropertyPath, Update,
};
use crate::op::update_item::Updating;

/// What is read.
const SHOWN: [&str; 6] =
    ["item:Subject", "item:Categories", "item:Importance", "item:IsDraft", "item:Flag", "message:From"];

impl Properties for EwsClient {
    fn properties<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
    ) -> Work<'a, PerItem<ItemProperties>> {
        Box::pin(async move {
            let base = ItemShape::new(BaseShape::IdOnly);
            let shape = SHOWN.into_iter().fold(base, |shape, name| shape.with(PropertyPath::field(name)));
            let found = self.get_items(mailbox, items, &shape).await?;
            Ok(found.into_iter().map(|item| item.and_then(properties)).collect())
        })
    }

    fn change<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        change: &'a PropertyChange,
    ) -> Work<'a, ItemRef> {
        Box::pin(async move {
            if change.is_empty() {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "a change that changes nothing; nothing was sent",
                ));
            }
            let conflict = match item.change_key {
                Some(_) => Conflict::NeverOverwrite,
                None => Conflict::AlwaysOverwrite,
            };
            let how = Updating { conflict, ..Updating::default() };
            let changes = [ItemChange::message(item.clone(), updates(change))];
            let mut done = self.update_items(mailbox, &changes, &how).await?;
            let nothing =
                || Error::new(ErrorKind::Unknown, "the server did not say what became of the message");
            done.pop().ok_or_else(nothing)??.item.ok_or_else(nothing)
        })
    }
}

fn properties(item: ExchangeItem) -> Result<ItemProperties, Error> {
    let nameless = || Error::new(ErrorKind::Invalid, "GetItem: the server gave an item without an id");
    Ok(ItemProperties {
        item: item.reference.ok_or_else(nameless)?,
        subject: item.subject,
        is_draft: item.is_draft.unwrap_or_default(),
        from: item.message.from.or(item.message.sender),
        categories: item.categories,
        importance: match item.importance {
            Some(Importance::Low) => Said::Low,
            Some(Importance::High) => Said::High,
            Some(Importance::Normal) | None => Said::Normal,
        },
        flag: match item.flag.as_deref() {
            Some("Flagged") => FollowUp::Flagged,
            Some("Complete") => FollowUp::Complete,
            _ => FollowUp::NotFlagged,
        },
    })
}

fn updates(change: &PropertyChange) -> Vec<Update> {
    let subject = change.subject.clone().map(|subject| Update::Set(Field::Subject(subject)));
    let categories = change.categories.clone().map(|categories| match categories.is_empty() {
        true => Update::Delete(PropertyPath::field("item:Categories")),
        false => Update::Set(Field::Categories(categories)),
    });
    let importance = change.importance.map(|importance| {
        Update::Set(Field::Importance(match importance {
            Said::Low => Importance::Low,
            Said::Normal => Importance::Normal,
            Said::High => Importance::High,
        }))
    });
    let flag = change.flag.map(|flag| {
        Update::Set(Field::Flag(match flag {
            FollowUp::NotFlagged => Flag::NotFlagged,
            FollowUp::Flagged => Flag::Flagged,
            FollowUp::Complete => Flag::Complete,
        }))
    });
    subject.into_iter().chain(categories).chain(importance).chain(flag).collect()
}
