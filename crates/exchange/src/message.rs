//! Mailboxes, folders, messages and attachments.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The SMTP address of a mailbox, e.g. `alice@corp.example`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mailbox(String);

impl Mailbox {
    /// Takes an address: one `@`, no white space, no control characters, at most 320 bytes. The host part is
    /// put in lower case, so that equal mailboxes compare equal.
    pub fn new(address: &str) -> Option<Self> {
        let (local, host) = address.rsplit_once('@')?;
        let fits = address.len() <= 320
            && !local.is_empty()
            && !host.is_empty()
            && !address
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';'));
        fits.then(|| Mailbox(format!("{local}@{}", host.to_ascii_lowercase())))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A folder every mailbox has, whatever its language. The names are those of
/// [EWS](https://learn.microsoft.com/exchange/client-developer/web-service-reference/distinguishedfolderid).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WellKnownFolder {
    /// New mail.
    Inbox,
    /// Copies of what was sent.
    SentItems,
    /// Not sent yet.
    Drafts,
    /// The trash a user sees.
    DeletedItems,
    /// Suspected spam.
    JunkEmail,
    /// The top of the folders a user sees.
    MsgFolderRoot,
    /// What is left after the trash was emptied ("soft deleted").
    RecoverableItemsDeletions,
    /// What was deleted for good but is still kept by a hold.
    RecoverableItemsPurges,
    /// A search folder over the whole mailbox (Exchange 2013 and later).
    AllItems,
}

impl WellKnownFolder {
    /// Every one of them.
    pub const ALL: [WellKnownFolder; 9] = [
        WellKnownFolder::Inbox,
        WellKnownFolder::SentItems,
        WellKnownFolder::Drafts,
        WellKnownFolder::DeletedItems,
        WellKnownFolder::JunkEmail,
        WellKnownFolder::MsgFolderRoot,
        WellKnownFolder::RecoverableItemsDeletions,
        WellKnownFolder::RecoverableItemsPurges,
        WellKnownFolder::AllItems,
    ];

    /// The name in EWS and in playbooks, e.g. `recoverableitemsdeletions`.
    pub fn as_str(self) -> &'static str {
        match self {
            WellKnownFolder::Inbox => "inbox",
            WellKnownFolder::SentItems => "sentitems",
            WellKnownFolder::Drafts => "drafts",
            WellKnownFolder::DeletedItems => "deleteditems",
            WellKnownFolder::JunkEmail => "junkemail",
            WellKnownFolder::MsgFolderRoot => "msgfolderroot",
            WellKnownFolder::RecoverableItemsDeletions => "recoverableitemsdeletions",
            WellKnownFolder::RecoverableItemsPurges => "recoverableitemspurges",
            WellKnownFolder::AllItems => "allitems",
        }
    }
}

impl FromStr for WellKnownFolder {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        WellKnownFolder::ALL.into_iter().find(|folder| folder.as_str().eq_ignore_ascii_case(name)).ok_or(())
    }
}

/// A folder of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FolderRef {
    /// By its well-known name.
    WellKnown(WellKnownFolder),
    /// By a path of display names below `msgfolderroot`, e.g. `["Inbox", "Processed"]`.
    Path(Vec<String>),
    /// By the server's id.
    Id(String),
}

impl FolderRef {
    /// Reads what an author writes: a well-known name (`inbox`), else a path with `/` (`Inbox/Processed`).
    /// Empty segments are refused.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(folder) = text.parse() {
            return Some(FolderRef::WellKnown(folder));
        }
        let path: Vec<String> = text.split('/').map(|part| part.trim().to_owned()).collect();
        path.iter()
            .all(|part| !part.is_empty() && !part.chars().any(char::is_control))
            .then_some(FolderRef::Path(path))
    }
}

impl fmt::Display for FolderRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FolderRef::WellKnown(folder) => f.write_str(folder.as_str()),
            FolderRef::Path(path) => f.write_str(&path.join("/")),
            FolderRef::Id(id) => write!(f, "folder with id {id}"),
        }
    }
}

/// One item in one mailbox. Ids are opaque, case-sensitive, and change when the item is moved.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemRef {
    /// The server's id.
    pub id: String,
    /// The server's version of the item, where the wire has one.
    pub change_key: Option<String>,
}

impl ItemRef {
    /// An item by its id, whatever its version.
    pub fn new(id: impl Into<String>) -> Self {
        ItemRef { id: id.into(), change_key: None }
    }
}

/// A person or list as a mail names it. Both parts are the sender's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-untrusted" = true))]
pub struct Address {
    /// Display name.
    #[serde(default)]
    pub name: Option<String>,
    /// SMTP address.
    pub address: String,
}

/// What a search returns of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageSummary {
    /// Where it is.
    pub item: ItemRef,
    /// The `Message-ID` header, with its angle brackets.
    pub internet_message_id: Option<String>,
    /// Subject.
    pub subject: Option<String>,
    /// Who it says it is from.
    pub from: Option<Address>,
    /// When the server received it, RFC 3339 in UTC.
    pub received_at: Option<String>,
    /// Size in bytes.
    pub size: u64,
    /// Whether it was read.
    pub is_read: bool,
    /// Whether it has attachments the client would show.
    pub has_attachments: bool,
    /// The folder it is in.
    pub folder_id: Option<String>,
}

/// A whole message, without the bytes of its attachments.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// What a search would have returned.
    pub summary: MessageSummary,
    /// Recipients.
    pub to: Vec<Address>,
    /// Copies.
    pub cc: Vec<Address>,
    /// When the sender says it was sent, RFC 3339 in UTC.
    pub sent_at: Option<String>,
    /// Body as plain text, as far as the server has it.
    pub text_body: Option<String>,
    /// Body as HTML.
    pub html_body: Option<String>,
    /// Headers in the order of the mail, repeats kept.
    pub headers: Vec<Header>,
    /// Its attachments.
    pub attachments: Vec<AttachmentInfo>,
}

/// One header line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-untrusted" = true))]
pub struct Header {
    /// As the mail writes it.
    pub name: String,
    /// Unfolded.
    pub value: String,
}

/// What an attachment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AttachmentKind {
    /// Bytes.
    File,
    /// A message, meeting, contact: fetched as MIME.
    Item,
    /// A link to a cloud document; has no bytes.
    Reference,
}

/// An attachment, without its bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct AttachmentInfo {
    /// The server's id.
    pub id: String,
    /// The sender's name for it. Never a path.
    pub name: Option<String>,
    /// Media type as the sender says.
    pub content_type: Option<String>,
    /// Size in bytes as the server says.
    pub size: u64,
    /// Shown inside the body.
    pub is_inline: bool,
    /// `Content-ID`.
    pub content_id: Option<String>,
    /// What it is.
    pub kind: AttachmentKind,
}

/// How far a deletion goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeleteMode {
    /// To the trash the user sees.
    Trash,
    /// To Recoverable Items: gone for the user, an administrator can bring it back.
    Soft,
    /// For good, as far as retention allows.
    Hard,
}

/// Text of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyText {
    /// Plain text.
    Text(String),
    /// HTML.
    Html(String),
}

impl Default for BodyText {
    fn default() -> Self {
        BodyText::Text(String::new())
    }
}
