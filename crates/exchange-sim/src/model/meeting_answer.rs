//! Answers to invitations: what is sent to the organizer, what the calendar shows then, and how the organizer learns
//! of it.
//!
//! An answer to one occurrence makes it an exception on both sides, because a series has one answer for all others.
//! Left out: proposing another time.

use super::detail::{Detail, DetailKind, PEOPLE};
use super::item::Item;
use super::meeting::{Dispatch, Letter, TOLD, Words, uid};
use super::series::text_node;
use super::state::{Disposal, Place, State};
use super::store_error::{StoreError, Stored};
use crate::ledger::EffectKind;

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

/// A calendar item, and which of its occurrences.
pub(crate) type Event = (Place, Option<u32>);

impl State {
    /// Tells the organizer.
    pub(super) fn send_reply(
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

    /// Answers an invitation, or the calendar item it made, or one occurrence of that. Gives the calendar item, if it
    /// is still there, and where the invitation went.
    pub(crate) fn answer_invitation(
        &mut self,
        about: &Place,
        number: Option<u32>,
        reply: Reply,
        words: Words,
        dispatch: Dispatch,
    ) -> Stored<(Option<Event>, Option<Place>)> {
        let item = match number {
            Some(number) => self.item(about)?.occurrence(number)?,
            None => self.item(about)?.clone(),
        };
        let (own, _) = reply.codes();
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
        let event = match self.event(&about.mailbox, &uid(&item)) {
            None if is_request && reply != Reply::Decline => Some((self.enter(about, &item, detail)?, None)),
            None => None,
            Some(place) => self.answered(place, detail),
        };
        if let Some(event) = &event {
            self.can_be_answered(event, detail, reply)?;
        }
        self.send_reply(about, &item, &organizer, reply, words, dispatch)?;
        let left = match event {
            Some(event) => self.show_answer(event, detail, reply)?,
            None => None,
        };
        if is_request {
            if let Some(detail) = &mut self.item_mut(about)?.detail {
                detail.set(text_node("HasBeenProcessed", "true"));
            }
            self.delete_item(about, Disposal::Trash)?;
        }
        Ok((left, is_request.then(|| about.clone())))
    }

    /// What of a calendar item is answered; `None` for an occurrence that was taken out before.
    fn answered(&self, place: Place, said: &Detail) -> Option<Event> {
        let kept = self.item(&place).ok()?;
        let number = kept.occurrence_told(said);
        let there = number.is_none_or(|number| kept.occurrence(number).is_ok());
        there.then_some((place, number))
    }

    fn can_be_answered(&self, (place, number): &Event, said: &Detail, reply: Reply) -> Stored<()> {
        let (_, cancelled) = reply.codes();
        let master = self.item(place)?;
        let kept = number.map_or_else(|| Ok(master.clone()), |number| master.occurrence(number))?;
        let Some(kept) = kept.detail else { return Ok(()) };
        if kept.text("IsCancelled") == Some("true") {
            return Err(StoreError::new(cancelled, "The meeting was called off."));
        }
        if said.kind == DetailKind::Request && kept.sequence() > said.sequence() {
            let text = "The meeting request is out of date: a later one came.";
            return Err(StoreError::new("ErrorCalendarMeetingRequestIsOutOfDate", text));
        }
        Ok(())
    }

    /// Puts the answer into the calendar, which what is declined leaves.
    fn show_answer(&mut self, event: Event, said: &Detail, reply: Reply) -> Stored<Option<Event>> {
        let intended = said.text("IntendedFreeBusyStatus").unwrap_or("Busy");
        let shown = if reply == Reply::Tentative { "Tentative" } else { intended };
        let change = |item: &mut Item| {
            if let Some(detail) = &mut item.detail {
                detail.set(text_node("MyResponseType", reply.word()));
                detail.set(text_node("LegacyFreeBusyStatus", shown));
            }
            Ok(())
        };
        let (place, number) = &event;
        match number {
            Some(number) if reply == Reply::Decline => {
                self.remove_occurrence(place, *number)?;
                return Ok(None);
            }
            Some(number) => self.change_occurrence(place, *number, "calendar:MyResponseType", change)?,
            None => {
                self.change_item(place, EffectKind::Updated, "calendar:MyResponseType", change)?;
                if reply == Reply::Decline {
                    self.delete_item(place, Disposal::Trash)?;
                }
            }
        }
        Ok(Some(event))
    }

    /// Writes an answer that came down in the organizer's calendar item.
    pub(super) fn track(&mut self, event: &Place, answer: &Item, said: &Detail) -> Stored<()> {
        let from = answer.mail.from.as_ref().map(|from| from.address.to_lowercase()).unwrap_or_default();
        let word = said.text("ResponseType").unwrap_or("Unknown");
        let Some(number) = self.item(event)?.occurrence_told(said) else {
            return self.mark(event, |kept| note_answer(kept, &from, word));
        };
        // One that was called off meanwhile needs no answer.
        let Ok(mut one) = self.item(event)?.occurrence(number) else { return Ok(()) };
        note_answer(&mut one, &from, word);
        one.become_exception();
        self.mark(event, |kept| {
            kept.changed.insert(number, Some(Box::new(one)));
        })
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
