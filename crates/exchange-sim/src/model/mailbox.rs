//! One mailbox: its folders and items, and the operations that stay inside it.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Notify;

use super::changes::{ChangeLog, What};
use super::filter::{Field, Filter, order};
use super::folder::{ALL_ITEMS, BORN_WITH, Folder};
use super::id;
use super::item::{FolderKey, Item, ItemKey};
use super::settings::Settings;
use super::stores::{PUBLIC, Public};

/// One mailbox.
#[derive(Debug, Clone)]
pub(crate) struct Mailbox {
    /// As it was added, e.g. `Alice@corp.example`.
    pub(crate) address: String,
    /// Whether the account that logs in may open it.
    pub(crate) denied: bool,
    /// That it holds the public folders, if it does.
    pub(crate) public: Option<Public>,
    pub(crate) folders: Vec<Folder>,
    pub(crate) items: HashMap<ItemKey, Item>,
    /// The last number that an item was given for IMAP.
    pub(crate) articles: u32,
    /// What it has beside mail.
    pub(crate) settings: Settings,
    /// What happened to its folders and items.
    pub(crate) changes: ChangeLog,
}

/// One page of a search.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub(crate) keys: Vec<ItemKey>,
    pub(crate) total: usize,
}

/// What a search wants: condition, order (`true` is descending), and which page.
#[derive(Debug, Clone)]
pub(crate) struct Search<'a> {
    pub(crate) filter: Option<&'a Filter>,
    pub(crate) sort: &'a [(Field, bool)],
    pub(crate) offset: usize,
    pub(crate) from_end: bool,
    pub(crate) limit: usize,
}

impl Mailbox {
    /// With the folders a mailbox is born with; `wake` is told of every change.
    pub(crate) fn new(address: &str, wake: Arc<Notify>) -> Self {
        let mut mailbox = Mailbox::empty(address, wake);
        mailbox.bear(&BORN_WITH);
        mailbox
    }

    /// One that holds the public folders.
    pub(crate) fn with_public_folders(address: &str, wake: Arc<Notify>, public: Public) -> Self {
        let mut mailbox = Mailbox { public: Some(public), ..Mailbox::empty(address, wake) };
        mailbox.bear(&PUBLIC);
        mailbox
    }

    fn empty(address: &str, wake: Arc<Notify>) -> Self {
        Mailbox {
            address: address.to_owned(),
            denied: false,
            public: None,
            folders: Vec::new(),
            items: HashMap::new(),
            articles: 0,
            settings: Settings::default(),
            changes: ChangeLog::new(wake),
        }
    }

    /// Adds a folder; where it belongs was checked.
    pub(crate) fn push_folder(
        &mut self,
        name: &str,
        well_known: Option<&'static str>,
        parent: Option<FolderKey>,
        class: Cow<'static, str>,
        now: Timestamp,
    ) -> FolderKey {
        let mut path = match parent {
            Some(parent) => format!("{}/{name}", self.path(parent)),
            None => name.to_owned(),
        };
        let owner = self.address.to_lowercase();
        // Never the id of a folder that was here before.
        while self.folders.iter().any(|folder| folder.id == id::folder(&owner, &path)) {
            path.push('\0');
        }
        let key = self.folders.len();
        self.folders.push(Folder {
            id: id::folder(&owner, &path),
            name: name.to_owned(),
            well_known,
            parent,
            class,
            version: 1,
            hidden: false,
            gone: false,
            items: Default::default(),
        });
        self.changes.folder(now, What::Created, key, None);
        key
    }

    /// The folder with a well-known name.
    pub(crate) fn well_known(&self, name: &str) -> Option<FolderKey> {
        self.folders.iter().position(|folder| folder.well_known == Some(name))
    }

    /// The folder with this id.
    pub(crate) fn folder_by_id(&self, id: &str) -> Option<FolderKey> {
        self.folders.iter().position(|folder| folder.id == id && !folder.gone)
    }

    /// The folder called `name` (whatever the case) right below `parent`.
    pub(crate) fn child(&self, parent: FolderKey, name: &str) -> Option<FolderKey> {
        let wanted = name.to_lowercase();
        self.folders
            .iter()
            .position(|f| !f.gone && f.parent == Some(parent) && f.name.to_lowercase() == wanted)
    }

    /// The folder at a path of display names below `msgfolderroot`; a well-known name may stand first.
    pub(crate) fn folder_by_path<S: AsRef<str>>(&self, path: &[S]) -> Option<FolderKey> {
        let (first, rest) = path.split_first()?;
        let top = self.top()?;
        let lower = first.as_ref().to_lowercase();
        let start = self.child(top, first.as_ref()).or_else(|| self.well_known(&lower))?;
        rest.iter().try_fold(start, |folder, name| self.child(folder, name.as_ref()))
    }

    /// Like [`Mailbox::folder_by_path`], and makes what is missing.
    pub(crate) fn make_path<S: AsRef<str>>(&mut self, path: &[S]) -> Option<FolderKey> {
        let (first, rest) = path.split_first()?;
        let top = self.top()?;
        let mut at = match self.folder_by_path(&[first.as_ref()]) {
            Some(found) => found,
            None => {
                let class = Cow::Borrowed("IPF.Note");
                self.push_folder(first.as_ref(), None, Some(top), class, Timestamp::UNIX_EPOCH)
            }
        };
        for name in rest {
            at = match self.child(at, name.as_ref()) {
                Some(found) => found,
                None => {
                    let class = Cow::Borrowed("IPF.Note");
                    self.push_folder(name.as_ref(), None, Some(at), class, Timestamp::UNIX_EPOCH)
                }
            };
        }
        Some(at)
    }

    /// The display names from the root to a folder, joined by `/`.
    pub(crate) fn path(&self, folder: FolderKey) -> String {
        let mut names = Vec::new();
        let mut at = Some(folder);
        while let Some(folder) = at.and_then(|key| self.folders.get(key)) {
            names.push(folder.name.as_str());
            at = folder.parent;
        }
        names.reverse();
        names.join("/")
    }

    /// Whether `folder` is `ancestor` or lies below it.
    pub(crate) fn is_within(&self, folder: FolderKey, ancestor: FolderKey) -> bool {
        let mut at = Some(folder);
        while let Some(key) = at {
            if key == ancestor {
                return true;
            }
            at = self.folders.get(key).and_then(|folder| folder.parent);
        }
        false
    }

    /// Whether a folder is the search folder over everything.
    pub(crate) fn is_all_items(&self, folder: FolderKey) -> bool {
        self.folders.get(folder).is_some_and(|folder| folder.well_known == Some(ALL_ITEMS))
    }

    /// The items of a folder, newest first.
    pub(crate) fn keys(&self, folder: FolderKey) -> Vec<ItemKey> {
        if !self.is_all_items(folder) {
            let listed = self.folders.get(folder).map(|folder| &folder.items);
            return listed.into_iter().flatten().map(|(_, Reverse(key))| *key).collect();
        }
        let mut all: Vec<(Reverse<Timestamp>, Reverse<ItemKey>)> = (0..self.folders.len())
            .filter(|at| self.shows_in_all(*at))
            .filter_map(|at| self.folders.get(at))
            .flat_map(|folder| folder.items.iter().copied())
            .collect();
        all.sort_unstable();
        all.into_iter().map(|(_, Reverse(key))| key).collect()
    }

    /// How many items a folder has, and how many of them are unread.
    pub(crate) fn counts(&self, folder: FolderKey) -> (usize, usize) {
        let keys = self.keys(folder);
        let unread = keys.iter().filter(|key| self.items.get(key).is_some_and(|item| !item.is_read)).count();
        (keys.len(), unread)
    }

    /// One page of what matches.
    pub(crate) fn search(&self, folder: FolderKey, search: &Search<'_>) -> Page {
        let mut keys = self.keys(folder);
        if let Some(filter) = search.filter {
            keys.retain(|key| self.items.get(key).is_some_and(|item| filter.holds(item)));
        }
        match search.sort {
            [] | [(Field::Received, true)] => {}
            [(Field::Received, false)] => keys.reverse(),
            sort => keys.sort_by(|a, b| self.compare(*a, *b, sort)),
        }
        let total = keys.len();
        let keys = if search.from_end {
            let end = total.saturating_sub(search.offset);
            let start = end.saturating_sub(search.limit);
            keys.get(start..end).unwrap_or_default().to_vec()
        } else {
            keys.into_iter().skip(search.offset).take(search.limit).collect()
        };
        Page { keys, total }
    }

    fn compare(&self, a: ItemKey, b: ItemKey, sort: &[(Field, bool)]) -> std::cmp::Ordering {
        let (Some(a), Some(b)) = (self.items.get(&a), self.items.get(&b)) else {
            return std::cmp::Ordering::Equal;
        };
        let by_field = |(field, descending): &(Field, bool)| {
            let ordering = order(field, a, b);
            if *descending { ordering.reverse() } else { ordering }
        };
        sort.iter().map(by_field).find(|ordering| ordering.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    }

    /// Puts an item into its folder.
    pub(crate) fn insert(&mut self, key: ItemKey, mut item: Item) {
        self.articles += 1;
        item.article = self.articles;
        if let Some(folder) = self.folders.get_mut(item.folder) {
            folder.items.insert((Reverse(item.received), Reverse(key)));
        }
        self.items.insert(key, item);
    }

    /// Takes an item out.
    pub(crate) fn remove(&mut self, key: ItemKey) -> Option<Item> {
        let item = self.items.remove(&key)?;
        if let Some(folder) = self.folders.get_mut(item.folder) {
            folder.items.remove(&(Reverse(item.received), Reverse(key)));
        }
        Some(item)
    }
}
