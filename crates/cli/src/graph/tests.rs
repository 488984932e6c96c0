//! Drawings of generated playbooks: every step once, nothing over anything else, nothing outside.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use expr::Expr;
use plan::{
    Approve, AskForm, Audience, Body, Branch, Call, Case, Catch, Dag, DagNode, Digest, Effect, FailureKind,
    Foreach, Idempotency, Join, OnBranchError, OnError, OnItemError, OnTimeout, Parallel, Plan, Policy,
    Repeat, Retry, Step, StepKind, SubPlaybook, Switch, Then, Try, ValueExpr, Wait, WaitEvent, While,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::chart::{Chart, Inside};
use super::layered::Size;
use super::layout::{Layout, Placed, Text};
use super::{dot, mermaid, svg, tree};
use crate::output::Style;

fn expression(text: &str) -> Expr {
    Expr::parse(text).unwrap()
}

fn literal(text: &str) -> ValueExpr {
    ValueExpr::Literal(Value::from(text))
}

/// A plan of these steps.
pub(crate) fn plan(steps: Vec<Step>) -> Plan {
    Plan {
        id: "generated".to_owned(),
        name: "A <generated> & \"quoted\" playbook".to_owned(),
        digest: Digest::new([0; 32]),
        files: BTreeMap::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        connections: Vec::new(),
        secrets: Vec::new(),
        vars: json!({}),
        triggers: Vec::new(),
        concurrency: None,
        deadline: Some(Duration::from_secs(3600)),
        policy: Policy::default(),
        steps: steps.into(),
        on_error: None,
        finally: None,
    }
}

fn call(effect: Effect, action: &str) -> StepKind {
    StepKind::Call(Call {
        action: action.to_owned(),
        with: ValueExpr::Map(BTreeMap::new()),
        connection: None,
        effect,
        repeat: Repeat::Natural,
        effect_items: Vec::new(),
        timeout: Duration::from_secs(60),
        retry: Retry::none(),
        rate_limit: None,
        cache: None,
        idempotency: Idempotency::default(),
        accept_untrusted: Some("looked at by hand".to_owned()),
    })
}

/// What a generated step is, before it has an id.
#[derive(Debug, Clone)]
enum Sketch {
    Leaf(u8),
    Foreach(Vec<Sketch>),
    While(Vec<Sketch>),
    Switch(Vec<Vec<Sketch>>, bool),
    Parallel(Vec<Vec<Sketch>>),
    Dag(Vec<(Sketch, Vec<usize>, bool)>),
    Try(Vec<Sketch>, Vec<Vec<Sketch>>, Option<Vec<Sketch>>),
}

/// Gives steps ids in the order of the file, and all the modifiers in turn.
#[derive(Default)]
struct Author {
    steps: usize,
}

impl Author {
    fn steps(&mut self, sketches: &[Sketch]) -> Arc<[Step]> {
        sketches.iter().map(|sketch| self.step(sketch)).collect()
    }

    fn body(&mut self, sketches: &[Sketch]) -> Body {
        Body { steps: self.steps(sketches), output: None }
    }

    fn step(&mut self, sketch: &Sketch) -> Step {
        let number = self.steps;
        self.steps += 1;
        let kind = self.kind(sketch);
        let long = "Take every copy of the reported mail out of the mailboxes of everybody who has got one";
        Step {
            id: format!("step_{number}"),
            name: match number % 4 {
                0 => None,
                1 => Some("Search".to_owned()),
                2 => Some(long.to_owned()),
                _ => Some("把郵件從所有信箱中移除 \u{1f4e7} <b>&amp;</b>".to_owned()),
            },
            condition: (number % 3 == 1).then(|| {
                expression("size(steps.found.output.copies) > 0 && steps.facts.output.from != 'a@b.example'")
            }),
            on_error: if number % 5 == 2 { OnError::Continue } else { OnError::Fail },
            timeout: (number % 7 == 3).then_some(Duration::from_secs(90)),
            then: (number % 11 == 4).then(|| Then::Return(Vec::new())),
            kind,
        }
    }

    fn kind(&mut self, sketch: &Sketch) -> StepKind {
        let on_branch_error =
            if self.steps.is_multiple_of(2) { OnBranchError::Cancel } else { OnBranchError::Wait };
        match sketch {
            Sketch::Leaf(which) => leaf(*which),
            Sketch::Foreach(body) => StepKind::Foreach(Foreach {
                items: expression("steps.found.output.copies.filter(c, c.mailbox != 'a@b.example')"),
                variable: "copy".to_owned(),
                max_parallel: 4,
                limit: 1000,
                on_item_error: OnItemError::Collect,
                body: self.steps(body),
                output: None,
            }),
            Sketch::While(body) => StepKind::While(While {
                condition: expression("state.more"),
                max: 50,
                variable: "state".to_owned(),
                initial: Vec::new(),
                body: self.steps(body),
                next: Vec::new(),
            }),
            Sketch::Switch(cases, default) => StepKind::Switch(Switch {
                cases: cases
                    .iter()
                    .map(|steps| Case { when: expression("inputs.score > 80"), body: self.body(steps) })
                    .collect(),
                default: default.then(|| self.body(&[Sketch::Leaf(0)])),
            }),
            Sketch::Parallel(branches) => StepKind::Parallel(Parallel {
                branches: branches
                    .iter()
                    .enumerate()
                    .map(|(index, steps)| Branch { name: format!("branch_{index}"), body: self.steps(steps) })
                    .collect(),
                on_branch_error,
                output: None,
            }),
            Sketch::Dag(nodes) => StepKind::Dag(Dag {
                nodes: nodes
                    .iter()
                    .map(|(step, needs, any)| DagNode {
                        step: vec![self.step(step)].into(),
                        needs: needs.clone(),
                        join: if *any { Join::Any } else { Join::All },
                    })
                    .collect(),
                on_branch_error,
                output: None,
            }),
            Sketch::Try(body, catches, finally) => StepKind::Try(Try {
                body: self.body(body),
                catches: catches
                    .iter()
                    .map(|steps| Catch {
                        on: Some(vec![FailureKind::PermissionDenied, FailureKind::NotFound]),
                        body: self.body(steps),
                    })
                    .collect(),
                finally: finally.as_ref().map(|steps| self.steps(steps)),
            }),
        }
    }
}

fn leaf(which: u8) -> StepKind {
    let to = Audience { roles: vec!["soc-analyst".to_owned()], not_starter: true };
    match which % 13 {
        0 => call(Effect::Enrichment, "mail.search"),
        1 => call(Effect::Containment, "mail.delete"),
        2 => call(Effect::Notification, "mail.reply"),
        3 => call(Effect::Internal, "mail.mark_read"),
        4 => StepKind::Set(vec![("copies".to_owned(), literal("x")), ("sender".to_owned(), literal("y"))]),
        5 => StepKind::Approve(Approve {
            message: literal("Delete?"),
            to,
            quorum: 2,
            shows: vec!["clean".to_owned()],
            timeout: Some(Duration::from_secs(1800)),
            on_timeout: OnTimeout::Reject,
            reject_ends_block: true,
        }),
        6 => StepKind::Ask(AskForm {
            message: literal("What is it?"),
            form: json!({"type": "object", "properties": {"verdict": {"type": "string"}, "note": {"type": "string"}}}),
            order: vec!["verdict".to_owned(), "note".to_owned()],
            to,
            timeout: None,
            default: None,
        }),
        7 => StepKind::Wait(Wait::For(literal("5m"))),
        8 => StepKind::Wait(Wait::Event(WaitEvent {
            event: "scanned".to_owned(),
            schema: json!({}),
            matches: None,
            timeout: Some(Duration::from_secs(3600)),
            tolerates_timeout: true,
        })),
        9 => StepKind::Assert { that: expression("inputs.domain in inputs.allowed"), message: None },
        10 => StepKind::Return(vec![("decision".to_owned(), literal("done"))]),
        11 => StepKind::Fail { message: literal("not for us") },
        _ => StepKind::Playbook(SubPlaybook {
            plan: Arc::new(plan(vec![Author::default().step(&Sketch::Leaf(1))])),
            with: Vec::new(),
            connections: BTreeMap::new(),
        }),
    }
}

/// A playbook of every verb, then simple steps until there are this many.
fn every_verb(steps: usize) -> Plan {
    let leaves = || (0..13).map(Sketch::Leaf).collect::<Vec<_>>();
    let pair = || vec![Sketch::Leaf(0), Sketch::Leaf(1)];
    let sketches = [
        vec![
            Sketch::Foreach(vec![
                Sketch::Leaf(0),
                Sketch::Switch(vec![pair(), vec![Sketch::Foreach(pair())]], true),
            ]),
            Sketch::Try(pair(), vec![pair(), vec![Sketch::Leaf(2)]], Some(pair())),
            Sketch::Parallel(vec![pair(), vec![Sketch::While(pair())], vec![Sketch::Leaf(5)]]),
            Sketch::Dag(vec![
                (Sketch::Leaf(0), vec![], false),
                (Sketch::Leaf(0), vec![], false),
                (Sketch::Leaf(4), vec![0], false),
                (Sketch::Leaf(0), vec![0, 1], true),
                (Sketch::Leaf(1), vec![0, 2, 3], false),
                (Sketch::Leaf(2), vec![1], false),
            ]),
        ],
        leaves(),
    ]
    .concat();
    let mut author = Author::default();
    let mut all = Vec::new();
    while author.steps < steps {
        for sketch in &sketches {
            if author.steps < steps {
                all.push(author.step(sketch));
            }
        }
    }
    let mut plan = plan(all);
    plan.on_error = Some(author.steps(&[Sketch::Leaf(2)]));
    plan.finally = Some(author.steps(&[Sketch::Leaf(3)]));
    plan
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let leaf = (0..13_u8).prop_map(Sketch::Leaf);
    leaf.prop_recursive(4, 60, 5, |inner| {
        let steps = || prop::collection::vec(inner.clone(), 1..4);
        let some = || prop::collection::vec(steps(), 1..4);
        prop_oneof![
            steps().prop_map(Sketch::Foreach),
            steps().prop_map(Sketch::While),
            (some(), any::<bool>()).prop_map(|(cases, default)| Sketch::Switch(cases, default)),
            some().prop_map(Sketch::Parallel),
            (steps(), prop::collection::vec(steps(), 0..3), prop::option::of(steps()))
                .prop_map(|(body, catches, finally)| Sketch::Try(body, catches, finally)),
            prop::collection::vec(
                (inner.clone(), prop::collection::vec(any::<prop::sample::Index>(), 0..4), any::<bool>()),
                1..9
            )
            .prop_map(|nodes| {
                let needs = |at: usize, picks: Vec<prop::sample::Index>| -> Vec<usize> {
                    if at == 0 {
                        return Vec::new();
                    }
                    picks.iter().map(|pick| pick.index(at)).collect::<BTreeSet<_>>().into_iter().collect()
                };
                Sketch::Dag(
                    nodes
                        .into_iter()
                        .enumerate()
                        .map(|(at, (step, picks, any))| (step, needs(at, picks), any))
                        .collect(),
                )
            }),
        ]
    })
}

/// The ids of all steps of a drawing.
fn steps_of(inside: &Inside, found: &mut Vec<String>) {
    for item in &inside.items {
        found.extend(item.step.clone());
        if let Some(inside) = &item.inside {
            steps_of(inside, found);
        }
    }
}

/// Everything that must hold of a drawing with places.
fn assert_tidy(boxes: &[Placed<'_>], within: (f64, f64, f64, f64)) {
    const SLACK: f64 = 0.05;
    let inside = |x: f64, y: f64, (left, top, right, bottom): (f64, f64, f64, f64)| {
        x >= left - SLACK && y >= top - SLACK && x <= right + SLACK && y <= bottom + SLACK
    };
    for (index, placed) in boxes.iter().enumerate() {
        let rect = |p: &Placed<'_>| (p.at.0, p.at.1, p.at.0 + p.size.width, p.at.1 + p.size.height);
        let own = rect(placed);
        assert!(inside(own.0, own.1, within) && inside(own.2, own.3, within), "{own:?} is not in {within:?}");
        for other in boxes.iter().skip(index + 1).map(rect) {
            let apart = own.2 <= other.0 || other.2 <= own.0 || own.3 <= other.1 || other.3 <= own.1;
            assert!(apart, "{own:?} and {other:?}");
        }
        for text in placed.text.iter().chain(placed.back.as_ref().map(|(_, text)| text)) {
            let Text { at: (x, y), class, text } = text;
            assert!(inside(*x, y - class.face().size, own), "{text} begins outside its box");
            assert!(inside(x + class.face().width(text), y + 3.0, own), "{text} runs out of its box");
        }
        // The text of a frame stands above what is in it.
        let lowest = placed.text.iter().map(|text| text.at.1).fold(0.0, f64::max);
        assert!(placed.boxes.iter().all(|inner| inner.at.1 > lowest), "text over a box in {own:?}");
        assert_arrows(&placed.arrows, &placed.boxes, own);
        assert_tidy(&placed.boxes, own);
    }
}

/// No arrow runs through a box, and no words lie over one.
fn assert_arrows(arrows: &[super::layout::Arrow], boxes: &[Placed<'_>], within: (f64, f64, f64, f64)) {
    for arrow in arrows {
        for placed in boxes {
            let (left, top) = placed.at;
            let (right, bottom) = (left + placed.size.width, top + placed.size.height);
            for &(x, from, to) in &arrow.stops {
                let through = x > left + 0.5 && x < right - 0.5 && from.max(top) + 0.5 < to.min(bottom);
                assert!(!through, "an arrow through {}", placed.item.title);
            }
            for text in &arrow.label {
                let (x, y) = text.at;
                let end = x + text.class.face().width(&text.text);
                let apart = end <= left || x >= right || y <= top || y - text.class.face().size >= bottom;
                assert!(apart, "{} over {}", text.text, placed.item.title);
            }
        }
        for text in &arrow.label {
            assert!(text.at.0 >= within.0 && text.at.1 <= within.3, "{} is outside", text.text);
        }
    }
}

fn assert_good(plan: &Plan) {
    let chart = Chart::of(plan);
    let mut steps = Vec::new();
    steps_of(&chart.inside, &mut steps);
    let once: BTreeSet<&String> = steps.iter().collect();
    assert_eq!(once.len(), steps.len(), "a step stands twice");

    let layout = Layout::of(&chart);
    let Size { width, height } = layout.size;
    assert_tidy(&layout.boxes, (0.0, 0.0, width, height));
    assert_arrows(&layout.arrows, &layout.boxes, (0.0, 0.0, width, height));

    let drawing = svg::write(&chart);
    let document = roxmltree::Document::parse(&drawing).unwrap();
    let drawn: Vec<&str> = document.descendants().filter_map(|node| node.attribute("data-step")).collect();
    assert_eq!(drawn, steps, "each step once, in the order of the file");
    assert!(!document.descendants().any(|node| node.has_tag_name("script")));
    let size: Vec<f64> = document
        .root_element()
        .attribute("viewBox")
        .unwrap()
        .split(' ')
        .map(|n| n.parse().unwrap())
        .collect();
    assert!(size[2] >= width && size[3] >= height);

    let text = tree::write(&chart, Style::off());
    let (mermaid, dot) = (mermaid::write(&chart), dot::write(&chart));
    for step in &steps {
        let lines = text.lines().filter(|line| {
            let line = line.trim_start_matches(['│', '├', '└', '─', ' ']);
            line.split("  ").next() == Some(step)
        });
        assert_eq!(lines.count(), 1, "{step} in {text}");
    }
    let frames = mermaid.matches("subgraph ").count();
    let ends = mermaid.lines().filter(|line| line.trim() == "end").count();
    assert_eq!(frames, ends, "{mermaid}");
    assert_eq!(unquoted(&dot).matches('{').count(), unquoted(&dot).matches('}').count(), "{dot}");
}

/// A DOT file without what stands in quotes.
fn unquoted(dot: &str) -> String {
    let mut out = String::new();
    let (mut quoted, mut escaped) = (false, false);
    for c in dot.chars() {
        match c {
            '"' if !escaped => quoted = !quoted,
            c if !quoted => out.push(c),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    assert!(!quoted, "a quote that does not end");
    out
}

#[test]
fn every_verb_is_drawn_in_every_format() {
    let plan = every_verb(100);
    assert_good(&plan);
    let drawing = svg::write(&Chart::of(&plan));
    let document = roxmltree::Document::parse(&drawing).unwrap();
    for word in [
        "enrichment",
        "containment",
        "notification",
        "internal",
        "compute",
        "person",
        "wait",
        "assert",
        "return",
        "fail",
        "playbook",
        "loop",
        "switch",
        "parallel",
        "dag",
        "try",
    ] {
        assert!(
            document.descendants().any(|node| {
                node.attribute("class").is_some_and(|class| class.split(' ').any(|one| one == word))
                    && node.attribute("data-step").is_some()
            }),
            "no {word}"
        );
    }
}

#[test]
fn five_hundred_steps_are_drawn_at_once() {
    let plan = every_verb(500);
    let before = Instant::now();
    let drawing = svg::write(&Chart::of(&plan));
    let took = before.elapsed();
    assert!(drawing.len() > 100_000);
    // A debug build takes less than a tenth of a second; a busy machine may be slow.
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn an_empty_playbook_and_an_empty_lane_are_drawn() {
    assert_good(&plan(Vec::new()));
    let mut author = Author::default();
    let step = author.step(&Sketch::Switch(vec![vec![]], false));
    assert_good(&plan(vec![step]));
}

#[test]
fn words_of_a_playbook_stay_words() {
    let mut author = Author::default();
    let mut step = author.step(&Sketch::Leaf(0));
    step.name = Some("</title><script>alert(1)</script>\"]; end %%{init}%% \\\" \u{1b}[2K\u{0}".to_owned());
    let chart = Chart::of(&plan(vec![step]));
    let drawing = svg::write(&chart);
    let document = roxmltree::Document::parse(&drawing).unwrap();
    assert!(!document.descendants().any(|node| node.has_tag_name("script")), "{drawing}");
    let mermaid = mermaid::write(&chart);
    assert!(!mermaid.contains("<script") && !mermaid.contains("\"];"), "{mermaid}");
    assert!(!tree::write(&chart, Style::off()).contains('\u{1b}'));
    unquoted(&dot::write(&chart));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn generated_playbooks_are_tidy(sketches in prop::collection::vec(sketch(), 0..8)) {
        let mut author = Author::default();
        let steps = sketches.iter().map(|sketch| author.step(sketch)).collect();
        let mut plan = plan(steps);
        if sketches.len() % 2 == 1 {
            plan.on_error = Some(author.steps(&[Sketch::Leaf(2)]));
        }
        if sketches.len() % 3 == 1 {
            plan.finally = Some(author.steps(&[Sketch::Leaf(3), Sketch::Leaf(4)]));
        }
        assert_good(&plan);
    }
}
