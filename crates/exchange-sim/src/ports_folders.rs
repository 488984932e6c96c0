//! Face 1, continued: folders.

use exchange::port::{Folders, MOST_FOLDERS, Work};
use exchange::{Folder, FolderKind, FolderList, FolderRef, Mailbox};

use crate::model::item::FolderKey;
use crate::model::mailbox;
use crate::model::state::{Disposal, State};
use crate::model::store_error::{StoreError, Stored};
use crate::ports::{Direct, folder, refused};

impl Folders for Direct {
    fn folder<'a>(&'a self, mailbox: &'a Mailbox, wanted: &'a FolderRef) -> Work<'a, Folder> {
        self.now(move |state| {
            let key = folder(state, mailbox, wanted).map_err(refused)?;
            shown(state, mailbox, key).map_err(refused)
        })
    }

    fn below<'a>(&'a self, mailbox: &'a Mailbox, root: &'a FolderRef, deep: bool) -> Work<'a, FolderList> {
        self.now(move |state| {
            let root = folder(state, mailbox, root).map_err(refused)?;
            let whose = state.mailbox(mailbox.as_str()).map_err(refused)?;
            let keys = below(whose, root, deep);
            let folders =
                keys.iter().take(MOST_FOLDERS).filter_map(|key| shown(state, mailbox, *key).ok()).collect();
            Ok(FolderList { folders, truncated: keys.len() > MOST_FOLDERS })
        })
    }

    fn create<'a>(&'a self, mailbox: &'a Mailbox, parent: &'a FolderRef, name: &'a str) -> Work<'a, Folder> {
        self.now(move |state| {
            let parent = folder(state, mailbox, parent).map_err(refused)?;
            let class = String::from("IPF.Note");
            let key = state.create_folder(mailbox.as_str(), parent, name, class).map_err(refused)?;
            shown(state, mailbox, key).map_err(refused)
        })
    }

    fn discard<'a>(&'a self, mailbox: &'a Mailbox, wanted: &'a FolderRef) -> Work<'a, ()> {
        self.now(move |state| {
            let key = folder(state, mailbox, wanted).map_err(refused)?;
            state.delete_folder(mailbox.as_str(), key, Disposal::Trash).map_err(refused)
        })
    }
}

fn below(mailbox: &mailbox::Mailbox, root: FolderKey, deep: bool) -> Vec<FolderKey> {
    let mut found = Vec::new();
    let mut open = mailbox.children(root);
    while let Some(key) = open.pop() {
        found.push(key);
        if deep {
            open.extend(mailbox.children(key));
        }
    }
    found.sort_unstable();
    found
}

fn shown(state: &State, mailbox: &Mailbox, key: FolderKey) -> Stored<Folder> {
    let mailbox = state.mailbox(mailbox.as_str())?;
    let folder = mailbox.folders.get(key).ok_or_else(StoreError::folder_not_found)?;
    let (total, unread) = mailbox.counts(key);
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let kind = FolderKind::of_class(&folder.class);
    let counts_unread = !matches!(kind, FolderKind::Calendar | FolderKind::Contacts);
    Ok(Folder {
        id: folder.id.clone(),
        name: folder.name.clone(),
        parent_id: folder
            .parent
            .and_then(|parent| mailbox.folders.get(parent))
            .map(|parent| parent.id.clone()),
        well_known: folder.well_known.filter(|_| !mailbox.is_all_items(key)).map(str::to_owned),
        kind,
        total: number(total),
        unread: counts_unread.then_some(number(unread)),
        children: number(mailbox.children(key).len()),
        hidden: folder.hidden,
    })
}
