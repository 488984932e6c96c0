//! Yes, perhaps or no to an invitation, and calling a meeting off: kinds of
//! [CreateItem](https://learn.microsoft.com/exchange/client-developer/web-service-reference/createitem-acceptitem).
//!
//! The server keeps the books: it marks the calendar, puts the invitation away and writes to the other side. Left
//! out: proposing another time.

use exchange::{BodyText, Error, ErrorKind, ItemRef, Mailbox};

use crate::client::EwsClient;
use crate::object::{Field, NewItem, NewKind};
use crate::op::create_item::{Creation, Disposition};
use crate::op::delete_item::Invitations;

/// An answer to an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MeetingAnswer {
    /// Yes.
    Accept,
    /// Perhaps.
    TentativelyAccept,
    /// No.
    Decline,
}

impl EwsClient {
    /// Answers an invitation: a meeting request, or the calendar item it made. With `words` they go to the one who
    /// invites; without `tell` the server keeps the answer among the drafts and nobody learns of it. Gives the
    /// calendar item as it is now, where the server says it.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] where the item is no invitation, or is out of date or one's own.
    pub async fn answer_meeting(
        &self,
        mailbox: &Mailbox,
        invitation: &ItemRef,
        answer: MeetingAnswer,
        words: Option<BodyText>,
        tell: bool,
    ) -> Result<Option<ItemRef>, Error> {
        let item = self.with_version(mailbox, invitation).await?;
        let mut new = NewItem::new(match answer {
            MeetingAnswer::Accept => NewKind::Accept(item),
            MeetingAnswer::TentativelyAccept => NewKind::TentativelyAccept(item),
            MeetingAnswer::Decline => NewKind::Decline(item),
        });
        new.fields.extend(words.map(Field::Body));
        let disposition = if tell { Disposition::SendAndSave } else { Disposition::Save };
        self.respond(mailbox, new, disposition).await
    }

    /// Calls a meeting off that the owner of the mailbox invited to: everybody who was invited learns of it, with
    /// `words`, and it leaves the calendar.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] where the item is no meeting or somebody else's.
    pub async fn cancel_meeting(
        &self,
        mailbox: &Mailbox,
        event: &ItemRef,
        words: Option<BodyText>,
    ) -> Result<Option<ItemRef>, Error> {
        let mut new = NewItem::new(NewKind::CancelMeeting(self.with_version(mailbox, event).await?));
        new.fields.extend(words.map(Field::Body));
        self.respond(mailbox, new, Disposition::SendAndSave).await
    }

    async fn respond(
        &self,
        mailbox: &Mailbox,
        new: NewItem,
        disposition: Disposition,
    ) -> Result<Option<ItemRef>, Error> {
        let how = Creation { disposition, folder: None, invitations: Invitations::Nobody };
        let all = self.create_items(mailbox, std::slice::from_ref(&new), &how).await?;
        let missing = || Error::new(ErrorKind::Invalid, "CreateItem: the answer holds no result");
        all.into_iter().next().ok_or_else(missing)?
    }
}
