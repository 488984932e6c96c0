//! What each verb does, and how things end early.

use std::collections::BTreeMap;

use journal::{Event, RunStatus};
use plan::FailureKind;
use portcullis_interpreter::Command;
use serde_json::{Value, json};

use crate::play::{CALLED, Play};

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
    let mut play = Play::new(&TRY.replace("a, uses: test.read", "a, uses: test.read, retry: none"));
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
