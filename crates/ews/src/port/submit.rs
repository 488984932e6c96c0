//! [`Submit`] over CreateItem, UpdateItem, SendItem and FindItem.
//!
//! Exchange wants the version of an item that is answered or sent. Reading a mail changes its version, so a
//! version that was kept may be old: the server then says so and has done nothing, and the call is repeated
//! once with the version of now.

use std::time::Duration;

use exchange::port::{KeyState, Submit, Work};
use exchange::{Address, Draft, Error, ErrorKind, ItemRef, Mailbox};

use super::drafting::{afterwards, check, check_answer, of_draft};
use crate::client::EwsClient;
use crate::condition::Condition;
use crate::folder::Target;
use crate::object::{Field, NewItem, NewKind, Update};
use crate::op::create_item::{self, CreateItem};
use crate::op::find_item::{self, FindItem, references};
use crate::op::get_item::GetVersion;
use crate::op::send_item::{SENT, SendItem};
use crate::op::update_item::quietly;
use crate::property::KEY;

impl Submit for EwsClient {
    fn create_draft<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a Draft) -> Work<'a, ItemRef> {
        Box::pin(async move {
            check(draft)?;
            let item = self.signed(mailbox, of_draft(draft, NewKind::Message));
            create_item::single(self.call(mailbox, CreateItem::draft(&item)).await?)
        })
    }

    fn create_reply<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        draft: &'a Draft,
        all: bool,
    ) -> Work<'a, ItemRef> {
        Box::pin(async move {
            check_answer(draft)?;
            let kind = if all { NewKind::ReplyAll } else { NewKind::Reply };
            self.answered(mailbox, item, draft, kind, &afterwards(draft, !draft.quotes)).await
        })
    }

    fn send<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a ItemRef) -> Work<'a, ()> {
        Box::pin(self.send_to(mailbox, draft, &SENT))
    }

    fn find_by_key<'a>(&'a self, mailbox: &'a Mailbox, key: &'a str) -> Work<'a, KeyState> {
        Box::pin(async move {
            if key.is_empty() {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "an empty key finds nothing; give the key of the draft",
                ));
            }
            // Sent Items first: the draft may be sent between the two looks, never the other way round.
            if let Some(item) = self.with_key(mailbox, "sentitems", key).await? {
                return Ok(KeyState::Sent(item));
            }
            if let Some(item) = self.with_key(mailbox, "drafts", key).await? {
                return Ok(KeyState::Draft(item));
            }
            Ok(match self.with_key(mailbox, "sentitems", key).await? {
                Some(item) => KeyState::Sent(item),
                None => KeyState::Absent,
            })
        })
    }

    fn settle(&self) -> Duration {
        EwsClient::settle(self)
    }
}

impl EwsClient {
    /// The same with the author said, where the account is not the mailbox: a server would take the account.
    fn signed(&self, mailbox: &Mailbox, item: NewItem) -> NewItem {
        let said = item.fields.iter().any(|field| matches!(field, Field::From(_)));
        if said || !self.stands_in_for(mailbox) {
            return item;
        }
        item.with(Field::From(Address { name: None, address: mailbox.as_str().to_owned() }))
    }

    /// Makes a draft that answers an item or passes it on, and sets the rest on it.
    pub(crate) async fn answered(
        &self,
        mailbox: &Mailbox,
        item: &ItemRef,
        draft: &Draft,
        kind: fn(ItemRef) -> NewKind,
        rest: &[Update],
    ) -> Result<ItemRef, Error> {
        let current = self.with_version(mailbox, item).await?;
        let answer = |item: ItemRef| async move {
            let item = self.signed(mailbox, of_draft(draft, kind(item)));
            create_item::single(self.call(mailbox, CreateItem::draft(&item)).await?)
        };
        let made = match answer(current).await {
            Err(error) if error.kind == ErrorKind::Conflict => {
                answer(self.call(mailbox, GetVersion { item }).await?).await?
            }
            other => other?,
        };
        // A draft without the key is never sent: whoever repeats this makes another.
        let marked = quietly(self, mailbox, std::slice::from_ref(&made), rest).await?;
        marked.into_iter().next().unwrap_or(Ok(made))
    }

    /// Sends a draft; its copy goes to a folder.
    pub(crate) async fn send_to(
        &self,
        mailbox: &Mailbox,
        draft: &ItemRef,
        copy: &Target,
    ) -> Result<(), Error> {
        let current = self.with_version(mailbox, draft).await?;
        match self.call(mailbox, SendItem { draft: &current, copy: Some(copy) }).await {
            Err(error) if error.kind == ErrorKind::Conflict => {
                let now = self.call(mailbox, GetVersion { item: draft }).await?;
                self.call(mailbox, SendItem { draft: &now, copy: Some(copy) }).await
            }
            other => other,
        }
    }

    pub(crate) async fn with_version(&self, mailbox: &Mailbox, item: &ItemRef) -> Result<ItemRef, Error> {
        match item.change_key {
            Some(_) => Ok(item.clone()),
            None => self.call(mailbox, GetVersion { item }).await,
        }
    }

    async fn with_key(
        &self,
        mailbox: &Mailbox,
        folder: &'static str,
        key: &str,
    ) -> Result<Option<ItemRef>, Error> {
        let folder = &Target::Known(folder);
        let condition = Some(Condition::Equals(KEY, key.into()));
        let found = self.call(mailbox, FindItem::messages(folder, condition, 0, 1)).await?;
        Ok(references(find_item::single(found)?).into_iter().next())
    }
}
