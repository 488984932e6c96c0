//! `inbox_rule.remove`: takes inbox rules away, and keeps what is needed to put them back.
//!
//! A rule that is gone already counts as done. Rules are named by their ids and not by what they are called: two rules
//! may have one name, and what a person approves should be what is done. Left out: hidden rules, which no wire for
//! mailboxes reaches.

use action_api::plan::{Effect, Failure, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::rule::RuleChange;
use exchange::{ErrorKind, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::{from_exchange, need};
use crate::fan_out::{Share, shares};
use crate::input::{MailboxName, RuleId};
use crate::listed::{About, OnItemError};
use crate::rules::{Changes, Definition, ERRORS, ListedRule, RULES, and_unsure, unsure};
use crate::verdict::{
    Done, InMailbox, Judged, Problem, Status, Verdict, by_mailbox, ended_with, judge_items,
};

/// Removes rules.
pub(crate) struct Remove;

/// What takes it back.
const RESTORE: &str = "inbox_rule.restore";

/// Input of `inbox_rule.remove`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    transform = crate::input::no_null_defaults,
    extend("x-deletes" = true),
    extend("oneOf" = crate::listed::either(&["mailbox", "rule_id"], &[], &["items"]))
)]
pub(crate) struct Input {
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
    /// With `items`: `fail` fails the step where a rule could not be removed, once all others are; `collect`
    /// succeeds and tells it in `failed`, `mailboxes` and `results`.
    #[serde(default)]
    on_item_error: OnItemError,
}

/// Output of `inbox_rule.remove`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    mailbox: Option<String>,
    /// The id the rule had; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    rule_id: Option<String>,
    /// `removed`: by this step; with `items`, at least one. `already_gone`: there was nothing to remove.
    result: Fate,
    /// The rule as it was; null with `items`, or if it was gone already.
    rule: Option<Definition>,
    /// Whether `rule` is all of it, so that it can be put back; with `items`, whether that is so of every rule that
    /// was removed.
    complete: bool,
    /// One result per rule, in the order asked for.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    results: Vec<Removed>,
    /// What came of each mailbox.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    mailboxes: Vec<InMailbox>,
    /// How many could not be removed; 0 unless `on_item_error` is `collect`.
    #[schemars(extend("x-failures" = true))]
    failed: u32,
}

/// What became of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// By this step.
    Removed,
    /// There was nothing to remove.
    AlreadyGone,
}

/// What came of one rule.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Removed {
    /// The mailbox it was in.
    mailbox: String,
    /// The id it had.
    rule_id: String,
    /// The rule as it was; null if it failed or was gone already.
    rule: Option<Definition>,
    /// Whether `rule` is all of it, so that it can be put back.
    complete: bool,
    /// `done`: it is not there any more. `failed`: it is there still, or nobody knows.
    status: Status,
    /// Whether it was gone before this attempt.
    already_done: bool,
    /// Why it could not be removed; null if it was.
    error: Option<Problem>,
    /// Whether trying again may help.
    retryable: bool,
}

/// A rule that this step removed.
#[derive(Debug)]
struct Kept {
    rule: Definition,
    complete: bool,
}

/// Removes rules of one mailbox.
async fn in_mailbox(ports: &Ports, lose_client_rules: bool, share: &Share<RuleId>) -> Judged<Option<Kept>> {
    let port = need(&ports.rules, Remove::INFO.name, "rules")?;
    let known = port.rules(&share.mailbox).await.map_err(from_exchange)?.rules;
    let mut changes = Changes::new(port, &share.mailbox, lose_client_rules);
    let mut judged = Vec::with_capacity(share.items.len());
    for id in &share.items {
        let Some(rule) = known.iter().find(|rule| rule.id == id.as_str()) else {
            judged.push(Ok(Done { already: true, what: None }));
            continue;
        };
        judged.push(match changes.make(&RuleChange::Remove(rule.id.clone())).await {
            Ok(()) => {
                let kept = Kept { complete: rule.complete, rule: Definition::of(rule.clone()) };
                Ok(Done { already: false, what: Some(kept) })
            }
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Done { already: true, what: None }),
            Err(error) if !rule.complete => Err(from_exchange(error)),
            Err(error) => Err(unsure(
                error,
                RESTORE,
                || json!({ "mailbox": share.mailbox.as_str(), "rule": Definition::of(rule.clone()) }),
            )),
        });
    }
    Ok(judged)
}

impl Removed {
    fn new(verdict: &Verdict<Option<Kept>>) -> Self {
        let (status, already_done, error, retryable) = verdict.told();
        let kept = verdict.outcome.as_ref().ok().and_then(|done| done.what.as_ref());
        Removed {
            mailbox: verdict.mailbox.clone(),
            rule_id: verdict.item.clone(),
            rule: kept.map(|kept| kept.rule.clone()),
            complete: kept.is_some_and(|kept| kept.complete),
            status,
            already_done,
            error,
            retryable,
        }
    }
}

impl Output {
    fn new(one: bool, mailboxes: Vec<InMailbox>, results: Vec<Removed>) -> Self {
        let only = results.first().filter(|_| one);
        let mut removed = results.iter().filter(|one| one.rule.is_some()).peekable();
        let any = removed.peek().is_some();
        Output {
            mailbox: only.map(|one| one.mailbox.clone()),
            rule_id: only.map(|one| one.rule_id.clone()),
            result: if any { Fate::Removed } else { Fate::AlreadyGone },
            rule: only.and_then(|one| one.rule.clone()),
            complete: any && removed.all(|one| one.complete),
            failed: mailboxes.iter().map(|one| one.failed).sum(),
            mailboxes,
            results,
        }
    }
}

impl TypedAction<Ports> for Remove {
    const INFO: ActionInfo = ActionInfo {
        name: "inbox_rule.remove",
        summary: "Remove inbox rules",
        description: "Removes one inbox rule (`mailbox` and `rule_id`), or many of several mailboxes (`items`). What a \
                      rule was is kept, so that `undo` can make it again, under a new id. A rule that is not there \
                      any more counts as done. Where Outlook keeps rules of its own the step fails with `conflict` \
                      unless `lose_client_rules` is set, because the server would delete them. If some of many \
                      cannot be removed the step fails and lists them, or says so in `failed` with \
                      `on_item_error: collect`; the others are removed.",
        effect: Effect::Containment,
        repeat: Repeat::Natural,
        errors: ERRORS,
        connection: Some("exchange"),
        ports: &["rules"],
        inverse: Some(RESTORE),
        undo: &[(None, "making the rule again, under a new id")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        need(&ports.rules, Self::INFO.name, "rules")?;
        let Input { mailbox, rule_id, items, lose_client_rules, on_item_error } = input;
        let of_one = rule_id.map(|id| vec![id]);
        let about = About::either(mailbox, of_one, items, |one: ListedRule| (one.mailbox, one.rule_id))?;
        let one = about.one.is_some();
        let id = |id: &RuleId| id.as_str().to_owned();
        let shares = shares(about.items, id);
        let verdicts = judge_items(&context, one, &shares, id, |share| {
            Box::pin(in_mailbox(&ports, lose_client_rules, share))
        })
        .await?;
        let output = Output::new(one, by_mailbox(&verdicts), verdicts.iter().map(Removed::new).collect());
        let inverse = and_unsure(Self::inverse(&output), RESTORE, &verdicts);
        ended_with((RULES, "removed"), on_item_error, &context, &verdicts, output, inverse)
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        if let Some(mailbox) = &output.mailbox {
            let rule = output.rule.as_ref().filter(|_| output.complete)?;
            return Some(Inverse::new(RESTORE, json!({ "mailbox": mailbox, "rule": rule })));
        }
        let removed = || output.results.iter().filter_map(|one| Some((one, one.rule.as_ref()?)));
        let items: Vec<Value> = removed()
            .filter(|(one, _)| one.complete)
            .map(|(one, rule)| json!({ "mailbox": one.mailbox, "rule": rule }))
            .collect();
        let except = removed()
            .filter(|(one, _)| !one.complete)
            .map(|(one, _)| format!("the server did not show all of rule {} of {}", one.rule_id, one.mailbox))
            .collect();
        (!items.is_empty()).then(|| Inverse { except, ..Inverse::new(RESTORE, json!({ "items": items })) })
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "A rule an intruder made".to_owned(),
                input: json!({ "mailbox": "alice@corp.example", "rule_id": "ExampleRule=" }),
                output: json!(null),
            },
            Example {
                title: "What an intruder made in many mailboxes".to_owned(),
                input: json!({
                    "items": [{ "mailbox": "alice@corp.example", "rule_id": "ExampleRule=" }],
                    "on_item_error": "collect"
                }),
                output: json!(null),
            },
        ]
    }
}
