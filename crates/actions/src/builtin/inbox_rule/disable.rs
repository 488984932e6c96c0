//! `inbox_rule.disable`: switches one inbox rule off, and leaves everything else of it as it is.
//!
//! The server takes only whole rules, so the rule is read, changed and written back; one that the server does not
//! show whole is refused, because a part of it would be lost.

use action_api::plan::{Effect, Failure, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::Ports;
use serde_json::json;

use crate::rules::{ERRORS, SwitchInput, SwitchOutput, switch};

/// Switches a rule off.
pub(crate) struct Disable;

impl TypedAction<Ports> for Disable {
    const INFO: ActionInfo = ActionInfo {
        name: "inbox_rule.disable",
        summary: "Switch an inbox rule off",
        description: "Switches one inbox rule of a mailbox off. A rule that is off already is left alone. Where \
                      Outlook keeps rules of its own the step fails with `conflict` unless `lose_client_rules` is \
                      set, because the server would delete them. A rule that the server does not show whole cannot \
                      be switched; it can be removed.",
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

    async fn run(ports: Ports, _: Context, input: SwitchInput) -> Result<SwitchOutput, Failure> {
        switch(&ports, Self::INFO.name, &input, false).await
    }

    fn inverse(output: &SwitchOutput) -> Option<Inverse> {
        output.changed.then(|| {
            Inverse::new("inbox_rule.enable", json!({ "mailbox": output.mailbox, "rule_id": output.rule_id }))
        })
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "A rule that forwards to the outside".to_owned(),
            input: json!({ "mailbox": "alice@corp.example", "rule_id": "ExampleRule=" }),
            output: json!(null),
        }]
    }
}
