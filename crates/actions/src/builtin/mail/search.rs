//! `mail.search`: finds messages in one folder, or all folders, of one mailbox or of many.
//!
//! The query is typed fields, so a value out of a mail is compared and never read as a query: the fields need
//! no guard. What is searched (mailbox, folder) is guarded. Left out: free text queries, whose words depend on
//! the mailbox's language and whose quotes an attacker can close.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::{Mailbox, Ports, Restriction, SearchRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, invalid, need};
use crate::fan_out::{Share, each, shares};
use crate::input::{FolderName, MailboxName};
use crate::listed::OnItemError;
use crate::verdict::{Done, Problem, Status, Verdict, count, worst};
use crate::view::Summary;

/// Finds messages.
pub(crate) struct Search;

/// What to look for: every field that is given must hold. Without any field every message matches.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Query {
    /// The `Message-ID` header equals this, angle brackets included.
    #[serde(default)]
    #[schemars(with = "String", regex(pattern = r"\S"))]
    internet_message_id: Option<String>,
    /// The sender's address equals this, whatever the case.
    #[serde(default)]
    #[schemars(with = "String", regex(pattern = r"\S"))]
    from: Option<String>,
    /// The subject equals this, whatever the case.
    #[serde(default)]
    #[schemars(with = "String", regex(pattern = r"\S"))]
    subject: Option<String>,
    /// The subject contains this, whatever the case.
    #[serde(default)]
    #[schemars(with = "String", regex(pattern = r"\S"))]
    subject_contains: Option<String>,
    /// The body contains this, whatever the case.
    #[serde(default)]
    #[schemars(with = "String", regex(pattern = r"\S"))]
    body_contains: Option<String>,
    /// Received at or after this time, RFC 3339 in UTC: `2026-11-21T05:00:00Z`.
    #[serde(default)]
    #[schemars(with = "String", regex(pattern = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$"))]
    received_after: Option<String>,
    /// Received before this time, RFC 3339 in UTC: `2026-11-21T06:00:00Z`.
    #[serde(default)]
    #[schemars(with = "String", regex(pattern = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$"))]
    received_before: Option<String>,
    /// Has attachments a mail client would show.
    #[serde(default)]
    #[schemars(with = "bool")]
    has_attachments: Option<bool>,
    /// Was read.
    #[serde(default)]
    #[schemars(with = "bool")]
    is_read: Option<bool>,
}

impl From<Query> for exchange::Query {
    fn from(query: Query) -> Self {
        exchange::Query {
            internet_message_id: query.internet_message_id,
            from: query.from,
            subject: query.subject,
            subject_contains: query.subject_contains,
            body_contains: query.body_contains,
            received_after: query.received_after,
            received_before: query.received_before,
            has_attachments: query.has_attachments,
            is_read: query.is_read,
        }
    }
}

/// Input of `mail.search`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    transform = crate::input::no_null_defaults,
    extend("oneOf" = crate::listed::either(&["mailbox"], &[], &["mailboxes"]))
)]
pub(crate) struct Input {
    /// The mailbox to look in.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "MailboxName")]
    mailbox: Option<MailboxName>,
    /// Instead of `mailbox`: 1 to 1,000 mailboxes to look in, several at a time. One twice counts once.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<MailboxName>", length(min = 1, max = 1000))]
    mailboxes: Option<Vec<MailboxName>>,
    /// The folder to look in, without the folders below it. `allitems` looks everywhere in the mailbox, except
    /// in what was deleted for good or is only recoverable.
    #[serde(default = "FolderName::inbox")]
    folder: FolderName,
    /// What to look for: every field that is given must hold. Without any field every message matches.
    ///
    /// A field cannot be blank or null, so that a value that is missing in a mail does not widen the search.
    #[serde(default)]
    query: Query,
    /// What else must hold, beside `query`: a condition of any shape, made with `aqs.eq`, `aqs.contains`,
    /// `aqs.starts_with`, `aqs.before`, `aqs.after`, `aqs.exists`, `aqs.and`, `aqs.or` and `aqs.not`.
    ///
    /// Fields are `from`, `to`, `cc`, `subject`, `body`, `message_id`, `received`, `sent`, `size`,
    /// `has_attachments`, `is_read`, `importance` and `category`. Text is compared whatever its case. `eq` of
    /// `from` is the address; `contains` looks at the display name too. `after` is at that time or later.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(schema_with = "crate::input::restriction_schema")]
    restriction: Option<Restriction>,
    /// How many messages to give at most of each mailbox. All mailboxes together give at most 1,000: of those with the
    /// most messages the newest.
    #[serde(default = "fifty")]
    #[schemars(range(min = 1, max = 1000))]
    limit: u32,
    /// With `mailboxes`: `fail` fails the step where a mailbox could not be searched; `collect` succeeds with what the
    /// others hold and tells it in `failed` and `mailboxes`.
    #[serde(default)]
    on_item_error: OnItemError,
}

fn fifty() -> u32 {
    50
}

/// Output of `mail.search`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// What was found, newest first; of several mailboxes one after the other, in the order asked for.
    #[schemars(length(max = 1000))]
    pub(super) messages: Vec<Summary>,
    /// How many match in all, as the server says.
    pub(super) total: u32,
    /// Whether there are more than `messages` holds.
    pub(super) truncated: bool,
    /// What came of each mailbox, in the order asked for.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    pub(super) mailboxes: Vec<Searched>,
    /// How many mailboxes could not be searched; 0 unless `on_item_error` is `collect`.
    #[schemars(extend("x-failures" = true))]
    pub(super) failed: u32,
}

/// What came of one mailbox.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Searched {
    /// The mailbox.
    mailbox: String,
    /// `done`: it was searched. `failed`: it was not, and what it holds is not known.
    status: Status,
    /// How many of `messages` are its own.
    found: u32,
    /// How many match in it, as the server says.
    total: u32,
    /// Whether there are more than `messages` holds.
    truncated: bool,
    /// Why it could not be searched; null if it was.
    error: Option<Problem>,
    /// Whether trying again may help.
    retryable: bool,
}

/// How many messages all mailboxes give together: as many as one may.
const MOST: usize = 1000;

/// What one mailbox gives.
#[derive(Debug, Default)]
pub(super) struct Page {
    messages: Vec<Summary>,
    total: u32,
    truncated: bool,
}

impl Page {
    /// Keeps the newest of them.
    fn cut(&mut self, most: usize) {
        self.truncated |= self.messages.len() > most;
        self.messages.truncate(most);
    }
}

/// Searches one mailbox. A server may give smaller pages than it was asked for.
async fn in_mailbox(ports: &Ports, mut request: SearchRequest) -> Result<Page, Failure> {
    let port = need(&ports.search, Search::INFO.name, "search")?;
    let limit = request.limit;
    let mut messages: Vec<Summary> = Vec::new();
    loop {
        let page = port.search(&request).await.map_err(from_exchange)?;
        let got = page.messages.len();
        messages.extend(page.messages.into_iter().map(|found| Summary::new(&request.mailbox, found)));
        let have = u32::try_from(messages.len()).unwrap_or(u32::MAX);
        let more = page.next_offset.filter(|&next| next > request.offset && got > 0 && have < limit);
        let Some(next) = more else {
            let truncated = page.next_offset.is_some() || page.total > have || have > limit;
            messages.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            return Ok(Page { messages, total: page.total, truncated });
        };
        request.offset = next;
        request.limit = limit.saturating_sub(have);
    }
}

/// How many messages each mailbox may give so that all together give at most `most`: those with few give all.
fn fair(counts: impl Iterator<Item = usize>, most: usize) -> usize {
    let mut counts: Vec<usize> = counts.collect();
    counts.sort_unstable();
    let (mut left, mut others) = (most, counts.len());
    for count in counts {
        let share = left / others.max(1);
        if count > share {
            return share;
        }
        left -= count;
        others -= 1;
    }
    most
}

/// Searches several mailboxes. What is found is cut as it comes, so that what is kept stays small.
pub(super) async fn in_all(
    ports: &Ports,
    context: &Context,
    mailboxes: Vec<Mailbox>,
    request: SearchRequest,
) -> Vec<Verdict<Page>> {
    let shares = shares(mailboxes.into_iter().map(|mailbox| (mailbox, ())), |()| ());
    let kept: Mutex<BTreeMap<usize, Page>> = Mutex::default();
    let keep = |number: usize, page: Page| {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(number, page);
        if kept.values().map(|page| page.messages.len()).sum::<usize>() > MOST {
            let share = fair(kept.values().map(|page| page.messages.len()), MOST);
            kept.values_mut().for_each(|page| page.cut(share));
        }
    };
    let keep = &keep;
    let answers = each(context, shares.iter().enumerate(), |(number, share)| {
        let request = SearchRequest { mailbox: share.mailbox.clone(), ..request.clone() };
        Box::pin(async move { in_mailbox(ports, request).await.map(|page| keep(number, page)) })
    })
    .await;
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let verdict = |(number, (share, answer)): (usize, (&Share<()>, Result<(), Failure>))| {
        let mailbox = share.mailbox.as_str().to_owned();
        let what = kept.remove(&number).unwrap_or_default();
        let outcome = answer.map(|()| Done { already: false, what });
        Verdict { item: mailbox.clone(), mailbox, outcome }
    };
    shares.iter().zip(answers).enumerate().map(verdict).collect()
}

/// Why the step fails, if it does.
pub(super) fn unsearched(verdicts: &[Verdict<Page>]) -> Option<Failure> {
    let (first, failed) = worst(verdicts)?;
    let names: Vec<&str> = verdicts
        .iter()
        .filter(|verdict| verdict.outcome.is_err())
        .map(|verdict| verdict.mailbox.as_str())
        .take(NAMED)
        .collect();
    let more = failed.saturating_sub(names.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!(
        "{failed} of {} mailboxes could not be searched ({}{more}): {}",
        verdicts.len(),
        names.join(", "),
        first.message
    );
    Some(Failure { message, ..first.clone() })
}

/// So many mailboxes a sentence names.
const NAMED: usize = 5;

impl Output {
    pub(super) fn new(verdicts: Vec<Verdict<Page>>) -> Self {
        let failed = count(&verdicts, |verdict| verdict.outcome.is_err());
        let mut output =
            Output { messages: Vec::new(), total: 0, truncated: false, mailboxes: Vec::new(), failed };
        for verdict in verdicts {
            let (status, _, error, retryable) = verdict.told();
            let page = verdict.outcome.map(|done| done.what).unwrap_or_default();
            output.total = output.total.saturating_add(page.total);
            output.truncated |= page.truncated;
            output.mailboxes.push(Searched {
                mailbox: verdict.mailbox,
                status,
                found: u32::try_from(page.messages.len()).unwrap_or(u32::MAX),
                total: page.total,
                truncated: page.truncated,
                error,
                retryable,
            });
            output.messages.extend(page.messages);
        }
        output
    }
}

impl TypedAction<Ports> for Search {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.search",
        summary: "Find messages in mailboxes",
        description: "Finds messages in one folder of one mailbox (`mailbox`) or of many (`mailboxes`), or with \
                      `folder: allitems` in all folders. Every field of `query` is compared as it is: a value out of \
                      a mail can be used without quoting. Very fresh mail may be missing where the server answers \
                      out of its index. If one of many mailboxes cannot be searched the step fails, or says so in \
                      `failed` and `mailboxes` with `on_item_error: collect`.",
        effect: Effect::Enrichment,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
            FailureKind::Invalid,
        ],
        connection: Some("exchange"),
        ports: &["search"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        need(&ports.search, Self::INFO.name, "search")?;
        let one = input.mailbox.map(|mailbox| mailbox.get().clone());
        let many: Option<Vec<Mailbox>> =
            input.mailboxes.map(|all| all.iter().map(|mailbox| mailbox.get().clone()).collect());
        let either = || invalid("mail.search: give either `mailbox` or `mailboxes`");
        let request = SearchRequest {
            mailbox: one.as_ref().or(many.as_ref().and_then(|all| all.first())).ok_or_else(either)?.clone(),
            folder: input.folder.get().clone(),
            query: input.query.into(),
            restriction: input.restriction,
            offset: 0,
            limit: input.limit,
        };
        let verdicts = match (one, many) {
            (Some(mailbox), None) => {
                let what = in_mailbox(&ports, request).await?;
                let mailbox = mailbox.as_str().to_owned();
                vec![Verdict { item: mailbox.clone(), mailbox, outcome: Ok(Done { already: false, what }) }]
            }
            (None, Some(mailboxes)) => in_all(&ports, &context, mailboxes, request).await,
            _ => return Err(either()),
        };
        let failure = unsearched(&verdicts);
        let output = Output::new(verdicts);
        match failure {
            Some(failure)
                if input.on_item_error == OnItemError::Fail || context.retried.contains(&failure.kind) =>
            {
                let mailboxes = serde_json::to_value(&output.mailboxes).unwrap_or_default();
                Err(failure.with_details(json!({ "mailboxes": mailboxes })))
            }
            _ => Ok(output),
        }
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "Every copy of a campaign in one mailbox".to_owned(),
                input: json!({
                    "mailbox": "alice@corp.example",
                    "folder": "allitems",
                    "query": { "from": "billing@evil.test", "subject": "Overdue invoice" },
                    "limit": 200
                }),
                output: json!(null),
            },
            Example {
                title: "Mail from one of two senders that is not a reply".to_owned(),
                input: json!({
                    "mailbox": "alice@corp.example",
                    "restriction": { "and": [
                        { "or": [
                            { "eq": { "field": "from", "value": "billing@evil.test" } },
                            { "eq": { "field": "from", "value": "accounts@evil.test" } }
                        ] },
                        { "not": { "starts_with": { "field": "subject", "value": "RE:" } } }
                    ] }
                }),
                output: json!(null),
            },
            Example {
                title: "The newest unread mail of the inbox".to_owned(),
                input: json!({ "mailbox": "alice@corp.example", "query": { "is_read": false }, "limit": 1 }),
                output: json!(null),
            },
            Example {
                title: "Every copy of a campaign in several mailboxes".to_owned(),
                input: json!({
                    "mailboxes": ["alice@corp.example", "soc@corp.example"],
                    "folder": "allitems",
                    "query": { "internet_message_id": "<overdue-1@evil.test>" },
                    "on_item_error": "collect"
                }),
                output: json!(null),
            },
        ]
    }
}
