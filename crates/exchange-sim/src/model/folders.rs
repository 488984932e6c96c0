//! Making, changing, moving, emptying and deleting folders.
//!
//! The id of a folder stays when it is moved or renamed, as on a real server. The folders a mailbox is born with can be
//! neither moved nor deleted.

use std::borrow::Cow;

use super::changes::{From, What};
use super::item::FolderKey;
use super::mailbox::Mailbox;
use super::state::{Disposal, Place, State};
use super::store_error::{StoreError, Stored};
use crate::ledger::{Effect, EffectKind};

/// What changes about a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FolderUpdate {
    Name(String),
    Class(String),
}

impl State {
    /// Makes a folder.
    pub(crate) fn create_folder(
        &mut self,
        mailbox: &str,
        parent: FolderKey,
        name: &str,
        class: String,
    ) -> Stored<FolderKey> {
        let now = self.clock.now();
        let target = self.open_mut(mailbox)?;
        target.free_name(parent, name, None)?;
        let key = target.push_folder(name, None, Some(parent), Cow::Owned(class), now);
        self.record_folder(mailbox, key, "created");
        Ok(key)
    }

    /// Changes a folder.
    pub(crate) fn update_folder(
        &mut self,
        mailbox: &str,
        key: FolderKey,
        updates: Vec<FolderUpdate>,
    ) -> Stored<()> {
        let now = self.clock.now();
        let target = self.open_mut(mailbox)?;
        for update in &updates {
            if let (FolderUpdate::Name(name), Some(parent)) = (update, target.parent(key)) {
                target.free_name(parent, name, Some(key))?;
            }
        }
        let folder = target.folders.get_mut(key).ok_or_else(StoreError::folder_not_found)?;
        folder.version += 1;
        for update in updates {
            match update {
                FolderUpdate::Name(name) => folder.name = name,
                FolderUpdate::Class(class) => folder.class = Cow::Owned(class),
            }
        }
        target.changes.folder(now, What::Modified, key, None);
        self.record_folder(mailbox, key, "changed");
        Ok(())
    }

    /// Moves a folder with everything in it.
    pub(crate) fn move_folder(&mut self, mailbox: &str, key: FolderKey, to: FolderKey) -> Stored<()> {
        let target = self.open_mut(mailbox)?;
        target.not_born_with(
            key,
            "ErrorMoveDistinguishedFolder",
            "Distinguished folders cannot be moved.",
        )?;
        if target.is_within(to, key) {
            let text = "The folder cannot be moved into itself.";
            return Err(StoreError::new("ErrorMoveCopyFailed", text));
        }
        let name = target.folders.get(key).map(|folder| folder.name.clone()).unwrap_or_default();
        if target.child(to, &name).is_some_and(|there| there != key) {
            return Err(StoreError::new("ErrorMoveCopyFailed", "A folder of that name is there already."));
        }
        self.reparent(mailbox, key, to)?;
        self.record_folder(mailbox, key, "moved");
        Ok(())
    }

    fn reparent(&mut self, mailbox: &str, key: FolderKey, to: FolderKey) -> Stored<()> {
        let now = self.clock.now();
        let target = self.open_mut(mailbox)?;
        let folder = target.folders.get_mut(key).ok_or_else(StoreError::folder_not_found)?;
        let old = folder.parent.replace(to).ok_or_else(StoreError::folder_not_found)?;
        folder.version += 1;
        let from = From { item: None, original: Some(key), parent: old };
        target.changes.folder(now, What::Moved, key, Some(from));
        Ok(())
    }

    /// Copies a folder with everything in it.
    pub(crate) fn copy_folder(&mut self, mailbox: &str, key: FolderKey, to: FolderKey) -> Stored<FolderKey> {
        let now = self.clock.now();
        let target = self.open_mut(mailbox)?;
        if target.is_within(to, key) {
            return Err(StoreError::new("ErrorMoveCopyFailed", "The folder cannot be copied into itself."));
        }
        let original = target.folders.get(key).ok_or_else(StoreError::folder_not_found)?;
        let (name, class, parent) = (original.name.clone(), original.class.clone(), original.parent);
        if target.child(to, &name).is_some() {
            return Err(StoreError::new("ErrorMoveCopyFailed", "A folder of that name is there already."));
        }
        let items = target.keys(key);
        let below: Vec<FolderKey> = target.children(key);
        let copy = target.push_folder(&name, None, Some(to), class, now);
        let from = From { item: None, original: Some(key), parent: parent.unwrap_or(to) };
        target.changes.folder(now, What::Copied, copy, Some(from));
        for item in items {
            self.copy_item(&Place { mailbox: mailbox.to_lowercase(), key: item }, copy)?;
        }
        for child in below {
            self.copy_folder(mailbox, child, copy)?;
        }
        self.record_folder(mailbox, copy, "copied");
        Ok(copy)
    }

    /// Deletes a folder with everything in it.
    pub(crate) fn delete_folder(&mut self, mailbox: &str, key: FolderKey, how: Disposal) -> Stored<()> {
        let target = self.open_mut(mailbox)?;
        target.not_born_with(
            key,
            "ErrorDeleteDistinguishedFolder",
            "Distinguished folders cannot be deleted.",
        )?;
        self.record_folder(mailbox, key, "deleted");
        let target = self.open_mut(mailbox)?;
        let trash = target.beside(key, "deleteditems").filter(|trash| !target.is_within(key, *trash));
        if let (Disposal::Trash, Some(trash)) = (how, trash) {
            // A folder of the same name may lie there from before.
            let name = target.folders.get(key).map(|folder| folder.name.clone()).unwrap_or_default();
            let taken = |name: &str| target.child(trash, name).is_some();
            let free = (1_u32..).map(|n| format!("{name}{n}")).find(|name| !taken(name));
            if taken(&name)
                && let (Some(free), Some(folder)) = (free, target.folders.get_mut(key))
            {
                folder.name = free;
            }
            return self.reparent(mailbox, key, trash);
        }
        let how = match how {
            Disposal::Trash if target.public.is_some() => Disposal::Soft,
            Disposal::Trash => Disposal::Hard,
            other => other,
        };
        self.empty(mailbox, key, how, true)?;
        let now = self.clock.now();
        let target = self.open_mut(mailbox)?;
        if let Some(folder) = target.folders.get_mut(key) {
            folder.gone = true;
        }
        target.changes.folder(now, What::Deleted, key, None);
        Ok(())
    }

    /// Deletes what is in a folder; with `below` the folders in it, too.
    pub(crate) fn empty_folder(
        &mut self,
        mailbox: &str,
        key: FolderKey,
        how: Disposal,
        below: bool,
    ) -> Stored<()> {
        let target = self.open_mut(mailbox)?;
        if target.is_all_items(key) {
            let text = "A search folder cannot be emptied.";
            return Err(StoreError::new("ErrorCannotEmptyFolder", text));
        }
        self.record_folder(mailbox, key, "emptied");
        self.empty(mailbox, key, how, below)
    }

    fn empty(&mut self, mailbox: &str, key: FolderKey, how: Disposal, below: bool) -> Stored<()> {
        let target = self.open_mut(mailbox)?;
        let (items, children) = (target.keys(key), target.children(key));
        for item in items {
            self.delete_item(&Place { mailbox: mailbox.to_lowercase(), key: item }, how)?;
        }
        for child in children.into_iter().filter(|_| below) {
            let born_with =
                self.mailbox(mailbox)?.folders.get(child).is_some_and(|folder| folder.well_known.is_some());
            match born_with {
                true => self.empty(mailbox, child, how, below)?,
                false => self.delete_folder(mailbox, child, how)?,
            }
        }
        Ok(())
    }

    fn record_folder(&mut self, mailbox: &str, key: FolderKey, what: &str) {
        let Some(target) = self.mailboxes.get(&mailbox.to_lowercase()) else { return };
        let effect = Effect {
            number: 0,
            kind: EffectKind::Folder,
            mailbox: target.address.clone(),
            item: target.folders.get(key).map(|folder| folder.id.clone()).unwrap_or_default(),
            message_id: None,
            subject: None,
            key: None,
            mode: Some(what.to_owned()),
            from_folder: Some(target.path(key)),
            to_folder: None,
            recipients: Vec::new(),
        };
        self.ledger.record(effect);
    }
}

impl Mailbox {
    /// The folder above a folder.
    pub(crate) fn parent(&self, key: FolderKey) -> Option<FolderKey> {
        self.folders.get(key).and_then(|folder| folder.parent)
    }

    /// The folders right below a folder.
    pub(crate) fn children(&self, key: FolderKey) -> Vec<FolderKey> {
        let is_child =
            |(_, folder): &(usize, &super::folder::Folder)| !folder.gone && folder.parent == Some(key);
        self.folders.iter().enumerate().filter(is_child).map(|(key, _)| key).collect()
    }

    /// Refuses a name that is empty or taken by another folder than `own`.
    fn free_name(&self, parent: FolderKey, name: &str, own: Option<FolderKey>) -> Stored<()> {
        if name.trim().is_empty() {
            let text = "The folder needs a display name.";
            return Err(StoreError::new("ErrorFolderSavePropertyError", text));
        }
        if self.is_all_items(parent) {
            let text = "Folders cannot be made in a search folder.";
            return Err(StoreError::new("ErrorAccessDenied", text));
        }
        match self.child(parent, name) {
            Some(there) if Some(there) != own => {
                let text = "A folder with the specified name already exists.";
                Err(StoreError::new("ErrorFolderExists", text))
            }
            _ => Ok(()),
        }
    }

    fn not_born_with(&self, key: FolderKey, code: &'static str, text: &str) -> Stored<()> {
        match self.folders.get(key) {
            Some(folder) if folder.well_known.is_some() => Err(StoreError::new(code, text)),
            Some(_) => Ok(()),
            None => Err(StoreError::folder_not_found()),
        }
    }
}
