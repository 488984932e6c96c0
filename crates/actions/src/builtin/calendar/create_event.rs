//! `calendar.create_event`: puts an event into a calendar, once per key.
//!
//! The key is kept on the event and looked for first, so a repeat finds what the first attempt made, and a
//! synchronisation may run as often as it likes. Who may not learn of a meeting is decided here and not by a server:
//! nobody is told unless `notify` says so. Left out: attachments, online meetings and other calendars of a mailbox.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::{EventFields, Ports, Privacy, ShowAs};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::events::{Invitee, Key, Notify};
use crate::failure::{from_exchange, invalid, need};
use crate::input::{Line, MailboxName, Time};
use crate::letter;
use crate::repeats::Repeats;

/// Makes an event.
pub(crate) struct CreateEvent;

/// Input of `calendar.create_event`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Input {
    /// Whose calendar.
    mailbox: MailboxName,
    /// The event's key, e.g. the id of a ticket: 1 to 200 characters on one line. A calendar has one event per key.
    external_key: Key,
    /// Its title.
    subject: Line,
    /// When it begins, RFC 3339 in UTC.
    start: Time,
    /// When it ends, RFC 3339 in UTC.
    end: Time,
    /// The time zone it is made in, by a name the server knows, e.g. `W. Europe Standard Time`. It decides when a
    /// series takes place after a change of the clocks.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Line")]
    time_zone: Option<Line>,
    /// Whether it lasts whole days; then `start` and `end` are midnights of its time zone.
    #[serde(default)]
    all_day: bool,
    /// Where.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Line")]
    location: Option<Line>,
    /// Its body as plain text.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "String", length(max = 262_144))]
    text: Option<String>,
    /// Its body as HTML, instead of `text`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "String", length(max = 262_144))]
    html: Option<String>,
    /// What the calendar shows of it to others: `free`, `tentative`, `busy`, `out_of_office` or `working_elsewhere`.
    #[serde(default = "busy")]
    show_as: ShowAs,
    /// `normal`, `personal`, `private` or `confidential`.
    #[serde(default = "open")]
    privacy: Privacy,
    /// Who is invited. Some servers cannot keep an invitation from them; there attendees need `notify: all`.
    #[serde(default)]
    #[schemars(length(max = 100))]
    attendees: Vec<Invitee>,
    /// How it repeats; once without it.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Repeats")]
    repeats: Option<Repeats>,
    /// Categories.
    #[serde(default)]
    #[schemars(length(max = 20))]
    categories: Vec<Line>,
    /// How many minutes before it begins the owner is reminded; not at all without it.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "u32", range(max = 2_629_800))]
    reminder_minutes: Option<u32>,
    /// Who learns of it: `none`, or `all` who are invited.
    #[serde(default = "Notify::nobody")]
    notify: Notify,
}

fn busy() -> ShowAs {
    ShowAs::Busy
}

fn open() -> Privacy {
    Privacy::Normal
}

/// Output of `calendar.create_event`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox.
    mailbox: String,
    /// The server's id of the event.
    event_id: String,
    /// The iCalendar UID: the same in every mailbox that has the event; null if the server does not say it.
    ical_uid: Option<String>,
    /// Its key.
    external_key: String,
    /// `created`: by this step. `already_there`: the calendar had an event with this key, which is as it was.
    result: Made,
    /// Who learned of it: `none` or `all`.
    notify: Notify,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Made {
    /// By this step.
    Created,
    /// There was one with this key.
    AlreadyThere,
}

impl Input {
    fn fields(&self) -> Result<EventFields, Failure> {
        let name = CreateEvent::INFO.name;
        let body = match (&self.text, &self.html) {
            (None, None) => None,
            (text, html) => Some(letter::body(name, text.clone(), html.clone())?),
        };
        let repeats = self.repeats.as_ref().map(|repeats| repeats.rule(name, self.start)).transpose()?;
        let fields = EventFields {
            subject: Some(self.subject.as_str().to_owned()),
            body,
            start: Some(self.start.get()),
            end: Some(self.end.get()),
            time_zone: self.time_zone.as_ref().map(|zone| zone.as_str().to_owned()),
            all_day: Some(self.all_day),
            location: self.location.as_ref().map(|location| location.as_str().to_owned()),
            show_as: Some(self.show_as),
            privacy: Some(self.privacy),
            attendees: (!self.attendees.is_empty()).then(|| Invitee::all(&self.attendees)),
            recurrence: repeats,
            categories: Some(self.categories.iter().map(|line| line.as_str().to_owned()).collect()),
            reminder_minutes: Some(self.reminder_minutes),
        };
        match fields.fault(true) {
            Some(fault) => Err(invalid(format!("{name}: {fault}"))),
            None => Ok(fields),
        }
    }
}

impl TypedAction<Ports> for CreateEvent {
    const INFO: ActionInfo = ActionInfo {
        name: "calendar.create_event",
        summary: "Put an event into a calendar, once per key",
        description: "Makes an event in a mailbox's own calendar, unless it has one with the same key: then that one is \
                      left as it is and shown. Nobody is told unless `notify` is `all`. What an attempt made that was \
                      cut off is found by its key, too, and counts as already there, so `undo` leaves it.",
        effect: Effect::Containment,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
            FailureKind::Invalid,
            FailureKind::Unknown,
        ],
        connection: Some("exchange"),
        ports: &["calendar"],
        inverse: Some("calendar.delete_event"),
        undo: &[
            (Some(("notify", "none")), "deleting the event"),
            (Some(("notify", "all")), "deleting the event and telling everybody that it is called off"),
        ],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let port = need(&ports.calendar, Self::INFO.name, "calendar")?;
        let (mailbox, key) = (input.mailbox.get(), input.external_key.as_str());
        let fields = input.fields()?;
        let output = |event_id: String, ical_uid, result| Output {
            mailbox: mailbox.as_str().to_owned(),
            event_id,
            ical_uid,
            external_key: key.to_owned(),
            result,
            notify: input.notify,
        };
        if let Some(found) = port.find_event(mailbox, key).await.map_err(from_exchange)? {
            return Ok(output(found.item.id, found.ical_uid, Made::AlreadyThere));
        }
        let made = port.create_event(mailbox, key, &fields, input.notify.tells()).await;
        let made = made.map_err(from_exchange)?;
        // It is made; that its UID cannot be read now does not change that.
        let ical_uid = port.event(mailbox, &made).await.ok().and_then(|event| event.ical_uid);
        Ok(output(made.id, ical_uid, Made::Created))
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let input = json!({
            "mailbox": output.mailbox, "event_id": output.event_id, "notify": output.notify,
        });
        (output.result == Made::Created).then(|| Inverse::new("calendar.delete_event", input))
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Put a shift into somebody's calendar".to_owned(),
            input: json!({
                "mailbox": "alice@corp.example",
                "external_key": "shift-4711",
                "subject": "On call",
                "start": "2026-11-24T08:00:00Z",
                "end": "2026-11-24T16:00:00Z",
                "location": "Operations",
                "reminder_minutes": 30
            }),
            output: json!(null),
        }]
    }
}
