//! `mail.download_eml`: keeps the MIME forms of messages as artifacts.
//!
//! The bytes are streamed and never interpreted here; `eml.parse` does that in its sandbox. Left out: giving
//! the file a name, because an artifact has none.

use std::time::Instant;

use action_api::plan::{Artifact, Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::{ItemRef, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::need;
use crate::fan_out::shares;
use crate::input::{ItemId, MailboxName};
use crate::listed::{About, Listed, OnItemError};
use crate::mimes::Reading;
use crate::verdict::{Done, InMailbox, Problem, Status, Verdict, by_mailbox, count, ended, judge};

/// Keeps messages as files.
pub(crate) struct DownloadEml;

/// Input of `mail.download_eml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    transform = crate::input::no_null_defaults,
    extend("oneOf" = crate::listed::either(&["mailbox", "item_id"], &[], &["items"]))
)]
pub(crate) struct Input {
    /// The mailbox the message is in. Goes with `item_id`.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "MailboxName")]
    mailbox: Option<MailboxName>,
    /// Which message: an id as `mail.search` gives it.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "ItemId")]
    item_id: Option<ItemId>,
    /// Instead of `mailbox` and `item_id`: 1 to 1,000 messages of any number of mailboxes.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Vec<Listed>", length(min = 1, max = 1000))]
    items: Option<Vec<Listed>>,
    /// A larger message fails with `limit`. In bytes.
    #[serde(default = "size_limit")]
    #[schemars(range(min = 1, max = 1_073_741_824))]
    max_size: u64,
    /// With `items`: `fail` fails the step where a message could not be kept, once all others are; `collect` succeeds
    /// and tells it in `failed`, `mailboxes` and `results`.
    #[serde(default)]
    on_item_error: OnItemError,
}

fn size_limit() -> u64 {
    150 * 1024 * 1024
}

/// Output of `mail.download_eml`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The message as a file of type `message/rfc822`; null with `items`.
    #[schemars(
        schema_with = "crate::artifact::optional_schema",
        extend("x-untrusted" = true),
        extend("x-given" = "mailbox")
    )]
    eml: Option<Artifact>,
    /// SHA-256 of the file, 64 hex digits; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    sha256: Option<String>,
    /// Length of the file in bytes; null with `items`.
    #[schemars(extend("x-given" = "mailbox"))]
    size: Option<u64>,
    /// The charset to assume for text that does not name one, e.g. `windows-1252`: the `code_page` of the connection, for
    /// `fallback_charset` of `eml.parse`. Null if the connection says nothing.
    fallback_charset: Option<String>,
    /// One result per message, in the order asked for.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    results: Vec<Kept>,
    /// What came of each mailbox.
    #[schemars(length(max = 1000), extend("x-failures" = true))]
    mailboxes: Vec<InMailbox>,
    /// How many could not be kept; 0 unless `on_item_error` is `collect`.
    #[schemars(extend("x-failures" = true))]
    failed: u32,
}

/// What came of one message.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    /// The mailbox it is in.
    mailbox: String,
    /// The id that was asked for.
    item_id: String,
    /// The message as a file of type `message/rfc822`; null if it failed.
    #[schemars(schema_with = "crate::artifact::optional_schema", extend("x-untrusted" = true))]
    eml: Option<Artifact>,
    /// SHA-256 of the file, 64 hex digits; null if it failed.
    sha256: Option<String>,
    /// Length of the file in bytes; null if it failed.
    size: Option<u64>,
    /// `done`: there is a file. `failed`: there is none.
    status: Status,
    /// Why it failed; null if it did not.
    error: Option<Problem>,
    /// Whether trying again may help.
    retryable: bool,
}

impl Kept {
    fn new(verdict: &Verdict<Artifact>) -> Self {
        let eml = verdict.outcome.as_ref().ok().map(|done| done.what.clone());
        let (status, _, error, retryable) = verdict.told();
        Kept {
            mailbox: verdict.mailbox.clone(),
            item_id: verdict.item.clone(),
            sha256: eml.as_ref().map(|eml| eml.artifact.hex()),
            size: eml.as_ref().map(|eml| eml.size),
            eml,
            status,
            error,
            retryable,
        }
    }
}

impl TypedAction<Ports> for DownloadEml {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.download_eml",
        summary: "Keep messages as EML files",
        description: "Downloads one whole message (`mailbox` and `item_id`), or many of several mailboxes (`items`), \
                      in MIME form and keeps each as an artifact. Exchange writes the MIME form anew from its own \
                      store, so the bytes can differ from those that were received and a signature over them may no \
                      longer hold. If some of many cannot be kept the step fails and lists them, or says so in \
                      `failed` with `on_item_error: collect`; the others are kept.",
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
        ports: &["read"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        let read = need(&ports.read, Self::INFO.name, "read")?;
        let Input { mailbox, item_id, items, max_size, on_item_error } = input;
        let split = |one: Listed| (one.mailbox, one.item_id);
        let about = About::either(mailbox, item_id.map(|id| vec![id]), items, split)?;
        let one = about.one.is_some();
        let shares = shares(about.items, |id| id.as_str().to_owned());
        let reading = Reading { read, context: &context, most: max_size, since: Instant::now() };
        let verdicts = judge(
            &context,
            one,
            &shares,
            |id| id.as_str().to_owned(),
            |share| {
                let items: Vec<ItemRef> = share.items.iter().map(ItemId::item).collect();
                let reading = &reading;
                Box::pin(async move {
                    let kept = match items.as_slice() {
                        [item] => vec![Ok(reading.alone(&share.mailbox, item).await?)],
                        items => reading.keep(&share.mailbox, items).await?,
                    };
                    let done = |kept| Done { already: false, what: kept };
                    Ok(kept.into_iter().map(|kept: Result<Artifact, Failure>| kept.map(done)).collect())
                })
            },
        )
        .await?;
        let results: Vec<Kept> = verdicts.iter().map(Kept::new).collect();
        let only = results.first().filter(|_| one);
        let output = Output {
            eml: only.and_then(|one| one.eml.clone()),
            sha256: only.and_then(|one| one.sha256.clone()),
            size: only.and_then(|one| one.size),
            fallback_charset: ports.fallback_charset.as_deref().map(str::to_owned),
            mailboxes: by_mailbox(&verdicts),
            failed: count(&verdicts, |verdict| verdict.outcome.is_err()),
            results,
        };
        ended("kept", on_item_error, &context, &verdicts, output, None)
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "Keep the evidence".to_owned(),
                input: json!({ "mailbox": "alice@corp.example", "item_id": "AAMkAGExamplePhish=" }),
                output: json!(null),
            },
            Example {
                title: "Keep every mail of a campaign, before it is deleted".to_owned(),
                input: json!({
                    "items": [{ "mailbox": "alice@corp.example", "item_id": "AAMkAGExamplePhish=" }],
                    "on_item_error": "collect"
                }),
                output: json!(null),
            },
        ]
    }
}
