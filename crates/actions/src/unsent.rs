//! A draft that a step names by its id: read, and refused if it is none.
//!
//! An id is only letters; one of a mail that somebody received must not be rewritten, sent or thrown away as a draft.

use action_api::plan::{Failure, FailureKind};
use exchange::DraftContent;
use exchange::port::Drafts;

use crate::failure::{from_exchange, invalid};
use crate::input::{ItemId, MailboxName};

/// How changing a draft may fail.
pub(crate) const ERRORS: &[FailureKind] = &[
    FailureKind::Transient,
    FailureKind::Throttled,
    FailureKind::NotFound,
    FailureKind::PermissionDenied,
    FailureKind::Invalid,
    FailureKind::Unknown,
];

/// What is in the draft; nothing if the mailbox has no such item.
pub(crate) async fn find(
    drafts: &dyn Drafts,
    action: &str,
    mailbox: &MailboxName,
    item: &ItemId,
) -> Result<Option<DraftContent>, Failure> {
    match drafts.draft(mailbox.get(), &item.item()).await {
        Ok(content) if content.is_draft => Ok(Some(content)),
        Ok(_) => Err(none(action)),
        Err(error) if error.kind == exchange::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(from_exchange(error)),
    }
}

/// The failure of an item that is no draft.
pub(crate) fn none(action: &str) -> Failure {
    invalid(format!(
        "{action}: the item is no draft but a message that was sent or received; give the id of a draft, as \
         draft.create gives it"
    ))
}
