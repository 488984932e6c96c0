//! Drafts beyond what [`Submit`](super::Submit) needs: what hangs on them, changing them, passing mail on,
//! messages in MIME form, and sending without a copy among the sent messages.

use super::Work;
use crate::{Draft, DraftChange, DraftContent, ItemRef, Mailbox, MimeDraft, NewAttachment};

/// Works on drafts.
pub trait Drafts: Send + Sync {
    /// What is in a draft, or in a message that was one.
    fn draft<'a>(&'a self, mailbox: &'a Mailbox, item: &'a ItemRef) -> Work<'a, DraftContent>;

    /// Keeps a draft that passes `item` on, with what hangs on it, and carries `draft.key`.
    fn create_forward<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        draft: &'a Draft,
    ) -> Work<'a, ItemRef>;

    /// Keeps a draft that is this message, and carries `draft.key`. Author, recipients and everything else are what the
    /// server reads in it; [`Drafts::draft`] tells what that is.
    fn create_from_mime<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a MimeDraft) -> Work<'a, ItemRef>;

    /// Hangs one thing on a draft and gives the draft as it is now. A repeat hangs it there twice.
    fn attach<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        draft: &'a ItemRef,
        attachment: &'a NewAttachment,
    ) -> Work<'a, ItemRef>;

    /// Changes a draft and gives it as it is now.
    fn change_draft<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        draft: &'a ItemRef,
        change: &'a DraftChange,
    ) -> Work<'a, ItemRef>;

    /// Sends a draft and puts the copy into Deleted Items. Without any copy nobody could tell after a crash whether it
    /// was sent.
    fn send_unfiled<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a ItemRef) -> Work<'a, ()>;

    /// Looks for the message that carries `key` in Deleted Items. A draft that somebody threw away is not what is
    /// looked for.
    fn find_unfiled<'a>(&'a self, mailbox: &'a Mailbox, key: &'a str) -> Work<'a, Option<ItemRef>>;
}
