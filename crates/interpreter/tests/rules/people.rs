//! Approvals: who decides, what a decision covers, and what it is worth later.

use journal::{Decision, RunStatus, Timestamp};
use plan::FailureKind;
use portcullis_interpreter::Command;
use serde_json::json;

use crate::play::{CALLED, Play};

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

/// A gate, then the call it shows; the call is made as `with` says.
fn gated(modifiers: &str, call: &str) -> String {
    format!(
        "steps:\n  - {{ id: g, approve: {{ message: Now?, shows: [x]{modifiers} }} }}\n  - {{ id: x, {call} }}\n"
    )
}

#[test]
fn a_call_knows_who_approved_exactly_it() {
    let mut play = Play::new(&gated(", quorum: 2", "uses: test.change, with: { n: 1 }"));
    play.decides("g", Decision::Approved, "cleo").decides("g", Decision::Approved, "ben");
    assert_eq!(play.call("x").approved_by, ["ben", "cleo"]);
    // And after a restart.
    let [Command::Perform(call)] = &play.machine.pending()[..] else { panic!() };
    assert_eq!((call.approved_by.len(), call.in_doubt), (2, true));
    // A second attempt is the same call.
    let again =
        "uses: test.change, with: { n: 1 }, retry: { attempts: 2, initial: 1s, max: 1s, on: [transient] }";
    let mut play = Play::new(&gated("", again));
    play.decides("g", Decision::Approved, "ben").fails("x", FailureKind::Transient).time_passes();
    assert_eq!((play.call("x").attempt, play.call("x").approved_by), (2, vec!["ben".to_owned()]));
    // Silence is nobody; a call that no approval covers has nobody either.
    let mut play = Play::new(&gated(", timeout: 1h, on_timeout: approve", "uses: test.change"));
    play.time_passes();
    assert!(play.call("x").approved_by.is_empty());
    let mut play = Play::new(
        "steps:\n  - { id: g, approve: { message: Now?, shows: [x] } }\n  - { id: y, uses: test.change }\n  - { id: x, uses: test.change }\n",
    );
    play.decides("g", Decision::Approved, "ben");
    assert!(play.call("y").approved_by.is_empty(), "it was not shown");
    play.succeeds("y");
    assert_eq!(play.call("x").approved_by, ["ben"]);
}

#[test]
fn who_was_asked_before_an_escalation_has_approved_nothing() {
    let mut play = Play::new(&gated(
        ", quorum: 2, timeout: 1h, on_timeout: escalate, escalate: { to: { roles: [lead] } }",
        "uses: test.change",
    ));
    play.decides("g", Decision::Approved, "ana").time_passes();
    play.decides("g", Decision::Approved, "ben").decides("g", Decision::Approved, "cleo");
    assert_eq!(play.call("x").approved_by, ["ben", "cleo"]);
}

const TWICE: &str = "steps:\n  - { id: g, approve: { message: Now?, shows: [x] } }\n  - { id: h, approve: { message: Sure?, shows: [x], on_reject: continue } }\n  - { id: x, uses: test.change }\n";

#[test]
fn two_approvals_of_the_same_call_both_count_and_a_later_no_takes_back_an_earlier_yes() {
    let mut play = Play::new(TWICE);
    play.decides("g", Decision::Approved, "ana").decides("h", Decision::Approved, "ben");
    assert_eq!(play.call("x").approved_by, ["ana", "ben"]);
    let mut play = Play::new(TWICE);
    play.decides("g", Decision::Approved, "ana").decides("h", Decision::Rejected, "ben");
    let (kind, message) = play.failed();
    assert!(
        kind == FailureKind::Conflict && message.contains("was not among what was approved"),
        "{message}"
    );
}

/// Whether `y` has run is known only after the gate: until then its status is `skipped`.
fn changed(x: &str) -> String {
    format!(
        "steps:\n  - {{ id: g, approve: {{ message: Now?, shows: [x] }} }}\n  - {{ id: y, uses: test.read }}\n{x}"
    )
}

#[test]
fn what_differs_when_it_is_due_is_not_done() {
    let stale = |x: &str, why: &str| {
        let mut play = Play::new(&changed(x));
        play.decides("g", Decision::Approved, "ben").succeeds("y");
        let (kind, message) = play.failed();
        assert!(kind == FailureKind::Conflict && message.contains(why), "{message}");
    };
    let input =
        "  - { id: x, uses: test.change, with: { n: '${{ steps.y.status == \"skipped\" ? 1 : 2 }}' } }\n";
    stale(input, "step x: the approval is stale: what would be done now is not what was approved");
    let condition = "  - { id: x, if: '${{ steps.y.status == \"succeeded\" }}', uses: test.change }\n";
    stale(condition, "step x: the approval is stale: this call was not among");
    // Of a loop, the items that were shown may go on, and one that is new may not.
    let looped = "  - id: x\n    foreach: '${{ steps.y.status == \"skipped\" ? [7] : [7, 8] }}'\n    as: n\n    limit: 9\n    do: [{ id: z, uses: test.change, with: { n: '${{ n }}' } }]\n";
    let mut play = Play::new(&changed(looped));
    let Command::Ask(ask) = play.at("g") else { panic!() };
    assert_eq!(ask.shown.len(), 1);
    play.decides("g", Decision::Approved, "ben").succeeds("y").succeeds("x[0]/z");
    assert!(play.failed().1.contains("step x[1]/z: the approval is stale"), "{}", play.failed().1);
}

#[test]
fn a_loop_is_shown_whole_and_its_items_are_approved_one_by_one() {
    let text = "steps:\n  - { id: first, uses: test.read, with: { n: 1 } }\n  - { id: g, approve: { message: Now?, shows: [each] } }\n  - id: each\n    foreach: '${{ [steps.first.output.n, 7] }}'\n    as: n\n    limit: 9\n    do: [{ id: x, uses: test.change, with: { n: '${{ n }}' } }]\n";
    let mut play = Play::new(text);
    play.succeeds("first");
    let Command::Ask(ask) = play.at("g") else { panic!() };
    let shown: Vec<_> = ask.shown.iter().map(|call| (call.path.as_str(), call.input.clone())).collect();
    assert_eq!(shown, [("each[0]/x", json!({"n": 1})), ("each[1]/x", json!({"n": 7}))]);
    let digest = ask.digest.clone();
    play.decides("g", Decision::Approved, "ben").succeeds("each[0]/x");
    assert_eq!(play.call("each[1]/x").approved_by, ["ben"]);
    // The digest is of what is shown, so it is another where an input is another.
    let mut other = Play::new(&text.replace("{ n: 1 }", "{ n: 2 }"));
    other.succeeds("first");
    let Command::Ask(ask) = other.at("g") else { panic!() };
    assert_ne!(ask.digest, digest);
}

#[test]
fn a_handler_that_reads_runs_inside_of_what_was_approved() {
    let called = "playbook: 1\nid: called\nsteps: [{ id: a, uses: test.change }]\non_error: [{ id: b, uses: test.read }]\nfinally: [{ id: z, uses: test.change }]\n";
    let text =
        "steps:\n  - { id: g, approve: { message: Now?, shows: [x] } }\n  - { id: x, call: called.yaml }\n";
    let mut play = Play::among(text, &[("called.yaml", called)]);
    play.decides("g", Decision::Approved, "ben").fails("x/a", FailureKind::Invalid).succeeds("x/b");
    assert_eq!(play.call("x/z").approved_by, ["ben"], "its `finally` was shown");
    play.succeeds("x/z");
    assert_eq!(play.failed().0, FailureKind::Invalid);
}

#[test]
fn an_approval_binds_in_handlers_too() {
    let handler = "steps: [{ fail: no }]\nPART:\n  - { id: g, approve: { message: Now?, shows: [x] } }\n  - { id: y, uses: test.read }\n  - { id: x, uses: test.change, with: { n: '${{ steps.y.status == \"skipped\" ? 1 : 2 }}' } }\n";
    for part in ["on_error", "finally"] {
        let mut play = Play::new(&handler.replace("PART", part));
        play.decides("g", Decision::Approved, "ben").succeeds("y");
        assert_eq!(play.paths(), [""; 0], "{part}: the call is not made");
        play.ended(RunStatus::Failed);
    }
}
