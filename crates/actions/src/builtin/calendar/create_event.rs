//! `calendar.create_event`: puts an event into a calendar, or into many, once per key.
//!
//! The key is kept on the event and looked for first, so a repeat finds what the first attempt made, and a
//! synchronisation may run as often as it likes. Who may not learn of a meeting is decided here and not by a server:
//! nobody is told unless `notify` says so. In several calendars it is an event of its own in each, such as a shift or a
//! day off, and what brings back events that were deleted in many; a meeting is one event of whoever invites, with
//! `attendees`. Left out: attachments, online meetings and other calendars of a mailbox.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction, Work};
use exchange::{EventFields, Mailbox, Ports, Privacy, ShowAs};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::events::{Invitee, Key, Notify};
use crate::failure::{from_exchange, invalid, need};
use crate::in_each::{Back, InEach, Output, in_each};
use crate::input::{Line, Time};
use crate::letter;
use crate::repeats::Repeats;
use crate::several::Several;
use crate::verdict::{Done, Things};

/// Makes an event.
pub(crate) struct CreateEvent;

/// Input of `calendar.create_event`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Wanted {
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
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Created {
    /// The server's id of the event; null if it could not be made, and beside the `results` of several mailboxes.
    #[schemars(extend("x-given" = "mailbox"))]
    event_id: Option<String>,
    /// The iCalendar UID: the same in every mailbox that has the event; null if the server does not say it, and where
    /// `event_id` is.
    ical_uid: Option<String>,
    /// Its key; null where `event_id` is.
    #[schemars(extend("x-given" = "mailbox"))]
    external_key: Option<String>,
    /// `created`: by this step. `already_there`: the calendar had an event with this key, which is as it was. Null where
    /// `event_id` is.
    #[schemars(extend("x-given" = "mailbox"))]
    result: Option<Made>,
    /// Who learned of it: `none` or `all`; null where `event_id` is.
    #[schemars(extend("x-given" = "mailbox"))]
    notify: Option<Notify>,
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

impl Wanted {
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

    async fn make(&self, ports: &Ports, mailbox: &Mailbox) -> Result<Done<Created>, Failure> {
        let port = need(&ports.calendar, CreateEvent::INFO.name, "calendar")?;
        let key = self.external_key.as_str();
        let done = |event_id: String, ical_uid, result| {
            let what = Created {
                event_id: Some(event_id),
                ical_uid,
                external_key: Some(key.to_owned()),
                result: Some(result),
                notify: Some(self.notify),
            };
            Ok(Done { already: result == Made::AlreadyThere, what })
        };
        let fields = self.fields()?;
        if let Some(found) = port.find_event(mailbox, key).await.map_err(from_exchange)? {
            return done(found.item.id, found.ical_uid, Made::AlreadyThere);
        }
        let made = port.create_event(mailbox, key, &fields, self.notify.tells()).await;
        let made = made.map_err(from_exchange)?;
        // It is made; that its UID cannot be read now does not change that.
        let ical_uid = port.event(mailbox, &made).await.ok().and_then(|event| event.ical_uid);
        done(made.id, ical_uid, Made::Created)
    }
}

impl InEach for Wanted {
    const SHARED: &'static [&'static str] = &["notify"];
    const WORDS: (Things, &'static str) = (Things { many: "events", id: "event" }, "made");
    type Told = Created;

    fn asked(&self) -> String {
        self.external_key.as_str().to_owned()
    }

    fn check(&self) -> Result<(), Failure> {
        self.fields().map(|_| ())
    }

    fn work<'a>(
        &'a self,
        ports: &'a Ports,
        _: &'a Context,
        mailbox: &'a Mailbox,
    ) -> Work<'a, Result<Done<Created>, Failure>> {
        Box::pin(self.make(ports, mailbox))
    }
}

impl TypedAction<Ports> for CreateEvent {
    const INFO: ActionInfo = ActionInfo {
        name: "calendar.create_event",
        summary: "Put an event into a calendar, or into many, once per key",
        description: "Makes an event in a mailbox's own calendar (`mailbox`), the same in many (`mailboxes`), or one of \
                      its own in each (`items`), unless the calendar has one with the same key: then that one is \
                      left as it is and shown. Nobody is told unless `notify` is `all`. If some of many cannot be made \
                      the step fails and lists them, or says so in `failed` with `on_item_error: collect`; the others \
                      are made. What an attempt made that was cut off is found by its key, too, and counts as already \
                      there, so `undo` leaves it.",
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
    type Input = Several<Wanted>;
    type Output = Output<Created>;

    async fn run(ports: Ports, context: Context, input: Self::Input) -> Result<Self::Output, Failure> {
        need(&ports.calendar, Self::INFO.name, "calendar")?;
        in_each(&ports, &context, input, Self::inverse).await
    }

    fn inverse(output: &Self::Output) -> Option<Inverse> {
        output.inverse::<super::delete_event::Wanted>("calendar.delete_event", |_, created| {
            match (&created.event_id, created.notify) {
                (Some(id), Some(notify)) => {
                    Back::Input(json!({ "event_id": id, "notify": notify }), Vec::new())
                }
                _ => Back::Nothing("it is not known which event was made"),
            }
        })
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
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
            },
            Example {
                title: "Put a day off into several calendars".to_owned(),
                input: json!({
                    "mailboxes": ["alice@corp.example", "soc@corp.example"],
                    "external_key": "closed-2026-12-24",
                    "subject": "Office closed",
                    "start": "2026-12-24T00:00:00Z",
                    "end": "2026-12-25T00:00:00Z",
                    "all_day": true,
                    "show_as": "free"
                }),
                output: json!(null),
            },
        ]
    }
}
