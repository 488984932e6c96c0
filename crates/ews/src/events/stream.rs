//! The stream of notifications: one answer that goes on for minutes, an envelope at a time.
//!
//! Each envelope is a whole document, and the next one follows it in the same body. What an envelope says is given out
//! as soon as the envelope ends; nothing waits for the end of the body. Each is held to the limit of an answer by
//! itself, the stream as a whole to none.

use std::collections::VecDeque;

use exchange::{Error, ErrorKind, Mailbox};

use super::notification::Notification;
use crate::answer::Message;
use crate::failure::{Effect, Failure};
use crate::http::Source;
use crate::op::Operation;
use crate::op::get_streaming_events::GetStreamingEvents;
use crate::request_id::RequestId;
use crate::xml::{Pull, Reader};

/// What comes through a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Streamed {
    /// Something happened.
    Notification(Notification),
    /// The stream is open: it comes first, and from time to time where nothing happens.
    Open,
    /// The server refuses subscriptions: make them anew, and synchronise what was missed meanwhile. The stream ends
    /// after it.
    Refused {
        /// The subscriptions, as far as the server names them.
        subscriptions: Vec<String>,
        /// What it says.
        error: Error,
    },
    /// The time is up and the stream ends: open it again.
    Closed,
}

/// An open stream. Dropping it closes the connection.
pub struct EventStream {
    reader: Reader<Source>,
    id: RequestId,
    mailbox: Mailbox,
    /// What was read and not given out yet.
    ready: VecDeque<Streamed>,
    /// Whether the reader stands inside the envelope that the client opened.
    opened: bool,
    ended: bool,
}

impl EventStream {
    pub(crate) fn new(reader: Reader<Source>, id: RequestId, mailbox: Mailbox) -> Self {
        EventStream { reader, id, mailbox, ready: VecDeque::new(), opened: true, ended: false }
    }

    /// What comes next; `None` once the stream has ended. It can be dropped while it waits, but then the stream cannot
    /// be read on.
    ///
    /// # Errors
    /// Where the stream breaks or cannot be read; it has ended then. Nothing says what happened meanwhile, so
    /// synchronise before you trust the next one.
    pub async fn next(&mut self) -> Result<Option<Streamed>, Error> {
        loop {
            if let Some(next) = self.ready.pop_front() {
                self.ended |= matches!(next, Streamed::Closed | Streamed::Refused { .. });
                return Ok(Some(next));
            }
            if self.ended {
                return Ok(None);
            }
            // Until the envelope is read whole it counts as broken: a caller that went away leaves the reader anywhere.
            self.ended = true;
            match self.envelope().await {
                Ok(true) => self.ended = false,
                Ok(false) => return Ok(None),
                Err(failure) => return Err(self.broken(failure)),
            }
        }
    }

    /// Reads an envelope; false if there is none any more.
    async fn envelope(&mut self) -> Result<bool, Failure> {
        if !std::mem::take(&mut self.opened) {
            if !self.reader.next_document().await? {
                return Ok(false);
            }
            GetStreamingEvents::open(&mut self.reader).await?;
        }
        while self.reader.child().await? {
            message(&mut self.reader, &mut self.ready).await?;
        }
        self.reader.end_document().await?;
        Ok(true)
    }

    fn broken(&self, failure: Failure) -> Error {
        let mut error = failure.into_error(GetStreamingEvents::NAME, Effect::Reads, &self.mailbox);
        error.message = self.id.onto(error.message);
        error
    }
}

impl std::fmt::Debug for EventStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStream")
            .field("mailbox", &self.mailbox)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// Reads one response message.
async fn message<P: Pull>(reader: &mut Reader<P>, ready: &mut VecDeque<Streamed>) -> Result<(), Failure> {
    let mut message = Message::begin(reader);
    let mut refused = Vec::new();
    let mut notifications = Vec::new();
    let mut status = None;
    while reader.child().await? {
        match reader.name() {
            b"Notifications" => {
                while reader.child().await? {
                    notifications.push(Streamed::Notification(Notification::read(reader).await?));
                }
            }
            b"ErrorSubscriptionIds" => {
                while reader.child().await? {
                    refused.push(reader.text().await?);
                }
            }
            b"ConnectionStatus" => status = Some(reader.text().await?),
            _ => message.other(reader).await?,
        }
    }
    let quiet = notifications.is_empty();
    ready.extend(notifications);
    match message.finish(GetStreamingEvents::NAME, Effect::Reads) {
        Err(error) => ready.push_back(Streamed::Refused { subscriptions: refused, error }),
        Ok(()) if !refused.is_empty() => {
            let words = "GetStreamingEvents: the server refuses subscriptions without saying why";
            let error = Error::new(ErrorKind::NotFound, words);
            ready.push_back(Streamed::Refused { subscriptions: refused, error });
        }
        Ok(()) => match status.as_deref().map(str::trim) {
            Some("Closed") => ready.push_back(Streamed::Closed),
            _ if quiet => ready.push_back(Streamed::Open),
            _ => {}
        },
    }
    Ok(())
}
