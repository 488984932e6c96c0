//! Meetings between mailboxes: what is sent to those who are invited, what that does to their calendars, and how they
//! answer.
//!
//! An invitation is entered into the calendar at once, as a server's attendant does it, and the answer marks the
//! organizer's entry. Both sides know the meeting by its UID. Left out: the iCalendar form in the MIME of these
//! messages, proposing another time, and answers for one occurrence only.

use super::changes::What;
use super::detail::{Detail, DetailKind, Node, PEOPLE};
use super::item::{FolderKey, Item};
use super::mail::{Mail, Person};
use super::series::{number_at, text_node};
use super::state::{Disposal, NewItem, Place, State};
use super::store_error::{StoreError, Stored};
use crate::ledger::EffectKind;
use sha2::{Digest, Sha256};

/// What those who are invited are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    Invitation,
    Change,
    Cancellation,
}

/// An answer to an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Accept,
    Tentative,
    Decline,
}

impl Reply {
    fn word(self) -> &'static str {
        match self {
            Reply::Accept => "Accept",
            Reply::Tentative => "Tentative",
            Reply::Decline => "Decline",
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Reply::Accept => "Accepted: ",
            Reply::Tentative => "Tentative: ",
            Reply::Decline => "Declined: ",
        }
    }

    /// The codes of a server: for one's own meeting, and for one that was called off.
    fn codes(self) -> (&'static str, &'static str) {
        match self {
            Reply::Accept => ("ErrorCalendarIsOrganizerForAccept", "ErrorCalendarIsCancelledForAccept"),
            Reply::Tentative => {
                ("ErrorCalendarIsOrganizerForTentative", "ErrorCalendarIsCancelledForTentative")
            }
            Reply::Decline => ("ErrorCalendarIsOrganizerForDecline", "ErrorCalendarIsCancelledForDecline"),
        }
    }
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
struct Letter<'a> {
    prefix: &'static str,
    to: &'a [String],
    about: Detail,
    words: Words,
    how: Dispatch,
}

/// Words with whether they are HTML.
pub(crate) type Words = Option<(String, bool)>;

/// What of a calendar item goes into messages about it.
const TOLD: [&str; 7] = [
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

    fn sequence(&self) -> u32 {
        self.text("AppointmentSequenceNumber").and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    fn take(&mut self, from: &Detail, names: &[&str]) {
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
    fn dispatch(&mut self, place: &Place, event: &Item, letter: Letter<'_>) -> Stored<()> {
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

    fn send_reply(
        &mut self,
        place: &Place,
        event: &Item,
        organizer: &str,
        reply: Reply,
        words: Words,
        dispatch: Dispatch,
    ) -> Stored<()> {
        let mut about = Detail { kind: DetailKind::Response, nodes: vec![text_node("UID", uid(event))] };
        about.set(text_node("ResponseType", reply.word()));
        if let Some(detail) = &event.detail {
            about.take(detail, &TOLD);
        }
        let to = &[organizer.to_owned()];
        self.dispatch(place, event, Letter { prefix: reply.prefix(), to, about, words, how: dispatch })
    }

    /// Answers an invitation, or the calendar item it made. Gives the calendar item and where the invitation went.
    pub(crate) fn answer_invitation(
        &mut self,
        about: &Place,
        reply: Reply,
        words: Words,
        dispatch: Dispatch,
    ) -> Stored<(Option<Place>, Option<Place>)> {
        let item = self.item(about)?.clone();
        let (own, cancelled) = reply.codes();
        let invalid =
            || StoreError::new("ErrorInvalidReferenceItem", "The item is no invitation to a meeting.");
        let detail = item.detail.as_deref().ok_or_else(invalid)?;
        let is_request = detail.kind == DetailKind::Request;
        if !is_request && detail.kind != DetailKind::Calendar {
            return Err(invalid());
        }
        let Some(organizer) = detail.organizer().map(str::to_owned) else {
            return Err(StoreError::new(own, "The owner of the mailbox is the organizer of this meeting."));
        };
        let event = match (self.event(&about.mailbox, &uid(&item)), reply) {
            (None, Reply::Accept | Reply::Tentative) if is_request => Some(self.enter(about, &item, detail)?),
            (found, _) => found,
        };
        if let Some(kept) = event.as_ref().and_then(|event| self.item(event).ok()?.detail.clone()) {
            if kept.text("IsCancelled") == Some("true") {
                return Err(StoreError::new(cancelled, "The meeting was called off."));
            }
            if is_request && kept.sequence() > detail.sequence() {
                let text = "The meeting request is out of date: a later one came.";
                return Err(StoreError::new("ErrorCalendarMeetingRequestIsOutOfDate", text));
            }
        }
        self.send_reply(about, &item, &organizer, reply, words, dispatch)?;
        if let Some(event) = &event {
            let busy = detail.text("IntendedFreeBusyStatus").unwrap_or("Busy").to_owned();
            self.change_item(event, EffectKind::Updated, "calendar:MyResponseType", |item| {
                if let Some(detail) = &mut item.detail {
                    detail.set(text_node("MyResponseType", reply.word()));
                    let shown = if reply == Reply::Tentative { "Tentative" } else { &busy };
                    detail.set(text_node("LegacyFreeBusyStatus", shown));
                }
                Ok(())
            })?;
            if reply == Reply::Decline {
                self.delete_item(event, Disposal::Trash)?;
            }
        }
        if is_request {
            if let Some(detail) = &mut self.item_mut(about)?.detail {
                detail.set(text_node("HasBeenProcessed", "true"));
            }
            self.delete_item(about, Disposal::Trash)?;
        }
        Ok((event, is_request.then(|| about.clone())))
    }

    /// Calls a meeting off: everybody learns of it, and it leaves the calendar.
    pub(crate) fn cancel_meeting(
        &mut self,
        place: &Place,
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
        self.tell_invited(place, None, Notice::Cancellation, words, keep)?;
        self.delete_item(place, Disposal::Trash)
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
            DetailKind::Response if is_own => {
                let from =
                    item.mail.from.as_ref().map(|from| from.address.to_lowercase()).unwrap_or_default();
                let answer = detail.text("ResponseType").unwrap_or("Unknown").to_owned();
                self.mark(&event, |kept| note_answer(kept, &from, &answer))
            }
            DetailKind::Request | DetailKind::Cancellation if !is_own => self.follow(&event, &item, detail),
            _ => Ok(()),
        }
    }

    /// Puts the meeting of an invitation into the calendar.
    fn enter(&mut self, notice: &Place, item: &Item, detail: &Detail) -> Stored<Place> {
        let mut entry = Detail { kind: DetailKind::Calendar, nodes: vec![text_node("UID", uid(item))] };
        entry.take(detail, &TOLD);
        entry.take(detail, &INVITED);
        entry.take(detail, &["Organizer"]);
        entry.set(text_node("LegacyFreeBusyStatus", "Tentative"));
        entry.set(text_node("MyResponseType", "NoResponseReceived"));
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
        let kept = self.item(event)?;
        let number = kept
            .detail
            .as_ref()
            .zip(said.text("RecurrenceId"))
            .filter(|_| kept.repeats())
            .and_then(|(kept, start)| number_at(kept, start));
        if let Some(number) = number {
            let occurrence = kept.occurrence(number).ok().filter(|_| !cancelled).map(|mut one| {
                if let Some(detail) = &mut one.detail {
                    detail.take(said, &["Start", "End", "Location"]);
                    detail.set(text_node("CalendarItemType", "Exception"));
                }
                Box::new(one)
            });
            return self.mark(event, |item| {
                item.changed.insert(number, occurrence);
            });
        }
        let subject = item.mail.subject.clone().unwrap_or_default();
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
                detail.set(text_node("MyResponseType", "NoResponseReceived"));
                detail.set(text_node("LegacyFreeBusyStatus", "Tentative"));
            }
        })
    }

    /// Changes an item as the server itself does it, which is nobody's effect.
    fn mark(&mut self, place: &Place, change: impl FnOnce(&mut Item)) -> Stored<()> {
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

/// Writes down what somebody who is invited answered.
fn note_answer(item: &mut Item, from: &str, answer: &str) {
    let Some(detail) = &mut item.detail else { return };
    for list in detail.nodes.iter_mut().filter(|node| PEOPLE.contains(&node.name.as_str())) {
        for attendee in &mut list.children {
            let address = attendee.child("Mailbox").and_then(|mailbox| mailbox.child("EmailAddress"));
            if address.is_some_and(|address| address.text.eq_ignore_ascii_case(from)) {
                attendee.children.retain(|part| part.name == "Mailbox");
                attendee.children.push(text_node("ResponseType", answer));
            }
        }
    }
}
