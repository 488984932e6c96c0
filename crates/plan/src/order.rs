//! Where two places of a playbook stand to each other: what has to happen again when a run begins anew at one of
//! them, and what need not.
//!
//! A path is resolved against the plan into coordinates, one for every level of nesting; the first in which two
//! places differ decides. Left out on purpose: conditions and early ends. A place that stands before another may
//! still have been skipped.

use std::fmt;

use expr::nearest;

use crate::path::Segment;
use crate::{Dag, Plan, Step, StepKind, StepPath};

/// Where a place stands to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// It has ended when the other begins.
    Before,
    /// It is the other one, or stands inside of it.
    Within,
    /// The other one stands inside of it.
    Around,
    /// It begins when the other has ended.
    After,
    /// Neither waits for the other: another branch, another item of a `foreach`, another case or handler, or a
    /// step of a `dag` that does not need the other.
    Beside,
    /// The plan does not have one of them.
    Unknown,
}

/// A path that leads nowhere in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchPlace {
    /// What was asked for.
    pub path: StepPath,
    /// Why it leads nowhere, and what there is instead.
    pub reason: String,
}

impl fmt::Display for NoSuchPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the playbook has no place `{}`: {}", self.path, self.reason)
    }
}

impl std::error::Error for NoSuchPlace {}

/// Where `a` stands to `b`.
///
/// A path without the number of an item stands for all items, and is compared within the same item. Items of a
/// `foreach` stand beside one another, also where they run one by one, because none sees another; rounds of a
/// `while` stand in order, because each hands its state on. Against a place in all rounds, only the first round
/// has anything before it: what a later round begins with follows what the one before ended with.
pub fn order(plan: &Plan, a: &StepPath, b: &StepPath) -> Order {
    match (resolve(plan, a), resolve(plan, b)) {
        (Ok(a), Ok(b)) => compare(&a, &b),
        _ => Order::Unknown,
    }
}

/// Whether a plan has a place; if not, what there is instead.
pub fn find_place(plan: &Plan, path: &StepPath) -> Result<(), NoSuchPlace> {
    resolve(plan, path).map(|_| ()).map_err(|reason| NoSuchPlace { path: path.clone(), reason })
}

/// One level of nesting.
#[derive(Clone, Copy)]
enum Coordinate<'a> {
    /// The step with this number in a list.
    Step(usize),
    /// `steps`, `on_error` or `finally` of a playbook; the body, a handler or the `finally` of a `try`.
    Part(Part),
    /// A case of a `switch`, or a branch of a `parallel`.
    Branch(usize),
    /// A step of a `dag`.
    Node(&'a Dag, usize),
    /// An item of a `foreach`, or all of them.
    Item(Option<usize>),
    /// A round of a `while`, or all of them.
    Round(Option<usize>),
}

/// Parts in the order in which they run. Of several handlers at most one does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Body,
    Handler(usize),
    Finally,
}

fn compare(a: &[Coordinate<'_>], b: &[Coordinate<'_>]) -> Order {
    use Coordinate::{Item, Round};
    let (Some((mine, a)), Some((theirs, b))) = (a.split_first(), b.split_first()) else {
        return if b.is_empty() { Order::Within } else { Order::Around };
    };
    if let Some(order) = apart(*mine, *theirs) {
        return order;
    }
    match (mine, theirs, compare(a, b)) {
        (Round(Some(1..)), Round(None), Order::Before) => Order::After,
        (Item(None), Item(Some(_)), Order::Within) | (Round(None), Round(Some(_)), Order::Within) => {
            Order::Around
        }
        (_, _, deeper) => deeper,
    }
}

/// How two coordinates of one level stand to each other; `None` if what stands inside decides.
fn apart(mine: Coordinate<'_>, theirs: Coordinate<'_>) -> Option<Order> {
    use Coordinate::{Branch, Item, Node, Round, Step};
    match (mine, theirs) {
        (Step(mine), Step(theirs)) => in_order(&mine, &theirs),
        (Coordinate::Part(Part::Handler(mine)), Coordinate::Part(Part::Handler(theirs))) => {
            beside(mine, theirs)
        }
        (Coordinate::Part(mine), Coordinate::Part(theirs)) => in_order(&mine, &theirs),
        (Branch(mine), Branch(theirs)) => beside(mine, theirs),
        (Node(dag, mine), Node(_, theirs)) => by_needs(dag, mine, theirs),
        (Item(Some(mine)), Item(Some(theirs))) => beside(mine, theirs),
        (Round(Some(mine)), Round(Some(theirs))) => in_order(&mine, &theirs),
        (Item(_), Item(_)) | (Round(_), Round(_)) => None,
        // Places that agree so far stand in the same verb.
        _ => Some(Order::Unknown),
    }
}

fn in_order<T: PartialOrd>(mine: &T, theirs: &T) -> Option<Order> {
    if mine < theirs {
        return Some(Order::Before);
    }
    (mine > theirs).then_some(Order::After)
}

fn beside(mine: usize, theirs: usize) -> Option<Order> {
    (mine != theirs).then_some(Order::Beside)
}

fn by_needs(dag: &Dag, mine: usize, theirs: usize) -> Option<Order> {
    beside(mine, theirs).map(|beside| match (leads(dag, theirs, mine), leads(dag, mine, theirs)) {
        (true, _) => Order::Before,
        (_, true) => Order::After,
        _ => beside,
    })
}

/// Whether a step of a `dag` needs another, directly or by way of others.
fn leads(dag: &Dag, from: usize, to: usize) -> bool {
    let (mut seen, mut open) = (vec![false; dag.nodes.len()], vec![from]);
    while let Some(node) = open.pop() {
        for &need in dag.nodes.get(node).map_or(&[][..], |node| &node.needs) {
            if let Some(slot) = seen.get_mut(need).filter(|slot| !**slot) {
                *slot = true;
                open.push(need);
            }
        }
    }
    seen.get(to).copied().unwrap_or_default()
}

/// Lists of steps that have the same path, and which part of it each one is.
type Lists<'a> = Vec<(Option<Coordinate<'a>>, &'a [Step])>;

/// Where a path has led to.
enum At<'a> {
    Step(&'a Step),
    Lists(Lists<'a>),
}

fn resolve<'a>(plan: &'a Plan, path: &StepPath) -> Result<Vec<Coordinate<'a>>, String> {
    let (mut found, mut until, mut at) = (Vec::new(), StepPath::root(), At::Lists(parts(plan)));
    for segment in path.segments() {
        let Segment { name, index } = segment?;
        at = match at {
            At::Step(Step { kind: StepKind::Parallel(parallel), .. }) => {
                let known = || parallel.branches.iter().map(|branch| branch.name.as_str());
                let index = known().position(|branch| branch == name);
                let index = index.ok_or_else(|| missing(&until, "branch", name, known().collect()))?;
                found.push(Coordinate::Branch(index));
                At::Lists(vec![(None, parallel.branches.get(index).map_or(&[], |branch| &branch.body))])
            }
            At::Step(step) => At::Step(step_in(inside(step), name, &until, &mut found)?),
            At::Lists(lists) => At::Step(step_in(lists, name, &until, &mut found)?),
        };
        until = until.child(name);
        if let Some(index) = index {
            let (item, body) = match &at {
                At::Step(Step { kind: StepKind::Foreach(foreach), .. }) => {
                    (Coordinate::Item(Some(index)), &foreach.body)
                }
                At::Step(Step { kind: StepKind::While(looped), .. }) => {
                    (Coordinate::Round(Some(index)), &looped.body)
                }
                _ => {
                    return Err(format!(
                        "`{until}` is no loop and has no items; write it without `[{index}]`"
                    ));
                }
            };
            found.push(item);
            at = At::Lists(vec![(None, body)]);
            until = until.item(index);
        }
    }
    Ok(found)
}

/// Finds a step by its id in one of several lists.
fn step_in<'a>(
    lists: Lists<'a>,
    name: &str,
    until: &StepPath,
    found: &mut Vec<Coordinate<'a>>,
) -> Result<&'a Step, String> {
    for (part, steps) in &lists {
        if let Some((index, step)) = steps.iter().enumerate().find(|(_, step)| step.id == name) {
            found.extend(*part);
            found.push(Coordinate::Step(index));
            return Ok(step);
        }
    }
    let known = lists.iter().flat_map(|(_, steps)| steps.iter()).map(|step| step.id.as_str());
    Err(missing(until, "step", name, known.collect()))
}

/// The parts of a playbook.
fn parts(plan: &Plan) -> Lists<'_> {
    let mut parts: Lists<'_> = vec![(Some(Coordinate::Part(Part::Body)), &plan.steps)];
    parts.extend(plan.on_error.iter().map(|steps| (Some(Coordinate::Part(Part::Handler(0))), &**steps)));
    parts.extend(plan.finally.iter().map(|steps| (Some(Coordinate::Part(Part::Finally)), &**steps)));
    parts
}

/// The lists of steps inside a step, but for branches, which have names of their own.
fn inside(step: &Step) -> Lists<'_> {
    match &step.kind {
        StepKind::Foreach(foreach) => vec![(Some(Coordinate::Item(None)), &foreach.body)],
        StepKind::While(looped) => vec![(Some(Coordinate::Round(None)), &looped.body)],
        StepKind::Switch(switch) => {
            let cases = switch.cases.iter().map(|case| &case.body).chain(&switch.default);
            cases.enumerate().map(|(at, body)| (Some(Coordinate::Branch(at)), &*body.steps)).collect()
        }
        StepKind::Dag(dag) => {
            let nodes = dag.nodes.iter().enumerate();
            nodes.map(|(at, node)| (Some(Coordinate::Node(dag, at)), &*node.step)).collect()
        }
        StepKind::Try(tried) => {
            let mut parts: Lists<'_> = vec![(Some(Coordinate::Part(Part::Body)), &tried.body.steps)];
            for (at, catch) in tried.catches.iter().enumerate() {
                parts.push((Some(Coordinate::Part(Part::Handler(at))), &catch.body.steps));
            }
            parts.extend(tried.finally.iter().map(|steps| (Some(Coordinate::Part(Part::Finally)), &**steps)));
            parts
        }
        StepKind::Playbook(sub) => parts(&sub.plan),
        _ => Vec::new(),
    }
}

/// What there is where something is not.
fn missing(until: &StepPath, what: &str, name: &str, known: Vec<&str>) -> String {
    let place = match until.as_str() {
        "" => "it".to_owned(),
        path => format!("`{path}`"),
    };
    if known.is_empty() {
        return format!("nothing stands inside of {place}");
    }
    match nearest(name, known.iter().copied()) {
        Some(meant) => format!("{place} has no {what} `{name}`; did you mean `{meant}`?"),
        None => format!("{place} has no {what} `{name}`, but {}", known.join(", ")),
    }
}
