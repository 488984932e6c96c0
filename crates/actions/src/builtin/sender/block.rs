//! `sender.block`: puts the senders of messages on the lists of blocked senders of their mailboxes.
//!
//! Setting what is set already does no harm, so nothing is looked up before a repeat. Left out: a list for the whole
//! organisation, which is no matter of a mailbox.

use action_api::plan::{Effect, Failure, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::Ports;
use serde_json::json;

use crate::senders::{ERRORS, Input, Output, set};

/// Blocks senders.
pub(crate) struct Block;

impl TypedAction<Ports> for Block {
    const INFO: ActionInfo = ActionInfo {
        name: "sender.block",
        summary: "Block the senders of messages",
        description: "Puts the sender of one message (`mailbox` and `item_id`), or those of many messages of several \
                      mailboxes (`items`), on the list of blocked senders of the mailbox the message is in: what they \
                      send from now on goes to Junk E-mail. The message itself stays where it is; `mail.mark_junk` \
                      moves it as well. The list has a limit and cannot be read, so `undo` unblocks a sender who was \
                      blocked before, too. If some of many cannot be blocked the step fails and lists them, or says \
                      so in `failed` with `on_item_error: collect`; the others are blocked.",
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

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        set(&ports, &context, Self::INFO.name, input, true, Self::inverse).await
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        output.back("sender.unblock")
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "Somebody who sends nothing but junk".to_owned(),
                input: json!({ "mailbox": "alice@corp.example", "item_id": "AAMkAGExamplePhish=" }),
                output: json!(null),
            },
            Example {
                title: "A campaign that came to many mailboxes".to_owned(),
                input: json!({
                    "items": [{ "mailbox": "alice@corp.example", "item_id": "AAMkAGExamplePhish=" }],
                    "on_item_error": "collect"
                }),
                output: json!(null),
            },
        ]
    }
}
