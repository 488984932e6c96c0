//! Many mailboxes side by side: one stream of requests per mailbox, several mailboxes at once.
//!
//! A server charges a request to the mailbox it is about, so two mailboxes do not slow each other down and two
//! requests to one do: the items of a mailbox are worked on one after the other, whatever their order in the list.
//! A mailbox that fails keeps its failure to itself. When the time of the attempt is nearly over no further mailbox
//! is begun: an attempt that is cut off could not say what it has done. Left out: trying again, which is the
//! engine's.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use action_api::plan::{Blame, Failure, FailureKind};
use action_api::{Context, Work};
use exchange::Mailbox;
use futures_util::lock::{Mutex as Turn, OwnedMutexGuard};
use futures_util::stream::{FuturesUnordered, StreamExt};

/// How many mailboxes are worked on at once.
///
/// A connection sends ten requests at a time unless it is told otherwise, and that limit holds in any case. Eight
/// keeps it busy and leaves room for what other steps and runs want meanwhile.
pub(crate) const SIDE_BY_SIDE: usize = 8;

/// What is to be done in one mailbox.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Share<T> {
    /// The mailbox, as the first of its items names it.
    pub(crate) mailbox: Mailbox,
    /// Its items in the order of the list.
    pub(crate) items: Vec<T>,
    /// Where each of them stands in the list.
    places: Vec<usize>,
}

/// Sorts a list by mailbox, in the order in which the mailboxes come up. An address is the same whatever its case. What
/// is the same by `key` in the same mailbox is there once.
pub(crate) fn shares<T, K: Eq + Hash>(
    items: impl IntoIterator<Item = (Mailbox, T)>,
    key: impl Fn(&T) -> K,
) -> Vec<Share<T>> {
    let mut shares: Vec<Share<T>> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut seen: HashSet<(usize, K)> = HashSet::new();
    for (place, (mailbox, item)) in items.into_iter().enumerate() {
        let number = *known.entry(mailbox.as_str().to_lowercase()).or_insert(shares.len());
        if !seen.insert((number, key(&item))) {
            continue;
        }
        if let Some(share) = shares.get_mut(number) {
            share.items.push(item);
            share.places.push(place);
        } else {
            shares.push(Share { mailbox, items: vec![item], places: vec![place] });
        }
    }
    shares
}

impl<T> Share<T> {
    /// The places of its items, to put what came of them back into the order of the list.
    pub(crate) fn places(&self) -> Vec<usize> {
        self.places.clone()
    }
}

/// One request at a time to each mailbox, where the work on one asks others as well.
///
/// Whoever has the turn of a mailbox waits for nothing but its own requests there, so nobody waits in a circle.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Arc<Turn<()>>>>);

impl Turns {
    /// Waits for the turn of a mailbox, which ends with the guard.
    pub(crate) async fn of(&self, mailbox: &Mailbox) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(mailbox.as_str().to_lowercase()).or_default())
        };
        turn.lock_owned().await
    }
}

/// Puts answers in the order of the list they belong to.
pub(crate) fn in_order<T>(answers: impl IntoIterator<Item = (usize, T)>) -> Vec<T> {
    let mut all: Vec<(usize, T)> = answers.into_iter().collect();
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, answer)| answer).collect()
}

/// Does one thing per mailbox, [`SIDE_BY_SIDE`] at a time; one answer per job, in the order of the jobs.
///
/// Every second attempt begins at the other end: what an attempt had no time for is not last again.
pub(crate) async fn each<'a, J, T>(
    context: &Context,
    jobs: impl IntoIterator<Item = J>,
    mut begin: impl FnMut(J) -> Work<'a, Result<T, Failure>> + Send,
) -> Vec<Result<T, Failure>>
where
    J: Send,
    T: Send,
{
    let mut waiting: Vec<(usize, J)> = jobs.into_iter().enumerate().collect();
    let mut answers: Vec<(usize, Result<T, Failure>)> = Vec::with_capacity(waiting.len());
    if !context.attempt.is_multiple_of(2) {
        waiting.reverse();
    }
    let (since, enough) = (Instant::now(), context.timeout / 4 * 3);
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < SIDE_BY_SIDE {
            let Some((place, job)) = waiting.pop() else { break };
            // One is always begun, so that there is an end to it however little time there is.
            let first = running.is_empty() && answers.is_empty();
            if !first && since.elapsed() > enough {
                answers.push((place, Err(not_begun())));
                continue;
            }
            let work = begin(job);
            running.push(async move { (place, work.await) });
        }
        let Some(answer) = running.next().await else { break };
        answers.push(answer);
    }
    in_order(answers)
}

/// There was no time left for a mailbox.
pub(crate) fn not_begun() -> Failure {
    Failure::new(
        FailureKind::Transient,
        Blame::Playbook,
        "not begun, because the time limit of the step was near; give it a longer `timeout` or fewer mailboxes",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(address: &str) -> Mailbox {
        Mailbox::new(address).unwrap()
    }

    #[test]
    fn a_mailbox_is_one_share_whatever_its_case_and_the_order_comes_back() {
        let list = [
            ("b@x.example", 1),
            ("a@x.example", 2),
            ("B@X.example", 3),
            ("b@x.example", 1),
            ("b@x.example", 4),
        ];
        let shares = shares(list.map(|(address, item)| (mailbox(address), item)), |item| *item);
        let found: Vec<(&str, &[i32])> =
            shares.iter().map(|share| (share.mailbox.as_str(), share.items.as_slice())).collect();
        assert_eq!(found, [("b@x.example", [1, 3, 4].as_slice()), ("a@x.example", [2].as_slice())]);
        let mut answers: Vec<(usize, i32)> =
            shares.iter().flat_map(|share| share.places().into_iter().zip(share.items.clone())).collect();
        answers.reverse();
        assert_eq!(in_order(answers), [1, 2, 3, 4], "and what stands there twice is there once");
    }
}
