//! Folders of a mailbox, beside what is in them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FolderKind {
    /// Mail.
    #[default]
    Mail,
    /// Entries of a calendar.
    Calendar,
    /// Contacts.
    Contacts,
    /// Tasks.
    Tasks,
    /// Nothing of its own: a search that is kept.
    Search,
    /// Something else, such as notes or settings.
    Other,
}

impl FolderKind {
    /// The kind of the folders of a [class](https://learn.microsoft.com/exchange/client-developer/web-service-reference/folderclass)
    /// such as `IPF.Note`. A class may go on behind a dot; one that says nothing is that of mail.
    pub fn of_class(class: &str) -> Self {
        let mut parts = class.split('.');
        let top = parts.next().unwrap_or_default();
        match (top.eq_ignore_ascii_case("ipf"), parts.next().map(str::to_ascii_lowercase).as_deref()) {
            (true, None | Some("" | "note")) => FolderKind::Mail,
            (true, Some("appointment")) => FolderKind::Calendar,
            (true, Some("contact")) => FolderKind::Contacts,
            (true, Some("task")) => FolderKind::Tasks,
            (false, _) if class.trim().is_empty() => FolderKind::Mail,
            _ => FolderKind::Other,
        }
    }
}

/// A folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folder {
    /// The server's id. It stays when the folder is moved or renamed.
    pub id: String,
    /// The name a user sees, in the language of the mailbox. Whoever controls the mailbox chose it.
    pub name: String,
    /// The id of the folder it is in.
    pub parent_id: Option<String>,
    /// The well-known name, e.g. `inbox` or `calendar`, of the folders that have one.
    pub well_known: Option<String>,
    /// What it holds.
    pub kind: FolderKind,
    /// How many items are in it, without those in folders below.
    pub total: u64,
    /// How many of them are unread, where the server counts that.
    pub unread: Option<u64>,
    /// How many folders are right below it.
    pub children: u64,
    /// Whether mail clients do not show it.
    pub hidden: bool,
}

/// Folders below another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FolderList {
    /// They, in the server's order.
    pub folders: Vec<Folder>,
    /// Whether there are more than these.
    pub truncated: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_says_what_a_folder_holds() {
        for (class, kind) in [
            ("IPF.Note", FolderKind::Mail),
            ("ipf.note.OutlookHomepage", FolderKind::Mail),
            ("IPF", FolderKind::Mail),
            ("", FolderKind::Mail),
            ("IPF.Appointment", FolderKind::Calendar),
            ("IPF.Contact.MOC.QuickContacts", FolderKind::Contacts),
            ("IPF.Task", FolderKind::Tasks),
            ("IPF.Configuration", FolderKind::Other),
            ("Other.Note", FolderKind::Other),
        ] {
            assert_eq!(FolderKind::of_class(class), kind, "{class}");
        }
    }
}
