//! `sender.unblock`: takes the senders of messages off the lists of blocked senders of their mailboxes.
//!
//! Setting what is set already does no harm, so nothing is looked up before a repeat. Left out: a list for the whole
//! organisation, which is no matter of a mailbox.

use action_api::plan::{Effect, Failure, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::Ports;
use serde_json::json;

use crate::senders::{ERRORS, Input, Output, set};

/// Unblocks senders.
pub(crate) struct Unblock;

impl TypedAction<Ports> for Unblock {
    const INFO: ActionInfo = ActionInfo {
        name: "sender.unblock",
        summary: "Unblock the senders of messages",
        description: "Takes the sender of one message (`mailbox` and `item_id`), or those of many messages of several \
                      mailboxes (`items`), off the list of blocked senders of the mailbox the message is in. The \
                      message itself stays where it is; `mail.mark_junk` with `junk: false` moves it back as well. \
                      The list cannot be read, so `undo` blocks a sender who was not blocked before, too. If some of \
                      many cannot be unblocked the step fails and lists them, or says so in `failed` with \
                      `on_item_error: collect`; the others are unblocked.",
        effect: Effect::Containment,
        repeat: Repeat::Natural,
        errors: ERRORS,
        connection: Some("exchange"),
        ports: &["junk", "read"],
        inverse: Some("sender.block"),
        undo: &[(None, "putting the sender on the list of blocked senders again")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        set(&ports, &context, Self::INFO.name, input, false, Self::inverse).await
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        output.back("sender.block")
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "A sender who was blocked by mistake".to_owned(),
                input: json!({ "mailbox": "alice@corp.example", "item_id": "AAMkAGExampleBlocked=" }),
                output: json!(null),
            },
            Example {
                title: "A sender who was blocked in many mailboxes by mistake".to_owned(),
                input: json!({
                    "items": [{ "mailbox": "alice@corp.example", "item_id": "AAMkAGExampleBlocked=" }],
                    "on_item_error": "collect"
                }),
                output: json!(null),
            },
        ]
    }
}
