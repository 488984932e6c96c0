//! The message that is answered or passed on.

use action_api::plan::{Blame, Failure, FailureKind};
use exchange::port::Read;
use exchange::{Mailbox, Message};

use crate::failure::from_exchange;
use crate::input::ItemId;

/// The whole message, without the bytes of its attachments.
pub(crate) async fn message(read: &dyn Read, mailbox: &Mailbox, item: &ItemId) -> Result<Message, Failure> {
    let answers = read.get(mailbox, &[item.item()]).await.map_err(from_exchange)?;
    match answers.into_iter().next() {
        Some(answer) => answer.map_err(from_exchange),
        None => Err(Failure::new(
            FailureKind::Invalid,
            Blame::Server,
            format!("the server did not answer for the message in {mailbox}"),
        )),
    }
}
