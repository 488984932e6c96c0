//! `calendar.delete_event`: takes an event out of a calendar, or out of many: an invitation that is a fraud lies in the
//! calendar of everybody who got it.
//!
//! What the event was is kept, so that `undo` can make it again: as a new event, because that is what servers can do.
//! An occurrence that is taken out of its series stays out. Left out: finding the events, which `calendar.list_events`
//! does, so that what is deleted has been seen and counted before.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction, Work};
use exchange::{ErrorKind, EventKind, Mailbox, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::events::{Key, Notify, Shown, asked, find, line, named};
use crate::failure::{from_exchange, need};
use crate::in_each::{Back, InEach, Output, in_each};
use crate::input::ItemId;
use crate::several::Several;
use crate::verdict::{Done, Things};

/// Deletes an event.
pub(crate) struct DeleteEvent;

/// Input of `calendar.delete_event`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults, extend("x-deletes" = true))]
pub(crate) struct Wanted {
    /// Which event, by its id. One of this and `external_key`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "ItemId")]
    event_id: Option<ItemId>,
    /// Which event, by the key it was made with.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Key")]
    external_key: Option<Key>,
    /// Who learns of it: `none`, or `all`: those who are invited; of somebody else's meeting its organizer.
    #[serde(default = "Notify::nobody")]
    notify: Notify,
}

/// Output of `calendar.delete_event`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deleted {
    /// `deleted`: by this step. `already_gone`: the calendar had no such event. Null if it could not be deleted, and
    /// beside the `results` of several mailboxes.
    #[schemars(extend("x-given" = "mailbox"))]
    result: Option<Fate>,
    /// What the event was; null if it was gone, and where `result` is.
    before: Option<Shown>,
    /// Who learned of it: `none` or `all`; null where `result` is.
    #[schemars(extend("x-given" = "mailbox"))]
    notify: Option<Notify>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// By this step.
    Deleted,
    /// There was no such event.
    AlreadyGone,
}

impl Wanted {
    async fn delete(&self, ports: &Ports, mailbox: &Mailbox) -> Result<Done<Deleted>, Failure> {
        let port = need(&ports.calendar, DeleteEvent::INFO.name, "calendar")?;
        let (id, key) = (self.event_id.as_ref(), self.external_key.as_ref());
        let gone = |before: Option<Shown>| {
            let result = if before.is_some() { Fate::Deleted } else { Fate::AlreadyGone };
            let already = before.is_none();
            Ok(Done { already, what: Deleted { result: Some(result), before, notify: Some(self.notify) } })
        };
        let found = find(port, DeleteEvent::INFO.name, mailbox, id, key).await?;
        let Some(event) = found else { return gone(None) };
        match port.delete_event(mailbox, &event.item, self.notify.tells()).await {
            Ok(()) => gone(Some(event.into())),
            Err(error) if error.kind == ErrorKind::NotFound => gone(None),
            Err(error) => Err(from_exchange(error)),
        }
    }
}

impl InEach for Wanted {
    const SHARED: &'static [&'static str] = &["notify"];
    const WORDS: (Things, &'static str) = (Things { many: "events", id: "event" }, "deleted");
    type Told = Deleted;

    fn asked(&self) -> String {
        asked(self.event_id.as_ref(), self.external_key.as_ref())
    }

    fn check(&self) -> Result<(), Failure> {
        named(DeleteEvent::INFO.name, self.event_id.as_ref(), self.external_key.as_ref())
    }

    fn work<'a>(
        &'a self,
        ports: &'a Ports,
        _: &'a Context,
        mailbox: &'a Mailbox,
    ) -> Work<'a, Result<Done<Deleted>, Failure>> {
        Box::pin(self.delete(ports, mailbox))
    }
}

impl TypedAction<Ports> for DeleteEvent {
    const INFO: ActionInfo = ActionInfo {
        name: "calendar.delete_event",
        summary: "Take an event out of a calendar, or out of many",
        description: "Moves one event of a calendar (`mailbox`), the event with the same key of many (`mailboxes` and \
                      `external_key`), or one of its own of each (`items`), to Deleted Items, or takes one occurrence \
                      out of its series. An event that is not there any more counts as done. Nobody is told unless \
                      `notify` is `all`. If some of many cannot be deleted the step fails and lists them, or says so \
                      in `failed` with `on_item_error: collect`; the others are deleted. `undo` makes an event \
                      again from what it was; answers of those invited, changed occurrences, attachments and the id \
                      are lost. An occurrence that was taken out, and an event whose data the server cannot take \
                      again, are not brought back.",
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
        inverse: Some("calendar.create_event"),
        undo: &[(None, "making a new event from what the old one was, without answers and attachments")],
    };
    type Input = Several<Wanted>;
    type Output = Output<Deleted>;

    async fn run(ports: Ports, context: Context, input: Self::Input) -> Result<Self::Output, Failure> {
        need(&ports.calendar, Self::INFO.name, "calendar")?;
        in_each(&ports, &context, input, Self::inverse).await
    }

    fn inverse(output: &Self::Output) -> Option<Inverse> {
        output.inverse::<super::create_event::Wanted>("calendar.create_event", again)
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "Take a shift out of somebody's calendar by its key".to_owned(),
                input: json!({ "mailbox": "alice@corp.example", "external_key": "shift-4710" }),
                output: json!(null),
            },
            Example {
                title: "Take a fraudulent invitation out of every calendar it is in".to_owned(),
                input: json!({
                    "items": [{ "mailbox": "alice@corp.example", "event_id": "AAMkAGExampleMeeting=" }],
                    "on_item_error": "collect"
                }),
                output: json!(null),
            },
        ]
    }
}

/// The event again, from what it was.
fn again(mailbox: &str, deleted: &Deleted) -> Back {
    let Some(before) = &deleted.before else { return Back::Nothing("it is not known what it was") };
    if matches!(before.kind, EventKind::Occurrence | EventKind::Exception) {
        return Back::Nothing("an occurrence that was taken out of its series stays out");
    }
    let own = before.is_of(mailbox);
    let mut except = vec![String::from("the id and the iCalendar UID, which are new, and attachments")];
    if before.kind == EventKind::Series {
        except.push(String::from("occurrences that were changed or taken out"));
    }
    if !own {
        except
            .push(String::from("that it is somebody else's meeting: it comes back as an event of one's own"));
    } else if !before.attendees.is_empty() {
        except.push(String::from("what those invited had answered"));
    }
    let mut input = json!({
        "external_key": before.external_key.clone().unwrap_or_else(|| restored(before)),
        "subject": line(&before.subject),
        "start": before.start,
        "end": before.end,
        "all_day": before.all_day,
        "location": line(&before.location),
        "privacy": before.privacy,
        "categories": before.categories.iter().take(20).collect::<Vec<_>>(),
    });
    let attendees: Vec<Value> =
        before.attendees.iter().map(|one| json!({ "address": one.address, "role": one.role })).collect();
    let optional = [
        ("time_zone", before.time_zone.as_ref().map(|zone| json!(zone))),
        ("text", before.text_body.as_ref().map(|text| json!(text))),
        ("html", before.html_body.as_ref().map(|html| json!(html))),
        ("show_as", before.show_as.map(|show| json!(show))),
        ("repeats", before.repeats.as_ref().map(|repeats| json!(repeats))),
        ("reminder_minutes", before.reminder_minutes.map(|minutes| json!(minutes))),
        ("attendees", (own && !attendees.is_empty()).then(|| json!(attendees))),
        ("notify", own.then(|| json!(deleted.notify))),
    ];
    if let Some(fields) = input.as_object_mut() {
        fields.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    Back::Input(input, except)
}

/// The key of an event that comes back and had none: the same for the same event, so that it comes back once.
fn restored(before: &Shown) -> String {
    let name: String = before.ical_uid.as_deref().unwrap_or(&before.event_id).chars().take(180).collect();
    format!("restored:{name}")
}
