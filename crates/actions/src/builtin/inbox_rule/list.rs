//! `inbox_rule.list`: the inbox rules of a mailbox, with what they do as flags.
//!
//! Left out: rules that are hidden and those that only Outlook knows. No wire for mailboxes shows them.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::Ports;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, need};
use crate::input::MailboxName;
use crate::rules::{Shown, look_at_folders};

/// Lists rules.
pub(crate) struct List;

/// Input of `inbox_rule.list`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The mailbox whose rules are listed.
    mailbox: MailboxName,
}

/// Output of `inbox_rule.list`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The rules, in the order they run in.
    #[schemars(length(max = 10000))]
    rules: Vec<Shown>,
    /// Whether Outlook keeps rules of its own there. Every change of a rule loses those that are kept nowhere else,
    /// and is refused unless `lose_client_rules` is set.
    client_rules: bool,
}

impl TypedAction<Ports> for List {
    const INFO: ActionInfo = ActionInfo {
        name: "inbox_rule.list",
        summary: "List the inbox rules of a mailbox",
        description: "Lists the inbox rules of a mailbox in the order they run in. Of each rule it tells whom it \
                      forwards or redirects mail to, which of them are outside of the mailbox's domain, and whether \
                      it deletes mail, marks it as read, or moves it to where nobody looks; and its conditions, exceptions and actions in full. \
                      Hidden rules, and rules that only Outlook knows, are not shown by the server.",
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
        let port = need(&ports.rules, Self::INFO.name, "rules")?;
        let mailbox = input.mailbox.get();
        let found = port.rules(mailbox).await.map_err(from_exchange)?;
        let folders = need(&ports.folders, Self::INFO.name, "folders")?;
        let mut rules: Vec<Shown> = found.rules.into_iter().map(|rule| Shown::new(mailbox, rule)).collect();
        look_at_folders(folders, mailbox, &mut rules).await?;
        Ok(Output { rules, client_rules: found.client_rules })
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Look for forwarding to the outside".to_owned(),
            input: json!({ "mailbox": "alice@corp.example" }),
            output: json!(null),
        }]
    }
}
