//! What came of each item of a call, of each mailbox, and so of the step.
//!
//! A step that was asked to change ten thousand mails and changed all but nine has not succeeded: it fails, unless
//! its input says `on_item_error: collect`. Either way everything that could be done is done first, and what was done
//! is told with each item's own result: in the output, or in the details of the failure, beside the call that takes it
//! back. What was done counts as already done in the next attempt, so trying again does no harm.

use action_api::plan::{Blame, Failure, FailureKind};
use action_api::{Context, Inverse, Work};
use exchange::Mailbox;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::with_inverse;
use crate::fan_out::{Share, each, in_order};
use crate::listed::OnItemError;
use crate::relocated::silent;

/// Whether it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// By this step or before.
    Done,
    /// It was not, or nobody knows.
    Failed,
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Problem {
    /// The kind, as `catch` and `retry` name it: `throttled`, `permission_denied`.
    #[schemars(extend("enum" = kinds()))]
    kind: String,
    /// A sentence for a person.
    #[schemars(extend("x-untrusted" = true))]
    message: String,
}

fn kinds() -> Vec<&'static str> {
    FailureKind::ALL.into_iter().map(FailureKind::as_str).collect()
}

impl Problem {
    pub(crate) fn new(failure: &Failure) -> Self {
        Problem { kind: failure.kind.as_str().to_owned(), message: failure.message.clone() }
    }
}

/// What came of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InMailbox {
    /// The mailbox.
    pub(crate) mailbox: String,
    /// `done`: all that was asked for in it. `failed`: at least one item failed.
    pub(crate) status: Status,
    /// How many items are done: by this step, or before.
    pub(crate) done: u32,
    /// How many of these were done before.
    pub(crate) already_done: u32,
    /// How many items failed.
    pub(crate) failed: u32,
    /// Why; of several reasons the one that is most worth trying again. Null if nothing failed.
    pub(crate) error: Option<Problem>,
    /// Whether trying again may help.
    pub(crate) retryable: bool,
}

/// What came of one message that stays a message, under another id perhaps.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ItemResult {
    /// The mailbox it is in.
    pub(crate) mailbox: String,
    /// The id that was asked for.
    pub(crate) item_id: String,
    /// The id it has now; null if it failed.
    pub(crate) new_item_id: Option<String>,
    /// The folder it was in, in the form `id:…`; null if it failed, or the server did not say.
    pub(crate) from_folder: Option<String>,
    /// The `Message-ID` header; null if it failed or has none.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) internet_message_id: Option<String>,
    /// `done`: it is as it was asked to be. `failed`: it is not, or nobody knows.
    pub(crate) status: Status,
    /// Whether it was so before this attempt.
    pub(crate) already_done: bool,
    /// Why it failed; null if it did not.
    pub(crate) error: Option<Problem>,
    /// Whether trying again may help.
    pub(crate) retryable: bool,
}

/// What is known of a message that an action has dealt with.
#[derive(Debug, Clone)]
pub(crate) struct Handled {
    /// The id it has now.
    pub(crate) new_item_id: String,
    /// The folder it was in.
    pub(crate) from_folder: Option<String>,
    /// The `Message-ID` header.
    pub(crate) internet_message_id: Option<String>,
}

impl ItemResult {
    pub(crate) fn new(verdict: &Verdict<Handled>) -> Self {
        let handled = verdict.outcome.as_ref().ok().map(|done| done.what.clone());
        let (status, already_done, error, retryable) = verdict.told();
        let (new_item_id, from_folder, internet_message_id) = match handled {
            Some(it) => (Some(it.new_item_id), it.from_folder, it.internet_message_id),
            None => (None, None, None),
        };
        ItemResult {
            mailbox: verdict.mailbox.clone(),
            item_id: verdict.item.clone(),
            new_item_id,
            from_folder,
            internet_message_id,
            status,
            already_done,
            error,
            retryable,
        }
    }
}

/// One item that is as it was asked to be.
#[derive(Debug)]
pub(crate) struct Done<T> {
    /// It was so before this attempt.
    pub(crate) already: bool,
    /// What there is to say about it.
    pub(crate) what: T,
}

/// What came of one item.
#[derive(Debug)]
pub(crate) struct Verdict<T> {
    /// Its mailbox.
    pub(crate) mailbox: String,
    /// Its id, as it was asked for.
    pub(crate) item: String,
    /// What came of it.
    pub(crate) outcome: Result<Done<T>, Failure>,
}

impl<T> Verdict<T> {
    /// What a probe says of an item that it found done.
    pub(crate) fn found(mailbox: &Mailbox, item: &str, what: T) -> Self {
        let outcome = Ok(Done { already: false, what });
        Verdict { mailbox: mailbox.as_str().to_owned(), item: item.to_owned(), outcome }
    }

    /// The four things every result says: status, whether it was done before, why it failed, whether to try again.
    pub(crate) fn told(&self) -> (Status, bool, Option<Problem>, bool) {
        match &self.outcome {
            Ok(done) => (Status::Done, done.already, None, false),
            Err(failure) => (Status::Failed, false, Some(Problem::new(failure)), may_help(failure)),
        }
    }
}

/// What came of the items of one mailbox, one answer per item; or why nothing can be said of any.
pub(crate) type Judged<T> = Result<Vec<Result<Done<T>, Failure>>, Failure>;

/// Works on every mailbox, side by side, and says what came of each item in the order asked for. Where the call names
/// one mailbox (`one`), the failure of that mailbox is the failure of the step.
pub(crate) async fn judge<'a, I: Send + Sync, T: Send>(
    context: &Context,
    one: bool,
    shares: &'a [Share<I>],
    id: impl Fn(&I) -> String,
    begin: impl FnMut(&'a Share<I>) -> Work<'a, Judged<T>> + Send,
) -> Result<Vec<Verdict<T>>, Failure> {
    verdicts(one, shares, each(context, shares, begin).await, id)
}

/// What came of each item in the order asked for, from the answers about each mailbox.
pub(crate) fn verdicts<I, T>(
    one: bool,
    shares: &[Share<I>],
    answers: Vec<Judged<T>>,
    id: impl Fn(&I) -> String,
) -> Result<Vec<Verdict<T>>, Failure> {
    let mut verdicts = Vec::new();
    for (share, answer) in shares.iter().zip(answers) {
        let mut answers = match answer {
            Ok(answers) => answers.into_iter(),
            Err(failure) if one => return Err(failure),
            Err(failure) => {
                let all: Vec<_> = share.items.iter().map(|_| Err(failure.clone())).collect();
                all.into_iter()
            }
        };
        for (place, item) in share.places().into_iter().zip(&share.items) {
            let outcome = answers.next().unwrap_or_else(|| Err(silent()));
            let verdict = Verdict { mailbox: share.mailbox.as_str().to_owned(), item: id(item), outcome };
            verdicts.push((place, verdict));
        }
    }
    Ok(in_order(verdicts))
}

/// As [`judge`], where a call that names one mailbox (`one`) names one item, too: its failure is the failure of the step.
pub(crate) async fn judge_items<'a, I: Send + Sync, T: Send>(
    context: &Context,
    one: bool,
    shares: &'a [Share<I>],
    id: impl Fn(&I) -> String,
    begin: impl FnMut(&'a Share<I>) -> Work<'a, Judged<T>> + Send,
) -> Result<Vec<Verdict<T>>, Failure> {
    let verdicts = judge(context, one, shares, id, begin).await?;
    if one { alone(verdicts) } else { Ok(verdicts) }
}

/// For a call about one item: its failure is the failure of the step, in its own words.
pub(crate) fn alone<T>(verdicts: Vec<Verdict<T>>) -> Result<Vec<Verdict<T>>, Failure> {
    let own = |verdict: Verdict<T>| match verdict.outcome {
        Err(failure) => Err(failure),
        Ok(_) => Ok(verdict),
    };
    verdicts.into_iter().map(own).collect()
}

/// What came of each mailbox, in the order in which they come up.
pub(crate) fn by_mailbox<T>(verdicts: &[Verdict<T>]) -> Vec<InMailbox> {
    let mut found: Vec<(InMailbox, Option<&Failure>)> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for verdict in verdicts {
        let number = *known.entry(verdict.mailbox.as_str()).or_insert_with(|| {
            let mailbox = verdict.mailbox.clone();
            let (status, error) = (Status::Done, None);
            let all =
                InMailbox { mailbox, status, done: 0, already_done: 0, failed: 0, error, retryable: false };
            found.push((all, None));
            found.len() - 1
        });
        let Some((all, worst)) = found.get_mut(number) else { continue };
        match &verdict.outcome {
            Ok(done) => {
                all.done = all.done.saturating_add(1);
                all.already_done = all.already_done.saturating_add(u32::from(done.already));
            }
            Err(failure) => {
                all.failed = all.failed.saturating_add(1);
                all.status = Status::Failed;
                all.retryable |= may_help(failure);
                if worst.is_none_or(|before| worth_of_retry(failure.kind) < worth_of_retry(before.kind)) {
                    *worst = Some(failure);
                }
            }
        }
    }
    let close =
        |(all, worst): (InMailbox, Option<&Failure>)| InMailbox { error: worst.map(Problem::new), ..all };
    found.into_iter().map(close).collect()
}

/// How many items are so: failed, done.
pub(crate) fn count<T>(verdicts: &[Verdict<T>], is: impl Fn(&Verdict<T>) -> bool) -> u32 {
    u32::try_from(verdicts.iter().filter(|verdict| is(verdict)).count()).unwrap_or(u32::MAX)
}

/// The failure that is most worth trying again, and how many there are.
pub(crate) fn worst<T>(verdicts: &[Verdict<T>]) -> Option<(&Failure, usize)> {
    let (_, first) = failed(verdicts).min_by_key(|(_, failure)| worth_of_retry(failure.kind))?;
    Some((first, failed(verdicts).count()))
}

/// The items that failed, and why.
fn failed<T>(verdicts: &[Verdict<T>]) -> impl Iterator<Item = (&Verdict<T>, &Failure)> {
    verdicts.iter().filter_map(|verdict| Some((verdict, verdict.outcome.as_ref().err()?)))
}

/// What the items of a call are, for the sentence and the details of a failure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Things {
    /// Their name where there are several.
    pub(crate) many: &'static str,
    /// The field that says which one.
    pub(crate) id: &'static str,
}

/// What most actions are about.
pub(crate) const MESSAGES: Things = Things { many: "messages", id: "item_id" };

/// The end of a step about messages: see [`ended_with`].
pub(crate) fn ended<T, O: Serialize>(
    what: &str,
    on_item_error: OnItemError,
    context: &Context,
    verdicts: &[Verdict<T>],
    output: O,
    inverse: Option<Inverse>,
) -> Result<O, Failure> {
    ended_with((MESSAGES, what), on_item_error, context, verdicts, output, inverse)
}

/// The end of a step: its output, or the failure that holds the output and the call that takes back what was done.
/// The words are what the items are, and what they were to be: `rules`, `removed`.
///
/// With `collect` an attempt fails all the same while another would follow, so that `retry` does its work; what is left
/// then is collected. Of what nobody knows whether it was done the step fails in any case.
pub(crate) fn ended_with<T, O: Serialize>(
    words: (Things, &str),
    on_item_error: OnItemError,
    context: &Context,
    verdicts: &[Verdict<T>],
    output: O,
    inverse: Option<Inverse>,
) -> Result<O, Failure> {
    let Some(mut failure) = all_in_all(words, verdicts) else { return Ok(output) };
    let unknown = failed(verdicts).any(|(_, failure)| failure.kind == FailureKind::Unknown);
    if on_item_error == OnItemError::Collect && !unknown && !context.retried.contains(&failure.kind) {
        return Ok(output);
    }
    let output = serde_json::to_value(output).ok();
    if let (Some(output), Some(details)) = (output, failure.details.as_object_mut()) {
        details.insert("output".to_owned(), output);
    }
    Err(with_inverse(failure, inverse))
}

/// The failure of a step with some failed items. It takes the kind that is most worth trying again, because the others
/// do no harm in a repeat.
fn all_in_all<T>((things, what): (Things, &str), verdicts: &[Verdict<T>]) -> Option<Failure> {
    let (first, _) = worst(verdicts)?;
    let wait = failed(verdicts).filter_map(|(_, failure)| failure.retry_after_ms).max();
    let list: Vec<_> = failed(verdicts)
        .map(|(verdict, failure)| {
            json!({
                "mailbox": verdict.mailbox,
                things.id: verdict.item,
                "kind": failure.kind.as_str(),
                "code": failure.details.get("code")
            })
        })
        .collect();
    let mailboxes = by_mailbox(verdicts);
    let unlucky = mailboxes.iter().filter(|one| one.status == Status::Failed).count();
    let within = match mailboxes.len() {
        0 | 1 => String::new(),
        all => format!(", in {unlucky} of {all} mailboxes"),
    };
    let (count, asked) = (list.len(), verdicts.len());
    let message =
        format!("{count} of {asked} {} could not be {what}{within}: {}", things.many, first.message);
    let details = json!({ "failed": list, "partly": count < asked });
    let mut failure = Failure::new(first.kind, Blame::Server, message).with_details(details);
    failure.retry_after_ms = wait;
    Some(failure)
}

/// Whether trying again may help. Every action here may be repeated, so one whose end nobody knows is among them.
pub(crate) fn may_help(failure: &Failure) -> bool {
    worth_of_retry(failure.kind) < 3
}

/// How much trying again is worth: the less, the more.
pub(crate) fn worth_of_retry(kind: FailureKind) -> u8 {
    match kind {
        FailureKind::Throttled => 0,
        FailureKind::Transient | FailureKind::Timeout => 1,
        FailureKind::Unknown => 2,
        FailureKind::Conflict => 3,
        _ => 4,
    }
}
