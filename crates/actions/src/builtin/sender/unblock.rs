//! `sender.unblock`: takes the sender of a message off the mailbox's list of blocked senders.
//!
//! Setting what is set already does no harm, so nothing is looked up before a repeat. Left out: a list for the whole
//! organisation, which is no matter of a mailbox.

use action_api::plan::{Effect, Failure, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::Ports;
use serde_json::json;

use crate::senders::{ERRORS, Input, Output, set};

/// Unblocks a sender.
pub(crate) struct Unblock;

impl TypedAction<Ports> for Unblock {
    const INFO: ActionInfo = ActionInfo {
        name: "sender.unblock",
        summary: "Unblock the sender of a message",
        description: "Takes the sender of one message off the mailbox's list of blocked senders. The message itself \
                      stays where it is; `mail.mark_junk` with `junk: false` moves it back as well. The list cannot be read, so \
                      `undo` blocks a sender who was not blocked before, too.",
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

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        set(&ports, Self::INFO.name, &input, false).await
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        Some(Inverse::new("sender.block", output.back()))
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "A sender who was blocked by mistake".to_owned(),
            input: json!({ "mailbox": "alice@corp.example", "item_id": "AAMkAGExampleBlocked=" }),
            output: json!(null),
        }]
    }
}
