//! `mail.get`: reads whole messages by their ids, without the bytes of attachments.
//!
//! One bad id does not lose the others. Bodies are cut, because a step's output is kept in the journal; the
//! complete bytes are what `mail.download_eml` is for. Left out: parsing of any kind.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::{ItemRef, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, kind_of, need};
use crate::input::{ItemId, MailboxName};
use crate::view::Full;

/// Reads messages.
pub(crate) struct Get;

/// Input of `mail.get`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The mailbox the messages are in.
    mailbox: MailboxName,
    /// Which messages: ids as `mail.search` gives them.
    #[schemars(length(min = 1, max = 100))]
    item_ids: Vec<ItemId>,
    /// How many bytes of each body to keep.
    #[serde(default = "body_limit")]
    #[schemars(range(max = 1_048_576))]
    max_body: u32,
}

fn body_limit() -> u32 {
    32_768
}

/// Output of `mail.get`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// What could be read, in the order asked for.
    #[schemars(length(max = 100))]
    messages: Vec<Full>,
    /// What could not be read, and why.
    #[schemars(length(max = 100))]
    failed: Vec<Failed>,
}

/// One message that could not be read.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failed {
    /// The id that was asked for.
    item_id: String,
    /// The kind of failure, e.g. `not_found`.
    kind: String,
    /// What happened, in words.
    message: String,
}

impl TypedAction<Ports> for Get {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.get",
        summary: "Read whole messages by id",
        description: "Reads messages: addresses, headers in order, bodies, and what is attached. A message that \
                      cannot be read is listed in `failed` and does not lose the others; a connection that fails \
                      fails the step. Does not mark anything as read.",
        effect: Effect::Enrichment,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::PermissionDenied,
            FailureKind::Invalid,
        ],
        connection: Some("exchange"),
        ports: &["read"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let port = need(&ports.read, Self::INFO.name, "read")?;
        let mailbox = input.mailbox.get();
        let items: Vec<ItemRef> = input.item_ids.iter().map(ItemId::item).collect();
        let read = port.get(mailbox, &items).await.map_err(from_exchange)?;
        let most = usize::try_from(input.max_body).unwrap_or(usize::MAX);
        let mut output = Output { messages: Vec::new(), failed: Vec::new() };
        for (id, result) in input.item_ids.iter().zip(read) {
            match result {
                Ok(message) => output.messages.push(Full::new(mailbox, message, most)),
                Err(error) => output.failed.push(Failed {
                    item_id: id.as_str().to_owned(),
                    kind: kind_of(&error).as_str().to_owned(),
                    message: error.message,
                }),
            }
        }
        Ok(output)
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Read one message".to_owned(),
            input: json!({ "mailbox": "alice@corp.example", "item_ids": ["AAMkAGExamplePhish="] }),
            output: json!(null),
        }]
    }
}
