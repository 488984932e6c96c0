//! Cases as an embedder plays them: actions that are closures, and no Exchange anywhere.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::{ActionSource, Engine, Failure, Functions, Source, Spec};
use expr::Type;
use portcullis_cases::{
    Case, CaseFile, Cassette, Coverage, Played, Recorder, RepeatStep, Suite, Threshold, Verdict, World,
};
use serde_json::{Map, Value, json};

const PLAYBOOK: &str = r#"playbook: 1
id: sweep
name: Sweep
inputs:
  boxes: { type: array, items: { type: string }, maxItems: 10, default: [a, b] }
  secret: { type: string, default: none }
outputs:
  gone: { type: integer, value: "${{ size(steps.each.output) }}" }
steps:
  - id: gate
    approve:
      message: Remove?
      shows: []
      timeout: 8h
      on_timeout: reject
      on_reject: continue
  - id: each
    if: ${{ steps.gate.output.decision == "approved" }}
    foreach: ${{ inputs.boxes }}
    as: box
    limit: 10
    on_item_error: collect
    do:
      - id: remove
        uses: box.remove
        retry: { attempts: 3, initial: 30m, max: 1h }
        with: { name: "${{ box }}", key: "${{ inputs.secret }}" }
    output: ${{ steps.remove.output.left }}
  - id: verdict
    switch:
      - case: ${{ steps.gate.output.decision == "approved" }}
        do:
          - { id: tell, uses: box.tell, with: { text: gone } }
      - default:
          - { id: keep, set: { kept: true } }
"#;

/// Like the one above, but its outputs can be computed whatever the gate says.
fn playbook() -> String {
    let value = "\"${{ steps.each.status == 'succeeded' ? size(steps.each.output) : 0 }}\"";
    PLAYBOOK.replace("\"${{ size(steps.each.output) }}\"", value)
}

fn spec(name: &str, effect: &str, fields: Value, output: Value) -> Spec {
    let required: Vec<&String> = fields.as_object().unwrap().keys().collect();
    serde_json::from_value(json!({
        "name": name, "summary": "", "effect": effect, "repeat": "natural", "errors": [],
        "input": {"type": "object", "additionalProperties": false, "required": required, "properties": fields},
        "output": {"type": "object", "additionalProperties": false, "required": ["left"], "properties": output},
    }))
    .unwrap()
}

#[derive(Clone, Default)]
struct Boxes {
    /// How often something was removed.
    removed: Arc<AtomicU64>,
    told: Arc<Mutex<Vec<String>>>,
}

impl Boxes {
    fn actions(&self) -> Arc<dyn ActionSource> {
        let (removed, told) = (self.removed.clone(), self.told.clone());
        let text = json!({"type": "string"});
        let left = json!({"left": {"type": "integer"}});
        let key = json!({"type": "string", "x-secret": true});
        let remove = spec("box.remove", "containment", json!({"name": text, "key": key}), left);
        let tell =
            spec("box.tell", "notification", json!({"text": text}), json!({"left": {"type": "string"}}));
        let actions = Functions::new()
            .with(remove, move |call| {
                // A repeat finds nothing more to remove: what is left stays the same.
                removed.fetch_add(1, Ordering::SeqCst);
                async move {
                    match call.input["name"].as_str() {
                        Some("broken") => Err(Failure::new(
                            engine::FailureKind::NotFound,
                            plan::Blame::Server,
                            format!("no box; the key was {}", call.input["key"]),
                        )),
                        _ => Ok(json!({"left": 0})),
                    }
                }
            })
            .unwrap()
            .with(tell, move |call| {
                told.lock().unwrap().push(call.input["text"].to_string());
                async { Ok(json!({"left": "Authorization: Bearer canary-token-0123456789"})) }
            })
            .unwrap();
        Arc::new(actions)
    }
}

fn suite(actions: &Arc<dyn ActionSource>) -> (Suite, Engine) {
    let engine = Engine::builder().source(Shared(Arc::clone(actions))).build().unwrap();
    let text = playbook();
    let checked = engine.check(Source::new("sweep.yaml", &text));
    let plan = checked.plan.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
    (Suite::new(Arc::new(plan), "sweep.yaml", &text), engine)
}

struct Shared(Arc<dyn ActionSource>);

impl ActionSource for Shared {
    fn specs(&self) -> Vec<Arc<Spec>> {
        self.0.specs()
    }

    fn invoke<'a>(&'a self, call: engine::Invocation) -> engine::Work<'a, Result<engine::Outcome, Failure>> {
        self.0.invoke(call)
    }
}

fn cases(text: &str) -> Vec<Case> {
    CaseFile::parse(format!("test: 1\ncases:\n{text}").as_bytes()).unwrap().cases
}

fn play_with(suite: &Suite, case: &Case, world: World) -> Result<Played, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(suite.play(case, world))
}

fn world(actions: &Arc<dyn ActionSource>) -> World {
    World {
        actions: Arc::clone(actions),
        connection: None,
        cassette: None,
        repeat: None,
        limit: Duration::from_secs(20),
    }
}

/// Everything that is wrong with the case, as a text; empty if it passes.
fn judged(case: &str) -> String {
    let actions = Boxes::default().actions();
    let (suite, _) = suite(&actions);
    let case = cases(case).remove(0);
    match play_with(&suite, &case, world(&actions)) {
        Err(error) => error,
        Ok(played) if !played.complaints.is_empty() => played.complaints.join("\n"),
        Ok(played) => {
            let (_, witness) = played.into_witness(Map::new());
            witness.judge(&case.expect).iter().map(Verdict::to_text).collect()
        }
    }
}

#[test]
fn a_case_sees_calls_steps_and_outputs() {
    let problems = judged(
        "- name: yes\n  answers: { gate: { decision: approved, by: ana } }\n  expect:\n\
         \x20   - run.status == 'succeeded' && outputs.gone == 2 && waiting == []\n\
         \x20   - calls('box.remove').map(c, c.path) == ['each[0]/remove', 'each[1]/remove']\n\
         \x20   - calls('box.remove').all(c, c.attempt == 1 && c.output.left == 0)\n\
         \x20   - calls.map(c, c.action) == ['box.remove', 'box.remove', 'box.tell']\n\
         \x20   - steps.gate.status == 'succeeded' && steps.keep.status == 'pending'\n\
         \x20   - steps['each[1]/remove'].output.left == 0\n\
         \x20   - steps['verdict/tell'].status == 'succeeded' && steps.tell.status == 'succeeded'\n",
    );
    assert_eq!(problems, "");
}

#[test]
fn retries_with_hours_of_backoff_take_no_time() {
    let begun = Instant::now();
    let problems = judged(
        "- name: retries\n  clock: 2026-05-01T00:00:00Z\n  answers: { gate: approved }\n  inputs: { boxes: [a] }\n\
         \x20 stubs:\n    box.remove:\n      - { error: { kind: throttled, retry_after: 5h } }\n\
         \x20     - { error: { kind: transient } }\n      - { ok: { left: 7 } }\n\
         \x20 expect:\n    - calls('box.remove').map(c, c.attempt) == [1, 2, 3]\n\
         \x20   - calls('box.remove')[0].error.kind == 'throttled' && calls('box.remove')[2].output.left == 7\n",
    );
    assert_eq!(problems, "");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn nobody_answers_is_not_the_same_as_time_passes() {
    let waits = "- name: waits\n  answers: { gate: none }\n  expect:\n    - run.status == 'waiting' && waiting == ['gate']\n";
    assert_eq!(judged(waits), "");
    let silent = "- name: silent\n  expect:\n    - run.status == 'waiting' && size(calls) == 0\n";
    assert_eq!(judged(silent), "");
    let passes = "- name: passes\n  answers: { gate: timeout }\n  expect:\n    - run.status == 'succeeded'\n    - outputs.gone == 0 && steps.keep.status == 'succeeded'\n";
    assert_eq!(judged(passes), "");
}

#[test]
fn a_call_beyond_its_stub_fails_the_case_even_if_the_playbook_goes_on() {
    let problems = judged(
        "- name: more\n  answers: { gate: approved }\n  inputs: { boxes: [a, b, c] }\n\
         \x20 stubs: { box.remove: [{ ok: { left: 1 } }, { ok: { left: 2 } }] }\n  expect: ['true']\n",
    );
    assert_eq!(problems, "box.remove was called for the 3rd time, at each[2]/remove; its stub has 2 answers");
}

#[test]
fn an_answer_nobody_asks_for_and_wrong_inputs_fail_the_case() {
    let problem = judged("- name: typo\n  answers: { gaet: approved }\n  expect: ['true']\n");
    assert!(problem.contains("`gaet`") && problem.contains("did you mean `gate`?"), "{problem}");
    let problem = judged("- name: inputs\n  inputs: { boxes: 5 }\n  expect: ['true']\n");
    assert!(problem.starts_with("the inputs do not fit: "), "{problem}");
}

#[test]
fn what_is_wrong_with_a_case_is_said_before_it_is_played() {
    let actions = Boxes::default().actions();
    let (suite, engine) = suite(&actions);
    let problems = |case: &str| {
        let case = cases(case).remove(0);
        suite.problems(&case, &engine, &BTreeMap::from([("ledger".to_owned(), Type::any())])).join("\n")
    };
    assert_eq!(problems("- { name: a, expect: ['ledger.deleted == 1 && outputs.gone > 0'] }"), "");
    for (case, part) in [
        (
            "expect: ['size(calls(\"box.remvoe\")) == 0']",
            "there is no action `box.remvoe` (did you mean `box.remove`?)",
        ),
        ("expect: ['steps.gaet.status == \"skipped\"']", "no step `gaet` (did you mean `gate`?)"),
        ("expect: ['steps.remove.status == \"failed\"']", "name the round, e.g. `steps[\"each[0]/remove\"]`"),
        ("expect: ['run.status == \"succeded\"']", "succeded"),
        ("expect: ['calls(\"box.remove\")[0].name == \"a\"']", "name"),
        ("expect: ['outputs.gon == 1']", "gon"),
        ("expect: ['mailbox(\"a@b.c\").messages == []']", "no `mailbox()`"),
        ("expect: ['outputs.gone']", "not true or false"),
        (
            "stubs: { box.remove: { ok: {} } }, expect: ['true']",
            "answer 1 of the stub of box.remove does not fit",
        ),
        ("stubs: { box.remvoe: { ok: {} } }, expect: ['true']", "did you mean `box.remove`?"),
        ("inputs: { boxs: [] }, expect: ['true']", "no input `boxs`; did you mean `boxes`?"),
        ("signals: [{ event: done }], expect: ['true']", "no step waits for an event `done`"),
    ] {
        let found = problems(&format!("- {{ name: a, {case} }}"));
        assert!(found.contains(part), "{case}: {found}");
    }
}

fn coverage_of(answers: &[&str]) -> Coverage {
    let actions = Boxes::default().actions();
    let (suite, _) = suite(&actions);
    let mut coverage = suite.coverage();
    for answer in answers {
        let case = cases(&format!("- {{ name: a, {answer}, expect: ['true'] }}")).remove(0);
        coverage.add(&play_with(&suite, &case, world(&actions)).unwrap().seen);
    }
    coverage
}

#[test]
fn coverage_names_what_no_case_went_through() {
    let one = coverage_of(&["answers: { gate: approved }"]);
    assert_eq!((one.summary().steps.hit, one.summary().steps.all), (5, 6));
    let missing = one.lines(false);
    let expected = [
        (10, "`gate` is rejected"),
        (10, "`gate` is not answered in time"),
        (18, "`if` of `each` does not hold: steps.gate.output.decision == \"approved\""),
        (17, "an item of `each` fails"),
        (34, "the default of `verdict`"),
    ];
    for (line, what) in expected {
        assert!(
            missing.iter().any(|(at, text)| (*at, text.as_str()) == (line, what)),
            "{what}: {missing:#?}"
        );
    }
    assert_eq!(missing.len(), expected.len(), "{missing:#?}");
    let least = Threshold { branches: Some(90), steps: None };
    assert_eq!(one.shortfalls(least), ["37% of the branches are covered, and 90% are wanted"]);
    let all = coverage_of(&[
        "answers: { gate: approved }",
        "answers: { gate: rejected }",
        "answers: { gate: timeout }",
        "answers: { gate: approved }, inputs: { boxes: [a, broken] }",
    ]);
    assert_eq!(all.lines(false), [], "{:#?}", all.lines(true));
    assert_eq!(all.shortfalls(Threshold { branches: Some(100), steps: Some(100) }), Vec::<String>::new());
}

#[test]
fn a_step_can_be_carried_out_several_times() {
    let boxes = Boxes::default();
    let actions = boxes.actions();
    let (suite, _) = suite(&actions);
    let case =
        cases("- { name: a, answers: { gate: approved }, expect: ['size(calls(\"box.remove\")) == 2'] }")
            .remove(0);
    let repeat = Some(RepeatStep { step: "remove".to_owned(), times: 3 });
    let played = play_with(&suite, &case, World { repeat, ..world(&actions) }).unwrap();
    assert_eq!((played.repeated, boxes.removed.load(Ordering::SeqCst)), (2, 6));
    let (_, witness) = played.into_witness(Map::new());
    assert!(witness.judge(&case.expect).is_empty());
}

/// A place to write to that can be read afterwards.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Plays the case once through a recorder, and gives the cassette's text.
fn recorded(case: &Case, actions: &Arc<dyn ActionSource>) -> String {
    let (suite, _) = suite(actions);
    let paper = Paper::default();
    let secrets = ["canary-configured".to_owned()];
    let recorder = Recorder::new(Arc::clone(actions), "sweep", &secrets, paper.clone()).unwrap();
    let played = play_with(&suite, case, World { actions: Arc::new(recorder.clone()), ..world(actions) });
    assert_eq!(played.unwrap().complaints, Vec::<String>::new());
    recorder.finish().unwrap();
    let bytes = paper.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

const SECRETIVE: &str = "- { name: a, answers: { gate: approved }, inputs: { boxes: [a, broken, canary-configured], \
                         secret: canary-in-input }, expect: ['true'] }";

#[test]
fn no_secret_is_in_a_cassette() {
    let case = cases(SECRETIVE).remove(0);
    let text = recorded(&case, &Boxes::default().actions());
    assert!(!text.contains("canary"), "{text}");
    assert_eq!(text.lines().count(), 1 + 3 + 1, "{text}");
    assert!(text.contains("(secret)") && text.contains("no box; the key was"), "{text}");
}

#[test]
fn a_cassette_answers_as_the_actions_did_and_carries_nothing_out() {
    let case = cases(SECRETIVE).remove(0);
    let boxes = Boxes::default();
    let actions = boxes.actions();
    let text = recorded(&case, &actions);
    let before = boxes.removed.load(Ordering::SeqCst);
    let (suite, _) = suite(&actions);
    let replay = |case: &Case| {
        let mut case = case.clone();
        case.with.secrets.insert("configured".to_owned(), "canary-configured".to_owned());
        let cassette = Some(Arc::new(Cassette::read(text.as_bytes()).unwrap()));
        play_with(&suite, &case, World { cassette, ..world(&actions) }).unwrap()
    };
    let played = replay(&case);
    assert_eq!(played.complaints, Vec::<String>::new());
    let (_, witness) = played.into_witness(Map::new());
    let expect = cases("- { name: a, expect: ['outputs.gone == 2 && size(calls(\"box.remove\")) == 3'] }")
        .remove(0)
        .expect;
    assert_eq!(witness.judge(&expect).iter().map(Verdict::to_text).collect::<String>(), "");
    assert_eq!(boxes.removed.load(Ordering::SeqCst), before);

    let other = cases(&SECRETIVE.replace("[a, broken,", "[a, brokem,")).remove(0);
    let complaints = replay(&other).complaints;
    assert_eq!(
        complaints,
        [
            "box.remove was called at each[1]/remove: it is not in the cassette; the nearest recorded call differs: \
          name was \"a\", is \"brokem\""
        ]
    );
    let more = cases(&SECRETIVE.replace("[a, broken,", "[a, a, broken,")).remove(0);
    let complaints = replay(&more).complaints;
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(
        complaints[0].ends_with("it was recorded once with this input, and that is used up"),
        "{complaints:?}"
    );
}

const PEOPLE: &str = r#"playbook: 1
id: people
name: People
secrets: [key]
outputs:
  verdict: { type: string, value: "${{ steps.form.output.answer.verdict }}" }
  id: { type: integer, value: "${{ steps.closed.output.payload.id }}" }
steps:
  - id: gate
    approve:
      message: Both of you?
      shows: []
      to: { roles: [lead], not: [run.starter] }
      quorum: 2
      on_reject: continue
  - id: form
    ask:
      message: What is it?
      form: { verdict: { type: string, enum: [good, bad] } }
  - id: closed
    wait:
      event: closed
      schema: { type: object, properties: { id: { type: integer } }, required: [id], additionalProperties: false }
      match: ${{ event.id > 1 }}
      timeout: 7d
  - id: tell
    uses: box.remove
    with: { name: a, key: "${{ secrets.key }}" }
  - id: done
    set: { sum: "${{ 1 + 1 }}" }
"#;

/// As [`judged`], of the playbook above.
fn judged_people(case: &str) -> String {
    let actions = Boxes::default().actions();
    let engine = Engine::builder().source(Shared(Arc::clone(&actions))).build().unwrap();
    let checked = engine.check(Source::new("people.yaml", PEOPLE));
    let plan = checked.plan.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
    let suite = Suite::new(Arc::new(plan), "people.yaml", PEOPLE);
    let case = cases(case).remove(0);
    assert_eq!(suite.problems(&case, &engine, &BTreeMap::new()), Vec::<String>::new());
    match play_with(&suite, &case, world(&actions)) {
        Err(error) => error,
        Ok(played) => {
            let (_, witness) = played.into_witness(Map::new());
            witness.judge(&case.expect).iter().map(Verdict::to_text).collect()
        }
    }
}

#[test]
fn people_answer_and_events_come() {
    let problems = judged_people(
        "- name: all\n  secrets: { key: canary-secret }\n  answers:\n\
         \x20   gate: [approved, { decision: approved, by: ana, roles: [lead] }]\n    form: { verdict: bad }\n\
         \x20 signals: [{ event: closed, payload: { id: 1 } }, { event: closed, payload: { id: 2 } }]\n  expect:\n\
         \x20   - run.status == 'succeeded' && outputs.verdict == 'bad' && outputs.id == 2\n\
         \x20   - steps.gate.output.decision == 'approved' && steps.done.output.sum == 2\n\
         \x20   - calls('box.remove')[0].input.key == '(secret)'\n",
    );
    assert_eq!(problems, "");
    let problems = judged_people(
        "- name: one\n  secrets: { key: k }\n  answers: { gate: approved }\n  expect: [\"waiting == ['gate']\"]\n",
    );
    assert_eq!(problems, "");
    let problems = judged_people(
        "- name: wait\n  secrets: { key: k }\n  answers: { gate: [approved, approved], form: { verdict: good } }\n  expect:\n\
         \x20   - run.status == 'failed' && run.error.kind == 'timeout' && steps.closed.status == 'failed'\n",
    );
    assert_eq!(problems, "");
}

#[test]
fn an_event_that_comes_and_one_that_does_not_are_two_branches() {
    let actions = Boxes::default().actions();
    let engine = Engine::builder().source(Shared(Arc::clone(&actions))).build().unwrap();
    let plan = engine.check(Source::new("people.yaml", PEOPLE)).plan.unwrap();
    let suite = Suite::new(Arc::new(plan), "people.yaml", PEOPLE);
    let answers = "secrets: { key: k }, answers: { gate: [approved, approved], form: { verdict: bad } }";
    let mut coverage = suite.coverage();
    let mut missing = |signals: &str| {
        let case =
            cases(&format!("- {{ name: a, expect: ['true'], {answers}, signals: [{signals}] }}")).remove(0);
        coverage.add(&play_with(&suite, &case, world(&actions)).unwrap().seen);
        coverage.lines(false).into_iter().map(|(_, what)| what).collect::<Vec<_>>()
    };
    let late = "the event of `closed` does not come in time";
    assert_eq!(missing("{ event: closed, payload: { id: 2 } }"), ["`gate` is rejected", late]);
    assert_eq!(missing(""), ["`gate` is rejected"]);
}

#[test]
fn what_people_may_not_say_fails_the_case() {
    let with = |rest: &str| {
        judged_people(&format!("- {{ name: a, secrets: {{ key: k }}, expect: ['true'], {rest} }}"))
    };
    let problem = with("answers: { gate: { decision: approved, by: bob, roles: [clerk] } }");
    assert!(problem.contains("the answer of bob to gate") && problem.contains("lead"), "{problem}");
    let problem = with("answers: { gate: [approved, approved], form: { verdict: ugly } }");
    assert!(problem.contains("to form") && problem.contains("does not fit"), "{problem}");
    let problem = with("signals: [{ event: closed, payload: { id: 2 } }]");
    assert!(problem.contains("the run did not wait for it"), "{problem}");
    let problem = judged_people("- { name: a, expect: ['true'] }");
    assert!(problem.contains("key"), "{problem}");
}
