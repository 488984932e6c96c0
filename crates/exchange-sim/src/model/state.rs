//! The whole organisation as one value, and every operation on it. Both faces call these and nothing else.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use exchange::FollowUp;
use jiff::Timestamp;
use tokio::sync::Notify;

use super::changes::{self, What};
use super::clock::Clock;
use super::compose::Composed;
use super::detail::Detail;
use super::extended::{Extended, PropertyName};
use super::id::{self, Named};
use super::item::{FolderKey, Item, ItemKey};
use super::mail::Mail;
use super::mailbox::Mailbox;
use super::series;
use super::store_error::{StoreError, Stored};
use super::subscription::Subscriptions;
use super::transit::Sent;
use crate::account::Directory;
use crate::ledger::{Effect, EffectKind, Ledger};

/// An item to be stored.
#[derive(Debug, Clone)]
pub(crate) struct NewItem {
    /// File or counter the id is made from.
    pub(crate) source: String,
    pub(crate) raw: Bytes,
    /// What was read from `raw`, if that was done already.
    pub(crate) mail: Option<Arc<Mail>>,
    pub(crate) composed: Option<Composed>,
    /// When it counts as received.
    pub(crate) received: Timestamp,
    pub(crate) is_read: bool,
    pub(crate) is_draft: bool,
    pub(crate) importance: String,
    pub(crate) categories: Vec<String>,
    pub(crate) extended: Vec<Extended>,
    /// Of a calendar item or a contact.
    pub(crate) detail: Option<Box<Detail>>,
}

/// How an item is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposal {
    Trash,
    Soft,
    Hard,
}

/// Where an item is: the key of its mailbox and its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) mailbox: String,
    pub(crate) key: ItemKey,
}

/// The organisation.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// By address in lower case.
    pub(crate) mailboxes: BTreeMap<String, Mailbox>,
    /// Who logs in, and what they may do.
    pub(crate) directory: Directory,
    pub(crate) ledger: Ledger,
    pub(crate) clock: Clock,
    /// How many looks into Sent Items find nothing after a message was sent.
    pub(crate) files_late: u32,
    pub(crate) in_transit: Vec<Sent>,
    pub(crate) subscriptions: Subscriptions,
    /// Wakes who waits for something to happen.
    pub(crate) wake: Arc<Notify>,
    index: HashMap<String, Place>,
    created: u64,
    next_key: ItemKey,
}

impl State {
    pub(crate) fn new(clock: Clock) -> Self {
        State {
            mailboxes: BTreeMap::new(),
            directory: Directory::default(),
            ledger: Ledger::default(),
            clock,
            files_late: 0,
            in_transit: Vec::new(),
            subscriptions: Subscriptions::default(),
            wake: Arc::default(),
            index: HashMap::new(),
            created: 0,
            next_key: 1,
        }
    }

    /// Adds a mailbox unless it is there.
    pub(crate) fn add_mailbox(&mut self, address: &str) -> &mut Mailbox {
        let wake = &self.wake;
        self.mailboxes
            .entry(address.to_lowercase())
            .or_insert_with(|| Mailbox::new(address, Arc::clone(wake)))
    }

    /// A mailbox the account may open.
    pub(crate) fn mailbox(&self, address: &str) -> Stored<&Mailbox> {
        let mailbox =
            self.mailboxes.get(&address.to_lowercase()).ok_or_else(|| StoreError::no_mailbox(address))?;
        if mailbox.denied {
            return Err(StoreError::new(
                "ErrorAccessDenied",
                "Access is denied. Check credentials and try again.",
            ));
        }
        Ok(mailbox)
    }

    /// Finds an item by its id; with `scope` only in that mailbox.
    pub(crate) fn locate(&self, scope: Option<&str>, id: &str) -> Stored<Place> {
        if series::read_id(id).is_some() {
            let text = "This cannot be done with one occurrence of a recurring item.";
            return Err(StoreError::new("ErrorInvalidOperation", text));
        }
        if id::read(id) != Some(Named::Item) {
            return Err(StoreError::malformed_id());
        }
        let place = self.index.get(id).ok_or_else(StoreError::item_not_found)?;
        if scope.is_some_and(|scope| scope.to_lowercase() != place.mailbox) {
            return Err(StoreError::item_not_found());
        }
        self.mailbox(&place.mailbox)?;
        Ok(place.clone())
    }

    /// The item at a place.
    pub(crate) fn item(&self, place: &Place) -> Stored<&Item> {
        self.mailboxes
            .get(&place.mailbox)
            .and_then(|mailbox| mailbox.items.get(&place.key))
            .ok_or_else(StoreError::item_not_found)
    }

    fn mailbox_mut(&mut self, address: &str) -> Stored<&mut Mailbox> {
        self.mailboxes.get_mut(&address.to_lowercase()).ok_or_else(|| StoreError::no_mailbox(address))
    }

    /// A mailbox the account may open, to change it.
    pub(crate) fn open_mut(&mut self, address: &str) -> Stored<&mut Mailbox> {
        self.mailbox(address)?;
        self.mailbox_mut(address)
    }

    /// Writes down that a setting of a mailbox changed.
    pub(crate) fn record_setting(&mut self, mailbox: &str, item: &str, what: &str) {
        let address = self.mailboxes.get(&mailbox.to_lowercase()).map(|mailbox| mailbox.address.clone());
        self.ledger.record(Effect {
            number: 0,
            kind: EffectKind::Configured,
            mailbox: address.unwrap_or_default(),
            item: item.to_owned(),
            message_id: None,
            subject: None,
            key: None,
            mode: Some(what.to_owned()),
            from_folder: None,
            to_folder: None,
            recipients: Vec::new(),
        });
    }

    pub(crate) fn item_mut(&mut self, place: &Place) -> Stored<&mut Item> {
        self.mailbox_mut(&place.mailbox)?.items.get_mut(&place.key).ok_or_else(StoreError::item_not_found)
    }

    /// The next number for things that are made here rather than loaded.
    pub(crate) fn next_created(&mut self) -> u64 {
        self.created += 1;
        self.created
    }

    /// Stores an item. Not an effect by itself.
    pub(crate) fn store(&mut self, mailbox: &str, folder: FolderKey, new: NewItem) -> Stored<Place> {
        let place = self.keep(mailbox, folder, new)?;
        self.note(&place, What::Created, None);
        Ok(place)
    }

    /// Writes down what happened to an item for those who follow the mailbox.
    pub(crate) fn note(&mut self, place: &Place, what: What, from: Option<changes::From>) {
        let now = self.clock.peek();
        let Some(mailbox) = self.mailboxes.get_mut(&place.mailbox) else { return };
        let Some((id, folder)) = mailbox.items.get(&place.key).map(|item| (item.id.clone(), item.folder))
        else {
            return;
        };
        mailbox.changes.item(now, what, id, folder, from);
    }

    fn keep(&mut self, mailbox: &str, folder: FolderKey, new: NewItem) -> Stored<Place> {
        let now = self.clock.now();
        let mailbox_key = mailbox.to_lowercase();
        let mail = new.mail.unwrap_or_else(|| Arc::new(Mail::parse(&new.raw)));
        let mut item = Item {
            id: String::new(),
            source: new.source,
            moves: 0,
            detached: 0,
            version: 1,
            folder,
            left: None,
            article: 0,
            raw: new.raw,
            composed: new.composed,
            received: new.received,
            created: now,
            modified: now,
            is_read: new.is_read,
            is_draft: new.is_draft,
            item_class: new.detail.as_ref().map_or("IPM.Note", |detail| detail.item_class()).to_owned(),
            importance: match mail.importance() {
                Some(said) => said.to_owned(),
                None => new.importance,
            },
            categories: new.categories,
            flag: FollowUp::default(),
            extended: new.extended,
            detail: new.detail,
            changed: BTreeMap::new(),
            mail,
        };
        item.extended.sort();
        item.id = item_id(&mailbox_key, &item);
        let place = Place { mailbox: mailbox_key, key: self.next_key };
        self.next_key += 1;
        self.index.insert(item.id.clone(), place.clone());
        self.mailbox_mut(mailbox)?.insert(place.key, item);
        Ok(place)
    }

    /// Writes down an effect on an item as it is now.
    pub(crate) fn record(&mut self, place: &Place, kind: EffectKind, fill: impl FnOnce(&mut Effect)) {
        let Some(mailbox) = self.mailboxes.get(&place.mailbox) else { return };
        let Some(item) = mailbox.items.get(&place.key) else { return };
        let key = item.property(&PropertyName::portcullis_key()).and_then(|values| values.into_iter().next());
        let mut effect = Effect {
            number: 0,
            kind,
            mailbox: mailbox.address.clone(),
            item: item.id.clone(),
            message_id: item.mail.message_id.clone(),
            subject: item.mail.subject.clone(),
            key,
            mode: None,
            from_folder: Some(mailbox.path(item.folder)),
            to_folder: None,
            recipients: Vec::new(),
        };
        fill(&mut effect);
        self.ledger.record(effect);
    }

    /// Moves an item inside its mailbox; its id changes.
    pub(crate) fn move_item(&mut self, place: &Place, folder: FolderKey) -> Stored<()> {
        let to = self.target(place, folder)?;
        self.record(place, EffectKind::Moved, |effect| effect.to_folder = Some(to));
        self.relocate(place, folder)
    }

    /// The path of a folder something may be put into.
    fn target(&self, place: &Place, folder: FolderKey) -> Stored<String> {
        let mailbox = self.mailbox(&place.mailbox)?;
        if mailbox.is_all_items(folder) {
            let text = "Items cannot be put into a search folder.";
            return Err(StoreError::new("ErrorCannotMoveOrCopyToSearchFolder", text));
        }
        Ok(mailbox.path(folder))
    }

    pub(crate) fn relocate(&mut self, place: &Place, folder: FolderKey) -> Stored<()> {
        let now = self.clock.now();
        let mailbox = self.mailbox_mut(&place.mailbox)?;
        let mut item = mailbox.remove(place.key).ok_or_else(StoreError::item_not_found)?;
        let old = std::mem::take(&mut item.id);
        let from = changes::From { item: Some(old.clone()), original: None, parent: item.folder };
        item.left = Some(item.folder);
        item.folder = folder;
        item.moves += 1;
        item.version += 1;
        item.modified = now;
        item.id = item_id(&place.mailbox, &item);
        let new = item.id.clone();
        mailbox.insert(place.key, item);
        mailbox.changes.item(now, What::Moved, new.clone(), folder, Some(from));
        self.index.remove(&old);
        self.index.insert(new, place.clone());
        Ok(())
    }

    /// Makes a second copy of an item.
    pub(crate) fn copy_item(&mut self, place: &Place, folder: FolderKey) -> Stored<Place> {
        let to = self.target(place, folder)?;
        let number = self.next_created();
        let item = self.item(place)?;
        let new = NewItem {
            source: format!("copy {number}"),
            raw: item.raw.clone(),
            mail: Some(item.mail.clone()),
            composed: item.composed.clone(),
            received: item.received,
            is_read: item.is_read,
            is_draft: item.is_draft,
            importance: item.importance.clone(),
            categories: item.categories.clone(),
            extended: item.extended.clone(),
            detail: item.detail.clone(),
        };
        let from = changes::From { item: Some(item.id.clone()), original: None, parent: item.folder };
        let changed = item.changed.clone();
        let flag = item.flag;
        let copy = self.keep(&place.mailbox, folder, new)?;
        self.item_mut(&copy)?.flag = flag;
        self.item_mut(&copy)?.changed = changed;
        self.note(&copy, What::Copied, Some(from));
        self.record(place, EffectKind::Copied, |effect| effect.to_folder = Some(to));
        Ok(copy)
    }

    /// Deletes an item.
    pub(crate) fn delete_item(&mut self, place: &Place, how: Disposal) -> Stored<()> {
        let mailbox = self.mailbox(&place.mailbox)?;
        let (mode, to) = match how {
            // Nobody has deleted items there: what is deleted can be recovered by who looks after the folders.
            Disposal::Trash if mailbox.public.is_some() => ("soft", Some("recoverableitemsdeletions")),
            Disposal::Trash => ("trash", Some("deleteditems")),
            Disposal::Soft => ("soft", Some("recoverableitemsdeletions")),
            Disposal::Hard => ("hard", None),
        };
        let folder = self.item(place)?.folder;
        let target = to.and_then(|name| mailbox.beside(folder, name));
        let path = target.map(|folder| mailbox.path(folder));
        self.record(place, EffectKind::Deleted, |effect| {
            effect.mode = Some(mode.to_owned());
            effect.to_folder = path;
        });
        match target {
            Some(folder) => self.relocate(place, folder),
            None => self.forget(place),
        }
    }

    /// Takes an item out for good.
    pub(crate) fn forget(&mut self, place: &Place) -> Stored<()> {
        self.note(place, What::Deleted, None);
        let item =
            self.mailbox_mut(&place.mailbox)?.remove(place.key).ok_or_else(StoreError::item_not_found)?;
        self.index.remove(&item.id);
        Ok(())
    }

    /// Turns a draft into a sent mail.
    pub(crate) fn finish_draft(&mut self, place: &Place) -> Stored<()> {
        let now = self.clock.now();
        let mailbox = self.mailbox_mut(&place.mailbox)?;
        let mut item = mailbox.remove(place.key).ok_or_else(StoreError::item_not_found)?;
        item.is_draft = false;
        item.is_read = true;
        item.received = now;
        item.composed = None;
        mailbox.insert(place.key, item);
        Ok(())
    }

    /// Changes an item. The ledger says `kind`, and `what` of it.
    pub(crate) fn change_item(
        &mut self,
        place: &Place,
        kind: EffectKind,
        what: &str,
        change: impl FnOnce(&mut Item) -> Stored<()>,
    ) -> Stored<()> {
        let now = self.clock.now();
        let item = self.item_mut(place)?;
        let was_read = item.is_read;
        change(item)?;
        let only_read = was_read != item.is_read && what == "message:IsRead";
        item.version += 1;
        item.modified = now;
        if let Some(composed) = &item.composed {
            item.raw = composed.mime(true);
            item.mail = Arc::new(Mail::parse(&item.raw));
        }
        self.record(place, kind, |effect| effect.mode = Some(what.to_owned()));
        self.note(place, if only_read { What::ReadFlag } else { What::Modified }, None);
        Ok(())
    }
}

fn item_id(mailbox: &str, item: &Item) -> String {
    let moves = item.moves.to_be_bytes();
    id::item(&[mailbox.as_bytes(), item.source.as_bytes(), &moves, &item.raw])
}
