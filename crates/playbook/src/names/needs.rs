//! The order of a `dag`: what has ended when a step of it begins.
//!
//! Behind `join: all` everything needed has ended, and what that needed too. Behind `join: any` one of several
//! has, and what all of them needed; the others may still be running, so what they give is there only sometimes.

use std::collections::HashMap;

use super::outline::{entries, field, texts};
use crate::source::tree::{Kind, Node};

/// A longer list is more than a playbook may have, and is not looked at.
const MOST: usize = 1000;

/// Who needs whom, by the index in the list of the `dag`.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    /// The order in which the steps can be checked and begun; those on a cycle are left out.
    pub(crate) order: Vec<usize>,
    /// Directly needed. What is no step of the `dag` is left out.
    pub(crate) direct: Vec<Vec<usize>>,
    any: Vec<bool>,
    sure: Vec<Set>,
    all: Vec<Set>,
}

/// A set of small numbers.
#[derive(Debug, Clone, Default)]
struct Set(Vec<u64>);

impl Set {
    fn new(size: usize) -> Self {
        Set(vec![0; size.div_ceil(64)])
    }

    fn insert(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    fn has(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word & (1 << (number % 64)) != 0)
    }

    fn meet(&mut self, other: &Set) {
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine &= theirs);
    }

    fn join(&mut self, other: &Set) {
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine |= theirs);
    }
}

impl Needs {
    pub(super) fn read(dag: &Node) -> Self {
        let items = match &dag.kind {
            Kind::List(items) if items.len() <= MOST => items,
            _ => return Needs::default(),
        };
        let mut by_id = HashMap::new();
        for (index, node) in items.iter().enumerate() {
            if let Some(id) = field(entries(Some(node)), "id").and_then(Node::text) {
                by_id.entry(id).or_insert(index);
            }
        }
        let mut needs = Needs::default();
        for node in items {
            let own = entries(Some(node));
            let named = field(own, "needs").map(texts).unwrap_or_default();
            needs.direct.push(named.iter().filter_map(|id| by_id.get(id.as_str()).copied()).collect());
            needs.any.push(field(own, "join").and_then(Node::text) == Some("any"));
        }
        needs.sort();
        needs.close();
        needs
    }

    /// Earlier ones in the file first, each behind what it needs.
    fn sort(&mut self) {
        let mut waiting: Vec<usize> = self.direct.iter().map(Vec::len).collect();
        let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); waiting.len()];
        for (index, needs) in self.direct.iter().enumerate() {
            for need in needs {
                if let Some(list) = needed_by.get_mut(*need) {
                    list.push(index);
                }
            }
        }
        let mut ready: std::collections::BTreeSet<usize> =
            waiting.iter().enumerate().filter(|(_, n)| **n == 0).map(|(index, _)| index).collect();
        while let Some(index) = ready.pop_first() {
            self.order.push(index);
            for next in needed_by.get(index).into_iter().flatten() {
                if let Some(count) = waiting.get_mut(*next) {
                    *count -= 1;
                    if *count == 0 {
                        ready.insert(*next);
                    }
                }
            }
        }
    }

    fn close(&mut self) {
        let size = self.direct.len();
        self.sure = vec![Set::new(size); size];
        self.all = vec![Set::new(size); size];
        for index in &self.order {
            let (mut sure, mut all) = (Set::new(size), Set::new(size));
            let mut first = true;
            for need in self.direct.get(*index).into_iter().flatten() {
                all.insert(*need);
                if let Some(more) = self.all.get(*need) {
                    all.join(more);
                }
                let mut ended = self.sure.get(*need).cloned().unwrap_or_default();
                ended.insert(*need);
                match (self.is_any(*index), first) {
                    // Whichever it was that succeeded.
                    (true, false) => sure.meet(&ended),
                    _ => sure.join(&ended),
                }
                first = false;
            }
            if let (Some(a), Some(b)) = (self.sure.get_mut(*index), self.all.get_mut(*index)) {
                (*a, *b) = (sure, all);
            }
        }
    }

    /// Whether the step begins when the first of its needs has succeeded.
    pub(crate) fn is_any(&self, step: usize) -> bool {
        self.any.get(step).copied().unwrap_or(false)
    }

    /// Whether `needed` has surely ended when `step` begins.
    pub(crate) fn surely(&self, step: usize, needed: usize) -> bool {
        self.sure.get(step).is_some_and(|set| set.has(needed))
    }

    /// Whether `needed` has perhaps ended when `step` begins.
    pub(crate) fn perhaps(&self, step: usize, needed: usize) -> bool {
        self.all.get(step).is_some_and(|set| set.has(needed))
    }

    /// The steps of a cycle in their order, if there is one.
    pub(crate) fn cycle(&self) -> Option<Vec<usize>> {
        let done: std::collections::BTreeSet<usize> = self.order.iter().copied().collect();
        let start = (0..self.direct.len()).find(|index| !done.contains(index))?;
        let mut path = vec![start];
        loop {
            let last = *path.last()?;
            let next = self.direct.get(last)?.iter().copied().find(|need| !done.contains(need))?;
            if let Some(at) = path.iter().position(|seen| *seen == next) {
                return Some(path.split_off(at));
            }
            path.push(next);
        }
    }
}
