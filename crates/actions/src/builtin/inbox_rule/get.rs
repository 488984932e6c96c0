//! `inbox_rule.get`: one inbox rule of a mailbox, with what it does as flags.
//!
//! Left out: rules that are hidden and those that only Outlook knows. No wire for mailboxes shows them.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::Ports;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::need;
use crate::input::{MailboxName, RuleId};
use crate::rules::{Shown, absent, find, look_at_folders};

/// Gives a rule.
pub(crate) struct Get;

/// Input of `inbox_rule.get`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The mailbox the rule is in.
    mailbox: MailboxName,
    /// Which rule: an id as `inbox_rule.list` gives it.
    rule_id: RuleId,
}

/// Output of `inbox_rule.get`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox.
    mailbox: String,
    /// The rule.
    rule: Shown,
}

impl TypedAction<Ports> for Get {
    const INFO: ActionInfo = ActionInfo {
        name: "inbox_rule.get",
        summary: "Look at one inbox rule",
        description: "Gives one inbox rule of a mailbox by its id: whether it runs, whom it forwards mail to, whether \
                      it deletes, hides or marks mail as read, and its conditions, exceptions and actions in full. A \
                      rule that is not there is a failure.",
        effect: Effect::Enrichment,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
        ],
        connection: Some("exchange"),
        ports: &["folders", "rules"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let rules = need(&ports.rules, Self::INFO.name, "rules")?;
        let folders = need(&ports.folders, Self::INFO.name, "folders")?;
        let mailbox = input.mailbox.get();
        let found = find(rules, mailbox, input.rule_id.as_str()).await?.ok_or_else(|| absent(mailbox))?;
        let mut rule = Shown::new(mailbox, found);
        look_at_folders(folders, mailbox, std::slice::from_mut(&mut rule)).await?;
        Ok(Output { mailbox: mailbox.as_str().to_owned(), rule })
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "What does a rule with a name of one character do?".to_owned(),
            input: json!({ "mailbox": "alice@corp.example", "rule_id": "ExampleRule=" }),
            output: json!(null),
        }]
    }
}
