//! `inbox_rule.enable`: switches inbox rules on, and leaves everything else of them as it is.
//!
//! The server takes only whole rules, so the rule is read, changed and written back; one that the server does not
//! show whole is refused, because a part of it would be lost.

use action_api::plan::{Effect, Failure, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::Ports;
use serde_json::json;

use crate::rules::ERRORS;
use crate::switched::{Switch, SwitchInput, SwitchOutput, switch};

/// Switches rules on.
pub(crate) struct Enable;

impl TypedAction<Ports> for Enable {
    const INFO: ActionInfo = ActionInfo {
        name: "inbox_rule.enable",
        summary: "Switch inbox rules on",
        description: "Switches one inbox rule (`mailbox` and `rule_id`), or many of several mailboxes (`items`), on. A \
                      rule that is on already is left alone. Where Outlook keeps rules of its own the step fails \
                      with `conflict` unless `lose_client_rules` is set, because the server would delete them. A rule \
                      that the server does not show whole cannot be switched; it can be removed. If some of many \
                      cannot be switched the step fails and lists them, or says so in `failed` with \
                      `on_item_error: collect`; the others are switched.",
        effect: Effect::Containment,
        repeat: Repeat::Natural,
        errors: ERRORS,
        connection: Some("exchange"),
        ports: &["rules"],
        inverse: Some("inbox_rule.disable"),
        undo: &[(None, "switching the rule off again")],
    };
    type Input = SwitchInput;
    type Output = SwitchOutput;

    async fn run(ports: Ports, context: Context, input: SwitchInput) -> Result<SwitchOutput, Failure> {
        let how = Switch { action: Self::INFO.name, inverse: "inbox_rule.disable", enabled: true };
        switch(&ports, &context, how, input, Self::inverse).await
    }

    fn inverse(output: &SwitchOutput) -> Option<Inverse> {
        output.back("inbox_rule.disable")
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "A rule that turned out to be harmless".to_owned(),
                input: json!({ "mailbox": "alice@corp.example", "rule_id": "ExampleOffRule=" }),
                output: json!(null),
            },
            Example {
                title: "Rules that turned out to be harmless".to_owned(),
                input: json!({
                    "items": [{ "mailbox": "alice@corp.example", "rule_id": "ExampleOffRule=" }],
                    "on_item_error": "collect"
                }),
                output: json!(null),
            },
        ]
    }
}
