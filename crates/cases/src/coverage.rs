//! Coverage: which steps and which ways on the cases of a playbook went through.

use std::collections::{BTreeSet, HashSet};

use engine::{Decision, FailureKind};
use plan::Plan;
use serde_json::{Value, json};

use crate::file::Threshold;
use crate::points::{Point, Sign, points};
use crate::seen::{Seen, State};
use crate::sites::{SiteKind, Sites, still};

/// What the cases of one playbook went through so far.
#[derive(Debug)]
pub struct Coverage {
    points: Vec<Point>,
    sites: Sites,
}

/// How much was gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Steps that ran at least once.
    pub steps: Covered,
    /// Ways that were gone at least once.
    pub branches: Covered,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Covered {
    /// How many were gone through.
    pub hit: usize,
    /// How many there are.
    pub all: usize,
}

impl Covered {
    /// In percent, rounded down; 100 where there is nothing to cover.
    pub fn percent(self) -> u8 {
        let percent = (self.hit * 100).checked_div(self.all).unwrap_or(100);
        u8::try_from(percent).unwrap_or(100)
    }
}

impl Coverage {
    /// Nothing gone through yet.
    pub fn new(plan: &Plan, text: &str) -> Self {
        Coverage { points: points(plan, text), sites: Sites::new(plan) }
    }

    /// Takes in one run.
    pub fn add(&mut self, seen: &Seen) {
        let signs = signs(&self.sites, seen);
        for point in &mut self.points {
            point.runs += u64::from(signs.contains(&point.sign));
        }
    }

    /// How much was gone through.
    pub fn summary(&self) -> Summary {
        let count = |branch: bool| {
            let points = self.points.iter().filter(|point| point.branch == branch);
            let (mut hit, mut all) = (0, 0);
            points.for_each(|point| {
                all += 1;
                hit += usize::from(point.runs > 0);
            });
            Covered { hit, all }
        };
        Summary { steps: count(false), branches: count(true) }
    }

    /// What is not reached of a threshold, as sentences.
    pub fn shortfalls(&self, least: Threshold) -> Vec<String> {
        let summary = self.summary();
        let wanted = [("branches", summary.branches, least.branches), ("steps", summary.steps, least.steps)];
        wanted
            .into_iter()
            .filter_map(|(what, covered, least)| {
                let least = least.filter(|least| covered.percent() < *least)?;
                Some(format!("{}% of the {what} are covered, and {least}% are wanted", covered.percent()))
            })
            .collect()
    }

    /// What no run went through, as `LINE: what`; with `all` also the rest, each with its count.
    pub fn lines(&self, all: bool) -> Vec<(usize, String)> {
        let mut points: Vec<&Point> =
            self.points.iter().filter(|point| all || (point.runs == 0 && self.is_news(point))).collect();
        points.sort_by_key(|point| point.line);
        let line = |point: &Point| match (all, point.runs) {
            (true, 0) => format!("never      {}", point.what),
            (true, runs) => format!("{runs:>5} runs {}", point.what),
            (false, _) => point.what.clone(),
        };
        points.into_iter().map(|point| (point.line, line(point))).collect()
    }

    /// What never ran because a way was never gone is said once, by the way and not by its first step too.
    fn is_news(&self, point: &Point) -> bool {
        let Sign::Ran(path) = &point.sign else { return true };
        let leads_here = |other: &Point| match &other.sign {
            Sign::Ran(to) | Sign::Entered(to) => other.branch && to == path,
            _ => false,
        };
        point.branch || !self.points.iter().any(leads_here)
    }

    /// For a machine.
    pub fn to_json(&self) -> Value {
        let summary = self.summary();
        let count = |covered: Covered| json!({"covered": covered.hit, "all": covered.all, "percent": covered.percent()});
        let points: Vec<Value> = self
            .points
            .iter()
            .map(|point| {
                let kind = if point.branch { "branch" } else { "step" };
                json!({"kind": kind, "line": point.line, "what": point.what, "runs": point.runs})
            })
            .collect();
        json!({"steps": count(summary.steps), "branches": count(summary.branches), "points": points})
    }
}

/// Everything one run went through.
fn signs(sites: &Sites, seen: &Seen) -> HashSet<Sign> {
    let mut signs = HashSet::new();
    let mut parents = BTreeSet::new();
    for path in seen.steps.keys() {
        if let Some((parent, _)) = path.rsplit_once('/') {
            parents.insert(parent);
        }
    }
    for (path, step) in &seen.steps {
        let plain = still(path);
        signs.insert(Sign::Entered(plain.clone()));
        match step.state {
            State::Skipped if ended_above(sites, seen, path) => false,
            State::Skipped => signs.insert(Sign::Skipped(plain.clone())),
            _ => signs.insert(Sign::Ran(plain.clone())),
        };
        if let Some(in_time) = in_time(sites, seen, path) {
            signs.insert(if in_time { Sign::Answered(plain.clone()) } else { Sign::TimeUp(plain.clone()) });
        }
        let is_switch = sites.at(path).is_some_and(|site| site.kind == SiteKind::Switch);
        if is_switch && step.state == State::Succeeded && !parents.contains(path.as_str()) {
            signs.insert(Sign::NoCase(plain.clone()));
        }
        if step.state == State::Failed {
            match item_of(path) {
                _ if step.tolerated => signs.insert(Sign::Tolerated(plain)),
                Some(list) => signs.insert(Sign::ItemFailed(still(list))),
                None => false,
            };
        }
    }
    for (path, decision) in &seen.decisions {
        signs.insert(Sign::Decided(still(path), *decision));
    }
    signs
}

/// Whether a form that has ended was answered, or the event of a wait came.
fn in_time(sites: &Sites, seen: &Seen, path: &str) -> Option<bool> {
    let step = seen.steps.get(path)?;
    let late = step.failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Timeout);
    let has_ended = step.state == State::Succeeded || late;
    match sites.at(path)?.kind {
        SiteKind::Ask if has_ended => Some(seen.answered.contains(path)),
        SiteKind::Event if has_ended => {
            let output = step.output.as_ref().and_then(|output| output.get("timed_out"));
            Some(!late && output != Some(&Value::Bool(true)))
        }
        _ => None,
    }
}

/// The loop whose item failed with this step: `loop` for `loop[3]/step`.
fn item_of(path: &str) -> Option<&str> {
    let (item, _) = path.rsplit_once('/')?;
    item.strip_suffix(']')?.rsplit_once('[').map(|(list, _)| list)
}

/// Whether a step was skipped because an approval before it in the same list ended the block, and not by its own
/// condition.
fn ended_above(sites: &Sites, seen: &Seen, path: &str) -> bool {
    let Some(site) = sites.at(path) else { return false };
    let above = |path: &str| path.rsplit_once('/').map_or(String::new(), |(above, _)| above.to_owned());
    let block = above(path);
    seen.decisions.iter().any(|(gate, decision)| {
        *decision != Decision::Approved
            && above(gate) == block
            && sites.at(gate).is_some_and(|gate| {
                gate.index < site.index && gate.kind == (SiteKind::Approve { ends_block: true })
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_is_rounded_down_and_nothing_is_everything() {
        assert_eq!(Covered { hit: 2, all: 3 }.percent(), 66);
        assert_eq!(Covered { hit: 0, all: 0 }.percent(), 100);
        assert_eq!(Covered { hit: 199, all: 200 }.percent(), 99);
    }

    #[test]
    fn the_loop_of_a_failed_item_is_found() {
        assert_eq!(item_of("a/loop[3]/delete"), Some("a/loop"));
        assert_eq!(item_of("loop[3]/inner/delete"), None);
        assert_eq!(item_of("delete"), None);
    }
}
