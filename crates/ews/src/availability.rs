//! When people are free, as data: what is asked and what is answered.

use exchange::{Error, Mailbox};
use jiff::Timestamp;

/// What part somebody has in a meeting that is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InviteeKind {
    /// Calls it.
    Organizer,
    /// Has to be there.
    #[default]
    Required,
    /// May be there.
    Optional,
    /// Is where it takes place.
    Room,
    /// Is needed for it.
    Resource,
}

impl InviteeKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            InviteeKind::Organizer => "Organizer",
            InviteeKind::Required => "Required",
            InviteeKind::Optional => "Optional",
            InviteeKind::Room => "Room",
            InviteeKind::Resource => "Resource",
        }
    }
}

/// Somebody whose calendar is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitee {
    /// Who.
    pub mailbox: Mailbox,
    /// As what.
    pub kind: InviteeKind,
    /// Whether times that do not suit them are not suggested.
    pub exclude_conflicts: bool,
}

impl Invitee {
    /// Somebody who has to be there.
    pub fn required(mailbox: Mailbox) -> Self {
        Invitee { mailbox, kind: InviteeKind::Required, exclude_conflicts: false }
    }
}

/// How much of a calendar is asked for. A server gives less where rights are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FreeBusyDetail {
    /// One digit for each interval.
    Merged,
    /// When they are busy.
    #[default]
    Times,
    /// When and with what.
    Details,
}

/// What times are wanted for a meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SuggestionQuery {
    /// How long it takes; 30 to 1440 minutes.
    pub minutes: u32,
    /// How many times a day are suggested at most, in working hours.
    pub per_day: u32,
    /// How many outside of them.
    pub per_day_outside: u32,
    /// The worst that is suggested.
    pub at_least: Suitability,
}

/// How well a time suits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Suitability {
    /// Hardly anybody.
    Poor,
    /// Some.
    #[default]
    Fair,
    /// Most.
    Good,
    /// All.
    Excellent,
}

impl Suitability {
    pub(crate) const ALL: [(&'static str, Suitability); 4] = [
        ("Poor", Suitability::Poor),
        ("Fair", Suitability::Fair),
        ("Good", Suitability::Good),
        ("Excellent", Suitability::Excellent),
    ];
}

/// A look into calendars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailabilityQuery {
    /// Whose; a server takes 100 at most.
    pub attendees: Vec<Invitee>,
    /// From when.
    pub from: Timestamp,
    /// Until when; a server takes 62 days at most.
    pub until: Timestamp,
    /// How much of each calendar; nothing where only times for a meeting are wanted.
    pub detail: Option<FreeBusyDetail>,
    /// The length of one digit of the merged view, in minutes; 5 to 1440.
    pub interval_minutes: u32,
    /// What times for a meeting are wanted.
    pub suggestions: Option<SuggestionQuery>,
}

/// Whether somebody is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Busy {
    /// Free.
    Free,
    /// Perhaps busy.
    Tentative,
    /// Busy.
    Busy,
    /// Away.
    Away,
    /// At work elsewhere.
    Elsewhere,
    /// Nobody knows.
    #[default]
    Unknown,
}

impl Busy {
    pub(crate) const ALL: [(&'static str, Busy); 6] = [
        ("Free", Busy::Free),
        ("Tentative", Busy::Tentative),
        ("Busy", Busy::Busy),
        ("OOF", Busy::Away),
        ("WorkingElsewhere", Busy::Elsewhere),
        ("NoData", Busy::Unknown),
    ];
}

/// An entry of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusyTime {
    /// When it begins.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// What it means for others.
    pub busy: Busy,
    /// What it is, where the server says.
    pub details: Option<BusyDetails>,
}

/// What an entry of a calendar is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BusyDetails {
    /// An id that only this operation knows.
    pub id: String,
    /// Its subject.
    pub subject: String,
    /// Where.
    pub location: String,
    /// Whether others take part.
    pub is_meeting: bool,
    /// Whether it comes again.
    pub is_recurring: bool,
    /// Whether it was changed against the others of its series.
    pub is_exception: bool,
    /// Whether it is marked as private.
    pub is_private: bool,
}

/// When somebody works.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkingHours {
    /// Minutes to add to their standard time to get UTC.
    pub bias_minutes: i32,
    /// Days by their English names, and from when until when in minutes since midnight.
    pub periods: Vec<(Vec<String>, u32, u32)>,
}

/// The calendar of one attendee.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FreeBusyView {
    /// How much the server shows, by the names of the protocol, e.g. `Detailed`.
    pub view: String,
    /// One digit for each interval: 0 free, 1 tentative, 2 busy, 3 away, 4 elsewhere.
    pub merged: String,
    /// The entries.
    pub times: Vec<BusyTime>,
    /// When they work.
    pub working_hours: Option<WorkingHours>,
}

/// A time for a meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// When it would begin.
    pub start: Timestamp,
    /// Whether everybody works then.
    pub in_working_hours: bool,
    /// How well it suits.
    pub suits: Suitability,
    /// Each attendee at that time, in the order they were named; a group counts as unknown.
    pub attendees: Vec<Busy>,
}

/// The times of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuggestionDay {
    /// The day, as its first moment.
    pub day: Timestamp,
    /// How well its best time suits.
    pub suits: Suitability,
    /// Its times.
    pub times: Vec<Suggestion>,
}

/// What calendars say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Availability {
    /// Each attendee's, in the order they were named; empty where none were asked for.
    pub calendars: Vec<Result<FreeBusyView, Error>>,
    /// Times for a meeting, where those were asked for.
    pub suggestions: Option<Result<Vec<SuggestionDay>, Error>>,
}
