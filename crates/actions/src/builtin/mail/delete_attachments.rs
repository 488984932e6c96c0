//! `mail.delete_attachments`: takes attachments off one message, and leaves the message.
//!
//! Which attachments is said by their ids; without ids it is all of them. One that is gone already counts as done.
//! There is no way back, so a playbook keeps a copy first (`mail.get_attachments`, `mail.download_eml`).

use std::collections::BTreeSet;

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::{ErrorKind, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, need, some_items};
use crate::input::{AttachmentId, ItemId, MailboxName};

/// Takes attachments off.
pub(crate) struct DeleteAttachments;

/// Input of `mail.delete_attachments`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults, extend("x-deletes" = true))]
pub(crate) struct Input {
    /// The mailbox the message is in.
    mailbox: MailboxName,
    /// Which message: an id as `mail.search` gives it.
    item_id: ItemId,
    /// Which attachments: 1 to 250 ids as `mail.get` and `mail.get_attachments` give them. Left out, it is all of
    /// them; an empty list is refused.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<AttachmentId>", length(min = 1, max = 250), extend("x-effect-items" = true))]
    attachment_ids: Option<Vec<AttachmentId>>,
}

/// Output of `mail.delete_attachments`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The ids of the attachments that were taken off by this step.
    #[schemars(length(max = 10000))]
    deleted: Vec<String>,
    /// The ids of those that were not there any more.
    #[schemars(length(max = 250))]
    already_gone: Vec<String>,
}

impl TypedAction<Ports> for DeleteAttachments {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.delete_attachments",
        summary: "Take attachments off a message",
        description: "Takes attachments off one message: those named, or all. The message stays, and what was signed \
                      in it no longer verifies. Keep a copy first, because nothing brings them back. An attachment \
                      that is not there any more counts as done. The ids of attachments that stay may change.",
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
        ports: &["attachments", "detach"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let attachments = need(&ports.attachments, Self::INFO.name, "attachments")?;
        let detach = need(&ports.detach, Self::INFO.name, "detach")?;
        let mailbox = input.mailbox.get();
        let listed = attachments.list(mailbox, &input.item_id.item()).await.map_err(from_exchange)?;
        let there: BTreeSet<&str> = listed.iter().map(|info| info.id.as_str()).collect();
        let mut output = Output { deleted: Vec::new(), already_gone: Vec::new() };
        let mut doomed: Vec<String> = Vec::new();
        match &input.attachment_ids {
            None => doomed.extend(there.iter().map(|&id| id.to_owned())),
            Some(ids) => {
                // An id of another message would be one of another message's attachment.
                for id in ids.iter().collect::<BTreeSet<_>>() {
                    let list =
                        if there.contains(id.as_str()) { &mut doomed } else { &mut output.already_gone };
                    list.push(id.as_str().to_owned());
                }
            }
        }
        if doomed.is_empty() {
            return Ok(output);
        }
        let answers = detach.detach(mailbox, &doomed).await.map_err(from_exchange)?;
        let asked = doomed.len();
        let mut failed = Vec::new();
        for (id, answer) in doomed.into_iter().zip(answers) {
            match answer {
                Ok(()) => output.deleted.push(id),
                Err(error) if error.kind == ErrorKind::NotFound => output.already_gone.push(id),
                Err(error) => failed.push((id, error)),
            }
        }
        some_items("taken off", asked, failed).map_or(Ok(output), Err)
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Disarm a message and leave its text".to_owned(),
            input: json!({ "mailbox": "alice@corp.example", "item_id": "AAMkAGExamplePhish=" }),
            output: json!(null),
        }]
    }
}
