//! `inbox_rule.list`: the inbox rules of a mailbox, or of many, with what they do as flags.
//!
//! Whoever looks for what an intruder made in two hundred mailboxes asks once, sifts by the flags, and hands what is
//! left with mailbox and id to `inbox_rule.disable` or `inbox_rule.remove`. Left out: rules that are hidden and those
//! that only Outlook knows. No wire for mailboxes shows them.

use action_api::plan::{Blame, Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::{Mailbox, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, invalid, need};
use crate::fan_out::{Share, each, shares};
use crate::input::MailboxName;
use crate::listed::OnItemError;
use crate::rules::{Shown, look_at_folders};
use crate::verdict::{Problem, Status, may_help, worth_of_retry};

/// Lists rules.
pub(crate) struct List;

/// How many rules a call gives at most. No mailbox has nearly so many: a server keeps 256 KB of them.
const MOST: usize = 10_000;

/// Input of `inbox_rule.list`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    transform = crate::input::no_null_defaults,
    extend("oneOf" = crate::listed::either(&["mailbox"], &[], &["mailboxes"]))
)]
pub(crate) struct Input {
    /// The mailbox whose rules are listed.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "MailboxName")]
    mailbox: Option<MailboxName>,
    /// Instead of `mailbox`: 1 to 1,000 mailboxes, several at a time. One twice counts once.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<MailboxName>", length(min = 1, max = 1000))]
    mailboxes: Option<Vec<MailboxName>>,
    /// With `mailboxes`: `fail` fails the step where the rules of a mailbox could not be listed; `collect` succeeds
    /// with those of the others and tells it in `failed` and `mailboxes`.
    #[serde(default)]
    on_item_error: OnItemError,
}

/// Output of `inbox_rule.list`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The rules, in the order they run in; of several mailboxes one after the other, in the order asked for.
    #[schemars(length(max = 10000))]
    rules: Vec<Shown>,
    /// Whether Outlook keeps rules of its own there; with `mailboxes`, in any of them. Every change of a rule loses
    /// those that are kept nowhere else, and is refused unless `lose_client_rules` is set.
    client_rules: bool,
    /// What came of each mailbox, in the order asked for.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    mailboxes: Vec<LookedAt>,
    /// How many mailboxes could not be looked at; 0 unless `on_item_error` is `collect`.
    #[schemars(extend("x-failures" = true))]
    failed: u32,
}

/// What came of one mailbox.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookedAt {
    /// The mailbox.
    mailbox: String,
    /// `done`: its rules are listed. `failed`: they are not, and what it has is not known.
    status: Status,
    /// How many of `rules` are its own.
    found: u32,
    /// Whether Outlook keeps rules of its own there.
    client_rules: bool,
    /// Why it could not be looked at; null if it was.
    error: Option<Problem>,
    /// Whether trying again may help.
    retryable: bool,
}

/// What one mailbox has.
#[derive(Debug, Default)]
struct Found {
    rules: Vec<Shown>,
    client_rules: bool,
}

/// Looks at one mailbox.
async fn in_mailbox(ports: &Ports, mailbox: &Mailbox) -> Result<Found, Failure> {
    let port = need(&ports.rules, List::INFO.name, "rules")?;
    let folders = need(&ports.folders, List::INFO.name, "folders")?;
    let found = port.rules(mailbox).await.map_err(from_exchange)?;
    let mut rules: Vec<Shown> = found.rules.into_iter().map(|rule| Shown::new(mailbox, rule)).collect();
    look_at_folders(folders, mailbox, &mut rules).await?;
    Ok(Found { rules, client_rules: found.client_rules })
}

/// A mailbox whose rules have no place in the answer any more. Some of them would look like all.
fn too_many() -> Failure {
    let message =
        format!("with its rules there would be more than {MOST} in all; ask for fewer mailboxes at once");
    Failure::new(FailureKind::Limit, Blame::Playbook, message)
}

/// Everything that was found, and of all failures the one that is most worth trying again.
fn put_together(shares: &[Share<()>], answers: Vec<Result<Found, Failure>>) -> (Output, Option<Failure>) {
    let mut output = Output { rules: Vec::new(), client_rules: false, mailboxes: Vec::new(), failed: 0 };
    let mut worst: Option<Failure> = None;
    for (share, answer) in shares.iter().zip(answers) {
        let fits = |found: &Found| output.rules.len() + found.rules.len() <= MOST;
        let answer = answer.and_then(|found| if fits(&found) { Ok(found) } else { Err(too_many()) });
        let failure = answer.as_ref().err();
        let mut looked = LookedAt {
            mailbox: share.mailbox.as_str().to_owned(),
            status: if failure.is_some() { Status::Failed } else { Status::Done },
            found: 0,
            client_rules: false,
            error: failure.map(Problem::new),
            retryable: failure.is_some_and(may_help),
        };
        match answer {
            Ok(found) => {
                looked.found = u32::try_from(found.rules.len()).unwrap_or(u32::MAX);
                looked.client_rules = found.client_rules;
                output.client_rules |= found.client_rules;
                output.rules.extend(found.rules);
            }
            Err(failure) => {
                output.failed = output.failed.saturating_add(1);
                let better = |other: &Failure| worth_of_retry(failure.kind) < worth_of_retry(other.kind);
                if worst.as_ref().is_none_or(better) {
                    worst = Some(failure);
                }
            }
        }
        output.mailboxes.push(looked);
    }
    (output, worst)
}

/// The failure of a step that could not look at every mailbox.
fn not_all(output: &Output, worst: Failure) -> Failure {
    let failed = output.mailboxes.iter().filter(|one| one.status == Status::Failed);
    let names: Vec<&str> = failed.map(|one| one.mailbox.as_str()).take(NAMED).collect();
    let more = usize::try_from(output.failed).unwrap_or(usize::MAX).saturating_sub(names.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!(
        "the rules of {} of {} mailboxes could not be listed ({}{more}): {}",
        output.failed,
        output.mailboxes.len(),
        names.join(", "),
        worst.message
    );
    let mailboxes = serde_json::to_value(&output.mailboxes).unwrap_or_default();
    Failure { message, ..worst }.with_details(json!({ "mailboxes": mailboxes }))
}

/// So many mailboxes a sentence names.
const NAMED: usize = 5;

impl TypedAction<Ports> for List {
    const INFO: ActionInfo = ActionInfo {
        name: "inbox_rule.list",
        summary: "List the inbox rules of mailboxes",
        description: "Lists the inbox rules of one mailbox (`mailbox`) or of many (`mailboxes`) in the order they run \
                      in. Of each rule it tells whom it forwards or redirects mail to, which of them are outside of \
                      the mailbox's domain, and whether it deletes mail, marks it as read, or moves it to where \
                      nobody looks; and its conditions, exceptions and actions in full. Hidden rules, and rules that \
                      only Outlook knows, are not shown by the server. If one of many mailboxes cannot be looked at \
                      the step fails, or says so in `failed` and `mailboxes` with `on_item_error: collect`.",
        effect: Effect::Enrichment,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
            FailureKind::Limit,
        ],
        connection: Some("exchange"),
        ports: &["folders", "rules"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        need(&ports.rules, Self::INFO.name, "rules")?;
        need(&ports.folders, Self::INFO.name, "folders")?;
        let (one, all) = match (input.mailbox, input.mailboxes) {
            (Some(mailbox), None) => (true, vec![mailbox]),
            (None, Some(mailboxes)) => (false, mailboxes),
            _ => return Err(invalid("inbox_rule.list: give either `mailbox` or `mailboxes`")),
        };
        let shares = shares(all.iter().map(|mailbox| (mailbox.get().clone(), ())), |()| ());
        let answers = each(&context, &shares, |share| Box::pin(in_mailbox(&ports, &share.mailbox))).await;
        let (output, worst) = put_together(&shares, answers);
        match worst {
            Some(failure) if one => Err(failure),
            Some(worst)
                if input.on_item_error == OnItemError::Fail || context.retried.contains(&worst.kind) =>
            {
                Err(not_all(&output, worst))
            }
            _ => Ok(output),
        }
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "Look for forwarding to the outside".to_owned(),
                input: json!({ "mailbox": "alice@corp.example" }),
                output: json!(null),
            },
            Example {
                title: "Look in which mailboxes an intruder was".to_owned(),
                input: json!({
                    "mailboxes": ["alice@corp.example", "soc@corp.example"],
                    "on_item_error": "collect"
                }),
                output: json!(null),
            },
        ]
    }
}
