//! What a calendar holds: events, who is invited to them, and what is put into new ones.
//!
//! The words are those that every calendar of an Exchange mailbox has, whichever wire it is reached by. Times are
//! moments; the zone beside them is a name the server knows, and what it means on a day is the server's business.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Address, BodyText, FolderRef, ItemRef, Recurrence};

/// What a calendar shows of a time to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShowAs {
    /// Free.
    Free,
    /// Perhaps busy.
    Tentative,
    /// Busy.
    Busy,
    /// Out of office.
    OutOfOffice,
    /// Working, but not at the usual place.
    WorkingElsewhere,
}

/// How private an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Privacy {
    /// Not at all.
    #[default]
    Normal,
    /// Personal.
    Personal,
    /// Private.
    Private,
    /// Confidential.
    Confidential,
}

/// As what somebody is invited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttendeeRole {
    /// Is to come.
    Required,
    /// May come.
    Optional,
    /// A room or a thing.
    Resource,
}

/// What somebody said to an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attendance {
    /// Nothing yet, or nothing is known.
    #[default]
    None,
    /// It is their own meeting.
    Organizer,
    /// Yes.
    Accepted,
    /// Perhaps.
    Tentative,
    /// No.
    Declined,
}

/// What an event is in a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// It takes place once.
    #[default]
    Single,
    /// One of a series, as the series has it.
    Occurrence,
    /// One of a series that was changed.
    Exception,
    /// The whole series.
    Series,
}

/// Somebody who is invited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventAttendee {
    /// Who.
    pub address: Address,
    /// As what.
    pub role: AttendeeRole,
    /// What they answered.
    pub answer: Attendance,
}

/// An event of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id and version.
    pub item: ItemRef,
    /// The key it was made with, if it was made through [`Calendar`](crate::port::Calendar).
    pub key: Option<String>,
    /// The same in every mailbox that has the event.
    pub ical_uid: Option<String>,
    /// What it is in a series.
    pub kind: EventKind,
    /// Its title.
    pub subject: Option<String>,
    /// The text of it.
    pub body: Option<BodyText>,
    /// When it begins; of a series: its first occurrence.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// The time zone it was made in, by a name the server knows.
    pub time_zone: Option<String>,
    /// Whether it lasts whole days.
    pub all_day: bool,
    /// Where.
    pub location: Option<String>,
    /// What the calendar shows of it to others, if the server says it.
    pub show_as: Option<ShowAs>,
    /// How private it is.
    pub privacy: Privacy,
    /// Whether it was called off.
    pub is_cancelled: bool,
    /// Who invites, if somebody does.
    pub organizer: Option<Address>,
    /// What the owner of the mailbox answered.
    pub my_answer: Attendance,
    /// Who is invited.
    pub attendees: Vec<EventAttendee>,
    /// How it repeats; only of a series.
    pub recurrence: Option<Recurrence>,
    /// Categories.
    pub categories: Vec<String>,
    /// How many minutes before it begins the owner is reminded, if at all.
    pub reminder_minutes: Option<u32>,
}

/// What is put into a new event or changed in an old one. What is `None` is left as it is, or to the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFields {
    /// Its title.
    pub subject: Option<String>,
    /// The text of it.
    pub body: Option<BodyText>,
    /// When it begins. A new event needs it.
    pub start: Option<Timestamp>,
    /// When it ends. A new event needs it.
    pub end: Option<Timestamp>,
    /// The time zone it is made in, by a name the server knows.
    pub time_zone: Option<String>,
    /// Whether it lasts whole days; then it begins and ends at midnight of its time zone.
    pub all_day: Option<bool>,
    /// Where.
    pub location: Option<String>,
    /// What the calendar shows of it to others.
    pub show_as: Option<ShowAs>,
    /// How private it is.
    pub privacy: Option<Privacy>,
    /// Who is invited, all of them; an empty list invites nobody any more.
    pub attendees: Option<Vec<(Address, AttendeeRole)>>,
    /// How it repeats.
    pub recurrence: Option<Recurrence>,
    /// Categories, all of them.
    pub categories: Option<Vec<String>>,
    /// How many minutes before it begins the owner is reminded; `Some(None)` for not at all.
    pub reminder_minutes: Option<Option<u32>>,
}

impl EventFields {
    /// What any server would refuse, in words; `None` if it is sound. A new event needs a beginning and an end.
    pub fn fault(&self, new: bool) -> Option<String> {
        if new && (self.start.is_none() || self.end.is_none()) {
            return Some(String::from("an event needs a start and an end"));
        }
        if self.start.zip(self.end).is_some_and(|(start, end)| end < start) {
            return Some(String::from("an event ends before it starts"));
        }
        self.recurrence.as_ref().and_then(Recurrence::fault).map(str::to_owned)
    }
}

/// Which events of a calendar are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventView {
    /// The calendar; without one the mailbox's own.
    pub calendar: Option<FolderRef>,
    /// Events that end after this moment.
    pub start: Timestamp,
    /// Events that begin before this moment. A server refuses more than two years.
    pub end: Timestamp,
    /// How many at most.
    pub limit: u32,
}

/// What a calendar shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventList {
    /// The events in the order they begin in; each occurrence of a series on its own.
    pub events: Vec<Event>,
    /// Whether there are more than the limit.
    pub truncated: bool,
}
