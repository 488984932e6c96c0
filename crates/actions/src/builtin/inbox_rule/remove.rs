//! `inbox_rule.remove`: takes one inbox rule away, and keeps what is needed to put it back.
//!
//! A rule that is gone already counts as done. Left out: hidden rules, which no wire for mailboxes reaches.

use action_api::plan::{Effect, Failure, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::rule::RuleChange;
use exchange::{ErrorKind, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, need};
use crate::input::{MailboxName, RuleId};
use crate::rules::{Definition, ERRORS, find};

/// Removes a rule.
pub(crate) struct Remove;

/// Input of `inbox_rule.remove`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-deletes" = true))]
pub(crate) struct Input {
    /// The mailbox the rule is in.
    mailbox: MailboxName,
    /// Which rule: an id as `inbox_rule.list` gives it.
    rule_id: RuleId,
    /// Go on where Outlook keeps rules of its own (`client_rules` of `inbox_rule.list`). The server then deletes
    /// those that are kept nowhere else, and nothing brings them back. False fails with `conflict` there.
    #[serde(default)]
    lose_client_rules: bool,
}

/// Output of `inbox_rule.remove`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox.
    mailbox: String,
    /// The id the rule had.
    rule_id: String,
    /// `removed`: by this step. `already_gone`: the mailbox had no such rule.
    result: Fate,
    /// The rule as it was; null if it was gone already.
    rule: Option<Definition>,
    /// Whether `rule` is all of it, so that it can be put back.
    complete: bool,
}

/// What became of the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// By this step.
    Removed,
    /// The mailbox had no such rule.
    AlreadyGone,
}

impl TypedAction<Ports> for Remove {
    const INFO: ActionInfo = ActionInfo {
        name: "inbox_rule.remove",
        summary: "Remove an inbox rule",
        description: "Removes one inbox rule of a mailbox. What the rule was is kept, so that `undo` can make it \
                      again, under a new id. A rule that is not there any more counts as done. Where Outlook keeps \
                      rules of its own the step fails with `conflict` unless `lose_client_rules` is set, because \
                      the server would delete them.",
        effect: Effect::Containment,
        repeat: Repeat::Natural,
        errors: ERRORS,
        connection: Some("exchange"),
        ports: &["rules"],
        inverse: Some("inbox_rule.restore"),
        undo: &[(None, "making the rule again, under a new id")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let port = need(&ports.rules, Self::INFO.name, "rules")?;
        let mailbox = input.mailbox.get();
        let mut output = Output {
            mailbox: mailbox.as_str().to_owned(),
            rule_id: input.rule_id.as_str().to_owned(),
            result: Fate::AlreadyGone,
            rule: None,
            complete: false,
        };
        let Some(rule) = find(port, mailbox, input.rule_id.as_str()).await? else { return Ok(output) };
        let change = RuleChange::Remove(rule.id.clone());
        match port.change_rules(mailbox, &change, input.lose_client_rules).await {
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(output),
            other => other.map_err(from_exchange)?,
        }
        output.result = Fate::Removed;
        output.complete = rule.complete;
        output.rule = Some(Definition::of(rule));
        Ok(output)
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let rule = output.rule.as_ref().filter(|_| output.complete)?;
        Some(Inverse::new("inbox_rule.restore", json!({ "mailbox": output.mailbox, "rule": rule })))
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "A rule an intruder made".to_owned(),
            input: json!({ "mailbox": "alice@corp.example", "rule_id": "ExampleRule=" }),
            output: json!(null),
        }]
    }
}
