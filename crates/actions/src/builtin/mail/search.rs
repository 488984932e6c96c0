//! `mail.search`: finds messages in one folder, or all folders, of one mailbox.
//!
//! The query is typed fields, so a value out of a mail is compared and never read as a query: the fields need
//! no guard. What is searched (mailbox, folder) is guarded. Left out: free text queries, whose words depend on
//! the mailbox's language and whose quotes an attacker can close.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::{Ports, Restriction, SearchRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, need};
use crate::input::{FolderName, MailboxName};
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
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Input {
    /// The mailbox to look in.
    mailbox: MailboxName,
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
    /// How many messages to give at most.
    #[serde(default = "fifty")]
    #[schemars(range(min = 1, max = 1000))]
    limit: u32,
}

fn fifty() -> u32 {
    50
}

/// Output of `mail.search`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// What was found, newest first.
    #[schemars(length(max = 1000))]
    messages: Vec<Summary>,
    /// How many match in all, as the server says.
    total: u32,
    /// Whether there are more than `messages` holds.
    truncated: bool,
}

impl TypedAction<Ports> for Search {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.search",
        summary: "Find messages in a mailbox",
        description: "Finds messages in one folder of one mailbox, or with `folder: allitems` in all of them. Every \
                      field of `query` is compared as it is: a value out of a mail can be used without quoting. \
                      Very fresh mail may be missing where the server answers out of its index.",
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

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let port = need(&ports.search, Self::INFO.name, "search")?;
        let mut request = SearchRequest {
            mailbox: input.mailbox.get().clone(),
            folder: input.folder.get().clone(),
            query: input.query.into(),
            restriction: input.restriction,
            offset: 0,
            limit: input.limit,
        };
        let mut messages: Vec<Summary> = Vec::new();
        // A server may give smaller pages than it was asked for.
        loop {
            let page = port.search(&request).await.map_err(from_exchange)?;
            let got = page.messages.len();
            messages.extend(page.messages.into_iter().map(|found| Summary::new(&request.mailbox, found)));
            let have = u32::try_from(messages.len()).unwrap_or(u32::MAX);
            let more =
                page.next_offset.filter(|&next| next > request.offset && got > 0 && have < input.limit);
            let Some(next) = more else {
                let truncated = page.next_offset.is_some() || page.total > have || have > input.limit;
                messages.truncate(usize::try_from(input.limit).unwrap_or(usize::MAX));
                return Ok(Output { messages, total: page.total, truncated });
            };
            request.offset = next;
            request.limit = input.limit.saturating_sub(have);
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
        ]
    }
}
