//! What a call came to whose answer nobody got: the action is asked, more than once where the other side may show
//! an effect late.
//!
//! A mail server keeps a message nowhere to be seen between the folder it leaves and the one it is filed in. One look
//! in that moment would say "not done", and a second mail would go out; so an action may say "not yet", and is asked
//! again until its time is over. The waits are of real time, like the limit of an attempt, because the other side is
//! real. Left out: what follows from the answer, which is a matter of `attempt`.

use std::time::Duration;

use action_api::{ActionSource, Invocation, Outcome, Probe};
use plan::{Blame, Failure, FailureKind};
use tokio::time::Instant;

/// The wait before the second look; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// What an effect counts as that was not to be seen in all the time it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unseen {
    /// Nobody knows whether anything left at all: a crash, a time limit.
    NotDone,
    /// A request for the effect left.
    Unknown,
}

/// What is known in the end.
#[derive(Debug)]
pub(crate) enum Found {
    /// The effect took place.
    Done(Outcome),
    /// It did not.
    NotDone,
    /// Nobody can tell.
    Unknown,
}

/// Asks the action until it knows, or until the time is over that it gives the other side.
pub(crate) async fn look(
    source: &dyn ActionSource,
    call: &Invocation,
    unseen: Unseen,
) -> Result<Found, Failure> {
    let begun = Instant::now();
    let mut wait = FIRST_WAIT;
    loop {
        let settle = match ask(source, call).await? {
            Probe::Done(outcome) => return Ok(Found::Done(outcome)),
            Probe::NotDone => return Ok(Found::NotDone),
            Probe::Unknown => return Ok(Found::Unknown),
            Probe::NotYet { settle } => settle,
        };
        let left = settle.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Ok(match unseen {
                Unseen::NotDone => Found::NotDone,
                Unseen::Unknown => Found::Unknown,
            });
        }
        tokio::time::sleep(wait.min(left)).await;
        wait = wait.saturating_mul(2);
    }
}

async fn ask(source: &dyn ActionSource, call: &Invocation) -> Result<Probe, Failure> {
    tokio::time::timeout(call.context.timeout, source.probe(call.clone())).await.unwrap_or_else(|_| {
        Err(Failure::new(FailureKind::Timeout, Blame::Server, "asking whether it took place took too long"))
    })
}
