//! Does one thing in every mailbox asked for, and says what came of each.
//!
//! One failing mailbox hides no other, and what was done before counts as done: a repeat after a crash goes over the
//! whole list again. The inverse is one call: in the form of one mailbox, or with a list that holds what each mailbox
//! needs to be as it was. Left out: how a thing is done, which every action says ([`InEach::work`]).

use std::cell::OnceCell;
use std::time::Instant;

use action_api::plan::Failure;
use action_api::{Context, Inverse, Validator, Work};
use exchange::{Mailbox, Ports};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::fan_out::{Share, not_begun, shares};
use crate::several::{Several, Wanted};
use crate::verdict::{
    Done, InMailbox, Judged, Problem, Status, Things, Verdict, by_mailbox, count, ended_with, judge_items,
};

/// What is to be done in a mailbox: the fields of an action without the mailbox.
pub(crate) trait InEach: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// Fields that decide about all of a list and are no part of an entry.
    const SHARED: &'static [&'static str];
    /// What there is several of, and what it was to be: `folders`, `made`.
    const WORDS: (Things, &'static str);
    /// What there is to say about one that is done. Each property may be null; the empty one is for what failed.
    type Told: Serialize + DeserializeOwned + JsonSchema + Clone + Default + Send + Sync + 'static;

    /// What of the mailbox this is about, in the words of the input.
    fn asked(&self) -> String;

    /// Refuses what no mailbox takes, before anything is done in any.
    fn check(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// Does it.
    fn work<'a>(
        &'a self,
        ports: &'a Ports,
        context: &'a Context,
        mailbox: &'a Mailbox,
    ) -> Work<'a, Result<Done<Self::Told>, Failure>>;
}

/// What takes back what was done in one mailbox.
#[derive(Debug)]
pub(crate) enum Back {
    /// The input without the mailbox, and what does not come back.
    Input(Value, Vec<String>),
    /// Nothing, for this reason.
    Nothing(&'static str),
}

/// Output of an action that does one thing in a mailbox, in one or in several.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Output", extend("additionalProperties" = false))]
pub(crate) struct Output<R> {
    /// The mailbox; null with `mailboxes` and `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    mailbox: Option<String>,
    #[serde(flatten)]
    told: R,
    /// One result per mailbox or entry, in the order asked for.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    results: Vec<InOne<R>>,
    /// What came of each mailbox.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    mailboxes: Vec<InMailbox>,
    /// How many could not be done; 0 unless `on_item_error` is `collect`.
    #[schemars(extend("x-failures" = true))]
    failed: u32,
}

/// What came of one mailbox or entry.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false), transform = of_any_form)]
struct InOne<R> {
    /// The mailbox.
    mailbox: String,
    /// What of it: the folder or its name, the id or key of the event, the state of the replies, as it was asked for.
    #[schemars(extend("x-untrusted" = true))]
    asked: String,
    #[serde(flatten)]
    told: R,
    /// `done`: it is as it was asked to be. `failed`: it is not, or nobody knows.
    status: Status,
    /// Whether it was so before this attempt.
    already_done: bool,
    /// Why it failed; null if it did not.
    error: Option<Problem>,
    /// Whether trying again may help.
    retryable: bool,
}

/// The same properties as those of the output, without the mark that one form alone has them.
fn of_any_form(schema: &mut Schema) {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        property.remove("x-given");
    }
}

impl<R: Clone + Default> InOne<R> {
    fn new(verdict: &Verdict<R>) -> Self {
        let (status, already_done, error, retryable) = verdict.told();
        InOne {
            mailbox: verdict.mailbox.clone(),
            asked: verdict.item.clone(),
            told: verdict.outcome.as_ref().map(|done| done.what.clone()).unwrap_or_default(),
            status,
            already_done,
            error,
            retryable,
        }
    }
}

impl<R: Clone + Default> Output<R> {
    fn new(one: bool, verdicts: &[Verdict<R>]) -> Self {
        let results: Vec<InOne<R>> = verdicts.iter().map(InOne::new).collect();
        let only = results.first().filter(|_| one);
        Output {
            mailbox: only.map(|one| one.mailbox.clone()),
            told: only.map(|one| one.told.clone()).unwrap_or_default(),
            mailboxes: by_mailbox(verdicts),
            failed: count(verdicts, |verdict| verdict.outcome.is_err()),
            results,
        }
    }

    /// The call of `action`, which takes what `I` says, that takes back what this one changed.
    ///
    /// What a sender or a server made of one entry must not spoil the way back of all others: one that `action` would
    /// refuse is left out of a list and named.
    pub(crate) fn inverse<I: InEach>(
        &self,
        action: &str,
        back: impl Fn(&str, &R) -> Back,
    ) -> Option<Inverse> {
        let taken = OnceCell::new();
        let mut beside = Map::new();
        let (mut items, mut except) = (Vec::new(), Vec::new());
        for one in self.results.iter().filter(|one| one.status == Status::Done && !one.already_done) {
            match back(&one.mailbox, &one.told) {
                Back::Input(mut input, lost) => {
                    if let Some(fields) = input.as_object_mut() {
                        fields.insert("mailbox".to_owned(), json!(one.mailbox));
                    }
                    if self.mailbox.is_some() {
                        return Some(Inverse { except: lost, ..Inverse::new(action, input) });
                    }
                    let mut apart = Map::new();
                    for name in I::SHARED {
                        let value = input.as_object_mut().and_then(|fields| fields.remove(*name));
                        apart.extend(value.map(|value| ((*name).to_owned(), value)));
                    }
                    if !is_taken::<I>(taken.get_or_init(entries::<I>), &input, &apart) {
                        except.push(format!(
                            "{} in {}: {action} does not take what it was",
                            one.asked, one.mailbox
                        ));
                        continue;
                    }
                    beside.extend(apart);
                    items.push(input);
                    except.extend(lost.into_iter().map(|words| format!("in {}: {words}", one.mailbox)));
                }
                Back::Nothing(why) => except.push(format!("{} in {}: {why}", one.asked, one.mailbox)),
            }
        }
        if items.is_empty() {
            return None;
        }
        beside.insert("items".to_owned(), Value::Array(items));
        Some(Inverse { except, ..Inverse::new(action, Value::Object(beside)) })
    }
}

/// What checks an entry of a list of this action; nothing if its schema is none.
fn entries<I: InEach>() -> Option<Validator> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut generator = settings.for_deserialize().into_generator();
    Validator::new(&crate::several::entry::<I>(&mut generator)).ok()
}

/// Whether an action takes this entry of a list, with what stands beside the list.
fn is_taken<I: InEach>(schema: &Option<Validator>, entry: &Value, beside: &Map<String, Value>) -> bool {
    let mut fields = entry.as_object().cloned().unwrap_or_default();
    fields.remove("mailbox");
    fields.extend(beside.clone());
    schema.as_ref().is_some_and(|schema| schema.is_valid(entry))
        && serde_json::from_value::<I>(Value::Object(fields)).is_ok_and(|what| what.check().is_ok())
}

/// Does what is asked for in one mailbox, one thing after the other. Near the end of the attempt's time nothing more is
/// begun, and every second attempt begins at the other end, as between mailboxes.
async fn in_mailbox<T: InEach>(
    ports: &Ports,
    context: &Context,
    since: Instant,
    share: &Share<Wanted<T>>,
) -> Judged<T::Told> {
    let enough = context.timeout / 4 * 3;
    let mut answers = Vec::with_capacity(share.items.len());
    let backwards = context.attempt.is_multiple_of(2);
    let mut order: Vec<&Wanted<T>> = share.items.iter().collect();
    if backwards {
        order.reverse();
    }
    for wanted in order {
        let late = !answers.is_empty() && since.elapsed() > enough;
        answers.push(if late {
            Err(not_begun())
        } else {
            wanted.what.work(ports, context, &share.mailbox).await
        });
    }
    if backwards {
        answers.reverse();
    }
    Ok(answers)
}

/// Carries out an action: in every mailbox what is asked for there.
pub(crate) async fn in_each<T: InEach>(
    ports: &Ports,
    context: &Context,
    input: Several<T>,
    inverse: impl FnOnce(&Output<T::Told>) -> Option<Inverse> + Send,
) -> Result<Output<T::Told>, Failure> {
    for (mailbox, wanted) in &input.items {
        wanted.what.check().map_err(|failure| if input.one { failure } else { named(mailbox, failure) })?;
    }
    let (one, on_item_error) = (input.one, input.on_item_error);
    let shares = shares(input.items, |wanted| wanted.number);
    let since = Instant::now();
    let verdicts = judge_items(
        context,
        one,
        &shares,
        |wanted| wanted.what.asked(),
        |share| Box::pin(in_mailbox(ports, context, since, share)),
    )
    .await?;
    let output = Output::new(one, &verdicts);
    let inverse = inverse(&output);
    ended_with(T::WORDS, on_item_error, context, &verdicts, output, inverse)
}

/// Says which of several mailboxes it is about.
fn named(mailbox: &Mailbox, mut failure: Failure) -> Failure {
    failure.message = format!("for {mailbox}: {}", failure.message);
    failure
}
