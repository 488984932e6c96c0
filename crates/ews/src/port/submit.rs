//! [`Submit`] over CreateItem, UpdateItem, SendItem and FindItem.
//!
//! Exchange wants the version of an item that is answered or sent. Reading a mail changes its version, so a
//! version that was kept may be old: the server then says so and has done nothing, and the call is repeated
//! once with the version of now.

use std::time::Duration;

use exchange::port::{KeyState, Submit, Work};
use exchange::{Draft, Error, ErrorKind, ItemRef, Mailbox};

use crate::client::EwsClient;
use crate::condition::Condition;
use crate::folder::Target;
use crate::object::NewKind;
use crate::op::create_item::{self, CreateItem, of_draft};
use crate::op::find_item::{self, FindItem, references};
use crate::op::get_item::GetVersion;
use crate::op::send_item::SendItem;
use crate::op::update_item::{marks, quietly};
use crate::property::KEY;

impl Submit for EwsClient {
    fn create_draft<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a Draft) -> Work<'a, ItemRef> {
        Box::pin(async move {
            check(draft)?;
            let item = of_draft(draft, NewKind::Message);
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
            check(draft)?;
            let current = self.with_version(mailbox, item).await?;
            let reply = |item: ItemRef| async move {
                let kind = if all { NewKind::ReplyAll(item) } else { NewKind::Reply(item) };
                let item = of_draft(draft, kind);
                create_item::single(self.call(mailbox, CreateItem::draft(&item)).await?)
            };
            let made = match reply(current).await {
                Err(error) if error.kind == ErrorKind::Conflict => {
                    reply(self.call(mailbox, GetVersion { item }).await?).await?
                }
                other => other?,
            };
            // A draft without the key is never sent: whoever repeats this makes another.
            let items = std::slice::from_ref(&made);
            let marked = quietly(self, mailbox, items, &marks(&draft.key, &draft.headers)).await?;
            marked.into_iter().next().unwrap_or(Ok(made))
        })
    }

    fn send<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a ItemRef) -> Work<'a, ()> {
        Box::pin(async move {
            let current = self.with_version(mailbox, draft).await?;
            match self.call(mailbox, SendItem { draft: &current }).await {
                Err(error) if error.kind == ErrorKind::Conflict => {
                    let now = self.call(mailbox, GetVersion { item: draft }).await?;
                    self.call(mailbox, SendItem { draft: &now }).await
                }
                other => other,
            }
        })
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
    async fn with_version(&self, mailbox: &Mailbox, item: &ItemRef) -> Result<ItemRef, Error> {
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

/// Refuses what must not be sent on: a draft without a key, and headers that could forge others.
fn check(draft: &Draft) -> Result<(), Error> {
    if draft.key.is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "a draft needs a key of its own; nothing was sent"));
    }
    for header in &draft.headers {
        let name = header.name.as_str();
        let token = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let ours = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-")) && name.len() > 2;
        if !token || !(ours || name.eq_ignore_ascii_case("Auto-Submitted")) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the header \"{}\" cannot be set: names must begin with `X-` or be `Auto-Submitted`",
                    crate::code::shown(name, 60)
                ),
            ));
        }
        if header.value.chars().any(char::is_control) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the value of the header `{name}` has a line break or control character; nothing was sent"
                ),
            ));
        }
    }
    Ok(())
}
