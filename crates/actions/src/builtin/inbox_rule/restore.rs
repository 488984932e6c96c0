//! `inbox_rule.restore`: makes inbox rules again that were removed. It is what takes `inbox_rule.remove` back.
//!
//! A rule can send everybody's mail away, so the whole rule is a guarded sink. A rule that is there already, the same
//! in everything but its place, counts as done; of several equal ones each counts for one.

use std::collections::BTreeSet;

use action_api::plan::{Effect, Failure, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::Ports;
use exchange::rule::{Rule, RuleChange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::{from_exchange, invalid, need};
use crate::fan_out::{Share, in_order, shares};
use crate::input::MailboxName;
use crate::listed::{About, OnItemError};
use crate::rules::{Changes, Definition, ERRORS};
use crate::verdict::{
    Done, InMailbox, Judged, Problem, Status, Things, Verdict, by_mailbox, count, ended_with, judge_items,
};

/// Makes rules again.
pub(crate) struct Restore;

/// A rule that is to be made has no id: failures tell its number in the list, because its name is an intruder's.
const RULES: Things = Things { many: "rules", id: "number" };

/// Input of `inbox_rule.restore`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    transform = crate::input::no_null_defaults,
    extend("oneOf" = crate::listed::either(&["mailbox", "rule"], &[], &["items"]))
)]
pub(crate) struct Input {
    /// The mailbox the rule belongs into. Goes with `rule`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "MailboxName")]
    mailbox: Option<MailboxName>,
    /// The rule, as `inbox_rule.remove` gives it.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Definition", extend("x-guard" = "rule"))]
    rule: Option<Definition>,
    /// Instead of `mailbox` and `rule`: 1 to 1,000 rules of any number of mailboxes. The same one twice counts once.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<Belonging>", length(min = 1, max = 1000), extend("x-effect-items" = true))]
    items: Option<Vec<Belonging>>,
    /// Go on where Outlook keeps rules of its own (`client_rules` of `inbox_rule.list`). The server then deletes
    /// those that are kept nowhere else, and nothing brings them back. False fails with `conflict` there.
    #[serde(default)]
    lose_client_rules: bool,
    /// With `items`: `fail` fails the step where a rule could not be made, once all others are; `collect` succeeds
    /// and tells it in `failed`, `mailboxes` and `results`.
    #[serde(default)]
    on_item_error: OnItemError,
}

/// One rule of one of several mailboxes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Belonging {
    /// The mailbox the rule belongs into.
    mailbox: MailboxName,
    /// The rule, as `inbox_rule.remove` gives it.
    #[schemars(extend("x-guard" = "rule"))]
    rule: Definition,
}

/// Output of `inbox_rule.restore`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    mailbox: Option<String>,
    /// The id the rule has now; null with `items`, or if the server does not show the rule.
    rule_id: Option<String>,
    /// Whether this step made it; false if it was there already. With `items`, whether it made any.
    created: bool,
    /// One result per rule, in the order asked for.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    results: Vec<Restored>,
    /// What came of each mailbox.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    mailboxes: Vec<InMailbox>,
    /// How many could not be made; 0 unless `on_item_error` is `collect`.
    #[schemars(extend("x-failures" = true))]
    failed: u32,
}

/// What came of one rule.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restored {
    /// The mailbox it belongs into.
    mailbox: String,
    /// Its name.
    #[schemars(extend("x-untrusted" = true))]
    name: String,
    /// The id it has now; null if it failed, or if the server does not show it.
    rule_id: Option<String>,
    /// `done`: the mailbox has it. `failed`: it has not, or nobody knows.
    status: Status,
    /// Whether it had it before this attempt.
    already_done: bool,
    /// Why it failed; null if it did not.
    error: Option<Problem>,
    /// Whether trying again may help.
    retryable: bool,
}

/// A rule to be made.
#[derive(Debug, Clone)]
struct Wanted {
    /// Where it stands in the list, from 1.
    number: usize,
    rule: Definition,
}

/// Makes the rules of one mailbox. What is known of each in the end is its id, if the server shows it.
async fn in_mailbox(ports: &Ports, lose_client_rules: bool, share: &Share<Wanted>) -> Judged<Option<String>> {
    let port = need(&ports.rules, Restore::INFO.name, "rules")?;
    let before = port.rules(&share.mailbox).await.map_err(from_exchange)?.rules;
    let mut changes = Changes::new(port, &share.mailbox, lose_client_rules);
    let mut counted: BTreeSet<&str> = BTreeSet::new();
    let mut judged: Vec<Result<Done<Option<String>>, Failure>> = Vec::with_capacity(share.items.len());
    for one in &share.items {
        let rule = one.rule.clone().rule();
        if let Some(fault) = rule.fault() {
            judged.push(Err(invalid(format!("{}: {fault}", Restore::INFO.name))));
            continue;
        }
        let there =
            before.iter().find(|there| one.rule.is_same(there) && !counted.contains(there.id.as_str()));
        if let Some(there) = there {
            counted.insert(&there.id);
            judged.push(Ok(Done { already: true, what: Some(there.id.clone()) }));
            continue;
        }
        let answer = changes.make(&RuleChange::Create(rule)).await;
        judged.push(answer.map(|()| Done { already: false, what: None }).map_err(from_exchange));
    }
    let made = judged.iter_mut().zip(&share.items).filter_map(|(answer, one)| {
        let done = answer.as_mut().ok().filter(|done| !done.already)?;
        Some((&mut done.what, &one.rule))
    });
    let mut made: Vec<(&mut Option<String>, &Definition)> = made.collect();
    if !made.is_empty()
        && let Ok(after) = port.rules(&share.mailbox).await
    {
        let old: BTreeSet<&str> = before.iter().map(|rule| rule.id.as_str()).collect();
        let new = after.rules.into_iter().filter(|rule| !old.contains(rule.id.as_str())).collect();
        recognise(&mut made, new);
    }
    Ok(judged)
}

/// Finds out which id each rule got that was made: the server does not say which id it chose. One that it keeps in
/// other words than it was given is known by its name.
fn recognise(made: &mut [(&mut Option<String>, &Definition)], mut new: Vec<Rule>) {
    let ways: [fn(&Definition, &Rule) -> bool; 3] = [
        |wanted, rule| wanted.is_same(rule) && wanted.priority == rule.priority,
        |wanted, rule| wanted.is_same(rule),
        |wanted, rule| wanted.name == rule.name,
    ];
    for is_it in ways {
        for (id, wanted) in made.iter_mut().filter(|(id, _)| id.is_none()) {
            if let Some(place) = new.iter().position(|rule| is_it(wanted, rule)) {
                **id = Some(new.remove(place).id);
            }
        }
    }
}

impl Restored {
    fn new(verdict: &Verdict<Option<String>>, name: String) -> Self {
        let (status, already_done, error, retryable) = verdict.told();
        Restored {
            mailbox: verdict.mailbox.clone(),
            name,
            rule_id: verdict.outcome.as_ref().ok().and_then(|done| done.what.clone()),
            status,
            already_done,
            error,
            retryable,
        }
    }

    fn created(&self) -> bool {
        self.status == Status::Done && !self.already_done
    }
}

impl TypedAction<Ports> for Restore {
    const INFO: ActionInfo = ActionInfo {
        name: "inbox_rule.restore",
        summary: "Make inbox rules again that were removed",
        description: "Makes inbox rules out of what `inbox_rule.remove` kept of them: one (`mailbox` and `rule`), or \
                      many of several mailboxes (`items`). A rule gets a new id. If the mailbox has the same rule \
                      already, nothing happens. Where Outlook keeps rules of its own the step fails with `conflict` \
                      unless `lose_client_rules` is set. If some of many cannot be made the step fails and lists \
                      them, or says so in `failed` with `on_item_error: collect`; the others are made.",
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

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        need(&ports.rules, Self::INFO.name, "rules")?;
        let Input { mailbox, rule, items, lose_client_rules, on_item_error } = input;
        let of_one = rule.map(|rule| vec![rule]);
        let about = About::either(mailbox, of_one, items, |one: Belonging| (one.mailbox, one.rule))?;
        let one = about.one.is_some();
        let numbered =
            (1..).zip(about.items).map(|(number, (mailbox, rule))| (mailbox, Wanted { number, rule }));
        let shares = shares(numbered, |one| serde_json::to_string(&one.rule).unwrap_or_default());
        let id = |one: &Wanted| one.number.to_string();
        let verdicts = judge_items(&context, one, &shares, id, |share| {
            Box::pin(in_mailbox(&ports, lose_client_rules, share))
        })
        .await?;
        let names = in_order(shares.iter().flat_map(|share| {
            share.places().into_iter().zip(share.items.iter().map(|one| one.rule.name.clone()))
        }));
        let results: Vec<Restored> =
            verdicts.iter().zip(names).map(|(verdict, name)| Restored::new(verdict, name)).collect();
        let only = results.first().filter(|_| one);
        let output = Output {
            mailbox: only.map(|one| one.mailbox.clone()),
            rule_id: only.and_then(|one| one.rule_id.clone()),
            created: results.iter().any(Restored::created),
            mailboxes: by_mailbox(&verdicts),
            failed: count(&verdicts, |verdict| verdict.outcome.is_err()),
            results,
        };
        let inverse = Self::inverse(&output);
        ended_with((RULES, "made"), on_item_error, &context, &verdicts, output, inverse)
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        if let Some(mailbox) = &output.mailbox {
            let rule_id = output.rule_id.as_ref().filter(|_| output.created)?;
            return Some(Inverse::new(
                "inbox_rule.remove",
                json!({ "mailbox": mailbox, "rule_id": rule_id }),
            ));
        }
        let created = || output.results.iter().filter(|one| one.created());
        let items: Vec<Value> = created()
            .filter_map(|one| Some(json!({ "mailbox": one.mailbox, "rule_id": one.rule_id.as_ref()? })))
            .collect();
        let except = created()
            .filter(|one| one.rule_id.is_none())
            .map(|one| format!("the server does not show a rule that was made in {}", one.mailbox))
            .collect();
        (!items.is_empty())
            .then(|| Inverse { except, ..Inverse::new("inbox_rule.remove", json!({ "items": items })) })
    }

    fn examples() -> Vec<Example> {
        let newsletters = json!({
            "name": "Newsletters",
            "priority": 3,
            "enabled": true,
            "conditions": [{ "clause": "contains_subject_strings", "values": ["newsletter"] }],
            "exceptions": [],
            "actions": [{ "clause": "move_to_folder", "values": ["junkemail"] }]
        });
        vec![
            Example {
                title: "A rule that was removed by mistake".to_owned(),
                input: json!({ "mailbox": "alice@corp.example", "rule": newsletters }),
                output: json!(null),
            },
            Example {
                title: "Rules of several mailboxes that were removed by mistake".to_owned(),
                input: json!({
                    "items": [{ "mailbox": "alice@corp.example", "rule": newsletters }],
                    "on_item_error": "collect"
                }),
                output: json!(null),
            },
        ]
    }
}
