//! `calendar.delete_event`: takes one event out of a calendar.
//!
//! What the event was is kept, so that `undo` can make it again: as a new event, because that is what servers can do.
//! An occurrence that is taken out of its series stays out.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::{ErrorKind, EventKind, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::events::{Key, Notify, Shown, find, line};
use crate::failure::{from_exchange, need};
use crate::input::{ItemId, MailboxName};

/// Deletes an event.
pub(crate) struct DeleteEvent;

/// Input of `calendar.delete_event`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults, extend("x-deletes" = true))]
pub(crate) struct Input {
    /// Whose calendar.
    mailbox: MailboxName,
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
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox.
    mailbox: String,
    /// `deleted`: by this step. `already_gone`: the calendar had no such event.
    result: Fate,
    /// What the event was; null if it was gone.
    before: Option<Shown>,
    /// Who learned of it: `none` or `all`.
    notify: Notify,
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

impl TypedAction<Ports> for DeleteEvent {
    const INFO: ActionInfo = ActionInfo {
        name: "calendar.delete_event",
        summary: "Take an event out of a calendar",
        description: "Moves one event to Deleted Items, or takes one occurrence out of its series. An event that is not \
                      there any more counts as done. Nobody is told unless `notify` is `all`. `undo` makes an event \
                      again from what it was; answers of those invited, changed occurrences, attachments and the id \
                      are lost. An occurrence that was taken out, and an event whose data the server cannot take \
                      again, are not brought back.",
        effect: Effect::Containment,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::PermissionDenied,
            FailureKind::Invalid,
            FailureKind::Unknown,
        ],
        connection: Some("exchange"),
        ports: &["calendar"],
        inverse: Some("calendar.create_event"),
        undo: &[(None, "making a new event from what the old one was, without answers and attachments")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let port = need(&ports.calendar, Self::INFO.name, "calendar")?;
        let mailbox = input.mailbox.get();
        let (id, key) = (input.event_id.as_ref(), input.external_key.as_ref());
        let found = find(port, Self::INFO.name, mailbox, id, key).await?;
        let output = |result, before| Output {
            mailbox: mailbox.as_str().to_owned(),
            result,
            before,
            notify: input.notify,
        };
        let Some(event) = found else { return Ok(output(Fate::AlreadyGone, None)) };
        match port.delete_event(mailbox, &event.item, input.notify.tells()).await {
            Ok(()) => Ok(output(Fate::Deleted, Some(event.into()))),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(output(Fate::AlreadyGone, None)),
            Err(error) => Err(from_exchange(error)),
        }
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let before = output.before.as_ref().filter(|_| output.result == Fate::Deleted)?;
        if matches!(before.kind, EventKind::Occurrence | EventKind::Exception) {
            return None;
        }
        let own = before.is_of(&output.mailbox);
        let mut except = vec![String::from("the id and the iCalendar UID, which are new, and attachments")];
        if before.kind == EventKind::Series {
            except.push(String::from("occurrences that were changed or taken out"));
        }
        if !own {
            except.push(String::from(
                "that it is somebody else's meeting: it comes back as an event of one's own",
            ));
        } else if !before.attendees.is_empty() {
            except.push(String::from("what those invited had answered"));
        }
        let mut input = json!({
            "mailbox": output.mailbox,
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
        let fields = input.as_object_mut()?;
        let optional = [
            ("time_zone", before.time_zone.as_ref().map(|zone| json!(zone))),
            ("text", before.text_body.as_ref().map(|text| json!(text))),
            ("html", before.html_body.as_ref().map(|html| json!(html))),
            ("show_as", before.show_as.map(|show| json!(show))),
            ("repeats", before.repeats.as_ref().map(|repeats| json!(repeats))),
            ("reminder_minutes", before.reminder_minutes.map(|minutes| json!(minutes))),
            ("attendees", (own && !attendees.is_empty()).then(|| json!(attendees))),
            ("notify", own.then(|| json!(output.notify))),
        ];
        fields.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        Some(Inverse { except, ..Inverse::new("calendar.create_event", input) })
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Take a shift out of somebody's calendar by its key".to_owned(),
            input: json!({ "mailbox": "alice@corp.example", "external_key": "shift-4710" }),
            output: json!(null),
        }]
    }
}

/// The key of an event that comes back and had none: the same for the same event, so that it comes back once.
fn restored(before: &Shown) -> String {
    let name: String = before.ical_uid.as_deref().unwrap_or(&before.event_id).chars().take(180).collect();
    format!("restored:{name}")
}
