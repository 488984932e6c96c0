//! Ids of items, folders and attachments: opaque base64 text, case-sensitive.
//!
//! An item's id is a function of its mailbox, where it came from, its content and how often it was moved, so
//! two runs over the same folder of mails see the same ids. The first byte says what kind of thing it is, so
//! that an id of the wrong kind is *malformed*, as on a real server, and not merely unknown.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Number of bytes behind an item's or folder's id: a kind and a hash.
const ID_BYTES: usize = 33;
const ITEM: u8 = 0x46;
const FOLDER: u8 = 0x2e;
const ATTACHMENT: u8 = 0x21;

/// What an id names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// An item.
    Item,
    /// A folder.
    Folder,
    /// The attachment at this path below the item with this id.
    Attachment { item: String, path: Vec<u16> },
}

/// The id of an item.
pub(crate) fn item(parts: &[&[u8]]) -> String {
    hashed(ITEM, parts)
}

/// The id of a folder.
pub(crate) fn folder(mailbox: &str, path: &str) -> String {
    hashed(FOLDER, &[mailbox.as_bytes(), path.as_bytes()])
}

/// The id of the rule that was made as number `number` in a mailbox. As long as those of a server.
pub(crate) fn rule(mailbox: &str, number: u32) -> String {
    let mut hash = Sha256::new();
    hash.update(mailbox.as_bytes());
    hash.update(number.to_be_bytes());
    let bytes: Vec<u8> = hash.finalize().iter().copied().take(8).collect();
    STANDARD.encode(bytes)
}

/// A name for a mailbox that only machines use, in the form of a GUID.
pub(crate) fn guid(mailbox: &str) -> String {
    let digest = Sha256::digest(mailbox.as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let cuts = [0..8, 8..12, 12..16, 16..20, 20..32];
    cuts.map(|cut| hex.get(cut).unwrap_or_default()).join("-")
}

/// The id of the attachment at `path` (indices, outermost first) of an item.
pub(crate) fn attachment(item: &str, path: &[u16]) -> String {
    let mut bytes = vec![ATTACHMENT];
    bytes.extend(STANDARD.decode(item).unwrap_or_default());
    for index in path {
        bytes.extend(index.to_be_bytes());
    }
    STANDARD.encode(bytes)
}

/// The change key of a version of a folder.
pub(crate) fn folder_change_key(version: u32) -> String {
    let mut bytes = vec![0x01, 0, 0, 0];
    if version > 1 {
        bytes.extend(version.to_be_bytes());
    }
    STANDARD.encode(bytes)
}

/// The change key of a version of an item.
pub(crate) fn change_key(version: u32) -> String {
    let mut bytes = vec![0x09, 0, 0, 0, 0x16, 0, 0, 0];
    bytes.extend(version.to_be_bytes());
    STANDARD.encode(bytes)
}

/// Reads an id; `None` if it is no id at all.
pub(crate) fn read(id: &str) -> Option<Named> {
    let bytes = STANDARD.decode(id).ok()?;
    match (bytes.first()?, bytes.len()) {
        (&ITEM, ID_BYTES) => Some(Named::Item),
        (&FOLDER, ID_BYTES) => Some(Named::Folder),
        (&ATTACHMENT, length) if length > ID_BYTES + 1 => {
            let (item, path) = bytes.get(1..)?.split_at_checked(ID_BYTES)?;
            let path: Vec<u16> = path
                .chunks_exact(2)
                .filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)))
                .collect();
            (length == 1 + ID_BYTES + 2 * path.len())
                .then(|| Named::Attachment { item: STANDARD.encode(item), path })
        }
        _ => None,
    }
}

fn hashed(kind: u8, parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut bytes = vec![kind];
    bytes.extend(hash.finalize());
    STANDARD.encode(bytes)
}
