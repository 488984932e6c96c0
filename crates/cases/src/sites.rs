//! Where the steps of a playbook stand: the paths that a run will use, without the numbers of rounds.

use std::collections::BTreeMap;

use plan::{Plan, Step, StepKind, Wait};

/// Deeper than this sub-playbooks are not looked into.
const MAX_CALLS: usize = 8;

/// All places of a playbook, sub-playbooks included.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sites {
    /// By static path.
    by_path: BTreeMap<String, Site>,
    /// Paths by id, for steps of the playbook itself.
    by_id: BTreeMap<String, String>,
}

/// One place.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// The step's id.
    pub(crate) id: String,
    /// The position in its list.
    pub(crate) index: usize,
    /// Whether it runs any number of times.
    pub(crate) looped: bool,
    /// Whether it stands in another playbook.
    pub(crate) foreign: bool,
    /// What it does.
    pub(crate) kind: SiteKind,
}

/// What a step does, as far as its result has a known shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SiteKind {
    /// Calls this action.
    Call(String),
    /// Asks for a decision; whether a rejection ends its block.
    Approve { ends_block: bool },
    /// Has a form filled in.
    Ask,
    /// Waits for an event.
    Event,
    /// A list of cases.
    Switch,
    /// Goes over a list.
    Foreach,
    /// Anything else.
    Other,
}

/// Steps inside a step.
pub(crate) struct Inside<'p> {
    /// What leads to them.
    pub(crate) way: Way<'p>,
    /// The steps.
    pub(crate) steps: &'p [Step],
}

/// What leads to the steps inside a step.
#[derive(Clone, Copy)]
pub(crate) enum Way<'p> {
    /// Always, or for every item and round.
    Plain { looped: bool },
    /// A branch of a `parallel`.
    Branch(&'p str),
    /// A case of a `switch`, counted from 1.
    Case(usize, &'p plan::Case),
    /// The `default` of a `switch`.
    Default,
    /// A handler of a `try`.
    Catch(&'p plan::Catch),
    /// Another playbook.
    Call,
}

/// Everything inside a step, in the order of the file.
pub(crate) fn inside(step: &Step) -> Vec<Inside<'_>> {
    let plain = |steps, looped| Inside { way: Way::Plain { looped }, steps };
    match &step.kind {
        StepKind::Foreach(foreach) => vec![plain(&*foreach.body, true)],
        StepKind::While(rounds) => vec![plain(&*rounds.body, true)],
        StepKind::Dag(dag) => dag.nodes.iter().map(|node| plain(&*node.step, false)).collect(),
        StepKind::Parallel(parallel) => parallel
            .branches
            .iter()
            .map(|branch| Inside { way: Way::Branch(&branch.name), steps: &branch.body })
            .collect(),
        StepKind::Switch(switch) => {
            let cases = switch.cases.iter().enumerate();
            let cases =
                cases.map(|(at, case)| Inside { way: Way::Case(at + 1, case), steps: &case.body.steps });
            let default = switch.default.iter();
            cases.chain(default.map(|body| Inside { way: Way::Default, steps: &body.steps })).collect()
        }
        StepKind::Try(tried) => {
            let body = std::iter::once(plain(&*tried.body.steps, false));
            let catches = tried.catches.iter();
            let catches = catches.map(|catch| Inside { way: Way::Catch(catch), steps: &catch.body.steps });
            body.chain(catches).chain(tried.finally.iter().map(|steps| plain(&**steps, false))).collect()
        }
        StepKind::Playbook(sub) => {
            let lists = [Some(&sub.plan.steps), sub.plan.on_error.as_ref(), sub.plan.finally.as_ref()];
            lists.into_iter().flatten().map(|steps| Inside { way: Way::Call, steps }).collect()
        }
        _ => Vec::new(),
    }
}

impl Sites {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut sites = Sites::default();
        for steps in [Some(&plan.steps), plan.on_error.as_ref(), plan.finally.as_ref()].into_iter().flatten()
        {
            sites.walk(steps, "", false, 0);
        }
        sites
    }

    fn walk(&mut self, steps: &[Step], above: &str, looped: bool, calls: usize) {
        for (index, step) in steps.iter().enumerate() {
            let path = child(above, &step.id);
            let site = Site { id: step.id.clone(), index, looped, foreign: calls > 0, kind: kind(step) };
            if !site.foreign {
                self.by_id.insert(step.id.clone(), path.clone());
            }
            // The first list wins where two of them share a path; ids are unique in a file, so none do.
            self.by_path.entry(path.clone()).or_insert(site);
            for Inside { way, steps } in inside(step) {
                match way {
                    Way::Branch(name) => self.walk(steps, &child(&path, name), looped, calls),
                    Way::Plain { looped: rounds } => self.walk(steps, &path, looped || rounds, calls),
                    Way::Call if calls >= MAX_CALLS => {}
                    Way::Call => self.walk(steps, &path, looped, calls + 1),
                    Way::Case(..) | Way::Default | Way::Catch(_) => self.walk(steps, &path, looped, calls),
                }
            }
        }
    }

    /// The place of a path as a run writes it: `loop[3]/delete`.
    pub(crate) fn at(&self, path: &str) -> Option<&Site> {
        self.by_path.get(&still(path))
    }

    /// The path of the step with this id.
    pub(crate) fn path_of(&self, id: &str) -> Option<&str> {
        self.by_id.get(id).map(String::as_str)
    }

    /// Every place with its path.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Site)> {
        self.by_path.iter().map(|(path, site)| (path.as_str(), site))
    }

    /// Every id of the playbook itself, for suggestions.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.by_id.keys().map(String::as_str)
    }
}

fn kind(step: &Step) -> SiteKind {
    match &step.kind {
        StepKind::Call(call) => SiteKind::Call(call.action.clone()),
        StepKind::Approve(approve) => SiteKind::Approve { ends_block: approve.reject_ends_block },
        StepKind::Ask(_) => SiteKind::Ask,
        StepKind::Wait(Wait::Event(_)) => SiteKind::Event,
        StepKind::Switch(_) => SiteKind::Switch,
        StepKind::Foreach(_) => SiteKind::Foreach,
        _ => SiteKind::Other,
    }
}

pub(crate) fn child(above: &str, id: &str) -> String {
    if above.is_empty() { id.to_owned() } else { format!("{above}/{id}") }
}

/// A path without the numbers of items and rounds.
pub(crate) fn still(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => inside = true,
            ']' if inside => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::still;

    #[test]
    fn numbers_are_left_out() {
        assert_eq!(still("a/loop[3]/b/while[10]/c"), "a/loop/b/while/c");
        assert_eq!(still("plain"), "plain");
        assert_eq!(still("odd]["), "odd]");
    }
}
