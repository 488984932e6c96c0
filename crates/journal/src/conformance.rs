//! What every store must do, as one suite that is run against each of them.
//!
//! Each check takes an empty store and says in a sentence what it saw instead of what it wanted; nothing
//! panics, so the suite can also run inside a product (`doctor`). It needs no runtime: where histories are
//! written at the same time it starts threads of its own. Left out: what only a store on disk can show
//! (reopening, kills, damage); such stores test that themselves.

mod keeping;
mod runs;
mod samples;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use crate::Journal;

pub use keeping::{
    deletes_what_is_over, frees_artifacts, is_sure_of_what_is_unneeded, keeps_what_others_are_made_from,
    lists_page_by_page, lists_what_is_asked_for,
};
pub use runs::{
    appends_in_order, batches_are_whole, begins_and_reads_back, big_payloads, deep_values_are_refused,
    every_event_round_trips, exact_numbers, lists_newest_first, newer_formats_are_refused,
    refuses_a_second_beginning, refuses_gaps_and_repeats, runs_at_the_same_time, status_follows_the_records,
    unicode, unknown_runs,
};
pub use samples::{every_event, header};

/// The answer of a check: what was wrong, or nothing.
pub type Verdict<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + 'a>>;

/// One check of the suite.
pub type Check = for<'a> fn(&'a dyn Journal) -> Verdict<'a>;

/// Every check with its name. Each wants a store without runs.
pub const CHECKS: &[(&str, Check)] = &[
    ("begins and reads back", |journal| Box::pin(begins_and_reads_back(journal))),
    ("appends in order", |journal| Box::pin(appends_in_order(journal))),
    ("refuses gaps and repeats", |journal| Box::pin(refuses_gaps_and_repeats(journal))),
    ("refuses a second beginning", |journal| Box::pin(refuses_a_second_beginning(journal))),
    ("batches are whole", |journal| Box::pin(batches_are_whole(journal))),
    ("every event round-trips", |journal| Box::pin(every_event_round_trips(journal))),
    ("unknown runs", |journal| Box::pin(unknown_runs(journal))),
    ("lists newest first", |journal| Box::pin(lists_newest_first(journal))),
    ("lists what is asked for", |journal| Box::pin(lists_what_is_asked_for(journal))),
    ("lists page by page", |journal| Box::pin(lists_page_by_page(journal))),
    ("deletes what is over", |journal| Box::pin(deletes_what_is_over(journal))),
    ("frees artifacts", |journal| Box::pin(frees_artifacts(journal))),
    ("keeps what others are made from", |journal| Box::pin(keeps_what_others_are_made_from(journal))),
    ("is sure of what is unneeded", |journal| Box::pin(is_sure_of_what_is_unneeded(journal))),
    ("status follows the records", |journal| Box::pin(status_follows_the_records(journal))),
    ("big payloads", |journal| Box::pin(big_payloads(journal))),
    ("unicode", |journal| Box::pin(unicode(journal))),
    ("exact numbers", |journal| Box::pin(exact_numbers(journal))),
    ("deep values are refused", |journal| Box::pin(deep_values_are_refused(journal))),
    ("newer formats are refused", |journal| Box::pin(newer_formats_are_refused(journal))),
    ("runs at the same time", |journal| Box::pin(runs_at_the_same_time(journal))),
];

/// Runs every check, each against a store made by `fresh`.
///
/// # Errors
/// One line for each check that failed.
pub async fn all<J: Journal>(mut fresh: impl FnMut() -> Result<J, String>) -> Result<(), String> {
    let mut problems = Vec::new();
    for (name, check) in CHECKS {
        let verdict = match fresh() {
            Ok(journal) => check(&journal).await,
            Err(problem) => Err(problem),
        };
        if let Err(problem) = verdict {
            problems.push(format!("{name}: {problem}"));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

/// Waits for a future on this thread, without a runtime.
pub fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
