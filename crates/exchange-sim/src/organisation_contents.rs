//! What a mailbox holds beside mails that were delivered, as a test puts it there.

use crate::model::detail::{Detail, DetailKind, Node};
use crate::model::state::NewItem;
use crate::model::store_error::StoreError;
use crate::organisation::{Organisation, OrganisationError};

impl Organisation {
    /// Makes the folder at a path of names below the top of a mailbox, with those above it that are missing. A hidden
    /// one is not shown by mail clients.
    ///
    /// # Errors
    /// Where the mailbox does not exist or the path is empty.
    pub fn make_folder(&self, mailbox: &str, path: &[&str], hidden: bool) -> Result<(), OrganisationError> {
        let mut state = self.lock();
        let target = state.open_mut(mailbox)?;
        let made = target.make_path(path).and_then(|key| target.folders.get_mut(key));
        made.ok_or_else(StoreError::folder_not_found)?.hidden = hidden;
        Ok(())
    }

    /// Puts somebody into the contacts of a mailbox, and gives the id of the item.
    ///
    /// # Errors
    /// Where the mailbox does not exist.
    pub fn add_contact(
        &self,
        mailbox: &str,
        name: &str,
        email: &str,
        mobile: &str,
    ) -> Result<String, OrganisationError> {
        let entry = |list: &str, key: &str, text: &str| Node {
            name: list.to_owned(),
            children: vec![Node {
                name: "Entry".to_owned(),
                attributes: vec![("Key".to_owned(), key.to_owned())],
                text: text.to_owned(),
                ..Node::default()
            }],
            ..Node::default()
        };
        let mut detail = Detail { kind: DetailKind::Contact, nodes: Vec::new() };
        detail.set(Node { name: "DisplayName".to_owned(), text: name.to_owned(), ..Node::default() });
        detail.set(entry("EmailAddresses", "EmailAddress1", email));
        detail.set(entry("PhoneNumbers", "MobilePhone", mobile));
        let mut state = self.lock();
        let number = state.next_created();
        let mut mail = state.blank(mailbox)?;
        mail.subject = name.to_owned();
        let mut new = NewItem::draft(format!("created {number}"), mail);
        (new.is_draft, new.detail) = (false, Some(Box::new(detail)));
        let folder =
            state.mailbox(mailbox)?.well_known("contacts").ok_or_else(StoreError::folder_not_found)?;
        let place = state.store(mailbox, folder, new)?;
        Ok(state.item(&place)?.id.clone())
    }
}
