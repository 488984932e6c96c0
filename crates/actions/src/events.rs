//! What the actions on calendars have in common: how an event is shown, how one is named, who is told.

use action_api::plan::Failure;
use exchange::port::Calendar;
use exchange::{
    Address, Attendance, AttendeeRole, BodyText, ErrorKind, Event, EventKind, Mailbox, Privacy, ShowAs,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::{from_exchange, invalid};
use crate::input::{ItemId, Recipient, Time};
use crate::repeats::Repeats;

/// The longest key.
const LONGEST_KEY: usize = 200;
/// A key to look for where it does not matter which.
const NO_KEY: &str = "no-event";

/// An event of a calendar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shown {
    /// The server's id; changes when the event is moved to another folder.
    pub(crate) event_id: String,
    /// The key it was made with by `calendar.create_event`; null for others.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) external_key: Option<String>,
    /// The iCalendar UID: the same in every mailbox that has the event.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) ical_uid: Option<String>,
    /// `single`, `occurrence` (of a series), `exception` (a changed occurrence) or `series`.
    pub(crate) kind: EventKind,
    /// Its title. Whoever invites wrote it.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) subject: Option<String>,
    /// Its body as plain text, where the server gave text. Whoever invites wrote it.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) text_body: Option<String>,
    /// Its body as HTML, where the server gave HTML. Whoever invites wrote it.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) html_body: Option<String>,
    /// When it begins, RFC 3339 in UTC.
    pub(crate) start: Time,
    /// When it ends, RFC 3339 in UTC.
    pub(crate) end: Time,
    /// The time zone it was made in, by a name the server knows.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) time_zone: Option<String>,
    /// Whether it lasts whole days.
    pub(crate) all_day: bool,
    /// Where. Whoever invites wrote it.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) location: Option<String>,
    /// What the calendar shows of it to others; null if the server does not say.
    pub(crate) show_as: Option<ShowAs>,
    /// `normal`, `personal`, `private` or `confidential`.
    pub(crate) privacy: Privacy,
    /// Whether it was called off.
    pub(crate) is_cancelled: bool,
    /// Who invites.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) organizer: Option<Address>,
    /// What the owner of the mailbox answered: `none`, `organizer`, `accepted`, `tentative` or `declined`.
    pub(crate) my_answer: Attendance,
    /// Who is invited.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) attendees: Vec<Attendee>,
    /// How it repeats; null unless it is a series.
    pub(crate) repeats: Option<Repeats>,
    /// Categories.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) categories: Vec<String>,
    /// How many minutes before it begins the owner is reminded; null for not at all.
    pub(crate) reminder_minutes: Option<u32>,
}

/// Somebody who is invited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attendee {
    /// The address.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) address: String,
    /// The display name, if there is one.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) name: Option<String>,
    /// `required`, `optional` or `resource`.
    pub(crate) role: AttendeeRole,
    /// What they answered: `none`, `organizer`, `accepted`, `tentative` or `declined`.
    pub(crate) answer: Attendance,
}

/// Somebody to invite.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invitee {
    /// One plain address.
    pub(crate) address: Recipient,
    /// `required`, `optional` or `resource` (a room or a thing).
    #[serde(default = "required")]
    pub(crate) role: AttendeeRole,
}

fn required() -> AttendeeRole {
    AttendeeRole::Required
}

impl Invitee {
    /// As the port takes them.
    pub(crate) fn all(invitees: &[Invitee]) -> Vec<(Address, AttendeeRole)> {
        let one = |invitee: &Invitee| {
            (Address { name: None, address: invitee.address.as_str().to_owned() }, invitee.role)
        };
        invitees.iter().map(one).collect()
    }
}

/// Who learns of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Notify {
    /// Nobody.
    None,
    /// Everybody who is invited.
    All,
}

impl Notify {
    pub(crate) fn nobody() -> Self {
        Notify::None
    }

    pub(crate) fn tells(self) -> bool {
        self == Notify::All
    }
}

impl From<Event> for Shown {
    fn from(event: Event) -> Self {
        let (text_body, html_body) = match event.body {
            Some(BodyText::Text(text)) => (Some(text), None),
            Some(BodyText::Html(html)) => (None, Some(html)),
            None => (None, None),
        };
        let attendee = |one: exchange::EventAttendee| Attendee {
            address: one.address.address,
            name: one.address.name,
            role: one.role,
            answer: one.answer,
        };
        Shown {
            event_id: event.item.id,
            external_key: event.key,
            ical_uid: event.ical_uid,
            kind: event.kind,
            subject: event.subject,
            text_body,
            html_body,
            start: event.start.into(),
            end: event.end.into(),
            time_zone: event.time_zone,
            all_day: event.all_day,
            location: event.location,
            show_as: event.show_as,
            privacy: event.privacy,
            is_cancelled: event.is_cancelled,
            organizer: event.organizer,
            my_answer: event.my_answer,
            attendees: event.attendees.into_iter().map(attendee).collect(),
            repeats: event.recurrence.as_ref().map(Repeats::from),
            categories: event.categories,
            reminder_minutes: event.reminder_minutes,
        }
    }
}

impl Shown {
    /// Whether the owner of the mailbox decides about it.
    pub(crate) fn is_of(&self, mailbox: &str) -> bool {
        match &self.organizer {
            Some(organizer) => organizer.address.eq_ignore_ascii_case(mailbox),
            None => matches!(self.my_answer, Attendance::Organizer | Attendance::None),
        }
    }
}

/// A key an event is made with. Any text, so that the id of a ticket fits; never empty or blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key(String);

impl Key {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let fits = !text.trim().is_empty()
            && text.chars().count() <= LONGEST_KEY
            && !text.chars().any(char::is_control);
        let expected = "expected a key of 1 to 200 characters on one line";
        if fits { Ok(Key(text)) } else { Err(serde::de::Error::custom(expected)) }
    }
}

impl JsonSchema for Key {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Key".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "pattern": r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$",
            "minLength": 1, "maxLength": 200, "x-guard": "item"
        })
    }
}

/// Refuses what names no event, or two.
pub(crate) fn named(action: &str, id: Option<&ItemId>, key: Option<&Key>) -> Result<(), Failure> {
    match (id, key) {
        (Some(_), None) | (None, Some(_)) => Ok(()),
        _ => Err(invalid(format!("{action} takes one of `event_id` and `external_key`"))),
    }
}

/// The id or the key that names an event.
pub(crate) fn asked(id: Option<&ItemId>, key: Option<&Key>) -> String {
    id.map(ItemId::as_str).or(key.map(Key::as_str)).unwrap_or_default().to_owned()
}

/// The event that an id or a key names, of which exactly one must be given; none if it is not there.
pub(crate) async fn find(
    port: &dyn Calendar,
    action: &str,
    mailbox: &Mailbox,
    id: Option<&ItemId>,
    key: Option<&Key>,
) -> Result<Option<Event>, Failure> {
    match (id, key) {
        (Some(id), None) => match port.event(mailbox, &id.item()).await {
            Ok(event) => Ok(Some(event)),
            // No such event, which may be what was asked for; or no such mailbox, which is not.
            Err(error) if error.kind == ErrorKind::NotFound => {
                port.find_event(mailbox, NO_KEY).await.map(|_| None).map_err(from_exchange)
            }
            Err(error) => Err(from_exchange(error)),
        },
        (None, Some(key)) => port.find_event(mailbox, key.as_str()).await.map_err(from_exchange),
        _ => named(action, id, key).map(|()| None),
    }
}

/// The text of an event as one line that an input takes.
pub(crate) fn line(text: &Option<String>) -> String {
    let words = text.as_deref().unwrap_or_default();
    words.chars().filter(|letter| !letter.is_control()).take(255).collect()
}
