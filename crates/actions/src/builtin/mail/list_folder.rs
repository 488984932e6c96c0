//! `mail.list_folder`: whole messages of a folder, the newest first, page by page.
//!
//! With `attached_mails` the mails that hang on them are fetched as well: in a mailbox for reports the message itself
//! only says who reported, and what matters is attached. Left out: conditions, which `mail.search` has, and reading
//! what was fetched, which a plugin does.

use action_api::plan::{Artifact, Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::{AttachmentInfo, AttachmentKind, ItemRef, Message, Ports, SearchRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::attached::{MESSAGE, MOST, fetch};
use crate::failure::{from_exchange, kind_of, need};
use crate::input::{FolderName, MailboxName};
use crate::view::Full;

/// Lists a folder.
pub(crate) struct ListFolder;

/// Input of `mail.list_folder`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The mailbox.
    mailbox: MailboxName,
    /// Which folder: a well-known name (`inbox`), a path (`Inbox/Reports`), or `id:` and the server's id. Without the
    /// folders below it.
    folder: FolderName,
    /// How many messages to give at most.
    #[serde(default = "fifty")]
    #[schemars(range(min = 1, max = 100))]
    limit: u32,
    /// How many of the newest messages to pass over: `next_offset` of the page before.
    #[serde(default)]
    offset: u32,
    /// How many bytes of each body to keep.
    #[serde(default = "body_limit")]
    #[schemars(range(max = 1_048_576))]
    max_body: u32,
    /// Fetch the mails that are attached to the messages, as items or as files ending in `.eml` or `.msg`.
    #[serde(default)]
    attached_mails: bool,
    /// A larger attached mail is listed without its bytes. In bytes.
    #[serde(default = "size_limit")]
    #[schemars(range(min = 1, max = 1_073_741_824))]
    max_size: u64,
}

fn fifty() -> u32 {
    50
}

fn body_limit() -> u32 {
    32_768
}

fn size_limit() -> u64 {
    25 * 1024 * 1024
}

/// Output of `mail.list_folder`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The messages, newest first.
    #[schemars(length(max = 100))]
    messages: Vec<Full>,
    /// The mails that are attached to them, in the order of the messages; empty unless `attached_mails` is set. The
    /// first 250 of each message.
    #[schemars(length(max = 25000))]
    attached_mails: Vec<AttachedMail>,
    /// What could not be read, and why.
    #[schemars(length(max = 100))]
    failed: Vec<Failed>,
    /// How many messages the folder has, as the server says.
    total: u32,
    /// Where the next page begins; null after the last.
    next_offset: Option<u32>,
    /// The charset to assume for text that does not name one, e.g. `windows-1252`: the `code_page` of the connection,
    /// for `fallback_charset` of `eml.parse`. Null if the connection says nothing.
    fallback_charset: Option<String>,
}

/// A mail that is attached to a message.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttachedMail {
    /// The message it is attached to.
    item_id: String,
    /// The server's id of the attachment.
    attachment_id: String,
    /// The sender's name for it. Never a path.
    #[schemars(extend("x-untrusted" = true))]
    name: Option<String>,
    /// Its bytes: MIME, or what a file holds. Null if they were not fetched.
    #[schemars(schema_with = "crate::artifact::optional_schema", extend("x-untrusted" = true))]
    content: Option<Artifact>,
    /// Why the bytes were not fetched; null if they were.
    skipped: Option<String>,
    /// SHA-256 of the bytes, 64 hex digits; null if they were not fetched.
    sha256: Option<String>,
}

/// One message that could not be read.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failed {
    /// Which message.
    item_id: String,
    /// The kind of failure, e.g. `not_found` for one that was deleted meanwhile.
    kind: String,
    /// What happened, in words.
    message: String,
}

/// Whether an attachment is a mail.
fn is_mail(info: &AttachmentInfo) -> bool {
    let says = |text: &Option<String>, test: fn(&str) -> bool| {
        text.as_deref().is_some_and(|text| test(&text.trim().to_ascii_lowercase()))
    };
    match info.kind {
        AttachmentKind::Item => true,
        AttachmentKind::File => {
            says(&info.content_type, |kind| matches!(kind, MESSAGE | "application/vnd.ms-outlook"))
                || says(&info.name, |name| name.ends_with(".eml") || name.ends_with(".msg"))
        }
        AttachmentKind::Reference => false,
    }
}

/// The mails that are attached to one message.
async fn attached(
    port: &dyn exchange::port::Attachments,
    context: &Context,
    input: &Input,
    message: &Message,
) -> Result<Vec<AttachedMail>, Failure> {
    let mut all = Vec::new();
    // One at a time: memory stays that of one attachment.
    for info in message.attachments.iter().filter(|info| is_mail(info)).take(MOST) {
        let fetched = fetch(port, context, input.mailbox.get(), info, input.max_size).await?;
        let (content, skipped) = match fetched {
            Ok(artifact) => (Some(artifact), None),
            Err(reason) => (None, Some(reason)),
        };
        all.push(AttachedMail {
            item_id: message.summary.item.id.clone(),
            attachment_id: info.id.clone(),
            name: info.name.clone(),
            sha256: content.as_ref().map(|artifact| artifact.artifact.hex()),
            content,
            skipped,
        });
    }
    Ok(all)
}

impl TypedAction<Ports> for ListFolder {
    const INFO: ActionInfo = ActionInfo {
        name: "mail.list_folder",
        summary: "Read the newest messages of a folder",
        description: "Reads whole messages of one folder, newest first: addresses, headers in order, bodies, and \
                      what is attached. With `attached_mails` also the mails attached to them as artifacts, for \
                      mailboxes that people send reports to. A message that cannot be read is listed in `failed`. \
                      Mail that arrives between two pages moves the later ones on by one. Marks nothing as read.",
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
        ports: &["attachments", "read", "search"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, context: Context, input: Input) -> Result<Output, Failure> {
        let search = need(&ports.search, Self::INFO.name, "search")?;
        let read = need(&ports.read, Self::INFO.name, "read")?;
        let attachments = need(&ports.attachments, Self::INFO.name, "attachments")?;
        let mailbox = input.mailbox.get();
        let request = SearchRequest {
            mailbox: mailbox.clone(),
            folder: input.folder.get().clone(),
            query: exchange::Query::default(),
            restriction: None,
            offset: input.offset,
            limit: input.limit,
        };
        let page = search.search(&request).await.map_err(from_exchange)?;
        let items: Vec<ItemRef> = page.messages.into_iter().map(|message| message.item).collect();
        let found = read.get(mailbox, &items).await.map_err(from_exchange)?;
        let most = usize::try_from(input.max_body).unwrap_or(usize::MAX);
        let mut output = Output {
            messages: Vec::with_capacity(items.len()),
            attached_mails: Vec::new(),
            failed: Vec::new(),
            total: page.total,
            next_offset: page.next_offset,
            fallback_charset: ports.fallback_charset.as_deref().map(str::to_owned),
        };
        for (item, result) in items.into_iter().zip(found) {
            match result {
                Ok(message) => {
                    if input.attached_mails {
                        let mails = attached(attachments, &context, &input, &message).await?;
                        output.attached_mails.extend(mails);
                    }
                    output.messages.push(Full::new(mailbox, message, most));
                }
                Err(error) => output.failed.push(Failed {
                    item_id: item.id,
                    kind: kind_of(&error).as_str().to_owned(),
                    message: error.message,
                }),
            }
        }
        Ok(output)
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "What people reported, with the mails they attached".to_owned(),
                input: json!({ "mailbox": "alice@corp.example", "folder": "inbox", "attached_mails": true }),
                output: json!(null),
            },
            Example {
                title: "The second page of a folder".to_owned(),
                input: json!({ "mailbox": "alice@corp.example", "folder": "inbox", "limit": 1, "offset": 1 }),
                output: json!(null),
            },
        ]
    }
}
