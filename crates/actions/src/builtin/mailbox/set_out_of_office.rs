//! `mailbox.set_out_of_office`: sets the automatic replies of a mailbox, e.g. to warn whoever writes to an account
//! that somebody else got into.
//!
//! All settings are set at once, because a server takes them so; what they were is kept.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::{OofAudience, OofState, OutOfOffice, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, invalid, need};
use crate::input::{MailboxName, Time};
use crate::replies::Replies;

/// Sets automatic replies.
pub(crate) struct SetOutOfOffice;

/// Input of `mailbox.set_out_of_office`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Input {
    /// The mailbox that replies.
    mailbox: MailboxName,
    /// `disabled`, `enabled`, or `scheduled`: sent between `start` and `end`.
    state: OofState,
    /// Who outside of the organisation gets one: `none`, `known` (contacts of the mailbox) or `all`.
    #[serde(default = "nobody")]
    audience: OofAudience,
    /// From when, RFC 3339 in UTC. `scheduled` needs it.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Time")]
    start: Option<Time>,
    /// Until when, RFC 3339 in UTC. `scheduled` needs it.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Time")]
    end: Option<Time>,
    /// What people inside get, HTML or plain text.
    #[serde(default)]
    #[schemars(length(max = 131072))]
    internal_reply: String,
    /// What people outside get, HTML or plain text.
    #[serde(default)]
    #[schemars(length(max = 131072))]
    external_reply: String,
}

fn nobody() -> OofAudience {
    OofAudience::None
}

/// Output of `mailbox.set_out_of_office`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox.
    mailbox: String,
    /// What was set before.
    before: Replies,
    /// Whether this step changed anything.
    changed: bool,
}

impl Input {
    fn settings(&self) -> Result<OutOfOffice, Failure> {
        let wrong = |why: &str| Err(invalid(format!("mailbox.set_out_of_office: {why}")));
        let duration = match (self.start, self.end) {
            (Some(start), Some(end)) if start < end => Some((start.get(), end.get())),
            (Some(_), Some(_)) => return wrong("`end` is not after `start`"),
            (None, None) if self.state == OofState::Scheduled => {
                return wrong("scheduled replies need `start` and `end`");
            }
            (None, None) => None,
            _ => return wrong("`start` and `end` go together"),
        };
        Ok(OutOfOffice {
            state: self.state,
            audience: self.audience,
            duration,
            internal_reply: self.internal_reply.clone(),
            external_reply: self.external_reply.clone(),
        })
    }
}

/// Whether the settings are there already. After an attempt that was cut off texts are not compared: a server may
/// give them back in other words (HTML around plain text), and taking our own for those before would be worse.
fn is_set(wanted: &OutOfOffice, found: &OutOfOffice, again: bool) -> bool {
    let same = wanted.state == found.state
        && wanted.audience == found.audience
        && (wanted.duration.is_none() || wanted.duration == found.duration);
    same && (again
        || (wanted.internal_reply == found.internal_reply && wanted.external_reply == found.external_reply))
}

impl TypedAction<Ports> for SetOutOfOffice {
    const INFO: ActionInfo = ActionInfo {
        name: "mailbox.set_out_of_office",
        summary: "Set the automatic replies of a mailbox",
        description: "Sets whether a mailbox sends automatic replies, to whom, when, and what they say, all at once. \
                      What was set before is kept, so that `undo` can set it again.",
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
        ports: &["automatic_replies"],
        inverse: Some("mailbox.set_out_of_office"),
        undo: &[(None, "setting the replies that were set before")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        let port = need(&ports.automatic_replies, Self::INFO.name, "automatic_replies")?;
        let mailbox = input.mailbox.get();
        let wanted = input.settings()?;
        let found = port.out_of_office(mailbox).await.map_err(from_exchange)?;
        let changed = !is_set(&wanted, &found, context.attempt > 1);
        // After an attempt that was cut off it is set again: that does no harm, and the texts are right for sure.
        if changed || context.attempt > 1 {
            port.set_out_of_office(mailbox, &wanted).await.map_err(from_exchange)?;
        }
        Ok(Output { mailbox: mailbox.as_str().to_owned(), before: found.into(), changed })
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let mut input = serde_json::to_value(&output.before).ok().filter(|_| output.changed)?;
        let fields = input.as_object_mut()?;
        fields.retain(|_, value| !value.is_null());
        fields.insert("mailbox".to_owned(), json!(output.mailbox));
        Some(Inverse::new(Self::INFO.name, input))
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Warn whoever writes to an account that was broken into".to_owned(),
            input: json!({
                "mailbox": "alice@corp.example",
                "state": "enabled",
                "audience": "all",
                "internal_reply": "This account was misused. Do not open links it sent you today.",
                "external_reply": "This account was misused. Do not open links it sent you today."
            }),
            output: json!(null),
        }]
    }
}
