//! [`Calendar`] over FindItem with a calendar view, GetItem, CreateItem, UpdateItem and DeleteItem.
//!
//! A view shows neither bodies nor people nor what repeats, so what it found is read item by item. The key an event
//! is made with is a property of its own beside that of drafts: a key of a playbook is not one of a run.

use exchange::port::{Calendar, Work};
use exchange::{DeleteMode, Error, ErrorKind, Event, EventFields, EventList, EventView, ItemRef, Mailbox};
use jiff::SignedDuration;

use super::event;
use crate::client::EwsClient;
use crate::object::{
    BodyType, FolderAt, ItemChange, ItemCondition, ItemSearch, ItemView, NewItem, PropertyPath, Relation,
};
use crate::op::create_item::{self, Creation};
use crate::op::delete_item::{Deletion, Invitations};
use crate::op::outcome::no_id;
use crate::op::update_item::{MeetingUpdates, Updating};

/// The longest view a server gives: two years.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 731);

impl Calendar for EwsClient {
    fn events<'a>(&'a self, mailbox: &'a Mailbox, view: &'a EventView) -> Work<'a, EventList> {
        Box::pin(async move {
            if view.end < view.start || view.end.duration_since(view.start) > LONGEST {
                return Err(invalid(
                    "a view of a calendar covers at most two years and ends after it starts",
                ));
            }
            let folder = view.calendar.clone().map_or(FolderAt::CALENDAR, FolderAt::from);
            let mut search = ItemSearch::new(folder);
            search.shape = Default::default();
            search.view = ItemView::Calendar { start: view.start, end: view.end, limit: Some(view.limit) };
            let pages = self.find_items(mailbox, &search).await?;
            let page = pages.into_iter().next().unwrap_or_else(|| Ok(Default::default()))?;
            let items: Vec<ItemRef> = page.items.into_iter().filter_map(|item| item.reference).collect();
            let mut events = Vec::with_capacity(items.len());
            for read in self.get_items(mailbox, &items, &event::shape(BodyType::Text)).await? {
                match read {
                    Ok(item) => events.push(event::read(item)?),
                    // It went while it was looked at.
                    Err(error) if error.kind == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            events.sort_by_key(|event| event.start);
            Ok(EventList { events, truncated: page.next_offset.is_some() })
        })
    }

    fn event<'a>(&'a self, mailbox: &'a Mailbox, event: &'a ItemRef) -> Work<'a, Event> {
        Box::pin(async move {
            let items = std::slice::from_ref(event);
            let all = self.get_items(mailbox, items, &event::shape(BodyType::Best)).await?;
            let missing = || invalid("GetItem: the answer holds no item");
            event::read(all.into_iter().next().ok_or_else(missing)??)
        })
    }

    fn find_event<'a>(&'a self, mailbox: &'a Mailbox, key: &'a str) -> Work<'a, Option<Event>> {
        Box::pin(async move {
            check_key(key)?;
            let mut search = ItemSearch::new(FolderAt::CALENDAR);
            search.shape = Default::default();
            search.view = ItemView::Page { offset: 0, limit: 1, from_end: false };
            let path = PropertyPath::Extended(event::key());
            search.condition = Some(ItemCondition::Compare(path, Relation::Equal, key.to_owned()));
            let pages = self.find_items(mailbox, &search).await?;
            let page = pages.into_iter().next().unwrap_or_else(|| Ok(Default::default()))?;
            let found = page.items.into_iter().find_map(|item| item.reference);
            match found {
                None => Ok(None),
                Some(found) => match self.event(mailbox, &found).await {
                    Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
                    other => other.map(Some),
                },
            }
        })
    }

    fn create_event<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        key: &'a str,
        fields: &'a EventFields,
        tell: bool,
    ) -> Work<'a, ItemRef> {
        Box::pin(async move {
            check_key(key)?;
            if let Some(fault) = fields.fault(true) {
                return Err(invalid(&format!("{fault}; nothing was made")));
            }
            let mut item = NewItem::calendar_item();
            item.fields = event::fields(fields);
            item.fields.push(event::key_field(key));
            let how = Creation::save_in(FolderAt::CALENDAR).inviting(told(tell));
            create_item::single(self.create_items(mailbox, std::slice::from_ref(&item), &how).await?)
        })
    }

    fn update_event<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        event: &'a ItemRef,
        fields: &'a EventFields,
        tell: bool,
    ) -> Work<'a, ItemRef> {
        Box::pin(async move {
            if let Some(fault) = fields.fault(false) {
                return Err(invalid(&format!("{fault}; nothing was changed")));
            }
            let updates = event::updates(fields);
            if updates.is_empty() {
                return Ok(event.clone());
            }
            let change = ItemChange::calendar_item(event, updates);
            let meetings = if tell { MeetingUpdates::EverybodyWithCopy } else { MeetingUpdates::Nobody };
            let how = Updating { meetings, ..Updating::default() };
            let all = self.update_items(mailbox, std::slice::from_ref(&change), &how).await?;
            let missing = || invalid("UpdateItem: the answer holds no result");
            all.into_iter().next().ok_or_else(missing)??.item.ok_or_else(|| no_id("UpdateItem"))
        })
    }

    fn delete_event<'a>(&'a self, mailbox: &'a Mailbox, event: &'a ItemRef, tell: bool) -> Work<'a, ()> {
        Box::pin(async move {
            let how = Deletion { cancellations: told(tell), ..Deletion::new(DeleteMode::Trash) };
            let all = self.delete_items(mailbox, std::slice::from_ref(event), how).await?;
            let missing = || invalid("DeleteItem: the answer holds no result");
            all.into_iter().next().ok_or_else(missing)?
        })
    }
}

fn told(tell: bool) -> Invitations {
    if tell { Invitations::EverybodyWithCopy } else { Invitations::Nobody }
}

fn invalid(words: &str) -> Error {
    Error::new(ErrorKind::Invalid, words)
}

fn check_key(key: &str) -> Result<(), Error> {
    if key.is_empty() {
        return Err(invalid("an empty key finds nothing; give the event a key of its own"));
    }
    Ok(())
}
