//! `inbox_rule.enable`: switches one inbox rule on, and leaves everything else of it as it is.
//!
//! The server takes only whole rules, so the rule is read, changed and written back; one that the server does not
//! show whole is refused, because a part of it would be lost.

use action_api::plan::{Effect, Failure, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::Ports;
use serde_json::json;

use crate::rules::{ERRORS, SwitchInput, SwitchOutput, switch};

/// Switches a rule on.
pub(crate) struct Enable;

impl TypedAction<Ports> for Enable {
    const INFO: ActionInfo = ActionInfo {
        name: "inbox_rule.enable",
        summary: "Switch an inbox rule on",
        description: "Switches one inbox rule of a mailbox on. A rule that is on already is left alone. Where \
                      Outlook keeps rules of its own the step fails with `conflict` unless `lose_client_rules` is \
                      set, because the server would delete them. A rule that the server does not show whole cannot \
                      be switched; it can be removed.",
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

    async fn run(ports: Ports, _: Context, input: SwitchInput) -> Result<SwitchOutput, Failure> {
        switch(&ports, Self::INFO.name, &input, true).await
    }

    fn inverse(output: &SwitchOutput) -> Option<Inverse> {
        output.changed.then(|| {
            Inverse::new(
                "inbox_rule.disable",
                json!({ "mailbox": output.mailbox, "rule_id": output.rule_id }),
            )
        })
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "A rule that turned out to be harmless".to_owned(),
            input: json!({ "mailbox": "alice@corp.example", "rule_id": "ExampleOffRule=" }),
            output: json!(null),
        }]
    }
}
