//! A run that goes on as the test says.

use std::collections::BTreeMap;
use std::sync::Arc;

use action_api::Spec;
use journal::{Decision, Event, Record, RunStatus, Timestamp};
use plan::{Blame, Failure, FailureKind};
use playbook::{Actions, Source, check};
use portcullis_interpreter::{Command, End, Machine, Perform, RunInfo, Turn};
use serde_json::{Value, json};

/// Two actions: one that reads, one that changes.
pub(crate) struct Two;

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

/// A playbook for others to call.
pub(crate) const CALLED: &str = "playbook: 1\nid: called\ninputs: { n: { type: integer } }\nvars: { own: 5 }\noutputs: { sum: { type: integer, value: '${{ inputs.n + vars.own }}' } }\nsteps:\n  - { id: a, uses: test.change, with: { n: '${{ inputs.n }}' } }\n  - { if: '${{ inputs.n > 10 }}', return: { sum: 99 } }\n  - { id: b, uses: test.read }\nfinally: [{ id: z, uses: test.read }]\n";

/// A run that goes on as the test says.
pub(crate) struct Play {
    pub(crate) machine: Machine,
    pub(crate) open: Vec<Command>,
    pub(crate) now: i64,
}

impl Play {
    pub(crate) fn new(text: &str) -> Play {
        Play::among(text, &[])
    }

    pub(crate) fn among(text: &str, files: &[(&str, &str)]) -> Play {
        Play::given(text, files, BTreeMap::new())
    }

    pub(crate) fn given(text: &str, files: &[(&str, &str)], mut given: BTreeMap<String, Value>) -> Play {
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

    pub(crate) fn take(&mut self, turn: Turn) {
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

    pub(crate) fn happens(&mut self, event: Event) {
        let record = Record { seq: self.machine.seq() + 1, at: Timestamp(self.now), event };
        let turn = self.machine.apply(&record).unwrap();
        self.open.retain(|command| command.op().is_none_or(|op| self.machine.is_open(op)));
        self.take(turn);
    }

    /// Where calls, questions and waits are open.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths: Vec<String> = self.open.iter().filter_map(path).collect();
        paths.sort();
        paths
    }

    pub(crate) fn at(&self, wanted: &str) -> Command {
        let found = self.open.iter().find(|command| path(command).as_deref() == Some(wanted));
        found.unwrap_or_else(|| panic!("nothing at {wanted}, but at {:?}", self.paths())).clone()
    }

    pub(crate) fn call(&self, wanted: &str) -> Box<Perform> {
        match self.at(wanted) {
            Command::Perform(call) => call,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn succeeds(&mut self, wanted: &str) -> &mut Self {
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

    pub(crate) fn fails(&mut self, wanted: &str, kind: FailureKind) -> &mut Self {
        let call = self.call(wanted);
        self.happens(failed(&call, kind));
        self
    }

    pub(crate) fn decides(&mut self, wanted: &str, decision: Decision, by: &str) -> &mut Self {
        let Command::Ask(ask) = self.at(wanted) else { panic!("no question at {wanted}") };
        self.happens(Event::Decided {
            op: ask.op,
            decision,
            by: by.to_owned(),
            digest: ask.digest,
            in_advance: false,
        });
        self
    }

    pub(crate) fn signals(&mut self, name: &str, payload: Value) -> &mut Self {
        self.happens(Event::Signalled { name: name.to_owned(), payload });
        self
    }

    /// The next point in time that is waited for.
    pub(crate) fn time_passes(&mut self) -> &mut Self {
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
                in_advance: false,
            }),
            _ => self.happens(Event::Woken { op }),
        }
        self
    }

    pub(crate) fn cancel(&mut self) -> &mut Self {
        self.happens(Event::CancelRequested { by: "ana".to_owned() });
        self
    }

    #[track_caller]
    pub(crate) fn end(&self) -> &End {
        assert!(self.machine.is_over(), "still open: {:?}", self.paths());
        self.machine.end().unwrap()
    }

    #[track_caller]
    pub(crate) fn ended(&self, status: RunStatus) -> &End {
        let end = self.end();
        assert_eq!(end.status, status, "{:?}", end.failure);
        end
    }

    /// The kind and the message of the failure.
    #[track_caller]
    pub(crate) fn failed(&self) -> (FailureKind, String) {
        let failure = self.end().failure.clone().expect("it failed");
        (failure.kind, failure.message)
    }
}

pub(crate) fn failed(call: &Perform, kind: FailureKind) -> Event {
    let failure = Failure::new(kind, Blame::Server, "as told");
    Event::AttemptFailed { op: call.op, attempt: call.attempt, failure, entropy: 0, last: false }
}

pub(crate) fn path(command: &Command) -> Option<String> {
    Some(match command {
        Command::Perform(call) => call.path.to_string(),
        Command::Ask(ask) => ask.path.to_string(),
        Command::Form(form) => form.path.to_string(),
        Command::Pause(pause) => pause.path.to_string(),
        _ => return None,
    })
}
