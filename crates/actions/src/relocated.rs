//! A message that may have a new id: moving gives it one, so a repeat would not find it by the old one.
//!
//! Before a repeat the old id is looked up, and then the `Message-ID` where the message should be by now. What can be
//! said where neither helps stands here as well. Left out: what the actions do with it.

use action_api::plan::{Blame, Failure, FailureKind};
use exchange::port::{Read, Search};
use exchange::{ErrorKind, FolderRef, ItemRef, Mailbox, MessageSummary, SearchRequest};

use serde_json::{Value, json};

use crate::failure::from_exchange;
use crate::input::{ItemId, MailboxName};

/// The message, or nothing if the mailbox has no such id any more.
pub(crate) async fn original(
    read: &dyn Read,
    mailbox: &MailboxName,
    item: &ItemId,
) -> Result<Option<MessageSummary>, Failure> {
    let mut answers = read.summaries(mailbox.get(), &[item.item()]).await.map_err(from_exchange)?;
    match answers.pop() {
        Some(Ok(message)) => Ok(Some(message)),
        Some(Err(error)) if error.kind != ErrorKind::NotFound => Err(from_exchange(error)),
        _ => Ok(None),
    }
}

/// Whether one of these messages is there under its old id. Of many mailboxes one that cannot be asked says nothing.
pub(crate) async fn any_there(
    read: &dyn Read,
    one: bool,
    mailbox: &Mailbox,
    items: &[ItemRef],
) -> Result<bool, Failure> {
    let answers = match read.summaries(mailbox, items).await {
        Ok(answers) => answers,
        Err(error) if one => return Err(from_exchange(error)),
        Err(_) => return Ok(false),
    };
    for answer in answers {
        match answer {
            Ok(_) => return Ok(true),
            Err(error) if one && error.kind != ErrorKind::NotFound => return Err(from_exchange(error)),
            Err(_) => {}
        }
    }
    Ok(false)
}

/// The message in the folder where an earlier attempt would have left it; nothing without a `Message-ID`.
pub(crate) async fn arrived(
    search: &dyn Search,
    mailbox: &MailboxName,
    folder: FolderRef,
    message_id: Option<&String>,
) -> Result<Option<MessageSummary>, Failure> {
    let Some(message_id) = message_id else { return Ok(None) };
    let request = SearchRequest {
        mailbox: mailbox.get().clone(),
        folder,
        query: exchange::Query {
            internet_message_id: Some(message_id.clone()),
            ..exchange::Query::default()
        },
        restriction: None,
        offset: 0,
        limit: 1,
    };
    let found = search.search(&request).await.map_err(from_exchange)?;
    Ok(found.messages.into_iter().next())
}

/// There is no such message.
pub(crate) fn gone(mailbox: &MailboxName) -> Failure {
    Failure::new(
        FailureKind::NotFound,
        Blame::Server,
        format!("{} has no message with this id; it was moved or deleted since it was found", mailbox.get()),
    )
}

/// It cannot be known whether an earlier attempt copied a message.
pub(crate) fn nameless() -> Failure {
    Failure::new(
        FailureKind::Unknown,
        Blame::Server,
        "the message has no Message-ID, so nobody knows whether an earlier attempt copied it; look into the folder it \
         goes to",
    )
}

/// The server answered, and said nothing about this item.
pub(crate) fn silent() -> Failure {
    Failure::new(
        FailureKind::Unknown,
        Blame::Server,
        "the server did not say what became of it; look what there is before it is done again",
    )
}

/// Gives an input the `Message-ID` of what it is about.
pub(crate) fn mark(input: &mut Value, message_id: Option<&String>) {
    if let (Some(message_id), Some(fields)) = (message_id, input.as_object_mut()) {
        fields.insert("internet_message_id".to_owned(), json!(message_id));
    }
}
