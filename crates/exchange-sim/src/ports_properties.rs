//! Face 1, continued: what people put on messages.

use exchange::port::{PerItem, Properties, Work};
use exchange::restriction::Importance;
use exchange::{Address, Error, ErrorKind, ItemProperties, ItemRef, Mailbox, PropertyChange};

use crate::ledger::EffectKind;
use crate::model::item::Item;
use crate::model::store_error::{StoreError, Stored};
use crate::ports::{Direct, each, locate, reference, refused};

impl Properties for Direct {
    fn properties<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
    ) -> Work<'a, PerItem<ItemProperties>> {
        self.now(move |state| {
            Ok(each(items, |item| {
                let place = locate(state, mailbox, item)?;
                let item = reference(state, &place)?;
                Ok(shown(item, state.item(&place)?))
            }))
        })
    }

    fn change<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        change: &'a PropertyChange,
    ) -> Work<'a, ItemRef> {
        self.now(move |state| {
            if change.is_empty() {
                return Err(Error::new(ErrorKind::Invalid, "a change that changes nothing"));
            }
            let place = locate(state, mailbox, item).map_err(refused)?;
            let now = reference(state, &place).map_err(refused)?;
            if item.change_key.is_some() && item.change_key != now.change_key {
                let text = "Somebody changed the message since it was read.";
                return Err(refused(StoreError::new("ErrorIrresolvableConflict", text)));
            }
            state
                .change_item(&place, EffectKind::Updated, &names(change), |item| apply(item, change))
                .map_err(refused)?;
            reference(state, &place).map_err(refused)
        })
    }
}

fn shown(reference: ItemRef, item: &Item) -> ItemProperties {
    let from = item.mail.from.as_ref();
    ItemProperties {
        item: reference,
        subject: item.mail.subject.clone(),
        is_draft: item.is_draft,
        from: from.map(|from| Address { name: from.name.clone(), address: from.address.clone() }),
        categories: item.categories.clone(),
        importance: match item.importance.as_str() {
            "Low" => Importance::Low,
            "High" => Importance::High,
            _ => Importance::Normal,
        },
        flag: item.flag,
    }
}

/// What the ledger says of a change.
fn names(change: &PropertyChange) -> String {
    let all = [
        ("item:Subject", change.subject.is_some()),
        ("item:Categories", change.categories.is_some()),
        ("item:Importance", change.importance.is_some()),
        ("item:Flag", change.flag.is_some()),
    ];
    let names: Vec<&str> = all.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
    names.join(" ")
}

fn apply(item: &mut Item, change: &PropertyChange) -> Stored<()> {
    if let Some(subject) = &change.subject {
        match &mut item.composed {
            Some(mail) => mail.subject.clone_from(subject),
            None => {
                let mut mail = (*item.mail).clone();
                mail.subject = Some(subject.clone());
                item.mail = std::sync::Arc::new(mail);
            }
        }
    }
    if let Some(categories) = &change.categories {
        item.categories.clone_from(categories);
    }
    if let Some(importance) = change.importance {
        item.importance = String::from(match importance {
            Importance::Low => "Low",
            Importance::Normal => "Normal",
            Importance::High => "High",
        });
    }
    item.flag = change.flag.unwrap_or(item.flag);
    Ok(())
}
