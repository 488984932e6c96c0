//! Taking attachments off items.
//!
//! The mail is written anew without them, as a server does; what was signed no longer verifies. The ids of what
//! stays change with every such change, so that an old id never means another attachment.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attached;
use super::compose::Composed;
use super::item::Item;
use super::mail::Mail;
use super::state::{Place, State};
use super::store_error::{StoreError, Stored};
use crate::ledger::EffectKind;

impl State {
    /// Takes attachments off; gives for each the item it hung on. With `scope` only in that mailbox.
    pub(crate) fn detach(&mut self, scope: Option<&str>, ids: &[String]) -> Vec<Stored<Place>> {
        // All ids are read before the first change, because a change makes the others invalid.
        let mut doomed: BTreeMap<(String, u64), Vec<usize>> = BTreeMap::new();
        let found: Vec<Stored<Place>> = ids
            .iter()
            .map(|id| {
                let (item, path) = attached::read_id(id)?;
                let place = self.locate(scope, &item).map_err(attached::not_found)?;
                attached::find(self.item(&place)?, &path)?;
                let ([index], Ok(item)) = (path.as_slice(), self.item(&place)) else {
                    let text = "An attachment of an attached message cannot be deleted.";
                    return Err(StoreError::new("ErrorCannotDeleteObject", text));
                };
                let indices = doomed.entry((place.mailbox.clone(), place.key)).or_default();
                let position = item.position(*index).ok_or_else(StoreError::item_not_found)?;
                if indices.contains(&position) {
                    return Err(attached::not_found(StoreError::item_not_found()));
                }
                indices.push(position);
                Ok(place)
            })
            .collect();
        for ((mailbox, key), indices) in doomed {
            // The items were found above, so this cannot fail.
            let _ = self.change_item(&Place { mailbox, key }, EffectKind::Updated, "attachments", |item| {
                take_off(item, &indices);
                Ok(())
            });
        }
        found
    }
}

fn take_off(item: &mut Item, indices: &[usize]) {
    item.detached = item.detached.wrapping_add(1);
    let mut composed = item.composed.clone().unwrap_or_else(|| Composed::written(&item.mail, item.received));
    let mut at = 0;
    composed.attachments.retain(|_| {
        let keep = !indices.contains(&at);
        at += 1;
        keep
    });
    item.raw = composed.mime(true);
    item.mail = Arc::new(Mail::parse(&item.raw));
    if item.composed.is_some() {
        item.composed = Some(composed);
    }
}
