//! `mail.get_attachments`: fetches what is attached to one message, each as an artifact.
//!
//! Nothing is lost without a word: what is too large, has no bytes or cannot be fetched is listed with the
//! reason. An attached message comes in MIME form. Left out: unpacking, and trust in names and media types.

use action_api::plan::{Artifact, Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::{AttachmentInfo, AttachmentKind, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::attached::{MESSAGE, MOST, fetch};
use crate::failure::{from_exchange, need};
use crate::input::{ItemId, MailboxName};

/// Fetches attachments.
pub(crate) struct GetAttachments;

/// Input of `mail.get_attachments`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The mailbox the message is in.
    mailbox: MailboxName,
    /// Which message: an id as `mail.search` gives it.
    item_id: ItemId,
    /// A larger attachment is listed without its bytes. In bytes.
    #[serde(default = "size_limit")]
    #[schemars(range(min = 1, max = 1_073_741_824))]
    max_size: u64,
    /// Which kinds to list and fetch: `file`, `item` (an attached message, meeting or contact), `reference` (a
    /// link to a cloud document, which has no bytes).
    #[serde(default = "every_kind")]
    #[schemars(length(min = 1, max = 3))]
    kinds: Vec<AttachmentKind>,
}

fn size_limit() -> u64 {
    25 * 1024 * 1024
}

fn every_kind() -> Vec<AttachmentKind> {
    vec![AttachmentKind::File, AttachmentKind::Item, AttachmentKind::Reference]
}

/// Output of `mail.get_attachments`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// What is attached, in the order of the message; the first 250 of the kinds asked for.
    #[schemars(length(max = 250))]
    attachments: Vec<Attachment>,
    /// How many of these kinds the message has.
    total: u32,
    /// The charset to assume for text that does not name one, e.g. `windows-1252`: the `code_page` of the connection, for
    /// `fallback_charset` of `eml.parse`. Null if the connection says nothing.
    fallback_charset: Option<String>,
}

/// One attachment.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attachment {
    /// The server's id of the attachment, for `mail.delete_attachments`.
    attachment_id: String,
    /// The bytes; of an attached message its MIME form as `message/rfc822`. Null if they were not fetched.
    #[schemars(schema_with = "crate::artifact::optional_schema", extend("x-untrusted" = true))]
    content: Option<Artifact>,
    /// Why the bytes were not fetched; null if they were.
    skipped: Option<String>,
    /// The sender's name for it. Never a path.
    #[schemars(extend("x-untrusted" = true))]
    name: Option<String>,
    /// Media type as the sender says; `message/rfc822` for an attached message.
    #[schemars(extend("x-untrusted" = true))]
    content_type: Option<String>,
    /// Length in bytes: of what was fetched, else as the server says.
    size: u64,
    /// SHA-256 of the bytes, 64 hex digits; null if they were not fetched.
    sha256: Option<String>,
    /// Whether it is shown inside the body.
    is_inline: bool,
    /// `file`, `item` or `reference`.
    kind: AttachmentKind,
    /// The `Content-ID` header.
    #[schemars(extend("x-untrusted" = true))]
    content_id: Option<String>,
}

impl Attachment {
    fn new(info: AttachmentInfo, content: Result<Artifact, String>) -> Self {
        let (content, skipped) = match content {
            Ok(artifact) => (Some(artifact), None),
            Err(reason) => (None, Some(reason)),
        };
        let content_type = match info.kind {
            AttachmentKind::Item => Some(MESSAGE.to_owned()),
            _ => info.content_type,
        };
        Attachment {
            attachment_id: info.id,
            size: content.as_ref().map_or(info.size, |artifact| artifact.size),
            sha256: content.as_ref().map(|artifact| artifact.artifact.hex()),
            content,
            skipped,
            name: info.name,
            content_type,
            is_inline: info.is_inline,
            kind: info.kind,
            content_id: info.content_id,
        }
    }
}

impl TypedAction<Ports> for GetAttachments {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.get_attachments",
        summary: "Fetch what is attached to a message",
        description: "Fetches the attachments of one message and keeps the bytes of each as an artifact. An attached \
                      message becomes an EML file. An attachment that is too large, has no bytes or is refused by \
                      the server is listed with the reason in `skipped`.",
        effect: Effect::Enrichment,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
        ],
        connection: Some("exchange"),
        ports: &["attachments"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        let port = need(&ports.attachments, Self::INFO.name, "attachments")?;
        let mut listed =
            port.list(input.mailbox.get(), &input.item_id.item()).await.map_err(from_exchange)?;
        listed.retain(|info| input.kinds.contains(&info.kind));
        let total = u32::try_from(listed.len()).unwrap_or(u32::MAX);
        listed.truncate(MOST);
        let mut attachments = Vec::with_capacity(listed.len());
        // One at a time: memory stays that of one attachment.
        for info in listed {
            let content = fetch(port, &context, input.mailbox.get(), &info, input.max_size).await?;
            attachments.push(Attachment::new(info, content));
        }
        let fallback_charset = ports.fallback_charset.as_deref().map(str::to_owned);
        Ok(Output { attachments, total, fallback_charset })
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "Everything that is attached".to_owned(),
                input: json!({ "mailbox": "alice@corp.example", "item_id": "AAMkAGExamplePhish=" }),
                output: json!(null),
            },
            Example {
                title: "Only attached messages, of at most 1 MiB".to_owned(),
                input: json!({
                    "mailbox": "alice@corp.example",
                    "item_id": "AAMkAGExamplePhish=",
                    "kinds": ["item"],
                    "max_size": 1_048_576
                }),
                output: json!(null),
            },
        ]
    }
}
