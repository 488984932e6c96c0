//! What happened to the folders and items of one mailbox, in order: sync states, events and watermarks follow from it.
//!
//! A sync state or a watermark is a position in this list. What a client has to be told of a folder between two
//! positions is the net of the entries between them, so a page of changes does not depend on what happens meanwhile.
//! The list is bounded, as on a server. What falls out at its beginning becomes part of what there was before it, so a
//! first synchronisation still gets everything; a position before the beginning is one that nobody knows any more.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
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

/// How many changes of a mailbox are kept, unless it is told otherwise.
const MOST: usize = 100_000;

/// What there was where the list begins.
#[derive(Debug, Clone, Default)]
struct Before {
    /// The items of each folder, with the position after what last happened to each.
    items: BTreeMap<FolderKey, BTreeMap<String, usize>>,
    folders: BTreeSet<FolderKey>,
}

impl Before {
    /// Takes in what falls out of the list; `at` is the position after it.
    fn take(&mut self, change: Change, at: usize) {
        let Some(id) = change.item else {
            match change.what {
                What::Deleted => self.folders.remove(&change.folder),
                _ => self.folders.insert(change.folder),
            };
            return;
        };
        let left = change.from.filter(|_| change.what == What::Moved);
        if let Some((old, parent)) = left.and_then(|from| Some((from.item?, from.parent))) {
            self.items.entry(parent).or_default().remove(&old);
        }
        let items = self.items.entry(change.folder).or_default();
        match change.what {
            What::Deleted => items.remove(&id),
            _ => items.insert(id, at),
        };
    }
}

/// The list.
#[derive(Debug, Clone)]
pub(crate) struct ChangeLog {
    all: VecDeque<Change>,
    before: Before,
    /// How many fell out: the position where the list begins.
    dropped: usize,
    most: usize,
    /// Wakes whoever follows what happens.
    wake: Arc<Notify>,
}

impl ChangeLog {
    /// An empty one.
    pub(crate) fn new(wake: Arc<Notify>) -> Self {
        ChangeLog { all: VecDeque::new(), before: Before::default(), dropped: 0, most: MOST, wake }
    }

    /// How many changes are kept.
    pub(crate) fn keep(&mut self, most: usize) {
        self.most = most;
        self.shorten();
    }

    /// Whether what happened after a position can still be told; after nothing it always can.
    pub(crate) fn reaches_back_to(&self, position: usize) -> bool {
        position == 0 || position >= self.dropped
    }

    fn shorten(&mut self) {
        while self.all.len() > self.most {
            let Some(change) = self.all.pop_front() else { break };
            self.dropped += 1;
            self.before.take(change, self.dropped);
        }
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
        self.all.push_back(change);
        self.shorten();
        self.wake.notify_waiters();
    }

    /// The newest change of a kind.
    pub(crate) fn latest(&self, fits: impl Fn(&Change) -> bool) -> Option<&Change> {
        self.all.iter().rev().find(|change| fits(change))
    }

    /// The position after everything that happened.
    pub(crate) fn end(&self) -> usize {
        self.dropped + self.all.len()
    }

    /// The first position of which is known what happened after it.
    pub(crate) fn beginning(&self) -> usize {
        self.dropped
    }

    /// What happened after a position, with the position after each.
    pub(crate) fn after(&self, position: usize) -> impl Iterator<Item = (usize, &Change)> {
        let first = self.dropped + 1;
        let skipped = position.saturating_sub(self.dropped);
        self.all.iter().enumerate().skip(skipped).map(move |(at, change)| (first + at, change))
    }

    fn between(&self, from: usize, to: usize) -> impl Iterator<Item = (usize, &Change)> {
        self.after(from).take_while(move |(at, _)| *at <= to)
    }

    /// What to tell about the items of a folder, in the order in which it last happened.
    pub(crate) fn items_of(&self, folder: FolderKey, from: usize, to: usize) -> Vec<Net> {
        let mut all: BTreeMap<&str, Seen> = BTreeMap::new();
        let before = self.before.items.get(&folder).filter(|_| from == 0);
        for (id, last) in before.into_iter().flatten() {
            all.insert(id, Seen { is_there: true, last: *last, ..Seen::default() });
        }
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
        let before = self.before.folders.iter().filter(|_| from == 0);
        let mut all: BTreeMap<FolderKey, (bool, Option<FolderKey>)> =
            before.map(|key| (*key, (true, None))).collect();
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
        let mut log = ChangeLog::new(Arc::default());
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

    #[test]
    fn what_falls_out_of_the_list_is_still_told_to_who_begins() {
        let whole = {
            let mut log = ChangeLog::new(Arc::default());
            fill(&mut log);
            log
        };
        for most in 0..whole.end() {
            let mut log = ChangeLog::new(Arc::default());
            log.keep(most);
            fill(&mut log);
            assert_eq!(log.end(), whole.end());
            assert_eq!(log.beginning(), whole.end() - most);
            for folder in [7, 8] {
                let all = log.items_of(folder, 0, log.end());
                assert_eq!(all, whole.items_of(folder, 0, whole.end()), "{most} kept, folder {folder}");
                // What can still be told is told as if nothing had fallen out.
                for from in log.beginning()..=log.end() {
                    assert!(log.reaches_back_to(from));
                    if from > 0 {
                        let expected = whole.items_of(folder, from, whole.end());
                        assert_eq!(log.items_of(folder, from, log.end()), expected);
                    }
                }
            }
            // A folder that came and went may be told as that, or not at all.
            let folders = |log: &ChangeLog| -> Vec<FolderKey> {
                let all = log.folders(0).into_iter().filter(|(key, is_new, old)| {
                    assert!(*is_new && old.is_none());
                    *key != 9
                });
                all.map(|(key, ..)| key).collect()
            };
            assert_eq!(folders(&log), folders(&whole));
            assert!((1..log.beginning()).all(|position| !log.reaches_back_to(position)));
        }
    }

    fn fill(log: &mut ChangeLog) {
        log.folder(at(0), What::Created, 7, None);
        log.folder(at(0), What::Created, 8, None);
        log.folder(at(0), What::Created, 9, None);
        for id in ["a", "b", "c", "d"] {
            log.item(at(1), What::Created, id.to_owned(), 7, None);
        }
        log.item(at(2), What::Modified, "a".to_owned(), 7, None);
        log.item(at(3), What::Moved, "b2".to_owned(), 8, moved("b", 7));
        log.item(at(4), What::Deleted, "c".to_owned(), 7, None);
        log.item(at(5), What::ReadFlag, "b2".to_owned(), 8, None);
        log.item(at(6), What::Copied, "d2".to_owned(), 8, moved("d", 7));
        log.folder(at(7), What::Deleted, 9, None);
    }
}
