//! Whether, and when, a failed attempt is followed by another: as the step says, and never so late that a time limit
//! around it would end the wait.

use std::time::Duration;

use journal::Timestamp;
use plan::{Failure, FailureKind, Repeat, Retry};

use crate::machine::Machine;
use crate::node::{Limit, NodeId};

/// When the next attempt begins, or `None` if this one was the last.
///
/// The wait is drawn evenly between zero and a bound that doubles ("full jitter"), which spreads clients
/// that failed together better than any fixed backoff; a server that names a time wins over ours.
pub(crate) fn next_attempt(
    retry: &Retry,
    repeat: Repeat,
    attempt: u32,
    failure: &Failure,
    now: Timestamp,
    entropy: u64,
) -> Option<Timestamp> {
    if !follows(retry, repeat, attempt, failure.kind) {
        return None;
    }
    let doublings = if retry.exponential { attempt.saturating_sub(1).min(31) } else { 0 };
    let bound = retry.initial.saturating_mul(1_u32 << doublings).min(retry.max);
    let drawn = entropy % (millis(bound) + 1);
    let wait = drawn.max(failure.retry_after_ms.unwrap_or(0));
    Some(Timestamp(now.0.saturating_add(i64::try_from(wait).unwrap_or(i64::MAX))))
}

/// Whether another attempt follows one that failed so.
pub(crate) fn follows(retry: &Retry, repeat: Repeat, attempt: u32, kind: FailureKind) -> bool {
    if attempt >= retry.attempts || !retry.on.contains(&kind) {
        return false;
    }
    // Only a harmless repeat may follow an attempt that nobody knows the end of. (For `verify` the driver
    // has asked the probe already: what still comes as unknown stays unknown.)
    let in_the_dark = matches!(kind, FailureKind::Unknown | FailureKind::Timeout);
    !in_the_dark || matches!(repeat, Repeat::Natural | Repeat::Keyed)
}

impl Machine {
    /// The nearest time limit around a call that is over by then, in words.
    pub(crate) fn over_by_then(&self, call: NodeId, then: Timestamp) -> Option<String> {
        let limits = self.nodes.chain(call).filter_map(|(_, node)| Some((node.timer?, &node.path)));
        let (timer, path) =
            limits.filter(|(timer, _)| timer.until <= then).min_by_key(|(timer, _)| timer.until)?;
        Some(match timer.limit {
            Limit::Deadline if path.as_str().is_empty() => "the `deadline` of the run".to_owned(),
            Limit::Deadline => format!("the `deadline` of the playbook that step {path} calls"),
            Limit::Step => format!("the `timeout` of step {path}"),
            Limit::Finally => "the time that a `finally` gets".to_owned(),
        })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX - 1).min(u64::MAX - 1)
}

#[cfg(test)]
mod tests {
    use plan::Blame;

    use super::*;

    fn retry(on: &[FailureKind]) -> Retry {
        Retry {
            attempts: 3,
            initial: Duration::from_secs(1),
            max: Duration::from_secs(3),
            exponential: true,
            on: on.to_vec(),
        }
    }

    fn failure(kind: FailureKind) -> Failure {
        Failure::new(kind, Blame::Server, "no")
    }

    #[test]
    fn waits_at_most_the_bound_and_at_least_what_the_server_says() {
        let retry = retry(&[FailureKind::Throttled]);
        let mut busy = failure(FailureKind::Throttled);
        let at = |attempt, entropy, failure: &Failure| {
            next_attempt(&retry, Repeat::Natural, attempt, failure, Timestamp(0), entropy)
        };
        assert_eq!(at(1, 1000, &busy), Some(Timestamp(1000)));
        assert_eq!(at(1, 1001, &busy), Some(Timestamp(0)), "the bound of the first wait is one second");
        assert_eq!(at(2, 2000, &busy), Some(Timestamp(2000)));
        busy.retry_after_ms = Some(60_000);
        assert_eq!(at(2, 2000, &busy), Some(Timestamp(60_000)));
        assert_eq!(at(3, 0, &busy), None, "three attempts in all");
    }

    #[test]
    fn never_repeats_what_may_have_happened() {
        let retry = retry(&[FailureKind::Unknown, FailureKind::Timeout]);
        for kind in [FailureKind::Unknown, FailureKind::Timeout] {
            for (repeat, again) in [
                (Repeat::Natural, true),
                (Repeat::Keyed, true),
                (Repeat::Verify, false),
                (Repeat::Never, false),
            ] {
                let next = next_attempt(&retry, repeat, 1, &failure(kind), Timestamp(0), 0);
                assert_eq!(next.is_some(), again, "{kind} {repeat}");
            }
        }
    }
}
