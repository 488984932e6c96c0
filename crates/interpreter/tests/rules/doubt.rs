//! `on_unknown: ask`: a person says what became of a call that nobody knows the end of.

use journal::{Event, RunStatus};
use plan::FailureKind;
use portcullis_interpreter::{Command, Form};
use serde_json::{Value, json};

use crate::play::Play;

const ASKS: &str = "outputs: { n: { type: integer, value: '${{ steps.a.output.n }}' } }\nsteps:\n  - { id: a, uses: test.change, with: { n: 1 }, idempotency: { on_unknown: ask } }\n";

impl Play {
    fn form(&self, wanted: &str) -> Box<Form> {
        match self.at(wanted) {
            Command::Form(form) => form,
            other => panic!("{other:?}"),
        }
    }

    fn answers(&mut self, wanted: &str, answer: Value) -> &mut Self {
        let op = self.form(wanted).op;
        self.happens(Event::Answered { op, answer, by: "ben".to_owned() });
        self
    }
}

#[test]
fn a_person_is_asked_with_what_the_action_would_have_given() {
    let mut play = Play::new(ASKS);
    let call = play.call("a");
    play.fails("a", FailureKind::Unknown);
    let form = play.form("a");
    assert_eq!(form.op, call.op, "one operation, one story");
    assert_eq!(play.machine.status(), RunStatus::Waiting);
    assert_eq!(form.schema["properties"]["took_place"]["enum"], json!(["yes", "no", "give_up"]));
    assert_eq!(form.schema["properties"]["output"]["required"], json!(["n"]));
    assert!(form.message.contains("as told") && form.message.contains("{\"n\":1}"), "{}", form.message);
    // After a restart the question is there again, and not asked twice.
    play.happens(Event::Asked { op: form.op, path: form.path, digest: form.digest });
    let [Command::Form(again)] = &play.machine.pending()[..] else { panic!() };
    assert!(again.asked);
    play.answers("a", json!({"took_place": "yes", "output": {"n": 7}}));
    assert_eq!(play.ended(RunStatus::Succeeded).outputs["n"], json!(7));
}

#[test]
fn a_call_that_did_not_take_place_is_made_again_and_may_be_lost_again() {
    let mut play = Play::new(ASKS);
    play.fails("a", FailureKind::Unknown).answers("a", json!({"took_place": "no"}));
    let call = play.call("a");
    assert_eq!((call.attempt, call.in_doubt), (2, false), "nothing is in doubt any more");
    play.fails("a", FailureKind::Unknown).answers("a", json!({"took_place": "no"}));
    assert_eq!(play.call("a").attempt, 3, "a person may say so as often as it is so");
    play.succeeds("a");
    assert_eq!(play.ended(RunStatus::Succeeded).outputs["n"], json!(1));
}

#[test]
fn who_gives_up_leaves_an_unknown_end() {
    let mut play = Play::new(ASKS);
    play.fails("a", FailureKind::Unknown).answers("a", json!({"took_place": "give_up"}));
    assert_eq!(play.ended(RunStatus::Unknown).failure.as_ref().unwrap().message, "as told");
    // Which the playbook may catch.
    let caught = "steps:\n  - id: t\n    try: [{ id: a, uses: test.change, idempotency: { on_unknown: ask } }]\n    catch: [{ on: [unknown], do: [{ id: b, uses: test.read }] }]\n";
    let mut play = Play::new(caught);
    play.fails("t/a", FailureKind::Unknown).answers("t/a", json!({"took_place": "give_up"})).succeeds("t/b");
    play.ended(RunStatus::Succeeded);
}

#[test]
fn only_an_unknown_end_is_asked_about_and_only_where_the_step_says_so() {
    let mut play = Play::new(ASKS);
    play.fails("a", FailureKind::Invalid);
    assert_eq!(play.failed().0, FailureKind::Invalid);
    let mut play = Play::new(&ASKS.replace("ask }", "fail }"));
    play.fails("a", FailureKind::Unknown);
    play.ended(RunStatus::Unknown);
}

#[test]
fn what_ends_the_steps_around_takes_the_question_back_and_nobody_knows() {
    let mut play = Play::new(ASKS);
    play.fails("a", FailureKind::Unknown).cancel();
    play.ended(RunStatus::Unknown);

    let limited = "steps:\n  - id: p\n    timeout: 1h\n    parallel:\n      x: [{ id: a, uses: test.change, idempotency: { on_unknown: ask } }]\n      y: [{ id: b, uses: test.change }]\nfinally: [{ id: z, uses: test.read }]\n";
    let mut play = Play::new(limited);
    play.fails("p/x/a", FailureKind::Unknown).succeeds("p/y/b").time_passes().succeeds("z");
    assert_eq!(play.now, 3_600_000, "a limit around the call is the limit of the question");
    play.ended(RunStatus::Unknown);
    // While what is around is being stopped already, nobody is asked.
    let mut play = Play::new(limited);
    play.cancel().fails("p/x/a", FailureKind::Unknown);
    assert_eq!(play.paths(), ["p/y/b"]);
    play.succeeds("p/y/b").succeeds("z");
    play.ended(RunStatus::Unknown);
}

#[test]
fn while_a_person_is_asked_no_other_end_is_taken_in() {
    let mut play = Play::new(ASKS);
    let call = play.call("a");
    play.fails("a", FailureKind::Unknown);
    let seq = play.machine.seq() + 1;
    let at = journal::Timestamp(play.now);
    let output = json!({"n": 1});
    let event = Event::Performed { op: call.op, output, kept: None, reused: None, inverse: Value::Null };
    assert!(play.machine.apply(&journal::Record { seq, at, event }).is_err());
}
