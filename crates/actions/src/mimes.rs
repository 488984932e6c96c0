//! Keeps the MIME forms of many messages of one mailbox, several by one request.
//!
//! How many go into a request is told by their sizes: small ones cost a round trip for fifty, a large one goes alone, and
//! an answer that is lost loses little. The bytes of a message are in a spool while they arrive and an artifact once
//! they are there, so that memory is that of one message however many are asked for. An answer that cannot be read is
//! asked for again message by message: one that the server cannot put into words does not lose the others.

use std::io::{self, Write};
use std::time::Instant;

use action_api::plan::{Artifact, Blame, Failure, FailureKind};
use action_api::{Artifacts, Context};
use exchange::port::Read;
use exchange::{ErrorKind, ItemRef, Mailbox};

use crate::artifact::Spool;
use crate::attached::MESSAGE;
use crate::failure::{from_exchange, too_large};
use crate::fan_out::not_begun;

/// How many messages one request names at most.
const TOGETHER: usize = 50;

/// How many bytes they have together, as the server tells their sizes.
const BYTES: u64 = 16 * 1024 * 1024;

/// What came of one message.
pub(crate) type Kept = Result<Artifact, Failure>;

/// Takes the bytes of several messages, one after the other.
struct Keeper<'a> {
    artifacts: &'a dyn Artifacts,
    most: u64,
    /// The place of the message whose bytes are coming.
    place: usize,
    spool: Option<Spool>,
    kept: Vec<Option<Kept>>,
}

impl<'a> Keeper<'a> {
    fn new(artifacts: &'a dyn Artifacts, most: u64, messages: usize) -> Self {
        Keeper { artifacts, most, place: 0, spool: None, kept: (0..messages).map(|_| None).collect() }
    }

    fn take(&mut self, place: usize, bytes: &[u8]) -> io::Result<()> {
        if place != self.place {
            self.finish();
            self.place = place;
        }
        let most = self.most;
        self.spool.get_or_insert_with(|| Spool::new(most)).write_all(bytes)
    }

    /// The message whose bytes came is whole.
    fn finish(&mut self) {
        let (Some(spool), Some(kept)) = (self.spool.take(), self.kept.get_mut(self.place)) else { return };
        *kept = Some(if spool.overflowed() {
            Err(too_large("the message", self.most))
        } else {
            spool.keep(self.artifacts, MESSAGE)
        });
    }

    /// What came of the message at a place, after what the server says of it.
    fn judge(&mut self, place: usize, said: Result<u64, exchange::Error>) -> Kept {
        match (said, self.kept.get_mut(place).and_then(Option::take)) {
            (_, Some(Err(failure))) => Err(failure),
            (Err(error), _) => Err(from_exchange(error)),
            (Ok(_), Some(kept)) => kept,
            // Not a byte came, and none was due.
            (Ok(_), None) => Spool::new(self.most).keep(self.artifacts, MESSAGE),
        }
    }
}

/// What the messages are read with.
pub(crate) struct Reading<'a> {
    pub(crate) read: &'a dyn Read,
    pub(crate) context: &'a Context,
    /// A larger message fails. In bytes.
    pub(crate) most: u64,
    /// When the attempt began.
    pub(crate) since: Instant,
}

impl Reading<'_> {
    /// Keeps the messages of a mailbox, one result for each.
    pub(crate) async fn keep(&self, mailbox: &Mailbox, items: &[ItemRef]) -> Result<Vec<Kept>, Failure> {
        let found = self.read.summaries(mailbox, items).await.map_err(from_exchange)?;
        let mut all: Vec<Kept> = items.iter().map(|_| Err(unsaid())).collect();
        let mut there = Vec::with_capacity(items.len());
        for ((place, found), slot) in found.into_iter().enumerate().zip(&mut all) {
            match found {
                Ok(summary) => there.push((place, summary.size)),
                Err(error) => *slot = Err(from_exchange(error)),
            }
        }
        let mut broken = None;
        for group in groups(&there) {
            let named: Vec<ItemRef> = group.iter().filter_map(|place| items.get(*place).cloned()).collect();
            let late = self.since.elapsed() > self.context.timeout / 4 * 3;
            let answers = match &broken {
                Some(failure) => Err(Failure::clone(failure)),
                None if late => Err(not_begun()),
                None => self.together(mailbox, &named).await,
            };
            let answers = answers.unwrap_or_else(|failure| {
                let answers = named.iter().map(|_| Err(failure.clone())).collect();
                broken = Some(failure);
                answers
            });
            for (place, answer) in group.iter().zip(answers) {
                if let Some(slot) = all.get_mut(*place) {
                    *slot = answer;
                }
            }
        }
        Ok(all)
    }

    /// Keeps the one message that is asked for of a mailbox, by one request in all.
    pub(crate) async fn alone(&self, mailbox: &Mailbox, item: &ItemRef) -> Kept {
        let mut spool = Spool::new(self.most);
        let read = self.read.mime(mailbox, item, &mut spool).await;
        if spool.overflowed() {
            return Err(too_large("the message", self.most));
        }
        read.map_err(from_exchange)?;
        spool.keep(self.context.artifacts.as_ref(), MESSAGE)
    }

    /// Keeps messages by one request, or each by one of its own if their answer cannot be read. An error is that of the
    /// server or the way there, and not of a message.
    async fn together(&self, mailbox: &Mailbox, items: &[ItemRef]) -> Result<Vec<Kept>, Failure> {
        match self.at_once(mailbox, items).await {
            Ok(kept) => return Ok(kept),
            Err(error) if !matches!(error.kind, ErrorKind::Invalid | ErrorKind::Limit) => {
                return Err(from_exchange(error));
            }
            Err(error) if items.len() < 2 => {
                return Ok(items.iter().map(|_| Err(from_exchange(error.clone()))).collect());
            }
            Err(_) => {}
        }
        let mut all = Vec::with_capacity(items.len());
        for item in items {
            match self.at_once(mailbox, std::slice::from_ref(item)).await {
                Ok(kept) => all.extend(kept),
                Err(error) if matches!(error.kind, ErrorKind::Invalid | ErrorKind::Limit) => {
                    all.push(Err(from_exchange(error)));
                }
                Err(error) => return Err(from_exchange(error)),
            }
        }
        Ok(all)
    }

    async fn at_once(&self, mailbox: &Mailbox, items: &[ItemRef]) -> Result<Vec<Kept>, exchange::Error> {
        let mut keeper = Keeper::new(self.context.artifacts.as_ref(), self.most, items.len());
        let said = self.read.mimes(mailbox, items, &mut |place, bytes| keeper.take(place, bytes)).await?;
        keeper.finish();
        let mut said = said.into_iter();
        let judge = |place| said.next().map_or_else(|| Err(unsaid()), |said| keeper.judge(place, said));
        Ok((0..items.len()).map(judge).collect())
    }
}

/// The server answered, and said nothing about this message.
fn unsaid() -> Failure {
    Failure::new(FailureKind::Transient, Blame::Server, "the server's answer does not say anything about it")
}

/// The places of what goes into one request each.
fn groups(sizes: &[(usize, u64)]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut room = 0_u64;
    for (place, size) in sizes {
        match groups.last_mut() {
            Some(group) if *size <= room && group.len() < TOGETHER => {
                group.push(*place);
                room -= size;
            }
            _ => {
                groups.push(vec![*place]);
                room = BYTES.saturating_sub(*size);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_message_is_in_one_group_and_none_is_too_large(sizes in prop::collection::vec(0..BYTES * 2, 0..200)) {
            let sizes: Vec<(usize, u64)> = sizes.into_iter().enumerate().collect();
            let groups = groups(&sizes);
            let all: Vec<usize> = groups.iter().flatten().copied().collect();
            prop_assert_eq!(all, (0..sizes.len()).collect::<Vec<_>>());
            for group in &groups {
                let bytes: u64 = group.iter().map(|place| sizes[*place].1).sum();
                prop_assert!(group.len() == 1 || (group.len() <= TOGETHER && bytes <= BYTES));
            }
        }
    }
}
