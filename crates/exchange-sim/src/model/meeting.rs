//! Meetings between mailboxes: what is sent to those who are invited, and what that does to their calendars.
//!
//! An invitation is entered into the calendar at once, as a server's attendant does it. Both sides know the meeting by
//! its UID, and one occurrence of it by when the series has it. How invitations are answered is a module of its own.
//! Left out: the iCalendar form in the MIME of these messages.

use super::changes::What;
use super::detail::{Detail, DetailKind, Node};
use super::item::{FolderKey, Item};
use super::mail::{Mail, Person};
use super::meeting_answer::Reply;
use super::series::{number_at, text_node};
use super::state::{Disposal, NewItem, Place, State};
use super::store_error::{StoreError, Stored};
use sha2::{Digest, Sha256};

/// What those who are invited are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    Invitation,
    Change,
    Cancellation,
}

/// What becomes of a message about a meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dispatch {
    /// It stays among the drafts.
    Draft,
    /// It is sent; a copy goes into the folder, if there is one.
    Send(Option<FolderKey>),
}

/// A message about a meeting.
pub(super) struct Letter<'a> {
    pub(super) prefix: &'static str,
    pub(super) to: &'a [String],
    pub(super) about: Detail,
    pub(super) words: Words,
    pub(super) how: Dispatch,
}

/// Words with whether they are HTML.
pub(crate) type Words = Option<(String, bool)>;

/// What of a calendar item goes into messages about it.
pub(super) const TOLD: [&str; 7] = [
    "Start",
    "End",
    "Location",
    "Recurrence",
    "CalendarItemType",
    "RecurrenceId",
    "AppointmentSequenceNumber",
];
/// What of it only an invitation says.
const INVITED: [&str; 6] =
    ["IsAllDayEvent", "RequiredAttendees", "OptionalAttendees", "Resources", "StartTimeZone", "EndTimeZone"];

/// What a meeting is called in every mailbox.
pub(crate) fn uid(item: &Item) -> String {
    let said = item.detail.as_ref().and_then(|detail| detail.text("UID"));
    said.map_or_else(
        || {
            let hash = Sha256::digest(item.source.as_bytes());
            format!("040000008200E00074C5B7101A82E008{}", super::compose::hex(&hash, 24).to_uppercase())
        },
        str::to_owned,
    )
}

/// A list with one person, as `Organizer` is.
fn person(name: &str, address: &str) -> Node {
    let parts = [("Name", address), ("EmailAddress", address), ("RoutingType", "SMTP")];
    let mailbox = Node {
        name: String::from("Mailbox"),
        children: parts.iter().map(|(name, text)| text_node(name, *text)).collect(),
        ..Node::default()
    };
    Node { name: name.to_owned(), children: vec![mailbox], ..Node::default() }
}

impl Detail {
    /// Who invites, where that is said: the owner of the mailbox is not.
    pub(crate) fn organizer(&self) -> Option<&str> {
        let mailbox = self.get("Organizer")?.child("Mailbox")?;
        mailbox.child("EmailAddress").map(|address| address.text.as_str())
    }

    pub(super) fn sequence(&self) -> u32 {
        self.text("AppointmentSequenceNumber").and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    pub(super) fn take(&mut self, from: &Detail, names: &[&str]) {
        names.iter().filter_map(|name| from.get(name)).for_each(|node| self.set(node.clone()));
    }
}

impl State {
    /// The calendar item with a UID.
    pub(crate) fn event(&self, mailbox: &str, wanted: &str) -> Option<Place> {
        let mailbox = mailbox.to_lowercase();
        let held = self.mailboxes.get(&mailbox)?;
        let calendar = |item: &&Item| item.detail.as_ref().is_some_and(|d| d.kind == DetailKind::Calendar);
        let gone = ["deleteditems", "recoverableitemsroot"].map(|name| held.well_known(name));
        let kept = |item: &&Item| {
            !gone.iter().flatten().any(|gone| held.is_within(item.folder, *gone)) && uid(item) == wanted
        };
        let found = held.items.iter().find(|(_, item)| calendar(item) && kept(item));
        found.map(|(key, _)| Place { mailbox: mailbox.clone(), key: *key })
    }

    /// Tells everybody who is invited to a calendar item, or to one occurrence of it.
    pub(crate) fn tell_invited(
        &mut self,
        place: &Place,
        number: Option<u32>,
        notice: Notice,
        words: Words,
        keep: Option<FolderKey>,
    ) -> Stored<()> {
        if notice == Notice::Change && number.is_none() {
            let detail = self.item_mut(place)?.detail.as_mut();
            if let Some(detail) = detail.filter(|detail| !detail.invited().is_empty()) {
                let next = detail.sequence() + 1;
                detail.set(text_node("AppointmentSequenceNumber", next.to_string()));
            }
        }
        let master = self.item(place)?;
        let event = number.map_or_else(|| Ok(master.clone()), |number| master.occurrence(number))?;
        let Some(detail) = &event.detail else { return Ok(()) };
        if let Some(organizer) = detail.organizer().map(str::to_owned) {
            // Somebody else's meeting that is given up is declined.
            let declines = notice == Notice::Cancellation;
            let send = Dispatch::Send(keep);
            return if declines {
                self.send_reply(place, &event, &organizer, Reply::Decline, words, send)
            } else {
                Ok(())
            };
        }
        let invited = detail.invited();
        if invited.is_empty() {
            return Ok(());
        }
        let kind =
            if notice == Notice::Cancellation { DetailKind::Cancellation } else { DetailKind::Request };
        let mut about = Detail { kind, nodes: vec![text_node("UID", uid(&event))] };
        about.take(detail, &TOLD);
        if kind == DetailKind::Request {
            about.take(detail, &INVITED);
            let busy = detail.text("LegacyFreeBusyStatus").unwrap_or("Busy");
            about.set(text_node("IntendedFreeBusyStatus", busy));
            let asks = if notice == Notice::Change { "FullUpdate" } else { "NewMeetingRequest" };
            about.set(text_node("MeetingRequestType", asks));
            about.set(person("Organizer", &self.mailbox(&place.mailbox)?.address));
        }
        let prefix = if kind == DetailKind::Cancellation { "Canceled: " } else { "" };
        self.dispatch(place, &event, Letter { prefix, to: &invited, about, words, how: Dispatch::Send(keep) })
    }

    /// Writes a message about an event and sends it, or keeps it.
    pub(super) fn dispatch(&mut self, place: &Place, event: &Item, letter: Letter<'_>) -> Stored<()> {
        let Letter { prefix, to, about, words, how } = letter;
        let mut mail = self.blank(&place.mailbox)?;
        mail.to = to.iter().map(|address| Person { name: None, address: address.clone() }).collect();
        mail.subject = format!("{prefix}{}", event.mail.subject.clone().unwrap_or_default());
        (mail.body, mail.is_html) = match words {
            Some(words) => words,
            None if about.kind == DetailKind::Response => (String::new(), false),
            None => match &event.mail.html {
                Some(html) => (html.clone(), true),
                None => (event.mail.text_body(), false),
            },
        };
        let number = self.next_created();
        let drafts =
            self.mailbox(&place.mailbox)?.well_known("drafts").ok_or_else(StoreError::folder_not_found)?;
        let new =
            NewItem { detail: Some(Box::new(about)), ..NewItem::draft(format!("meeting {number}"), mail) };
        match how {
            Dispatch::Draft => self.create(&place.mailbox, drafts, new).map(drop),
            Dispatch::Send(keep) => {
                let draft = self.store(&place.mailbox, drafts, new)?;
                self.send(&draft, keep)
            }
        }
    }

    /// Calls a meeting off, or one occurrence of it: everybody learns of it, and it leaves the calendar.
    pub(crate) fn cancel_meeting(
        &mut self,
        place: &Place,
        number: Option<u32>,
        words: Words,
        keep: Option<FolderKey>,
    ) -> Stored<()> {
        let item = self.item(place)?;
        let detail = item.detail.as_ref().filter(|detail| detail.kind == DetailKind::Calendar);
        let detail = detail
            .ok_or_else(|| StoreError::new("ErrorInvalidReferenceItem", "The item is no calendar item."))?;
        if detail.organizer().is_some() {
            let text = "Only the organizer can call a meeting off.";
            return Err(StoreError::new("ErrorCalendarIsNotOrganizer", text));
        }
        self.tell_invited(place, number, Notice::Cancellation, words, keep)?;
        match number {
            Some(number) => self.remove_occurrence(place, number),
            None => self.delete_item(place, Disposal::Trash),
        }
    }

    /// What a message about a meeting does to the calendar of the mailbox it came to.
    pub(crate) fn attend(&mut self, notice: &Place) -> Stored<()> {
        let item = self.item(notice)?.clone();
        let Some(detail) = item.detail.as_deref() else { return Ok(()) };
        let Some(event) = self.event(&notice.mailbox, &uid(&item)) else {
            return match detail.kind {
                DetailKind::Request => self.enter(notice, &item, detail).map(drop),
                _ => Ok(()),
            };
        };
        let is_own = self.item(&event)?.detail.as_ref().is_some_and(|kept| kept.organizer().is_none());
        match detail.kind {
            DetailKind::Response if is_own => self.track(&event, &item, detail),
            DetailKind::Request | DetailKind::Cancellation if !is_own => self.follow(&event, &item, detail),
            _ => Ok(()),
        }
    }

    /// Puts the meeting of an invitation into the calendar.
    pub(super) fn enter(&mut self, notice: &Place, item: &Item, detail: &Detail) -> Stored<Place> {
        let mut entry = Detail { kind: DetailKind::Calendar, nodes: vec![text_node("UID", uid(item))] };
        entry.take(detail, &TOLD);
        entry.take(detail, &INVITED);
        entry.take(detail, &["Organizer"]);
        ask_again(&mut entry);
        let mut mail = self.blank(&notice.mailbox)?;
        mail.from = item.mail.from.clone().unwrap_or(mail.from);
        mail.subject = item.mail.subject.clone().unwrap_or_default();
        mail.body = item.mail.text_body();
        let number = self.next_created();
        let calendar =
            self.mailbox(&notice.mailbox)?.well_known("calendar").ok_or_else(StoreError::folder_not_found)?;
        let mut new = NewItem::draft(format!("attended {number}"), mail);
        (new.is_draft, new.detail) = (false, Some(Box::new(entry)));
        self.store(&notice.mailbox, calendar, new)
    }

    /// Brings the calendar item of somebody who is invited to what the organizer says now.
    fn follow(&mut self, event: &Place, item: &Item, said: &Detail) -> Stored<()> {
        let cancelled = said.kind == DetailKind::Cancellation;
        let subject = item.mail.subject.clone().unwrap_or_default();
        let kept = self.item(event)?;
        if let Some(number) = kept.occurrence_told(said) {
            let occurrence = kept.occurrence(number).ok().filter(|_| !cancelled).map(|mut one| {
                if let Some(composed) = &mut one.composed {
                    composed.subject = subject;
                }
                if let Some(detail) = &mut one.detail {
                    detail.take(said, &["Start", "End", "Location"]);
                    ask_again(detail);
                }
                one.become_exception();
                Box::new(one)
            });
            return self.mark(event, |item| {
                item.changed.insert(number, occurrence);
            });
        }
        self.mark(event, |entry| {
            if let Some(composed) = &mut entry.composed {
                composed.subject = subject;
            }
            let Some(detail) = &mut entry.detail else { return };
            detail.take(said, &TOLD);
            detail.take(said, &INVITED);
            if cancelled {
                detail.set(text_node("IsCancelled", "true"));
                detail.set(text_node("LegacyFreeBusyStatus", "Free"));
            } else {
                ask_again(detail);
            }
        })
    }

    /// Changes an item as the server itself does it, which is nobody's effect.
    pub(super) fn mark(&mut self, place: &Place, change: impl FnOnce(&mut Item)) -> Stored<()> {
        let now = self.clock.now();
        let item = self.item_mut(place)?;
        change(item);
        item.version += 1;
        item.modified = now;
        if let Some(composed) = &item.composed {
            item.raw = composed.mime(true);
            item.mail = std::sync::Arc::new(Mail::parse(&item.raw));
        }
        self.note(place, What::Modified, None);
        Ok(())
    }
}

/// What was changed, or is new, is not answered yet.
fn ask_again(detail: &mut Detail) {
    detail.set(text_node("MyResponseType", "NoResponseReceived"));
    detail.set(text_node("LegacyFreeBusyStatus", "Tentative"));
}

impl Item {
    /// Which occurrence a message about a meeting is about; `None` where it is about the whole, or this is no series.
    pub(crate) fn occurrence_told(&self, said: &Detail) -> Option<u32> {
        let kept = self.detail.as_ref().filter(|_| self.repeats())?;
        number_at(kept, said.text("RecurrenceId")?)
    }
}
