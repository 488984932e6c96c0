//! `calendar.update_event`: changes an event of a calendar, or the same in many.
//!
//! Only what the input names is changed, and what of it is there already is not sent again. The event as it was is
//! kept, so that `undo` sets the same properties back. In several calendars it is for events that were made there under one
//! key; a meeting is changed in the calendar of whoever invites, and `notify` tells the others. Left out: how a series repeats, because a change of that throws
//! its exceptions away; delete the series and make another.

use action_api::plan::{Blame, Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction, Work};
use exchange::{Event, EventFields, Mailbox, Ports, Privacy, ShowAs};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::events::{Invitee, Key, Notify, Shown, asked, find, line, named};
use crate::failure::{from_exchange, invalid, need};
use crate::in_each::{Back, InEach, Output, in_each};
use crate::input::{ItemId, Line, Time};
use crate::letter;
use crate::several::Several;
use crate::verdict::{Done, Things};

/// Changes an event.
pub(crate) struct UpdateEvent;

/// Input of `calendar.update_event`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Wanted {
    /// Which event, by its id. One of this and `external_key`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "ItemId")]
    event_id: Option<ItemId>,
    /// Which event, by the key it was made with.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Key")]
    external_key: Option<Key>,
    /// Its new title.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Line")]
    subject: Option<Line>,
    /// When it begins now, RFC 3339 in UTC.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Time")]
    start: Option<Time>,
    /// When it ends now, RFC 3339 in UTC.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Time")]
    end: Option<Time>,
    /// Whether it lasts whole days.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "bool")]
    all_day: Option<bool>,
    /// Where it is now; empty for nowhere.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Line")]
    location: Option<Line>,
    /// Its new body as plain text.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "String", length(max = 262_144))]
    text: Option<String>,
    /// Its new body as HTML, instead of `text`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "String", length(max = 262_144))]
    html: Option<String>,
    /// What the calendar shows of it to others: `free`, `tentative`, `busy`, `out_of_office` or `working_elsewhere`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "ShowAs")]
    show_as: Option<ShowAs>,
    /// `normal`, `personal`, `private` or `confidential`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Privacy")]
    privacy: Option<Privacy>,
    /// Who is invited now, all of them; an empty list invites nobody any more.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<Invitee>", length(max = 100))]
    attendees: Option<Vec<Invitee>>,
    /// Its categories now, all of them.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<Line>", length(max = 20))]
    categories: Option<Vec<Line>>,
    /// How many minutes before it begins the owner is reminded.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "u32", range(max = 2_629_800))]
    reminder_minutes: Option<u32>,
    /// Whether the reminder is taken away; not together with `reminder_minutes`.
    #[serde(default)]
    no_reminder: bool,
    /// Who learns of it: `none`, or `all` who are invited.
    #[serde(default = "Notify::nobody")]
    notify: Notify,
}

/// Output of `calendar.update_event`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Changed {
    /// The server's id of the event; null if it could not be changed, and beside the `results` of several mailboxes.
    #[schemars(extend("x-given" = "mailbox"))]
    event_id: Option<String>,
    /// The names of the properties that this step changed; empty if all of them were so already; null where `event_id`
    /// is.
    #[schemars(extend("x-given" = "mailbox"))]
    changed: Option<Vec<String>>,
    /// What the event was; null where `event_id` is.
    #[schemars(extend("x-given" = "mailbox"))]
    before: Option<Shown>,
    /// Who learned of it: `none` or `all`; null where `event_id` is.
    #[schemars(extend("x-given" = "mailbox"))]
    notify: Option<Notify>,
}

impl Wanted {
    fn fields(&self) -> Result<EventFields, Failure> {
        let name = UpdateEvent::INFO.name;
        if self.no_reminder && self.reminder_minutes.is_some() {
            return Err(invalid(format!("{name}: give `reminder_minutes` or `no_reminder`, not both")));
        }
        let body = match (&self.text, &self.html) {
            (None, None) => None,
            (text, html) => Some(letter::body(name, text.clone(), html.clone())?),
        };
        let said = |line: &Option<Line>| line.as_ref().map(|line| line.as_str().to_owned());
        let categories = |all: &Vec<Line>| all.iter().map(|line| line.as_str().to_owned()).collect();
        let reminder = if self.no_reminder { Some(None) } else { self.reminder_minutes.map(Some) };
        let fields = EventFields {
            subject: said(&self.subject),
            body,
            start: self.start.map(Time::get),
            end: self.end.map(Time::get),
            time_zone: None,
            all_day: self.all_day,
            location: said(&self.location),
            show_as: self.show_as,
            privacy: self.privacy,
            attendees: self.attendees.as_ref().map(|all| Invitee::all(all)),
            recurrence: None,
            categories: self.categories.as_ref().map(categories),
            reminder_minutes: reminder,
        };
        if fields == EventFields::default() {
            return Err(invalid(format!("{name}: nothing is to be changed; name at least one property")));
        }
        Ok(fields)
    }
}

/// Takes away what the event has already, and says what is left.
fn needed(fields: &mut EventFields, event: &Event) -> Vec<String> {
    fn keep<T>(name: &str, wanted: &mut Option<T>, is_so: impl FnOnce(&T) -> bool, left: &mut Vec<String>) {
        if wanted.as_ref().is_some_and(is_so) {
            *wanted = None;
        }
        left.extend(wanted.is_some().then(|| name.to_owned()));
    }
    let mut left = Vec::new();
    let words = |text: &Option<String>| text.clone().unwrap_or_default();
    keep("subject", &mut fields.subject, |wanted| *wanted == words(&event.subject), &mut left);
    keep("start", &mut fields.start, |wanted| *wanted == event.start, &mut left);
    keep("end", &mut fields.end, |wanted| *wanted == event.end, &mut left);
    keep("all_day", &mut fields.all_day, |wanted| *wanted == event.all_day, &mut left);
    keep("location", &mut fields.location, |wanted| *wanted == words(&event.location), &mut left);
    keep("body", &mut fields.body, |wanted| event.body.as_ref() == Some(wanted), &mut left);
    keep("show_as", &mut fields.show_as, |wanted| event.show_as == Some(*wanted), &mut left);
    keep("privacy", &mut fields.privacy, |wanted| *wanted == event.privacy, &mut left);
    let people = |all: &[(exchange::Address, exchange::AttendeeRole)]| {
        let mut all: Vec<(String, exchange::AttendeeRole)> =
            all.iter().map(|(address, role)| (address.address.to_lowercase(), *role)).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    };
    let invited: Vec<_> = event.attendees.iter().map(|one| (one.address.clone(), one.role)).collect();
    keep("attendees", &mut fields.attendees, |wanted| people(wanted) == people(&invited), &mut left);
    keep("categories", &mut fields.categories, |wanted| *wanted == event.categories, &mut left);
    keep("reminder", &mut fields.reminder_minutes, |wanted| *wanted == event.reminder_minutes, &mut left);
    left
}

impl Wanted {
    async fn change(&self, ports: &Ports, mailbox: &Mailbox) -> Result<Done<Changed>, Failure> {
        let name = UpdateEvent::INFO.name;
        let port = need(&ports.calendar, name, "calendar")?;
        let mut fields = self.fields()?;
        let (id, key) = (self.event_id.as_ref(), self.external_key.as_ref());
        let event = find(port, name, mailbox, id, key).await?.ok_or_else(|| {
            let words = format!(
                "{name}: {mailbox} has no such event; `calendar.list_events` shows those it has, and an id changes \
                 when an event is moved"
            );
            Failure::new(FailureKind::NotFound, Blame::Server, words)
        })?;
        let (start, end) = (fields.start.unwrap_or(event.start), fields.end.unwrap_or(event.end));
        if end < start {
            return Err(invalid(format!(
                "{name}: the event would end at {end}, before it starts at {start}"
            )));
        }
        let changed = needed(&mut fields, &event);
        let mut event_id = event.item.id.clone();
        if !changed.is_empty() {
            // Servers check a beginning against the end that is there, so both go together.
            if fields.start.is_some() || fields.end.is_some() {
                (fields.start, fields.end) = (Some(start), Some(end));
            }
            let now = port.update_event(mailbox, &event.item, &fields, self.notify.tells()).await;
            event_id = now.map_err(from_exchange)?.id;
        }
        let already = changed.is_empty();
        let (before, notify) = (Some(event.into()), Some(self.notify));
        let what = Changed { event_id: Some(event_id), changed: Some(changed), before, notify };
        Ok(Done { already, what })
    }
}

impl InEach for Wanted {
    const SHARED: &'static [&'static str] = &["notify"];
    const WORDS: (Things, &'static str) = (Things { many: "events", id: "event" }, "changed");
    type Told = Changed;

    fn asked(&self) -> String {
        asked(self.event_id.as_ref(), self.external_key.as_ref())
    }

    fn check(&self) -> Result<(), Failure> {
        named(UpdateEvent::INFO.name, self.event_id.as_ref(), self.external_key.as_ref())?;
        self.fields().map(|_| ())
    }

    fn work<'a>(
        &'a self,
        ports: &'a Ports,
        _: &'a Context,
        mailbox: &'a Mailbox,
    ) -> Work<'a, Result<Done<Changed>, Failure>> {
        Box::pin(self.change(ports, mailbox))
    }
}

impl TypedAction<Ports> for UpdateEvent {
    const INFO: ActionInfo = ActionInfo {
        name: "calendar.update_event",
        summary: "Change an event of a calendar, or of many",
        description: "Changes the named properties of one event of a calendar (`mailbox`), of the event with the same \
                      key of many (`mailboxes` and `external_key`), or of one of its own of each (`items`), or of one \
                      occurrence of a series, and leaves the others. If some of many cannot be changed the step fails \
                      and lists them, or says so in `failed` with `on_item_error: collect`; the others are changed. \
                      What is so already is not sent. Nobody is told unless `notify` is `all`. `undo` sets the same \
                      properties back to what they were; an occurrence stays an exception of its series, and what \
                      those invited had answered may be lost.",
        effect: Effect::Containment,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
            FailureKind::Invalid,
            FailureKind::Conflict,
            FailureKind::Unknown,
        ],
        connection: Some("exchange"),
        ports: &["calendar"],
        inverse: Some("calendar.update_event"),
        undo: &[(None, "setting the properties back to what they were")],
    };
    type Input = Several<Wanted>;
    type Output = Output<Changed>;

    async fn run(ports: Ports, context: Context, input: Self::Input) -> Result<Self::Output, Failure> {
        need(&ports.calendar, Self::INFO.name, "calendar")?;
        in_each(&ports, &context, input, Self::inverse).await
    }

    fn inverse(output: &Self::Output) -> Option<Inverse> {
        output.inverse::<Wanted>(Self::INFO.name, |_, changed| set_back(changed))
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "Move a shift by its key".to_owned(),
                input: json!({
                    "mailbox": "alice@corp.example",
                    "external_key": "shift-4710",
                    "start": "2026-11-26T08:00:00Z",
                    "end": "2026-11-26T16:00:00Z",
                    "location": "Operations"
                }),
                output: json!(null),
            },
            Example {
                title: "Move a shift in every calendar that has it under one key".to_owned(),
                input: json!({
                    "mailboxes": ["alice@corp.example"],
                    "external_key": "shift-4710",
                    "start": "2026-11-27T08:00:00Z",
                    "end": "2026-11-27T16:00:00Z",
                    "on_item_error": "collect"
                }),
                output: json!(null),
            },
        ]
    }
}

/// What sets the properties back to what they were.
fn set_back(changed: &Changed) -> Back {
    let (Some(before), Some(event_id)) = (&changed.before, &changed.event_id) else {
        return Back::Nothing("it is not known what it was");
    };
    let mut except = Vec::new();
    let mut fields = Map::new();
    for name in changed.changed.iter().flatten() {
        let (name, value) = match name.as_str() {
            "subject" => ("subject", json!(line(&before.subject))),
            "location" => ("location", json!(line(&before.location))),
            "start" => ("start", json!(before.start)),
            "end" => ("end", json!(before.end)),
            "all_day" => ("all_day", json!(before.all_day)),
            "privacy" => ("privacy", json!(before.privacy)),
            "categories" => ("categories", json!(before.categories)),
            "body" => match &before.html_body {
                Some(html) => ("html", json!(html)),
                None => ("text", json!(before.text_body.as_deref().unwrap_or_default())),
            },
            "attendees" => {
                except.push(String::from("what those invited had answered"));
                let one = |one: &crate::events::Attendee| json!({ "address": one.address, "role": one.role });
                ("attendees", before.attendees.iter().map(one).collect::<Value>())
            }
            "reminder" => match before.reminder_minutes {
                Some(minutes) => ("reminder_minutes", json!(minutes)),
                None => ("no_reminder", json!(true)),
            },
            "show_as" => match before.show_as {
                Some(show_as) => ("show_as", json!(show_as)),
                None => {
                    except.push(String::from("what the calendar showed of it, which the server did not say"));
                    continue;
                }
            },
            _ => continue,
        };
        fields.insert(name.to_owned(), value);
    }
    if fields.is_empty() {
        return Back::Nothing("the server did not say what it was");
    }
    fields.insert("event_id".to_owned(), json!(event_id));
    fields.insert("notify".to_owned(), json!(changed.notify));
    Back::Input(Value::Object(fields), except)
}
