//! Face 1, continued: the calendar.

use exchange::port::{Calendar, Work};
use exchange::{Error, ErrorKind, Event, EventFields, EventList, EventView, ItemRef, Mailbox};
use jiff::SignedDuration;

use crate::events::{self, KEY_NAME};
use crate::ledger::EffectKind;
use crate::model::detail::{Detail, DetailKind};
use crate::model::extended::{Extended, PropertyName};
use crate::model::item::{FolderKey, Item};
use crate::model::meeting::Notice;
use crate::model::series::{self, text_node};
use crate::model::state::{Disposal, NewItem, Place, State};
use crate::model::store_error::{StoreError, Stored};
use crate::model::zone;
use crate::ports::{Direct, folder, refused};

/// The longest view: two years.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 731);

fn invalid(words: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, words)
}

/// The event a reference names, and which occurrence it is.
fn locate(state: &State, mailbox: &Mailbox, event: &ItemRef) -> Stored<(Place, Option<u32>)> {
    state.mailbox(mailbox.as_str())?;
    let (id, number) = match series::read_id(&event.id) {
        Some((master, number)) => (master, Some(number)),
        None => (event.id.clone(), None),
    };
    let place = state.locate(Some(mailbox.as_str()), &id)?;
    if let Some(number) = number {
        state.item(&place)?.occurrence(number)?;
    }
    Ok((place, number))
}

/// The item of an event; of an occurrence as it is shown.
fn item(state: &State, place: &Place, number: Option<u32>) -> Stored<Item> {
    let item = state.item(place)?;
    number.map_or_else(|| Ok(item.clone()), |number| item.occurrence(number))
}

fn key() -> PropertyName {
    PropertyName {
        set: Some(String::from("PublicStrings")),
        name: Some(String::from(KEY_NAME)),
        kind: String::from("String"),
        ..PropertyName::default()
    }
}

fn read(state: &State, mailbox: &Mailbox, item: &Item, plain: bool) -> Result<Event, Error> {
    let address = &state.mailbox(mailbox.as_str()).map_err(refused)?.address;
    let key = item.property(&key()).and_then(|values| values.into_iter().next());
    events::read(item, address, key, plain)
        .ok_or_else(|| invalid("the item is no event of a calendar; give the id that a calendar shows"))
}

fn check_zone(fields: &EventFields) -> Result<(), Error> {
    match &fields.time_zone {
        Some(name) if zone::named(name).is_none() => Err(invalid(zone::UNKNOWN)),
        _ => Ok(()),
    }
}

fn check_key(key: &str) -> Result<(), Error> {
    if key.is_empty() {
        Err(invalid("an empty key finds nothing; give the event a key of its own"))
    } else {
        Ok(())
    }
}

impl Calendar for Direct {
    fn events<'a>(&'a self, mailbox: &'a Mailbox, view: &'a EventView) -> Work<'a, EventList> {
        self.now(move |state| {
            if view.end < view.start || view.end.duration_since(view.start) > LONGEST {
                return Err(invalid(
                    "a view of a calendar covers at most two years and ends after it starts",
                ));
            }
            let held = state.mailbox(mailbox.as_str()).map_err(refused)?;
            let at = match &view.calendar {
                Some(named) => folder(state, mailbox, named),
                None => held.well_known("calendar").ok_or_else(StoreError::folder_not_found),
            };
            let at = at.map_err(refused)?;
            if !held.folders.get(at).is_some_and(|folder| folder.class.starts_with("IPF.Appointment")) {
                return Err(invalid("the folder is not a calendar"));
            }
            let items = held.keys(at).into_iter().filter_map(|key| held.items.get(&key));
            let mut found: Vec<Item> = items.flat_map(|item| item.shown(view.start, view.end)).collect();
            found.sort_by_key(|item| item.detail.as_ref().and_then(|detail| detail.time("Start")));
            let limit = usize::try_from(view.limit).unwrap_or(usize::MAX);
            let events = found.iter().take(limit).map(|item| read(state, mailbox, item, true));
            Ok(EventList { events: events.collect::<Result<_, _>>()?, truncated: found.len() > limit })
        })
    }

    fn event<'a>(&'a self, mailbox: &'a Mailbox, event: &'a ItemRef) -> Work<'a, Event> {
        self.now(move |state| {
            let (place, number) = locate(state, mailbox, event).map_err(gone)?;
            read(state, mailbox, &item(state, &place, number).map_err(gone)?, false)
        })
    }

    fn find_event<'a>(&'a self, mailbox: &'a Mailbox, wanted: &'a str) -> Work<'a, Option<Event>> {
        self.now(move |state| {
            check_key(wanted)?;
            let held = state.mailbox(mailbox.as_str()).map_err(refused)?;
            let calendar =
                held.well_known("calendar").ok_or_else(|| refused(StoreError::folder_not_found()))?;
            let carries = |item: &&Item| {
                item.property(&key()).is_some_and(|values| values.iter().any(|value| value == wanted))
            };
            let found = held.keys(calendar).into_iter().filter_map(|key| held.items.get(&key)).find(carries);
            found.map(|item| read(state, mailbox, item, false)).transpose()
        })
    }

    fn create_event<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        wanted: &'a str,
        fields: &'a EventFields,
        tell: bool,
    ) -> Work<'a, ItemRef> {
        self.now(move |state| {
            check_key(wanted)?;
            if let Some(fault) = fields.fault(true) {
                return Err(invalid(format!("{fault}; nothing was made")));
            }
            check_zone(fields)?;
            create(state, mailbox, wanted, fields, tell).map_err(refused)
        })
    }

    fn update_event<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        event: &'a ItemRef,
        fields: &'a EventFields,
        tell: bool,
    ) -> Work<'a, ItemRef> {
        self.now(move |state| {
            if let Some(fault) = fields.fault(false) {
                return Err(invalid(format!("{fault}; nothing was changed")));
            }
            check_zone(fields)?;
            let (place, number) = locate(state, mailbox, event).map_err(gone)?;
            if *fields == EventFields::default() {
                return Ok(event.clone());
            }
            let keep = sent_items(state, &place);
            let change = |item: &mut Item| {
                events::put(item, fields);
                Ok(())
            };
            match number {
                Some(number) => state.change_occurrence(&place, number, "event", change),
                None => state.change_item(&place, EffectKind::Updated, "event", change),
            }
            .map_err(refused)?;
            if tell {
                state.tell_invited(&place, number, Notice::Change, None, keep).map_err(refused)?;
            }
            let now = item(state, &place, number).map_err(refused)?;
            Ok(ItemRef { change_key: Some(now.change_key()), id: now.id })
        })
    }

    fn delete_event<'a>(&'a self, mailbox: &'a Mailbox, event: &'a ItemRef, tell: bool) -> Work<'a, ()> {
        self.now(move |state| {
            let (place, number) = locate(state, mailbox, event).map_err(gone)?;
            let keep = sent_items(state, &place);
            if tell {
                state.tell_invited(&place, number, Notice::Cancellation, None, keep).map_err(refused)?;
            }
            match number {
                Some(number) => state.remove_occurrence(&place, number),
                None => state.delete_item(&place, Disposal::Trash),
            }
            .map_err(refused)
        })
    }
}

/// A refusal where an occurrence that was taken out is not there, as any other item that is gone.
fn gone(error: StoreError) -> Error {
    let kind = error.code == "ErrorCalendarOccurrenceIsDeletedFromRecurrence";
    let said = refused(error);
    if kind { Error { kind: ErrorKind::NotFound, ..said } } else { said }
}

fn sent_items(state: &State, place: &Place) -> Option<usize> {
    state.mailboxes.get(&place.mailbox).and_then(|mailbox| mailbox.well_known("sentitems"))
}

/// The item of a new event, and the folder it belongs into.
pub(crate) fn build(
    state: &mut State,
    mailbox: &Mailbox,
    wanted: &str,
    fields: &EventFields,
) -> Stored<(FolderKey, NewItem)> {
    let calendar =
        state.mailbox(mailbox.as_str())?.well_known("calendar").ok_or_else(StoreError::folder_not_found)?;
    let blank = state.blank(mailbox.as_str())?;
    let number = state.next_created();
    let mut new = NewItem::draft(format!("created {number}"), blank);
    new.is_draft = false;
    new.extended = vec![Extended { property: key(), values: vec![wanted.to_owned()] }];
    let mut detail = Detail { kind: DetailKind::Calendar, nodes: Vec::new() };
    events::set(&mut detail, fields);
    new.detail = Some(Box::new(detail));
    if let Some(mail) = &mut new.composed {
        events::compose(mail, fields);
        new.raw = mail.mime(true);
    }
    new.categories = fields.categories.clone().unwrap_or_default();
    Ok((calendar, new))
}

fn create(
    state: &mut State,
    mailbox: &Mailbox,
    wanted: &str,
    fields: &EventFields,
    tell: bool,
) -> Stored<ItemRef> {
    let (calendar, mut new) = build(state, mailbox, wanted, fields)?;
    if let Some(detail) = new.detail.as_mut().filter(|detail| tell && !detail.invited().is_empty()) {
        detail.set(text_node("MeetingRequestWasSent", "true"));
    }
    let place = state.create(mailbox.as_str(), calendar, new)?;
    if tell {
        let keep = sent_items(state, &place);
        state.tell_invited(&place, None, Notice::Invitation, None, keep)?;
    }
    crate::ports::reference(state, &place)
}
