//! `inbox_rule.restore`: makes an inbox rule again that was removed. It is what takes `inbox_rule.remove` back.
//!
//! A rule can send everybody's mail away, so the whole rule is a guarded sink. A rule that is there already, the same
//! in everything but its place, counts as done.

use action_api::plan::{Effect, Failure, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::Ports;
use exchange::rule::RuleChange;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, invalid, need};
use crate::input::MailboxName;
use crate::rules::{Definition, ERRORS};

/// Makes a rule again.
pub(crate) struct Restore;

/// Input of `inbox_rule.restore`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The mailbox the rule belongs into.
    mailbox: MailboxName,
    /// The rule, as `inbox_rule.remove` gives it.
    #[schemars(extend("x-guard" = "rule"))]
    rule: Definition,
    /// Go on where Outlook keeps rules of its own (`client_rules` of `inbox_rule.list`). The server then deletes
    /// those that are kept nowhere else, and nothing brings them back. False fails with `conflict` there.
    #[serde(default)]
    lose_client_rules: bool,
}

/// Output of `inbox_rule.restore`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox.
    mailbox: String,
    /// The id the rule has now; null if the server does not show the rule.
    rule_id: Option<String>,
    /// Whether this step made it; false if it was there already.
    created: bool,
}

impl TypedAction<Ports> for Restore {
    const INFO: ActionInfo = ActionInfo {
        name: "inbox_rule.restore",
        summary: "Make an inbox rule again that was removed",
        description: "Makes an inbox rule out of what `inbox_rule.remove` kept of it. It gets a new id. If the \
                      mailbox has the same rule already, nothing happens. Where Outlook keeps rules of its own the \
                      step fails with `conflict` unless `lose_client_rules` is set.",
        effect: Effect::Containment,
        repeat: Repeat::Natural,
        errors: ERRORS,
        connection: Some("exchange"),
        ports: &["rules"],
        inverse: Some("inbox_rule.remove"),
        undo: &[(None, "removing the rule again")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let port = need(&ports.rules, Self::INFO.name, "rules")?;
        let mailbox = input.mailbox.get();
        let rule = input.rule.clone().rule();
        if let Some(fault) = rule.fault() {
            return Err(invalid(format!("inbox_rule.restore: {fault}")));
        }
        let before = port.rules(mailbox).await.map_err(from_exchange)?.rules;
        let output = |rule_id: Option<String>, created: bool| Output {
            mailbox: mailbox.as_str().to_owned(),
            rule_id,
            created,
        };
        if let Some(there) = before.iter().find(|there| input.rule.is_same(there)) {
            return Ok(output(Some(there.id.clone()), false));
        }
        let change = RuleChange::Create(rule);
        port.change_rules(mailbox, &change, input.lose_client_rules).await.map_err(from_exchange)?;
        // The server does not say which id it chose.
        let after = port.rules(mailbox).await.map_err(from_exchange)?.rules;
        let new = after
            .into_iter()
            .find(|rule| rule.name == input.rule.name && !before.iter().any(|earlier| earlier.id == rule.id));
        Ok(output(new.map(|rule| rule.id), true))
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let rule_id = output.rule_id.as_ref().filter(|_| output.created)?;
        Some(Inverse::new("inbox_rule.remove", json!({ "mailbox": output.mailbox, "rule_id": rule_id })))
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "A rule that was removed by mistake".to_owned(),
            input: json!({
                "mailbox": "alice@corp.example",
                "rule": {
                    "name": "Newsletters",
                    "priority": 3,
                    "enabled": true,
                    "conditions": [{ "clause": "contains_subject_strings", "values": ["newsletter"] }],
                    "exceptions": [],
                    "actions": [{ "clause": "move_to_folder", "values": ["junkemail"] }]
                }
            }),
            output: json!(null),
        }]
    }
}
