//! `mailbox.set_out_of_office`: sets the automatic replies of a mailbox, e.g. to warn whoever writes to an account
//! that somebody else got into.
//!
//! All settings are set at once, because a server takes them so; what they were is kept, of each mailbox its own, so that
//! one call sets all of them back. After an attempt that was cut off, replies in our own words count as ours: a server may
//! give them back with HTML around plain text, and taking our own for those before would lose the way back.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction, Work};
use exchange::{Mailbox, OofAudience, OofState, OutOfOffice, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, invalid, need};
use crate::in_each::{Back, InEach, Output, in_each};
use crate::input::Time;
use crate::replies::{Replies, same_words};
use crate::several::Several;
use crate::verdict::{Done, Things};

/// Sets automatic replies.
pub(crate) struct SetOutOfOffice;

/// Input of `mailbox.set_out_of_office`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Wanted {
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
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Set {
    /// What was set before; null if it could not be set, and beside the `results` of several mailboxes.
    #[schemars(extend("x-given" = "mailbox"))]
    before: Option<Replies>,
    /// Whether this step changed anything; null where `before` is.
    #[schemars(extend("x-given" = "mailbox"))]
    changed: Option<bool>,
}

impl Wanted {
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

    async fn set(&self, ports: &Ports, context: &Context, mailbox: &Mailbox) -> Result<Done<Set>, Failure> {
        let port = need(&ports.automatic_replies, SetOutOfOffice::INFO.name, "automatic_replies")?;
        let wanted = self.settings()?;
        let found = port.out_of_office(mailbox).await.map_err(from_exchange)?;
        let exact = is_set(&wanted, &found, |ours, theirs| ours == theirs);
        let already = exact || (context.attempt > 1 && is_set(&wanted, &found, same_words));
        // What is there in other letters is set again: that does no harm, and the texts are right for sure.
        if !exact {
            port.set_out_of_office(mailbox, &wanted).await.map_err(from_exchange)?;
        }
        Ok(Done { already, what: Set { before: Some(found.into()), changed: Some(!already) } })
    }
}

/// Whether the settings are there already.
fn is_set(wanted: &OutOfOffice, found: &OutOfOffice, same: impl Fn(&str, &str) -> bool) -> bool {
    wanted.state == found.state
        && wanted.audience == found.audience
        && (wanted.duration.is_none() || wanted.duration == found.duration)
        && same(&wanted.internal_reply, &found.internal_reply)
        && same(&wanted.external_reply, &found.external_reply)
}

impl InEach for Wanted {
    const SHARED: &'static [&'static str] = &[];
    const WORDS: (Things, &'static str) = (Things { many: "automatic replies", id: "state" }, "set");
    type Told = Set;

    fn asked(&self) -> String {
        let state = match self.state {
            OofState::Disabled => "disabled",
            OofState::Enabled => "enabled",
            OofState::Scheduled => "scheduled",
        };
        state.to_owned()
    }

    fn check(&self) -> Result<(), Failure> {
        self.settings().map(|_| ())
    }

    fn work<'a>(
        &'a self,
        ports: &'a Ports,
        context: &'a Context,
        mailbox: &'a Mailbox,
    ) -> Work<'a, Result<Done<Set>, Failure>> {
        Box::pin(self.set(ports, context, mailbox))
    }
}

impl TypedAction<Ports> for SetOutOfOffice {
    const INFO: ActionInfo = ActionInfo {
        name: "mailbox.set_out_of_office",
        summary: "Set the automatic replies of a mailbox, or of many",
        description: "Sets whether a mailbox sends automatic replies, to whom, when, and what they say, all at once: in \
                      one mailbox (`mailbox`), the same in many (`mailboxes`), or of its own in each (`items`). What \
                      was set before is kept, so that `undo` can set it again in each. If some of many cannot be set \
                      the step fails and lists them, or says so in `failed` with `on_item_error: collect`; the others \
                      are set.",
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
    type Input = Several<Wanted>;
    type Output = Output<Set>;

    async fn run(ports: Ports, context: Context, input: Self::Input) -> Result<Self::Output, Failure> {
        need(&ports.automatic_replies, Self::INFO.name, "automatic_replies")?;
        input.once_each(Self::INFO.name)?;
        in_each(&ports, &context, input, Self::inverse).await
    }

    fn inverse(output: &Self::Output) -> Option<Inverse> {
        output.inverse::<Wanted>(Self::INFO.name, |_, set| {
            let Some(Ok(mut before)) = set.before.as_ref().map(serde_json::to_value) else {
                return Back::Nothing("it is not known what was set before");
            };
            if let Some(fields) = before.as_object_mut() {
                fields.retain(|_, value| !value.is_null());
            }
            Back::Input(before, Vec::new())
        })
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "Warn whoever writes to an account that was broken into".to_owned(),
                input: json!({
                    "mailbox": "alice@corp.example",
                    "state": "enabled",
                    "audience": "all",
                    "internal_reply": "This account was misused. Do not open links it sent you today.",
                    "external_reply": "This account was misused. Do not open links it sent you today."
                }),
                output: json!(null),
            },
            Example {
                title: "Take the replies of an intruder out of every mailbox that has them".to_owned(),
                input: json!({ "mailboxes": ["alice@corp.example", "soc@corp.example"], "state": "disabled" }),
                output: json!(null),
            },
        ]
    }
}
