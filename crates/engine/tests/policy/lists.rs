//! The same at calls about a list of things in several mailboxes: each entry counts where it lies.

use super::*;

/// A call of `box.sweep` about so many items of each mailbox, the mailboxes taking turns.
fn list(id: &str, mailboxes: &[(&str, usize)]) -> String {
    let most = mailboxes.iter().map(|(_, count)| *count).max().unwrap();
    let items: Vec<Value> = (0..most)
        .flat_map(|number| {
            mailboxes.iter().filter(move |(_, count)| number < *count).map(move |one| (number, one.0))
        })
        .map(|(number, mailbox)| json!({"mailbox": mailbox, "id": format!("i{number}")}))
        .collect();
    format!("  - id: {id}\n    uses: box.sweep\n    with: {{ items: {} }}\n", json!(items))
}

#[tokio::test]
async fn a_list_counts_every_entry_in_its_own_mailbox() {
    let bench = Bench::new();
    let over = list("a", &[("b@x.example", 3), ("a@x.example", 10), ("A@X.example", 1)]);
    let failure = bench.end(json!({}), &playbook(&over)).await.failure.unwrap();
    assert_eq!((failure.kind, bench.calls.count("box.sweep")), (FailureKind::Limit, 0));
    for part in ["11 items of a@x.example", "allows 10", "caps.deletes.per_mailbox"] {
        assert!(failure.message.contains(part), "{}", failure.message);
    }
    // Ten of each are allowed, and what a list changed counts against the calls that follow: in every mailbox of it.
    let full = list("a", &[("a@x.example", 10), ("b@x.example", 9)]);
    for (next, passes) in [
        (call("b", "box.delete", "a@x.example", 1), false),
        (call("b", "box.delete", "b@x.example", 2), false),
        (list("b", &[("c@x.example", 1), ("b@x.example", 2)]), false),
        (list("b", &[("c@x.example", 10), ("b@x.example", 1)]), true),
    ] {
        let end = bench.end(json!({}), &playbook(&(full.clone() + &next))).await;
        assert_eq!(end.failure.is_none(), passes, "{next}: {:?}", end.failure);
    }
    // All of a list counts in the run and in the step.
    let eleven: Vec<String> = (0..11).map(|number| format!("m{number}@x.example")).collect();
    let all: Vec<(&str, usize)> = eleven.iter().map(|mailbox| (mailbox.as_str(), 10)).collect();
    let failure = bench.end(json!({}), &playbook(&list("a", &all))).await.failure.unwrap();
    assert!(failure.message.contains("caps.deletes.per_run"), "{}", failure.message);
    let policy = json!({"caps": {"box.sweep": {"per_step": 3}}});
    let four = list("a", &[("a@x.example", 2), ("b@x.example", 2)]);
    let failure = bench.end(policy, &playbook(&four)).await.failure.unwrap();
    assert!(failure.message.contains("caps.box.sweep.per_step"), "{}", failure.message);
}

#[tokio::test]
async fn one_mailbox_that_is_not_allowed_refuses_the_whole_list_before_anything_is_touched() {
    let bench = Bench::new();
    let policy = json!({"mailboxes": {"allow": ["@x.example"], "forbid": ["ceo@x.example"]}});
    for (mailbox, rule) in [("a@other.example", "mailboxes.allow"), ("CEO@x.example", "mailboxes.forbid")] {
        let mixed = list("a", &[("a@x.example", 2), (mailbox, 1), ("b@x.example", 2)]);
        let failure = bench.end(policy.clone(), &playbook(&mixed)).await.failure.unwrap();
        assert_eq!(failure.kind, FailureKind::PermissionDenied);
        assert!(failure.message.contains(rule), "{}", failure.message);
        let refused = bench.log.entries().into_iter().rev().find_map(|entry| match entry.what {
            What::Refused { mailboxes, items, .. } => Some((mailboxes, items)),
            _ => None,
        });
        let (mailboxes, items) = refused.unwrap();
        assert_eq!((mailboxes.len(), items), (3, 5));
        assert_eq!((mailboxes[1].mailbox.as_str(), mailboxes[1].items), (&*mailbox.to_lowercase(), 1));
    }
    assert_eq!(bench.calls.count("box.sweep"), 0);
    let fine = list("a", &[("a@x.example", 2), ("b@x.example", 2)]);
    assert_eq!(bench.end(policy, &playbook(&fine)).await.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn the_hour_and_a_restart_remember_every_mailbox_of_a_list() {
    let bench = Bench::new();
    let policy = json!({"caps": {"box.*": {"per_mailbox_and_hour": 5}}});
    let first = list("a", &[("a@x.example", 4), ("b@x.example", 4)]);
    assert_eq!(bench.end(policy.clone(), &playbook(&first)).await.status, RunStatus::Succeeded);
    let begun = bench.log.entries().into_iter().find_map(|entry| match entry.what {
        What::EffectBegun(begun) => Some(begun),
        _ => None,
    });
    let begun = begun.unwrap();
    let told: Vec<(&str, u64)> =
        begun.mailboxes.iter().map(|one| (one.mailbox.as_str(), one.items)).collect();
    assert_eq!((begun.items, told), (8, vec![("a@x.example", 4), ("b@x.example", 4)]));
    // Another engine over the same log.
    let failure =
        bench.end(policy, &playbook(&call("a", "box.move", "b@x.example", 2))).await.failure.unwrap();
    assert!(failure.message.contains("per_mailbox_and_hour"), "{}", failure.message);
    // The list of the first step stands in the journal; a second engine goes on after the gate.
    let bench = Bench::new();
    let steps = list("a", &[("a@x.example", 4), ("b@x.example", 9)])
        + "  - id: gate\n    approve: { message: Sure?, shows: [b] }\n"
        + &call("b", "box.delete", "b@x.example", 2);
    let (sender, mut events) = unbounded_channel::<Event>();
    let start = Start { starter: "ann".into(), events: Some(sender), ..Start::default() };
    let engine = bench.engine(json!({}));
    let run = engine.start(Source::new("test", &playbook(&steps)), start).await.unwrap();
    while !matches!(events.recv().await.unwrap().kind, EventKind::Asked(_)) {}
    let id = run.id().clone();
    drop(run);
    let mut run = bench.engine(json!({})).resume(&id, Start::default()).await.unwrap();
    run.decide(&StepPath::from("gate"), Decision::Approved, "ben", None).await.unwrap();
    let failure = run.wait().await.unwrap().failure.unwrap();
    assert!(failure.message.contains("11 items of b@x.example"), "{}", failure.message);
    assert_eq!(bench.calls.count("box.delete"), 0);
}

#[tokio::test]
async fn an_approval_shows_the_list_and_is_bound_to_every_entry() {
    let asked = |mailboxes: &'static [(&'static str, usize)]| async move {
        let bench = Bench::new();
        let gate = "  - id: gate\n    approve: { message: Sure?, shows: [clean] }\n";
        let text = playbook(&(gate.to_owned() + &list("clean", mailboxes)));
        let (sender, mut events) = unbounded_channel::<Event>();
        let start = Start { starter: "ann".into(), events: Some(sender), ..Start::default() };
        let run = bench.engine(json!({})).start(Source::new("test", &text), start).await.unwrap();
        let ask = loop {
            if let EventKind::Asked(ask) = events.recv().await.unwrap().kind {
                break ask;
            }
        };
        drop(run);
        ask
    };
    let ask = asked(&[("a@x.example", 1), ("b@x.example", 1)]).await;
    let items = &ask.shown[0].input["items"];
    assert_eq!(
        *items,
        json!([{"mailbox": "a@x.example", "id": "i0"}, {"mailbox": "b@x.example", "id": "i0"}])
    );
    let other = asked(&[("a@x.example", 1), ("c@x.example", 1)]).await;
    assert_ne!(ask.digest, other.digest);
    assert_eq!(ask.digest, asked(&[("a@x.example", 1), ("b@x.example", 1)]).await.digest);
}
