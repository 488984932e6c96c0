//! Paths and their order: what `plan` says of two places is what a run does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use journal::{Event, Record};
use plan::{Join, Order, Plan, StepKind, StepPath, find_place, order};
use playbook::{Source, check};
use proptest::prelude::*;

mod world;

use world::{CATALOGUE, CORPUS, live};

/// From which record to which something went on at a path.
fn spans(records: &[Record]) -> BTreeMap<StepPath, (u64, u64)> {
    let (mut places, mut spans) = (BTreeMap::new(), BTreeMap::new());
    for record in records {
        let op = match &record.event {
            Event::Performing { op, path, .. } | Event::Asked { op, path, .. } => {
                places.insert(*op, path.clone());
                Some(*op)
            }
            Event::Performed { op, .. }
            | Event::AttemptFailed { op, .. }
            | Event::Decided { op, .. }
            | Event::Answered { op, .. } => Some(*op),
            _ => None,
        };
        if let Some(path) = op.and_then(|op| places.get(&op)) {
            let span = spans.entry(path.clone()).or_insert((record.seq, record.seq));
            span.1 = record.seq;
        }
    }
    spans
}

/// Whether some step begins as soon as one of what it needs is there: then the others may come later.
fn hurries(plan: &Plan) -> bool {
    let mut found = false;
    plan.each_step(&mut |step| match &step.kind {
        StepKind::Dag(dag) => found |= dag.nodes.iter().any(|node| node.join == Join::Any),
        StepKind::Playbook(sub) => found |= hurries(&sub.plan),
        _ => {}
    });
    found
}

fn turned(order: Order) -> Order {
    match order {
        Order::Before => Order::After,
        Order::After => Order::Before,
        Order::Within => Order::Around,
        Order::Around => Order::Within,
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_stands_before_has_ended_when_the_other_begins(
        dice in proptest::collection::vec(any::<u8>(), 16..64),
    ) {
        let mut compared = [0_u32; 2];
        for (name, plan) in CORPUS.iter() {
            let (records, ..) = live(plan, &CATALOGUE, dice.clone());
            let (spans, hurries) = (spans(&records), hurries(plan));
            for (a, (from, to)) in &spans {
                prop_assert_eq!(StepPath::parse(a.as_str()), Ok(a.clone()));
                prop_assert_eq!(find_place(plan, a), Ok(()), "{}", name);
                for (b, (begun, ended)) in spans.iter().filter(|(b, _)| *b != a) {
                    let found = order(plan, a, b);
                    prop_assert_eq!(turned(found), order(plan, b, a), "{}: {} and {}", name, a, b);
                    match found {
                        Order::Before => prop_assert!(hurries || to < begun, "{name}: {a} before {b}"),
                        Order::After => prop_assert!(hurries || ended < from, "{name}: {a} after {b}"),
                        Order::Beside => {}
                        other => prop_assert!(false, "{name}: {a} {other:?} {b}"),
                    }
                    compared[usize::from(found == Order::Beside)] += 1;
                }
                prop_assert_eq!(order(plan, a, a), Order::Within);
                prop_assert_eq!(order(plan, &StepPath::root(), a), Order::Around);
            }
        }
        prop_assert!(compared[0] > 5, "{compared:?}");
    }

    #[test]
    fn any_text_is_a_place_or_an_explanation(text in "[a-z_\\[\\]0-9/]{0,30}|.{0,30}") {
        let path = StepPath::parse(&text).unwrap_or_else(|_| StepPath::from(text.as_str()));
        for (_, plan) in CORPUS.iter() {
            let found = find_place(plan, &path);
            prop_assert_eq!(found.is_ok(), order(plan, &path, &path) == Order::Within);
        }
    }
}

const NESTED: &str = "playbook: 1
id: nested
steps:
  - { id: first, set: { v: 1 } }
  - id: each
    foreach: ${{ [1, 2] }}
    as: n
    limit: 9
    do:
      - { id: a, set: { v: 1 } }
      - id: again
        while: ${{ state.index < 2 }}
        max: 3
        do: [{ id: b, set: { v: 1 } }, { id: c, set: { v: 1 } }]
  - id: both
    parallel:
      left: [{ id: d, set: { v: 1 } }, { id: e, set: { v: 1 } }]
      right: [{ id: f, set: { v: 1 } }]
  - id: tried
    try: [{ id: g, set: { v: 1 } }]
    catch:
      - on: [not_found]
        do: [{ id: h, set: { v: 1 } }]
      - on: any
        do: [{ id: i, set: { v: 1 } }]
    finally: [{ id: j, set: { v: 1 } }]
  - id: net
    dag:
      - { id: k, set: { v: 1 } }
      - { id: l, needs: [k], set: { v: 1 } }
      - { id: m, needs: [l], set: { v: 1 } }
      - { id: o, needs: [k], set: { v: 1 } }
  - id: choice
    switch:
      - case: ${{ run.starter == \"ana\" }}
        do: [{ id: p, set: { v: 1 } }]
      - default: [{ id: q, set: { v: 1 } }]
  - { id: other, call: called.yaml }
on_error: [{ id: r, set: { v: 1 } }]
finally: [{ id: s, set: { v: 1 } }]
";

const CALLED: &str = "playbook: 1
id: called
steps: [{ id: x, set: { v: 1 } }, { id: y, set: { v: 1 } }]
finally: [{ id: z, set: { v: 1 } }]
";

fn nested() -> Plan {
    let files: BTreeMap<String, Arc<str>> = [("called.yaml".to_owned(), Arc::from(CALLED))].into();
    let text = NESTED.replace("\\\"", "\"");
    let checked = check(Source::new("nested.yaml", &text).among(&files), &*CATALOGUE);
    checked.plan.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics))
}

#[test]
fn every_kind_of_nesting_has_its_order() {
    use Order::{After, Around, Before, Beside, Unknown, Within};
    let plan = nested();
    for (a, b, wanted) in [
        ("first", "each[0]/a", Before),
        ("each[3]", "each", Within),
        ("each", "each[3]/a", Around),
        // Items are independent; without a number all are meant, and each is compared with itself.
        ("each[0]/a", "each[1]/a", Beside),
        ("each[0]/a", "each/a", Within),
        ("each/a", "each[0]/a", Around),
        ("each[0]/a", "each/again", Before),
        ("each/again[1]/b", "each[7]/a", After),
        // Rounds are not.
        ("each[0]/again[0]/c", "each[0]/again[1]/b", Before),
        ("each[0]/again[1]/b", "each[1]/again[0]/c", Beside),
        ("each[0]/again[0]/b", "each[0]/again/c", Before),
        ("each[0]/again[1]/b", "each[0]/again/c", After),
        ("each[0]/again[1]/c", "each[0]/again/c", Within),
        ("both/left/d", "both/left/e", Before),
        ("both/left", "both/left/e", Around),
        ("both/left/d", "both/right/f", Beside),
        ("each", "both/right", Before),
        ("tried/g", "tried/i", Before),
        ("tried/h", "tried/i", Beside),
        ("tried/j", "tried/h", After),
        ("net/k", "net/m", Before),
        ("net/o", "net/k", After),
        ("net/o", "net/m", Beside),
        ("choice/p", "choice/q", Beside),
        ("choice/q", "other", Before),
        ("other/x", "other/y", Before),
        ("other/z", "other/y", After),
        ("other/z", "other", Within),
        ("r", "other/y", After),
        ("r", "s", Before),
        ("first", "nowhere", Unknown),
        ("first[0]", "first", Unknown),
    ] {
        assert_eq!(order(&plan, &StepPath::from(a), &StepPath::from(b)), wanted, "{a} and {b}");
    }
}

#[test]
fn a_path_that_leads_nowhere_is_told_where_it_could() {
    let plan = nested();
    for (path, wanted) in [
        ("frist", "it has no step `frist`; did you mean `first`?"),
        ("each/delete", "`each` has no step `delete`, but a, again"),
        ("each[0]/delete", "`each[0]` has no step `delete`, but a, again"),
        ("both/d", "`both` has no branch `d`, but left, right"),
        ("first/x", "nothing stands inside of `first`"),
        ("other[0]/x", "`other` is no loop and has no items; write it without `[0]`"),
        ("other/send", "`other` has no step `send`, but x, y, z"),
        ("each[x]", "is not the number of an item"),
    ] {
        let problem = find_place(&plan, &StepPath::from(path)).unwrap_err().to_string();
        assert!(problem.contains(wanted), "{problem}");
    }
}
