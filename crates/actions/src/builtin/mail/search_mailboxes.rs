//! `mail.search_mailboxes`: the search of `mail.search` through many mailboxes, given as a list, as a group, or both.
//!
//! One ordinary search per mailbox, several at a time: that works on every server, while the search over mailboxes
//! that some servers have is deprecated and gone from others. Left out: a query language; members of a group that
//! are no mailboxes, which are told.

use std::collections::BTreeSet;

use action_api::plan::{Blame, Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::{Mailbox, Ports, Restriction, SearchRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::search::{self, Query, Searched, in_all, unsearched};
use crate::failure::{invalid, need};
use crate::input::{FolderName, MailboxName};
use crate::listed::OnItemError;
use crate::members::{MAILBOX, Member, expand};
use crate::view::Summary;

/// How many mailboxes one call searches.
const MOST: usize = 1000;

/// Searches mailboxes.
pub(crate) struct SearchMailboxes;

/// Input of `mail.search_mailboxes`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    transform = crate::input::no_null_defaults,
    extend("anyOf" = json!([{ "required": ["mailboxes"] }, { "required": ["group", "mailbox"] }]))
)]
pub(crate) struct Input {
    /// The mailboxes to look in: 1 to 1,000. One twice counts once.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<MailboxName>", length(min = 1, max = 1000))]
    mailboxes: Option<Vec<MailboxName>>,
    /// A distribution group: the mailboxes of its members, and of the groups inside it, are looked in as well.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "MailboxName")]
    group: Option<MailboxName>,
    /// The mailbox whose directory is asked who is in `group`; every mailbox of an organisation has the same. It is
    /// not looked in unless it is one of those.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "MailboxName")]
    mailbox: Option<MailboxName>,
    /// The folder to look in, without the folders below it. `allitems` looks everywhere in the mailbox, except
    /// in what was deleted for good or is only recoverable.
    #[serde(default = "FolderName::all_items")]
    folder: FolderName,
    /// What to look for: every field that is given must hold. Without any field every message matches.
    ///
    /// A field cannot be blank or null, so that a value that is missing in a mail does not widen the search.
    #[serde(default)]
    query: Query,
    /// What else must hold, beside `query`: a condition as in `mail.search`, made with `aqs.*`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(schema_with = "crate::input::restriction_schema")]
    restriction: Option<Restriction>,
    /// How many messages to give at most of each mailbox. All mailboxes together give at most 1,000: of those with the
    /// most messages the newest.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 1000))]
    limit: u32,
    /// `collect` succeeds with what the mailboxes hold that could be searched, and tells the others in `failed` and
    /// `mailboxes`; `fail` fails the step where one could not be searched.
    #[serde(default = "collect")]
    on_item_error: OnItemError,
}

fn hundred() -> u32 {
    100
}

fn collect() -> OnItemError {
    OnItemError::Collect
}

/// Output of `mail.search_mailboxes`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// What was found, mailbox after mailbox in the order of `mailboxes`, newest first in each.
    #[schemars(length(max = 1000))]
    messages: Vec<Summary>,
    /// How many match in all, as the server says.
    total: u32,
    /// Whether there are more than `messages` holds.
    truncated: bool,
    /// What came of each mailbox.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    mailboxes: Vec<Searched>,
    /// How many mailboxes could not be searched; 0 unless `on_item_error` is `collect`.
    #[schemars(extend("x-failures" = true))]
    failed: u32,
    /// Members of the group that were not looked in, because they are no mailboxes: people outside, folders, and
    /// groups whose members the server hides.
    #[schemars(length(max = 10000))]
    left_out: Vec<String>,
}

/// The mailboxes of a group, and what else is in it.
async fn of_group(
    ports: &Ports,
    asked: &Mailbox,
    group: &Mailbox,
) -> Result<(Vec<Mailbox>, Vec<String>), Failure> {
    let port = need(&ports.groups, SearchMailboxes::INFO.name, "groups")?;
    let found = expand(port, asked, group.as_str(), true, 10 * MOST).await?;
    if found.truncated {
        return Err(too_many(group));
    }
    let (mut mailboxes, mut others) = (Vec::new(), found.hidden_groups());
    for Member { address, kind, display_name, .. } in found.members {
        match Mailbox::new(&address).filter(|_| kind == MAILBOX) {
            Some(mailbox) => mailboxes.push(mailbox),
            None => others.push(if address.is_empty() { display_name } else { address }),
        }
    }
    Ok((mailboxes, others))
}

fn too_many(group: &Mailbox) -> Failure {
    let words = format!(
        "the group {group} has more members than can be searched at once, {MOST} mailboxes; list them with \
         directory.expand_group and search them in parts"
    );
    Failure::new(FailureKind::Limit, Blame::Playbook, words)
}

impl TypedAction<Ports> for SearchMailboxes {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.search_mailboxes",
        summary: "Find messages in many mailboxes or those of a group",
        description: "Finds messages in a list of mailboxes, in those of the members of a distribution group and of \
                      the groups inside it, or in both, several mailboxes at a time. What came of each mailbox is \
                      in `mailboxes`: one that cannot be searched does not hide the others. Fields of `query` are \
                      compared as they are. Needs no right but those of `mail.search`.",
        effect: Effect::Enrichment,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
            FailureKind::Invalid,
            FailureKind::Limit,
        ],
        connection: Some("exchange"),
        ports: &["groups", "search"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        need(&ports.groups, Self::INFO.name, "groups")?;
        need(&ports.search, Self::INFO.name, "search")?;
        let given = input.mailboxes.iter().flatten().map(|mailbox| mailbox.get().clone());
        let mut mailboxes: Vec<Mailbox> = given.collect();
        let mut left_out = Vec::new();
        if let Some(group) = &input.group {
            let asked = input.mailbox.as_ref();
            let asked = asked.ok_or_else(|| invalid("mail.search_mailboxes: `group` needs `mailbox`"))?;
            let (members, others) = of_group(&ports, asked.get(), group.get()).await?;
            mailboxes.extend(members);
            left_out = others;
        }
        let mut seen = BTreeSet::new();
        mailboxes.retain(|mailbox| seen.insert(mailbox.as_str().to_lowercase()));
        if let (true, Some(group)) = (mailboxes.len() > MOST, &input.group) {
            return Err(too_many(group.get()));
        }
        let verdicts = match mailboxes.first().cloned() {
            Some(mailbox) => {
                let request = SearchRequest {
                    mailbox,
                    folder: input.folder.get().clone(),
                    query: input.query.into(),
                    restriction: input.restriction,
                    offset: 0,
                    limit: input.limit,
                };
                in_all(&ports, &context, mailboxes, request).await
            }
            // A group without a mailbox in it.
            None => Vec::new(),
        };
        let failure = unsearched(&verdicts);
        let search::Output { messages, total, truncated, mailboxes, failed } = search::Output::new(verdicts);
        match failure {
            Some(failure)
                if input.on_item_error == OnItemError::Fail || context.retried.contains(&failure.kind) =>
            {
                let mailboxes = serde_json::to_value(&mailboxes).unwrap_or_default();
                Err(failure.with_details(json!({ "mailboxes": mailboxes })))
            }
            _ => Ok(Output { messages, total, truncated, mailboxes, failed, left_out }),
        }
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "Every copy of a campaign that went to a group".to_owned(),
                input: json!({
                    "mailbox": "soc@corp.example",
                    "group": "all@corp.example",
                    "query": { "from": "billing@evil.test", "subject": "Overdue invoice" }
                }),
                output: json!(null),
            },
            Example {
                title: "Two mailboxes".to_owned(),
                input: json!({
                    "mailboxes": ["alice@corp.example", "soc@corp.example"],
                    "query": { "subject_contains": "invoice" },
                    "limit": 10
                }),
                output: json!(null),
            },
        ]
    }
}
