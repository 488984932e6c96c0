//! The rules of the machine, one by one: what each verb does, and how things end early.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use action_api::Spec;
use journal::{Decision, Event, Record, RunStatus, Timestamp};
use plan::{Blame, Failure, FailureKind};
use playbook::{Actions, Source, check};
use portcullis_interpreter::{Command, End, Machine, Perform, RunInfo, Turn};
use serde_json::{Value, json};

struct Two;

impl Actions for Two {
    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        let effect = match name {
            "test.read" => "enrichment",
            "test.change" => "containment",
            _ => return None,
        };
        let spec = json!({
            "name": name, "summary": "Does as it is told", "effect": effect, "repeat": "natural", "errors": [],
            "input": {"type": "object", "additionalProperties": false, "properties": {
                "n": {"type": "integer"}, "ids": {"type": "array", "items": {"type": "integer"}, "x-effect-items": true},
                "key": {"type": "string", "x-secret": true}}},
            "output": {"type": "object", "additionalProperties": false, "required": ["n"],
                       "properties": {"n": {"type": "integer"}}},
        });
        Some(Arc::new(serde_json::from_value(spec).unwrap()))
    }

    fn names(&self) -> Vec<String> {
        vec!["test.read".to_owned(), "test.change".to_owned()]
    }
}

/// A run that goes on as the test says.
struct Play {
    machine: Machine,
    open: Vec<Command>,
    now: i64,
}

impl Play {
    fn new(text: &str) -> Play {
        Play::among(text, &[])
    }

    fn among(text: &str, files: &[(&str, &str)]) -> Play {
        Play::given(text, files, BTreeMap::new())
    }

    fn given(text: &str, files: &[(&str, &str)], mut given: BTreeMap<String, Value>) -> Play {
        let text = format!("playbook: 1\nid: test\n{text}");
        let files: BTreeMap<String, Arc<str>> =
            files.iter().map(|(path, text)| (path.to_string(), Arc::from(*text))).collect();
        let checked = check(Source::new("test.yaml", &text).among(&files), &Two);
        let plan = checked.plan.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
        let mut value = |input: &plan::Input| {
            let value = given.remove(&input.name).or_else(|| input.default.clone());
            (input.name.clone(), value.unwrap())
        };
        let input = plan.inputs.iter().map(&mut value).collect();
        let event = Event::Started { input, trigger: Value::Null, starter: "ana".to_owned() };
        let first = Record { seq: 1, at: Timestamp(0), event };
        let info = RunInfo { id: "run-1".to_owned() };
        let (machine, turn) = Machine::start(Arc::new(plan), &info, &first).unwrap();
        let mut play = Play { machine, open: Vec::new(), now: 0 };
        play.take(turn);
        play
    }

    fn take(&mut self, turn: Turn) {
        for command in turn.commands {
            let begun = match &command {
                Command::Perform(call) => Some(Event::Performing {
                    op: call.op,
                    attempt: call.attempt,
                    path: call.path.clone(),
                    action: call.action.clone(),
                    touches: None,
                }),
                Command::Ask(ask) => {
                    Some(Event::Asked { op: ask.op, path: ask.path.clone(), digest: ask.digest.clone() })
                }
                Command::Finish(End { status, .. }) => {
                    Some(Event::Ended { status: *status, outputs: BTreeMap::new(), failure: None })
                }
                Command::Withdraw { op } => {
                    // Calls are answered all the same; reads are dropped at once.
                    let read = |call: &Perform| call.action == "test.read";
                    let dropped = self.open.iter().find_map(|command| match command {
                        Command::Perform(call) if call.op == *op && read(call) => Some(call.clone()),
                        _ => None,
                    });
                    self.open.retain(|command| {
                        command.op() != Some(*op) || matches!(command, Command::Perform(call) if !read(call))
                    });
                    dropped.map(|call| failed(&call, FailureKind::Cancelled))
                }
                _ => None,
            };
            if !matches!(command, Command::Withdraw { .. } | Command::Finish(_)) {
                self.open.retain(|old| old.op() != command.op());
                self.open.push(command);
            }
            if let Some(event) = begun {
                self.happens(event);
            }
        }
    }

    fn happens(&mut self, event: Event) {
        let record = Record { seq: self.machine.seq() + 1, at: Timestamp(self.now), event };
        let turn = self.machine.apply(&record).unwrap();
        self.open.retain(|command| command.op().is_none_or(|op| self.machine.is_open(op)));
        self.take(turn);
    }

    /// Where calls, questions and waits are open.
    fn paths(&self) -> Vec<String> {
        let mut paths: Vec<String> = self.open.iter().filter_map(path).collect();
        paths.sort();
        paths
    }

    fn at(&self, wanted: &str) -> Command {
        let found = self.open.iter().find(|command| path(command).as_deref() == Some(wanted));
        found.unwrap_or_else(|| panic!("nothing at {wanted}, but at {:?}", self.paths())).clone()
    }

    fn call(&self, wanted: &str) -> Box<Perform> {
        match self.at(wanted) {
            Command::Perform(call) => call,
            other => panic!("{other:?}"),
        }
    }

    fn succeeds(&mut self, wanted: &str) -> &mut Self {
        let call = self.call(wanted);
        let output = json!({"n": call.input["n"].as_i64().unwrap_or(0)});
        self.happens(Event::Performed {
            op: call.op,
            output,
            kept: None,
            reused: None,
            inverse: Value::Null,
        });
        self
    }

    fn fails(&mut self, wanted: &str, kind: FailureKind) -> &mut Self {
        let call = self.call(wanted);
        self.happens(failed(&call, kind));
        self
    }

    fn decides(&mut self, wanted: &str, decision: Decision, by: &str) -> &mut Self {
        let Command::Ask(ask) = self.at(wanted) else { panic!("no question at {wanted}") };
        self.happens(Event::Decided { op: ask.op, decision, by: by.to_owned(), digest: ask.digest });
        self
    }

    fn signals(&mut self, name: &str, payload: Value) -> &mut Self {
        self.happens(Event::Signalled { name: name.to_owned(), payload });
        self
    }

    /// The next point in time that is waited for.
    fn time_passes(&mut self) -> &mut Self {
        let due = |command: &Command| match command {
            Command::Sleep { op, until } => Some((until.0, *op)),
            Command::Pause(pause) => pause.due.map(|due| (due.0, pause.op)),
            Command::Form(form) => form.due.map(|due| (due.0, form.op)),
            Command::Ask(ask) => ask.due.map(|due| (due.0, ask.op)),
            _ => None,
        };
        let (at, op) = self.open.iter().filter_map(due).min().expect("something waits for time");
        self.now = self.now.max(at);
        match self.open.iter().find(|command| command.op() == Some(op)).unwrap().clone() {
            Command::Ask(ask) => self.happens(Event::Decided {
                op,
                decision: Decision::TimedOut,
                by: "nobody".to_owned(),
                digest: ask.digest,
            }),
            _ => self.happens(Event::Woken { op }),
        }
        self
    }

    fn cancel(&mut self) -> &mut Self {
        self.happens(Event::CancelRequested { by: "ana".to_owned() });
        self
    }

    #[track_caller]
    fn end(&self) -> &End {
        assert!(self.machine.is_over(), "still open: {:?}", self.paths());
        self.machine.end().unwrap()
    }

    #[track_caller]
    fn ended(&self, status: RunStatus) -> &End {
        let end = self.end();
        assert_eq!(end.status, status, "{:?}", end.failure);
        end
    }

    /// The kind and the message of the failure.
    #[track_caller]
    fn failed(&self) -> (FailureKind, String) {
        let failure = self.end().failure.clone().expect("it failed");
        (failure.kind, failure.message)
    }
}

fn failed(call: &Perform, kind: FailureKind) -> Event {
    let failure = Failure::new(kind, Blame::Server, "as told");
    Event::AttemptFailed { op: call.op, attempt: call.attempt, failure, entropy: 0, last: false }
}

fn path(command: &Command) -> Option<String> {
    Some(match command {
        Command::Perform(call) => call.path.to_string(),
        Command::Ask(ask) => ask.path.to_string(),
        Command::Form(form) => form.path.to_string(),
        Command::Pause(pause) => pause.path.to_string(),
        _ => return None,
    })
}

#[test]
fn a_while_hands_its_state_on_and_ends_at_its_maximum() {
    let text = "outputs: { last: { type: integer, value: '${{ steps.w.output.sum }}' }, rounds: { type: integer, value: '${{ steps.w.output.index }}' } }\nsteps:\n  - id: w\n    while: ${{ state.sum < 6 }}\n    max: 5\n    state: { sum: 0 }\n    do: [{ id: a, uses: test.read, with: { n: '${{ state.sum + 2 }}' } }]\n    next: { sum: '${{ steps.a.output.n }}' }\n";
    let mut play = Play::new(text);
    play.succeeds("w[0]/a").succeeds("w[1]/a").succeeds("w[2]/a");
    let end = play.ended(RunStatus::Succeeded);
    assert_eq!(end.outputs, [("last".to_owned(), json!(6)), ("rounds".to_owned(), json!(3))].into());
    let mut play = Play::new(&text.replace("sum < 6", "sum < 100"));
    for round in 0..5 {
        play.succeeds(&format!("w[{round}]/a"));
    }
    assert_eq!(play.failed().0, FailureKind::Limit);
}

const DAG: &str = "steps:\n  - id: g\n    dag:\n      - { id: a, uses: test.read }\n      - { id: b, uses: test.read }\n      - { id: all, needs: [a, b], uses: test.read }\n      - { id: any, needs: [a, b], join: any, uses: test.read }\n      - { id: after, needs: [all], uses: test.read }\n      - { id: free, uses: test.read }\n";

#[test]
fn a_dag_begins_what_can_begin_and_skips_what_needs_a_failure() {
    let mut play = Play::new(DAG);
    assert_eq!(play.paths(), ["g/a", "g/b", "g/free"]);
    play.succeeds("g/b");
    assert_eq!(play.paths(), ["g/a", "g/any", "g/free"], "any begins with the first");
    play.fails("g/a", FailureKind::NotFound);
    assert_eq!(play.paths(), ["g/any", "g/free"], "what needs the failure is skipped, and what needs that");
    play.succeeds("g/any");
    assert!(!play.machine.is_over(), "the others end by themselves");
    play.succeeds("g/free");
    assert_eq!(play.failed().0, FailureKind::NotFound);

    let mut play = Play::new(
        &DAG.replace("{ id: a, uses: test.read }", "{ id: a, uses: test.read, on_error: continue }"),
    );
    play.fails("g/a", FailureKind::NotFound).succeeds("g/b");
    assert!(play.paths().contains(&"g/all".to_owned()), "a failure that is tolerated has ended");

    let mut play = Play::new(&format!("{DAG}    on_branch_error: cancel\n"));
    play.fails("g/a", FailureKind::NotFound);
    assert_eq!(play.failed().0, FailureKind::NotFound);
}

#[test]
fn a_branch_that_fails_cancels_the_others_only_when_asked() {
    let text = "steps:\n  - id: p\n    parallel:\n      a: [{ id: one, uses: test.read }]\n      b: [{ id: two, uses: test.change }, { id: three, uses: test.change }]\n      c: [{ id: nap, wait: 1h }]\n    on_branch_error: cancel\n";
    let mut play = Play::new(text);
    play.fails("p/a/one", FailureKind::NotFound);
    assert_eq!(play.paths(), ["p/b/two"], "a change in flight is waited for, a wait is not");
    play.succeeds("p/b/two");
    assert_eq!(play.failed().0, FailureKind::NotFound, "and nothing follows it");
    let mut play = Play::new(&text.replace("cancel", "wait"));
    play.fails("p/a/one", FailureKind::NotFound);
    assert_eq!(play.paths(), ["p/b/two", "p/c/nap"]);
}

const TRY: &str = "steps:\n  - id: t\n    try: [{ id: a, uses: test.read }]\n    catch:\n      - on: [not_found]\n        do: [{ id: b, uses: test.change }]\n      - on: any\n        do: [{ id: c, set: { text: '${{ error.kind + \" \" + error.step }}' } }]\n    finally: [{ id: z, uses: test.change }]\n  - { id: last, uses: test.read, if: '${{ steps.t.status == \"succeeded\" }}' }\n";

#[test]
fn a_catch_is_chosen_by_kind_and_finally_runs_in_any_case() {
    let mut play = Play::new(TRY);
    play.fails("t/a", FailureKind::NotFound).succeeds("t/b").succeeds("t/z").succeeds("last");
    play.ended(RunStatus::Succeeded);
    let mut play = Play::new(TRY);
    play.fails("t/a", FailureKind::Conflict).succeeds("t/z").succeeds("last");
    let mut play = Play::new(TRY);
    play.fails("t/a", FailureKind::Unknown).succeeds("t/z");
    play.ended(RunStatus::Unknown);
    let mut play = Play::new(TRY);
    play.fails("t/a", FailureKind::NotFound)
        .fails("t/b", FailureKind::Invalid)
        .fails("t/z", FailureKind::Conflict);
    assert_eq!(play.failed().0, FailureKind::Invalid, "a failing finally hides nothing");
    let mut play = Play::new(TRY);
    play.succeeds("t/a").fails("t/z", FailureKind::Conflict);
    assert_eq!(play.failed().0, FailureKind::Conflict, "a failing finally is a failure");
}

#[test]
fn finally_runs_after_a_cancellation_and_gets_a_minute() {
    let mut play = Play::new(TRY);
    play.cancel();
    assert_eq!(play.paths(), ["t/z"], "the read is dropped, finally runs");
    play.succeeds("t/z");
    play.ended(RunStatus::Cancelled);

    let text = "steps: [{ id: a, uses: test.read }]\nfinally:\n  - { id: z, uses: test.read }\n  - { id: y, uses: test.change }\n";
    let mut play = Play::new(text);
    play.cancel();
    assert_eq!(play.paths(), ["z"]);
    play.time_passes();
    assert_eq!(play.now, 60_000);
    play.ended(RunStatus::Cancelled);
    let mut play = Play::new(&format!("deadline: 5m\n{text}"));
    play.time_passes().succeeds("z").succeeds("y");
    assert_eq!(play.failed().0, FailureKind::Timeout);
    let mut play = Play::new(text);
    play.succeeds("a").succeeds("z").fails("y", FailureKind::Invalid);
    assert_eq!(play.failed().0, FailureKind::Invalid, "a failing finally turns success into failure");
}

#[test]
fn a_finally_that_runs_is_not_interrupted() {
    let mut play = Play::new(TRY);
    play.succeeds("t/a").cancel();
    assert_eq!(play.paths(), ["t/z"]);
    play.succeeds("t/z");
    play.ended(RunStatus::Cancelled);
}

#[test]
fn on_error_sees_the_failure_and_may_return() {
    let text = "outputs: { text: { type: string, value: fine } }\nsteps: [{ id: a, uses: test.read }]\non_error:\n  - { id: b, set: { text: '${{ error.kind + \" at \" + error.step }}' } }\n";
    let mut play = Play::new(text);
    play.fails("a", FailureKind::NotFound);
    assert_eq!(play.failed().0, FailureKind::NotFound, "the run fails all the same");
    let mut play = Play::new(&format!("{text}  - return: {{ text: '${{{{ steps.b.output.text }}}}' }}\n"));
    play.fails("a", FailureKind::NotFound);
    assert_eq!(play.ended(RunStatus::Succeeded).outputs["text"], json!("not_found at a"));
    let mut play = Play::new(text);
    play.cancel();
    play.ended(RunStatus::Cancelled);
}

#[test]
fn return_and_fail_leave_from_anywhere() {
    let text = "outputs: { n: { type: integer, value: 0 } }\nsteps:\n  - id: p\n    parallel:\n      a:\n        - id: l\n          foreach: '${{ [1, 2] }}'\n          as: item\n          limit: 2\n          do: [{ id: one, uses: test.read, then: { return: { n: '${{ item }}' } } }]\n      b:\n        - id: t\n          try: [{ id: two, uses: test.read }]\n          finally: [{ id: z, uses: test.change }]\n  - { id: never, uses: test.change }\n";
    let mut play = Play::new(text);
    play.succeeds("p/a/l[0]/one");
    assert_eq!(play.paths(), ["p/b/t/z"], "finally on the way out");
    play.succeeds("p/b/t/z");
    assert_eq!(play.ended(RunStatus::Succeeded).outputs["n"], json!(1));
    let mut play = Play::new(&text.replace("{ return: { n: '${{ item }}' } }", "{ fail: no }"));
    play.succeeds("p/a/l[0]/one").succeeds("p/b/t/z");
    assert_eq!(play.failed(), (FailureKind::Failed, "no".to_owned()));
}

#[test]
fn a_block_that_takes_too_long_is_stopped() {
    let text = "steps:\n  - id: l\n    foreach: '${{ [1, 2, 3] }}'\n    as: item\n    limit: 3\n    max_parallel: 2\n    on_item_error: skip\n    timeout: 10s\n    on_error: continue\n    do: [{ id: a, uses: test.change }]\n  - { id: next, uses: test.read, if: '${{ steps.l.status == \"failed\" && steps.l.error.kind == \"timeout\" }}' }\n";
    let mut play = Play::new(text);
    play.time_passes();
    assert_eq!(play.paths(), ["l[0]/a", "l[1]/a"], "changes in flight are waited for");
    play.succeeds("l[0]/a").succeeds("l[1]/a").succeeds("next");
    play.ended(RunStatus::Succeeded);
    let mut play = Play::new(text);
    play.succeeds("l[0]/a").succeeds("l[1]/a").succeeds("l[2]/a");
    assert!(!play.open.iter().any(|command| matches!(command, Command::Sleep { .. })), "the limit is gone");
}

const CALLED: &str = "playbook: 1\nid: called\ninputs: { n: { type: integer } }\nvars: { own: 5 }\noutputs: { sum: { type: integer, value: '${{ inputs.n + vars.own }}' } }\nsteps:\n  - { id: a, uses: test.change, with: { n: '${{ inputs.n }}' } }\n  - { if: '${{ inputs.n > 10 }}', return: { sum: 99 } }\n  - { id: b, uses: test.read }\nfinally: [{ id: z, uses: test.read }]\n";

#[test]
fn a_called_playbook_has_names_and_an_end_of_its_own() {
    let text = "outputs: { sum: { type: integer, value: '${{ steps.c.output.sum }}' } }\nsteps:\n  - { id: a, set: { n: NUMBER } }\n  - { id: c, call: called.yaml, with: { n: '${{ steps.a.output.n }}' } }\n  - { id: after, uses: test.read }\n";
    let files = [("called.yaml", CALLED)];
    let mut play = Play::among(&text.replace("NUMBER", "1"), &files);
    assert_eq!(play.call("c/a").input, json!({"n": 1}));
    play.succeeds("c/a").succeeds("c/b").succeeds("c/z").succeeds("after");
    assert_eq!(play.ended(RunStatus::Succeeded).outputs["sum"], json!(6));
    let mut play = Play::among(&text.replace("NUMBER", "11"), &files);
    play.succeeds("c/a").succeeds("c/z").succeeds("after");
    assert_eq!(play.ended(RunStatus::Succeeded).outputs["sum"], json!(99), "its return ends it, not the run");
    let mut play = Play::among(&text.replace("NUMBER", "1"), &files);
    play.fails("c/a", FailureKind::Conflict).succeeds("c/z");
    assert_eq!(play.failed().0, FailureKind::Conflict);
    let mut play = Play::among(&text.replace("NUMBER", "1"), &files);
    play.cancel();
    assert_eq!(play.paths(), ["c/a"]);
    play.succeeds("c/a").succeeds("c/z");
    play.ended(RunStatus::Cancelled);
}

#[test]
fn effects_are_counted_before_they_are_commanded() {
    let text = "policy: { max_effects: { test.change: 4 } }\nsteps:\n  - { id: a, uses: test.change, with: { ids: [1, 2, 3] } }\n  - { id: b, uses: test.change }\n  - { id: c, uses: test.change, with: { ids: [] } }\n";
    let mut play = Play::new(text);
    play.succeeds("a").succeeds("b");
    let (kind, message) = play.failed();
    assert_eq!(kind, FailureKind::Limit);
    assert!(message.contains("step c") && message.contains("allows 4"), "{message}");
    let text = "policy: { max_effects: { test.change: 1 } }\nsteps:\n  - { id: x, call: called.yaml, with: { n: 1 } }\n  - { id: y, uses: test.change }\n";
    let mut play = Play::among(text, &[("called.yaml", CALLED)]);
    play.succeeds("x/a").succeeds("x/b").succeeds("x/z");
    assert_eq!(play.failed().0, FailureKind::Limit, "what a called playbook does counts");
}

#[test]
fn events_are_taken_by_the_first_wait_that_fits_or_kept() {
    let wait = |id: &str, more: &str| {
        format!(
            "{{ id: {id}, wait: {{ event: done, schema: {{ type: object, properties: {{ n: {{ type: integer }} }}, required: [n], additionalProperties: false }}, match: '${{{{ event.n > 5 }}}}'{more} }} }}"
        )
    };
    let text = format!(
        "outputs: {{ n: {{ type: integer, value: '${{{{ steps.w.output.payload == null ? 0 : steps.w.output.payload.n }}}}' }} }}\nsteps:\n  - {{ id: a, uses: test.read }}\n  - {}\n",
        wait("w", "")
    );
    let mut play = Play::new(&text);
    play.signals("done", json!({"n": 1})).signals("done", json!({"n": 7})).signals("done", json!({"n": 8}));
    assert_eq!(play.machine.kept_signals(), 3);
    play.succeeds("a");
    assert_eq!(play.ended(RunStatus::Succeeded).outputs["n"], json!(7), "the oldest that fits");
    let mut play = Play::new(&text);
    play.succeeds("a").signals("done", json!({"n": 1})).signals("done", json!({"n": 9}));
    assert_eq!(play.ended(RunStatus::Succeeded).outputs["n"], json!(9));
    let mut play = Play::new(&format!("steps:\n  - {}\n", wait("w", ", timeout: 1h, on_timeout: fail")));
    play.time_passes();
    assert_eq!(play.failed().0, FailureKind::Timeout);
    let mut play = Play::new(&format!("steps:\n  - {}\n", wait("w", ", timeout: 1h, on_timeout: continue")));
    play.time_passes();
    play.ended(RunStatus::Succeeded);
}

#[test]
fn times_are_waited_for_to_the_point() {
    let mut play = Play::new(
        "steps:\n  - { wait: 90s }\n  - { wait: { for: '${{ duration(\"1h\") + duration(\"30m\") }}' } }\n  - { wait: { until: '1970-01-02T00:00:00Z' } }\n",
    );
    play.time_passes();
    assert_eq!(play.now, 90_000);
    play.time_passes();
    assert_eq!(play.now, 90_000 + 5_400_000);
    play.time_passes();
    assert_eq!(play.now, 86_400_000);
    play.ended(RunStatus::Succeeded);
}

#[test]
fn a_quorum_counts_people_and_an_escalation_asks_others() {
    let text = "outputs: { by: { type: string, value: '${{ steps.g.output.by }}' }, decision: { type: string, value: '${{ steps.g.output.decision }}' } }\nsteps:\n  - { id: g, approve: { message: Now?, quorum: 2, to: { roles: [soc] }, timeout: 1h, on_timeout: escalate, on_reject: continue, escalate: { to: { roles: [lead] }, timeout: 2h, on_timeout: RULE } } }\n";
    let mut play = Play::new(&text.replace("RULE", "reject"));
    play.decides("g", Decision::Approved, "ana").decides("g", Decision::Approved, "ana");
    assert_eq!(play.paths(), ["g"], "one person is one voice");
    play.decides("g", Decision::Approved, "ben");
    assert_eq!(play.ended(RunStatus::Succeeded).outputs["by"], json!("ana, ben"));
    let mut play = Play::new(&text.replace("RULE", "reject"));
    play.decides("g", Decision::Approved, "ana").time_passes();
    let Command::Ask(ask) = play.at("g") else { panic!() };
    assert_eq!(
        (ask.to.roles, ask.due, ask.approved.len()),
        (vec!["lead".to_owned()], Some(Timestamp(10_800_000)), 0)
    );
    play.time_passes();
    assert_eq!(play.ended(RunStatus::Succeeded).outputs["decision"], json!("timed_out"));
    for (rule, decision) in [("approve", Some("approved")), ("fail", None)] {
        let mut play = Play::new(&text.replace("RULE", rule));
        play.time_passes().time_passes();
        match decision {
            Some(decision) => assert_eq!(play.end().outputs["decision"], json!(decision)),
            None => assert_eq!(play.failed().0, FailureKind::Timeout),
        }
    }
    let mut play = Play::new(&text.replace("RULE", "reject"));
    play.decides("g", Decision::Approved, "ana").decides("g", Decision::Rejected, "ben");
    assert_eq!(play.ended(RunStatus::Succeeded).outputs["decision"], json!("rejected"), "one no is enough");
}

#[test]
fn an_approval_shows_what_a_called_playbook_will_do_and_refuses_what_nobody_can_see() {
    let gated =
        |steps: &str| format!("steps:\n  - {{ id: g, approve: {{ message: Now?, shows: [x] }} }}\n{steps}");
    let mut play =
        Play::among(&gated("  - { id: x, call: called.yaml, with: { n: 3 } }\n"), &[("called.yaml", CALLED)]);
    let Command::Ask(ask) = play.at("g") else { panic!() };
    let shown: Vec<_> = ask.shown.iter().map(|call| (call.path.as_str(), call.input.clone())).collect();
    assert_eq!(shown, [("x/a", json!({"n": 3})), ("x/b", json!({})), ("x/z", json!({}))]);
    play.decides("g", Decision::Approved, "ana").succeeds("x/a").succeeds("x/b").succeeds("x/z");
    play.ended(RunStatus::Succeeded);
    let play = Play::new(&gated(
        "  - { id: x, while: '${{ state.index < 2 }}', max: 3, do: [{ id: y, uses: test.change }] }\n",
    ));
    let (kind, message) = play.failed();
    assert!(kind == FailureKind::Invalid && message.contains("a `while`"), "{message}");
    let play = Play::new(&gated(
        "  - id: x\n    try: [{ id: y, uses: test.change }]\n    catch: [{ on: any, do: [{ id: z, uses: test.change }] }]\n",
    ));
    assert!(play.failed().1.contains("`catch`"), "{}", play.failed().1);
}

#[test]
fn what_an_approval_shows_of_a_secret_is_its_name() {
    let play = Play::new(
        "secrets: [k]\nsteps:\n  - { id: g, approve: { message: Now?, shows: [x] } }\n  - { id: x, uses: test.change, with: { key: '${{ secrets.k }}' } }\n",
    );
    let Command::Ask(ask) = play.at("g") else { panic!() };
    assert_eq!(ask.shown[0].input, json!({"key": "secret:k"}));
    let mut play = play;
    play.decides("g", Decision::Approved, "ana");
    let handle = play.call("x").input["key"].clone();
    assert_ne!(handle, json!("secret:k"), "nobody can write a handle by guessing");
    assert_eq!(play.machine.mask().show(&handle), json!("secret:k"));
}

#[test]
fn asserts_outputs_of_blocks_and_forms() {
    let text = "outputs: { a: { type: integer, value: '${{ steps.p.output }}' }, b: { type: string, value: '${{ steps.s.output }}' }, c: { type: boolean, value: '${{ steps.f.output.answer.good }}' } }\nsteps:\n  - id: p\n    parallel: { x: [{ id: r, uses: test.read, with: { n: 4 } }] }\n    output: ${{ steps.r.output.n }}\n  - id: s\n    switch:\n      - { case: '${{ steps.p.output == 4 }}', do: [{ id: q, set: { n: 1 } }], output: four }\n      - default: { do: [{ id: o, set: { n: 1 } }], output: other }\n  - { id: f, ask: { message: Good?, form: { good: { type: boolean } }, timeout: 1h, default: { good: true } } }\n  - { assert: '${{ steps.f.output.answer.good }}', message: not good }\n";
    let mut play = Play::new(text);
    play.succeeds("p/x/r").time_passes();
    let outputs = &play.ended(RunStatus::Succeeded).outputs;
    assert_eq!((&outputs["a"], &outputs["b"], &outputs["c"]), (&json!(4), &json!("four"), &json!(true)));
    let mut play = Play::new(text);
    play.succeeds("p/x/r");
    let Command::Form(form) = play.at("f") else { panic!() };
    play.happens(Event::Answered { op: form.op, answer: json!({"good": false}), by: "ana".to_owned() });
    assert_eq!(play.failed(), (FailureKind::Failed, "not good".to_owned()));
}

#[test]
fn ten_thousand_steps_cost_ten_times_what_a_thousand_do() {
    let run = |items: usize| {
        let text = "inputs: { n: { type: array, items: { type: integer } } }\nsteps:\n  - id: l\n    foreach: ${{ inputs.n }}\n    as: n\n    limit: 10000\n    max_parallel: 64\n    do: [{ id: t, try: [{ id: a, uses: test.read }], finally: [{ id: b, set: { n: 1 } }] }]\n";
        let list = (0..items).collect::<Vec<_>>();
        let mut play = Play::given(text, &[], BTreeMap::from([("n".to_owned(), json!(list))]));
        let begun = std::time::Instant::now();
        while !play.machine.is_over() {
            let Some(Command::Perform(call)) = play.open.first().cloned() else { panic!("nothing is open") };
            play.happens(Event::Performed {
                op: call.op,
                output: json!({"n": 1}),
                kept: None,
                reused: None,
                inverse: Value::Null,
            });
        }
        begun.elapsed()
    };
    run(100);
    let (few, many) = (run(1_000), run(10_000));
    assert!(many < few * 40, "{few:?} {many:?}");
}

#[test]
fn an_outcome_that_nobody_knows_is_not_lost_in_a_cancellation() {
    let text = "steps:\n  - id: l\n    foreach: '${{ [1, 2] }}'\n    as: n\n    limit: 2\n    on_item_error: skip\n    do: [{ id: a, uses: test.change, retry: none }]\nfinally: [{ id: z, uses: test.read }]\n";
    let mut play = Play::new(text);
    play.cancel().fails("l[0]/a", FailureKind::Unknown).succeeds("z");
    play.ended(RunStatus::Unknown);
    let mut play = Play::new(text);
    play.cancel().fails("l[0]/a", FailureKind::Invalid).succeeds("z");
    play.ended(RunStatus::Cancelled);
}

#[test]
fn nothing_begins_in_a_loop_that_has_failed() {
    // Both items fail in one turn: the first ends the loop, the second must not make room for a third.
    let play = Play::new(
        "steps:
  - id: each
    foreach: ${{ [1, 2, 3] }}
    as: n
    limit: 3
    max_parallel: 2
    do:
      - assert: ${{ n > 2 }}
      - id: change
        uses: test.change
        with: { n: \"${{ n }}\" }
",
    );
    assert_eq!(play.machine.end().map(|end| end.status), Some(RunStatus::Failed));
    assert!(
        !play.open.iter().any(|command| matches!(command, Command::Perform(_))),
        "the third item was begun: {:?}",
        play.open
    );
}
