//! A change of an item: properties set, added to, or taken away.

use super::field::Field;
use super::field_value::Owner;
use super::item::ItemKind;
use super::item_at::ItemAt;
use super::path::PropertyPath;
use crate::xml::Writer;

/// What becomes of a change when somebody else changed the item since it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Conflict {
    /// Nothing is changed, and the server says so.
    NeverOverwrite,
    /// Changed unless the same property was changed by both.
    AutoResolve,
    /// The change of now wins. The version of the item need not be known.
    #[default]
    AlwaysOverwrite,
}

/// One change of one property.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Update {
    /// Gives it this value.
    Set(Field),
    /// Adds to a body, to recipients or to those who are invited.
    Append(Field),
    /// Takes it away.
    Delete(PropertyPath),
}

/// The changes of one item.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ItemChange {
    /// The item, or its place in a series; its version is needed unless what is there is overwritten.
    pub item: ItemAt,
    /// What it is.
    pub kind: ItemKind,
    /// The changes, in order; at least one.
    pub updates: Vec<Update>,
}

impl ItemChange {
    /// Changes of a message.
    pub fn message(item: impl Into<ItemAt>, updates: Vec<Update>) -> Self {
        ItemChange { item: item.into(), kind: ItemKind::Message, updates }
    }

    /// Changes of a calendar item; of an occurrence they make it an exception of its series.
    pub fn calendar_item(item: impl Into<ItemAt>, updates: Vec<Update>) -> Self {
        ItemChange { item: item.into(), kind: ItemKind::CalendarItem, updates }
    }

    /// Changes of a contact.
    pub fn contact(item: impl Into<ItemAt>, updates: Vec<Update>) -> Self {
        ItemChange { item: item.into(), kind: ItemKind::Contact, updates }
    }

    /// Writes `t:ItemChange`.
    pub(crate) fn write(&self, out: &mut Writer) {
        if self.updates.is_empty() {
            out.refuse(String::from("a change of an item changes no property"));
        }
        out.open("t:ItemChange", &[]);
        self.item.write_version(out);
        out.open("t:Updates", &[]);
        for update in &self.updates {
            match update {
                Update::Set(field) => self.value(out, "t:SetItemField", field),
                Update::Append(field) => {
                    if !field.appends() {
                        out.refuse(format!(
                            "nothing can be added to {}: a server adds to bodies, recipients and those invited; set it instead",
                            field.path()
                        ));
                    }
                    self.value(out, "t:AppendToItemField", field);
                }
                Update::Delete(path) => {
                    out.open("t:DeleteItemField", &[]);
                    path.write(out);
                    out.close("t:DeleteItemField");
                }
            }
        }
        out.close("t:Updates");
        out.close("t:ItemChange");
    }

    fn value(&self, out: &mut Writer, name: &'static str, field: &Field) {
        let element = self.element(field.owner()).unwrap_or_else(|| {
            out.refuse(format!("the property {} does not belong to this kind of item", field.path()));
            "t:Item"
        });
        out.open(name, &[]);
        field.path().write(out);
        out.open(element, &[]);
        field.write(out);
        out.close(element);
        out.close(name);
    }

    /// The element a property of the item is written in; `None` if the item has no such property.
    fn element(&self, owner: Owner) -> Option<&'static str> {
        let (element, own) = match self.kind {
            ItemKind::Message => ("t:Message", Owner::Message),
            ItemKind::CalendarItem => ("t:CalendarItem", Owner::Calendar),
            ItemKind::Contact => ("t:Contact", Owner::Contact),
            ItemKind::MeetingMessage => ("t:MeetingMessage", Owner::Message),
            ItemKind::MeetingRequest => ("t:MeetingRequest", Owner::Message),
            ItemKind::MeetingResponse => ("t:MeetingResponse", Owner::Message),
            ItemKind::MeetingCancellation => ("t:MeetingCancellation", Owner::Message),
            ItemKind::Item => ("t:Item", Owner::Any),
            ItemKind::DistributionList => ("t:DistributionList", Owner::Any),
            ItemKind::Task => ("t:Task", Owner::Any),
            ItemKind::Post => ("t:PostItem", Owner::Any),
        };
        (owner == Owner::Any || owner == own).then_some(element)
    }
}
