//! An event of the port from and to the item of the wire.

use exchange::{
    Attendance, AttendeeRole, BodyText, Error, ErrorKind, Event, EventAttendee, EventFields, EventKind,
    Privacy, ShowAs,
};

use crate::object::{
    Attendee, BaseShape, BodyType, CalendarPart, ExchangeItem, ExtendedName, Field, FreeBusy, ItemShape,
    PropertyPath, Sensitivity, Update,
};

/// The property that holds the key an event was made with.
const KEY_NAME: &str = "X-Portcullis-External-Key";

/// What is read of an event.
const READ: [&str; 22] = [
    "item:Subject",
    "item:Sensitivity",
    "item:Body",
    "item:Categories",
    "item:ReminderIsSet",
    "item:ReminderMinutesBeforeStart",
    "calendar:UID",
    "calendar:Start",
    "calendar:End",
    "calendar:IsAllDayEvent",
    "calendar:LegacyFreeBusyStatus",
    "calendar:Location",
    "calendar:IsMeeting",
    "calendar:IsCancelled",
    "calendar:CalendarItemType",
    "calendar:MyResponseType",
    "calendar:Organizer",
    "calendar:RequiredAttendees",
    "calendar:OptionalAttendees",
    "calendar:Resources",
    "calendar:Recurrence",
    "calendar:StartTimeZone",
];

/// The property of the key.
pub(super) fn key() -> ExtendedName {
    ExtendedName::public_string(KEY_NAME)
}

/// The key as a field of a new item.
pub(super) fn key_field(value: &str) -> Field {
    Field::Extended(key(), vec![value.to_owned()])
}

/// What to ask of an event.
pub(super) fn shape(body: BodyType) -> ItemShape {
    let additional = READ.map(PropertyPath::field).into_iter().chain([PropertyPath::Extended(key())]);
    // Evidence must not be cleaned by the server.
    ItemShape {
        body: Some(body),
        filter_html: Some(false),
        additional: additional.collect(),
        ..ItemShape::new(BaseShape::IdOnly)
    }
}

/// The event of an item; an error where the item is none.
pub(super) fn read(item: ExchangeItem) -> Result<Event, Error> {
    let no_event = || {
        Error::new(
            ErrorKind::Invalid,
            "the item is no event of a calendar; give the id that a calendar shows",
        )
    };
    let reference = item.reference.ok_or_else(no_event)?;
    let part = *item.calendar.ok_or_else(no_event)?;
    let (start, end) = part.start.zip(part.end).ok_or_else(no_event)?;
    let keys = item.extended.into_iter().filter(|value| value.name.as_deref() == Some(KEY_NAME));
    let body = item.body.filter(|body| !body.text.is_empty()).map(|body| match body.is_html {
        true => BodyText::Html(body.text),
        false => BodyText::Text(body.text),
    });
    Ok(Event {
        item: reference,
        key: keys.flat_map(|value| value.values).next(),
        attendees: attendees(&part),
        ical_uid: part.uid,
        kind: match part.role.as_deref() {
            Some("Occurrence") => EventKind::Occurrence,
            Some("Exception") => EventKind::Exception,
            Some("RecurringMaster") => EventKind::Series,
            _ => EventKind::Single,
        },
        subject: item.subject,
        body,
        start,
        end,
        time_zone: part.start_time_zone,
        all_day: part.all_day,
        location: part.location,
        show_as: part.free_busy.and_then(show_as),
        privacy: item.sensitivity.map_or(Privacy::Normal, |sensitivity| match sensitivity {
            Sensitivity::Normal => Privacy::Normal,
            Sensitivity::Personal => Privacy::Personal,
            Sensitivity::Private => Privacy::Private,
            Sensitivity::Confidential => Privacy::Confidential,
        }),
        is_cancelled: part.is_cancelled,
        organizer: part.organizer,
        my_answer: attendance(part.my_response.as_deref()),
        recurrence: part.recurrence,
        categories: item.categories,
        reminder_minutes: item.reminder_minutes.filter(|_| item.reminder == Some(true)),
    })
}

fn attendees(part: &CalendarPart) -> Vec<EventAttendee> {
    let lists = [
        (AttendeeRole::Required, &part.required),
        (AttendeeRole::Optional, &part.optional),
        (AttendeeRole::Resource, &part.resources),
    ];
    let one = |role: AttendeeRole, attendee: &Attendee| EventAttendee {
        address: attendee.address.clone(),
        role,
        answer: attendance(attendee.response.as_deref()),
    };
    lists.into_iter().flat_map(|(role, list)| list.iter().map(move |attendee| one(role, attendee))).collect()
}

fn attendance(word: Option<&str>) -> Attendance {
    match word {
        Some("Organizer") => Attendance::Organizer,
        Some("Accept") => Attendance::Accepted,
        Some("Tentative") => Attendance::Tentative,
        Some("Decline") => Attendance::Declined,
        _ => Attendance::None,
    }
}

fn show_as(busy: FreeBusy) -> Option<ShowAs> {
    Some(match busy {
        FreeBusy::Free => ShowAs::Free,
        FreeBusy::Tentative => ShowAs::Tentative,
        FreeBusy::Busy => ShowAs::Busy,
        FreeBusy::OutOfOffice => ShowAs::OutOfOffice,
        FreeBusy::WorkingElsewhere => ShowAs::WorkingElsewhere,
        FreeBusy::NoData => return None,
    })
}

/// The lists of people to invite, by role.
fn invited(fields: &EventFields) -> Vec<(&'static str, Vec<exchange::Address>)> {
    let Some(all) = &fields.attendees else { return Vec::new() };
    let of = |role: AttendeeRole| {
        all.iter().filter(|(_, wanted)| *wanted == role).map(|(address, _)| address.clone()).collect()
    };
    vec![
        ("calendar:RequiredAttendees", of(AttendeeRole::Required)),
        ("calendar:OptionalAttendees", of(AttendeeRole::Optional)),
        ("calendar:Resources", of(AttendeeRole::Resource)),
    ]
}

fn list(path: &str, people: Vec<exchange::Address>) -> Field {
    match path {
        "calendar:RequiredAttendees" => Field::Required(people),
        "calendar:OptionalAttendees" => Field::Optional(people),
        _ => Field::Resources(people),
    }
}

/// The fields that a new item takes.
pub(super) fn fields(wanted: &EventFields) -> Vec<Field> {
    let mut all = plain(wanted);
    let lists = invited(wanted).into_iter().filter(|(_, people)| !people.is_empty());
    all.extend(lists.map(|(path, people)| list(path, people)));
    all
}

/// The changes that an old item takes. A list with nobody in it is taken away, because the schema has no empty one.
pub(super) fn updates(wanted: &EventFields) -> Vec<Update> {
    let mut all: Vec<Update> = plain(wanted).into_iter().map(Update::Set).collect();
    all.extend(invited(wanted).into_iter().map(|(path, people)| match people.is_empty() {
        true => Update::Delete(PropertyPath::field(path)),
        false => Update::Set(list(path, people)),
    }));
    all
}

/// What is one value.
fn plain(wanted: &EventFields) -> Vec<Field> {
    let mut all = Vec::new();
    all.extend(wanted.subject.clone().map(Field::Subject));
    all.extend(wanted.privacy.map(|privacy| {
        Field::Sensitivity(match privacy {
            Privacy::Normal => Sensitivity::Normal,
            Privacy::Personal => Sensitivity::Personal,
            Privacy::Private => Sensitivity::Private,
            Privacy::Confidential => Sensitivity::Confidential,
        })
    }));
    all.extend(wanted.body.clone().map(Field::Body));
    all.extend(wanted.categories.clone().map(Field::Categories));
    if let Some(reminder) = wanted.reminder_minutes {
        all.push(Field::Reminder(reminder.is_some()));
        all.extend(reminder.map(Field::ReminderMinutes));
    }
    all.extend(wanted.start.map(Field::Start));
    all.extend(wanted.end.map(Field::End));
    all.extend(wanted.all_day.map(Field::AllDay));
    all.extend(wanted.show_as.map(|show_as| {
        Field::FreeBusy(match show_as {
            ShowAs::Free => FreeBusy::Free,
            ShowAs::Tentative => FreeBusy::Tentative,
            ShowAs::Busy => FreeBusy::Busy,
            ShowAs::OutOfOffice => FreeBusy::OutOfOffice,
            ShowAs::WorkingElsewhere => FreeBusy::WorkingElsewhere,
        })
    }));
    all.extend(wanted.location.clone().map(Field::Location));
    all.extend(wanted.recurrence.clone().map(Field::Recurrence));
    if let Some(zone) = &wanted.time_zone {
        all.extend([Field::StartTimeZone(zone.clone()), Field::EndTimeZone(zone.clone())]);
    }
    all
}
