//! MAPI properties of folders, by tag: what bridges to IMAP ask for, because EWS has no words of its own for it.

use super::changes::Change;
use super::item::FolderKey;
use super::mailbox::Mailbox;

/// The tags a folder has, with their types: name, class, last change of the folder and of what is in it, number of
/// items and of unread ones, whether there are folders below, the next and the last number for IMAP,
/// whether mail clients hide it.
pub(crate) const TAGS: [(u32, &str); 10] = [
    (0x3001, "String"),
    (0x3613, "String"),
    (0x3008, "SystemTime"),
    (0x670a, "SystemTime"),
    (0x3602, "Integer"),
    (0x3603, "Integer"),
    (0x360a, "Boolean"),
    (0x6751, "Integer"),
    (0x6752, "Integer"),
    (0x10f4, "Boolean"),
];

/// The value of a tag, if a folder has it.
pub(crate) fn value(mailbox: &Mailbox, key: FolderKey, tag: u32) -> Option<String> {
    let folder = mailbox.folders.get(key)?;
    let newest = |fits: &dyn Fn(&Change) -> bool| {
        let change = mailbox.changes.latest(|change| fits(change))?;
        Some(change.at.to_string())
    };
    let (total, unread) = mailbox.counts(key);
    Some(match tag {
        0x3001 => folder.name.clone(),
        0x3613 => folder.class.to_string(),
        0x3008 => newest(&|change| change.item.is_none() && change.folder == key)
            .unwrap_or_else(|| String::from("1970-01-01T00:00:00Z")),
        // Clients look again when this differs, so it has to move with every change, also within one second.
        0x670a => {
            newest(&|change| touches(change, key)).unwrap_or_else(|| String::from("1970-01-01T00:00:00Z"))
        }
        0x3602 => total.to_string(),
        0x3603 => unread.to_string(),
        0x360a => mailbox.folders.iter().any(|child| !child.gone && child.parent == Some(key)).to_string(),
        0x6751 => mailbox.articles.saturating_add(1).to_string(),
        0x6752 => mailbox.articles.to_string(),
        // Servers leave it out where it was never set.
        0x10f4 if folder.hidden => true.to_string(),
        _ => return None,
    })
}

fn touches(change: &Change, key: FolderKey) -> bool {
    let left = change.from.as_ref().is_some_and(|from| from.parent == key);
    change.item.is_some() && (change.folder == key || left)
}
