//! An event of the ports from and to a calendar item with its properties as trees.

use exchange::{
    Address, Attendance, AttendeeRole, BodyText, Event, EventAttendee, EventFields, EventKind, ItemRef,
    Month, Pattern, Privacy, Recurrence, RecurrenceEnd, ShowAs, Week, Weekday,
};

use crate::model::compose::Composed;
use crate::model::detail::{Detail, DetailKind, Node};
use crate::model::item::Item;
use crate::model::meeting::uid;
use crate::model::series::{text_node, written};

/// The property that holds the key an event was made with.
pub(crate) const KEY_NAME: &str = "X-Portcullis-External-Key";

const SHOWN: [(ShowAs, &str); 5] = [
    (ShowAs::Free, "Free"),
    (ShowAs::Tentative, "Tentative"),
    (ShowAs::Busy, "Busy"),
    (ShowAs::OutOfOffice, "OOF"),
    (ShowAs::WorkingElsewhere, "WorkingElsewhere"),
];
const PRIVATE: [(Privacy, &str); 4] = [
    (Privacy::Normal, "Normal"),
    (Privacy::Personal, "Personal"),
    (Privacy::Private, "Private"),
    (Privacy::Confidential, "Confidential"),
];
const LISTS: [(AttendeeRole, &str); 3] = [
    (AttendeeRole::Required, "RequiredAttendees"),
    (AttendeeRole::Optional, "OptionalAttendees"),
    (AttendeeRole::Resource, "Resources"),
];

fn word<T: PartialEq>(all: &[(T, &'static str)], value: &T) -> &'static str {
    all.iter().find(|(known, _)| known == value).map_or("", |(_, word)| word)
}

fn value<T: Copy>(all: &[(T, &str)], word: &str) -> Option<T> {
    all.iter().find(|(_, known)| *known == word).map(|(value, _)| *value)
}

/// The event that an item is; `None` if it is none.
pub(crate) fn read(item: &Item, owner: &str, key: Option<String>, plain: bool) -> Option<Event> {
    let detail = item.detail.as_ref().filter(|detail| detail.kind == DetailKind::Calendar)?;
    let flag = |name: &str| detail.text(name) == Some("true");
    let text = |name: &str| detail.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let recurrence = detail.get("Recurrence");
    let kind = match (recurrence, detail.text("CalendarItemType")) {
        (Some(_), _) => EventKind::Series,
        (None, Some("Occurrence")) => EventKind::Occurrence,
        (None, Some("Exception")) => EventKind::Exception,
        _ => EventKind::Single,
    };
    let zone = detail
        .get("StartTimeZone")
        .and_then(|zone| zone.attributes.iter().find(|(name, _)| name == "Id").map(|(_, id)| id.clone()));
    let body = match &item.mail.html {
        Some(html) if !plain => BodyText::Html(html.clone()),
        _ => BodyText::Text(item.mail.text_body()),
    };
    let filled = !matches!(&body, BodyText::Html(text) | BodyText::Text(text) if text.is_empty());
    let reminder = detail.text("ReminderMinutesBeforeStart").and_then(|minutes| minutes.parse().ok());
    Some(Event {
        item: ItemRef { id: item.id.clone(), change_key: Some(item.change_key()) },
        key,
        ical_uid: Some(uid(item)),
        kind,
        subject: item.mail.subject.clone(),
        body: filled.then_some(body),
        start: detail.time("Start")?,
        end: detail.time("End")?,
        time_zone: zone,
        all_day: flag("IsAllDayEvent"),
        location: text("Location"),
        show_as: value(&SHOWN, detail.text("LegacyFreeBusyStatus").unwrap_or("Busy")),
        privacy: detail.text("Sensitivity").and_then(|word| value(&PRIVATE, word)).unwrap_or_default(),
        is_cancelled: flag("IsCancelled"),
        organizer: Some(Address { name: None, address: detail.organizer().unwrap_or(owner).to_owned() }),
        my_answer: match detail.text("MyResponseType") {
            Some(word) => attendance(word),
            None => Attendance::Organizer,
        },
        attendees: LISTS.iter().flat_map(|(role, name)| attendees(detail, *role, name)).collect(),
        recurrence: recurrence.and_then(read_recurrence),
        categories: item.categories.clone(),
        reminder_minutes: reminder.filter(|_| flag("ReminderIsSet")),
    })
}

fn attendance(word: &str) -> Attendance {
    match word {
        "Organizer" => Attendance::Organizer,
        "Accept" => Attendance::Accepted,
        "Tentative" => Attendance::Tentative,
        "Decline" => Attendance::Declined,
        _ => Attendance::None,
    }
}

fn attendees(detail: &Detail, role: AttendeeRole, list: &str) -> Vec<EventAttendee> {
    let one = |attendee: &Node| {
        let mailbox = attendee.child("Mailbox")?;
        let name = mailbox.child("Name").map(|node| node.text.clone()).filter(|name| !name.is_empty());
        let address = mailbox.child("EmailAddress")?.text.clone();
        let answer = attendee.child("ResponseType").map_or(Attendance::None, |node| attendance(&node.text));
        Some(EventAttendee { address: Address { name, address }, role, answer })
    };
    detail.get(list).map(|list| list.children.iter().filter_map(one).collect()).unwrap_or_default()
}

/// Puts fields into an item that is there.
pub(crate) fn put(item: &mut Item, fields: &EventFields) {
    if let Some(detail) = &mut item.detail {
        set(detail, fields);
    }
    if let Some(mail) = &mut item.composed {
        compose(mail, fields);
    }
    if let Some(categories) = &fields.categories {
        item.categories.clone_from(categories);
    }
}

/// Puts the words into the mail that is behind an event.
pub(crate) fn compose(mail: &mut Composed, fields: &EventFields) {
    if let Some(subject) = &fields.subject {
        mail.subject.clone_from(subject);
    }
    match &fields.body {
        Some(BodyText::Html(html)) => (mail.body, mail.is_html) = (html.clone(), true),
        Some(BodyText::Text(text)) => (mail.body, mail.is_html) = (text.clone(), false),
        None => {}
    }
}

/// Puts the properties of a calendar item.
pub(crate) fn set(detail: &mut Detail, fields: &EventFields) {
    let flag = |set: bool| String::from(if set { "true" } else { "false" });
    let values = [
        ("Start", fields.start.map(written)),
        ("End", fields.end.map(written)),
        ("IsAllDayEvent", fields.all_day.map(flag)),
        ("Location", fields.location.clone()),
        ("LegacyFreeBusyStatus", fields.show_as.map(|show| word(&SHOWN, &show).to_owned())),
        ("Sensitivity", fields.privacy.map(|privacy| word(&PRIVATE, &privacy).to_owned())),
        ("ReminderIsSet", fields.reminder_minutes.map(|reminder| flag(reminder.is_some()))),
        ("ReminderMinutesBeforeStart", fields.reminder_minutes.flatten().map(|minutes| minutes.to_string())),
    ];
    for (name, text) in values {
        if let Some(text) = text {
            detail.set(text_node(name, text));
        }
    }
    if let Some(zone) = &fields.time_zone {
        for name in ["StartTimeZone", "EndTimeZone"] {
            let attributes = vec![(String::from("Id"), zone.clone())];
            detail.set(Node { name: name.to_owned(), attributes, ..Node::default() });
        }
    }
    if let Some(attendees) = &fields.attendees {
        for (role, name) in LISTS {
            let of_role = attendees.iter().filter(|(_, wanted)| *wanted == role);
            let children: Vec<Node> = of_role.map(|(address, _)| attendee(address)).collect();
            if children.is_empty() {
                detail.remove(name, None, None);
            } else {
                detail.set(Node { name: name.to_owned(), children, ..Node::default() });
            }
        }
    }
    if let Some(recurrence) = &fields.recurrence {
        detail.set(write_recurrence(recurrence));
    }
}

fn parent(name: &str, children: Vec<Node>) -> Node {
    Node { name: name.to_owned(), children, ..Node::default() }
}

fn attendee(address: &Address) -> Node {
    let mut parts: Vec<Node> = address.name.iter().map(|name| text_node("Name", name.clone())).collect();
    parts.push(text_node("EmailAddress", address.address.clone()));
    parent("Attendee", vec![parent("Mailbox", parts)])
}

fn write_recurrence(recurrence: &Recurrence) -> Node {
    let number = |name: &str, number: u32| text_node(name, number.to_string());
    let pattern = match &recurrence.pattern {
        Pattern::Daily { interval } => parent("DailyRecurrence", vec![number("Interval", *interval)]),
        Pattern::Weekly { interval, days } => {
            let days: Vec<&str> = days.iter().map(|day| day.as_str()).collect();
            let days = text_node("DaysOfWeek", days.join(" "));
            parent("WeeklyRecurrence", vec![number("Interval", *interval), days])
        }
        Pattern::Monthly { interval, day } => {
            let day = number("DayOfMonth", u32::from(*day));
            parent("AbsoluteMonthlyRecurrence", vec![number("Interval", *interval), day])
        }
        Pattern::MonthlyOn { interval, week, day } => {
            let (day, week) =
                (text_node("DaysOfWeek", day.as_str()), text_node("DayOfWeekIndex", week.as_str()));
            parent("RelativeMonthlyRecurrence", vec![number("Interval", *interval), day, week])
        }
        Pattern::Yearly { month, day } => {
            let day = number("DayOfMonth", u32::from(*day));
            parent("AbsoluteYearlyRecurrence", vec![day, text_node("Month", month.as_str())])
        }
        Pattern::YearlyOn { month, week, day } => {
            let (day, week) =
                (text_node("DaysOfWeek", day.as_str()), text_node("DayOfWeekIndex", week.as_str()));
            parent("RelativeYearlyRecurrence", vec![day, week, text_node("Month", month.as_str())])
        }
    };
    let start = text_node("StartDate", recurrence.start.to_string());
    let range = match recurrence.end {
        RecurrenceEnd::Never => parent("NoEndRecurrence", vec![start]),
        RecurrenceEnd::On(last) => {
            parent("EndDateRecurrence", vec![start, text_node("EndDate", last.to_string())])
        }
        RecurrenceEnd::After(count) => {
            parent("NumberedRecurrence", vec![start, number("NumberOfOccurrences", count)])
        }
    };
    parent("Recurrence", vec![pattern, range])
}

fn read_recurrence(node: &Node) -> Option<Recurrence> {
    let (pattern, range) = (node.children.first()?, node.children.get(1)?);
    let text = |name: &str| pattern.child(name).map(|node| node.text.as_str());
    let interval = || text("Interval")?.parse::<u32>().ok();
    let day_of_month = || text("DayOfMonth")?.parse::<u8>().ok();
    let week = || Week::of(text("DayOfWeekIndex")?);
    let month = || Month::of(text("Month")?);
    let days = || text("DaysOfWeek").unwrap_or_default().split_ascii_whitespace().filter_map(Weekday::of);
    let day = || days().next();
    let pattern = match pattern.name.as_str() {
        "DailyRecurrence" => Pattern::Daily { interval: interval()? },
        "WeeklyRecurrence" => Pattern::Weekly { interval: interval()?, days: days().collect() },
        "AbsoluteMonthlyRecurrence" => Pattern::Monthly { interval: interval()?, day: day_of_month()? },
        "RelativeMonthlyRecurrence" => {
            Pattern::MonthlyOn { interval: interval()?, week: week()?, day: day()? }
        }
        "AbsoluteYearlyRecurrence" => Pattern::Yearly { month: month()?, day: day_of_month()? },
        "RelativeYearlyRecurrence" => Pattern::YearlyOn { month: month()?, week: week()?, day: day()? },
        _ => return None,
    };
    let date = |name: &str| range.child(name)?.text.get(..10)?.parse().ok();
    let end = match range.name.as_str() {
        "EndDateRecurrence" => RecurrenceEnd::On(date("EndDate")?),
        "NumberedRecurrence" => {
            RecurrenceEnd::After(range.child("NumberOfOccurrences")?.text.trim().parse().ok()?)
        }
        _ => RecurrenceEnd::Never,
    };
    Some(Recurrence { pattern, start: date("StartDate")?, end })
}
