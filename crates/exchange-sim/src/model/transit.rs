//! What was sent and is not filed yet: a real server shows such a message in no folder for a moment.
//!
//! The moment is counted in looks into Sent Items and not in time, so that a test is the same on every machine.

use super::changes::What;
use super::item::{FolderKey, Item};
use super::state::{Place, State};
use super::store_error::{StoreError, Stored};

/// A message between Drafts and Sent Items.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    place: Place,
    item: Item,
    /// How many looks into Sent Items still find nothing.
    looks: u32,
}

impl State {
    /// Takes a message that was just filed out of sight, if this organisation files late.
    pub(crate) fn file_later(&mut self, place: &Place) -> Stored<()> {
        let looks = self.files_late;
        if looks == 0 {
            return Ok(());
        }
        let mailbox = self.mailboxes.get_mut(&place.mailbox).ok_or_else(StoreError::item_not_found)?;
        let item = mailbox.remove(place.key).ok_or_else(StoreError::item_not_found)?;
        self.in_transit.push(Sent { place: place.clone(), item, looks });
        Ok(())
    }

    /// Somebody looks into a folder. What is on its way there comes nearer, and is there once enough have looked.
    pub(crate) fn look_into(&mut self, mailbox: &str, folder: FolderKey) {
        let mailbox = mailbox.to_lowercase();
        for sent in std::mem::take(&mut self.in_transit) {
            let meant = sent.place.mailbox == mailbox && sent.item.folder == folder;
            match (meant, sent.looks.checked_sub(1)) {
                (false, _) => self.in_transit.push(sent),
                (true, Some(looks)) => self.in_transit.push(Sent { looks, ..sent }),
                (true, None) => {
                    if let Some(there) = self.mailboxes.get_mut(&mailbox) {
                        let (id, folder) = (sent.item.id.clone(), sent.item.folder);
                        let now = self.clock.peek();
                        there.insert(sent.place.key, sent.item);
                        there.changes.item(now, What::Created, id, folder, None);
                    }
                }
            }
        }
    }
}
