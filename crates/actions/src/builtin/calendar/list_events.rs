//! `calendar.list_events`: what a calendar shows between two moments.
//!
//! Each occurrence of a series counts on its own, as a person sees it. Left out: searching by words, because servers
//! search a calendar by times or by words and not by both; a `for_each` with a condition does the rest.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::{EventView, Ports};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::events::Shown;
use crate::failure::{from_exchange, invalid, need};
use crate::input::{FolderName, MailboxName, Time};

/// The longest time that a server shows at once: two years.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 731);

/// Shows a calendar.
pub(crate) struct ListEvents;

/// Input of `calendar.list_events`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Input {
    /// Whose calendar.
    mailbox: MailboxName,
    /// Events that end after this, RFC 3339 in UTC.
    start: Time,
    /// Events that begin before this, RFC 3339 in UTC; at most two years after `start`.
    end: Time,
    /// The calendar, as a folder; the mailbox's own without it.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "FolderName")]
    calendar: Option<FolderName>,
    /// How many events at most.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 1000))]
    limit: u32,
}

fn hundred() -> u32 {
    100
}

/// Output of `calendar.list_events`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox.
    mailbox: String,
    /// The events in the order they begin in, with their bodies as plain text.
    #[schemars(length(max = 1000))]
    events: Vec<Shown>,
    /// Whether there are more than `limit`; narrow the times to see them.
    truncated: bool,
}

impl TypedAction<Ports> for ListEvents {
    const INFO: ActionInfo = ActionInfo {
        name: "calendar.list_events",
        summary: "List what a calendar shows between two times",
        description: "Gives the events of a calendar that lie, at least in part, between two times: when, where, who \
                      invites, who is invited and what they answered, and the text. Each occurrence of a series is an \
                      event of its own. A range of more than two years is refused, as servers do.",
        effect: Effect::Enrichment,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
            FailureKind::Invalid,
        ],
        connection: Some("exchange"),
        ports: &["calendar"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let port = need(&ports.calendar, Self::INFO.name, "calendar")?;
        let (start, end) = (input.start.get(), input.end.get());
        if end <= start || end.duration_since(start) > LONGEST {
            return Err(invalid("calendar.list_events: `end` is after `start` and at most two years later"));
        }
        let calendar = input.calendar.map(|folder| folder.get().clone());
        let view = EventView { calendar, start, end, limit: input.limit };
        let list = port.events(input.mailbox.get(), &view).await.map_err(from_exchange)?;
        Ok(Output {
            mailbox: input.mailbox.get().as_str().to_owned(),
            events: list.events.into_iter().map(Shown::from).collect(),
            truncated: list.truncated,
        })
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "What somebody has planned for a week".to_owned(),
            input: json!({
                "mailbox": "alice@corp.example",
                "start": "2026-11-23T00:00:00Z",
                "end": "2026-11-30T00:00:00Z"
            }),
            output: json!(null),
        }]
    }
}
