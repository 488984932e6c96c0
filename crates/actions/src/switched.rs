//! What `inbox_rule.enable` and `inbox_rule.disable` have in common: they switch rules.
//!
//! The server takes only whole rules, so the rules of a mailbox are read once and each is written back with the other
//! switch. One that stands right already is left alone. Left out: everything else of a rule.

use action_api::plan::Failure;
use action_api::{Context, Inverse};
use exchange::Ports;
use exchange::rule::{Rule, RuleChange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::{from_exchange, need};
use crate::fan_out::{Share, shares};
use crate::input::{MailboxName, RuleId};
use crate::listed::{About, OnItemError};
use crate::rules::{Changes, ListedRule, RULES, absent, and_unsure, unsure};
use crate::verdict::{
    Done, InMailbox, Judged, Problem, Status, Verdict, by_mailbox, count, ended_with, judge_items,
};

/// Input of `inbox_rule.enable` and `inbox_rule.disable`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    transform = crate::input::no_null_defaults,
    extend("oneOf" = crate::listed::either(&["mailbox", "rule_id"], &[], &["items"]))
)]
pub(crate) struct SwitchInput {
    /// The mailbox the rule is in. Goes with `rule_id`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "MailboxName")]
    mailbox: Option<MailboxName>,
    /// Which rule: an id as `inbox_rule.list` gives it.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "RuleId")]
    rule_id: Option<RuleId>,
    /// Instead of `mailbox` and `rule_id`: 1 to 1,000 rules of any number of mailboxes.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<ListedRule>", length(min = 1, max = 1000), extend("x-effect-items" = true))]
    items: Option<Vec<ListedRule>>,
    /// Go on where Outlook keeps rules of its own (`client_rules` of `inbox_rule.list`). The server then deletes
    /// those that are kept nowhere else, and nothing brings them back. False fails with `conflict` there.
    #[serde(default)]
    lose_client_rules: bool,
    /// With `items`: `fail` fails the step where a rule could not be switched, once all others are; `collect`
    /// succeeds and tells it in `failed`, `mailboxes` and `results`.
    #[serde(default)]
    on_item_error: OnItemError,
}

/// Output of `inbox_rule.enable` and `inbox_rule.disable`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SwitchOutput {
    /// The mailbox; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    mailbox: Option<String>,
    /// The rule's id; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    rule_id: Option<String>,
    /// The rule's name; null with `items`.
    #[schemars(extend("x-given" = "mailbox"), extend("x-untrusted" = true))]
    name: Option<String>,
    /// Whether the rule runs now; with `items`, whether those do that are `done`.
    enabled: bool,
    /// Whether this step changed that; with `items`, of any rule.
    changed: bool,
    /// One result per rule, in the order asked for.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    results: Vec<Switched>,
    /// What came of each mailbox.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    mailboxes: Vec<InMailbox>,
    /// How many could not be switched; 0 unless `on_item_error` is `collect`.
    #[schemars(extend("x-failures" = true))]
    failed: u32,
}

/// What came of one rule.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Switched {
    /// The mailbox it is in.
    mailbox: String,
    /// The rule's id.
    rule_id: String,
    /// The rule's name; null if it failed.
    #[schemars(extend("x-untrusted" = true))]
    name: Option<String>,
    /// `done`: it stands as it was asked to. `failed`: it does not, or nobody knows.
    status: Status,
    /// Whether it stood so before this attempt.
    already_done: bool,
    /// Why it failed; null if it did not.
    error: Option<Problem>,
    /// Whether trying again may help.
    retryable: bool,
}

/// How rules are switched, and by which action.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Switch {
    /// The action.
    pub(crate) action: &'static str,
    /// The action that takes it back.
    pub(crate) inverse: &'static str,
    /// Whether the rules run afterwards.
    pub(crate) enabled: bool,
}

/// Switches rules of one mailbox. What is known of each that stands right is its name.
async fn in_mailbox(
    ports: &Ports,
    switch: Switch,
    lose_client_rules: bool,
    share: &Share<RuleId>,
) -> Judged<String> {
    let port = need(&ports.rules, switch.action, "rules")?;
    let known = port.rules(&share.mailbox).await.map_err(from_exchange)?.rules;
    let mut changes = Changes::new(port, &share.mailbox, lose_client_rules);
    let mut judged = Vec::with_capacity(share.items.len());
    for id in &share.items {
        let Some(rule) = known.iter().find(|rule| rule.id == id.as_str()) else {
            judged.push(Err(absent(&share.mailbox)));
            continue;
        };
        let already = rule.enabled == switch.enabled;
        let answer = if already {
            Ok(())
        } else {
            changes.make(&RuleChange::Set(Rule { enabled: switch.enabled, ..rule.clone() })).await
        };
        let done = |()| Done { already, what: rule.name.clone() };
        let back = || json!({ "mailbox": share.mailbox.as_str(), "rule_id": rule.id });
        judged.push(answer.map(done).map_err(|error| unsure(error, switch.inverse, back)));
    }
    Ok(judged)
}

/// Switches rules on or off.
pub(crate) async fn switch(
    ports: &Ports,
    context: &Context,
    switch: Switch,
    input: SwitchInput,
    inverse: impl FnOnce(&SwitchOutput) -> Option<Inverse>,
) -> Result<SwitchOutput, Failure> {
    need(&ports.rules, switch.action, "rules")?;
    let SwitchInput { mailbox, rule_id, items, lose_client_rules, on_item_error } = input;
    let of_one = rule_id.map(|id| vec![id]);
    let about = About::either(mailbox, of_one, items, |one: ListedRule| (one.mailbox, one.rule_id))?;
    let one = about.one.is_some();
    let id = |id: &RuleId| id.as_str().to_owned();
    let shares = shares(about.items, id);
    let verdicts = judge_items(context, one, &shares, id, |share| {
        Box::pin(in_mailbox(ports, switch, lose_client_rules, share))
    })
    .await?;
    let output = SwitchOutput::new(one, switch.enabled, &verdicts);
    let inverse = and_unsure(inverse(&output), switch.inverse, &verdicts);
    let what = if switch.enabled { "switched on" } else { "switched off" };
    ended_with((RULES, what), on_item_error, context, &verdicts, output, inverse)
}

impl Switched {
    fn new(verdict: &Verdict<String>) -> Self {
        let (status, already_done, error, retryable) = verdict.told();
        Switched {
            mailbox: verdict.mailbox.clone(),
            rule_id: verdict.item.clone(),
            name: verdict.outcome.as_ref().ok().map(|done| done.what.clone()),
            status,
            already_done,
            error,
            retryable,
        }
    }

    fn changed(&self) -> bool {
        self.status == Status::Done && !self.already_done
    }
}

impl SwitchOutput {
    fn new(one: bool, enabled: bool, verdicts: &[Verdict<String>]) -> Self {
        let results: Vec<Switched> = verdicts.iter().map(Switched::new).collect();
        let only = results.first().filter(|_| one);
        SwitchOutput {
            mailbox: only.map(|one| one.mailbox.clone()),
            rule_id: only.map(|one| one.rule_id.clone()),
            name: only.and_then(|one| one.name.clone()),
            enabled,
            changed: results.iter().any(Switched::changed),
            mailboxes: by_mailbox(verdicts),
            failed: count(verdicts, |verdict| verdict.outcome.is_err()),
            results,
        }
    }

    /// The call of the other action that takes back what was changed, and nothing that stood so before.
    pub(crate) fn back(&self, action: &'static str) -> Option<Inverse> {
        if !self.changed {
            return None;
        }
        if let (Some(mailbox), Some(rule_id)) = (&self.mailbox, &self.rule_id) {
            return Some(Inverse::new(action, json!({ "mailbox": mailbox, "rule_id": rule_id })));
        }
        let changed = self.results.iter().filter(|one| one.changed());
        let items: Vec<Value> =
            changed.map(|one| json!({ "mailbox": one.mailbox, "rule_id": one.rule_id })).collect();
        Some(Inverse::new(action, json!({ "items": items })))
    }
}
