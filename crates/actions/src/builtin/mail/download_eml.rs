//! `mail.download_eml`: keeps the MIME form of one message as an artifact.
//!
//! The bytes are streamed and never interpreted here; `eml.parse` does that in its sandbox. Left out: giving
//! the file a name, because an artifact has none.

use action_api::plan::{Artifact, Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::Ports;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::artifact::Spool;
use crate::failure::{from_exchange, need, too_large};
use crate::input::{ItemId, MailboxName};

/// Keeps a message as a file.
pub(crate) struct DownloadEml;

/// Input of `mail.download_eml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The mailbox the message is in.
    mailbox: MailboxName,
    /// Which message: an id as `mail.search` gives it.
    item_id: ItemId,
    /// A larger message fails the step with `limit`. In bytes.
    #[serde(default = "size_limit")]
    #[schemars(range(min = 1, max = 1_073_741_824))]
    max_size: u64,
}

fn size_limit() -> u64 {
    150 * 1024 * 1024
}

/// Output of `mail.download_eml`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The message as a file of type `message/rfc822`.
    #[schemars(schema_with = "crate::artifact::schema", extend("x-untrusted" = true))]
    eml: Artifact,
    /// SHA-256 of the file, 64 hex digits.
    sha256: String,
    /// Length of the file in bytes.
    size: u64,
    /// The charset to assume for text that does not name one, e.g. `windows-1252`: the `code_page` of the connection, for
    /// `fallback_charset` of `eml.parse`. Null if the connection says nothing.
    fallback_charset: Option<String>,
}

impl TypedAction<Ports> for DownloadEml {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.download_eml",
        summary: "Keep a message as an EML file",
        description: "Downloads the whole message in MIME form and keeps it as an artifact. Exchange writes the MIME \
                      form anew from its own store, so the bytes can differ from those that were received and a \
                      signature over them may no longer hold.",
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
        let port = need(&ports.read, Self::INFO.name, "read")?;
        let mut spool = Spool::new(input.max_size);
        let read = port.mime(input.mailbox.get(), &input.item_id.item(), &mut spool).await;
        if spool.overflowed() {
            return Err(too_large("the message", input.max_size));
        }
        read.map_err(from_exchange)?;
        let eml = spool.keep(context.artifacts.as_ref(), "message/rfc822")?;
        let fallback_charset = ports.fallback_charset.as_deref().map(str::to_owned);
        Ok(Output { sha256: eml.artifact.hex(), size: eml.size, eml, fallback_charset })
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Keep the evidence".to_owned(),
            input: json!({ "mailbox": "alice@corp.example", "item_id": "AAMkAGExamplePhish=" }),
            output: json!(null),
        }]
    }
}
