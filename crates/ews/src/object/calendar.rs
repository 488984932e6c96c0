//! What a calendar item or a meeting message has beyond any item.

use exchange::{Address, ItemRef, Recurrence};
use jiff::Timestamp;

use super::people::{filled, read_mailbox, read_mailboxes};
use super::recurrence;
use super::value::{FreeBusy, Word};
use crate::failure::Failure;
use crate::item::item_id;
use crate::time;
use crate::xml::{Pull, Reader};

/// Somebody who is invited.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attendee {
    /// Who.
    pub address: Address,
    /// What they answered, in the server's word, e.g. `Accept`.
    pub response: Option<String>,
}

/// One of something that repeats, as its master lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OccurrenceInfo {
    /// The occurrence.
    pub item: ItemRef,
    /// When it begins.
    pub start: Option<Timestamp>,
    /// When it ends.
    pub end: Option<Timestamp>,
    /// When it would have begun, had nobody changed it.
    pub original_start: Option<Timestamp>,
}

/// The part of an item that says when and where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CalendarPart {
    /// The same in every mailbox that has the event.
    pub uid: Option<String>,
    /// When it begins.
    pub start: Option<Timestamp>,
    /// When it ends.
    pub end: Option<Timestamp>,
    /// Of an exception: when it would have begun.
    pub original_start: Option<Timestamp>,
    /// Whether it lasts whole days.
    pub all_day: bool,
    /// What the calendar shows to others.
    pub free_busy: Option<FreeBusy>,
    /// Where.
    pub location: Option<String>,
    /// Whether somebody is invited.
    pub is_meeting: bool,
    /// Whether it was called off.
    pub is_cancelled: bool,
    /// Whether it repeats, or is one of something that repeats.
    pub is_recurring: bool,
    /// Whether invitations went out.
    pub invitations_sent: bool,
    /// `Single`, `Occurrence`, `Exception` or `RecurringMaster`.
    pub role: Option<String>,
    /// What the owner of the mailbox answered, e.g. `Accept`.
    pub my_response: Option<String>,
    /// Who invites.
    pub organizer: Option<Address>,
    /// Who is to come.
    pub required: Vec<Attendee>,
    /// Who may come.
    pub optional: Vec<Attendee>,
    /// Rooms and things.
    pub resources: Vec<Attendee>,
    /// How it repeats.
    pub recurrence: Option<Recurrence>,
    /// The first occurrence of a series.
    pub first_occurrence: Option<OccurrenceInfo>,
    /// Its last one, if it ends.
    pub last_occurrence: Option<OccurrenceInfo>,
    /// The occurrences that were changed.
    pub modified_occurrences: Vec<OccurrenceInfo>,
    /// When the occurrences begin that were taken out.
    pub deleted_occurrences: Vec<Timestamp>,
    /// The time zone it begins in, by its Windows name.
    pub start_time_zone: Option<String>,
    /// The time zone it ends in.
    pub end_time_zone: Option<String>,
    /// Of an occurrence: which one it is, as iCalendar says it.
    pub recurrence_id: Option<Timestamp>,
    /// Whether the owner of the mailbox invites; servers before Exchange 2016 do not say.
    pub is_organizer: Option<bool>,
    /// Counts the changes the organizer sent out.
    pub sequence: Option<i32>,
}

/// The part of a meeting request, response or cancellation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Meeting {
    /// The calendar item it is about.
    pub calendar_item: Option<ItemRef>,
    /// Whether it came because the owner is somebody's delegate.
    pub is_delegated: bool,
    /// Whether a later one replaces it.
    pub is_out_of_date: bool,
    /// Whether it was dealt with.
    pub has_been_processed: bool,
    /// What was answered, e.g. `Accept`.
    pub response: Option<String>,
    /// What a request asks, e.g. `NewMeetingRequest`.
    pub request: Option<String>,
    /// What the calendar of somebody who accepts a request is to show.
    pub intended_free_busy: Option<FreeBusy>,
    /// The beginning that an answer proposes instead.
    pub proposed_start: Option<Timestamp>,
    /// The end that an answer proposes instead.
    pub proposed_end: Option<Timestamp>,
}

impl CalendarPart {
    /// Reads the current element if it belongs to this part; else leaves it alone and says false.
    pub(crate) async fn read<P: Pull>(&mut self, reader: &mut Reader<P>) -> Result<bool, Failure> {
        match reader.name() {
            b"UID" => self.uid = filled(reader.text().await?),
            b"Start" => self.start = time::timestamp(&reader.text().await?),
            b"End" => self.end = time::timestamp(&reader.text().await?),
            b"OriginalStart" => self.original_start = time::timestamp(&reader.text().await?),
            b"IsAllDayEvent" => self.all_day = reader.boolean("IsAllDayEvent").await?,
            b"LegacyFreeBusyStatus" => self.free_busy = FreeBusy::of(&reader.text().await?),
            b"Location" => self.location = filled(reader.text().await?),
            b"IsMeeting" => self.is_meeting = reader.boolean("IsMeeting").await?,
            b"IsCancelled" => self.is_cancelled = reader.boolean("IsCancelled").await?,
            b"IsRecurring" => self.is_recurring = reader.boolean("IsRecurring").await?,
            b"MeetingRequestWasSent" => {
                self.invitations_sent = reader.boolean("MeetingRequestWasSent").await?;
            }
            b"CalendarItemType" => self.role = filled(reader.text().await?),
            b"MyResponseType" => self.my_response = filled(reader.text().await?),
            b"Organizer" => self.organizer = read_mailboxes(reader).await?.pop(),
            b"RequiredAttendees" => self.required = attendees(reader).await?,
            b"OptionalAttendees" => self.optional = attendees(reader).await?,
            b"Resources" => self.resources = attendees(reader).await?,
            b"Recurrence" => self.recurrence = recurrence::read(reader).await?,
            b"FirstOccurrence" => self.first_occurrence = occurrence(reader).await?,
            b"LastOccurrence" => self.last_occurrence = occurrence(reader).await?,
            b"ModifiedOccurrences" => {
                while reader.child().await? {
                    self.modified_occurrences.extend(occurrence(reader).await?);
                }
            }
            b"RecurrenceId" => self.recurrence_id = time::timestamp(&reader.text().await?),
            b"IsOrganizer" => self.is_organizer = Some(reader.boolean("IsOrganizer").await?),
            b"DeletedOccurrences" => self.deleted_occurrences = deleted(reader).await?,
            b"StartTimeZone" => self.start_time_zone = zone(reader).await?,
            b"EndTimeZone" => self.end_time_zone = zone(reader).await?,
            b"StartTimeZoneId" => {
                let id = filled(reader.text().await?);
                self.start_time_zone = self.start_time_zone.take().or(id);
            }
            b"EndTimeZoneId" => {
                let id = filled(reader.text().await?);
                self.end_time_zone = self.end_time_zone.take().or(id);
            }
            b"AppointmentSequenceNumber" => self.sequence = reader.text().await?.trim().parse().ok(),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Meeting {
    /// Reads the current element if it belongs to this part; else leaves it alone and says false.
    pub(crate) async fn read<P: Pull>(&mut self, reader: &mut Reader<P>) -> Result<bool, Failure> {
        match reader.name() {
            b"AssociatedCalendarItemId" => {
                let id = reader.attribute("Id").and_then(filled);
                let change_key = reader.attribute("ChangeKey").and_then(filled);
                reader.skip().await?;
                self.calendar_item = id.map(|id| ItemRef { id, change_key });
            }
            b"IsDelegated" => self.is_delegated = reader.boolean("IsDelegated").await?,
            b"IsOutOfDate" => self.is_out_of_date = reader.boolean("IsOutOfDate").await?,
            b"HasBeenProcessed" => self.has_been_processed = reader.boolean("HasBeenProcessed").await?,
            b"ResponseType" => self.response = filled(reader.text().await?),
            b"MeetingRequestType" => self.request = filled(reader.text().await?),
            b"IntendedFreeBusyStatus" => self.intended_free_busy = FreeBusy::of(&reader.text().await?),
            b"ProposedStart" => self.proposed_start = time::timestamp(&reader.text().await?),
            b"ProposedEnd" => self.proposed_end = time::timestamp(&reader.text().await?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// The `Id` of a time zone; its rules are the server's and are passed over.
async fn zone<P: Pull>(reader: &mut Reader<P>) -> Result<Option<String>, Failure> {
    let id = reader.attribute("Id").and_then(filled);
    reader.skip().await?;
    Ok(id)
}

async fn attendees<P: Pull>(reader: &mut Reader<P>) -> Result<Vec<Attendee>, Failure> {
    let mut all = Vec::new();
    while reader.child().await? {
        let mut address = None;
        let mut response = None;
        while reader.child().await? {
            match reader.name() {
                b"Mailbox" => address = read_mailbox(reader).await?,
                b"ResponseType" => response = filled(reader.text().await?),
                _ => reader.skip().await?,
            }
        }
        all.extend(address.map(|address| Attendee { address, response }));
    }
    Ok(all)
}

async fn occurrence<P: Pull>(reader: &mut Reader<P>) -> Result<Option<OccurrenceInfo>, Failure> {
    let (mut item, mut start, mut end, mut original_start) = (None, None, None, None);
    while reader.child().await? {
        match reader.name() {
            b"ItemId" => item = Some(item_id(reader).await?),
            b"Start" => start = time::timestamp(&reader.text().await?),
            b"End" => end = time::timestamp(&reader.text().await?),
            b"OriginalStart" => original_start = time::timestamp(&reader.text().await?),
            _ => reader.skip().await?,
        }
    }
    Ok(item.map(|item| OccurrenceInfo { item, start, end, original_start }))
}

async fn deleted<P: Pull>(reader: &mut Reader<P>) -> Result<Vec<Timestamp>, Failure> {
    let mut all = Vec::new();
    while reader.child().await? {
        while reader.child().await? {
            match reader.name() {
                b"Start" => all.extend(time::timestamp(&reader.text().await?)),
                _ => reader.skip().await?,
            }
        }
    }
    Ok(all)
}
