//! `inbox_rule.disable`: switches inbox rules off, and leaves everything else of them as it is.
//!
//! The server takes only whole rules, so the rule is read, changed and written back; one that the server does not
//! show whole is refused, because a part of it would be lost.

use action_api::plan::{Effect, Failure, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::Ports;
use serde_json::json;

use crate::rules::ERRORS;
use crate::switched::{Switch, SwitchInput, SwitchOutput, switch};

/// Switches rules off.
pub(crate) struct Disable;

impl TypedAction<Ports> for Disable {
    const INFO: ActionInfo = ActionInfo {
        name: "inbox_rule.disable",
        summary: "Switch inbox rules off",
        description: "Switches one inbox rule (`mailbox` and `rule_id`), or many of several mailboxes (`items`), off. \
                      A rule that is off already is left alone. Where Outlook keeps rules of its own the step fails \
                      with `conflict` unless `lose_client_rules` is set, because the server would delete them. A rule \
                      that the server does not show whole cannot be switched; it can be removed. If some of many \
                      cannot be switched the step fails and lists them, or says so in `failed` with \
                      `on_item_error: collect`; the others are switched.",
        effect: Effect::Containment,
        repeat: Repeat::Natural,
        errors: ERRORS,
        connection: Some("exchange"),
        ports: &["rules"],
        inverse: Some("inbox_rule.enable"),
        undo: &[(None, "switching the rule on again")],
    };
    type Input = SwitchInput;
    type Output = SwitchOutput;

    async fn run(ports: Ports, context: Context, input: SwitchInput) -> Result<SwitchOutput, Failure> {
        let how = Switch { action: Self::INFO.name, inverse: "inbox_rule.enable", enabled: false };
        switch(&ports, &context, how, input, Self::inverse).await
    }

    fn inverse(output: &SwitchOutput) -> Option<Inverse> {
        output.back("inbox_rule.enable")
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "A rule that forwards to the outside".to_owned(),
                input: json!({ "mailbox": "alice@corp.example", "rule_id": "ExampleRule=" }),
                output: json!(null),
            },
            Example {
                title: "One and the same rule that an intruder made in many mailboxes".to_owned(),
                input: json!({
                    "items": [{ "mailbox": "alice@corp.example", "rule_id": "ExampleRule=" }],
                    "on_item_error": "collect"
                }),
                output: json!(null),
            },
        ]
    }
}
