//! What one run has changed so far.

use std::collections::HashMap;

use plan::Effect;

use super::Over;
use crate::policy::{Cap, Caps, Counted, Scope};

/// Items, by the number of the cap's scope in the list of those in force.
#[derive(Debug, Default)]
pub(super) struct Spent {
    run: HashMap<usize, u64>,
    steps: HashMap<(usize, String), u64>,
    mailboxes: HashMap<(usize, String), u64>,
    containment: u64,
}

impl Spent {
    /// The first cap that one more effect would break.
    pub(super) fn over<'a>(&self, caps: &'a [(Scope, Caps)], more: &Counted<'_>) -> Option<Over<'a>> {
        for (number, (scope, caps)) in fitting(caps, more) {
            let in_step = self.steps.get(&(number, more.place.clone())).copied();
            let in_run = self.run.get(&number).copied();
            let over = |which, cap, so_far: Option<u64>, items: u64, within: &dyn Fn() -> String| {
                let would_be = so_far.unwrap_or(0).saturating_add(items);
                let most = Cap::most(cap).filter(|most| would_be > *most)?;
                Some(Over { scope, which, within: within(), most, would_be })
            };
            let items = more.touch.items;
            let found = over("per_step", caps.per_step, in_step, items, &|| "in this step".to_owned())
                .or_else(|| {
                    let cap = caps.per_mailbox.filter(|cap| Cap::most(Some(*cap)).is_some())?;
                    more.touch.portions().find_map(|(mailbox, items)| {
                        let so_far = self.mailboxes.get(&(number, mailbox.to_owned())).copied();
                        let within = || format!("of {mailbox} in this run");
                        over("per_mailbox", Some(cap), so_far, items, &within)
                    })
                })
                .or_else(|| over("per_run", caps.per_run, in_run, items, &|| "in this run".to_owned()));
            if found.is_some() {
                return found;
            }
        }
        None
    }

    pub(super) fn add(&mut self, caps: &[(Scope, Caps)], more: &Counted<'_>) {
        if more.effect == Effect::Containment {
            self.containment = self.containment.saturating_add(more.touch.items);
        }
        for (number, (_, caps)) in fitting(caps, more) {
            let add = |slot: &mut u64, items: u64| *slot = slot.saturating_add(items);
            // Only what a cap looks at is kept: a run may touch a hundred thousand mailboxes.
            if Cap::most(caps.per_run).is_some() {
                add(self.run.entry(number).or_default(), more.touch.items);
            }
            if Cap::most(caps.per_step).is_some() {
                add(self.steps.entry((number, more.place.clone())).or_default(), more.touch.items);
            }
            if Cap::most(caps.per_mailbox).is_some() {
                for (mailbox, items) in more.touch.portions() {
                    add(self.mailboxes.entry((number, mailbox.to_owned())).or_default(), items);
                }
            }
        }
    }

    /// Items of containment, whatever their caps.
    pub(super) fn containment(&self) -> u64 {
        self.containment
    }
}

/// The caps that count this effect, with their number.
pub(super) fn fitting<'a>(
    caps: &'a [(Scope, Caps)],
    effect: &Counted<'_>,
) -> impl Iterator<Item = (usize, &'a (Scope, Caps))> {
    let (action, class, deletes) = (effect.action.to_owned(), effect.effect, effect.deletes);
    caps.iter().enumerate().filter(move |(_, (scope, _))| scope.counts(&action, class, deletes))
}
