//! `sender.block`: puts the sender of a message on the mailbox's list of blocked senders.
//!
//! Setting what is set already does no harm, so nothing is looked up before a repeat. Left out: a list for the whole
//! organisation, which is no matter of a mailbox.

use action_api::plan::{Effect, Failure, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::Ports;
use serde_json::json;

use crate::senders::{ERRORS, Input, Output, set};

/// Blocks a sender.
pub(crate) struct Block;

impl TypedAction<Ports> for Block {
    const INFO: ActionInfo = ActionInfo {
        name: "sender.block",
        summary: "Block the sender of a message",
        description: "Puts the sender of one message on the mailbox's list of blocked senders: what they send from \
                      now on goes to Junk E-mail. The message itself stays where it is; `mail.mark_junk` moves it \
                      as well. The list has a limit and cannot be read, so `undo` unblocks a sender who was blocked \
                      before, too.",
        effect: Effect::Containment,
        repeat: Repeat::Natural,
        errors: ERRORS,
        connection: Some("exchange"),
        ports: &["junk", "read"],
        inverse: Some("sender.unblock"),
        undo: &[(None, "taking the sender off the list of blocked senders")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        set(&ports, Self::INFO.name, &input, true).await
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        Some(Inverse::new("sender.unblock", output.back()))
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Somebody who sends nothing but junk".to_owned(),
            input: json!({ "mailbox": "alice@corp.example", "item_id": "AAMkAGExamplePhish=" }),
            output: json!(null),
        }]
    }
}
