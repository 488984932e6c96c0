//! What happened to the folders and items of one mailbox, in order: sync states, events and watermarks follow from it.
//!
//! A sync state or a watermark is a position in this list. What a client has to be told of a folder between two
//! positions is the net of the entries between them, so a page of changes does not depend on what happens meanwhile.
//! Nothing is ever taken out: a test does not run long enough for that to matter.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Notify;

use super::item::FolderKey;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Created,
    /// A mail came in; the same item was created just before.
    NewMail,
    Modified,
    /// Nothing but the read mark changed.
    ReadFlag,
    Deleted,
    Moved,
    Copied,
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) at: Timestamp,
    pub(crate) what: What,
    /// The item as it is called now; none if it happened to the folder itself.
    pub(crate) item: Option<String>,
    /// The folder, or the folder the item is in.
    pub(crate) folder: FolderKey,
    pub(crate) from: Option<From>,
}

/// Where something was before.
#[derive(Debug, Clone)]
pub(crate) struct From {
    /// What the item was called; for a folder the folder that it was copied from.
    pub(crate) item: Option<String>,
    pub(crate) original: Option<FolderKey>,
    /// The folder it was in.
    pub(crate) parent: FolderKey,
}

/// What to tell about one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Net {
    Create(String),
    Update(String),
    ReadFlag(String),
    Delete(String),
}

/// What is known about one item between two positions.
#[derive(Default)]
struct Seen {
    was_there: bool,
    is_there: bool,
    changed: bool,
    read: bool,
    last: usize,
}

impl Seen {
    fn net(&self, id: &str) -> Option<Net> {
        match (self.was_there, self.is_there) {
            (false, true) => Some(Net::Create(id.to_owned())),
            (true, false) => Some(Net::Delete(id.to_owned())),
            (true, true) if self.changed => Some(Net::Update(id.to_owned())),
            (true, true) if self.read => Some(Net::ReadFlag(id.to_owned())),
            _ => None,
        }
    }
}

/// The list.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChangeLog {
    all: Vec<Change>,
    /// Wakes whoever follows what happens.
    wake: Arc<Notify>,
}

impl ChangeLog {
    /// An empty one.
    pub(crate) fn new(wake: Arc<Notify>) -> Self {
        ChangeLog { all: Vec::new(), wake }
    }

    /// Writes down what happened to an item.
    pub(crate) fn item(
        &mut self,
        at: Timestamp,
        what: What,
        id: String,
        folder: FolderKey,
        from: Option<From>,
    ) {
        self.push(Change { at, what, item: Some(id), folder, from });
    }

    /// Writes down what happened to a folder.
    pub(crate) fn folder(&mut self, at: Timestamp, what: What, folder: FolderKey, from: Option<From>) {
        self.push(Change { at, what, item: None, folder, from });
    }

    fn push(&mut self, change: Change) {
        self.all.push(change);
        self.wake.notify_waiters();
    }

    /// The newest change of a kind.
    pub(crate) fn latest(&self, fits: impl Fn(&Change) -> bool) -> Option<&Change> {
        self.all.iter().rev().find(|change| fits(change))
    }

    /// The position after everything that happened.
    pub(crate) fn end(&self) -> usize {
        self.all.len()
    }

    /// What happened after a position, with the position after each.
    pub(crate) fn after(&self, position: usize) -> impl Iterator<Item = (usize, &Change)> {
        self.all.iter().enumerate().skip(position).map(|(at, change)| (at + 1, change))
    }

    fn between(&self, from: usize, to: usize) -> impl Iterator<Item = (usize, &Change)> {
        self.after(from).take_while(move |(at, _)| *at <= to)
    }

    /// What to tell about the items of a folder, in the order in which it last happened.
    pub(crate) fn items_of(&self, folder: FolderKey, from: usize, to: usize) -> Vec<Net> {
        let mut all: BTreeMap<&str, Seen> = BTreeMap::new();
        for (at, change) in self.between(from, to) {
            let left =
                change.from.as_ref().filter(|from| change.what == What::Moved && from.parent == folder);
            if let Some(old) = left.and_then(|from| from.item.as_deref()) {
                let seen = all.entry(old).or_insert_with(|| Seen { was_there: true, ..Seen::default() });
                (seen.is_there, seen.last) = (false, at);
            }
            let Some(id) = change.item.as_deref().filter(|_| change.folder == folder) else { continue };
            let is_new = matches!(change.what, What::Created | What::Moved | What::Copied);
            let seen = all.entry(id).or_insert_with(|| Seen {
                was_there: !is_new && change.what != What::NewMail,
                is_there: true,
                ..Seen::default()
            });
            seen.last = at;
            match change.what {
                What::Created | What::Moved | What::Copied => seen.is_there = true,
                What::Deleted => seen.is_there = false,
                What::Modified => seen.changed = true,
                What::ReadFlag => seen.read = true,
                What::NewMail => {}
            }
        }
        let mut told: Vec<(usize, Net)> =
            all.iter().filter_map(|(id, seen)| Some((seen.last, seen.net(id)?))).collect();
        told.sort_by_key(|(last, _)| *last);
        told.into_iter().map(|(_, net)| net).collect()
    }

    /// The folders something happened to: whether each is new since then, and where it was if it was moved.
    pub(crate) fn folders(&self, from: usize) -> Vec<(FolderKey, bool, Option<FolderKey>)> {
        let mut all: BTreeMap<FolderKey, (bool, Option<FolderKey>)> = BTreeMap::new();
        for (_, change) in self.after(from).filter(|(_, change)| change.item.is_none()) {
            let (is_new, old) = all.entry(change.folder).or_default();
            *is_new |= matches!(change.what, What::Created | What::Copied);
            if change.what == What::Moved && old.is_none() {
                *old = change.from.as_ref().map(|from| from.parent);
            }
        }
        all.into_iter().map(|(key, (is_new, old))| (key, is_new, old)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn moved(old: &str, parent: FolderKey) -> Option<From> {
        Some(From { item: Some(old.to_owned()), original: None, parent })
    }

    #[test]
    fn a_folder_is_told_the_net_of_what_happened() {
        let mut log = ChangeLog::default();
        for id in ["kept", "left", "read", "changed", "gone"] {
            log.item(at(1), What::Created, id.to_owned(), 7, None);
        }
        let before = log.end();
        log.item(at(2), What::Created, "flash".to_owned(), 7, None);
        log.item(at(2), What::Deleted, "flash".to_owned(), 7, None);
        log.item(at(3), What::Moved, "left elsewhere".to_owned(), 8, moved("left", 7));
        log.item(at(3), What::Moved, "came".to_owned(), 7, moved("was at 8", 8));
        log.item(at(4), What::ReadFlag, "read".to_owned(), 7, None);
        log.item(at(4), What::ReadFlag, "changed".to_owned(), 7, None);
        log.item(at(4), What::Modified, "changed".to_owned(), 7, None);
        log.item(at(5), What::Deleted, "gone".to_owned(), 7, None);
        let net = log.items_of(7, before, log.end());
        let expected = [
            Net::Delete("left".to_owned()),
            Net::Create("came".to_owned()),
            Net::ReadFlag("read".to_owned()),
            Net::Update("changed".to_owned()),
            Net::Delete("gone".to_owned()),
        ];
        assert_eq!(net, expected);
        let all = log.items_of(7, 0, log.end());
        let expected = ["kept", "came", "read", "changed"].map(|id| Net::Create(id.to_owned()));
        assert_eq!(all, expected);
    }
}
