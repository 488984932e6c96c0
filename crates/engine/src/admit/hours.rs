//! What all runs changed in the last hour.
//!
//! Exact: no sixty minutes, wherever they begin, hold more than a cap says. What happened before this process
//! began is asked of the audit log once, before the first run; without a log the hour begins with the process.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use journal::Timestamp;
use tokio::sync::OnceCell;

use super::spent::fitting;
use super::{Guard, Over, hour_before};
use crate::EngineError;
use crate::audit::What;
use crate::builder::Inner;
use crate::policy::{Cap, Caps, Counted, Scope};

/// The number of the cap's scope; the mailbox, for caps per mailbox.
type Key = (usize, Option<String>);

#[derive(Default)]
pub(super) struct Hours {
    windows: Mutex<HashMap<Key, Window>>,
    remembered: OnceCell<()>,
}

/// Effects of the last hour, the oldest first, and their sum.
#[derive(Debug, Default)]
struct Window {
    effects: VecDeque<(i64, u64)>,
    sum: u64,
}

impl Window {
    fn add(&mut self, at: Timestamp, items: u64) {
        self.effects.push_back((at.0, items));
        self.sum = self.sum.saturating_add(items);
    }

    /// How many items there are, after those of an hour ago and more were forgotten.
    fn count(&mut self, now: Timestamp) -> u64 {
        while let Some(&(at, items)) = self.effects.front().filter(|(at, _)| *at <= hour_before(now).0) {
            let _ = at;
            self.sum = self.sum.saturating_sub(items);
            self.effects.pop_front();
        }
        self.sum
    }
}

impl Hours {
    pub(super) async fn remember(&self, guard: &Guard, inner: &Inner) -> Result<(), EngineError> {
        self.remembered.get_or_try_init(|| self.learn(guard, inner)).await.copied()
    }

    async fn learn(&self, guard: &Guard, inner: &Inner) -> Result<(), EngineError> {
        let now = inner.clock.now();
        // After a crash between the log and the journal the same beginning stands there twice.
        let mut seen = HashSet::new();
        for entry in guard.audit.recent(hour_before(now)).await.map_err(EngineError::Memory)? {
            let What::EffectBegun(begun) = &entry.what else { continue };
            let Some((spec, _)) = inner.action(&begun.action) else { continue };
            if begun.attempt == 1 && seen.insert((entry.run.clone(), begun.op)) {
                let touch = begun.touch();
                let counted = Counted {
                    action: &begun.action,
                    effect: spec.effect,
                    deletes: spec.deletes(),
                    touch: &touch,
                    place: String::new(),
                };
                // A clock that was set back must not make an effect count for longer than an hour.
                self.add(&guard.caps, &counted, Timestamp(entry.at.0.min(now.0)));
            }
        }
        Ok(())
    }

    /// The first cap that one more effect now would break.
    pub(super) fn over<'a>(
        &self,
        caps: &'a [(Scope, Caps)],
        more: &Counted<'_>,
        now: Timestamp,
    ) -> Option<Over<'a>> {
        let mut windows = self.lock();
        for (number, (scope, caps)) in fitting(caps, more) {
            for (which, cap, mailbox, items) in kinds(caps, more) {
                let Some(most) = Cap::most(cap) else { continue };
                let window = windows.get_mut(&(number, mailbox.clone()));
                let would_be = window.map_or(0, |window| window.count(now)).saturating_add(items);
                if would_be > most {
                    let of = mailbox.map(|name| format!("of {name} ")).unwrap_or_default();
                    return Some(Over { scope, which, within: format!("{of}in one hour"), most, would_be });
                }
            }
        }
        None
    }

    pub(super) fn add(&self, caps: &[(Scope, Caps)], more: &Counted<'_>, now: Timestamp) {
        let mut windows = self.lock();
        for (number, (_, caps)) in fitting(caps, more) {
            for (_, cap, mailbox, items) in kinds(caps, more) {
                if Cap::most(cap).is_some() {
                    windows.entry((number, mailbox)).or_default().add(now, items);
                }
            }
        }
        if windows.len() > MANY {
            windows.retain(|_, window| window.count(now) > 0);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Window>> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many mailboxes are kept before those that were left alone for an hour are looked for.
const MANY: usize = 4096;

/// What the caps per hour say of an effect: for every mailbox with its items, and for all of it.
fn kinds<'a>(
    caps: &'a Caps,
    effect: &'a Counted<'_>,
) -> impl Iterator<Item = (&'static str, Option<Cap>, Option<String>, u64)> + 'a {
    let each = effect.touch.portions().map(|(mailbox, items)| {
        ("per_mailbox_and_hour", caps.per_mailbox_and_hour, Some(mailbox.to_owned()), items)
    });
    each.chain(std::iter::once(("per_hour", caps.per_hour, None, effect.touch.items)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_any_sixty_minutes() {
        let mut window = Window::default();
        for (at, items) in [(0, 3), (1_000, 4), (3_599_999, 5)] {
            window.add(Timestamp(at), items);
        }
        assert_eq!(window.count(Timestamp(3_599_999)), 12);
        assert_eq!(window.count(Timestamp(3_600_000)), 9, "what began exactly an hour ago is over");
        assert_eq!(window.count(Timestamp(3_601_000)), 5);
        assert_eq!(window.count(Timestamp(9_000_000)), 0);
    }
}
