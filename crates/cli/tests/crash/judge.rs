//! The judge: two ledgers of the simulated organisation side by side, the one of a run that nothing happened to and
//! the one of a run that something did.

use std::collections::BTreeMap;

use exchange_sim::{EffectKind, Ledger};

/// Effects as somebody in the mailbox would name them: ids of what is made here differ from run to run.
pub(crate) fn effects(ledger: &Ledger) -> BTreeMap<String, (EffectKind, usize)> {
    let mut effects = BTreeMap::new();
    for effect in &ledger.effects {
        // A message that was written here is called after the number of its draft.
        let written = effect.message_id.as_deref().is_some_and(|id| id.starts_with("<sim-"));
        let own =
            written || matches!(effect.kind, EffectKind::Created | EffectKind::Sent | EffectKind::Delivered);
        let who = if own { "" } else { effect.message_id.as_deref().unwrap_or(&effect.item) };
        // The attachments of one mail are one another's neighbours, and each loss of one gives the mail a new version.
        let name = format!(
            "{:?} {} {who} {} {} {} {:?}",
            effect.kind,
            effect.mailbox,
            effect.subject.as_deref().unwrap_or("-"),
            effect.mode.as_deref().unwrap_or("-"),
            effect.to_folder.as_deref().unwrap_or("-"),
            effect.recipients
        );
        effects.entry(name).or_insert((effect.kind, 0)).1 += 1;
    }
    effects
}

/// How strict the judge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Every effect, and none more often than it was meant.
    All,
    /// None more often than it was meant; something may be missing, and other mails may tell of it.
    NoneTwice,
}

/// Compares what happened with what was meant.
pub(crate) fn judge(meant: &Ledger, happened: &Ledger, wanted: Wanted, place: &str) {
    let (meant, happened) = (effects(meant), effects(happened));
    for (name, (kind, count)) in &happened {
        let most = meant.get(name).map_or(0, |(_, count)| *count);
        match kind {
            // A draft that nobody sent hurts nobody, and what is set twice to the same is the same.
            EffectKind::Created | EffectKind::Updated | EffectKind::Configured => {}
            // Mails that tell of a failure are not among those that were meant.
            EffectKind::Sent | EffectKind::Delivered if most == 0 && wanted == Wanted::NoneTwice => {
                assert_eq!(*count, 1, "{place}: {name}");
            }
            _ => assert!(*count <= most, "{place}: {name}: {count} times instead of {most}"),
        }
    }
    if wanted == Wanted::All {
        for (name, (kind, count)) in &meant {
            let got = happened.get(name).map_or(0, |(_, count)| *count);
            let enough =
                if matches!(kind, EffectKind::Updated | EffectKind::Configured) { 1 } else { *count };
            assert!(got >= enough, "{place}: {name}: {got} times instead of {count}");
        }
    }
}
