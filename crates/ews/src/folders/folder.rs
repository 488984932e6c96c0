//! One folder: what there is to know of it, and how it is read.

use crate::failure::Failure;
use crate::malformed::Reason;
use crate::xml::{Pull, Reader};

/// Whether mail clients hide a folder, as
/// [MAPI](https://learn.microsoft.com/office/client-developer/outlook/mapi/pidtagattributehidden-canonical-property)
/// has it.
pub(super) const HIDDEN: &str = "0x10F4";

/// What kind of folder the server says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum FolderKind {
    /// Mail, and whatever is none of the others.
    #[default]
    Mail,
    /// A calendar.
    Calendar,
    /// Contacts.
    Contacts,
    /// Tasks.
    Tasks,
    /// A search that is kept.
    Search,
}

impl FolderKind {
    /// The element of a folder of this kind.
    pub(crate) fn element(self) -> &'static str {
        match self {
            FolderKind::Mail => "t:Folder",
            FolderKind::Calendar => "t:CalendarFolder",
            FolderKind::Contacts => "t:ContactsFolder",
            FolderKind::Tasks => "t:TasksFolder",
            FolderKind::Search => "t:SearchFolder",
        }
    }

    fn of(name: &[u8]) -> Self {
        match name {
            b"CalendarFolder" => FolderKind::Calendar,
            b"ContactsFolder" => FolderKind::Contacts,
            b"TasksFolder" => FolderKind::Tasks,
            b"SearchFolder" => FolderKind::Search,
            _ => FolderKind::Mail,
        }
    }
}

/// A [folder](https://learn.microsoft.com/exchange/client-developer/web-service-reference/folder). What the server did
/// not say is empty; after a change it says nothing but the id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Folder {
    /// Its id, which stays when it is moved or renamed.
    pub id: String,
    /// Its version.
    pub change_key: Option<String>,
    /// What kind of folder it is.
    pub kind: FolderKind,
    /// The id of the folder it is in.
    pub parent_id: Option<String>,
    /// Its class, e.g. `IPF.Note`.
    pub class: Option<String>,
    /// The name a user sees, in the language of the mailbox.
    pub name: Option<String>,
    /// The well-known name, e.g. `inbox`, of the folders that have one.
    pub well_known: Option<String>,
    /// How many items are in it.
    pub total: Option<u64>,
    /// How many of them are unread.
    pub unread: Option<u64>,
    /// How many folders are right below it.
    pub children: Option<u64>,
    /// Whether mail clients do not show it.
    pub hidden: bool,
}

impl Folder {
    /// Reads the current element to its end.
    pub(crate) async fn read<P: Pull>(reader: &mut Reader<P>) -> Result<Folder, Failure> {
        let mut folder = Folder { kind: FolderKind::of(reader.name()), ..Folder::default() };
        while reader.child().await? {
            match reader.name() {
                b"FolderId" => {
                    folder.id = reader.attribute("Id").unwrap_or_default();
                    folder.change_key = reader.attribute("ChangeKey").filter(|key| !key.is_empty());
                    reader.skip().await?;
                }
                b"ParentFolderId" => {
                    folder.parent_id = reader.attribute("Id");
                    reader.skip().await?;
                }
                b"FolderClass" => folder.class = Some(reader.text().await?),
                b"DisplayName" => folder.name = Some(reader.text().await?),
                b"DistinguishedFolderId" => folder.well_known = Some(reader.text().await?),
                b"TotalCount" => folder.total = Some(reader.size("TotalCount").await?),
                b"UnreadCount" => folder.unread = Some(reader.size("UnreadCount").await?),
                b"ChildFolderCount" => folder.children = Some(reader.size("ChildFolderCount").await?),
                b"ExtendedProperty" => folder.hidden |= hidden(reader).await?,
                _ => reader.skip().await?,
            }
        }
        if folder.id.is_empty() {
            return Err(reader.error(Reason::Missing("FolderId")));
        }
        Ok(folder)
    }
}

/// Reads the current element, an extended property, and says whether it hides the folder.
async fn hidden<P: Pull>(reader: &mut Reader<P>) -> Result<bool, Failure> {
    let (mut is_mark, mut is_set) = (false, false);
    while reader.child().await? {
        match reader.name() {
            b"ExtendedFieldURI" => {
                let tag = reader.attribute("PropertyTag");
                is_mark = tag.is_some_and(|tag| tag.trim().eq_ignore_ascii_case(HIDDEN));
                reader.skip().await?;
            }
            b"Value" => is_set = matches!(reader.text().await?.trim(), "true" | "1"),
            _ => reader.skip().await?,
        }
    }
    Ok(is_mark && is_set)
}
