//! Caps, names, mailboxes and second persons, at calls about one mailbox each.

use super::*;

#[tokio::test]
async fn without_any_configuration_deletes_stay_small() {
    let bench = Bench::new();
    let end = bench.end(json!({}), &playbook(&call("a", "box.delete", "a@x.example", 11))).await;
    let failure = end.failure.unwrap();
    assert_eq!((failure.kind, bench.calls.count("box.delete")), (FailureKind::Limit, 0));
    for part in ["step a", "11 items", "a@x.example", "allows 10", "caps.deletes.per_mailbox"] {
        assert!(failure.message.contains(part), "{}", failure.message);
    }
    // Ten mailboxes of ten are a hundred; the eleventh is one too many.
    let steps: String =
        (0..11).map(|n| call(&format!("s{n}"), "box.delete", &format!("m{n}@x.example"), 10)).collect();
    let end = bench.end(json!({}), &playbook(&steps)).await;
    assert!(end.failure.unwrap().message.contains("caps.deletes.per_run"));
    assert_eq!(bench.calls.items("box.delete"), 100);
    // What does not delete is not capped, and an address counts whatever its case.
    let end = bench.end(json!({}), &playbook(&call("a", "box.move", "a@x.example", 500))).await;
    assert_eq!(end.status, RunStatus::Succeeded);
    let bench = Bench::new();
    let steps = call("a", "box.delete", "a@x.example", 6) + &call("b", "box.delete", "A@X.EXAMPLE", 6);
    assert_eq!(bench.end(json!({}), &playbook(&steps)).await.failure.unwrap().kind, FailureKind::Limit);
    assert_eq!(bench.calls.items("box.delete"), 6);
}

#[tokio::test]
async fn a_raised_cap_lets_more_through_and_the_playbook_only_narrows() {
    let bench = Bench::new();
    let policy = json!({"caps": {"deletes": {"per_mailbox": 20}}});
    assert_eq!(
        bench.end(policy.clone(), &playbook(&call("a", "box.delete", "a@x.example", 20))).await.status,
        RunStatus::Succeeded
    );
    let narrow =
        playbook(&call("a", "box.delete", "a@x.example", 20)).replace("box.delete: 100000", "box.delete: 5");
    assert_eq!(bench.end(policy.clone(), &narrow).await.failure.unwrap().kind, FailureKind::Limit);
    assert_eq!(
        bench.end(policy, &playbook(&call("a", "box.delete", "a@x.example", 21))).await.failure.unwrap().kind,
        FailureKind::Limit
    );
    assert_eq!(bench.calls.items("box.delete"), 20);
}

#[tokio::test]
async fn a_step_is_capped_over_all_rounds_of_its_loop() {
    let bench = Bench::new();
    let text = playbook(
        "  - id: each\n    foreach: '${{ [\"a\", \"b\", \"c\", \"d\"] }}'\n    as: who\n    limit: 10\n    do:\n      - id: move\n        uses: box.move\n        with: { mailbox: '${{ who }}@x.example', ids: [i, j] }\n",
    );
    let end = bench.end(json!({"caps": {"box.move": {"per_step": 5}}}), &text).await;
    assert!(end.failure.unwrap().message.contains("caps.box.move.per_step"));
    assert_eq!(bench.calls.items("box.move"), 4);
}

#[tokio::test]
async fn forbidden_names_are_all_told_before_anything_runs() {
    let bench = Bench::new();
    let text = playbook(
        &(call("look", "box.list", "a@x.example", 1)
            + &call("first", "box.delete", "a@x.example", 1)
            + &call("second", "box.move", "a@x.example", 1)),
    );
    let policy = json!({"actions": {"allow": ["box.list", "box.move"], "forbid": ["box.move"]}});
    let Err(EngineError::Policy(refusals)) = bench.start(policy, &text, Mode::Real).await.map(|_| ()) else {
        panic!("it started")
    };
    let found: Vec<_> =
        refusals.iter().map(|one| (one.step.as_deref().unwrap(), one.rule.as_str())).collect();
    assert_eq!(found, [("first", "actions.allow"), ("second", "actions.forbid")]);
    assert!(bench.calls.0.lock().unwrap().is_empty());
    assert_eq!(bench.log.whats(), ["start_refused"]);
    assert!(bench.engine(json!({})).runs(&Query::newest(5)).await.unwrap().is_empty());
}

#[tokio::test]
async fn mailboxes_are_held_at_the_call_for_reads_too_and_the_refusal_is_audited() {
    let bench = Bench::new();
    let policy = json!({"mailboxes": {"allow": ["@x.example"], "forbid": ["ceo@x.example"]}});
    for (mailbox, rule) in [("a@other.example", "mailboxes.allow"), ("CEO@x.example", "mailboxes.forbid")] {
        let end = bench.end(policy.clone(), &playbook(&call("look", "box.list", mailbox, 1))).await;
        let failure = end.failure.unwrap();
        assert_eq!(failure.kind, FailureKind::PermissionDenied);
        assert!(failure.message.contains(rule), "{}", failure.message);
        let refused = bench.log.entries().into_iter().rev().find_map(|entry| match entry.what {
            What::Refused { rule, mailbox, .. } => Some((rule, mailbox)),
            _ => None,
        });
        assert_eq!(refused, Some((rule.to_owned(), mailbox.to_lowercase())));
    }
    assert_eq!(bench.calls.count("box.list"), 0);
    let end = bench.end(policy, &playbook(&call("look", "box.list", "a@x.example", 1))).await;
    assert_eq!((end.status, bench.calls.count("box.list")), (RunStatus::Succeeded, 1));
}

#[tokio::test]
async fn ten_thousand_refusals_in_a_loop_are_no_deep_stack() {
    let bench = Bench::new();
    let numbers = serde_json::to_string(&(0..100).collect::<Vec<u8>>()).unwrap();
    let text = format!(
        "playbook: 1\nid: test\nvars: {{ all: {numbers} }}\npolicy: {{ max_effects: {{ box.move: 100000 }} }}\nsteps:\n  \
         - id: outer\n    foreach: ${{{{ vars.all }}}}\n    as: m\n    limit: 100\n    do:\n      \
         - id: each\n        foreach: ${{{{ vars.all }}}}\n        as: n\n        limit: 100\n        \
         on_item_error: collect\n        do:\n          \
         - id: move\n            uses: box.move\n            with: {{ mailbox: a@other.example, ids: [i] }}\n"
    );
    let started = bench.start(json!({"mailboxes": {"allow": ["@x.example"]}}), &text, Mode::Real).await;
    let end = started.unwrap().2.unwrap();
    assert_eq!((end.status, bench.calls.count("box.move")), (RunStatus::Succeeded, 0), "{:?}", end.failure);
    let refused =
        bench.log.entries().iter().filter(|entry| matches!(entry.what, What::Refused { .. })).count();
    assert_eq!(refused, 10_000);
}

#[tokio::test]
async fn a_retry_touches_the_same_items_and_is_audited_as_an_attempt() {
    let bench = Bench::new();
    let text = playbook(
        "  - id: a\n    uses: box.delete\n    retry: { attempts: 3 }\n    with: { mailbox: a@x.example, ids: [flaky, b, c, d, e, f] }\n",
    );
    let end = bench.end(json!({}), &text).await;
    assert_eq!((end.status, bench.calls.count("box.delete")), (RunStatus::Succeeded, 2), "{:?}", end.failure);
    let told: Vec<_> = bench
        .log
        .entries()
        .into_iter()
        .filter_map(|entry| match entry.what {
            What::EffectBegun(begun) => Some((begun.attempt, None)),
            What::EffectEnded { attempt, outcome, .. } => Some((attempt, Some(outcome))),
            _ => None,
        })
        .collect();
    let expected = [(1, None), (1, Some(Outcome::Failed)), (2, None), (2, Some(Outcome::Ok))];
    assert_eq!(told, expected);
    assert_eq!(bench.log.whats().first().unwrap(), "run_started");
    assert_eq!(bench.log.whats().last().unwrap(), "run_ended");
}

#[tokio::test]
async fn reads_leave_no_entry_of_their_own_and_values_none_at_all() {
    let bench = Bench::new();
    let text =
        playbook(&(call("look", "box.list", "a@x.example", 3) + &call("a", "box.delete", "a@x.example", 2)));
    bench.end(json!({}), &text).await;
    assert_eq!(bench.log.whats(), ["run_started", "effect_begun", "effect_ended", "run_ended"]);
    let all = serde_json::to_string(&bench.log.entries()).unwrap();
    assert!(!all.contains("i0"), "an id of the input stands in the log");
    let end = bench.start(json!({}), &text, Mode::DryRun).await.unwrap().2.unwrap();
    assert_eq!(
        (end.status, bench.log.entries().len()),
        (RunStatus::Succeeded, 4),
        "a rehearsal says nothing"
    );
}

#[tokio::test]
async fn the_hour_is_shared_by_all_runs_and_by_what_came_before_this_process() {
    let bench = Bench::new();
    let policy = json!({"caps": {"box.*": {"per_mailbox_and_hour": 5, "per_hour": 8}}});
    let move_of = |mailbox: &str, count| playbook(&call("a", "box.move", mailbox, count));
    assert_eq!(bench.end(policy.clone(), &move_of("a@x.example", 4)).await.status, RunStatus::Succeeded);
    // Another engine over the same log: what it forgot is in the log.
    let refused = bench.end(policy.clone(), &move_of("a@x.example", 2)).await.failure.unwrap();
    assert!(refused.message.contains("per_mailbox_and_hour"), "{}", refused.message);
    assert_eq!(bench.end(policy.clone(), &move_of("b@x.example", 4)).await.status, RunStatus::Succeeded);
    let refused = bench.end(policy.clone(), &move_of("c@x.example", 1)).await.failure.unwrap();
    assert!(refused.message.contains("caps.box.*.per_hour"), "{}", refused.message);
    bench.clock.advance(Duration::from_secs(3601));
    assert_eq!(bench.end(policy.clone(), &move_of("a@x.example", 5)).await.status, RunStatus::Succeeded);
    assert_eq!(bench.calls.items("box.move"), 13);
    bench.log.0.broken.store(true, Ordering::SeqCst);
    let error = bench.start(policy, &move_of("a@x.example", 1), Mode::Real).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, EngineError::Memory(_)), "{error}");
}

/// A gate, then a step it shows.
fn gated(count: usize) -> String {
    playbook(&format!(
        "  - id: gate\n    approve: {{ message: Sure?, shows: [clean] }}\n{}",
        call("clean", "box.move", "a@x.example", count)
    ))
}

#[tokio::test]
async fn four_eyes_want_another_person_who_saw_exactly_this_call() {
    let policy = json!({"four_eyes": {"above": 3}});
    let decided = |by: &'static str, count: usize| {
        let policy = policy.clone();
        async move {
            let bench = Bench::new();
            let engine = bench.engine(policy);
            let (sender, mut events) = unbounded_channel::<Event>();
            let start = Start { starter: "ann".into(), events: Some(sender), ..Start::default() };
            let mut run = engine.start(Source::new("test", &gated(count)), start).await.unwrap();
            while !matches!(events.recv().await.unwrap().kind, EventKind::Asked(_)) {}
            run.decide(&StepPath::from("gate"), Decision::Approved, by, None).await.unwrap();
            let end = run.wait().await.unwrap();
            (end, bench)
        }
    };
    let (end, bench) = decided("ann", 4).await;
    assert_eq!(
        (end.failure.unwrap().kind, bench.calls.count("box.move")),
        (FailureKind::PermissionDenied, 0)
    );
    let (end, _) = decided("ann", 3).await;
    assert_eq!(end.status, RunStatus::Succeeded, "not above the number");
    let (end, bench) = decided("ben", 4).await;
    assert_eq!((end.status, bench.calls.items("box.move")), (RunStatus::Succeeded, 4), "{:?}", end.failure);
    let begun = bench.log.entries().into_iter().find_map(|entry| match entry.what {
        What::EffectBegun(begun) => Some(begun.approved_by),
        _ => None,
    });
    assert_eq!(begun.unwrap(), ["ben"]);
}

#[tokio::test]
async fn what_was_approved_in_advance_is_no_second_person() {
    let bench = Bench::new();
    let engine = bench.engine(json!({"four_eyes": {"above": 3}}));
    for by in ["ann (--approve=all)", "somebody else"] {
        let approvals = Approvals::ApproveAll { by: by.to_owned() };
        let start = Start { starter: "ann".into(), approvals, ..Start::default() };
        let mut run = engine.start(Source::new("test", &gated(4)), start).await.unwrap();
        let failure = run.wait().await.unwrap().failure.unwrap();
        assert_eq!(failure.kind, FailureKind::PermissionDenied);
        assert!(failure.message.contains("four_eyes.above"), "{}", failure.message);
    }
    assert_eq!(bench.calls.count("box.move"), 0);
    let said = bench
        .log
        .entries()
        .into_iter()
        .any(|entry| matches!(entry.what, What::Decided { in_advance: true, .. }));
    assert!(said);
}

#[tokio::test]
async fn counters_go_on_after_a_restart() {
    let bench = Bench::new();
    let text = playbook(
        &(call("a", "box.delete", "a@x.example", 6)
            + "  - id: gate\n    approve: { message: Sure? }\n"
            + &call("b", "box.delete", "a@x.example", 6)),
    );
    let (sender, mut events) = unbounded_channel::<Event>();
    let start = Start { starter: "ann".into(), events: Some(sender), ..Start::default() };
    let run = bench.engine(json!({})).start(Source::new("test", &text), start).await.unwrap();
    while !matches!(events.recv().await.unwrap().kind, EventKind::Waiting) {}
    let id = run.id().clone();
    drop(run);
    let mut run = bench.engine(json!({})).resume(&id, Start::default()).await.unwrap();
    run.decide(&StepPath::from("gate"), Decision::Approved, "ben", None).await.unwrap();
    let failure = run.wait().await.unwrap().failure.unwrap();
    assert!(failure.message.contains("12 items"), "{}", failure.message);
    assert_eq!(bench.calls.items("box.delete"), 6);
}

#[tokio::test]
async fn a_rehearsal_shows_what_would_be_refused_and_goes_on() {
    let bench = Bench::new();
    let steps = call("a", "box.delete", "a@x.example", 11) + &call("b", "box.move", "a@x.example", 2);
    let (_, told, end) = bench
        .start(json!({"caps": {"box.move": {"per_run": 1}}}), &playbook(&steps), Mode::DryRun)
        .await
        .unwrap();
    let rules: Vec<&str> = told
        .iter()
        .filter_map(|kind| match kind {
            EventKind::Refused { rule, .. } => Some(rule.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(rules, ["caps.deletes.per_mailbox", "caps.box.move.per_run"]);
    assert_eq!((end.unwrap().status, bench.calls.0.lock().unwrap().len()), (RunStatus::Succeeded, 0));
}

#[tokio::test]
async fn a_thousand_effects_over_a_failing_log_are_a_thousand_that_did_not_happen() {
    let bench = Bench::new();
    let engine = bench.engine(json!({}));
    let attempt = async |text: &str, plan: &Arc<plan::Plan>| {
        let start = Start { starter: "ann".into(), ..Start::default() };
        let mut run = engine.start_checked(Source::new("test", text), Arc::clone(plan), start).await.unwrap();
        let end = run.wait().await;
        assert!(matches!(end, Err(EngineError::Audit { .. })), "{end:?}");
    };
    let checked = |text: &str| Arc::new(engine.check(Source::new("test", text)).plan.unwrap());
    let text = playbook(&call("a", "box.delete", "a@x.example", 1));
    let plan = checked(&text);
    bench.log.0.broken.store(true, Ordering::SeqCst);
    for _ in 0..500 {
        attempt(&text, &plan).await;
    }
    // It breaks between the beginning of the run and its effect, too.
    let look = call("look", "box.list", "a@x.example", 1);
    let text = playbook(&(look + &call("a", "box.delete", "a@x.example", 1)));
    let plan = checked(&text);
    for number in 0..500 {
        bench.log.0.slow.store(number % 10 == 0, Ordering::SeqCst);
        bench.log.0.broken.store(false, Ordering::SeqCst);
        bench.log.0.until_broken.store(2, Ordering::SeqCst);
        attempt(&text, &plan).await;
    }
    assert_eq!((bench.calls.count("box.delete"), bench.calls.count("box.list")), (0, 500));
}

#[tokio::test]
async fn what_happened_before_the_log_failed_is_journaled_and_not_done_again() {
    let bench = Bench::new();
    let steps = call("a", "box.delete", "a@x.example", 1) + &call("b", "box.delete", "b@x.example", 1);
    // The beginning of the run with that of `a`; then the end of `a` with the beginning of `b`.
    bench.log.0.until_broken.store(2, Ordering::SeqCst);
    let (run, _, end) = bench.start(json!({}), &playbook(&steps), Mode::Real).await.unwrap();
    assert!(matches!(end, Err(EngineError::Audit { .. })));
    assert_eq!(bench.calls.count("box.delete"), 1);
    let id = run.id().clone();
    drop(run);
    bench.log.0.broken.store(false, Ordering::SeqCst);
    let mut run = bench.engine(json!({})).resume(&id, Start::default()).await.unwrap();
    assert_eq!(run.wait().await.unwrap().status, RunStatus::Succeeded);
    assert_eq!(bench.calls.count("box.delete"), 2, "`a` was not called again");
    let inputs: BTreeMap<String, usize> =
        bench.calls.0.lock().unwrap().iter().map(|(_, input)| (input["mailbox"].to_string(), 1)).collect();
    assert_eq!(inputs.len(), 2);
}
