//! The calendar of a mailbox: looked at, and events put into it, changed and taken out.
//!
//! An event is made with a key of whoever makes it, by which it is found again: so a call whose answer was lost can
//! be told from one that never arrived. Left out: answering invitations, and several calendars to write to.

use crate::port::Work;
use crate::{Event, EventFields, EventList, EventView, ItemRef, Mailbox};

/// Looks at events, makes, changes and deletes them.
pub trait Calendar: Send + Sync {
    /// What a calendar shows between two moments: each occurrence of a series on its own, bodies as plain text.
    fn events<'a>(&'a self, mailbox: &'a Mailbox, view: &'a EventView) -> Work<'a, EventList>;

    /// One event, with its body as it is kept.
    fn event<'a>(&'a self, mailbox: &'a Mailbox, event: &'a ItemRef) -> Work<'a, Event>;

    /// The event that was made with this key, in the mailbox's own calendar; none in Deleted Items.
    fn find_event<'a>(&'a self, mailbox: &'a Mailbox, key: &'a str) -> Work<'a, Option<Event>>;

    /// Makes an event that carries `key` in the mailbox's own calendar. With `tell` everybody who is invited gets an
    /// invitation. A wire that cannot keep it from them refuses attendees without it.
    fn create_event<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        key: &'a str,
        fields: &'a EventFields,
        tell: bool,
    ) -> Work<'a, ItemRef>;

    /// Changes an event, or one occurrence of a series. With `tell` everybody who is invited learns of it.
    fn update_event<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        event: &'a ItemRef,
        fields: &'a EventFields,
        tell: bool,
    ) -> Work<'a, ItemRef>;

    /// Moves an event to Deleted Items, or takes an occurrence out of its series. With `tell` everybody who is
    /// invited learns that it is called off; of somebody else's meeting its organizer learns that nobody comes.
    fn delete_event<'a>(&'a self, mailbox: &'a Mailbox, event: &'a ItemRef, tell: bool) -> Work<'a, ()>;
}
