//! Another attempt: never so late that a time limit around the call would end the wait for it.

use std::time::Duration;

use journal::{Event, RunStatus};
use plan::{Blame, Failure, FailureKind};
use portcullis_interpreter::Command;

use crate::play::{CALLED, Play};

const BUSY: &str = "retry: { attempts: 5, initial: 1m, max: 1h, on: [throttled, transient] }";

impl Play {
    /// The attempt fails; the server names a time, or the dice do.
    fn busy(&mut self, wanted: &str, retry_after: u64, entropy: u64) -> &mut Self {
        let call = self.call(wanted);
        let failure = Failure::new(FailureKind::Throttled, Blame::Server, "busy");
        let failure = failure.retry_after(Duration::from_secs(retry_after));
        self.happens(Event::AttemptFailed {
            op: call.op,
            attempt: call.attempt,
            failure,
            entropy,
            last: false,
        });
        self
    }

    /// When the next attempt at a call begins.
    #[track_caller]
    fn wakes(&self, op: u32) -> i64 {
        let until = |command: &Command| match command {
            Command::Sleep { op: found, until } if *found == op => Some(until.0),
            _ => None,
        };
        self.open.iter().find_map(until).expect("it sleeps")
    }
}

#[test]
fn the_deadline_of_the_run_ends_the_attempts() {
    let text = format!("deadline: 10m\nsteps: [{{ id: a, uses: test.read, {BUSY} }}]\n");
    let mut play = Play::new(&text);
    let op = play.call("a").op;
    play.busy("a", 0, 59_999);
    assert_eq!(play.wakes(op), 59_999, "drawn between zero and the bound");
    play.time_passes().busy("a", 539, 0);
    assert_eq!(play.wakes(op), 598_999, "the server wins, and it is in time");
    play.time_passes().busy("a", 2, 0);
    let (kind, message) = play.failed();
    assert_eq!((kind, play.now), (FailureKind::Throttled, 598_999), "at once, not at the deadline");
    assert_eq!(
        message,
        "busy; the next attempt would begin after the `deadline` of the run, so there is none"
    );
}

#[test]
fn a_wait_that_ends_with_the_limit_is_too_long() {
    let text = format!("deadline: 10m\nsteps: [{{ id: a, uses: test.read, {BUSY} }}]\n");
    let mut play = Play::new(&text);
    play.busy("a", 600, 0);
    assert_eq!(play.failed().0, FailureKind::Throttled);
    // Drawn, not named by the server, and the bound doubles: eight minutes of the fourth wait.
    let mut play = Play::new(&text.replace("10m", "8m"));
    for _ in 0..3 {
        play.busy("a", 0, 0).time_passes();
    }
    play.busy("a", 0, 480_000);
    assert!(play.failed().1.contains("after the `deadline` of the run"));
}

#[test]
fn every_limit_around_a_call_counts_and_the_nearest_is_named() {
    let nested = format!(
        "deadline: 1h\nsteps:\n  - id: t\n    try:\n      - id: each\n        foreach: '${{{{ [1, 2] }}}}'\n        as: n\n        limit: 9\n        timeout: 5m\n        do: [{{ id: a, uses: test.read, {BUSY} }}]\n    catch: [{{ on: [throttled], do: [{{ id: b, uses: test.read }}] }}]\n"
    );
    let mut play = Play::new(&nested);
    play.busy("t/each[0]/a", 301, 0).succeeds("t/b");
    play.ended(RunStatus::Succeeded);
    let mut play = Play::new(&nested.replace("on: [throttled], do", "on: [conflict], do"));
    play.busy("t/each[0]/a", 4000, 0);
    assert!(play.failed().1.contains("after the `timeout` of step t/each"), "{}", play.failed().1);

    let called = CALLED.replace("vars:", "deadline: 2m\nvars:");
    let mut play = Play::among(
        "deadline: 1h\nsteps: [{ id: c, call: called.yaml, with: { n: 1 } }]\n",
        &[("called.yaml", &called)],
    );
    play.busy("c/a", 121, 0).succeeds("c/z");
    let message = play.failed().1;
    assert!(message.contains("after the `deadline` of the playbook that step c calls"), "{message}");

    let last =
        format!("steps: [{{ id: x, uses: test.read }}]\nfinally: [{{ id: a, uses: test.read, {BUSY} }}]\n");
    let mut play = Play::new(&last);
    play.succeeds("x").busy("a", 61, 0);
    assert!(play.failed().1.contains("after the time that a `finally` gets"), "{}", play.failed().1);
}

#[test]
fn without_a_limit_the_server_may_ask_for_any_time() {
    let mut play = Play::new(&format!("steps: [{{ id: a, uses: test.read, {BUSY} }}]\n"));
    let op = play.call("a").op;
    play.busy("a", 86_400, 0);
    assert_eq!(play.wakes(op), 86_400_000);
}

#[test]
fn whether_another_attempt_would_come_is_known_beforehand() {
    let play = Play::new(&format!("deadline: 10m\nsteps: [{{ id: a, uses: test.read, {BUSY} }}]\n"));
    let op = play.call("a").op;
    let busy = |seconds| {
        Failure::new(FailureKind::Throttled, Blame::Server, "busy").retry_after(Duration::from_secs(seconds))
    };
    assert_eq!(play.machine.another_try(op, 1, &busy(10)), Some(("test.read", None)));
    assert_eq!(play.machine.another_try(op, 1, &busy(600)), None);
}
