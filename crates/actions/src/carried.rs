//! Messages on their way from one mailbox to another: copied, looked at there, and only then deleted where they were.
//!
//! Servers have no such operation, so it is three, in an order in which nothing is lost wherever it stops. A copy is a
//! message with the same `Message-ID`, received at the same time, of about the same size. An attempt after the first
//! looks for the copies that an earlier one left behind and goes on with them; each of them stands for one message and
//! no more, because a mail that went to many people has the same `Message-ID` in all their mailboxes. Messages that are
//! gone from where they were take theirs first. The first attempt looks for none: what is there then is somebody
//! else's. Left out: which messages, and what a step says of them.

use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use action_api::Context;
use action_api::plan::{Blame, Failure, FailureKind};
use exchange::port::{Delete, Read, Search, Transfer};
use exchange::{DeleteMode, ErrorKind, FolderRef, ItemRef, Mailbox, MessageSummary, Ports, SearchRequest};
use serde_json::{Value, json};

use crate::exported::Exported;
use crate::failure::{from_exchange, need};
use crate::fan_out::{Share, Turns, each};
use crate::input::{ItemId, MailboxName};
use crate::relocated::{gone, nameless};
use crate::verdict::{Done, Judged};

/// How many copies one search shows.
const PAGE: u32 = 100;
/// How many copies of one mail are looked at in a folder: as many as one call can bring there, and as many again.
const MOST: usize = 2000;
/// By how many bytes a copy may differ: servers count what they keep beside the mail, too.
const SLACK: u64 = 16 * 1024;

/// A message that is to go to another mailbox.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) item_id: ItemId,
    /// The mailbox it goes to.
    pub(crate) to: Mailbox,
    /// The folder there.
    pub(crate) folder: FolderRef,
    /// By which it is found there once it is gone here.
    pub(crate) internet_message_id: Option<String>,
}

/// A message that has come to the other mailbox.
#[derive(Debug)]
pub(crate) struct Carried {
    /// The folder it was in; nothing if an earlier attempt took it away.
    pub(crate) from_folder: Option<String>,
    /// What is there now.
    pub(crate) copy: MessageSummary,
}

/// Where a message is before this attempt does anything.
enum Seen {
    /// Where it was asked for.
    There(MessageSummary),
    /// It needs nothing more: an earlier attempt brought it over, or it cannot be had.
    Settled(Result<Done<Carried>, Failure>),
}

/// A mail in a folder of a mailbox.
type Place = (String, FolderRef, String);

/// The copies that are there and belong to no message yet, and those that do.
#[derive(Default)]
struct Copies {
    left: HashMap<Place, Vec<MessageSummary>>,
    taken: HashSet<String>,
}

/// Carries messages over.
pub(crate) struct Carrier<'a> {
    read: &'a dyn Read,
    search: &'a dyn Search,
    transfer: &'a dyn Transfer,
    delete: &'a dyn Delete,
    again: bool,
    turns: Turns,
    copies: Mutex<Copies>,
}

/// Whether a message is a whole copy of another.
fn is_copy(message: &MessageSummary, copy: &MessageSummary) -> bool {
    message.internet_message_id == copy.internet_message_id
        && message.received_at == copy.received_at
        && message.has_attachments == copy.has_attachments
        && message.size.abs_diff(copy.size) <= SLACK.max(message.size / 20)
}

impl<'a> Carrier<'a> {
    /// Over these ports, for an action; `again` in an attempt after the first.
    pub(crate) fn new(ports: &'a Ports, action: &str, again: bool) -> Result<Self, Failure> {
        Ok(Carrier {
            transfer: need(&ports.transfer, action, "transfer")?,
            read: need(&ports.read, action, "read")?,
            search: need(&ports.search, action, "search")?,
            delete: need(&ports.delete, action, "delete")?,
            again,
            turns: Turns::default(),
            copies: Mutex::default(),
        })
    }

    /// Brings over the messages of all mailboxes, side by side; one answer for each of them.
    pub(crate) async fn carry_all(
        &self,
        context: &Context,
        shares: &[Share<Parcel>],
    ) -> Vec<Judged<Carried>> {
        let began = Instant::now();
        let looked = each(context, shares, |share| Box::pin(self.look(share))).await;
        let mut answers: Vec<Judged<Carried>> = Vec::with_capacity(shares.len());
        let mut jobs = Vec::new();
        for (place, (share, seen)) in shares.iter().zip(looked).enumerate() {
            match seen {
                Ok(seen) => {
                    jobs.push((place, share, seen));
                    answers.push(Ok(Vec::new()));
                }
                Err(failure) => answers.push(Err(failure)),
            }
        }
        let places: Vec<usize> = jobs.iter().map(|(place, ..)| *place).collect();
        let timeout = context.timeout.saturating_sub(began.elapsed());
        let rest = Context { timeout, ..context.clone() };
        let carried = each(&rest, jobs, |(_, share, seen)| Box::pin(self.carry_share(share, seen))).await;
        for (place, answer) in places.into_iter().zip(carried) {
            if let Some(slot) = answers.get_mut(place) {
                *slot = answer;
            }
        }
        answers
    }

    /// Looks where the messages of one mailbox are.
    async fn look(&self, share: &Share<Parcel>) -> Result<Vec<Seen>, Failure> {
        let from = &share.mailbox;
        let ids: Vec<ItemRef> = share.items.iter().map(|parcel| parcel.item_id.item()).collect();
        let found = {
            let _turn = self.turns.of(from).await;
            self.read.summaries(from, &ids).await.map_err(from_exchange)?
        };
        let mut seen = Vec::with_capacity(share.items.len());
        for (parcel, found) in share.items.iter().zip(found) {
            seen.push(match found {
                Ok(message) => Seen::There(message),
                Err(error) if error.kind != ErrorKind::NotFound => Seen::Settled(Err(from_exchange(error))),
                Err(_) => Seen::Settled(self.settled(from, parcel).await),
            });
        }
        Ok(seen)
    }

    /// What there is to say of a message that is gone from where it was.
    async fn settled(&self, from: &Mailbox, parcel: &Parcel) -> Result<Done<Carried>, Failure> {
        let there = if self.again { self.finished(parcel).await? } else { None };
        let there = there.ok_or_else(|| gone(&MailboxName::from(from.clone())))?;
        Ok(Done { already: true, what: there })
    }

    /// The message where an attempt that came to its end has left it.
    pub(crate) async fn finished(&self, parcel: &Parcel) -> Result<Option<Carried>, Failure> {
        let Some(message_id) = &parcel.internet_message_id else { return Ok(None) };
        let copy = self.take(parcel, message_id, |_| true).await?;
        Ok(copy.map(|copy| Carried { from_folder: None, copy }))
    }

    /// Brings the messages of one mailbox over, one after the other.
    async fn carry_share(&self, share: &Share<Parcel>, seen: Vec<Seen>) -> Judged<Carried> {
        let mut judged = Vec::with_capacity(seen.len());
        for (parcel, seen) in share.items.iter().zip(seen) {
            judged.push(match seen {
                Seen::There(message) => self.carry(&share.mailbox, parcel, message).await,
                Seen::Settled(outcome) => outcome,
            });
        }
        Ok(judged)
    }

    async fn carry(
        &self,
        from: &Mailbox,
        parcel: &Parcel,
        message: MessageSummary,
    ) -> Result<Done<Carried>, Failure> {
        let left_behind = match &message.internet_message_id {
            _ if !self.again => None,
            None => return Err(nameless()),
            Some(message_id) => self.take(parcel, message_id, |copy| is_copy(&message, copy)).await?,
        };
        let copy = match left_behind {
            Some(copy) => copy,
            None => self.copy(from, parcel, &message).await?,
        };
        self.clear(from, parcel, &message, &copy).await?;
        Ok(Done { already: false, what: Carried { from_folder: message.folder_id, copy } })
    }

    /// Takes one of the copies that earlier attempts left in a folder; nobody takes it again.
    async fn take(
        &self,
        parcel: &Parcel,
        message_id: &str,
        fits: impl Fn(&MessageSummary) -> bool,
    ) -> Result<Option<MessageSummary>, Failure> {
        let place = (parcel.to.as_str().to_lowercase(), parcel.folder.clone(), message_id.to_owned());
        // Whoever comes second finds what the first one found, and not what it has made since.
        let _turn = self.turns.of(&parcel.to).await;
        if !self.known().left.contains_key(&place) {
            let found = self.all_copies(parcel, message_id).await?;
            self.known().left.insert(place.clone(), found);
        }
        let mut known = self.known();
        let Copies { left, taken } = &mut *known;
        let Some(copies) = left.get_mut(&place) else { return Ok(None) };
        copies.retain(|copy| !taken.contains(&copy.item.id));
        let Some(at) = copies.iter().position(fits) else { return Ok(None) };
        let copy = copies.remove(at);
        taken.insert(copy.item.id.clone());
        Ok(Some(copy))
    }

    fn known(&self) -> MutexGuard<'_, Copies> {
        self.copies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every message with this `Message-ID` in the folder a message goes to.
    async fn all_copies(&self, parcel: &Parcel, message_id: &str) -> Result<Vec<MessageSummary>, Failure> {
        let internet_message_id = Some(message_id.to_owned());
        let query = exchange::Query { internet_message_id, ..exchange::Query::default() };
        let (mailbox, folder) = (parcel.to.clone(), parcel.folder.clone());
        let mut request = SearchRequest { mailbox, folder, query, restriction: None, offset: 0, limit: PAGE };
        let mut copies = Vec::new();
        loop {
            let found = self.search.search(&request).await.map_err(from_exchange)?;
            copies.extend(found.messages);
            match found.next_offset {
                Some(next) if next > request.offset && copies.len() < MOST => request.offset = next,
                _ => return Ok(copies),
            }
        }
    }

    /// Exports the message and makes a copy of it in the other mailbox; gives what is there then.
    async fn copy(
        &self,
        from: &Mailbox,
        parcel: &Parcel,
        message: &MessageSummary,
    ) -> Result<MessageSummary, Failure> {
        let local = |why: std::io::Error| {
            let words =
                format!("the message cannot be kept in a temporary file: {why}; make room on the disk");
            Failure::new(FailureKind::Transient, Blame::Host, words)
        };
        let mut whole = Exported::new().map_err(local)?;
        let size = {
            let _turn = self.turns.of(from).await;
            self.transfer.export(from, &message.item, &mut whole).await.map_err(from_exchange)?
        };
        whole.flush().map_err(local)?;
        let _turn = self.turns.of(&parcel.to).await;
        let made = self.transfer.import(&parcel.to, &parcel.folder, Arc::new(whole), size).await;
        let made = made.map_err(from_exchange)?;
        self.known().taken.insert(made.id.clone());
        let found = self.read.summaries(&parcel.to, std::slice::from_ref(&made)).await;
        match found.map_err(from_exchange)?.pop() {
            Some(Ok(copy)) if is_copy(message, &copy) => Ok(copy),
            Some(Ok(_)) => Err(differs(&made, "it is not the same there")),
            Some(Err(error)) => Err(from_exchange(error)),
            None => Err(differs(&made, "the destination does not show it")),
        }
    }

    /// Deletes the original, of which there is a copy now.
    async fn clear(
        &self,
        from: &Mailbox,
        parcel: &Parcel,
        message: &MessageSummary,
        copy: &MessageSummary,
    ) -> Result<(), Failure> {
        let items = [message.item.clone()];
        let deleted = {
            let _turn = self.turns.of(from).await;
            self.delete.delete(from, &items, DeleteMode::Soft).await
        };
        let error = match deleted.map(|mut deleted| deleted.pop()) {
            Ok(Some(Ok(()))) => return Ok(()),
            // Somebody else was faster; the copy is what is left of it.
            Ok(Some(Err(error))) if error.kind == ErrorKind::NotFound => return Ok(()),
            Ok(Some(Err(error))) | Err(error) => error,
            Ok(None) => exchange::Error::new(ErrorKind::Unknown, "the server did not say that it deleted it"),
        };
        let mut failure = from_exchange(error);
        failure.message = format!(
            "the message was copied to {} and may still be in {from}: {}; a repeat goes on with the deletion",
            parcel.to, failure.message
        );
        with_copy(&mut failure, &copy.item);
        Err(failure)
    }
}

/// The copy is not what was copied, so the original stays.
fn differs(made: &ItemRef, what: &str) -> Failure {
    let words = format!(
        "the message was copied to the destination, but {what}; nothing was deleted. Look at the copy, delete it, and move \
         the message again"
    );
    let mut failure = Failure::new(FailureKind::Conflict, Blame::Server, words);
    with_copy(&mut failure, made);
    failure
}

/// Notes which copy there is: a part was done, although it failed.
fn with_copy(failure: &mut Failure, made: &ItemRef) {
    let mut details = json!({ "new_item_id": made.id, "partly": true });
    if let (Some(all), Some(known)) = (details.as_object_mut(), failure.details.as_object()) {
        all.extend(known.clone());
    }
    failure.details = details;
}

/// The copy that a failure leaves behind.
pub(crate) fn copy_of(failure: &Failure) -> Option<&str> {
    failure.details.get("new_item_id").and_then(Value::as_str)
}
