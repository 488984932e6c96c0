//! `mailbox.get_out_of_office`: the automatic replies of a mailbox.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::Ports;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::failure::{from_exchange, need};
use crate::input::MailboxName;
use crate::replies::Replies;

/// Reads automatic replies.
pub(crate) struct GetOutOfOffice;

/// Input of `mailbox.get_out_of_office`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The mailbox whose replies are read.
    mailbox: MailboxName,
}

impl TypedAction<Ports> for GetOutOfOffice {
    const INFO: ActionInfo = ActionInfo {
        name: "mailbox.get_out_of_office",
        summary: "Read the automatic replies of a mailbox",
        description: "Reads whether a mailbox sends automatic replies, to whom, when, and what they say.",
        effect: Effect::Enrichment,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
        ],
        connection: Some("exchange"),
        ports: &["automatic_replies"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Replies;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Replies, Failure> {
        let port = need(&ports.automatic_replies, Self::INFO.name, "automatic_replies")?;
        port.out_of_office(input.mailbox.get()).await.map(Replies::from).map_err(from_exchange)
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Is the owner of a mailbox away?".to_owned(),
            input: json!({ "mailbox": "alice@corp.example" }),
            output: json!(null),
        }]
    }
}
